"""The worker of the tests: documents that were asked for are made when a test says so."""

from __future__ import annotations

from typing import Any

from django.test import Client

from greenlist.core import clock, rendering


def work() -> int:
    """What the worker does between two looks of a person; how many documents it took."""
    return rendering.sweep(at=clock.now())


def fetched(client: Client, path: str, data: dict[str, Any] | None = None) -> Any:
    """The answer a person ends up with: the waiting page, then the file."""
    answer = client.get(path, data)
    if answer.status_code == 202:
        work()
        answer = client.get(path, data)
    return answer


def content(answer: Any) -> bytes:
    """The bytes of a file that was answered."""
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)

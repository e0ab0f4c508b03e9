"""Counts what a part of the replay suite asked: routes, actors, places of an id, answers by kind (tests/plugins/replay.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.urls import resolve

MEANT = {
    "200": "200 shown, scanned for secrets",
    "202": "200 shown, scanned for secrets",
    "302": "302 own affair, case unchanged",
    "401": "401 no such token",
    "403": "403 refused with reason",
    "404": "404 does not exist for them",
    "405": "405 no such method",
    "409": "409 refused, nothing changed",
    "422": "422 refused, nothing changed",
    "login": "302 to the login page",
}


def kind(answer: Any) -> str:
    if answer.status_code == 302 and answer["Location"].startswith("/account/login/"):
        return "login"
    return str(answer.status_code)


class Tally:
    def __init__(self, part: str) -> None:
        self.part = part
        self.requests = 0
        self.routes: set[tuple[str, str]] = set()
        self.actors: set[str] = set()
        self.places: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    def asked(self, actor: str, method: str, path: str, answer: Any, places: Iterable[str]) -> None:
        self.requests += 1
        self.routes.add((resolve(path.partition("?")[0]).view_name, method))
        self.actors.add(actor)
        self.places.update(places)
        got = kind(answer)
        self.answers[MEANT.get(got, f"{got} unexpected")] += 1

    def told(self, faults: int) -> dict[str, Any]:
        """Plain values, as a report of pytest can carry them."""
        return {
            "part": self.part,
            "routes": len(self.routes),
            "actors": len(self.actors),
            "requests": self.requests,
            "faults": faults,
            "places": dict(self.places),
            "answers": dict(self.answers),
        }


def places(path: str, data: Any, method: str) -> list[str]:
    """Where a request names things: its address, its body, its query."""
    found = ["path"] if resolve(path.partition("?")[0]).kwargs or resolve(path.partition("?")[0]).args else []
    if "?" in path or (data and method == "GET"):
        found.append("query")
    elif data:
        found.append("body")
    return found or ["none"]

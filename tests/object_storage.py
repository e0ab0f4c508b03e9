"""A file storage as object storages are: no folder, no path, its own kind of errors, everything by name."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage

BACKEND = "tests.object_storage.ObjectStorage"


class BucketFailed(Exception):
    """As the exceptions of a client library: no OSError."""


class ObjectStorage(Storage):
    """`path()` is not there (Django's base class raises NotImplementedError), and nothing has an address."""

    def __init__(self, *, bucket: str) -> None:
        self.bucket = bucket
        self.kept: dict[str, tuple[bytes, datetime]] = {}
        self.full = False

    def _open(self, name: str, mode: str = "rb") -> File:
        if name not in self.kept:
            raise FileNotFoundError(name)
        return File(io.BytesIO(self.kept[name][0]), name)

    def _save(self, name: str, content: File) -> str:
        if self.full:
            raise BucketFailed("QuotaExceeded")
        self.kept[name] = (b"".join(content.chunks()), datetime.now(UTC))
        return name

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    def exists(self, name: str) -> bool:
        return name in self.kept

    def size(self, name: str) -> int:
        return len(self.kept[name][0])

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        inside = [name.removeprefix(f"{path}/") for name in self.kept if not path or name.startswith(f"{path}/")]
        return sorted({name.partition("/")[0] for name in inside if "/" in name}), [n for n in inside if "/" not in n]

    def get_modified_time(self, name: str) -> datetime:
        return self.kept[name][1]

    def url(self, name: str | None) -> str:
        raise AssertionError("no file has an address")


def settings_with(settings: Any) -> None:
    """Has the portal keep its files there."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": BACKEND, "OPTIONS": {"bucket": "green"}}}

"""ZIP files that are handed on while they are made: nothing of them lies in memory or on disk whole."""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.files.base import ContentFile

from greenlist.core import attachments
from greenlist.core.models import Blob

TYPE = "application/zip"
SUMS = "SHA256SUMS.txt"
OLDEST = (1980, 1, 1, 0, 0, 0)  # the first moment a ZIP can name: the same files give the same bytes
CHUNK = 64 * 1024


class _Stream(io.RawIOBase):
    """A file that only grows: what was written since the last look is handed on and forgotten."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        self.at += len(data)
        return len(data)

    def tell(self) -> int:
        return self.at

    def drain(self) -> bytes:
        """What is new since the last look."""
        found, self.parts = b"".join(self.parts), []
        return found


def zipped(files: Sequence[tuple[str, Blob | bytes]]) -> Iterator[bytes]:
    """The archive of named files with an index of SHA-256 sums, one file after the other."""
    stream = _Stream()
    index: list[str] = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, given in files:
            digest = hashlib.sha256()
            content = ContentFile(given) if isinstance(given, bytes) else attachments.opened(given)
            with content as source, archive.open(_entry(name), "w") as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
                    yield stream.drain()
            index.append(f"{digest.hexdigest()}  {name}")
        archive.writestr(_entry(SUMS), "\n".join(index) + "\n")
        yield stream.drain()
    yield stream.drain()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, OLDEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry

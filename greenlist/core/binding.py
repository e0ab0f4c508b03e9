"""Several files joined into one PDF with bookmarks, by a child process with limits (`core.pdf_binder`): what others have
uploaded is never opened by the worker itself."""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from greenlist.core.documents import PdfFailed
from greenlist.core.pdf_worker import SECONDS

log = logging.getLogger(__name__)
START = 30  # seconds beyond its own limit that the child may need to begin and end


@dataclass(frozen=True, slots=True)
class Pages:
    """What became of a file: its pages, or the reason why it has none (type, password, broken)."""

    pages: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Some pages of a file of the bundle; one with a title gets a bookmark, on the first level or below the last of it."""

    file: str
    pages: int
    title: str = ""
    level: int = 0
    first: int = 0
    type: str = "application/pdf"


class Bundle:
    """A temporary folder of files, and what the child makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = 0

    def add(self, content: bytes | Iterable[bytes]) -> str:
        """Puts a file into the folder; the name by which parts speak of it."""
        self.files += 1
        name = f"{self.files:04d}"
        with (self.folder / name).open("wb") as out:
            for chunk in [content] if isinstance(content, bytes) else content:
                out.write(chunk)
        return name

    def count(self, files: Sequence[tuple[str, str]]) -> list[Pages]:
        """How many pages each (file, content type) has. Raises PdfFailed."""
        answer = self._asked("count", [{"file": name, "type": type_} for name, type_ in files])
        return [Pages(**one) for one in answer]

    def shrunk(self, pictures: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """A small JPEG of each (file, content type); None for what is no picture that can be read. Raises PdfFailed."""
        answer = self._asked("shrink", [{"file": name, "type": type_} for name, type_ in pictures])
        return [
            (self.folder / f"{name}.jpg").read_bytes() if one["pages"] else None
            for (name, _type), one in zip(pictures, answer, strict=True)
        ]

    def bared(self, files: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Each (file, content type) without what programs wrote about people (`core.nameless`); None: it cannot be had so.

        Raises PdfFailed.
        """
        parts = [{"file": name, "type": type_} for name, type_ in files]
        answer = self._asked("", parts, module="greenlist.core.nameless")
        return [
            (self.folder / f"{name}.bare").read_bytes() if one["pages"] else None
            for (name, _type), one in zip(files, answer, strict=True)
        ]

    def join(self, parts: Sequence[Part], *, title: str, over: str = "") -> bytes:
        """The joined document; `over` is a file whose pages are laid over it, one on each. Raises PdfFailed."""
        self._asked("join", [{**asdict(part), "document": title, "over": over} for part in parts])
        return (self.folder / "joined.pdf").read_bytes()

    def _asked(self, what: str, parts: list[dict[str, Any]], module: str = "greenlist.core.pdf_binder") -> Any:
        (self.folder / "parts.json").write_text(json.dumps(parts), encoding="utf-8")
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        command = [sys.executable, "-m", module, str(self.folder), what]
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=settings.ROOT, timeout=SECONDS + START, capture_output=True, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise _too_much() from late
        if done.returncode or not answer.exists():
            log.error(
                "files could not be joined (%s): %s", done.returncode, done.stderr[-500:].decode(errors="replace")
            )
            raise _too_much()
        return json.loads(answer.read_text(encoding="utf-8"))


def _too_much() -> PdfFailed:
    return PdfFailed(_("The files could not be joined: it took too long or needed too much memory."), code="pdf_limit")


@contextmanager
def bundle() -> Iterator[Bundle]:
    with tempfile.TemporaryDirectory(prefix="greenlist-bundle-") as folder:
        yield Bundle(Path(folder))

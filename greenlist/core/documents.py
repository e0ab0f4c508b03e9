"""Official documents as PDF: a template, rendered by a warm child process with limits. The web process never loads WeasyPrint."""

import atexit
import base64
import json
import logging
import os
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import segno
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from greenlist.core import attachments
from greenlist.core.errors import DomainError
from greenlist.core.pdf_worker import SECONDS, read_frame, write_frame

log = logging.getLogger(__name__)
LINE = 19  # characters of a title of 22 pt on a line of A4
PAUSES = "年省市州盟区县旗"  # a title may be broken after these
START = 30  # seconds a machine under load may need to load WeasyPrint and the fonts


class PdfUnavailable(DomainError):
    """Pango is not installed on this machine."""

    status = 503
    code = "pdf_unavailable"


class PdfFailed(DomainError):
    """The document could not be laid out (`pdf_failed`), took too long or needed too much memory (`pdf_limit`)."""

    status = 503
    code = "pdf_failed"


class _Child:
    """One warm renderer of this process; calls take turns."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0

    def render(self, html: str, *, carry: bool = False) -> bytes:
        request = json.dumps({"html": html, "carry": carry}).encode()
        with self.lock:
            answer = self._asked(request)
            if answer is None:  # gone between two documents, by its own clock or somebody's hand: once more
                answer = self._asked(request)
        return self._result(answer)

    def _asked(self, request: bytes) -> bytes | None:
        """None when the renderer itself is gone; "L" when it does not answer in time."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        answer: bytes | None = None
        try:
            write_frame(cast(BinaryIO, process.stdin), request)
            ready, _w, _x = select.select([process.stdout], [], [], SECONDS + START)
            answer = read_frame(cast(BinaryIO, process.stdout)) if ready else b"L"
            # A limit inside its own child leaves the renderer well; silence does not.
            alive = bool(ready) and answer is not None and answer[:1] != b"M"
        except OSError:
            alive = False
        if not alive:
            self.stop()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.owner == os.getpid() and self.process.poll() is None:
            return self.process
        self.stop()
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "greenlist.core.pdf_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.ROOT,
            env={**os.environ, "DOCUMENT_FONTS": settings.DOCUMENT_FONTS},
        )
        return self.process

    @staticmethod
    def _result(answer: bytes | None) -> bytes:
        if answer is None or answer[:1] == b"L":
            raise PdfFailed(
                _("The document could not be made: it took too long or needed too much memory."), code="pdf_limit"
            )
        kind, body = answer[:1], answer[1:]
        if kind == b"M":
            log.error("PDFs cannot be made: %s", body.decode(errors="replace"))
            raise PdfUnavailable(
                _("PDFs cannot be made on this machine: install libpango-1.0-0 and libpangoft2-1.0-0 (./dev doctor).")
            )
        if kind == b"E":
            # The reason is for the log: a reader of the page can do nothing with the name of a Python error.
            log.error("a document could not be laid out: %s", body.decode(errors="replace"))
            raise PdfFailed(_("The document could not be made. The failure has been recorded."))
        return body

    def stop(self) -> None:
        """Ends the child, if it is ours."""
        if self.process is not None and self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
        self.process = None


_child = _Child()
atexit.register(_child.stop)


@lru_cache(maxsize=1)
def styles() -> str:
    """The one style sheet of documents."""
    return (Path(settings.ROOT) / "static" / "css" / "document.css").read_text(encoding="utf-8")


def render_pdf(
    template: str, context: dict[str, Any], *, language: str = "zh-hans", tick: Callable[[int, int], None] | None = None
) -> bytes:
    """A template that extends `layouts/print.html` → PDF, in Chinese unless told otherwise; thousands of rows in parts.

    `tick` hears how many parts of a long table are made. Raises PdfUnavailable, PdfFailed.
    """
    from greenlist.core import long_tables  # it knows what joins PDFs, which knows our errors

    with translation.override(language):
        html = render_to_string(template, {**context, "styles": styles()})
    document = long_tables.long(html)
    if document is None:
        return _child.render(html)
    return long_tables.render(document, _part, tick or (lambda _done, _total: None))


def _part(html: str, carry: bool) -> tuple[bytes, int]:
    body = _child.render(html, carry=carry)
    return (body[4:], struct.unpack(">I", body[:4])[0]) if carry else (body, 0)


def response(content: bytes, name: str, content_type: str) -> HttpResponse:
    """A file just made and kept nowhere: a workbook, a text."""
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = attachments.disposition(name)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def qr_svg(text: str) -> str:
    """A QR code as an <svg> element; readable with 15 % of it damaged (level M)."""
    return segno.make(text, error="m").svg_inline(scale=4, border=2)


def qr_data(text: str) -> str:
    """A QR code as a data: address, for <img src>."""
    return "data:image/svg+xml;base64," + base64.b64encode(qr_svg(text).encode()).decode()


def title_lines(title: str) -> tuple[str, ...]:
    """A title that fills more than one line, broken near its middle, if it can be after a word of a place or a year."""
    if len(title) <= LINE:
        return (title,)
    middle = len(title) / 2
    ends = [place for place in range(1, len(title)) if _pauses(title, place) and len(title) - LINE <= place <= LINE]
    cut = min(ends or [round(middle)], key=lambda place: abs(place - middle))
    return title[:cut], title[cut:]


def _pauses(title: str, place: int) -> bool:
    """After a pause, but 年度 is one word."""
    before, after = title[:place], title[place:]
    return before.endswith("年度") or (before[-1] in PAUSES and not (before.endswith("年") and after.startswith("度")))

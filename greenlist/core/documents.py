"""Official documents as PDF: a template, rendered by a warm child process with limits. The web process never loads WeasyPrint."""

import atexit
import base64
import json
import os
import select
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from greenlist.core.errors import DomainError
from greenlist.core.pdf_worker import read_frame, write_frame

SECONDS = 60
RENDERS = 200  # after so many documents the child is replaced, whatever it holds on to


class PdfUnavailable(DomainError):
    """Pango is not installed on this machine."""

    status = 503
    code = "pdf_unavailable"


class PdfFailed(DomainError):
    """The document took too long, needed too much memory, or could not be laid out."""

    status = 503
    code = "pdf_failed"


class _Child:
    """One warm renderer of this process; calls take turns."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0
        self.done = 0

    def render(self, html: str) -> bytes:
        with self.lock:
            process = self._running()
            try:
                assert process.stdin is not None and process.stdout is not None
                write_frame(process.stdin, json.dumps({"html": html}).encode())  # type: ignore[arg-type]
                ready, _w, _x = select.select([process.stdout], [], [], SECONDS)
                answer = read_frame(process.stdout) if ready else None  # type: ignore[arg-type]
            except OSError:
                answer = None
            self.done += 1
            if answer is None or answer[:1] == b"M":
                self.stop()
            return self._result(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if (
            self.process is not None
            and self.owner == os.getpid()
            and self.done < RENDERS
            and self.process.poll() is None
        ):
            return self.process
        self.stop()
        self.owner, self.done = os.getpid(), 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "greenlist.core.pdf_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.ROOT,
            env={**os.environ, "DOCUMENT_FONTS": getattr(settings, "DOCUMENT_FONTS", "")},
        )
        return self.process

    @staticmethod
    def _result(answer: bytes | None) -> bytes:
        if answer is None:
            raise PdfFailed(_("The document could not be made: it took too long or needed too much memory."))
        kind, body = answer[:1], answer[1:]
        if kind == b"M":
            raise PdfUnavailable(
                _("PDFs cannot be made on this machine: install libpango-1.0-0 and libpangoft2-1.0-0 (./dev doctor).")
            )
        if kind == b"E":
            raise PdfFailed(_("The document could not be made: %(reason)s") % {"reason": body.decode()})
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


def render_pdf(template: str, context: dict[str, Any], *, language: str = "zh-hans") -> bytes:
    """A template that extends `layouts/print.html` → PDF, in Chinese unless told otherwise.

    Raises PdfUnavailable, PdfFailed.
    """
    with translation.override(language):
        html = render_to_string(template, {**context, "styles": styles()})
    return _child.render(html)


def qr_data(text: str) -> str:
    """A QR code as a data: address, for <img src>."""
    svg = segno.make(text, error="m").svg_inline(scale=4, border=2)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()

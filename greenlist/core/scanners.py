"""The virus scanner, named by ATTACHMENT_SCANNER: `clamd://host:port`, or the dotted path of `(BinaryIO) -> str`.

A scanner returns the name of what it found, "" for nothing, and raises ScannerDown (or anything) when it cannot say.
"none" is for the demo and tests; everything else fails closed.
"""

import socket
import struct
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

Scanner = Callable[[BinaryIO], str]
SECONDS = 30.0
CHUNK = 64 * 1024
ANSWER = 4096


class ScannerDown(Exception):
    """No verdict: not reachable, too slow, or an answer nobody understands."""


def is_off() -> bool:
    """Whether files are taken unscanned. Raises ImproperlyConfigured when that is asked for outside demo and tests."""
    if settings.ATTACHMENT_SCANNER != "none":
        return False
    if not getattr(settings, "DEMO", False):
        raise ImproperlyConfigured("ATTACHMENT_SCANNER=none is for the demo")
    return True


def scan(file: BinaryIO) -> str:
    """The name of what was found, "" for nothing. Raises ScannerDown."""
    named = settings.ATTACHMENT_SCANNER
    if not named:
        raise ScannerDown("ATTACHMENT_SCANNER is not set")
    try:
        scanner = clamd(named) if named.startswith("clamd://") else import_string(named)
        verdict = scanner(file)
    except ScannerDown:
        raise
    except Exception as failure:
        raise ScannerDown(f"{type(failure).__name__}: {failure}") from failure
    if not isinstance(verdict, str):
        raise ScannerDown(f"{named} answered {verdict!r}")
    return verdict


def clamd(address: str) -> Scanner:
    """A scanner that streams the file to clamd (INSTREAM)."""
    parts = urlsplit(address)
    place = (parts.hostname or "localhost", parts.port or 3310)

    def stream(file: BinaryIO) -> str:
        try:
            with socket.create_connection(place, timeout=SECONDS) as wire:
                wire.sendall(b"zINSTREAM\0")
                while chunk := file.read(CHUNK):
                    wire.sendall(struct.pack(">I", len(chunk)) + chunk)
                wire.sendall(struct.pack(">I", 0))
                return _verdict(_answer(wire))
        except OSError as failure:
            raise ScannerDown(f"clamd: {failure}") from failure

    return stream


def _answer(wire: socket.socket) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < ANSWER:
        piece = wire.recv(ANSWER)
        if not piece:
            break
        answer += piece
    return answer.partition(b"\0")[0].strip()


def _verdict(answer: bytes) -> str:
    if answer == b"stream: OK":
        return ""
    if answer.startswith(b"stream: ") and answer.endswith(b" FOUND"):
        return answer[len(b"stream: ") : -len(b" FOUND")].decode(errors="replace").strip() or "unnamed"
    raise ScannerDown(f"clamd answered {answer[:80]!r}")

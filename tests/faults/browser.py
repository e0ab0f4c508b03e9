"""A person's browser as bytes on a wire: what it is answered by the real web process, with the time it took."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass, field

TOKEN = "b" * 32  # CSRF: the double submit of one cookie and one header
BOUNDARY = "----piece"


@dataclass
class Answer:
    status: int  # 0 where the connection broke
    body: str = ""
    location: str = ""
    seconds: float = 0.0


@dataclass
class Browser:
    """Signed in where it has a session. `said` counts the answers by what was asked."""

    port: int
    session: str = ""
    said: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: float = 0.0

    def get(self, path: str, *, name: str = "read") -> Answer:
        return self._ask("GET", path, None, {}, name)

    def post(self, path: str, name: str, *, script: str = "", **form: str) -> Answer:
        """A form; `script`: what a page's own script says it is."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urllib.parse.urlencode(form).encode(), headers | _by(script), name)

    def upload(
        self, path: str, name: str, content: bytes, file: str = "a.pdf", type_: str = "application/pdf"
    ) -> Answer:
        body = multipart(content, file, type_)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self._ask("POST", path, body, headers | _by("upload"), name)

    def cookies(self) -> str:
        return f"csrftoken={TOKEN}" + (f"; sessionid={self.session}" if self.session else "")

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str], name: str) -> Answer:
        started = time.monotonic()
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {"Host": "127.0.0.1", "Cookie": self.cookies(), "X-CSRFToken": TOKEN}
        try:
            wire.request(method, path, body, own | headers)
            given = wire.getresponse()
            answer = Answer(given.status, given.read().decode(errors="replace"), given.headers["Location"] or "")
        except (OSError, http.client.HTTPException):
            answer = Answer(0)
        finally:
            wire.close()
        answer.seconds = time.monotonic() - started
        self.slowest = max(self.slowest, answer.seconds)
        self.said[(name, answer.status)] += 1
        return answer


def multipart(content: bytes, file: str = "a.pdf", type_: str = "application/pdf") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file}"\r\nContent-Type: {type_}\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _by(script: str) -> dict[str, str]:
    return {"X-Requested-With": script} if script else {}


def pdf(size: int) -> bytes:
    """Of this many bytes, and one that the checks take."""
    head, foot = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", b"trailer\n<< >>\n%%EOF\n"
    return head + b"%" + b" " * (size - len(head) - len(foot) - 2) + b"\n" + foot

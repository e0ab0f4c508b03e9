"""A child process that turns HTML into PDF and reaches nothing but the fonts named here. Run by `core.documents`.

It loads WeasyPrint and the fonts once and forks for each document, so that limits, leaks and crashes end with it.
Frames on stdin and stdout: four bytes of length, then the body. Request: JSON {"html": …, "carry": …}. Answer: "P" + PDF, "E" +
reason, "L" when a limit ended it, "M" + reason when Pango is missing. With `carry` (core.long_tables) the last page is left out,
and before the PDF stand four bytes: the number of the first row on that page.
"""

import io
import json
import logging
import os
import re
import resource
import select
import signal
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from greenlist.core.logs import JsonFormatter

SECONDS = 60
MEMORY = 768 * 1024**2  # bytes one document may need, beyond what the warm parent holds
IDLE = 600  # seconds without work after which the renderer gives its memory back
BLOCKED = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
)

FACES = """
@font-face { font-family: "Noto Serif SC"; src: url("asset:serif"); }
@font-face { font-family: "Noto Sans SC"; src: url("asset:sans"); }
"""
Render = Callable[..., bytes]  # the HTML, and whether to carry over the last page
ROW = re.compile(r"row-(\d+)")


def assets() -> dict[str, Path]:
    """Name → file: the only things a document can load. DOCUMENT_FONTS may name licensed fonts ("FangSong=/…;…")."""
    import pylopdf_fonts_zh_cn as fonts

    found = {"serif": Path(fonts.serif_path()), "sans": Path(fonts.sans_path())}
    for entry in filter(None, os.environ.get("DOCUMENT_FONTS", "").split(";")):
        name, _, path = entry.partition("=")
        found[name.strip()] = Path(path.strip())
    return found


def faces(named: dict[str, Path]) -> str:
    """The @font-face rules of the shipped fonts and of those an administrator named."""
    own = [name for name in named if name not in {"serif", "sans"}]
    return FACES + "".join(f'@font-face {{ font-family: "{name}"; src: url("asset:{name}"); }}\n' for name in own)


def read_frame(stream: BinaryIO) -> bytes | None:
    """One frame; None at the end of the stream, also in the middle of a frame."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    length = struct.unpack(">I", head)[0]
    body = stream.read(length)
    return body if len(body) == length else None


def write_frame(stream: BinaryIO, body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def renderer() -> Render:
    """HTML → PDF (tagged, PDF/UA-1), with WeasyPrint and the fonts loaded. Raises OSError where Pango is missing."""
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    named = assets()

    class OnlyAssets(URLFetcher):
        """`asset:<name>` from the list, pictures as `data:`; anything else is refused and the document goes on without."""

        def __init__(self) -> None:
            # Never `fail_on_errors`: FatalURLFetchingError is no Exception and would end the process.
            super().__init__(allowed_protocols=["data"], allow_redirects=False, fail_on_errors=False)

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            if url.startswith("asset:"):
                path = named.get(unquote(url.removeprefix("asset:")))
                if path is None:
                    raise ValueError(f"no such asset: {url}")
                return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": "font/otf"})
            return super().fetch(url, headers)

    fetcher = OnlyAssets()
    configuration = FontConfiguration()
    fonts = CSS(string=faces(named), url_fetcher=fetcher, font_config=configuration)

    def render(html: str, carry: bool = False) -> bytes:
        out = io.BytesIO()
        document = HTML(string=html, url_fetcher=fetcher, base_url="asset:document")
        if carry:
            return carried(document.render(stylesheets=[fonts], font_config=configuration, pdf_variant="pdf/ua-1"))
        document.write_pdf(out, stylesheets=[fonts], font_config=configuration, pdf_variant="pdf/ua-1")
        return out.getvalue()

    render("<html lang=zh-CN><title>.</title><p>预热")  # opens the fonts once for all children
    return render


def carried(document: Any) -> bytes:
    """All pages but the last, after the number of the first row of that one; all of them where it names none."""
    rows = [int(named[1]) for name in document.pages[-1].anchors if (named := ROW.fullmatch(name))]
    pages = document.pages[:-1] if rows and len(document.pages) > 1 else document.pages
    body: bytes = document.copy(pages).write_pdf(pdf_variant="pdf/ua-1")
    return struct.pack(">I", min(rows) if len(pages) < len(document.pages) else 0) + body


def serve(render: Render, source: BinaryIO, target: BinaryIO) -> None:
    """One document after the other until the parent closes the pipe or nothing comes for a while."""
    while select.select([source], [], [], IDLE)[0] and (frame := read_frame(source)) is not None:
        asked = json.loads(frame)
        write_frame(target, in_child(partial(render, asked["html"], asked.get("carry", False))))


def in_child(work: Callable[[], bytes]) -> bytes:
    """The work's answer, made in a forked child under limits of time and memory."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        limit()
        with os.fdopen(writable, "wb") as out:
            out.write(_answer(work))
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    return answer or b"L"


def _answer(work: Callable[[], bytes]) -> bytes:
    try:
        return b"P" + work()
    except MemoryError:
        return b"L"
    except BaseException as failure:  # whatever it is, the next document must find the renderer alive
        return b"E" + f"{type(failure).__name__}: {failure}"[:500].encode(errors="replace")


def limit() -> None:
    """Of this process: seconds by clock and processor, memory, no connections, no programs, no core dump."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(BLOCKED):
            raise PermissionError(f"{event} is not for documents")

    sys.addaudithook(refuse)


def main() -> int:
    """Whatever a library prints must not break the frames: stdout is theirs only."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonFormatter())
    logging.getLogger("weasyprint").handlers = [lines]
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    try:
        render = renderer()
    except OSError as missing:
        write_frame(pipe, b"M" + str(missing).encode())
        return 1
    serve(render, sys.stdin.buffer, pipe)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A child process that turns HTML into PDF and can reach nothing but the fonts named here. Run by `core.documents`.

Frames on stdin and stdout: four bytes of length, then the body. Request: JSON {"html": …}. Answer: "P" + PDF, or "E" + reason.
"""

import io
import json
import os
import resource
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

MEMORY = 2 * 1024**3  # bytes of address space; the fonts alone map some 200 MiB

FACES = """
@font-face { font-family: "Noto Serif SC"; src: url("asset:serif"); }
@font-face { font-family: "Noto Sans SC"; src: url("asset:sans"); }
"""


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
    """One frame; None at the end of the stream."""
    head = stream.read(4)
    return stream.read(struct.unpack(">I", head)[0]) if len(head) == 4 else None


def write_frame(stream: BinaryIO, body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Renders one document after the other until the parent closes the pipe."""
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    named = assets()

    class OnlyAssets(URLFetcher):
        """`asset:<name>` from the list, pictures as `data:`; anything else is refused and the document goes on without."""

        def __init__(self) -> None:
            super().__init__(allowed_protocols=["data"], allow_redirects=False)

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
    while (frame := read_frame(source)) is not None:
        wanted = json.loads(frame)
        try:
            document = HTML(string=wanted["html"], url_fetcher=fetcher, base_url="asset:document")
            out = io.BytesIO()
            document.write_pdf(out, stylesheets=[fonts], font_config=configuration, pdf_tags=True)
            answer = b"P" + out.getvalue()
        except Exception as failure:  # the reason goes to the parent, which decides
            answer = b"E" + f"{type(failure).__name__}: {failure}".encode()
        write_frame(target, answer)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # Whatever a library prints must not break the frames.
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    try:
        serve(sys.stdin.buffer, pipe)
    except OSError as missing:  # Pango is not installed
        write_frame(pipe, b"M" + str(missing).encode())
        sys.exit(1)

"""Files made for tests: harmless ones and the tricks that must be refused. None is checked in."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from greenlist.core.contents.office import DOCX, XLSX

TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>{}</Types>'
)
RELS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relation(kind: str, target: str, *, external: bool = True) -> str:
    mode = ' TargetMode="External"' if external else ""
    return RELS.format(f'<Relationship Id="r1" Type="{OFFICE}/{kind}" Target="{target}"{mode}/>')


def package(main: str, parts: Mapping[str, bytes | str], *, types: str = "", tail: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(
            "[Content_Types].xml", types or TYPES.format(f'<Override PartName="/x" ContentType="{main}.main+xml"/>')
        )
        for name, body in parts.items():
            made.writestr(name, body)
    return out.getvalue() + tail


def docx(parts: Mapping[str, bytes | str] | None = None, **options: str | bytes) -> bytes:
    return package(DOCX, {"word/document.xml": "<w/>", **(parts or {})}, **options)  # type: ignore[arg-type]


def xlsx(parts: Mapping[str, bytes | str] | None = None, **options: str | bytes) -> bytes:
    return package(XLSX, {"xl/workbook.xml": "<w/>", **(parts or {})}, **options)  # type: ignore[arg-type]


def pdf(*objects: bytes, head: bytes = b"%PDF-1.7\n", trailer: bytes = b"<< /Size 9 >>") -> bytes:
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, start=1))
    return head + body + b"trailer\n" + trailer + b"\n%%EOF\n"


def object_stream(text: bytes, *, about: bytes = b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode") -> bytes:
    packed = zlib.compress(text)
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (about, len(packed), packed)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int = 2, height: int = 2, *extra: bytes) -> bytes:
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0\1\2" * 2))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + pixels + png_chunk(b"IEND", b"")

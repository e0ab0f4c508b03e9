"""PDFs that only show: no script, no launching, no file inside, nothing hidden by a password.

No PDF library: names are looked for in the whole file, escapes undone, and in the object streams, which are the only place
where objects can stand compressed. What cannot be looked into is refused.
"""

import re
import zlib
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from greenlist.core.contents.unfit import Unfit

INFLATED = 200 * 1024 * 1024
PAGES = 5000
# What no program writes, and what would make looking itself endless.
STREAMS, OBJECT_STREAMS, ESCAPES = 200_000, 20_000, 200

# Long names only: three letters would turn up by chance in compressed pictures. A script needs /JavaScript beside /JS.
_ACTS = [rb"/JavaScript", rb"/Launch", rb"/RichMedia", rb"/SubmitForm", rb"/ImportData", rb"/GoToE", rb"/XFA"]
_CARRIES = [rb"/EmbeddedFile", rb"/EmbeddedFiles"]
_LOCKED = [rb"/Encrypt"]
_ENDS = rb"(?![A-Za-z0-9])"
decompressor = zlib.decompressobj
_MARKUP = re.compile(rb"<(html|script|svg|!doctype|\?php)", re.IGNORECASE)
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream(\r\n|\n|\r)")
_FLATE = re.compile(rb"/Filter\s*(\[\s*)?/FlateDecode\s*(?(1)\])")
_PREDICTOR = re.compile(rb"/Predictor\s+(?!1\b)")


def check(data: bytes) -> None:
    """Raises Unfit."""
    if _MARKUP.search(data[:1024]):
        raise Unfit(_("its content is of another type than its name says"))
    if data.rfind(b"PK\x05\x06", -70000) > 0 and b"PK\x03\x04" in data[-(1 << 26) :]:
        raise Unfit(_("it hides another file"))
    pages = 0
    for text in (_unescaped(data), *_object_streams(data)):
        if _names(text, _LOCKED):
            raise Unfit(_("it is protected by a password; save it without protection"))
        if _names(text, _ACTS):
            raise Unfit(_("it contains a script or an action; print it to a new PDF"))
        if _names(text, _CARRIES):
            raise Unfit(_("it carries another file inside; print it to a new PDF"))
        pages += sum(1 for _page in _PAGE.finditer(text))
    if pages > PAGES:
        raise Unfit(_("it has more than %(limit)s pages") % {"limit": PAGES})


def _names(text: bytes, names: list[bytes]) -> bool:
    """Whether one of the names stands there, not as the beginning of a longer one. Plain search first: ten times faster."""
    return any(name in text and re.search(name + _ENDS, text) for name in names)


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data)


def _object_streams(data: bytes) -> Iterator[bytes]:
    left, looked = INFLATED, 0
    for number, found in enumerate(_STREAM.finditer(data)):
        about = data[max(0, found.start() - 2048) : found.start()]
        if about.endswith(b"end"):
            continue
        about = about[about.rfind(b"obj") + 3 :]
        if number > STREAMS or about.count(b"#") > ESCAPES:
            raise Unfit(_("it cannot be looked into; print it to a new PDF"))
        about = _unescaped(about)
        # /First and /ObjStm: by their number alone readers would take a stream for an object stream without its /Type.
        if b"/ObjStm" not in about and b"/First" not in about:
            continue
        if b"/Filter" not in about:
            continue  # stands in clear, was looked at with the rest
        if not _FLATE.search(about) or _PREDICTOR.search(about):
            raise Unfit(_("it cannot be looked into; print it to a new PDF"))
        looked += 1
        if looked > OBJECT_STREAMS:
            raise Unfit(_("it cannot be looked into; print it to a new PDF"))
        text = _inflated(data, found.end(), left)
        left -= len(text)
        yield _unescaped(text)


def _inflated(data: bytes, start: int, limit: int) -> bytes:
    """What is packed from `start` on, piece by piece: the rest of the file is copied for no stream."""
    machine, parts, size, step = decompressor(), [], 0, 1024
    while not machine.eof and start < len(data):
        try:
            parts.append(machine.decompress(data[start : start + step], limit + 1 - size))
        except zlib.error as broken:
            raise Unfit(_("it is damaged")) from broken
        size += len(parts[-1])
        if size > limit:
            raise Unfit(_("it is far larger unpacked than packed"))
        start, step = start + step, min(2 * step, 1024 * 1024)
    return b"".join(parts)

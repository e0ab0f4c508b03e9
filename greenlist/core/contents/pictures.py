"""PNG and JPEG read just far enough to know their size and to leave out what they tell about place, device and person.

The picture itself is kept bit by bit; of a photograph's metadata only which way is up. What stands behind the end goes too.
"""

import re
import struct
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from greenlist.core.contents.unfit import Unfit

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"}
)
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame: holds the size
_NEXT = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)  # the marker after a scan's coded data


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise Unfit(_("it is damaged"))
    if width * height > settings.ATTACHMENT_MAX_PIXELS:
        limit = settings.ATTACHMENT_MAX_PIXELS // 1_000_000
        raise Unfit(_("the picture has more than %(limit)s million pixels") % {"limit": limit})


def clean_png(data: bytes) -> bytes:
    """The picture without text, time and EXIF chunks. Raises Unfit (damaged, too many pixels)."""
    kept = [PNG]
    names: list[bytes] = []
    for name, whole in _chunks(data):
        if not names:
            if name != b"IHDR" or len(whole) != 25:
                raise Unfit(_("it is damaged"))
            _check_size(*struct.unpack(">II", whole[8:16]))
        names.append(name)
        if name in CHUNKS:
            kept.append(whole)
    if b"IDAT" not in names or names[-1] != b"IEND":
        raise Unfit(_("it is damaged"))
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(PNG)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        name, whole = data[place + 4 : place + 8], data[place : place + 12 + length]
        if len(whole) < 12 + length:
            return
        yield name, whole
        if name == b"IEND":
            return
        place += 12 + length


def clean_jpeg(data: bytes) -> bytes:
    """The picture without EXIF (but for its orientation), XMP, IPTC and comments.

    Raises Unfit (damaged, too many pixels).
    """
    kept = [b"\xff\xd8"]
    sized, turned = False, 1
    for marker, body, whole in _segments(data):
        if marker in FRAMES and len(body) >= 5:
            height, width = struct.unpack(">HH", body[1:5])
            _check_size(width, height)
            sized = True
        if marker == 0xE1:
            turned = _orientation(body) or turned
        if _belongs(marker, body):
            kept.append(whole)
    if not sized:
        raise Unfit(_("it is damaged"))
    if turned != 1:
        kept.insert(1, _exif(turned))
    return b"".join(kept) + b"\xff\xd9"


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(marker, body, all of it) up to the end of the picture; a scan has its coded data with it. Raises Unfit."""
    marker, place = _marker(data, 2)
    while marker != 0xD9:
        length = int.from_bytes(data[place : place + 2], "big")
        body = data[place + 2 : place + length]
        if length < 2 or len(body) != length - 2:
            raise Unfit(_("it is damaged"))
        end = place + length
        if marker == 0xDA:
            found = _NEXT.search(data, end)
            end = found.start() if found else len(data)
        yield marker, body, b"\xff" + bytes([marker]) + data[place:end]
        if marker == 0xDA and end == len(data):
            return  # cut short by the camera: shown as far as it goes
        marker, place = _marker(data, end)


def _marker(data: bytes, place: int) -> tuple[int, int]:
    if data[place : place + 1] != b"\xff":
        raise Unfit(_("it is damaged"))
    while data[place : place + 1] == b"\xff":
        place += 1
    if place >= len(data):
        raise Unfit(_("it is damaged"))
    return data[place], place + 1


def _belongs(marker: int, body: bytes) -> bool:
    """Of the application segments JFIF, the colour profile and Adobe's colour transform; no comment; all the rest."""
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    return marker in {0xE0, 0xEE} or not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _orientation(body: bytes) -> int:
    """1–8 out of an EXIF segment; 0 where it says nothing usable."""
    if not body.startswith(b"Exif\0\0"):
        return 0
    tiff = body[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return 0
    (start,) = struct.unpack(f"{order}I", tiff[4:8])
    count = int.from_bytes(tiff[start : start + 2], "little" if order == "<" else "big")
    for number in range(min(count, 200)):
        entry = tiff[start + 2 + 12 * number :][:12]
        if len(entry) == 12 and struct.unpack(f"{order}HH", entry[:4]) == (0x0112, 3):
            (value,) = struct.unpack(f"{order}H", entry[8:10])
            return value if 1 <= value <= 8 else 0
    return 0


def _exif(orientation: int) -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    body = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

"""DOCX and XLSX: packages of a bearable size, without macros, embedded programs, outside references or document types."""

import io
import re
import zipfile
import zlib
from typing import IO, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.utils.translation import gettext_lazy as _

from greenlist.core.contents.unfit import Unfit

ZIP = b"PK\x03\x04"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAIN = {f"{DOCX}.main+xml": DOCX, f"{XLSX}.main+xml": XLSX}

ENTRIES = 2000
ENTRY = 1000  # bytes that one may take in the directory
INFLATED = 200 * 1024 * 1024
RATIO, RATIO_FROM = 100, 1024 * 1024
SMALL = 5 * 1024 * 1024  # of the parts that are parsed
CHUNK = 1024 * 1024

PROGRAMS = (b"MZ", b"\x7fELF", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"#!", b"Rar!", b"7z\xbc\xaf")
_PART = re.compile(
    r"(vbaproject|vbadata|/activex/|/externallinks/|/macrosheets/|afchunk|\.(exe|dll|js|vbs|bat|ps1|htm|html|mht)$)"
)
_DTD = re.compile(rb"<!(doctype|entity)", re.IGNORECASE)
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_READABLE = frozenset({b"utf-8", b"utf8", b"utf-16", b"utf-16le", b"utf-16be", b"us-ascii", b"ascii"})
_LINKS = ("http://", "https://", "mailto:", "tel:", "#")


def check(file: BinaryIO | IO[bytes], *, inside: bool = False) -> str:
    """The content type. `inside`: it stands in another package already. Raises Unfit."""
    try:
        _check_length(file)
        with zipfile.ZipFile(file) as package:
            _check_end(file, package)
            _check_directory(package)
            return _check_parts(package, inside)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        KeyError,
    ) as broken:
        raise Unfit(_("it is damaged")) from broken


def _check_length(file: BinaryIO | IO[bytes]) -> None:
    """Before anything reads it: the directory of a million entries would fill the memory. Office writes no ZIP64."""
    file.seek(0, io.SEEK_END)
    file.seek(max(0, file.tell() - 22 - 20 - 65535))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or tail[max(0, place - 20) :].startswith(b"PK\x06\x07"):
        raise Unfit(_("it is damaged"))
    if int.from_bytes(tail[place + 12 : place + 16], "little") > ENTRIES * ENTRY:
        raise Unfit(_("it is far larger unpacked than packed"))


def _check_end(file: BinaryIO | IO[bytes], package: zipfile.ZipFile) -> None:
    file.seek(-22 - len(package.comment), io.SEEK_END)
    if file.read(4) != b"PK\x05\x06":
        raise Unfit(_("it hides another file"))


def _check_directory(package: zipfile.ZipFile) -> None:
    entries = package.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > ENTRIES or sum(entry.file_size for entry in entries) > INFLATED:
        raise Unfit(_("it is far larger unpacked than packed"))
    if len({name.lower() for name in names}) != len(names):
        raise Unfit(_("it is damaged"))
    for entry in entries:
        if entry.filename.startswith("/") or "\\" in entry.filename or ".." in entry.filename.split("/"):
            raise Unfit(_("it is damaged"))
        if entry.flag_bits & 1:
            raise Unfit(_("it is protected by a password; save it without protection"))
        if _PART.search(f"/{entry.filename.lower()}"):
            raise Unfit(_("it contains a macro, a program or a reference to another file; remove it or save as PDF"))


def _check_parts(package: zipfile.ZipFile, inside: bool) -> str:
    left = INFLATED
    for entry in package.infolist():
        left -= _check_part(package, entry, left, inside)
    for entry in package.infolist():
        if entry.filename.lower().endswith(".rels"):
            _check_references(_small(package, entry.filename))
    types = _small(package, "[Content_Types].xml")
    if b"macroenabled" in types.lower():
        raise Unfit(_("it contains a macro, a program or a reference to another file; remove it or save as PDF"))
    for part in _parsed(types):
        if found := MAIN.get(part.get("ContentType", "")):
            return found
    raise Unfit(_("its content is none of the allowed types"))


def _check_part(package: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, inside: bool) -> int:
    """Reads one part to its end, whatever the directory says of its size; returns how much it was."""
    is_xml = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    read, before = 0, b""
    with package.open(entry) as part:
        while chunk := part.read(CHUNK):
            if not read:
                _check_head(package, entry, chunk, inside)
            read += len(chunk)
            if read > left or (read > RATIO_FROM and read > RATIO * max(entry.compress_size, 1)):
                raise Unfit(_("it is far larger unpacked than packed"))
            if is_xml:
                _check_xml(before + chunk, first=read == len(chunk))
                before = chunk[-32:]
    return read


def _check_head(package: zipfile.ZipFile, entry: zipfile.ZipInfo, chunk: bytes, inside: bool) -> None:
    if chunk.startswith(PROGRAMS):
        raise Unfit(_("it contains a macro, a program or a reference to another file; remove it or save as PDF"))
    if chunk.startswith(ZIP):
        # A chart brings its workbook along; a package within that one, or any other archive, has no business here.
        if inside or "/embeddings/" not in entry.filename or entry.file_size > INFLATED // 4:
            raise Unfit(_("it hides another file"))
        check(io.BytesIO(package.read(entry)), inside=True)


def _check_xml(chunk: bytes, *, first: bool) -> None:
    bare = chunk.replace(b"\0", b"")  # UTF-16 becomes readable
    if _DTD.search(bare):
        raise Unfit(_("it contains a document type, which no Office program writes"))
    declared = (
        _ENCODING.search(bare[:200])
        if first and bare[:64].lstrip(b"\xef\xbb\xbf\xff\xfe").startswith(b"<?xml")
        else None
    )
    if declared and declared[1].lower() not in _READABLE:
        raise Unfit(_("it is damaged"))


def _small(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as part:
        body = part.read(SMALL + 1)
    if len(body) > SMALL:
        raise Unfit(_("it is far larger unpacked than packed"))
    return body


def _parsed(body: bytes):  # type: ignore[no-untyped-def]  # defusedxml has no types
    try:
        return fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError) as broken:
        raise Unfit(_("it is damaged")) from broken


def _check_references(body: bytes) -> None:
    """A link that a reader may click is fine; anything that is fetched when the file is opened is not (UP-03)."""
    for reference in _parsed(body):
        target = reference.get("Target", "").strip().lower()
        external = reference.get("TargetMode", "").lower() == "external"
        is_link = reference.get("Type", "").rsplit("/", 1)[-1].lower() == "hyperlink"
        if (external and not (is_link and target.startswith(_LINKS))) or target.startswith(("\\\\", "file:")):
            raise Unfit(_("it contains a macro, a program or a reference to another file; remove it or save as PDF"))

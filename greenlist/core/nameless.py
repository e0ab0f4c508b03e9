"""A child process that takes out of files what programs write about people: author, title, company, paths, reviewers.

`python -m greenlist.core.nameless FOLDER` reads FOLDER/parts.json, writes FOLDER/answer.json and beside each file that
could be cleaned a "<file>.bare". What stands on the pages stays: that is for whoever opens the file. Run by `core.binding`,
under the limits of `core.pdf_worker`.
"""

import io
import json
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, PdfObject, StreamObject

from greenlist.core.contents import ALLOWED, pictures
from greenlist.core.pdf_binder import tried
from greenlist.core.pdf_worker import limit

# ---- PDF ------------------------------------------------------------------------------------------------------------
ABOUT = frozenset({"/Metadata", "/PieceInfo", "/LastModified", "/AA", "/A", "/AF", "/StructParent", "/StructParents"})
KEPT_NOTES = frozenset({"/Widget", "/FreeText", "/Stamp", "/Highlight", "/Underline", "/Ink", "/Line", "/Square"})
OF_A_NOTE = (
    "/T",
    "/TU",
    "/TM",
    "/NM",
    "/M",
    "/CreationDate",
    "/Subj",
    "/RC",
    "/Contents",
    "/Popup",
    "/IRT",
    "/V",
    "/DV",
)
DEEPEST = 60


def pdf(body: bytes) -> bytes:
    """The pages alone, in a new file: no document information, no outline, no attachments, no notes by others."""
    reader = PdfReader(io.BytesIO(body), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise PermissionError
    writer = PdfWriter()
    for page in reader.pages:
        added = writer.add_page(page)
        _notes(added)
    seen: set[int] = set()
    for page in writer.pages:
        _bare(page, seen, 0)
    writer.metadata = None
    writer.compress_identical_objects(remove_duplicates=False, remove_unreferenced=True)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _notes(page: DictionaryObject) -> None:
    """Stamps and filled fields are part of what is shown; who wrote them, and comments, are not."""
    kept = ArrayObject()
    for one in page.get("/Annots") or ():
        note = one.get_object()
        if isinstance(note, DictionaryObject) and note.get("/Subtype") in KEPT_NOTES:
            for key in OF_A_NOTE:
                note.pop(key, None)
            note.pop("/Parent", None)
            kept.append(one)
    page.pop("/Annots", None)
    if kept:
        page[NameObject("/Annots")] = kept


def _bare(found: PdfObject | None, seen: set[int], depth: int) -> None:
    """Everything a page leads to, without what only tells about it."""
    there = found.get_object() if found is not None else None
    if there is None or id(there) in seen or depth > DEEPEST:
        return
    if isinstance(there, DictionaryObject | StreamObject):
        seen.add(id(there))
        for key in ABOUT & set(there):
            del there[key]
        if isinstance(there, StreamObject) and there.get("/Filter") in ("/DCTDecode", ["/DCTDecode"]):
            there._data = pictures.clean_jpeg(there._data)  # a photograph keeps its own properties in the stream
        for key, value in list(there.items()):
            if key != "/Parent":
                _bare(value, seen, depth + 1)
    elif isinstance(there, ArrayObject):
        seen.add(id(there))
        for value in there:
            _bare(value, seen, depth + 1)


# ---- DOCX, XLSX -----------------------------------------------------------------------------------------------------
EMPTY = {
    "docprops/core.xml": b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><cp:coreProperties xmlns:cp='
    b'"http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>',
    "docprops/app.xml": b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns='
    b'"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>',
    "docprops/custom.xml": b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns='
    b'"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>',
}
# Attributes and elements in which Office writes who did something, or where the file lay.
ATTRIBUTES = re.compile(
    rb"""(\s(?:\w+:)?(?:author|initials|userName|displayName|userId|providerId|lastModifiedBy|url|"""
    rb"""authorId|dateAcknowledged|linkTarget)\s*=\s*)("[^"]*"|'[^']*')""",
    re.IGNORECASE,
)
ELEMENTS = re.compile(
    rb"(<((?:\w+:)?(?:author|creator|lastModifiedBy|company|manager))(?:\s[^>]*)?>)[^<]*(</\2>)", re.I
)
NAMING = re.compile(
    r"(comments|people|person|workbook\.xml|settings\.xml|document|footnotes|endnotes|header|footer|revision)"
)
LOST = re.compile(r"(docprops/thumbnail\.|customxml/item\d*\.xml$|printersettings)")
MOMENT = (1980, 1, 1, 0, 0, 0)


def office(body: bytes) -> bytes:
    """The same package with empty properties; a chart's workbook within it too. Raises ValueError for other objects."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(
                zipfile.ZipInfo(entry.filename, MOMENT),
                _part(entry.filename.lower(), old.read(entry)),
                zipfile.ZIP_DEFLATED,
            )
    return out.getvalue()


def _part(name: str, body: bytes) -> bytes:
    if name in EMPTY:
        return EMPTY[name]
    if LOST.search(name):
        return b"<none/>" if name.endswith(".xml") else b""
    if "/media/" in name and body.startswith((pictures.JPEG, pictures.PNG)):
        return pictures.clean_jpeg(body) if body.startswith(pictures.JPEG) else pictures.clean_png(body)
    if "/embeddings/" in name:
        if not body.startswith(b"PK\x03\x04"):
            raise ValueError("an embedded object")
        return office(body)
    if name.endswith((".xml", ".vml")) and NAMING.search(name):
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            body = body.decode("utf-16").encode()
            body = re.sub(rb"encoding\s*=\s*[\"'][^\"']*[\"']", b'encoding="UTF-8"', body, count=1)
        return ELEMENTS.sub(rb"\1\3", ATTRIBUTES.sub(rb'\1""', body))
    return body


# ---- all ------------------------------------------------------------------------------------------------------------
WAYS: dict[str, Callable[[bytes], bytes]] = {
    ALLOWED["pdf"]: pdf,
    ALLOWED["docx"]: office,
    ALLOWED["xlsx"]: office,
    ALLOWED["jpg"]: bytes,  # pictures lose their metadata when they come
    ALLOWED["png"]: bytes,
}


def bared(folder: Path, part: dict[str, Any]) -> dict[str, Any]:
    way = WAYS.get(part["type"])
    if way is None:
        return {"pages": 0, "reason": "type"}

    def done() -> int:
        (folder / f"{part['file']}.bare").write_bytes(way((folder / part["file"]).read_bytes()))
        return 1

    return tried(done)


def main(words: list[str]) -> int:
    folder = Path(words[0])
    limit()
    warnings.simplefilter("ignore")
    parts = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    answer = [bared(folder, part) for part in parts]
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

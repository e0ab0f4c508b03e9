"""A child process that counts and joins the pages of files, under the limits of `core.pdf_worker`. Run by `core.binding`.

`python -m greenlist.core.pdf_binder FOLDER count|join|shrink` reads FOLDER/parts.json and writes FOLDER/answer.json,
for join FOLDER/joined.pdf, for shrink a small JPEG beside each picture. A file that cannot be read is told with its
reason; it never ends the others.
"""

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from greenlist.core.pdf_worker import limit

PICTURES = ("image/jpeg", "image/png")
WIDTH, HEIGHT = 7.1, 10.2  # inches of an A4 page inside its margins
LEAST = 96  # dots an inch: a small picture is not blown up
ACTIONS = ("/A", "/AA")
SMALL = 1400  # dots of the longer side of a picture that is printed inside a text


def count(folder: Path, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pages of each file, or why it has none."""
    return [_counted(folder, part) for part in parts]


def _counted(folder: Path, part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] in PICTURES:
        return tried(lambda: 1 if _picture(folder / part["file"]) else 0)
    if part["type"] != "application/pdf":
        return {"pages": 0, "reason": "type"}
    return tried(lambda: len(_reader(folder / part["file"]).pages))


def tried(work: Any) -> dict[str, Any]:
    try:
        return {"pages": work(), "reason": ""}
    except PermissionError:
        return {"pages": 0, "reason": "password"}
    except MemoryError:
        raise
    except Exception:  # whatever a library makes of a broken file
        return {"pages": 0, "reason": "broken"}


def _reader(path: Path) -> PdfReader:
    """Raises PermissionError for a file that wants a password."""
    reader = PdfReader(path, strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise PermissionError
    return reader


def _picture(path: Path) -> bytes:
    """A page as large as the picture, on A4 at most."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    dots = max(picture.width / WIDTH, picture.height / HEIGHT, LEAST)
    out = io.BytesIO()
    picture.save(out, "PDF", resolution=dots)
    return out.getvalue()


def shrink(folder: Path, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A small copy of each picture, "<file>.jpg", or why there is none."""

    def small(name: str) -> int:
        with Image.open(folder / name) as opened:
            opened.draft("RGB", (SMALL, SMALL))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        picture.thumbnail((SMALL, SMALL))
        picture.save(folder / f"{name}.jpg", "JPEG", quality=85)
        return 1

    def made(part: dict[str, Any]) -> dict[str, Any]:
        if part["type"] not in PICTURES:
            return {"pages": 0, "reason": "type"}
        return tried(lambda: small(part["file"]))

    return [made(part) for part in parts]


def join(folder: Path, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One file of the named pages, with a bookmark for each part that has a title."""
    writer = PdfWriter()
    marks: list[tuple[str, int, int]] = []  # title, page, level: set when all pages are there
    readers: dict[str, PdfReader] = {}
    for part in parts:
        name = part["file"]
        if name not in readers:
            path = folder / name
            readers[name] = PdfReader(io.BytesIO(_picture(path))) if part["type"] in PICTURES else _reader(path)
        last = part["first"] + part["pages"]
        if part["title"]:
            marks.append((part["title"], len(writer.pages), part["level"]))
        for page in readers[name].pages[part["first"] : last]:
            _quiet(writer.add_page(page))
    if parts and parts[0].get("over"):
        _lay_over(writer, _reader(folder / parts[0]["over"]))
    above = None
    for title, start, level in marks:
        mark = writer.add_outline_item(title=title, page_number=start, parent=above if level else None)
        above = above if level else mark
    writer.add_metadata({"/Title": parts[0]["document"]} if parts and parts[0].get("document") else {})
    with (folder / "joined.pdf").open("wb") as out:
        writer.write(out)
    return [{"pages": len(writer.pages), "reason": ""}]


def _lay_over(writer: PdfWriter, numbers: PdfReader) -> None:
    """The numbers of the pages, on each its own; the document is ours, so it says its language."""
    for page, number in zip(writer.pages, numbers.pages, strict=True):
        page.merge_page(number)
        page.compress_content_streams()
    writer.root_object[NameObject("/Lang")] = TextStringObject("zh-CN")


def _quiet(page: PageObject) -> None:
    """Stamps stay, what they would do goes."""
    page.pop("/AA", None)
    for one in page.get("/Annots") or ():
        note = one.get_object()
        if isinstance(note, DictionaryObject):
            for action in ACTIONS:
                note.pop(action, None)


def main(words: list[str]) -> int:
    folder = Path(words[0])
    limit()
    warnings.simplefilter("ignore")
    parts = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    answer = {"count": count, "join": join, "shrink": shrink}[words[1]](folder, parts)
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

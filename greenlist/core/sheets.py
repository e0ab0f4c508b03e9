"""Tables that people send: XLSX or CSV, read within bounds, every mistake named by sheet, row and column.

A sheet's own word about its size is never believed. Nothing is written here but a file put aside between two steps:
look, then take.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError  # only the exception; defusedxml does the parsing

from defusedxml.common import DefusedXmlException
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import translation
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from openpyxl import load_workbook

from greenlist.core.errors import Invalid, Text

MAX_BYTES = 5 * 1024 * 1024
MAX_INFLATED = 60 * 1024 * 1024
MAX_PARTS = 500
MAX_ROWS = 5000
MAX_COLUMNS = 40
MAX_CELL = 500
MAX_MARKS = 3_000_000  # tags and attributes of the whole file
CHUNK = 1024 * 1024
AN_HOUR = 3600
# What openpyxl and its helpers raise on files that no Excel has written.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, ParseError, DefusedXmlException, OSError, EOFError, NotImplementedError),
    *(KeyError, ValueError, IndexError, TypeError, AttributeError),
)
# Pages take them out of what is typed (core.middleware); in a file they would come in unseen: control characters fail in
# every workbook that names the firm, marks of direction show a name other than it is.
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
Row = tuple[str, int, Sequence[Any]]
Values = tuple[str, int, dict[str, Any]]  # sheet, row number, cells by column


@dataclass(frozen=True)
class RowProblem:
    """One mistake in a file: where it stands, what stands there, and the rule it breaks."""

    sheet: str
    row: int
    column: str
    value: str
    rule: Text


class ImportRefused(Invalid):
    """Nothing of the file was taken; `rows` lists every mistake."""

    code = "import_refused"

    def __init__(self, rows: Sequence[RowProblem]) -> None:
        super().__init__(_("Nothing was imported: please correct the file and send it again."))
        self.rows = tuple(rows)


class Stale(Exception):
    """The ticket of the first step is forged, too old, or used already."""


@dataclass(frozen=True)
class Layout:
    """The columns a table may have: their headings, which must be there, how long and of what kind their cells are."""

    columns: Mapping[str, Text]
    needed: Sequence[str]
    longest: Mapping[str, int] = field(default_factory=dict)
    readers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)  # raise ValueError(reason)
    most_rows: int = MAX_ROWS
    defaults: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Sequence[str]] = field(default_factory=dict)  # other headings that sources use


def refusal(reason: Text, sheet: str = "", row: int = 0, column: str = "", value: str = "") -> ImportRefused:
    return ImportRefused([RowProblem(sheet, row, column, value, reason)])


# ---- reading --------------------------------------------------------------------------------------------------------
def read(name: str, content: bytes, layout: Layout) -> list[Values]:
    """Every row below its heading. Raises ImportRefused with all mistakes at once."""
    if len(content) > MAX_BYTES:
        raise refusal(_("The file is larger than %(limit)s MB.") % {"limit": MAX_BYTES // 1024 // 1024})
    is_workbook = name.lower().endswith(".xlsx")
    lines = sheet_rows(content, layout.most_rows) if is_workbook else csv_rows(content, layout.most_rows)
    problems: list[RowProblem] = []
    found: list[Values] = []
    header: dict[int, str] | None = None
    sheet_of_header = ""
    for sheet, number, cells in lines:
        if not any(str(cell if cell is not None else "").strip() for cell in cells):
            continue
        if header is None or sheet != sheet_of_header:
            header, sheet_of_header = head(layout, sheet, number, cells), sheet
            continue
        values = convert(layout, sheet, number, header, cells, problems)
        if values is not None:
            found.append((sheet, number, values))
    if not found and not problems:
        raise refusal(_("The file has no row below its heading."))
    if problems:
        raise ImportRefused(problems)
    return found


def csv_rows(content: bytes, most_rows: int = MAX_ROWS) -> Iterator[Row]:
    """UTF-8 or GB 18030, as Chinese Excel writes it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError as wrong:
            raise refusal(_("The file is neither XLSX nor CSV in UTF-8 or GB 18030.")) from wrong
    if "\x00" in text:
        raise refusal(_("The file is neither XLSX nor CSV in UTF-8 or GB 18030."))
    try:
        yield from bounded("CSV", csv.reader(io.StringIO(text)), most_rows)
    except csv.Error as wrong:  # a cell longer than any reader takes
        raise refusal(_("A cell holds more than %(limit)s characters.") % {"limit": MAX_CELL}) from wrong


def sheet_rows(content: bytes, most_rows: int = MAX_ROWS) -> Iterator[Row]:
    """Rows of every sheet, values only."""
    weigh(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # otherwise rows beyond the declared size are left out in silence
            yield from bounded(sheet.title, sheet.iter_rows(values_only=True), most_rows)
        book.close()
    except BROKEN as wrong:
        raise refusal(_("The file cannot be read as XLSX.")) from wrong


def weigh(content: bytes) -> None:
    """Looks at the packed parts before anything unpacks them."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
        large = len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_INFLATED
        if large or is_crowded(content, MAX_MARKS):
            raise refusal(_("The file is too large when unpacked."))
    except (*BROKEN, RuntimeError) as wrong:  # an encrypted part is a RuntimeError
        raise refusal(_("The file cannot be read as XLSX.")) from wrong


def is_crowded(content: bytes, most: int) -> bool:
    """Whether the parts hold more tags and attributes than `most`: of each a parser makes objects many times its size.

    A row of ten million empty cells, or as many shared strings, fits into a file that passes every limit in bytes.
    """
    found = 0
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        for part in package.infolist():
            with package.open(part) as body:
                while chunk := body.read(CHUNK):
                    found += chunk.count(b"<") + chunk.count(b"=")
                    if found > most:
                        return True
    return False


def bounded(sheet: str, rows: Iterable[Sequence[Any]], most_rows: int = MAX_ROWS) -> Iterator[Row]:
    for number, cells in enumerate(rows, 1):
        if number > most_rows + 1:
            raise refusal(_("The sheet has more than %(limit)s rows.") % {"limit": most_rows}, sheet, number)
        if len(cells) > MAX_COLUMNS:
            raise refusal(_("The sheet has more than %(limit)s columns.") % {"limit": MAX_COLUMNS}, sheet, number)
        for cell in cells:
            if isinstance(cell, str) and len(cell) > MAX_CELL:
                reason = _("A cell holds more than %(limit)s characters.") % {"limit": MAX_CELL}
                raise refusal(reason, sheet, number, value=cell[:40])
        yield sheet, number, cells


def names(labels: Mapping[Any, Text]) -> dict[str, Any]:
    """Every way to write a key: itself, and its label in both languages."""
    found = {str(key).lower(): key for key in labels}
    for language in ("zh-hans", "en"):
        with translation.override(language):
            found |= {str(label).strip().lower(): key for key, label in labels.items()}
    return found


def head(layout: Layout, sheet: str, number: int, cells: Sequence[Any]) -> dict[int, str]:
    """Position → column. Raises ImportRefused for a heading that is unknown, doubled or missing."""
    known = {word.lower(): key for key, words in layout.also.items() for word in words} | names(layout.columns)
    written = [str(cell if cell is not None else "").strip() for cell in cells]
    header = {place: known.get(text.lower(), "") for place, text in enumerate(written) if text}
    problems = [
        RowProblem(sheet, number, written[place], written[place], _("This heading is not known."))
        for place, key in header.items()
        if not key
    ]
    keys = [key for key in header.values() if key]
    problems += [
        RowProblem(sheet, number, str(layout.columns[key]), "", _("This heading is there twice."))
        for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    ]
    problems += [
        RowProblem(sheet, number, str(layout.columns[key]), "", _("This heading is missing."))
        for key in layout.needed
        if key not in keys
    ]
    if problems:
        raise ImportRefused(problems)
    return header


def convert(
    layout: Layout,
    sheet: str,
    number: int,
    header: Mapping[int, str],
    cells: Sequence[Any],
    problems: list[RowProblem],
) -> dict[str, Any] | None:
    """One row by column; None, and its problems noted, when a cell cannot be understood."""
    before = len(problems)
    raw = {key: cells[place] if place < len(cells) else None for place, key in header.items()}
    values: dict[str, Any] = {}

    def note(column: str, reason: Text) -> None:
        value = raw.get(column)
        shown = "" if value is None else str(value)[:80]
        problems.append(RowProblem(sheet, number, str(layout.columns[column]), shown, reason))

    for column, value in raw.items():
        try:
            values[column] = layout.readers.get(column, text_of)(value)
        except ValueError as wrong:
            note(column, wrong.args[0])
    for column in layout.needed:
        if column in values and values[column] in ("", None):
            note(column, _("This cell must not be empty."))
    for column, longest in layout.longest.items():
        if len(str(values.get(column) or "")) > longest:
            note(column, _("At most %(limit)s characters.") % {"limit": longest})
    return {**layout.defaults, **values} if len(problems) == before else None


def text_of(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(UNSEEN.sub(" ", str(value)).split())


def day_of(value: Any) -> date | None:
    """Raises ValueError(reason)."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = text_of(value).replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").replace(".", "-")
    if not text:
        return None
    try:
        year, month, day = (int(part) for part in text.split("-"))
        return date(year, month, day)
    except (ValueError, OverflowError) as wrong:  # a year of twenty digits is more than a date can be asked for
        raise ValueError(_("Write a day such as 2025-03-09.")) from wrong


# ---- two steps: look, then take -------------------------------------------------------------------------------------
def put_aside(name: str, content: bytes, *, salt: str, **told: Any) -> str:
    """Keeps the file for an hour; the ticket, signed, is all the second step needs."""
    key = default_storage.save(f"imports/{get_random_string(40)}", ContentFile(content))
    return signing.dumps({"key": key, "name": name, "told": told}, salt=salt)


@dataclass(frozen=True)
class Aside:
    """A file that was put aside, and what the first step said with it."""

    key: str
    name: str
    content: bytes
    told: Mapping[str, Any]

    def drop(self) -> None:
        """It was taken; the ticket is worth nothing from now on."""
        default_storage.delete(self.key)


def fetch(ticket: str, *, salt: str) -> Aside:
    """Raises Stale."""
    try:
        said = signing.loads(ticket, salt=salt, max_age=AN_HOUR)
        with default_storage.open(said["key"]) as file:
            content = file.read()
    except (signing.BadSignature, OSError) as wrong:
        raise Stale from wrong
    return Aside(said["key"], said["name"], content, said.get("told", {}))

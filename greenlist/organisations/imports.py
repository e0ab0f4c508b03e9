"""Adverse records from a file of a source: XLSX or CSV, read within bounds, every mistake named by place.

A sheet's own word about its size is never believed, and nothing is written here.
"""

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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

from greenlist.accounts.models import Tier
from greenlist.core.actors import Actor
from greenlist.core.errors import Text
from greenlist.organisations import services
from greenlist.organisations.models import AdverseRecord
from greenlist.organisations.services import AdverseInput, ImportRefused, RowProblem

MAX_BYTES = 5 * 1024 * 1024
MAX_INFLATED = 60 * 1024 * 1024
MAX_PARTS = 500
MAX_ROWS = 5000
MAX_COLUMNS = 40
MAX_CELL = 500
COLUMNS: dict[str, Text] = {
    "code": _("Unified social credit code"),
    "name": _("Name"),
    "kind": _("Kind"),
    "severity": _("Grade"),
    "event_on": _("Day of the event or decision"),
    "source": _("Source"),
    "reference": _("Number or address in the source"),
    "ended_on": _("Ended on"),
    "tier": _("Tier of the list"),
}
NEEDED = ("name", "kind", "event_on", "source")
LONGEST = {"name": 120, "source": 100, "reference": 200, "code": 60}
# What openpyxl and its helpers raise on files that no Excel has written.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, ParseError, DefusedXmlException, OSError, EOFError, NotImplementedError),
    *(KeyError, ValueError, IndexError, TypeError, AttributeError),
)
Row = tuple[str, int, Sequence[Any]]
Read = tuple[str, int, AdverseInput]


def read(name: str, content: bytes) -> list[Read]:
    """Every row of the file as (sheet, row number, record). Raises ImportRefused with all mistakes at once."""
    if len(content) > MAX_BYTES:
        raise refusal(_("The file is larger than %(limit)s MB.") % {"limit": MAX_BYTES // 1024 // 1024})
    lines = sheet_rows(content) if name.lower().endswith(".xlsx") else csv_rows(content)
    problems: list[RowProblem] = []
    found: list[Read] = []
    header: dict[int, str] | None = None
    sheet_of_header = ""
    for sheet, number, cells in lines:
        if not any(str(cell if cell is not None else "").strip() for cell in cells):
            continue
        if header is None or sheet != sheet_of_header:
            header, sheet_of_header = head(sheet, number, cells), sheet
            continue
        record = convert(sheet, number, header, cells, problems)
        if record is not None:
            found.append((sheet, number, record))
    if not found and not problems:
        raise refusal(_("The file has no row below its heading."))
    if problems:
        raise ImportRefused(problems)
    return found


# ---- two steps: look, then take -------------------------------------------------------------------------------------
SALT = "greenlist.organisations.import"
AN_HOUR = 3600


class Stale(Exception):
    """The ticket of the first step is forged, too old, or used already."""


@dataclass(frozen=True)
class Looked:
    """A file that is in order; the ticket, signed, is all the second step needs."""

    rows: list[Read]
    ticket: str


def look(name: str, content: bytes, *, at: datetime) -> Looked:
    """Checks the file whole and puts it aside for an hour. Raises ImportRefused with every mistake; writes no record."""
    rows = read(name, content)
    found = [
        RowProblem(sheet, number, str(COLUMNS[column]), str(getattr(record, column)), text)
        for sheet, number, record in rows
        for column, texts in services.problems_of(record, at=at).items()
        for text in texts
    ]
    if found:
        raise ImportRefused(found)
    key = default_storage.save(f"imports/{get_random_string(40)}", ContentFile(content))
    return Looked(rows, signing.dumps({"key": key, "name": name}, salt=SALT))


def take(ticket: str, *, actor: Actor, at: datetime) -> tuple[int, int]:
    """All rows of the file that was looked at: (new, known already). Raises Stale, ImportRefused, NotAllowed."""
    try:
        told = signing.loads(ticket, salt=SALT, max_age=AN_HOUR)
        with default_storage.open(told["key"]) as file:
            content = file.read()
    except (signing.BadSignature, OSError) as wrong:
        raise Stale from wrong
    rows = read(told["name"], content)
    taken = services.import_adverse(rows=rows, digest=hashlib.sha256(content).hexdigest(), actor=actor, at=at)
    default_storage.delete(told["key"])
    return taken


# ---- reading --------------------------------------------------------------------------------------------------------
def refusal(reason: Text, sheet: str = "", row: int = 0, column: str = "", value: str = "") -> ImportRefused:
    return ImportRefused([RowProblem(sheet, row, column, value, reason)])


def csv_rows(content: bytes) -> Iterator[Row]:
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
        yield from bounded("CSV", csv.reader(io.StringIO(text)))
    except csv.Error as wrong:  # a cell longer than any reader takes
        raise refusal(_("A cell holds more than %(limit)s characters.") % {"limit": MAX_CELL}) from wrong


def sheet_rows(content: bytes) -> Iterator[Row]:
    """Rows of every sheet, values only."""
    weigh(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # otherwise rows beyond the declared size are left out in silence
            yield from bounded(sheet.title, sheet.iter_rows(values_only=True))
        book.close()
    except BROKEN as wrong:
        raise refusal(_("The file cannot be read as XLSX.")) from wrong


def weigh(content: bytes) -> None:
    """Looks at the packed parts before anything unpacks them."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except zipfile.BadZipFile as wrong:
        raise refusal(_("The file cannot be read as XLSX.")) from wrong
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_INFLATED:
        raise refusal(_("The file is too large when unpacked."))


def bounded(sheet: str, rows: Iterable[Sequence[Any]]) -> Iterator[Row]:
    for number, cells in enumerate(rows, 1):
        if number > MAX_ROWS + 1:
            raise refusal(_("The sheet has more than %(limit)s rows.") % {"limit": MAX_ROWS}, sheet, number)
        if len(cells) > MAX_COLUMNS:
            raise refusal(_("The sheet has more than %(limit)s columns.") % {"limit": MAX_COLUMNS}, sheet, number)
        for cell in cells:
            if isinstance(cell, str) and len(cell) > MAX_CELL:
                reason = _("A cell holds more than %(limit)s characters.") % {"limit": MAX_CELL}
                raise refusal(reason, sheet, number, value=cell[:40])
        yield sheet, number, cells


def names(labels: dict[Any, Text]) -> dict[str, Any]:
    """Every way to write a key: itself, and its label in both languages."""
    found = {str(key).lower(): key for key in labels}
    for language in ("zh-hans", "en"):
        with translation.override(language):
            found |= {str(label).strip().lower(): key for key, label in labels.items()}
    return found


def head(sheet: str, number: int, cells: Sequence[Any]) -> dict[int, str]:
    """Position → column. Raises ImportRefused for a heading that is unknown, doubled or missing."""
    known = names(COLUMNS)
    written = [str(cell if cell is not None else "").strip() for cell in cells]
    header = {place: known.get(text.lower(), "") for place, text in enumerate(written) if text}
    problems = [
        RowProblem(sheet, number, written[place], written[place], _("This heading is not known."))
        for place, key in header.items()
        if not key
    ]
    keys = [key for key in header.values() if key]
    problems += [
        RowProblem(sheet, number, str(COLUMNS[key]), "", _("This heading is there twice."))
        for key in dict.fromkeys(keys)
        if keys.count(key) > 1
    ]
    problems += [
        RowProblem(sheet, number, str(COLUMNS[key]), "", _("This heading is missing."))
        for key in NEEDED
        if key not in keys
    ]
    if problems:
        raise ImportRefused(problems)
    return header


def convert(
    sheet: str, number: int, header: dict[int, str], cells: Sequence[Any], problems: list[RowProblem]
) -> AdverseInput | None:
    """One row as a record; None, and its problems noted, when a cell cannot be understood."""
    before = len(problems)
    raw = {key: cells[place] if place < len(cells) else None for place, key in header.items()}
    values: dict[str, Any] = {}

    def note(column: str, reason: Text) -> None:
        value = raw.get(column)
        problems.append(
            RowProblem(sheet, number, str(COLUMNS[column]), "" if value is None else str(value)[:80], reason)
        )

    for column, value in raw.items():
        reader = READERS.get(column, _text)
        try:
            values[column] = reader(value)
        except ValueError as wrong:
            note(column, wrong.args[0])
    for column in NEEDED:
        if column in values and values[column] in ("", None):
            note(column, _("This cell must not be empty."))
    for column, longest in LONGEST.items():
        if len(str(values.get(column) or "")) > longest:
            note(column, _("At most %(limit)s characters.") % {"limit": longest})
    return AdverseInput(**values) if len(problems) == before else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = _text(value).replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").replace(".", "-")
    if not text:
        return None
    try:
        year, month, day = (int(part) for part in text.split("-"))
        return date(year, month, day)
    except ValueError as wrong:
        raise ValueError(_("Write a day such as 2025-03-09.")) from wrong


def _kind(value: Any) -> str:
    text = _text(value)
    known = names(dict(AdverseRecord.Kind.choices))
    if text and text.lower() not in known:
        raise ValueError(_("This kind of record is not known."))
    return str(known.get(text.lower(), ""))


def _severity(value: Any) -> int:
    text = _text(value)
    known = names(dict(AdverseRecord.Severity.choices)) | SHORT
    if text and text.lower() not in known:
        raise ValueError(_("An accident has a grade: general, larger, major or extreme."))
    return int(known.get(text.lower(), AdverseRecord.Severity.NONE))


# As accident reports write them; environmental ones by Roman numerals, Ⅰ the gravest.
SHORT = {"一般": 1, "较大": 2, "重大": 3, "特别重大": 4, "特大": 4}
SHORT |= {
    spelling: rank
    for rank, numerals in (
        (1, ("ⅳ", "iv", "四")),
        (2, ("ⅲ", "iii", "三")),
        (3, ("ⅱ", "ii", "二")),
        (4, ("ⅰ", "i", "一")),
    )
    for numeral in numerals
    for spelling in (f"{numeral}级", *(() if numeral in "一二三四" else (numeral,)))
}


def _tier(value: Any) -> str:
    text = _text(value)
    known = names(dict(Tier.choices)) | {
        "区县级": "county",
        "县区级": "county",
        "市级": "city",
        "省级": "province",
        "国家级": "nation",
    }
    if text and text.lower() not in known:
        raise ValueError(_("This tier is not known: county, city, province or nation."))
    return str(known.get(text.lower(), ""))


READERS = {"tier": _tier, "event_on": _day, "ended_on": _day, "kind": _kind, "severity": _severity}

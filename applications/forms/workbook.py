"""A prepared workbook that comes back filled in: read within bounds, every mistake named by sheet, row and column.

A sheet's own word about its size is never believed, formulas are refused, and nothing is written here.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from xml.etree.ElementTree import ParseError  # only the exception; defusedxml does the parsing

from defusedxml.common import DefusedXmlException
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from applications.documents import workbook as papers
from applications.documents.workbook import Sheet, Slot
from applications.forms import sections
from applications.selectors import drafts
from applications.selectors.shown import say
from greenlist.core import contents
from greenlist.core.errors import Invalid, Text
from greenlist.core.sheets import is_crowded
from greenlist.policy import words
from greenlist.policy.engine import forms as engine_forms
from greenlist.policy.engine.types import Field, Section

MAX_BYTES = 5 * 1024 * 1024
MAX_INFLATED = 60 * 1024 * 1024
MAX_MARKS = 600_000  # tags and attributes of the whole file, some ten times those of our largest template
MAX_ROWS = 5000  # of one sheet
MAX_COLUMNS = 60
MAX_CELLS = 200_000  # with anything in them, of the whole file
SHOWN = 200  # mistakes told at once
NOTHING = gettext_lazy("Nothing was stored: please correct the file and upload it again.")
HEAD_ROWS = 4  # of a sheet: markers, title, note, heading
BROKEN = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    ParseError,
    DefusedXmlException,
    OSError,
)


@dataclass(frozen=True, slots=True)
class CellProblem:
    """One mistake in the file: where it stands, what stands there, and the rule it breaks."""

    sheet: str
    row: int
    column: str
    value: str
    rule: Text


class WorkbookRefused(Invalid):
    """Nothing of the file was taken; `rows` lists the mistakes, `is_old` asks for a new template."""

    code = "workbook_refused"

    def __init__(self, message: Text, rows: Sequence[CellProblem] = (), *, is_old: bool = False) -> None:
        super().__init__(message)
        self.rows, self.more, self.is_old = tuple(rows[:SHOWN]), max(len(rows) - SHOWN, 0), is_old


@dataclass(frozen=True, slots=True)
class Change:
    """One value as it stands and as the file has it."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SectionChange:
    """What the file would change in one section; `version` is the one the file was made of."""

    key: str
    title: str
    version: int
    answers: Mapping[str, Any]
    changes: tuple[Change, ...]
    changed_by: str = ""  # somebody else's save since the download, which is a conflict
    is_stale: bool = False


# ---- the file -------------------------------------------------------------------------------------------------------
def load(content: bytes) -> Any:
    """The workbook, opened for reading, once it is known to be bearable. Raises WorkbookRefused."""
    if len(content) > MAX_BYTES:
        raise WorkbookRefused(_("The file is larger than %(limit)s MB.") % {"limit": MAX_BYTES // 1024 // 1024})
    try:
        if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(content)).infolist()) > MAX_INFLATED:
            raise WorkbookRefused(_("The file is too large when unpacked."))
        contents.examine(io.BytesIO(content), extension="xlsx")
        if is_crowded(content, MAX_MARKS):
            raise WorkbookRefused(_("The file is too large when unpacked."))
        return load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except contents.Unfit as unfit:
        raise WorkbookRefused(_("The file cannot be taken: %(reason)s.") % {"reason": unfit.reason}) from unfit
    except BROKEN as wrong:
        raise WorkbookRefused(_("The file cannot be read as XLSX.")) from wrong


def lines(page: Any, left: list[int]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Row number and cells of one sheet, within bounds. Raises WorkbookRefused."""
    title = page.title
    try:
        page.reset_dimensions()  # otherwise rows beyond the declared size are left out in silence
        for number, cells in enumerate(page.iter_rows(max_col=MAX_COLUMNS + 1), 1):
            if number > MAX_ROWS:
                reason = _("The sheet has more than %(limit)s rows.") % {"limit": MAX_ROWS}
                raise WorkbookRefused(NOTHING, [CellProblem(title, number, "", "", reason)])
            filled = sum(cell.value is not None for cell in cells)
            left[0] -= filled
            if left[0] < 0 or (len(cells) > MAX_COLUMNS and cells[MAX_COLUMNS].value is not None):
                reason = _("The sheet holds more than any template of ours.")
                raise WorkbookRefused(NOTHING, [CellProblem(title, number, "", "", reason)])
            if filled:
                yield number, cells
    except BROKEN as wrong:
        raise WorkbookRefused(_("The file cannot be read as XLSX.")) from wrong


# ---- reading --------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Read:
    """One sheet as read: text by name, place by name and by row key."""

    sheet: Sheet
    given: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[int, str, str]] = field(default_factory=dict)  # name → row, column, what stands there


class Reader:
    """Reads one file against one draft."""

    def __init__(self, paper: papers.Filled, draft: drafts.Draft, opened: drafts.Opened) -> None:
        self.paper, self.draft, self.opened = paper, draft, opened
        self.problems: list[CellProblem] = []
        self.versions: dict[str, int] = {}

    def read(self, content: bytes) -> tuple[SectionChange, ...]:
        """What the file would change. Raises WorkbookRefused with every mistake."""
        book = load(content)
        left = [MAX_CELLS]
        pages = {page.title: page for page in book.worksheets}
        if papers.HIDDEN not in pages:
            raise WorkbookRefused(
                _("This is not the workbook of this report: download the workbook here and fill that in."), is_old=True
            )
        self._check_template(pages[papers.HIDDEN], left)
        by_mark = {sheet.title.partition(" ")[0]: sheet for sheet in papers.plan(self.draft.form)}
        sheets = {by_mark[mark].section.key: page for page in pages.values() if (mark := _mark(page.title)) in by_mark}
        found = []
        for sheet in by_mark.values():
            if sheet.section.key in sheets:
                found.append(self._sheet(sheet, sheets[sheet.section.key], left))
            else:
                self._note(sheet.title, 0, "", "", _("This sheet is missing: download the workbook again."))
        made = tuple(change for one in found if (change := self._change(one)) is not None)
        if self.problems:
            titles = [sheet.title for sheet in by_mark.values()]
            raise WorkbookRefused(
                NOTHING, sorted(self.problems, key=lambda one: (titles.index(one.sheet), one.row, one.column))
            )
        return made

    def _note(self, sheet: str, row: int, column: str, value: Any, rule: Text) -> None:
        self.problems.append(CellProblem(sheet, row, column, "" if value is None else str(value)[:80], rule))

    def _check_template(self, page: Any, left: list[int]) -> None:
        told: dict[str, str] = {}
        for _number, cells in lines(page, left):
            values = [cell.value for cell in cells[:3]] + [None, None, None]
            if values[0] == "section" and isinstance(values[2], int):
                self.versions[str(values[1])] = values[2]
            elif values[0] in ("reference", "template"):
                told[str(values[0])] = str(values[1])
        if told.get("reference") != self.paper.reference:
            raise WorkbookRefused(
                _("This workbook belongs to another report: download the one of this report and fill that in."),
                is_old=True,
            )
        if told.get("template") != papers.template_digest(self.paper, self.draft.form):
            raise WorkbookRefused(
                _("This workbook was made of an older form: download the new one and fill that in."), is_old=True
            )

    def _sheet(self, sheet: Sheet, page: Any, left: list[int]) -> _Read:
        read = _Read(sheet)
        wanted = {line.key: line for line in sheet.lines}
        seen: set[str] = set()
        for number, cells in lines(page, left):
            if number == 1:
                self._check_columns(page.title, sheet, cells)
                continue
            key = str(cells[0].value or "")
            if key in seen or (key and key not in wanted):
                self._note(page.title, number, "A", key, _("This row is there twice or is not part of the template."))
            elif key:
                seen.add(key)
                read.places[key] = (number, "", "")
                for slot in wanted[key].slots:
                    self._cell(read, page.title, number, slot, cells)
            elif number > HEAD_ROWS:
                self._note(page.title, number, "", _first(cells), _("This row is not part of the template."))
        for key in wanted.keys() - seen:
            label = say(wanted[key].field.label)
            self._note(page.title, 0, "", label, _("This row is missing: download the workbook again."))
        return read

    def _check_columns(self, title: str, sheet: Sheet, cells: Sequence[Any]) -> None:
        for column in range(1, sheet.width + 1):
            mark = cells[column - 1].value if column <= len(cells) else None
            if str(mark) != str(column):
                reason = _("The columns were moved: download the workbook again.")
                self._note(title, 1, get_column_letter(column), mark, reason)
                return

    def _cell(self, read: _Read, title: str, number: int, slot: Slot, cells: Sequence[Any]) -> None:
        cell = cells[slot.column - 1] if slot.column <= len(cells) else None
        value = None if cell is None else cell.value
        letter = get_column_letter(slot.column)
        read.places[slot.name] = (number, letter, "" if value is None else str(value))
        if cell is not None and cell.data_type == "f":
            self._note(title, number, letter, value, _("A formula cannot be taken: paste its result as a value."))
        elif cell is not None and cell.data_type == "e":
            self._note(title, number, letter, value, _("The spreadsheet could not work this cell out."))
        elif isinstance(value, int | float) and abs(value) >= 10**papers.EXACT:
            rule = _("A spreadsheet keeps %(limit)s digits of a number: format the cell as text and type it again.")
            self._note(title, number, letter, value, rule % {"limit": papers.EXACT})
        else:
            read.given[slot.name] = papers.text_of(slot.spec, value)

    # ---- what it means ----------------------------------------------------------------------------------------------
    def _change(self, read: _Read) -> SectionChange | None:
        """The section's changes; its mistakes are noted."""
        section = read.sheet.section
        stored = self.draft.data[section.key]
        row = self.draft.rows.get(section.key)
        specs = {slot.name: slot.spec for line in read.sheet.lines for slot in line.slots}
        before = sections.flat(section, stored)
        posted, changes, touched = {}, [], set()
        for name, given in read.given.items():
            spec, old = specs[name], before.get(name, "")
            if given == papers.text_of(spec, papers.cell_value(spec, old)):
                posted[name] = old  # the same said otherwise: what stands stays as it was typed
                continue
            posted[name] = given
            touched.add(name.partition(".")[0])
            shown = _shown(spec, old), _shown(spec, given)
            changes.append(Change(sections.label_of(section, name), *shown))
            if f"{section.key}.{name.partition('.')[0]}" not in self.opened:
                number, letter, value = read.places[name]
                self._note(read.sheet.title, number, letter, value, _("This field was not opened for correction."))
        for spec in section.fields:
            room = len(spec.rows) or spec.max_rows or 50
            if spec.columns and spec.key in touched and len(engine_forms.rows_of(spec, stored.get(spec.key))) > room:
                rule = _("The report has more rows than the sheet: change this table on its page.")
                self._note(read.sheet.title, read.places[f"{spec.key}:"][0], "", say(spec.label), rule)
        answers = sections.read(section, posted)
        self._check(read, section, {**stored, **answers})
        answers = {key: value for key, value in answers.items() if key in touched}
        if not answers or row is None:
            return None
        version = self.versions.get(section.key, -1)
        by = row.updated_by.name if row.updated_by else ""
        title = words.text(section.title)
        return SectionChange(section.key, title, version, answers, tuple(changes), by, version != row.version)

    def _check(self, read: _Read, section: Section, answers: Mapping[str, Any]) -> None:
        for problem in engine_forms.validate_section(section, answers, partial=True):
            name = problem.path.partition(".")[2]
            table = name.partition(".")[0]
            place = read.places.get(name) or read.places.get(f"{table}:")
            if place is not None and f"{section.key}.{table}" in self.opened:
                self._note(read.sheet.title, *place, words.problem(problem))


def _mark(title: str) -> str:
    """Sheets are found by the number before their title: that stays when the title is in the other language."""
    return title.partition(" ")[0]


def _first(cells: Sequence[Any]) -> str:
    return next((str(cell.value) for cell in cells if cell.value is not None), "")


def _shown(spec: Field, text: str) -> str:
    """An answer as the sheet writes it, for the preview."""
    value = papers.cell_value(spec, text)
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)

"""The figures of a report in the making as a prepared workbook: one sheet a section, only answers can be typed in.

Column A (hidden) names every row and row 1 (hidden) every column: `forms.workbook` reads by these, never by position.
"""

import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from applications.models import Application
from applications.selectors import drafts
from applications.selectors.papers import Paper
from applications.selectors.shown import say
from greenlist.core import attachments, audit
from greenlist.policy import engine
from greenlist.policy.engine import forms
from greenlist.policy.engine.types import Field, FieldType, FixedRow, Form, Section

Filled = Application | Paper  # whose figures they are
FORMAT = 1  # of this file: a workbook of another format is refused like one of another form
HIDDEN = "_form"
INPUT = frozenset(
    {FieldType.TEXT, FieldType.LONGTEXT, FieldType.NUMBER, FieldType.DATE, FieldType.CHOICE, FieldType.YESNO}
)
EXACT = 15  # digits that a spreadsheet keeps; a longer number is written as text
CELL = 32767  # characters that a cell holds
FIRST_COLUMN = 3  # of the answers: A names the row, B says what it is
OLDEST = 1901  # years before that are no days to a spreadsheet


# ---- what stands where ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Slot:
    """One cell that takes an answer: its name as on the page, and its column."""

    name: str
    spec: Field
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet by its key in column A."""

    key: str
    field: Field
    slots: tuple[Slot, ...] = ()
    index: int | None = None  # of a table's row
    result: str = ""  # of a calculator: which of its results

    @property
    def fixed(self) -> FixedRow | None:
        return self.field.rows[self.index] if self.field.rows and self.index is not None else None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One section as a sheet."""

    title: str
    section: Section
    lines: tuple[Line, ...]

    @property
    def width(self) -> int:
        most = max((len(columns(line.field)) for line in self.lines if line.field.columns), default=0)
        return FIRST_COLUMN + max(3, most) - 1


def plan(form: Form) -> tuple[Sheet, ...]:
    """Every sheet of a form's workbook; sections without anything to type in have none."""
    made: list[Sheet] = []
    for section in form.sections:
        lines = tuple(line for field in section.fields for line in _lines(field))
        if any(line.slots for line in lines):
            made.append(Sheet(f"{len(made) + 1} {_title(section)}"[:31], section, lines))
    return tuple(made)


def _title(section: Section) -> str:
    return "".join(" " if one in "[]:*?/\\'" else one for one in say(section.title)).strip()


def _lines(field: Field) -> Iterator[Line]:
    if field.is_table:
        yield Line(f"{field.key}:", field)
        if field.columns:  # none where the rows of another calculator are counted again
            yield Line(f"{field.key}.head", field)
        for index in range(len(field.rows) or field.max_rows or 50):
            slots = tuple(
                Slot(f"{field.key}.{index}.{column.key}", column, FIRST_COLUMN + place)
                for place, column in enumerate(columns(field))
                if column.type in INPUT
            )
            if slots:
                yield Line(f"{field.key}.{index}", field, slots, index)
        for result in field.results:
            yield Line(f"{field.key}.{result.key}", result, result=f"{field.key}.{result.key}")
    elif field.type in INPUT:
        yield Line(field.key, field, (Slot(field.key, field, FIRST_COLUMN),))
    elif field.type is FieldType.COMPUTED:
        yield Line(field.key, field)


def columns(table: Field) -> tuple[Field, ...]:
    """The columns of a table that a sheet can hold."""
    return tuple(one for one in table.columns if one.type in INPUT or one.type is FieldType.COMPUTED)


def template_digest(paper: Filled, form: Form) -> str:
    """Tells this template from every other: the form it was made of, and where its cells lie."""
    cells = [[sheet.section.key, [[line.key, line.field.type.value] for line in sheet.lines]] for sheet in plan(form)]
    inner = [[slot.name, slot.spec.type.value] for sheet in plan(form) for line in sheet.lines for slot in line.slots]
    return audit.digest_of({"format": FORMAT, "form": paper.report.form_digest, "rows": cells, "cells": inner})


# ---- values ---------------------------------------------------------------------------------------------------------
def cell_value(spec: Field, stored: Any) -> str | Decimal | date | None:
    """An answer as the sheet shows it: numbers as numbers, days as days, choices by their words, all else as text."""
    if forms.is_empty(stored):
        return None
    found: str | Decimal | date | None = None
    if spec.type is FieldType.NUMBER:
        number = forms.number(stored)
        found = number if number is not None and len(number.as_tuple().digits) <= EXACT else None
    elif spec.type is FieldType.DATE:
        day = forms.day(stored)
        found = day if day is not None and day.year >= OLDEST else None
    elif spec.type is FieldType.YESNO:
        answer = forms.yes(stored)
        found = None if answer is None else _("yes") if answer else _("no")
    elif spec.type is FieldType.CHOICE:
        found = next((say(one.label) for one in spec.choices if one.key == stored), None)
    return _clean(str(stored)) if found is None else found


def _clean(text: str) -> str:
    """Without the control characters that no sheet can hold, and no longer than a cell."""
    kept = (one for one in text.replace("\r\n", "\n") if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))
    return "".join(kept).strip()[:CELL]


def text_of(spec: Field, value: Any) -> str:
    """A cell's value as an answer is typed; the same for every way to write the same."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("yes" if value else "no") if spec.type is FieldType.YESNO else str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if spec.type is FieldType.DATE else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        value = Decimal(format(value, ".15g"))  # what the reader of the sheet sees of it
    text = format(value, "f") if isinstance(value, Decimal) else _clean(str(value))
    return _READ.get(spec.type, _as_is)(spec, text)


def _as_is(spec: Field, text: str) -> str:
    return text


def _number(spec: Field, text: str) -> str:
    found = forms.number(text)
    return text if found is None else format(found.normalize() if found else Decimal(0), "f")


def _day(spec: Field, text: str) -> str:
    """ "2025年3月9日" and "2025/3/9" are 2025-03-09."""
    plain = text.replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").replace(".", "-")
    try:
        year, month, day = (int(part) for part in plain.split("-"))
        return date(year, month, day).isoformat()
    except ValueError:
        return text


def _yesno(spec: Field, text: str) -> str:
    answer = forms.yes(text)
    return text if answer is None else "yes" if answer else "no"


def _choice(spec: Field, text: str) -> str:
    known = {name: one.key for one in spec.choices for name in (one.label.en, one.label.zh, one.key) if name}
    return known.get(text, text)


_READ = {
    FieldType.NUMBER: _number,
    FieldType.DATE: _day,
    FieldType.YESNO: _yesno,
    FieldType.CHOICE: _choice,
}


# ---- writing --------------------------------------------------------------------------------------------------------
BOLD, LARGE, QUIET, GREY = Font(bold=True), Font(size=16, bold=True), Font(color="666666"), Font(color="999999")
HEAD = PatternFill("solid", fgColor="E8EFEA")
THIN = Side(style="thin", color="BBBBBB")
BOX = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
WRAPPED = Alignment(wrap_text=True, vertical="top")


def name_of(paper: Filled) -> str:
    """The name the workbook is kept under."""
    words = {"name": paper.name, "year": paper.report.year}
    return attachments.safe_name(_("%(name)s %(year)s report figures.xlsx") % words)


def workbook(paper: Filled, draft: drafts.Draft, opened: drafts.Opened) -> bytes:
    """The workbook with what stands in the draft now. What is not open to the applicant can be read only."""
    book = Workbook()
    book.remove(book.worksheets[0])
    computed = engine.forms.values(draft.form, draft.data)
    lists: dict[tuple[str, ...], str] = {}
    for sheet in plan(draft.form):
        page = book.create_sheet(sheet.title)
        _Page(page, sheet, draft.data[sheet.section.key], computed, opened, lists).write()
    _write_hidden(book.create_sheet(HIDDEN), paper, draft, lists)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write_hidden(page: Any, paper: Filled, draft: drafts.Draft, lists: Mapping[tuple[str, ...], str]) -> None:
    """What the upload is checked against, and the words of the drop-downs."""
    page.append(["reference", paper.reference])
    page.append(["template", template_digest(paper, draft.form)])
    for key, row in draft.rows.items():
        page.append(["section", key, row.version])
    for place, words in enumerate(lists):
        for index, word in enumerate(words, 1):
            _put(page.cell(row=index, column=_LISTS + place), word)
    page.sheet_state = "veryHidden"
    page.protection.sheet = True


_LISTS = 5  # first column of the hidden sheet that holds drop-down words


def _put(cell: Any, value: Any) -> Any:
    """A text stays text whatever it begins with: nothing runs on the reader's computer."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in "=+-@"
    return cell


class _Page:
    """One sheet being written, from the top down."""

    def __init__(
        self,
        page: Any,
        sheet: Sheet,
        answers: Mapping[str, Any],
        computed: Mapping[str, Decimal | None],
        opened: drafts.Opened,
        lists: dict[tuple[str, ...], str],
    ) -> None:
        self.page, self.sheet, self.answers = page, sheet, answers
        self.computed, self.opened, self.lists = computed, opened, lists
        self.rules: dict[Any, DataValidation] = {}
        self.row = 0

    def write(self) -> None:
        page, width = self.page, self.sheet.width
        self._next(*(str(column) for column in range(1, width + 1)))
        self._next("", say(self.sheet.section.title))
        page.cell(row=2, column=2).font = LARGE
        self._next("", _("Fill in the white cells. Numbers that are worked out and files belong on the page."))
        page.cell(row=3, column=2).font = QUIET
        self._head("", [_("Item"), _("Answer"), _("Unit"), _("Note")])
        for line in self.sheet.lines:
            if not line.field.is_table:
                self._field(line)
            elif line.index is not None:
                self._table_row(line)
            else:
                self._table_head(line)
        page.row_dimensions[1].hidden = True
        page.column_dimensions["A"].hidden = True
        page.column_dimensions["B"].width = 38
        for column in range(FIRST_COLUMN, width + 1):
            page.column_dimensions[get_column_letter(column)].width = 34 if column == FIRST_COLUMN else 20
        page.freeze_panes = "C5"
        page.protection.sheet = True
        page.protection.formatColumns = page.protection.formatRows = page.protection.formatCells = False

    def _next(self, *values: Any) -> int:
        self.row += 1
        for column, value in enumerate(values, 1):
            if value not in ("", None):
                _put(self.page.cell(row=self.row, column=column), value)
        return self.row

    def _head(self, key: str, words: list[str]) -> None:
        row = self._next(key, *words)
        for column in range(2, 2 + len(words)):
            cell = self.page.cell(row=row, column=column)
            cell.font, cell.fill, cell.border, cell.alignment = BOLD, HEAD, BOX, WRAPPED

    def _field(self, line: Line) -> None:
        field = line.field
        need = f" *{_('required')}" if field.required else ""
        unit = say(field.unit.label) if field.unit else ""
        row = self._next(line.key, f"{say(field.label)}{need}", None, unit, say(field.help))
        for column in (2, 4, 5):
            self.page.cell(row=row, column=column).alignment = WRAPPED
        cell = self.page.cell(row=row, column=FIRST_COLUMN)
        if line.slots:
            self._answer(cell, line.slots[0], self.answers.get(field.key), field)
        else:
            self._worked_out(cell, f"{self.sheet.section.key}.{line.result or field.key}")

    def _table_head(self, line: Line) -> None:
        if line.key.endswith(":"):
            row = self._next(line.key, say(line.field.label), say(line.field.help))
            self.page.cell(row=row, column=2).font = BOLD
            return
        words = [_with_unit(one) for one in columns(line.field)]
        self._head(line.key, [_("Row"), *words])

    def _table_row(self, line: Line) -> None:
        table, index, fixed = line.field, line.index or 0, line.fixed
        rows = forms.rows_of(table, self.answers.get(table.key))
        stored = rows[index] if index < len(rows) else {}
        row = self._next(line.key, _row_label(line))
        self.page.cell(row=row, column=2).alignment = WRAPPED
        for slot in line.slots:
            cell = self.page.cell(row=row, column=slot.column)
            self._answer(cell, slot, stored.get(slot.spec.key), table, fixed)
        for place, column in enumerate(columns(table)):
            if column.type is FieldType.COMPUTED:
                cell = self.page.cell(row=row, column=FIRST_COLUMN + place)
                self._worked_out(cell, f"{self.sheet.section.key}.{table.key}.{index}.{column.key}")

    def _worked_out(self, cell: Any, path: str) -> None:
        value = self.computed.get(path)
        _put(cell, _("worked out by the portal") if value is None else value)
        cell.font, cell.border = GREY, BOX

    def _answer(self, cell: Any, slot: Slot, stored: Any, field: Field, fixed: FixedRow | None = None) -> None:
        _put(cell, cell_value(slot.spec, stored))
        cell.border, cell.alignment = BOX, WRAPPED
        cell.number_format = _FORMATS.get(slot.spec.type, "General")
        is_open = f"{self.sheet.section.key}.{field.key}" in self.opened
        cell.protection = Protection(locked=not is_open)
        if not is_open:
            cell.font = GREY
        rule = self._rule(slot.spec, fixed)
        if rule is not None:
            rule.add(cell)

    def _rule(self, spec: Field, fixed: FixedRow | None) -> DataValidation | None:
        """What the spreadsheet itself checks while one types; the portal checks all of it again."""
        bounds = (fixed.bounds.get(spec.key) if fixed else None) or (spec.min, spec.max)
        words = _words(spec)
        key = words or bounds
        if key == (None, None):
            return None
        if key not in self.rules:
            made = self._list(words) if words else _between(*bounds)
            made.showErrorMessage = True
            self.page.add_data_validation(made)
            self.rules[key] = made
        return self.rules[key]

    def _list(self, words: tuple[str, ...]) -> DataValidation:
        if words not in self.lists:
            letter = get_column_letter(_LISTS + len(self.lists))
            self.lists[words] = f"'{HIDDEN}'!${letter}$1:${letter}${len(words)}"
        return DataValidation(
            type="list", formula1=self.lists[words], allow_blank=True, error=_("Choose one of the list.")
        )


_FORMATS = {FieldType.TEXT: "@", FieldType.LONGTEXT: "@", FieldType.DATE: "yyyy-mm-dd"}


def _words(spec: Field) -> tuple[str, ...]:
    if spec.type is FieldType.YESNO:
        return _("yes"), _("no")
    return tuple(say(one.label) for one in spec.choices) if spec.type is FieldType.CHOICE else ()


def _between(least: Decimal | None, most: Decimal | None) -> DataValidation:
    operator = "between" if None not in (least, most) else "greaterThanOrEqual" if most is None else "lessThanOrEqual"
    first = str(most if least is None else least)
    second = str(most) if operator == "between" else None
    said = {"least": "−∞" if least is None else least, "most": "+∞" if most is None else most}
    return DataValidation(
        type="decimal",
        operator=operator,  # type: ignore[arg-type]  # one of three of its words
        formula1=first,
        formula2=second,
        allow_blank=True,
        error=_("A number from %(least)s to %(most)s.") % said,
    )


def _with_unit(column: Field) -> str:
    unit = f"（{say(column.unit.label)}）" if column.unit else ""
    need = f" *{_('required')}" if column.required else ""
    return f"{say(column.label)}{unit}{need}"


def _row_label(line: Line) -> str:
    fixed = line.fixed
    if fixed is None:
        return _("row %(number)s") % {"number": (line.index or 0) + 1}
    names = {column.key: say(column.label) for column in columns(line.field)}
    units = [f"{names[key]}: {say(unit.label)}" for key, unit in fixed.units.items() if key in names]
    return say(fixed.label) + (f"（{'; '.join(units)}）" if units else "")

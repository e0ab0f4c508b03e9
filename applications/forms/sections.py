"""One section of a policy form as an HTML form, and what was posted of it as answers.

Names on the page: `field` for a plain answer, `table.0.column` for a cell; `flat` and `read` are each other's inverse.
Input stays text as typed: what is wrong is said by the engine, nothing typed is lost.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.models import Evidence
from applications.selectors import shown
from applications.selectors.shown import say
from greenlist.core.http import whole
from greenlist.policy.engine import forms as engine_forms
from greenlist.policy.engine.types import Field, FieldType, FixedRow, Form, Section

SPARE = 1  # empty rows offered below the filled ones of a free table
MORE = 3  # … of a calculator, where several kinds of energy or water are the rule
YES_NO = (("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")))
FEW = 4  # so many choices or fewer are shown as radio buttons


# ---- names ----------------------------------------------------------------------------------------------------------
def flat(section: Section, answers: Mapping[str, Any]) -> dict[str, str]:
    """Every answer by its name on the page, as the page writes it."""
    found: dict[str, str] = {}
    for spec in section.fields:
        value = answers.get(spec.key)
        if spec.is_table:
            for index, row in enumerate(engine_forms.rows_of(spec, value)):
                for column in spec.columns:
                    if column.is_answered:
                        found[f"{spec.key}.{index}.{column.key}"] = written(column, row.get(column.key))
        elif spec.is_answered:
            found[spec.key] = written(spec, value)
    return found


def written(spec: Field, value: Any) -> str:
    """One value as its control holds it."""
    if spec.type is FieldType.YESNO:
        return {True: "yes", False: "no", None: ""}[engine_forms.yes(value)]
    return "" if value is None else str(value)


def read(section: Section, posted: Mapping[str, Any], only: Iterable[str] | None = None) -> dict[str, Any]:
    """Answers by field key; fields of which nothing was posted are left out, so they stay as they are.

    `only`: names the page says were touched (autosave); a touched cell brings its whole table.
    """
    touched = None if only is None else {name.partition(".")[0] for name in only}
    answers: dict[str, Any] = {}
    for spec in section.fields:
        if not spec.is_answered or (touched is not None and spec.key not in touched):
            continue
        if spec.is_table:
            if any(name.startswith(f"{spec.key}.") for name in posted):
                answers[spec.key] = _rows(spec, posted)
        elif spec.key in posted:
            answers[spec.key] = _value(spec, posted[spec.key])
    return answers


def _value(spec: Field, text: Any) -> Any:
    text = str(text).replace("\r\n", "\n").strip()
    if spec.type is FieldType.YESNO:
        answer = engine_forms.yes(text)
        return text if answer is None else answer
    return text


def _rows(spec: Field, posted: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = [column for column in spec.columns if column.is_answered]
    count = len(spec.rows) or _posted_rows(spec, posted)
    rows = []
    for index in range(count):
        cells = {c.key: _value(c, posted.get(f"{spec.key}.{index}.{c.key}", "")) for c in columns}
        rows.append({key: value for key, value in cells.items() if not engine_forms.is_empty(value)})
    while rows and not rows[-1] and not spec.rows:
        rows.pop()
    return rows


def _posted_rows(spec: Field, posted: Mapping[str, Any]) -> int:
    parts = (name.split(".")[1] for name in posted if name.startswith(f"{spec.key}."))
    indexes = [index for part in parts if (index := whole(part)) is not None]
    most = spec.max_rows or 50
    return min(max(indexes, default=-1) + 1, most + SPARE)


def label_of(section: Section, name: str) -> str:
    """What a name on the page is called: the field, or table · row · column."""
    key, _dot, rest = name.partition(".")
    spec = next((one for one in section.fields if one.key == key), None)
    if spec is None:
        return name
    index, _dot, column_key = rest.partition(".")
    column = next((one for one in spec.columns if one.key == column_key), None)
    return _cell_label(spec, int(index), column) if column else say(spec.label)


# ---- the page's form ------------------------------------------------------------------------------------------------
class SectionForm(forms.Form):
    """Controls of the fields that are open; nothing is validated here (the engine does, when the answers are saved)."""

    use_required_attribute = False  # a section may be saved half filled in

    def __init__(
        self,
        section: Section,
        answers: Mapping[str, Any],
        *,
        is_open: Callable[[str], bool],
        version: int = 0,
        spare: Mapping[str, int] | None = None,
        problems: Mapping[str, list[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options, initial={"version": version, **flat(section, answers)})
        self.section, self.answers = section, answers
        self.fields["version"] = forms.CharField(widget=forms.HiddenInput, required=False)
        for spec in section.fields:
            if not spec.is_answered or not is_open(f"{section.key}.{spec.key}"):
                continue
            if spec.is_table:
                more = (spare or {}).get(spec.key, MORE if spec.calculator else SPARE)
                for index in range(rows_shown(spec, answers.get(spec.key), more)):
                    for column in spec.columns:
                        if column.is_answered:
                            name = f"{spec.key}.{index}.{column.key}"
                            self.fields[name] = control(column, label=_cell_label(spec, index, column))
            else:
                self.fields[spec.key] = control(spec)
        self.shown_problems = dict(problems or {})

    def problem_of(self, name: str) -> str:
        return " ".join(self.shown_problems.get(name, ()))


def rows_shown(spec: Field, value: Any, spare: int) -> int:
    """Rows on the page: all fixed ones, or the filled ones and some empty ones below."""
    if spec.rows:
        return len(spec.rows)
    most = spec.max_rows or 50
    filled = len(engine_forms.rows_of(spec, value))
    return max(min(filled + spare, most), spec.min_rows, 1)


def _cell_label(spec: Field, index: int, column: Field) -> str:
    row = say(spec.rows[index].label) if spec.rows else _("row %(number)s") % {"number": index + 1}
    return f"{say(spec.label)} · {row} · {say(column.label)}"


def control(spec: Field, label: str = "") -> forms.Field:
    """The Django field of one open field or column; `required` is only said, for the form is never validated."""
    made = (_CELLS if label else _CONTROLS).get(spec.type, _line)(spec)
    made.required = spec.required and not label
    made.label = label or say(spec.label)
    made.help_text = "" if label else say(spec.help)
    return made


def _line(spec: Field) -> forms.Field:
    return forms.CharField(widget=forms.TextInput)


def _text(spec: Field) -> forms.Field:
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 4 if (spec.max_chars or 0) <= 500 else 6}))


def _number(spec: Field) -> forms.Field:
    mode = "numeric" if spec.decimals == 0 else "decimal"
    return forms.CharField(widget=forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off"}))


def _date(spec: Field) -> forms.Field:
    return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}))


def _choice(spec: Field, few: int = FEW) -> forms.Field:
    choices = [(choice.key, say(choice.label)) for choice in spec.choices]
    if len(choices) <= few:
        return forms.ChoiceField(choices=choices, widget=forms.RadioSelect)
    return forms.ChoiceField(choices=[("", _("please choose")), *choices], widget=forms.Select)


def _yesno(spec: Field) -> forms.Field:
    return forms.ChoiceField(choices=YES_NO, widget=forms.RadioSelect)


def _yesno_cell() -> forms.Field:
    return forms.ChoiceField(choices=[("", _("please choose")), *YES_NO], widget=forms.Select)


_CONTROLS = {
    FieldType.TEXT: _line,
    FieldType.LONGTEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.CHOICE: _choice,
    FieldType.YESNO: _yesno,
}

_CELLS = {**_CONTROLS, FieldType.CHOICE: lambda spec: _choice(spec, few=0), FieldType.YESNO: lambda spec: _yesno_cell()}


# ---- what the template walks through --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a control, or a worked-out value by its name."""

    label: str
    control: Any = None
    computed: str = ""
    value: str = ""
    unit: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    help: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One field of the section as the page shows it. `kind`: control | table | calculator | computed | files | locked."""

    kind: str
    spec: Field
    key: str
    path: str
    label: str
    help: str = ""
    clause: str = ""
    unit: str = ""
    required: bool = False
    control: Any = None
    counter: int | None = None
    least: int | None = None
    hint: str = ""
    problem: str = ""
    remark: str = ""
    origin: str = ""  # where the answer was taken from
    value: str = ""
    formula: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    has_row_labels: bool = False
    can_grow: bool = False
    locked: Any = None
    files: tuple[Evidence, ...] = ()
    is_open: bool = True
    worked: shown.ShownWork | None = None
    helps: tuple[str, ...] = ()  # below the head of each column
    notes: tuple[tuple[str, str], ...] = ()  # (item, what belongs there)


@dataclass(frozen=True, slots=True)
class Page:
    """What `blocks` needs besides the form."""

    form_spec: Form
    computed: Mapping[str, Any]
    files: Mapping[str, tuple[Evidence, ...]]
    is_open: Callable[[str], bool]
    remarks: Mapping[str, str]
    last: Mapping[str, str]
    worked: Mapping[str, shown.ShownWork] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def blocks(form: SectionForm, page: Page) -> list[Block]:
    """The section in reading order."""
    locked = {one.key: one for one in _shown(form, page)}
    return [_block(form, page, spec, locked[spec.key]) for spec in form.section.fields]


def _shown(form: SectionForm, page: Page) -> tuple[shown.ShownField, ...]:
    part = Form(key="", title=form.section.title, sections=(form.section,))
    answers = {form.section.key: form.answers}
    return shown.sections(part, answers, page.computed, page.files, worked=page.worked)[0].fields


def _block(form: SectionForm, page: Page, spec: Field, as_text: shown.ShownField) -> Block:
    path = f"{form.section.key}.{spec.key}"
    is_open = page.is_open(path)
    base: dict[str, Any] = {
        "spec": spec,
        "key": spec.key,
        "path": path,
        "label": say(spec.label),
        "help": say(spec.help),
        "clause": spec.clause,
        "unit": say(spec.unit.symbol) if spec.unit else "",
        "required": spec.required,
        "remark": page.remarks.get(path, ""),
        "hint": page.last.get(path, ""),
        "origin": page.origins.get(path, ""),
        "problem": form.problem_of(spec.key),
        "is_open": is_open,
    }
    if spec.type is FieldType.COMPUTED:
        value = page.computed.get(path)
        return Block("computed", **base, value="" if value is None else str(value), formula=say(spec.formula_text))
    if spec.type is FieldType.FILE:
        return Block("files", **base, files=page.files.get(path, ()))
    if spec.rows_from:
        return Block("calculator", **base, worked=page.worked.get(path))
    if not is_open:
        return Block("locked", **base, locked=as_text)
    if spec.is_table:
        return _table(form, page, spec, base)
    counted = spec.type is FieldType.LONGTEXT or spec.min_chars
    counter = spec.max_chars if counted else None
    return Block("control", **base, control=form[spec.key], counter=counter, least=spec.min_chars)


def _table(form: SectionForm, page: Page, spec: Field, base: dict[str, Any]) -> Block:
    count = sum(1 for name in form.fields if name.startswith(f"{spec.key}.") and name.endswith(f".{_first(spec)}"))
    head = tuple(
        say(column.label) + (f"（{say(column.unit.symbol)}）" if column.unit else "") for column in spec.columns
    )
    rows = tuple(_row(form, page, spec, index) for index in range(count))
    most = spec.max_rows or 50
    return Block(
        "calculator" if spec.calculator else "table",
        **base,
        head=head,
        rows=rows,
        has_row_labels=bool(spec.rows),
        can_grow=not spec.rows and count < most,
        worked=page.worked.get(base["path"]),
        helps=tuple(say(column.help) for column in spec.columns) if spec.calculator else (),
        notes=tuple((say(one.label), say(one.help)) for table in spec.tables for one in table.items if one.help.zh),
    )


def _first(spec: Field) -> str:
    return next(column.key for column in spec.columns if column.is_answered)


def _row(form: SectionForm, page: Page, spec: Field, index: int) -> Row:
    fixed = spec.rows[index] if spec.rows else None
    cells = tuple(_cell(form, page, f"{spec.key}.{index}.{column.key}", column, fixed) for column in spec.columns)
    return Row(say(fixed.label) if fixed else "", say(fixed.help) if fixed else "", cells)


def _cell(form: SectionForm, page: Page, name: str, column: Field, fixed: FixedRow | None) -> Cell:
    unit = fixed.units.get(column.key) if fixed else None
    label = say(column.label)
    if column.type is FieldType.COMPUTED:
        path = f"{form.section.key}.{name}"
        value = page.computed.get(path)
        return Cell(label, computed=path, value="" if value is None else str(value))
    return Cell(label, control=form[name], unit=say(unit.symbol) if unit else "", problem=form.problem_of(name))

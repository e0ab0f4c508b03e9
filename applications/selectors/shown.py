"""A filled form as people read it: one value after the other, in the reader's language. No rules, no queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from greenlist.policy.engine import forms
from greenlist.policy.engine.types import Field, FieldType, FixedRow, Form, Section, Text


@dataclass(frozen=True, slots=True)
class ShownTable:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...] = ()  # per column: right-aligned


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field with its value as text; `before` is what stood there before a correction, None where nothing was asked."""

    path: str  # section.field
    section: str
    key: str
    label: str
    help: str = ""
    type: str = "text"
    value: str = ""
    unit: str = ""
    formula: str = ""
    clause: str = ""
    contact: bool = False
    unverified: bool = False
    table: ShownTable | None = None
    files: tuple[Any, ...] = ()
    before: "ShownField | None" = None

    @property
    def is_empty(self) -> bool:
        return not (self.value or self.files or (self.table and self.table.rows))

    @property
    def is_changed(self) -> bool:
        """Differs from what stood there before the correction."""
        return self.before is not None and self._content() != self.before._content()

    def _content(self) -> tuple[Any, ...]:
        return self.value, self.table, tuple(getattr(file, "sha256", file) for file in self.files)


@dataclass(frozen=True, slots=True)
class ShownSection:
    key: str
    title: str
    intro: str = ""
    clause: str = ""
    fields: tuple[ShownField, ...] = field(default=())

    @property
    def was_open(self) -> bool:
        """Some field of it was open for correction."""
        return any(one.before is not None for one in self.fields)


def say(text: Text) -> str:
    """A text of the rule set in the reader's language."""
    return text.within(get_language() or "zh-hans")


def badges(kept: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The badges a case carries (priority industry), in the reader's language."""
    return tuple(say(Text(zh=one.get("zh", ""), en=one.get("en", ""))) for one in kept)


def sections(
    form: Form,
    data: Mapping[str, Any],
    computed: Mapping[str, Any],
    files: Mapping[str, Iterable[Any]],
    *,
    before: Mapping[str, ShownField] | None = None,
) -> tuple[ShownSection, ...]:
    """The whole form. `computed` and `files` by path "section.field"; `before` the fields to be compared."""
    return tuple(_section(part, data.get(part.key) or {}, computed, files, before or {}) for part in form.sections)


def by_path(shown: Iterable[ShownSection]) -> dict[str, ShownField]:
    return {one.path: one for part in shown for one in part.fields}


def _section(
    part: Section,
    answers: Mapping[str, Any],
    computed: Mapping[str, Any],
    files: Mapping[str, Iterable[Any]],
    before: Mapping[str, ShownField],
) -> ShownSection:
    fields = tuple(_field(part.key, spec, answers.get(spec.key), computed, files, before) for spec in part.fields)
    return ShownSection(part.key, say(part.title), say(part.intro), part.clause, fields)


def _field(
    section: str,
    spec: Field,
    value: Any,
    computed: Mapping[str, Any],
    files: Mapping[str, Iterable[Any]],
    before: Mapping[str, ShownField],
) -> ShownField:
    path = f"{section}.{spec.key}"
    is_table = spec.type is FieldType.TABLE
    given = computed.get(path) if spec.type is FieldType.COMPUTED else value
    return ShownField(
        path=path,
        section=section,
        key=spec.key,
        label=say(spec.label),
        help=say(spec.help),
        type=spec.type.value,
        value="" if is_table else text_of(spec, given),
        unit=say(spec.unit.label) if spec.unit else "",
        formula=say(spec.formula_text),
        clause=spec.clause,
        contact=spec.contact,
        unverified=bool(spec.unverified),
        table=_table(path, spec, value, computed) if is_table else None,
        files=tuple(files.get(path, ())),
        before=before.get(path),
    )


def _table(path: str, spec: Field, value: Any, computed: Mapping[str, Any]) -> ShownTable:
    head = [say(column.label) + (f" ({say(column.unit.label)})" if column.unit else "") for column in spec.columns]
    rows = []
    for index, row in enumerate(forms.rows_of(spec, value)):
        fixed = spec.rows[index] if spec.rows else None
        if not forms.has_input(spec, row, fixed):
            continue
        cells = [_cell(f"{path}.{index}", column, row, fixed, computed) for column in spec.columns]
        rows.append(tuple([say(fixed.label), *cells] if fixed else cells))
    numeric = [column.type in (FieldType.NUMBER, FieldType.COMPUTED) for column in spec.columns]
    first = spec.rows != ()
    return ShownTable(
        tuple([_("Item"), *head] if first else head), tuple(rows), tuple([False, *numeric] if first else numeric)
    )


def _cell(path: str, column: Field, row: Mapping[str, Any], fixed: FixedRow | None, computed: Mapping[str, Any]) -> str:
    given = computed.get(f"{path}.{column.key}") if column.type is FieldType.COMPUTED else row.get(column.key)
    text = text_of(column, given)
    unit = fixed.units.get(column.key) if fixed else None
    return f"{text} {say(unit.label)}" if text and unit else text


def text_of(spec: Field, value: Any) -> str:
    """One value as text: the label of a choice, 是 or 否, a day in full, a number with its thousands separated."""
    if forms.is_empty(value):
        return ""
    if spec.type is FieldType.CHOICE:
        return next((say(choice.label) for choice in spec.choices if choice.key == value), str(value))
    if spec.type is FieldType.YESNO:
        return {True: _("yes"), False: _("no"), None: str(value)}[forms.yes(value)]
    if spec.type is FieldType.DATE:
        day: date | None = forms.day(value)
        return date_format(day, _("j F Y")) if day else str(value)
    if spec.type in (FieldType.NUMBER, FieldType.COMPUTED):
        amount = forms.number(value)
        if amount is None:
            return str(value)
        is_count = spec.unit is None and spec.decimals == 0  # a year, an ordinal: no thousands separator
        return f"{amount:f}" if is_count else f"{amount:,f}"
    return str(value)

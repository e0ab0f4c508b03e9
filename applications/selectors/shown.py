"""A filled form as people read it: one value after the other, in the reader's language. No rules, no queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import compress
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from greenlist.policy import words
from greenlist.policy.engine import calculators, forms
from greenlist.policy.engine.types import Field, FieldType, FixedRow, Form, Section, Text

AGO = (gettext_lazy("year evaluated"), gettext_lazy("the year before"), gettext_lazy("two years before"))


@dataclass(frozen=True, slots=True)
class ShownTable:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...] = ()  # per column: right-aligned

    @property
    def columns(self) -> tuple[tuple[str, bool], ...]:
        """Heads with whether figures stand below them."""
        return tuple(zip(self.head, self.numeric or (False,) * len(self.head), strict=True))

    @property
    def cells(self) -> tuple[tuple[tuple[str, bool], ...], ...]:
        """Rows of cells, each with whether it is a figure."""
        numeric = self.numeric or (False,) * len(self.head)
        return tuple(tuple(zip(row, numeric, strict=True)) for row in self.rows)

    def without_empty_columns(self) -> "ShownTable":
        """The same without the columns that nobody filled in: a calculator offers more than most need."""
        if not self.rows:
            return self
        kept = [any(row[place] for row in self.rows) for place in range(len(self.head))]
        rows = tuple(tuple(compress(row, kept)) for row in self.rows)
        return ShownTable(tuple(compress(self.head, kept)), rows, tuple(compress(self.numeric, kept)))


@dataclass(frozen=True, slots=True)
class ShownResult:
    """One result of a calculator: a value for each year, or one for a product; `cells` are (path, value)."""

    label: str
    unit: str
    formula: str
    cells: tuple[tuple[str, str], ...]
    is_given: bool = True  # something to say; a product that nobody assigned anything to has nothing


@dataclass(frozen=True, slots=True)
class ShownWork:
    """What a calculator gives and how: results by year, every step with its factor and source, and what is doubtful."""

    path: str
    years: tuple[str, ...]
    results: tuple[ShownResult, ...]
    steps: str
    doubts: str
    sources: tuple[str, ...]

    @property
    def given(self) -> tuple[ShownResult, ...]:
        """The results that say something."""
        return tuple(one for one in self.results if one.is_given)

    @property
    def spare(self) -> int:
        """Columns that a result without earlier years leaves empty."""
        return len(self.years) - 1

    @property
    def table(self) -> ShownTable:
        """The results alone, as a table."""
        rows = tuple(
            (one.label, one.unit, *(value for _path, value in one.cells), *[""] * (len(self.years) - len(one.cells)))
            for one in self.given
        )
        numeric = (False, False, *[True] * len(self.years))
        return ShownTable((_("Result"), _("Unit"), *self.years), rows, numeric)


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
    work: ShownWork | None = None

    @property
    def is_empty(self) -> bool:
        worked = self.work and self.work.table.rows
        return not (self.value or self.files or (self.table and self.table.rows) or worked)

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
    def rows(self) -> tuple[tuple[ShownField, "ShownField | None"], ...]:
        """Each field with the evidence that belongs to it, if it wants any."""
        paths = {one.path for one in self.fields}
        proofs = {one.path.removesuffix("_evidence"): one for one in self.fields if one.path.endswith("_evidence")}
        beside = {one.path for row, one in proofs.items() if row in paths}
        pairs = ((one, proofs.get(one.path)) for one in self.fields if one.path not in beside)
        return tuple((one, None if proof and one.is_empty and proof.is_empty else proof) for one, proof in pairs)

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
    worked: Mapping[str, ShownWork] | None = None,
) -> tuple[ShownSection, ...]:
    """The whole form. `computed` and `files` by path "section.field"; `before` the fields to be compared."""
    work = works(form, data, computed) if worked is None else worked
    return tuple(
        _section(part, data.get(part.key) or {}, computed, files, before or {}, work) for part in form.sections
    )


# ---- calculators ----------------------------------------------------------------------------------------------------
def works(form: Form, data: Mapping[str, Any], computed: Mapping[str, Any]) -> dict[str, ShownWork]:
    """Every calculator of the form by its path, as people read it."""
    year = forms.year_of(form, data)
    return {
        path: _work(path, form.field(path), found, computed, year)
        for path, found in forms.calculations(form, data).items()
    }


def _work(
    path: str, spec: Field, found: calculators.Calculation, computed: Mapping[str, Any], year: int | None
) -> ShownWork:
    years = tuple(str(year - back) if year else str(AGO[back]) for back in range(spec.years))
    dated = len(years) > 1
    steps = [f"{years[line.back]} {words.working(line)}" if dated else words.working(line) for line in found.lines]
    tables = (f"{say(one.title)}（{say(one.source)}）" for one in spec.tables)
    return ShownWork(
        path=path,
        years=years,
        results=tuple(_results(path, spec, computed)),
        steps="\n".join(steps),
        doubts="\n".join(dict.fromkeys(words.doubt(one) for one in found.warnings)),
        sources=tuple(tables),
    )


def _results(path: str, spec: Field, computed: Mapping[str, Any]) -> Iterable[ShownResult]:
    by_key = {one.key: one for one in spec.results}
    for key, one in by_key.items():
        plain, _sign, back = key.rpartition("_")
        if plain in by_key and back in ("1", "2"):
            continue  # stands beside its year
        names = [key, *(name for name in (f"{key}_1", f"{key}_2") if name in by_key)]
        cells = tuple((f"{path}.{name}", text_of(by_key[name], computed.get(f"{path}.{name}"))) for name in names)
        unit = say(one.unit.symbol) if one.unit else ""
        is_given = any(says(spec, name, computed.get(f"{path}.{name}")) for name in names)
        yield ShownResult(say(one.label), unit, say(one.formula_text), cells, is_given)


def says(spec: Field, name: str, value: Any) -> bool:
    """Nothing, or nothing of a product, is no result: the table offers products that a unit does not have."""
    of_product = name.rpartition("_")[2] in {f"p{number}" for number in range(1, spec.products + 1)}
    return not forms.is_empty(value) and not (of_product and not forms.number(value))


def by_path(shown: Iterable[ShownSection]) -> dict[str, ShownField]:
    return {one.path: one for part in shown for one in part.fields}


def _section(
    part: Section,
    answers: Mapping[str, Any],
    computed: Mapping[str, Any],
    files: Mapping[str, Iterable[Any]],
    before: Mapping[str, ShownField],
    work: Mapping[str, ShownWork],
) -> ShownSection:
    fields = tuple(_field(part.key, spec, answers.get(spec.key), computed, files, before, work) for spec in part.fields)
    return ShownSection(part.key, say(part.title), say(part.intro), part.clause, fields)


def _field(
    section: str,
    spec: Field,
    value: Any,
    computed: Mapping[str, Any],
    files: Mapping[str, Iterable[Any]],
    before: Mapping[str, ShownField],
    work: Mapping[str, ShownWork],
) -> ShownField:
    path = f"{section}.{spec.key}"
    is_table = spec.is_table
    given = computed.get(path) if spec.type is FieldType.COMPUTED else value
    return ShownField(
        path=path,
        section=section,
        key=spec.key,
        label=say(spec.label),
        help=say(spec.help),
        type=spec.type.value,
        value="" if is_table else text_of(spec, given),
        unit=say(spec.unit.symbol) if spec.unit else "",
        formula=say(spec.formula_text),
        clause=spec.clause,
        contact=spec.contact,
        unverified=bool(spec.unverified),
        table=_table(path, spec, value, computed) if is_table and not spec.rows_from else None,
        files=tuple(files.get(path, ())),
        before=before.get(path),
        work=work.get(path),
    )


def _table(path: str, spec: Field, value: Any, computed: Mapping[str, Any]) -> ShownTable:
    head = [say(column.label) + (f" ({say(column.unit.symbol)})" if column.unit else "") for column in spec.columns]
    rows = []
    for index, row in enumerate(forms.rows_of(spec, value)):
        fixed = spec.rows[index] if spec.rows else None
        if not forms.has_input(spec, row, fixed):
            continue
        cells = [_cell(f"{path}.{index}", column, row, fixed, computed) for column in spec.columns]
        rows.append(tuple([say(fixed.label), *cells] if fixed else cells))
    numeric = [column.type in (FieldType.NUMBER, FieldType.COMPUTED) for column in spec.columns]
    first = spec.rows != ()
    table = ShownTable(
        tuple([_("Item"), *head] if first else head), tuple(rows), tuple([False, *numeric] if first else numeric)
    )
    return table.without_empty_columns() if spec.calculator else table


def _cell(path: str, column: Field, row: Mapping[str, Any], fixed: FixedRow | None, computed: Mapping[str, Any]) -> str:
    given = computed.get(f"{path}.{column.key}") if column.type is FieldType.COMPUTED else row.get(column.key)
    text = text_of(column, given)
    unit = fixed.units.get(column.key) if fixed else None
    return f"{text} {say(unit.symbol)}" if text and unit else text


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
        if spec.type is FieldType.COMPUTED and (spec.decimals or 0) > 2:
            amount = amount.normalize() if amount else Decimal(0)  # more places than anybody reads are cut when empty
        is_count = spec.unit is None and spec.decimals == 0  # a year, an ordinal: no thousands separator
        return f"{amount:f}" if is_count else f"{amount:,f}"
    return str(value)

"""Filled forms: what is wrong, what can be computed, how far each section is, which figures come out.

`data` is {section: {field: value}}; a table's value is a list of {column: value}, fixed rows in the order of the form.
Files live outside the data: `files` maps "section.field" to how many there are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from greenlist.policy.engine import calculators, formulas
from greenlist.policy.engine.form_spec import absolute, absolute_column
from greenlist.policy.engine.types import (
    Data,
    Field,
    FieldType,
    FixedRow,
    Form,
    FormFigure,
    Problem,
    Progress,
    Section,
    Text,
    Unit,
)

Files = Mapping[str, int]
MOST = Decimal("1e13")  # larger than any figure of a factory: a typing error
ABSURD = 20  # digits before the point of a computed value that only typing errors can give
YES = frozenset({"yes", "true", "on", "1", "是"})
NO = frozenset({"no", "false", "0", "否"})
UNSEEN = frozenset("\u200b\u200c\u200d\ufe0e\ufe0f\ufeff")  # joiners and variants: nothing a reader sees


# ---- reading single values ------------------------------------------------------------------------------------------
def number(value: Any) -> Decimal | None:
    """A number as people type it: full-width digits and thousands separators are understood. None when it is none."""
    if value is None or isinstance(value, bool):
        return None
    text = unicodedata.normalize("NFKC", str(value)).replace(",", "").replace(" ", "")
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and "e" not in text.lower() else None


def yes(value: Any) -> bool | None:
    """True, False, or None when nothing was answered."""
    if isinstance(value, bool):
        return value
    text = str(value or "").strip().lower()
    return True if text in YES else False if text in NO else None


def characters(value: Any) -> int:
    """How long a text is to its reader: a Chinese character, a letter, a space and a line end are one each (HEB-4a).

    What only changes the character before it (an accent, a variant, a joiner) is not counted: the page counts alike.
    """
    text = unicodedata.normalize("NFC", str(value or "").strip()).replace("\r\n", "\n")
    return sum(not unicodedata.combining(one) and one not in UNSEEN for one in text)


def day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value or "").strip())
    except ValueError:
        return None


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def rows_of(field: Field, value: Any) -> list[Mapping[str, Any]]:
    """A table's rows as mappings; a table with fixed rows always has all of them."""
    rows = [row if isinstance(row, Mapping) else {} for row in value] if isinstance(value, list) else []
    if field.rows:
        rows = (rows + [{}] * len(field.rows))[: len(field.rows)]
    return rows


def has_input(field: Field, row: Mapping[str, Any], fixed: FixedRow | None = None) -> bool:
    """Whether somebody typed anything in a row; a preset alone is not input."""
    presets = fixed.preset if fixed else {}
    return any(
        not is_empty(row.get(column.key)) and str(row.get(column.key)) != presets.get(column.key)
        for column in field.columns
        if column.type is not FieldType.COMPUTED
    )


def blank(form: Form, facts: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """A new form's data: presets of fixed rows, and what `facts` already tell (Field.prefill)."""
    data: dict[str, dict[str, Any]] = {}
    for section in form.sections:
        data[section.key] = {}
        for field in section.fields:
            if field.rows:
                data[section.key][field.key] = [dict(row.preset) for row in field.rows]
            elif field.prefill and (facts or {}).get(field.prefill) is not None:
                known = (facts or {})[field.prefill]
                data[section.key][field.key] = known.isoformat() if isinstance(known, date) else known
    return data


# ---- problems -------------------------------------------------------------------------------------------------------
def validate(form: Form, data: Data, files: Files | None = None, *, partial: bool = False) -> tuple[Problem, ...]:
    """Everything wrong with a filled form, in reading order. `partial`: what is still missing is no problem yet."""
    found: list[Problem] = []
    known = {section.key for section in form.sections}
    for key in data:
        if key not in known:
            found.append(Problem(path=str(key), code="unknown_section"))
    for section in form.sections:
        found.extend(validate_section(section, data.get(section.key) or {}, files, partial=partial))
    return tuple(found)


def validate_section(
    section: Section, data: Mapping[str, Any], files: Files | None = None, *, partial: bool = False
) -> tuple[Problem, ...]:
    """The same for one section: what autosave asks."""
    found: list[Problem] = []
    known = {field.key for field in section.fields}
    for key in data:
        if key not in known:
            found.append(Problem(path=f"{section.key}.{key}", code="unknown_field"))
    for field in section.fields:
        path = f"{section.key}.{field.key}"
        asked = is_asked(field, data)
        found.extend(_field_problems(field, data.get(field.key), path, (files or {}).get(path, 0), partial, asked))
    return tuple(found)


def is_asked(field: Field, siblings: Mapping[str, Any]) -> bool:
    """Whether an answer is required, given the answers beside it."""
    if field.required or any(_is_given(siblings.get(key)) for key in field.required_with):
        return True
    if field.required_if:
        sibling, *wanted = field.required_if
        return _plain(siblings.get(sibling)) in wanted
    return False


def _is_given(value: Any) -> bool:
    """Whether an answer is there that evidence can prove: "no" proves nothing, and so does an untouched table."""
    if isinstance(value, list):
        return any(_is_given(cell) for row in value if isinstance(row, Mapping) for cell in row.values())
    return not is_empty(value) and value is not False


def _plain(value: Any) -> str:
    """An answer as `required_if` writes it: yes and no for a boolean."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or "")


def _problem(field: Field, path: str, code: str, **params: Any) -> Problem:
    return Problem(path=path, code=code, params=params, label=field.label, clause=field.clause)


def _field_problems(field: Field, value: Any, path: str, files: int, partial: bool, asked: bool) -> Iterator[Problem]:
    if field.type is FieldType.COMPUTED:
        return
    if field.type is FieldType.FILE:
        yield from _file_problems(field, path, files, asked and not partial)
    elif field.rows_from:
        return  # answered by the rows of another calculator
    elif field.is_table:
        yield from _table_problems(field, value, path, partial, asked)
    elif is_empty(value):
        if asked and not partial:
            yield _problem(field, path, "required")
    else:
        yield from _CHECKS[field.type](field, value, path)


def _file_problems(field: Field, path: str, files: int, needed: bool) -> Iterator[Problem]:
    if needed and not files:
        yield _problem(field, path, "evidence_required")
    if field.max_files is not None and files > field.max_files:
        yield _problem(field, path, "too_many_files", max=field.max_files, given=files)


def _table_problems(field: Field, value: Any, path: str, partial: bool, asked: bool) -> Iterator[Problem]:
    if value is not None and not isinstance(value, list):
        yield _problem(field, path, "not_table")
        return
    rows = rows_of(field, value)
    filled = 0
    for index, row in enumerate(rows):
        fixed = field.rows[index] if field.rows else None
        if not has_input(field, row, fixed):
            continue
        filled += 1
        for column in field.columns:
            yield from _cell_problems(column, row, f"{path}.{index}.{column.key}", fixed, partial)
    if filled < max(field.min_rows, int(asked)) and not partial:
        yield _problem(field, path, "too_few_rows", min=max(field.min_rows, 1), given=filled)
    if field.max_rows is not None and len(rows) > field.max_rows:
        yield _problem(field, path, "too_many_rows", max=field.max_rows, given=len(rows))
    if field.calculator:
        for wrong in calculators.problems(field, entries(field, value)):
            column = next(one for one in field.columns if one.key == wrong.column)
            yield _problem(column, f"{path}.{wrong.row}.{wrong.column}", wrong.code, **wrong.params)


def _cell_problems(
    column: Field, row: Mapping[str, Any], path: str, fixed: FixedRow | None, partial: bool
) -> Iterator[Problem]:
    value = row.get(column.key)
    yield from _field_problems(column, value, path, 0, partial, is_asked(column, row))
    bounds = fixed.bounds.get(column.key) if fixed else None
    given = number(value)
    if bounds and given is not None and not bounds[0] <= given <= bounds[1]:
        yield _problem(column, path, "out_of_range", min=str(bounds[0]), max=str(bounds[1]), given=str(given))


def _written(field: Field, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _problem(field, path, "not_text")
        return
    given = characters(value)
    if field.max_chars is not None and given > field.max_chars:
        yield _problem(field, path, "too_long", max=field.max_chars, given=given)
    if field.min_chars is not None and given < field.min_chars:
        yield _problem(field, path, "too_short", min=field.min_chars, given=given)


def _number(field: Field, value: Any, path: str) -> Iterator[Problem]:
    given = number(value)
    if given is None:
        yield _problem(field, path, "not_number", given=str(value)[:40])
        return
    unit = {"zh": field.unit.label.zh, "en": field.unit.label.en} if field.unit else {"zh": "", "en": ""}
    if field.min is not None and given < field.min:
        yield _problem(field, path, "too_small", min=str(field.min), given=str(given), unit=unit)
    if given > (field.max if field.max is not None else MOST):
        yield _problem(field, path, "too_large", max=str(field.max or MOST), given=str(given), unit=unit)
    exponent = given.as_tuple().exponent
    if field.decimals is not None and isinstance(exponent, int) and -exponent > field.decimals:
        yield _problem(field, path, "too_many_decimals", max=field.decimals)


def _date(field: Field, value: Any, path: str) -> Iterator[Problem]:
    if day(value) is None:
        yield _problem(field, path, "not_date", given=str(value)[:40])


def _choice(field: Field, value: Any, path: str) -> Iterator[Problem]:
    known = [choice.key for choice in field.choices]  # a list: an answer may be anything, even unhashable
    if known and value not in known:
        yield _problem(field, path, "not_choice", given=str(value)[:40])


def _yesno(field: Field, value: Any, path: str) -> Iterator[Problem]:
    if yes(value) is None:
        yield _problem(field, path, "not_yesno", given=str(value)[:40])


_CHECKS: Mapping[FieldType, Callable[[Field, Any, str], Iterator[Problem]]] = {
    FieldType.TEXT: _written,
    FieldType.LONGTEXT: _written,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.CHOICE: _choice,
    FieldType.YESNO: _yesno,
}


# ---- calculators ----------------------------------------------------------------------------------------------------
def entries(field: Field, value: Any) -> list[calculators.Entry]:
    """The rows of a calculator as numbers; what is no number is missing."""
    rows = enumerate(rows_of(field, value))
    return [_entry(field, index, row) for index, row in rows if has_input(field, row)]


def _entry(field: Field, index: int, row: Mapping[str, Any]) -> calculators.Entry:
    def written(key: str) -> str:
        value = row.get(key)
        return value.strip() if isinstance(value, str) else ""

    _table, item = calculators.find(field.tables, written("item"))
    product = written("product")
    return calculators.Entry(
        row=index,
        item=written("item"),
        amounts=tuple(number(row.get(key)) for key in calculators.AMOUNTS[: field.years]),
        unit=written("unit"),
        limit=number(row.get("limit")),
        own=number(row.get("own")),
        use=written("use"),
        factor=written("factor"),
        product=int(product[1:]) if product[1:].isdecimal() else 0,
        times=calculators.times_of(field, written("use")),
        label=item.label if item else Text(),
    )


def calculations(form: Form, data: Data) -> dict[str, calculators.Calculation]:
    """Every calculator of a form, worked out, by its path."""
    reader = _Values(form, data)
    paths = ((section.key, field) for section in form.sections for field in section.fields if field.calculator)
    return {f"{section}.{field.key}": reader.calculation(section, field.key) for section, field in paths}


# ---- computed values ------------------------------------------------------------------------------------------------
class _Values:
    """Evaluates on demand and remembers; forms are checked at load to be free of circles."""

    def __init__(self, form: Form, data: Data) -> None:
        self.form, self.data = form, data
        self.known: dict[str, Decimal | None] = {}
        self.worked: dict[str, calculators.Calculation] = {}

    def at(self, path: str) -> Decimal | None:
        """The number at section.field, unrounded."""
        if path not in self.known:
            section, key, *result = path.split(".")
            field = self.form.field(path)
            if result:
                self.known[path] = self.calculation(section, key).results.get(result[-1])
            elif field.type is FieldType.COMPUTED:
                tree = formulas.read(field.formula)
                self.known[path] = formulas.evaluate(tree, lambda function, name: self.named(section, function, name))
            else:
                self.known[path] = number((self.data.get(section) or {}).get(key))
        return self.known[path]

    def named(self, section: str, function: str, name: str) -> Decimal | None:
        if function:
            return self.column(absolute_column(self.form, section, name), function)
        return self.at(absolute(section, name))

    def calculation(self, section: str, key: str) -> calculators.Calculation:
        path = f"{section}.{key}"
        if path not in self.worked:
            field = self.form.field(path)
            source = self.form.field(field.rows_from) if field.rows_from else field
            answers = self.data.get((field.rows_from or path).partition(".")[0]) or {}
            given = entries(source, answers.get(source.key))
            if field.rows_from:
                given = calculators.carried(source, field, given)
            self.worked[path] = calculators.work_out(field, given, year=year_of(self.form, self.data))
        return self.worked[path]

    def rows(self, section: str, table: str) -> list[Mapping[str, Any]]:
        field = self.form.section(section).field(table)
        return rows_of(field, (self.data.get(section) or {}).get(table))

    def column(self, path: str, function: str) -> Decimal | None:
        section, table, column = path.split(".")
        rows = self.rows(section, table)
        if function == "sum":
            values = [
                value for index in range(len(rows)) if (value := self.cell(section, table, index, column)) is not None
            ]
            return sum(values, Decimal(0)) if values else None
        dated = [(year, index) for index, row in enumerate(rows) if (year := number(row.get("year"))) is not None]
        return self.cell(section, table, max(dated)[1], column) if dated else None

    def cell(self, section: str, table: str, index: int, column: str) -> Decimal | None:
        path = f"{section}.{table}.{index}.{column}"
        if path not in self.known:
            field = self.form.section(section).field(table)
            spec = next(item for item in field.columns if item.key == column)
            row = self.rows(section, table)[index]
            if field.calculator and spec.type is FieldType.COMPUTED:
                self.known[path] = calculators.row_result(self.calculation(section, table), index)
            elif spec.type is FieldType.COMPUTED:
                keys = {item.key for item in field.columns}

                def lookup(function: str, name: str) -> Decimal | None:
                    if not function and name in keys:
                        return self.cell(section, table, index, name)
                    if name.endswith(formulas.OF_PRODUCT):
                        name = f"{name.removesuffix(formulas.OF_PRODUCT)}_p{index + 1}"
                    return self.named(section, function, name)

                self.known[path] = formulas.evaluate(formulas.read(spec.formula), lookup)
            else:
                self.known[path] = number(row.get(column))
        return self.known[path]


def rounded(field: Field, value: Decimal | None) -> Decimal | None:
    """As shown: commercial rounding to the field's decimals. None for what is absurdly large."""
    if value is None or value.adjusted() >= ABSURD:
        return None
    return value.quantize(Decimal(1).scaleb(-(field.decimals or 0)), rounding=ROUND_HALF_UP)


def values(form: Form, data: Data) -> dict[str, Decimal | None]:
    """Every computed value by its path, rounded as shown; None where something it needs is missing."""
    reader = _Values(form, data)
    found: dict[str, Decimal | None] = {}
    for section in form.sections:
        for field in section.fields:
            if field.type is FieldType.COMPUTED:
                path = f"{section.key}.{field.key}"
                found[path] = rounded(field, reader.at(path))
            for result in field.results:
                path = f"{section.key}.{field.key}.{result.key}"
                found[path] = rounded(result, reader.at(path))
            for column in field.columns:
                if column.type is FieldType.COMPUTED:
                    for index in range(len(reader.rows(section.key, field.key))):
                        path = f"{section.key}.{field.key}.{index}.{column.key}"
                        found[path] = rounded(column, reader.cell(section.key, field.key, index, column.key))
    return found


def unverified(form: Form, path: str) -> dict[Text, str]:
    """What nobody has compared with its source of the factor tables that `path` is worked out with, by the table's title."""
    section, key, *_result = path.split(".")
    field = form.section(section).field(key)
    found = {one.title: one.unverified for one in field.tables if not one.verified}
    names: Iterable[tuple[str, str]] = [("", field.rows_from)] if field.rows_from else []
    if field.type is FieldType.COMPUTED:
        names = formulas.names(formulas.read(field.formula))
    for function, name in names:
        found |= unverified(form, absolute_column(form, section, name) if function else absolute(section, name))
    return found


def sources(form: Form, path: str) -> tuple[str, ...]:
    """The fields into which somebody types what `path` says: itself, or what it is worked out from. Raises KeyError."""
    section, _dot, key = path.partition(".")
    field = form.section(section).field(key)
    if field.rows_from:
        return sources(form, field.rows_from)
    if field.type is not FieldType.COMPUTED:
        return (path,)
    named = formulas.names(formulas.read(field.formula))
    read = (absolute_column(form, section, name) if function else absolute(section, name) for function, name in named)
    fields = (".".join(one.split(".")[:2]) for one in read)
    return tuple(dict.fromkeys(one for name in fields for one in sources(form, name)))


# ---- progress -------------------------------------------------------------------------------------------------------
def progress(form: Form, data: Data, files: Files | None = None) -> tuple[Progress, ...]:
    """One line a section: required answers given of those asked."""
    return tuple(_progress(section, data.get(section.key) or {}, files or {}) for section in form.sections)


def _progress(section: Section, data: Mapping[str, Any], files: Files) -> Progress:
    asked = [field for field in section.fields if is_asked(field, data) or field.min_rows]
    done = sum(_answered(field, data.get(field.key), files.get(f"{section.key}.{field.key}", 0)) for field in asked)
    problems = validate_section(section, data, files, partial=True)
    missing = sum(1 for problem in validate_section(section, data, files) if problem.path.count(".") > 1)
    return Progress(
        section=section.key,
        title=section.title,
        done=done,
        total=len(asked),
        problems=max(len(problems), missing),
    )


def _answered(field: Field, value: Any, files: int) -> bool:
    if field.type is FieldType.FILE:
        return files > 0
    if field.is_table:
        rows = rows_of(field, value)
        fixed = field.rows or (None,) * len(rows)
        filled = sum(has_input(field, row, spec) for row, spec in zip(rows, fixed, strict=True))
        return filled >= max(field.min_rows, 1)
    return not is_empty(value)


# ---- facts ----------------------------------------------------------------------------------------------------------
def told(form: Form, data: Data) -> dict[str, Any]:
    """What the answers tell the rules, by fact name (`Field.fact`); an answer that is missing or none tells nothing."""
    found: dict[str, Any] = {}
    computed = values(form, data) if any(field.fact for section in form.sections for field in section.fields) else {}
    for section in form.sections:
        for field in section.fields:
            if field.fact:
                answer = (data.get(section.key) or {}).get(field.key)
                value = _said(field, answer, computed.get(f"{section.key}.{field.key}"))
                if value is not None:
                    found[field.fact] = value
    return found


def _said(field: Field, answer: Any, computed: Decimal | None) -> Any:
    if field.type is FieldType.COMPUTED:
        return computed
    if field.type is FieldType.TABLE:
        named = (str(row.get("code") or row.get("name") or "").strip() for row in answer or ())
        return tuple(word for word in named if word) or None
    read = {FieldType.NUMBER: number, FieldType.YESNO: yes, FieldType.DATE: day}.get(field.type)
    return read(answer) if read else answer if not is_empty(answer) else None


# ---- figures --------------------------------------------------------------------------------------------------------
def figures(form: Form, data: Data) -> tuple[FormFigure, ...]:
    """Every number marked as a figure, in its base unit, with its year: what statistics and checks may query."""
    computed = values(form, data)
    year = year_of(form, data)
    found: list[FormFigure] = []
    for section in form.sections:
        answers = data.get(section.key) or {}
        for field in section.fields:
            path = f"{section.key}.{field.key}"
            if field.figure and not field.calculator:
                value = computed.get(path) if field.type is FieldType.COMPUTED else number(answers.get(field.key))
                found.extend(_figure(path, value, field.unit, year))
            found.extend(_result_figures(field, path, computed, year))
            for index, row in enumerate(rows_of(field, answers.get(field.key)) if field.columns else ()):
                found.extend(_row_figures(field, path, index, row, computed, year))
    return tuple(found)


def _result_figures(
    field: Field, path: str, computed: Mapping[str, Decimal | None], year: int | None
) -> Iterator[FormFigure]:
    """Results of a calculator, those of earlier years under the same key with their own year."""
    for result in field.results if field.figure else ():
        key, _sign, back = result.key.rpartition("_")
        earlier = int(back) if back in ("1", "2") and key else 0
        then = year - earlier if year is not None else None
        yield from _figure(
            f"{path}.{key if earlier else result.key}", computed.get(f"{path}.{result.key}"), result.unit, then
        )


def year_of(form: Form, data: Data) -> int | None:
    """The year the figures are of, if the form asks for one and it is answered."""
    if not form.year:
        return None
    section, key = form.year.split(".")
    found = number((data.get(section) or {}).get(key))
    return int(found) if found is not None else None


def _row_figures(
    field: Field,
    path: str,
    index: int,
    row: Mapping[str, Any],
    computed: Mapping[str, Decimal | None],
    year: int | None,
) -> Iterator[FormFigure]:
    fixed = field.rows[index] if field.rows else None
    if not has_input(field, row, fixed):
        return
    own_year = number(row.get("year"))
    for column in field.columns:
        if not column.figure:
            continue
        cell = f"{path}.{index}.{column.key}"
        value = computed.get(cell) if column.type is FieldType.COMPUTED else number(row.get(column.key))
        unit = (fixed.units.get(column.key) if fixed else None) or column.unit
        key = f"{path}.{fixed.key}.{column.key}" if fixed else f"{path}.{column.key}"
        yield from _figure(key, value, unit, int(own_year) if own_year is not None else year)


def _figure(key: str, value: Decimal | None, unit: Unit | None, year: int | None) -> Iterator[FormFigure]:
    if value is not None:
        yield FormFigure(key=key, value=value * (unit.factor if unit else 1), unit=unit.base if unit else "", year=year)

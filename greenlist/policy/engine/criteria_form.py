"""A criteria set as form sections: each indicator row becomes ordinary fields, so that it is filled in, corrected,
printed and exported like any other answer. Points and reference values never get into a field: see `scoring`.

The fields of a row: `<row>` (its value; `<row>_<case>` with alternatives, `<row>_y1` … with three years), `<row>_case`,
`<row>_base` and `<row>_lead` where a norm gives them, `<row>_applies` and `<row>_why_not`, `<row>_note`,
`<row>_evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from greenlist.policy.engine import calculators, formulas
from greenlist.policy.engine.criteria_types import (
    BASIC,
    INPUTS,
    MEASURED,
    PREFIX,
    YESNO_KINDS,
    Criteria,
    Group,
    Input,
    Kind,
    Measure,
    Requirement,
    Row,
    Wants,
)
from greenlist.policy.engine.types import Choice, Field, FieldType, FixedRow, Form, Section, Text

NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
MOST_CHARS = 1000
EVIDENCE = Text("证明材料", "Evidence")
APPLIES = Text("本项是否适用", "Does this indicator apply?")
WHY_NOT = Text("不适用的理由", "Why it does not apply")
NOTE = Text("说明", "Explanation")
CASE = Text("适用情形", "Which case applies")
BASE = Text("所依据标准的基准值（准入值、2 级）", "Base value in the norm (access value, grade 2)")
LEAD = Text("所依据标准的引领值（先进值、1 级）", "Lead value in the norm (advanced value, grade 1)")
NORM = Text("所依据的标准编号", "Number of the norm")
MET = Text("符合", "met")
PRODUCT = Text("产品名称", "Product")
ENERGY = Text("该产品综合能耗（tce，作为权重）", "Energy of this product (tce, its weight)")
OWN = Text("按所依据标准的统计边界另行核算", "counted by the bounds of the norm")
OWN_HELP = Text("选填；不填则按计算器中归入该产品的数量", "")
BY_CALCULATOR = Text(
    "另行核算的数值；没有填写的，取计算器归入该产品的数量（第一行为产品1）",
    "what is typed, else what the calculator puts down to this product (the first row is product 1)",
)
VALUE = Text("指标值", "Value")
BASIC_TITLE = Text("基本要求", "Basic requirements")
INPUTS_TITLE = Text("指标基础数据", "Figures the indicators are worked out from")
YEARS: Mapping[str, Text] = {
    "y1": Text("评价年度前两年", "two years before the year evaluated"),
    "y2": Text("评价年度前一年", "the year before the year evaluated"),
    "y3": Text("评价年度", "the year evaluated"),
}


def years_of(criteria: Criteria) -> tuple[str, ...]:
    """The suffixes of the years that are asked for, oldest first; one empty suffix where only one is."""
    return tuple(YEARS)[-criteria.years :] if criteria.years > 1 else ("",)


def form_of(criteria: Criteria) -> Form:
    """The generated sections as a form of their own: what scoring computes with."""
    return Form(
        key=f"criteria-{criteria.slug}", title=criteria.title, sections=sections(criteria), units=criteria.units
    )


def sections(criteria: Criteria, clause: str = "") -> tuple[Section, ...]:
    """The set's sections; `clause` is that by which the rule set applies it."""
    found = []
    if criteria.requirements:
        fields = tuple(one for item in criteria.requirements for one in _requirement(item, clause))
        found.append(Section(key=f"{PREFIX}{BASIC}", title=BASIC_TITLE, fields=fields, clause=clause))
    if criteria.inputs:
        fields = tuple(one for item in criteria.inputs for one in _input(criteria, item))
        found.append(Section(key=f"{PREFIX}{INPUTS}", title=INPUTS_TITLE, fields=fields, clause=clause))
    return (*found, *(_group(criteria, group, clause) for group in criteria.groups))


def composed(form: Form, criteria: Criteria | None, clause: str = "") -> Form:
    """A rule set's form with the sections of a criteria set after its own."""
    if criteria is None:
        return form
    units = {**criteria.units, **form.units}
    return replace(form, sections=(*form.sections, *sections(criteria, clause)), units=units)


# ---- parts ----------------------------------------------------------------------------------------------------------
def _requirement(item: Requirement, clause: str) -> Iterator[Field]:
    yield Field(
        key=item.key, type=FieldType.YESNO, label=item.text, help=item.help, required=True, unverified=item.unverified
    )
    yield from _evidence(item.key, item.evidence, item.text, (item.key,), ())


def _input(criteria: Criteria, item: Input) -> Iterator[Field]:
    if item.calculator:
        yield _calculator(criteria, item)
        return
    for year in years_of(criteria):
        made = _number(item, f"{item.key}{_tail(year)}", _of_year(item.label, year))
        yield _computed(made, absolute(criteria, item.formula, year), item.formula_text) if item.formula else made


def _computed(field: Field, formula: str, text: Text) -> Field:
    """The same number, worked out instead of typed."""
    return replace(
        field,
        type=FieldType.COMPUTED,
        formula=formula,
        formula_text=text,
        required=False,
        min=None,
        max=None,
    )


def _calculator(criteria: Criteria, item: Input) -> Field:
    """Rows of amounts, counted with the factor tables that the report has pinned."""
    return calculators.shaped(
        Field(
            key=item.key,
            type=FieldType.CALCULATOR,
            label=item.label,
            help=item.help,
            required=item.required and not item.rows_from,
            calculator=item.calculator,
            factors=item.factors,
            years=item.years,
            every_year=criteria.years > 1,
            products=item.products,
            rows_from=f"{PREFIX}{INPUTS}.{item.rows_from}" if item.rows_from else "",
            national=item.national,
            max_rows=40,
            figure=True,
        )
    )


def _number(item: Input, key: str, label: Text) -> Field:
    return Field(
        key=key,
        type=FieldType.NUMBER,
        label=label,
        help=item.help,
        required=item.required,
        unit=item.unit,
        min=item.min,
        max=item.max,
        decimals=item.decimals,
        figure=True,
    )


def _tail(year: str) -> str:
    return f"_{year}" if year else ""


def _of_year(label: Text, year: str) -> Text:
    if not year:
        return label
    return Text(f"{label.zh}（{YEARS[year].zh}）", f"{label.en} ({YEARS[year].en})")


def _joined(label: Text, more: Text) -> Text:
    return Text(f"{label.zh}：{more.zh}", f"{label.en}: {more.en}")


def title_of(row: Row) -> Text:
    """The row's name with its number, and that of its second-level indicator where they differ."""
    zh, en = row.label.zh, row.label.en
    if row.second != row.label:
        zh, en = f"{row.second.zh}：{zh}", f"{row.second.en}: {en}"
    return Text(f"{row.no} {zh}".strip(), f"{row.no} {en}".strip())


def _group(criteria: Criteria, group: Group, clause: str) -> Section:
    fields = tuple(one for row in group.rows for one in _row(criteria, row))
    return Section(
        key=f"{PREFIX}{group.key}",
        title=group.title,
        fields=fields,
        intro=group.intro,
        clause=clause,
        unverified=group.unverified,
    )


def _row(criteria: Criteria, row: Row) -> Iterator[Field]:
    title = title_of(row)
    asked: tuple[str, ...] = ()
    if row.may_be_not_applicable:
        asked = (f"{row.key}_applies", "yes")
        yield Field(key=asked[0], type=FieldType.YESNO, label=_joined(title, APPLIES), required=True)
        yield Field(
            key=f"{row.key}_why_not",
            type=FieldType.LONGTEXT,
            label=_joined(title, WHY_NOT),
            required_if=(asked[0], "no"),
            max_chars=MOST_CHARS,
        )
    values = list(_values(criteria, row, title, asked))
    yield from values
    typed = tuple(one.key for one in values if one.type is not FieldType.COMPUTED)
    yield from _evidence(row.key, row.evidence, title, typed, asked)


def _values(criteria: Criteria, row: Row, title: Text, asked: tuple[str, ...]) -> Iterator[Field]:
    if row.kind in YESNO_KINDS:
        for year in years_of(criteria):
            label = _of_year(title, year)
            key = f"{row.key}{_tail(year)}"
            yield _asked(Field(key=key, type=FieldType.YESNO, label=label, help=row.help), row, asked)
    elif row.kind is Kind.QUALITATIVE:
        yield from _qualitative(criteria, row, title, asked)
    elif row.items:
        for year in years_of(criteria):
            yield _asked(_list(row, f"{row.key}{_tail(year)}", _of_year(title, year)), row, asked)
    elif not row.has_alternatives:
        yield from _measure(criteria, row, row.measures[0], row.key, title, asked)
    else:
        cases = tuple(Choice(one.key, one.when) for one in row.measures)
        yield _asked(
            Field(key=f"{row.key}_case", type=FieldType.CHOICE, label=_joined(title, CASE), choices=cases), row, asked
        )
        for measure in row.measures:
            label = _joined(title, measure.when)
            yield from _measure(
                criteria, row, measure, f"{row.key}_{measure.key}", label, (f"{row.key}_case", measure.key)
            )


def _asked(field: Field, row: Row, asked: tuple[str, ...]) -> Field:
    """Required always, only where the row applies or the case was chosen, or (`required = false`) never."""
    if not row.required:
        return field
    return replace(field, required_if=asked) if asked else replace(field, required=True)


def _qualitative(criteria: Criteria, row: Row, title: Text, asked: tuple[str, ...]) -> Iterator[Field]:
    note = Field(
        key=f"{row.key}_note",
        type=FieldType.LONGTEXT,
        label=_joined(title, NOTE),
        help=row.help,
        max_chars=MOST_CHARS,
    )
    if not row.levels:
        yield _asked(note, row, asked)
        return
    levels = tuple(Choice(level.key, level.label) for level in row.levels)
    for year in years_of(criteria):
        key, label = f"{row.key}{_tail(year)}", _of_year(title, year)
        yield _asked(Field(key=key, type=FieldType.CHOICE, label=label, choices=levels, help=row.help), row, asked)
    yield note


def _list(row: Row, key: str, title: Text) -> Field:
    """A count: a fixed row for each item, with a yes or a no."""
    rows = tuple(FixedRow(key=item.key, label=item.label) for item in row.items)
    column = Field(key="met", type=FieldType.YESNO, label=MET)
    return Field(
        key=key, type=FieldType.TABLE, label=title, help=row.help, columns=(column,), rows=rows, max_rows=len(rows)
    )


def _measure(
    criteria: Criteria, row: Row, measure: Measure, key: str, label: Text, asked: tuple[str, ...]
) -> Iterator[Field]:
    if measure.products:
        yield _asked(_products(criteria, row, measure, key, label), row, asked)
        return
    for year in years_of(criteria):
        yield _single(criteria, row, measure, f"{key}{_tail(year)}", _of_year(label, year), year, asked)
    if measure.typed:
        for suffix, text in (("base", BASE), ("lead", LEAD)):
            yield _asked(_plain(measure, f"{key}_{suffix}", _joined(label, text)), row, asked)
        yield _asked(
            Field(key=f"{key}_norm", type=FieldType.TEXT, label=_joined(label, NORM), max_chars=100), row, asked
        )


def _single(
    criteria: Criteria, row: Row, measure: Measure, key: str, label: Text, year: str, asked: tuple[str, ...]
) -> Field:
    if measure.formula:
        return Field(
            key=key,
            type=FieldType.COMPUTED,
            label=label,
            help=row.help,
            unit=measure.unit,
            decimals=measure.decimals,
            formula=absolute(criteria, measure.formula, year),
            formula_text=_referred(measure),
            figure=True,
        )
    return _asked(replace(_plain(measure, key, label), help=row.help, figure=True), row, asked)


def _referred(measure: Measure) -> Text:
    """The formula as people write it, with its place in the standard."""
    text, ref = measure.formula_text, measure.formula_ref
    return Text(f"{text.zh}（{ref}）", f"{text.en} ({ref})") if ref else text


def _plain(measure: Measure, key: str, label: Text) -> Field:
    least = Decimal(0) if measure.min is None else measure.min
    return Field(
        key=key,
        type=FieldType.NUMBER,
        label=label,
        unit=measure.unit,
        min=least,
        max=measure.max,
        decimals=measure.decimals,
    )


def _products(criteria: Criteria, row: Row, measure: Measure, key: str, label: Text) -> Field:
    products = measure.products
    assert products is not None
    unit = f"（{measure.unit.symbol.zh}）" if measure.unit else ""
    unit_en = f" ({measure.unit.symbol.en})" if measure.unit else ""
    value = replace(_plain(measure, "value", Text(f"{VALUE.zh}{unit}", f"{VALUE.en}{unit_en}")), required=True)
    if products.formula:
        value = _computed(value, products.formula, products.formula_text)
    weight = Field(key="energy", type=FieldType.NUMBER, label=ENERGY, required=True, min=Decimal(0), decimals=4)
    numbers = [(weight, products.energy)]
    numbers += [(replace(_number(one, one.key, one.label), figure=False), one.of_product) for one in products.columns]
    columns = [
        Field(key="name", type=FieldType.TEXT, label=PRODUCT, required=True, max_chars=60),
        *(column for number, source in numbers for column in _of_product(criteria, number, source)),
        value,
    ]
    if measure.typed:
        columns += [replace(_plain(measure, "base", BASE), required=True)]
        columns += [replace(_plain(measure, "lead", LEAD), required=True)]
        columns += [Field(key="norm", type=FieldType.TEXT, label=NORM, required=True, max_chars=100)]
    return Field(
        key=key, type=FieldType.TABLE, label=label, help=row.help, columns=tuple(columns), max_rows=products.most
    )


def _of_product(criteria: Criteria, number: Field, source: str) -> Iterator[Field]:
    """A product's number: typed, or what a calculator puts down to the product unless something else is typed."""
    if not source:
        yield number
        return
    typed = replace(number, key=f"{number.key}_own", label=_joined(number.label, OWN), help=OWN_HELP, required=False)
    yield typed
    counted = f"{PREFIX}{INPUTS}.{source}{formulas.OF_PRODUCT}"
    yield _computed(number, f"{formulas.KNOWN}({typed.key}, {counted})", BY_CALCULATOR)


def _evidence(
    key: str, wants: Wants | None, title: Text, values: tuple[str, ...], asked: tuple[str, ...]
) -> Iterator[Field]:
    """Files, wanted once a value is given; beside a computed value as soon as the row applies."""
    if wants is None:
        return
    field = Field(
        key=f"{key}_evidence",
        type=FieldType.FILE,
        label=_joined(title, wants.label or EVIDENCE),
        help=wants.help,
        max_files=wants.max_files,
    )
    if wants.required and values:
        field = replace(field, required_with=values)
    elif wants.required:
        field = replace(field, required_if=asked) if asked else replace(field, required=True)
    yield field


# ---- formulas -------------------------------------------------------------------------------------------------------
def absolute(criteria: Criteria, formula: str, year: str = "") -> str:
    """The formula with each name as its full path. An unknown name stays, and is told when the file is checked."""
    return NAME.sub(lambda found: resolve(criteria, found.group(), year) or found.group(), formula)


def resolve(criteria: Criteria, name: str, year: str = "") -> str | None:
    """A name in a formula → the path of the number: an input, a result of a calculator, or `group.row` of another row."""
    head, _dot, rest = name.partition(".")
    suffix = f"_{year}" if year else ""
    for one in criteria.inputs:
        if one.key == head and bool(one.calculator) == bool(rest):
            if not one.calculator:
                return f"{PREFIX}{INPUTS}.{head}{suffix}"
            back = list(YEARS)[::-1].index(year) if year else 0  # a calculator has all its years in one field
            return f"{PREFIX}{INPUTS}.{head}.{rest}{f'_{back}' if back else ''}"
    for row in criteria.rows:
        if row.path == name and row.kind in MEASURED and not row.has_alternatives and not row.items:
            return f"{row.section}.{row.key}{suffix}" if row.measures[0].products is None else None
    return None


def row_at(criteria: Criteria, path: str) -> Row | None:
    """The row that a field at `section.field` belongs to."""
    section, _dot, key = path.partition(".")
    for row in criteria.rows:
        if row.section == section and (key == row.key or key.startswith(f"{row.key}_")):
            others = (one.key for one in criteria.rows if one.group == row.group and len(one.key) > len(row.key))
            if not any(key == one or key.startswith(f"{one}_") for one in others):
                return row
    return None

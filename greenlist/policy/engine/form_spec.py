"""Form files → `Form`: the ten field types, their closed keys, and formulas that name only what exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from greenlist.policy.engine import calculators, factors, formulas
from greenlist.policy.engine.reading import Log, Node, close
from greenlist.policy.engine.types import (
    Choice,
    Clause,
    FactTable,
    Field,
    FieldType,
    FixedRow,
    Form,
    Section,
    Unit,
    UsualRange,
)

PAPERS = ("experience",)  # what a section may be printed as, apart from the report
NUMERIC = frozenset({FieldType.NUMBER, FieldType.COMPUTED})
IN_TABLE = frozenset(
    {FieldType.TEXT, FieldType.NUMBER, FieldType.DATE, FieldType.CHOICE, FieldType.YESNO, FieldType.COMPUTED}
)


def read_form(
    file: str, data: Mapping[str, object], *, clauses: Mapping[str, Clause], prefix: str, facts: FactTable, log: Log
) -> Form:
    """One form file. Mistakes go to the log."""
    root = Node(data, file=file, key="", log=log, clauses=clauses, prefix=prefix)
    head = root.table("form", required=True) or root.child({}, "form")
    units = {key: _unit(key, node) for key, node in root.named("unit")}
    form = Form(
        key=head.text("key"),
        title=head.words("title"),
        source=head.words("source", required=False),
        unverified=head.text("unverified", required=False),
        year=head.text("year", required=False),
        units=units,
        sections=tuple(_section(node, units, facts) for node in root.tables("section")),
        jump=head.decimal("jump"),
        ranges=tuple(_range(node) for node in root.tables("range")),
    )
    for position, one in enumerate(form.ranges, start=1):
        if not _has(form, one.field):
            root.wrong(f"range.{position}.field", "names no field: %(path)s", path=one.field)
    if form.year and not _has(form, form.year):
        head.wrong("year", "names no field: %(path)s", path=form.year)
    close([head, root])
    check_formulas(form, root)
    return form


def _has(form: Form, path: str) -> bool:
    try:
        form.field(path)
    except (KeyError, ValueError):
        return False
    return True


def _range(node: Node) -> UsualRange:
    """Between which numbers a figure usually lies; outside it is a doubt, never an error."""
    least, most = node.decimal("min"), node.decimal("max")
    if least is None and most is None:
        node.wrong("min", "is missing: give min, max, or both")
    if least is not None and most is not None and least > most:
        node.wrong("min", "is greater than max")
    found = UsualRange(
        field=node.text("field"),
        industry=node.text("industry", required=False),
        least=least,
        most=most,
        unverified=node.text("unverified", required=False),
    )
    node.done()
    return found


def _unit(key: str, node: Node) -> Unit:
    unit = Unit(
        key=key,
        label=node.words("label"),
        base=node.text("base", required=False, default=key),
        factor=node.decimal("factor") or Decimal(1),
    )
    node.done()
    return unit


def _section(node: Node, units: Mapping[str, Unit], facts: FactTable) -> Section:
    only_with = node.text("only_with", required=False)
    fields = tuple(_field(child, units, facts) for child in node.tables("field"))
    _check_siblings(node, fields)
    section = Section(
        key=node.identifier(),
        title=node.words("title"),
        intro=node.words("intro", required=False),
        clause=_cited(node, only_with),
        only_with=only_with,
        unverified=node.text("unverified", required=False),
        paper=node.choice("paper", PAPERS, required=False),
        fields=fields,
    )
    node.done()
    return section


def _cited(node: Node, only_with: str) -> str:
    """The clause of a part of a form. A part that belongs to a rule this rule set lacks is dropped when bound."""
    reference = node.text("clause", required=False) or only_with
    if not reference:
        return ""
    found = node.resolve(reference)
    if found is None and not only_with:
        node.wrong("clause", "cites %(clause)s, which is not in clauses.toml", clause=reference)
    return found.id if found else ""


def _field(node: Node, units: Mapping[str, Unit], facts: FactTable, *, column: bool = False) -> Field:
    kind = FieldType(node.choice("type", [item.value for item in FieldType]))
    if column and kind not in IN_TABLE:
        node.wrong("type", "a table column cannot be of type %(type)s", type=kind.value)
    only_with = node.text("only_with", required=False)
    field = Field(
        key=node.identifier(),
        type=kind,
        label=node.words("label"),
        help=node.words("help", required=False, english=False),
        required=node.flag("required"),
        required_if=node.texts("required_if"),
        required_with=node.texts("required_with"),
        clause=_cited(node, only_with),
        only_with=only_with,
        prefill=_fact(node, "prefill", facts),
        fact=_fact(node, "fact", facts),
        contact=node.flag("contact"),
        unverified=node.text("unverified", required=False),
        same_as=node.texts("same_as"),
        yearly=node.flag("yearly"),
        trend=node.flag("trend"),
    )
    field = _PARTS[kind](node, field, units, facts)
    if field.trend and not field.figure:
        node.wrong("trend", "is for figures only (figure = true)")
    node.done()
    return field


def _check_siblings(node: Node, fields: tuple[Field, ...]) -> None:
    keys = {field.key for field in fields}
    for field in fields:
        if field.required_if and (len(field.required_if) < 2 or field.required_if[0] not in keys):
            node.wrong(f"{field.key}.required_if", "must be [sibling, value, …]")
        for key in field.required_with:
            if key not in keys or key == field.key:
                node.wrong(f"{field.key}.required_with", "names no other field of this section: %(key)s", key=key)


def _fact(node: Node, key: str, facts: FactTable) -> str:
    name = node.text(key, required=False)
    if name and name not in facts:
        node.wrong(key, "%(name)s is not a declared fact", name=name)
    return name


def _unit_of(node: Node, name: str, units: Mapping[str, Unit]) -> Unit | None:
    key = node.text(name, required=False)
    if key and key not in units:
        node.wrong(name, "the unit %(unit)s is not declared in this file", unit=key)
    return units.get(key)


def _plain(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    return field


def _written(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    most = node.whole("max_chars", least=1) or (200 if field.type is FieldType.TEXT else 2000)
    least = node.whole("min_chars", least=1)
    if least is not None and least > most:
        node.wrong("min_chars", "is greater than max_chars")
    return replace(field, max_chars=most, min_chars=least)


def _number(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    least, most = node.decimal("min"), node.decimal("max")
    if least is not None and most is not None and least > most:
        node.wrong("min", "is greater than max")
    decimals = node.whole("decimals", most=6)
    return replace(
        field,
        unit=_unit_of(node, "unit", units),
        min=least,
        max=most,
        decimals=2 if decimals is None else decimals,
        figure=node.flag("figure"),
    )


def _choice(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    found = []
    for child in node.tables("choices"):
        found.append(Choice(key=child.identifier(), label=child.words("label")))
        child.done()
    if not found:
        node.wrong("choices", "is missing")
    return replace(field, choices=tuple(found))


def _file(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    return replace(field, max_files=node.whole("max_files", least=1, most=50) or 10)


def _computed(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    decimals = node.whole("decimals", most=6)
    return replace(
        field,
        unit=_unit_of(node, "unit", units),
        decimals=2 if decimals is None else decimals,
        formula=node.text("formula"),
        formula_text=node.words("formula_text"),
        figure=node.flag("figure"),
    )


def _table(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    columns = tuple(_field(child, units, facts, column=True) for child in node.tables("columns"))
    if not columns:
        node.wrong("columns", "is missing")
    _check_siblings(node, columns)
    rows = tuple(_row(child, {column.key for column in columns}, units) for child in node.tables("rows"))
    most = node.whole("max_rows", least=1, most=500)
    return replace(
        field,
        columns=columns,
        rows=rows,
        min_rows=node.whole("min_rows", most=500) or 0,
        max_rows=len(rows) if rows else (most or 50),
    )


def _calculator(node: Node, field: Field, units: Mapping[str, Unit], facts: FactTable) -> Field:
    """Columns and results follow from the kind; their words and choices come with the factor table (calculators.bind)."""
    kind = node.choice("calculator", list(factors.KINDS))
    years = node.whole("years", least=1, most=3) or 1
    products = node.whole("products", most=factors.MOST_PRODUCTS) or 0
    most = node.whole("max_rows", least=1, most=200)
    slugs = node.texts("factors", required=True)
    if "factors" in node.data and not slugs:
        node.wrong("factors", "is missing")
    source = node.text("rows_from", required=False)
    return calculators.shaped(
        replace(
            field,
            required=field.required and not source,
            calculator=kind,
            factors=slugs,
            years=years,
            products=products,
            rows_from=source,
            national=node.flag("national"),
            min_rows=node.whole("min_rows", most=200) or 0,
            max_rows=most or 40,
            figure=node.flag("figure"),
        )
    )


def _row(node: Node, columns: set[str], units: Mapping[str, Unit]) -> FixedRow:
    preset, row_units, bounds = {}, {}, {}
    for name in columns:
        if part := node.table(name):
            preset[name] = part.text("preset", required=False)
            if unit := _unit_of(part, "unit", units):
                row_units[name] = unit
            least, most = part.decimal("min"), part.decimal("max")
            if least is not None and most is not None:
                bounds[name] = (least, most)
            part.done()
    row = FixedRow(
        key=node.identifier(),
        label=node.words("label"),
        help=node.words("help", required=False, english=False),
        preset={name: value for name, value in preset.items() if value},
        units=row_units,
        bounds=bounds,
    )
    node.done()
    return row


_PARTS = {
    FieldType.TEXT: _written,
    FieldType.LONGTEXT: _written,
    FieldType.NUMBER: _number,
    FieldType.DATE: _plain,
    FieldType.CHOICE: _choice,
    FieldType.YESNO: _plain,
    FieldType.FILE: _file,
    FieldType.TABLE: _table,
    FieldType.COMPUTED: _computed,
    FieldType.CALCULATOR: _calculator,
}


# ---- formulas -------------------------------------------------------------------------------------------------------
def absolute(section: str, name: str, *, table: str = "", columns: tuple[str, ...] = ()) -> str:
    """A name as a formula writes it → its full path: a sibling column, a field of the section, or section.field."""
    if table and name in columns:
        return f"{section}.{table}.{name}"
    return name if "." in name else f"{section}.{name}"


def absolute_column(form: Form, section: str, name: str) -> str:
    """`table.column` of the same section, or `section.table.column` → section.table.column."""
    parts = name.split(".")
    return name if len(parts) > 2 else f"{section}.{name}"


def check_formulas(form: Form, root: Node) -> None:
    needs: dict[str, list[str]] = {}
    for section in form.sections:
        for field in section.fields:
            where = f"section.{section.key}.field.{field.key}"
            if field.type is FieldType.COMPUTED:
                needs[f"{section.key}.{field.key}"] = _needs(form, section.key, field, root, where)
            if field.rows_from and not _is_calculator(form, field.rows_from):
                root.wrong(f"{where}.rows_from", "names no calculator: %(path)s", path=field.rows_from)
            for column in field.columns:
                if column.type is FieldType.COMPUTED and field.type is FieldType.TABLE:
                    path = f"{section.key}.{field.key}.{column.key}"
                    needs[path] = _needs(form, section.key, column, root, f"{where}.columns.{column.key}", table=field)
    for path in needs:
        if _circular(path, needs):
            root.wrong(path, "the formula depends on itself")


def _needs(form: Form, section: str, field: Field, root: Node, where: str, table: Field | None = None) -> list[str]:
    try:
        used = list(formulas.names(formulas.read(field.formula)))
    except formulas.BadFormula as wrong:
        root.wrong(f"{where}.formula", "is not closed arithmetic: %(why)s", why=str(wrong))
        return []
    found = []
    for function, name in used:
        columns = tuple(column.key for column in table.columns) if table else ()
        path = (
            absolute_column(form, section, name)
            if function
            else absolute(section, name, table=table.key if table else "", columns=columns)
        )
        if table is not None and path.endswith(formulas.OF_PRODUCT):
            path = f"{path.removesuffix(formulas.OF_PRODUCT)}_p1"
        if not _numeric(form, path) or not (function or _is_single(form, section, path, table)):
            root.wrong(f"{where}.formula", "names no number: %(name)s", name=name)
        found.append(path)
    return found


def _numeric(form: Form, path: str) -> bool:
    return _has(form, path) and form.field(path).type in NUMERIC


def _is_single(form: Form, section: str, path: str, table: Field | None) -> bool:
    """One number: a field, a column in its own row, a calculator's result; never a column from elsewhere."""
    whole, _dot, last = path.rpartition(".")
    if path.count(".") < 2 or (table is not None and whole == f"{section}.{table.key}"):
        return True
    return any(result.key == last for result in form.field(whole).results)


def _is_calculator(form: Form, path: str) -> bool:
    return _has(form, path) and form.field(path).type is FieldType.CALCULATOR and not form.field(path).rows_from


def _circular(start: str, needs: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    queue = list(needs.get(start, ()))
    while queue:
        path = queue.pop()
        if path == start:
            return True
        if path not in seen:
            seen.add(path)
            queue.extend(needs.get(path, ()))
    return False


def trimmed(form: Form, known: frozenset[str], prefix: str) -> Form:
    """The form without parts that belong to a rule the rule set lacks or the call dropped (`only_with`)."""

    def stays(only_with: str) -> bool:
        return not only_with or only_with in known or f"{prefix}-{only_with}" in known

    sections = tuple(
        replace(section, fields=tuple(field for field in section.fields if stays(field.only_with)))
        for section in form.sections
        if stays(section.only_with)
    )
    return replace(form, sections=sections)

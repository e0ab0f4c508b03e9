"""Criteria files → `Criteria`: what they may say, all mistakes at once. docs/policy.md tells how to write one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from greenlist.policy.engine import formulas
from greenlist.policy.engine.criteria_form import form_of, resolve
from greenlist.policy.engine.criteria_types import (
    BASIC,
    INPUTS,
    MEASURED,
    PREFIX,
    Criteria,
    Group,
    Input,
    Kind,
    Level,
    Measure,
    Products,
    Reference,
    Requirement,
    Row,
    SizeClass,
    Wants,
)
from greenlist.policy.engine.factors import KINDS, MOST_PRODUCTS
from greenlist.policy.engine.form_spec import check_formulas
from greenlist.policy.engine.loading import CATEGORIES, digest, plain
from greenlist.policy.engine.reading import Log, Node, close, parse
from greenlist.policy.engine.types import Choice, Json, PolicyErrors, Text, Unit

__all__ = ["Criteria", "Requirement", "build_criteria", "load_criteria"]

HIDEABLE = ("points", "reference", "rule", "score")
SCORINGS = ("points", "weights", "index")
SIGNS = (">=", ">", "<=", "<")
MOST_YEARS = 3
LONGEST_GROUP, LONGEST_ROW = 30, 40  # section and field keys have a column of limited length


# ---- reading --------------------------------------------------------------------------------------------------------
def load_criteria(file: str, content: bytes) -> Criteria:
    """One criteria file. Raises PolicyErrors, all mistakes at once."""
    log = Log()
    raw = plain(parse(file, content, log))
    if log.errors:
        raise PolicyErrors(log.errors)
    return build_criteria(file, raw)


def build_criteria(file: str, raw: Mapping[str, Json]) -> Criteria:
    """The same from a stored canonical form. Raises PolicyErrors."""
    log = Log()
    root = Node(raw, file=file, key="", log=log, clauses={}, prefix="")
    head = root.table("criteria", required=True) or root.child({}, "criteria")
    requirements = tuple(_requirement(node) for node in root.tables("requirement"))
    units = {key: _unit(key, node) for key, node in root.named("unit")}
    inputs = tuple(_input(node, units, shared=True) for node in root.tables("input"))
    groups = tuple(_group(node, units) for node in root.tables("group"))
    if not requirements and not groups:
        root.wrong("requirement", "is missing")
    verified, unverified = head.flag("verified"), head.text("unverified", required=False)
    if not verified and not unverified:
        head.wrong("unverified", "is missing: say what is not verified")
    criteria = Criteria(
        slug=head.text("slug"),
        category=head.choice("category", CATEGORIES),
        standard=head.text("standard"),
        edition=head.text("edition"),
        title=head.words("title"),
        source=head.words("source"),
        verified=verified,
        unverified=unverified,
        requirements=requirements,
        digest=digest(raw),
        raw=raw,
        valid_from=head.day("valid_from"),
        valid_until=head.day("valid_until"),
        industries=_industries(head),
        not_applicable=head.choice("not_applicable", ("drop", "full"), required=False, default="drop"),
        hidden=frozenset(head.texts("hidden", of=HIDEABLE)),
        scoring=head.choice("scoring", SCORINGS, required=bool(groups), default="points"),
        total=_decimal(head, "total", Decimal(100)),
        bonus_most=head.decimal("bonus_most"),
        years=head.whole("years", least=1, most=3) or 1,
        cap=head.flag("cap", default=True),
        units=units,
        inputs=inputs,
        groups=groups,
        note=head.text("note", required=False),
    )
    _check(criteria, root, head)
    close([head, root])
    if log.errors:
        raise PolicyErrors(log.errors)
    return criteria


def _industries(head: Node) -> tuple[str, ...]:
    found = head.texts("industries")
    for code in found:
        if not (code.isdigit() and 2 <= len(code) <= 4):
            head.wrong("industries", "%(code)s is no GB/T 4754 code of two to four digits", code=code)
    return found


def _decimal(node: Node, name: str, default: Decimal) -> Decimal:
    found = node.decimal(name)
    return default if found is None else found


def _requirement(node: Node) -> Requirement:
    requirement = Requirement(
        key=_key(node, LONGEST_ROW),
        text=node.words("text"),
        place=node.text("place", required=False),
        unverified=node.text("unverified", required=False),
        evidence=_wants(node),
        help=node.words("help", required=False, english=False),
    )
    node.done()
    return requirement


def _key(node: Node, longest: int) -> str:
    key = node.identifier()
    if len(key) > longest:
        node.wrong("key", "must not be longer than %(most)s characters", most=longest)
    return key


def _unit(key: str, node: Node) -> Unit:
    unit = Unit(
        key=key,
        label=node.words("label"),
        base=node.text("base", required=False, default=key),
        factor=_decimal(node, "factor", Decimal(1)),
    )
    node.done()
    return unit


def _unit_of(node: Node, units: Mapping[str, Unit]) -> Unit | None:
    key = node.text("unit", required=False)
    if key and key not in units:
        node.wrong("unit", "the unit %(unit)s is not declared in this file", unit=key)
    return units.get(key)


def _bounds(node: Node) -> tuple[Decimal | None, Decimal | None, int]:
    least, most, decimals = node.decimal("min"), node.decimal("max"), node.whole("decimals", most=6)
    if least is not None and most is not None and least > most:
        node.wrong("min", "is greater than max")
    return least, most, 4 if decimals is None else decimals


def _input(node: Node, units: Mapping[str, Unit], *, shared: bool) -> Input:
    least, most, decimals = _bounds(node)
    calculator = node.choice("calculator", list(KINDS), required=False) if shared else ""
    found = Input(
        key=_key(node, LONGEST_ROW),
        label=node.words("label"),
        unit=_unit_of(node, units),
        help=node.words("help", required=False, english=False),
        min=Decimal(0) if least is None else least,
        max=most,
        decimals=decimals,
        required=node.flag("required", default=True),
        calculator=calculator,
        factors=node.texts("factors", required=True) if calculator else (),
        **(_worked_out(node, calculator) if shared else {"of_product": node.text("of_product", required=False)}),
    )
    node.done()
    return found


def _worked_out(node: Node, calculator: str) -> dict[str, Any]:
    """What only an input that nobody types as one number says: how its calculator counts, or its formula."""
    if calculator:
        return {
            "years": node.whole("years", least=1, most=MOST_YEARS) or 1,
            "products": node.whole("products", most=MOST_PRODUCTS) or 0,
            "rows_from": node.text("rows_from", required=False),
            "national": node.flag("national"),
        }
    formula = node.text("formula", required=False)
    return {"formula": formula, "formula_text": node.words("formula_text", required=bool(formula))}


def _group(node: Node, units: Mapping[str, Unit]) -> Group:
    key = _key(node, LONGEST_GROUP)
    if key in (BASIC, INPUTS):
        node.wrong("key", "%(key)s is kept for the portal's own groups", key=key)
    group = Group(
        key=key,
        title=node.words("title"),
        rows=tuple(_row(child, key, units) for child in node.tables("row")),
        weight=node.decimal("weight"),
        intro=node.words("intro", required=False),
        unverified=node.text("unverified", required=False),
    )
    if not group.rows:
        node.wrong("row", "is missing")
    node.done()
    return group


def _row(node: Node, group: str, units: Mapping[str, Unit]) -> Row:
    kind = Kind(node.choice("kind", [one.value for one in Kind]) or Kind.YESNO)
    label = node.words("label")
    row = Row(
        key=_key(node, LONGEST_ROW),
        group=group,
        no=node.text("no", required=False),
        second=node.words("second", required=False) or label,
        label=label,
        kind=kind,
        points=_decimal(node, "points", Decimal(0)),
        help=node.words("help", required=False, english=False),
        rule=node.words("rule", required=False, english=False),
        measures=_measures(node, kind, units),
        levels=tuple(_level(child) for child in node.tables("options")),
        items=tuple(_item(child) for child in node.tables("of")),
        bonus=node.flag("bonus"),
        may_be_not_applicable=node.flag("may_be_not_applicable"),
        evidence=_wants(node),
        required=node.flag("required", default=not node.data.get("bonus")),
        source=node.words("source", required=False, english=False),
        unverified=node.text("unverified", required=False),
        points_unverified=node.text("points_unverified", required=False),
    )
    _check_row(node, row)
    node.done()
    return row


def _level(node: Node) -> Level:
    level = Level(key=node.identifier(), label=node.words("label"), points=_decimal(node, "points", Decimal(0)))
    node.done()
    return level


def _item(node: Node) -> Choice:
    item = Choice(key=node.identifier(), label=node.words("label"))
    node.done()
    return item


def _wants(node: Node) -> Wants | None:
    """`evidence = false` asks for none; a missing key asks for the usual; a table says what is wanted."""
    given = node.raw("evidence")
    if given is False:
        return None
    if given is None or given is True:
        return Wants(label=Text(), help=Text(), required=True, max_files=10)
    child = node.child(given, node.path("evidence"))
    wants = Wants(
        label=child.words("label", required=False),
        help=child.words("help", required=False, english=False),
        required=child.flag("required", default=True),
        max_files=child.whole("max_files", least=1, most=50) or 10,
    )
    child.done()
    return wants


def _measures(node: Node, kind: Kind, units: Mapping[str, Unit]) -> tuple[Measure, ...]:
    children = node.tables("alternatives")
    if not children:
        return (_measure(node, units),)
    found = []
    for child in children:
        measure = _measure(child, units, key=_key(child, 20), when=child.words("when"), points=child.decimal("points"))
        child.done()
        found.append(measure)
    if kind not in MEASURED or len(found) < 2:
        node.wrong("alternatives", "stand for a measured row only, and are two at least")
    return tuple(found)


def _measure(
    node: Node, units: Mapping[str, Unit], *, key: str = "", when: Text | None = None, points: Decimal | None = None
) -> Measure:
    least, most, decimals = _bounds(node)
    formula = node.text("formula", required=False)
    return Measure(
        key=key,
        when=when or Text(),
        unit=_unit_of(node, units),
        points=points,
        reference=_reference(node),
        typed=node.flag("typed"),
        formula=formula,
        formula_text=node.words("formula_text", required=bool(formula)),
        formula_ref=node.text("formula_ref", required=False),
        products=_products(node, units),
        classes=tuple(_size_class(child) for child in node.tables("classes")),
        min=least,
        max=most,
        decimals=decimals,
    )


def _reference(node: Node) -> Reference:
    return Reference(
        base=node.decimal("base"),
        lead=node.decimal("lead"),
        base_unverified=node.text("base_unverified", required=False),
        lead_unverified=node.text("lead_unverified", required=False),
    )


def _products(node: Node, units: Mapping[str, Unit]) -> Products | None:
    given = node.raw("products")
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool):
        given = {"most": given}
    child = node.child(given, node.path("products"))
    formula = child.text("formula", required=False)
    products = Products(
        most=child.whole("most", least=1, most=10, required=True) or 1,
        energy=child.text("energy", required=False),
        formula=formula,
        formula_text=child.words("formula_text", required=bool(formula)),
        columns=tuple(_input(one, units, shared=False) for one in child.tables("columns")),
    )
    child.done()
    known = {"energy", *(column.key for column in products.columns)}
    for name in _names(child, formula):
        if name not in known:
            child.wrong("formula", "names no number: %(name)s", name=name)
    return products


def _size_class(node: Node) -> SizeClass:
    test = node.raw("if")
    sign, limit = "", None
    if test is not None:
        if not isinstance(test, list) or len(test) != 2 or test[0] not in SIGNS:
            node.wrong("if", "must be [one of %(signs)s, a number]", signs=" ".join(SIGNS))
        else:
            inner = node.child({"limit": test[1]}, node.path("if"))
            sign, limit = str(test[0]), inner.decimal("limit")
    found = SizeClass(
        of=node.text("of", required=test is not None),
        sign=sign,
        limit=limit,
        reference=_reference(node),
        label=node.words("label", required=False),
    )
    node.done()
    return found


# ---- checks ---------------------------------------------------------------------------------------------------------
def _check_row(node: Node, row: Row) -> None:
    if row.kind is Kind.VETO and row.points:
        node.wrong("points", "a veto brings no points")
    if row.points < 0:
        node.wrong("points", "must not be negative")
    if row.levels and row.kind is not Kind.QUALITATIVE:
        node.wrong("options", "stand for a qualitative row only")
    if row.items and row.kind is not Kind.COUNT:
        node.wrong("of", "stands for a count only")
    for measure in row.measures:
        _check_measure(node, row, measure)


def _check_measure(node: Node, row: Row, measure: Measure) -> None:
    where = f"alternatives.{measure.key}." if measure.key else ""
    if row.kind not in MEASURED:
        for name in ("formula", "products", "typed", "base", "lead", "classes"):
            if node.data.get(name):
                node.wrong(name, "stands for a measured row only")
        return
    if measure.formula and (measure.products or row.items):
        node.wrong(f"{where}formula", "stands beside no products and no list")
    _check_reference(node, row, where, measure.reference)
    for number, one in enumerate(measure.classes, start=1):
        _check_reference(node, row, f"{where}classes.{number}.", one.reference)
    if any(one.sign == "" for one in measure.classes[:-1]):
        node.wrong(f"{where}classes", "only the last may stand without a condition")


def _check_reference(node: Node, row: Row, where: str, reference: Reference) -> None:
    if reference.base is None or reference.lead is None:
        return
    if row.kind is Kind.REVERSE and reference.base <= reference.lead:
        node.wrong(f"{where}base", "must be greater than lead")
    if row.kind is not Kind.REVERSE and reference.base >= reference.lead:
        node.wrong(f"{where}base", "must be less than lead")


def _check(criteria: Criteria, root: Node, head: Node) -> None:
    if criteria.groups:
        _check_points(criteria, root, head)
    keys = [row.no for row in criteria.rows if row.no]
    for no in {no for no in keys if keys.count(no) > 1}:
        same = {row.second for row in criteria.rows if row.no == no}
        if len(same) > 1:
            root.wrong(f"no {no}", "is given to different second-level indicators")
    for item in criteria.inputs:
        _check_input(criteria, root, item)
    for row in criteria.rows:
        for measure in row.measures:
            _check_names(criteria, root, row, measure)
    _check_fields(criteria, root)
    if criteria.valid_from and criteria.valid_until and criteria.valid_from > criteria.valid_until:
        head.wrong("valid_until", "is before valid_from")


def _check_points(criteria: Criteria, root: Node, head: Node) -> None:
    weights = [group.weight for group in criteria.groups]
    if criteria.scoring == "weights":
        if None in weights or sum((one or 0 for one in weights), Decimal(0)) != criteria.total:
            root.wrong("group", "the weights must add up to %(total)s", total=criteria.total)
    elif any(one is not None for one in weights):
        root.wrong("group", "a weight is given, but scoring is not weights")
    full = sum((row.points for row in criteria.rows if not row.bonus), Decimal(0))
    if criteria.scoring == "points" and full != criteria.total:
        root.wrong("group", "the points add up to %(sum)s, not to %(total)s", sum=full, total=criteria.total)
    if any(item.calculator and item.years < criteria.years for item in criteria.inputs):
        root.wrong("input.years", "must be those of the set")
    if criteria.years > 1 and criteria.scoring != "index":
        head.wrong("years", "several years are only for scoring = index")
    for row in criteria.rows:
        _check_worth(criteria, root.child({}, f"group.{row.group}.row.{row.key}"), row)


def _check_worth(criteria: Criteria, node: Node, row: Row) -> None:
    best = Decimal(100) if criteria.scoring == "index" else row.points
    if row.levels and max(level.points for level in row.levels) != best:
        node.wrong("options", "the best level must bring the row's %(points)s points", points=best)
    if criteria.scoring == "index" and row.points:
        node.wrong("points", "an index counts every row alike: no points")
    if criteria.years > 1 and any(measure.products for measure in row.measures):
        node.wrong("products", "stand beside no years")


def _check_input(criteria: Criteria, root: Node, item: Input) -> None:
    where = f"input.{item.key}"
    for name in _names(root.child({}, where), item.formula):
        if resolve(criteria, name) is None:
            root.wrong(f"{where}.formula", "names no number: %(name)s", name=name)
    sources = {one.key for one in criteria.inputs if one.calculator and not one.rows_from}
    if item.rows_from and item.rows_from not in sources:
        root.wrong(f"{where}.rows_from", "names no calculator: %(path)s", path=item.rows_from)


def _check_names(criteria: Criteria, root: Node, row: Row, measure: Measure) -> None:
    where = f"group.{row.group}.row.{row.key}"
    used = list(_names(root.child({}, where), measure.formula)) + [one.of for one in measure.classes if one.of]
    if measure.products:
        per_product = (measure.products.energy, *(one.of_product for one in measure.products.columns))
        used += [f"{name}_p{measure.products.most}" for name in per_product if name]
    for name in used:
        if resolve(criteria, name) is None:
            root.wrong(f"{where}.formula", "names no number: %(name)s", name=name)


def _names(node: Node, formula: str) -> list[str]:
    if not formula:
        return []
    try:
        used = list(formulas.names(formulas.read(formula)))
    except formulas.BadFormula as wrong:
        node.wrong("formula", "is not closed arithmetic: %(why)s", why=str(wrong))
        return []
    return [f"{function}({name})" if function else name for function, name in used]


def _check_fields(criteria: Criteria, root: Node) -> None:
    """The sections the set generates: no two fields of one name, no formula that depends on itself."""
    if root.log.errors:  # what is wrong already would only bring false errors after it
        return
    form = form_of(criteria)
    for section in form.sections:
        keys = [one.key for one in section.fields]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            root.wrong(f"group.{section.key.removeprefix(PREFIX)}", "two fields would be called %(key)s", key=key)
    check_formulas(form, root)

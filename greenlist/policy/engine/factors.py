"""Factor tables: items, their factors with source, region, data year and scope, and the formulas of what is worked out.

One TOML file each, validated as a whole and stored as an immutable version. A calculator counts with the table it was
started with, so that a result of today can be worked out again years later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from greenlist.policy.engine import formulas, units
from greenlist.policy.engine.identity import digest, plain
from greenlist.policy.engine.reading import Log, Node, close, parse
from greenlist.policy.engine.types import Json, PolicyErrors, Text, Unit

NO_TEXT = Text()
CARBON = Decimal(44) / Decimal(12)  # mass of CO₂ that one mass of carbon gives


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of a calculator: what its rows ask beside item, unit and amounts, what it adds up and gives."""

    roles: frozenset[str]
    results: tuple[str, ...]
    asks: tuple[str, ...] = ()  # own heat value | use | factor | limit
    margin: bool = False  # each row is a distance from its limit, the least one counts; else rows are added up
    main: str = ""  # the role whose sum is shared among products


KINDS: Mapping[str, Kind] = {
    "energy": Kind(
        roles=frozenset({"total", "electricity", "electricity_equivalent", "renewable"}),
        results=("tce", "tce_equivalent", "renewable", "renewable_share"),
        asks=("own", "use"),
        main="total",
    ),
    "carbon": Kind(
        roles=frozenset({"scope1", "scope2"}),
        results=("tco2", "scope1", "scope2"),
        asks=("own", "use", "factor"),
    ),
    "water": Kind(
        roles=frozenset({"intake", "reused", "discharged", "treated_reused"}),
        results=("intake", "reuse_rate", "reused", "discharged", "treated_reuse_rate"),
        main="intake",
    ),
    "solid_waste": Kind(
        roles=frozenset({"generated", "used", "from_stock"}), results=("use_rate", "generated", "used", "from_stock")
    ),
    "land": Kind(
        roles=frozenset({"site", "building", "footprint", "open_storage"}),
        results=("plot_ratio", "coverage", "coefficient", "site_area", "building_area"),
    ),
    "materials": Kind(
        roles=frozenset({"total", "green", "recycled"}),
        results=("green_share", "recycled_share", "total", "green"),
        main="total",
    ),
    "pollutants": Kind(
        roles=frozenset({"water", "air"}), results=("water_margin", "air_margin"), asks=("limit",), margin=True
    ),
}
MOST_PRODUCTS = 3
COLUMNS = ("item", "unit", "amount", "amount_1", "amount_2", "limit", "own", "use", "factor", "product", "result")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may be entered: its unit, and the amount above which a unit was probably mistaken."""

    key: str
    label: Text
    unit: Unit
    help: Text = NO_TEXT
    most: Decimal | None = None
    also: Mapping[str, Decimal] = field(default_factory=dict)  # other units by agreement: 1 m³ of water counts as 1 t


@dataclass(frozen=True, slots=True)
class Factor:
    """One line of the table: 1 unit of an item is so much, where, when, by which source."""

    key: str
    item: str
    value: Decimal
    per: str  # kgce/kWh
    roles: tuple[str, ...]
    measure: str = ""  # a second way to count the same item: equivalent electricity beside equal-value
    low: Decimal | None = None  # outside of these a measured value is a typing error
    high: Decimal | None = None
    own_unit: str = ""  # unit of a measured heat value that may replace this factor
    own_rate: Decimal | None = None  # what one own_unit gives, in `per`
    region: str = ""  # GB/T 2260 province code, a grid's name, empty: the whole country
    region_label: Text = NO_TEXT
    year: int | None = None  # of the data
    scope: str = ""  # average is empty; others are chosen by hand
    label: Text = NO_TEXT
    published_on: str = ""
    source: str = ""
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What an amount was used for: counted once, not at all (feedstock), or taken off (passed on)."""

    key: str
    label: Text
    times: Decimal


@dataclass(frozen=True, slots=True)
class Worked:
    """One result with its formula over role sums and earlier results."""

    key: str
    label: Text
    formula: str
    formula_text: Text
    unit: Unit | None
    decimals: int


@dataclass(frozen=True, slots=True)
class Check:
    """A warning when the formula is above zero."""

    key: str
    formula: str
    text: Text


@dataclass(frozen=True, slots=True)
class Column:
    label: Text
    help: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class FactorTable:
    slug: str
    kind: str
    title: Text
    standard: str
    source: Text
    published_on: str
    verified: bool
    unverified: str
    counts: Unit  # what sums are kept in
    jump: Decimal | None  # a change from one year to the next that only a mistaken unit gives
    units: Mapping[str, Unit]
    names: Mapping[str, str]  # unit key → name in the registry
    columns: Mapping[str, Column]
    items: tuple[Item, ...]
    uses: tuple[Use, ...]
    factors: tuple[Factor, ...]
    results: tuple[Worked, ...]
    checks: tuple[Check, ...]
    digest: str
    raw: Mapping[str, Json]

    def item(self, key: str) -> Item | None:
        return next((one for one in self.items if one.key == key), None)


# ---- reading ----------------------------------------------------------------------------------------------------------
def load_factors(file: str, content: bytes) -> FactorTable:
    """One factor file. Raises PolicyErrors, all mistakes at once."""
    log = Log()
    raw = plain(parse(file, content, log))
    if log.errors:
        raise PolicyErrors(log.errors)
    return build_factors(file, raw)


def build_factors(file: str, raw: Mapping[str, Json]) -> FactorTable:
    """The same from a stored canonical form. Raises PolicyErrors."""
    log = Log()
    root = Node(raw, file=file, key="", log=log, clauses={}, prefix="")
    head = root.table("factors", required=True) or root.child({}, "factors")
    kind = KINDS[head.choice("kind", list(KINDS)) or "energy"]
    declared = {key: _unit(key, node) for key, node in root.named("unit")}
    known = {key: unit for key, (unit, _name) in declared.items()}
    names = {key: name for key, (_unit_, name) in declared.items()}
    counts = _unit_of(head, "counts", known, required=True)
    items = tuple(_item(node, known, names) for node in root.tables("item"))
    heat = head.decimal("coal_heat")  # kJ per kgce
    factors = tuple(_factor(node, items, names, counts, kind, heat) for node in root.tables("factor"))
    table = FactorTable(
        slug=head.text("slug"),
        kind=head.text("kind"),
        title=head.words("title"),
        standard=head.text("standard", required=False),
        source=head.words("source"),
        published_on=head.text("published_on", required=False),
        verified=head.flag("verified"),
        unverified=head.text("unverified", required=False),
        counts=counts,
        jump=head.decimal("jump"),
        units=known,
        names=names,
        columns=dict(_columns(root)),
        items=items,
        uses=tuple(_use(node) for node in root.tables("use")),
        factors=factors,
        results=tuple(_result(node, known) for node in root.tables("result")),
        checks=tuple(_check(node) for node in root.tables("check")),
        digest=digest(raw),
        raw=raw,
    )
    _whole(table, kind, head, root)
    close([head, root])
    if log.errors:
        raise PolicyErrors(log.errors)
    return table


def _unit(key: str, node: Node) -> tuple[Unit, str]:
    written = node.text("unit", required=False, default=key)
    unit = Unit(
        key=key,
        label=node.words("label"),
        base=node.text("base", required=False, default=written),
        factor=node.decimal("factor") or Decimal(1),
    )
    try:
        if not units.is_true(written, unit.base, unit.factor):
            node.wrong(
                "factor", "1 %(unit)s is not %(factor)s %(base)s", unit=written, factor=unit.factor, base=unit.base
            )
    except (units.UnknownUnit, units.WrongUnit) as wrong:
        node.wrong("unit", "is no unit: %(why)s", why=str(wrong))
    node.done()
    return unit, written


def _unit_of(node: Node, name: str, known: Mapping[str, Unit], *, required: bool = False) -> Unit:
    key = node.text(name, required=required)
    if key and key not in known:
        node.wrong(name, "the unit %(unit)s is not declared in this file", unit=key)
    return known.get(key) or Unit(key="", label=Text(), base="", factor=Decimal(1))


def _columns(root: Node) -> Iterator[tuple[str, Column]]:
    for key, node in root.named("column"):
        if key not in COLUMNS:
            node.wrong("", "must be one of %(options)s", options=", ".join(COLUMNS))
        yield key, Column(node.words("label"), node.words("help", required=False, english=False))
        node.done()


def _item(node: Node, known: Mapping[str, Unit], names: Mapping[str, str]) -> Item:
    item = Item(
        key=node.identifier(),
        label=node.words("label"),
        unit=_unit_of(node, "unit", known, required=True),
        help=node.words("help", required=False, english=False),
        most=node.decimal("most"),
        also=dict(_also(node, known)),
    )
    node.done()
    return item


def _also(node: Node, known: Mapping[str, Unit]) -> Iterator[tuple[str, Decimal]]:
    part = node.table("also")
    for key in list(part.data) if part else ():
        if key not in known:
            node.wrong("also", "the unit %(unit)s is not declared in this file", unit=key)
        yield key, (part.decimal(key) if part else None) or Decimal(1)


def _factor(
    node: Node, items: tuple[Item, ...], names: Mapping[str, str], counts: Unit, kind: Kind, heat: Decimal | None
) -> Factor:
    given = node.decimal("value")
    own_rate = _heat(node, heat)
    content = node.decimal("heat")
    if given is None and content is not None and own_rate is not None:
        given = content * own_rate
    if given is None:
        node.wrong("value", "is missing: either the value, or heat with carbon and oxidation")
    low, high, value = node.decimal("low"), node.decimal("high"), given or Decimal(0)
    if (low is not None and value < low) or (high is not None and value > high):
        node.wrong("value", "lies outside of its own range: %(value)s", value=value)
    found = Factor(
        key=node.identifier(),
        item=node.choice("item", [one.key for one in items]),
        value=value,
        per=node.text("per"),
        roles=node.texts("roles", of=sorted(kind.roles), required=True),
        measure=node.text("measure", required=False),
        low=low,
        high=high,
        own_unit=node.text("own_unit", required=False),
        own_rate=own_rate,
        region=node.text("region", required=False),
        region_label=node.words("region_label", required=False),
        year=node.whole("year", least=1990, most=2100),
        scope=node.text("scope", required=False),
        label=node.words("label", required=False),
        published_on=node.text("published_on", required=False),
        source=node.text("source"),
        unverified=node.text("unverified", required=False),
    )
    _check_per(node, found, items, names, counts)
    node.done()
    return found


def _heat(node: Node, heat: Decimal | None) -> Decimal | None:
    """What one unit of heat value gives: coal equivalent by its definition, CO₂ by carbon content and oxidation."""
    carbon, oxidation = node.decimal("carbon"), node.decimal("oxidation")
    if carbon is not None or oxidation is not None:
        if carbon is None or oxidation is None or not 0 < oxidation <= 1:
            node.wrong("oxidation", "carbon and oxidation come together, and no more burns than is there")
            return None
        return carbon * oxidation * CARBON / 1000  # GJ × tC/TJ → tCO₂
    if node.has("own_unit"):
        if not heat:
            node.wrong("own_unit", "needs [factors] coal_heat")
            return None
        return 1 / heat
    return None


def _check_per(node: Node, found: Factor, items: tuple[Item, ...], names: Mapping[str, str], counts: Unit) -> None:
    """`per` leads from the item's unit to what the table counts in."""
    top, _slash, below = found.per.partition("/")
    item = next((one for one in items if one.key == found.item), None)
    try:
        units.rate(top, names.get(counts.key, counts.key))
        if item is not None:
            units.rate(names.get(item.unit.key, item.unit.key), below or top)
    except (units.UnknownUnit, units.WrongUnit) as wrong:
        node.wrong("per", "does not lead from the item's unit to what is counted: %(why)s", why=str(wrong))
    if found.own_unit and not units.is_known(found.own_unit):
        node.wrong("own_unit", "is no unit: %(why)s", why=found.own_unit)


def _use(node: Node) -> Use:
    use = Use(key=node.identifier(), label=node.words("label"), times=node.decimal("times") or Decimal(0))
    node.done()
    return use


def _result(node: Node, known: Mapping[str, Unit]) -> Worked:
    decimals = node.whole("decimals", most=6)
    found = Worked(
        key=node.identifier(),
        label=node.words("label"),
        formula=node.text("formula"),
        formula_text=node.words("formula_text"),
        unit=_unit_of(node, "unit", known) if node.has("unit") else None,
        decimals=2 if decimals is None else decimals,
    )
    node.done()
    return found


def _check(node: Node) -> Check:
    found = Check(key=node.identifier(), formula=node.text("formula"), text=node.words("text"))
    node.done()
    return found


# ---- as a whole -------------------------------------------------------------------------------------------------------
def _whole(table: FactorTable, kind: Kind, head: Node, root: Node) -> None:
    if not table.verified and not table.unverified:
        head.wrong("unverified", "is missing: say what is not verified")
    if not table.items:
        root.wrong("item", "is missing")
    for item in table.items:
        if not any(one.item == item.key for one in table.factors):
            root.wrong(f"item.{item.key}", "has no factor")
    if table.results:
        _check_results(table, kind, root)
    for check in table.checks:
        _check_names(root, f"check.{check.key}", check.formula, kind.roles | set(kind.results))


def _check_results(table: FactorTable, kind: Kind, root: Node) -> None:
    given = [one.key for one in table.results]
    for key in sorted(set(kind.results) ^ set(given)):
        root.wrong("result", "must give exactly %(names)s; %(name)s differs", names=", ".join(kind.results), name=key)
    so_far: set[str] = set()
    for one in table.results:
        _check_names(root, f"result.{one.key}", one.formula, kind.roles | so_far)
        so_far.add(one.key)


def _check_names(root: Node, where: str, formula: str, known: Collection[str]) -> None:
    try:
        used = list(formulas.names(formulas.read(formula)))
    except formulas.BadFormula as wrong:
        root.wrong(f"{where}.formula", "is not closed arithmetic: %(why)s", why=str(wrong))
        return
    for function, name in used:
        if function or name not in known:
            root.wrong(f"{where}.formula", "names no number: %(name)s", name=name)

"""Calculators: rows of amounts → results with every step shown. Pure: tables and answers in, numbers out.

An amount is brought to the unit of its item (a wrong dimension is refused), multiplied by the factor that applies to the
place and year, and added up by role; results are the table's own formulas over these sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from greenlist.policy.engine import formulas, units
from greenlist.policy.engine.factors import KINDS, NO_TEXT, Factor, FactorTable, Item, Kind, Worked
from greenlist.policy.engine.types import Choice, Field, FieldType, Form, Section, Text

VERSION = 1  # of the way calculators count; kept with every stored result
AMOUNTS = ("amount", "amount_1", "amount_2")
HUNDRED = Decimal(100)


# ---- the field --------------------------------------------------------------------------------------------------------
def shaped(spec: Field) -> Field:
    """A calculator field with its columns and results: keys only, as long as no table is bound."""
    kind = KINDS[spec.calculator]
    earlier = spec.every_year
    numbers = {"amount": True, "amount_1": earlier, "amount_2": earlier, "limit": True, "own": False}
    asked = ["item", "unit", *AMOUNTS[: spec.years], *kind.asks, *(["product"] if spec.products else [])]
    columns = [
        Field(key=key, type=FieldType.NUMBER, label=_bare(key), required=numbers[key], min=Decimal(0), decimals=6)
        if key in numbers
        else Field(key=key, type=FieldType.CHOICE, label=_bare(key), required=key == "item")
        for key in asked
    ]
    if spec.rows_from:
        columns = []
    else:
        columns.append(Field(key="result", type=FieldType.COMPUTED, label=_bare("result"), decimals=2))
    return replace(spec, columns=tuple(columns), results=tuple(_results(spec, kind)))


def _bare(key: str) -> Text:
    return Text(zh=key, en=key)


def _results(spec: Field, kind: Kind) -> Iterator[Field]:
    for key in kind.results:
        for back in range(spec.years):
            yield Field(key=_dated(key, back), type=FieldType.COMPUTED, label=_bare(key), figure=spec.figure)
    if kind.main:
        for number in range(1, spec.products + 1):
            key = f"{kind.results[0]}_p{number}"
            yield Field(key=key, type=FieldType.COMPUTED, label=_bare(key), figure=spec.figure)


def _dated(key: str, back: int) -> str:
    """The name of a result of an earlier year: tce, tce_1, tce_2."""
    return f"{key}_{back}" if back else key


def bind(form: Form, tables: Mapping[str, FactorTable], *, home: str = "") -> Form:
    """The form with the items, words and factors of its tables. A calculator whose table is missing stays bare."""
    if not any(one.calculator for section in form.sections for one in section.fields):
        return form
    return replace(form, sections=tuple(_section(section, tables, home) for section in form.sections))


def _section(section: Section, tables: Mapping[str, FactorTable], home: str) -> Section:
    fields = tuple(_bound(one, tables, home) if one.calculator else one for one in section.fields)
    return replace(section, fields=fields)


def _bound(spec: Field, tables: Mapping[str, FactorTable], home: str) -> Field:
    found = tuple(tables[slug] for slug in spec.factors if slug in tables)
    if len(found) < len(spec.factors):
        return spec
    whole = replace(spec, tables=found, home="" if spec.national else home)
    columns = tuple(_column(whole, column) for column in spec.columns)
    return replace(whole, columns=columns, results=tuple(_labelled(whole, one) for one in spec.results))


def _column(spec: Field, column: Field) -> Field:
    words = next((table.columns[column.key] for table in spec.tables if column.key in table.columns), None)
    choices = {"item": _items, "unit": _units, "use": _uses, "factor": _factors, "product": _products}.get(column.key)
    counted = spec.tables[0].counts
    return replace(
        column,
        label=words.label if words else column.label,
        help=words.help if words else NO_TEXT,
        choices=tuple(choices(spec)) if choices else (),
        unit=counted if column.key == "result" else None,
    )


def _items(spec: Field) -> Iterator[Choice]:
    for table in spec.tables:
        for item in table.items:
            unit = item.unit.symbol
            yield Choice(item.key, Text(zh=f"{item.label.zh}（{unit.zh}）", en=f"{item.label.en} ({unit.en})"))


def _units(spec: Field) -> Iterator[Choice]:
    """Units in which an amount may be given: those of the items and what they may be exchanged for."""
    seen = set()
    for table in spec.tables:
        for key, unit in table.units.items():
            if key not in seen and any(accepts(table, item, key) for item in table.items):
                seen.add(key)
                yield Choice(key, unit.label)


def _uses(spec: Field) -> Iterator[Choice]:
    for table in spec.tables:
        yield from (Choice(use.key, use.label) for use in table.uses)


def _factors(spec: Field) -> Iterator[Choice]:
    """Only where several lie side by side for one item is there anything to choose."""
    for table in spec.tables:
        for one in table.factors:
            if one.label.zh:
                yield Choice(one.key, one.label)


def _products(spec: Field) -> Iterator[Choice]:
    for number in range(1, spec.products + 1):
        yield Choice(f"p{number}", Text(zh=f"产品{number}", en=f"Product {number}"))


def _labelled(spec: Field, result: Field) -> Field:
    found = _worked(spec.tables)
    for key, one in found.items():
        for back in range(spec.years):
            if result.key == _dated(key, back):
                return _named(result, one, _ago(one.label, back))
        if result.key.startswith(f"{key}_p"):
            number = result.key.removeprefix(f"{key}_p")
            return _named(
                result, one, Text(zh=f"{one.label.zh}（产品{number}）", en=f"{one.label.en} (product {number})")
            )
    return result


def _ago(label: Text, back: int) -> Text:
    if not back:
        return label
    zh, en = {1: ("上一年", "the year before"), 2: ("前两年", "two years before")}[back]
    return Text(zh=f"{label.zh}（{zh}）", en=f"{label.en} ({en})")


def _named(result: Field, worked: Worked, label: Text) -> Field:
    return replace(result, label=label, unit=worked.unit, decimals=worked.decimals, formula_text=worked.formula_text)


def _worked(tables: Iterable[FactorTable]) -> dict[str, Worked]:
    return {one.key: one for table in tables for one in table.results}


def accepts(table: FactorTable, item: Item, unit: str) -> bool:
    """Whether an amount of the item may be given in this unit."""
    return unit in item.also or units.agree(table.names[unit], table.names[item.unit.key])


# ---- what was entered -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Entry:
    """One row, read: amounts by years back, unit and heat unit as the registry calls them."""

    row: int
    item: str
    amounts: tuple[Decimal | None, ...]
    unit: str = ""  # key of the table's unit; empty: the item's own
    limit: Decimal | None = None
    own: Decimal | None = None
    use: str = ""
    factor: str = ""
    product: int = 0
    times: Decimal = Decimal(1)
    label: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Line:
    """One amount counted with one factor: what is shown, step by step."""

    row: int
    back: int  # years before the one evaluated
    label: Text
    amount: Decimal
    unit: Text
    base: Decimal  # the amount in the unit of the factor
    factor: Factor
    value: Decimal
    counted: Decimal
    is_own: bool = False
    times: Decimal = Decimal(1)
    why: str = ""  # chosen | older | later | wider: how the factor was found
    wanted: int | None = None  # the year that was looked for
    table: FactorTable | None = None
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that is probably mistaken, said but not refused. `code`: large | jump | twice | no_factor | check."""

    code: str
    row: int = -1
    label: Text = NO_TEXT
    given: str = ""
    limit: str = ""
    unit: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a row cannot mean. `code`: wrong_unit | factor_range."""

    row: int
    column: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calculation:
    lines: tuple[Line, ...] = ()
    results: Mapping[str, Decimal | None] = field(default_factory=dict)
    warnings: tuple[Warning, ...] = ()


def times_of(spec: Field, use: str) -> Decimal:
    """How often an amount of this use counts: once, unless the table says otherwise."""
    found = (one.times for table in spec.tables for one in table.uses if one.key == use)
    return next(found, Decimal(1))


def carried(source: Field, target: Field, entries: Sequence[Entry]) -> list[Entry]:
    """Rows of one calculator as another counts them again: units and heat values by what they measure."""
    return [_carried(source, target, entry) for entry in entries]


def _carried(source: Field, target: Field, entry: Entry) -> Entry:
    table, item = find(source.tables, entry.item)
    if table is None or item is None:
        return entry
    key = entry.unit or item.unit.key
    amounts = entry.amounts
    if key in item.also:
        amounts = tuple(None if one is None else one * item.also[key] for one in amounts)
        key = item.unit.key
    own = entry.own
    there, found = find(target.tables, entry.item)
    if own is not None and there is not None and found is not None:
        given, _why = choose(table, item.key)
        wanted, _why = choose(there, found.key, home=target.home)
        own = units.convert(own, given.own_unit, wanted.own_unit) if given.own_unit and wanted.own_unit else None
    return replace(entry, amounts=amounts, unit=table.names.get(key, key), own=own, label=item.label, factor="")


# ---- counting ---------------------------------------------------------------------------------------------------------
def work_out(spec: Field, entries: Sequence[Entry], *, year: int | None = None) -> Calculation:
    """Results of a bound calculator for the year evaluated and those before; None where something is missing."""
    if not spec.tables:
        return Calculation(results={one.key: None for one in spec.results})
    kind = KINDS[spec.calculator]
    lines: list[Line] = []
    warnings: list[Warning] = []
    results: dict[str, Decimal | None] = {}
    for back in range(spec.years):
        then = year - back if year is not None else None
        known, lacking = _lines(spec, kind, entries, back, then)
        warnings.extend(_no_factor(entry, then) for entry in lacking if not back)
        sums = _sums(kind, known, _tainted(spec, lacking))
        lines.extend(known)
        found = _formulas(spec, sums)
        results.update({_dated(key, back): value for key, value in found.items()})
        if not back:
            results.update(_shares(spec, kind, entries, known))
            warnings.extend(_checks(spec, {**sums, **found}))
    return Calculation(tuple(lines), results, (*_implausible(spec, entries), *warnings))


def _lines(
    spec: Field, kind: Kind, entries: Sequence[Entry], back: int, year: int | None
) -> tuple[list[Line], list[Entry]]:
    found: list[Line] = []
    lacking: list[Entry] = []
    for entry in entries:
        amount = entry.amounts[back] if back < len(entry.amounts) else None
        if amount is None:
            continue
        table, item = find(spec.tables, entry.item)
        if table is None or item is None:
            lacking.append(entry)
            continue
        for measure in dict.fromkeys(one.measure for one in table.factors if one.item == item.key):
            line = _line(spec, kind, table, item, entry, amount, back, year, measure)
            if line is not None:
                found.append(line)
    return found, lacking


def find(tables: Iterable[FactorTable], key: str) -> tuple[FactorTable | None, Item | None]:
    for table in tables:
        item = table.item(key)
        if item is not None:
            return table, item
    return None, None


def _line(
    spec: Field,
    kind: Kind,
    table: FactorTable,
    item: Item,
    entry: Entry,
    amount: Decimal,
    back: int,
    year: int | None,
    measure: str,
) -> Line | None:
    factor, why = choose(table, item.key, measure=measure, home=spec.home, year=year, chosen=entry.factor)
    top, _slash, below = factor.per.partition("/")
    given = entry.unit or item.unit.key
    try:
        base = _in_base(table, item, amount, given, below or top)
        value = own_value(factor, entry.own) if entry.own is not None else None
    except units.WrongUnit:
        return None  # said by `problems`
    unit = table.units[given].symbol if given in table.units else Text(zh=given, en=given)
    common = {"row": entry.row, "back": back, "label": entry.label, "amount": amount, "unit": unit, "table": table}
    if kind.margin:
        return _margin(factor, base, entry, amount, common)
    counted = base * (factor.value if value is None else value) * entry.times
    counted = units.convert(counted, top, table.names[table.counts.key])
    return Line(
        **common,  # type: ignore[arg-type]
        base=base,
        factor=factor,
        value=factor.value if value is None else value,
        counted=counted,
        is_own=value is not None,
        times=entry.times,
        why=why,
        wanted=year,
    )


def _margin(factor: Factor, base: Decimal, entry: Entry, amount: Decimal, common: Mapping[str, object]) -> Line | None:
    """How far the yearly mean stays below the permitted limit, in percent of the limit."""
    if not entry.limit:
        return None
    counted = (entry.limit - amount) / entry.limit * HUNDRED
    return Line(**common, base=base, factor=factor, value=Decimal(1), counted=counted, limit=entry.limit)  # type: ignore[arg-type]


def _in_base(table: FactorTable, item: Item, amount: Decimal, given: str, wanted: str) -> Decimal:
    if given in item.also:
        amount, given = amount * item.also[given], item.unit.key
    return units.convert(amount, table.names.get(given, given), wanted)


def own_value(factor: Factor, own: Decimal) -> Decimal | None:
    """The factor that a measured heat value gives; None where none may be put in its place."""
    return own * factor.own_rate if factor.own_unit and factor.own_rate is not None else None


def choose(
    table: FactorTable, item: str, *, measure: str = "", home: str = "", year: int | None = None, chosen: str = ""
) -> tuple[Factor, str]:
    """The factor of an item and how it was found: by hand, or of the place and the newest year not after the wanted one.

    Where the place has none, that of the whole country counts; where all are younger, the oldest.
    """
    rows = [one for one in table.factors if one.item == item and one.measure == measure]
    by_hand = next((one for one in rows if one.key == chosen), None)
    if by_hand is not None:
        return by_hand, "chosen"
    plain = [one for one in rows if not one.scope] or rows
    near = [one for one in plain if home and one.region == home]
    wide = [one for one in plain if not one.region] or plain
    there = near or wide
    why = "wider" if home and not near and any(one.region for one in plain) else ""
    dated = sorted((one for one in there if one.year is not None), key=lambda one: one.year or 0)
    if not dated:
        return there[0], why
    before = [one for one in dated if year is None or (one.year or 0) <= year]
    found = before[-1] if before else dated[0]
    if year is None or found.year == year:
        return found, why
    return found, ("older" if before else "later") + (f" {why}" if why else "")


def _sums(kind: Kind, lines: Sequence[Line], tainted: frozenset[str]) -> dict[str, Decimal | None]:
    """By role: the sum, or for margins the least. Nothing at all without any line; None where a part is unknown."""
    sums: dict[str, Decimal | None] = {}
    for role in sorted(kind.roles):
        counted = [line.counted for line in lines if role in line.factor.roles]
        if role in tainted or not lines or (kind.margin and not counted):
            sums[role] = None
        else:
            sums[role] = min(counted) if kind.margin else sum(counted, Decimal(0))
    return sums


def _tainted(spec: Field, lacking: Sequence[Entry]) -> frozenset[str]:
    """Rows taken from another calculator may name what this one does not count (water in CO₂): no harm is done."""
    return frozenset(KINDS[spec.calculator].roles) if lacking and not spec.rows_from else frozenset()


def _formulas(spec: Field, sums: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    known: dict[str, Decimal | None] = dict(sums)
    found: dict[str, Decimal | None] = {}
    for key, one in _worked(spec.tables).items():
        value = formulas.evaluate(formulas.read(one.formula), lambda _function, name: known.get(name))
        found[key] = known[key] = value
    return found


def _shares(
    spec: Field, kind: Kind, entries: Sequence[Entry], lines: Sequence[Line]
) -> Iterator[tuple[str, Decimal | None]]:
    """What falls to each product: its own, and of what is shared as much as its own share of what is not."""
    if not kind.main or not spec.products:
        return
    of_row = {entry.row: entry.product for entry in entries}
    main = [line for line in lines if kind.main in line.factor.roles]
    direct = {
        number: sum((line.counted for line in main if of_row.get(line.row) == number), Decimal(0))
        for number in range(spec.products + 1)
    }
    shared, own = direct.pop(0), sum(direct.values(), Decimal(0)) - 0
    for number, amount in direct.items():
        value = amount + shared * amount / own if own else None
        yield f"{kind.results[0]}_p{number}", value if main else None


def row_result(found: Calculation, row: int) -> Decimal | None:
    """What one row comes to in the year evaluated, by its first factor."""
    return next((line.counted for line in found.lines if line.row == row and not line.back), None)


# ---- what is implausible ------------------------------------------------------------------------------------------------
def problems(spec: Field, entries: Sequence[Entry]) -> Iterator[Wrong]:
    """What cannot be counted: a unit of another dimension, a measured heat value that no such fuel has."""
    for entry in entries:
        table, item = find(spec.tables, entry.item)
        if table is None or item is None:
            continue
        if entry.unit and entry.unit in table.units and not accepts(table, item, entry.unit):
            labels = {"item": item.label, "given": table.units[entry.unit].label, "wanted": item.unit.label}
            yield Wrong(entry.row, "unit", "wrong_unit", {key: _both(label) for key, label in labels.items()})
        elif entry.unit and entry.unit not in table.units:
            labels = {"item": item.label, "wanted": item.unit.label}
            yield Wrong(
                entry.row, "unit", "wrong_unit", {"given": entry.unit, **{k: _both(v) for k, v in labels.items()}}
            )
        if entry.own is not None:
            yield from _own_problems(spec, table, item, entry)


def _own_problems(spec: Field, table: FactorTable, item: Item, entry: Entry) -> Iterator[Wrong]:
    factor, _why = choose(table, item.key, home=spec.home, chosen=entry.factor)
    value = own_value(factor, entry.own or Decimal(0))
    if value is None:
        yield Wrong(entry.row, "own", "no_own", {"item": _both(item.label)})
        return
    least = factor.low if factor.low is not None else factor.value / 4
    most = factor.high if factor.high is not None else factor.value * 4
    if not least <= value <= most:
        params = {"item": _both(item.label), "unit": factor.own_unit, "given": short(value), "per": factor.per}
        yield Wrong(entry.row, "own", "factor_range", {**params, "min": short(least), "max": short(most)})


def short(value: Decimal) -> str:
    """Six significant digits, no exponent."""
    return f"{Decimal(f'{value:.6g}').normalize():f}"


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _implausible(spec: Field, entries: Sequence[Entry]) -> Iterator[Warning]:
    seen: set[tuple[object, ...]] = set()
    for entry in entries:
        table, item = find(spec.tables, entry.item)
        if table is None or item is None:
            continue
        same = (entry.item, entry.use, entry.product, entry.factor)
        if same in seen and not spec.rows_from:
            yield Warning("twice", entry.row, item.label)
        seen.add(same)
        if not spec.rows_from:
            yield from _large(table, item, entry)
            yield from _jumps(table, item, entry)


def _large(table: FactorTable, item: Item, entry: Entry) -> Iterator[Warning]:
    given = entry.unit or item.unit.key
    if item.most is None or given not in table.units or not accepts(table, item, given):
        return
    for amount in entry.amounts:
        if amount is not None and _in_base(table, item, amount, given, table.names[item.unit.key]) > item.most:
            unit = table.units[given].symbol
            yield Warning("large", entry.row, item.label, given=short(amount), limit=short(item.most), unit=unit)
            return


def _jumps(table: FactorTable, item: Item, entry: Entry) -> Iterator[Warning]:
    """Between two years lies a factor that no works grows by: t typed as kg, kWh as 万kWh."""
    known = [amount for amount in entry.amounts if amount is not None and amount > 0]
    if table.jump is not None and known and max(known) >= min(known) * table.jump:
        yield Warning("jump", entry.row, item.label, given=short(max(known) / min(known)))


def _no_factor(entry: Entry, year: int | None) -> Warning:
    label = entry.label if entry.label.zh else Text(zh=entry.item, en=entry.item)
    return Warning("no_factor", entry.row, label, given="" if year is None else str(year))


def _checks(spec: Field, known: Mapping[str, Decimal | None]) -> Iterator[Warning]:
    for table in spec.tables:
        for check in table.checks:
            value = formulas.evaluate(formulas.read(check.formula), lambda _function, name: known.get(name))
            if value is not None and value > 0:
                yield Warning("check", label=check.text, given=short(value))

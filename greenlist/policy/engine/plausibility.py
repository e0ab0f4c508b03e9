"""What in a filled form is doubtful: a jump against the year before, a number outside the usual, a likely mistake of unit.

Pure. A doubt is no error: it asks for a reason, which is declared together with the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from greenlist.policy.engine.forms import Data, figures
from greenlist.policy.engine.types import Form, Json, Text, Unit, UsualRange

HUNDRED = Decimal(100)
LIKE_A_UNIT = (Decimal(900), Decimal(12000))  # 1,000 or 10,000 times: t for kg, 万 forgotten


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to explain, at a path `section.field`. `code`: jump | unit | range."""

    path: str
    code: str
    label: Text
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """A figure declared for an earlier year, in its base unit."""

    value: Decimal
    year: int


def doubts(form: Form, data: Data, last: Mapping[str, Known], industry: str = "") -> tuple[Doubt, ...]:
    """What needs a reason, in reading order. `last`: figures of the year before by their key."""
    found: list[Doubt] = []
    for one in figures(form, data):
        spec = _spec(form, one.key)
        if spec is None:
            continue
        unit = spec[1]
        shown = one.value / unit.factor if unit else one.value
        jumped = _jump(form, one.key, one.value, last, unit)
        if jumped is not None:
            found.append(Doubt(one.key, jumped[0], spec[0], jumped[1]))
        unusual = _unusual(form.ranges, one.key, shown, industry)
        if unusual is not None:
            found.append(Doubt(one.key, "range", spec[0], {**unusual, **_named(unit)}))
    return tuple(found)


def last_keys(form: Form) -> dict[str, tuple[str, ...]]:
    """Under which keys the figure of the year before may lie: the field's own first, then what other forms call it."""
    return {
        f"{section.key}.{spec.key}": (f"{section.key}.{spec.key}", *spec.same_as)
        for section in form.sections
        for spec in section.fields
        if spec.figure
    }


def _spec(form: Form, key: str) -> tuple[Text, Unit | None] | None:
    """Label and unit of a plain figure; figures of tables and calculators are judged by their sums."""
    try:
        found = form.field(key)
    except (KeyError, ValueError):
        return None
    return (found.label, found.unit) if found.figure and key.count(".") == 1 else None


def _jump(
    form: Form, key: str, value: Decimal, last: Mapping[str, Known], unit: Unit | None
) -> tuple[str, dict[str, Json]] | None:
    before = last.get(key)
    if form.jump is None or before is None or before.value == value:
        return None
    factor = unit.factor if unit else Decimal(1)
    params: dict[str, Json] = {
        "now": _text(value / factor),
        "before": _text(before.value / factor),
        "year": before.year,
        "most": _text(form.jump),
        **_named(unit),
    }
    if before.value == 0:
        return "jump", {**params, "change": ""}
    change = (value - before.value) / abs(before.value) * HUNDRED
    if abs(change) <= form.jump:
        return None
    times = abs(value / before.value)
    inverse = 1 / times if times else Decimal(0)
    like_unit = any(LIKE_A_UNIT[0] <= one <= LIKE_A_UNIT[1] for one in (times, inverse))
    return "unit" if like_unit else "jump", {**params, "change": _text(change.quantize(Decimal("0.1")))}


def _unusual(ranges: tuple[UsualRange, ...], key: str, shown: Decimal, industry: str) -> dict[str, Json] | None:
    """The range of the longest industry code that fits; none where no range is known."""
    fitting = [one for one in ranges if one.field == key and industry.startswith(one.industry)]
    if not fitting:
        return None
    usual = max(fitting, key=lambda one: len(one.industry))
    low = usual.least is not None and shown < usual.least
    high = usual.most is not None and shown > usual.most
    if not (low or high):
        return None
    return {
        "now": _text(shown),
        "least": _text(usual.least) if usual.least is not None else "",
        "most": _text(usual.most) if usual.most is not None else "",
        "unverified": usual.unverified,
    }


def _named(unit: Unit | None) -> dict[str, Json]:
    return {"unit": {"zh": unit.symbol.zh, "en": unit.symbol.en}} if unit else {}


def _text(number: Decimal) -> str:
    return f"{number.normalize():f}"

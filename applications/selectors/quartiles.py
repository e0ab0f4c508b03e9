"""Where the figures of a report lie among those of the industry: quartiles of at least five other units, no names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import quantiles

from django.db.models import QuerySet

from applications.models import Application, Figure
from applications.selectors import drafts
from applications.states import State
from greenlist.policy import engine, words
from greenlist.policy.engine.types import Form, FormFigure, Unit

LEAST = 5  # other units: fewer would tell about single firms (issue 4, section 2)
BREADTHS = (4, 3, 2)  # digits of the industry: the closest class that has enough units
DIGITS = 3  # that are told of a quartile, so that it names no firm's own value


@dataclass(frozen=True, slots=True)
class Place:
    """One figure of the report and the quartiles of the others, in the unit of the form."""

    key: str
    label: str
    unit: str
    year: int
    own: Decimal
    lower: Decimal
    middle: Decimal
    upper: Decimal
    others: int

    @property
    def quarter(self) -> int:
        """1 for the lowest quarter, 4 for the highest; says nothing of what is better."""
        return 1 + sum(self.own > bound for bound in (self.lower, self.middle, self.upper))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures that can be compared, with the class of industry they are compared in ("" : no class has enough)."""

    industry: str
    places: tuple[Place, ...]


def compared(case: Application, draft: drafts.Draft) -> Comparison:
    """At most four queries beside the draft's own."""
    own = _single(engine.forms.figures(draft.form, draft.data), case.report.year)
    industry = _class_of(case) if own else ""
    if not industry:
        return Comparison("", ())
    known = _known(_peers(case, industry), own)
    places = (_place(draft.form, figure, year, known.get((key, year), ())) for (key, year), figure in own.items())
    return Comparison(industry, tuple(one for one in places if one is not None))


def _single(figures: Iterable[FormFigure], year: int) -> dict[tuple[str, int], FormFigure]:
    """The figures that stand once for their year: a table with two rows of one year has no one value to compare."""
    found: dict[tuple[str, int], list[FormFigure]] = {}
    for one in figures:
        found.setdefault((one.key, one.year or year), []).append(one)
    return {place: rows[0] for place, rows in found.items() if len(rows) == 1}


def _peers(case: Application, industry: str) -> QuerySet[Application]:
    found = Application.objects.filter(
        category=case.category, industry_code__startswith=industry, submitted_at__isnull=False
    )
    return found.exclude(state=State.WITHDRAWN).exclude(organisation=case.organisation_id)


def _class_of(case: Application) -> str:
    for digits in BREADTHS:
        industry = case.industry_code[:digits]
        if len(industry) == digits and _is_safe(_peers(case, industry), digits):
            return industry
    return ""


def _is_safe(peers: QuerySet[Application], digits: int) -> bool:
    """Enough units, and so many beside those of the closer classes that are told too: no difference of two gives one away."""
    rows = list(peers.values_list("industry_code", "organisation").distinct())
    every = {firm for _code, firm in rows}
    if len(every) < LEAST:
        return False
    for closer in (one for one in BREADTHS if one > digits):
        classes: dict[str, set[int]] = {}
        for code, firm in rows:
            classes.setdefault(code[:closer], set()).add(firm)
        rest = every.difference(*(firms for firms in classes.values() if len(firms) >= LEAST))
        if 0 < len(rest) < LEAST and len(rest) < len(every):
            return False
    return True


def _known(
    peers: QuerySet[Application], own: Mapping[tuple[str, int], FormFigure]
) -> dict[tuple[str, int], tuple[Decimal, ...]]:
    """One value a unit for each of `own`: that of its newest declaration."""
    rows = Figure.objects.filter(
        version__report__application__in=peers,
        key__in={key for key, _year in own},
        year__in={year for _key, year in own},
    ).order_by("version__declared_at", "version_id", "pk")
    newest: dict[tuple[str, int], dict[int, tuple[int, list[Decimal]]]] = {}
    fields = ("key", "year", "unit", "value", "version_id", "version__report__application__organisation_id")
    for key, year, unit, value, version, firm in rows.values_list(*fields):
        if (key, year) not in own or own[key, year].unit != unit:
            continue
        firms = newest.setdefault((key, year), {})
        if firm not in firms or firms[firm][0] != version:
            firms[firm] = (version, [])
        firms[firm][1].append(value)
    return {
        place: tuple(values[0] for _version, values in firms.values() if len(values) == 1)
        for place, firms in newest.items()
    }


def _place(form: Form, figure: FormFigure, year: int, others: tuple[Decimal, ...]) -> Place | None:
    """None for fewer than five others."""
    if len(others) < LEAST:
        return None
    label, unit = named(form, figure.key)
    factor = unit.factor if unit else Decimal(1)
    lower, middle, upper = (_told(value / factor) for value in quantiles(others, n=4, method="inclusive"))
    return Place(
        key=figure.key,
        label=label,
        unit=words.text(unit.symbol) if unit else "",
        year=year,
        own=figure.value / factor,
        lower=lower,
        middle=middle,
        upper=upper,
        others=len(others),
    )


def _told(value: Decimal) -> Decimal:
    """The value to three digits."""
    return value if not value else round(value, DIGITS - 1 - value.adjusted())


def named(form: Form, key: str) -> tuple[str, Unit | None]:
    """What a figure is called, and its unit on the form."""
    section, name, *rest = key.split(".")
    field = form.section(section).field(name)
    if not rest:
        return words.text(field.label), field.unit
    column = next(one for one in field.columns if one.key == rest[-1])
    fixed = next((row for row in field.rows if row.key == rest[0]), None) if len(rest) > 1 else None
    unit = (fixed.units.get(column.key) if fixed else None) or column.unit
    labels = [field.label, *([fixed.label] if fixed else []), column.label]
    return " · ".join(words.text(one) for one in labels), unit

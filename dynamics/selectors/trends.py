"""How the figures of one unit went over the years: those that its form marks (`trend`), as accepted or as evaluated."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from applications.models import Application, Figure, ReportVersion
from applications.selectors import standards
from applications.selectors.shown import say, text_of
from applications.states import State
from dynamics.models import YearlyReport
from dynamics.selectors import cycles
from dynamics.states import YearlyState
from greenlist.core.actors import Actor
from greenlist.policy.engine import forms
from greenlist.policy.engine.types import Field, FieldType, Form
from registry.models import Listing

YEARS = 8  # the newest ones: more are no table that anybody reads
WIDTH, HEIGHT, EDGE = 120, 32, 4  # of the drawn line
PLACES = 6  # of a number that its form does not round


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure: a text for each year, empty where nothing is known of it, and the same as a line to look at."""

    label: str
    unit: str
    values: tuple[str, ...]
    change: str  # in per cent, of the newest year against the one known before
    is_unverified: bool
    dots: tuple[tuple[str, str], ...]

    @property
    def line(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.dots)


@dataclass(frozen=True, slots=True)
class Trends:
    years: tuple[int, ...]
    rows: tuple[Trend, ...]
    notes: tuple[str, ...]  # what nobody has verified of the factors and of the form


# ---- one figure as text ---------------------------------------------------------------------------------------------------
def amount(spec: Field, value: Decimal) -> Decimal:
    """A figure in the unit and with the places of its field."""
    number = value / (spec.unit.factor if spec.unit else 1)
    return round(number, PLACES if spec.decimals is None else spec.decimals)


def amount_text(spec: Field, value: Decimal) -> str:
    number = amount(spec, value)
    return text_of(spec, f"{number if spec.type is FieldType.COMPUTED else number.normalize():f}")


# ---- the years of a unit --------------------------------------------------------------------------------------------------
def of_unit(actor: Actor, listing: Listing) -> Trends | None:
    """None where no table was accepted yet whose form marks any figure. What the actor may not see is not asked for."""
    rows = YearlyReport.objects.visible_to(actor).filter(
        site_id=listing.site_id, category=listing.listbook.category, state=YearlyState.ACCEPTED, report__isnull=False
    )
    rows = rows.select_related("report", "cycle__rules__rule_set").defer(*cycles.HEAVY_OF_TABLE)
    tables = rows.order_by("-cycle__year", "-pk")[:YEARS]
    form = next((form for form in map(_form, tables) if _marked(form)), None)
    if form is None:
        return None
    known = _figures(_versions(actor, listing, tables), listing.site_id, form)
    years = tuple(sorted({year for values in known.values() for year in values})[-YEARS:])
    marked = [(path, spec) for path, spec in _marked(form).items() if path in known]
    doubts = {path: forms.unverified(form, path) for path, _spec in marked}
    notes = [f"{say(title)}：{why}" for found in doubts.values() for title, why in found.items()]
    return Trends(
        years=years,
        rows=tuple(
            _trend(spec, known[path], years, is_unverified=bool(spec.unverified or doubts[path]))
            for path, spec in marked
        ),
        notes=tuple(dict.fromkeys(one for one in (*notes, form.unverified) if one)),
    )


def _form(table: YearlyReport) -> Form:
    assert table.report is not None
    return standards.form_of(table.report, cycles.rules_of(table.cycle, table.category))


def _marked(form: Form) -> dict[str, Field]:
    return {f"{part.key}.{spec.key}": spec for part in form.sections for spec in part.fields if spec.trend}


def _versions(actor: Actor, listing: Listing, tables: Iterable[YearlyReport]) -> list[int]:
    """What was declared last in each accepted table and in each evaluation by which the unit was listed."""
    cases = Application.objects.visible_to(actor).filter(
        site_id=listing.site_id, category=listing.listbook.category, state=State.LISTED
    )
    evaluated = cases.order_by("-pk").values_list("report_id", flat=True)[:YEARS]
    found = ReportVersion.objects.filter(report_id__in=[*(table.report_id for table in tables), *evaluated])
    return list(dict(found.order_by("number").values_list("report_id", "pk")).values())


def _figures(versions: Sequence[int], site: int, form: Form) -> dict[str, dict[int, Decimal]]:
    """Path → year → value in the base unit; of two that tell the same year the one declared later."""
    paths = {name: path for path, spec in _marked(form).items() for name in (*spec.same_as, path)}
    rows = Figure.objects.filter(version__in=versions, site_id=site, key__in=paths)
    found: dict[str, dict[int, Decimal]] = {}
    for row in rows.order_by("version__declared_at", "pk"):
        found.setdefault(paths[row.key], {})[row.year] = row.value
    return found


def _trend(spec: Field, known: Mapping[int, Decimal], years: Sequence[int], *, is_unverified: bool) -> Trend:
    amounts = {year: amount(spec, known[year]) for year in years if year in known}
    return Trend(
        label=say(spec.label),
        unit=say(spec.unit.symbol) if spec.unit else "",
        values=tuple(amount_text(spec, known[year]) if year in known else "" for year in years),
        change=_change(list(amounts.values())),
        is_unverified=is_unverified,
        dots=tuple(_dots(amounts, years)),
    )


def _change(amounts: Sequence[Decimal]) -> str:
    if len(amounts) < 2 or not amounts[-2]:
        return ""
    return f"{(amounts[-1] - amounts[-2]) / amounts[-2] * 100:+.1f} %"


def _dots(amounts: Mapping[int, Decimal], years: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Where each year stands: side by side from the first to the last, the lowest below, the highest above."""
    least, most = min(amounts.values(), default=Decimal(0)), max(amounts.values(), default=Decimal(0))
    step = Decimal(WIDTH - 2 * EDGE) / max(len(years) - 1, 1)
    for place, year in enumerate(years):
        if year in amounts:
            share = (most - amounts[year]) / (most - least) if most > least else Decimal("0.5")
            yield f"{EDGE + step * place:.1f}", f"{EDGE + share * (HEIGHT - 2 * EDGE):.1f}"

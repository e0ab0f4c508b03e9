"""Who owes what in a cycle: its rules, the units on the lists, what is known of each. Pages of a cycle are in `yearly`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from applications.models import Application
from dynamics import rules
from dynamics.models import CultivationObject, Cycle, YearlyReport
from dynamics.states import CULTIVATED
from greenlist.accounts.models import Authority
from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations.models import Site, Title
from greenlist.policy import selectors as policy
from greenlist.policy.engine import duties
from greenlist.policy.engine.types import BoundPolicy, Duty, Policy
from greenlist.policy.models import RuleSetVersion

CYCLE_ROWS = ("rules__rule_set", "owner__area")
HEAVY = ("rules__canonical", "rules__sources")  # the stored text: read by the process that builds the rules, never here
HEAVY_OF_TABLE = tuple(f"cycle__{name}" for name in HEAVY)
TABLE_ROWS = ("cycle__rules__rule_set", "cycle__owner__area", "site__area", "organisation__area", "desk", "report")


@dataclass(frozen=True, slots=True)
class Offered:
    """A duty of a rule set, as it holds for the categories of the list."""

    version: RuleSetVersion
    duty: Duty
    owner: Authority
    categories: tuple[str, ...]


def rules_of(cycle: Cycle, category: str) -> BoundPolicy:
    """The rules pinned by a cycle, as they hold for a category."""
    return policy.standing(cycle.rules, category)


def duty_of(cycle: Cycle, category: str = "") -> Duty:
    """The duty of a cycle; of its first category where none is named."""
    first = policy.policy(cycle.rules).categories[0]
    return duties.of(policy.standing(cycle.rules, category or first), cycle.duty)


def lists_of(cycle: Cycle) -> tuple[str, ...]:
    """The categories that the duty of a cycle holds for."""
    bound = {one: policy.standing(cycle.rules, one) for one in policy.policy(cycle.rules).categories}
    return tuple(one for one, found in bound.items() if any(duty.key == cycle.duty for duty in duties.of_units(found)))


def owner_of(found: Policy) -> Authority | None:
    """The industry authority of the area whose list it is; a national list is kept here by the province that recommends."""
    rows = Authority.objects.filter(kind=Authority.Kind.INDUSTRY, area__slug=found.header.owner).select_related("area")
    return min(rows, key=lambda one: (one.tier != found.header.tier, one.pk), default=None)


def offered(versions: Iterable[RuleSetVersion] | None = None) -> Iterator[Offered]:
    """Every duty of units of the rule sets in force, with the authority whose it is; none where it has no authority here."""
    for version in policy.all_current() if versions is None else versions:
        whole = policy.policy(version)
        owner = owner_of(whole)
        found: dict[str, Duty] = {}
        held: dict[str, list[str]] = defaultdict(list)
        for category in whole.categories:
            for duty in duties.of_units(policy.standing(version, category)):
                found.setdefault(duty.key, duty)
                held[duty.key].append(category)
        if owner is not None:
            yield from (Offered(version, duty, owner, tuple(held[key])) for key, duty in found.items())


def cycle_of(actor: Actor, reference: str) -> Cycle:
    """Raises NotVisible."""
    rows = Cycle.objects.visible_to(actor).select_related(*CYCLE_ROWS).defer(*HEAVY)
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def cycle_to_keep(actor: Actor, reference: str, table: str = "") -> Cycle:
    """A cycle whose last day one may move, for all or for one unit (`table`), or which one may close.

    Raises NotVisible, NotAllowed.
    """
    cycle = cycle_of(actor, reference)
    lists = (table_of(actor, table).category,) if table else lists_of(cycle)
    if not rules.may_open_cycle(actor, cycle.owner_id, lists):
        raise NotAllowed(rules.APPROVER_OF_OWNER)
    return cycle


def table_of(actor: Actor, reference: str) -> YearlyReport:
    """Raises NotVisible."""
    tables = YearlyReport.objects.visible_to(actor).select_related(*TABLE_ROWS).defer(*HEAVY_OF_TABLE)
    found = tables.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


# ---- who owes it ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Unit:
    """A site in a category, and what it owes."""

    site: Site
    category: str
    owed: duties.Owed


def units(cycle: Cycle, on: date) -> list[Unit]:
    """Every unit that the cycle's duty concerns that day, exempt or not. A few queries, however many there are."""
    categories = policy.policy(cycle.rules).categories
    held = _titles(cycle, on)
    aspiring: set[tuple[int, str]] = set()
    if duty_of(cycle).who == duties.ASPIRING:
        aspiring = set(YearlyReport.objects.filter(cycle=cycle, aspires=True).values_list("site_id", "category"))
    levels = _levels(cycle)
    applied = _applied(cycle) if duty_of(cycle).who == duties.ASPIRING else set()
    found = []
    sites = _sites({site for site, _category in {*held, *levels, *aspiring}})
    for site_id, category in sorted({*held, *levels, *aspiring}):
        if category not in categories or site_id not in sites:
            continue
        known = duties.Holder(
            category=category,
            tiers=frozenset(held.get((site_id, category), ())),
            levels=frozenset(levels.get((site_id, category), ())),
            aspires=(site_id, category) in aspiring,
            applied=(site_id, category) in applied,
        )
        owed = duties.owed(duty_of(cycle, category), known, cycle.year) if _has_duty(cycle, category) else None
        if owed is not None:
            found.append(Unit(sites[site_id], category, owed))
    return found


def unit_of(cycle: Cycle, site: Site, category: str, on: date) -> duties.Owed | None:
    """What one site owes that says itself that it means to apply higher (JY-19)."""
    held = site.titles.filter(Q(valid_until=None) | Q(valid_until__gt=on), category=category, valid_from__lte=on)
    known = duties.Holder(
        category=category,
        tiers=frozenset(held.values_list("tier", flat=True)),
        levels=frozenset(_levels(cycle).get((site.pk, category), ())),
        aspires=True,
        applied=(site.pk, category) in _applied(cycle),
    )
    return duties.owed(duty_of(cycle, category), known, cycle.year) if _has_duty(cycle, category) else None


def _has_duty(cycle: Cycle, category: str) -> bool:
    return any(one.key == cycle.duty for one in rules_of(cycle, category).duties)


def _titles(cycle: Cycle, on: date) -> dict[tuple[int, str], set[str]]:
    """Tiers of the titles that sites of the cycle's area hold, by (site, category)."""
    rows = Title.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=on),
        site__area__path__startswith=cycle.owner.area.path,
        valid_from__lte=on,
    )
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    for site, category, tier in rows.values_list("site_id", "category", "tier"):
        found[site, category].add(tier)
    return dict(found)


def _levels(cycle: Cycle) -> dict[tuple[int, str], set[str]]:
    """Levels of the cultivation libraries that sites of the area are in, by (site, category)."""
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    if duty_of(cycle).who != duties.ASPIRING:
        return {}
    rows = CultivationObject.objects.filter(state__in=CULTIVATED, area_path__startswith=cycle.owner.area.path)
    for site, category, level in rows.values_list("site_id", "category", "level"):
        found[site, category].add(level)
    return dict(found)


def _applied(cycle: Cycle) -> set[tuple[int, str]]:
    """Who handed in an evaluation report to this authority in the cycle's year already (JY-11, JY-19)."""
    rows = Application.objects.filter(
        call__owner_id=cycle.owner_id, call__year=cycle.year, submitted_at__isnull=False, site__isnull=False
    )
    return set(rows.values_list("site_id", "category"))


def _sites(ids: set[int]) -> dict[int, Site]:
    rows = Site.objects.select_related("area", "organisation__area")
    wanted, found = sorted(ids), {}
    for start in range(0, len(wanted), 500):
        found.update({row.pk: row for row in rows.filter(pk__in=wanted[start : start + 500])})
    return found

"""What authorities file upward about their cultivation: the rules, one year's filings, the board of who has not filed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from dynamics.models import CultivationFiling, CultivationObject
from dynamics.selectors import cultivation as library
from dynamics.states import FilingState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy import selectors as policy
from greenlist.policy import words
from greenlist.policy.engine import cultivating
from greenlist.policy.engine.cultivating import FilingRule
from registry.models import Listing
from registry.states import IN_FORCE

HEAVY = ("frozen", "plan")  # thousands of lines, which no list shows
FILED = (FilingState.SENT, FilingState.RECEIVED)


def rules_for(area_path: str, tier: str) -> list[FilingRule]:
    """What authorities of this tier and place file, each rule once."""
    found: dict[str, FilingRule] = {}
    for bound, programme in library.programmes(area_path):
        for rule in programme.filings:
            if rule.by == tier:
                found.setdefault(f"{bound.header.slug}:{rule.key}", rule)
    return list(found.values())


def rules_by_place() -> dict[str, list[FilingRule]]:
    """What every rule set in force says of filings, by the slug of the area whose it is; one query."""
    found: dict[str, dict[str, FilingRule]] = {}
    for version in policy.all_current():
        rules = policy.policy(version)
        for category in sorted(rules.categories):
            for rule in cultivating.programme(policy.standing(version, category)).filings:
                found.setdefault(rules.header.owner, {}).setdefault(f"{rules.header.slug}:{rule.key}", rule)
    return {slug: list(rules.values()) for slug, rules in found.items()}


def rules_to(area_path: str, tier: str) -> list[FilingRule]:
    """What is filed with authorities of this tier and place."""
    found: dict[str, FilingRule] = {}
    for bound, programme in library.programmes(area_path):
        for rule in programme.filings:
            if rule.to == tier:
                found.setdefault(f"{bound.header.slug}:{rule.key}", rule)
    return list(found.values())


def one(actor: Actor, reference: str) -> CultivationFiling:
    """Raises NotVisible."""
    rows = CultivationFiling.objects.visible_to(actor).select_related(
        "authority__area", "to", "handed_by", "signed_by", "received_by", "pdf"
    )
    row = rows.filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def own(actor: Actor) -> list[CultivationFiling]:
    """The newest filings of the official's authority; bounded."""
    rows = CultivationFiling.objects.visible_to(actor).filter(authority_id=actor.authority_id).select_related("to")
    return list(rows.defer(*HEAVY).order_by("-year", "-pk")[:20])


@dataclass(frozen=True)
class Line:
    """One authority on the board: its filing, and how late it is."""

    authority: Authority
    filing: CultivationFiling | None
    due_on: date
    is_overdue: bool
    was_late: bool

    @property
    def is_filed(self) -> bool:
        return self.filing is not None


@dataclass(frozen=True)
class Board:
    """Who has filed by a rule in a year."""

    rule: FilingRule
    label: str
    due_on: date
    lines: list[Line]

    @property
    def filed(self) -> int:
        return sum(line.is_filed for line in self.lines)

    @property
    def overdue(self) -> int:
        return sum(line.is_overdue for line in self.lines)


def boards(actor: Actor, year: int, today: date) -> list[Board]:
    """For an authority that filings are sent to: every authority that owes one; two queries a rule."""
    made = []
    for rule in rules_to(actor.area_path, str(actor.tier or "")):
        rows = CultivationFiling.objects.visible_to(actor).filter(to_id=actor.authority_id, rule=rule.key, year=year)
        sent = {row.authority_id: row for row in rows.filter(state__in=FILED).defer(*HEAVY)}
        offices = accounts.authorities(path=actor.area_path, tier=rule.by)
        lines = [_line(office, sent.get(office.pk), rule.due(year), today) for office in offices]
        made.append(Board(rule, words.text(rule.label), rule.due(year), lines))
    return made


def _line(office: Authority, filing: CultivationFiling | None, due_on: date, today: date) -> Line:
    from greenlist.core import clock

    sent_on = clock.china_date(filing.sent_at) if filing and filing.sent_at else None
    return Line(office, filing, due_on, filing is None and today > due_on, sent_on is not None and sent_on > due_on)


def objects_to_file(authority: Authority) -> QuerySet[CultivationObject]:
    """The library of an authority as it is filed: its own objects, and those of the authorities below it."""
    rows = CultivationObject.objects.cultivated().filter(area_path__startswith=authority.area.path)
    return rows.select_related("organisation", "site__area", "authority").order_by("area_path", "pk")


def listed_to_file(authority: Authority) -> QuerySet[Listing]:
    """The authority's own list as it stands."""
    rows = Listing.objects.filter(listbook__owner=authority, state__in=IN_FORCE).select_related("listbook")
    return rows.order_by("listbook", "listed_on", "pk")


def frozen_of(row: CultivationFiling) -> dict[str, Any]:
    """What is signed: words and lines as they stand now, in Chinese as they are filed."""
    data: dict[str, Any] = {
        "authority": row.authority.name,
        "to": row.to.name,
        "year": row.year,
        "plan": row.plan.strip(),
        "library": [],
        "list": [],
    }
    if row.with_library:
        data["library"] = [
            {
                "name": one.organisation.name,
                "code": one.organisation.code or "",
                "area": one.site.area.full_name,
                "category": one.category,
                "state": one.state,
                "plan": one.plan,
                "responsible": one.responsible,
                "library": one.authority.name,
            }
            for one in objects_to_file(row.authority).iterator(chunk_size=500)
        ]
    if row.with_list:
        data["list"] = [
            {
                "name": one.name,
                "code": one.code,
                "area": one.area_name,
                "list": one.listbook.title,
                "year": one.year,
                "listed_on": one.listed_on.isoformat(),
            }
            for one in listed_to_file(row.authority).iterator(chunk_size=500)
        ]
    return data


def kinds_in(row: CultivationFiling) -> set[str]:
    """Which of plan, library and list it holds."""
    held = {"plan": bool(row.plan.strip()), "library": row.with_library, "list": row.with_list}
    return {kind for kind, there in held.items() if there}

"""What officials, reporters and visitors read of reports from the public. Rows here never carry who reported (R6)."""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from applications.models import TimelineEntry
from dynamics import rules
from dynamics.models import Tip, TipHandler
from dynamics.selectors import standing
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority, Mandate
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Organisation
from greenlist.policy.engine.types import ReportRule
from registry.models import Listing

PAGE = 50
HIDDEN = ("name", "contact", "text")  # not read from the database unless somebody opens them
OFFICE = (Mandate.Role.HANDLER, Mandate.Role.APPROVER)


# ---- where to report ------------------------------------------------------------------------------------------------
def receivers(rule: ReportRule, area_path: str) -> list[Authority]:
    """The authorities that receive reports about a unit of this place, the highest first as the rules name them."""
    area = Area.objects.filter(path=area_path).first()
    found = (accounts.industry_authority(area, tier) for tier in rule.to) if area else ()
    return list({one.pk: one for one in found if one is not None}.values())


def body_receivers(held: standing.Standing, rule: ReportRule) -> list[Authority]:
    """The authorities under a rule set that receive reports about bodies: of any tier concerned."""
    owner = Area.objects.filter(slug=held.bound.header.owner).first()
    if owner is None:
        return []
    found = [one for tier in rule.to for one in accounts.authorities(path=owner.path, tier=tier)]
    return sorted(found, key=lambda one: (-Tier(one.tier).rank, one.area.path, one.pk))


def body(pk: int) -> Organisation:
    """A third-party body. Raises NotVisible."""
    row = Organisation.objects.select_related("area").filter(pk=pk, kind=Organisation.Kind.BODY).first()
    if row is None:
        raise NotVisible
    return row


@dataclass(frozen=True)
class Subject:
    """What may be reported from one page."""

    name: str
    clause: str
    label: str
    receivers: list[Authority]


def unit_subject(listing: Listing) -> Subject | None:
    """None: the rules of this list receive no reports here."""
    found = standing.report_rule(listing)
    if found is None:
        return None
    _held, rule = found
    return Subject(listing.name, rule.clause, str(rule.label.zh), receivers(rule, listing.area_path))


def body_subject(row: Organisation) -> Subject | None:
    for held, rule in standing.body_rules():
        return Subject(row.name, rule.clause, str(rule.label.zh), body_receivers(held, rule))
    return None


def found_units(words: str, limit: int = 20) -> list[Listing]:
    """Listed units by name, former name or code, for the general entry."""
    if len(words) < 2:
        return []
    rows = Listing.objects.found_by(words).select_related("listbook__owner__area").order_by("-listed_on", "-pk")
    return list(rows[:limit])


def found_bodies(words: str, limit: int = 10) -> list[Organisation]:
    if len(words) < 2:
        return []
    rows = Organisation.objects.named(words).filter(kind=Organisation.Kind.BODY)
    return list(rows.order_by("name", "pk")[:limit])


def followed(token: str) -> Tip:
    """What the reporter follows: number, state, outcome. Raises NotVisible."""
    row = Tip.objects.defer(*HIDDEN).select_related("authority").filter(follow_token=token).first() if token else None
    if row is None:
        raise NotVisible
    return row


# ---- in the office --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Page:
    rows: tuple[Tip, ...]
    after: int | None


def of(actor: Actor, *, only_open: bool = False, after: int | None = None, size: int = PAGE) -> Page:
    found = _bare(Tip.objects.visible_to(actor)).order_by("-pk")
    if only_open:
        found = found.open()  # type: ignore[attr-defined]
    if after is not None:
        found = found.filter(pk__lt=after)
    rows = list(found[: size + 1])
    return Page(tuple(rows[:size]), rows[size - 1].pk if len(rows) > size else None)


def one(actor: Actor, receipt: str) -> Tip:
    """Raises NotVisible."""
    rows = _bare(Tip.objects.visible_to(actor)).select_related(
        "proposed_by", "decided_by", "listing__listbook__owner__area"
    )
    row = rows.filter(receipt=receipt).first()
    if row is None:
        raise NotVisible
    return row


def _bare(rows: QuerySet[Tip]) -> QuerySet[Tip]:
    return rows.defer(*HIDDEN).select_related("authority", "listing__listbook", "body")


def is_named(actor: Actor, tip: Tip) -> bool:
    return tip.handlers.filter(user_id=actor.user_id, authority_id=actor.authority_id, ended_at=None).exists()


def may_decide(actor: Actor, tip: Tip) -> bool:
    """An approver who neither proposed the outcome nor was ever named to handle it, released meanwhile or not."""
    return rules.may_decide_tip(actor, tip) and not tip.handlers.filter(user_id=actor.user_id).exists()


def handlers_of(tip: Tip) -> list[TipHandler]:
    return list(tip.handlers.filter(ended_at=None).select_related("user", "authority", "named_by").order_by("pk"))


def rule_of(tip: Tip) -> ReportRule | None:
    """The rule under which it was received."""
    if tip.listing is not None:
        found = standing.report_rule(tip.listing)
        return found[1] if found else None
    return next((rule for held, rule in standing.body_rules() if held.slug == tip.rules), None)


def auditors(on: date) -> list[int]:
    """Audit administrators: they are told of many looks."""
    held = Mandate.objects.in_force(on).of_role(Mandate.Role.AUDITOR)
    return list(held.order_by("user_id").values_list("user_id", flat=True).distinct())


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be named, and what stands against it."""

    user_id: int
    name: str
    authority_id: int
    authority: str
    from_its_county: bool
    took_part: bool


def candidates(tip: Tip, on: date) -> list[Candidate]:
    """Handlers and approvers of the receiving authority, and of those below it in whose area the unit lies."""
    paths = accounts.lineage(tip.area_path) if tip.area_path else []
    offices = {tip.authority_id}
    if tip.listing_id:
        below = Authority.objects.filter(kind=Authority.Kind.INDUSTRY, area__path__in=paths).select_related("area")
        offices |= {one.pk for one in below if one.area.path.startswith(tip.authority.area.path)}
    held = Mandate.objects.in_force(on).of_role(*OFFICE).filter(authority_id__in=offices)
    if tip.category:
        held = held.filter(list_kind__in=["", tip.category])
    parted = took_part(tip)
    found: dict[int, Candidate] = {}
    for row in held.select_related("user", "authority__area").order_by("authority__area__path", "user__name", "pk"):
        assert row.authority is not None
        county = row.authority.tier == Tier.COUNTY and tip.area_path.startswith(row.authority.area.path)
        one = Candidate(
            row.user_id, row.user.name, row.authority_id or 0, row.authority.name, county, row.user_id in parted
        )
        found.setdefault(one.user_id, one)
    return list(found.values())


def took_part(tip: Tip) -> set[int]:
    """Whoever reviewed, signed or recommended the unit's case for another office never sees who reported it (R6)."""
    case = tip.listing.application_id if tip.listing else None
    if case is None:
        return set()
    acted = TimelineEntry.objects.filter(application_id=case, capacity__in=OFFICE).exclude(user=None)
    people = set(acted.exclude(authority=tip.authority.name).values_list("user_id", flat=True))
    return {one for one in people if one is not None}

"""The library: bounded pages and counts, one object, what a unit sees of its own, the rules that hold for a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet

from applications.models import Application, Call
from applications.selectors import calls
from applications.states import CallState
from dynamics.models import CultivationObject
from dynamics.states import CultivationState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import NotVisible
from greenlist.organisations import selectors as parties
from greenlist.organisations.models import Category, Organisation, Site
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy import words as policy_words
from greenlist.policy.engine.cultivating import HonourKind, Programme
from reviews.models import GuidanceVisit

PAGE = 50
COUNTED = 5000  # nobody counts further on a page


# ---- what the rules of a place say ----------------------------------------------------------------------------------------
def programmes(area_path: str, category: str = "") -> list[tuple[Any, Programme]]:
    """(bound rule set, what it says of cultivation) of every list at or above a place, nearest first."""
    found = []
    for path in accounts.lineage(area_path):
        slug = path.rstrip("/").rpartition("/")[2]
        for version in policy.of_owner(slug, category):
            kinds = [category] if category else sorted(policy.policy(version).categories)
            for kind in kinds:
                bound = policy.standing(version, kind)
                found.append((bound, engine.cultivating.programme(bound)))
    return found


def honours(area_path: str, category: str = "") -> dict[str, HonourKind]:
    """The honours that rule sets at or above a place know, by key."""
    found: dict[str, HonourKind] = {}
    for _bound, programme in programmes(area_path, category):
        for one in programme.honours:
            found.setdefault(one.key, one)
    return found


def forward_honours(area_path: str, category: str = "") -> list[tuple[str, str]]:
    """Those that put a firm forward (JY-7b), as choices."""
    kinds = honours(area_path, category).values()
    return [(one.key, policy_words.text(one.label)) for one in kinds if one.forward]


# ---- the library ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Leaf:
    """A bounded page, newest first; `after` continues it."""

    rows: list[CultivationObject]
    after: int | None
    count: int  # up to COUNTED
    is_more: bool  # than COUNTED


def found(actor: Actor, given: Mapping[str, Any]) -> QuerySet[CultivationObject]:
    """Objects that the clean filters find, newest first."""
    rows = CultivationObject.objects.visible_to(actor).select_related("organisation__area", "site__area", "authority")
    for name in ("level", "state", "category", "source"):
        if given.get(name):
            rows = rows.filter(**{name: given[name]})
    if given.get("place"):
        place = Area.objects.filter(slug=given["place"]).first()
        rows = rows.filter(area_path__startswith=place.path) if place else rows.none()
    if given.get("tag"):
        rows = rows.filter(tags__key=given["tag"])
    if given.get("striving"):
        rows = rows.filter(organisation__striving_grade_a=given["striving"] == "yes")
    if given.get("own"):
        rows = rows.filter(authority_id=actor.authority_id)
    if words := str(given.get("q", "")).strip():
        named = Q(organisation__name__holds=words) | Q(organisation__former__holds=words)
        rows = rows.filter(named | Q(organisation__code=words.upper()))
    return rows.order_by("-pk")


def page(actor: Actor, given: Mapping[str, Any], *, after: int | None = None) -> Leaf:
    """One page with how many there are in all; two queries."""
    rows = found(actor, given).prefetch_related("tags")
    count = rows.order_by()[: COUNTED + 1].count()
    beyond = rows.filter(pk__lt=after) if after else rows
    part = list(beyond[: PAGE + 1])
    following = part[PAGE - 1].pk if len(part) > PAGE else None
    return Leaf(part[:PAGE], following, min(count, COUNTED), count > COUNTED)


def places(actor: Actor) -> list[tuple[str, str]]:
    """Areas directly below the official's own, for the filter."""
    rows = Area.objects.filter(parent__path=actor.area_path).order_by("path")
    return list(rows.values_list("slug", "name"))


def one(actor: Actor, reference: str) -> CultivationObject:
    """Raises NotVisible."""
    rows = CultivationObject.objects.visible_to(actor).select_related(
        "organisation__area", "site__area", "authority__area", "case", "application__call"
    )
    row = rows.filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


@dataclass(frozen=True)
class ObjectPage:
    """Everything that hangs on one object."""

    row: CultivationObject
    tags: list[str]
    honours: list[str]  # what the unit says it holds
    targets: list[Any]
    visits: list[Any]
    notes: list[Any]
    matches: list[Any]
    titles: list[Any]
    members: int  # people of the unit whom a message reaches


def object_page(actor: Actor, reference: str) -> ObjectPage:
    """Raises NotVisible."""
    row = one(actor, reference)
    known = honours(row.area_path, row.category)
    keys = [tag.key for tag in row.tags.all()]
    beside = row.case_id is not None
    visits = GuidanceVisit.objects.filter(application=row.case_id) if beside else row.visits.all()
    return ObjectPage(
        row=row,
        tags=[policy_words.text(known[key].label) if key in known else key for key in keys],
        honours=[
            f"{one.kind} {one.year or ''}".strip() for one in row.organisation.honours.order_by("-year", "pk")[:20]
        ],
        targets=list(row.targets.all()[:100]),
        visits=list(visits[:50]),
        notes=list(row.notes.select_related("by")[:50]),
        matches=list(row.matches.select_related("body")[:50]),
        titles=list(row.site.titles.filter(valid_until=None).order_by("-valid_from", "pk")),
        members=len(parties.member_ids(row.organisation_id)),
    )


def sites_to_add(actor: Actor, words: str) -> list[Organisation]:
    """Firms and parks of the official's area that the words find, to take one in. Raises NotAllowed."""
    rows = parties.search(actor, words=words).exclude(kind=Organisation.Kind.BODY)
    return list(rows.prefetch_related("sites__area")[:20]) if words.strip() else []


def bodies_to_match(actor: Actor) -> list[Organisation]:
    """Registered third-party bodies, by name; bounded."""
    return list(Organisation.objects.filter(kind=Organisation.Kind.BODY).order_by("name", "pk")[:200])


def levels_to_note(row: CultivationObject) -> list[tuple[str, str]]:
    """Its library's own level, and those of other authorities that the rules let the library note (JY-19); as choices."""
    own, noted = row.authority.tier, set()
    for _bound, programme in programmes(row.area_path, row.category):
        noted |= {one.tier for one in programme.libraries if own in one.recorded_by}
    return [choice for choice in levels() if choice[0] in noted | {own}] if noted else []


# ---- the unit's own -------------------------------------------------------------------------------------------------------
def own_objects(actor: Actor) -> list[CultivationObject]:
    """Objects that a unit, or a body matched with them, reads; newest first, bounded."""
    rows = CultivationObject.objects.visible_to(actor).select_related(
        "organisation", "site__area", "authority", "case", "application"
    )
    return list(rows.prefetch_related("targets", "visits", "notes__by", "matches__body").order_by("-pk")[:20])


def own_sites(actor: Actor) -> list[Site]:
    return list(Site.objects.visible_to(actor).order_by("-is_default", "pk")[:50]) if actor.organisation_id else []


@dataclass(frozen=True)
class Way:
    """An open call that an object may answer; `case`: the draft or application that is there."""

    object: CultivationObject
    call: Call
    until: date | None
    case: Application | None


def ways(actor: Actor, rows: list[CultivationObject], at: datetime) -> dict[int, list[Way]]:
    """Open calls for the lists of these objects, by object."""
    wanted = {row.category for row in rows if row.state not in (CultivationState.LISTED, CultivationState.DROPPED)}
    if not wanted or actor.is_body:
        return {}
    found_calls = Call.objects.visible_to(actor).filter(state=CallState.OPEN, category__in=wanted)
    open_calls = list(found_calls.select_related(*calls.CALL_ROWS).defer(*calls.HEAVY).order_by("-pk")[:50])
    live = {
        (case.call_id, case.site_id): case
        for case in Application.objects.visible_to(actor).filter(call__in=open_calls).order_by("pk")
    }
    made: dict[int, list[Way]] = {}
    for row in rows:
        for call in open_calls:
            way = _way(row, call, live.get((call.pk, row.site_id)), at)
            if way is not None:
                made.setdefault(row.pk, []).append(way)
    return made


def _way(row: CultivationObject, call: Call, case: Application | None, at: datetime) -> Way | None:
    header = calls.rules_of(call).header
    if call.category != row.category or not engine.within(row.area_path, header.owner):
        return None
    if row.state in (CultivationState.LISTED, CultivationState.DROPPED):
        return None
    deadline = calls.submission_deadline(call, row.area_path, at)
    if case is None and deadline and deadline.is_over(at):
        return None
    return Way(row, call, deadline.day if deadline else None, case)


def levels() -> list[tuple[str, str]]:
    """Tiers that keep libraries, as choices."""
    return [(tier.value, str(policy_words.TIERS[tier.value])) for tier in (Tier.COUNTY, Tier.CITY, Tier.PROVINCE)]


def categories() -> list[tuple[str, str]]:
    return [(one.value, str(one.label)) for one in Category]

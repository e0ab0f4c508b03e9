"""Reads about organisations: what a person may act as, which pages show what, and the facts the rules ask for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority, User
from greenlist.core.actors import ANONYMOUS, Actor, Capacity, Tier
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations import facts as mapping
from greenlist.organisations import rules
from greenlist.organisations.models import (
    AdverseChange,
    AdverseMatch,
    AdverseRecord,
    BodyProfile,
    Category,
    Industry,
    Invitation,
    Membership,
    Name,
    Organisation,
    ParkFirm,
    Site,
    Title,
)
from greenlist.organisations.querysets import Window, in_windows

REMOVED = AdverseRecord.Kind.REMOVED
OFFICIALS_ONLY = _("Only an industry authority looks up organisations.")


# ---- capacities ---------------------------------------------------------------------------------------------------
def capacities(user: User, on: date) -> tuple[Actor, ...]:
    """Everything a person may act as that day, mandates first, in a stable order; one query, asked in every request.

    Keys are stable: "m12" is mandate 12, "o7" membership of organisation 7.
    """
    none = Value("")
    held = accounts.mandates_of(user.pk, on).order_by()
    mandates = held.values_list(Value("m"), "pk", "role", "list_kind", *accounts.AUTHORITY)
    open_ = Membership.objects.on(on).filter(user=user, user__is_active=True)
    firm = ("organisation_id", "organisation__name", "organisation__kind")
    memberships = open_.values_list(Value("o"), "pk", "role", none, *firm, none)
    return tuple(
        accounts.mandate_actor(user, *row[1:]) if row[0] == "m" else _member(user, row[4], row[5], row[2], row[6])
        for row in sorted(mandates.union(memberships, all=True), key=lambda row: row[:2])
    )


def _member(user: User, organisation_id: int, name: str, role: str, kind: str) -> Actor:
    return Actor(
        capacity=Capacity.APPLICANT,
        key=f"o{organisation_id}",
        user_id=user.pk,
        name=user.name,
        organisation_id=organisation_id,
        organisation_name=name,
        is_owner=role == Membership.Role.OWNER,
        is_body=kind == Organisation.Kind.BODY,
    )


def member_actor(user: User, membership: Membership) -> Actor:
    """The capacity that a membership gives; expects `organisation` loaded."""
    firm = membership.organisation
    return _member(user, firm.pk, firm.name, membership.role, firm.kind)


def acting(user_id: int | None, key: str, on: date) -> Actor:
    """Whoever asked for something in a capacity, as they stand that day; for work done later (R10).

    Raises NotVisible once the capacity is gone.
    """
    if user_id is None:
        return ANONYMOUS
    user = User.objects.filter(pk=user_id, is_active=True).first()
    held = capacities(user, on) if user else ()
    found = next((actor for actor in held if actor.key == key), None)
    if found is None:
        raise NotVisible
    return found


# ---- who is in charge ---------------------------------------------------------------------------------------------
def paths_of(organisation: Organisation) -> list[str]:
    """Paths of the registered area and of every production area."""
    produced = organisation.sites.values_list("area__path", flat=True)
    return [organisation.area.path, *produced]


def local_authority(organisation: Organisation) -> Authority | None:
    """The industry authority nearest to where the firm produces: the county's, else the city's, else the province's."""
    site = organisation.sites.select_related("area").order_by("-is_default", "pk").first()
    return authority_for_site(site) if site else None


def is_vouched(organisation: Organisation) -> bool:
    """Authorities stand for what is known of this firm: it holds or held a title, or was confirmed once."""
    return organisation.confirmed_at is not None or Title.objects.filter(site__organisation=organisation).exists()


def claim_says(organisation: Organisation) -> list[tuple[Any, str]]:
    """What a waiting claim says differently from what is known, label and value; nothing where nothing was known."""
    says = organisation.claim_says
    if not says:
        return []
    areas = Area.objects.in_bulk([says["area"], says["production_area"]])
    return [
        (_("Name"), says["name"]),
        (_("Kind of organisation"), str(Organisation.Kind(says["kind"]).label)),
        (_("Registered in"), areas[says["area"]].full_name),
        (_("Produces in"), areas[says["production_area"]].full_name),
        (_("Production address"), says["production_address"]),
    ]


def authority_for_site(site: Site) -> Authority | None:
    """Whose desk an application of this site starts at: found from its address, never chosen (QHD-7)."""
    for tier in (Tier.COUNTY, Tier.CITY, Tier.PROVINCE):
        authority = accounts.industry_authority(site.area, tier)
        if authority is not None:
            return authority
    return None


# ---- pages --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Page:
    """What the profile page shows."""

    organisation: Organisation
    sites: list[Site]
    titles: list[Title]
    missing: list[str]  # profile fields still empty that an application asks for
    authority: Authority | None


NEEDED = (
    "industry",
    "legal_representative",
    "founded_on",
    "independent_accounting",
    "manufacturing",
    "size",
    "address",
    "products",
    "contact_name",
    "contact_phone",
)


def member_ids(organisation_id: int) -> list[int]:
    """Who is told about what concerns an organisation: its present members."""
    rows = Membership.objects.open().filter(organisation_id=organisation_id, user__is_active=True)
    return list(rows.order_by("user_id").values_list("user_id", flat=True))


def told_ids(organisation_id: int) -> list[int]:
    """Who is told what an authority writes to a unit that it listed or found: members, once the claim is confirmed."""
    return told_of([organisation_id]).get(organisation_id, [])


def told_of(organisations: Iterable[int]) -> dict[int, list[int]]:
    """The same for many, in one query; those with nobody are left out."""
    rows = Membership.objects.open().filter(
        organisation__in=set(organisations), organisation__claim=Organisation.Claim.CONFIRMED, user__is_active=True
    )
    found: dict[int, list[int]] = {}
    for firm, person in rows.order_by("user_id").values_list("organisation_id", "user_id"):
        found.setdefault(firm, []).append(person)
    return found


def visible(actor: Actor, organisation_id: int) -> Organisation:
    """Raises NotVisible."""
    found = Organisation.objects.visible_to(actor).select_related("area", "industry", "confirmed_by")
    organisation = found.filter(pk=organisation_id).first()
    if organisation is None:
        raise NotVisible
    return organisation


def page_of(actor: Actor, organisation_id: int) -> Page:
    """Raises NotVisible."""
    organisation = visible(actor, organisation_id)
    held = Title.objects.order_by("valid_from", "pk")
    sites = list(
        organisation.sites.select_related("area")
        .prefetch_related(Prefetch("titles", queryset=held))
        .order_by("-is_default", "pk")
    )
    missing = [name for name in NEEDED if getattr(organisation, name) in (None, "")]
    return Page(
        organisation=organisation,
        sites=sites,
        titles=[title for site in sites for title in site.titles.all()],
        missing=missing,
        authority=authority_for_site(sites[0]) if sites else None,
    )


def former_names(organisation: Organisation) -> list[Name]:
    """Names that are not in use any more, the latest first."""
    return list(organisation.names.exclude(valid_until=None).order_by("-valid_until", "-pk"))


def records_of(actor: Actor, organisation: Organisation) -> list[AdverseRecord]:
    """Adverse records of one organisation, the latest first; nothing for who is no official."""
    if not rules.may_search(actor):
        return []
    found = AdverseRecord.objects.of(organisation.pk, organisation.code or "").select_related("entered_by")
    return list(found.order_by("-event_on", "-pk")[:100])


def site_of(actor: Actor, site_id: int) -> Site:
    """Raises NotVisible."""
    site = Site.objects.visible_to(actor).select_related("area", "organisation").filter(pk=site_id).first()
    if site is None:
        raise NotVisible
    return site


def claims(actor: Actor) -> QuerySet[Organisation]:
    """Claims waiting for this authority's word: firms that produce in its area, the oldest first.

    Raises NotAllowed for who is no official.
    """
    if not rules.may_search(actor):
        raise NotAllowed(OFFICIALS_ONLY)
    here = Site.objects.filter(organisation=OuterRef("pk"), area__path__startswith=actor.area_path, is_default=True)
    waiting = Organisation.objects.awaiting_confirmation().filter(Exists(here))
    return waiting.select_related("area", "industry").prefetch_related("memberships__user")


def search(actor: Actor, *, words: str = "", claim: str = "", kind: str = "") -> QuerySet[Organisation]:
    """Organisations of an official's area by present or former name or code, newest first. Raises NotAllowed."""
    if not rules.may_search(actor):
        raise NotAllowed(OFFICIALS_ONLY)
    found = Organisation.objects.visible_to(actor).select_related("area", "industry").order_by("-pk")
    if words.strip():
        found = found.named(words.strip())
    if claim:
        found = found.filter(claim=claim)
    return found.filter(kind=kind) if kind else found


def members(actor: Actor, organisation_id: int) -> tuple[list[Membership], list[Invitation]]:
    """Memberships (ended ones last) and invitations that were not used. Raises NotVisible."""
    organisation = visible(actor, organisation_id)
    people = organisation.memberships.select_related("user").order_by("valid_until", "pk")
    joined = sorted(people, key=lambda one: (one.valid_until is not None, one.pk))
    waiting = organisation.invitations.filter(used_at=None).select_related("invited_by").order_by("-pk")[:20]
    return joined, list(waiting)


def adverse_records(actor: Actor, *, words: str = "", open_only: bool = False) -> QuerySet[AdverseRecord]:
    """Records an official may see, the latest first. Raises NotAllowed."""
    if not rules.may_search(actor):
        raise NotAllowed(OFFICIALS_ONLY)
    found = AdverseRecord.objects.visible_to(actor).select_related("organisation", "entered_by", "evidence")
    if words.strip():
        found = found.filter(Q(name__icontains=words.strip()) | Q(code=words.strip().upper()))
    if open_only:
        found = found.filter(ended_on=None)
    return found.order_by("-event_on", "-pk")


def adverse_record(actor: Actor, record_id: int) -> AdverseRecord:
    """Raises NotVisible."""
    found = AdverseRecord.objects.visible_to(actor).select_related("organisation", "entered_by", "evidence")
    record = found.filter(pk=record_id).first()
    if record is None:
        raise NotVisible
    return record


def history_of(record: AdverseRecord) -> list[AdverseChange]:
    """What a record said before, the latest change first."""
    return list(record.changes.select_related("by").order_by("-at", "-pk"))


def matches(actor: Actor) -> QuerySet[AdverseMatch]:
    """Names that wait for a word of this official's place, the oldest first. Raises NotAllowed."""
    if not rules.may_search(actor):
        raise NotAllowed(OFFICIALS_ONLY)
    return AdverseMatch.objects.visible_to(actor).open().select_related("record", "organisation__area").order_by("pk")


def match(actor: Actor, match_id: int) -> AdverseMatch:
    """Raises NotVisible."""
    found = AdverseMatch.objects.visible_to(actor).select_related("record__evidence", "organisation__area", "by")
    one = found.filter(pk=match_id).first()
    if one is None:
        raise NotVisible
    return one


def park(actor: Actor, park_id: int) -> Organisation:
    """A park, or a firm that leads a chain. Raises NotVisible, also for a third-party body."""
    found = visible(actor, park_id)
    if found.kind == Organisation.Kind.BODY:
        raise NotVisible
    return found


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """How many firms are linked to a park or a chain's leading firm, and how many of them are green factories, by tier."""

    every: int
    green: dict[str, int]  # tier → firms that hold a title of it; a firm may hold several
    any_tier: int


def link_counts(holder_id: int, on: date) -> LinkCounts:
    """JY-3, HLJ-2: the lists say who is green. Two queries."""
    links = ParkFirm.objects.filter(park_id=holder_id, valid_until=None)
    held = Title.objects.filter(Q(valid_until=None) | Q(valid_until__gt=on), valid_from__lte=on)
    firms = links.values("firm_id")
    rows = held.filter(category=Category.FACTORY, site__organisation__in=firms)
    by_tier: dict[str, set[int]] = defaultdict(set)
    for tier, firm in rows.values_list("tier", "site__organisation_id"):
        by_tier[tier].add(firm)
    order = sorted(by_tier, key=lambda tier: -Tier(tier).rank)
    return LinkCounts(links.count(), {tier: len(by_tier[tier]) for tier in order}, len(set().union(*by_tier.values())))


def firms_inside(park: Organisation) -> QuerySet[ParkFirm]:
    """Who is inside a park now, by name."""
    return park.park_firms.filter(valid_until=None).select_related("firm__area").order_by("firm__name", "pk")


def park_of_link(link_id: int) -> int | None:
    return ParkFirm.objects.filter(pk=link_id).values_list("park_id", flat=True).first()


def find_industries(words: str, limit: int = 20) -> list[Industry]:
    """Four-digit industries by the start of the code or a part of the name."""
    words = words.strip()
    if not words:
        return []
    part = Q(code__startswith=words) if words.isdigit() else Q(name__icontains=words)
    return list(Industry.objects.filter(part, level=4).order_by("code")[:limit])


def industry(words: str) -> Industry | None:
    """The four-digit industry of that code (first word) or exact name."""
    known = Industry.objects.filter(level=4)
    return known.filter(code=words.split()[0]).first() or known.filter(name=words).first()


def industry_name(code: str) -> str:
    """What an industry of two to four digits is called; empty where nobody knows it."""
    return Industry.objects.filter(code=code).values_list("name", flat=True).first() or ""


def known_code(code: str) -> Organisation | None:
    """The organisation of a code, for the first step of registration: shows no more than that it is there."""
    return Organisation.objects.filter(code=code).only("pk", "name", "claim", "kind").first()


def evidence_of(refs: Collection[str]) -> dict[str, str]:
    """Source and number of what events refer to ("r12" a record, "t5" a title that was taken away); two queries."""
    keys = {letter: [int(ref[1:]) for ref in refs if ref.startswith(letter)] for letter in ("r", "t")}
    found = {}
    if keys["r"]:
        for record in AdverseRecord.objects.filter(pk__in=keys["r"]).only("pk", *mapping.TOLD):
            found[f"r{record.pk}"] = mapping.evidence(record)
    if keys["t"]:
        for pk, listing in Title.objects.filter(pk__in=keys["t"]).values_list("pk", "listing"):
            found[f"t{pk}"] = listing
    return found


def stock(paths: Collection[str], *, tier: str, category: str) -> dict[str, int]:
    """How many sites under each area path hold a title of this tier and category that goes on (HEB-3a); one query."""
    under = Q()
    for path in paths:
        under |= Q(site__area__path__startswith=path)
    held = Title.objects.filter(under, tier=tier, category=category, valid_until=None)
    places = list(held.values_list("site__area__path", flat=True)) if paths else []
    return {path: sum(place.startswith(path) for place in places) for path in paths}


# ---- facts for the rules --------------------------------------------------------------------------------------------
def facts_of(site: Site, category: str, on: date) -> dict[str, Any]:
    """Everything the rules may ask about a site and its firm on a day; expects site.area and site.organisation.area."""
    kinds = {category, Category.FACTORY}
    held = site.titles.filter(Q(valid_until=None) | Q(valid_until__gt=on), category__in=kinds, valid_from__lte=on)
    return {
        **mapping.of_organisation(site.organisation),
        **mapping.of_site(site, held.order_by("valid_from", "pk"), category),
    }


def facts_of_many(
    sites: Iterable[Site], categories: Collection[str], on: date
) -> dict[tuple[int, str], dict[str, Any]]:
    """`facts_of` for many sites and categories at once, by (site id, category); one query."""
    rows = list(sites)
    in_force = Q(valid_until=None) | Q(valid_until__gt=on)
    kinds = {*categories, Category.FACTORY}
    held: dict[int, list[Title]] = defaultdict(list)
    found = Title.objects.filter(in_force, site__in=[site.pk for site in rows], category__in=kinds)
    for title in found.filter(valid_from__lte=on).order_by("valid_from", "pk"):
        held[title.site_id].append(title)
    return {
        (site.pk, category): {
            **mapping.of_organisation(site.organisation),
            **mapping.of_site(site, held[site.pk], category),
        }
        for site in rows
        for category in categories
    }


@dataclass(frozen=True, slots=True)
class GreenPartners:
    """Green factories among the firms of a park, or among suppliers."""

    count: int
    share: Decimal | None  # per cent of the firms noted inside the park; None where none are


def green_partners(
    organisations: Iterable[Organisation], named: Mapping[int, Collection[str]], on: date
) -> dict[int, GreenPartners]:
    """How many partners of each are on a list of green factories of any tier, by organisation id; three queries at most.

    Partners: the firms noted inside a park, and whom `named` has, by credit code or by a present or former name
    (HEB-2.2b, HEB-2.3c, HLJ-21b: the lists say who is green, not the applicant).
    """
    rows = {row.pk: row for row in organisations}
    inside = {pk: {firm.pk for firm in firms} for pk, firms in _members(rows).items()}
    words = {word for pk in rows for word in named.get(pk, ())}
    known: dict[str, set[int]] = defaultdict(set)
    if words:
        found = Organisation.objects.filter(Q(code__in=words) | Q(names__text__in=words)).distinct()
        for pk, code, text in found.values_list("pk", "code", "names__text"):
            known[text].add(pk)
            if code:
                known[code].add(pk)
    partners = {
        pk: (inside.get(pk, set()) | {one for word in named.get(pk, ()) for one in known.get(word, ())}) - {pk}
        for pk in rows
    }
    green = _green(set().union(*partners.values()) if partners else set(), on)
    return {
        pk: GreenPartners(len(green & every), _share(green & inside.get(pk, set()), inside.get(pk, set())))
        for pk, every in partners.items()
    }


def _green(firms: Collection[int], on: date) -> set[int]:
    if not firms:
        return set()
    held = Title.objects.filter(Q(valid_until=None) | Q(valid_until__gt=on), valid_from__lte=on)
    rows = held.filter(category=Category.FACTORY, site__organisation__in=firms)
    return set(rows.values_list("site__organisation_id", flat=True))


def _share(part: Collection[int], whole: Collection[int]) -> Decimal | None:
    return (Decimal(len(part)) * 100 / len(whole)).quantize(Decimal("0.01")) if whole else None


def events_of(organisation: Organisation, windows: Iterable[Window] | None = None) -> list[mapping.AdverseEvent]:
    """What is known against a firm, the latest first; `windows` only narrow the query."""
    return events_of_many([organisation], windows)[organisation.pk]


def events_of_many(
    organisations: Iterable[Organisation], windows: Iterable[Window] | None = None
) -> dict[int, list[mapping.AdverseEvent]]:
    """The same for many organisations at once, by organisation id, the latest first; four queries at most.

    Records linked or under the same code, records that bear its name and wait for a word, the portal's own removals, and
    the same of the firms inside a park where a window asks for members.
    """
    rows = {row.pk: row for row in organisations}
    asked = None if windows is None else tuple(windows)
    found: dict[int, list[mapping.AdverseEvent]] = {pk: [] for pk in rows}
    if asked == () or not rows:
        return found
    members = _members(rows) if asked is None or any("members" in one.subjects for one in asked) else {}
    holders = {firm.pk: firm for firms in members.values() for firm in firms}
    about = _about({**holders, **rows}, asked)
    for pk in rows:
        found[pk] += about.get(pk, [])
        for firm in members.get(pk, ()):
            found[pk] += [replace(one, subject="members", who=firm.name) for one in about.get(firm.pk, [])]
        found[pk].sort(key=lambda one: (one.on, one.ref), reverse=True)
    return found


def _members(rows: Mapping[int, Organisation]) -> dict[int, list[Organisation]]:
    """The firms that are inside these parks now."""
    parks = [pk for pk, row in rows.items() if row.kind == Organisation.Kind.PARK]
    found: dict[int, list[Organisation]] = {pk: [] for pk in parks}
    if parks:
        for link in ParkFirm.objects.filter(park__in=parks, valid_until=None).select_related("firm").order_by("pk"):
            found[link.park_id].append(link.firm)
    return found


def _about(
    rows: Mapping[int, Organisation], windows: tuple[Window, ...] | None
) -> dict[int, list[mapping.AdverseEvent]]:
    by_code = {row.code: pk for pk, row in rows.items() if row.code}
    known = Q(organisation__in=list(rows)) | Q(organisation=None, code__in=list(by_code))
    kept = in_windows(windows) if windows is not None else Q()
    found: dict[int, list[mapping.AdverseEvent]] = defaultdict(list)
    for record in AdverseRecord.objects.filter(known, kept):
        found[record.organisation_id or by_code[record.code]].append(mapping.event_of(record))
    waiting = AdverseMatch.objects.open().filter(organisation__in=list(rows)).select_related("record")
    for match in waiting.filter(in_windows(windows, "record__") if windows is not None else Q()):
        found[match.organisation_id].append(mapping.event_of(match.record, doubtful=True))
    if windows is None or any(AdverseRecord.Kind.REMOVED in one.kinds for one in windows):
        removed = Title.objects.filter(removed=True, site__organisation__in=list(rows)).select_related("site")
        for title in removed.exclude(valid_until=None):
            found[title.site.organisation_id].append(mapping.event_of_title(title))
    return found


# ---- third-party bodies ---------------------------------------------------------------------------------------------
def own_body(actor: Actor) -> Organisation:
    """The body one acts for. Raises NotVisible."""
    found = Organisation.objects.visible_to(actor).select_related("area") if actor.is_body else None
    body = found.first() if found is not None else None
    if body is None:
        raise NotVisible
    return body


def body_profile(body: Organisation) -> BodyProfile:
    """The stored profile, or an empty one that is not stored."""
    found = BodyProfile.objects.filter(organisation=body).first()
    return found or BodyProfile(organisation=body, legal_person_code=body.code or "")


def facts_of_body(profile: BodyProfile) -> dict[str, Any]:
    """What the rules may ask about a body; one query."""
    return mapping.of_body(profile, profile.staff.all() if profile.pk else ())

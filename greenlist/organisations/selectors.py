"""Reads about organisations: what a person may act as, which pages show what, and the facts the rules ask for."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority, User
from greenlist.core.actors import ANONYMOUS, Actor, Capacity, Tier
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations import facts as mapping
from greenlist.organisations import rules
from greenlist.organisations.models import (
    AdverseRecord,
    Category,
    Industry,
    Invitation,
    Membership,
    Name,
    Organisation,
    Site,
    Title,
)

OFFICIALS_ONLY = _("Only an industry authority looks up organisations.")


# ---- capacities ---------------------------------------------------------------------------------------------------
def capacities(user: User, on: date) -> tuple[Actor, ...]:
    """Everything a person may act as that day, mandates first, in a stable order; one query, asked in every request.

    Keys are stable: "m12" is mandate 12, "o7" membership of organisation 7.
    """
    none = Value("")
    held = accounts.mandates_of(user.pk, on).order_by()
    mandates = held.values_list(Value("m"), "pk", "role", "list_kind", *accounts.AUTHORITY)
    open_ = Membership.objects.open().filter(user=user, user__is_active=True)
    memberships = open_.values_list(Value("o"), "pk", "role", none, "organisation_id", "organisation__name", none, none)
    return tuple(
        accounts.mandate_actor(user, *row[1:]) if row[0] == "m" else _member(user, row[4], row[5], row[2])
        for row in sorted(mandates.union(memberships, all=True), key=lambda row: row[:2])
    )


def _member(user: User, organisation_id: int, name: str, role: str) -> Actor:
    return Actor(
        capacity=Capacity.APPLICANT,
        key=f"o{organisation_id}",
        user_id=user.pk,
        name=user.name,
        organisation_id=organisation_id,
        organisation_name=name,
        is_owner=role == Membership.Role.OWNER,
    )


def member_actor(user: User, membership: Membership) -> Actor:
    """The capacity that a membership gives; expects `organisation` loaded."""
    return _member(user, membership.organisation_id, membership.organisation.name, membership.role)


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


def known_code(code: str) -> Organisation | None:
    """The organisation of a code, for the first step of registration: shows no more than that it is there."""
    return Organisation.objects.filter(code=code).only("pk", "name", "claim", "kind").first()


# ---- facts for the rules --------------------------------------------------------------------------------------------
def facts_of(site: Site, category: str, on: date) -> dict[str, Any]:
    """Everything the rules may ask about a site and its firm on a day; expects site.area and site.organisation.area."""
    kinds = {category, Category.FACTORY}
    held = site.titles.filter(Q(valid_until=None) | Q(valid_until__gt=on), category__in=kinds, valid_from__lte=on)
    return {
        **mapping.of_organisation(site.organisation),
        **mapping.of_site(site, held.order_by("valid_from", "pk"), category),
    }


def events_of(
    organisation: Organisation, *, kinds: Collection[str] | None = None, since: date | None = None
) -> list[mapping.AdverseEvent]:
    """Adverse records of a firm (also those entered under its code before it registered), the latest first.

    `kinds` and `since` only narrow the query: a record that has not ended is never left out by its age.
    """
    found = AdverseRecord.objects.of(organisation.pk, organisation.code or "")
    if kinds is not None:
        found = found.filter(kind__in=list(kinds))
    if since is not None:
        found = found.filter(Q(event_on__gte=since) | Q(ended_on=None) | Q(ended_on__gte=since))
    return [mapping.event_of(record) for record in found.order_by("-event_on", "-pk")]


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


def events_of_many(
    organisations: Iterable[Organisation], *, kinds: Collection[str], since: date | None = None
) -> dict[int, list[mapping.AdverseEvent]]:
    """`events_of` for many organisations at once, by organisation id; one query."""
    rows = list(organisations)
    by_code = {row.code: row.pk for row in rows if row.code}
    known = Q(organisation__in=[row.pk for row in rows]) | Q(organisation=None, code__in=list(by_code))
    records = AdverseRecord.objects.filter(known, kind__in=list(kinds))
    if since is not None:
        records = records.filter(Q(event_on__gte=since) | Q(ended_on=None) | Q(ended_on__gte=since))
    found: dict[int, list[mapping.AdverseEvent]] = {row.pk: [] for row in rows}
    for record in records.order_by("-event_on", "-pk"):
        found[record.organisation_id or by_code[record.code]].append(mapping.event_of(record))
    return found

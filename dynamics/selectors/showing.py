"""The public page of a listed unit: what it offers to show, what was marked public, where the unit stands in its place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from applications.models import Figure, ReportVersion
from applications.selectors import quartiles
from dynamics import rules
from dynamics.models import Experience, PublicPart, YearlyScore
from dynamics.selectors import cultivation as library
from dynamics.states import ExperienceState
from greenlist.core import clock, dates
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import NotVisible, Text
from greenlist.core.models import Blob
from greenlist.organisations import selectors as parties
from greenlist.organisations.models import Title
from greenlist.policy import selectors as policy
from greenlist.policy import words
from registry.models import Certificate, Listing
from registry.states import IN_FORCE

LEAST = 5  # other units: fewer would tell about single firms
BREADTHS = (4, 3, 2)  # digits of the industry
CODE, STANDING, FIGURES, EXPERIENCE = "green_code", "standing", "figures", "experience"
PARTNERS = "partners"
LABELS: dict[str, Text] = {  # the portal's own words where no rule set of the place has a table
    "technology": _("Advanced technology and practice"),
    "disclosure": _("Environmental disclosure"),
    "report": _("Green low-carbon development report"),
    "pledge": _("Green pledge"),
    CODE: _("Enterprise green code"),
    STANDING: _("Relative local standing"),
    "support": _("Support policy for green factories"),
    "purchases": _("Purchases from green factories"),
    FIGURES: _("Key indicators of the year"),
    PARTNERS: _("Green factories among its firms"),
}
OWN = ("technology", "disclosure", "pledge", STANDING, FIGURES)  # offered whatever the rules of the place say
WORKED_OUT = (STANDING, PARTNERS)  # nothing is written there: it is only marked public
WRITTEN = ("technology", "disclosure", "report", "pledge", "support", "purchases")  # by text, link and file


@dataclass(frozen=True)
class Offered:
    """One part that the page offers, and the clauses that encourage it."""

    kind: str
    label: str
    clauses: tuple[str, ...]
    grades: tuple[str, ...] = ()


def offered(listing: Listing) -> list[Offered]:
    """Parts of the page of a unit of this place and list; each once, with every clause that names it."""
    clauses: dict[str, list[str]] = {kind: [] for kind in OWN}
    labels: dict[str, str] = {}
    grades: dict[str, tuple[str, ...]] = {}
    for _bound, programme in library.programmes(listing.area_path, listing.listbook.category):
        for one in programme.showings:
            labels.setdefault(one.kind, words.text(one.label))
            grades.setdefault(one.kind, one.grades)
            known = clauses.setdefault(one.kind, [])
            if one.clause and one.clause not in known:
                known.append(one.clause)
    order = [kind for kind in (*WRITTEN, PARTNERS, CODE, FIGURES, STANDING) if kind in clauses]
    return [
        Offered(kind, labels.get(kind, str(LABELS[kind])), tuple(clauses[kind]), grades.get(kind, ())) for kind in order
    ]


def listing_of(place: str, pk: int) -> Listing:
    """Whatever its state. Raises NotVisible."""
    rows = Listing.objects.select_related("listbook__owner__area", "site__area", "organisation", "application")
    row = rows.filter(listbook__owner__area__slug=place, pk=pk).first()
    if row is None:
        raise NotVisible
    return row


def to_show(actor: Actor, pk: int) -> Listing:
    """A listing whose page this actor writes. Raises NotVisible."""
    rows = Listing.objects.select_related("listbook__owner__area", "site__area", "organisation", "application")
    row = rows.filter(pk=pk).first()
    if row is None or not rules.may_show(actor, row):
        raise NotVisible
    return row


def parts(listing: Listing) -> dict[str, PublicPart]:
    return {row.kind: row for row in listing.public_parts.select_related("file")}


# ---- the page -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standing:
    """本地相对位置: the quarter a unit lies in among listed units of its industry and place; never the ministry's code."""

    quarter: int  # 1: the best quarter; equals share the better one
    others: int
    industry: str
    year: int
    place: str


@dataclass(frozen=True)
class Shown:
    """One part as the page shows it."""

    offer: Offered
    part: PublicPart | None
    is_public: bool


@dataclass(frozen=True)
class PublicPage:
    """Everything of a listed unit that anybody may see; `parts` only what was marked public, unless it is a preview."""

    listing: Listing
    titles: list[Title]
    certificate: Certificate | None
    parts: list[Shown] = field(default_factory=list)
    standing: Standing | None = None
    experiences: list[Experience] = field(default_factory=list)
    partners: parties.LinkCounts | None = None


def public_page(listing: Listing, at: datetime, *, preview: bool = False) -> PublicPage:
    """About ten queries. A unit that is not in force on the list shows nothing of its own."""
    shows = preview or listing.state in IN_FORCE
    known = parts(listing) if shows else {}
    found: list[Shown] = []
    standing_, partners = None, None
    for offer in offered(listing) if known else []:
        part = known.get(offer.kind)
        if part is None or not (part.is_public or preview) or _is_empty(part):
            continue
        if offer.kind == STANDING:
            standing_ = standing(listing)
            if standing_ is None:
                continue
        if offer.kind == PARTNERS:
            partners = parties.link_counts(listing.organisation_id, clock.china_date(at))
        found.append(Shown(offer, part, part.is_public))
    return PublicPage(
        listing=listing,
        titles=list(Title.objects.filter(site=listing.site_id, valid_until=None).order_by("-valid_from", "pk")),
        certificate=Certificate.objects.filter(listing=listing).order_by("-pk").first(),
        parts=found,
        standing=standing_,
        partners=partners,
        experiences=list(Experience.objects.public().filter(site=listing.site_id).order_by("-published_at")[:5]),
    )


def _is_empty(part: PublicPart) -> bool:
    if part.kind in WORKED_OUT:
        return False
    if part.kind == CODE:
        return not part.grade
    if part.kind == FIGURES:
        return not part.figures
    return not (part.text or part.link or part.file_id)


def public_file(listing: Listing, kind: str) -> Blob:
    """The file of a part that is public; the evidence of a green code is nobody's but the officials'. Raises NotVisible."""
    part = listing.public_parts.select_related("file").filter(kind=kind, is_public=True).exclude(kind=CODE).first()
    if part is None or part.file is None or listing.state not in IN_FORCE:
        raise NotVisible
    return part.file


def own_file(listing: Listing, kind: str) -> Blob:
    """The same for whoever writes the page, public or not. Raises NotVisible."""
    part = listing.public_parts.select_related("file").filter(kind=kind).first()
    if part is None or part.file is None:
        raise NotVisible
    return part.file


def shown_by_token(token: str) -> tuple[PublicPart, Standing | None]:
    """What the QR code of a standing or a green code leads to: live. Raises NotVisible (nothing public under it)."""
    rows = PublicPart.objects.select_related("listing__listbook__owner__area", "listing__site", "listing__organisation")
    part = rows.filter(token=token, kind__in=[CODE, STANDING], is_public=True).first()
    if part is None:
        raise NotVisible
    return part, standing(part.listing) if part.kind == STANDING and is_in_force(part.listing) else None


def is_in_force(listing: Listing) -> bool:
    """Whether the unit shows anything of its own: not while its place is suspended, nor once it has ended."""
    return listing.state in IN_FORCE


# ---- where it stands ------------------------------------------------------------------------------------------------------
def standing(listing: Listing) -> Standing | None:
    """By the newest scores of the yearly tables, else of the evaluations; None where fewer than five others have one."""
    code = listing.industry_code
    here = Listing.objects.filter(listbook=listing.listbook_id, state__in=IN_FORCE)
    for digits in BREADTHS:
        industry = code[:digits]
        if len(industry) < digits:
            continue
        peers = here.filter(industry_code__startswith=industry).exclude(organisation=listing.organisation_id)
        found = _placed(listing, peers, industry)
        if found is not None:
            return found
    return None


def _placed(listing: Listing, peers: Any, industry: str) -> Standing | None:
    sites = [listing.site_id, *peers.values_list("site_id", flat=True)[:20_000]]
    if len(sites) <= LEAST:
        return None
    own = YearlyScore.objects.filter(site=listing.site_id, category=listing.listbook.category).order_by("-year").first()
    if own is not None:
        rows = YearlyScore.objects.filter(
            site__in=sites, category=listing.listbook.category, year=own.year
        ).values_list("site_id", "score")
        return _ranked(listing, dict(rows), industry, own.year)
    scored = {
        row.site_id: row.application.panel_score
        for row in [listing, *peers.select_related("application").exclude(application=None)[:20_000]]
        if row.application and row.application.panel_score is not None
    }
    return _ranked(listing, scored, industry, listing.year)


def _ranked(listing: Listing, scores: Mapping[int, Decimal], industry: str, year: int) -> Standing | None:
    own = scores.get(listing.site_id)
    others = [value for site, value in scores.items() if site != listing.site_id]
    if own is None or len(others) < LEAST:
        return None
    better = sum(value > own for value in others)
    quarter = min(4, 1 + better * 4 // (len(others) + 1))
    known = parties.industry_name(industry)
    return Standing(quarter, len(others), known or industry, year, listing.listbook.owner.area.name)


# ---- figures to choose from -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Choice:
    """One declared number that may be put on the page."""

    key: str
    label: str
    value: str
    unit: str
    year: int

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "label": self.label, "value": self.value, "unit": self.unit, "year": self.year}


def figures(listing: Listing) -> list[Choice]:
    """The numbers of the unit's newest declared report of this list, of its newest year; each key once."""
    rows = ReportVersion.objects.filter(
        report__site=listing.site_id, report__category=listing.listbook.category
    ).select_related("report")
    version = rows.order_by("-declared_at", "-pk").first()
    if version is None:
        return []
    form = policy.form_with(version.report.form_digest)
    found: dict[str, Choice] = {}
    for figure in Figure.objects.filter(version=version, product="").order_by("-year", "pk")[:500]:
        if figure.key not in found and (made := _choice(form, figure)) is not None:
            found[figure.key] = made
    return list(found.values())


def _choice(form: Any, figure: Figure) -> Choice | None:
    try:
        label, unit = quartiles.named(form, figure.key)
    except (KeyError, StopIteration, ValueError, LookupError):
        return None  # a part of the form that the pinned version does not have
    factor = unit.factor if unit else Decimal(1)
    value = (figure.value / factor).normalize()
    symbol = words.text(unit.symbol) if unit else figure.unit
    return Choice(figure.key, label, f"{value:f}", symbol, figure.year)


# ---- experiences ----------------------------------------------------------------------------------------------------------
PAGE = 20


@dataclass(frozen=True)
class Leaf:
    rows: list[Experience]
    after: int | None


def _leaf(rows: Iterable[Experience], size: int) -> Leaf:
    part = list(rows)
    return Leaf(part[:size], part[size - 1].pk if len(part) > size else None)


def published_experiences(area_path: str, *, after: int | None = None) -> Leaf:
    """Of a place, newest picks first; bounded."""
    rows = Experience.objects.public().filter(area_path__startswith=area_path)
    rows = rows.select_related("organisation", "authority", "published_by").order_by("-pk")
    return _leaf((rows.filter(pk__lt=after) if after else rows)[: PAGE + 1], PAGE)


def published_experience(area_path: str, reference: str) -> Experience:
    """Raises NotVisible."""
    rows = Experience.objects.public().select_related("organisation", "site", "authority", "published_by")
    row = rows.filter(area_path__startswith=area_path, reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def experiences(actor: Actor, *, after: int | None = None) -> Leaf:
    """What an official's authority picked or was recommended; bounded."""
    rows = Experience.objects.visible_to(actor).select_related("organisation", "authority", "province")
    own = rows.filter(authority_id=actor.authority_id) | rows.filter(province_id=actor.authority_id)
    own = own.order_by("-pk")
    return _leaf((own.filter(pk__lt=after) if after else own)[: PAGE + 1], PAGE)


def is_listed(row: Experience) -> bool:
    """Whether the unit stands on a list of the kind at present."""
    places = Listing.objects.filter(site=row.site_id, listbook__category=row.category, state__in=IN_FORCE)
    return places.exists()


def hidden(rows: Sequence[Experience]) -> dict[int, str]:
    """Of experiences that are published and not public: how the unit stands on its list, in words; two queries."""
    published = [row for row in rows if row.state == ExperienceState.PUBLISHED]
    shown = set(Experience.objects.public().filter(pk__in=[row.pk for row in published]).values_list("pk", flat=True))
    away = [row for row in published if row.pk not in shown]
    places = Listing.objects.filter(site__in=[row.site_id for row in away]).select_related("listbook")
    newest = {(one.site_id, one.listbook.category): one for one in places.order_by("since", "pk")} if away else {}
    return {row.pk: _stands(newest.get((row.site_id, row.category))) for row in away}


def _stands(place: Listing | None) -> str:
    if place is None:
        return gettext("The unit is on no list.")
    told = {"list": place.listbook.title, "state": place.get_state_display()}
    return gettext("%(list)s: %(state)s since %(day)s") % {**told, "day": dates.day(place.since or place.listed_on)}


def experience(actor: Actor, reference: str) -> Experience:
    """For the offices that work on it. Raises NotVisible."""
    rows = Experience.objects.visible_to(actor).select_related("organisation", "site", "authority__area", "province")
    row = rows.filter(reference=reference).first()
    if row is None or not (rules.picked_it(actor, row) or rules.is_recommended_to(actor, row)):
        raise NotVisible
    return row


def told_experience(listing: Listing) -> dict[str, str]:
    """What the unit wrote in the section for it when it applied, to begin with; empty where there is none."""
    rows = ReportVersion.objects.filter(report__site=listing.site_id, report__category=listing.listbook.category)
    version = rows.order_by("-declared_at", "-pk").first()
    sections = version.data.get("sections", {}) if version else {}
    told = sections.get(EXPERIENCE, {})
    texts = [str(value) for value in told.values() if isinstance(value, str) and value.strip()]
    return {"title": texts[0][:120] if texts else "", "text": "\n\n".join(texts)}


def held_since(listing: Listing) -> date:
    return listing.listed_on


def tiers() -> dict[str, str]:
    return {tier.value: str(words.TIERS[tier.value]) for tier in Tier}

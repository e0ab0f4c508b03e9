"""升级路径 (QHD-18, JY-24b): what the lists above still ask of a listed or cultivated unit, worked out from their rules and
criteria; and the further titles it is encouraged to seek.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.models import ReportVersion
from applications.selectors import scores, standards
from applications.selectors import upward as titles_of
from applications.selectors.filling import FindingShown, finding_shown
from applications.services import upward
from dynamics.models import CultivationObject
from dynamics.selectors import cultivation as library
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import Text
from greenlist.organisations.models import Category, Site, Title
from greenlist.policy import selectors as policy
from greenlist.policy import words
from greenlist.policy.engine.scoring import Evaluation
from greenlist.policy.engine.types import BoundPolicy, Outcome

MOST = 8  # rows with the largest gaps
SITES = 20
WAYS: dict[tuple[str, str], Text] = {  # (group of the rule, outcome) → what to do about it
    ("eligibility", "block"): _("Correct the profile if it is wrong there; otherwise this has to change first."),
    ("eligibility", "confirm"): _("Prepare the proof: the application asks for it."),
    ("eligibility", "warn"): _("Prepare the proof: the application asks for it."),
    ("prerequisite", "block"): _("Seek the lower list first, then apply."),
    ("prerequisite", "warn"): _(
        "It is not barred, but whoever recommends has to give a reason: seek the lower list first."
    ),
    ("prerequisite", "confirm"): _("Prepare the proof: the application asks for it."),
    ("veto", "block"): _("It has to be over first: repaired, rectified or out of the years the rules look back."),
    ("veto", "warn"): _("It has to be over before the list is decided: repaired, rectified or out of the years."),
    ("veto", "confirm"): _("Ask your authority to confirm whom the record is about."),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the list above asks that is not met or not shown yet, with its clause and the way out."""

    shown: FindingShown
    way_out: str


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator where points are lost; points are empty where the applicant may not see them."""

    label: str
    value: str
    lead: str
    points: str
    full: str


@dataclass(frozen=True, slots=True)
class ScoreGap:
    """The last report set beside the criteria of the list above."""

    standard: str
    clause: str
    year: int | None = None  # of the report; None: there is none to this standard yet
    total: str = ""
    most: str = ""
    passing: str = ""
    missing: str = ""
    failed: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """One list above."""

    title: str
    category: str
    tier: str
    met: int
    steps: tuple[Step, ...]
    score: ScoreGap | None


@dataclass(frozen=True, slots=True)
class Further:
    """A title that listed units are encouraged to seek, and whether this one says it holds it."""

    label: str
    clause: str
    held: bool


@dataclass(frozen=True, slots=True)
class UnitPath:
    """Everything ahead of one site in one category."""

    site: Site
    category: str
    holds: list[Title]
    ways: list[Way]
    further: list[Further]


def own(actor: Actor, on: date) -> list[UnitPath]:
    """For the actor's organisation: its listed sites, and those that are cultivated."""
    found = {(site.pk, category): (site, category, rank) for site, category, rank in titles_of.standing_titles(actor)}
    if actor.organisation_id and not actor.is_body:
        rows = CultivationObject.objects.visible_to(actor).cultivated()
        for row in rows.select_related("site__area", "site__organisation__area")[:SITES]:
            found.setdefault((row.site_id, row.category), (row.site, row.category, 0))
    return [of_site(site, category, rank, on, own=True) for site, category, rank in list(found.values())[:SITES]]


def of_unit(site_id: int, category: str, on: date) -> UnitPath:
    """The same for an official; the caller has checked who asks."""
    site = Site.objects.select_related("area", "organisation__area").get(pk=site_id)
    held = Title.objects.filter(site=site, category=category, valid_until=None).values_list("tier", flat=True)
    rank = max((Tier(tier).rank for tier in held), default=0)
    return of_site(site, category, rank, on, own=False)


def of_site(site: Site, category: str, rank: int, on: date, *, own: bool) -> UnitPath:
    """`own`: without what the criteria hide from applicants."""
    ways = [_way(gap, on, own) for gap in upward.gaps_of(site, category, rank, on)]
    holds = list(site.titles.filter(valid_until=None).order_by("-valid_from", "pk"))
    return UnitPath(site, category, holds, ways, further(site, category))


def _way(gap: upward.Gap, on: date, own: bool) -> Way:
    steps = tuple(
        Step(finding_shown(gap.bound, one), str(WAYS.get((one.rule.split(".")[0], one.outcome.value), "")))
        for one in gap.findings
        if one.outcome is not Outcome.CLEAR
    )
    return Way(
        title=words.text(gap.bound.header.title),
        category=str(Category(gap.category).label),
        tier=gap.bound.header.tier,
        met=gap.met,
        steps=steps,
        score=_score(gap, on, own),
    )


def _score(gap: upward.Gap, on: date, own: bool) -> ScoreGap | None:
    """None where the list names no criteria."""
    firm = gap.site.organisation
    applied = policy.criteria_for(gap.bound, gap.category, standards.industry_of(firm), on.year)
    if applied is None:
        return None
    standard = words.text(applied.criteria.title)
    version = _last_report(gap.site.pk, gap.category)
    if version is None or version.report.criteria_why.get("slug") != applied.criteria.slug:
        return ScoreGap(standard, applied.reason.clause)
    if version.report.criteria_why.get("part") != standards.ALL:
        return ScoreGap(standard, applied.reason.clause)
    criteria = standards.pinned(version.report) or applied.criteria
    found = scores.evaluate(criteria, version.data["sections"], version.data["computed"])
    shows = criteria.shows_score or not own
    passing = _passing(gap.bound)
    lacking = passing - found.total if passing is not None and found.total < passing else None
    return ScoreGap(
        standard=standard,
        clause=applied.reason.clause,
        year=version.report.year,
        total=scores.number(found.total) if shows else "",
        most=scores.number(found.most) if shows else "",
        passing=scores.number(passing),
        missing=scores.number(lacking) if shows else "",
        failed=tuple(words.text(found.row(path).label) for path in found.failed),
        rows=_rows(found, shows, "reference" not in (criteria.hidden if own else ())),
    )


def _last_report(site: int, category: str) -> ReportVersion | None:
    rows = ReportVersion.objects.filter(report__site=site, report__category=category).select_related("report")
    return rows.order_by("-declared_at", "-pk").first()


def _passing(bound: BoundPolicy) -> Decimal | None:
    return next((one.passing for one in bound.scores.values() if one.passing is not None), None)


def _rows(found: Evaluation, shows: bool, reference: bool) -> tuple[Row, ...]:
    lost = [one for one in found.rows if one.counts and one.points < one.full]
    lost.sort(key=lambda one: (one.points - one.full, one.path))
    return tuple(
        Row(
            label=words.text(one.label),
            value=scores.number(one.value),
            lead=scores.number(one.reference.lead) if reference else "",
            points=scores.number(one.points) if shows else "",
            full=scores.number(one.full) if shows else "",
        )
        for one in lost[:MOST]
    )


def further(site: Site, category: str) -> list[Further]:
    """Titles that the rules of the place encourage listed units to seek (JY-24b), with those the unit says it holds."""
    said: Sequence[Any] = list(site.organisation.honours.all()[:50])
    tagged = set(
        CultivationObject.objects.filter(site=site).exclude(tags__key=None).values_list("tags__key", flat=True)[:50]
    )
    return [
        Further(
            label=words.text(one.label),
            clause=one.encouraged,
            held=one.key in tagged or any(one.is_called(honour.kind) for honour in said),
        )
        for one in library.honours(site.area.path, category).values()
        if one.encouraged
    ]

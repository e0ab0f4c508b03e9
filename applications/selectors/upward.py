"""Reads of the way up: which higher lists a listed site may apply to, from which case it grew, which warnings were overridden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from applications.models import Application, Call, Override
from applications.selectors import calls
from applications.states import FINAL, CallState, State
from greenlist.core.actors import Actor, Tier
from greenlist.organisations.models import Site, Title
from greenlist.policy import engine
from greenlist.policy.engine.types import Finding, Outcome

GROUPS = ("prerequisite", "upward")


# ---- warnings and the reasons given --------------------------------------------------------------------------------
def overridable(findings: Iterable[Finding]) -> list[Finding]:
    """Warnings that whoever recommends answers with a reason: conditions on what the unit is on already."""
    return [one for one in findings if one.outcome is Outcome.WARN and one.rule.split(".")[0] in GROUPS]


def standing(overrides: Iterable[Override], finding: Finding) -> Override | None:
    """The newest reason given for this warning, as long as it warns of the same."""
    fits = [one for one in overrides if one.rule == finding.rule and one.clause == finding.clause]
    newest = max(fits, key=lambda one: one.pk, default=None)
    return newest if newest and newest.finding.get("evidence") == list(finding.evidence) else None


def without_reason(case: Application, findings: Iterable[Finding]) -> list[Finding]:
    """Warnings nobody has given a reason for; `overrides` of the case are loaded or read once."""
    rows = list(case.overrides.all())
    return [one for one in overridable(findings) if standing(rows, one) is None]


def reasons(case: Application, findings: Sequence[Finding]) -> dict[str, Override]:
    """Rule → the reason that stands for its warning."""
    rows = list(case.overrides.all())
    return {one.rule: row for one in overridable(findings) if (row := standing(rows, one))}


# ---- the next tier --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Opening:
    """An open call for a higher list that a titled site may answer."""

    call: Call
    site: Site
    held: Title
    until: date | None


def openings(actor: Actor, at: datetime) -> list[Opening]:
    """For the actor's organisation: open calls above the tiers it holds a title of, in the same category; a few queries."""
    if not actor.organisation_id or actor.is_body:
        return []
    rows = Title.objects.filter(site__organisation_id=actor.organisation_id, valid_until=None)
    held = list(rows.select_related("site__area", "site__organisation").order_by("pk")[:50])
    if not held:
        return []
    categories = {one.category for one in held}
    wanted = Call.objects.visible_to(actor).filter(state=CallState.OPEN, category__in=categories)
    open_calls = list(wanted.select_related(*calls.CALL_ROWS).defer(*calls.HEAVY).order_by("-pk")[:50])
    live = set(
        Application.objects.filter(site__in=[one.site_id for one in held], call__in=open_calls)
        .exclude(state__in=FINAL)
        .values_list("call_id", "site_id")
    )
    return [one for title in held for call in open_calls if (one := _opening(call, title, held, live, at))]


def _opening(
    call: Call, title: Title, held: Sequence[Title], live: set[tuple[int, int]], at: datetime
) -> Opening | None:
    header = calls.rules_of(call).header
    aims = Tier(header.tier).rank
    has = [Tier(one.tier).rank for one in held if (one.site_id, one.category) == (title.site_id, title.category)]
    fits = title.category == call.category and engine.within(title.site.area.path, header.owner)
    highest = max(has) == Tier(title.tier).rank < aims  # offered once a site, beside its highest title
    if not fits or not highest or (call.pk, title.site_id) in live:
        return None
    deadline = calls.submission_deadline(call, title.site.area.path, at)
    if deadline and deadline.is_over(at):
        return None
    return Opening(call, title.site, title, deadline.day if deadline else None)


def standing_titles(actor: Actor) -> list[tuple[Site, str, int]]:
    """Sites of the actor's organisation with the category and rank of the highest title they hold; one query."""
    if not actor.organisation_id:
        return []
    rows = Title.objects.filter(site__organisation_id=actor.organisation_id, valid_until=None)
    highest: dict[tuple[int, str], tuple[Site, str, int]] = {}
    for title in rows.select_related("site__area", "site__organisation__area").order_by("pk")[:50]:
        key, rank = (title.site_id, title.category), Tier(title.tier).rank
        if key not in highest or highest[key][2] < rank:
            highest[key] = (title.site, title.category, rank)
    return list(highest.values())


def lower_case(case: Application) -> Application | None:
    """The newest case of the same site and category that brought it onto a lower list."""
    rows = Application.objects.filter(site=case.site_id, category=case.category, state=State.LISTED)
    aims = Tier(calls.rules_of(case.call).header.tier).rank
    found = rows.exclude(pk=case.pk).select_related("call__rules__rule_set").order_by("-pk")[:10]
    return next((one for one in found if Tier(one.call.rules.rule_set.tier).rank < aims), None)

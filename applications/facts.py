"""Rows of cases → facts and events for the rule engine: few queries for one case, as few for a whole batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from applications.models import Application, Section
from applications.selectors import bodies, hits
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Organisation, Site
from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, Event, FactType, Held, Severity
from greenlist.policy.facts_table import FACTS

TITLES = frozenset(name for name, fact in FACTS.items() if fact.type is FactType.TITLES)
BANNED = "body.banned"
PARTNERS, COUNT, SHARE = "unit.partners", "unit.green_partners", "unit.green_share"
AREAS = frozenset(name for name, fact in FACTS.items() if fact.type is FactType.AREA)


@dataclass(frozen=True, slots=True)
class Known:
    """What the engine is told about one case on one day."""

    facts: Mapping[str, Any]
    events: tuple[Event, ...]
    settled: Mapping[tuple[str, str], str]  # (clause, event) → what an official said, so that it bars no more
    settled_rules: Mapping[str, tuple[Any, str]]  # condition → (what it was said about, the words)


def gather(
    cases: Sequence[Application], bound: BoundPolicy, point: str, on: date, *, with_events: bool = True
) -> dict[int, Known]:
    """Facts and events of each case by its key, for one check point of one call.

    A few queries however many cases, one more where answers of the form are facts.
    """
    sites = Site.objects.select_related("area", "organisation__area").in_bulk({case.site_id for case in cases})
    facts = organisations.facts_of_many(sites.values(), {case.category for case in cases}, on)
    windows = engine.candidates(bound, on).windows if with_events else ()
    firms = {site.organisation_id: site.organisation for site in sites.values()}
    events = organisations.events_of_many(firms.values(), windows)
    answers, of_bodies = _told(cases, bound), _of_bodies(cases, bound, point, on)
    partners = _partners(cases, bound, firms, answers, on)
    said = hits.settled_events([case.pk for case in cases]) if with_events else {}
    found = {}
    for case in cases:
        own = tuple(_event(one) for one in events[sites[case.site_id].organisation_id])
        known = said.get(case.pk, {})
        found[case.pk] = Known(
            facts=_as_engine_has_them(facts[case.site_id, case.category])
            | answers.get(case.report_id, {})
            | of_bodies[case.pk]
            | partners.get(case.pk, {}),
            events=own,
            settled=_still_said(own, known),
            settled_rules={basis: given for (basis, ref), given in known.items() if not ref},
        )
    return found


def _still_said(
    events: tuple[Event, ...], said: Mapping[tuple[str, str], tuple[Any, str]]
) -> dict[tuple[str, str], str]:
    """A word counts for the event as it was when it was given: a record that was regraded asks anew."""
    shapes = {event.place: engine.described(event) for event in events} if said else {}
    return {key: word for key, (shape, word) in said.items() if key[1] and shapes.get(key[1]) == shape}


def _told(cases: Sequence[Application], bound: BoundPolicy) -> dict[int, dict[str, Any]]:
    """Facts that the applicants' answers tell, by report."""
    telling = {
        key: form
        for key, form in bound.forms.items()
        if any(field.fact for section in form.sections for field in section.fields)
    }
    if not telling:
        return {}
    rows = Section.objects.filter(report__in=[case.report_id for case in cases], report__form__in=telling)
    data: dict[tuple[int, str], dict[str, Any]] = {}
    for report, form, key, given in rows.values_list("report_id", "report__form", "key", "data"):
        data.setdefault((report, form), {})[key] = given
    return {report: engine.forms.told(telling[form], given) for (report, form), given in data.items()}


def _of_bodies(cases: Sequence[Application], bound: BoundPolicy, point: str, on: date) -> dict[int, dict[str, Any]]:
    """`body.banned`, where a rule asks: of who evaluates, false where the unit does so itself (HEB-2.4b)."""
    if BANNED not in engine.wanted(bound, point).facts:
        return {case.pk: {} for case in cases}
    banned = bodies.banned_cases([case.pk for case in cases], on)
    return {case.pk: {BANNED: case.pk in banned} for case in cases}


def _partners(
    cases: Sequence[Application],
    bound: BoundPolicy,
    firms: Mapping[int, Organisation],
    answers: Mapping[int, Mapping[str, Any]],
    on: date,
) -> dict[int, dict[str, Any]]:
    """Green factories among the partners, where a rule asks: the report names them, the lists say which are green."""
    if not {COUNT, SHARE} & {test.fact for rule in bound.rules for test in rule.tests}:
        return {}
    named: dict[int, set[str]] = {}
    for case in cases:  # a firm with two sites has two reports: each names partners of the firm
        named.setdefault(case.organisation_id, set()).update(answers.get(case.report_id, {}).get(PARTNERS, ()))
    found = organisations.green_partners(firms.values(), named, on)
    return {case.pk: _green(found[case.organisation_id]) for case in cases}


def _green(told: organisations.GreenPartners) -> dict[str, Any]:
    return {COUNT: told.count} | ({SHARE: told.share} if told.share is not None else {})


def prefill(site: Site, category: str, on: date) -> dict[str, Any]:
    """What a new form already knows; an area as people write it. Expects site.area and site.organisation.area."""
    facts = organisations.facts_of(site, category, on)
    named = {site.area.path: site.area.full_name, site.organisation.area.path: site.organisation.area.full_name}
    return {
        name: named.get(value, value) if name in AREAS else value for name, value in facts.items() if name not in TITLES
    }


def of_site(site: Site, category: str, on: date) -> Mapping[str, Any]:
    """What is known of a site before it applies. Expects site.area and site.organisation.area."""
    return _as_engine_has_them(organisations.facts_of(site, category, on))


def events_of_site(site: Site, bound: BoundPolicy, on: date) -> tuple[Event, ...]:
    """What is known against the firm of a site, as far as the rules may look at it. Expects site.organisation."""
    found = organisations.events_of(site.organisation, engine.candidates(bound, on).windows)
    return tuple(_event(one) for one in found)


def _as_engine_has_them(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(Held(one.tier, one.listing, one.since) for one in value) if name in TITLES else value
        for name, value in facts.items()
    }


def _event(found: Any) -> Event:
    return Event(
        kind=found.kind,
        on=found.on,
        severity=Severity.of_rank(found.grade),
        ended_on=found.ended_on,
        subject=found.subject,
        evidence=found.evidence,
        tier=found.tier,
        who=found.who,
        doubtful=found.doubtful,
        ref=found.ref,
    )

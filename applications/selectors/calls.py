"""Reads of calls: their rules, their dates, their pages."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from applications.models import Application, Call, Extension
from applications.selectors.due import left
from applications.states import CallState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority
from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Site
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import (
    BadCallValue,
    BoundPolicy,
    Calendar,
    CallValues,
    Clause,
    Header,
    LayerRule,
    MissingCallValue,
    Policy,
    Step,
    StepKind,
)
from greenlist.policy.models import RuleSetVersion


# ---- rules and days -----------------------------------------------------------------------------------------------
def values_of(call: Call) -> CallValues:
    given = CallValues.from_json({"values": call.values, "layer": call.layer})
    return replace(given, category=call.category, year=call.year)


def rules_of(call: Call) -> BoundPolicy:
    """The call's pinned rule set with the call's own values filled in."""
    return policy.bound(call.rules, values_of(call))


def due_of(case: Application) -> date | None:
    """The last day of the case's present step, moved by the extensions that concern its area."""
    return due_on(case.call, case.step, case.area_path or case.site.area.path)


def due_on(call: Call, step_key: str, area_path: str = "", at: datetime | None = None) -> date | None:
    """The last day of a step that is still in time; None where nobody has set one.

    The newest extension for everybody counts, and the newest for an area at or above; the later of both days. With `at`
    only what had been decided by then: a submission is judged by the deadline at its own moment (WF-09).
    """
    return moved(rules_of(call).step(step_key), extensions_of(call), area_path, at)


def extensions_of(call: Call) -> list[Extension]:
    """Newest first; one query."""
    return list(Extension.objects.filter(call=call).select_related("area", "by").order_by("-at", "-pk"))


def extensions_by_call(calls: Collection[int]) -> dict[int, list[Extension]]:
    """Those of several calls, newest first; one query, none without calls."""
    found: dict[int, list[Extension]] = {pk: [] for pk in calls}
    if calls:
        for one in Extension.objects.filter(call__in=calls).select_related("area").order_by("-at", "-pk"):
            found[one.call_id].append(one)
    return found


def moved(step: Step, extensions: Iterable[Extension], area_path: str, at: datetime | None = None) -> date | None:
    """The step's day after these extensions (newest first)."""
    known = [one for one in extensions if one.step == step.key and (at is None or one.at <= at)]
    own = step.due.on if step.due else None
    everybody = next((one.new_day for one in known if one.area is None), own)
    local = next((one.new_day for one in known if one.area and area_path and area_path.startswith(one.area.path)), None)
    return max((day for day in (everybody, local) if day), default=None)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a firm may submit, and where that comes from."""

    day: date
    step: str
    clause: str

    def is_over(self, at: datetime) -> bool:
        """That day included, to 24:00 China time (QHD-N4b)."""
        return at >= clock.day_end(self.day)


def submission_deadline(
    call: Call, area_path: str, at: datetime | None = None, known: list[Extension] | None = None
) -> Deadline | None:
    """The firms' own last day where one is set; otherwise the first later day of the route: after it the authority that
    receives the application may not send it on any more (QHD-N4b sets no day for firms). `known`: extensions, if read.
    """
    bound, known = rules_of(call), extensions_of(call) if known is None else known
    for step in bound.steps:
        day = moved(step, known, area_path, at)
        if day:
            return Deadline(day, step.key, step.due.clause if step.due else step.clause)
        if step.kind not in (StepKind.DRAFT, StepKind.SCREENING, StepKind.BATCH):
            break
    return None


# ---- finding calls ------------------------------------------------------------------------------------------------
CALL_ROWS = ("owner__area", "rules__rule_set")
# The stored text of a rule set is long and built only once a process: never loaded along with a row.
HEAVY = ("rules__canonical", "rules__sources")
HEAVY_OF_CASE = tuple(f"call__{name}" for name in HEAVY)


def place(slug: str) -> Area:
    """Raises NotVisible."""
    found = Area.objects.filter(slug=slug).first()
    if found is None:
        raise NotVisible
    return found


def public_calls(place_slug: str) -> QuerySet[Call]:
    """The opened calls of a place, the latest first."""
    found = Call.objects.filter(owner__area__slug=place_slug).exclude(state=CallState.DRAFT)
    return found.select_related(*CALL_ROWS).defer(*HEAVY).order_by("-opened_at", "-pk")


def public_call(place_slug: str, pk: int) -> Call:
    """Raises NotVisible."""
    call = public_calls(place_slug).filter(pk=pk).first()
    if call is None:
        raise NotVisible
    return call


def calls_for(actor: Actor) -> QuerySet[Call]:
    """Calls an official works with: the own authority's, drafts included, and those opened above in whose area it lies."""
    found = Call.objects.visible_to(actor)
    if actor.is_official:
        above = accounts.lineage(actor.area_path) if actor.area_path else []
        found = found.filter(owner__area__path__in=above)
    return found.select_related(*CALL_ROWS).defer(*HEAVY).order_by("-pk")


def call_of(actor: Actor, pk: int) -> Call:
    """Raises NotVisible."""
    call = Call.objects.visible_to(actor).select_related(*CALL_ROWS).defer(*HEAVY).filter(pk=pk).first()
    if call is None:
        raise NotVisible
    return call


def previous_call(actor: Actor, category: str = "") -> Call | None:
    """The own authority's latest opened call: what a new one is copied from (QHD-N0)."""
    found = Call.objects.filter(owner_id=actor.authority_id).exclude(state=CallState.DRAFT)
    if category:
        found = found.filter(category=category)
    return found.select_related(*CALL_ROWS).defer(*HEAVY).order_by("-year", "-round", "-pk").first()


def open_calls_at(paths: Iterable[str], category: str = "") -> list[Call]:
    """Open calls whose owner's area contains one of these area paths; one query."""
    above = {one for path in paths for one in accounts.lineage(path)}
    found = Call.objects.open().filter(owner__area__path__in=above)
    if category:
        found = found.filter(category=category)
    return list(found.select_related(*CALL_ROWS).defer(*HEAVY).order_by("-opened_at", "-pk"))


def rule_sets_of(actor: Actor) -> list[RuleSetVersion]:
    """The newest versions of the rule sets an official's authority may open a call from: its own area, a list of its own
    tier or of one above it, to which it recommends (HEB-1a, JY-16, HLJ-21a)."""
    if not (actor.is_official and actor.area_path and actor.tier):
        return []
    slug = actor.area_path.strip("/").rpartition("/")[2]
    return [one for one in policy.of_owner(slug) if Tier(one.rule_set.tier).rank >= actor.tier.rank]


def version(pk: int) -> RuleSetVersion:
    """Raises NotVisible."""
    found = RuleSetVersion.objects.select_related("rule_set").filter(pk=pk).first()
    if found is None:
        raise NotVisible
    return found


# ---- what is missing in a draft -----------------------------------------------------------------------------------
def value_problems(rules: Policy, values: CallValues) -> dict[str, list[str]]:
    """What keeps a call from being bound: key of the ask or id of the N-rule → words."""
    try:
        engine.bind(rules, values)
    except MissingCallValue as missing:
        return {key: [_missing(rules, key)] for key, _clause in missing.missing}
    except BadCallValue as bad:
        return {bad.key: [bad.reason]}
    return {}


def _missing(rules: Policy, key: str) -> str:
    return _("“%(label)s” is not filled in yet.") % {"label": words.text(rules.asks[key].label)}


# ---- pages --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class StepDay:
    """One station of the route with its last day: what the timetable of a call prints."""

    key: str
    title: str
    by: str
    day: date | None
    original: date | None
    clause: Clause | None
    is_over: bool = False
    is_rest_day: bool = False  # of the calendar of working days: the day holds, somebody should have looked at it
    left_words: str = ""
    tone: str = ""
    local: tuple[Extension, ...] = ()  # days that differ in single areas


@dataclass(frozen=True, slots=True)
class LayerShown:
    """One N-rule as this call has it (QHD-N0)."""

    id: str
    clause: str
    article: str
    use: str  # keep | edit | drop
    text: str
    original: str
    values: tuple[tuple[str, str], ...] = ()  # what the call fills in for it


@dataclass(frozen=True, slots=True)
class CallPage:
    call: Call
    bound: BoundPolicy
    timetable: tuple[StepDay, ...]
    layer: tuple[LayerShown, ...]
    values: tuple[tuple[str, str, str], ...]  # label, value, article of the clause
    clauses: tuple[tuple[str, str, str], ...]  # article, text, why unverified
    header: Mapping[str, Any]
    extensions: tuple[Extension, ...]
    deadline: Deadline | None
    office: Authority
    has_summary: bool
    standing: tuple[str, ...] = ()


def call_page(call: Call, at: datetime, area_path: str = "") -> CallPage:
    """Everything the page of a call shows; for an opened call or a complete draft. Two queries."""
    bound, known = rules_of(call), extensions_of(call)
    calendar = policy.calendar()
    return CallPage(
        call=call,
        bound=bound,
        timetable=tuple(_step_day(bound, step, known, area_path, at, calendar) for step in bound.steps),
        layer=tuple(_layer(bound, rule) for rule in bound.policy.layer),
        values=tuple(_value_rows(bound)),
        clauses=tuple((one.article, words.text(one.text), one.unverified) for one in bound.clauses.values()),
        header=_header(bound),
        extensions=tuple(known),
        deadline=submission_deadline(call, area_path),
        office=call.owner,
        has_summary="summary" in bound.tables,
        standing=standing(bound.header, clock.china_date(at)),
    )


def standing(header: Header, on: date) -> tuple[str, ...]:
    """What somebody must know who works by rules that are a draft or have run out (JY-28)."""
    found: list[str] = []
    if header.status != "in_force":
        found.append(_("These rules are a draft for comment: the authority has not put them in force yet."))
    if header.ends_on is not None and header.ends_on < on:
        found.append(_("The term of these rules ended on %(day)s.") % {"day": header.ends_on.isoformat()})
    return tuple(found)


def _header(bound: BoundPolicy) -> dict[str, Any]:
    """What is shown with the rules (QHD-20, SJZ-20)."""
    header = bound.header
    return {
        "title": words.text(header.title),
        "document": header.document,
        "issued_by": words.text(header.issued_by),
        "issued_on": header.issued_on,
        "in_force_from": header.in_force_from,
        "ends_on": header.ends_on,
        "explained_by": words.text(header.explained_by),
    }


def rest_days(days: Iterable[date]) -> frozenset[date]:
    """Those that are not worked; two queries."""
    wanted = set(days)
    calendar = policy.calendar({day.year for day in wanted}) if wanted else Calendar()
    return frozenset(day for day in wanted if not engine.is_working(calendar, day))


def shifted(day: str, years: int) -> str:
    """A day of an earlier call in a later year, as the form of a new call suggests it; empty for what is no day."""
    try:
        return engine.years_before(date.fromisoformat(str(day)), -years).isoformat()
    except ValueError:
        return ""


def _step_day(
    bound: BoundPolicy, step: Step, known: list[Extension], area_path: str, at: datetime, calendar: Calendar
) -> StepDay:
    day = moved(step, known, area_path)
    left_words, tone = left(day, clock.china_date(at), calendar)
    return StepDay(
        key=step.key,
        title=words.text(step.title),
        by=step.by,
        day=day,
        original=step.due.on if step.due else None,
        clause=bound.clause(step.due.clause if step.due and step.due.clause else step.clause),
        is_over=bool(day and at >= clock.day_end(day)),
        is_rest_day=bool(day and not engine.is_working(calendar, day)),
        left_words=left_words,
        tone=tone,
        local=tuple(one for one in known if one.step == step.key and one.area is not None),
    )


def _layer(bound: BoundPolicy, rule: LayerRule) -> LayerShown:
    chosen = bound.call.layer.get(rule.id, bound.call.layer.get(rule.clause, "keep"))
    use = chosen.get("use", "keep") if isinstance(chosen, Mapping) else chosen
    clause = bound.clause(rule.clause)
    original = bound.policy.clauses.get(rule.clause)
    return LayerShown(
        id=rule.id,
        clause=rule.clause,
        article=original.article if original else rule.clause,
        use=use,
        text=words.text(clause.text) if clause else "",
        original=words.text(rule.text),
        values=tuple((label, shown) for key, label, shown in _shown_values(bound) if key in rule.asks),
    )


def _value_rows(bound: BoundPolicy) -> Iterable[tuple[str, str, str]]:
    for key, label, shown in _shown_values(bound):
        ask = bound.policy.asks[key]
        clause = bound.clause(ask.clause)
        if shown:
            yield label, shown, clause.article if clause else ""


def _shown_values(bound: BoundPolicy) -> Iterable[tuple[str, str, str]]:
    for ask in bound.policy.asks.values():
        value = bound.values.get(ask.key)
        labels = {choice.key: words.text(choice.label) for choice in ask.of}
        if value is None:
            shown = ""
        elif isinstance(value, list | tuple):
            shown = "、".join(labels.get(one, str(one)) for one in value)
        else:
            shown = date_format(value, "DATE_FORMAT") if isinstance(value, date) else labels.get(value, str(value))
        yield ask.key, words.text(ask.label), shown


def sites_that_may_apply(actor: Actor, call: Call) -> list[Site]:
    """The sites of an applicant's firm that lie in the call's area; empty for everybody else."""
    if actor.capacity != Capacity.APPLICANT:
        return []
    within = Site.objects.visible_to(actor).filter(area__path__startswith=call.owner.area.path)
    return list(within.select_related("area").order_by("-is_default", "pk"))

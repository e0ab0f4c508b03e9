"""Conditions, vetoes and an official's answers → findings. Nothing here decides a case; it says what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from types import MappingProxyType
from typing import Any

from greenlist.policy.engine.periods import lookback, years_before
from greenlist.policy.engine.types import (
    Answer,
    Barred,
    BoundPolicy,
    ChecklistItem,
    Event,
    EventFilter,
    EventWindow,
    Facts,
    Finding,
    Held,
    Json,
    Operator,
    Outcome,
    Rule,
    Test,
    Text,
    Veto,
    Wanted,
)

FOUNDED = "org.founded_on"
INDUSTRY, INDUSTRY_GROUP = "org.industry", "org.industry_group"
Settled = Mapping[tuple[str, str], str]  # (clause, place of the event) → what was said
GRAVITY = (Outcome.BLOCK, Outcome.CONFIRM, Outcome.WARN, Outcome.CLEAR)
DECIDES = 2  # goes up when `barring` says something else of the same vetoes: what was decided before is decided anew
NEAR = range(-1, 3)  # days about an anniversary: 29 February
CHECKED = frozenset({"eligibility", "prerequisite", "upward"})  # priority only orders, it never blocks (QHD-N2b)


# ---- what a check needs ---------------------------------------------------------------------------------------------
def wanted(bound: BoundPolicy, point: str) -> Wanted:
    """Fact names and event kinds that a check at this point reads: drives the queries."""
    facts = {test.fact for rule in _rules_at(bound, point) for test in rule.tests}
    vetoes = [veto for veto in bound.vetoes if point in veto.at]
    if vetoes:
        facts.add(FOUNDED)
    return Wanted(facts=frozenset(facts), events=frozenset().union(*(veto.events for veto in vetoes)))


def candidates(bound: BoundPolicy, on: date, point: str = "") -> EventFilter:
    """A superset filter for SQL, of one point or of all; a status that lasts until it ends is sought without a first day."""
    windows = tuple(_window(veto, on) for veto in bound.vetoes if not point or point in veto.at)
    days = [window.since if not window.state else None for window in windows]
    return EventFilter(
        kinds=frozenset().union(*(window.kinds for window in windows)),
        since=None if not days or None in days else min(day for day in days if day),
        windows=windows,
    )


def _window(veto: Veto, on: date) -> EventWindow:
    """Founding is left out: what lies before it in the years is still shown to a person."""
    since = lookback(_counted_from(veto, on), veto.years, None) if veto.years else None
    return EventWindow(
        kinds=veto.events,
        on=on,
        since=None if veto.until else since,  # what has not ended still lasts
        at_least=veto.at_least.rank if veto.at_least else 0,
        state="open" if veto.until else "ended" if veto.ended else "",
        subjects=veto.subjects,
    )


def _counted_from(veto: Veto, on: date) -> date:
    """The reference day, where the call names one; never after the day of the check."""
    return min(veto.back_from, on) if veto.back_from else on


def barring(bound: BoundPolicy, events: Sequence[Event], on: date, founded: date | None = None) -> tuple[Barred, ...]:
    """Each event that some veto of the rule set names today, whichever point it stands at; gravest outcome first.

    What the nightly sweep asks: one unit's events in, nothing but what concerns it out.
    """
    found: dict[tuple[str, Event], Barred] = {}
    for veto in bound.vetoes:
        near = [event for event in events if event.kind in veto.events]
        if not near:
            continue
        since, whole = _since(veto, on, founded), _since(veto, on, None)
        for event in near:
            if _concerns(veto, event, on, whole):
                sure = _is_sure(veto, event) and _concerns(veto, event, on, since)
                outcome = veto.gravest if sure else Outcome.CONFIRM
                made = Barred(f"veto.{veto.key}", veto.clause, outcome, event)
                kept = found.setdefault((veto.clause, event), made)
                if GRAVITY.index(outcome) < GRAVITY.index(kept.outcome):
                    found[veto.clause, event] = made
    rows = tuple(found.values())
    return rows if len(rows) < 2 else tuple(sorted(rows, key=lambda one: GRAVITY.index(one.outcome)))


def vetoes_digest(bound: BoundPolicy) -> str:
    """Names the vetoes a decision rests on; other vetoes, or another way of deciding, another name."""
    return hashlib.sha256(f"{DECIDES}{_stable(bound.vetoes)}".encode()).hexdigest()[:16]


def _stable(value: Any) -> str:
    """The same text in every process: sets have no order of their own."""
    if is_dataclass(value):
        return "".join(f"{one.name}={_stable(getattr(value, one.name))};" for one in fields(value))
    if isinstance(value, set | frozenset):
        return "{" + ",".join(sorted(_stable(one) for one in value)) + "}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_stable(one)}" for key, one in sorted(value.items())) + "}"
    if isinstance(value, tuple | list):
        return "[" + ",".join(_stable(one) for one in value) + "]"
    return str(value)


def holds_until(bound: BoundPolicy, event: Event, on: date, founded: date | None = None) -> date | None:
    """The first day on which time alone may change what `barring` says of an event; rather early than late. None: never."""
    ends = [day for day in (event.on, event.ended_on) if day]
    years = {veto.years for veto in bound.vetoes if veto.years and event.kind in veto.events}
    turns = [*ends, *(back for veto in bound.vetoes if (back := veto.back_from)), *([founded] if founded else [])]
    for day, count in product(ends, sorted(years)):
        turns += [years_before(day, -count) + timedelta(days=near) for near in NEAR]
    return min((day for day in turns if day > on), default=None)


def waiver(bound: BoundPolicy, rule: str) -> Rule | Veto | None:
    """The rule or veto behind a finding if an official may set it aside; None where the rule set allows no waiver."""
    group, _dot, key = rule.partition(".")
    rows: tuple[Rule | Veto, ...] = bound.vetoes if group == "veto" else bound.rules
    fits = [row for row in rows if row.key == key and (group == "veto" or getattr(row, "group", "") == group)]
    return fits[0] if fits and all(row.waivable for row in fits) else None


def _rules_at(bound: BoundPolicy, point: str) -> Iterator[Rule]:
    return (rule for rule in bound.rules if rule.group in CHECKED and point in rule.at)


def industry_group(bound: BoundPolicy, code: str) -> str | None:
    """The named group of an industry code, by the longest prefix; None when it is in none."""
    fits = [
        (len(prefix), group.key)
        for group in bound.policy.industry_groups
        for prefix in group.codes
        if code.startswith(prefix)
    ]
    return max(fits)[1] if fits else None


def completed(bound: BoundPolicy, facts: Facts) -> Facts:
    """The facts, with those that follow from others by the rule set's own tables (the industry group)."""
    if facts.get(INDUSTRY) and facts.get(INDUSTRY_GROUP) is None:
        return {**facts, INDUSTRY_GROUP: industry_group(bound, str(facts[INDUSTRY])) or "other"}
    return facts


# ---- check ----------------------------------------------------------------------------------------------------------
def check(
    bound: BoundPolicy,
    point: str,
    facts: Facts,
    events: Sequence[Event],
    on: date,
    settled: Settled = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """Every rule and veto of a check point, in the order of the file; what is clear is said too.

    `settled`: the word an official gave on an event under a clause; what is settled neither bars nor asks any more.
    """
    known = completed(bound, facts)
    found = [_judge_rule(rule.meant_at(point), known) for rule in _rules_at(bound, point)]
    founded = known.get(FOUNDED)
    found += [
        _judge_veto(veto.meant_at(point), events, on, founded, settled) for veto in bound.vetoes if point in veto.at
    ]
    return tuple(found)


def words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _judge_rule(rule: Rule, facts: Facts) -> Finding:
    unknown = [test.fact for test in rule.tests if facts.get(test.fact) is None]
    results = [holds(test, facts[test.fact]) for test in rule.tests if facts.get(test.fact) is not None]
    met = any(results) if rule.any_of else all(results)
    settled = met if rule.any_of else not met  # what is still unknown cannot change it
    params: dict[str, Json] = {"label": words(rule.label)}
    if unknown and not settled:
        return _of(rule, Outcome.CONFIRM, "rule.unknown", {**params, "facts": unknown})
    if met:
        return _of(rule, Outcome.CLEAR, "rule.met", params)
    failed = [test for test in rule.tests if facts.get(test.fact) is not None and not holds(test, facts[test.fact])]
    evidence = tuple(text for test in failed for text in _evidence(test, facts[test.fact]))
    return _of(rule, rule.otherwise, "rule.failed", {**params, "facts": [test.fact for test in failed]}, evidence)


def _of(rule: Rule, outcome: Outcome, code: str, params: Mapping[str, Json], evidence: tuple[str, ...] = ()) -> Finding:
    return Finding(f"{rule.group}.{rule.key}", rule.clause, outcome, code, params, evidence, rule.layer)


def holds(test: Test, value: Any) -> bool:
    """One condition over one known value."""
    return _HOLDS[test.operator](value, test.value)


def _key(item: Any) -> Any:
    return item.tier if isinstance(item, Held) else item


def _keys(value: Any) -> set[Any]:
    return {_key(item) for item in value}


def _number(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def within(path: str, slug: str) -> bool:
    """Whether an area path such as /130000/130300/130302/ lies in the area of that slug."""
    return slug in path.split("/")


_HOLDS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: lambda value, wanted_: _number(value) == wanted_,
    Operator.IN: lambda value, options: value in options,
    Operator.NONE_OF: lambda value, options: not _keys(value) & set(options),
    Operator.ANY_OF: lambda value, options: bool(_keys(value) & set(options)),
    Operator.HAS: lambda value, item: item in _keys(value),
    Operator.WITHIN: lambda value, slug: within(str(value), slug),
    Operator.GE: lambda value, limit: _number(value) >= limit,
    Operator.GT: lambda value, limit: _number(value) > limit,
    Operator.LE: lambda value, limit: _number(value) <= limit,
    Operator.LT: lambda value, limit: _number(value) < limit,
}


def _evidence(test: Test, value: Any) -> tuple[str, ...]:
    """What a person needs to see: the listings that block, or the value as it is known."""
    if test.operator is Operator.NONE_OF:
        return tuple(str(item) for item in value if _key(item) in test.value)
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(str(item) for item in value)
    return () if isinstance(value, bool) else (str(value),)


# ---- vetoes ---------------------------------------------------------------------------------------------------------
def _since(veto: Veto, on: date, founded: date | None) -> date | None:
    return lookback(_counted_from(veto, on), veto.years, founded) if veto.years else None


def _is_sure(veto: Veto, event: Event) -> bool:
    """An accident nobody has graded, a removal from who knows which list, a mere name: they need a person's judgement."""
    if event.doubtful:
        return False
    graded = veto.at_least is None or event.severity is not None
    return graded and (not veto.tiers or bool(event.tier))


def _judge_veto(
    veto: Veto,
    events: Sequence[Event],
    on: date,
    founded: date | None,
    settled: Settled = MappingProxyType({}),
) -> Finding:
    # Nothing befalls a firm before it exists: the day it gives or the record is wrong, so a person must look.
    since, whole = _since(veto, on, founded), _since(veto, on, None)
    found = [event for event in events if _concerns(veto, event, on, whole)]
    standing = [event for event in found if (veto.clause, event.place) not in settled]
    within_life = [event for event in standing if _concerns(veto, event, on, since)]
    sure = [event for event in within_life if _is_sure(veto, event)]
    params: dict[str, Json] = {
        "label": words(veto.label),
        "since": since.isoformat() if since else None,
        "on": on.isoformat(),
        "years": veto.years,
    }
    if not found:
        return _veto_finding(veto, Outcome.CLEAR, "veto.none", params, [])
    if sure:
        code = {Outcome.BLOCK: "veto.hit"}.get(veto.outcome, "veto.look")
        return _veto_finding(veto, veto.outcome, code, params, sure)
    if standing:
        code = "veto.look" if within_life else "veto.before"
        return _veto_finding(veto, Outcome.CONFIRM, code, params, standing)
    said = tuple(dict.fromkeys(settled[veto.clause, event.place] for event in found))
    finding = _veto_finding(veto, Outcome.WARN, "veto.settled", params, found)
    return replace(finding, evidence=(*finding.evidence, *said))


def _concerns(veto: Veto, event: Event, on: date, since: date | None) -> bool:
    if event.kind not in veto.events or event.subject not in veto.subjects or event.on > on:
        return False
    if not _grave_enough(veto, event) or (veto.tiers and event.tier and event.tier not in veto.tiers):
        return False
    over = event.ended_on is not None and event.ended_on <= on
    if (veto.until and over) or (veto.ended and not over):
        return False
    if since is None:
        return True
    # A status (an entry on a list) lasts from its day to its end; anything else is its day.
    last = (event.ended_on if over and event.ended_on else on) if (veto.until or veto.ended) else event.on
    return last >= since


def _grave_enough(veto: Veto, event: Event) -> bool:
    if veto.at_least is None or event.severity is None:
        return True
    return event.severity.reaches(veto.at_least)


def _veto_finding(veto: Veto, outcome: Outcome, code: str, params: dict[str, Json], events: Sequence[Event]) -> Finding:
    listed = [described(event) for event in events]
    evidence = tuple(event.evidence for event in events if event.evidence)
    return Finding(f"veto.{veto.key}", veto.clause, outcome, code, {**params, "events": listed}, evidence, veto.layer)


def described(event: Event) -> dict[str, Json]:
    """An event as a finding keeps it; what is not known of it is left out."""
    said: dict[str, Json] = {
        "kind": event.kind,
        "on": event.on.isoformat(),
        "severity": event.severity.value if event.severity else None,
        "ended_on": event.ended_on.isoformat() if event.ended_on else None,
        "subject": event.subject,
    }
    return said | {name: value for name in ("tier", "who", "doubtful", "ref") if (value := getattr(event, name))}


# ---- an official's answers ------------------------------------------------------------------------------------------
def judge(bound: BoundPolicy, checklist: str, answers: Mapping[str, Answer | str | None]) -> tuple[Finding, ...]:
    """One finding for each item of a checklist, in its order; an item without an answer blocks. Raises KeyError."""
    return tuple(_judge_item(checklist, item, answers.get(item.key)) for item in bound.checklists[checklist].items)


def _judge_item(checklist: str, item: ChecklistItem, answer: Answer | str | None) -> Finding:
    outcome, code = {
        Answer.YES: (Outcome.CLEAR, "item.yes"),
        Answer.NO: (item.no, "item.no"),
        Answer.FIX: (item.fix, "item.fix"),
    }.get(Answer(answer) if answer else Answer.NO, (Outcome.BLOCK, "item.no"))
    if not answer:
        outcome, code = Outcome.BLOCK, "item.open"
    rule = f"checklist.{checklist}.{item.key}"
    return Finding(rule, item.clause, outcome, code, {"label": words(item.text)}, (), item.layer)

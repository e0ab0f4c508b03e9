"""What the rules find about a case at one point; each run is kept as it was (5.4, N3c)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import transaction

from applications import facts, selectors
from applications.models import Application, CheckRun
from applications.services import hits, own_checks, upward
from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Refused, Text
from greenlist.policy import engine
from greenlist.policy.engine.types import Barred, BoundPolicy, Finding, Outcome

FOUNDED = "org.founded_on"
GRAVEST_FIRST = (Outcome.BLOCK, Outcome.CONFIRM, Outcome.WARN, Outcome.CLEAR)


class Blocked(Refused):
    """A rule bars the case; `run` is not stored yet: the transaction that raises this is rolled back."""

    code = "blocked"

    def __init__(self, message: Text, run: CheckRun) -> None:
        self.run = run
        barring = [one for one in findings_of(run) if one.blocks]
        super().__init__(message, findings=barring, clause=barring[0].clause if barring else "")


def look(*, case: Application, point: str, at: datetime) -> tuple[Finding, ...]:
    """What the rules would find now; nothing is kept."""
    return look_many(cases=[case], point=point, at=at)[case.pk]


def look_many(*, cases: Sequence[Application], point: str, at: datetime) -> dict[int, tuple[Finding, ...]]:
    """The same for many cases of one call, by case key; a few queries however many cases."""
    return {pk: one.findings for pk, one in _seen(cases, point, at).items()}


@dataclass(frozen=True, slots=True)
class Seen:
    findings: tuple[Finding, ...]
    barred: tuple[Barred, ...] = ()  # every event that bars or asks, whichever point it does so at


def _seen(cases: Sequence[Application], point: str, at: datetime) -> dict[int, Seen]:
    if not cases or not point:
        return {case.pk: Seen(()) for case in cases}
    bound, on = selectors.rules_of(cases[0].call), clock.china_date(at)
    known = facts.gather(cases, bound, point, on)
    own, below = own_checks.look(cases), upward.look(cases, point, on)
    return {
        case.pk: _judged(bound, point, known[case.pk], (*own[case.pk], *below.get(case.pk, ())), on) for case in cases
    }


def _judged(bound: BoundPolicy, point: str, known: facts.Known, own: Sequence[Finding], on: date) -> Seen:
    found = engine.check(bound, point, known.facts, known.events, on, known.settled)
    kept = tuple(_settled(one, known.settled_rules) for one in (*found, *own))
    return Seen(kept, engine.barring(bound, known.events, on, known.facts.get(FOUNDED)))


def _settled(finding: Finding, said: Mapping[str, tuple[Any, str]]) -> Finding:
    """A condition that an official set aside warns from then on, as long as it fails by what it failed by."""
    shape, word = said.get(finding.rule, (None, ""))
    if shape is None or finding.outcome is Outcome.CLEAR or shape.get("evidence") != list(finding.evidence):
        return finding
    return replace(finding, outcome=Outcome.WARN, code="rule.settled", evidence=(*finding.evidence, word))


@transaction.atomic
def run(*, case: Application, point: str, actor: Actor, at: datetime) -> tuple[Finding, ...]:
    """Checks a case at a point and keeps what was found. Raises nothing: what blocks is for the caller to refuse."""
    return run_many(cases=[case], point=point, actor=actor, at=at)[case.pk]


@transaction.atomic
def run_many(*, cases: Sequence[Application], point: str, actor: Actor, at: datetime) -> dict[int, tuple[Finding, ...]]:
    """The same for many cases of one call; a few queries more. What can be answered stands as rows afterwards."""
    found = _seen(cases, point, at)
    CheckRun.objects.bulk_create(
        run_of(case=case, point=point, findings=found[case.pk].findings, actor=actor, at=at) for case in cases
    )
    if point:
        hits.note(found=[(case, found[case.pk].barred) for case in cases], at=at)
    return {pk: one.findings for pk, one in found.items()}


def run_of(*, case: Application, point: str, findings: Iterable[Finding], actor: Actor, at: datetime) -> CheckRun:
    """The record of a run, not stored yet."""
    listed = list(findings)
    return CheckRun(
        application=case,
        point=point,
        on=clock.china_date(at),
        at=at,
        findings=[one.as_json() for one in listed],
        outcome=gravest(listed).value,
        by=actor.authority_name or actor.organisation_name or actor.name,
    )


def latest(case: Application, point: str = "") -> tuple[Finding, ...]:
    """What the newest run found (of one point, if given); empty when nothing was checked yet."""
    runs = case.checks.order_by("-at", "-pk")
    newest = (runs.filter(point=point) if point else runs).first()
    return findings_of(newest) if newest else ()


def findings_of(run: CheckRun) -> tuple[Finding, ...]:
    return tuple(Finding.from_json(one) for one in run.findings)


def gravest(findings: Iterable[Finding]) -> Outcome:
    outcomes = {one.outcome for one in findings}
    return next((outcome for outcome in GRAVEST_FIRST if outcome in outcomes), Outcome.CLEAR)

"""What the rules find about a case at one point; each run is kept as it was (5.4, N3c)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from applications import facts, selectors
from applications.models import Application, CheckRun
from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Refused, Text
from greenlist.policy import engine
from greenlist.policy.engine.types import Finding, Outcome

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
    """The same for many cases of one call, by case key; three queries."""
    if not cases or not point:
        return {case.pk: () for case in cases}
    bound, on = selectors.rules_of(cases[0].call), clock.china_date(at)
    known = facts.gather(cases, bound, point, on)
    return {case.pk: engine.check(bound, point, known[case.pk].facts, known[case.pk].events, on) for case in cases}


@transaction.atomic
def run(*, case: Application, point: str, actor: Actor, at: datetime) -> tuple[Finding, ...]:
    """Checks a case at a point and keeps what was found. Raises nothing: what blocks is for the caller to refuse."""
    found = look(case=case, point=point, at=at)
    run_of(case=case, point=point, findings=found, actor=actor, at=at).save()
    return found


@transaction.atomic
def run_many(*, cases: Sequence[Application], point: str, actor: Actor, at: datetime) -> dict[int, tuple[Finding, ...]]:
    """The same for many cases of one call; four queries."""
    found = look_many(cases=cases, point=point, at=at)
    CheckRun.objects.bulk_create(
        run_of(case=case, point=point, findings=found[case.pk], actor=actor, at=at) for case in cases
    )
    return found


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

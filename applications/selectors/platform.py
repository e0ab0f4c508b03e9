"""Reads about filings on the national platform: which units of a call are filed, which are not and until when (JY-6)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q, QuerySet

from applications.models import Application, Batch, BatchItem, Call
from applications.selectors import calls
from applications.states import BatchState, State
from greenlist.accounts import selectors as accounts
from greenlist.core import clock
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, StepKind, TableSpec

TABLE = "platform"
PAGE = 30
_TO_NAME = ("pk", "code", "number", "reference", "desk", "site__area", "transmission")
# From the moment a unit is to be recommended until its way ends well.
TO_FILE = (
    State.PASSED,
    State.RECOMMENDED,
    State.UNDER_REVIEW,
    State.DECIDING,
    State.PROPOSED,
    State.ON_NOTICE,
    State.APPROVING,
    State.FORWARDED,
    State.LISTED,
)


def table_of(bound: BoundPolicy) -> TableSpec | None:
    """What the platform is told of each unit, as the rule set has it; None where it asks for no filing."""
    return bound.tables.get(TABLE)


@dataclass(frozen=True, slots=True)
class Filing:
    """One call as its filings stand."""

    call: Call
    filed: int
    open: int
    until: date | None
    clause: str
    article: str

    def is_late(self, at: datetime) -> bool:
        return bool(self.open and self.until and at >= clock.day_end(self.until))


def until(call: Call, bound: BoundPolicy) -> date | None:
    """The last day of the step that sends units on; the filing goes with it (JY-6, HLJ-21d)."""
    sends = [step for step in bound.steps if step.kind is StepKind.BATCH]
    return calls.due_on(call, sends[-1].key) if sends else None


def _to_file(actor: Actor) -> QuerySet[Application]:
    return Application.objects.visible_to(actor).filter(state__in=TO_FILE)


def filings(actor: Actor) -> list[Filing]:
    """Calls whose units are filed on the platform, newest first; a fixed number of queries and one a call for its days."""
    if not actor.is_official:
        return []
    rows = _to_file(actor).filter(call__rules__rule_set__in=_asking())
    counts = rows.values("call").annotate(
        filed=Count("pk", filter=Q(transmission__isnull=False)), open=Count("pk", filter=Q(transmission=None))
    )
    by_call = {row["call"]: (row["filed"], row["open"]) for row in counts.order_by("-call")[:PAGE]}
    found = Call.objects.filter(pk__in=by_call).select_related(*calls.CALL_ROWS).defer(*calls.HEAVY).order_by("-pk")
    return [_filing(call, *by_call[call.pk]) for call in found]


def _asking() -> list[int]:
    """Rule sets whose newest version has a table for the platform."""
    return [
        row.rule_set_id
        for row in policy.all_current()
        if TABLE in policy.policy(row).raw["policy.toml"].get("table", {})
    ]


def _filing(call: Call, filed: int, open_: int) -> Filing:
    bound = calls.rules_of(call)
    table = table_of(bound)
    clause = bound.clause(table.clause) if table else None
    return Filing(
        call, filed, open_, until(call, bound), table.clause if table else "", clause.article if clause else ""
    )


def filing(actor: Actor, pk: int) -> Filing:
    """Raises NotVisible (also where the rule set asks for no filing)."""
    call = Call.objects.visible_to(actor).select_related(*calls.CALL_ROWS).defer(*calls.HEAVY).filter(pk=pk).first()
    if call is None or not actor.is_official or table_of(calls.rules_of(call)) is None:
        raise NotVisible
    rows = _to_file(actor).filter(call=call)
    filed = rows.filter(transmission__isnull=False).count()
    return _filing(call, filed, rows.filter(transmission=None).count())


@dataclass(frozen=True, slots=True)
class FilingPage:
    rows: tuple[Application, ...]
    after: int | None


def units(actor: Actor, call: Call, *, filed: bool, after: int = 0, size: int = PAGE) -> FilingPage:
    """Units of a call that are filed, or that are not yet, in the order of their keys."""
    rows = _to_file(actor).filter(call=call, transmission__isnull=not filed, pk__gt=after)
    found = list(rows.select_related("site__area", "transmission").order_by("pk")[: size + 1])
    return FilingPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def signed_batches(actor: Actor, call: Call) -> list[Batch]:
    """Those whose workbook and files can be handed to the platform."""
    signed = (BatchState.SIGNED, BatchState.SENT, BatchState.RECEIVED)
    rows = Batch.objects.visible_to(actor).filter(call=call, state__in=signed)
    return list(rows.select_related("sender").order_by("-pk")[:PAGE])


def coded(actor: Actor, call: Call) -> dict[str, list[Application]]:
    """Units of a call by credit code, among those the actor may record: several where one firm files for several sites."""
    rows = (
        _to_file(actor).filter(call=call).exclude(code="").select_related("site__area", "transmission").order_by("pk")
    )
    cases = list(rows.only(*_TO_NAME))
    whose = filers(call, cases)
    found: dict[str, list[Application]] = defaultdict(list)
    for case in cases:
        if whose[case.pk] == actor.authority_id:
            found[case.code].append(case)
    return found


def filers(call: Call, cases: Iterable[Application]) -> dict[int, int | None]:
    """Whose filing each unit is: the authority that sent it on by the route's last batch, or that is to send it.

    A query for the batches and one for each area.
    """
    cases = list(cases)
    sends = [step for step in calls.rules_of(call).steps if step.kind is StepKind.BATCH]
    if not sends:
        return {case.pk: case.desk_id for case in cases}
    left = (BatchState.SIGNED, BatchState.SENT, BatchState.RECEIVED)
    items = BatchItem.objects.filter(
        application__in=[case.pk for case in cases], returned_at=None, batch__state__in=left
    )
    sent = dict(items.filter(batch__step=sends[-1].key).order_by("pk").values_list("application", "batch__sender"))
    areas = {case.site.area_id: case.site.area for case in cases if case.pk not in sent}
    near = {pk: accounts.industry_authority(area, sends[-1].by) for pk, area in areas.items()}
    to_send = {pk: office.pk if office else None for pk, office in near.items()}
    return {case.pk: sent[case.pk] if case.pk in sent else to_send[case.site.area_id] for case in cases}


def may_record(actor: Actor, case: Application) -> bool:
    """Officials of the authority whose filing it is."""
    return actor.is_official and filers(case.call, [case])[case.pk] == actor.authority_id


def case(actor: Actor, reference: str) -> Application:
    """Raises NotVisible."""
    rows = Application.objects.visible_to(actor).select_related("call__rules", "site__area", "transmission")
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found

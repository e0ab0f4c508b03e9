"""What doing something to several cases at once would change, case by case, before it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.models import Application, Batch, BatchItem, BulkAction, Correction
from applications.states import BatchState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import User
from greenlist.core import audit, clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotAllowed, NotVisible, Text

ASSIGN, BATCH, REMIND = "assign", "batch", "remind"
ACTIONS: Mapping[str, tuple[Text, tuple[str, ...]]] = {  # name, views of the desk that offer it
    ASSIGN: (gettext_lazy("Give to"), ("review", "sign", "returned", "passed")),
    BATCH: (gettext_lazy("Put in a batch"), ("passed",)),
    REMIND: (gettext_lazy("Remind the applicant"), ("returned",)),
}
NOBODY = "0"
HANDLERS_ONLY = gettext_lazy("A handler of the authority whose turn it is must do this.")
MOST = 200
UNDO_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """One case: what it is now and what it would be, or why nothing would happen to it."""

    case: Application
    now: str
    then: str
    why_not: str = ""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Plan:
    action: str
    label: Text
    target: str
    target_name: str
    lines: tuple[Line, ...]
    undo: str  # until when it can be undone, in words

    @property
    def doable(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if not line.why_not)

    @property
    def digest(self) -> str:
        """What the page showed; a plan that has changed since is shown again instead of being done."""
        shown = [[line.case.reference, line.case.revision, line.now, line.then, line.why_not] for line in self.lines]
        return audit.digest_of({"action": self.action, "target": self.target, "lines": shown})


def handlers_of(actor: Actor, at: datetime) -> list[User]:
    """Colleagues whom a case can be given to."""
    if actor.authority_id is None:
        return []
    ids = accounts.people_with(actor.authority_id, [Capacity.HANDLER], clock.china_date(at), actor.list_kind)
    return list(User.objects.filter(pk__in=ids).order_by("name", "pk"))


def drafts_of(actor: Actor) -> list[Batch]:
    """Batches of the authority into which passed cases can be put."""
    rows = Batch.objects.visible_to(actor).filter(sender_id=actor.authority_id, state=BatchState.DRAFT)
    return list(rows.select_related("call").order_by("-pk")[:50])


def plan(actor: Actor, *, action: str, cases: Sequence[str], target: str, at: datetime) -> Plan:
    """What would change. Raises NotAllowed for who is no handler, NotVisible for an action, a target or a case that is
    not there for this actor.
    """
    if actor.capacity != Capacity.HANDLER:
        raise NotAllowed(HANDLERS_ONLY)
    if action not in ACTIONS:
        raise NotVisible
    wanted = list(dict.fromkeys(cases))[:MOST]
    lying = BatchItem.objects.filter(application=OuterRef("pk"), returned_at=None, batch__step=OuterRef("step"))
    rows = Application.objects.visible_to(actor).filter(desk_id=actor.authority_id, reference__in=wanted)
    found = {row.reference: row for row in rows.select_related("handler").annotate(in_batch=Exists(lying))}
    if len(found) != len(wanted):
        raise NotVisible
    name, judge = _JUDGES[action](actor, target, at)
    return Plan(
        action=action,
        label=ACTIONS[action][0],
        target=target,
        target_name=name,
        lines=tuple(judge(found[reference]) for reference in wanted),
        undo=str(_UNDO[action]),
    )


_UNDO: Mapping[str, Text] = {
    ASSIGN: gettext_lazy("Can be undone within a day, for each case on which nothing has happened since."),
    BATCH: gettext_lazy("Can be undone within a day, as long as the batch has not been handed to the approver."),
    REMIND: gettext_lazy("A reminder cannot be undone."),
}


def _assigning(actor: Actor, target: str, at: datetime) -> Any:
    people = {str(one.pk): one for one in handlers_of(actor, at)}
    if target not in people and target != NOBODY:
        raise NotVisible
    person = people.get(target)
    name = person.name if person else _("nobody")

    def judge(case: Application) -> Line:
        now = case.handler.name if case.handler else _("nobody")
        same = case.handler_id == (person.pk if person else None)
        why = _("already so") if same else ""
        return Line(case, now, name, why, case.handler_id, person.pk if person else None)

    return name, judge


def _batching(actor: Actor, target: str, at: datetime) -> Any:
    batch = next((one for one in drafts_of(actor) if one.reference == target), None)
    if batch is None:
        raise NotVisible

    def judge(case: Application) -> Line:
        why = ""
        if case.state != State.PASSED:
            why = _("The case is now “%(state)s”.") % {"state": case.get_state_display()}
        elif case.in_batch:  # type: ignore[attr-defined]
            why = _("lies in a batch already")
        elif (case.call_id, case.step) != (batch.call_id, batch.step):
            why = _("belongs to another call")
        return Line(case, _("in no batch"), batch.title, why, "", batch.reference)

    return batch.title, judge


def _reminding(actor: Actor, target: str, at: datetime) -> Any:
    open_ = {row.application_id: row for row in Correction.objects.filter(
        application__desk_id=actor.authority_id, answered_at=None
    )}  # fmt: skip
    today = clock.china_date(at)

    def judge(case: Application) -> Line:
        correction = open_.get(case.pk)
        why = ""
        if case.state != State.RETURNED or correction is None:
            why = _("The case is now “%(state)s”.") % {"state": case.get_state_display()}
        elif correction.reminded_at and clock.china_date(correction.reminded_at) == today:
            why = _("has been reminded today")
        return Line(case, _("waits for the applicant"), _("the applicant gets a message"), why, "", "")

    return "", judge


_JUDGES = {ASSIGN: _assigning, BATCH: _batching, REMIND: _reminding}


def last_of(actor: Actor, at: datetime) -> BulkAction | None:
    """What this person did last to several cases, while it may still be undone."""
    if actor.user_id is None:
        return None
    rows = BulkAction.objects.filter(by_id=actor.user_id, authority_id=actor.authority_id, undone_at=None)
    return rows.exclude(action=REMIND).filter(at__gt=at - UNDO_FOR).order_by("-pk").first()

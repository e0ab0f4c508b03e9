"""What an applicant is told of its own case: that it is on a proposed list shows with the public notice, not before (R3).

An authority may also decide now and announce later: until then the case reads as being decided (`untold_step`).
"""

from django.db.models import Q

from applications.models import Application, TimelineEntry
from applications.selectors import calls
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.policy.engine.types import BoundPolicy, StepKind

INSIDE = (State.CONSULTING, State.PROPOSED)  # the offices' own affair: to the applicant still under overall review


def as_told(case: Application, actor: Actor, bound: BoundPolicy | None = None) -> Application:
    """The loaded case for a page; to its applicant a proposed one is still under overall review. Never to be saved."""
    return to_applicant(case, bound) if actor.capacity == Capacity.APPLICANT else case


def to_applicant(case: Application, bound: BoundPolicy | None = None) -> Application:
    """The same for a paper or page that only the applicant gets. State, step, desk, last day and revision tell the same story."""
    if "revision" not in case.get_deferred_fields():
        case.revision = revision_of(case)
    if case.untold_step or case.state in INSIDE:
        case.step = _step_of(case, bound or calls.rules_of(case.call))
        case.__dict__["state"] = State.DECIDING.value  # past the protected field: this row is only read
        case.due_on = calls.due_of(case)
        case.desk = _desk_of(case, bound or calls.rules_of(case.call))
        case.handler = None
    return case


def _desk_of(case: Application, bound: BoundPolicy) -> Authority | None:
    """Whose turn it is at the step the applicant knows of: where the case lies by now would say that it moved on."""
    by = bound.step(case.step).by
    if case.desk is not None and case.desk.tier == by:
        return case.desk
    area = Area.objects.filter(path=case.area_path).first()
    return accounts.industry_authority(area, by) if area and by in set(Tier) else None


def state_for(case: Application, actor: Actor) -> str:
    """The state alone, as this reader is told; the row stays as it is."""
    hidden = case.untold_step or case.state in INSIDE
    return str(State.DECIDING if hidden and actor.capacity == Capacity.APPLICANT else case.state)


def revision_of(case: Application) -> int:
    """The revision an applicant reads and names: moves it is not told of do not count while it is under overall review."""
    if not (case.untold_step or case.state in (State.DECIDING, *INSIDE)):
        return case.revision
    moves = TimelineEntry.objects.filter(application=case.pk)
    told = moves.filter(applicant_sees=True).order_by("-pk").values_list("pk", flat=True).first()
    return case.revision - moves.filter(pk__gt=told or 0).count()


def _step_of(case: Application, bound: BoundPolicy) -> str:
    if case.untold_step:
        return case.untold_step
    here = bound.steps.index(bound.step(case.step))
    before = bound.steps[max(here - 1, 0)]
    # Asked before any decision (HEB-3b), the step itself tells nothing.
    asked = case.state == State.CONSULTING
    return case.step if asked and before.kind is not StepKind.DECISION else before.key


def states_for(actor: Actor) -> tuple[State, ...]:
    """The states a reader can filter by."""
    if actor.capacity == Capacity.APPLICANT:
        return tuple(state for state in State if state not in INSIDE)
    return tuple(state for state in State if state != State.DRAFT)


def meant(state: str, actor: Actor) -> Q:
    """What a chosen filter stands for: an applicant's does not tell apart what is not told yet."""
    if actor.capacity != Capacity.APPLICANT:
        return Q(state=state)
    if state == State.DECIDING:
        return Q(state__in=(State.DECIDING, *INSIDE)) | ~Q(untold_step="")
    return Q(state=state, untold_step="")

"""What an applicant is told of its own case: that it is on a proposed list shows with the public notice, not before (R3).

An authority may also decide now and announce later: until then the case reads as being decided (`untold_step`).
"""

from django.db.models import Q

from applications.models import Application
from applications.states import State
from greenlist.core.actors import Actor, Capacity
from greenlist.policy.engine.types import BoundPolicy, StepKind

INSIDE = (State.CONSULTING, State.PROPOSED)  # the offices' own affair: to the applicant still under overall review


def as_told(case: Application, actor: Actor, bound: BoundPolicy | None = None) -> Application:
    """The loaded case for a page; to its applicant a proposed one is still under overall review. Never to be saved."""
    if actor.capacity == Capacity.APPLICANT and (case.untold_step or case.state in INSIDE):
        asked = case.state == State.CONSULTING
        case.__dict__["state"] = State.DECIDING.value  # past the protected field: this row is only read
        if case.untold_step:
            case.step = case.untold_step
        elif bound is not None:
            here = bound.steps.index(bound.step(case.step))
            before = bound.steps[max(here - 1, 0)]
            # Asked before any decision (HEB-3b), the step itself tells nothing.
            case.step = case.step if asked and before.kind is not StepKind.DECISION else before.key
    return case


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

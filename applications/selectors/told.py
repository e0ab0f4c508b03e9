"""What an applicant is told of its own case: that it is on a proposed list shows with the public notice, not before (R3)."""

from applications.models import Application
from applications.states import State
from greenlist.core.actors import Actor, Capacity
from greenlist.policy.engine.types import BoundPolicy


def as_told(case: Application, actor: Actor, bound: BoundPolicy | None = None) -> Application:
    """The loaded case for a page; to its applicant a proposed one is still under overall review. Never to be saved."""
    if actor.capacity == Capacity.APPLICANT and case.state == State.PROPOSED:
        case.__dict__["state"] = State.DECIDING.value  # past the protected field: this row is only read
        if bound is not None:
            here = bound.steps.index(bound.step(case.step))
            case.step = bound.steps[max(here - 1, 0)].key
    return case


def states_for(actor: Actor) -> tuple[State, ...]:
    """The states a reader can filter by."""
    if actor.capacity == Capacity.APPLICANT:
        return tuple(state for state in State if state != State.PROPOSED)
    return tuple(state for state in State if state != State.DRAFT)


def meant(state: str, actor: Actor) -> tuple[str, ...]:
    """The states that a chosen filter stands for."""
    if actor.capacity == Capacity.APPLICANT and state == State.DECIDING:
        return (State.DECIDING, State.PROPOSED)
    return (state,)

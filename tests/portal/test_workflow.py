"""No verb does anything from a state that its transitions do not name, and no state can be assigned (WF-01)."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.apps import apps
from django_fsm import FSMFieldMixin, TransitionNotAllowed

MACHINES = [
    model
    for model in apps.get_models()
    if any(isinstance(field, FSMFieldMixin) and field.name == "state" for field in model._meta.fields)
]


def _states(model: Any) -> list[str]:
    return [str(value) for value, _label in model._meta.get_field("state").choices]


def _declared(model: Any) -> set[tuple[str, str]]:
    transitions = model._meta.get_field("state").get_all_transitions(model)
    return {(str(transition.source), transition.name) for transition in transitions}


def test_every_stage_has_its_machine() -> None:
    names = {model.__name__ for model in MACHINES}
    assert {
        "Call",
        "Application",
        "Batch",
        "Panel",
        "Decision",
        "Notice",
        "NoticeItem",
        "Objection",
        "Announcement",
    } <= names


@pytest.mark.case("WF-01")
@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_every_undeclared_transition_is_refused(model: Any) -> None:
    declared = _declared(model)
    for state in _states(model):
        for verb in {verb for _source, verb in declared}:
            row = model(state=state)
            method = getattr(row, verb)
            assert method._django_fsm.has_transition(state) is ((state, verb) in declared)
            if (state, verb) not in declared:
                with pytest.raises(TransitionNotAllowed):
                    method(**dict.fromkeys(inspect.signature(method).parameters, None))
                assert row.state == state


@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_the_state_cannot_be_assigned(model: Any) -> None:
    row = model(state=_states(model)[0])
    with pytest.raises(AttributeError):
        row.state = _states(model)[-1]

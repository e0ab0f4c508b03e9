"""The drawn workflow is the code's, and no verb does anything from a state that the drawing does not name."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django_fsm import TransitionNotAllowed

from greenlist.portal import workflow


def test_the_document_is_up_to_date() -> None:
    call_command("workflow_docs", "--check")


@pytest.mark.case("WF-01")
@pytest.mark.parametrize("model", workflow.MACHINES, ids=lambda model: model.__name__)
def test_every_undeclared_transition_is_refused(model: Any) -> None:
    declared = {(source, verb) for source, verb, _target in workflow._arrows(model)}
    verbs = {verb for _source, verb in declared}
    for state in workflow._states(model):
        for verb in verbs:
            row = model(state=state)
            method = getattr(row, verb)
            assert method._django_fsm.has_transition(state) is ((state, verb) in declared)
            if (state, verb) not in declared:
                with pytest.raises(TransitionNotAllowed):
                    method(**_arguments(method))
                assert row.state == state


def _arguments(method: Any) -> dict[str, Any]:
    import inspect

    return dict.fromkeys(inspect.signature(method).parameters, None)


@pytest.mark.parametrize("model", workflow.MACHINES, ids=lambda model: model.__name__)
def test_the_state_cannot_be_assigned(model: Any) -> None:
    row = model(state=workflow._states(model)[0])
    with pytest.raises(AttributeError):
        row.state = workflow._states(model)[-1]

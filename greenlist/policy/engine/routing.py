"""Which stations a case passes, in which order."""

from __future__ import annotations

from greenlist.policy.engine.types import BoundPolicy, End, NotOffered, Result, Step, StepKind


def route(bound: BoundPolicy, category: str, mode: str) -> tuple[Step, ...]:
    """All steps in order. Raises NotOffered for a category or an evaluation mode the rule set does not have (QHD-6)."""
    policy = bound.policy
    if category not in policy.categories:
        raise NotOffered("category", category, bound.header.clause)
    if mode not in policy.modes:
        raise NotOffered("mode", mode, policy.modes_clause)
    return bound.steps


def after(bound: BoundPolicy, step_key: str, result: Result) -> Step | End:
    """The next station. Past the last step a case is listed. Raises KeyError for a step the route does not have."""
    step = bound.step(step_key)
    if result is Result.RETURNED:
        return bound.step(step.returned) if step.returned else step
    if result is Result.FAILED:
        return End(step.failed or _usual_end(step), step.clause)
    following = bound.steps[[one.key for one in bound.steps].index(step_key) + 1 :]
    return following[0] if following else End("listed", step.clause)


def _usual_end(step: Step) -> str:
    return "rejected" if step.kind in {StepKind.DRAFT, StepKind.SCREENING, StepKind.BATCH} else "not_listed"

"""What panels and decisions share about the cases before them: lock them in one order, find their next step."""

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from applications import selectors as applications
from applications.models import Application
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Refused
from greenlist.policy import engine
from greenlist.policy.engine.types import Result, Step, StepKind


def lock_many(*, actor: Actor, ids: Collection[int]) -> list[Application]:
    """These cases, locked in the order of their keys, so that two services never wait for each other.

    Raises Conflict when one of them is not visible to this actor any more.
    """
    rows = (
        Application.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "call__owner__area", "organisation", "site__area", "desk")
        .filter(pk__in=ids)
        .order_by("pk")
    )
    found = list(rows)
    if len(found) != len(set(ids)):
        raise Conflict(_("Some of these cases are not yours any more. Reload the page to see which."))
    return found


def step_of(case: Application) -> Step:
    return applications.rules_of(case.call).step(case.step)


def is_at(case: Application, kind: StepKind, *, actor: Actor) -> bool:
    """At this authority's desk, in a step of this kind."""
    return case.desk_id == actor.authority_id and step_of(case).kind is kind


def next_step(case: Application) -> Step:
    """Where the case goes when its present step is passed. Raises Refused when the route ends there."""
    bound = applications.rules_of(case.call)
    following = engine.after(bound, case.step, Result.PASSED)
    if not isinstance(following, Step):
        raise Refused(_("The rule set names no step after this one."), clause=following.clause)
    return following

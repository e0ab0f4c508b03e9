"""Page-shaped reads of panels, seats and decisions, and the counts that a work list asks for."""

from django.db.models import QuerySet

from applications.models import Application
from greenlist.core.actors import Actor
from reviews.models import Decision, Panel, Seat
from reviews.querysets import PanelQuerySet
from reviews.selectors import decisions, panels
from reviews.selectors.decisions import approved_items
from reviews.states import DecisionState, PanelState

__all__ = [
    "approved_decisions",
    "approved_items",
    "cases_for_decision",
    "cases_for_panel",
    "decisions_to_approve",
    "decisions_to_draw_up",
    "panels_at_work",
    "panels_in_preparation",
    "panels_to_conclude",
    "seats_to_pledge",
    "seats_to_score",
]


def cases_for_panel(actor: Actor) -> QuerySet[Application]:
    """Recommended cases at the actor's desk that no panel has taken up."""
    return panels.waiting(actor)


def panels_in_preparation(actor: Actor) -> QuerySet[Panel]:
    return _panels(actor).filter(state=PanelState.PREPARING)


def panels_at_work(actor: Actor) -> QuerySet[Panel]:
    return _panels(actor).filter(state=PanelState.OPEN)


def panels_to_conclude(actor: Actor) -> QuerySet[Panel]:
    """Panels in which everybody has locked."""
    return _panels(actor).awaiting_conclusion()


def cases_for_decision(actor: Actor) -> QuerySet[Application]:
    """Cases under overall review at the actor's desk that no draft has taken in."""
    return decisions.waiting(actor)


def decisions_to_draw_up(actor: Actor) -> QuerySet[Decision]:
    """Drafts, also those that the approver handed back."""
    return Decision.objects.visible_to(actor).filter(state=DecisionState.DRAFTING)


def decisions_to_approve(actor: Actor) -> QuerySet[Decision]:
    """Drafts before the approver; not those this person handed over where two people are asked for."""
    rows = Decision.objects.visible_to(actor).filter(state=DecisionState.TO_APPROVE)
    return rows.exclude(four_eyes=True, proposed_by_id=actor.user_id)


def approved_decisions(actor: Actor) -> QuerySet[Decision]:
    """Approved proposed lists of the actor's authority: what a public notice is made from."""
    return Decision.objects.visible_to(actor).approved().select_related("call__rules", "authority").order_by("-pk")


def seats_to_pledge(actor: Actor) -> QuerySet[Seat]:
    """Invitations of an expert whose material is still closed."""
    return Seat.objects.of(actor).to_pledge().select_related("panel__authority").order_by("invited_at", "pk")


def seats_to_score(actor: Actor) -> QuerySet[Seat]:
    """Seats of an expert with sheets to fill and lock."""
    return Seat.objects.of(actor).to_score().select_related("panel__authority").order_by("invited_at", "pk")


def _panels(actor: Actor) -> PanelQuerySet:
    return Panel.objects.visible_to(actor) if actor.is_official else Panel.objects.none()

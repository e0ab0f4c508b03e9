"""Who may do what to a panel, a seat and a decision. When is policy's affair, from where the transition's."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Actor, Capacity
from greenlist.core.verbs import Action, Verb, offered
from reviews.states import DecisionState, PanelState


def is_of_authority(subject: Any, actor: Actor) -> bool:
    """An official of the authority that convenes or decides, whose mandate covers the list (QHD-4)."""
    covers = not actor.list_kind or actor.list_kind == subject.call.category
    return actor.is_official and actor.authority_id == subject.authority_id and covers


def may_draw_up(decision: Any, actor: Actor) -> bool:
    return is_of_authority(decision, actor) and actor.capacity == Capacity.HANDLER


def may_approve(decision: Any, actor: Actor) -> bool:
    return is_of_authority(decision, actor) and actor.capacity == Capacity.APPROVER


def may_approve_now(decision: Any, actor: Actor) -> bool:
    """An approver, and where the rule set asks for two people another one than who handed it over (AZ-14)."""
    same = decision.proposed_by_id is not None and decision.proposed_by_id == actor.user_id
    return may_approve(decision, actor) and not (decision.four_eyes and same)


OFFICIALS_ONLY = _("Only officials of the authority that convenes the panel may do this.")
HANDLERS_ONLY = _("A handler of the deciding authority must do this.")
APPROVERS_ONLY = _("An approver of the deciding authority must do this.")
ANOTHER_PERSON = _("You proposed this list yourself: another person must approve it.")
TOOK_PART = _("You took part in an earlier step of some of these cases: another person must decide here.")

IN_PREPARATION = _("Only a panel in preparation can be changed.")
NOT_AT_WORK = _("The panel is not at work.")
EDIT_PANEL = Verb(
    "edit",
    _("Change the panel"),
    "reviews:panel-edit",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.PREPARING,),
    not_now=IN_PREPARATION,
)
OPEN_PANEL = Verb(
    "open",
    _("Open the panel"),
    "reviews:panel-open",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.PREPARING,),
    not_now=_("The panel has been opened already."),
    primary=True,
)
CANCEL_PANEL = Verb(
    "cancel",
    _("Drop the panel"),
    "reviews:panel-cancel",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.PREPARING,),
    not_now=IN_PREPARATION,
    danger=True,
)
INVITE = Verb(
    "invite",
    _("Invite another expert"),
    "reviews:panel-invite",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.OPEN,),
    not_now=NOT_AT_WORK,
)
CONCLUDE = Verb(
    "conclude",
    _("Write the conclusion"),
    "reviews:panel-conclude",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.OPEN,),
    not_now=NOT_AT_WORK,
    primary=True,
)
DRAW_UP = Verb(
    "draw_up",
    _("Draw up"),
    "reviews:decision",
    may_draw_up,
    HANDLERS_ONLY,
    (DecisionState.DRAFTING,),
    whom=is_of_authority,
    not_now=_("What was handed to the approver cannot be changed."),
)
HAND_OVER = Verb(
    "hand_over",
    _("Hand to the approver"),
    "reviews:decision-save",
    may_draw_up,
    HANDLERS_ONLY,
    (DecisionState.DRAFTING,),
    whom=is_of_authority,
    not_now=_("It has been handed over already."),
    primary=True,
)
DROP = Verb(
    "cancel",
    _("Drop the draft"),
    "reviews:decision-cancel",
    may_draw_up,
    HANDLERS_ONLY,
    (DecisionState.DRAFTING,),
    not_now=_("What was handed to the approver cannot be dropped."),
    danger=True,
)
NOT_HANDED_OVER = _("It has not been handed over for approval.")
HAND_BACK = Verb(
    "hand_back",
    _("Hand back"),
    "reviews:decision-hand-back",
    may_approve,
    APPROVERS_ONLY,
    (DecisionState.TO_APPROVE,),
    whom=is_of_authority,
    not_now=NOT_HANDED_OVER,
)
APPROVE = Verb(
    "approve",
    _("Approve the proposed list"),
    "reviews:decision-approve",
    may_approve_now,
    ANOTHER_PERSON,
    (DecisionState.TO_APPROVE,),
    whom=may_approve,
    not_now=NOT_HANDED_OVER,
    primary=True,
)

TELL = Verb(
    "tell",
    _("Tell the applicants now"),
    "reviews:decision-tell",
    may_approve,
    APPROVERS_ONLY,
    (DecisionState.APPROVED,),
    whom=is_of_authority,
    not_now=_("The applicants have been told already."),
)

PANEL_VERBS = {
    PanelState.PREPARING: (OPEN_PANEL, EDIT_PANEL, CANCEL_PANEL),
    PanelState.OPEN: (CONCLUDE, INVITE),
}
DECISION_VERBS = {
    DecisionState.DRAFTING: (HAND_OVER, DROP),
    DecisionState.TO_APPROVE: (APPROVE, HAND_BACK),
}


def available_for_panel(panel: Any, actor: Actor) -> list[Action]:
    """What a panel's page offers; a finished one nothing."""
    return offered(PANEL_VERBS.get(panel.state, ()), panel, actor)


def available_for_decision(decision: Any, actor: Actor) -> list[Action]:
    """What a decision's page offers; an approved one nothing but to tell what was kept back."""
    verbs = (TELL,) if decision.is_untold else DECISION_VERBS.get(decision.state, ())
    return offered(verbs, decision, actor)

"""Who may do what to a panel, a seat, a decision and a consultation. When is policy's affair, from where the transition's."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Actor, Capacity
from greenlist.core.verbs import Action, Verb, offered
from reviews.states import ConsultationState, DecisionState, PanelKind, PanelState


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


def may_guide(case: Any, actor: Actor) -> bool:
    """An official of the authority that called, whose mandate covers the list (JY-14)."""
    covers = not actor.list_kind or actor.list_kind == case.category
    return actor.is_official and actor.authority_id == case.call.owner_id and covers


OFFICIALS_ONLY = _("Only officials of the authority that convenes the panel may do this.")
HANDLERS_ONLY = _("A handler of the deciding authority must do this.")
APPROVERS_ONLY = _("An approver of the deciding authority must do this.")
ANOTHER_PERSON = _("You proposed this list yourself: another person must approve it.")
TOOK_PART = _("You took part in an earlier step of some of these cases: another person must decide here.")

IN_PREPARATION = _("Only a panel in preparation can be changed.")
STAYS_DRAWN = _(
    "The experts of this panel have been drawn and are not chosen any more: who gives up the seat gets a drawn substitute."
)
BODIES_ONLY = _("Only the body that is commissioned names its people.")
KEEPS_FROM_ALL = _("must keep away from every unit")
NAME_PEOPLE_IN = (PanelState.PREPARING, PanelState.OPEN)
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
DRAW = Verb(
    "draw",
    _("Draw the experts"),
    "reviews:panel-draw",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.PREPARING,),
    not_now=IN_PREPARATION,
)
TALK = Verb(
    "talk",
    _("Record risk points and reminder talk"),
    "reviews:panel-talk",
    is_of_authority,
    OFFICIALS_ONLY,
    (PanelState.PREPARING,),
    not_now=IN_PREPARATION,
)
WATCH = Verb("watch", _("Name a supervisor"), "reviews:panel-watch", is_of_authority, OFFICIALS_ONLY)
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
    PanelState.PREPARING: (OPEN_PANEL, DRAW, TALK, EDIT_PANEL, CANCEL_PANEL),
    PanelState.OPEN: (CONCLUDE, INVITE),
}
DECISION_VERBS = {
    DecisionState.DRAFTING: (HAND_OVER, DROP),
    DecisionState.TO_APPROVE: (APPROVE, HAND_BACK),
}


def available_for_panel(panel: Any, actor: Actor) -> list[Action]:
    """What a panel's page offers; a finished one nothing. Chosen members are not drawn, drawn ones not invited."""
    verbs = PANEL_VERBS.get(panel.state, ())
    unfit = {INVITE.name} if panel.drawn or panel.kind != PanelKind.EXPERTS else {DRAW.name}
    unfit |= {DRAW.name} if panel.kind != PanelKind.EXPERTS else set()
    return offered(tuple(verb for verb in verbs if verb.name not in unfit), panel, actor)


def available_for_decision(decision: Any, actor: Actor) -> list[Action]:
    """What a decision's page offers; an approved one nothing but to tell what was kept back."""
    verbs = (TELL,) if decision.is_untold else DECISION_VERBS.get(decision.state, ())
    return offered(verbs, decision, actor)


# ---- departments are asked (HEB-3b, HLJ-19) -------------------------------------------------------------------------
def may_send_now(consultation: Any, actor: Actor) -> bool:
    """An approver, and where the rule set asks for two people another one than who wrote the letter."""
    same = consultation.handed_by_id is not None and consultation.handed_by_id == actor.user_id
    return may_approve(consultation, actor) and not (consultation.four_eyes and same)


def may_close_now(consultation: Any, actor: Actor) -> bool:
    same = consultation.concluded_by_id is not None and consultation.concluded_by_id == actor.user_id
    return may_approve(consultation, actor) and not (consultation.four_eyes and same)


def may_answer(office: Any, actor: Actor) -> bool:
    """An officer of the department that is asked; its mandate covers the list."""
    covers = not actor.list_kind or actor.list_kind == office.consultation.call.category
    own = actor.authority_id is not None and actor.authority_id == office.authority_id
    return actor.capacity == Capacity.DEPARTMENT and own and covers


def may_enter(office: Any, actor: Actor) -> bool:
    """A handler of the asking authority, for an answer that came on paper."""
    return may_draw_up(office.consultation, actor)


ASKING_HANDLERS_ONLY = _("A handler of the authority that asks must do this.")
ASKING_APPROVERS_ONLY = _("An approver of the authority that asks must do this.")
WROTE_LETTER = _("You wrote this letter yourself: another person must send it.")
WROTE_CONCLUSION = _("You wrote this conclusion yourself: another person must approve it.")
ASKED_ONLY = _("Only the department that was asked answers here.")
DEPARTMENT_WRITES = _("The department is writing its answer in the portal itself: it shows here once it is sent.")
NOT_ASKED = _("The departments are not being asked now.")
NOT_BEFORE_APPROVER = _("It does not lie before the approver.")
CONSULTATION = "reviews:consultation"
WRITE_LETTER = Verb(
    "write_letter",
    _("Write the letter"),
    CONSULTATION,
    may_draw_up,
    ASKING_HANDLERS_ONLY,
    (ConsultationState.DRAFT,),
    whom=is_of_authority,
    not_now=_("What was handed to the approver cannot be changed."),
)
HAND_OVER_LETTER = Verb(
    "hand_over_letter",
    _("Hand to the approver"),
    CONSULTATION,
    may_draw_up,
    ASKING_HANDLERS_ONLY,
    (ConsultationState.DRAFT,),
    whom=is_of_authority,
    not_now=_("It has been handed over already."),
    primary=True,
)
DROP_CONSULTATION = Verb(
    "drop_letter",
    _("Drop the draft"),
    CONSULTATION,
    may_draw_up,
    ASKING_HANDLERS_ONLY,
    (ConsultationState.DRAFT,),
    not_now=_("What was handed to the approver cannot be dropped."),
    danger=True,
)
SEND_LETTER = Verb(
    "send_letter",
    _("Approve and send"),
    CONSULTATION,
    may_send_now,
    WROTE_LETTER,
    (ConsultationState.TO_SEND,),
    whom=may_approve,
    not_now=NOT_BEFORE_APPROVER,
    primary=True,
)
HAND_BACK_LETTER = Verb(
    "hand_back_letter",
    _("Hand back"),
    CONSULTATION,
    may_approve,
    ASKING_APPROVERS_ONLY,
    (ConsultationState.TO_SEND, ConsultationState.TO_CLOSE),
    whom=is_of_authority,
    not_now=NOT_BEFORE_APPROVER,
)
ASK_OFFICE = Verb(
    "ask_office",
    _("Ask another department"),
    CONSULTATION,
    may_draw_up,
    ASKING_HANDLERS_ONLY,
    (ConsultationState.DRAFT, ConsultationState.ASKED),
    not_now=_("Departments can be added until the conclusion is handed over."),
)
CONCLUDE_CONSULTATION = Verb(
    "conclude_consultation",
    _("Write the conclusion"),
    CONSULTATION,
    may_draw_up,
    ASKING_HANDLERS_ONLY,
    (ConsultationState.ASKED,),
    whom=is_of_authority,
    not_now=NOT_ASKED,
    primary=True,
)
CLOSE_CONSULTATION = Verb(
    "close_consultation",
    _("Approve the conclusion"),
    CONSULTATION,
    may_close_now,
    WROTE_CONCLUSION,
    (ConsultationState.TO_CLOSE,),
    whom=may_approve,
    not_now=NOT_BEFORE_APPROVER,
    primary=True,
)
CONSULTATION_VERBS = {
    ConsultationState.DRAFT: (HAND_OVER_LETTER, DROP_CONSULTATION),
    ConsultationState.TO_SEND: (SEND_LETTER, HAND_BACK_LETTER),
    ConsultationState.ASKED: (CONCLUDE_CONSULTATION,),
    ConsultationState.TO_CLOSE: (CLOSE_CONSULTATION, HAND_BACK_LETTER),
}


def available_for_consultation(consultation: Any, actor: Actor) -> list[Action]:
    """What a consultation's page offers; a closed one nothing."""
    return offered(CONSULTATION_VERBS.get(consultation.state, ()), consultation, actor)

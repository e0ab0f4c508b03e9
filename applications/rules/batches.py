"""Who puts a recommendation together, signs, sends and receives it."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.rules.verbs import Verb
from applications.states import BatchState
from greenlist.core.actors import Actor, Capacity


def is_sender(batch: Any, actor: Actor) -> bool:
    """An official of the authority that recommends; its mandate covers the list (QHD-4)."""
    covers = not actor.list_kind or actor.list_kind == batch.call.category
    return actor.is_official and actor.authority_id == batch.sender_id and covers


def is_receiver(batch: Any, actor: Actor) -> bool:
    covers = not actor.list_kind or actor.list_kind == batch.call.category
    return actor.is_official and actor.authority_id == batch.receiver_id and covers


def may_arrange(batch: Any, actor: Actor) -> bool:
    return is_sender(batch, actor) and actor.capacity == Capacity.HANDLER


def may_sign(batch: Any, actor: Actor) -> bool:
    return is_sender(batch, actor) and actor.capacity == Capacity.APPROVER


def may_receive(batch: Any, actor: Actor) -> bool:
    return is_receiver(batch, actor) and actor.capacity == Capacity.HANDLER


HANDLERS_ONLY = _("A handler of the authority that recommends must do this.")
APPROVERS_ONLY = _("An approver of the authority that recommends must do this.")
SENDERS_ONLY = _("Only officials of the authority that recommends may do this.")
RECEIVERS_ONLY = _("A handler of the authority that receives the recommendation must do this.")

PAGE = "applications:batch"
ARRANGE = Verb("arrange", _("Put together"), PAGE, may_arrange, HANDLERS_ONLY, (BatchState.DRAFT,))
EXPLAIN = Verb("explain", _("Write a reason"), PAGE, may_arrange, HANDLERS_ONLY, (BatchState.DRAFT,))
HAND_OVER = Verb("hand_over", _("Hand to the approver"), PAGE, may_arrange, HANDLERS_ONLY, (BatchState.DRAFT,))
SIGN = Verb("sign", _("Sign and freeze"), PAGE, may_sign, APPROVERS_ONLY, (BatchState.TO_SIGN,), whom=is_sender)
HAND_BACK = Verb("hand_back", _("Hand back"), PAGE, may_sign, APPROVERS_ONLY, (BatchState.TO_SIGN,), whom=is_sender)
SEND = Verb("send", _("Send"), PAGE, is_sender, SENDERS_ONLY, (BatchState.SIGNED,))
ATTACH_SEAL = Verb(
    "attach_seal", _("Attach the sealed scan"), PAGE, is_sender, SENDERS_ONLY, (BatchState.SIGNED, BatchState.SENT)
)
TAKE_BACK = Verb("take_back", _("Take back"), PAGE, is_sender, SENDERS_ONLY, (BatchState.SENT,))
RECEIVE = Verb("receive", _("Receive"), PAGE, may_receive, RECEIVERS_ONLY, (BatchState.SENT,))
NOTE_PAPER = Verb("note_paper", _("Note paper copies"), PAGE, may_receive, RECEIVERS_ONLY, (BatchState.RECEIVED,))
RETURN_UNIT = Verb(
    "return_unit", _("Return a unit"), PAGE, may_receive, RECEIVERS_ONLY, (BatchState.SENT, BatchState.RECEIVED)
)

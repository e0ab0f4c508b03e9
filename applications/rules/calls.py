"""Who prepares, opens, extends and closes a call. `subject` is the call; for creation, anything with `owner_id`."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.rules.verbs import Verb
from applications.states import CallState
from greenlist.core.actors import Actor, Capacity, Tier


def is_of_owner(call: Any, actor: Actor) -> bool:
    """An official of the authority that keeps the list, whose mandate covers it (QHD-4)."""
    covers = not actor.list_kind or actor.list_kind == call.category
    return actor.is_official and actor.authority_id == call.owner_id and covers


def may_open(call: Any, actor: Actor) -> bool:
    return is_of_owner(call, actor) and actor.capacity == Capacity.APPROVER


def is_below_owner(call: Any, actor: Actor) -> bool:
    """An approver of an authority below the call's owner, inside the owner's area, whose mandate covers the list."""
    covers = not actor.list_kind or actor.list_kind == call.category
    below = actor.tier is not None and actor.tier.rank < Tier(call.owner.tier).rank
    return actor.capacity == Capacity.APPROVER and covers and below and actor.area_path.startswith(call.owner.area.path)


OWNERS_ONLY = _("Only officials of the authority that keeps this list may do this.")
APPROVERS_ONLY = _("An approver of the authority that keeps this list must do this.")

PREPARE = Verb("prepare", _("Edit the call"), "applications:call-edit", is_of_owner, OWNERS_ONLY, (CallState.DRAFT,))
OPEN = Verb(
    "open",
    _("Open the call"),
    "applications:call-open",
    may_open,
    APPROVERS_ONLY,
    (CallState.DRAFT,),
    whom=is_of_owner,
    not_now=_("The call has been opened already."),
    primary=True,
)
EXTEND = Verb(
    "extend",
    _("Move a date"),
    "applications:call-extend",
    may_open,
    APPROVERS_ONLY,
    (CallState.OPEN,),
    whom=is_of_owner,
    not_now=_("Dates of an open call only can be moved."),
)
CLOSE = Verb(
    "close",
    _("Close the call"),
    "applications:call-close",
    may_open,
    APPROVERS_ONLY,
    (CallState.OPEN,),
    whom=is_of_owner,
    not_now=_("The call is not open."),
)
ALLOT = Verb(
    "allot",
    _("Places"),
    "applications:call-places",
    may_open,
    APPROVERS_ONLY,
    (CallState.OPEN, CallState.CLOSED),
    whom=is_of_owner,
    not_now=_("Places are given once the call is open."),
)
SET_LOCAL_DAY = Verb(
    "set_local_day",
    _("Set the last day for firms of the area"),
    "applications:call-local-day",
    is_below_owner,
    _("An approver of the authority below, inside the area of the call, sets this day."),
    (CallState.OPEN,),
)
VERBS = (PREPARE, OPEN, EXTEND, CLOSE, SET_LOCAL_DAY)  # ALLOT is offered where the rules have places to give

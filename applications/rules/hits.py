"""Who answers a finding, and who agrees to a waiver. Whether a rule may be waived at all is policy's affair."""

from typing import Protocol

from greenlist.core.actors import Actor, Capacity


class Found(Protocol):
    """Plain fields of a finding's row."""

    authority_id: int


def may_answer(hit: Found, desk_id: int | None, actor: Actor) -> bool:
    """An official of the authority that was told, or of the one at whose desk the case lies."""
    office = actor.authority_id is not None and actor.authority_id in (hit.authority_id, desk_id)
    return actor.is_official and office


def may_agree(hit: Found, desk_id: int | None, proposed_by: int, actor: Actor) -> bool:
    """An approver there, and another person than who proposed it."""
    other = actor.user_id is not None and actor.user_id != proposed_by
    return may_answer(hit, desk_id, actor) and actor.capacity == Capacity.APPROVER and other

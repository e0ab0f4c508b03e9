"""Who may do what with people and offices. One predicate per action; no queries."""

from greenlist.core.actors import Actor, Capacity

ADMINISTRATORS = frozenset({Capacity.ADMINISTRATOR, Capacity.SYSTEM})


def may_administer(actor: Actor) -> bool:
    """Areas, authorities, people and mandates are kept by administrators (and by commands), who decide no case."""
    return actor.capacity in ADMINISTRATORS


def may_change_person(actor: Actor, user_id: int) -> bool:
    """People keep their own account; administrators keep everybody's."""
    return actor.user_id == user_id or may_administer(actor)

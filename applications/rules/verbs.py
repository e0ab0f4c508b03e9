"""What a predicate on a case may look at. The shape of a verb is the same in every app: `core.verbs`."""

from typing import Protocol

from greenlist.core.verbs import Action, Predicate, Verb, offered, require

__all__ = ["Action", "Case", "Predicate", "Verb", "offered", "require"]


class Case(Protocol):
    """Plain fields of an application, so rules stay below models."""

    reference: str
    state: str
    step: str
    organisation_id: int
    mode: str
    desk_id: int | None

"""Who may do what to a call or a case. One verb, one `Verb`; `available` draws the action bar from them.

`require` is what a service asks first. When is policy's affair, from where is the transition's: a state named here
only decides whether a page offers the verb.
"""

from collections.abc import Iterable

from applications.rules import applicant, calls, screening
from applications.rules.verbs import Action, Case, Verb, require
from greenlist.core.actors import Actor

__all__ = ["Action", "Case", "Verb", "applicant", "available", "calls", "require", "screening"]


def verbs() -> tuple[Verb, ...]:
    """Every verb on a case that this app knows; a later stage adds its own on its own pages."""
    return (*applicant.VERBS, *screening.VERBS)


def available(case: Case, actor: Actor) -> list[Action]:
    """The actions that concern this actor, allowed or with the reason why not now."""
    return _actions(verbs(), case, actor)


def _actions(verbs: Iterable[Verb], case: Case, actor: Actor) -> list[Action]:
    found = (verb.offer(case, actor) for verb in verbs)
    return [action for action in found if action is not None]

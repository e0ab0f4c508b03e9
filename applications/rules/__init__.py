"""Who may do what to a call or a case. One verb, one `Verb`; `available` draws the action bar from them.

`require` is what a service asks first. When is policy's affair, from where is the transition's: a state named here
only decides whether a page offers the verb.
"""

from applications.rules import applicant, batches, calls, screening
from applications.rules.verbs import Action, Case, Verb, offered, require
from greenlist.core.actors import Actor

__all__ = ["Action", "Case", "Verb", "applicant", "available", "batches", "calls", "offered", "require", "screening"]


def verbs() -> tuple[Verb, ...]:
    """Every verb on a case that this app knows; a later stage adds its own on its own pages."""
    return (*applicant.VERBS, *screening.VERBS)


def available(case: Case, actor: Actor) -> list[Action]:
    """The actions that concern this actor, allowed or with the reason why not now."""
    return offered(verbs(), case, actor)

"""The shape of a verb in every app's `rules`: who may, from which states it is offered, and the words of a refusal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed, Text

Predicate = Callable[[Any, Actor], bool]
NOT_NOW = _("Not possible in the present state.")


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of an action bar. `page` is the name of the address that does it, `reason` says why not now."""

    verb: str
    label: Text
    page: str
    allowed: bool
    reason: Text = ""
    primary: bool = False
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """`may`: who. `states`: from where it is offered. `whom`: whose action bar shows it at all (default: who may)."""

    name: str
    label: Text
    page: str
    may: Predicate
    denied: Text
    states: tuple[str, ...] = ()
    whom: Predicate | None = None
    not_now: Text = NOT_NOW
    primary: bool = False
    danger: bool = False

    def offer(self, subject: Any, actor: Actor) -> Action | None:
        """What the action bar shows of this verb to this actor; None where it does not concern them."""
        allowed = self.may(subject, actor)
        reason: Text = ""
        if not allowed:
            if self.whom is None or not self.whom(subject, actor):
                return None
            reason = self.denied
        elif self.states and subject.state not in self.states:
            allowed, reason = False, self.not_now
        return Action(self.name, self.label, self.page, allowed, reason, self.primary, self.danger)


def require(verb: Verb, subject: Any, actor: Actor) -> None:
    """Raises NotAllowed with the verb's own reason. The state is the transition's affair, not asked here."""
    if not verb.may(subject, actor):
        raise NotAllowed(verb.denied)


def offered(verbs: Iterable[Verb], subject: Any, actor: Actor) -> list[Action]:
    """The action bar: what concerns this actor, allowed or with the reason why not now."""
    return [action for verb in verbs if (action := verb.offer(subject, actor)) is not None]

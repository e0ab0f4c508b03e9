"""Who may do what with people and offices. One predicate per action; no queries."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.states import SCOPES_OF
from greenlist.core.actors import ENTRUSTED, Actor, Capacity

COMMANDS = Capacity.SYSTEM


def may_keep_places(actor: Actor) -> bool:
    """Areas and authorities are kept by the system administrator (and by commands), who decides no case."""
    return actor.capacity in {Capacity.ADMINISTRATOR, COMMANDS}


def may_keep_people(actor: Actor) -> bool:
    """People, mandates and keys are kept by the security administrator: who configures gives no rights (MLPS 8.1.4.2.d)."""
    return actor.capacity in {Capacity.SECURITY, COMMANDS}


def may_read_trail(actor: Actor) -> bool:
    """The audit administrator reads what the two others did, and can write nothing."""
    return actor.capacity == Capacity.AUDITOR


def may_change_person(actor: Actor, user_id: int) -> bool:
    """People keep their own account; the security administrator keeps everybody's."""
    return actor.user_id == user_id or may_keep_people(actor)


def is_entrusted(held: Iterable[Actor]) -> bool:
    """Officials, experts and administrators: whoever holds a mandate."""
    return any(actor.capacity in ENTRUSTED for actor in held)


def is_officer(held: Iterable[Actor]) -> bool:
    """Entrusted with an office, not only as an expert: one session at a time, which ends sooner (AU-07, AU-08)."""
    return any(actor.capacity in ENTRUSTED - {Capacity.EXPERT} for actor in held)


FACTOR_NEEDED = _("Officials, experts and administrators sign in with a second factor: it can be renewed only.")


def needs_second_factor(held: Iterable[Actor]) -> bool:
    return settings.SECOND_FACTOR and is_entrusted(held)


def password_rules(*, entrusted: bool) -> dict[str, int]:
    """What a new password must keep to; PASSWORD_POLICY is the one switch between the two rule books."""
    book = settings.PASSWORD_POLICY
    if book == "graded":
        book = "mlps" if entrusted else "asvs"
    rules: dict[str, int] = settings.PASSWORD_RULES[book]
    return rules


def password_is_due(set_at: datetime, held: Iterable[Actor], at: datetime) -> bool:
    """Whether the domestic grading rules want a new one; the other rule book never does (6.2.10)."""
    days = password_rules(entrusted=is_entrusted(held))["max_age_days"]
    return bool(days) and at - set_at >= timedelta(days=days)


NO_TOKENS = _("The API serves firms and industry authorities: choose such a role in the role switcher.")


def may_hold_token(actor: Actor) -> bool:
    """Whom the API serves: members of firms, handlers and approvers."""
    return actor.user_id is not None and actor.capacity in SCOPES_OF

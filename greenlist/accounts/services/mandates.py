"""Who acts for which authority: granting and ending, never deleting."""

from datetime import UTC, date, datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules
from greenlist.accounts.models import Authority, Mandate, User
from greenlist.accounts.services.people import KEEPERS
from greenlist.accounts.services.sessions import end_sessions
from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, WrongState

Role = Mandate.Role
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR, Role.SECURITY, Role.AUDITOR})
ENTER_ADMIN = frozenset({Role.ADMINISTRATOR, Role.SECURITY})  # the Django admin; the auditor has a page of their own
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OF_INDUSTRY = frozenset({Role.HANDLER, Role.APPROVER, Role.EXPERT, Role.SUPERVISOR})


class AlreadyHeld(Conflict):
    """The person holds this mandate at this authority already."""

    code = "already_held"


class TwoAdministrators(Conflict):
    """Nobody is two of system, security and audit administrator: they watch each other (MLPS 8.1.4.2.d, AZ-11)."""

    code = "two_administrators"


@transaction.atomic
def grant_mandate(*, mandate: Mandate, actor: Actor, at: datetime) -> Mandate:
    """Puts a new mandate in force; the person signs in anew and finds it.

    Raises NotAllowed (not the security administrator, or for oneself), Invalid, AlreadyHeld, TwoAdministrators.
    """
    if not rules.may_keep_people(actor):
        raise NotAllowed(KEEPERS)
    if mandate.user_id == actor.user_id:
        raise NotAllowed(_("Nobody gives a mandate to himself: ask another administrator."))
    person = User.objects.select_for_update().get(pk=mandate.user_id)
    check(mandate)
    same = Mandate.objects.in_force(max(mandate.valid_from, clock.china_date(at)))
    if same.filter(user=person, role=mandate.role, authority=mandate.authority, list_kind=mandate.list_kind).exists():
        raise AlreadyHeld(_("%(name)s holds this mandate already.") % {"name": person.name})
    if mandate.role in ADMINISTRATORS:
        _only_one_office(person, at)
    _outgrow_password(person)
    mandate.save(force_insert=True)
    if mandate.role in ENTER_ADMIN and not person.is_staff:
        person.is_staff = True
        person.save(update_fields=["is_staff"])
    end_sessions(user_id=person.pk, at=at)
    _record(mandate, actor=actor, action="mandate.granted", at=at)
    return mandate


def _outgrow_password(person: User) -> None:
    """A password that was chosen by the rules for firms is due for who is entrusted with an office now (docs/adr/0005)."""
    graded = settings.PASSWORD_POLICY == "graded"  # noqa: S105 -- the name of a rule book
    if graded and not Mandate.objects.filter(user=person, ended_at=None).exists():
        User.objects.filter(pk=person.pk).update(password_set_at=LONG_AGO)


def _only_one_office(person: User, at: datetime) -> None:
    """Raises TwoAdministrators. The database says the same (`nobody_is_two_administrators`); what has run out is closed."""
    today = clock.china_date(at)
    held = Mandate.objects.of_role(*ADMINISTRATORS).filter(user=person, ended_at=None)
    held.filter(valid_until__lt=today).update(ended_at=at)
    other = held.first()
    if other is not None:
        raise TwoAdministrators(
            _("%(name)s is %(role)s. Nobody holds two of the three administrators' offices: they watch each other.")
            % {"name": person.name, "role": other.get_role_display()}
        )


def check(mandate: Mandate) -> None:
    """Raises Invalid: an office of the right kind for the role, and an end that is not before the start."""
    authority, role = mandate.authority, mandate.role
    problems: dict[str, list] = {}
    if role in OF_INDUSTRY and (authority is None or authority.kind != Authority.Kind.INDUSTRY):
        problems["authority"] = [_("This role belongs to an industry authority.")]
    if role == Role.DEPARTMENT and (authority is None or authority.kind != Authority.Kind.DEPARTMENT):
        problems["authority"] = [_("This role belongs to another department, such as ecology.")]
    if mandate.valid_until and mandate.valid_until < mandate.valid_from:
        problems["valid_until"] = [_("The last day is before the first day.")]
    if problems:
        raise Invalid(_("The mandate cannot be given like this."), problems=problems)


@transaction.atomic
def change_mandate(*, mandate: Mandate, actor: Actor, at: datetime) -> Mandate:
    """Changes dates, list, employer or field of a mandate; person, role and authority stay. Raises NotAllowed, Invalid."""
    if not rules.may_keep_people(actor):
        raise NotAllowed(KEEPERS)
    stored = Mandate.objects.select_for_update().get(pk=mandate.pk)
    if stored.user_id == actor.user_id:
        raise NotAllowed(_("Nobody changes a mandate of his own: ask another administrator."))
    if (stored.user_id, stored.role, stored.authority_id) != (mandate.user_id, mandate.role, mandate.authority_id):
        raise Invalid(_("Person, role and authority of a mandate never change: end it and give a new one."))
    if stored.ended_at:
        raise WrongState(_("This mandate has ended."))
    check(mandate)
    mandate.save(update_fields=["list_kind", "employer", "field", "valid_from", "valid_until"])
    end_sessions(user_id=mandate.user_id, at=at)
    _record(mandate, actor=actor, action="mandate.changed", at=at)
    return mandate


@transaction.atomic
def end_mandate(*, mandate_id: int, reason: str, actor: Actor, at: datetime) -> Mandate:
    """Ends a mandate at once and with it every session of the person. Raises NotAllowed, WrongState (ended already)."""
    if not rules.may_keep_people(actor):
        raise NotAllowed(KEEPERS)
    mandate = (
        Mandate.objects.select_for_update(of=("self",)).select_related("user", "authority__area").get(pk=mandate_id)
    )
    if mandate.ended_at:
        raise WrongState(_("This mandate has ended."))
    today = clock.china_date(at)
    mandate.ended_at = at
    mandate.valid_until = max(mandate.valid_from, min(mandate.valid_until or today, today))
    mandate.save(update_fields=["ended_at", "valid_until"])
    _leave_administration(mandate, today)
    end_sessions(user_id=mandate.user_id, at=at)
    _record(mandate, actor=actor, action="mandate.ended", at=at, reason=reason)
    return mandate


def _leave_administration(mandate: Mandate, on: date) -> None:
    others = Mandate.objects.in_force(on).of_role(*ENTER_ADMIN).filter(user_id=mandate.user_id)
    if mandate.role in ENTER_ADMIN and not others.exists():
        User.objects.filter(pk=mandate.user_id).update(is_staff=False)


def _record(mandate: Mandate, *, actor: Actor, action: str, at: datetime, reason: str = "") -> None:
    data = {
        "mandate": mandate.pk,
        "role": mandate.role,
        "authority": mandate.authority_id,
        "list_kind": mandate.list_kind,
        "from": mandate.valid_from,
        "until": mandate.valid_until,
        "reason": reason,
    }
    audit.record(actor=actor, subject=("user", mandate.user_id), action=action, at=at, data=data)

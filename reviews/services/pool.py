"""Keeping the pool of experts: what the authority writes down, and what experts say of themselves."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area, User
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text
from reviews.models import Absence, Employment, Expert
from reviews.selectors import pool as reads

KEEPERS_ONLY = _("Only the authority that gave this expert the mandate may do this.")
MOST_ROWS = 100


@dataclass(frozen=True)
class Profile:
    """What the authority says of an expert; no area and no caps: nothing said."""

    fields: tuple[str, ...] = ()
    area: str = ""  # slug
    cap_per_panel: int | None = None
    cap_per_year: int | None = None


@transaction.atomic
def describe(*, actor: Actor, user_id: int, version: int, profile: Profile, at: datetime) -> Expert:
    """Writes fields, place and caps. Raises NotVisible, NotAllowed, Conflict (changed meanwhile), Invalid."""
    row = _kept(actor, user_id, at)
    if version != row.version:
        raise Conflict(_("Somebody else has changed this entry since you opened the page."), version=row.version)
    area = Area.objects.filter(slug=profile.area).first() if profile.area else None
    problems: dict[str, list[Text]] = {}
    if profile.area and area is None:
        problems["area"] = [_("Choose one of the places.")]
    if len(profile.fields) > 20 or any(len(word) > 30 for word in profile.fields):
        problems["fields"] = [_("At most 20 fields of 30 characters each.")]
    if problems:
        raise Invalid(_("The entry was not saved."), problems=problems)
    row.fields, row.area = list(profile.fields), area
    row.cap_per_panel, row.cap_per_year = profile.cap_per_panel, profile.cap_per_year
    row.version += 1
    row.save()
    data = {"fields": row.fields, "area": profile.area, "caps": [row.cap_per_panel, row.cap_per_year]}
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.described", at=at, data=data)
    return row


@transaction.atomic
def suspend(*, actor: Actor, user_id: int, reason: str, at: datetime) -> Expert:
    """Keeps an expert out of draws and invitations from now on. Raises NotVisible, NotAllowed, Invalid (no reason)."""
    row = _kept(actor, user_id, at)
    reason = reason.strip()
    if not reason:
        raise Invalid(_("Give the reason."), problems={"reason": [_("is needed")]})
    row.suspended_at, row.suspended_by_id, row.suspension_reason = at, actor.user_id, reason[:300]
    row.version += 1
    row.save()
    audit.record(
        actor=actor, subject=("expert", row.user_id), action="expert.suspended", at=at, data={"reason": reason}
    )
    return row


@transaction.atomic
def resume(*, actor: Actor, user_id: int, at: datetime) -> Expert:
    """Ends a suspension. Raises NotVisible, NotAllowed."""
    row = _kept(actor, user_id, at)
    row.suspended_at, row.suspended_by, row.suspension_reason = None, None, ""
    row.version += 1
    row.save()
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.resumed", at=at)
    return row


@transaction.atomic
def add_employment(
    *, actor: Actor, user_id: int, employer: str, since: date | None, until: date | None, at: datetime
) -> Employment:
    """A present or former employer. Raises NotVisible, NotAllowed, Invalid (no name, ends before it begins)."""
    row = _added_to(actor, user_id, at)
    problems: dict[str, list[Text]] = {}
    if not employer.strip():
        problems["employer"] = [_("Name the employer.")]
    if since and until and until < since:
        problems["until"] = [_("The last day lies before the first.")]
    if row.employments.count() >= MOST_ROWS:
        problems["employer"] = [_("There are too many entries already.")]
    if problems:
        raise Invalid(_("The employer was not added."), problems=problems)
    made = Employment.objects.create(
        expert=row,
        employer=employer.strip()[:100],
        since=since,
        until=until,
        added_by_id=actor.user_id,
        added_at=at,
    )
    data = {"employer": made.employer, "since": since, "until": until}
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.employment_added", at=at, data=data)
    return made


@transaction.atomic
def end_employment(*, actor: Actor, user_id: int, employment: int, until: date | None, at: datetime) -> Employment:
    """The last day at an employer; once said it stands. Raises NotVisible, NotAllowed, Invalid."""
    row = _added_to(actor, user_id, at)
    found = row.employments.filter(pk=employment, until=None).first()
    if found is None:
        raise NotVisible
    if until is None or (found.since is not None and until < found.since):
        raise Invalid(_("Give the last day."), problems={"until": [_("Give the last day.")]})
    found.until = until
    found.save()
    data = {"employer": found.employer, "until": until}
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.employment_ended", at=at, data=data)
    return found


@transaction.atomic
def add_absence(
    *, actor: Actor, user_id: int, since: date | None, until: date | None, reason: str, at: datetime
) -> Absence:
    """Days on which the expert cannot review. Raises NotVisible, NotAllowed, Invalid."""
    row = _added_to(actor, user_id, at)
    problems: dict[str, list[Text]] = {}
    if since is None:
        problems["since"] = [_("Give the first day.")]
    if until is None:
        problems["until"] = [_("Give the last day.")]
    elif since is not None and until < since:
        problems["until"] = [_("The last day lies before the first.")]
    if row.absences.count() >= MOST_ROWS:
        problems["since"] = [_("There are too many entries already.")]
    if problems or since is None or until is None:
        raise Invalid(_("The days were not added."), problems=problems)
    made = Absence.objects.create(expert=row, since=since, until=until, reason=reason.strip()[:100])
    data = {"since": since, "until": until}
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.absence_added", at=at, data=data)
    return made


@transaction.atomic
def remove_absence(*, actor: Actor, user_id: int, absence: int, at: datetime) -> None:
    """The expert is available after all. Raises NotVisible, NotAllowed."""
    row = _added_to(actor, user_id, at)
    found = row.absences.filter(pk=absence).first()
    if found is None:
        raise NotVisible
    data = {"since": found.since, "until": found.until}
    found.delete()
    audit.record(actor=actor, subject=("expert", row.user_id), action="expert.absence_removed", at=at, data=data)


def _kept(actor: Actor, user_id: int, at: datetime) -> Expert:
    page = reads.entry(actor, user_id, china_date(at))
    if not page.may_keep:
        raise NotAllowed(KEEPERS_ONLY)
    return _row(user_id)


def _added_to(actor: Actor, user_id: int, at: datetime) -> Expert:
    page = reads.entry(actor, user_id, china_date(at))
    if not page.may_add:
        raise NotAllowed(KEEPERS_ONLY)
    return _row(user_id)


def _row(user_id: int) -> Expert:
    """The entry, locked; made when there is none yet. The person is locked first: two at once make one."""
    User.objects.select_for_update(of=("self",)).get(pk=user_id)
    return Expert.objects.get_or_create(user_id=user_id)[0]

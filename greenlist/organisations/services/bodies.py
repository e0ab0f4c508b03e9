"""What a third-party body files about itself, and an official's word on a proof (HLJ-23, HEB-2.4a)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area
from greenlist.core import attachments, audit, clock, limits, numbers
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.organisations import rules
from greenlist.organisations.models import BodyExperience, BodyProfile, BodyProof, BodyStaff, Organisation

FACE = ("legal_form", "registered_in_china", "legal_person_code", "office_address", "fixed_office", "finance_rules")


@dataclass(frozen=True)
class BodyInput:
    """The face of the profile. `identity` is kept encrypted and never shown whole; empty leaves the present one."""

    legal_representative: str
    identity: str = ""
    legal_person_code: str = ""
    legal_form: str = ""
    registered_in_china: bool | None = None
    office_address: str = ""
    fixed_office: bool | None = None
    finance_rules: bool | None = None


def _key_of(number: str) -> str:
    """The key of the person with this identity number: that of a body which names the same, or a new one.

    The sequence is locked first: two bodies that name a new person at once get the same key.
    """
    fresh = f"p{numbers.take(scope='representatives', year=0)}"
    known = BodyProfile.objects.exclude(representative_key="").only("representative_number", "representative_key")
    return next((one.representative_key for one in known if one.representative_number == number), fresh)


def _own(organisation_id: int, actor: Actor) -> BodyProfile:
    """The locked profile of one's own body, made when first asked for. Raises NotVisible, NotAllowed."""
    found = Organisation.objects.visible_to(actor).filter(pk=organisation_id, kind=Organisation.Kind.BODY).first()
    if found is None:
        raise NotVisible
    if not rules.is_member(actor, organisation_id):
        raise NotAllowed(_("Only the body itself changes what it says of itself."))
    fresh = BodyProfile(organisation=found, legal_person_code=found.code or "")
    BodyProfile.objects.bulk_create([fresh], ignore_conflicts=True)
    return BodyProfile.objects.select_for_update(of=("self",)).select_related("organisation").get(organisation=found)


def _record(profile: BodyProfile, action: str, actor: Actor, at: datetime, data: dict[str, Any]) -> None:
    subject = ("organisation", profile.organisation_id)
    audit.record(actor=actor, subject=subject, action=action, at=at, data=data)


@transaction.atomic
def change_body(*, organisation_id: int, profile: BodyInput, actor: Actor, at: datetime) -> BodyProfile:
    """Replaces the face of the profile. Raises BadIdentity, BadCode, Invalid (no representative), NotVisible, NotAllowed."""
    if not profile.legal_representative.strip():
        text = _("Please name the legal representative.")
        raise Invalid(text, problems={"legal_representative": [text]})
    row = _own(organisation_id, actor)
    firm = row.organisation
    code = rules.clean_code(profile.legal_person_code) if profile.legal_person_code else firm.code or ""
    new = {name: getattr(profile, name) for name in FACE} | {"legal_person_code": code}
    changed = [name for name, value in new.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, new[name])
    if profile.identity.strip():
        number = rules.clean_identity(profile.identity)
        if number != row.representative_number:
            row.representative_key, row.representative_number = _key_of(number), number
            row.representative_tail = number[-4:]
            changed.append("representative_key")
    if firm.legal_representative != profile.legal_representative.strip():
        firm.legal_representative = profile.legal_representative.strip()
        firm.save(update_fields=["legal_representative"])
        changed.append("legal_representative")
    if changed:
        row.updated_at = at
        row.save()
        _record(row, "body.changed", actor, at, {"fields": changed})
    return row


@transaction.atomic
def add_staff(
    *, organisation_id: int, name: str, level: int, field: str, full_time: bool, actor: Actor, at: datetime
) -> BodyStaff:
    """One more evaluator. Raises NotVisible, NotAllowed."""
    row = _own(organisation_id, actor)
    made = BodyStaff.objects.create(profile=row, name=name.strip(), level=level, field=field, full_time=full_time)
    _record(row, "body.staff_added", actor, at, {"staff": made.pk, "level": level, "field": field})
    return made


@transaction.atomic
def remove_staff(*, organisation_id: int, staff_id: int, actor: Actor, at: datetime) -> None:
    """Takes an evaluator off the list; the trail keeps level and field. Raises NotVisible, NotAllowed."""
    row = _own(organisation_id, actor)
    found = row.staff.filter(pk=staff_id).first()
    if found is None:
        raise NotVisible
    data = {"staff": found.pk, "level": found.level, "field": found.field}
    found.delete()
    _record(row, "body.staff_removed", actor, at, data)


@transaction.atomic
def add_experience(
    *, organisation_id: int, kind: str, title: str, led: bool, ended_on: date, actor: Actor, at: datetime
) -> BodyExperience:
    """One more piece of experience. Raises Invalid (in the future), NotVisible, NotAllowed."""
    _require_past(ended_on, "ended_on", at)
    row = _own(organisation_id, actor)
    made = BodyExperience.objects.create(profile=row, kind=kind, title=title.strip(), led=led, ended_on=ended_on)
    _record(row, "body.experience_added", actor, at, {"experience": made.pk, "title": made.title})
    return made


@transaction.atomic
def remove_experience(*, organisation_id: int, experience_id: int, actor: Actor, at: datetime) -> None:
    """Raises NotVisible, NotAllowed."""
    row = _own(organisation_id, actor)
    found = row.experience.filter(pk=experience_id).first()
    if found is None:
        raise NotVisible
    data = {"experience": found.pk, "title": found.title}
    found.delete()
    _record(row, "body.experience_removed", actor, at, data)


def _require_past(day: date, name: str, at: datetime) -> None:
    if day > clock.china_date(at):
        text = _("This day lies in the future.")
        raise Invalid(_("Please check the dates."), problems={name: [text]})


@transaction.atomic
def add_proof(
    *,
    organisation_id: int,
    kind: str,
    upload: UploadedFile,
    title: str = "",
    firm: str = "",
    firm_code: str = "",
    area: Area | None = None,
    done_on: date | None = None,
    actor: Actor,
    at: datetime,
) -> BodyProof:
    """A file that shows something; a free diagnosis names firm, place and day (HEB-2.4a).

    Raises Invalid (file, something missing), BadCode, NotVisible, NotAllowed.
    """
    row = _own(organisation_id, actor)
    if kind == BodyProof.Kind.FREE_DIAGNOSIS:
        asked = {"firm": firm.strip(), "area": area, "done_on": done_on}
        missing = {name: [_("A diagnosis needs this.")] for name, value in asked.items() if not value}
        if missing:
            raise Invalid(_("Name the firm, its place and the day of the diagnosis."), problems=missing)
    if done_on:
        _require_past(done_on, "done_on", at)
    attachments.check_count(stored=BodyProof.objects.standing().filter(organisation=row.organisation).count())
    limits.take("upload", actor=actor, at=at)
    made = BodyProof.objects.create(
        organisation=row.organisation,
        kind=kind,
        title=title.strip(),
        firm=firm.strip(),
        firm_code=rules.clean_code(firm_code) if firm_code else "",
        area=area,
        done_on=done_on,
        blob=attachments.store(upload=upload, at=at),
        added_at=at,
    )
    _record(row, "body.proof_added", actor, at, {"proof": made.pk, "kind": kind, "sha256": made.blob.sha256})
    return made


@transaction.atomic
def remove_proof(*, organisation_id: int, proof_id: int, actor: Actor, at: datetime) -> None:
    """Dates the removal: the file stays where it was shown. Raises NotVisible, NotAllowed."""
    row = _own(organisation_id, actor)
    found = BodyProof.objects.standing().filter(organisation=row.organisation, pk=proof_id).first()
    if found is None:
        raise NotVisible
    found.removed_at = at
    found.save(update_fields=["removed_at"])
    _record(row, "body.proof_removed", actor, at, {"proof": found.pk})


@transaction.atomic
def decide_proof(*, proof_id: int, confirmed: bool, reason: str = "", actor: Actor, at: datetime) -> BodyProof:
    """An official of the firm's place says whether the diagnosis took place (HEB-2.4a).

    Raises Invalid (refused without reason), NotVisible, NotAllowed, WrongState (taken off, or said already).
    """
    seen = BodyProof.objects.visible_to(actor).filter(pk=proof_id).select_related("area").first()
    if seen is None:
        raise NotVisible
    if seen.area is None or not rules.is_in_charge(actor, seen.area.path):
        raise NotAllowed(_("Only an authority of the place where the firm lies confirms a diagnosis."))
    if not confirmed and not reason.strip():
        text = _("Please give the reason: the body reads it.")
        raise Invalid(text, problems={"reason": [text]})
    row = BodyProof.objects.select_for_update(of=("self",)).get(pk=proof_id)
    if row.removed_at is not None or row.decided_at is not None:
        raise WrongState(_("This proof was taken off or has been decided already."))
    row.confirmed, row.reason = confirmed, reason.strip()[:300]
    row.decided_by_id, row.decided_for_id, row.decided_at = actor.user_id, actor.authority_id, at
    row.save(update_fields=["confirmed", "reason", "decided_by", "decided_for", "decided_at"])
    subject = ("organisation", row.organisation_id)
    data = {"proof": row.pk, "confirmed": confirmed, "reason": row.reason}
    audit.record(actor=actor, subject=subject, action="body.proof_decided", at=at, data=data)
    return row

"""What an organisation says of itself: profile, sites, honours."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area
from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.organisations import rules
from greenlist.organisations.models import Honour, Industry, Organisation, Site

# A firm's places decide which authority confirms who acts for it.
PLACES_WAIT = _(
    "The authorities know this organisation: its places can be changed once they have confirmed that you act for it."
)
CLAIM_WAITS = _(
    "The authorities know this organisation: this can be changed once they have confirmed that you act for it."
)
FOUNDING_STAYS = _(
    "The look-back of the checks starts at the founding day: once the organisation is confirmed, the day that was given "
    "is not taken away or moved to a later one. Is it wrong? Please ask the local authority: it decides on a record "
    "that lies before the founding."
)
PRIVATE = frozenset({"contact_name", "contact_phone", "contact_email"})  # named in the trail, never quoted


@dataclass(frozen=True)
class Profile:
    """Everything the members themselves keep up to date. Name and code belong to the licence and are not here."""

    area: Area
    industry: Industry | None = None
    legal_representative: str = ""
    founded_on: date | None = None
    independent_accounting: bool | None = None
    manufacturing: bool | None = None
    size: str = ""
    address: str = ""
    products: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    contact_email: str = ""


_OPEN = frozenset(field.name for field in fields(Profile)) - PRIVATE


def snapshot(organisation: Organisation) -> dict[str, Any]:
    """The profile as it stands, contacts apart, to be restored should a claim be refused."""
    names = [field.attname for field in Organisation._meta.concrete_fields if field.name in _OPEN]
    return {
        name: value.isoformat() if isinstance(value := getattr(organisation, name), date) else value for name in names
    }


def restore(organisation: Organisation, before: dict[str, Any]) -> None:
    """Puts a `snapshot` back."""
    for name, value in before.items():
        is_day = name == "founded_on" and value is not None
        setattr(organisation, name, date.fromisoformat(value) if is_day else value)
    organisation.save(update_fields=list(before))


def _own(organisation_id: int, actor: Actor) -> Organisation:
    """The locked row. Raises NotVisible; NotAllowed for who sees it but is no member."""
    found = Organisation.objects.visible_to(actor).filter(pk=organisation_id).first()
    if found is None:
        raise NotVisible
    if not rules.is_member(actor, organisation_id):
        raise NotAllowed(_("Only the organisation itself changes what it says of itself."))
    return Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)


def require_no_claim(organisation: Organisation, field: str) -> None:
    """What a claimant writes about a known firm would outlast a refused claim. Raises Invalid."""
    if organisation.claim_says:
        raise Invalid(CLAIM_WAITS, problems={field: [CLAIM_WAITS]})


def _require_founding(organisation: Organisation, day: date | None, at: datetime) -> None:
    """A fact of the licence that shortens the look-back: no firm moves it out of the way of a record (QHD-5.4)."""
    if day and day > clock.china_date(at):
        raise Invalid(_("Please check the dates."), problems={"founded_on": [_("This day lies in the future.")]})
    given = organisation.founded_on
    if day != given:
        require_no_claim(organisation, "founded_on")
    is_later = given is not None and (day is None or day > given)
    if is_later and organisation.claim == Organisation.Claim.CONFIRMED:
        raise Invalid(FOUNDING_STAYS, problems={"founded_on": [FOUNDING_STAYS]})


@transaction.atomic
def change_profile(*, organisation_id: int, profile: Profile, actor: Actor, at: datetime) -> Organisation:
    """Replaces the whole profile.

    Raises NotVisible, NotAllowed, Invalid (founded in the future or later than it was; moved while a claim waits).
    """
    organisation = _own(organisation_id, actor)
    if organisation.claim_says and profile.area != organisation.area:
        raise Invalid(PLACES_WAIT, problems={"area": [PLACES_WAIT]})
    _require_founding(organisation, profile.founded_on, at)
    new = {field.name: getattr(profile, field.name) for field in fields(Profile)}
    changed = [field for field, value in new.items() if getattr(organisation, field) != value]
    if changed:
        before = {field: str(getattr(organisation, field) or "") for field in changed if field not in PRIVATE}
        after = {field: str(new[field] or "") for field in changed if field not in PRIVATE}
        for field in changed:
            setattr(organisation, field, new[field])
        organisation.save(update_fields=changed)
        data = {"fields": changed, "before": before, "after": after}
        audit.record(
            actor=actor, subject=("organisation", organisation.pk), action="organisation.changed", at=at, data=data
        )
    return organisation


@transaction.atomic
def save_site(
    *, organisation_id: int, site_id: int | None, name: str, address: str, area: Area, actor: Actor, at: datetime
) -> Site:
    """Adds a plant (site_id None) or changes one. Cases already submitted keep the area they were sent to.

    Raises NotVisible (also for a site of another organisation), NotAllowed, Invalid (a claim waits).
    """
    organisation = _own(organisation_id, actor)
    if organisation.claim_says:
        raise Invalid(PLACES_WAIT, problems={"area": [PLACES_WAIT]})
    site = organisation.sites.filter(pk=site_id).first() if site_id else Site(organisation=organisation)
    if site is None:
        raise NotVisible
    if site._state.adding and not organisation.sites.filter(is_default=True).exists():
        site.is_default = True
    site.name, site.address, site.area = name, address, area
    action = "site.added" if site._state.adding else "site.changed"
    site.save()
    data = {"site": site.pk, "name": name, "area": area.path, "address": address}
    audit.record(actor=actor, subject=("organisation", organisation.pk), action=action, at=at, data=data)
    return site


@transaction.atomic
def add_honour(*, organisation_id: int, kind: str, year: int | None, actor: Actor, at: datetime) -> Honour:
    """Another title of the firm, as it says itself. Raises NotVisible, NotAllowed, Invalid (named twice; a claim waits)."""
    organisation = _own(organisation_id, actor)
    require_no_claim(organisation, "kind")
    if organisation.honours.filter(kind=kind, year=year).exists():
        raise Invalid(_("This honour is in the list already."), problems={"kind": [_("It is in the list already.")]})
    honour = Honour.objects.create(organisation=organisation, kind=kind, year=year)
    data = {"kind": kind, "year": year}
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="honour.added", at=at, data=data)
    return honour


@transaction.atomic
def remove_honour(*, organisation_id: int, honour_id: int, actor: Actor, at: datetime) -> None:
    """Takes an honour off; the trail keeps it. Raises NotVisible, NotAllowed, Invalid (a claim waits)."""
    organisation = _own(organisation_id, actor)
    require_no_claim(organisation, "kind")
    honour = organisation.honours.filter(pk=honour_id).first()
    if honour is None:
        raise NotVisible
    data = {"kind": honour.kind, "year": honour.year}
    honour.delete()
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="honour.removed", at=at, data=data)


@transaction.atomic
def set_striving(*, organisation_id: int, striving: bool, actor: Actor, at: datetime) -> Organisation:
    """Marks a firm as working towards environmental grade A (创A): an official of the place says so (QHD-N2c).

    Raises NotVisible, NotAllowed.
    """
    found = Organisation.objects.visible_to(actor).filter(pk=organisation_id).first()
    if found is None:
        raise NotVisible
    if not actor.is_official:
        raise NotAllowed(_("Only an authority of the place sets this mark."))
    organisation = Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)
    organisation.striving_grade_a = striving
    organisation.save(update_fields=["striving_grade_a"])
    data = {"striving": striving}
    audit.record(
        actor=actor, subject=("organisation", organisation.pk), action="organisation.striving", at=at, data=data
    )
    return organisation


@transaction.atomic
def read_contact(*, organisation_id: int, actor: Actor, at: datetime) -> Organisation:
    """An official opens the contact person's full data: written down, because lists show it masked (PR-04).

    Raises NotVisible, NotAllowed.
    """
    organisation = Organisation.objects.visible_to(actor).filter(pk=organisation_id).first()
    if organisation is None:
        raise NotVisible
    if not actor.is_official:
        raise NotAllowed(_("Only an authority of the place opens the contact data."))
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="contact.read", at=at)
    return organisation

"""Registering an organisation, claiming one that is known, and the authority's word on the claim."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area, Mandate
from greenlist.accounts.selectors import people_with
from greenlist.core import audit, clock, limits, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import AdverseRecord, Membership, Name, Organisation, Site
from greenlist.organisations.services import matching, profile

Claim = Organisation.Claim


class AlreadyClaimed(Conflict):
    """Somebody else acts for this code; the way out is an invitation, or the local authority."""

    code = "already_claimed"


@dataclass(frozen=True)
class ClaimSays:
    """What a claimant writes of the firm; areas by their ids."""

    name: str
    kind: str
    area: int
    production_area: int
    production_address: str


class AlreadyMember(Conflict):
    """The person belongs to this organisation already."""

    code = "already_member"


def register(
    *,
    code: str,
    name: str,
    kind: str,
    area: Area,
    production_area: Area,
    production_address: str,
    actor: Actor,
    at: datetime,
) -> Organisation:
    """The signed-in person claims a code: a new organisation, or a known one nobody acts for yet, with its default site.

    Drafts are allowed at once; submission waits for the authority's confirmation.
    Raises BadCode, AlreadyClaimed, AlreadyMember, Invalid (no name), NotAllowed (nobody is signed in), TooMany.
    """
    if actor.user_id is None:
        raise NotAllowed(_("Please sign in first."))
    limits.take("claim", actor=actor, at=at)  # each keeps the code from its firm until an authority has looked
    return _register(code, name, kind, area, production_area, production_address, actor, at)


@transaction.atomic
def _register(
    code: str,
    name: str,
    kind: str,
    area: Area,
    production_area: Area,
    production_address: str,
    actor: Actor,
    at: datetime,
) -> Organisation:
    code = rules.clean_code(code)
    name = rules.clean_name(name)
    if not name:
        raise Invalid(_("Please enter the name."), problems={"name": [_("Please enter the name as on the licence.")]})
    if len(name) > rules.LONGEST_NAME:  # some signs stand for many
        said = _("At most %(limit)s characters.") % {"limit": rules.LONGEST_NAME}
        raise Invalid(said, problems={"name": [said]})
    says = ClaimSays(name, kind, area.pk, production_area.pk, production_address)
    organisation = _take(code=code, says=says, actor=actor, at=at)
    if not organisation.claim_says:
        _follow(organisation, says, at=at)
    AdverseRecord.objects.filter(code=code, organisation=None).update(organisation=organisation)
    matching.find_for(organisation=organisation, at=at)
    Membership.objects.create(
        user_id=actor.user_id, organisation=organisation, role=Membership.Role.OWNER, valid_from=clock.china_date(at)
    )
    data = {"code": code, "name": name, "area": area.path, "production": production_area.path}
    audit.record(
        actor=actor, subject=("organisation", organisation.pk), action="organisation.claimed", at=at, data=data
    )
    _ask_to_confirm(organisation, at=at)
    return organisation


def _take(*, code: str, says: ClaimSays, actor: Actor, at: datetime) -> Organisation:
    """The row of this code, ours from now on. Two persons at once: the unique code or the lock lets one through."""
    known = Organisation.objects.select_for_update().filter(code=code).first()
    if known is None:
        fresh = Organisation(code=code, name=says.name, kind=says.kind, area_id=says.area, claim=Claim.CLAIMED)
        fresh.claimed_at = at
        try:
            with transaction.atomic():
                fresh.save(force_insert=True)
        except IntegrityError as faster:
            raise _claimed(code, actor) from faster
        return fresh
    if known.claim != Claim.UNCLAIMED or known.memberships.open().exists():
        raise _claimed(code, actor)
    known.claim, known.claimed_at = Claim.CLAIMED, at
    if selectors.is_vouched(known):  # whoever types a public code neither renames the firm nor chooses who confirms
        known.claim_says = asdict(says) | {"before": profile.snapshot(known)}
    known.save(update_fields=["claim", "claimed_at", "claim_says"])
    return known


def _follow(organisation: Organisation, says: ClaimSays, *, at: datetime) -> None:
    """The claim's own words hold: name, kind, where it is registered and produces."""
    organisation.kind, organisation.area_id = says.kind, says.area
    organisation.save(update_fields=["kind", "area"])
    _rename(organisation, says.name, at=at)
    _settle(organisation, says.production_area, says.production_address)


def _claimed(code: str, actor: Actor) -> Conflict:
    if Membership.objects.open().filter(user_id=actor.user_id, organisation__code=code).exists():
        return AlreadyMember(_("You belong to this organisation already: choose it in the role switcher."))
    return AlreadyClaimed(
        _(
            "Somebody already acts for this credit code. Ask that colleague to invite you by e-mail; "
            "if nobody at your organisation knows of it, ask the local industry authority."
        )
    )


def _rename(organisation: Organisation, name: str, *, at: datetime) -> None:
    """The name on the licence counts; the one before stays known and is found by search."""
    today = clock.china_date(at)
    current = organisation.names.filter(valid_until=None)
    if organisation.name == name and current.exists():
        return
    if organisation.name != name:
        current.update(valid_until=today)
        before = [*organisation.former.splitlines(), organisation.name]
        organisation.former = "\n".join(one for one in dict.fromkeys(before) if one != name)
        organisation.name = name
        organisation.save(update_fields=["name", "former"])
    Name.objects.create(organisation=organisation, text=name, valid_from=today)


def _settle(organisation: Organisation, area_id: int, address: str) -> None:
    """The default site: where it produces decides which county receives its applications (QHD-7)."""
    Site.objects.update_or_create(
        organisation=organisation,
        is_default=True,
        defaults={"name": organisation.name, "area_id": area_id, "address": address},
    )


def _ask_to_confirm(organisation: Organisation, *, at: datetime) -> None:
    authority = selectors.local_authority(organisation)
    if authority is None:
        return
    outbox.notify(
        recipients=people_with(authority, [Mandate.Role.HANDLER, Mandate.Role.APPROVER], clock.china_date(at)),
        event=f"organisation.claimed:{organisation.pk}:{at.isoformat()}",
        kind="organisation.claimed",
        at=at,
        params={"name": organisation.name, "code": organisation.code},
        link=reverse("organisations:claim", args=[organisation.pk]),
    )


@transaction.atomic
def find_or_create_unclaimed(
    *, code: str, name: str, area: Area, kind: str = Organisation.Kind.FIRM, actor: Actor, at: datetime
) -> Organisation:
    """The organisation of a code (or, without one, of a name in an area), made unclaimed where nobody knows it yet.

    For members of parks and chains and for imported lists. Raises BadCode, Invalid (no name).
    """
    code, name = rules.clean_code(code) if code else "", rules.clean_name(name)[: rules.LONGEST_NAME]
    if not name:
        raise Invalid(_("Please enter the name."), problems={"name": [_("Please enter the name as on the licence.")]})
    known = Organisation.objects.filter(code=code) if code else Organisation.objects.filter(name=name, area=area)
    found = known.first()
    if found is not None:
        return found
    made = Organisation.objects.create(code=code or None, name=name, kind=kind, area=area)
    _rename(made, name, at=at)
    _settle(made, area.pk, "")
    audit.record(
        actor=actor, subject=("organisation", made.pk), action="organisation.noted", at=at, data={"name": name}
    )
    return made


def _claim_of(organisation_id: int, actor: Actor) -> Organisation:
    """The locked row of a waiting claim. Raises NotVisible, NotAllowed, WrongState."""
    visible = Organisation.objects.visible_to(actor).filter(pk=organisation_id)
    if not visible.exists():
        raise NotVisible
    organisation = Organisation.objects.select_for_update(of=("self",)).select_related("area").get(pk=organisation_id)
    if not rules.is_in_charge(actor, *selectors.paths_of(organisation)):
        raise NotAllowed(_("Only an authority of the place confirms an organisation."))
    if organisation.claim != Claim.CLAIMED:
        raise WrongState(_("No claim is waiting here: it has been decided already."))
    return organisation


@transaction.atomic
def confirm_claim(*, organisation_id: int, actor: Actor, at: datetime) -> Organisation:
    """The authority knows that these people act for the firm: it may submit. Raises NotVisible, NotAllowed, WrongState."""
    organisation = _claim_of(organisation_id, actor)
    if given := dict(organisation.claim_says):
        del given["before"]
        _follow(organisation, ClaimSays(**given), at=at)
        matching.find_for(organisation=organisation, at=at)
    organisation.claim, organisation.claim_says = Claim.CONFIRMED, {}
    organisation.confirmed_by_id, organisation.confirmed_at = actor.user_id, at
    organisation.save(update_fields=["claim", "claim_says", "confirmed_by", "confirmed_at"])
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="organisation.confirmed", at=at)
    _tell_members(organisation, kind="organisation.confirmed", at=at, params={"name": organisation.name})
    return organisation


@transaction.atomic
def refuse_claim(*, organisation_id: int, reason: str, actor: Actor, at: datetime) -> Organisation:
    """Refuses a claim with a reason: its members leave, their contacts go, and the code is free for a right claim.

    What they wrote about a firm that authorities know is taken back.

    Raises Invalid (no reason), NotVisible, NotAllowed, WrongState.
    """
    if not reason.strip():
        problem: Text = _("Please give the reason: the applicant reads it.")
        raise Invalid(problem, problems={"reason": [problem]})
    organisation = _claim_of(organisation_id, actor)
    params = {"name": organisation.name, "reason": reason}
    _tell_members(organisation, kind="organisation.refused", at=at, params=params)
    organisation.memberships.open().update(valid_until=clock.china_date(at))
    if before := organisation.claim_says.get("before"):
        profile.restore(organisation, before)
    organisation.claim, organisation.claimed_at, organisation.claim_says = Claim.UNCLAIMED, None, {}
    organisation.contact_name = organisation.contact_phone = organisation.contact_email = ""
    contacts = ["contact_name", "contact_phone", "contact_email"]
    organisation.save(update_fields=["claim", "claimed_at", "claim_says", *contacts])
    data = {"reason": reason}
    audit.record(
        actor=actor, subject=("organisation", organisation.pk), action="organisation.refused", at=at, data=data
    )
    return organisation


def _tell_members(organisation: Organisation, *, kind: str, at: datetime, params: dict) -> None:
    outbox.notify(
        recipients=list(organisation.memberships.open().values_list("user_id", flat=True)),
        event=f"{kind}:{organisation.pk}:{at.isoformat()}",
        kind=kind,
        at=at,
        params=params,
        link=reverse("organisations:profile") if kind == "organisation.confirmed" else "",
    )

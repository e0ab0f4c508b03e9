"""Firms inside a park and suppliers of a firm, one kind of link (JY-3, HLJ-2), kept by the holder's people or its authority."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import Organisation, ParkFirm
from greenlist.organisations.services.profile import require_no_claim
from greenlist.organisations.services.registration import find_or_create_unclaimed

AUTHORITY_REMOVES = _(
    "What befalls a firm inside counts for the park where the rules say so: once the park is confirmed, only its authority "
    "takes a firm off. Please tell it that the firm has left. What you yourself added today you may take off today."
)


def _park(park_id: int, actor: Actor) -> Organisation:
    park = selectors.visible(actor, park_id)
    if park.kind == Organisation.Kind.BODY:
        raise NotVisible
    if not (rules.is_member(actor, park.pk) or rules.is_in_charge(actor, *selectors.paths_of(park))):
        raise NotAllowed(_("Only the unit itself or its authority keeps this list of firms."))
    if not actor.is_official:
        require_no_claim(park, "name")
    return park


@transaction.atomic
def add_firm(*, park_id: int, code: str, name: str, actor: Actor, at: datetime) -> ParkFirm:
    """Writes a firm inside, or a supplier; one that nobody knows yet is noted, unclaimed. Added twice, it is inside once.

    Raises NotVisible (no park), NotAllowed, BadCode, Invalid (no name, the park itself, a claim waits).
    """
    park = _park(park_id, actor)
    if not name.strip():
        raise Invalid(_("Not added."), problems={"name": [_("Please enter the name.")]})
    clean = rules.clean_code(code) if code else ""
    if clean and clean == park.code:
        raise Invalid(_("Not added."), problems={"code": [_("This is the unit itself.")]})
    firm = find_or_create_unclaimed(code=clean, name=" ".join(name.split()), area=park.area, actor=actor, at=at)
    if firm.pk == park.pk:
        raise Invalid(_("Not added."), problems={"name": [_("This is the unit itself.")]})
    inside = ParkFirm.objects.filter(park=park, firm=firm, valid_until=None)
    if (known := inside.first()) is not None:
        return known
    try:
        with transaction.atomic():
            made = ParkFirm.objects.create(
                park=park, firm=firm, valid_from=clock.china_date(at), added_by_id=actor.user_id
            )
    except IntegrityError:  # a colleague was faster
        return inside.get()
    _record(made, "park.firm_added" if park.kind == Organisation.Kind.PARK else "chain.supplier_added", actor, at)
    return made


@transaction.atomic
def remove_firm(*, link_id: int, actor: Actor, at: datetime) -> ParkFirm:
    """The firm has moved out; twice is once. Raises NotVisible, NotAllowed (a confirmed park itself), Invalid (a claim waits)."""
    link = ParkFirm.objects.select_for_update(of=("self",)).filter(pk=link_id).first()
    if link is None:
        raise NotVisible
    park = _park(link.park_id, actor)
    is_park = park.kind == Organisation.Kind.PARK  # what befalls a supplier counts against nobody
    if is_park and not rules.may_take_off(actor, park.claim, link.added_by_id, link.valid_from, clock.china_date(at)):
        raise NotAllowed(AUTHORITY_REMOVES)
    if link.valid_until is None:
        link.valid_until = clock.china_date(at)
        link.save(update_fields=["valid_until"])
        _record(link, "park.firm_left" if is_park else "chain.supplier_left", actor, at)
    return link


def _record(link: ParkFirm, action: str, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("organisation", link.park_id), action=action, at=at, data={"firm": link.firm_id})

"""The firms inside a park, kept by the park's own people or its authority; a firm that moves out keeps its time inside."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import Organisation, ParkFirm
from greenlist.organisations.services.registration import find_or_create_unclaimed


def _park(park_id: int, actor: Actor) -> Organisation:
    park = selectors.visible(actor, park_id)
    if park.kind != Organisation.Kind.PARK:
        raise NotVisible
    if not (rules.is_member(actor, park.pk) or rules.is_in_charge(actor, *selectors.paths_of(park))):
        raise NotAllowed(_("Only the park itself or its authority keeps the list of its firms."))
    return park


@transaction.atomic
def add_firm(*, park_id: int, code: str, name: str, actor: Actor, at: datetime) -> ParkFirm:
    """Writes a firm inside; one that nobody knows yet is noted, unclaimed. Added twice, it is inside once.

    Raises NotVisible (no park), NotAllowed, BadCode, Invalid (no name, the park itself).
    """
    park = _park(park_id, actor)
    if not name.strip():
        raise Invalid(_("Not added."), problems={"name": [_("Please enter the name.")]})
    clean = rules.clean_code(code) if code else ""
    if clean and clean == park.code:
        raise Invalid(_("Not added."), problems={"code": [_("This is the park itself.")]})
    firm = find_or_create_unclaimed(code=clean, name=" ".join(name.split()), area=park.area, actor=actor, at=at)
    if firm.pk == park.pk:
        raise Invalid(_("Not added."), problems={"name": [_("This is the park itself.")]})
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
    _record(made, "park.firm_added", actor, at)
    return made


@transaction.atomic
def remove_firm(*, link_id: int, actor: Actor, at: datetime) -> ParkFirm:
    """The firm has moved out; twice is once. Raises NotVisible, NotAllowed."""
    link = ParkFirm.objects.select_for_update(of=("self",)).filter(pk=link_id).first()
    if link is None:
        raise NotVisible
    _park(link.park_id, actor)
    if link.valid_until is None:
        link.valid_until = clock.china_date(at)
        link.save(update_fields=["valid_until"])
        _record(link, "park.firm_left", actor, at)
    return link


def _record(link: ParkFirm, action: str, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("organisation", link.park_id), action=action, at=at, data={"firm": link.firm_id})

"""Places that who opened a call gives to areas (HEB-3a), or the number that came later from above (HLJ-21a)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications import rules
from applications.models import Allotment, Call
from applications.rules import calls as may
from applications.selectors import calls as reads
from applications.selectors import quotas
from applications.states import CallState
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotVisible, WrongState


@transaction.atomic
def allot(*, actor: Actor, at: datetime, pk: int, quota: str, area_id: int, number: int, reason: str = "") -> Allotment:
    """Gives an area its number of places; an earlier number stays in the record. More than the share takes a reason.

    Raises NotVisible (no such quota or area), Invalid, WrongState, NotAllowed.
    """
    call = _locked(actor, pk)
    rules.require(may.ALLOT, call, actor)
    if call.state == CallState.DRAFT:
        raise WrongState(_("Places are given once the call is open."))
    spec = next((one for one in reads.rules_of(call).quotas if one.key == quota and one.allotted), None)
    if spec is None:
        raise NotVisible
    row = next((one for one in quotas.by_area(call, spec) if one.area.pk == area_id), None)
    if row is None:
        raise NotVisible
    problems: dict[str, list] = {}
    if not 0 <= number <= 100_000:
        problems["number"] = [_("A whole number, 0 or more.")]
    if row.share is not None and number > row.share and not reason.strip():
        problems["reason"] = [_("This is more than the share of the stock: write why.")]
    if problems:
        raise Invalid(_("Not saved."), problems=problems)
    made = Allotment.objects.create(
        call=call,
        quota=quota,
        area_id=area_id,
        number=number,
        reason=reason.strip()[:300],
        by_id=actor.user_id,
        at=at,
    )
    data = {"quota": quota, "clause": spec.clause, "area": row.area.slug, "number": number, "reason": made.reason}
    audit.record(actor=actor, subject=("call", call.pk), action="call.allot", at=at, data=data)
    return made


def _locked(actor: Actor, pk: int) -> Call:
    """The same lock as signing takes, so that no signature falls between an old number and a new one."""
    seen = Call.objects.visible_to(actor).filter(pk=pk)
    seen.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True).first()
    return reads.call_of(actor, pk)

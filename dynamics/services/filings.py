"""备案: plan, library or list of a year, filed with the authority above by two people and received with a number (HLJ-14b)."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dynamics import rules
from dynamics.models import CultivationFiling
from dynamics.selectors import filings as reads
from dynamics.states import FilingState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit, clock, numbers, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, NotAllowed, NotVisible, Refused, WrongState

FILERS = ("handler", "approver")


@transaction.atomic
def draft(*, rule: str, year: int, actor: Actor, at: datetime) -> CultivationFiling:
    """The year's filing of the official's authority; the one that is there already where there is one.

    Raises NotVisible (nothing is owed by such a rule).
    """
    if not actor.is_official:
        raise NotVisible
    found = next((one for one in reads.rules_for(actor.area_path, str(actor.tier or "")) if one.key == rule), None)
    office = Authority.objects.select_related("area").filter(pk=actor.authority_id).first()
    if found is None or office is None or not 2000 <= year <= clock.china_date(at).year:
        raise NotVisible
    to = accounts.industry_authority(office.area, found.to)
    if to is None:
        raise NotVisible
    known = CultivationFiling.objects.filter(authority=office, rule=rule, year=year)
    if (there := known.first()) is not None:
        return there
    try:
        with transaction.atomic():
            made = CultivationFiling.objects.create(
                rule=rule,
                clause=found.clause,
                authority=office,
                to=to,
                year=year,
                due_on=found.due(year),
                with_library="library" in found.any_of,
                created_by_id=actor.user_id,
                created_at=at,
            )
    except IntegrityError:  # a colleague was faster
        return known.get()
    _record(made, "drafted", {}, actor=actor, at=at)
    return made


@transaction.atomic
def write(
    *, reference: str, version: int, plan: str, with_library: bool, with_list: bool, actor: Actor, at: datetime
) -> CultivationFiling:
    """What is to be filed. Raises NotVisible, NotAllowed, WrongState, Conflict."""
    row = _own(reference, actor)
    if row.state != FilingState.DRAFT:
        raise _late(row)
    if row.version != version:
        raise Conflict(_("Somebody else has changed this filing since you opened it."), version=row.version)
    row.plan, row.with_library, row.with_list = plan.strip(), with_library, with_list
    row.version += 1
    row.save()
    _record(row, "written", {"version": row.version}, actor=actor, at=at)
    return row


@transaction.atomic
def hand_over(*, reference: str, actor: Actor, at: datetime) -> CultivationFiling:
    """To whoever signs; what is filed is frozen now. Raises NotVisible, NotAllowed, WrongState, Refused (nothing in it)."""
    row = _own(reference, actor)
    if row.state != FilingState.DRAFT:
        raise _late(row)
    kinds = reads.kinds_in(row)
    frozen = reads.frozen_of(row)
    empty = {kind for kind in kinds & {"library", "list"} if not frozen[kind]}
    if not kinds - empty:
        text = _("A cultivation plan, the library or the list must be in it: one of the three is enough.")
        raise Refused(text, code="nothing_to_file", clause=row.clause)
    row.hand_over(at=at)
    row.frozen, row.digest, row.handed_by_id = frozen, audit.digest_of(frozen), actor.user_id
    row.save()
    _record(row, "handed", {"digest": row.digest}, actor=actor, at=at)
    _tell(row, "filing.to_sign", row.authority_id, ("approver",), at)
    return row


@transaction.atomic
def hand_back(*, reference: str, actor: Actor, at: datetime) -> CultivationFiling:
    """Back to be worked on. Raises NotVisible, NotAllowed, WrongState."""
    row = _own(reference, actor)
    if row.state != FilingState.TO_SIGN:
        raise _late(row)
    row.hand_back()
    row.frozen, row.digest, row.handed_by = None, "", None
    row.save()
    _record(row, "handed_back", {}, actor=actor, at=at)
    return row


@transaction.atomic
def sign(*, reference: str, actor: Actor, at: datetime) -> CultivationFiling:
    """An approver, another person than who handed it over, signs and sends it. Raises NotVisible, NotAllowed, WrongState."""
    row = _own(reference, actor)
    if row.state != FilingState.TO_SIGN:
        raise _late(row)
    if not rules.may_sign_filing(actor, row.authority_id):
        raise NotAllowed(rules.APPROVERS_SIGN)
    if row.handed_by_id == actor.user_id:
        raise NotAllowed(rules.HANDED_IT)
    row.send(at=at)
    row.signed_by_id = actor.user_id
    row.save()
    _record(row, "sent", {"digest": row.digest}, actor=actor, at=at)
    _tell(row, "filing.sent", row.to_id, ("handler",), at)
    return row


@transaction.atomic
def receive(*, reference: str, actor: Actor, at: datetime) -> CultivationFiling:
    """The authority above takes it in; the receipt's number goes back. Raises NotVisible, NotAllowed, WrongState."""
    row = _locked(reference, actor)
    if row.to_id != actor.authority_id:
        raise NotAllowed(_("The authority it was sent to receives it."))
    if row.state != FilingState.SENT:
        raise _late(row)
    row.receive(at=at)
    row.received_by_id = actor.user_id
    row.number = f"PYBA-{row.year}-{numbers.take(scope=f'filing:{row.to_id}', year=row.year):03d}"
    row.save()
    _record(row, "received", {"number": row.number}, actor=actor, at=at)
    _tell(row, "filing.received", row.authority_id, FILERS, at, number=row.number)
    return row


# ---- shared -------------------------------------------------------------------------------------------------------------
def _locked(reference: str, actor: Actor) -> CultivationFiling:
    pk = CultivationFiling.objects.visible_to(actor).filter(reference=reference).values_list("pk", flat=True).first()
    if pk is None:
        raise NotVisible
    rows = CultivationFiling.objects.select_for_update(of=("self",)).select_related("authority__area", "to")
    return rows.get(pk=pk)


def _own(reference: str, actor: Actor) -> CultivationFiling:
    row = _locked(reference, actor)
    if not rules.may_file(actor, row.authority_id):
        raise NotAllowed(_("Officials of the authority that files do this."))
    return row


def _late(row: CultivationFiling) -> WrongState:
    return WrongState(
        _("This is not possible any more: the filing is now “%(state)s”.") % {"state": row.get_state_display()}
    )


def _record(row: CultivationFiling, what: str, data: dict, *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("filing", row.pk), action=f"filing.{what}", at=at, data=data)


def _tell(
    row: CultivationFiling, kind: str, authority: int, roles: tuple[str, ...], at: datetime, **params: str
) -> None:
    outbox.notify(
        recipients=accounts.people_with(authority, roles, clock.china_date(at)),
        event=f"{kind}:{row.pk}:{row.handed_at:%Y%m%d%H%M%S}" if row.handed_at else f"{kind}:{row.pk}",
        kind=kind,
        at=at,
        params={"authority": row.authority.name, "year": str(row.year), **params},
        link=reverse("dynamics:filing", args=[row.reference]),
    )

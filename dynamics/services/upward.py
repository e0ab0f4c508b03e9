"""提请上级: asked of the authority whose list stands above, signed by two, and followed until it is settled (JY-22b, HLJ-30b)."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Removal, UpwardNote, UpwardRequest
from dynamics.selectors import removals as removal_reads
from dynamics.selectors import upward as reads
from dynamics.services import cascades, removals
from dynamics.states import OPEN_UPWARD, WITH_UPPER, UpwardKind, UpwardState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor, Capacity
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.policy.engine import removals as engine
from registry.models import Listing
from registry.states import EntryKind, ListingState


# ---- drafting -------------------------------------------------------------------------------------------------------
@transaction.atomic
def draft_for(*, removal: Removal, actor: Actor, at: datetime) -> list[UpwardRequest]:
    """A letter for every higher list that the ground asks about and the unit is on; the same one twice is one.

    A removal from a list above is nothing but such a letter.
    """
    made = []
    for upper in _asked_about(removal):
        owner = upper.listbook.owner
        given = {"reason": removal.reason, "list_title": upper.listbook.title, "owner": owner.name}
        words = removal_reads.words(removal, "upward_removal", given)
        row, new = UpwardRequest.objects.get_or_create(
            removal=removal,
            listing=upper,
            defaults={
                "kind": UpwardKind.REMOVAL,
                "from_authority": removal.owner,
                "to_authority": owner,
                "category": removal.category,
                "clause": removal.clause,
                "title": words["title"],
                "text": words["text"],
                "created_by_id": actor.user_id,
                "created_at": at,
            },
        )
        if new:
            _drafted(row, actor, at)
            made.append(row)
    return made


def _asked_about(removal: Removal) -> list[Listing]:
    ground, own = removal_reads.ground_of(removal), removal.owner.tier
    if ground is None:
        return []
    around = cascades.same_unit(removal.listing)
    upper = [one for one in around if engine.reaches(ground.asks, own, one.listbook.owner.tier)]
    return [removal.listing, *upper] if removal.only_asks else upper


@transaction.atomic
def draft(
    *,
    actor: Actor,
    kind: str,
    to_authority: Authority,
    category: str,
    title: str,
    text: str,
    clause: str = "",
    listing: Listing | None = None,
    at: datetime,
) -> UpwardRequest:
    """A letter of one's own authority: a bundle of changes, or a removal that no ground asks for by itself.

    Raises NotAllowed (no official), Refused (not an authority above), Invalid.
    """
    covers = not actor.list_kind or actor.list_kind == category
    if not actor.is_official or actor.authority_id is None or not covers:
        raise NotAllowed(rules.SENDERS_ONLY)
    own = Authority.objects.select_related("area").get(pk=actor.authority_id)
    if accounts.industry_authority(own.area, to_authority.tier) != to_authority or to_authority == own:
        raise Refused(_("Requests go to the authority above one's own."), clause=clause)
    if not title.strip() or not text.strip():
        raise Invalid(_("The request was not drafted."), problems={"text": [_("Write what is asked for and why.")]})
    row = UpwardRequest.objects.create(
        kind=kind,
        from_authority=own,
        to_authority=to_authority,
        listing=listing,
        category=category,
        clause=clause,
        title=title.strip()[:160],
        text=text.strip(),
        created_by_id=actor.user_id,
        created_at=at,
    )
    _drafted(row, actor, at)
    return row


def _drafted(row: UpwardRequest, actor: Actor, at: datetime) -> None:
    note(row, "drafted", row.title, actor=actor, at=at)
    _record(row, "drafted", actor, at, to=row.to_authority_id)
    _tell(row, row.from_authority_id, "drafted", at)


# ---- the way of the letter ------------------------------------------------------------------------------------------
def lock(*, actor: Actor, reference: str) -> UpwardRequest:
    """Locked until the transaction ends. Raises NotVisible."""
    rows = UpwardRequest.objects.visible_to(actor).select_for_update(of=("self",))
    found = rows.select_related("from_authority__area", "to_authority").filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def _hold_removal(actor: Actor, reference: str) -> None:
    """The removal behind a request is locked before the request itself: a bulletin that settles both does the same."""
    rows = UpwardRequest.objects.visible_to(actor).filter(reference=reference).exclude(removal=None)
    for removal, listing in rows.values_list("removal_id", "removal__listing_id"):
        removals.lock_by(removal, listing)


def _own(actor: Actor, reference: str) -> UpwardRequest:
    row = lock(actor=actor, reference=reference)
    if not rules.may_prepare_upward(actor, row):
        raise NotAllowed(rules.SENDERS_ONLY)
    return row


@transaction.atomic
def edit(*, actor: Actor, reference: str, title: str, text: str, version: int, at: datetime) -> UpwardRequest:
    """Changes the words of a draft. Raises NotVisible, NotAllowed, WrongState, Conflict."""
    row = _own(actor, reference)
    if row.state != UpwardState.DRAFT:
        raise _gone_on(row)
    if version != row.version:
        raise Conflict(
            _("Somebody else has changed this draft since you opened the page."),
            theirs={"title": row.title, "text": row.text},
            version=row.version,
        )
    row.title, row.text, row.version = title.strip()[:160], text.strip(), row.version + 1
    row.save(update_fields=["title", "text", "version"])
    _record(row, "edited", actor, at)
    return row


@transaction.atomic
def hand_to_approver(*, actor: Actor, reference: str, at: datetime) -> UpwardRequest:
    """Raises NotVisible, NotAllowed, WrongState."""
    row = _own(actor, reference)
    _turn(row, "hand_to_approver")
    row.handed_by_id = actor.user_id
    row.save()
    note(row, "handed", "", actor=actor, at=at)
    _record(row, "handed", actor, at)
    people = accounts.people_with(row.from_authority_id, [Capacity.APPROVER], china_date(at), row.category)
    outbox.notify(
        recipients=[one for one in people if one != actor.user_id],
        event=f"upward.to_sign:{row.pk}:{at:%Y%m%d%H%M%S}",
        kind="upward.to_sign",
        params={"title": row.title},
        link=page_of(row),
        at=at,
    )
    return row


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, text: str, at: datetime) -> UpwardRequest:
    """The approver wants it changed. Raises NotVisible, NotAllowed, WrongState."""
    row = lock(actor=actor, reference=reference)
    if not rules.may_sign_upward(actor, row):
        raise NotAllowed(rules.APPROVERS_ONLY)
    _turn(row, "hand_back")
    row.save()
    note(row, "handed_back", text, actor=actor, at=at)
    _record(row, "handed_back", actor, at, note=text)
    return row


def shown_digest(row: UpwardRequest) -> str:
    """Of what the page shows before it is signed."""
    return audit.digest_of([row.title, row.text, row.to_authority_id])


@transaction.atomic
def send(*, actor: Actor, reference: str, number: str, at: datetime, digest: str = "") -> UpwardRequest:
    """Signed by the second person and sent under its number. Raises NotVisible, NotAllowed, WrongState, Conflict, Invalid."""
    row = lock(actor=actor, reference=reference)
    if not rules.may_sign_upward(actor, row):
        raise NotAllowed(rules.APPROVERS_ONLY)
    if row.handed_by_id == actor.user_id:
        raise NotAllowed(rules.WROTE_REQUEST, code="four_eyes")
    if not number.strip():
        raise Invalid(_("Not sent."), problems={"number": [_("Give the number of the letter.")]})
    if digest and digest != shown_digest(row):
        raise Conflict(_("The letter is not what your page showed any more. Reload it and look again."))
    _turn(row, "send")
    row.number, row.signed_by_id, row.sent_at = number.strip()[:60], actor.user_id, at
    row.frozen = {
        "title": row.title,
        "text": row.text,
        "number": row.number,
        "from": row.from_authority.name,
        "to": row.to_authority.name,
        "on": china_date(at).isoformat(),
    }
    row.digest = audit.digest_of(row.frozen)
    row.save()
    note(row, "sent", row.number, actor=actor, at=at)
    _record(row, "sent", actor, at, number=row.number, digest=row.digest)
    _tell(row, row.to_authority_id, "sent", at)
    return row


@transaction.atomic
def receive(*, actor: Actor, reference: str, on: date, text: str = "", at: datetime) -> UpwardRequest:
    """The upper authority has it: said by itself here, or recorded by who sent it. Raises NotVisible, NotAllowed, WrongState."""
    row = _answered(actor, reference)
    if row.sent_at and not china_date(row.sent_at) <= on <= china_date(at):
        raise Invalid(
            _("Not recorded."), problems={"on": [_("It cannot have arrived before it was sent, or in the future.")]}
        )
    _turn(row, "receive")
    row.received_on = on
    row.save()
    note(row, "received", text, actor=actor, at=at)
    _record(row, "received", actor, at, on=on)
    return row


@transaction.atomic
def refuse(*, actor: Actor, reference: str, reason: str, at: datetime) -> UpwardRequest:
    """The upper authority does not follow it, with its reason. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    _hold_removal(actor, reference)
    row = _answered(actor, reference)
    if not reason.strip():
        raise Invalid(_("Not recorded."), problems={"reason": [_("Write why the request is not followed.")]})
    _turn(row, "refuse", at=at)
    row.outcome = reason.strip()
    row.save()
    note(row, "refused", row.outcome, actor=actor, at=at)
    _record(row, "refused", actor, at, reason=row.outcome)
    _tell(row, row.from_authority_id, "closed", at)
    if decided := _decision_of(row):
        removals.fall_away(removal=decided.pk, why=row.outcome, actor=actor, at=at)
    return row


@transaction.atomic
def settle(*, actor: Actor, reference: str, document: str, at: datetime) -> UpwardRequest:
    """It was done, by this document. A removal is settled by the list itself, not by a word about it; a change, which the
    list then follows, by the upper authority itself where it works here.

    Raises NotVisible, NotAllowed, WrongState (also: the unit still stands on the higher list), Invalid.
    """
    row = _answered(actor, reference)
    if not reads.may_say_done(actor, row, china_date(at)):
        raise NotAllowed(
            _("The authority that was asked works in this portal: it says itself that the change is done.")
        )
    if not document.strip():
        raise Invalid(_("Not recorded."), problems={"document": [_("Name the document.")]})
    if row.kind == UpwardKind.REMOVAL and row.listing and row.listing.state != ListingState.REMOVED:
        raise WrongState(
            _("%(name)s still stands on the higher list: take over the list that removes it.")
            % {"name": row.listing.name},
            code="still_listed",
        )
    return _settled(row, document.strip(), actor=actor, at=at)


def _answered(actor: Actor, reference: str) -> UpwardRequest:
    row = lock(actor=actor, reference=reference)
    if not rules.may_answer_upward(actor, row):
        raise NotAllowed(rules.SENDERS_ONLY)
    if row.state not in WITH_UPPER:
        raise _gone_on(row)
    return row


@transaction.atomic
def drop(*, actor: Actor, reference: str, reason: str, at: datetime) -> UpwardRequest:
    """Given up before it was sent. Raises NotVisible, NotAllowed, WrongState, Invalid (no reason)."""
    row = _own(actor, reference)
    if not reason.strip():
        raise Invalid(_("Not recorded."), problems={"reason": [_("Write why.")]})
    if _decision_of(row):
        raise WrongState(
            _("Two people decided that this is asked for: let the removal drop, and the letter goes with it."),
            code="decided_by_two",
        )
    _turn(row, "drop", at=at)
    row.outcome = reason.strip()
    row.save()
    note(row, "dropped", row.outcome, actor=actor, at=at)
    _record(row, "dropped", actor, at, reason=row.outcome)
    return row


def _decision_of(row: UpwardRequest) -> Removal | None:
    """The removal that takes effect by this letter alone: the list stands above who decided it."""
    removal = Removal.objects.select_related("listing__listbook").filter(pk=row.removal_id).first()
    return removal if removal and removal.listing_id == row.listing_id and removal.only_asks else None


@transaction.atomic
def drop_unsent(*, removal: Removal, reason: str, actor: Actor, at: datetime) -> None:
    """The removal was let drop by two: its letters that were not sent go with it; what was sent is followed on."""
    rows = removal.upward_requests.select_for_update(of=("self",)).filter(
        state__in=[UpwardState.DRAFT, UpwardState.TO_SIGN]
    )
    for row in rows.order_by("pk"):
        _turn(row, "drop", at=at)
        row.outcome = reason
        row.save()
        note(row, "dropped", reason, actor=actor, at=at)
        _record(row, "dropped", actor, at, reason=reason)


# ---- settled by the list itself -------------------------------------------------------------------------------------
def settle_all(*, at: datetime) -> int:
    """Requests whose unit has left the higher list, by its bulletin or by a list taken over. Safe to run twice."""
    rows = UpwardRequest.objects.filter(
        kind=UpwardKind.REMOVAL, state__in=OPEN_UPWARD, listing__state=ListingState.REMOVED
    )

    @transaction.atomic
    def one(pk: int) -> bool:
        row = UpwardRequest.objects.select_for_update(of=("self",)).select_related("from_authority__area").get(pk=pk)
        if row.state not in OPEN_UPWARD or row.listing is None:
            return False
        entry = row.listing.entries.filter(kind=EntryKind.REMOVED).order_by("on", "pk").last()
        document = entry and (entry.bulletin or entry.announcement or (entry.imported and entry.imported.document))
        _settled(row, str(document or ""), actor=SYSTEM, at=at)
        return True

    return rounds.each(rows.order_by("pk").values_list("pk", flat=True), one)


def _settled(row: UpwardRequest, document: str, *, actor: Actor, at: datetime) -> UpwardRequest:
    _turn(row, "settle", at=at)
    row.outcome = document
    row.save()
    note(row, "settled", document, actor=actor, at=at)
    _record(row, "settled", actor, at, document=document)
    _tell(row, row.from_authority_id, "closed", at)
    return row


# ---- words ----------------------------------------------------------------------------------------------------------
def note(row: UpwardRequest, what: str, text: str, *, actor: Actor, at: datetime) -> None:
    UpwardNote.objects.create(
        request=row, what=what, text=text, person=actor.name[:60], authority=actor.authority_name[:100], at=at
    )


def page_of(row: UpwardRequest) -> str:
    return f"/after/requests/{row.reference}/"


def _tell(row: UpwardRequest, authority: int, what: str, at: datetime) -> None:
    people = accounts.people_with(authority, [Capacity.HANDLER, Capacity.APPROVER], china_date(at), row.category)
    outbox.notify(
        recipients=people,
        event=f"upward.{what}:{row.pk}",
        kind=f"upward.{what}",
        params={"title": row.title, "authority": row.from_authority.name, "state": row.state, "outcome": row.outcome},
        link=page_of(row),
        at=at,
    )


def _gone_on(row: UpwardRequest) -> WrongState:
    return WrongState(
        _("This is not possible any more: the request is “%(state)s”.") % {"state": row.get_state_display()}
    )


def _turn(row: UpwardRequest, verb: str, **arguments: datetime) -> None:
    try:
        getattr(row, verb)(**arguments)
    except TransitionNotAllowed as wrong:
        raise _gone_on(row) from wrong


def _record(row: UpwardRequest, what: str, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(actor=actor, subject=("upward", row.pk), action=f"upward.{what}", at=at, data=data)

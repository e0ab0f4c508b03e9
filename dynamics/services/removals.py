"""移出: proposed by a person or by the portal, the unit is heard, one person concludes, another decides.

Nobody leaves a list here: that is done by the bulletin that announces it (`dynamics.services.bulletins`). Locks are taken in
one order: the listing, the removal, its requests upward; whatever may reach several lists locks all places of the unit
first, by key.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Hearing, Rectification, Removal, RemovalFile, RemovalNote
from dynamics.selectors import removals as reads
from dynamics.services import rulebook
from dynamics.states import IN_QUESTION, OPEN_REMOVALS, Conclusion, HeardBy, RemovalSource, RemovalState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, limits, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import china_date, day_end
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.core.models import Blob
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.removals import Ground
from registry.models import Bulletin, Listing
from registry.services import listings
from registry.states import ListingState

AT_ONCE = "at_once"
LONGEST = 4000
DROPPED = "移出提议已撤销"  # kept in the audit trail beside what officials write


# ---- proposing ------------------------------------------------------------------------------------------------------
@transaction.atomic
def propose(
    *,
    listing: Listing | int,
    ground: str,
    reason: str,
    source: RemovalSource,
    subject: tuple[str, int] | None = None,
    evidence: Blob | None = None,
    actor: Actor,
    at: datetime,
) -> Removal:
    """Says that a unit may have to leave a list; the same ground twice is one while it is open.

    What the portal itself proposed is not proposed again for the same subject, whatever was decided of it. A ground that acts
    at once suspends the place the same day. Raises NotVisible, NotAllowed, Refused (no such ground), WrongState, Invalid.
    """
    row = _listing(listing.pk if isinstance(listing, Listing) else listing)
    named = ((standing, one) for standing in rulebook.of_listing(row) for one in standing.grounds if one.key == ground)
    found = next(named, None)
    if found is None:
        raise Refused(_("The rules of this list name no such ground for a removal."), code="no_ground")
    return propose_by(
        listing=row,
        standing=found[0],
        ground=found[1],
        reason=reason,
        source=source,
        subject=subject,
        evidence=evidence,
        actor=actor,
        at=at,
    )


def propose_with_file(*, upload: UploadedFile | None, actor: Actor, at: datetime, **given: Any) -> Removal:
    """The same with a file that shows it; nothing is kept when either is refused. Raises TooMany as well."""
    if upload:
        limits.take("upload", actor=actor, at=at)
    with transaction.atomic():
        blob = attachments.store(upload=upload, at=at) if upload else None
        return propose(evidence=blob, actor=actor, at=at, **given)


def _listing(pk: int) -> Listing:
    """Locked until the transaction ends. Raises NotVisible."""
    if Listing.objects.select_for_update(of=("self",)).filter(pk=pk).first() is None:
        raise NotVisible
    return Listing.objects.select_related("listbook__owner__area", "organisation", "site").get(pk=pk)


@transaction.atomic
def propose_by(
    *,
    listing: Listing,
    standing: rulebook.Standing,
    ground: Ground,
    reason: str,
    source: RemovalSource,
    subject: tuple[str, int] | None,
    evidence: Blob | None = None,
    actor: Actor,
    at: datetime,
) -> Removal:
    """The same by a ground of named rules: another list's, where its removal spreads to this one (HLJ-30b).

    A place on a list above those rules stays as it is: their authority hears and decides, and asks its owner (JY-22b).
    """
    row = _listing(listing.pk)
    if actor.capacity != Capacity.SYSTEM and not rules.may_propose_removal(actor, row):
        raise NotAllowed(_("Officials of the unit's place propose a removal."))
    if not reason.strip():
        raise Invalid(_("Nothing was proposed."), problems={"reason": [_("Say what happened and what shows it.")]})
    owner = rulebook.handler_of(row, standing) or row.listbook.owner
    known = _known(row, owner, ground, subject, actor)
    if known is not None:
        return known
    if row.state == ListingState.REMOVED:
        raise WrongState(_("%(name)s is not on this list any more.") % {"name": row.name}, code="listing_moved_on")
    suspends = ground.when == AT_ONCE and owner == row.listbook.owner
    made = Removal.objects.create(
        listing=row,
        owner=owner,
        rules=standing.version,
        ground=ground.key,
        label={"zh": ground.label.zh, "en": ground.label.en},
        clause=ground.clause,
        when=ground.when,
        source=source,
        subject_kind=subject[0] if subject else "",
        subject_id=subject[1] if subject else None,
        reason=reason.strip()[:LONGEST],
        evidence=evidence,
        name=row.name,
        category=row.listbook.category,
        area_path=row.area_path,
        was=_was(row),
        proposed_by_id=actor.user_id,
        proposed_at=at,
    )
    note(made, "proposed", made.reason, for_unit=suspends, actor=actor, at=at)
    _record(made, "proposed", actor, at, ground=ground.key, source=str(source), reason=made.reason)
    settle_place(row.pk, actor=actor, at=at)
    _tell_owner(made, "proposed", at, params={"name": made.name, "clause": made.clause, "reason": made.reason[:200]})
    if suspends:
        _tell_unit(made, "suspended", at, {"name": made.name, "list": row.listbook.title, "reason": made.reason[:200]})
    return made


def _known(
    row: Listing, owner: Authority, ground: Ground, subject: tuple[str, int] | None, actor: Actor
) -> Removal | None:
    """The open one of the same office and ground; for the portal also a closed one that rested on the same."""
    same = Removal.objects.filter(listing=row, owner=owner, ground=ground.key)
    found = same.filter(state__in=OPEN_REMOVALS).first()
    if found is None and subject is not None and actor.capacity == Capacity.SYSTEM:
        found = same.filter(subject_kind=subject[0], subject_id=subject[1]).first()
    return found


def _was(row: Listing) -> str:
    """The state before the first proposal that is still open."""
    first = Removal.objects.filter(listing=row, state__in=OPEN_REMOVALS).order_by("pk").first()
    return first.was if first else row.state


def settle_place(listing: int, *, actor: Actor, at: datetime) -> None:
    """The place on the list as its owner's open proposals make it: suspended, in question, or as it was. Inside a transaction."""
    row = _listing(listing)
    if row.state == ListingState.REMOVED:
        return
    owned = Removal.objects.filter(listing=row, owner=row.listbook.owner_id, state__in=OPEN_REMOVALS)
    opened = list(owned.order_by("pk"))
    wanted = _wanted(opened)
    held = (ListingState.REMOVAL_PROPOSED, ListingState.SUSPENDED)
    rectifying = Rectification.objects.open().filter(listing=row).exists()  # ordered, judged or given up meanwhile
    if row.state == ListingState.RECTIFYING and not opened and not rectifying:
        listings.resume(listing=row.pk, reason=DROPPED, actor=actor, at=at)
        return
    if wanted == row.state or (not wanted and row.state not in held):
        return
    reason = "；".join(one.clause or one.ground for one in opened)[:300] or DROPPED
    given: dict[str, Any] = {"listing": row.pk, "reason": reason, "actor": actor, "at": at}
    if row.state == ListingState.SUSPENDED or (row.state == ListingState.REMOVAL_PROPOSED and not wanted):
        listings.restore(**given)
    if wanted == ListingState.SUSPENDED:
        listings.suspend(**given)
    elif wanted == ListingState.REMOVAL_PROPOSED:
        listings.propose_removal(**given)
    elif rectifying:
        listings.rectify(**given)


def _wanted(opened: Sequence[Removal]) -> str:
    if any(one.when == AT_ONCE for one in opened):
        return ListingState.SUSPENDED
    if any(one.state in IN_QUESTION for one in opened):
        return ListingState.REMOVAL_PROPOSED
    return ""


# ---- finding and locking --------------------------------------------------------------------------------------------
def lock(*, actor: Actor, reference: str) -> Removal:
    """The removal with its listing, both locked until the transaction ends. Raises NotVisible."""
    pair = Removal.objects.visible_to(actor).filter(reference=reference).values_list("pk", "listing_id").first()
    if pair is None:
        raise NotVisible
    listings.lock(reads.unit_places([pair[1]]))  # a decision spreads to its other places
    return lock_by(pair[0], pair[1])


def lock_by(pk: int, listing: int) -> Removal:
    _listing(listing)
    Removal.objects.select_for_update(of=("self",)).get(pk=pk)
    return Removal.objects.select_related("listing__listbook__owner__area", "listing__organisation", "rules").get(pk=pk)


def _handled(actor: Actor, reference: str) -> Removal:
    """Raises NotVisible, NotAllowed."""
    removal = lock(actor=actor, reference=reference)
    if not rules.may_handle_removal(actor, removal):
        raise NotAllowed(rules.OWNERS_ONLY)
    return removal


# ---- hearing --------------------------------------------------------------------------------------------------------
@transaction.atomic
def ask(*, actor: Actor, reference: str, letter: str, answer_by: date, how: str = "", at: datetime) -> Removal:
    """Tells the unit what is held against it and by when it may answer.

    Raises NotVisible, NotAllowed, WrongState, Invalid (a day nearer than the rules allow).
    """
    removal = _handled(actor, reference)
    ground = reads.ground_of(removal)
    least = ground.hearing_days if ground else None
    today = china_date(at)
    first = today + timedelta(days=max(least or 1, 1))
    problems: dict[str, list[Text]] = {}
    if answer_by < first:
        problems["answer_by"] = [_("The unit has until %(day)s at least.") % {"day": first.isoformat()}]
    if answer_by > today + timedelta(days=366):
        problems["answer_by"] = [_("This day lies too far in the future.")]
    if not letter.strip():
        problems["letter"] = [_("Write what is held against the unit: it reads this.")]
    if problems:
        raise Invalid(_("The unit was not asked."), problems=problems)
    _turn(removal, "ask")
    removal.save()
    Hearing.objects.create(
        removal=removal,
        title=reads.hearing_words(removal, answer_by)["title"],
        letter=letter.strip()[:LONGEST],
        how=how.strip()[:500],
        asked_by_id=actor.user_id,
        asked_at=at,
        least_days=least,
        is_default=bool(ground and "hearing_days" in ground.defaults),
        answer_by=answer_by,
    )
    note(removal, "asked", answer_by.isoformat(), for_unit=True, actor=actor, at=at)
    _record(removal, "asked", actor, at, answer_by=answer_by)
    settle_place(removal.listing_id, actor=actor, at=at)
    _tell_unit(removal, "asked", at, {"name": removal.name, "day": answer_by.isoformat(), "clause": removal.clause})
    return removal


@transaction.atomic
def answer(
    *, actor: Actor, reference: str, statement: str, uploads: Sequence[UploadedFile] = (), at: datetime
) -> Removal:
    """What the unit says, with its files. A later word is taken, marked as such, as long as nothing is decided (WF-16).

    Raises NotVisible, NotAllowed, WrongState (nothing asked, or decided), Invalid, TooMany.
    """
    removal = lock(actor=actor, reference=reference)
    if not rules.may_answer_removal(actor, removal):
        raise NotAllowed(_("Only the unit itself answers."))
    if not statement.strip():
        raise Invalid(_("Nothing was sent."), problems={"statement": [_("Write what the unit says.")]})
    _require_open_ear(removal)
    hearing = removal.hearing
    attachments.check_count(stored=removal.files.filter(by_unit=True).count(), adding=len(uploads))
    for upload in uploads:
        limits.take("upload", actor=actor, at=at)
        _keep(removal, attachments.store(upload=upload, at=at), by_unit=True, actor=actor, at=at)
    late = at >= day_end(hearing.answer_by)
    if removal.state == RemovalState.HEARING:
        hearing.heard_by, hearing.statement, hearing.statement_by_id = (
            HeardBy.STATEMENT,
            statement.strip(),
            actor.user_id,
        )
        hearing.heard_on, hearing.closed_at = china_date(at), at
        hearing.save()
        _turn(removal, "hear")
        removal.save()
    elif removal.state == RemovalState.TO_APPROVE:
        _turn(removal, "hand_back")  # whoever decides is to have read it
        removal.save()
    note(removal, "late" if late else "answered", statement.strip()[:LONGEST], for_unit=True, actor=actor, at=at)
    _record(removal, "answered", actor, at, late=late, files=len(uploads))
    _tell_owner(removal, f"answered:{removal.notes.count()}", at, kind="answered", params={"name": removal.name})
    return removal


def _require_open_ear(removal: Removal) -> None:
    """Raises WrongState: not asked yet, or decided."""
    if removal.state not in (RemovalState.HEARING, RemovalState.HEARD, RemovalState.TO_APPROVE):
        raise _moved_on(removal)


def _keep(removal: Removal, blob: Blob, *, by_unit: bool, actor: Actor, at: datetime) -> RemovalFile:
    return RemovalFile.objects.create(removal=removal, blob=blob, by_unit=by_unit, by_id=actor.user_id, at=at)


@transaction.atomic
def record_oral(*, actor: Actor, reference: str, heard_on: date, persons: str, record: str, at: datetime) -> Removal:
    """The unit came in person: who, when, what was said. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    removal = _handled(actor, reference)
    problems: dict[str, list[Text]] = {}
    if heard_on > china_date(at):
        problems["heard_on"] = [_("This day lies in the future.")]
    if not persons.strip():
        problems["persons"] = [_("Say who came.")]
    if not record.strip():
        problems["record"] = [_("Write down what was said.")]
    if problems:
        raise Invalid(_("The hearing was not recorded."), problems=problems)
    return _heard(removal, HeardBy.ORAL, actor=actor, at=at, heard_on=heard_on, persons=persons, text=record)


@transaction.atomic
def note_silence(*, actor: Actor, reference: str, at: datetime) -> Removal:
    """The day is over and the unit has said nothing. Raises NotVisible, NotAllowed, WrongState (the day is not over)."""
    removal = _handled(actor, reference)
    hearing = Hearing.objects.filter(removal=removal).first()
    if hearing is not None and at < day_end(hearing.answer_by):
        raise WrongState(
            _("The unit may answer until the end of %(day)s.") % {"day": hearing.answer_by.isoformat()},
            code="hearing_runs",
        )
    return _heard(removal, HeardBy.SILENCE, actor=actor, at=at, heard_on=china_date(at))


def _heard(
    removal: Removal, how: str, *, actor: Actor, at: datetime, heard_on: date, persons: str = "", text: str = ""
) -> Removal:
    _turn(removal, "hear")
    removal.save()
    hearing = removal.hearing
    hearing.heard_by, hearing.statement, hearing.persons = how, text.strip()[:LONGEST], persons.strip()[:300]
    hearing.heard_on, hearing.closed_at = heard_on, at
    hearing.save()
    note(removal, how, text.strip()[:LONGEST], for_unit=True, actor=actor, at=at)
    _record(removal, "heard", actor, at, how=str(how))
    return removal


@transaction.atomic
def add_evidence(*, actor: Actor, reference: str, upload: UploadedFile, at: datetime) -> RemovalFile:
    """A file of the office. Raises NotVisible, NotAllowed, WrongState, Invalid, TooMany."""
    removal = _handled(actor, reference)
    if removal.state not in OPEN_REMOVALS or removal.state == RemovalState.DECIDED:
        raise _moved_on(removal)
    limits.take("upload", actor=actor, at=at)
    made = _keep(removal, attachments.store(upload=upload, at=at), by_unit=False, actor=actor, at=at)
    if removal.state == RemovalState.TO_APPROVE:
        _turn(removal, "hand_back")
        removal.save()
    _record(removal, "evidence_added", actor, at, file=made.pk)
    return made


@transaction.atomic
def tell_of(*, subject: tuple[str, int], text: str, actor: Actor, at: datetime) -> int:
    """Something came in about what removals rest on (a late table): noted, and whoever was to decide looks again (WF-16).

    Returns how many open ones rest on it; what is decided stays decided.
    """
    pairs = Removal.objects.filter(subject_kind=subject[0], subject_id=subject[1], state__in=OPEN_REMOVALS).exclude(
        state=RemovalState.DECIDED
    )
    found = 0
    for pk, listing in pairs.order_by("listing_id", "pk").values_list("pk", "listing_id"):
        removal = lock_by(pk, listing)
        if removal.state not in OPEN_REMOVALS or removal.state == RemovalState.DECIDED:
            continue
        if removal.state == RemovalState.TO_APPROVE:
            _turn(removal, "hand_back")
            removal.save()
        note(removal, "news", text[:LONGEST], for_unit=True, actor=actor, at=at)
        _record(removal, "news", actor, at, text=text)
        found += 1
    return found


# ---- concluding and deciding ----------------------------------------------------------------------------------------
@transaction.atomic
def conclude(*, actor: Actor, reference: str, conclusion: str, opinion: str, at: datetime) -> Removal:
    """The handler says what the evidence shows; an approver, another person, decides. Raises as the others, Invalid."""
    removal = _handled(actor, reference)
    problems: dict[str, list[Text]] = {}
    if conclusion not in Conclusion:
        problems["conclusion"] = [_("Choose what is proposed.")]
    if not opinion.strip():
        problems["opinion"] = [_("Write what the evidence shows and what the unit said.")]
    if problems:
        raise Invalid(_("The conclusion was not handed on."), problems=problems)
    _turn(removal, "conclude")
    removal.conclusion, removal.opinion = conclusion, opinion.strip()[:LONGEST]
    removal.concluded_by_id, removal.concluded_at = actor.user_id, at
    removal.dismissal, removal.dismissal_by_id = "", None
    removal.save()
    note(removal, "concluded", removal.opinion, actor=actor, at=at)
    _record(removal, "concluded", actor, at, conclusion=conclusion, clause=removal.clause)
    _tell_approvers(removal, "to_decide", actor, at)
    return removal


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, text: str, at: datetime) -> Removal:
    """The approver wants it looked at again, or it is not to be dropped: it stands as it did before that was proposed.

    Raises NotVisible, NotAllowed, WrongState, Invalid (no reason).
    """
    removal = _decided_by(actor, reference)
    if not text.strip():
        raise Invalid(_("The handler must know why."), problems={"text": [_("Say what is to be looked at again.")]})
    if removal.dismissal_by_id is None or removal.state not in OPEN_REMOVALS:
        _turn(removal, "hand_back")
    removal.dismissal, removal.dismissal_by_id = "", None
    removal.save()
    note(removal, "handed_back", text.strip()[:LONGEST], actor=actor, at=at)
    _record(removal, "handed_back", actor, at, note=text)
    return removal


def _decided_by(actor: Actor, reference: str) -> Removal:
    """Raises NotVisible, NotAllowed (no approver of the owner, or whoever concluded)."""
    removal = lock(actor=actor, reference=reference)
    if not rules.may_decide_removal(actor, removal):
        raise NotAllowed(rules.APPROVERS_ONLY)
    return removal


@transaction.atomic
def decide(*, actor: Actor, reference: str, outcome: str, decision: str, at: datetime, seen: str = "") -> Removal:
    """The second person's word; `seen` is the digest of what the page showed. In force with the bulletin that announces it.

    Raises NotVisible, NotAllowed (no approver, or whoever concluded), WrongState, Conflict (something came in), Invalid.
    """
    removal = _decided_by(actor, reference)
    if removal.concluded_by_id == actor.user_id:
        raise NotAllowed(rules.CONCLUDED_IT, code="four_eyes")
    if outcome not in Conclusion or not decision.strip():
        raise Invalid(_("Not decided."), problems={"decision": [_("Write the reasons of the decision.")]})
    if removal.state != RemovalState.TO_APPROVE:
        _turn(removal, "decide", at=at)
    if seen and seen != reads.digest(removal):
        raise Conflict(_("Something came in since you opened the page. Reload it and look again."))
    if outcome != removal.conclusion:
        said = _(
            "The conclusion is another one: hand it back. One person alone neither removes a unit nor lets it stay."
        )
        raise Invalid(_("Not decided."), problems={"outcome": [said]})
    removal.decision, removal.decided_by_id = decision.strip()[:LONGEST], actor.user_id
    if outcome == Conclusion.DISMISS:
        return _dismiss(removal, actor=actor, at=at)
    _turn(removal, "decide", at=at)
    removal.save()
    note(removal, "decided", removal.decision, for_unit=True, actor=actor, at=at)
    _record(removal, "decided", actor, at, clause=removal.clause)
    told = {"name": removal.name, "clause": removal.clause, "reason": removal.decision[:200]}
    asks = {"authority": removal.owner.name, "list": removal.listing.listbook.title}
    _tell_unit(removal, "requested" if removal.only_asks else "decided", at, {**told, **asks})
    _after_decision(removal, actor=actor, at=at)
    return removal


def _after_decision(removal: Removal, *, actor: Actor, at: datetime) -> None:
    """Other lists that follow at once, and requests to the authorities above (HLJ-30b, JY-22b)."""
    from dynamics.services import cascades, upward  # they propose in turn

    cascades.spread(removal=removal, at=at)
    upward.draft_for(removal=removal, actor=actor, at=at)


@transaction.atomic
def propose_dismissal(*, actor: Actor, reference: str, reason: str, at: datetime) -> Removal:
    """An official says why it should be let drop before it is in force; an approver, another person, decides.

    Raises NotVisible, NotAllowed, WrongState (over, or a conclusion waits), Invalid (no reason).
    """
    removal = _handled(actor, reference)
    if not reason.strip():
        raise Invalid(_("Not proposed."), problems={"reason": [_("Say why it should be let drop.")]})
    if removal.state not in OPEN_REMOVALS or removal.state == RemovalState.TO_APPROVE:
        raise _moved_on(removal)
    removal.dismissal, removal.dismissal_by_id = reason.strip()[:LONGEST], actor.user_id
    removal.save()
    note(removal, "to_drop", removal.dismissal, actor=actor, at=at)
    _record(removal, "to_drop", actor, at, reason=removal.dismissal)
    _tell_approvers(removal, "to_drop", actor, at)
    return removal


def drops_alone(removal: Removal) -> bool:
    """Proposed by the portal, touched by nobody, unknown to the unit: one approver lets it drop, with a reason.

    A file of the office ends that, and whatever its course has noted since: a word to drop it that was not agreed to, news.
    """
    if removal.state != RemovalState.PROPOSED or removal.proposed_by_id is not None or was_told(removal):
        return False
    return not removal.files.exists() and not removal.notes.exclude(what="proposed").exists()


@transaction.atomic
def dismiss(*, actor: Actor, reference: str, decision: str, at: datetime, seen: str = "") -> Removal:
    """The second person's word; the place on the list is as it was. `seen` is the digest of what the page showed.

    Raises NotVisible, NotAllowed (no approver, or whoever concluded or proposed this), WrongState (also: nobody has proposed
    to let it drop), Conflict (something came in), Invalid (no reason).
    """
    removal = _decided_by(actor, reference)
    if actor.user_id in (removal.concluded_by_id, removal.dismissal_by_id):
        raise NotAllowed(rules.CONCLUDED_IT, code="four_eyes")
    if not decision.strip():
        raise Invalid(_("Not decided."), problems={"decision": [_("Write the reasons of the decision.")]})
    if removal.state not in OPEN_REMOVALS:
        raise _moved_on(removal)
    if seen and seen != reads.digest(removal):
        raise Conflict(_("Something came in since you opened the page. Reload it and look again."))
    if removal.dismissal_by_id is None and not drops_alone(removal):
        raise WrongState(
            _("Two people are needed: one says why it should be let drop, then another one decides."), code="needs_two"
        )
    removal.decision, removal.decided_by_id = decision.strip()[:LONGEST], actor.user_id
    return _dismiss(removal, actor=actor, at=at)


def was_told(removal: Removal) -> bool:
    """The unit knows of it: it was asked, or its place was suspended the same day."""
    suspended = removal.when == AT_ONCE and not removal.only_asks
    return suspended or Hearing.objects.filter(removal=removal).exists()


def _dismiss(removal: Removal, *, actor: Actor, at: datetime) -> Removal:
    from dynamics.services import upward  # it drafts after a decision

    told = was_told(removal)
    _turn(removal, "dismiss", at=at)
    removal.save()
    note(removal, "dismissed", removal.decision, for_unit=told, actor=actor, at=at)
    _record(removal, "dismissed", actor, at, reason=removal.decision)
    settle_place(removal.listing_id, actor=actor, at=at)
    upward.drop_unsent(removal=removal, reason=removal.decision, actor=actor, at=at)
    if told:
        _tell_unit(removal, "dismissed", at, {"name": removal.name, "reason": removal.decision[:200]})
    return removal


# ---- in force -------------------------------------------------------------------------------------------------------
def take_effect(
    *, removal: Removal, document: str, on: date, bulletin: Bulletin | None = None, actor: Actor, at: datetime
) -> None:
    """The document that takes the unit off is published; the caller holds the locks and has struck the place."""
    _turn(removal, "take_effect")
    removal.bulletin, removal.effective_on = bulletin, on
    removal.save()
    note(removal, "effective", document, for_unit=True, actor=actor, at=at)
    _record(removal, "effective", actor, at, bulletin=bulletin.reference if bulletin else document)


def end_open(*, listing: int, document: str, on: date, actor: Actor, at: datetime) -> int:
    """The place has ended: what is open about it falls away, what was asked of a list above is done. Inside a transaction."""
    keys = Removal.objects.filter(listing=listing, state__in=OPEN_REMOVALS).order_by("pk").values_list("pk", flat=True)
    for pk in list(keys):
        row = lock_by(pk, listing)
        if row.only_asks and row.state == RemovalState.DECIDED:
            take_effect(removal=row, document=document, on=on, actor=actor, at=at)
        else:
            _lapse(row, document, actor=actor, at=at)
    return len(keys)


@transaction.atomic
def fall_away(*, removal: int, why: str, actor: Actor, at: datetime) -> None:
    """The owner of the list above does not follow the request that it was decided on."""
    row = lock_by(removal, Removal.objects.values_list("listing_id", flat=True).get(pk=removal))
    if row.state in OPEN_REMOVALS:
        _lapse(row, why, actor=actor, at=at)


def _lapse(row: Removal, why: str, *, actor: Actor, at: datetime) -> None:
    _turn(row, "lapse", at=at)
    row.save()
    note(row, "lapsed", why, for_unit=row.only_asks and was_told(row), actor=actor, at=at)
    _record(row, "lapsed", actor, at, why=why)


# ---- words ----------------------------------------------------------------------------------------------------------
def note(removal: Removal, what: str, text: str, *, for_unit: bool = False, actor: Actor, at: datetime) -> RemovalNote:
    """One line of its course; append-only."""
    office = actor.authority_name or actor.organisation_name
    person = "" if actor.capacity == Capacity.SYSTEM else actor.name  # the page says that it was the portal
    return RemovalNote.objects.create(
        removal=removal, what=what, text=text, for_unit=for_unit, person=person[:60], authority=office[:100], at=at
    )


def page_of(removal: Removal) -> str:
    return f"/after/removals/{removal.reference}/"


def _tell_owner(
    removal: Removal, what: str, at: datetime, *, params: dict[str, object], kind: str = "proposed"
) -> None:
    people = accounts.people_with(
        removal.owner_id, [Capacity.HANDLER, Capacity.APPROVER], china_date(at), removal.category
    )
    outbox.notify(
        recipients=people,
        event=f"removal.{what}:{removal.pk}",
        kind=f"removal.{kind}",
        params=params,
        link=page_of(removal),
        at=at,
    )


def _tell_approvers(removal: Removal, what: str, actor: Actor, at: datetime) -> None:
    people = accounts.people_with(removal.owner_id, [Capacity.APPROVER], china_date(at), removal.category)
    outbox.notify(
        recipients=[one for one in people if one != actor.user_id],
        event=f"removal.{what}:{removal.pk}:{at:%Y%m%d%H%M%S}",
        kind=f"removal.{what}",
        params={"name": removal.name, "clause": removal.clause},
        link=page_of(removal),
        at=at,
    )


def _tell_unit(removal: Removal, what: str, at: datetime, params: dict[str, object]) -> None:
    outbox.notify(
        recipients=organisations.told_ids(removal.listing.organisation_id),
        event=f"removal.unit_{what}:{removal.pk}",
        kind=f"removal.unit_{what}",
        params=params,
        link=page_of(removal),
        at=at,
    )


def _turn(removal: Removal, verb: str, **arguments: datetime) -> None:
    try:
        getattr(removal, verb)(**arguments)
    except TransitionNotAllowed as wrong:
        raise _moved_on(removal) from wrong


def _moved_on(removal: Removal) -> WrongState:
    return WrongState(
        _("This is not possible any more: the removal is “%(state)s”.") % {"state": removal.get_state_display()}
    )


def _record(removal: Removal, what: str, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(actor=actor, subject=("removal", removal.pk), action=f"removal.{what}", at=at, data=data)

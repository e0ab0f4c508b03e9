"""The recommendation of one authority to the next: put together, signed by another person, sent in time, received.

Locks are taken in one order: the batch, then its cases by their key.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications import rules, selectors
from applications.models import Application, Batch, BatchItem, BatchReason, Call
from applications.rules import batches as may
from applications.rules.screening import SAME_PERSON, is_another
from applications.selectors import batches as reads
from applications.selectors import ordering, quotas
from applications.selectors import screening as reviews
from applications.selectors.calls import HEAVY_OF_CASE
from applications.services import cases, checks, screening, upward
from applications.states import FINAL, BatchState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, End, Finding, Outcome, Result, Step

MOST_UNITS = 500
SCANS = ("application/pdf", "image/jpeg", "image/png")


# ---- putting together -------------------------------------------------------------------------------------------
@transaction.atomic
def start(*, actor: Actor, at: datetime, call: Call) -> Batch:
    """An empty batch of the actor's authority for a call.

    Raises NotAllowed (not a handler, or a tier that does not recommend in this route), WrongState (nobody to send to).
    """
    bound = selectors.rules_of(call)
    step = reads.step_of(bound, actor.tier.value) if actor.tier else None
    if step is None or actor.capacity != Capacity.HANDLER or not actor.area_path.startswith(call.owner.area.path):
        raise NotAllowed(may.HANDLERS_ONLY)
    sender = Authority.objects.select_related("area").get(pk=actor.authority_id)
    receiver = accounts.industry_authority(sender.area, step.to)
    if receiver is None and not step.to_name:
        raise WrongState(_("There is no authority to send a recommendation to."))
    with translation.override("zh-hans"):
        title = _now("Recommendation of %(authority)s, %(year)s") % {"authority": sender.name, "year": call.year}
    batch = Batch.objects.create(
        call=call,
        step=step.key,
        sender=sender,
        receiver=receiver,
        outside="" if receiver else step.to_name.zh,
        title=title[:160],
        created_by_id=actor.user_id,
        created_at=at,
    )
    _record(batch, "start", actor=actor, at=at)
    return batch


@transaction.atomic
def add(*, actor: Actor, at: datetime, reference: str, cases_: Iterable[str]) -> list[BatchItem]:
    """Puts passed cases at the end of a draft batch. Raises Conflict when one lies in another live batch, WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    wanted = list(dict.fromkeys(cases_))
    rows = _lock_cases(Application.objects.visible_to(actor).filter(reference__in=wanted))
    if len(rows) != len(wanted):
        raise NotVisible
    if batch.items.filter(returned_at=None).count() + len(rows) > MOST_UNITS:
        raise Invalid(_("A batch holds at most %(most)s units.") % {"most": MOST_UNITS})
    for row in rows:
        _refuse_unready(row, batch)
    last = batch.items.aggregate(last=Max("position"))["last"] or 0
    in_order = sorted(rows, key=lambda row: wanted.index(row.reference))
    made = [
        BatchItem(batch=batch, application=row, step=batch.step, position=last + offset)
        for offset, row in enumerate(in_order, start=1)
    ]
    try:
        with transaction.atomic():
            BatchItem.objects.bulk_create(made)
    except IntegrityError as taken:
        raise Conflict(_("A unit lies in another recommendation batch already; reload the page.")) from taken
    _record(batch, "add", actor=actor, at=at, units=[row.reference for row in in_order])
    return made


def _refuse_unready(case: Application, batch: Batch) -> None:
    fits = case.call_id == batch.call_id and case.step == batch.step and case.desk_id == batch.sender_id
    if case.state != State.PASSED or not fits:
        raise WrongState(
            _("%(name)s cannot be recommended: the case is now “%(state)s”.")
            % {"name": case.name, "state": case.get_state_display()}
        )


@transaction.atomic
def remove(*, actor: Actor, at: datetime, reference: str, case: str) -> Batch:
    """Takes one unit out of a draft batch; it waits for recommendation again. Raises WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    _item(batch, case).delete()
    _record(batch, "remove", actor=actor, at=at, units=[case])
    return batch


@transaction.atomic
def arrange(*, actor: Actor, at: datetime, reference: str, order: Sequence[str], part: bool = False) -> Batch:
    """Puts the units into the given order (references). Raises Conflict when the page knew other units, WrongState.

    `part`: only some units, a page of them; they share the places they have among them.
    """
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    items = {item.application.reference: item for item in _live(batch)}
    if part and len(set(order)) == len(order) and set(order) <= set(items):
        given, some = iter(order), set(order)
        order = [next(given) if one in some else one for one in items]
    if sorted(order) != sorted(items):
        raise Conflict(_("The units of the batch have changed since you opened the page. Reload it."))
    _set_order(batch, [items[one] for one in order], actor=actor, at=at)
    return batch


@transaction.atomic
def move_unit(*, actor: Actor, at: datetime, reference: str, case: str, by: int = 0, to: int | None = None) -> Batch:
    """One unit up (-1) or down (+1), or to a place from 1: the same as dragging, without it. It never leaves the list."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    items = list(_live(batch))
    here = next((place for place, item in enumerate(items) if item.application.reference == case), None)
    if here is None:
        raise NotVisible
    wanted = here + by if to is None else to - 1
    items.insert(min(max(wanted, 0), len(items) - 1), items.pop(here))
    _set_order(batch, items, actor=actor, at=at)
    return batch


@transaction.atomic
def suggest_order(*, actor: Actor, at: datetime, reference: str) -> Batch:
    """The order of the rule set (QHD-N2b, HLJ-21a); a start, never a bar."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    live = _live(batch).select_related("application__report").prefetch_related("application__report__versions")
    items = {item.application.reference: item for item in live}
    bound = selectors.rules_of(batch.call)
    ranked = ordering.by_rule(batch, bound, [item.application for item in items.values()])
    _set_order(batch, [items[one.ref] for one in ranked], actor=actor, at=at)
    return batch


def _set_order(batch: Batch, items: Sequence[BatchItem], *, actor: Actor, at: datetime) -> None:
    for position, item in enumerate(items, start=1):
        item.position = position
    BatchItem.objects.bulk_update(items, ["position"])
    _record(batch, "arrange", actor=actor, at=at, units=[item.application.reference for item in items])


@transaction.atomic
def write_letter(*, actor: Actor, at: datetime, reference: str, title: str, number: str, text: str) -> Batch:
    """The recommendation document: number and text are typed, never generated for good. Raises Invalid, WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    problems: dict[str, list] = {}
    if not title.strip():
        problems["title"] = [_("Give the batch a title.")]
    for key, value, most in (("title", title, 160), ("number", number, 60), ("text", text, 5000)):
        if len(value.strip()) > most:
            problems.setdefault(key, []).append(_("At most %(most)s characters.") % {"most": most})
    if problems:
        raise Invalid(_("The recommendation document was not saved."), problems=problems)
    bound = selectors.rules_of(batch.call)
    usual = reads.usual_letter(batch, bound, [item.application.name for item in _live(batch)])
    # The rule set's own text stays unwritten, so that it follows the units while they change.
    batch.letter_text = "" if _same(text, usual) else text.strip()
    batch.title, batch.letter_number = title.strip(), number.strip()
    batch.save(update_fields=["title", "letter_number", "letter_text"])
    _record(batch, "letter", actor=actor, at=at, number=batch.letter_number)
    return batch


def _same(one: str, other: str) -> bool:
    """Equal but for the line ends a browser sends."""
    return one.split() == other.split()


@transaction.atomic
def explain(*, actor: Actor, at: datetime, reference: str, rule: str, reason: str, case: str = "") -> None:
    """Why the batch goes on in spite of a warning, of one unit or (no case) of the whole; what was written before goes.

    Raises NotVisible (no such warning stands), Invalid (no reason), WrongState.
    """
    batch = _take(actor=actor, reference=reference, verb=may.EXPLAIN, state=BatchState.DRAFT)
    if not reason.strip():
        raise Invalid(_("Not saved."), problems={"reason": [_("Write the reason.")]})
    if case:
        _item(batch, case)
        upward.override(actor=actor, at=at, reference=case, rule=rule, reason=reason)
        return
    finding = reads.warning(batch, selectors.rules_of(batch.call), reads.items_of(batch), rule)
    if finding is None:
        raise NotVisible
    batch.reasons.filter(rule=rule).delete()
    BatchReason.objects.create(
        batch=batch,
        rule=rule,
        clause=finding.clause,
        basis=quotas.basis_of(finding),
        reason=reason.strip()[:500],
        by_id=actor.user_id,
        person=actor.name,
        at=at,
    )
    _record(batch, "explain", actor=actor, at=at, rule=rule, clause=finding.clause, reason=reason.strip()[:500])


@transaction.atomic
def discard(*, actor: Actor, at: datetime, reference: str) -> None:
    """Gives a draft up; its units wait for recommendation again. Raises WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.ARRANGE, state=BatchState.DRAFT)
    _record(batch, "discard", actor=actor, at=at, units=[item.application.reference for item in _live(batch)])
    batch.items.all().delete()
    batch.delete()


# ---- signing --------------------------------------------------------------------------------------------------------
@transaction.atomic
def hand_over(*, actor: Actor, at: datetime, reference: str) -> Batch:
    """Puts the batch before the approver. Raises Refused naming what is missing, WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.HAND_OVER, state=BatchState.DRAFT)
    bound, items = _ready(batch, actor=actor, at=at)
    batch.handed_by_id = actor.user_id
    _change(batch, batch.hand_to_approver, at=at)
    batch.save()
    _record(batch, "hand_over", actor=actor, at=at, digest=reads.digest_of(reads.content(batch, bound, items)))
    outbox.notify(
        recipients=accounts.people_with(
            batch.sender_id, [Capacity.APPROVER], clock.china_date(at), batch.call.category
        ),
        event=f"batch.to_sign:{batch.pk}:{at.isoformat()}",
        kind="batch.to_sign",
        at=at,
        params={"authority": batch.sender.name, "count": len(items), "title": batch.title},
        link=page_of(batch),
    )
    return batch


@transaction.atomic
def hand_back(*, actor: Actor, at: datetime, reference: str, note: str) -> Batch:
    """The approver does not sign: the batch can be edited again. Raises Invalid, WrongState."""
    batch = _take(actor=actor, reference=reference, verb=may.HAND_BACK, state=BatchState.TO_SIGN)
    if not note.strip():
        raise Invalid(_("The handler must know why."), problems={"reason": [_("Say what is to be looked at again.")]})
    handler = batch.handed_by_id
    _change(batch, batch.hand_back)
    batch.handed_by = None
    batch.save()
    _record(batch, "hand_back", actor=actor, at=at, note=note.strip())
    outbox.notify(
        recipients=[handler] if handler else [],
        event=f"batch.handed_back:{batch.pk}:{at.isoformat()}",
        kind="batch.handed_back",
        at=at,
        params={"title": batch.title, "reason": note.strip()},
        link=page_of(batch),
    )
    return batch


@transaction.atomic
def sign(*, actor: Actor, at: datetime, reference: str, digest: str) -> Batch:
    """Freezes units, order, findings, report digests and letter, with the digest that the page showed.

    Raises NotAllowed (the same person handed it over), Conflict (the content is not what the page showed), Refused
    (something is missing or blocks), WrongState.
    """
    batch = _take(actor=actor, reference=reference, verb=may.SIGN, state=BatchState.TO_SIGN)
    bound = selectors.rules_of(batch.call)
    batch.four_eyes = bound.step(batch.step).four_eyes
    if batch.four_eyes and not is_another(batch.handed_by_id, actor):
        raise NotAllowed(SAME_PERSON)
    bound, items = _ready(batch, actor=actor, at=at)
    frozen = reads.content(batch, bound, items)
    if reads.digest_of(frozen) != digest:
        raise Conflict(_("The batch is not what your page showed any more. Reload it and look again."))
    batch.frozen, batch.digest, batch.signed_by_id = frozen, digest, actor.user_id
    _change(batch, batch.sign, at=at)
    batch.save()
    _record(batch, "sign", actor=actor, at=at, digest=digest)
    return batch


def _ready(batch: Batch, *, actor: Actor, at: datetime) -> tuple[BoundPolicy, list[BatchItem]]:
    """Locks the cases, checks each once more, and refuses while something is missing or blocks."""
    bound = selectors.rules_of(batch.call)
    _lock_quota(batch, bound)
    rows = _lock_cases(Application.objects.filter(batch_items__batch=batch, batch_items__returned_at=None))
    point = bound.step(batch.step).point or reviews.screening_before(bound, batch.step).point
    standing = [row for row in rows if row.state == State.PASSED]
    if point and standing:
        checks.run_many(cases=standing, point=point, actor=actor, at=at)
    items = reads.items_of(batch)
    missing = reads.lacks(batch, bound, items)
    if missing:
        raise Refused(
            " ".join(f"{lack.unit}：{lack.text}" if lack.unit else lack.text for lack in missing),
            code="batch_not_ready",
            clause=missing[0].clause,
            findings=[
                Finding(
                    rule="batch.lack",
                    clause=lack.clause,
                    outcome=Outcome.BLOCK,
                    code="lack",
                    params={"text": lack.text},
                )
                for lack in missing
            ],
        )
    return bound, items


def _lock_quota(batch: Batch, bound: BoundPolicy) -> None:
    """Two batches that want the last place go one after the other; locks go batch, call, cases."""
    if engine.quotas(bound, batch.step):
        rows = Call.objects.select_for_update(of=("self",), no_key=True).filter(pk=batch.call_id)
        rows.values_list("pk", flat=True).first()


@transaction.atomic
def attach_seal(*, actor: Actor, at: datetime, reference: str, upload: UploadedFile) -> Batch:
    """Keeps the scan of the sealed recommendation document; a later one takes its place, until the receiver has seen it.

    Raises Invalid (no PDF or picture, too large), TooMany, WrongState, Conflict (the receiver has opened the batch).
    """
    batch = _take(actor=actor, reference=reference, verb=may.ATTACH_SEAL, states=(BatchState.SIGNED, BatchState.SENT))
    if batch.sealed_id and batch.seen_at is not None:
        raise WrongState(_("The receiving authority has seen the scan: it stays as it is."))
    limits.take("upload", actor=actor, at=at)
    blob = attachments.store(upload=upload, at=at)
    if blob.content_type not in SCANS:
        raise Invalid(_("Not saved."), problems={"scan": [_("A PDF, JPG or PNG file.")]})
    batch.sealed, batch.sealed_at = blob, at
    batch.save(update_fields=["sealed", "sealed_at"])
    _record(batch, "seal", actor=actor, at=at, sha256=blob.sha256, name=blob.name)
    return batch


# ---- sending --------------------------------------------------------------------------------------------------------
@transaction.atomic
def send(*, actor: Actor, at: datetime, reference: str) -> Batch:
    """Sends a signed batch: every unit moves on to the receiver.

    Raises Refused after the last day (QHD-N4b; that day is included, to 24:00 China time, and an extension moves it),
    WrongState when it was sent already or no unit is left.
    """
    batch = _take(actor=actor, reference=reference, verb=may.SEND, state=BatchState.SIGNED)
    bound = selectors.rules_of(batch.call)
    _refuse_late(batch, bound, at)
    following = engine.after(bound, batch.step, Result.PASSED)
    if isinstance(following, End):
        raise WrongState(_("The rule set has no step after this one."))
    items = _locked_units(batch, at=at, actor=actor)
    for item in items:
        case = item.application
        if batch.receiver:
            case.reached = max(case.reached, Tier(batch.receiver.tier).rank)
        cases.move(
            case,
            "recommend",
            case.recommend,
            actor=actor,
            at=at,
            desk=_next_desk(case, batch, following),
            opinion=batch.letter_number,
            data={"batch": batch.reference, "digest": batch.digest},
            to=following.state,
            step=following.key,
        )
    _change(batch, batch.send, at=at)
    batch.save()
    _record(batch, "send", actor=actor, at=at, digest=batch.digest, units=len(items))
    _tell_about_sending(batch, items, at)
    return batch


def _next_desk(case: Application, batch: Batch, following: Step) -> Authority:
    """The receiver's, unless the rules leave the next step with the sender: it waits for a list published elsewhere."""
    if batch.receiver is None:  # what left the portal waits with its sender for the outcome
        return batch.sender
    if following.by == batch.receiver.tier:
        return batch.receiver
    return batch.sender if following.by == batch.sender.tier else screening.desk_for(case, following) or batch.receiver


def _refuse_late(batch: Batch, bound: BoundPolicy, at: datetime) -> None:
    last = reads.deadline(batch)
    if last is None or at < clock.day_end(last):
        return
    step = bound.step(batch.step)
    clause = (step.due.clause if step.due else "") or step.clause
    raise Refused(
        _(
            "The last day to send was %(day)s (%(clause)s). The authority that opened the call can extend it with a reason."
        )
        % {"day": formats.date_format(last, _now("j F Y")), "clause": reviews.article(bound, clause)},
        code="too_late",
        clause=clause,
        findings=[
            Finding(
                rule=f"step.{step.key}.due",
                clause=clause,
                outcome=Outcome.BLOCK,
                code="too_late",
                params={"day": last.isoformat()},
            )
        ],
    )


def _locked_units(batch: Batch, *, actor: Actor, at: datetime) -> list[BatchItem]:
    """The units that still stand, their cases locked; who withdrew since the signature leaves with a note on its row."""
    rows = {row.pk: row for row in _lock_cases(Application.objects.filter(batch_items__batch=batch))}
    standing = []
    for item in _live(batch):
        item.application = rows[item.application_id]
        if item.application.state == State.PASSED and item.application.step == batch.step:
            standing.append(item)
            continue
        item.returned_at = at
        item.return_reason = _now("No longer to be recommended: %(state)s") % {
            "state": item.application.get_state_display()
        }
        item.save(update_fields=["returned_at", "return_reason"])
    if not standing:
        raise WrongState(_("No unit of this batch can be recommended any more."))
    return standing


def _tell_about_sending(batch: Batch, items: Sequence[BatchItem], at: datetime) -> None:
    outbox.notify(
        recipients=[]
        if batch.receiver_id is None
        else accounts.people_with(
            batch.receiver_id, [Capacity.HANDLER, Capacity.APPROVER], clock.china_date(at), batch.call.category
        ),
        event=f"batch.received:{batch.pk}:{at.isoformat()}",
        kind="batch.received",
        at=at,
        params={"authority": batch.sender.name, "count": len(items), "title": batch.title},
        link=page_of(batch),
    )
    for item in items:
        outbox.notify(
            recipients=screening.applicants_of(item.application),
            event=f"case.recommended:{item.application_id}:{batch.pk}:{at.isoformat()}",
            kind="case.recommended",
            at=at,
            params={
                "number": item.application.number,
                "authority": batch.sender.name,
                "to": batch.receiver_name,
            },
            link=screening.page_of(item.application),
        )


@transaction.atomic
def take_back(*, actor: Actor, at: datetime, reference: str) -> Batch:
    """Undoes the sending while nobody of the receiver has opened it; the signed content stays as it is.

    Raises WrongState when it was opened, received, or a unit has gone on.
    """
    batch = _take(actor=actor, reference=reference, verb=may.TAKE_BACK, state=BatchState.SENT)
    if batch.seen_at is not None or batch.receiver_id is None:
        raise WrongState(_("The receiving authority has seen it: ask for the return of single units."))
    bound = selectors.rules_of(batch.call)
    following = engine.after(bound, batch.step, Result.PASSED)
    items = {item.application_id: item for item in _live(batch)}
    rows = _lock_cases(Application.objects.filter(pk__in=items))
    for row in rows:
        gone = isinstance(following, End) or (row.state, row.step) != (following.state, following.key)
        if gone and row.state not in FINAL:
            raise WrongState(_("%(name)s has gone on since: it cannot be taken back.") % {"name": row.name})
    for row in rows:
        if row.state in FINAL:
            continue
        row.reached = min(row.reached, Tier(batch.sender.tier).rank)
        cases.move(
            row,
            "take_back_batch",
            row.take_back_batch,
            actor=actor,
            at=at,
            desk=batch.sender,
            data={"batch": batch.reference},
            step=batch.step,
        )
    _change(batch, batch.take_back)
    batch.save()
    _record(batch, "take_back", actor=actor, at=at, units=len(rows))
    for row in rows:
        outbox.notify(
            recipients=screening.applicants_of(row),
            event=f"case.taken_back:{row.pk}:{batch.pk}:{at.isoformat()}",
            kind="case.taken_back",
            at=at,
            params={"number": row.number, "authority": batch.sender.name},
            link=screening.page_of(row),
        )
    return batch


def seen(*, actor: Actor, at: datetime, reference: str) -> None:
    """Notes that the receiver has opened a batch that was sent: from then on it cannot be taken back. Raises nothing."""
    rows = Batch.objects.visible_to(actor).filter(
        reference=reference, receiver_id=actor.authority_id, state=BatchState.SENT, seen_at=None
    )
    if rows.exists():  # whoever only reads takes no lock, and needs no room on a full disk (F5)
        rows.update(seen_at=at)


def seen_case(*, actor: Actor, at: datetime, reference: str) -> None:
    """The same for who opens one of its units without the batch. Raises nothing."""
    if not actor.is_official:
        return
    sent = Batch.objects.filter(receiver_id=actor.authority_id, state=BatchState.SENT, seen_at=None)
    lying = BatchItem.objects.filter(application__reference=reference, returned_at=None)
    rows = sent.filter(pk__in=lying.values("batch_id"))
    if rows.exists() and Application.objects.visible_to(actor).filter(reference=reference).exists():
        rows.update(seen_at=at)


# ---- the receiver ---------------------------------------------------------------------------------------------------
@transaction.atomic
def receive(*, actor: Actor, at: datetime, reference: str) -> Batch:
    """The receiving authority takes the batch in. Raises WrongState, NotAllowed (who signed it below, AZ-14)."""
    batch = _take(actor=actor, reference=reference, verb=may.RECEIVE, state=BatchState.SENT)
    _refuse_own(batch, actor)
    _change(batch, batch.receive, at=at)
    batch.save()
    _record(batch, "receive", actor=actor, at=at)
    return batch


@transaction.atomic
def note_paper(*, actor: Actor, at: datetime, reference: str, case: str, copies: int) -> BatchItem:
    """Records how many bound copies of one unit arrived (QHD-N4a). Raises WrongState where no paper is asked (SJZ-8)."""
    batch = _take(actor=actor, reference=reference, verb=may.NOTE_PAPER, state=BatchState.RECEIVED)
    asked = reads.package_of(selectors.rules_of(batch.call), batch).paper_copies
    if not asked:
        raise WrongState(_("The rule set asks for no paper copies."))
    if not 0 <= copies <= 99:
        raise Invalid(_("Not saved."), problems={"copies": [_("A number from 0 to 99.")]})
    item = _item(batch, case)
    item.paper_copies, item.paper_received_at, item.paper_noted_by_id = copies, at, actor.user_id
    item.save(update_fields=["paper_copies", "paper_received_at", "paper_noted_by"])
    _record(batch, "paper", actor=actor, at=at, unit=case, copies=copies, asked=asked)
    return item


@transaction.atomic
def return_unit(*, actor: Actor, at: datetime, reference: str, case: str, reason: str) -> BatchItem:
    """One unit goes back to the sender's review; the frozen batch and the other units stay as they are.

    Raises Invalid (no reason), WrongState (the unit is further on), NotAllowed (who signed it below, AZ-14).
    """
    batch = _take(actor=actor, reference=reference, verb=may.RETURN_UNIT, states=(BatchState.SENT, BatchState.RECEIVED))
    _refuse_own(batch, actor)
    if not reason.strip():
        raise Invalid(_("The unit was not returned."), problems={"reason": [_("Write the reason.")]})
    item = _item(batch, case)
    row = cases.lock(actor=actor, reference=case)
    why_not = reads.why_not_returned(batch, selectors.rules_of(batch.call), row)
    if why_not:
        raise WrongState(why_not)
    back = reviews.screening_before(selectors.rules_of(batch.call), batch.step)
    item.returned_at, item.returned_by_id, item.return_reason = at, actor.user_id, reason.strip()[:500]
    item.save(update_fields=["returned_at", "returned_by", "return_reason"])
    cases.move(
        row,
        "send_back",
        row.send_back,
        actor=actor,
        at=at,
        desk=batch.sender,
        opinion=item.return_reason,
        data={"batch": batch.reference},
        step=back.key,
    )
    _record(batch, "return_unit", actor=actor, at=at, unit=case, reason=item.return_reason)
    outbox.notify(
        recipients=accounts.people_with(
            batch.sender_id, [Capacity.HANDLER, Capacity.APPROVER], clock.china_date(at), batch.call.category
        ),
        event=f"batch.unit_returned:{batch.pk}:{item.pk}",
        kind="batch.unit_returned",
        at=at,
        params={"name": row.name, "reason": item.return_reason},
        link=reverse("applications:review", args=[row.reference]),
    )
    return item


def _refuse_own(batch: Batch, actor: Actor) -> None:
    """Who recommended cannot take in the own recommendation one tier up, whatever mandates they hold (AZ-14)."""
    if actor.user_id in (batch.handed_by_id, batch.signed_by_id):
        raise NotAllowed(_("You recommended this batch yourself: another person must act for the receiving authority."))


# ---- what the verbs share -------------------------------------------------------------------------------------------
def page_of(batch: Batch) -> str:
    return reverse("applications:batch", args=[batch.reference])


def _take(
    *,
    actor: Actor,
    reference: str,
    verb: rules.Verb,
    state: str = "",
    states: tuple[str, ...] = (),
) -> Batch:
    """The locked batch, asked by who may, in a state that fits."""
    seen = Batch.objects.visible_to(actor).filter(reference=reference)
    # The lock comes alone and the row is read after it, as in `cases.lock`.
    seen.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    related = seen.select_related("call__rules", "call__owner__area", "sender__area", "receiver__area")
    batch = related.defer(*HEAVY_OF_CASE).first()
    if batch is None:
        raise NotVisible
    rules.require(verb, batch, actor)
    if batch.state not in (states or (state,)):
        raise WrongState(
            _("This is not possible any more: the batch is now “%(state)s”.") % {"state": batch.get_state_display()}
        )
    return batch


def _change(batch: Batch, transition: object, **arguments: object) -> None:
    try:
        transition(**arguments)  # type: ignore[operator]
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the batch is now “%(state)s”.") % {"state": batch.get_state_display()}
        ) from wrong


def _lock_cases(rows: QuerySet[Application]) -> list[Application]:
    """The cases, locked in the order of their keys, and read after that."""
    keys = list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    found = Application.objects.filter(pk__in=keys).select_related(
        "call__rules", "call__owner__area", "organisation", "site__area", "desk", "report"
    )
    return list(found.defer(*HEAVY_OF_CASE).order_by("pk"))


def _live(batch: Batch) -> QuerySet[BatchItem]:
    return batch.items.filter(returned_at=None).select_related("application").order_by("position", "pk")


def _item(batch: Batch, case: str) -> BatchItem:
    item = batch.items.filter(application__reference=case, returned_at=None).select_related("application").first()
    if item is None:
        raise NotVisible
    return item


def _record(batch: Batch, verb: str, *, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(actor=actor, subject=("batch", batch.pk), action=f"batch.{verb}", at=at, data=data)

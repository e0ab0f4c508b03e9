"""实名举报 (JY-23, HLJ-32): received, given to named handlers, verified, decided by another person; who it is from is
opened only by those named, with a reason, and each look is written down (PR-02).

Nothing here puts a name, a contact, a word of the report, a file name or an address of the network into the audit trail, a
message or a log (R6, T7).
"""

import io
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO, cast

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.services import bodies
from dynamics import rules
from dynamics.models import Tip, TipHandler, TipLook
from dynamics.selectors import standing
from dynamics.selectors import tips as reads
from dynamics.services import rectifications, removals, rulebook
from dynamics.states import RectificationSource, RemovalSource, TipOutcome, TipState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, binding, contents, limits, numbers, outbox
from greenlist.core.actors import ANONYMOUS, SYSTEM, Actor
from greenlist.core.clock import china_date
from greenlist.core.documents import PdfFailed
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.core.models import Blob
from greenlist.policy.engine.types import ReportRule
from registry.models import Listing

log = logging.getLogger(__name__)
NO_FILE = _("This file cannot be kept without the properties that may name you: please send it as a PDF or a picture.")
ONLY_NAMED = _("Only handlers named on this report open and handle it.")
ONLY_APPROVERS = _("An approver of the authority that received the report does this.")
LOOKS = 3  # within an hour: somebody is told (PR-02)
NEUTRAL = "evidence"


@dataclass(frozen=True)
class Words:
    """What somebody reports, and who it is."""

    name: str
    contact: str
    text: str


# ---- receiving ------------------------------------------------------------------------------------------------------
def report_unit(
    *, listing: int, authority: int, words: Words, evidence: UploadedFile | None, at: datetime, actor: Actor = ANONYMOUS
) -> Tip:
    """A report about a listed unit. The form is open to all: tries are counted; who is signed in by chance is not noted.

    Raises TooMany, NotVisible (no such place to report to), Invalid (evidence).
    """
    limits.take("report", actor=actor, at=at)
    row = Listing.objects.select_related("listbook__owner__area", "site__area").filter(pk=listing).first()
    found = standing.report_rule(row) if row is not None else None
    if row is None or found is None:
        raise NotVisible
    to = next((one for one in reads.receivers(found[1], row.area_path) if one.pk == authority), None)
    if to is None:
        raise NotVisible
    about = {"listing": row, "about": row.name, "category": row.listbook.category, "area_path": row.area_path}
    return _receive(about, to, found, words, evidence, at)


def report_body(
    *, body: int, authority: int, words: Words, evidence: UploadedFile | None, at: datetime, actor: Actor = ANONYMOUS
) -> Tip:
    """A report about a third-party body (HLJ-32). Raises TooMany, NotVisible, Invalid (evidence)."""
    limits.take("report", actor=actor, at=at)
    row = reads.body(body)
    for found in standing.body_rules():
        to = next((one for one in reads.body_receivers(*found) if one.pk == authority), None)
        if to is not None:
            about = {"body": row, "about": row.name, "category": "", "area_path": row.area.path}
            return _receive(about, to, found, words, evidence, at)
    raise NotVisible


def _receive(
    about: Mapping[str, Any],
    to: Authority,
    found: tuple[standing.Standing, ReportRule],
    words: Words,
    evidence: UploadedFile | None,
    at: datetime,
) -> Tip:
    problems: dict[str, list[Text]] = {
        name: [_("is needed")] for name in ("name", "contact", "text") if not getattr(words, name).strip()
    }
    if evidence is None:  # both documents want it: 并提供佐证材料和联系方式
        problems["evidence"] = [_("is needed")]
    if problems or evidence is None:
        raise Invalid(_("A report gives a real name, a contact, what is untrue and evidence of it."), problems=problems)
    bare = _without_properties(evidence)
    held, rule = found
    with transaction.atomic():
        year = china_date(at).year
        blob = attachments.store(upload=bare, at=at)
        made = Tip.objects.create(
            **about,
            receipt=f"JB{year}{numbers.take(scope='tip', year=year):05d}",
            authority=to,
            rules=held.slug,
            clause=rule.clause,
            keep_days=rule.keep_days,
            name=words.name.strip(),
            contact=words.contact.strip(),
            text=words.text.strip(),
            evidence=blob,
            received_at=at,
        )
        # Not from which address it came: that may be the reporter's own office.
        audit.record(
            actor=ANONYMOUS, subject=("tip", made.pk), action="tip.received", at=at, data={"receipt": made.receipt}
        )
        _tell(_approvers(made, at), made, "tip.received", at)
    return made


def _without_properties(upload: UploadedFile) -> UploadedFile:
    """The same file under a neutral name, without what programs wrote about people. Raises Invalid."""
    extension = attachments.check_promise(name=attachments.safe_name(upload.name or ""), size=upload.size or 0)
    try:
        found = contents.examine(cast(BinaryIO, upload), extension=extension, declared=upload.content_type or "")
    except contents.Unfit as unfit:
        said = _("The file cannot be taken: %(reason)s.") % {"reason": unfit.reason}
        raise Invalid(said, problems={"evidence": [said]}) from unfit
    upload.seek(0)
    body = upload.read() if found.body is None else found.body
    try:
        with binding.bundle() as work:
            (clean,) = work.bared([(work.add(body), found.content_type)])
    except PdfFailed as failed:
        raise Invalid(NO_FILE, problems={"evidence": [NO_FILE]}) from failed
    if clean is None:
        raise Invalid(NO_FILE, problems={"evidence": [NO_FILE]})
    return SimpleUploadedFile(f"{NEUTRAL}.{extension}", io.BytesIO(clean).getvalue(), found.content_type)


# ---- who handles it -------------------------------------------------------------------------------------------------
@transaction.atomic
def name_handler(*, actor: Actor, receipt: str, user: int, delegation: str = "", at: datetime) -> TipHandler:
    """An approver of the receiving authority names who may open it. From the unit's own county only by delegation.

    Who is named decides nothing of it any more. Raises NotVisible, NotAllowed, WrongState, Invalid (no handler here, took part
    in recommending the unit, no delegation, nobody left to decide).
    """
    tip = _locked(actor, receipt)
    if not rules.handles_tips(actor, tip):
        raise NotAllowed(ONLY_APPROVERS)
    if tip.state not in (TipState.RECEIVED, TipState.VERIFYING, TipState.TO_DECIDE):
        raise WrongState(_("The report is closed."))
    chosen = next((one for one in reads.candidates(tip, china_date(at)) if one.user_id == user), None)
    if chosen is None:
        raise Invalid(_("Nobody was named."), problems={"user": [_("This person holds no such office.")]})
    if chosen.took_part:
        said = _("This person took part in recommending the unit and never sees who reported it.")
        raise Invalid(_("Nobody was named."), problems={"user": [said]})
    if chosen.from_its_county and not delegation.strip():
        said = _("This person comes from the unit's own county: give the reason why it is delegated.")
        raise Invalid(_("Nobody was named."), problems={"delegation": [said]})
    if not set(_deciding(tip, at)) - {user}:
        said = _(
            "Nobody would be left to decide: an approver who handles a report cannot decide it. Name somebody else."
        )
        raise Invalid(_("Nobody was named."), problems={"user": [said]})
    made, fresh = TipHandler.objects.get_or_create(
        tip=tip,
        user_id=user,
        ended_at=None,
        defaults={
            "authority_id": chosen.authority_id,
            "delegated": delegation.strip()[:300] if chosen.from_its_county else "",
            "named_by_id": actor.user_id,
            "named_at": at,
        },
    )
    if fresh:
        data = {"receipt": receipt, "user": user, "delegated": made.delegated}
        _record(tip, "named", data, actor=actor, at=at)
        _tell([user], tip, "tip.named", at, more=f":{made.pk}")
    return made


@transaction.atomic
def release_handler(*, actor: Actor, receipt: str, handler: int, at: datetime) -> TipHandler:
    """From now on the person sees nothing of it. Raises NotVisible, NotAllowed."""
    tip = _locked(actor, receipt)
    if not rules.handles_tips(actor, tip):
        raise NotAllowed(ONLY_APPROVERS)
    row = tip.handlers.filter(pk=handler, ended_at=None).first()
    if row is None:
        raise NotVisible
    row.ended_at = at
    row.save(update_fields=["ended_at"])
    _record(tip, "released", {"receipt": receipt, "user": row.user_id}, actor=actor, at=at)
    return row


# ---- who it is from -------------------------------------------------------------------------------------------------
@transaction.atomic
def open_identity(*, actor: Actor, receipt: str, reason: str, at: datetime) -> Tip:
    """Who reported and what was written, for a named handler who says why; the look itself is kept (PR-02).

    Raises NotVisible, NotAllowed (not named), Invalid (no reason), WrongState (erased).
    """
    tip = _named(actor, receipt)
    if not reason.strip():
        said = _("Say why you need to know: it is kept with your look.")
        raise Invalid(said, problems={"reason": [said]})
    if tip.erased_at is not None:
        raise WrongState(_("The personal data of this report has been erased."))
    look = TipLook.objects.create(
        tip=tip,
        user_id=actor.user_id,
        authority_id=actor.authority_id,
        reason=_clean(tip, "reason", reason)[:300],
        at=at,
    )
    _record(tip, "identity_read", {"receipt": receipt, "look": look.pk, "reason": look.reason}, actor=actor, at=at)
    _watch(tip, look, actor, at)
    return tip


def _watch(tip: Tip, look: TipLook, actor: Actor, at: datetime) -> None:
    """Three looks of one person within an hour: the approvers and the audit administrators are told once an hour."""
    count = TipLook.objects.filter(user_id=actor.user_id, at__gt=at - timedelta(hours=1), at__lte=at).count()
    if count < LOOKS:
        return
    log.warning("person %s has opened who reports are from %s times within an hour", actor.user_id, count)
    today = china_date(at)
    outbox.notify(
        recipients=[one for one in (*_approvers(tip, at), *reads.auditors(today)) if one != actor.user_id],
        event=f"tip.looks:{actor.user_id}:{at:%Y%m%d%H}",
        kind="tip.looks",
        at=at,
        params={"person": actor.name, "count": count, "receipt": tip.receipt},
    )


@transaction.atomic
def open_evidence(*, actor: Actor, receipt: str, reason: str, at: datetime) -> Blob:
    """The file, for a named handler. Raises NotVisible, NotAllowed, Invalid (no reason)."""
    tip = open_identity(actor=actor, receipt=receipt, reason=reason, at=at)
    if tip.evidence is None:
        raise NotVisible
    _record(tip, "evidence_read", {"receipt": receipt}, actor=actor, at=at)
    return tip.evidence


# ---- handling -------------------------------------------------------------------------------------------------------
@transaction.atomic
def accept(*, actor: Actor, receipt: str, summary: str, at: datetime) -> Tip:
    """受理: it is verified from now on. `summary` is what others than the handlers may read of it.

    Raises NotVisible, NotAllowed, Invalid, WrongState.
    """
    tip = _named(actor, receipt)
    if not summary.strip():
        said = _("Sum up what is to be verified, without anything that tells who reported it.")
        raise Invalid(said, problems={"summary": [said]})
    _go(tip, lambda: tip.accept(at=at))
    tip.summary = _clean(tip, "summary", summary)
    tip.save()
    _record(tip, "accepted", {"receipt": receipt}, actor=actor, at=at)
    return tip


@dataclass(frozen=True)
class Proposal:
    """What a handler proposes. `due_on` of a rectification; `ground` of a body's ban."""

    outcome: str
    reason: str
    due_on: date | None = None
    ground: str = ""


@transaction.atomic
def propose(*, actor: Actor, receipt: str, proposal: Proposal, at: datetime) -> Tip:
    """Not to accept it, or what came of verifying it; an approver decides. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    tip = _named(actor, receipt)
    given = _checked(tip, proposal, at)
    before = TipState.RECEIVED if proposal.outcome == TipOutcome.NOT_ACCEPTED else TipState.VERIFYING
    if tip.state != before:
        raise WrongState(_("The report is “%(state)s”.") % {"state": tip.get_state_display()})
    _go(tip, tip.propose)
    tip.outcome, tip.reason = proposal.outcome, _clean(tip, "reason", proposal.reason)
    tip.detail, tip.cited = given
    tip.proposed_by_id, tip.proposed_at, tip.note = actor.user_id, at, ""
    tip.save()
    _record(tip, "proposed", {"receipt": receipt, "outcome": tip.outcome, "cited": tip.cited}, actor=actor, at=at)
    _tell(_deciding(tip, at), tip, "tip.proposed", at, more=f":{at:%Y%m%d%H%M%S}")
    return tip


def _checked(tip: Tip, proposal: Proposal, at: datetime) -> tuple[dict[str, str], str]:
    """What belongs to the outcome, and the clause it cites. Raises Invalid."""
    problems: dict[str, list[Text]] = {}
    if not proposal.reason.strip():
        problems["reason"] = [_("Give the reasons: who reported reads them.")]
    detail, clause = {}, tip.clause
    if proposal.outcome != TipOutcome.NOT_ACCEPTED:
        rule = reads.rule_of(tip)
        found = rule.outcome(proposal.outcome) if rule else None
        fits = (proposal.outcome != TipOutcome.BODY) == (tip.listing_id is not None) or (
            proposal.outcome == TipOutcome.UNFOUNDED
        )
        if found is None or not fits:
            problems["outcome"] = [_("The rules know no such outcome here.")]
        else:
            clause = found.clause
            detail["ground"] = proposal.ground or found.ground
            if found.note:
                detail["note_zh"], detail["note_en"] = found.note.zh, found.note.en
    if proposal.outcome == TipOutcome.RECTIFICATION:
        if proposal.due_on is None or proposal.due_on < china_date(at):
            problems["due_on"] = [_("Give a day that is still to come.")]
        else:
            detail["due_on"] = proposal.due_on.isoformat()
    if problems:
        raise Invalid(_("The proposal is not complete."), problems=problems)
    return detail, clause


@transaction.atomic
def hand_back(*, actor: Actor, receipt: str, note: str, at: datetime) -> Tip:
    """The proposal was not agreed to: the handler works on. It decides nothing, so any approver of the office may.

    Raises NotVisible, NotAllowed, Invalid, WrongState.
    """
    tip = _locked(actor, receipt)
    if not rules.handles_tips(actor, tip):
        raise NotAllowed(ONLY_APPROVERS)
    _require_proposed(tip)
    if not note.strip():
        said = _("Say why: the handler reads it.")
        raise Invalid(said, problems={"note": [said]})
    _go(tip, tip.hand_back_to_triage if tip.outcome == TipOutcome.NOT_ACCEPTED else tip.hand_back)
    proposer = tip.proposed_by_id
    tip.note, tip.outcome, tip.proposed_by_id = _clean(tip, "note", note), "", None
    tip.save()
    _record(tip, "handed_back", {"receipt": receipt}, actor=actor, at=at)
    _tell([proposer] if proposer else [], tip, "tip.handed_back", at, more=f":{at:%Y%m%d%H%M%S}")
    return tip


@transaction.atomic
def decide(*, actor: Actor, receipt: str, at: datetime) -> Tip:
    """Agrees to what another person proposed; what the rules name follows at once.

    Raises NotVisible, NotAllowed, WrongState, and what ordering a rectification or proposing a removal raises.
    """
    tip = _to_decide(actor, receipt)
    if tip.outcome == TipOutcome.NOT_ACCEPTED:
        _go(tip, lambda: tip.refuse(at=at))
    else:
        _go(tip, lambda: tip.close(at=at))
        tip.led_to = _effect(tip, actor=actor, at=at)
    tip.decided_by_id = actor.user_id
    tip.save()
    data = {"receipt": receipt, "outcome": tip.outcome, "cited": tip.cited}
    _record(tip, "decided", data, actor=actor, at=at)
    _tell([one.user_id for one in tip.handlers.filter(ended_at=None)], tip, "tip.decided", at)
    return tip


def _effect(tip: Tip, *, actor: Actor, at: datetime) -> str:
    """What the outcome leads to; the address of it. Its words are the officials', never the reporter's."""
    reason = tip.reason
    if note := tip.detail.get("note_zh"):
        reason = f"{reason}（{note}）"
    subject = ("tip", tip.pk)
    if tip.outcome == TipOutcome.RECTIFICATION:
        assert tip.listing_id is not None
        row = rectifications.order(
            listing=tip.listing_id,
            reason=tip.reason,
            due_on=date.fromisoformat(tip.detail["due_on"]),
            source=RectificationSource.REPORT,
            subject=subject,
            clause=tip.cited,
            actor=actor,
            at=at,
        )
        return rectifications.page_of(row)
    if tip.outcome == TipOutcome.REMOVAL:
        return _propose_removal(tip, reason, subject, actor=actor, at=at)
    if tip.outcome == TipOutcome.BODY:
        assert tip.body_id is not None
        bodies.ban(actor=actor, at=at, body_id=tip.body_id, ground=tip.detail["ground"], reason=reason)
    return ""


def _propose_removal(tip: Tip, reason: str, subject: tuple[str, int], *, actor: Actor, at: datetime) -> str:
    assert tip.listing is not None
    listing = Listing.objects.select_related("listbook__owner__area", "site__area").get(pk=tip.listing_id)
    found = standing.report_rule(listing)
    held = found[0] if found else None
    of_list = rulebook.of_book(listing.listbook) or (rulebook.Standing(held.version, held.bound) if held else None)
    ground = next((one for one in of_list.grounds if one.key == tip.detail["ground"]), None) if of_list else None
    if of_list is None or ground is None:
        raise Invalid(_("The rules of this list name no such ground for a removal."))
    made = removals.propose_by(
        listing=listing,
        standing=of_list,
        ground=ground,
        reason=reason,
        source=RemovalSource.REPORT,
        subject=subject,
        actor=actor,
        at=at,
    )
    return removals.page_of(made)


# ---- the end of what is kept ----------------------------------------------------------------------------------------
def erase_due(*, at: datetime, limit: int = 500) -> int:
    """Closed reports whose time is over lose name, contact, text and file; receipt, outcome and looks stay (PR-05).

    A restored backup brings rows back that are due again: the next run erases them again. Returns how many.
    """
    done = 0
    rows = Tip.objects.filter(erased_at=None).exclude(closed_at=None).order_by("closed_at")
    for pk, closed, days in list(
        rows.values_list("pk", "closed_at", "keep_days")
    ):  # terms differ: the oldest is not the first
        if done >= limit:
            break
        if closed is not None and closed + timedelta(days=days) <= at:
            done += _erase(pk, at)
    return done


@transaction.atomic
def _erase(pk: int, at: datetime) -> bool:
    tip = Tip.objects.select_for_update(of=("self",)).filter(pk=pk, erased_at=None).first()
    if tip is None:
        return False
    blob = tip.evidence
    tip.name = tip.contact = tip.text = ""
    tip.evidence, tip.erased_at = None, at
    tip.save()
    if blob is not None:
        key = blob.key
        Blob.objects.filter(pk=blob.pk).delete()
        transaction.on_commit(lambda: default_storage.delete(key))
    _record(tip, "erased", {"receipt": tip.receipt}, actor=SYSTEM, at=at)
    return True


# ---- shared ---------------------------------------------------------------------------------------------------------
def _locked(actor: Actor, receipt: str) -> Tip:
    """Raises NotVisible. The listing first, as everywhere."""
    seen = Tip.objects.visible_to(actor).filter(receipt=receipt).only("pk", "listing_id").first()
    if seen is None:
        raise NotVisible
    if seen.listing_id:
        Listing.objects.select_for_update(of=("self",)).get(pk=seen.listing_id)
    Tip.objects.select_for_update(of=("self",)).get(pk=seen.pk)
    return Tip.objects.select_related("listing__listbook", "body", "authority", "evidence").get(pk=seen.pk)


def _named(actor: Actor, receipt: str) -> Tip:
    """For a handler named on this very report. Raises NotVisible, NotAllowed."""
    tip = _locked(actor, receipt)
    if not tip.handlers.filter(user_id=actor.user_id, authority_id=actor.authority_id, ended_at=None).exists():
        raise NotAllowed(ONLY_NAMED)
    return tip


def _to_decide(actor: Actor, receipt: str) -> Tip:
    tip = _locked(actor, receipt)
    if not reads.may_decide(actor, tip):
        raise NotAllowed(
            _("An approver who never handled the report decides it: two people are needed."), code="four_eyes"
        )
    _require_proposed(tip)
    return tip


def _require_proposed(tip: Tip) -> None:
    """Raises WrongState."""
    if tip.state != TipState.TO_DECIDE:
        raise WrongState(_("The report is “%(state)s”.") % {"state": tip.get_state_display()})


def _bare(words: str) -> str:
    """Without what is put between the parts of a name or a number, and without capitals."""
    return re.sub(r"[\s\-·.()（）+]", "", words).casefold()


def _clean(tip: Tip, field: str, words: str) -> str:
    """Words that others read must not tell who reported. Raises Invalid."""
    marks = [mark for mark in (_bare(tip.name), _bare(tip.contact)) if len(mark) > 1]
    if any(mark in _bare(words) for mark in marks):
        said = _("These words name who reported or the contact: others read them. Please take that out.")
        raise Invalid(said, problems={field: [said]})
    return words.strip()


def _go(tip: Tip, verb: Any) -> None:
    try:
        verb()
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The report is “%(state)s”.") % {"state": tip.get_state_display()}) from wrong


def _record(tip: Tip, what: str, data: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("tip", tip.pk), action=f"tip.{what}", at=at, data=data)


def _approvers(tip: Tip, at: datetime) -> list[int]:
    return accounts.people_with(tip.authority_id, ("approver",), china_date(at), tip.category)


def _deciding(tip: Tip, at: datetime) -> list[int]:
    """Approvers who never handled it."""
    handled = set(tip.handlers.values_list("user_id", flat=True))
    return [one for one in _approvers(tip, at) if one not in handled]


def _tell(people: list[int], tip: Tip, kind: str, at: datetime, more: str = "") -> None:
    outbox.notify(
        recipients=people,
        event=f"{kind}:{tip.pk}{more}",
        kind=kind,
        at=at,
        params={"receipt": tip.receipt},
        link=reverse("dynamics:tip", args=[tip.receipt]),
    )

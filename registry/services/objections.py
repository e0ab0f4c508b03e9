"""异议: filed by anybody with name and contact while the notice runs; holds its item until it is decided with reasons."""

from dataclasses import replace
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.services import cases
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core import attachments, audit, limits, numbers, outbox
from greenlist.core.actors import ANONYMOUS, Actor
from greenlist.core.clock import china_date, day_end
from greenlist.core.errors import NotAllowed, NotVisible, WrongState
from greenlist.organisations import selectors as organisations
from registry import rules
from registry.models import NoticeItem, Objection
from registry.services import notices
from registry.states import ItemState, NoticeState, ObjectionState


def file(
    *,
    notice: str,
    item: int,
    name: str,
    contact: str,
    text: str,
    evidence: UploadedFile | None,
    at: datetime,
    actor: Actor = ANONYMOUS,
) -> Objection:
    """Receives an objection up to the last instant of the last day (QHD-10b). The form is open to all, so tries are counted.

    Raises TooMany, NotVisible, WrongState (not begun, over), Invalid (evidence). Who is signed in by chance is not noted.
    """
    limits.take("objection", actor=actor, at=at)
    words = {"name": name, "contact": contact, "text": text}
    return _receive(notice=notice, item=item, words=words, evidence=evidence, at=at, remote=actor.remote)


@transaction.atomic
def _receive(
    *, notice: str, item: int, words: dict[str, str], evidence: UploadedFile | None, at: datetime, remote: str
) -> Objection:
    """The notice's row is locked, so closing cannot overtake it."""
    running = notices.lock(actor=ANONYMOUS, reference=notice)
    target = NoticeItem.objects.select_for_update().filter(notice=running, pk=item).first()
    if target is None or target.state == ItemState.DROPPED:
        raise NotVisible
    if running.state != NoticeState.RUNNING or running.ends_on is None or at >= day_end(running.ends_on):
        raise WrongState(_("The notice period is over; objections are not received any more."), code="notice_over")
    year = china_date(at).year
    blob = attachments.store(upload=evidence, at=at) if evidence else None
    objection = Objection.objects.create(
        item=target,
        receipt=f"YY{year}{numbers.take(scope='objection', year=year):05d}",
        evidence=blob,
        received_at=at,
        **words,
    )
    target.hold()
    target.save()
    audit.record(
        actor=replace(ANONYMOUS, remote=remote),
        subject=("notice", running.pk),
        action="objection.received",
        at=at,
        data={"receipt": objection.receipt, "unit": target.name, "evidence": blob.sha256 if blob else ""},
    )
    outbox.notify(
        recipients=accounts.people_with(
            running.authority_id, ("handler", "approver"), china_date(at), running.call.category
        ),
        event=f"objection.received:{objection.pk}",
        kind="objection.received",
        params={"name": target.name, "title": running.title, "receipt": objection.receipt},
        link=f"/registry/objections/{objection.receipt}/",
        at=at,
    )
    return objection


@transaction.atomic
def decide(*, actor: Actor, receipt: str, upheld: bool, reasons: str, at: datetime) -> Objection:
    """Decides with reasons. Upheld: the unit is not listed. Dismissed: its item runs on, or goes on if the notice is over.

    Raises NotVisible, NotAllowed, WrongState (decided already).
    """
    seen = Objection.objects.visible_to(actor).filter(receipt=receipt).select_related("item__notice__call").first()
    if seen is None:
        raise NotVisible
    notice = notices.lock(actor=actor, reference=seen.item.notice.reference)
    item = NoticeItem.objects.select_for_update(of=("self",)).select_related("application").get(pk=seen.item_id)
    objection = Objection.objects.select_for_update().get(pk=seen.pk)
    if not rules.may_decide_objection(actor, seen):
        raise NotAllowed(_("An approver of the deciding authority decides objections."))
    try:
        (objection.uphold if upheld else objection.dismiss)(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(_("This objection has been decided already.")) from wrong
    objection.reasons, objection.decided_by_id = reasons, actor.user_id
    objection.save()
    audit.record(
        actor=actor,
        subject=("notice", notice.pk),
        action="objection.decided",
        at=at,
        data={"receipt": receipt, "upheld": upheld, "reasons": reasons},
    )
    if upheld and item.state != ItemState.DROPPED and item.application.state == State.ON_NOTICE:
        _drop(item, reasons=reasons, actor=actor, at=at)
    elif item.state == ItemState.HELD and item.application.state != State.ON_NOTICE:
        notices.drop(item, at=at)  # disqualified meanwhile
    elif item.state == ItemState.HELD and not _open(item):
        item.release()
        item.save()
        if notice.state == NoticeState.CLOSED:
            notices.clear(item, notice=notice, actor=actor, at=at)
    return objection


@transaction.atomic
def read(*, actor: Actor, receipt: str, at: datetime) -> Objection:
    """An objection with who filed it; the look itself is recorded. Raises NotVisible."""
    found = (
        Objection.objects.visible_to(actor)
        .select_related("item__notice__authority", "item__notice__call", "item__application", "evidence", "decided_by")
        .filter(receipt=receipt)
        .first()
    )
    if found is None:
        raise NotVisible
    audit.record(
        actor=actor, subject=("notice", found.item.notice_id), action="objection.read", at=at, data={"receipt": receipt}
    )
    return found


def _open(item: NoticeItem) -> bool:
    return item.objections.filter(state=ObjectionState.RECEIVED).exists()


def _drop(item: NoticeItem, *, reasons: str, actor: Actor, at: datetime) -> None:
    item.drop(at=at)
    item.save()
    (case,) = notices.lock_cases(NoticeItem.objects.filter(pk=item.pk))
    cases.move(case, "objection_upheld", case.decline, actor=actor, at=at, desk=None, opinion=reasons)
    outbox.notify(
        recipients=organisations.member_ids(case.organisation_id),
        event=f"case.not_listed:{case.pk}",
        kind="case.not_listed",
        params={"number": case.number, "reason": reasons},
        link=f"/cases/{case.reference}/",
        at=at,
    )

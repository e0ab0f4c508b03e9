"""Things done to several cases at once, as the page before it showed them, and undone while nobody has built on it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Batch, BulkAction, Correction
from applications.selectors import bulk as reads
from applications.services import batches, screening
from applications.states import BatchState
from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotVisible, WrongState


@transaction.atomic
def run(*, actor: Actor, at: datetime, action: str, cases: list[str], target: str, digest: str) -> BulkAction:
    """Does what the preview showed, to the cases it can be done to.

    Raises Conflict when the preview would look different now, Invalid when nothing could be done, NotVisible.
    """
    if action == reads.BATCH:  # the batch before its cases, as everywhere
        lying = Batch.objects.visible_to(actor).filter(reference=target)
        lying.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    seen = Application.objects.visible_to(actor).filter(reference__in=cases)
    list(seen.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    plan = reads.plan(actor, action=action, cases=cases, target=target, at=at)
    if plan.digest != digest:
        raise Conflict(_("Something has changed since the preview. Look at it again."))
    if not plan.doable:
        raise Invalid(_("Nothing can be done to the chosen cases."))
    _DO[action](plan, actor=actor, at=at)
    made = BulkAction.objects.create(
        authority_id=actor.authority_id,
        action=action,
        target=target,
        rows=[{"case": one.case.reference, "before": one.before, "after": one.after} for one in plan.doable],
        by_id=actor.user_id,
        at=at,
    )
    data = {"action": action, "target": target, "cases": [one.case.reference for one in plan.doable]}
    audit.record(actor=actor, subject=("bulk", made.pk), action="desk.bulk", at=at, data=data)
    return made


def _assign(plan: reads.Plan, *, actor: Actor, at: datetime) -> None:
    for line in plan.doable:
        _give(line.case, line.after, actor=actor, at=at)


def _give(case: Application, to: int | None, *, actor: Actor, at: datetime) -> None:
    data = {"before": case.handler_id, "after": to}
    case.handler_id = to
    case.save(update_fields=["handler"])
    audit.record(actor=actor, subject=("case", case.pk), action="case.assign", at=at, data=data)


def _put(plan: reads.Plan, *, actor: Actor, at: datetime) -> None:
    references = [line.case.reference for line in plan.doable]
    batches.add(actor=actor, at=at, reference=plan.target, cases_=references)


def _remind(plan: reads.Plan, *, actor: Actor, at: datetime) -> None:
    for line in plan.doable:
        case = line.case
        correction = Correction.objects.get(application=case, answered_at=None)
        correction.reminded_at = at
        correction.save(update_fields=["reminded_at"])
        audit.record(actor=actor, subject=("case", case.pk), action="case.remind", at=at, data={})
        outbox.notify(
            recipients=screening.applicants_of(case),
            event=f"case.reminded:{correction.pk}:{at.isoformat()}",
            kind="case.reminded",
            at=at,
            params={"number": case.number, "authority": actor.authority_name, "reason": correction.reason},
            link=screening.page_of(case),
        )


_DO = {reads.ASSIGN: _assign, reads.BATCH: _put, reads.REMIND: _remind}


@transaction.atomic
def undo(*, actor: Actor, at: datetime, pk: int) -> BulkAction:
    """Puts back what the person's own action changed, case by case, where it is still as the action left it.

    Raises NotVisible (somebody else's), WrongState (undone already, too late, or the batch was handed over).
    """
    rows = BulkAction.objects.filter(by_id=actor.user_id, authority_id=actor.authority_id)
    rows.select_for_update(of=("self",)).filter(pk=pk).values_list("pk", flat=True).first()
    done = rows.filter(pk=pk).first()
    if done is None:
        raise NotVisible
    if done.undone_at is not None or done.action == reads.REMIND or at - done.at > reads.UNDO_FOR:
        raise WrongState(_("This cannot be undone any more."))
    back = _UNDO[done.action](done, actor=actor, at=at)
    if not back:
        raise WrongState(_("This cannot be undone any more: each of the cases has gone on."))
    done.undone_at = at
    done.save(update_fields=["undone_at"])
    audit.record(actor=actor, subject=("bulk", done.pk), action="desk.bulk_undo", at=at, data={"cases": back})
    return done


def _give_back(done: BulkAction, *, actor: Actor, at: datetime) -> list[str]:
    kept = {row["case"]: row for row in done.rows}
    mine = Application.objects.visible_to(actor).filter(reference__in=kept, desk_id=actor.authority_id)
    keys = list(mine.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    back = []
    still_here = {person.pk for person in reads.handlers_of(actor, at)}
    for case in Application.objects.filter(pk__in=keys).order_by("pk"):
        if case.handler_id == kept[case.reference]["after"]:
            before = kept[case.reference]["before"]
            _give(case, before if before in still_here else None, actor=actor, at=at)  # who has left gets no case back
            back.append(case.reference)
    return back


def _take_out(done: BulkAction, *, actor: Actor, at: datetime) -> list[str]:
    batch = Batch.objects.visible_to(actor).filter(reference=done.target).first()
    if batch is None or batch.state != BatchState.DRAFT:
        raise WrongState(_("The batch has been handed to the approver: this cannot be undone any more."))
    wanted = [row["case"] for row in done.rows]
    lying = batch.items.filter(application__reference__in=wanted, returned_at=None)
    back = list(lying.values_list("application__reference", flat=True))
    for reference in back:
        batches.remove(actor=actor, at=at, reference=done.target, case=reference)
    return back


_UNDO = {reads.ASSIGN: _give_back, reads.BATCH: _take_out}

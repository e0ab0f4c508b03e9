"""What every verb on a case shares: lock, the rules it is judged by, and the one way its state changes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications import selectors
from applications.models import Application, TimelineEntry
from applications.selectors import calls
from greenlist.accounts.models import Authority
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, NotVisible, WrongState

CASE_ROWS = ("call__rules", "call__owner__area", "organisation", "site__area", "desk", "report")


def lock(*, actor: Actor, reference: str, revision: int | None = None, rows: Sequence[str] = CASE_ROWS) -> Application:
    """The case, locked until the transaction ends, with these `rows` read along; the caller is inside `atomic`.

    Raises NotVisible, and Conflict when the page that asks saw an older revision.
    """
    seen = Application.objects.visible_to(actor).filter(reference=reference)
    # The lock comes alone and the row is read after it: PostgreSQL fills the joins of a locking SELECT from before the wait,
    # so a desk that the faster one has just set would be missing.
    seen.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    case = seen.select_related(*rows).defer(*calls.HEAVY_OF_CASE).first()
    if case is None:
        raise NotVisible
    if revision is not None:
        require_revision(case.revision, revision)
    return case


def require_revision(now: int, seen: int | None) -> None:
    """Raises Conflict when the page that asks saw another revision."""
    if seen is not None and seen != now:
        raise Conflict(
            _("Somebody else has acted on this case since you opened the page. Reload it to see what changed.")
        )


def move(
    case: Application,
    verb: str,
    transition: Callable[..., Any],
    *,
    actor: Actor,
    at: datetime,
    desk: Authority | None,
    opinion: str = "",
    applicant_sees: bool = True,
    data: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> TimelineEntry:
    """The only place where the state of a case changes: transition → save → timeline → audit.

    `transition` is the bound method of the verb, `arguments` are its own (`to`, `step`). Raises WrongState.
    """
    before = case.state
    try:
        transition(at=at, **arguments)
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        ) from wrong
    if case.desk_id != (desk.pk if desk else None):
        case.handler = None
    case.desk = desk
    if applicant_sees:
        case.untold_step = ""  # who is told of a move reads the case as it is from then on
    case.revision += 1
    case.due_on = selectors.due_of(case)
    case.save()
    entry = TimelineEntry.objects.create(
        application=case,
        at=at,
        verb=verb,
        from_state=before,
        to_state=case.state,
        step=case.step,
        user_id=actor.user_id,
        person=actor.name,
        capacity=actor.capacity.value,
        authority=actor.authority_name,
        opinion=opinion,
        applicant_sees=applicant_sees,
        data=dict(data or {}),
    )
    audit.record(
        actor=actor,
        subject=("case", case.pk),
        action=f"case.{verb}",
        at=at,
        data={"from": before, "to": case.state, "step": case.step, "opinion": opinion, **(data or {})},
    )
    return entry

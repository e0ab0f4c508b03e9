"""What an expert does on a panel: sign the pledge, keep away, score, lock, give up the seat (R4)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import Grant
from applications.states import State
from greenlist.core import attachments, audit, binding, outbox
from greenlist.core.actors import Actor
from greenlist.core.contents import ALLOWED
from greenlist.core.errors import Conflict, Invalid, NotVisible, Refused, Text, WrongState
from greenlist.core.models import Blob
from reviews.models import Panel, Seat, Sheet, ShownFile
from reviews.selectors import blind, scores, tree
from reviews.selectors import seats as reads
from reviews.selectors.tree import Rows, Tree
from reviews.services import panels
from reviews.states import ConflictKind

EXTENSIONS = {type_: f".{extension}" for extension, type_ in ALLOWED.items()}
LONGEST_REASON = 300
LONGEST_ROW = 500
LONGEST_TIES = 3000


@transaction.atomic
def pledge(*, actor: Actor, reference: str, at: datetime) -> Seat:
    """Signs the panel's pledge: who, when, and the digest of the words signed. Now the units are named, still closed.

    Raises NotVisible, WrongState (signed already).
    """
    panel, seat = _lock(actor, reference)
    if seat.pledged_at is not None:
        raise WrongState(_("You have signed the pledge already."))
    signed = {"panel": panel.reference, "text": panel.pledge, "user": actor.user_id, "name": actor.name, "at": at}
    seat.pledged_at, seat.pledge_digest = at, audit.digest_of(signed)
    seat.save()
    data = {"digest": seat.pledge_digest}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.pledged", at=at, data=data)
    return seat


@transaction.atomic
def declare(*, actor: Actor, reference: str, conflicts: Mapping[str, str], at: datetime, ties: str = "") -> Seat:
    """Says with which units there is a conflict (application → reason) or that there is none; the others open now.

    On a blind panel the expert names organisations instead (`ties`, one a line); units among them stay closed.

    Raises NotVisible (pledge not signed, unknown unit), WrongState (declared already), Invalid (a reason is missing).
    """
    panel, seat = _lock(actor, reference)
    if seat.pledged_at is None:
        raise NotVisible
    if seat.declared_at is not None:
        raise WrongState(_("You have declared this already. Keep away from a single unit on its own page."))
    sheets = {_key(panel, sheet): sheet for sheet in _sheets(seat)}
    if panel.blind:
        _named(sheets.values(), ties)
    for case, reason in conflicts.items():
        if case not in sheets:
            raise NotVisible
        _keep_away(sheets[case], reason)
    Sheet.objects.bulk_update(sheets.values(), ["conflict", "conflict_reason"])
    seat.declared_at = at
    seat.save()
    panels.open_material(seat, at=at)
    data = {"declared": dict(conflicts), "ties": ties.strip()[:LONGEST_TIES]}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.declared", at=at, data=data)
    return seat


@transaction.atomic
def keep_away(*, actor: Actor, reference: str, case: str, reason: str, at: datetime) -> Sheet:
    """Declares a conflict with one unit after the pledge: its material closes at once, its sheet does not count.

    Raises NotVisible, WrongState (sheets are locked), Invalid (no reason).
    """
    panel, seat = _lock(actor, reference)
    _unlocked(seat)
    sheet = _sheet(seat, case)
    _keep_away(sheet, reason)
    sheet.save()
    Grant.objects.live().filter(user_id=seat.user_id, application_id=sheet.item.application_id).update(ended_at=at)
    data = {"case": case, "reason": reason}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.conflict_declared", at=at, data=data)
    return sheet


CANNOT_BE_BARED = _("This file cannot be had without what it says of its author: it is not shown.")


def bare_file(*, actor: Actor, reference: str, case: str, alias: str, at: datetime) -> Blob:
    """A file as a blind panel gets it: under a number, without author, title, company and the like; made once.

    Raises NotVisible, Refused (it cannot be had so), Invalid (not checked for malware yet).
    """
    found = reads.file_of(actor, reference, case, alias)
    if found.bare is not None:
        return found.bare
    original = found.evidence.blob
    with attachments.opened(original) as body, binding.bundle() as work:
        (clean,) = work.bared([(work.add(body.chunks()), original.content_type)])
    if clean is None:
        raise Refused(CANNOT_BE_BARED, code="not_bare")
    tail = EXTENSIONS.get(original.content_type, "")
    kept = attachments.store_bytes(name=f"{alias}{tail}", content=clean, content_type=original.content_type, at=at)
    ShownFile.objects.filter(pk=found.pk, bare=None).update(bare=kept)
    return kept


@transaction.atomic
def recuse(*, actor: Actor, reference: str, reason: str, at: datetime) -> Seat:
    """Gives up the seat; all access ends at once. Raises NotVisible, Invalid (no reason)."""
    panel, seat = _lock(actor, reference)
    panels.vacate(seat, actor=actor, reason=reason, at=at)
    outbox.notify(
        recipients=[panel.created_by_id],
        event=f"panel.seat_given_up:{seat.pk}",
        kind="panel.seat_given_up",
        at=at,
        params={"name": actor.name, "title": panel.title, "reason": seat.recusal_reason},
        link=scores.page_of(panel),
    )
    return seat


@transaction.atomic
def save_sheet(
    *,
    actor: Actor,
    reference: str,
    case: str,
    version: int,
    score: Decimal | None,
    suggests: bool | None,
    comment: str,
    at: datetime,
    rows: Rows | None = None,
) -> Sheet:
    """Keeps an own sheet, complete or not. Where the unit has a tree of criteria the score is the sum of its `rows`.

    Raises NotVisible (not this expert's unit, pledge not signed), WrongState (locked), Conflict (saved elsewhere since
    the page was opened: `theirs` holds what stands), Invalid (score out of range).
    """
    panel, seat = _lock(actor, reference)
    sheet = _sheet(seat, case)
    _unlocked(seat)
    if version != sheet.version:
        raise Conflict(
            _("This sheet was saved elsewhere since you opened it. Both texts are shown: keep one."),
            theirs=_as_typed(sheet),
            version=sheet.version,
        )
    highest = scores.highest(panel)
    if score is not None and not (score.is_finite() and 0 <= score <= highest and score == round(score, 2)):
        words = _("Give a score from 0 to %(highest)s with at most two decimals; it is now %(score)s.")
        problem = words % {"highest": highest, "score": score}
        raise Invalid(problem, problems={"score": [problem]})
    branches = tree.of(sheet.item.application) if panel.scored else None
    if branches is not None:
        _take_rows(sheet, branches, rows or {}, highest)
    else:
        sheet.score, sheet.rows = score if panel.scored else None, {}
    sheet.suggests, sheet.comment = suggests, comment.strip()
    sheet.version += 1
    sheet.saved_at = at
    sheet.save()
    return sheet


@transaction.atomic
def lock(*, actor: Actor, reference: str, versions: Mapping[str, int], at: datetime) -> Seat:
    """Locks all own sheets, once and for good. `versions`: what the summary page showed, by application.

    Raises NotVisible, WrongState (locked already), Conflict (a sheet was saved since), Invalid (something is missing).
    """
    panel, seat = _lock(actor, reference)
    if seat.declared_at is None:
        raise NotVisible
    _unlocked(seat)
    own = [sheet for sheet in _sheets(seat) if _counts(sheet)]
    if {_key(panel, sheet): sheet.version for sheet in own} != dict(versions):
        raise Conflict(_("A sheet was changed since this summary was made. Look at it again, then lock."))
    _are_complete(panel, own)
    for sheet in own:
        sheet.locked_at = at
    Sheet.objects.bulk_update(own, ["locked_at"])
    seat.locked_at = at
    seat.save()
    audit.record(
        actor=actor,
        subject=("panel", panel.pk),
        action="panel.sheets_locked",
        at=at,
        data={"sheets": {sheet.item.application.reference: _as_data(sheet) for sheet in own}},
    )
    _tell_when_all_locked(panel, at)
    return seat


def _lock(actor: Actor, reference: str) -> tuple[Panel, Seat]:
    """The panel, locked, and the actor's live seat on it as it stands now. Raises NotVisible."""
    panel = panels.lock(actor=actor, reference=reference)
    # Read after the lock: what stood in the panel's own query may be older than the wait for it.
    seat = Seat.objects.of(actor).filter(panel=panel).select_related("user").first()
    if seat is None:
        raise NotVisible
    seat.panel = panel
    return panel, seat


def _key(panel: Panel, sheet: Sheet) -> str:
    """What pages of the expert call the unit."""
    return sheet.item.alias if panel.blind else sheet.item.application.reference


def _named(sheets: Iterable[Sheet], ties: str) -> None:
    """Marks the sheets of organisations that the expert has ties with."""
    by_case = {sheet.item.application_id: sheet for sheet in sheets}
    cases = [sheet.item.application for sheet in by_case.values()]
    for case, line in blind.matching(ties, cases).items():
        _keep_away(by_case[case], line)


def _take_rows(sheet: Sheet, branches: Tree, rows: Rows, highest: Decimal) -> None:
    """Points and comments by row, and their sum, as the criteria set sums (feature 16). Raises Invalid."""
    kept: dict[str, dict[str, str]] = {}
    problems: dict[str, list[Text]] = {}
    for line in branches.lines:
        given = rows.get(line.path, {})
        points, comment = given.get("points", "").strip(), given.get("comment", "").strip()
        found = tree.points_of({line.path: {"points": points}}, line)
        if points and (found is None or found != round(found, 2)):
            problems[f"points-{line.field}"] = [
                _("Give points from 0 to %(full)s with at most two decimals.") % {"full": f"{line.full:f}"}
            ]
        elif points and line.is_binding and found not in (0, line.full):
            problems[f"points-{line.field}"] = [
                _("This row is met or not: %(full)s points or 0.") % {"full": f"{line.full:f}"}
            ]
        if points or comment:
            kept[line.path] = {"points": points, "comment": comment[:LONGEST_ROW]}
    if problems:
        raise Invalid(_("Some points do not fit."), problems=problems)
    counted = tree.total(branches, kept)
    sheet.rows = kept
    sheet.score = None if counted.missing else min(counted.total, highest)


def _sheets(seat: Seat) -> list[Sheet]:
    rows = seat.sheets.select_related("item__application__organisation", "item__application__report")
    return list(rows.order_by("item__application_id"))


def _sheet(seat: Seat, case: str) -> Sheet:
    """The expert's sheet on a unit that is open to it. Raises NotVisible before the declaration and for a conflict."""
    rows = seat.sheets.select_related("item__application__report", "item__application__call__rules")
    named = {"item__alias": case} if seat.panel.blind else {"item__application__reference": case}
    sheet = rows.filter(**named).first()
    if seat.declared_at is None or sheet is None or not _counts(sheet):
        raise NotVisible
    return sheet


def _counts(sheet: Sheet) -> bool:
    """Without a conflict, and the case is still under review."""
    return not sheet.conflict and sheet.item.application.state == State.UNDER_REVIEW


def _unlocked(seat: Seat) -> None:
    if seat.locked_at is not None:
        raise WrongState(_("Your sheets are locked: nothing in them can change."))


def _keep_away(sheet: Sheet, reason: str) -> None:
    reason = reason.strip()
    if not reason:
        problem = _("Say why you keep away from this unit.")
        raise Invalid(problem, problems={f"reason-{_key(sheet.seat.panel, sheet)}": [problem]})
    if not sheet.conflict:
        sheet.conflict = ConflictKind.DECLARED
    sheet.conflict_reason = reason[:LONGEST_REASON]


def _as_data(sheet: Sheet) -> dict[str, object]:
    score = None if sheet.score is None else str(sheet.score)
    rows = {"rows": sheet.rows} if sheet.rows else {}
    return {"score": score, "suggests": sheet.suggests, "comment": sheet.comment, **rows}


def _as_typed(sheet: Sheet) -> dict[str, str]:
    """What stands, as the form's own values: the page puts both texts side by side."""
    score = "" if sheet.score is None else f"{sheet.score.normalize():f}"
    typed = {"score": score, "suggests": {True: "yes", False: "no", None: ""}[sheet.suggests], "comment": sheet.comment}
    for path, given in sheet.rows.items():
        field = path.replace(".", "-")
        typed |= {f"points-{field}": given.get("points", ""), f"comment-{field}": given.get("comment", "")}
    if sheet.rows:
        del typed["score"]
    return typed


def _are_complete(panel: Panel, own: list[Sheet]) -> None:
    problems: dict[str, list[Text]] = {}
    for sheet in own:
        missing: list[Text] = []
        if panel.scored and sheet.score is None:
            missing.append(_("the score"))
        branches = tree.of(sheet.item.application) if panel.scored and sheet.rows else None
        if branches is not None and sheet.suggests and tree.total(branches, sheet.rows).failed:
            missing.append(_("a row that must be met is not met: the unit cannot be suggested"))
        if sheet.suggests is None:
            missing.append(_("whether you suggest it"))
        if not sheet.comment:
            missing.append(_("the comment"))
        if missing:
            problems[_key(panel, sheet)] = missing
    if problems:
        raise Invalid(_("Some of your sheets are not complete."), problems=problems)


def _tell_when_all_locked(panel: Panel, at: datetime) -> None:
    if panel.seats.at_work().exists():
        return
    outbox.notify(
        recipients=[panel.created_by_id],
        event=f"panel.all_locked:{panel.pk}",
        kind="panel.all_locked",
        at=at,
        params={"title": panel.title},
        link=scores.page_of(panel),
    )

"""Number and time of a unit's filing on the national platform: one by one, or a column for a whole call (HEB-1a, JY-6, HLJ-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Transmission
from applications.selectors import calls
from applications.selectors import platform as reads
from applications.services import cases
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState
from greenlist.core.sheets import ImportRefused, RowProblem

OFFICIALS_ONLY = _("Only officials record filings on the national platform.")
SENDER_ONLY = _("Only the authority that sends the unit on records its filing on the national platform.")
LONGEST = 60
REASON = 300
FIRST_YEAR = 2000  # no platform took filings before


@dataclass(frozen=True)
class Filed:
    """What the platform gave: of one unit by its credit code."""

    code: str
    number: str
    at: datetime | None
    case: str = ""  # the case's number: needed where one firm files for several sites


def problems_of(number: str, filed_at: datetime | None, *, at: datetime) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    if not number.strip():
        found["number"] = [_("Enter the platform's number.")]
    elif len(number.strip()) > LONGEST:
        found["number"] = [_("At most %(most)s characters.") % {"most": LONGEST}]
    if filed_at is None:
        found["at"] = [_("Enter when it was filed.")]
    elif filed_at.year < FIRST_YEAR:
        found["at"] = [_("This day lies too far back.")]
    elif filed_at > at:
        found["at"] = [_("This moment lies in the future.")]
    return found


@transaction.atomic
def record(
    *, actor: Actor, at: datetime, reference: str, number: str, filed_at: datetime | None, reason: str = ""
) -> Transmission:
    """One unit's number and time, by the authority that sends it on; recorded again it is corrected, and the row keeps both.

    Raises NotVisible, NotAllowed, WrongState (nothing to file yet, or not asked by the rules), Invalid (also no reason
    given for another number).
    """
    case = cases.lock(actor=actor, reference=reference)
    if not actor.is_official:
        raise NotAllowed(OFFICIALS_ONLY)
    _require_open(case)
    if not reads.may_record(actor, case):
        raise NotAllowed(SENDER_ONLY)
    problems = problems_of(number, filed_at, at=at)
    before = Transmission.objects.filter(application=case).first()
    if not problems and _changes(before, number, filed_at):
        problems |= reason_problems(reason)
    if problems:
        raise Invalid(_("Please correct what was entered."), problems=problems)
    assert filed_at is not None
    return _keep(case, before, Filed(case.code, number, filed_at), reason, actor=actor, at=at)


def reason_problems(reason: str) -> dict[str, list[Text]]:
    if not reason.strip():
        return {"reason": [_("A number is recorded already: write why it is replaced.")]}
    if len(reason.strip()) > REASON:
        return {"reason": [_("At most %(most)s characters.") % {"most": REASON}]}
    return {}


def _changes(before: Transmission | None, number: str, filed_at: datetime | None) -> bool:
    return before is not None and (before.number, before.at) != (number.strip(), filed_at)


def _require_open(case: Application) -> None:
    if reads.table_of(calls.rules_of(case.call)) is None:
        raise WrongState(_("The rules of this call ask for no filing on the national platform."))
    if case.state not in reads.TO_FILE:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )


def _keep(
    case: Application, before: Transmission | None, filed: Filed, reason: str, *, actor: Actor, at: datetime
) -> Transmission:
    number = filed.number.strip()
    if before is not None and not _changes(before, number, filed.at):
        return before
    former = [*before.former, _gave_way(before, reason)] if before else []
    given = {"number": number, "at": filed.at, "recorded_by_id": actor.user_id, "recorded_at": at, "former": former}
    made, _new = Transmission.objects.update_or_create(application=case, defaults=given)
    data: dict[str, object] = {"number": number, "filed_at": filed.at}
    if before is not None:
        data |= {"before": before.number, "reason": reason.strip()}
    audit.record(actor=actor, subject=("case", case.pk), action="case.transmitted", at=at, data=data)
    return made


def _gave_way(before: Transmission, reason: str) -> dict[str, str]:
    return {
        "number": before.number,
        "at": before.at.isoformat(),
        "person": before.recorded_by.name,
        "recorded_at": before.recorded_at.isoformat(),
        "reason": reason.strip(),
    }


@transaction.atomic
def record_many(
    *, actor: Actor, at: datetime, call: int, rows: Sequence[tuple[str, int, Filed]], reason: str = ""
) -> int:
    """All lines of a column or none: units of one call by their credit code, and by case number where a firm has several.

    Only units that the actor's authority sends on. Returns how many.
    Raises NotVisible, ImportRefused with every mistake by sheet, row and column, Invalid (numbers replaced without reason).
    """
    found = reads.filing(actor, call)
    units = reads.coded(actor, found.call)
    mistakes: list[RowProblem] = []
    seen: dict[int, int] = {}
    meant: list[tuple[int, Filed]] = []
    for sheet, line, row in rows:
        fits = [case for case in units.get(row.code, ()) if not row.case or row.case == case.number]
        if len(fits) != 1:
            column, value = ("case", row.case) if row.code in units else ("code", row.code)
            mistakes.append(RowProblem(sheet, line, column, value, _unfit(row, units.get(row.code, ()))))
        else:
            (case,) = fits
            meant.append((case.pk, row))
            if seen.setdefault(case.pk, line) != line:
                text = _("It stands in row %(row)s already.") % {"row": seen[case.pk]}
                mistakes.append(RowProblem(sheet, line, "code", row.code, text))
        for column, texts in problems_of(row.number, row.at, at=at).items():
            mistakes += [RowProblem(sheet, line, column, row.number, text) for text in texts]
    if mistakes:
        raise ImportRefused(mistakes)
    return _keep_all(meant, reason, actor=actor, at=at)


def _unfit(row: Filed, cases: Sequence[Application]) -> Text:
    if not cases:
        return _("No unit of this call that your authority sends on has this code.")
    if row.case:
        return _("No unit with this code has this case number.")
    return _("Several units have this code: give the case number.")


def _keep_all(meant: Sequence[tuple[int, Filed]], reason: str, *, actor: Actor, at: datetime) -> int:
    keys = sorted(pk for pk, _row in meant)
    locked = {case.pk: case for case in Application.objects.filter(pk__in=keys).select_for_update().order_by("pk")}
    if any(case.state not in reads.TO_FILE for case in locked.values()):
        raise WrongState(_("Some units were withdrawn or ended meanwhile. Reload the page."))
    before = {
        row.application_id: row
        for row in Transmission.objects.filter(application__in=keys).select_related("recorded_by")
    }
    if any(_changes(before.get(pk), row.number, row.at) for pk, row in meant) and (problems := reason_problems(reason)):
        raise Invalid(_("Please correct what was entered."), problems=problems)
    for pk, row in meant:
        _keep(locked[pk], before.get(pk), row, reason, actor=actor, at=at)
    return len(meant)

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
LONGEST = 60
FIRST_YEAR = 2000  # no platform took filings before


@dataclass(frozen=True)
class Filed:
    """What the platform gave: of one unit by its credit code."""

    code: str
    number: str
    at: datetime | None


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
def record(*, actor: Actor, at: datetime, reference: str, number: str, filed_at: datetime | None) -> Transmission:
    """One unit's number and time; recorded again it is corrected, and the trail keeps both.

    Raises NotVisible, NotAllowed, WrongState (nothing to file yet, or not asked by the rules), Invalid.
    """
    case = cases.lock(actor=actor, reference=reference)
    if not actor.is_official:
        raise NotAllowed(OFFICIALS_ONLY)
    _require_open(case)
    if problems := problems_of(number, filed_at, at=at):
        raise Invalid(_("Please correct what was entered."), problems=problems)
    assert filed_at is not None
    return _keep(case, number.strip(), filed_at, actor=actor, at=at)


def _require_open(case: Application) -> None:
    if reads.table_of(calls.rules_of(case.call)) is None:
        raise WrongState(_("The rules of this call ask for no filing on the national platform."))
    if case.state not in reads.TO_FILE:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )


def _keep(case: Application, number: str, filed_at: datetime, *, actor: Actor, at: datetime) -> Transmission:
    given = {"number": number, "at": filed_at, "recorded_by_id": actor.user_id, "recorded_at": at}
    made, _new = Transmission.objects.update_or_create(application=case, defaults=given)
    data = {"number": number, "filed_at": filed_at}
    audit.record(actor=actor, subject=("case", case.pk), action="case.transmitted", at=at, data=data)
    return made


@transaction.atomic
def record_many(*, actor: Actor, at: datetime, call: int, rows: Sequence[tuple[str, int, Filed]]) -> int:
    """All lines of a column or none: units of one call by their credit code. Returns how many.

    Raises NotVisible, ImportRefused with every mistake by sheet, row and column.
    """
    found = reads.filing(actor, call)
    units = reads.coded(actor, found.call)
    mistakes: list[RowProblem] = []
    seen: dict[str, int] = {}
    for sheet, line, row in rows:
        if row.code not in units:
            mistakes.append(RowProblem(sheet, line, "code", row.code, _("No unit of this call has this code.")))
        if seen.setdefault(row.code, line) != line:
            text = _("It stands in row %(row)s already.") % {"row": seen[row.code]}
            mistakes.append(RowProblem(sheet, line, "code", row.code, text))
        for column, texts in problems_of(row.number, row.at, at=at).items():
            mistakes += [RowProblem(sheet, line, column, row.number, text) for text in texts]
    if mistakes:
        raise ImportRefused(mistakes)
    keys = sorted(units[row.code].pk for _sheet, _line, row in rows)
    locked = {case.code: case for case in Application.objects.filter(pk__in=keys).select_for_update().order_by("pk")}
    for _sheet, _line, row in rows:
        assert row.at is not None
        _keep(locked[row.code], row.number.strip(), row.at, actor=actor, at=at)
    return len(rows)

"""A reviewer's word on one indicator row: does it apply, what is its value, which points by hand. Never without a note."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Judgement
from applications.selectors import scores, standards
from applications.selectors import screening as reads
from applications.services import screening
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotVisible
from greenlist.policy.engine import forms
from greenlist.policy.engine.criteria_types import BINDING, YESNO_KINDS, Criteria, Kind, Row
from greenlist.policy.engine.scoring import RowResult, State

LONGEST_NOTE = 500
VALUE = "value"


@transaction.atomic
def judge(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    row: str,
    note: str,
    applies: bool | None = None,
    points: str = "",
    values: Mapping[str, str] | None = None,
) -> Judgement:
    """Keeps a judgement beside what the applicant declared; with nothing decided the declared value holds again.

    Raises NotVisible, NotAllowed, WrongState as the review does; Invalid (no note, no number, points outside the row's,
    points for a row that is worked out).
    """
    case = screening.under_review(actor=actor, reference=reference)
    criteria, spec = _row(case, row)
    version = reads.version_of(case)
    if version is None:
        raise NotVisible
    data, computed = version.data["sections"], version.data["computed"]
    found = scores.evaluate(criteria, data, computed).row(row)
    known = cells_of(found)
    corrected = _corrected(spec, known, values or {})
    given = _points(criteria, spec, found, points)
    _require_note(note)
    if applies is not None and spec.kind in BINDING and not spec.may_be_not_applicable:
        raise _wrong("applies", _("This row binds everybody: it cannot be set aside."))
    made = Judgement.objects.create(
        report=case.report,
        step=case.step,
        row=row,
        basis=scores.basis_of(criteria, row, data, computed),
        applies=applies,
        points=given,
        values={cell: str(value) for cell, value in corrected.items()},
        declared={cell: None if known[cell] is None else str(known[cell]) for cell in corrected},
        note=note.strip(),
        by_id=actor.user_id,
        at=at,
    )
    record = {"row": row, "applies": applies, "points": points, "values": made.values, "declared": made.declared}
    audit.record(
        actor=actor, subject=("case", case.pk), action="case.row_judged", at=at, data={**record, "note": made.note}
    )
    return made


def _row(case: Application, path: str) -> tuple[Criteria, Row]:
    criteria = standards.scored(case.report)
    try:
        if criteria is not None:
            return criteria, criteria.row(path)
    except KeyError:
        pass
    raise NotVisible


def cells_of(found: RowResult) -> dict[str, Decimal | None]:
    """The values of a row that may be corrected, by cell: one, or one a product or a year."""
    if found.parts:
        return {part.key: part.declared for part in found.parts}
    return {} if found.kind is Kind.QUALITATIVE else {VALUE: found.declared}


def _corrected(spec: Row, known: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Decimal]:
    problems: dict[str, list[Any]] = {}
    corrected: dict[str, Decimal] = {}
    for cell, text in values.items():
        if not str(text).strip():
            continue
        value = forms.number(text)
        if cell not in known:
            problems[cell] = [_("This row has no such value.")]
        elif value is None or abs(value) > forms.MOST or (spec.kind in YESNO_KINDS and value not in (0, 1)):
            problems[cell] = [_("Write a number.")]
        elif value != known[cell]:
            corrected[cell] = value
    if problems:
        raise Invalid(_("The row could not be judged."), problems=problems)
    return corrected


def _points(criteria: Criteria, spec: Row, found: RowResult, text: str) -> Decimal | None:
    if not str(text).strip():
        return None
    if spec.kind is not Kind.QUALITATIVE and found.state is not State.BY_HAND:
        raise _wrong("points", _("The points of this row are worked out: correct its value instead."))
    value = forms.number(text)
    if value is None or not 0 <= value <= found.full or value != value.quantize(Decimal("0.01")):
        raise _wrong("points", _("Write points from 0 to %(most)s.") % {"most": found.full})
    return value


def _require_note(note: str) -> None:
    if not note.strip():
        raise _wrong("note", _("Say why: the applicant reads it."))
    if len(note.strip()) > LONGEST_NOTE:
        raise _wrong("note", _("At most %(most)s characters.") % {"most": LONGEST_NOTE})


def _wrong(key: str, text: Any) -> Invalid:
    return Invalid(_("The row could not be judged."), problems={key: [text]})

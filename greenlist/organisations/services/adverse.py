"""Adverse records: entered by officials from named sources, or imported whole; ended with a source, never deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import attachments, audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState
from greenlist.core.models import Blob
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import AdverseRecord, Organisation

Kind, Severity = AdverseRecord.Kind, AdverseRecord.Severity
GRADED = frozenset({Kind.SAFETY, Kind.CYBER, Kind.QUALITY, Kind.ENVIRONMENT})  # accidents, whose grade rules compare


@dataclass(frozen=True)
class AdverseInput:
    """What a source says, as typed or as one row of a file."""

    name: str
    kind: str
    event_on: date
    source: str
    code: str = ""
    severity: int = Severity.NONE
    reference: str = ""
    ended_on: date | None = None


@dataclass(frozen=True)
class RowProblem:
    """One mistake in a file: where it stands, what stands there, and the rule it breaks."""

    sheet: str
    row: int
    column: str
    value: str
    rule: Text


class ImportRefused(Invalid):
    """Nothing of the file was taken; `rows` lists every mistake."""

    code = "import_refused"

    def __init__(self, rows: Sequence[RowProblem]) -> None:
        super().__init__(_("Nothing was imported: please correct the file and send it again."))
        self.rows = tuple(rows)


def problems_of(record: AdverseInput, *, at: datetime) -> dict[str, list[Text]]:
    """What is wrong with a record, by field; empty when it can be kept."""
    found: dict[str, list[Text]] = {}
    today = clock.china_date(at)
    if not record.name.strip():
        found["name"] = [_("Please enter the name as the source has it.")]
    if not record.source.strip():
        found["source"] = [_("Please name the source.")]
    if record.event_on > today:
        found["event_on"] = [_("This day lies in the future.")]
    if record.ended_on and not record.event_on <= record.ended_on <= today:
        found["ended_on"] = [_("The record cannot end before it begins, or in the future.")]
    if record.kind in GRADED and record.severity == Severity.NONE:
        found["severity"] = [_("An accident has a grade: general, larger, major or extreme.")]
    if record.kind not in GRADED and record.severity != Severity.NONE:
        found["severity"] = [_("Only accidents have a grade.")]
    try:
        rules.clean_code(record.code) if record.code else None
    except rules.BadCode as wrong:
        found["code"] = [wrong.message]
    return found


@transaction.atomic
def enter_adverse(*, record: AdverseInput, actor: Actor, at: datetime, evidence: Blob | None = None) -> AdverseRecord:
    """Keeps what a source says about a firm of the official's area, or about one that is not registered here yet.

    Raises NotAllowed (no official, or a firm of another place), Invalid.
    """
    if not rules.may_enter_adverse(actor):
        raise NotAllowed(_("Only an industry authority enters adverse records."))
    problems = problems_of(record, at=at)
    if problems:
        raise Invalid(_("Please correct the record."), problems=problems)
    code = rules.clean_code(record.code) if record.code else ""
    organisation = Organisation.objects.filter(code=code).select_related("area").first() if code else None
    abroad = organisation and not rules.is_in_charge(actor, *selectors.paths_of(organisation))
    if abroad and not rules.may_import(actor):
        reason = _("This firm belongs to another place: its own authority enters records about it.")
        raise NotAllowed(reason)
    made = _insert(record, code, organisation, actor, at, evidence)
    _record(made, actor=actor, action="adverse.entered", at=at)
    return made


def enter_adverse_with_file(
    *, record: AdverseInput, upload: UploadedFile | None, actor: Actor, at: datetime
) -> AdverseRecord:
    """The same, with a file that shows it; nothing is kept when either is refused."""
    if not rules.may_enter_adverse(actor):
        raise NotAllowed(_("Only an industry authority enters adverse records."))
    with transaction.atomic():
        blob = attachments.store(upload=upload, at=at) if upload else None
        return enter_adverse(record=record, actor=actor, at=at, evidence=blob)


def _insert(
    record: AdverseInput,
    code: str,
    organisation: Organisation | None,
    actor: Actor,
    at: datetime,
    evidence: Blob | None,
) -> AdverseRecord:
    return AdverseRecord.objects.create(
        organisation=organisation,
        code=code,
        name=record.name.strip(),
        kind=record.kind,
        severity=record.severity,
        event_on=record.event_on,
        ended_on=record.ended_on,
        source=record.source.strip(),
        reference=record.reference.strip(),
        evidence=evidence,
        entered_by_id=actor.authority_id,
    )


@transaction.atomic
def end_adverse(*, record_id: int, ended_on: date, source: str, actor: Actor, at: datetime) -> AdverseRecord:
    """Notes that a record was repaired, rectified or taken off, and what shows it. Raises NotVisible, NotAllowed,
    WrongState (ended already), Invalid."""
    record = selectors.adverse_record(actor, record_id)
    mine = record.entered_by_id == actor.authority_id
    own = record.organisation and rules.is_in_charge(actor, *selectors.paths_of(record.organisation))
    if not (mine or own):
        raise NotAllowed(_("Only the authority that entered a record, or that of the place, ends it."))
    record = AdverseRecord.objects.select_for_update(of=("self",)).get(pk=record_id)
    if record.ended_on:
        raise WrongState(_("This record has an end already."))
    problems: dict[str, list[Text]] = {}
    if not record.event_on <= ended_on <= clock.china_date(at):
        problems["ended_on"] = [_("The record cannot end before it begins, or in the future.")]
    if not source.strip():
        problems["source"] = [_("Please say what shows that it ended.")]
    if problems:
        raise Invalid(_("Please correct the record."), problems=problems)
    record.ended_on, record.ended_source = ended_on, source.strip()
    record.save(update_fields=["ended_on", "ended_source"])
    _record(record, actor=actor, action="adverse.ended", at=at)
    return record


@transaction.atomic
def import_adverse(
    *, rows: Sequence[tuple[str, int, AdverseInput]], digest: str, actor: Actor, at: datetime
) -> tuple[int, int]:
    """Takes all rows of a file or none: (new, already known). The same file twice adds nothing.

    Raises NotAllowed, ImportRefused with every mistake by sheet, row and column.
    """
    if not rules.may_import(actor):
        raise NotAllowed(_("Only an administrator imports files."))
    mistakes = [
        RowProblem(sheet, number, column, str(getattr(record, column, "")), text)
        for sheet, number, record in rows
        for column, texts in problems_of(record, at=at).items()
        for text in texts
    ]
    if mistakes:
        raise ImportRefused(mistakes)
    codes = {rules.clean_code(record.code) for *_place, record in rows if record.code}
    firms = {one.code: one for one in Organisation.objects.filter(code__in=codes)}
    known = set(
        AdverseRecord.objects.filter(source__in={r.source.strip() for *_place, r in rows}).values_list(*IDENTITY)
    )
    new = 0
    for *_place, record in rows:
        code = rules.clean_code(record.code) if record.code else ""
        identity = (
            code,
            record.name.strip(),
            record.kind,
            record.event_on,
            record.source.strip(),
            record.reference.strip(),
        )
        if identity in known:
            continue
        known.add(identity)
        made = _insert(record, code, firms.get(code), actor, at, None)
        _record(made, actor=actor, action="adverse.imported", at=at)
        new += 1
    data = {"digest": digest, "rows": len(rows), "new": new}
    audit.record(actor=actor, subject=("system", "imports"), action="adverse.file_imported", at=at, data=data)
    return new, len(rows) - new


IDENTITY = ("code", "name", "kind", "event_on", "source", "reference")


def _record(record: AdverseRecord, *, actor: Actor, action: str, at: datetime) -> None:
    """In the firm's own chain where the firm is known, otherwise in that of the record."""
    subject = ("organisation", record.organisation_id) if record.organisation_id else ("adverse", record.pk)
    data = {
        "record": record.pk,
        "kind": record.kind,
        "severity": record.severity,
        "on": record.event_on,
        "ended_on": record.ended_on,
        "source": record.source,
    }
    audit.record(actor=actor, subject=subject, action=action, at=at, data=data)

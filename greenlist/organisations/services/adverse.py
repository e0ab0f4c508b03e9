"""Adverse records: entered by officials from named sources, or imported whole; corrected or ended beside what they said
before, never deleted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import attachments, audit, clock, limits
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState
from greenlist.core.models import Blob
from greenlist.core.sheets import ImportRefused, RowProblem
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import AdverseChange, AdverseRecord, Organisation, Site
from greenlist.organisations.services import matching

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
    tier: str = ""


def problems_of(record: AdverseInput, *, at: datetime) -> dict[str, list[Text]]:
    """What is wrong with a record, by field; empty when it can be kept."""
    found: dict[str, list[Text]] = {}
    today = clock.china_date(at)
    if not rules.clean_name(record.name):
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
    if record.tier and record.kind != Kind.REMOVED:
        found["tier"] = [_("Only a removal from a green list has a tier.")]
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
    organisation = _firm_for(code, actor)
    made = _insert(record, code, organisation, actor, at, evidence)
    _record(made, actor=actor, action="adverse.entered", at=at)
    matching.find(records=[made], at=at)
    return made


def enter_adverse_with_file(
    *, record: AdverseInput, upload: UploadedFile | None, actor: Actor, at: datetime
) -> AdverseRecord:
    """The same, with a file that shows it; nothing is kept when either is refused. Raises TooMany as well."""
    if not rules.may_enter_adverse(actor):
        raise NotAllowed(_("Only an industry authority enters adverse records."))
    if upload:
        limits.take("upload", actor=actor, at=at)
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
        tier=record.tier,
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
    record = _taken(record_id, actor)
    if record.ended_on:
        raise WrongState(_("This record has an end already."))
    problems: dict[str, list[Text]] = {}
    if not record.event_on <= ended_on <= clock.china_date(at):
        problems["ended_on"] = [_("The record cannot end before it begins, or in the future.")]
    if not source.strip():
        problems["source"] = [_("Please say what shows that it ended.")]
    if problems:
        raise Invalid(_("Please correct the record."), problems=problems)
    _change(record, {"ended_on": ended_on, "ended_source": source.strip()}, source.strip(), actor=actor, at=at)
    _record(record, actor=actor, action="adverse.ended", at=at)
    return record


def _taken(record_id: int, actor: Actor) -> AdverseRecord:
    """The locked row, for who may change it. Raises NotVisible, NotAllowed."""
    record = selectors.adverse_record(actor, record_id)
    mine = record.entered_by_id is not None and record.entered_by_id == actor.authority_id
    own = record.organisation and rules.is_in_charge(actor, *selectors.paths_of(record.organisation))
    if not (mine or own):
        raise NotAllowed(_("Only the authority that entered a record, or that of the place, changes it."))
    return AdverseRecord.objects.select_for_update(of=("self",)).get(pk=record_id)


CORRECTED = ("name", "code", "kind", "severity", "tier", "event_on", "ended_on", "source", "reference")


@transaction.atomic
def correct_adverse(
    *, record_id: int, record: AdverseInput, reason: str, actor: Actor, at: datetime, upload: UploadedFile | None = None
) -> AdverseRecord:
    """Puts a record right; what it said before stays beside it. The link to a firm follows the code.

    Raises NotVisible, NotAllowed, Invalid (no reason, nothing changed, a mistake in the record).
    """
    row = _taken(record_id, actor)
    problems = problems_of(record, at=at)
    if not reason.strip():
        problems["reason"] = [_("Write why the record is corrected.")]
    if problems:
        raise Invalid(_("Please correct the record."), problems=problems)
    code = rules.clean_code(record.code) if record.code else ""
    organisation = _firm_for(code, actor) if code != row.code or code else row.organisation
    wanted = {name: getattr(record, name) for name in CORRECTED} | {"code": code}
    wanted = {name: value.strip() if isinstance(value, str) else value for name, value in wanted.items()}
    changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if upload:
        limits.take("upload", actor=actor, at=at)
        changed["evidence"] = attachments.store(upload=upload, at=at)
    if not changed:
        raise Invalid(_("Nothing was changed."), problems={"reason": [_("The record says this already.")]})
    _change(row, changed | {"organisation": organisation}, reason.strip(), actor=actor, at=at)
    if {"name", "code"} & set(changed):
        matching.drop(row)
        matching.find(records=[row], at=at)
    _record(row, actor=actor, action="adverse.corrected", at=at)
    return row


def _firm_for(code: str, actor: Actor) -> Organisation | None:
    """Raises NotAllowed: an official enters nothing about another place's firm."""
    found = Organisation.objects.filter(code=code).select_related("area").first() if code else None
    if found and not rules.may_import(actor) and not rules.is_in_charge(actor, *selectors.paths_of(found)):
        raise NotAllowed(ABROAD)
    return found


def _change(row: AdverseRecord, values: Mapping[str, Any], reason: str, *, actor: Actor, at: datetime) -> None:
    """Saves, and keeps what stood there before."""
    before = {name: audit.plain(_said(getattr(row, name))) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    after = {name: audit.plain(_said(value)) for name, value in values.items()}
    AdverseChange.objects.create(
        record=row,
        before={name: value for name, value in before.items() if value != after[name]},
        after={name: value for name, value in after.items() if value != before[name]},
        reason=reason[:300],
        by_id=actor.user_id,
        authority=actor.authority_name,
        at=at,
    )


def _said(value: Any) -> Any:
    """A row by what people know it by."""
    return str(value) if isinstance(value, Blob | Organisation) else value


@transaction.atomic
def import_adverse(
    *, rows: Sequence[tuple[str, int, AdverseInput]], digest: str, actor: Actor, at: datetime
) -> tuple[int, int]:
    """Takes all rows of a file or none: (new, already known). The same file twice adds nothing.

    Raises NotAllowed, ImportRefused with every mistake by sheet, row and column.
    """
    if not rules.may_enter_adverse(actor):
        raise NotAllowed(_("Only an industry authority or an administrator imports files."))
    audit.hold(("system", "imports"))  # one file after the other: two of the same add nothing twice
    mistakes = [
        RowProblem(sheet, number, column, str(getattr(record, column, "")), text)
        for sheet, number, record in rows
        for column, texts in problems_of(record, at=at).items()
        for text in texts
    ]
    if mistakes:
        raise ImportRefused(mistakes)
    codes = {rules.clean_code(record.code) for *_place, record in rows if record.code}
    firms = {one.code: one for one in Organisation.objects.filter(code__in=codes).select_related("area")}
    _refuse_abroad(rows, firms, actor)
    known = set(
        AdverseRecord.objects.filter(source__in={r.source.strip() for *_place, r in rows}).values_list(*IDENTITY)
    )
    fresh: list[AdverseRecord] = []
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
        fresh.append(made)
    matching.find(records=fresh, at=at)
    new = len(fresh)
    data = {"digest": digest, "rows": len(rows), "new": new}
    audit.record(actor=actor, subject=("system", "imports"), action="adverse.file_imported", at=at, data=data)
    return new, len(rows) - new


def _refuse_abroad(
    rows: Sequence[tuple[str, int, AdverseInput]], firms: Mapping[str | None, Organisation], actor: Actor
) -> None:
    """An official's file is about firms of its own area, or about such as nobody knows yet. Raises ImportRefused."""
    if rules.may_import(actor):
        return
    producing = defaultdict(list)
    for pk, path in Site.objects.filter(organisation__in=list(firms.values())).values_list(
        "organisation_id", "area__path"
    ):
        producing[pk].append(path)
    mine = {
        code for code, firm in firms.items() if rules.is_in_charge(actor, firm.area.path, *producing.get(firm.pk, ()))
    }
    abroad = [
        RowProblem(sheet, number, "code", record.code, ABROAD)
        for sheet, number, record in rows
        if record.code and (code := rules.clean_code(record.code)) in firms and code not in mine
    ]
    if abroad:
        raise ImportRefused(abroad)


ABROAD = _("This firm belongs to another place: its own authority enters records about it.")
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

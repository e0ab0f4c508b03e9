"""The applicant's report in the making: start, save a section, add and remove evidence. Nothing is ever overwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from applications import facts, rules, selectors
from applications.models import Application, Call, Evidence, Report, Section
from applications.rules import applicant as may
from applications.selectors import calls, drafts, papers, standards
from applications.services import cases
from applications.states import FINAL, WITH_APPLICANT, CallState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, clock, dates, limits, pieces
from greenlist.core.actors import SYSTEM, Actor, Capacity, Tier
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Blob, PartialUpload
from greenlist.organisations.models import Site
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Field, FieldType, Form, NotOffered, Result, Step, StepKind


class EditingConflict(Conflict):
    """Somebody else saved this section since; `theirs` is what stands now, `by` and `at` say whose it is."""

    def __init__(self, row: Section) -> None:
        super().__init__(
            _(
                "Somebody else has changed this section since you opened it. Nothing was overwritten: choose what stays."
            ),
            theirs=row.data,
            version=row.version,
        )
        self.section = row.key
        self.by = row.updated_by.name if row.updated_by else ""
        self.at = row.updated_at


@dataclass(frozen=True, slots=True)
class Saved:
    """A section as it now stands."""

    version: int
    saved_at: datetime
    data: Mapping[str, Any]


# ---- start ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def start(*, actor: Actor, at: datetime, call_id: int, site_id: int, mode: str = "") -> Application:
    """A draft for one site in one call; a second start gives the one that is already there, in the mode it was begun in.

    `mode`: one of those the rule set offers; its first one where none is named. Raises NotVisible, NotAllowed (no
    applicant), Refused (a mode that is not offered, the site lies elsewhere, nobody receives it, the day has passed),
    WrongState (the call is not open).
    """
    if actor.capacity != Capacity.APPLICANT:
        raise NotAllowed(_("Only the firm itself starts an application; choose it in the role switcher."))
    if actor.is_body:
        raise NotAllowed(_("A third-party body evaluates for others and does not apply itself."))
    site = Site.objects.visible_to(actor).select_related("area", "organisation__area").filter(pk=site_id).first()
    call = (
        Call.objects.visible_to(actor).select_related(*calls.CALL_ROWS).defer(*calls.HEAVY).filter(pk=call_id).first()
    )
    if site is None or call is None:
        raise NotVisible
    live = live_case(call, site)
    if live is not None and not _left_behind(live, actor=actor, at=at):
        return live
    _require_open(call, site, at)
    bound = selectors.rules_of(call)
    mode = mode or bound.policy.modes[0]
    step = _first_step(bound, call, mode)
    receiver(bound, site)  # refused now rather than after a week of typing
    try:
        with transaction.atomic():
            return _create(call, site, bound, step, mode, actor=actor, at=at)
    except IntegrityError:
        raced = live_case(call, site)
        if raced is None:
            raise
        return raced


@transaction.atomic
def _left_behind(live: Application, *, actor: Actor, at: datetime) -> bool:
    """Whether it was a draft begun under a claim that was refused since: whoever claims the firm now begins anew."""
    if Application.objects.visible_to(actor).filter(pk=live.pk).exists():
        return False
    case = Application.objects.select_for_update(of=("self",)).select_related("call__rules").get(pk=live.pk)
    if case.state == State.DRAFT:
        cases.move(case, "withdraw", case.withdraw, actor=SYSTEM, at=at, desk=None)
    return case.state in FINAL


def live_case(call: Call, site: Site) -> Application | None:
    """The application that a site has in a call and that has not ended."""
    found = Application.objects.filter(call=call, category=call.category, site=site).exclude(state__in=FINAL)
    return found.first()


def _require_open(call: Call, site: Site, at: datetime) -> None:
    if call.state != CallState.OPEN:
        raise WrongState(_("The call is not open."))
    deadline = calls.submission_deadline(call, site.area.path, at)
    if deadline and deadline.is_over(at):
        raise Refused(
            _("The last day to apply was %(day)s.") % {"day": dates.day(deadline.day)},
            code="too_late",
            clause=deadline.clause,
        )


def _first_step(bound: BoundPolicy, call: Call, mode: str) -> Step:
    try:
        return engine.route(bound, call.category, mode)[0]
    except NotOffered as refused:
        text = (
            _("This way of evaluating is not offered by the call.")
            if refused.what == "mode"
            else _("This list is not offered by the call.")
        )
        raise Refused(text, code="not_offered", clause=refused.clause) from refused


def receiver(bound: BoundPolicy, site: Site) -> tuple[Step, Authority]:
    """The step after the draft and the authority that receives it: found from the site's address (QHD-7). Raises Refused."""
    draft = bound.first(StepKind.DRAFT)
    step = engine.after(bound, draft.key, Result.PASSED)
    if not isinstance(step, Step):
        raise Refused(_("The rules name nobody who receives applications."), code="no_receiver", clause=draft.clause)
    if not engine.within(site.area.path, bound.header.owner):
        raise Refused(
            _("“%(site)s” lies in %(area)s, outside the area of this list: the authority there receives applications.")
            % {"site": site.name, "area": site.area.full_name or site.area.name},
            code="elsewhere",
            clause=step.clause,
        )
    desk = accounts.industry_authority(site.area, step.by) if step.by in set(Tier) else None
    if desk is None:
        raise Refused(
            _("No authority of %(area)s receives applications yet. Ask the authority that keeps the list.")
            % {"area": site.area.full_name or site.area.name},
            code="no_receiver",
            clause=step.clause,
        )
    return step, desk


def _create(
    call: Call, site: Site, bound: BoundPolicy, step: Step, mode: str, *, actor: Actor, at: datetime
) -> Application:
    report = Report(site=site, category=call.category, year=call.year, mode=mode, form=step.form_for(mode))
    industry = standards.industry_of(site.organisation)
    standards.pin(report, bound, policy.criteria_for(bound, call.category, industry, call.year))
    lay_out(report, site, bound, {}, at=at)
    firm = site.organisation
    case = Application(
        call=call,
        category=call.category,
        mode=mode,
        organisation=firm,
        site=site,
        report=report,
        name=firm.name,
        code=firm.code or "",
        industry_code=firm.industry_id or "",
        step=step.key,
        entered_at=at,
        started_by_id=actor.user_id,
        started_at=at,
    )
    deadline = calls.submission_deadline(call, site.area.path)
    case.due_on = deadline.day if deadline else None
    case.save()
    audit.record(
        actor=actor,
        subject=("case", case.pk),
        action="case.start",
        at=at,
        data={"call": call.pk, "site": site.pk, "mode": mode},
    )
    return case


def lay_out(
    report: Report, site: Site, bound: BoundPolicy, known: Mapping[str, Mapping[str, Any]], *, at: datetime
) -> Form:
    """Saves a new report with its empty sections, filled with what the profile says and over it with `known` answers.

    `known`: section → key → answer. Expects site.area and site.organisation.area.
    """
    report.factors = drafts.factors_for(standards.form_of(report, bound), site)
    report.save()
    form = standards.form_of(report, bound)
    data = engine.forms.blank(form, facts.prefill(site, report.category, clock.china_date(at)))
    Section.objects.bulk_create(
        Section(report=report, key=one.key, data={**data[one.key], **known.get(one.key, {})}) for one in form.sections
    )
    return form


@transaction.atomic
def renew_criteria(*, actor: Actor, at: datetime, reference: str) -> Application:
    """Judges a draft by the set that its firm's industry has by now; answers of rows that both sets have stay.

    Raises WrongState once submitted, Invalid when the set is the same.
    """
    case = writable(actor=actor, at=at, reference=reference)
    if case.state != State.DRAFT:
        raise WrongState(
            _("What was submitted cannot be changed: the case is now “%(state)s”.")
            % {"state": case.get_state_display()}
        )
    bound, report, before = selectors.rules_of(case.call), case.report, case.report.criteria_why
    applied = standards.applied_now(case, bound)
    if applied is None or applied.criteria.digest == before.get("digest"):
        raise Invalid(_("The criteria set of the report is the one that applies."))
    old = drafts.form_of(case, bound)
    standards.pin(report, bound, applied)
    report.factors = drafts.factors_for(standards.form_of(report, bound), case.site, report.factors)
    report.save(update_fields=["criteria", "criteria_why", "form_digest", "factors"])
    case.industry_code = standards.industry_of(case.organisation)
    case.save(update_fields=["industry_code"])
    lost = _refit(report, old, drafts.form_of(case, bound), actor=actor, at=at)
    record = {
        "from": before.get("slug", ""),
        "to": applied.criteria.slug,
        "number": applied.version.number,
        "lost": lost,
    }
    audit.record(actor=actor, subject=("case", case.pk), action="case.criteria_renewed", at=at, data=record)
    return case


def _refit(report: Report, old: Form, new: Form, *, actor: Actor, at: datetime) -> list[str]:
    """Sections and files as the new form has them; gives the paths whose answers or files fell away."""
    rows = {row.key: row for row in Section.objects.select_for_update().filter(report=report)}
    kept = {f"{part.key}.{field.key}": field.type for part in new.sections for field in part.fields}
    lost = []
    for part in old.sections:
        data = rows[part.key].data if part.key in rows else {}
        here = {key: value for key, value in data.items() if f"{part.key}.{key}" in kept}
        lost += [f"{part.key}.{key}" for key in data if key not in here]
        if part.key in rows and len(here) != len(data):
            _rewrite(rows[part.key], here, actor=actor, at=at)
    Section.objects.filter(report=report).exclude(key__in=[part.key for part in new.sections]).delete()
    blank = engine.forms.blank(new)
    missing = [part.key for part in new.sections if part.key not in rows]
    Section.objects.bulk_create(Section(report=report, key=key, data=blank[key]) for key in missing)
    for file in Evidence.objects.filter(report=report, removed_at=None):
        if f"{file.section}.{file.field}" not in kept:
            lost.append(f"{file.section}.{file.field}")
            file.removed_at = at
            file.save(update_fields=["removed_at"])
    return sorted(set(lost))


def _rewrite(row: Section, data: Mapping[str, Any], *, actor: Actor, at: datetime) -> None:
    row.data, row.version = dict(data), row.version + 1
    row.updated_by_id, row.updated_at = actor.user_id, at
    row.save(update_fields=["data", "version", "updated_by", "updated_at"])


# ---- fill in --------------------------------------------------------------------------------------------------------
@transaction.atomic
def save_section(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    answers: Mapping[str, Any],
    version: int,
    kind: str = papers.CASE,
) -> Saved:
    """Keeps the given answers of one section; fields that are not named stay as they are.

    Raises EditingConflict when the section is no longer at `version`, NotAllowed for a field that was not opened for
    correction, WrongState once submitted, Invalid for a field the form does not have.
    """
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference, quick=True)
    spec = drafts.spec_of(paper.form, section)
    known = {field.key for field in spec.fields if field.is_answered}
    if unknown := sorted(set(answers) - known):
        raise Invalid(
            _("The form has no such field."), problems={key: [_("The form has no such field.")] for key in unknown}
        )
    row = Section.objects.select_for_update().select_related(None).get(report_id=paper.report.pk, key=section)
    changed = {key: value for key, value in answers.items() if not _same(row.data.get(key), value)}
    if not changed:
        return Saved(row.version, row.updated_at or at, row.data)
    _require_opened(paper, section, changed)
    if row.version != version:
        raise EditingConflict(Section.objects.select_related("updated_by").get(pk=row.pk))
    row.data = {**row.data, **changed}
    row.version += 1
    row.updated_by_id, row.updated_at = actor.user_id, at
    row.save(update_fields=["data", "version", "updated_by", "updated_at"])
    return Saved(row.version, at, row.data)


@transaction.atomic
def save_sections(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    sections: Sequence[tuple[str, Mapping[str, Any], int]],
    digest: str,
    kind: str = papers.CASE,
) -> tuple[Saved, ...]:
    """Keeps what a filled-in workbook says of several sections (key, answers, version), or nothing of it.

    `digest` is the file's. Raises what `save_section` raises.
    """
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference)
    given: dict[str, Any] = {"actor": actor, "at": at, "reference": reference, "kind": kind}
    saved = tuple(
        save_section(section=key, answers=answers, version=version, **given) for key, answers, version in sections
    )
    record = {"sections": [key for key, _answers, _version in sections], "sha256": digest}
    audit.record(actor=actor, subject=paper.subject, action=f"{paper.subject[0]}.workbook_taken", at=at, data=record)
    return saved


def _same(stored: Any, given: Any) -> bool:
    """Nothing and an empty text are the same answer."""
    return stored == given or (engine.forms.is_empty(stored) and engine.forms.is_empty(given))


def writable(*, actor: Actor, at: datetime, reference: str, rows: Sequence[str] = cases.CASE_ROWS) -> Application:
    """The case, locked, while it is with the applicant: for its people, and for those of a body it is released to.

    Raises NotVisible, NotAllowed, WrongState.
    """
    case = cases.lock(actor=actor, reference=reference, rows=rows)
    rules.require(may.EDIT, case, actor)
    if actor.is_body and not drafts.is_released(case, actor, clock.china_date(at)):
        raise NotVisible
    if case.state not in WITH_APPLICANT:
        now = {"state": case.get_state_display()}
        raise WrongState(_("What was submitted cannot be changed: the case is now “%(state)s”.") % now)
    if case.state == State.RETURNED:  # who changes something has read what was asked: the request stands
        case.corrections.filter(answered_at=None, seen_at=None).update(seen_at=at)
    return case


def _write_case(*, actor: Actor, at: datetime, reference: str, quick: bool = False) -> papers.Paper:
    rows = drafts.DRAFT_ROWS if quick else cases.CASE_ROWS
    return papers.of_case(writable(actor=actor, at=at, reference=reference, rows=rows))


def _fill_case(actor: Actor, reference: str, quick: bool) -> papers.Paper:
    rows = drafts.DRAFT_ROWS if quick else drafts.CASE_ROWS
    return papers.of_case(drafts.case_at_work(actor, reference, rows))


papers.register(
    papers.CASE,
    papers.Kind(
        fill=_fill_case,
        show=lambda actor, reference: papers.of_case(drafts.case_of(actor, reference)),
        write=_write_case,
    ),
)


def _require_opened(paper: papers.Paper, section: str, keys: Mapping[str, Any]) -> None:
    closed = sorted(key for key in keys if f"{section}.{key}" not in paper.opened)
    if closed:
        raise NotAllowed(_("This field was not opened for correction: %(fields)s.") % {"fields": ", ".join(closed)})


# ---- evidence -------------------------------------------------------------------------------------------------------
def add_evidence(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    upload: UploadedFile,
    kind: str = papers.CASE,
) -> Evidence:
    """A file beside a field. Raises TooMany, Invalid (type, size, full), NotAllowed (field not opened), WrongState."""
    limits.take("upload", actor=actor, at=at)
    return _add_evidence(
        actor=actor, at=at, reference=reference, section=section, field=field, upload=upload, kind=kind
    )


@transaction.atomic
def _add_evidence(
    *, actor: Actor, at: datetime, reference: str, section: str, field: str, upload: UploadedFile, kind: str
) -> Evidence:
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference)
    spec = _file_field(paper, section, field)
    _require_opened(paper, section, {field: None})
    _require_room(paper, section, spec)
    return _place(paper, section, field, attachments.store(upload=upload, at=at), actor=actor, at=at)


def begin_evidence(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    name: str,
    size: int,
    type_: str,
    mark: str,
    sha256: str = "",
    kind: str = papers.CASE,
) -> PartialUpload | Evidence:
    """A large file beside a field, to be sent in pieces; the same file again goes on where it stopped.

    With its digest the file itself, if it was finished and only the answer was lost.

    Raises what `add_evidence` raises, as far as it can be said before the file is there.
    """
    target = _takes_file(actor=actor, at=at, reference=reference, section=section, field=field, kind=kind)
    row = pieces.found(actor=actor, target=target, name=name, size=size, mark=mark)
    if row is not None:
        return row
    there = {"report": target.split("/")[1], "section": section, "field": field, "blob__sha256": sha256}
    placed = Evidence.objects.filter(removed_at=None, added_by=actor.user_id, **there).first() if sha256 else None
    if placed is not None:
        return placed
    limits.take("upload", actor=actor, at=at)
    return pieces.begin(actor=actor, at=at, target=target, name=name, size=size, content_type=type_, mark=mark)


def add_piece(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    token: str,
    offset: int,
    piece: UploadedFile,
    kind: str = papers.CASE,
) -> PartialUpload:
    """The next piece. Raises NotVisible (also for the upload of somebody else), pieces.OutOfStep, Invalid, WrongState."""
    target = _takes_file(actor=actor, at=at, reference=reference, section=section, field=field, kind=kind)
    return pieces.take(row=pieces.get(actor=actor, token=token, target=target), offset=offset, body=piece, at=at)


def finish_evidence(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    token: str,
    sha256: str,
    kind: str = papers.CASE,
) -> Evidence:
    """The whole file, checked and placed as every other. One that is refused is dropped.

    Raises what `add_evidence` raises, pieces.OutOfStep.
    """
    target = _takes_file(actor=actor, at=at, reference=reference, section=section, field=field, kind=kind)
    row = pieces.get(actor=actor, token=token, target=target)
    with pieces.whole(row, sha256=sha256) as upload:
        try:
            placed = _placed_once(
                row, actor=actor, at=at, reference=reference, section=section, field=field, upload=upload, kind=kind
            )
        except Invalid:
            pieces.drop(row)
            raise
    pieces.drop(row)
    return placed


@transaction.atomic
def _placed_once(
    row: PartialUpload,
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    upload: UploadedFile,
    kind: str,
) -> Evidence:
    """Of two that finish the same upload one finds the row."""
    if not PartialUpload.objects.filter(pk=row.pk).delete()[0]:
        raise NotVisible
    return _add_evidence(
        actor=actor, at=at, reference=reference, section=section, field=field, upload=upload, kind=kind
    )


@transaction.atomic
def _takes_file(*, actor: Actor, at: datetime, reference: str, section: str, field: str, kind: str) -> str:
    """The name of this place among unfinished uploads. Raises as `add_evidence`."""
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference)
    spec = _file_field(paper, section, field)
    _require_opened(paper, section, {field: None})
    _require_room(paper, section, spec)
    return f"report/{paper.report.pk}/{section}/{field}"


@transaction.atomic
def use_evidence(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    section: str,
    field: str,
    evidence: str,
    kind: str = papers.CASE,
) -> Evidence:
    """A file of this report beside one more field: the same file, a row of its own; where it stands already, that row.

    Raises NotVisible (no such file in this report), Invalid (full), NotAllowed (field not opened), WrongState.
    """
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference)
    spec = _file_field(paper, section, field)
    _require_opened(paper, section, {field: None})
    standing = Evidence.objects.filter(report=paper.report, removed_at=None).select_related("blob")
    row = standing.filter(reference=evidence).first()
    if row is None:
        raise NotVisible
    there = standing.filter(section=section, field=field, blob=row.blob_id).first()
    if there is not None:
        return there
    _require_room(paper, section, spec)
    return _place(paper, section, field, row.blob, actor=actor, at=at)


def _require_room(paper: papers.Paper, section: str, spec: Field) -> None:
    """Raises Invalid when the field or the report holds as many files as it may."""
    standing = Evidence.objects.filter(report=paper.report, removed_at=None)
    there = standing.filter(section=section, field=spec.key).count()
    if spec.max_files is not None and there >= spec.max_files:
        reason = _("At most %(most)s files can stand here; remove one first.") % {"most": spec.max_files}
        raise Invalid(reason, problems={spec.key: [reason]})
    attachments.check_count(stored=standing.count())


def _place(paper: papers.Paper, section: str, field: str, blob: Blob, *, actor: Actor, at: datetime) -> Evidence:
    row = Evidence.objects.create(
        report=paper.report, section=section, field=field, blob=blob, added_by_id=actor.user_id, added_at=at
    )
    record = {"field": f"{section}.{field}", "name": blob.name, "sha256": blob.sha256}
    audit.record(actor=actor, subject=paper.subject, action=f"{paper.subject[0]}.evidence_added", at=at, data=record)
    return row


@transaction.atomic
def remove_evidence(*, actor: Actor, at: datetime, reference: str, evidence: str, kind: str = papers.CASE) -> Evidence:
    """Dates the removal; what was declared with the file keeps it. A second removal changes nothing."""
    paper = papers.kind(kind).write(actor=actor, at=at, reference=reference)
    row = Evidence.objects.filter(report=paper.report, reference=evidence).select_related("blob").first()
    if row is None:
        raise NotVisible
    if row.removed_at is None:
        _require_opened(paper, row.section, {row.field: None})
        row.removed_at = at
        row.save(update_fields=["removed_at"])
        record = {"field": f"{row.section}.{row.field}", "name": row.blob.name, "sha256": row.blob.sha256}
        audit.record(
            actor=actor, subject=paper.subject, action=f"{paper.subject[0]}.evidence_removed", at=at, data=record
        )
    return row


def _file_field(paper: papers.Paper, section: str, key: str) -> Field:
    spec = drafts.field_of(paper.form, section, key)
    if spec.type is not FieldType.FILE:
        raise NotVisible
    return spec

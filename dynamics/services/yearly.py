"""动态管理表: the unit begins, fills in, explains, hands in; its county and city pass on, return or accept, with an opinion.

Filling in is what it is in an application: the pages and services of drafts, through a paper of the kind "yearly".
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Report, ReportVersion
from applications.selectors import drafts, papers, standards
from applications.services import drafts as drafting
from applications.services import submission
from dynamics import rules
from dynamics.models import Cycle, OpinionReport, YearlyOpinion, YearlyReport
from dynamics.selectors import cycles, yearly
from dynamics.services import removals, rulebook, scores
from dynamics.services.cycles import places_of, table_for, title_of
from dynamics.states import OWED, WITH_UNIT, CycleState, RemovalSource, Word, YearlyState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import OFFICIALS, Actor, Capacity
from greenlist.core.audit import digest_of
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.verbs import require
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Site
from greenlist.policy import selectors as policy
from greenlist.policy.engine import duties
from greenlist.policy.engine.types import Duty

MOST_CHASED = 2000  # units reminded by one press


# ---- shared -----------------------------------------------------------------------------------------------------------
def lock(*, actor: Actor, reference: str, revision: int | None = None, with_cycle: bool = False) -> YearlyReport:
    """The table, locked until the transaction ends. Raises NotVisible, Conflict (the page saw an older one).

    `with_cycle`: its cycle is locked before it, as by whoever closes or refreshes the cycle, so neither overtakes the other.
    """
    seen = YearlyReport.objects.visible_to(actor).filter(reference=reference)
    if with_cycle:
        Cycle.objects.select_for_update().filter(pk__in=seen.values("cycle_id")).values_list("pk", flat=True).first()
    seen.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    table = seen.select_related(*cycles.TABLE_ROWS).first()
    if table is None:
        raise NotVisible
    if revision is not None and revision != table.revision:
        raise Conflict(
            _("Somebody else has acted on this table since you opened the page. Reload it to see what changed.")
        )
    return table


def _wrong(table: YearlyReport) -> WrongState:
    now = {"state": table.get_state_display()}
    return WrongState(_("This is not possible any more: the table is now “%(state)s”.") % now)


def _record(table: YearlyReport, deed: str, actor: Actor, at: datetime, **data: Any) -> None:
    audit.record(actor=actor, subject=("yearly", table.pk), action=f"yearly.{deed}", at=at, data=data)


def _saved(table: YearlyReport) -> None:
    table.revision += 1
    table.save()


def _require_open(table: YearlyReport) -> None:
    if table.cycle.state != CycleState.OPEN:
        raise Refused(_("The cycle of this year is closed."), code="cycle_closed", clause=_duty(table).clause)


def _duty(table: YearlyReport) -> Duty:
    return cycles.duty_of(table.cycle, table.category)


# ---- the unit begins and fills in -------------------------------------------------------------------------------------
@transaction.atomic
def begin(*, actor: Actor, at: datetime, reference: str) -> YearlyReport:
    """Starts the table with what is known: register, last year, evaluation. A second start changes nothing.

    Raises NotVisible, NotAllowed, Refused (closed), WrongState (handed in, exempt).
    """
    table = lock(actor=actor, reference=reference)
    require(rules.FILL_TABLE, table, actor)
    if table.state in WITH_UNIT:
        return table
    _require_open(table)
    try:
        table.begin()
    except TransitionNotAllowed as wrong:
        raise _wrong(table) from wrong
    bound = cycles.rules_of(table.cycle, table.category)
    site = Site.objects.select_related("area", "organisation__area", "organisation__industry").get(pk=table.site_id)
    is_evaluation = _duty(table).who == duties.ASPIRING
    year = table.cycle.year if is_evaluation else table.cycle.year - 1
    report = Report(site=site, category=table.category, year=year, mode="self", form=table.form)
    industry = standards.industry_of(site.organisation)
    applied = policy.criteria_for(bound, table.category, industry, table.cycle.year) if is_evaluation else None
    standards.pin(report, bound, applied)
    known = yearly.known_before(table, standards.form_of(report, bound), at)
    drafting.lay_out(report, site, bound, known.answers, at=at)
    report.origins = dict(known.origins)
    report.save(update_fields=["origins"])
    table.report = report
    _saved(table)
    _record(table, "begun", actor, at, taken_over=len(known.origins))
    return table


@transaction.atomic
def explain(*, actor: Actor, at: datetime, reference: str, reasons: Mapping[str, str]) -> YearlyReport:
    """Keeps why doubtful figures are right; they are declared with the figures. Raises NotVisible, NotAllowed, WrongState."""
    table = lock(actor=actor, reference=reference)
    require(rules.FILE_TABLE, table, actor)
    if table.state not in WITH_UNIT:
        raise _wrong(table)
    said = {path: text.strip()[:1000] for path, text in reasons.items() if text.strip()}
    kept = {**table.reasons, **said}
    kept = {path: text for path, text in kept.items() if path not in reasons or path in said}
    if kept != table.reasons:
        table.reasons = kept
        table.save(update_fields=["reasons"])
    return table


@transaction.atomic
def aspire(*, actor: Actor, at: datetime, cycle: str, site_id: int, category: str) -> YearlyReport:
    """A listed unit says that it means to apply higher, so it hands in an evaluation report again (JY-19).

    Raises NotVisible, NotAllowed, Refused (it is on no list, or applied this year already).
    """
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        raise NotAllowed(rules.UNIT_ONLY)
    row = Cycle.objects.open().filter(reference=cycle).select_related(*cycles.CYCLE_ROWS).first()
    site = Site.objects.visible_to(actor).select_related("area", "organisation__area").filter(pk=site_id).first()
    if row is None or site is None or cycles.duty_of(row).who != duties.ASPIRING:
        raise NotVisible
    if site.organisation.claim != "confirmed":
        raise NotVisible  # nor would it see its table
    there = YearlyReport.objects.filter(cycle=row, site=site, category=category).first()
    if there is not None:
        return there
    owed = cycles.unit_of(row, site, category, clock.china_date(at))
    if owed is None or not site.area.path.startswith(row.owner.area.path):
        raise Refused(
            _("Only a unit on a list below the tier it means to apply for hands in this report."), code="not_listed"
        )
    if owed.exempt is not None:
        raise Refused(
            _("The evaluation report of this year's application counts; another one is not needed."),
            code="not_needed",
            clause=owed.exempt.clause,
        )
    table = table_for(row, cycles.Unit(site, category, owed))
    table.aspires = True
    YearlyReport.objects.bulk_create([table], ignore_conflicts=True)
    table = YearlyReport.objects.get(cycle=row, site=site, category=category)
    _record(table, "aspired", actor, at, cycle=row.pk)
    return table


# ---- a paper for the pages of drafts ----------------------------------------------------------------------------------
def _writable(*, actor: Actor, at: datetime, reference: str, quick: bool = False) -> papers.Paper:
    table = lock(actor=actor, reference=reference)
    require(rules.FILE_TABLE, table, actor)
    if table.state not in WITH_UNIT or table.report is None:
        raise _wrong(table)
    _require_open(table)
    return yearly.paper_of(table)


def _filling(actor: Actor, reference: str, quick: bool) -> papers.Paper:
    """Raises NotVisible for everybody but the unit's own people."""
    if actor.capacity != Capacity.APPLICANT:
        raise NotVisible
    return yearly.paper_of(cycles.table_of(actor, reference))


papers.register(
    yearly.KIND,
    papers.Kind(
        fill=_filling,
        show=lambda actor, reference: yearly.paper_of(cycles.table_of(actor, reference)),
        write=_writable,
    ),
)


# ---- handing in -------------------------------------------------------------------------------------------------------
@transaction.atomic
def file(*, actor: Actor, at: datetime, reference: str, digest: str, declared_name: str, agreed: bool) -> ReportVersion:
    """Declares what `digest` names, vouching for its truth (HLJ-27), and hands it to the first reviewer.

    Late is late and taken all the same, while the cycle is open. Sent twice, the second finds the first one's.

    Raises NotVisible, NotAllowed, WrongState, Invalid (incomplete, a doubt unexplained, not declared), Conflict, Refused.
    """
    table = lock(actor=actor, reference=reference, with_cycle=True)
    require(rules.FILE_TABLE, table, actor)
    last = yearly.last_version(table)
    if table.state not in WITH_UNIT or table.report is None:
        if table.state == YearlyState.FILED and last is not None and last.digest == digest:
            return last
        raise _wrong(table)
    _require_open(table)
    paper = yearly.paper_of(table)
    draft = drafts.draft_of_report(table.report, paper.form)
    submission.require_whole(draft, declared_name, agreed=agreed)
    _require_explained(table, draft, at)
    content = yearly.content_of(table, draft)
    submission.require_as_read(content, table.report, digest)
    declaration = paper.bound.declaration.text.zh
    version = submission.keep_declared(
        table.report, draft, content, last, declaration, declared_name.strip(), actor=actor, at=at
    )
    late = clock.china_date(at) > table.due_on
    first = _station(table, None)
    try:
        table.file(at=at)
    except TransitionNotAllowed as wrong:
        raise _wrong(table) from wrong
    table.tier, table.desk, table.answer_by = first[0], first[1], None
    firm = table.organisation
    table.name, table.code, table.industry_code = firm.name, firm.code or "", firm.industry_id or ""
    _saved(table)
    _record(table, "filed", actor, at, version=version.number, digest=version.digest, late=late)
    _tell_desk(table, "yearly.filed", at, f"filed:{version.pk}")
    return version


def _require_explained(table: YearlyReport, draft: drafts.Draft, at: datetime) -> None:
    """Raises Invalid: a jump or an unusual figure wants a reason."""
    silent = [one for one in yearly.doubts_of(table, draft) if not table.reasons.get(one.path, "").strip()]
    if silent:
        problems = {one.path: [yearly.doubt_text(one)] for one in silent}
        raise Invalid(_("Some figures want an explanation before the table can be handed in."), problems=problems)


def _station(table: YearlyReport, after: str | None) -> tuple[str, Authority | None]:
    """The next tier that reviews, and its authority; after the last one ("", None). A place without such a tier skips it."""
    tiers = list(_duty(table).review)
    rest = tiers[tiers.index(after) + 1 :] if after in tiers else tiers
    for tier in rest:
        desk = accounts.industry_authority(table.site.area, tier)
        if desk is not None:
            return tier, desk
    if after is None:
        raise Refused(
            _("No authority of this place reviews tables yet. Ask the authority that keeps the list."), code="no_desk"
        )
    return "", None


def _tell_desk(table: YearlyReport, kind: str, at: datetime, period: str) -> None:
    if table.desk is None:
        return
    outbox.notify(
        recipients=accounts.people_with(table.desk, OFFICIALS, clock.china_date(at), table.category),
        event=f"yearly:{table.pk}:{kind}",
        period=period,
        kind=kind,
        at=at,
        params={"name": table.name, "title": title_of(table.cycle, table.category)},
        link=reverse("dynamics:yearly", args=[table.reference]),
    )


def _tell_unit(table: YearlyReport, kind: str, at: datetime, period: str, **params: Any) -> None:
    outbox.notify(
        recipients=organisations.told_ids(table.organisation_id),
        event=f"yearly:{table.pk}:{kind}",
        period=period,
        kind=kind,
        at=at,
        params={"title": title_of(table.cycle, table.category), **params},
        link=reverse("dynamics:yearly", args=[table.reference]),
    )


def _tell_owner(table: YearlyReport, kind: str, at: datetime, period: str, **params: Any) -> None:
    """The authority whose list it is learns whom the one below recommends (JY-19)."""
    outbox.notify(
        recipients=accounts.people_with(table.cycle.owner, OFFICIALS, clock.china_date(at), table.category),
        event=f"yearly:{table.pk}:{kind}",
        period=period,
        kind=kind,
        at=at,
        params={"name": table.name, "title": title_of(table.cycle, table.category), **params},
        link=reverse("dynamics:yearly", args=[table.reference]),
    )


# ---- reviewing --------------------------------------------------------------------------------------------------------
def _reviewed(
    actor: Actor, reference: str, revision: int | None, *, with_cycle: bool = False
) -> tuple[YearlyReport, ReportVersion]:
    table = lock(actor=actor, reference=reference, revision=revision, with_cycle=with_cycle)
    require(rules.REVIEW_TABLE, table, actor)
    version = yearly.last_version(table)
    if table.state != YearlyState.FILED or version is None:
        raise _wrong(table)
    return table, version


def _say(
    table: YearlyReport,
    version: ReportVersion,
    word: Word,
    text: str,
    *,
    actor: Actor,
    at: datetime,
    meets: bool | None = None,
    fields: Mapping[str, str] | None = None,
) -> YearlyOpinion:
    assert table.desk is not None
    return YearlyOpinion.objects.create(
        report=table,
        version=version,
        tier=table.tier,
        authority=table.desk,
        word=word,
        text=text.strip()[:4000],
        meets=meets,
        fields=dict(fields or {}),
        by_id=actor.user_id,
        person=actor.name,
        at=at,
    )


@transaction.atomic
def write_opinion(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    text: str,
    points: Mapping[str, tuple[bool | None, str]],
    meets: bool | None,
) -> OpinionReport:
    """审核意见报告 of this tier over the declared table (HLJ-28): what it says is frozen; written anew it replaces the former.

    `points`: key of the rules' point → (nothing against it, note). Raises NotVisible, NotAllowed, WrongState, Invalid.
    """
    table, version = _reviewed(actor, reference, None)
    asked = _duty(table).points
    problems: dict[str, list] = {}
    if not text.strip():
        problems["text"] = [_("Write the opinion.")]
    said = []
    for key, label in asked:
        fine, note = points.get(key, (None, ""))
        if fine is None:
            problems[f"point_{key}"] = [_("Say yes or no.")]
        elif fine is False and not note.strip():
            problems[f"note_{key}"] = [_("Say what was found.")]
        said.append({"key": key, "zh": label.zh, "en": label.en, "fine": fine, "note": note.strip()[:1000]})
    if meets is None and yearly.changed_of(version):
        problems["meets"] = [_("Something changed: say whether the unit still meets the standard.")]
    if problems:
        raise Invalid(_("The opinion report is not complete."), problems=problems)
    assert table.desk is not None
    data = yearly.opinion_data(table, version, text.strip(), said, meets, actor, at)
    report = OpinionReport.objects.create(
        report=table,
        version=version,
        tier=table.tier,
        authority=table.desk,
        text=text.strip()[:8000],
        points=said,
        meets=meets,
        data=data,
        digest=digest_of(data),
        by_id=actor.user_id,
        person=actor.name,
        at=at,
    )
    _record(table, "opinion_written", actor, at, version=version.number, digest=report.digest)
    return report


@transaction.atomic
def approve(
    *, actor: Actor, at: datetime, reference: str, revision: int, text: str, meets: bool | None = None
) -> YearlyReport:
    """Passes the table on to the next tier, or accepts it at the last one, with an opinion.

    Raises NotVisible, NotAllowed, Conflict, WrongState, Invalid (no opinion), Refused (the opinion report is missing: HLJ-28).
    """
    table, version = _reviewed(actor, reference, revision, with_cycle=True)  # its score is ranked within the cycle
    problems: dict[str, list] = {}
    if not text.strip():
        problems["text"] = [_("Write the opinion.")]
    if meets is None and yearly.changed_of(version):
        problems["meets"] = [_("Something changed: say whether the unit still meets the standard.")]
    if problems:
        raise Invalid(_("The table was not passed."), problems=problems)
    duty = _duty(table)
    if duty.opinion == "document" and not yearly.opinion_reports(table, version).filter(tier=table.tier).exists():
        raise Refused(
            _("The rules want an opinion report on every table: write it first."),
            code="no_opinion_report",
            clause=duty.opinion_clause,
        )
    tier, desk = _station(table, table.tier)
    done = desk is None
    _say(table, version, Word.ACCEPTED if done else Word.PASSED, text, actor=actor, at=at, meets=meets)
    try:
        if done:
            table.accept(at=at)
        else:
            table.pass_on()
    except TransitionNotAllowed as wrong:
        raise _wrong(table) from wrong
    was = table.tier
    table.tier, table.desk = tier, desk
    _saved(table)
    _record(table, "accepted" if done else "passed_on", actor, at, tier=was, version=version.number, meets=meets)
    if done:
        scores.keep(table, version, actor=actor, at=at)
        _tell_unit(table, "yearly.accepted", at, f"{version.pk}", authority=actor.authority_name)
        if meets is False:
            _propose_unmet(table, text, actor, at)
        if duty.who == duties.ASPIRING:
            _tell_owner(table, "yearly.recommended", at, f"{version.pk}", authority=actor.authority_name)
    else:
        _tell_desk(table, "yearly.filed", at, f"passed:{version.pk}:{tier}")
    return table


def _propose_unmet(table: YearlyReport, text: str, actor: Actor, at: datetime) -> None:
    """A change after which the unit no longer meets the standard, where the rules take it off for that (HLJ-31)."""
    for listing in places_of(table):
        standing = rulebook.of_book(listing.listbook)
        for ground in standing.grounds if standing else ():
            if standing is not None and ground.on == "change":
                removals.propose_by(
                    listing=listing,
                    standing=standing,
                    ground=ground,
                    reason=text,
                    source=RemovalSource.CHANGE,
                    subject=("yearly", table.pk),
                    actor=actor,
                    at=at,
                )


@transaction.atomic
def give_back(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    revision: int,
    text: str,
    fields: Mapping[str, str],
    answer_by: date | None = None,
) -> YearlyReport:
    """Returns the table with a reason for each field that is to be corrected; only those are open then.

    Without a day the rules' days to answer count. Raises NotVisible, NotAllowed, Conflict, WrongState, Invalid.
    """
    table, version = _reviewed(actor, reference, revision)
    _require_open(table)
    known = yearly.paths_of(table)
    wanted = {path: why.strip()[:1000] for path, why in fields.items() if path in known and why.strip()}
    today = clock.china_date(at)
    last = answer_by or today + timedelta(days=_duty(table).answer_days)
    problems: dict[str, list] = {}
    if not text.strip():
        problems["text"] = [_("Say why.")]
    if not wanted:
        problems["fields"] = [_("Name at least one field and what is to be corrected there.")]
    if last < today:
        problems["answer_by"] = [_("The day to answer has passed already.")]
    if problems:
        raise Invalid(_("The table was not returned."), problems=problems)
    _say(table, version, Word.RETURNED, text, actor=actor, at=at, fields=wanted)
    try:
        table.give_back()
    except TransitionNotAllowed as wrong:
        raise _wrong(table) from wrong
    table.answer_by = last
    _saved(table)
    _record(table, "returned", actor, at, reason=text.strip()[:500], fields=sorted(wanted), answer_by=last.isoformat())
    _tell_unit(
        table, "yearly.returned", at, f"{version.pk}", authority=actor.authority_name, day=last.isoformat(),
        reason=text.strip()[:300],
    )  # fmt: skip
    return table


# ---- reminding by hand ------------------------------------------------------------------------------------------------
def chase(*, actor: Actor, at: datetime, cycle: str, references: Iterable[str]) -> int:
    """Reminds these units that owe something, once a day whoever presses; gives how many were meant.

    Raises NotVisible, NotAllowed, WrongState, Refused (more than one press takes).
    """
    row = cycles.cycle_of(actor, cycle)
    if not actor.is_official:
        raise NotAllowed(rules.DESK_ONLY)
    if row.state != CycleState.OPEN:
        raise WrongState(_("The cycle is closed."))
    rows = YearlyReport.objects.visible_to(actor).filter(cycle=row, reference__in=list(references), state__in=OWED)
    found = list(rows.order_by("pk")[: MOST_CHASED + 1])
    if len(found) > MOST_CHASED:
        said = _("More than %(most)s units: choose a place or a list first.") % {"most": MOST_CHASED}
        raise Refused(said, code="too_many")
    return _chase(row, found, actor, at)


@transaction.atomic
def _chase(cycle: Cycle, tables: Sequence[YearlyReport], actor: Actor, at: datetime) -> int:
    today = clock.china_date(at)
    for table in tables:
        outbox.notify(
            recipients=organisations.told_ids(table.organisation_id),
            event=f"yearly:{table.pk}:chase",
            period=today.isoformat(),
            kind="yearly.chased",
            at=at,
            params={
                "title": title_of(cycle, table.category),
                "authority": actor.authority_name,
                "day": (table.answer_by or table.due_on).isoformat(),
            },
            link=reverse("dynamics:yearly", args=[table.reference]),
        )
    data = {"count": len(tables), "tables": [one.pk for one in tables][:200]}
    audit.record(actor=actor, subject=("cycle", cycle.pk), action="cycle.chased", at=at, data=data)
    return len(tables)

"""Recommendation batches: what may be put in, what is missing, and the one content that is shown, signed and printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.models import (
    Application,
    Batch,
    BatchItem,
    BatchReason,
    Call,
    CheckRun,
    Project,
    ReportVersion,
    Screening,
)
from applications.rules import batches as may
from applications.rules.screening import SAME_PERSON, is_another, is_at_desk
from applications.selectors import calls, drafts, ordering, quotas, screening, shown, upward
from applications.selectors.due import left
from applications.states import AT_WORK, RETURNABLE, BatchState, Mode, State
from greenlist.core import audit, clock
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import NotVisible, Text
from greenlist.core.http import whole
from greenlist.core.verbs import Verb
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import (
    BoundPolicy,
    Column,
    End,
    Finding,
    Outcome,
    Package,
    Result,
    Step,
    StepKind,
    TableSpec,
)

PAGE_SIZE = 30
UNITS_SHOWN = 100  # of one batch on one page
LACKS_SHOWN = 50
SUMMARY = "summary"
TITLED = "provincial_list"  # a column that the registry fills
BEFORE_SENDING = (BatchState.DRAFT, BatchState.TO_SIGN, BatchState.SIGNED)
NO_PACKAGE = Package(documents=(), optional=(), paper_copies=0, clauses=())
CONTACTS = ("contact_name", "contact_phone")  # personal: never frozen in clear, filled when printed


def get(actor: Actor, reference: str) -> Batch:
    """One batch of the sender, or sent to the receiver. Raises NotVisible."""
    rows = Batch.objects.visible_to(actor).select_related(
        "call__rules", "call__owner__area", "sender__area", "receiver__area", "signed_by", "sealed"
    )
    found = rows.defer(*calls.HEAVY_OF_CASE).filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


@dataclass(frozen=True, slots=True)
class BatchPage:
    rows: tuple[Batch, ...]
    after: int | None  # key of the next page


def page(actor: Actor, *, after: int | None = None, state: str = "", size: int = PAGE_SIZE) -> BatchPage:
    """The batches of an authority, newest first: those it makes and those it was sent."""
    rows = Batch.objects.visible_to(actor).select_related("call", "sender", "receiver")
    if state in BatchState:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    live = Count("items", filter=Q(items__returned_at=None))
    found = list(rows.annotate(units=live).order_by("-pk")[: size + 1])
    return BatchPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def step_of(bound: BoundPolicy, tier: str) -> Step | None:
    """The step in which authorities of this tier recommend; None where the route has none."""
    return next((step for step in bound.steps if step.kind is StepKind.BATCH and step.by == tier), None)


def open_calls(actor: Actor) -> QuerySet[Call]:
    """The calls from which this authority has cases that passed and lie in no batch."""
    ready = waiting_all(actor).filter(call=OuterRef("pk"))
    rows = Call.objects.filter(Exists(ready)).select_related("rules", "owner__area").defer(*calls.HEAVY)
    return rows.order_by("-year", "-pk")


def startable(actor: Actor) -> list[Call]:
    """What the list of batches offers to start: only a handler of a tier that recommends."""
    if actor.capacity != Capacity.HANDLER or actor.tier is None:
        return []
    return [call for call in open_calls(actor)[:20] if step_of(calls.rules_of(call), actor.tier.value)]


def call_to_start(actor: Actor, key: str) -> Call:
    """A call from which this authority has something to recommend. Raises NotVisible."""
    found = open_calls(actor).filter(pk=whole(key) or 0).first()
    if found is None:
        raise NotVisible
    return found


def waiting_all(actor: Actor) -> QuerySet[Application]:
    live = BatchItem.objects.filter(application=OuterRef("pk"), returned_at=None, batch__step=OuterRef("step"))
    rows = Application.objects.visible_to(actor).filter(desk_id=actor.authority_id, state=State.PASSED)
    return rows.exclude(Exists(live))


def trial(
    actor: Actor, reference: str, *, places: Mapping[str, int | None] | None = None, order: Sequence[str] = ()
) -> tuple[Batch, quotas.Trial | None]:
    """A batch, and what other numbers or another order would mean for its places; None where no quota bears on it.

    `places`: the number to try, by key of the quota. Nothing is kept. Raises NotVisible.
    """
    batch = get(actor, reference)
    inside, outside = for_trial(actor, batch)
    stands = quotas.stands(batch, calls.rules_of(batch.call), len(inside))
    if not stands:
        return batch, None
    usual = [case.reference for case in (*inside, *outside)]
    return batch, quotas.trial(stands, inside, outside, places=places or {}, order=order or usual)


def quotas_of(actor: Actor, reference: str) -> list[tuple[str, str]]:
    """Key and name of every quota that bears on a batch. Raises NotVisible."""
    batch = get(actor, reference)
    return [(one.key, words.text(one.label)) for one in engine.quotas(calls.rules_of(batch.call), batch.step)]


def order_by_rule(actor: Actor, reference: str) -> list[str]:
    """The units of a trial as the rule orders them. Raises NotVisible."""
    batch = get(actor, reference)
    inside, outside = for_trial(actor, batch)
    return [one.ref for one in ordering.by_rule(batch, calls.rules_of(batch.call), [*inside, *outside])]


def for_trial(actor: Actor, batch: Batch) -> tuple[list[Application], list[Application]]:
    """The units of a batch in their order, and while it is put together those that may still come in."""
    inside = [item.application for item in live(items_of(batch))]
    if batch.state != BatchState.DRAFT or not may.is_sender(batch, actor):
        return inside, []
    return inside, list(waiting_of(actor, batch).prefetch_related("report__versions")[:500])


def waiting_of(actor: Actor, batch: Batch) -> QuerySet[Application]:
    rows = waiting_all(actor).filter(call=batch.call, step=batch.step)
    return rows.select_related("organisation__industry", "report", "site__area").order_by(
        "priority", "submitted_at", "pk"
    )


def waiting(actor: Actor, batch: Batch) -> list[Application]:
    """The passed cases that may still be put into this batch, priority first, then in the order they were submitted."""
    found = list(waiting_of(actor, batch)[:500])
    for case in found:
        case.shown_badges = shown.badges(case.badges)  # type: ignore[attr-defined]
    return found


def items_of(batch: Batch) -> list[BatchItem]:
    """The units in their order, with what pages and papers say about them; a fixed number of queries."""
    bound = calls.rules_of(batch.call)
    table = table_of(bound)
    versions = ReportVersion.objects.all()
    if not (table and any(column.source.startswith("form:") for column in table.columns)):
        versions = versions.defer("data")  # whole reports: of hundreds of units many megabytes
    if "score" not in engine.order_rule(bound, batch.step).by and not engine.quotas(bound, batch.step):
        versions = versions.defer("score")
    rows = batch.items.select_related(
        "application__site__area", "application__organisation__industry", "application__report", "paper_noted_by"
    ).prefetch_related(
        "application__verdicts",
        "application__overrides",
        Prefetch("application__report__versions", versions),
        Prefetch(
            "application__screenings", Screening.objects.select_related("proposed_by", "signed_by").order_by("pk")
        ),
        Prefetch("application__projects", Project.objects.at_work().select_related("body")),
        Prefetch("application__checks", CheckRun.objects.order_by("-pk")),
    )
    if table and any(column.source == TITLED for column in table.columns):
        rows = rows.prefetch_related("application__site__titles")
    return list(rows.order_by("position", "pk"))


def live(items: Iterable[BatchItem]) -> list[BatchItem]:
    return [item for item in items if item.returned_at is None]


def package_of(bound: BoundPolicy, batch: Batch) -> Package:
    return bound.step(batch.step).package or NO_PACKAGE


def deadline(batch: Batch) -> date | None:
    """The last day to send, moved by extensions that concern the sender's area; None where the call sets none."""
    return calls.due_on(batch.call, batch.step, batch.sender.area.path)


# ---- the content ----------------------------------------------------------------------------------------------------
def content(batch: Batch, bound: BoundPolicy, items: Sequence[BatchItem]) -> dict[str, Any]:
    """What is signed: units in order with their findings and report digests, letter, package. Always in Chinese."""
    with translation.override("zh-hans"):
        package, table = package_of(bound, batch), table_of(bound)
        here, reasons = live(items), reasons_of(batch)
        return {
            "batch": batch.reference,
            "title": batch.title,
            "call": {
                "id": batch.call_id,
                "title": batch.call.title,
                "number": batch.call.number,
                "year": batch.call.year,
                "category": batch.call.category,
                "digest": bound.digest,
            },
            "sender": batch.sender.name,
            "receiver": batch.receiver_name,
            "letter": {
                "title": letter_title(batch, bound),
                "number": batch.letter_number,
                "text": batch.letter_text
                or usual_letter(batch, bound, [item.application.name for item in live(items)]),
            },
            "package": {
                "documents": list(package.documents),
                "optional": list(package.optional),
                "paper_copies": package.paper_copies,
                "clauses": list(package.clauses),
            },
            "columns": [column.key for column in table.columns] if table else [],
            "quotas": [_quota(one, reasons) for one in quotas.stands(batch, bound, len(here))],
            "order": _order(ordering.ordering(batch, bound, [item.application for item in here]), reasons),
            "units": [_unit(number, item, bound) for number, item in enumerate(here, start=1)],
        }


# ---- reasons for going on in spite of a warning about the whole -----------------------------------------------------
Reasons = Mapping[str, BatchReason]  # by rule


def reasons_of(batch: Batch) -> Reasons:
    return {row.rule: row for row in batch.reasons.all()}


def reason_for(reasons: Reasons, finding: Finding) -> BatchReason | None:
    """The reason given for a warning, while the warning says what it said then."""
    found = reasons.get(finding.rule)
    return found if found and found.basis == quotas.basis_of(finding) else None


def warning(batch: Batch, bound: BoundPolicy, items: Sequence[BatchItem], rule: str) -> Finding | None:
    """A warning about the whole batch that may be passed over with a reason."""
    here = live(items)
    found = [one.finding for one in quotas.stands(batch, bound, len(here))]
    found.append(ordering.ordering(batch, bound, [item.application for item in here]).finding)
    return next((one for one in found if one.rule == rule and one.outcome is Outcome.WARN), None)


def _said(given: BatchReason | None) -> dict[str, str] | None:
    if given is None:
        return None
    return {"reason": given.reason, "person": given.person, "at": given.at.isoformat()}


def _quota(one: quotas.Stand, reasons: Reasons) -> dict[str, Any]:
    finding = one.finding
    return {
        "finding": finding.as_json(),
        "places": one.places,
        "stock": one.stock,
        "share": one.share,
        "allotted": one.allotted,
        "why_allotted": one.why_allotted,
        "taken": one.taken,
        "here": one.here,
        "over": one.over,
        "said": _said(reason_for(reasons, finding)),
    }


def _order(one: ordering.Ordering, reasons: Reasons) -> dict[str, Any]:
    return {"finding": one.finding.as_json(), "said": _said(reason_for(reasons, one.finding))}


def usual_letter(batch: Batch, bound: BoundPolicy, units: Sequence[str]) -> str:
    """The recommendation text of the rule set with its places filled by these units; empty where it has none."""
    spec = bound.texts.get("letter")
    return fill(spec.body.zh.strip(), batch, bound, units) if spec else ""


def letter_title(batch: Batch, bound: BoundPolicy) -> str:
    spec = bound.texts.get("letter")
    return fill(spec.title.zh, batch, bound, ()) if spec else batch.title


def fill(text: str, batch: Batch, bound: BoundPolicy, units: Sequence[str]) -> str:
    """Fills the places known before the signature; `{day}` and the like stay for the day it is printed for."""
    known = {
        "year": str(batch.call.year),
        "owner": batch.call.owner.name,
        "city": _of_tier(batch, Tier.CITY),
        "county": batch.sender.name,
        "area": batch.sender.area.name,
        "count": str(len(units)),
        "units": "、".join(units),
        "call_title": batch.call.title,
        "rules_title": bound.header.title.zh,
        "document_number": batch.call.number or bound.header.document,
    }
    for place, value in known.items():
        text = text.replace("{" + place + "}", value)
    return text


def _of_tier(batch: Batch, tier: Tier) -> str:
    """The one of the two authorities that acts as this tier; the sender where neither does."""
    both = [one for one in (batch.sender, batch.receiver) if one is not None]
    return next((one.name for one in both if one.tier == tier), batch.sender.name)


def digest_of(frozen: Mapping[str, Any]) -> str:
    return audit.digest_of(frozen)


def _unit(number: int, item: BatchItem, bound: BoundPolicy) -> dict[str, Any]:
    case = item.application
    version = max(case.report.versions.all(), key=lambda row: row.number, default=None)
    signed = signed_screening(case)
    table = table_of(bound)
    return {
        "position": number,
        "case": case.reference,
        "number": case.number,
        "name": case.name,
        "code": case.code,
        "area": case.site.area.full_name or case.site.area.name,
        "industry": f"{case.industry_code} {industry_name(case)}".strip(),
        "priority": case.priority,
        "badges": list(shown.badges(case.badges)),
        "report": {
            "version": version.number if version else 0,
            "digest": version.digest if version else "",
            "declared_by": version.declared_name if version else "",
            "declared_at": version.declared_at.isoformat() if version else "",
        },
        "opinion": signed.opinion if signed else "",
        "review": {
            "prepared_by": signed.proposed_by.name if signed else "",
            "signed_by": signed.signed_by.name if signed and signed.signed_by else "",
            "signed_at": signed.signed_at.isoformat() if signed and signed.signed_at else "",
        },
        "verdicts": [
            {"key": row.key, "clause": row.clause, "answer": row.answer, "remark": row.remark}
            for row in sorted(case.verdicts.all(), key=lambda row: (row.step, row.pk))
        ],
        "findings": [finding.as_json() for finding in findings_of(case) if finding.outcome is not Outcome.CLEAR],
        "row": {column.key: cell(column, number, case, bound) for column in table.columns} if table else {},
        **_overridden(case),
    }


def _overridden(case: Application) -> dict[str, Any]:
    """Why the unit is recommended although a prerequisite warns (QHD-11); nothing where none does."""
    given = upward.reasons(case, findings_of(case))
    rows = [{"rule": rule, "reason": row.reason, "by": row.person} for rule, row in given.items()]
    return {"overrides": rows} if rows else {}


def signed_screening(case: Application) -> Screening | None:
    signed = [row for row in case.screenings.all() if row.signed_at and row.outcome == Screening.Outcome.PASS]
    return signed[-1] if signed else None


def findings_of(case: Application) -> tuple[Finding, ...]:
    """Of the newest check; `checks` are loaded newest first."""
    newest = next(iter(case.checks.all()), None)
    return tuple(Finding.from_json(one) for one in newest.findings) if newest else ()


# ---- the summary table ----------------------------------------------------------------------------------------------
def table_of(bound: BoundPolicy) -> TableSpec | None:
    """推荐汇总表: its columns are data, marked unverified (QHD-N4d); None where the rule set has no such table."""
    return bound.tables.get(SUMMARY)


def cell(column: Column, number: int, case: Application, bound: BoundPolicy) -> str:
    """What stands in one cell. A contact stays empty here: it is filled when printed and never frozen."""
    if column.source.startswith("form:"):
        return _form_cell(column.source.removeprefix("form:"), case, bound)
    if column.source in CONTACTS:
        return ""
    return str(_CELLS[column.source](number, case) or "")


def contact_cell(source: str, case: Application) -> str:
    return {"contact_name": case.organisation.contact_name, "contact_phone": case.organisation.contact_phone}[source]


def _form_cell(path: str, case: Application, bound: BoundPolicy) -> str:
    version = max(case.report.versions.all(), key=lambda row: row.number, default=None)
    if version is None:
        return ""
    try:
        spec = drafts.form_of(case, bound).field(path)
    except (KeyError, ValueError):
        return ""
    section, key, *_result = path.split(".")
    computed = version.data.get("computed", {})
    given = computed.get(path, version.data.get("sections", {}).get(section, {}).get(key))
    return shown.text_of(spec, given)


def _on_provincial_list(number: int, case: Application) -> str:
    """As the registry has it today, whatever the applicant says (HEB-A1)."""
    held = [title for title in case.site.titles.all() if (title.tier, title.category) == (Tier.PROVINCE, case.category)]
    return _("yes") if any(title.valid_until is None for title in held) else _("no")


def industry_name(case: Application) -> str:
    industry = case.organisation.industry
    return industry.name if industry else ""


def _opinion(number: int, case: Application) -> str:
    signed = signed_screening(case)
    return (signed.opinion if signed else "") or _("recommended, conditions met")


def _body(case: Application) -> str:
    """The third-party body behind the report, as in the annex table (HEB-A1); empty for a self-evaluation."""
    if case.mode != Mode.BODY:
        return ""
    return next((one.body.name for one in case.projects.all() if one.state in AT_WORK), "")


_CELLS = {
    "position": lambda number, case: number,
    "name": lambda number, case: case.name,
    "code": lambda number, case: case.code,
    "area": lambda number, case: case.site.area.name,
    "address": lambda number, case: case.site.address or case.organisation.address,
    "industry": lambda number, case: industry_name(case),
    "industry_code": lambda number, case: case.industry_code,
    "products": lambda number, case: case.organisation.products,
    "size": lambda number, case: case.organisation.get_size_display(),
    "legal_representative": lambda number, case: case.organisation.legal_representative,
    "priority": lambda number, case: "、".join(shown.badges(case.badges)),
    "third_party": lambda number, case: _body(case),
    "opinion": _opinion,
    "remark": lambda number, case: "",
    TITLED: _on_provincial_list,
}


# ---- the check page -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Lack:
    """Something that must be mended before the batch can be signed; `unit` is empty where it concerns the whole.

    `rule` is named where a reason mends it.
    """

    text: str
    clause: str = ""
    article: str = ""
    unit: str = ""
    reference: str = ""
    rule: str = ""


def lacks(batch: Batch, bound: BoundPolicy, items: Sequence[BatchItem]) -> list[Lack]:
    """What is missing or blocks. The documents asked for come from the rule set: what it does not ask never blocks (SJZ-8)."""
    package = package_of(bound, batch)
    clause = bound.step(batch.step).clause
    cited = screening.article(bound, clause)
    here = live(items)
    found = [] if here else [Lack(_("The batch has no unit yet."), clause, cited)]
    if "letter" in package:
        if not batch.letter_number:
            found.append(Lack(_("The recommendation document has no document number yet."), clause, cited))
        if not (batch.letter_text or usual_letter(batch, bound, ("",))):
            found.append(Lack(_("The recommendation document has no text yet."), clause, cited))
    reasons = reasons_of(batch)
    for one in quotas.stands(batch, bound, len(here)):
        if one.over:
            found.extend(_quota_lacks(one, bound, reasons))
    found.extend(_order_lacks(ordering.ordering(batch, bound, [item.application for item in here]), bound, reasons))
    for item in here:
        found.extend(_unit_lacks(item.application, batch, bound, package))
    return found


def _order_lacks(one: ordering.Ordering, bound: BoundPolicy, reasons: Reasons) -> Iterable[Lack]:
    """An order that departs from a rule which wants a reason (HLJ-21a)."""
    if one.finding.outcome is Outcome.WARN and reason_for(reasons, one.finding) is None:
        text = _("%(warning)s. Write a reason if it is to go on.") % {"warning": words.sentence(one.finding)}
        yield Lack(text, one.rule.clause, one.article, rule=one.finding.rule)


def _quota_lacks(one: quotas.Stand, bound: BoundPolicy, reasons: Reasons) -> Iterable[Lack]:
    finding = one.finding
    where = {"clause": finding.clause, "article": one.article}
    if finding.blocks:
        yield Lack(words.sentence(finding), **where)
    elif reason_for(reasons, finding) is None:
        text = _("%(warning)s. Write a reason if it is to go on.") % {"warning": words.sentence(finding)}
        yield Lack(text, **where, rule=finding.rule)


def _unit_lacks(case: Application, batch: Batch, bound: BoundPolicy, package: Package) -> Iterable[Lack]:
    clause = bound.step(batch.step).clause
    where = (clause, screening.article(bound, clause), case.name, case.reference)
    if case.state != State.PASSED or case.step != batch.step:
        state = {"state": case.get_state_display()}
        yield Lack(_("The case is now “%(state)s” and cannot be recommended.") % state, *where)
        return
    if signed_screening(case) is None:
        yield Lack(_("The review of this unit is not signed."), *where)
    if "report" in package and not case.report.versions.all():
        yield Lack(_("The self-evaluation report is missing."), *where)
    for finding in findings_of(case):
        if finding.blocks:
            article = screening.article(bound, finding.clause)
            yield Lack(words.sentence(finding), finding.clause, article, case.name, case.reference)
    for finding in upward.without_reason(case, findings_of(case)):
        text = _("%(warning)s. Write a reason if it is to go on.") % {"warning": words.sentence(finding)}
        article = screening.article(bound, finding.clause)
        yield Lack(text, finding.clause, article, case.name, case.reference, finding.rule)


# ---- the page -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Unit:
    """One line of the page: the row and what the frozen (or present) content says of it."""

    item: BatchItem
    position: int
    badges: tuple[str, ...]
    yes: int
    asked: int
    remarks: tuple[str, ...]
    cells: tuple[str, ...]
    paper_missing: bool
    why_not_returned: Text  # empty: the receiver may return it
    to_review: bool  # it lies on the reader's own desk


@dataclass(frozen=True, slots=True)
class QuotaShown:
    """A quota as the page and the check page print it, from what is or will be frozen."""

    text: str
    article: str
    outcome: str
    working: str  # how the number of places came about
    places: int
    used: int
    left: int
    over: int
    reason: str
    person: str


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """A warning of one unit that was passed over, and why."""

    unit: str
    text: str
    article: str
    reason: str
    person: str


def why_not_returned(batch: Batch, bound: BoundPolicy, case: Application) -> Text:
    """Why a unit cannot go back to the sender any more; empty while it can: at the first step after, nothing decided."""
    following = engine.after(bound, batch.step, Result.PASSED)
    if case.state not in RETURNABLE or isinstance(following, End) or case.step != following.key:
        return _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
    proposed = any(
        row.step == case.step and row.signed_at is None and row.sent_back_at is None for row in case.screenings.all()
    )
    return _("The conclusion of your review awaits a signature: have it sent back first.") if proposed else ""


def quotas_shown(frozen: Mapping[str, Any], bound: BoundPolicy) -> tuple[QuotaShown, ...]:
    """What was frozen of the quotas, in the reader's language; nothing for batches signed before there were any."""
    return tuple(_quota_shown(one, bound) for one in frozen.get("quotas", ()))


@dataclass(frozen=True, slots=True)
class OrderShown:
    """What was frozen of the order: whether it is the rule's, and why not."""

    text: str
    article: str
    outcome: str
    reason: str
    person: str


def order_shown(frozen: Mapping[str, Any], bound: BoundPolicy) -> OrderShown | None:
    """In the reader's language; None where no rule set speaks of it, or the batch was signed before it was kept."""
    finding = Finding.from_json(frozen["order"]["finding"]) if "order" in frozen else None
    if finding is None or not finding.clause:
        return None
    said = frozen["order"]["said"] or {}
    return OrderShown(
        text=words.sentence(finding),
        article=screening.article(bound, finding.clause),
        outcome=finding.outcome.value,
        reason=said.get("reason", ""),
        person=said.get("person", ""),
    )


def _quota_shown(one: Mapping[str, Any], bound: BoundPolicy) -> QuotaShown:
    finding = Finding.from_json(one["finding"])
    said = one["said"] or {}
    return QuotaShown(
        text=words.sentence(finding),
        article=screening.article(bound, finding.clause),
        outcome=finding.outcome.value,
        working=_working(one, finding),
        places=one["places"],
        used=one["taken"] + one["here"],
        left=max(one["places"] - one["taken"] - one["here"], 0),
        over=one["over"],
        reason=said.get("reason", ""),
        person=said.get("person", ""),
    )


def _working(one: Mapping[str, Any], finding: Finding) -> str:
    """The arithmetic: stock × share, rounded down; or who gave the number."""
    parts = []
    if one["share"] is not None:
        given = {"stock": one["stock"], "share": finding.params["share"], "result": one["share"]}
        parts.append(_("%(stock)s × %(share)s %% = %(result)s, rounded down") % given)
    if one["allotted"] is not None:
        parts.append(_("number given to this area: %(n)s") % {"n": one["allotted"]})
        if one["why_allotted"]:
            parts.append(one["why_allotted"])
    if not parts and finding.code != "quota.open":
        parts.append(_("number given by the call: %(n)s") % {"n": one["places"]})
    return _("; ").join(parts)


def reasons_shown(frozen: Mapping[str, Any], bound: BoundPolicy) -> tuple[ReasonShown, ...]:
    """Units recommended in spite of a warning, with what was written about it (QHD-11, HEB-2.3b)."""
    shown_: list[ReasonShown] = []
    for unit in frozen["units"]:
        said = {one["rule"]: one for one in unit.get("overrides", ())}
        for finding in map(Finding.from_json, unit["findings"]):
            if finding.rule in said:
                one = said[finding.rule]
                article = screening.article(bound, finding.clause)
                shown_.append(
                    ReasonShown(unit["name"], words.sentence(finding), article, one["reason"], one.get("by", ""))
                )
    return tuple(shown_)


@dataclass(frozen=True, slots=True)
class BatchView:
    """Everything the page of one batch shows, by role and state."""

    batch: Batch
    units: tuple[Unit, ...]
    returned: tuple[BatchItem, ...]
    waiting: tuple[Application, ...]
    lacks: tuple[Lack, ...]
    quotas: tuple[QuotaShown, ...]
    arranged: ordering.Ordering | None  # while it can be changed
    order: OrderShown | None
    reasons: tuple[ReasonShown, ...]
    columns: tuple[Column, ...]
    table_title: str
    table_unverified: bool
    table_optional: bool
    letter: Mapping[str, str]
    digest: str
    package: Package
    due_on: date | None
    due_words: str
    tone: str
    is_late: bool
    may_arrange: bool
    may_sign: bool
    may_hand_back: bool
    may_send: bool
    may_attach_seal: bool
    may_take_back: bool
    may_receive: bool
    may_note_paper: bool
    may_return: bool
    why_not_sign: Text
    documents: tuple[tuple[str, str, Text], ...]  # kind, format, name

    def part(self, asked: int | None) -> "BatchPart":
        """What one page shows of it: a batch may hold hundreds."""
        pages = max(1, -(-len(self.units) // UNITS_SHOWN))
        page = min(max(asked or 1, 1), pages)
        units = self.units[(page - 1) * UNITS_SHOWN : page * UNITS_SHOWN]
        more = max(len(self.lacks) - LACKS_SHOWN, 0)
        return BatchPart(
            units=units,
            page=page,
            pages=pages,
            first=(page - 1) * UNITS_SHOWN + 1,
            total=len(self.units),
            waiting=self.waiting[:UNITS_SHOWN],
            lacks=self.lacks[:LACKS_SHOWN],
            more_lacks=more,
            arranged=self.arranged,
        )


@dataclass(frozen=True, slots=True)
class BatchPart:
    """A page of a batch: its units, the first that may still come in, the first things that are missing."""

    units: tuple[Unit, ...]
    page: int
    pages: int
    first: int  # place of the first of them in the whole batch
    total: int
    waiting: tuple[Application, ...]
    lacks: tuple[Lack, ...]
    more_lacks: int
    arranged: ordering.Ordering | None

    @property
    def sort_rows(self) -> list[dict[str, Any]]:
        """The units as components/sort_list.html wants them."""
        return [
            {
                "id": unit.item.application.reference,
                "label": unit.item.application.name,
                "sub": unit.item.application.number,
                "badges": unit.badges,
                **_why_here(self.arranged, unit.item.application.reference),
            }
            for unit in self.units
        ]


def _why_here(found: ordering.Ordering | None, reference: str) -> dict[str, str]:
    """Why a unit stands in this place, in one line, and whether a hand put it there."""
    if found is None:
        return {}
    place = found.places[reference]
    parts = [_("place %(n)s by the rule") % {"n": place.by_rule}]
    if "priority" in found.rule.by:
        parts += [
            _("priority: %(label)s (%(article)s)") % {"label": label, "article": article}
            for label, article in place.badges
        ]
        parts += [] if place.badges else [_("no priority")]
    if "score" in found.rule.by:
        parts.append(_("score %(score)s") % {"score": place.score} if place.score is not None else _("no score"))
    if place.submitted_at:
        at = place.submitted_at.astimezone(clock.CHINA)
        parts.append(_("submitted %(at)s") % {"at": f"{at:%Y-%m-%d %H:%M}"})
    return {"why": " · ".join(parts), "mark": _("moved by hand") if place.moved else ""}


def view(actor: Actor, reference: str, *, on: date) -> BatchView:
    """The page of one batch. Raises NotVisible."""
    batch = get(actor, reference)
    bound = calls.rules_of(batch.call)
    items = items_of(batch)
    frozen = batch.frozen or content(batch, bound, items)
    table = table_of(bound)
    package = package_of(bound, batch)
    due_on = deadline(batch)
    left_words, tone = left(due_on, on, policy.calendar()) if batch.state in BEFORE_SENDING else ("", "")
    editable = batch.state == BatchState.DRAFT and may.may_arrange(batch, actor)
    return BatchView(
        batch=batch,
        units=tuple(_units(frozen, items, table, package, batch, bound, actor)),
        returned=tuple(item for item in items if item.returned_at),
        waiting=tuple(waiting(actor, batch)) if editable else (),
        lacks=tuple(lacks(batch, bound, items)) if batch.state in (BatchState.DRAFT, BatchState.TO_SIGN) else (),
        quotas=quotas_shown(frozen, bound),
        arranged=ordering.ordering(batch, bound, [item.application for item in live(items)]) if editable else None,
        order=order_shown(frozen, bound),
        reasons=reasons_shown(frozen, bound),
        columns=table.columns if table else (),
        table_title=fill(table.title.zh, batch, bound, ()) if table else "",
        table_unverified=bool(table and table.unverified),
        table_optional=SUMMARY not in package,
        letter=frozen["letter"],
        digest=batch.digest or digest_of(frozen),
        package=package,
        due_on=due_on,
        due_words=left_words,
        tone=tone,
        is_late=bool(due_on and on > due_on),
        may_arrange=editable,
        may_sign=_offers(may.SIGN, batch, actor) and _why_not_sign(bound, batch, actor) == "",
        may_hand_back=_offers(may.HAND_BACK, batch, actor),
        may_send=_offers(may.SEND, batch, actor),
        may_attach_seal=_offers(may.ATTACH_SEAL, batch, actor) and not (batch.sealed and batch.seen_at),
        may_take_back=batch.seen_at is None and batch.receiver is not None and _offers(may.TAKE_BACK, batch, actor),
        may_receive=_offers(may.RECEIVE, batch, actor),
        may_note_paper=_offers(may.NOTE_PAPER, batch, actor) and package.paper_copies > 0,
        may_return=_offers(may.RETURN_UNIT, batch, actor),
        why_not_sign=_why_not_sign(bound, batch, actor) if _offers(may.SIGN, batch, actor) else "",
        documents=documents_of(package, table, is_joint=is_joint(bound)),
    )


def _offers(verb: Verb, batch: Batch, actor: Actor) -> bool:
    return batch.state in verb.states and verb.may(batch, actor)


def _why_not_sign(bound: BoundPolicy, batch: Batch, actor: Actor) -> Text:
    same = bound.step(batch.step).four_eyes and not is_another(batch.handed_by_id, actor)
    return SAME_PERSON if same else ""


def _units(
    frozen: Mapping[str, Any],
    items: Sequence[BatchItem],
    table: TableSpec | None,
    package: Package,
    batch: Batch,
    bound: BoundPolicy,
    actor: Actor,
) -> Iterable[Unit]:
    rows = {item.application.reference: item for item in items}
    for unit in frozen["units"]:
        item = rows[unit["case"]]
        if item.returned_at:
            continue
        answers = [verdict["answer"] for verdict in unit["verdicts"]]
        case = item.application
        yield Unit(
            item=item,
            position=unit["position"],
            badges=tuple(unit["badges"]),
            yes=answers.count("yes"),
            asked=len(answers),
            remarks=tuple(dict.fromkeys(verdict["remark"] for verdict in unit["verdicts"] if verdict["remark"])),
            cells=cells_of(unit, table, case),
            paper_missing=(item.paper_copies or 0) < package.paper_copies,
            why_not_returned=why_not_returned(batch, bound, case),
            to_review=case.state == State.SCREENING and is_at_desk(case, actor),
        )


def cells_of(unit: Mapping[str, Any], table: TableSpec | None, case: Application) -> tuple[str, ...]:
    """One row of the summary table as printed: what was frozen, and the contact of today."""
    if table is None:
        return ()
    return tuple(
        contact_cell(column.source, case) if column.source in CONTACTS else str(unit["row"].get(column.key, ""))
        for column in table.columns
    )


def papers_of(batch: Batch) -> set[tuple[str, str]]:
    """Kind and format of every file this batch can give."""
    bound = calls.rules_of(batch.call)
    listed = documents_of(package_of(bound, batch), table_of(bound), is_joint=is_joint(bound))
    return {(kind, format_) for kind, format_, _name in listed}


def is_joint(bound: BoundPolicy) -> bool:
    """Whether the rule set's summary table is one paper with a section for each of several lists (HEB-A1)."""
    table = table_of(bound)
    return bool(table and table.section and len(bound.policy.categories) > 1)


def siblings(actor: Actor, batch: Batch) -> list[Batch]:
    """What the same authority recommends to the other lists of the same round, with this batch; as this actor sees it."""
    call = batch.call
    rows = Batch.objects.visible_to(actor).filter(
        sender_id=batch.sender_id,
        step=batch.step,
        call__owner_id=call.owner_id,
        call__year=call.year,
        call__round=call.round,
        call__rules__rule_set_id=call.rules.rule_set_id,
    )
    related = rows.select_related("call__rules", "call__owner__area", "sender__area", "receiver__area")
    return list(related.defer(*calls.HEAVY_OF_CASE).order_by("pk"))


def documents_of(
    package: Package, table: TableSpec | None, *, is_joint: bool = False
) -> tuple[tuple[str, str, Text], ...]:
    """The files a batch can give: those the rule set asks for, the optional ones, and the check page for one's own desk."""
    found: list[tuple[str, str, Text]] = []
    if "letter" in package:
        found.append(("letter", "pdf", gettext_lazy("Recommendation document")))
    if table is not None:
        found += [("summary", "pdf", gettext_lazy("Summary table")), ("summary", "xlsx", gettext_lazy("Summary table"))]
    if is_joint:
        name = gettext_lazy("Summary table of all lists")
        found += [("joint", "pdf", name), ("joint", "xlsx", name)]
    found.append(("transmittal", "pdf", gettext_lazy("Transmittal")))
    return (*found, ("check", "pdf", gettext_lazy("Check page")), ("package", "zip", gettext_lazy("Whole package")))

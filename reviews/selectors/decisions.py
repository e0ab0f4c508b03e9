"""Decisions: what is decided on each unit, the one content that is shown, approved and printed, and their lists."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from applications import selectors as applications
from applications.models import Application, Call
from applications.selectors import rules_of, shown
from applications.states import State
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Industry
from greenlist.policy import words
from greenlist.policy.engine.types import Finding, Step, StepKind
from reviews.models import Decision, DecisionItem, PanelItem
from reviews.selectors import titles
from reviews.states import DecisionState, Outcome, PanelState

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of the overall review: what the panel said, what is decided."""

    reference: str
    name: str
    code: str
    number: str
    industry: str
    area: str
    badges: tuple[str, ...]
    score: Any
    suggested: bool | None
    conclusion: str
    outcome: str
    reason: str
    state: str
    state_label: str
    gone: bool  # not under overall review any more: to be left out
    deviates: bool
    reached: bool | None = None  # the pass line; None: there is none
    marked: bool = False  # for the next tier, by the key line


@dataclass(frozen=True, slots=True)
class Lines:
    """What the rule set says of the scores a decision looks at; nothing where no panel scored, or it was decided before."""

    passing: Decimal | None = None
    marking: Decimal | None = None  # from here on marked for the next tier (HLJ-18b)
    strict: bool = False
    clause: str = ""
    article: str = ""
    decided_before: bool = False  # an earlier decision of the same route proposed these units

    def reached(self, score: Decimal | None) -> bool:
        """On the pass line or above: 80.0 passes, 79.9 does not (JY-15b). True where there is no line."""
        return self.passing is None or (score is not None and score >= self.passing)

    def marked(self, score: Decimal | None) -> bool:
        return self.marking is not None and score is not None and score >= self.marking


@dataclass(frozen=True, slots=True)
class DecisionPage:
    rows: tuple[Decision, ...]
    after: int | None  # key of the next page


def get(actor: Actor, reference: str) -> Decision:
    """Raises NotVisible."""
    rows = Decision.objects.visible_to(actor).select_related(
        *(
            "call__rules",
            "call__owner__area",
            "authority",
            "created_by",
            "proposed_by",
            "approved_by",
            "handed_back_by",
        ),
        "record_file",
    )
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def page(actor: Actor, *, after: int | None = None, size: int = PAGE_SIZE) -> DecisionPage:
    """The decisions of an authority, newest first."""
    rows = Decision.objects.visible_to(actor).select_related("call")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    proposed = Count("items", filter=Q(items__outcome=Outcome.PROPOSE))
    found = list(rows.annotate(units=Count("items"), proposed=proposed).order_by("-pk")[: size + 1])
    return DecisionPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def step_of(decision: Decision) -> Step:
    return applications.rules_of(decision.call).step(decision.step)


def waiting(actor: Actor) -> QuerySet[Application]:
    """Cases under overall review at this authority's desk that no decision has taken in."""
    taken = DecisionItem.objects.filter(application=OuterRef("pk"), step=OuterRef("step"))
    rows = Application.objects.visible_to(actor).filter(state=State.DECIDING, desk_id=actor.authority_id)
    return rows.exclude(Exists(taken))


def calls_waiting(actor: Actor) -> QuerySet[Call]:
    """The calls with something to draw up a decision for."""
    return Call.objects.filter(Exists(waiting(actor).filter(call=OuterRef("pk")))).order_by("-pk")


@dataclass(frozen=True, slots=True)
class ToDraw:
    """A step of a call at which cases wait for a decision."""

    call: Call
    step: Step
    units: int


def to_draw_up(actor: Actor) -> list[ToDraw]:
    """What there is to draw up, newest call first; a route may hold several steps of this kind."""
    rows = waiting(actor).order_by().values_list("call_id", "step").annotate(units=Count("pk"))
    found = {(call, step): units for call, step, units in rows}
    calls = Call.objects.select_related("rules", "owner__area").in_bulk({call for call, _step in found})
    wanted = sorted(found, key=lambda pair: (-pair[0], pair[1]))
    steps = [ToDraw(calls[call], rules_of(calls[call]).step(step), found[call, step]) for call, step in wanted]
    return [one for one in steps if one.step.kind is StepKind.DECISION]


IN_ORDER = (F("application__panel_score").desc(nulls_last=True), "application__number", "application_id")


def items_of(decision: Decision, part: slice = slice(None)) -> list[DecisionItem]:
    """In the order of the list: higher score first, then by case number."""
    rows = decision.items.select_related("application__site__area", "application__organisation")
    return list(rows.order_by(*IN_ORDER)[part])


def lines_of(decision: Decision) -> Lines:
    """The lines of the score rule that the panel before this step counted by (HLJ-18b, JY-15b)."""
    bound = rules_of(decision.call)
    here = bound.steps.index(bound.step(decision.step))
    before = bound.steps[:here]
    if any(step.kind is StepKind.DECISION for step in before):
        return Lines(decided_before=True)
    key = next((step.score for step in reversed(before) if step.kind is StepKind.PANEL and step.score), "")
    if not key:
        return Lines()
    rule = bound.scores[key]
    clause = bound.clause(rule.clause)
    article = clause.article if clause else rule.clause
    return Lines(rule.passing, rule.marking, rule.strict, rule.clause, article)


def suggestions(ids: Collection[int]) -> dict[int, PanelItem]:
    """What the last concluded panel said about each of these applications."""
    rows = PanelItem.objects.filter(application_id__in=ids, panel__state=PanelState.CLOSED).order_by(
        "panel__closed_at", "pk"
    )
    return {item.application_id: item for item in rows}


def deviates(item: DecisionItem, unit: PanelItem | None, lines: Lines) -> bool:
    """Whether the outcome is another than the panel suggests, or than the pass line says, or than was decided before."""
    if not item.outcome:
        return False
    proposed = item.outcome == Outcome.PROPOSE
    if lines.decided_before:
        return not proposed
    if unit is not None and unit.suggested is not None and unit.suggested != proposed:
        return True
    return lines.passing is not None and lines.reached(item.application.panel_score) != proposed


def units(decision: Decision, part: slice = slice(None)) -> list[Unit]:
    """The page's table; the number of queries does not depend on the number of rows."""
    items = items_of(decision, part)
    said = suggestions([item.application_id for item in items])
    industries = _industries(item.application for item in items)
    lines = lines_of(decision)
    return [_unit(decision, item, said.get(item.application_id), industries, lines) for item in items]


@dataclass(frozen=True, slots=True)
class Counts:
    """How a decision stands as a whole, whatever page of it is shown."""

    units: int
    proposed: int
    declined: int
    open: int
    deviating: int


def counts(decision: Decision) -> Counts:
    """Counted by the database: the page of a round of hundreds costs what that of three units costs."""
    last = PanelItem.objects.filter(application=OuterRef("application"), panel__state=PanelState.CLOSED)
    said = last.order_by("-panel__closed_at", "-pk").values("suggested")[:1]
    proposed, decided = Q(outcome=Outcome.PROPOSE), ~Q(outcome="")
    found = decision.items.annotate(said=Subquery(said)).aggregate(
        units=Count("pk"),
        proposed=Count("pk", filter=proposed),
        declined=Count("pk", filter=Q(outcome=Outcome.DECLINE)),
        open=Count("pk", filter=~decided),
        deviating=Count("pk", filter=decided & _deviating(lines_of(decision))),
    )
    return Counts(**found)


def _deviating(lines: Lines) -> Q:
    """`deviates`, as a condition; `said` is what the last panel suggested."""
    proposed = Q(outcome=Outcome.PROPOSE)
    if lines.decided_before:
        return ~proposed
    other = (Q(said=True) & ~proposed) | (Q(said=False) & proposed)
    if lines.passing is None:
        return other
    reached = Q(application__panel_score__isnull=False, application__panel_score__gte=lines.passing)
    return other | (reached & ~proposed) | (~reached & proposed)


def _unit(
    decision: Decision, item: DecisionItem, said: PanelItem | None, industries: Mapping[str, str], lines: Lines
) -> Unit:
    case = item.application
    decided = decision.state == DecisionState.APPROVED
    return Unit(
        reference=case.reference,
        name=case.name,
        code=case.code,
        number=case.number,
        industry=industries.get(case.industry_code, ""),
        area=case.site.area.name,
        badges=shown.badges(case.badges),
        score=case.panel_score,
        suggested=said.suggested if said else None,
        conclusion=said.conclusion if said else "",
        outcome=item.outcome,
        reason=item.reason,
        state=case.state,
        state_label=case.get_state_display(),
        gone=not decided and (case.state != State.DECIDING or case.step != decision.step),
        deviates=deviates(item, said, lines),
        reached=None if lines.passing is None else lines.reached(case.panel_score),
        marked=lines.marked(case.panel_score),
    )


def _industries(cases: Iterable[Application]) -> dict[str, str]:
    codes = {case.industry_code for case in cases if case.industry_code}
    return {row.code: row.name for row in Industry.objects.filter(code__in=codes)}


def content(decision: Decision, items: Sequence[DecisionItem]) -> dict[str, Any]:
    """What is decided, as data: its digest is what the approver's page sends back."""
    said = suggestions([item.application_id for item in items])
    industries = _industries(item.application for item in items)
    call, lines = decision.call, lines_of(decision)
    return {
        "call": {"title": call.title, "year": call.year, "round": call.round, "category": call.category},
        "list": titles.list_name(call),
        "rules": call.rules.digest,
        "authority": decision.authority.name,
        "title": decision.title,
        "text": decision.text,
        "step": step_of(decision).title.zh,
        "meeting": {
            "on": decision.met_on.isoformat() if decision.met_on else "",
            "participants": decision.participants,
            "number": decision.record_number,
            "file": decision.record_file.sha256 if decision.record_file else "",
            "announce_later": decision.announce_later,
        },
        "lines": {"pass": _figure(lines.passing), "key": _figure(lines.marking), "article": lines.article},
        "units": [_line(item, said.get(item.application_id), industries, lines) for item in items],
    }


def _figure(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _line(item: DecisionItem, said: PanelItem | None, industries: Mapping[str, str], lines: Lines) -> dict[str, Any]:
    case = item.application
    return {
        "reference": case.reference,
        "number": case.number,
        "name": case.name,
        "code": case.code,
        "area": case.site.area.name,
        "industry": industries.get(case.industry_code, ""),
        "score": None if case.panel_score is None else str(case.panel_score),
        "suggested": said.suggested if said else None,
        "outcome": item.outcome,
        "reason": item.reason,
        "deviates": deviates(item, said, lines),
        "marked": lines.marked(case.panel_score),
    }


def content_digest(decision: Decision) -> str:
    return audit.digest_of(content(decision, items_of(decision)))


def frozen(decision: Decision, content: Mapping[str, Any], *, actor: Actor, at: datetime) -> dict[str, Any]:
    """The content with who proposed and who approved it, and when: what the documents print."""
    proposer = decision.proposed_by
    return {
        **content,
        "proposed_by": proposer.name if proposer else "",
        "proposed_at": decision.proposed_at.isoformat() if decision.proposed_at else "",
        "approved_by": actor.name,
        "approved_at": at.isoformat(),
    }


def with_clauses(case: Application, findings: Iterable[Finding]) -> str:
    """A unit with what blocks it, each with the article: 某公司（第五条（四）：……）."""
    bound = applications.rules_of(case.call)
    said = []
    for finding in findings:
        clause = bound.clause(finding.clause)
        article = clause.article if clause else finding.clause
        sentence = words.sentence(finding)
        said.append(
            _("%(article)s: %(sentence)s") % {"article": article, "sentence": sentence} if article else sentence
        )
    return _("%(name)s (%(reasons)s)") % {"name": case.name, "reasons": "; ".join(said)}


def approved_items(decision: Decision) -> list[DecisionItem]:
    """The units of an approved decision that go on public notice, in the order of the list."""
    if decision.state != DecisionState.APPROVED:
        return []
    return [item for item in items_of(decision) if item.outcome == Outcome.PROPOSE]

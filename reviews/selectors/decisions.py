"""Decisions: what is decided on each unit, the one content that is shown, approved and printed, and their lists."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from applications import selectors as applications
from applications.models import Application, Call
from applications.selectors import shown
from applications.states import State
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Industry
from greenlist.policy import words
from greenlist.policy.engine.types import Finding, Step
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


@dataclass(frozen=True, slots=True)
class DecisionPage:
    rows: tuple[Decision, ...]
    after: int | None  # key of the next page


def get(actor: Actor, reference: str) -> Decision:
    """Raises NotVisible."""
    rows = Decision.objects.visible_to(actor).select_related(
        "call__rules", "call__owner__area", "authority", "created_by", "proposed_by", "approved_by", "handed_back_by"
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


def items_of(decision: Decision) -> list[DecisionItem]:
    """In the order of the list: higher score first, then by case number."""
    rows = decision.items.select_related("application__site__area", "application__organisation")
    return sorted(rows, key=_place)


def _place(item: DecisionItem) -> tuple[bool, Any, str, int]:
    case = item.application
    return (case.panel_score is None, -(case.panel_score or 0), case.number, case.pk)


def suggestions(ids: Collection[int]) -> dict[int, PanelItem]:
    """What the last concluded panel said about each of these applications."""
    rows = PanelItem.objects.filter(application_id__in=ids, panel__state=PanelState.CLOSED).order_by(
        "panel__closed_at", "pk"
    )
    return {item.application_id: item for item in rows}


def deviates(item: DecisionItem, unit: PanelItem | None) -> bool:
    """Whether the outcome is another than the panel suggests."""
    if unit is None or unit.suggested is None or not item.outcome:
        return False
    return unit.suggested != (item.outcome == Outcome.PROPOSE)


def units(decision: Decision) -> list[Unit]:
    """The page's table; the number of queries does not depend on the number of rows."""
    items = items_of(decision)
    said = suggestions([item.application_id for item in items])
    industries = _industries(item.application for item in items)
    return [_unit(decision, item, said.get(item.application_id), industries) for item in items]


def _unit(decision: Decision, item: DecisionItem, said: PanelItem | None, industries: Mapping[str, str]) -> Unit:
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
        deviates=deviates(item, said),
    )


def _industries(cases: Iterable[Application]) -> dict[str, str]:
    codes = {case.industry_code for case in cases if case.industry_code}
    return {row.code: row.name for row in Industry.objects.filter(code__in=codes)}


def content(decision: Decision, items: Sequence[DecisionItem]) -> dict[str, Any]:
    """What is decided, as data: its digest is what the approver's page sends back."""
    said = suggestions([item.application_id for item in items])
    industries = _industries(item.application for item in items)
    call = decision.call
    return {
        "call": {"title": call.title, "year": call.year, "round": call.round, "category": call.category},
        "list": titles.list_name(call),
        "rules": call.rules.digest,
        "authority": decision.authority.name,
        "title": decision.title,
        "text": decision.text,
        "units": [_line(item, said.get(item.application_id), industries) for item in items],
    }


def _line(item: DecisionItem, said: PanelItem | None, industries: Mapping[str, str]) -> dict[str, Any]:
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

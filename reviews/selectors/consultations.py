"""Consultations: who was asked about which units, what they said, and the one content that is shown, signed and printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from applications import selectors as applications
from applications.models import Application, Call
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Industry
from greenlist.policy.engine.types import BoundPolicy, ConsultRule, Step, StepKind
from reviews.models import Consultation, ConsultedOffice, ConsultedUnit, Reply
from reviews.selectors import titles
from reviews.states import SENT_CONSULTATIONS, Adjustment, ConsultationState, Verdict

PAGE_SIZE = 30
UNITS_SHOWN = 50  # of a consultation on one page of it
LETTER = "consultation"  # the text of the rule set


# ---- what waits -------------------------------------------------------------------------------------------------
def waiting(actor: Actor) -> QuerySet[Application]:
    """Cases at this authority's desk about which departments are to be asked, in no open consultation."""
    taken = ConsultedUnit.objects.filter(application=OuterRef("pk"), settled_at=None)
    rows = Application.objects.visible_to(actor).filter(state=State.CONSULTING, desk_id=actor.authority_id)
    return rows.exclude(Exists(taken))


def calls_waiting(actor: Actor) -> QuerySet[Call]:
    """The calls with cases that departments are to be asked about."""
    return Call.objects.filter(Exists(waiting(actor).filter(call=OuterRef("pk")))).order_by("-pk")


@dataclass(frozen=True, slots=True)
class ConsultationPage:
    rows: tuple[Consultation, ...]
    after: int | None  # key of the next page


def page(actor: Actor, *, after: int | None = None, size: int = PAGE_SIZE) -> ConsultationPage:
    """The consultations of an authority, newest first."""
    rows = Consultation.objects.visible_to(actor).select_related("call")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    counted = rows.annotate(
        asked=Count("offices", distinct=True),
        answered=Count("offices", filter=~Q(offices__answered_at=None), distinct=True),
        amount=Count("units", distinct=True),
    )
    found = list(counted.order_by("-pk")[: size + 1])
    return ConsultationPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def get(actor: Actor, reference: str) -> Consultation:
    """Raises NotVisible."""
    rows = Consultation.objects.visible_to(actor).select_related(
        "call__rules",
        "call__owner__area",
        "authority__area",
        "handed_by",
        "sent_by",
        "concluded_by",
        "closed_by",
        "handed_back_by",
    )
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


# ---- the rules ------------------------------------------------------------------------------------------------------
def step_of(consultation: Consultation) -> Step:
    return applications.rules_of(consultation.call).step(consultation.step)


def rule_of(consultation: Consultation) -> ConsultRule:
    """Departments, checks and days of the step."""
    rule = step_of(consultation).consult
    if rule is None:
        raise KeyError(consultation.step)
    return rule


def may_return(bound: BoundPolicy, step: Step) -> bool:
    """Whether the rule set names a review that a unit can go back to."""
    return bool(step.returned) and bound.step(step.returned).kind is StepKind.SCREENING


def adjustments(consultation: Consultation) -> list[tuple[str, str]]:
    """What may become of a unit that a department objects to."""
    bound = applications.rules_of(consultation.call)
    back = may_return(bound, bound.step(consultation.step))
    return [(one.value, str(one.label)) for one in Adjustment if back or one != Adjustment.RETURN]


def usual_title(call: Call, bound: BoundPolicy) -> str:
    spec = bound.texts.get(LETTER)
    if spec is not None:
        return fill(spec.title.zh, call, bound, 0)[:160]
    with translation.override("zh-hans"):
        return (_("Request for opinions: %(list)s") % {"list": titles.list_name(call)})[:160]


def usual_text(consultation: Consultation, count: int) -> str:
    """The letter of the rule set for so many units; without one, plain words."""
    bound = applications.rules_of(consultation.call)
    spec = bound.texts.get(LETTER)
    if spec is not None:
        return fill(spec.body.zh.strip(), consultation.call, bound, count)
    with translation.override("zh-hans"):
        return _("We ask for your opinion on the %(count)s units of the list below.") % {"count": count}


def fill(text: str, call: Call, bound: BoundPolicy, count: int) -> str:
    known = {
        "year": str(call.year),
        "owner": call.owner.name,
        "count": str(count),
        "call_title": call.title,
        "list_title": titles.list_name(call),
        "rules_title": bound.header.title.zh,
        "document_number": call.number or bound.header.document,
    }
    for place, value in known.items():
        text = text.replace("{" + place + "}", value)
    return text


def text_of(consultation: Consultation, count: int) -> str:
    """What somebody wrote, or the rule set's own words, which follow the number of units."""
    return consultation.text or usual_text(consultation, count)


# ---- units and what is said of them ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Said:
    """One cell of the matrix: an office's word on a unit."""

    office: ConsultedOffice
    verdict: str
    label: str
    reason: str
    adverse: tuple[str, ...]  # the named checks that speak against the unit, with their answer

    @property
    def against(self) -> bool:
        return self.verdict == Verdict.OBJECTION or bool(self.adverse)


@dataclass(frozen=True, slots=True)
class Unit:
    """One line: the unit, what every office said, what becomes of it."""

    row: ConsultedUnit
    reference: str
    name: str
    code: str
    number: str
    area: str
    industry: str
    said: tuple[Said, ...]
    gone: bool  # withdrawn or disqualified since
    state: str
    state_label: str

    @property
    def against(self) -> bool:
        return any(one.against for one in self.said)


def offices_of(consultation: Consultation) -> list[ConsultedOffice]:
    return list(consultation.offices.select_related("authority", "answered_by", "file").order_by("pk"))


def rows_of(consultation: Consultation) -> QuerySet[ConsultedUnit]:
    return consultation.units.select_related("application__site__area").order_by("position", "pk")


def units(
    consultation: Consultation, offices: Sequence[ConsultedOffice], rows: Iterable[ConsultedUnit] | None = None
) -> list[Unit]:
    """The matrix; the number of queries does not depend on the number of rows."""
    found = list(rows_of(consultation) if rows is None else rows)
    replies = {
        (one.office_id, one.unit_id): one
        for one in Reply.objects.filter(office__consultation=consultation, unit__in=found)
    }
    industries = _industries(found)
    texts = {
        one.key: (one.text.within(translation.get_language() or ""), one.adverse) for one in checks_of(consultation)
    }
    return [_unit(consultation, row, offices, replies, texts, industries) for row in found]


def checks_of(consultation: Consultation) -> tuple[Any, ...]:
    return rule_of(consultation).checks


def _unit(
    consultation: Consultation,
    row: ConsultedUnit,
    offices: Sequence[ConsultedOffice],
    replies: Mapping[tuple[int, int], Reply],
    texts: Mapping[str, tuple[str, str]],
    industries: Mapping[str, str],
) -> Unit:
    case = row.application
    return Unit(
        row=row,
        reference=case.reference,
        name=case.name,
        code=case.code,
        number=case.number,
        area=case.site.area.name,
        industry=industries.get(case.industry_code, ""),
        said=tuple(_said(office, replies.get((office.pk, row.pk)), texts) for office in offices),
        gone=is_gone(consultation, case),
        state=case.state,
        state_label=case.get_state_display(),
    )


def _said(office: ConsultedOffice, reply: Reply | None, texts: Mapping[str, tuple[str, str]]) -> Said:
    """What counts is what was sent: a department's draft is its own."""
    if reply is None or office.answered_at is None:
        return Said(office, "", "", "", ())
    answers = {"yes": _("yes"), "no": _("no")}
    adverse = tuple(
        _("%(question)s: %(answer)s") % {"question": text, "answer": answers[bad]}
        for key, (text, bad) in texts.items()
        if reply.checks.get(key) == bad
    )
    return Said(office, reply.verdict, reply.get_verdict_display(), reply.reason, adverse)


def is_gone(consultation: Consultation, case: Application) -> bool:
    live = consultation.state not in (ConsultationState.CLOSED, ConsultationState.CANCELLED)
    return live and (case.state != State.CONSULTING or case.step != consultation.step)


def _industries(rows: Iterable[ConsultedUnit]) -> dict[str, str]:
    codes = {row.application.industry_code for row in rows if row.application.industry_code}
    return {row.code: row.name for row in Industry.objects.filter(code__in=codes)}


def objected(consultation: Consultation, offices: Sequence[ConsultedOffice]) -> list[Unit]:
    """The units that somebody speaks against and whose case is still at the step: those the conclusion is about."""
    said = Reply.objects.filter(office__in=[one for one in offices if one.answered_at is not None])
    adverse = Q(verdict=Verdict.OBJECTION)
    for one in checks_of(consultation):
        adverse |= Q(**{f"checks__{one.key}": one.adverse})
    rows = rows_of(consultation).filter(pk__in=said.filter(adverse).values("unit_id"))
    return [one for one in units(consultation, offices, rows) if not one.gone]


def unanswered(offices: Iterable[ConsultedOffice], on: date) -> list[ConsultedOffice]:
    """Those that must still be waited for: no answer, and their last day is not over (HEB-3b)."""
    return [one for one in offices if one.answered_at is None and (one.due_on is None or one.due_on >= on)]


def addable(consultation: Consultation, offices: Iterable[ConsultedOffice]) -> list[Authority]:
    """Departments of the place itself that are not asked yet."""
    there = {one.authority_id for one in offices}
    path = consultation.authority.area.path
    found = accounts.authorities(path=path, tier=consultation.authority.tier, kind=Authority.Kind.DEPARTMENT)
    return [one for one in found if one.pk not in there and one.area_id == consultation.authority.area_id]


# ---- the contents that are signed -----------------------------------------------------------------------------------
def letter(
    consultation: Consultation, offices: Sequence[ConsultedOffice], rows: Sequence[ConsultedUnit]
) -> dict[str, Any]:
    """Letter and list as data: its digest is what the approver's page sends back."""
    industries = _industries(rows)
    return {
        "authority": consultation.authority.name,
        "title": consultation.title,
        "number": consultation.number,
        "text": text_of(consultation, len(rows)),
        "call": consultation.call.title,
        "rules": consultation.call.rules.digest,
        "offices": [one.name for one in offices],
        "checks": [one.text.zh for one in checks_of(consultation)],
        "units": [
            {
                "reference": row.application.reference,
                "name": row.application.name,
                "code": row.application.code,
                "area": row.application.site.area.name,
                "industry": industries.get(row.application.industry_code, ""),
            }
            for row in rows
        ],
    }


def letter_digest(consultation: Consultation) -> str:
    return audit.digest_of(letter(consultation, offices_of(consultation), list(rows_of(consultation))))


def opinions(consultation: Consultation, offices: Sequence[ConsultedOffice]) -> dict[str, Any]:
    """All that was said and what becomes of each unit, in Chinese: what is closed, and what is printed."""
    with translation.override("zh-hans"):
        return {
            "authority": consultation.authority.name,
            "title": consultation.title,
            "number": consultation.number,
            "call": consultation.call.title,
            "sent_at": consultation.sent_at.isoformat() if consultation.sent_at else "",
            "offices": [_office(one) for one in offices],
            "units": [_line(one) for one in units(consultation, offices)],
        }


def _office(office: ConsultedOffice) -> dict[str, Any]:
    return {
        "name": office.name,
        "due_on": office.due_on.isoformat() if office.due_on else "",
        "answered_at": office.answered_at.isoformat() if office.answered_at else "",
        "number": office.number,
        "note": office.note,
        "on_paper": office.on_paper,
    }


def _line(unit: Unit) -> dict[str, Any]:
    return {
        "reference": unit.reference,
        "name": unit.name,
        "code": unit.code,
        "area": unit.area,
        "said": [
            {"verdict": one.verdict, "label": one.label, "reason": one.reason, "adverse": list(one.adverse)}
            for one in unit.said
        ],
        "against": unit.against,
        "adjustment": unit.row.adjustment,
        "adjustment_label": unit.row.get_adjustment_display() if unit.row.adjustment else "",
        "reason": unit.row.reason,
        "gone": unit.state_label if unit.gone else "",
    }


def opinions_digest(consultation: Consultation) -> str:
    return audit.digest_of(opinions(consultation, offices_of(consultation)))


# ---- the departments ------------------------------------------------------------------------------------------------
def office(actor: Actor, reference: str) -> ConsultedOffice:
    """Raises NotVisible."""
    rows = ConsultedOffice.objects.visible_to(actor).select_related(
        "consultation__call__rules",
        "consultation__call__owner__area",
        "consultation__authority__area",
        "authority",
        "file",
    )
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


@dataclass(frozen=True, slots=True)
class OfficePage:
    rows: tuple[ConsultedOffice, ...]
    after: int | None


def asked(actor: Actor, *, after: int | None = None, size: int = PAGE_SIZE) -> OfficePage:
    """A department's requests: newest first."""
    rows = ConsultedOffice.objects.visible_to(actor).filter(consultation__state__in=SENT_CONSULTATIONS)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    rows = rows.select_related("consultation__authority", "consultation__call").annotate(
        amount=Count("consultation__units")
    )
    found = list(rows.order_by("-pk")[: size + 1])
    return OfficePage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def to_answer(actor: Actor) -> QuerySet[ConsultedOffice]:
    """What a department has to answer: the oldest day first."""
    rows = ConsultedOffice.objects.visible_to(actor).waiting()
    return rows.select_related("consultation__authority").order_by("due_on", "pk")


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of a department's form."""

    unit: Unit
    reply: Reply | None


def asked_units(office: ConsultedOffice, rows: Sequence[ConsultedUnit]) -> list[Asked]:
    """The units of one page with the department's own words, sent or not."""
    replies = {one.unit_id: one for one in Reply.objects.filter(office=office, unit__in=rows)}
    shown = units(office.consultation, (), rows)
    return [Asked(unit, replies.get(unit.row.pk)) for unit in shown]


def is_writing(office: ConsultedOffice) -> bool:
    """Whether the department itself has begun its answer here: until it is sent, that is its own."""
    unsent = office.authority_id is not None and office.answered_at is None and not office.on_paper
    return unsent and Reply.objects.filter(office=office).exists()


def progress(office: ConsultedOffice) -> tuple[int, int]:
    """How many of the units still under consultation this department has given its word on, and how many there are."""
    consultation = office.consultation
    live = consultation.units.filter(application__state=State.CONSULTING, application__step=consultation.step)
    said = Reply.objects.filter(office=office, unit__in=live).exclude(verdict="").count()
    return said, live.count()

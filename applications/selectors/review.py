"""The review page of one case: report, questions, findings, and what may be done, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications import rules
from applications.models import Application, Correction, Override, Remark, ReportVersion, Screening, Verdict
from applications.rules import screening as may
from applications.selectors import calls, drafts, scores, screening, shown, standards, upward
from applications.selectors.scores import Scores
from applications.selectors.screening import Point
from applications.states import Answer, State
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible, Text
from greenlist.policy import words
from greenlist.policy.engine.types import BoundPolicy, Finding, Outcome, Step

GROUPS: tuple[tuple[str, Text], ...] = (
    ("regional", _("Asked by the cover notice")),
    ("conditions", _("Basic conditions")),
    ("review", _("The four points of the review")),
    ("confirm", _("To be confirmed by a person")),
)


@dataclass(frozen=True, slots=True)
class Question:
    """One point on the page, with what was typed and not yet saved."""

    point: Point
    answer: str
    remark: str
    problems: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[tuple[str, Text], ...]:
        return tuple((answer.value, answer.label) for answer in Answer)


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words, with the clause as people cite it."""

    finding: Finding
    text: str
    article: str
    clause_text: str
    override: Override | None = None  # why the recommender goes on although it warns
    asks_reason: bool = False

    @property
    def outcome(self) -> str:
        return self.finding.outcome.value


@dataclass(frozen=True, slots=True)
class ReviewPage:
    case: Application
    bound: BoundPolicy
    step: Step
    version: ReportVersion | None
    sections: tuple[shown.ShownSection, ...]
    groups: tuple[tuple[str, Text, tuple[Question, ...]], ...]
    findings: tuple[Said, ...]
    unmet: tuple[Said, ...]
    remarks: Mapping[str, str]
    asked_before: Mapping[str, str]  # the remarks that went with the correction, by path
    proposal: Screening | None
    correction: Correction | None
    history: tuple[Screening, ...]
    seen: datetime | None
    may_override: bool
    may_prepare: bool
    may_sign: bool
    why_not_sign: Text
    edition: str
    standard: standards.Told | None
    scores: Scores | None

    @property
    def seen_text(self) -> str:
        """To the microsecond: what the page sends back to prove which answers it showed."""
        return self.seen.isoformat() if self.seen else ""

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(one for _key, _title, questions in self.groups for one in questions)

    @property
    def answered(self) -> int:
        return sum(1 for one in self.questions if one.answer)

    @property
    def reasons(self) -> str:
        """The failed points as they will be sent to the applicant."""
        return screening.reasons([one.point for one in self.questions])

    @property
    def usual_outcome(self) -> str:
        """What the form proposes to choose; nothing while something is unmet."""
        return "" if self.unmet else Screening.Outcome.PASS


def page(
    actor: Actor,
    reference: str,
    *,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, Sequence[Any]] | None = None,
) -> ReviewPage:
    """Everything the page shows. Raises NotVisible."""
    case = _case(actor, reference)
    bound = calls.rules_of(case.call)
    step = _step(bound, case)
    version = screening.version_of(case)
    verdicts = list(case.verdicts.filter(step=step.key).select_related("by"))
    findings = screening.latest_findings(case)
    asked = screening.points(bound, step, findings, verdicts)
    proposal = screening.open_proposal(case)
    correction = screening.answered_correction(case)
    remarks = screening.remarks_of(case, step.key)
    here = case.state == State.SCREENING
    return ReviewPage(
        case=case,
        bound=bound,
        step=step,
        version=version,
        sections=screening.report_as_declared(bound, case, version, correction) if version else (),
        groups=_groups(asked, typed or {}, problems or {}),
        findings=_said(bound, case, findings),
        may_override=may.is_at_desk(case, actor) and case.state in (State.SCREENING, State.PASSED),
        unmet=tuple(say(bound, one) for one in screening.unmet(bound, step, asked, findings)),
        remarks=_remarks(remarks, typed or {}),
        asked_before={f"{row.section}.{row.field}": row.text for row in correction.remarks.all()} if correction else {},
        proposal=proposal,
        correction=correction,
        history=tuple(case.screenings.select_related("proposed_by", "signed_by").order_by("-pk")[:20]),
        seen=max((row.at for row in verdicts), default=None),
        may_prepare=here and proposal is None and may.may_prepare(case, actor),
        may_sign=here and proposal is not None and may.may_sign(case, actor),
        why_not_sign=_why_not_sign(step, proposal, verdicts, case, actor),
        edition=_edition(bound, case),
        standard=standards.told(case.report, bound),
        scores=_scores(case, bound, version),
    )


def _scores(case: Application, bound: BoundPolicy, version: ReportVersion | None) -> Scores | None:
    """The declared report scored, with what reviewers judged. One query; none for a report without indicators."""
    if version is None or standards.scored(case.report) is None:
        return None
    form, judged = drafts.form_of(case, bound), scores.judged_of(case.report)
    return scores.of_report(case.report, form, version.data["sections"], version.data["computed"], judged=judged)


def _case(actor: Actor, reference: str) -> Application:
    rows = Application.objects.visible_to(actor).select_related(
        "call__rules", "call__owner__area", "organisation__industry", "site__area", "desk", "report"
    )
    found = rows.defer(*calls.HEAVY_OF_CASE).filter(reference=reference).first()
    if found is None or not actor.is_official:
        raise NotVisible
    rules.require(may.REVIEW, found, actor)
    return found


def _step(bound: BoundPolicy, case: Application) -> Step:
    """The screening step the page is about; of a case that passed, the one before its present step."""
    step = bound.step(case.step)
    return step if step.checklist else screening.screening_before(bound, case.step)


def _groups(
    asked: Sequence[Point], typed: Mapping[str, str], problems: Mapping[str, Sequence[Any]]
) -> tuple[tuple[str, Text, tuple[Question, ...]], ...]:
    made = []
    for key, title in GROUPS:
        questions = tuple(
            Question(
                point=point,
                answer=typed.get(f"verdict-{point.key}", point.answer),
                remark=typed.get(f"remark-{point.key}", point.remark),
                problems=tuple(str(text) for text in problems.get(point.key, ())),
            )
            for point in asked
            if point.group == key
        )
        if questions:
            made.append((key, title, questions))
    return tuple(made)


def _remarks(rows: Mapping[str, Remark], typed: Mapping[str, str]) -> dict[str, str]:
    found = {path: row.text for path, row in rows.items()}
    found |= {name.removeprefix("note-"): text for name, text in typed.items() if name.startswith("note-")}
    return {path: text for path, text in found.items() if text}


def _said(bound: BoundPolicy, case: Application, findings: Sequence[Finding]) -> tuple[Said, ...]:
    """What is not clear, with the reason given for going on or the wish for one."""
    wanted = {one.rule for one in upward.overridable(findings)}
    given = upward.reasons(case, findings) if wanted else {}
    return tuple(
        replace(say(bound, one), override=given.get(one.rule), asks_reason=one.rule in wanted)
        for one in findings
        if one.outcome is not Outcome.CLEAR
    )


def say(bound: BoundPolicy, finding: Finding) -> Said:
    """A finding with its words and its clause."""
    clause = bound.clause(finding.clause)
    return Said(
        finding=finding,
        text=words.sentence(finding),
        article=clause.article if clause else finding.clause,
        clause_text=shown.say(clause.text) if clause else "",
    )


def _why_not_sign(
    step: Step, proposal: Screening | None, verdicts: Sequence[Verdict], case: Application, actor: Actor
) -> Text:
    if proposal is None:
        return ""
    if step.four_eyes and may.prepared(proposal, [*verdicts, *screening.judgements_of(case, case.step)], actor):
        return may.SAME_PERSON
    if may.took_part(case.screenings.all(), case.step, actor):
        return may.EARLIER_PART
    return ""


def _edition(bound: BoundPolicy, case: Application) -> str:
    """The edition of the standard that the report has pinned, or the call names (QHD-5.9)."""
    if told := standards.told(case.report, bound):
        return told.edition
    chosen = {rule.set for rule in bound.criteria if rule.category == case.category}
    labels = [
        shown.say(option.label) for ask in bound.policy.asks.values() for option in ask.of if option.key in chosen
    ]
    return "、".join(labels) or "、".join(sorted(chosen))


def error_links(page: ReviewPage, problems: Mapping[str, Sequence[Any]]) -> list[dict[str, str]]:
    """Each problem with a link to where it is mended, for the summary on top."""
    labels = {one.point.key: one.point.text for one in page.questions}
    labels |= {one.path: one.label for part in page.sections for one in part.fields}
    return [
        {
            "href": f"#q-{key}" if key in labels and "." not in key else f"#f-{key}",
            "text": f"{labels.get(key, key)}：{text}",
        }
        for key, texts in problems.items()
        for text in texts
    ]

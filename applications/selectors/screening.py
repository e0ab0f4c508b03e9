"""What a review consists of: the points to answer, what is still unmet, and the report as it was declared.

A point is an item of the step's checklist, or a finding of the engine that a person must confirm and no item covers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from applications.models import Application, Correction, Evidence, Judgement, Remark, ReportVersion, Screening, Verdict
from applications.selectors import drafts, shown
from applications.states import Answer
from greenlist.policy import engine, words
from greenlist.policy.engine.types import BoundPolicy, Checklist, Finding, Form, Outcome, Step, StepKind, Text

EMPTY = Checklist(key="", title=Text(), items=())


@dataclass(frozen=True, slots=True)
class Point:
    """One question to the handler with the answer that stands."""

    key: str
    text: str
    group: str  # regional | conditions | review | confirm: headings on the page
    clause: str
    article: str
    help: str = ""
    section: str = ""  # of the report, that the question is about
    unverified: bool = False
    verdict: Verdict | None = None

    @property
    def answer(self) -> str:
        return self.verdict.answer if self.verdict else ""

    @property
    def remark(self) -> str:
        return self.verdict.remark if self.verdict else ""

    @property
    def is_met(self) -> bool:
        return self.answer == Answer.YES


def checklist_of(bound: BoundPolicy, step: Step) -> Checklist:
    """The step's checklist as the call has it; empty where the step has none."""
    return bound.checklists.get(step.checklist, EMPTY)


def points(
    bound: BoundPolicy, step: Step, findings: Iterable[Finding], verdicts: Iterable[Verdict]
) -> tuple[Point, ...]:
    """Everything the handler answers at a step, in the order of the checklist, then what the engine wants confirmed."""
    given = {verdict.key: verdict for verdict in verdicts}
    items = checklist_of(bound, step).items
    asked = [
        Point(
            key=item.key,
            text=shown.say(item.text),
            group=item.group,
            clause=item.clause,
            article=article(bound, item.clause),
            help=shown.say(item.help),
            section=item.section,
            unverified=bool(item.unverified),
            verdict=given.get(item.key),
        )
        for item in items
    ]
    covered = {item.clause for item in items}
    seen: set[str] = set()
    for finding in findings:
        if finding.outcome is Outcome.CONFIRM and finding.clause not in covered and finding.rule not in seen:
            seen.add(finding.rule)
            asked.append(
                Point(
                    key=finding.rule,
                    text=words.sentence(finding),
                    group="confirm",
                    clause=finding.clause,
                    article=article(bound, finding.clause),
                    verdict=given.get(finding.rule),
                )
            )
    return tuple(asked)


def article(bound: BoundPolicy, clause_id: str) -> str:
    """How a clause is cited to people: 第五条（三）; its id where the rule set no longer has it."""
    found = bound.clause(clause_id)
    return found.article if found else clause_id


def unmet(bound: BoundPolicy, step: Step, asked: Sequence[Point], findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What stands in the way of passing: each point that is not a plain yes, and each finding that blocks (QHD-5.0)."""
    answers = {point.key: point.answer for point in asked if point.answer}
    judged = engine.judge(bound, step.checklist, answers) if step.checklist else ()
    open_points = [finding for finding in judged if finding.outcome in (Outcome.BLOCK, Outcome.CONFIRM)]
    blocking = [finding for finding in findings if finding.blocks]
    waiting = {point.key for point in asked if point.group == "confirm" and not point.is_met}
    return (*open_points, *blocking, *(one for one in findings if one.rule in waiting and not one.blocks))


def reasons(asked: Iterable[Point]) -> str:
    """The failed points as the applicant reads them: text, article and the official's remark, one a line (QHD-8)."""
    failed = [point for point in asked if point.answer in (Answer.NO, Answer.FIX)]
    lines = []
    for number, point in enumerate(failed, start=1):
        remark = f"：{point.remark}" if point.remark else ""
        lines.append(f"{number}. {point.text.rstrip('。？?')}（{point.article}）{remark}")
    return "\n".join(lines)


def screening_before(bound: BoundPolicy, step_key: str) -> Step:
    """The screening step that a unit returned from `step_key` goes back to. Raises KeyError where there is none."""
    returned = bound.step(step_key).returned
    if returned and bound.step(returned).kind is StepKind.SCREENING:
        return bound.step(returned)
    before: Step | None = None
    for step in bound.steps:
        if step.key == step_key:
            break
        before = step if step.kind is StepKind.SCREENING else before
    if before is None:
        raise KeyError(step_key)
    return before


def version_of(case: Application) -> ReportVersion | None:
    """What was declared last: what officials read and sign about."""
    return case.report.versions.order_by("-number").first()


def open_proposal(case: Application) -> Screening | None:
    """The handler's proposal that awaits a signature at the present step."""
    return (
        case.screenings.filter(step=case.step, signed_at=None, sent_back_at=None)
        .select_related("proposed_by")
        .order_by("-pk")
        .first()
    )


def answered_correction(case: Application) -> Correction | None:
    """The newest correction that came back: its fields show old and new on the second look."""
    return case.corrections.exclude(answered_at=None).select_related("before").order_by("-pk").first()


def report_as_declared(
    bound: BoundPolicy, case: Application, version: ReportVersion, second_look: Correction | None = None
) -> tuple[shown.ShownSection, ...]:
    """The declared report, section by section; after a correction the opened fields carry what stood there before."""
    form = drafts.form_of(case, bound)
    rows = list(Evidence.objects.filter(report=case.report).select_related("blob").order_by("added_at", "pk"))
    before: Mapping[str, shown.ShownField] = {}
    if second_look is not None:
        opened = {".".join(pair) for pair in second_look.fields}
        earlier = _sections(form, second_look.before, rows)
        before = {path: one for path, one in shown.by_path(earlier).items() if path in opened}
    return _sections(form, version, rows, before=before)


def _sections(
    form: Form,
    version: ReportVersion,
    evidence: Iterable[Evidence],
    *,
    before: Mapping[str, shown.ShownField] | None = None,
) -> tuple[shown.ShownSection, ...]:
    files: dict[str, list[Evidence]] = {}
    for row in evidence:
        if row.added_at <= version.declared_at and (row.removed_at is None or row.removed_at > version.declared_at):
            files.setdefault(f"{row.section}.{row.field}", []).append(row)
    computed = version.data.get("computed", {})
    return shown.sections(form, version.data.get("sections", {}), computed, files, before=before)


def latest_findings(case: Application) -> tuple[Finding, ...]:
    """What the newest check of the case found; none before the first."""
    newest = case.checks.order_by("-pk").first()
    return tuple(Finding.from_json(one) for one in newest.findings) if newest else ()


def judgements_of(case: Application, step: str) -> QuerySet[Judgement]:
    """What reviewers of a step said about indicator rows."""
    return Judgement.objects.filter(report=case.report_id, step=step)


def remarks_of(case: Application, step: str) -> dict[str, Remark]:
    """The remarks of this round by path: those that no return has carried to the applicant yet."""
    rows = Remark.objects.filter(application=case, step=step, correction=None).order_by("pk")
    return {f"{row.section}.{row.field}": row for row in rows}

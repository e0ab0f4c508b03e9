"""核查情况表: what the checks found about a case and what officials said to it, as PDF; made anew when something changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from applications.documents import report as reports
from applications.models import Application
from applications.selectors import cases as reads
from applications.selectors import drafts
from applications.selectors import hits as findings
from greenlist.core import attachments, clock, rendering
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations

KIND = "case-checks"
TEMPLATE = "applications/print_checks.html"
SHOWN = 5  # runs


@dataclass(frozen=True, slots=True)
class Paper:
    case: Application
    runs: tuple[reads.CheckShown, ...]
    hits: tuple[findings.HitShown, ...]


def may_read(actor: Actor) -> None:
    """The work of the authorities: nobody else reads it. Raises NotVisible."""
    if not actor.is_official:
        raise NotVisible


def file(case: Application, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    return rendering.ask(
        kind=KIND, subject=case.reference, part="pdf", digest=_digest(paper_of(case)), actor=actor, at=at
    )


def paper_of(case: Application) -> Paper:
    with translation.override(reports.CHINESE):
        return Paper(case, reads.runs_of(case)[:SHOWN], findings.of_case(case))


def _digest(paper: Paper) -> str:
    """Of what is printed."""
    runs = [
        [run.point, run.at.isoformat(), run.by, [[one.text, one.outcome] for one in run.findings]] for run in paper.runs
    ]
    return digest_of([paper.case.name, paper.case.number, runs, [_said(one) for one in paper.hits]])


def _said(one: findings.HitShown) -> list[Any]:
    answers = [[row.pk, row.agreed_person, str(row.refused_at)] for row in one.answers]
    return [one.hit.pk, one.hit.state, one.text, answers]


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    may_read(actor)
    case = drafts.case_of(actor, job.subject)
    paper = paper_of(case)
    if _digest(paper) != job.digest:
        raise reports.changed()
    body = content(paper)
    return attachments.store_bytes(name=name_of(case), content=body, content_type=reports.TYPES["pdf"], at=at)


def content(paper: Paper) -> bytes:
    with translation.override(reports.CHINESE):
        return render_pdf(TEMPLATE, {"paper": paper, "case": paper.case})


def name_of(case: Application) -> str:
    with translation.override(reports.CHINESE):
        kind = _("Check sheet")
    return attachments.safe_name(f"{case.name}-{kind}.pdf")

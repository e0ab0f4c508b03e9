"""现场检查记录 of one inspection as a paper; before the visit with empty places, to be filled in by hand."""

from datetime import date, datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from dynamics.models import Inspection
from dynamics.selectors import inspections as reads
from dynamics.states import Answer, InspectionState
from greenlist.core import attachments, clock, dates, rendering
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import Refused
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy import selectors as policy

KIND = "inspection-record"
TEMPLATE = "dynamics/print_inspection.html"
CHINESE = "zh-hans"


def file(row: Inspection, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The caller has checked who asks."""
    return rendering.ask(
        kind=KIND, subject=row.reference, digest=digest_of([KIND, data_of(row, actor)]), actor=actor, at=at
    )


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    row = reads.inspection(actor, job.subject)
    data = data_of(row, actor)
    if digest_of([KIND, data]) != job.digest:
        raise Refused(_("What the document shows has changed meanwhile."), code="changed")
    return attachments.store_bytes(name=name_of(row), content=content(data), content_type="application/pdf", at=at)


def content(data: dict[str, Any]) -> bytes:
    return render_pdf(TEMPLATE, {"data": data, "digest": digest_of([KIND, data])}, language=CHINESE)


def name_of(row: Inspection) -> str:
    return attachments.safe_name(f"{row.listing.name}-现场检查记录.pdf")


def data_of(row: Inspection, actor: Actor) -> dict[str, Any]:
    """Everything that is printed; how the sample was drawn only for who sees its plan."""
    with translation.override(CHINESE):
        return {
            "name": row.listing.name,
            "code": row.listing.code,
            "place": row.listing.area_name,
            "list": row.listing.listbook.title,
            "authority": row.authority.name,
            "kind": str(row.get_kind_display()),
            "state": str(row.get_state_display()),
            "is_done": row.state == InspectionState.DONE,
            "purpose": row.purpose,
            "basis": _basis(row),
            "planned_on": _day(row.planned_on),
            "visited_on": _day(row.visited_on),
            "unannounced": row.unannounced,
            "persons": row.persons,
            "items": [_item(row, one) for one in row.items],
            "findings": row.findings,
            "result": str(row.get_result_display()),
            "rectify": row.rectification.reason if row.rectification else "",
            "due_on": _day(row.rectification.due_on) if row.rectification else "",
            "files": [[one.blob.name, one.blob.sha256[:24]] for one in row.files.all()],
            "plan": _sample(row) if reads.shows_draw(actor, row) else None,
        }


def _basis(row: Inspection) -> str:
    """Title and article of the rules that it was planned by."""
    bound = policy.standing(policy.current(row.rules), row.listing.listbook.category)
    clause = bound.clause(row.clause)
    return f"《{bound.header.title.zh}》{clause.article if clause else row.clause}"


def _item(row: Inspection, item: dict[str, str]) -> list[str]:
    answer, remark = row.answers.get(item["key"]) or ("", "")
    return [item["zh"], str(Answer(answer).label) if answer else "", remark]


def _sample(row: Inspection) -> dict[str, Any] | None:
    """How the unit came into the sample, for whoever draws it again."""
    plan = row.plan
    if plan is None:
        return None
    return {
        "title": plan.title,
        "authority": plan.authority.name,
        "population": len(plan.population),
        "drawn": len(plan.drawn),
        "place": plan.drawn.index(str(row.listing_id)) + 1,
        "seed": plan.seed,
        "digest": plan.digest,
    }


def _day(value: date | None) -> str:
    return dates.day(value) if value else ""

"""监督检查: plans and their samples, visits, what was found; as a page, a form and a workbook."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.documents import inspections as documents
from dynamics.documents import record
from dynamics.forms.inspections import DayForm, DrawForm, PlanVisitForm, VisitForm
from dynamics.selectors import inspections as reads
from dynamics.services import inspections
from dynamics.states import Answer, InspectionState
from dynamics.views import exporting
from greenlist.core import attachments, clock, waiting
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import Request, whole
from registry import selectors as registry


def _language() -> str:
    return "zh" if (get_language() or "zh").startswith("zh") else "en"


@require_GET
def inspection_list(request: Request) -> HttpResponse:
    actor = request.actor
    if not (actor.is_official or actor.capacity == Capacity.APPLICANT):
        raise NotAllowed(_("Officials and the inspected units see inspections."))
    state = request.GET.get("state", "")
    state = state if state in InspectionState.values else ""
    page = reads.inspections(actor, state=state, after=whole(request.GET.get("after")))
    return render(request, "dynamics/inspections.html", {"page": page, "state": state})


@require_http_methods(["GET", "POST"])
def plan_list(request: Request) -> HttpResponse:
    """The plans of the office, and the form that draws another one."""
    if not request.actor.is_official:
        raise NotAllowed(inspections.OFFICIALS_ONLY)
    today = clock.china_date(clock.now())
    form = DrawForm(request.POST or None, initial={"year": today.year})
    if request.method == "POST" and form.is_valid():
        try:
            made = inspections.draw(actor=request.actor, wish=form.wish(), at=clock.now())
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Drawn. Each unit has an inspection of its own."))
            return redirect("dynamics:inspection-plan", made.reference)
    page = reads.plans(request.actor, after=whole(request.GET.get("after")))
    status = 422 if form.is_bound else 200
    return render(request, "dynamics/inspection_plans.html", {"page": page, "form": form}, status=status)


@require_GET
def plan(request: Request, reference: str) -> HttpResponse:
    found = reads.plan(request.actor, reference)
    page = reads.page_of_plan(request.actor, found, after=whole(request.GET.get("after")))
    context = {"plan": found, "page": page, "all": len(found.population), "drawn": len(found.drawn)}
    return render(request, "dynamics/inspection_plan.html", context)


@require_GET
def plan_workbook(request: Request, reference: str) -> HttpResponseBase:
    back = reverse("dynamics:inspection-plan", args=[reference])
    return exporting.send(request, documents.TABLE, {}, subject=reference, back=back)


@require_http_methods(["GET", "POST"])
def plan_visit(request: Request, listing: int) -> HttpResponse:
    """One visit apart from any plan."""
    row = registry.listing_of(listing)
    if not rules.covers(request.actor, row):
        raise NotAllowed(inspections.OFFICIALS_ONLY)
    form = PlanVisitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = inspections.plan_visit(actor=request.actor, listing=row.pk, at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Planned."))
            return redirect("dynamics:inspection", made.reference)
    status = 422 if form.is_bound else 200
    return render(request, "dynamics/inspection_new.html", {"listing": row, "form": form}, status=status)


def _page(
    request: Request, reference: str, *, visit: VisitForm | None = None, day: DayForm | None = None
) -> HttpResponse:
    row = reads.inspection(request.actor, reference)
    mine = rules.may_inspect(request.actor, row.authority_id) and row.state == InspectionState.PLANNED
    language = _language()
    context: dict[str, Any] = {
        "row": row,
        "answers": [_answer(one, row.answers.get(one["key"]), language) for one in row.items],
        "visit_form": (visit or _visit_form(row)) if mine else None,
        "day_form": (day or DayForm(auto_id="day-%s")) if mine else None,
    }
    refused = visit is not None or day is not None
    return render(request, "dynamics/inspection.html", context, status=422 if refused else 200)


def _answer(item: dict[str, str], given: list[str] | None, language: str) -> dict[str, str]:
    word = str(Answer(given[0]).label) if given and given[0] else ""
    return {
        "text": item.get(language) or item["zh"],
        "clause": item["clause"],
        "answer": word,
        "remark": given[1] if given else "",
    }


def _visit_form(row: Any, data: Any = None, files: Any = None) -> VisitForm:
    form = VisitForm(data, files, auto_id="visit-%s")
    form.ask(row.items, _language())
    return form


@require_GET
def inspection(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


def _mine(request: Request, reference: str) -> Any:
    row = reads.inspection(request.actor, reference)
    if not rules.may_inspect(request.actor, row.authority_id):
        raise NotAllowed(_("Officials of the authority whose inspection it is do this."))
    return row


@require_POST
def carry_out(request: Request, reference: str) -> HttpResponse:
    row = _mine(request, reference)
    form = _visit_form(row, request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, reference, visit=form)
    try:
        inspections.carry_out(actor=request.actor, reference=reference, visit=form.visit(), at=clock.now())
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, visit=form)
    messages.success(request, _("Recorded. The unit reads it."))
    return redirect("dynamics:inspection", reference)


@require_POST
def set_day(request: Request, reference: str) -> HttpResponse:
    _mine(request, reference)
    form = DayForm(request.POST, auto_id="day-%s")
    if not form.is_valid():
        return _page(request, reference, day=form)
    try:
        inspections.set_day(actor=request.actor, reference=reference, at=clock.now(), **form.cleaned_data)
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, day=form)
    messages.success(request, _("Planned."))
    return redirect("dynamics:inspection", reference)


@require_POST
def cancel(request: Request, reference: str) -> HttpResponse:
    inspections.cancel(actor=request.actor, reference=reference, at=clock.now())
    messages.success(request, _("Cancelled."))
    return redirect("dynamics:inspection", reference)


@require_GET
def record_pdf(request: Request, reference: str) -> HttpResponseBase:
    """现场检查记录 as a paper; before the visit with empty places to be filled in by hand."""
    row, at = reads.inspection(request.actor, reference), clock.now()
    found = record.file(row, actor=request.actor, at=at)
    back = reverse("dynamics:inspection", args=[reference])
    return waiting.answer(request, found, at=at, title=record.name_of(row), back=back)


@require_GET
def file(request: Request, reference: str, pk: int) -> HttpResponseBase:
    return attachments.response(reads.file(request.actor, reference, pk).blob, inline=True)


urlpatterns: list[URLPattern] = [
    path("after/inspections/", inspection_list, name="inspections"),
    path("after/inspections/plans/", plan_list, name="inspection-plans"),
    path("after/inspections/plans/<str:reference>/", plan, name="inspection-plan"),
    path("after/inspections/plans/<str:reference>/inspections.xlsx", plan_workbook, name="inspection-plan-workbook"),
    path("after/listings/<int:listing>/inspect/", plan_visit, name="inspection-new"),
    path("after/inspections/<str:reference>/", inspection, name="inspection"),
    path("after/inspections/<str:reference>/record.pdf", record_pdf, name="inspection-pdf"),
    path("after/inspections/<str:reference>/record/", carry_out, name="inspection-record"),
    path("after/inspections/<str:reference>/day/", set_day, name="inspection-day"),
    path("after/inspections/<str:reference>/cancel/", cancel, name="inspection-cancel"),
    path("after/inspections/<str:reference>/files/<int:pk>/", file, name="inspection-file"),
]

"""Visits to a cultivation object (JY-14): read by the unit and its authorities, written by the one that called."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from applications.selectors import cases as case_reads
from applications.selectors import drafts, rules_of
from greenlist.core import clock
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotVisible
from reviews import rules
from reviews.forms import PlanVisitForm, RecordVisitForm
from reviews.models import GuidanceVisit
from reviews.selectors import guidance as guidance_reads
from reviews.services import guidance
from reviews.views.panels import actor_of


@require_GET
def visits(request: HttpRequest, reference: str) -> HttpResponse:
    """Planned and recorded visits of one case."""
    return _page(request, reference)


def _page(
    request: HttpRequest,
    reference: str,
    *,
    planning: PlanVisitForm | None = None,
    recording: tuple[int, RecordVisitForm] | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    case = drafts.case_of(actor, reference)
    if actor.capacity == Capacity.EXPERT or not case_reads.is_guided(case, rules_of(case.call)):
        raise NotVisible
    may = rules.may_guide(case, actor)
    visits = guidance_reads.visits_of(case)
    shown = [(row, _form(row, recording) if may and row.visited_on is None else None) for row in visits]
    context = {"case": case, "visits": shown, "may": may, "planning": planning or PlanVisitForm()}
    refused = planning is not None or recording is not None
    return render(request, "reviews/guidance.html", context, status=422 if refused else 200)


def _form(row: GuidanceVisit, recording: tuple[int, RecordVisitForm] | None) -> RecordVisitForm:
    if recording is not None and recording[0] == row.pk:
        return recording[1]
    return RecordVisitForm(initial={"visited_on": row.planned_on}, auto_id=f"visit-{row.pk}-%s")


@require_POST
def plan(request: HttpRequest, reference: str) -> HttpResponse:
    form = PlanVisitForm(request.POST)
    if not form.is_valid():
        return _page(request, reference, planning=form)
    try:
        guidance.plan(actor=actor_of(request), reference=reference, at=clock.now(), **form.cleaned_data)
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, planning=form)
    messages.success(request, _("Planned. The unit has been told."))
    return redirect("reviews:guidance", reference)


@require_POST
def record(request: HttpRequest, reference: str, visit: int) -> HttpResponse:
    form = RecordVisitForm(request.POST, auto_id=f"visit-{visit}-%s")
    if not form.is_valid():
        return _page(request, reference, recording=(visit, form))
    given = form.cleaned_data
    try:
        guidance.record(actor=actor_of(request), reference=reference, visit=visit, at=clock.now(), **given)
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, recording=(visit, form))
    messages.success(request, _("Recorded. The unit reads it."))
    return redirect("reviews:guidance", reference)


urlpatterns: list[URLPattern] = [
    path("reviews/guidance/<str:reference>/", visits, name="guidance"),
    path("reviews/guidance/<str:reference>/plan/", plan, name="guidance-plan"),
    path("reviews/guidance/<str:reference>/<int:visit>/record/", record, name="guidance-record"),
]

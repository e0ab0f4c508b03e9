"""The authority's pages of a panel: list, builder, progress, conclusion, documents."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.models import Call
from greenlist.core import attachments, clock, waiting
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import whole
from reviews import documents, rules
from reviews.forms import ConclusionForm, InviteForm, PanelForm, ReasonForm
from reviews.models import Panel
from reviews.selectors import draws as draw_reads
from reviews.selectors import panels as reads
from reviews.selectors import seats as seat_reads
from reviews.selectors import titles
from reviews.selectors import watches as watch_reads
from reviews.services import panels
from reviews.states import PanelKind, PanelState


def actor_of(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Officials: the authority's panels. Experts: their own seats."""
    actor = actor_of(request)
    if not actor.is_official:
        return seats(request)
    page = reads.page(actor, after=whole(request.GET.get("after")))
    context = {"page": page, "calls": reads.calls_waiting(actor)}
    return render(request, "reviews/panels.html", context)


@require_GET
def seats(request: HttpRequest) -> HttpResponse:
    """An expert's invitations and panels at work."""
    actor = actor_of(request)
    if actor.capacity != "expert":
        raise NotAllowed(_("Only experts have seats on panels."))
    return render(request, "reviews/seats.html", {"seats": seat_reads.mine(actor)})


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest, call: int) -> HttpResponse:
    """The builder for a call with cases that wait."""
    actor = actor_of(request)
    found = reads.call_waiting(actor, call)
    form = _builder(request, found, None)
    if request.method == "POST" and form.is_valid():
        try:
            panel = panels.create(actor=actor, call=found, plan=form.as_plan(), at=clock.now())
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Laid down. Nobody has been told yet: that comes with opening the panel."))
            return redirect("reviews:panel", panel.reference)
    return _show_builder(request, form, found, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, reference: str) -> HttpResponse:
    actor = actor_of(request)
    panel = reads.get(actor, reference)
    form = _builder(request, panel.call, panel)
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["version"] or 0
        try:
            panels.edit(actor=actor, reference=reference, version=version, plan=form.as_plan(), at=clock.now())
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Saved."))
            return redirect("reviews:panel", reference)
    return _show_builder(request, form, panel.call, panel)


def _builder(request: HttpRequest, call: Call, panel: Panel | None) -> PanelForm:
    actor = actor_of(request)
    initial = _laid_down(panel) if panel else _start(call)
    choices = reads.choices(actor, call, chosen=set(initial["applications"]), panel=panel)
    if panel is None:
        initial["applications"] = [one.case.reference for one in choices]
    today, cases, step = clock.china_date(clock.now()), [one.case for one in choices], reads.step_for(call)
    candidates = reads.candidates(today, cases, rule=step.review)
    form = PanelForm(
        request.POST or None,
        step=step,
        choices=choices,
        candidates=candidates,
        bodies=reads.bodies_to_commission(call, cases, today) if PanelKind.BODY in step.reviewers else (),
        initial=initial,
    )
    form.choices, form.candidates = choices, candidates  # type: ignore[attr-defined]
    return form


def _start(call: Call) -> dict[str, Any]:
    step = reads.step_for(call)
    is_chosen = PanelKind.EXPERTS in (step.reviewers or (PanelKind.EXPERTS,))
    return {
        "title": titles.panel_title(call),
        "kind": PanelKind.EXPERTS if is_chosen else step.reviewers[0],
        "blind": step.review.blind,
        "pledge": reads.usual_pledge(call),
        "applications": [],
        "experts": [],
    }


def _laid_down(panel: Panel) -> dict[str, Any]:
    there = list(panel.seats.all())
    return {
        "version": panel.version,
        "title": panel.title,
        "kind": panels.DRAWN if panel.drawn else panel.kind,
        "body": "" if panel.commissioned_id else panel.body,
        "commissioned": panel.commissioned_id,
        "blind": panel.blind,
        "per_case": panel.per_case,
        "closes_on": panel.closes_on,
        "plan": panel.plan,
        "pledge": panel.pledge,
        "applications": list(panel.items.values_list("application__reference", flat=True)),
        "experts": [seat.user_id for seat in there],
        "chair": next((seat.user_id for seat in there if seat.is_chair), None),
    }


def _show_builder(request: HttpRequest, form: PanelForm, call: Call, panel: Panel | None) -> HttpResponse:
    ticked = {name: form.ticked(name) for name in ("applications", "experts", "chair")}
    context = {
        "form": form,
        "call": call,
        "panel": panel,
        "units": [(one, one.case.reference in ticked["applications"]) for one in form.choices],  # type: ignore[attr-defined]
        "people": [
            (one, str(one.user_id) in ticked["experts"], str(one.user_id) in ticked["chair"])
            for one in form.candidates  # type: ignore[attr-defined]
        ],
    }
    status = 422 if form.is_bound else 200
    return render(request, "reviews/panel_edit.html", context, status=status)


@require_GET
def panel(request: HttpRequest, reference: str) -> HttpResponse:
    """How far the panel is; after its conclusion what it said."""
    return _panel(request, reference)


def _panel(
    request: HttpRequest, reference: str, *, invite: InviteForm | None = None, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    found = reads.get(actor, reference)
    page, pages, part = reads.page_of(found.items.count(), whole(request.GET.get("page")))
    is_open = found.state == PanelState.OPEN and found.kind == PanelKind.EXPERTS
    context: dict[str, Any] = {
        "panel": found,
        "units": reads.units(found, part),
        "page": page,
        "pages": pages,
        "attention": reads.attention(found) if is_open else (),
        "seats": reads.seats(found),
        "actions": rules.available_for_panel(found, actor),
        "is_closed": found.state == PanelState.CLOSED,
        "documents": documents.of_panel(found),
    }
    context |= _around(found)
    if is_open and not found.drawn:
        there = {row.seat.user_id for row in context["seats"]}
        free = [one for one in reads.candidates(clock.china_date(clock.now()), ()) if one.user_id not in there]
        context["candidates"] = free
        context["invite"] = invite or InviteForm(None, candidates=free)
        context["excuse"] = ReasonForm()
    return render(request, "reviews/panel.html", context, status=status)


def _around(panel: Panel) -> dict[str, Any]:
    """Draws, what lacks experts, those who watch and their notes."""
    review = reads.step_for(panel.call).review
    replaced = {row.stands_for_id for row in panel.seats.all()}
    return {
        "draws": draw_reads.of_panel(panel),
        "replaced": replaced,
        "review": review,
        "watches": watch_reads.of_panel(panel),
        "remarks": watch_reads.remarks(panel),
        "may_watch": watch_reads.to_name(panel, clock.china_date(clock.now())),
    }


@require_POST
def open_panel(request: HttpRequest, reference: str) -> HttpResponse:
    try:
        panels.open_panel(actor=actor_of(request), reference=reference, at=clock.now())
    except Invalid as wrong:
        messages.error(request, str(wrong.message))
    else:
        messages.success(request, _("The panel is open. The experts have been told."))
    return redirect("reviews:panel", reference)


@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    panels.cancel(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("Dropped. Its applications wait for another panel."))
    return redirect("reviews:panels")


@require_POST
def invite(request: HttpRequest, reference: str) -> HttpResponse:
    chosen = whole(request.POST.get("expert"))
    reads.get(actor_of(request), reference)
    try:
        if chosen is None:
            raise Invalid(_("Choose an expert."))
        panels.invite(actor=actor_of(request), reference=reference, user_id=chosen, at=clock.now())
    except Invalid as wrong:
        messages.error(request, str(wrong.message))
    else:
        messages.success(request, _("Invited and told."))
    return redirect("reviews:panel", reference)


@require_http_methods(["GET", "POST"])
def excuse(request: HttpRequest, reference: str, seat: int) -> HttpResponse:
    """Takes an expert off, with the reason."""
    actor = actor_of(request)
    found = reads.get(actor, reference)
    row = next((one for one in reads.seats(found) if one.seat.pk == seat), None)
    if row is None:
        raise NotVisible
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            panels.excuse(
                actor=actor,
                reference=reference,
                seat_id=seat,
                reason=request.POST.get("reason", ""),
                at=clock.now(),
            )
        except Invalid as wrong:
            form.is_valid()
            form.take(wrong)
        else:
            messages.success(request, _("Taken off the panel. The sheets stay on record and do not count."))
            return redirect("reviews:panel", reference)
    context = {"panel": found, "row": row, "form": form}
    return render(request, "reviews/panel_excuse.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def conclude(request: HttpRequest, reference: str) -> HttpResponse:
    """The written opinion and the conclusion on each unit; `save` keeps it, `finish` closes the panel."""
    actor = actor_of(request)
    found = reads.get(actor, reference)
    if found.state != PanelState.OPEN:
        return redirect("reviews:panel", reference)
    asked = whole(request.POST.get("page") or request.GET.get("page"))
    page, pages, part = reads.page_of(found.items.count(), asked)
    units = reads.units(found, part)
    form = ConclusionForm(request.POST or None, request.FILES or None, panel=found, units=units, thin=reads.thin(found))
    if request.method == "POST" and form.is_valid():
        version, result, at = form.cleaned_data["version"], form.as_result(), clock.now()
        try:
            if "finish" in request.POST:
                upload = form.cleaned_data["upload"]
                panels.conclude(actor=actor, reference=reference, version=version, result=result, at=at, upload=upload)
                messages.success(request, _("The panel is concluded. Its cases are under overall review."))
                return redirect("reviews:panel", reference)
            panels.note_result(actor=actor, reference=reference, version=version, result=result, at=at)
            messages.success(request, _("Saved. The panel is still open."))
            following = whole(request.POST.get("next_page")) or page
            return redirect(f"{reverse('reviews:panel-conclude', args=[reference])}?page={following}")
        except Invalid as wrong:
            form.take_page(wrong)
    rows = [(unit, *_bound(form, unit.case.reference)) for unit in units if unit.live]
    waiting = reads.at_work(found)
    context = {"panel": found, "form": form, "rows": rows, "waiting": waiting, "page": page, "pages": pages}
    return render(request, "reviews/panel_conclude.html", context, status=422 if form.is_bound else 200)


def _bound(form: ConclusionForm, key: str) -> tuple[Any, Any, Any]:
    score = form[f"score-{key}"] if f"score-{key}" in form.fields else None
    return form[f"suggested-{key}"], form[f"conclusion-{key}"], score


@require_GET
def document(request: HttpRequest, reference: str, kind: str) -> HttpResponseBase:
    """A document of a concluded panel; officials of the authority only."""
    actor, at = actor_of(request), clock.now()
    found = reads.get(actor, reference)
    paper = documents.for_panel(found, kind, actor=actor, at=at)
    return waiting.answer(request, paper, at=at, title=found.title, back=reverse("reviews:panel", args=[reference]))


@require_GET
def opinion_file(request: HttpRequest, reference: str) -> FileResponse:
    """The signed opinion as it was uploaded."""
    found = reads.get(actor_of(request), reference)
    if found.opinion_file is None:
        raise NotVisible
    return attachments.response(found.opinion_file)


urlpatterns: list[URLPattern] = [
    path("reviews/panels/", index, name="panels"),
    path("reviews/seats/", seats, name="seats"),
    path("reviews/panels/new/<int:call>/", create, name="panel-new"),
    path("reviews/panels/<str:reference>/", panel, name="panel"),
    path("reviews/panels/<str:reference>/edit/", edit, name="panel-edit"),
    path("reviews/panels/<str:reference>/open/", open_panel, name="panel-open"),
    path("reviews/panels/<str:reference>/cancel/", cancel, name="panel-cancel"),
    path("reviews/panels/<str:reference>/invite/", invite, name="panel-invite"),
    path("reviews/panels/<str:reference>/seats/<int:seat>/excuse/", excuse, name="panel-excuse"),
    path("reviews/panels/<str:reference>/conclude/", conclude, name="panel-conclude"),
    path("reviews/panels/<str:reference>/opinion/", opinion_file, name="panel-opinion-file"),
    path("reviews/panels/<str:reference>/documents/<str:kind>/", document, name="panel-document"),
]

"""Drawing experts: the form, the record of each draw, substitutes and further opinions, and the talk before the panel opens."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import clock
from greenlist.core.errors import Invalid
from greenlist.core.http import whole
from reviews import documents
from reviews.forms import DrawForm, TalkForm
from reviews.models import Panel
from reviews.selectors import blind
from reviews.selectors import draws as reads
from reviews.selectors import panels as panel_reads
from reviews.services import draws, panels
from reviews.views.panels import actor_of

FILES_OF = 20  # units of one page of files: each may have dozens


@require_http_methods(["GET", "POST"])
def draw(request: HttpRequest, reference: str) -> HttpResponse:
    """What is drawn, with the pool as it stands; then the draw."""
    actor = actor_of(request)
    panel = panel_reads.get(actor, reference)
    pool = reads.pool_for(panel, reads.cases_of(panel), clock.china_date(clock.now()))
    earlier = reads.of_panel(panel)
    initial = {**_suggested(panel), "version": panel.version}
    form = DrawForm(request.POST or None, fields=pool.fields, again=bool(earlier), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = draws.draw_members(
                actor=actor,
                reference=reference,
                version=form.cleaned_data["version"],
                asked=form.as_asked(),
                at=clock.now(),
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Drawn. Nobody has been told yet: that comes with opening the panel."))
            return redirect("reviews:panel-draw-record", reference, made.number)
    context = {"panel": panel, "form": form, "pool": pool, "earlier": earlier, "count": len(pool.people)}
    return render(request, "reviews/draw.html", context, status=422 if form.is_bound else 200)


def _suggested(panel: Panel) -> dict[str, Any]:
    rule = reads.rule_of(panel)
    return {"places": rule.seats, "per_case": rule.per_case, "cap": rule.cap}


@require_GET
def record(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """One draw: its seed, who was drawn, who was left out and why."""
    actor = actor_of(request)
    panel = panel_reads.visible(actor, reference)
    found = reads.get(panel, number)
    names = reads.may_see_names(panel, actor, clock.now())
    context = {
        "panel": panel,
        "page": reads.shown(found),
        "names": names,
        "is_official": actor.is_official,
        "differs": reads.verified(found),
        "paper": f"{documents.DRAW}{found.number}",
    }
    return render(request, "reviews/draw_record.html", context)


@require_POST
def substitute(request: HttpRequest, reference: str, seat: int) -> HttpResponse:
    """Somebody drawn in place of who gave up the seat."""
    panel_reads.get(actor_of(request), reference)
    try:
        draws.substitute(actor=actor_of(request), reference=reference, seat_id=seat, at=clock.now())
    except Invalid as wrong:
        messages.error(request, str(wrong.message))
    else:
        messages.success(request, _("A substitute was drawn and told."))
    return redirect("reviews:panel", reference)


@require_POST
def another(request: HttpRequest, reference: str) -> HttpResponse:
    """One more expert for one unit."""
    panel_reads.get(actor_of(request), reference)
    given = request.POST
    try:
        draws.another(
            actor=actor_of(request),
            reference=reference,
            case=given.get("case", ""),
            reason=given.get("reason", ""),
            at=clock.now(),
        )
    except Invalid as wrong:
        messages.error(request, str(wrong.message))
    else:
        messages.success(request, _("Another expert was drawn for this unit and told."))
    return redirect("reviews:panel", reference)


@require_POST
def chair(request: HttpRequest, reference: str) -> HttpResponse:
    """Who leads the panel."""
    panel_reads.get(actor_of(request), reference)
    seat = whole(request.POST.get("seat")) or 0
    panels.name_chair(actor=actor_of(request), reference=reference, seat_id=seat, at=clock.now())
    messages.success(request, _("Saved."))
    return redirect("reviews:panel", reference)


@require_http_methods(["GET", "POST"])
def talk(request: HttpRequest, reference: str) -> HttpResponse:
    """Integrity risk points and the reminder talk, before the panel opens (HLJ-17)."""
    actor = actor_of(request)
    panel = panel_reads.get(actor, reference)
    initial = {"version": panel.version, "risks": panel.risks, "talk_on": panel.talk_on, "talk": panel.talk}
    form = TalkForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            panels.record_talk(actor=actor, reference=reference, at=clock.now(), **given)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Recorded."))
            return redirect("reviews:panel", reference)
    context = {"panel": panel, "form": form}
    return render(request, "reviews/panel_talk.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def files(request: HttpRequest, reference: str) -> HttpResponse:
    """Which evidence a blind panel may see."""
    actor = actor_of(request)
    panel = panel_reads.get(actor, reference)
    if request.method == "POST":
        shown, cases = request.POST.getlist("shown"), request.POST.getlist("case")
        panels.show_files(actor=actor, reference=reference, shown=shown, cases=cases or None, at=clock.now())
        messages.success(request, _("Saved."))
        following = whole(request.POST.get("next_page"))
        if following is None:
            return redirect("reviews:panel", reference)
        return redirect(f"{reverse('reviews:panel-files', args=[reference])}?page={following}")
    pages = max(1, -(-panel.items.count() // FILES_OF))
    page = min(max(whole(request.GET.get("page")) or 1, 1), pages)
    units = blind.to_show(panel, slice((page - 1) * FILES_OF, page * FILES_OF))
    return render(request, "reviews/panel_files.html", {"panel": panel, "units": units, "page": page, "pages": pages})


urlpatterns: list[URLPattern] = [
    path("reviews/panels/<str:reference>/draw/", draw, name="panel-draw"),
    path("reviews/panels/<str:reference>/draws/<int:number>/", record, name="panel-draw-record"),
    path("reviews/panels/<str:reference>/seats/<int:seat>/substitute/", substitute, name="panel-substitute"),
    path("reviews/panels/<str:reference>/another/", another, name="panel-another"),
    path("reviews/panels/<str:reference>/chair/", chair, name="panel-chair"),
    path("reviews/panels/<str:reference>/files/", files, name="panel-files"),
    path("reviews/panels/<str:reference>/talk/", talk, name="panel-talk"),
]

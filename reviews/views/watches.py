"""Supervisors: their panels, read only, with notes; and how officials name and release them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import whole
from reviews.forms import RemarkForm
from reviews.selectors import panels as panel_reads
from reviews.selectors import watches as reads
from reviews.services import watches
from reviews.views.panels import actor_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The panels that this supervisor watches."""
    actor = actor_of(request)
    if actor.capacity != "supervisor":
        raise NotAllowed(_("Only supervisors watch panels."))
    return render(request, "reviews/watches.html", {"watches": reads.mine(actor)})


@require_http_methods(["GET", "POST"])
def watch(request: HttpRequest, reference: str) -> HttpResponse:
    """One panel, read only, and the own notes."""
    actor = actor_of(request)
    form = RemarkForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            watches.remark(actor=actor, reference=reference, text=request.POST.get("text", ""), at=clock.now())
        except Invalid as wrong:
            form.is_valid()
            form.take(wrong)
        else:
            messages.success(request, _("Written down."))
            return redirect("reviews:watch", reference)
    page = reads.get(actor, reference, page=whole(request.GET.get("page")))
    context = {"page": page, "panel": page.panel, "form": form}
    return render(request, "reviews/watch.html", context, status=422 if form.is_bound else 200)


@require_POST
def name(request: HttpRequest, reference: str) -> HttpResponse:
    """Names a supervisor."""
    panel_reads.get(actor_of(request), reference)
    user = whole(request.POST.get("supervisor")) or 0
    try:
        watches.name(actor=actor_of(request), reference=reference, user_id=user, at=clock.now())
    except Invalid as wrong:
        messages.error(request, str(wrong.message))
    else:
        messages.success(request, _("Named and told."))
    return redirect("reviews:panel", reference)


@require_POST
def release(request: HttpRequest, reference: str, watch: int) -> HttpResponse:
    """Releases a supervisor."""
    panel_reads.get(actor_of(request), reference)
    watches.release(actor=actor_of(request), reference=reference, watch_id=watch, at=clock.now())
    messages.success(request, _("Released. The notes stay."))
    return redirect("reviews:panel", reference)


urlpatterns: list[URLPattern] = [
    path("reviews/watch/", index, name="watches"),
    path("reviews/watch/<str:reference>/", watch, name="watch"),
    path("reviews/panels/<str:reference>/supervisors/", name, name="panel-watch"),
    path("reviews/panels/<str:reference>/supervisors/<int:watch>/release/", release, name="panel-watch-release"),
]

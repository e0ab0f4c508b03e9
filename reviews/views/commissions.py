"""A registered body's pages about reviews it is commissioned with: it names the people, and judges nothing itself."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from greenlist.core import clock
from greenlist.core.errors import Invalid
from greenlist.core.http import whole
from reviews.selectors import commissions as reads
from reviews.services import commissions
from reviews.views.panels import actor_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The reviews this body was commissioned with and that are not over."""
    return render(request, "reviews/commissions.html", {"rows": list(reads.commissions(actor_of(request)))})


@require_http_methods(["GET", "POST"])
def commission(request: HttpRequest, reference: str) -> HttpResponse:
    """One review: who of the body's people takes part."""
    actor, at = actor_of(request), clock.now()
    page = reads.page(actor, reference, clock.china_date(at))
    error: Invalid | None = None
    ticked = {one.user_id for one in page.nominees if one.seated}
    chair = next((one.user_id for one in page.nominees if one.is_chair), None)
    if request.method == "POST":
        ticked = {key for value in request.POST.getlist("people") if (key := whole(value)) is not None}
        chair = whole(request.POST.get("chair"))
        version = whole(request.POST.get("version")) or 0
        try:
            commissions.name_people(
                actor=actor, reference=reference, version=version, people=ticked, chair=chair, at=at
            )
        except Invalid as wrong:
            error = wrong
        else:
            messages.success(request, _("Named. The authority has been told."))
            return redirect("reviews:commission", reference)
    rows = [(one, one.user_id in ticked, one.user_id == chair) for one in page.nominees]
    context = {"page": page, "panel": page.panel, "rows": rows, "error": error}
    return render(request, "reviews/commission.html", context, status=422 if error else 200)


urlpatterns: list[URLPattern] = [
    path("reviews/commissions/", index, name="commissions"),
    path("reviews/commissions/<str:reference>/", commission, name="commission"),
]

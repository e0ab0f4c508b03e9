"""Going up: an application for a higher list that starts from the lower case; a reason given in spite of a warning."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from applications.services import upward
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotVisible
from greenlist.core.http import whole


@require_POST
def override(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps why the unit is recommended although a prerequisite warns."""
    rule, reason = request.POST.get("rule", ""), request.POST.get("reason", "")
    given = {"actor": request.actor, "at": clock.now(), "reference": reference}  # type: ignore[attr-defined]
    try:
        upward.override(**given, rule=rule, reason=reason)
    except Invalid as refused:
        messages.error(request, "；".join(str(text) for texts in refused.problems.values() for text in texts))
    else:
        messages.success(request, _("The reason is kept and goes with the recommendation."))
    return redirect("applications:review", reference)


@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Starts the application for the higher list, or leads to the one that is there. Raises NotVisible."""
    call, site = whole(request.POST.get("call")), whole(request.POST.get("site"))
    if call is None or site is None:
        raise NotVisible
    actor = request.actor  # type: ignore[attr-defined]
    case = upward.apply(actor=actor, at=clock.now(), call_id=call, site_id=site)
    if case.grown_from_id:
        messages.success(request, _("Started from the case of the lower list: please check every answer."))
    return redirect("applications:fill", case.reference)


urlpatterns: list[URLPattern] = [
    path("upward/", apply, name="upward"),
    path("cases/<str:reference>/override/", override, name="override"),
]

"""The page that shows what a draft may take over, and takes what was chosen."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applications.services import prefilling
from greenlist.core import clock
from greenlist.core.errors import Invalid


@require_http_methods(["GET", "POST"])
def prefill(request: HttpRequest, reference: str) -> HttpResponse:
    """Every offer with its source; what is ticked is taken over."""
    given = {"actor": request.actor, "at": clock.now(), "reference": reference}  # type: ignore[attr-defined]
    status = 200
    if request.method == "POST":
        chosen, digest = request.POST.getlist("path"), request.POST.get("digest", "")
        try:
            taken = prefilling.take(**given, paths=chosen, digest=digest)
            messages.success(request, _("Taken over: %(n)s. Please check each of them.") % {"n": len(taken)})
            return redirect("applications:fill", reference)
        except Invalid as refused:
            messages.error(request, str(refused.message))
            status = 422
    case, offers = prefilling.look(**given)
    return render(request, "applications/prefill.html", {"case": case, "offers": offers}, status=status)


urlpatterns: list[URLPattern] = [path("cases/<str:reference>/prefill/", prefill, name="prefill")]

"""Health, and the page for a stale form."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from greenlist.core import health
from greenlist.core.errors import DomainError

log = logging.getLogger(__name__)


@login_not_required
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers; touches nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """200 while pages can be served, also without broker or PDFs ("degraded"); what is wrong stands in the log only."""
    broken, missing = health.faults(health.NEEDED), health.faults(health.USEFUL)
    for name, reason in (broken | missing).items():
        log.warning("not well: %s: %s", name, reason)
    status = "unavailable" if broken else "degraded" if missing else "ready"
    return JsonResponse({"ready": not broken, "status": status}, status=503 if broken else 200)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form older than the session: nothing was changed; go back, reload, send again."""
    error = DomainError(
        _("This form is too old. Go back, reload the page and send it again; what you typed is still there.")
    )
    return render(request, "error.html", {"error": error}, status=403)

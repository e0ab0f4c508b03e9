"""Health, and the page for a stale form."""

import logging
import re
import sys

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from greenlist.core import clock, health, metrics
from greenlist.core.errors import DomainError, NotVisible, Unavailable
from greenlist.core.middleware import API, answer

log = logging.getLogger(__name__)
SECRET = re.compile(r"password|secret|^code$|^token$|otp")


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


@login_not_required
@require_GET
def figures(request: HttpRequest) -> HttpResponse:
    """For the monitoring (core.metrics). For everybody else it does not exist."""
    if not metrics.may_read(request):
        raise NotVisible
    return HttpResponse(metrics.exposition(at=clock.now()), content_type=CONTENT_TYPE_LATEST)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form older than the session: nothing was changed; go back, reload, send again."""
    error = DomainError(
        _("This form is too old. Go back, reload the page and send it again; what you typed is still there."),
        code="stale_form",
    )
    return render(request, "error.html", {"error": error}, status=403)


class Unreadable(DomainError):
    """Django could not read the request."""

    status = 400
    code = "malformed"


class Failed(DomainError):
    """A fault of ours."""

    status = 500
    code = "failed"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refuses before any view; for a program as a problem document."""
    if request.path_info.startswith(API):
        return answer(request, Unreadable(_("The request could not be read.")))
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(API):
        return answer(request, NotVisible())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of the database; the request id is in both answers. A database that takes nothing is told apart (F5)."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return outage(request)
    if request.path_info.startswith(API):
        return answer(request, Failed(_("The request could not be finished; the failure has been recorded.")))
    return defaults.server_error(request)


def outage(request: HttpRequest) -> HttpResponse:
    """503: disk full, database away or read-only. A form comes back with what was typed, to be sent again."""
    error = Unavailable(
        _(
            "The server can save nothing at the moment. Nothing was changed by this request, what was saved before is safe."
        )
    )
    if request.path_info.startswith(API) or "X-Requested-With" in request.headers:
        found = answer(request, error)
    else:
        given = {"typed": _typed(request), "action": request.get_full_path(), "token": get_token(request)}
        page = render_to_string("503.html", {**given, "message": error.message})
        found = HttpResponse(page, status=error.status)
    found["Retry-After"] = "120"
    return found


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """The form as it was sent; nothing where it had files or secrets: those are not written into a page."""
    if request.method != "POST" or request.FILES or any(SECRET.search(name) for name in request.POST):
        return []
    lists = ((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    return [(name, str(value)) for name, values in lists for value in values]

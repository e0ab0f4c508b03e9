"""The page of the audit administrator."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from greenlist.accounts import selectors, services
from greenlist.core import clock
from greenlist.core.http import Request, whole


@require_GET
def trail(request: Request) -> HttpResponse:
    """The audit trail, newest first; read only, and each reading is recorded. Raises NotAllowed."""
    words = {name: request.GET.get(name, "")[:60].strip() for name in ("person", "action", "kind", "number")}
    cursor = whole(request.GET.get("older"))
    page = services.read_trail(words=words, cursor=cursor, actor=request.actor, at=clock.now())
    return render(request, "accounts/trail.html", {"page": page, "words": words, "kinds": selectors.trail_kinds()})

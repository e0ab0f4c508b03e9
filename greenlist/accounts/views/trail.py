"""The page of the audit administrator."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from greenlist.accounts import rules, selectors
from greenlist.core.errors import NotAllowed
from greenlist.core.http import Request, whole


@require_GET
def trail(request: Request) -> HttpResponse:
    """The audit trail, newest first; read only. Raises NotAllowed for everybody but the audit administrator."""
    if not rules.may_read_trail(request.actor):
        raise NotAllowed(_("The audit trail is read by the audit administrator."))
    words = {name: request.GET.get(name, "")[:60].strip() for name in ("person", "action", "kind", "number")}
    page = selectors.trail_page(words, cursor=whole(request.GET.get("older")))
    return render(request, "accounts/trail.html", {"page": page, "words": words, "kinds": selectors.trail_kinds()})

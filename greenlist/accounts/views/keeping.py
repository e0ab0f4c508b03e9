"""The page of the security administrator."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from greenlist.accounts import rules, selectors
from greenlist.core import clock
from greenlist.core.admin import is_listed
from greenlist.core.errors import NotAllowed
from greenlist.core.http import Request


@require_GET
def safety(request: Request) -> HttpResponse:
    """Accounts and mandates that somebody should look at. Raises NotAllowed for everybody but the security administrator."""
    if not rules.may_keep_people(request.actor):
        raise NotAllowed(_("The safety of accounts is kept by the security administrator."))
    found = selectors.to_look_at(clock.now())
    context = {
        "found": found,
        "second_factor": settings.SECOND_FACTOR,
        "may_open": is_listed(request.META.get("REMOTE_ADDR", "")),
    }
    return render(request, "accounts/safety.html", context)

"""Front page, work list, search, inbox: pages that cross the apps."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from greenlist.accounts import services as accounts
from greenlist.core import clock, condition, ics, outbox
from greenlist.core import selectors as core
from greenlist.core.actors import Capacity
from greenlist.core.admin import is_listed
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.core.http import Request, whole
from greenlist.organisations import selectors as organisations
from greenlist.portal import context, selectors


@login_not_required
@require_GET
def home(request: Request) -> HttpResponse:
    """What is on now, for everybody."""
    return render(
        request, "portal/home.html", {"front": selectors.front(clock.now()), "today": clock.china_date(clock.now())}
    )


@login_not_required
@require_GET
def policies(request: Request) -> HttpResponse:
    """The rule sets there are, clause by clause, each with its header (QHD-20)."""
    return render(request, "portal/policies.html", {"rules": selectors.rules_in_force()})


@require_GET
def work(request: Request) -> HttpResponse:
    """What this person in this capacity should do today; administrators are led to the page they keep."""
    if (first := context.start(request.actor)) != "portal:work":
        return redirect(first)
    today = clock.china_date(clock.now())
    groups, days = selectors.work_list(request.actor, today), selectors.last_days(request.actor, today)
    return render(request, "portal/work.html", {"groups": groups, "days": days, "today": today})


@login_not_required
@never_cache
@require_GET
def feed(request: Request, secret: str) -> HttpResponse:
    """One's own last days for a calendar program; the address is the key. Raises NotVisible."""
    at = clock.now()
    row = accounts.open_feed(secret=secret, at=at)
    actor = next(
        (one for one in organisations.capacities(row.user, clock.china_date(at)) if one.key == row.capacity), None
    )
    if actor is None:  # the role has ended: nobody learns that there was one
        raise NotVisible
    with translation.override(row.user.language):
        content = ics.calendar(*selectors.calendar(actor, clock.china_date(at)), at=at)
    return HttpResponse(content, content_type=ics.CONTENT_TYPE)


@require_GET
def search(request: Request) -> HttpResponse:
    """Cases, organisations and listings by name, code or number."""
    words = request.GET.get("q", "")[:60].replace("\x00", "")
    return render(request, "portal/search.html", {"words": words, "found": selectors.search(request.actor, words)})


@require_GET
def inbox(request: Request) -> HttpResponse:
    """Messages to this person, newest first."""
    page = core.inbox(request.actor, cursor=request.GET.get("older", ""))
    return render(request, "portal/inbox.html", {"page": page})


@require_GET
def system(request: Request) -> HttpResponse:
    """The condition of the installation, for the system administrator. Raises NotAllowed for everybody else."""
    if request.actor.capacity != Capacity.ADMINISTRATOR:
        raise NotAllowed(_("Only the system administrator sees the condition of the system."))
    at = clock.now()
    found, state = condition.problems(at=at), condition.state(at=at)
    words = {"problems": found, "digest": condition.digest(found), "jobs": selectors.jobs(state)}
    may_open = is_listed(request.META.get("REMOTE_ADDR", ""))
    return render(request, "portal/system.html", {**words, "waiting": selectors.waiting(state), "may_open": may_open})


@require_POST
def read(request: Request) -> HttpResponse:
    """Marks the shown messages as read."""
    ids = [key for value in request.POST.getlist("id") if (key := whole(value)) is not None]
    outbox.mark_read(actor=request.actor, ids=ids, at=clock.now())
    return redirect("portal:inbox")

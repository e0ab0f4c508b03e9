"""What every page's frame needs: who acts, what else the person may act as, the rail, unread messages."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import services as accounts
from greenlist.core import clock
from greenlist.core import selectors as core
from greenlist.core.actors import ANONYMOUS, Actor, Capacity, Tier
from greenlist.core.admin import is_listed

WORK = ("portal:work", _("Work list"), "work")
CALLS = ("applications:calls", _("Calls"), "call")

APPLICANT = (
    WORK,
    ("applications:cases", _("Our applications"), "case"),
    ("organisations:profile", _("Our organisation"), "building"),
    ("registry:certificates", _("Our certificates"), "seal"),
)
BODY = (
    WORK,
    ("applications:projects", _("Our projects"), "case"),
    ("applications:cases", _("Released reports"), "list"),
    ("reviews:commissions", _("Commissioned reviews"), "expert"),
    ("applications:body", _("Our body"), "building"),
    ("organisations:profile", _("Our organisation"), "users"),
    ("dynamics:cultivation-own", _("Matched units"), "call"),
)
OFFICIAL = (
    WORK,
    ("applications:desk", _("Desk"), "inbox"),
    ("applications:cases", _("Cases"), "case"),
    ("applications:batches", _("Recommendations"), "batch"),
    ("organisations:search", _("Organisations"), "building"),
    ("applications:bodies", _("Third-party bodies"), "expert"),
    ("applications:platform", _("National platform"), "send"),
    ("registry:imported-lists", _("Lists of other tiers"), "list"),
)
DECIDING = (
    CALLS,
    ("reviews:panels", _("Panels"), "users"),
    ("reviews:pool", _("Pool of experts"), "expert"),
    ("reviews:decisions", _("Overall review"), "gavel"),
    ("reviews:consultations", _("Opinions of departments"), "mail"),
    ("registry:notices_manage", _("Notices"), "notice"),
    ("registry:announcements_manage", _("Announcements"), "flag"),
)
# After listing, under a heading of its own: of the unit, of officials.
OWN_LISTING = (
    ("dynamics:units", _("Our listings"), "list"),
    ("dynamics:yearly-own", _("Yearly tables"), "table"),
    ("dynamics:changes", _("Changes"), "history"),
    ("dynamics:inspections", _("Inspections"), "search"),
    ("dynamics:rectifications", _("Rectifications"), "return"),
    ("dynamics:removals", _("Removals"), "cross-circle"),
    ("dynamics:cultivation-own", _("Our cultivation"), "call"),
    ("dynamics:trainings", _("Trainings"), "users"),
)
LISTED_UNITS = (
    ("dynamics:units", _("Listed units"), "list"),
    ("dynamics:cycles", _("Yearly cycles"), "table"),
    ("dynamics:changes", _("Changes"), "history"),
    ("dynamics:inspections", _("Inspections"), "search"),
    ("dynamics:rectifications", _("Rectifications"), "return"),
    ("dynamics:incidents", _("Alarms"), "alert"),
    ("dynamics:removals", _("Removals"), "cross-circle"),
    ("dynamics:bulletins", _("Bulletins"), "flag"),
    ("dynamics:requests", _("Requests upward"), "mail"),
    ("dynamics:tips", _("Reports from the public"), "flag"),
    ("dynamics:cultivation", _("Cultivation library"), "call"),
    ("dynamics:filings", _("Filings of cultivation"), "send"),
    ("dynamics:experiences", _("Typical experiences"), "flag"),
    ("dynamics:trainings", _("Trainings"), "users"),
)
DEPARTMENT = (WORK, ("reviews:opinions", _("Requests for opinions"), "mail"))
EXPERT = (WORK, ("reviews:seats", _("My reviews"), "expert"), ("reviews:pool-own", _("My entry in the pool"), "users"))
SUPERVISOR = (WORK, ("reviews:watches", _("Panels I supervise"), "users"))
ADMINISTRATION = ("admin:index", _("Administration"), "settings")
SYSTEM = ("portal:system", _("Condition of the system"), "stats")
SAFETY = ("accounts:safety", _("Account security"), "users")
TRAIL = ("accounts:trail", _("Audit trail"), "history")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Lazy: an error page or a public page without a rail asks the database nothing."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> dict[str, Any]:
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    sign_in = getattr(request, "sign_in", None)
    session: dict[str, Any] = {}
    if sign_in is not None:
        wanted = urlencode({"over": 1} | ({"next": request.get_full_path()} if request.method == "GET" else {}))
        session = {
            "idle_seconds": accounts.seconds_left(sign_in, at=clock.now()),
            "keepalive_url": reverse("accounts:stay"),
            "login_url": f"{reverse('accounts:login')}?{wanted}",
        }
    return session | {
        "actor": actor,
        "capacities": getattr(request, "capacities", ()),
        "nav": _under_headings([_item(request, *entry) for entry in rail(actor, request.META.get("REMOTE_ADDR", ""))]),
        "unread": core.unread_count(actor) if actor.is_signed_in else 0,
        "place": actor.authority_name or actor.organisation_name,
        "footer": [
            {"label": _("Report something untrue"), "url": reverse("dynamics:report-entry")},
            {"label": _("For programs (API)"), "url": reverse("api_page")},
        ],
    }


def rail(actor: Actor, remote: str) -> tuple[tuple[str, str | Promise, str], ...]:
    """The pages of a role. The first one is where it begins after signing in (`start`)."""
    if actor.capacity == Capacity.APPLICANT:
        return BODY if actor.is_body else (*APPLICANT, *OWN_LISTING)
    if actor.is_official:
        above_county = actor.tier is not None and actor.tier.rank >= Tier.CITY.rank
        return (*OFFICIAL, *DECIDING, *LISTED_UNITS) if above_county else (*OFFICIAL, *LISTED_UNITS)
    if actor.capacity == Capacity.EXPERT:
        return EXPERT
    if actor.capacity == Capacity.DEPARTMENT:
        return DEPARTMENT
    if actor.capacity == Capacity.SUPERVISOR:
        return SUPERVISOR
    administration = (ADMINISTRATION,) if is_listed(remote) else ()
    if actor.capacity == Capacity.ADMINISTRATOR:
        return (SYSTEM, *administration)
    if actor.capacity == Capacity.SECURITY:
        return (SAFETY, *administration)
    if actor.capacity == Capacity.AUDITOR:
        return (TRAIL,)
    return (WORK,)


def start(actor: Actor) -> str:
    """The name of the page on which a role begins: administrators have no work list, they begin on the page of their own."""
    return rail(actor, "")[0][0]


def _item(request: HttpRequest, name: str, label: str | Promise, icon: str) -> dict[str, Any]:
    url = reverse(name)
    current = request.path.startswith(url)
    return {"name": name, "label": label, "url": url, "icon": icon, "current": current, "count": 0}


def _under_headings(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages of life after listing stand together, the first of them under a heading."""
    first = next((item for item in items if item["name"].startswith("dynamics:")), None)
    if first:
        first["heading"] = _("After listing")
    return items

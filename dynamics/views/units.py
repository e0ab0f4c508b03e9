"""Listed units: the list of those one follows, and one page for each with all that happened since."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dynamics import rules
from dynamics.forms.units import UnitsForm
from dynamics.selectors import life, trends, units
from greenlist.accounts.models import Tier
from greenlist.core.http import Request
from greenlist.organisations.models import Category
from registry.states import ListingState


@require_GET
def listed(request: Request) -> HttpResponse:
    """Units of the office's area on the lists of every tier; of a firm its own."""
    form = UnitsForm(request.GET)
    form.is_valid()
    given = {key: value for key, value in form.cleaned_data.items() if value}
    context = {"page": units.found(request.actor, given), "given": given, "selects": _selects(request, given)}
    return render(request, "dynamics/units.html", context)


@require_GET
def unit(request: Request, pk: int) -> HttpResponse:
    """One unit: where it is listed, its certificates, what is open about it and what happened."""
    row = units.unit(request.actor, pk)
    known = life.lines(request.actor, row)
    context = {
        "listing": row,
        "others": units.beside(request.actor, row),
        "titles": units.titles(row),
        "certificates": units.certificates(row),
        "trends": trends.of_unit(request.actor, row),
        "open": [line for line in known if line.open],
        "over": [line for line in known if not line.open],
        "may_alarm": rules.may_raise_alarm(request.actor, row),
        "may_propose": rules.may_propose_removal(request.actor, row) and row.state != ListingState.REMOVED,
    }
    return render(request, "dynamics/unit.html", context)


def _selects(request: Request, given: dict[str, Any]) -> list[dict[str, Any]]:
    def options(name: str, pairs: Any) -> list[dict[str, Any]]:
        chosen = str(given.get(name, ""))
        return [{"value": key, "label": label, "chosen": key == chosen} for key, label in pairs]

    states = [("questioned", _("something is open")), *ListingState.choices]
    found = [
        {"name": "tier", "label": _("Tier of the list"), "options": options("tier", Tier.choices)},
        {"name": "category", "label": _("Category"), "options": options("category", Category.choices)},
        {"name": "state", "label": _("State"), "options": options("state", states)},
    ]
    places = units.places(request.actor)
    if places:
        found.insert(0, {"name": "place", "label": _("Place"), "options": options("place", places)})
    return found


urlpatterns = [
    path("units/", listed, name="units"),
    path("units/<int:pk>/", unit, name="unit"),
]

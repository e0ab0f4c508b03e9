"""The upgrade path: for the unit itself, and for its officials from the pages of listed and cultivated units."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from dynamics.selectors import cultivation, units
from dynamics.selectors import upgrade_path as reads
from greenlist.core import clock
from greenlist.core.errors import NotVisible
from greenlist.core.http import Request


@require_GET
def own(request: Request) -> HttpResponse:
    """How far the actor's own units are from the lists above."""
    found = reads.own(request.actor, clock.china_date(clock.now()))
    return render(request, "dynamics/upgrade.html", {"units": found})


@require_GET
def of_listing(request: Request, pk: int) -> HttpResponse:
    row = units.unit(request.actor, pk)
    on = clock.china_date(clock.now())
    if not request.actor.is_official:
        raise NotVisible
    found = reads.of_unit(row.site_id, row.listbook.category, on)
    return render(request, "dynamics/upgrade.html", {"units": [found], "named": row.name})


@require_GET
def of_object(request: Request, reference: str) -> HttpResponse:
    row = cultivation.one(request.actor, reference)
    if not request.actor.is_official:
        raise NotVisible
    found = reads.of_unit(row.site_id, row.category, clock.china_date(clock.now()))
    return render(request, "dynamics/upgrade.html", {"units": [found], "named": row.organisation.name})


urlpatterns: list[URLPattern] = [
    path("upgrade/", own, name="upgrade"),
    path("units/<int:pk>/upgrade/", of_listing, name="upgrade-unit"),
    path("cultivation/objects/<str:reference>/upgrade/", of_object, name="upgrade-object"),
]

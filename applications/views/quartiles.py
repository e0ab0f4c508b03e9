"""The report beside its industry."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from applications.selectors import drafts as reads
from applications.selectors import quartiles
from applications.selectors.filling import shown_number


@require_GET
def compare(request: HttpRequest, reference: str) -> HttpResponse:
    """Anonymous quartiles of the figures, for the applicant who fills them in."""
    case = reads.own_case(request.actor, reference)  # type: ignore[attr-defined]
    found = quartiles.compared(case, reads.draft_of(case, reads.form_of(case)))
    context = {"case": case, "found": found, "columns": _columns(), "rows": [_row(one) for one in found.places]}
    return render(request, "applications/compare.html", context)


def _columns() -> list[dict[str, Any]]:
    numbers = (_("Your figure"), _("Lower quartile"), _("Middle"), _("Upper quartile"))
    return [
        {"label": _("Item")},
        *({"label": one, "num": True} for one in numbers),
        {"label": _("Your place")},
        {"label": _("Other units"), "num": True},
    ]


def _row(place: quartiles.Place) -> dict[str, Any]:
    quarters = (_("lowest quarter"), _("second quarter"), _("third quarter"), _("highest quarter"))
    numbers = (place.own.normalize(), place.lower, place.middle, place.upper)
    under = f"{place.year} · {place.unit}" if place.unit else str(place.year)
    return {
        "id": place.key,
        "cells": [
            {"text": place.label, "sub": under},
            *({"text": shown_number(one), "num": True} for one in numbers),
            {"text": quarters[place.quarter - 1]},
            {"text": str(place.others), "num": True},
        ],
    }


urlpatterns: list[URLPattern] = [path("cases/<str:reference>/compare/", compare, name="compare")]

"""Pages of officials about adverse records: corrections, files of a source, names to confirm; and the firms inside a park."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from greenlist.accounts.models import Tier
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import Request
from greenlist.organisations import forms, imports, rules, selectors, services
from greenlist.organisations.models import AdverseMatch, Organisation
from greenlist.organisations.views.official import columns, get_or_post, leaf
from greenlist.organisations.views.own import REFUSED, status_of

SHOWN = 20  # rows of a file that are shown before it is taken


@get_or_post
def adverse_correct(request: Request, pk: int) -> HttpResponse:
    """Put a record right; what it said before stays."""
    record = selectors.adverse_record(request.actor, pk)
    initial = forms.CorrectAdverseForm.of(record)
    form = forms.CorrectAdverseForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        upload, reason = data.pop("evidence"), data.pop("reason")
        try:
            services.correct_adverse(
                record_id=pk,
                record=services.AdverseInput(**data),
                reason=reason,
                upload=upload,
                actor=request.actor,
                at=clock.now(),
            )
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("The record is corrected."))
            return redirect("organisations:adverse_record", pk)
    context = {"record": record, "form": form, "back": reverse("organisations:adverse_record", args=[pk])}
    return render(request, "organisations/adverse_correct.html", context, status=status_of(form))


@get_or_post
def adverse_import(request: Request) -> HttpResponse:
    """First POST: check the whole file and show it; second POST, with the signed ticket of the first: take it."""
    if not rules.may_search(request.actor):
        raise NotAllowed(selectors.OFFICIALS_ONLY)
    if request.method == "POST" and request.POST.get("ticket"):
        return _take(request)
    form = forms.UploadForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            looked = imports.look(upload.name or "", upload.read(imports.MAX_BYTES + 1), at=clock.now())
        except services.ImportRefused as refused:
            context |= _refused(refused)
        else:
            context |= {"rows": looked.rows[:SHOWN], "total": len(looked.rows), "ticket": looked.ticket}
    return _import_page(request, context)


def _take(request: Request) -> HttpResponse:
    try:
        new, known = imports.take(request.POST["ticket"], actor=request.actor, at=clock.now())
    except imports.Stale:
        return _import_page(request, {"form": forms.UploadForm(), "stale": True})
    except services.ImportRefused as refused:
        return _import_page(request, {"form": forms.UploadForm()} | _refused(refused))
    text = _("%(new)s records imported, %(known)s were known already.") % {"new": new, "known": known}
    messages.success(request, text)
    return redirect("organisations:adverse")


def _refused(refused: services.ImportRefused) -> dict[str, Any]:
    return {"problems": refused.rows[:500], "count": len(refused.rows)}


def _import_page(request: Request, context: dict[str, Any]) -> HttpResponse:
    wrong = context.get("problems") or context.get("stale") or context["form"].errors
    shared = {"columns": imports.COLUMNS.values(), "limit": imports.MAX_ROWS}
    return render(request, "organisations/adverse_import.html", shared | context, status=REFUSED if wrong else 200)


@require_GET
def adverse_matches(request: Request) -> HttpResponse:
    """Records without a code that bear the name of a firm of the place."""
    listed = leaf(request, selectors.matches(request.actor))
    rows = [
        {
            "id": one.pk,
            "cells": [
                {"text": one.record.name, "url": reverse("organisations:adverse_match", args=[one.pk])},
                {"text": one.organisation.name, "sub": one.organisation.code or ""},
                one.record.get_kind_display(),
                one.record.event_on,
                one.record.source,
            ],
        }
        for one in listed.rows
    ]
    head = columns(
        _("Name in the source"), _("Organisation"), _("Kind"), _("Day of the event or decision"), _("Source")
    )
    return render(request, "organisations/adverse_matches.html", {"columns": head, "rows": rows, "page": listed.page})


@get_or_post
def adverse_match(request: Request, pk: int) -> HttpResponse:
    """One name: is it this firm?"""
    match = selectors.match(request.actor, pk)
    form = forms.MatchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        same = request.POST.get("action") == "same"
        note = form.cleaned_data["note"]
        services.decide_match(match_id=pk, same=same, note=note, actor=request.actor, at=clock.now())
        messages.success(
            request, _("The record belongs to it now.") if same else _("The record is about somebody else.")
        )
        return redirect("organisations:adverse_matches")
    organisation, record = match.organisation, match.record
    rows = [
        {"label": _("Name in the source"), "value": record.name},
        {"label": _("Kind"), "value": record.get_kind_display()},
        {"label": _("Day of the event or decision"), "value": record.event_on},
        {"label": _("Source"), "value": record.source},
        {"label": _("Number or address in the source"), "value": record.reference},
        {"label": _("Organisation"), "value": organisation.name},
        {"label": _("Former names"), "value": "、".join(filter(None, organisation.former.split("\n")))},
        {"label": _("Unified social credit code"), "value": organisation.code},
        {"label": _("Registered in"), "value": organisation.area.full_name},
        {"label": _("Legal representative"), "value": organisation.legal_representative},
    ]
    context = {"match": match, "form": form, "rows": rows, "waits": match.state == AdverseMatch.State.OPEN}
    return render(request, "organisations/adverse_match.html", context, status=status_of(form))


# ---- parks ----------------------------------------------------------------------------------------------------------
@get_or_post
def park_firms(request: Request, pk: int) -> HttpResponse:
    """The firms inside a park, or the suppliers of a firm, for the unit and its authority; how many of them are green."""
    park = selectors.park(request.actor, pk)
    form = forms.ParkFirmForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            link = services.add_firm(park_id=pk, **form.cleaned_data, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            inside, supplies = _("%(name)s is inside the park."), _("%(name)s is noted as a supplier.")
            text = inside if park.kind == Organisation.Kind.PARK else supplies
            messages.success(request, text % {"name": link.firm.name})
            return redirect("organisations:park_firms", pk)
    listed = leaf(request, selectors.firms_inside(park))
    today = clock.china_date(clock.now())
    is_park = park.kind == Organisation.Kind.PARK
    links = [
        (link, not is_park or rules.may_take_off(request.actor, park.claim, link.added_by_id, link.valid_from, today))
        for link in listed.rows
    ]
    counts = selectors.link_counts(park.pk, today)
    tiles = [
        {"value": counts.every, "label": _("Firms inside") if is_park else _("Suppliers")},
        {"value": counts.any_tier, "label": _("of them green factories")},
        *({"value": number, "label": str(Tier(tier).label)} for tier, number in counts.green.items()),
    ]
    context = {
        "park": park,
        "form": form,
        "links": links,
        "page": listed.page,
        "kept": not all(go for _one, go in links),
        "is_park": is_park,
        "tiles": tiles,
    }
    return render(request, "organisations/park_firms.html", context, status=status_of(form))


@require_POST
def park_firm_left(request: Request, pk: int) -> HttpResponse:
    park = selectors.park_of_link(pk)
    if park is None:
        raise NotVisible
    services.remove_firm(link_id=pk, actor=request.actor, at=clock.now())
    messages.success(request, _("Noted: the firm does not belong to it any more."))
    return redirect("organisations:park_firms", park)

"""Pages of officials: look up organisations, confirm claims, keep adverse records."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import attachments, clock
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import Request, whole
from greenlist.organisations import forms, rules, selectors, services
from greenlist.organisations.models import AdverseRecord, Organisation
from greenlist.organisations.views.own import REFUSED, status_of, summary

get_or_post = require_http_methods(["GET", "POST"])
SIZE = 50
LAST_PAGE = 100  # further back one searches instead of leafing


@dataclass(frozen=True)
class Rows:
    """One bounded page of a list: nothing is ever counted."""

    rows: list[Any]
    page: dict[str, str]


def leaf(request: Request, found: QuerySet[Any]) -> Rows:
    """The page of rows that `?page=` asks for."""
    number = min(whole(request.GET.get("page")) or 1, LAST_PAGE)
    start = (number - 1) * SIZE
    rows = list(found[start : start + SIZE + 1])

    def address(page: int) -> str:
        query = request.GET.copy()
        query["page"] = str(page)
        return f"?{query.urlencode()}"

    more = len(rows) > SIZE and number < LAST_PAGE
    text = _("%(first)s–%(last)s") % {"first": start + 1, "last": start + min(len(rows), SIZE)} if rows else ""
    page = {
        "previous": address(number - 1) if number > 1 else "",
        "next": address(number + 1) if more else "",
        "text": text if number > 1 or more else "",
    }
    return Rows(rows[:SIZE], page)


def columns(*labels: str) -> list[dict[str, str]]:
    return [{"label": label} for label in labels]


@require_GET
def search(request: Request) -> HttpResponse:
    words, claim, kind = (request.GET.get(name, "") for name in ("q", "claim", "kind"))
    found = selectors.search(request.actor, words=words, claim=claim, kind=kind)
    listed = leaf(request, found)
    rows = [
        {
            "id": one.pk,
            "cells": [
                {"text": one.name, "url": reverse("organisations:detail", args=[one.pk]), "sub": one.code or ""},
                one.area.full_name,
                one.industry or "",
                {"state": one.claim, "state_label": one.get_claim_display()},
            ],
        }
        for one in listed.rows
    ]
    context = {
        "words": words,
        "selects": [
            options("claim", _("Claim"), Organisation.Claim.choices, claim),
            options("kind", _("Kind of organisation"), Organisation.Kind.choices, kind),
        ],
        "columns": columns(_("Name"), _("Registered in"), _("Industry"), _("Claim")),
        "rows": rows,
        "page": listed.page,
    }
    return render(request, "organisations/search.html", context)


def options(name: str, label: str, choices: Any, chosen: str) -> dict[str, Any]:
    """One select of a filter bar."""
    listed = [{"value": value, "label": text, "chosen": value == chosen} for value, text in choices]
    return {"name": name, "label": label, "options": listed}


@require_GET
def detail(request: Request, pk: int) -> HttpResponse:
    """An organisation as an official of its place sees it."""
    return _detail(request, pk, contact_shown=False)


def _detail(request: Request, pk: int, *, contact_shown: bool) -> HttpResponse:
    if not rules.may_search(request.actor):
        raise NotVisible
    page = selectors.page_of(request.actor, pk)
    context = {
        "page": page,
        "rows": summary(page.organisation),
        "former": selectors.former_names(page.organisation),
        "honours": page.organisation.honours.order_by("-year", "pk"),
        "records": selectors.records_of(request.actor, page.organisation),
        "contact_shown": contact_shown,
        "may_confirm": page.organisation.claim == Organisation.Claim.CLAIMED,
    }
    return render(request, "organisations/detail.html", context)


@require_POST
def contact(request: Request, pk: int) -> HttpResponse:
    """Shows the contact person's full data; who looked is written down."""
    services.read_contact(organisation_id=pk, actor=request.actor, at=clock.now())
    return _detail(request, pk, contact_shown=True)


@require_POST
def striving(request: Request, pk: int) -> HttpResponse:
    services.set_striving(
        organisation_id=pk, striving=request.POST.get("striving") == "yes", actor=request.actor, at=clock.now()
    )
    messages.success(request, _("Saved."))
    return redirect("organisations:detail", pk)


@require_GET
def claims(request: Request) -> HttpResponse:
    listed = leaf(request, selectors.claims(request.actor))
    rows = [
        {
            "id": one.pk,
            "cells": [
                {"text": one.name, "url": reverse("organisations:claim", args=[one.pk]), "sub": one.code or ""},
                one.area.full_name,
                "、".join(member.user.name for member in one.memberships.all() if member.valid_until is None),
                clock.china_date(one.claimed_at) if one.claimed_at else "",
            ],
        }
        for one in listed.rows
    ]
    head = columns(_("Name"), _("Registered in"), _("Claimed by"), _("Claimed on"))
    return render(request, "organisations/claims.html", {"columns": head, "rows": rows, "page": listed.page})


@get_or_post
def claim(request: Request, pk: int) -> HttpResponse:
    """Decide one claim: confirm, or refuse with a reason."""
    if not rules.may_search(request.actor):
        raise NotVisible
    page = selectors.page_of(request.actor, pk)
    refusing = request.method == "POST" and request.POST.get("action") == "refuse"
    form = forms.RefuseForm(request.POST if refusing else None)
    if request.POST.get("action") == "confirm":
        services.confirm_claim(organisation_id=pk, actor=request.actor, at=clock.now())
        messages.success(request, _("Confirmed. The organisation may submit applications from now on."))
        return redirect("organisations:claims")
    if refusing and form.is_valid():
        reason = form.cleaned_data["reason"]
        services.refuse_claim(organisation_id=pk, reason=reason, actor=request.actor, at=clock.now())
        messages.success(request, _("Refused. The applicant has been told the reason."))
        return redirect("organisations:claims")
    people, _waiting = selectors.members(request.actor, pk)
    context = {
        "page": page,
        "form": form,
        "rows": summary(page.organisation),
        "people": [one for one in people if one.valid_until is None],
        "waits": page.organisation.claim == Organisation.Claim.CLAIMED,
        "says": [{"label": label, "value": value} for label, value in selectors.claim_says(page.organisation)],
    }
    return render(request, "organisations/claim.html", context, status=status_of(form))


@require_GET
def adverse(request: Request) -> HttpResponse:
    words, state = request.GET.get("q", ""), request.GET.get("state", "")
    listed = leaf(request, selectors.adverse_records(request.actor, words=words, open_only=state == "open"))
    rows = [
        {
            "id": one.pk,
            "cells": [
                {"text": one.name, "url": reverse("organisations:adverse_record", args=[one.pk]), "sub": one.code},
                {"text": one.get_kind_display(), "sub": grade(one)},
                one.event_on,
                one.ended_on or "",
                one.source,
            ],
        }
        for one in listed.rows
    ]
    context = {
        "words": words,
        "selects": [options("state", _("State"), [("open", _("not ended"))], state)],
        "columns": columns(_("Name"), _("Kind"), _("Day of the event or decision"), _("Ended on"), _("Source")),
        "rows": rows,
        "page": listed.page,
    }
    return render(request, "organisations/adverse.html", context)


def grade(record: AdverseRecord) -> str:
    return str(record.get_severity_display()) if record.severity else ""


@get_or_post
def adverse_add(request: Request) -> HttpResponse:
    if not rules.may_search(request.actor):
        raise NotAllowed(selectors.OFFICIALS_ONLY)
    form = forms.AdverseForm(request.POST or None, request.FILES or None, initial=prefill(request))
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        upload = data.pop("evidence")
        at = clock.now()
        try:
            made = services.enter_adverse_with_file(
                record=services.AdverseInput(**data), upload=upload, actor=request.actor, at=at
            )
        except Invalid as error:
            form.take(error)
        except NotAllowed as error:
            form.add_error("code", str(error.message))
        else:
            messages.success(request, _("The record is kept."))
            return redirect("organisations:adverse_record", made.pk)
    return render(request, "organisations/adverse_add.html", {"form": form}, status=status_of(form))


def prefill(request: Request) -> dict[str, str]:
    """Code and name of the organisation one comes from."""
    asked = whole(request.GET.get("organisation"))
    if asked is None:
        return {}
    organisation = selectors.visible(request.actor, asked)
    return {"code": organisation.code or "", "name": organisation.name}


@get_or_post
def adverse_record(request: Request, pk: int) -> HttpResponse:
    """One record; while it has no end, the form to give it one."""
    record = selectors.adverse_record(request.actor, pk)
    form = forms.EndAdverseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.end_adverse(record_id=pk, **form.cleaned_data, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("The end of the record is kept."))
            return redirect("organisations:adverse_record", pk)
    rows = [
        {"label": _("Unified social credit code"), "value": record.code},
        {"label": _("Kind"), "value": record.get_kind_display()},
        {"label": _("Grade"), "value": grade(record) or "—"},
        {"label": _("Day of the event or decision"), "value": record.event_on},
        {"label": _("Source"), "value": record.source},
        {"label": _("Number or address in the source"), "value": record.reference},
        {"label": _("Entered by"), "value": record.entered_by or _("import")},
        {"label": _("Ended on"), "value": record.ended_on},
        {"label": _("What shows it"), "value": record.ended_source},
    ]
    if record.tier:
        rows.append({"label": _("Tier of the list"), "value": record.get_tier_display()})
    context = {"record": record, "form": form, "rows": rows, "history": selectors.history_of(record)}
    return render(request, "organisations/adverse_record.html", context, status=REFUSED if form.errors else 200)


@require_GET
def adverse_evidence(request: Request, pk: int) -> HttpResponseBase:
    record = selectors.adverse_record(request.actor, pk)
    if record.evidence is None:
        raise NotVisible
    return attachments.response(record.evidence)

"""The public pages of calls and the owner's pages that make them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import rules
from applications.documents import annexes
from applications.forms.calls import CallForm, CloseForm, ExtendForm, LocalDayForm, PlacesForm, initial
from applications.models import Call
from applications.rules import calls as may
from applications.selectors import calls as reads
from applications.selectors import quotas
from applications.selectors.paging import page_of
from applications.services import calls
from applications.services import quotas as allotting
from applications.states import CallState
from greenlist.accounts import selectors as accounts
from greenlist.core import clock, replica, waiting, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import response
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Policy
from greenlist.policy.models import RuleSetVersion


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


# ---- public ---------------------------------------------------------------------------------------------------------
@login_not_required
@require_GET
@replica.may_answer
def public_list(request: HttpRequest, place: str) -> HttpResponse:
    area = reads.place(place)
    page = page_of(reads.public_calls(place), request.GET)
    return render(request, "applications/calls_public.html", {"area": area, "page": page})


@login_not_required
@require_GET
@replica.may_answer
def public_call(request: HttpRequest, place: str, pk: int) -> HttpResponse:
    """Issuing office, contact, telephone, date of issue, annexes; rules with clauses, timetable (QHD-N5, QHD-20)."""
    call, at = reads.public_call(place, pk), clock.now()
    page = reads.call_page(call, at)
    sites = reads.sites_that_may_apply(_actor(request), call)
    return render(request, "applications/call_public.html", {"page": page, "call": call, "sites": sites, "at": at})


@login_not_required
@require_GET
def annex(request: HttpRequest, place: str, pk: int, kind: str, format_: str) -> HttpResponseBase:
    """Annex 1 (report template) and annex 2 (summary table), empty, for download (QHD-N4d)."""
    call, at = reads.public_call(place, pk), clock.now()
    if format_ == "xlsx":
        return response(*annexes.empty_workbook(call, kind), workbooks.XLSX)
    found = annexes.annex(call, kind, format_, actor=_actor(request), at=at)
    back = reverse("applications:public-call", args=[place, pk])
    return waiting.answer(request, found, at=at, title=annexes.title_of(call, kind), back=back)


# ---- the owner's pages ------------------------------------------------------------------------------------------------
@require_GET
def call_list(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    if not actor.is_official:
        raise NotAllowed(_("Only officials work on calls; the public page lists what is open."))
    context = {"page": page_of(reads.calls_for(actor), request.GET), "may_create": bool(reads.rule_sets_of(actor))}
    return render(request, "applications/calls.html", context)


@require_http_methods(["GET", "POST"])
def call_new(request: HttpRequest) -> HttpResponse:
    """A new call; it starts as a copy of the last one, each N-rule to be kept, changed or dropped (QHD-N0)."""
    actor = _actor(request)
    version = _version(actor, request.GET.get("rules", ""))
    built = policy.policy(version)
    year = clock.china_date(clock.now()).year
    previous = reads.previous_call(actor)
    form = CallForm(built, request.POST or None, initial=_start(version, built, year, previous))
    if request.method == "POST" and form.is_valid():
        try:
            call = calls.create(actor=actor, at=clock.now(), draft=form.draft())
        except Invalid as invalid:
            form.take(invalid)
        except Refused as refused:
            form.add_error("second_round_reason", str(refused.message))
        else:
            messages.success(request, _("The call has been saved as a draft."))
            return redirect("applications:call", call.pk)
    context = {"form": form, "version": version, "previous": previous, "call": None, "notes": _notes(form)}
    return render(request, "applications/call_edit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def call_edit(request: HttpRequest, pk: int) -> HttpResponse:
    actor = _actor(request)
    call = reads.call_of(actor, pk)
    rules.require(may.PREPARE, call, actor)
    version = _newest(actor, call)
    form = CallForm(policy.policy(version), request.POST or None, initial=_of_call(call, version))
    if request.method == "POST" and form.is_valid():
        try:
            calls.save(actor=actor, at=clock.now(), pk=pk, draft=form.draft())
        except Invalid as invalid:
            form.take(invalid)
        except Refused as refused:
            form.add_error("second_round_reason", str(refused.message))
        else:
            messages.success(request, _("The call has been saved."))
            return redirect("applications:call", pk)
    context = {"form": form, "version": version, "previous": None, "call": call, "notes": _notes(form)}
    return render(request, "applications/call_edit.html", context, status=422 if form.errors else 200)


@require_GET
def call(request: HttpRequest, pk: int) -> HttpResponse:
    return _call_page(request, pk)


def _call_page(request: HttpRequest, pk: int, invalid: Invalid | None = None) -> HttpResponse:
    """One call for the officials: as it will be, what is missing, timetable, what can be done."""
    actor, at = _actor(request), clock.now()
    found = reads.call_of(actor, pk)
    if not actor.is_official:
        return redirect("applications:public-call", found.owner.area.slug, pk)
    built = policy.policy(found.rules)
    missing = reads.value_problems(built, reads.values_of(found))
    context = {
        "call": found,
        "missing": [text for texts in missing.values() for text in texts],
        "page": None if missing else reads.call_page(found, at, actor.area_path),
        # What the call is past is no longer worth a word; what another person must do is.
        "actions": rules.offered(_verbs(found, missing=bool(missing)), found, actor),
        "newer": found.state == CallState.DRAFT and _newest(actor, found) != found.rules,
        "refused": [str(text) for texts in invalid.problems.values() for text in texts] if invalid else [],
    }
    return render(request, "applications/call.html", context, status=422 if invalid else 200)


@require_POST
def call_open(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        calls.open_call(actor=_actor(request), at=clock.now(), pk=pk, warned=request.POST.get("warned") == "on")
    except Invalid as invalid:
        return _call_page(request, pk, invalid)
    messages.success(request, _("The call is open; the confirmed firms of the area have been told."))
    return redirect("applications:call", pk)


@require_POST
def call_discard(request: HttpRequest, pk: int) -> HttpResponse:
    calls.discard(actor=_actor(request), at=clock.now(), pk=pk)
    messages.success(request, _("The draft has been thrown away."))
    return redirect("applications:calls")


@require_http_methods(["GET", "POST"])
def call_extend(request: HttpRequest, pk: int) -> HttpResponse:
    actor = _actor(request)
    found = reads.call_of(actor, pk)
    rules.require(may.EXTEND, found, actor)
    page = reads.call_page(found, clock.now())
    steps = [(one.key, one.title) for one in page.timetable if one.day]
    form = ExtendForm(request.POST or None, steps=steps, areas=accounts.areas_below(found.owner.area))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        area = given["area"]
        try:
            calls.extend(
                actor=actor,
                at=clock.now(),
                pk=pk,
                step=given["step"],
                new_day=given["new_day"],
                reason=given["reason"],
                area_id=area.pk if area else None,
            )
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The day has been moved; everybody concerned has been told."))
            return redirect("applications:call", pk)
    context = {"form": form, "call": found, "page": page}
    return render(request, "applications/call_extend.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def call_local_day(request: HttpRequest, pk: int) -> HttpResponse:
    actor = _actor(request)
    found = reads.call_of(actor, pk)
    rules.require(may.SET_LOCAL_DAY, found, actor)
    form = LocalDayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            calls.set_local_day(actor=actor, at=clock.now(), pk=pk, **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The last day for the firms of your area has been set."))
            return redirect("applications:call", pk)
    page = reads.call_page(found, clock.now(), actor.area_path)
    context = {"form": form, "call": found, "page": page}
    return render(request, "applications/call_local_day.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def call_places(request: HttpRequest, pk: int) -> HttpResponse:
    """Who has how many places, and the form in which who opened the call gives them (HEB-3a, HLJ-21a)."""
    actor = _actor(request)
    found = reads.call_of(actor, pk)
    rules.require(may.ALLOT, found, actor)
    tables = [(quota, quotas.by_area(found, quota)) for quota in reads.rules_of(found).quotas]
    chosen = next((one for one in tables if one[0].key == request.POST.get("quota") and one[0].allotted), None)
    form = None
    if request.method == "POST" and chosen is None:
        raise WrongState(_("The rules of this call set no number of places."))
    if chosen is not None:
        form = PlacesForm(request.POST, areas=[(row.area.pk, row.area.full_name) for row in chosen[1]])
        if form.is_valid() and _allotted(request, found, chosen[0].key, form):
            return redirect("applications:call-places", pk)
    shown = [
        {
            "quota": quota,
            "label": words.text(quota.label),
            "article": words.article(reads.rules_of(found), quota.clause),
            "rows": rows,
            "form": form
            if form is not None and chosen is not None and chosen[0] is quota
            else PlacesForm(areas=[(row.area.pk, row.area.full_name) for row in rows], auto_id=f"id_{quota.key}_%s"),
        }
        for quota, rows in tables
    ]
    context = {"call": found, "tables": shown, "wrong": form}
    return render(request, "applications/call_places.html", context, status=422 if form is not None else 200)


def _allotted(request: HttpRequest, call: Call, quota: str, form: PlacesForm) -> bool:
    given = form.cleaned_data
    try:
        allotting.allot(
            actor=_actor(request),
            at=clock.now(),
            pk=call.pk,
            quota=quota,
            area_id=given["area"],
            number=given["number"],
            reason=given["reason"],
        )
    except Invalid as invalid:
        form.take(invalid)
        return False
    messages.success(request, _("Saved. The number counts from now on."))
    return True


@require_http_methods(["GET", "POST"])
def call_close(request: HttpRequest, pk: int) -> HttpResponse:
    actor = _actor(request)
    found = reads.call_of(actor, pk)
    rules.require(may.CLOSE, found, actor)
    form = CloseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        calls.close(actor=actor, at=clock.now(), pk=pk, reason=form.cleaned_data["reason"])
        messages.success(request, _("The call is closed."))
        return redirect("applications:call", pk)
    return render(request, "applications/call_close.html", {"form": form, "call": found})


def _verbs(call: Call, *, missing: bool) -> list[rules.Verb]:
    """What may be done in this state; places are spoken of only where the rules have some to give."""
    given = not missing and any(quota.allotted for quota in reads.rules_of(call).quotas)
    return [verb for verb in (*may.VERBS, *([may.ALLOT] if given else [])) if call.state in verb.states]


# ---- what the pages share ---------------------------------------------------------------------------------------------
def _version(actor: Actor, chosen: str) -> RuleSetVersion:
    """The rule set to start from: the one named, or the only one. Raises NotAllowed where the authority keeps no list."""
    offered = reads.rule_sets_of(actor)
    if not offered:
        raise NotAllowed(_("Your authority keeps no list, so it opens no call."))
    found = next((one for one in offered if one.rule_set.slug == chosen), None)
    if chosen and found is None:
        raise NotVisible
    return found or offered[0]


def _newest(actor: Actor, call: Call) -> RuleSetVersion:
    """The newest version of the call's own rule set; what is saved from now on pins it."""
    same = (one for one in reads.rule_sets_of(actor) if one.rule_set_id == call.rules.rule_set_id)
    return next(same, call.rules)


def _notes(form: CallForm) -> dict[str, str]:
    """What is worth a look before it is saved: a last day on which nobody works."""
    rest = reads.rest_days(form.days.values())
    return {
        name: _("This is a rest day in the calendar of working days.") for name, day in form.days.items() if day in rest
    }


def _start(version: RuleSetVersion, built: Policy, year: int, previous: Call | None) -> dict[str, Any]:
    values = engine.suggest(built, year)
    draft: dict[str, Any] = {"version": version.pk, "year": year, "category": built.categories[0]}
    layer: dict[str, Any] = {}
    if previous is not None:
        days = {key for key, ask in built.asks.items() if ask.type == "day"}
        later = year - previous.year
        values |= {
            key: reads.shifted(value, later) if key in days else value
            for key, value in previous.values.items()
            if key in built.asks
        }
        layer = previous.layer
        draft |= {
            "title": previous.title.replace(str(previous.year), str(year)),
            "text": previous.text,
            "contact_name": previous.contact_name,
            "contact_phone": previous.contact_phone,
            "category": previous.category,
        }
    for key in calls.TYPED_HERE:
        draft.setdefault(key, values.get(key, ""))
    return initial(draft, values, layer)


def _of_call(call: Call, version: RuleSetVersion) -> dict[str, Any]:
    names = ("category", "year", "title", "number", "issued_on", "text", "contact_name", "contact_phone")
    draft = {name: getattr(call, name) for name in (*names, "second_round_reason")}
    return initial({**draft, "version": version.pk}, call.values, call.layer)


urlpatterns: list[URLPattern] = [
    path("p/<slug:place>/calls/", public_list, name="public-calls"),
    path("p/<slug:place>/calls/<int:pk>/", public_call, name="public-call"),
    path("p/<slug:place>/calls/<int:pk>/annex/<slug:kind>.<slug:format_>", annex, name="annex"),
    path("calls/", call_list, name="calls"),
    path("calls/new/", call_new, name="call-new"),
    path("calls/<int:pk>/", call, name="call"),
    path("calls/<int:pk>/edit/", call_edit, name="call-edit"),
    path("calls/<int:pk>/open/", call_open, name="call-open"),
    path("calls/<int:pk>/discard/", call_discard, name="call-discard"),
    path("calls/<int:pk>/extend/", call_extend, name="call-extend"),
    path("calls/<int:pk>/local-day/", call_local_day, name="call-local-day"),
    path("calls/<int:pk>/places/", call_places, name="call-places"),
    path("calls/<int:pk>/close/", call_close, name="call-close"),
]

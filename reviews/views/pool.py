"""The pool of experts: list and entries for officials, the own entry for experts."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.forms import ServiceForm
from greenlist.core.http import whole
from reviews.forms import AbsenceForm, EmploymentForm, ExpertForm, ReasonForm
from reviews.selectors import pool as reads
from reviews.services import pool
from reviews.views.panels import actor_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The pool, by name, employer, field, place and standing."""
    actor, given = actor_of(request), request.GET
    if not actor.is_official:
        raise NotAllowed(_("Only officials see the pool of experts."))
    page = reads.page(actor, given.dict(), clock.china_date(clock.now()))
    standings = (("available", _("available")), ("away", _("away today")), ("suspended", _("suspended")))
    selects = [
        _select("field", _("Field of expertise"), [(word, word) for word in page.fields], given),
        _select("area", _("Area"), [(area.slug, area.full_name or area.name) for area in page.areas], given),
        _select("standing", _("Standing"), standings, given),
    ]
    is_filtered = any(given.get(name) for name in ("q", "field", "area", "standing"))
    context = {"page": page, "selects": selects, "q": given.get("q", ""), "is_filtered": is_filtered}
    return render(request, "reviews/pool.html", context)


def _select(name: str, label: str, options: Any, given: Any) -> dict[str, Any]:
    chosen = given.get(name, "")
    rows = [{"value": value, "label": text, "chosen": value == chosen} for value, text in options]
    return {"name": name, "label": label, "options": rows}


@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """An expert's own entry."""
    actor = actor_of(request)
    if actor.capacity != "expert" or actor.user_id is None:
        raise NotAllowed(_("Only experts have an entry in the pool."))
    return _entry(request, actor.user_id)


@require_GET
def entry(request: HttpRequest, user: int) -> HttpResponse:
    return _entry(request, user)


def _entry(request: HttpRequest, user: int, *, status: int = 200, **forms: Any) -> HttpResponse:
    page = reads.entry(actor_of(request), user, clock.china_date(clock.now()))
    areas = reads.areas_to_choose(actor_of(request)) if page.may_keep else []
    initial = {
        "version": page.entry.version,
        "fields_": "、".join(page.entry.fields),
        "area": page.entry.area.slug if page.entry.area else "",
        "cap_per_panel": page.entry.cap_per_panel,
        "cap_per_year": page.entry.cap_per_year,
    }
    context = {
        "page": page,
        "is_own": reads.is_own(actor_of(request), user),
        "profile": forms.get("profile") or ExpertForm(None, areas=areas, initial=initial),
        "standing": forms.get("standing") or ReasonForm(None),
        "employment": forms.get("employment") or EmploymentForm(None, prefix="job"),
        "absence": forms.get("absence") or AbsenceForm(None, prefix="away"),
        "invalid": next(iter(forms.values()), None),
        "ends": [(one, EmploymentForm(None, prefix=f"end-{one.pk}")) for one in page.employments],
    }
    return render(request, "reviews/pool_entry.html", context, status=status)


def _back(request: HttpRequest, user: int) -> HttpResponse:
    return redirect(reverse("reviews:pool-own") if reads.is_own(actor_of(request), user) else _address(user))


def _address(user: int) -> str:
    return reverse("reviews:pool-entry", args=[user])


Given = dict[str, Any]


def _done(
    request: HttpRequest, user: int, form: ServiceForm, act: Callable[[Given], object], **shown: ServiceForm
) -> HttpResponse:
    """Back to the entry, or the entry with what is wrong beside its field."""
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Saved."))
            return _back(request, user)
    return _entry(request, user, status=422, **shown)


@require_POST
def describe(request: HttpRequest, user: int) -> HttpResponse:
    """Fields, place and caps."""
    actor, at = actor_of(request), clock.now()
    if not reads.entry(actor, user, clock.china_date(at)).may_keep:
        raise NotAllowed(pool.KEEPERS_ONLY)
    form = ExpertForm(request.POST, areas=reads.areas_to_choose(actor), initial={})

    def act(given: Given) -> object:
        return pool.describe(actor=actor, user_id=user, version=given["version"], profile=form.as_profile(), at=at)

    return _done(request, user, form, act, profile=form)


@require_POST
def standing(request: HttpRequest, user: int) -> HttpResponse:
    """Suspends with a reason, or ends the suspension."""
    actor, at = actor_of(request), clock.now()
    form = ReasonForm(request.POST)

    def act(given: Given) -> object:
        if "resume" in request.POST:
            return pool.resume(actor=actor, user_id=user, at=at)
        return pool.suspend(actor=actor, user_id=user, reason=given["reason"], at=at)

    return _done(request, user, form, act, standing=form)


@require_POST
def employments(request: HttpRequest, user: int) -> HttpResponse:
    """Adds an employer, or says the last day at one."""
    actor, at = actor_of(request), clock.now()
    reads.entry(actor, user, clock.china_date(at))
    ended = whole(request.POST.get("employment"))
    form = EmploymentForm(request.POST, prefix="job" if ended is None else f"end-{ended}")

    def act(given: Given) -> object:
        if ended is not None:
            return pool.end_employment(actor=actor, user_id=user, employment=ended, until=given["until"], at=at)
        return pool.add_employment(actor=actor, user_id=user, at=at, **given)

    return _done(request, user, form, act, employment=form)


@require_POST
def absences(request: HttpRequest, user: int) -> HttpResponse:
    """Adds days away, or takes them back."""
    actor, at = actor_of(request), clock.now()
    reads.entry(actor, user, clock.china_date(at))
    taken_back = whole(request.POST.get("absence"))
    form = AbsenceForm(request.POST, prefix="away")

    def act(given: Given) -> object:
        if taken_back is not None:
            return pool.remove_absence(actor=actor, user_id=user, absence=taken_back, at=at)
        return pool.add_absence(actor=actor, user_id=user, at=at, **given)

    return _done(request, user, form, act, absence=form)


urlpatterns: list[URLPattern] = [
    path("reviews/pool/", index, name="pool"),
    path("reviews/pool/own/", own, name="pool-own"),
    path("reviews/pool/<int:user>/", entry, name="pool-entry"),
    path("reviews/pool/<int:user>/profile/", describe, name="pool-describe"),
    path("reviews/pool/<int:user>/standing/", standing, name="pool-standing"),
    path("reviews/pool/<int:user>/employers/", employments, name="pool-employments"),
    path("reviews/pool/<int:user>/days-away/", absences, name="pool-absences"),
]

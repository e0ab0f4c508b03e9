"""整改: the list of units and officials, one page for both, the proof files."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.forms.rectifications import GiveUpForm, HandInForm, JudgeForm, OrderForm
from dynamics.models import Rectification
from dynamics.selectors import rectifications as reads
from dynamics.services import rectifications
from dynamics.states import OPEN_RECTIFICATIONS, RectificationState
from greenlist.core import attachments, clock
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import Request, whole
from registry import selectors as registry


@require_GET
def rectifications_list(request: Request) -> HttpResponse:
    actor = request.actor
    if not (actor.is_official or actor.capacity == Capacity.APPLICANT):
        raise NotAllowed(_("Units and the authorities of their place see rectifications."))
    state = request.GET.get("state", "")
    state = state if state in {"open", *RectificationState.values} else ""
    page = reads.of(actor, state=state, after=whole(request.GET.get("after")))
    context = {"page": page, "state": state, "today": clock.china_date(clock.now())}
    return render(request, "dynamics/rectifications.html", context)


def _page(request: Request, reference: str, *, form: Any = None, give_up: GiveUpForm | None = None) -> HttpResponse:
    row = reads.one(request.actor, reference)
    late = reads.is_late(row, clock.china_date(clock.now()))
    may_end = late and rules.may_judge_rectification(request.actor, row)
    is_unit = rules.is_unit(request.actor, row.listing) and row.state == RectificationState.ORDERED
    judges = rules.may_judge_rectification(request.actor, row) and row.state == RectificationState.HANDED_IN
    context = {
        "row": row,
        "late": late,
        "give_up": (give_up or _give_up_form(row)) if may_end else None,
        "is_open": row.state in OPEN_RECTIFICATIONS,
        "hand_in": (form or HandInForm()) if is_unit else None,
        "judge": (form or JudgeForm()) if judges else None,
        "shows_source": request.actor.is_official and request.actor.authority_id == row.authority_id,
    }
    refused = form is not None or give_up is not None
    return render(request, "dynamics/rectification.html", context, status=422 if refused else 200)


def _give_up_form(row: Rectification, data: Any = None) -> GiveUpForm:
    form = GiveUpForm(data, auto_id="end-%s")
    form.choose(reads.grounds_for(row))
    return form


@require_GET
def rectification(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


@require_POST
def hand_in(request: Request, reference: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    if not rules.is_unit(request.actor, row.listing):
        raise NotAllowed(rectifications.ONLY_UNIT)
    form = HandInForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, reference, form=form)
    try:
        rectifications.hand_in(actor=request.actor, reference=reference, at=clock.now(), **form.given())
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, form=form)
    messages.success(request, _("Handed in. The authority looks at it."))
    return redirect("dynamics:rectification", reference)


@require_POST
def judge(request: Request, reference: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    if not rules.may_judge_rectification(request.actor, row):
        raise NotAllowed(rectifications.ONLY_ORDERER)
    form = JudgeForm(request.POST)
    if not form.is_valid():
        return _page(request, reference, form=form)
    given = {"actor": request.actor, "reference": reference, "note": form.cleaned_data["note"], "at": clock.now()}
    try:
        if form.cleaned_data["outcome"] == "accepted":
            rectifications.accept(**given)
        else:
            rectifications.refuse(**given, due_on=form.cleaned_data["due_on"])
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, form=form)
    messages.success(request, _("Recorded. The unit has been told."))
    return redirect("dynamics:rectification", reference)


@require_POST
def give_up(request: Request, reference: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    if not rules.may_judge_rectification(request.actor, row):
        raise NotAllowed(rectifications.ONLY_ORDERER)
    form = _give_up_form(row, request.POST)
    if not form.is_valid():
        return _page(request, reference, give_up=form)
    try:
        rectifications.give_up(actor=request.actor, reference=reference, at=clock.now(), **form.cleaned_data)
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, give_up=form)
    messages.success(request, _("The removal is proposed; the unit is heard first."))
    return redirect("dynamics:rectification", reference)


@require_http_methods(["GET", "POST"])
def order(request: Request, listing: int) -> HttpResponse:
    """An authority of the unit's place orders one by itself."""
    found = registry.listing_of(listing)
    if not rules.covers(request.actor, found):
        raise NotAllowed(_("Only an authority of the unit's place orders a rectification."))
    form = OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = rectifications.order(actor=request.actor, listing=found.pk, at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Ordered. The unit has been told."))
            return redirect("dynamics:rectification", made.reference)
    context = {"listing": found, "form": form}
    return render(request, "dynamics/rectification_order.html", context, status=422 if form.is_bound else 200)


@require_GET
def proof(request: Request, reference: str, pk: int) -> HttpResponseBase:
    return attachments.response(reads.proof(request.actor, reference, pk).blob)


urlpatterns: list[URLPattern] = [
    path("after/rectifications/", rectifications_list, name="rectifications"),
    path("after/rectifications/<str:reference>/", rectification, name="rectification"),
    path("after/rectifications/<str:reference>/hand-in/", hand_in, name="rectification-hand-in"),
    path("after/rectifications/<str:reference>/judge/", judge, name="rectification-judge"),
    path("after/rectifications/<str:reference>/give-up/", give_up, name="rectification-give-up"),
    path("after/rectifications/<str:reference>/proofs/<int:pk>/", proof, name="rectification-proof"),
    path("after/listings/<int:listing>/rectify/", order, name="rectification-order"),
]

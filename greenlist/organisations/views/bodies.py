"""What a third-party body files about itself: profile, evaluators, experience, proofs. Its overview lies in `applications`."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from greenlist.core import clock
from greenlist.core.errors import Invalid
from greenlist.core.http import Request
from greenlist.organisations import forms, selectors, services
from greenlist.organisations.views.own import get_or_post, status_of


@get_or_post
def edit(request: Request) -> HttpResponse:
    own = selectors.own_body(request.actor)
    form = forms.BodyForm(request.POST or None, initial=forms.BodyForm.of(selectors.body_profile(own)))
    if request.method == "POST" and form.is_valid():
        try:
            given = services.BodyInput(**form.cleaned_data)
            services.change_body(organisation_id=own.pk, profile=given, actor=request.actor, at=clock.now())
        except Invalid as invalid:
            form.take(invalid)
        else:
            return _saved(request)
    return _page(request, form, _("Profile of the body"))


def _saved(request: Request) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect("applications:body")


def _page(request: Request, form: forms.ServiceForm, title: str, lead: str = "") -> HttpResponse:
    context = {"form": form, "title": title, "lead": lead, "back": reverse("applications:body")}
    return render(request, "organisations/body_form.html", context, status=status_of(form))


def _add(request: Request, form: forms.ServiceForm, title: str, service: Any, lead: str = "") -> HttpResponse:
    """One more row of the profile."""
    own = selectors.own_body(request.actor)
    if request.method == "POST" and form.is_valid():
        try:
            service(organisation_id=own.pk, actor=request.actor, at=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            return _saved(request)
    return _page(request, form, title, lead)


@get_or_post
def staff(request: Request) -> HttpResponse:
    return _add(request, forms.StaffForm(request.POST or None), _("Add an evaluator"), services.add_staff)


@require_POST
def staff_remove(request: Request, pk: int) -> HttpResponse:
    own = selectors.own_body(request.actor)
    services.remove_staff(organisation_id=own.pk, staff_id=pk, actor=request.actor, at=clock.now())
    return _saved(request)


@get_or_post
def experience(request: Request) -> HttpResponse:
    form = forms.ExperienceForm(request.POST or None)
    return _add(request, form, _("Add experience"), services.add_experience)


@require_POST
def experience_remove(request: Request, pk: int) -> HttpResponse:
    own = selectors.own_body(request.actor)
    services.remove_experience(organisation_id=own.pk, experience_id=pk, actor=request.actor, at=clock.now())
    return _saved(request)


@get_or_post
def proof(request: Request) -> HttpResponse:
    form = forms.ProofForm(request.POST or None, request.FILES or None)
    lead = _("A free diagnosis names firm, place and day, and an official of that place confirms it.")
    return _add(request, form, _("Add a proof"), services.add_proof, lead)


@require_POST
def proof_remove(request: Request, pk: int) -> HttpResponse:
    own = selectors.own_body(request.actor)
    services.remove_proof(organisation_id=own.pk, proof_id=pk, actor=request.actor, at=clock.now())
    return _saved(request)

"""Second factor, recovery codes, sessions."""

from typing import Any, cast

import segno
from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from greenlist.accounts import forms, rules, selectors, services
from greenlist.accounts.models import User
from greenlist.accounts.views.shared import REFUSED, get_or_post
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed, WrongState
from greenlist.core.http import Request, whole


def switches(request: Request) -> dict[str, Any]:
    return {"second_factor": settings.SECOND_FACTOR, "required": rules.needs_second_factor(request.capacities)}


def _person_now(request: Request) -> User:
    """As the database has it now: services have raised the epoch of its sessions."""
    return cast(User, selectors.active_user(cast(int, request.user.pk)))


@never_cache
@sensitive_post_parameters("current", "code", "old_code", "ticket")
@get_or_post
def second_factor(request: Request) -> HttpResponse:
    """Sets a second factor up or renews it; the answer to the right codes shows the recovery codes, once."""
    user = cast(User, request.user)
    factor = selectors.second_factor_of(user.pk)
    if not settings.SECOND_FACTOR:
        return render(request, "accounts/second_factor.html", {**switches(request), "factor": factor})
    if factor and request.sign_in.verified_at is None:  # from before the switch was turned on
        auth.logout(request)
        return redirect(f"{reverse('accounts:login')}?next={reverse('accounts:second_factor')}")
    kind = forms.RenewForm if factor else forms.EnrolForm
    ticket = request.POST.get("ticket") or services.new_ticket(user_id=user.pk, at=clock.now())
    form = kind(request.POST or None, initial={"ticket": ticket})
    if request.method == "POST" and form.is_valid():
        try:
            codes = services.enrol(
                user_id=user.pk, **form.cleaned_data, actor=request.actor, at=clock.now(), keep=request.sign_in.pk
            )
        except Invalid as error:
            form.take(error)
        else:
            auth.update_session_auth_hash(request, _person_now(request))
            return _show_codes(request, codes)
    return _enrolment(request, user, form, ticket)


def _enrolment(request: Request, user: User, form: Any, ticket: str) -> HttpResponse:
    try:
        seed = services.seed_of(ticket, user_id=user.pk, at=clock.now())
    except WrongState:
        messages.error(request, _("This page has been open for too long. Begin again."))
        return redirect("accounts:second_factor")
    picture = segno.make(services.app_address(seed, user.username), error="m")
    context = {
        **switches(request),
        "form": form,
        "factor": selectors.second_factor_of(user.pk),
        "picture": picture.svg_data_uri(scale=5, border=4, light="white"),
        "key": " ".join(seed[start : start + 4] for start in range(0, len(seed), 4)),
    }
    return render(request, "accounts/second_factor.html", context, status=REFUSED if form.errors else 200)


def _show_codes(request: Request, codes: list[str], *, renewed: bool = False) -> HttpResponse:
    context = {"codes": codes, "renewed": renewed, "at": clock.now(), "username": request.user.get_username()}
    return render(request, "accounts/recovery_codes_new.html", context)


@never_cache
@sensitive_post_parameters("current", "code")
@get_or_post
def recovery_codes(request: Request) -> HttpResponse:
    """Ten new recovery codes for password and code."""
    user = cast(User, request.user)
    if not (settings.SECOND_FACTOR and selectors.second_factor_of(user.pk)):
        return redirect("accounts:second_factor")
    form = forms.ProofForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            codes = services.new_recovery_codes(
                user_id=user.pk, **form.cleaned_data, actor=request.actor, at=clock.now()
            )
        except Invalid as error:
            form.take(error)
        else:
            return _show_codes(request, codes, renewed=True)
    context = {"form": form, "left": selectors.recovery_codes_left(user.pk)}
    return render(request, "accounts/recovery_codes.html", context, status=REFUSED if form.errors else 200)


@never_cache
@sensitive_post_parameters("current", "code")
@get_or_post
def second_factor_off(request: Request) -> HttpResponse:
    """For whom it is not required. Raises NotAllowed for others."""
    user = cast(User, request.user)
    if not (settings.SECOND_FACTOR and selectors.second_factor_of(user.pk)):
        return redirect("accounts:second_factor")
    if rules.needs_second_factor(request.capacities):
        raise NotAllowed(rules.FACTOR_NEEDED)
    form = forms.ProofForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.drop_second_factor(
                user_id=user.pk, **form.cleaned_data, actor=request.actor, at=clock.now(), keep=request.sign_in.pk
            )
        except Invalid as error:
            form.take(error)
        else:
            auth.update_session_auth_hash(request, _person_now(request))
            messages.success(request, _("You sign in by the password alone from now on."))
            return redirect("accounts:profile")
    return render(request, "accounts/second_factor_off.html", {"form": form}, status=REFUSED if form.errors else 200)


@require_GET
def sessions(request: Request) -> HttpResponse:
    """Where one is signed in now, and the latest sign-ins that are over."""
    rows = selectors.sign_ins_of(request.actor.user_id or 0, clock.now())
    return render(request, "accounts/sessions.html", {"rows": rows, "current": request.sign_in})


@require_POST
def session_end(request: Request) -> HttpResponse:
    """Ends one other sign-in (`sign_in`), or all others."""
    named = whole(request.POST.get("sign_in"))
    if named is not None:
        services.end_own_session(sign_in_id=named, actor=request.actor, at=clock.now())
    else:
        services.end_other_sessions(keep=request.sign_in.pk, actor=request.actor, at=clock.now())
    messages.success(request, _("Ended. With its next click that device has to sign in again."))
    return redirect("accounts:sessions")


@get_or_post
def stay(request: Request) -> JsonResponse:
    """How long the session lasts if nothing is done. POST is a sign of life, which the middleware has noted; GET only asks."""
    return JsonResponse({"seconds": services.seconds_left(request.sign_in, at=clock.now())})

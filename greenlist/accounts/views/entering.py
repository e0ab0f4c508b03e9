"""Signing in, in one step or two, registering, and forgotten passwords."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from greenlist.accounts import forms, selectors, services
from greenlist.accounts.models import User
from greenlist.accounts.states import ENDED_KEY, PENDING_KEY, SIGN_IN_KEY
from greenlist.accounts.views.shared import BACKEND, REFUSED, come_back, get_or_post, speak
from greenlist.core import clock
from greenlist.core.errors import Invalid
from greenlist.core.http import Request

BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
A_YEAR = 365 * 24 * 3600
DEVICE = re.compile(r"[\w-]{43}", re.ASCII)


def agent_of(request: Request) -> str:
    """Browser and system in two words, as far as they say: enough to recognise one's own."""
    said = request.headers.get("User-Agent", "")
    found = [next((name for sign, name in signs if sign in said), "") for signs in (BROWSERS, SYSTEMS)]
    return " · ".join(word for word in found if word)


def enter(request: Request, user: User, response: HttpResponse, *, verified: bool = False) -> HttpResponse:
    """Signs in: the session gets a new key and names its sign-in, the browser is known from now on."""
    device = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    if not DEVICE.fullmatch(device):
        device = secrets.token_urlsafe(32)
    ended = getattr(request, "sign_in", None)
    if ended is not None:
        services.end_session(sign_in_id=ended.pk, end="out", actor=request.actor, at=clock.now())
    auth.login(request, user, backend=BACKEND)
    row = services.begin_session(
        user_id=user.pk,
        agent=agent_of(request),
        device=device,
        verified=verified,
        actor=request.actor,
        at=clock.now(),
    )
    request.session[SIGN_IN_KEY] = row.pk
    for key in (PENDING_KEY, ENDED_KEY):
        request.session.pop(key, None)
    options: dict[str, Any] = {"secure": settings.SESSION_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
    response.set_cookie(settings.DEVICE_COOKIE_NAME, device, max_age=A_YEAR, **options)
    return speak(response, user.language)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@get_or_post
def login(request: Request) -> HttpResponse:
    """Five wrong passwords from one address lock this name there for 15 minutes; axes answers with its own page then."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(come_back(request, settings.LOGIN_REDIRECT_URL))
    form = forms.LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        username = services.clean_username(form.cleaned_data["username"])
        user = auth.authenticate(request, username=username, password=form.cleaned_data["password"])
        if user is not None:
            return _after_password(request, user)
        form.add_error(None, _("User name or password is wrong."))
    context = {
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "ended": request.session.pop(ENDED_KEY, "") if request.method == "GET" else "",
        "second_factor": settings.SECOND_FACTOR,
    }
    return render(request, "accounts/login.html", context, status=REFUSED if form.errors else 200)


def _after_password(request: Request, user: User) -> HttpResponse:
    """In, or on to the code: until it is given nobody is signed in."""
    wanted = come_back(request, settings.LOGIN_REDIRECT_URL)
    if not (settings.SECOND_FACTOR and services.has_second_factor(user.pk)):
        return enter(request, user, redirect(wanted))
    request.session.cycle_key()
    request.session[PENDING_KEY] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": clock.now().timestamp(),
        "next": wanted,
    }
    return redirect("accounts:login_code")


def _pending(request: Request) -> tuple[User, str] | None:
    """Who gave the right password some minutes ago, and where they want to go."""
    kept = request.session.get(PENDING_KEY)
    if not kept:
        return None
    age = clock.now() - datetime.fromtimestamp(kept["at"], tz=UTC)
    user = selectors.active_user(kept["user"])
    fresh = age <= timedelta(minutes=settings.SECOND_FACTOR_WAIT_MINUTES)
    if user is None or not fresh or user.get_session_auth_hash() != kept["hash"]:
        del request.session[PENDING_KEY]
        return None
    return user, kept["next"]


@login_not_required
@never_cache
@get_or_post
def login_code(request: Request) -> HttpResponse:
    """The second step of signing in: a code of the app, or a recovery code (`?way=recovery`)."""
    pending = _pending(request)
    if pending is None:
        return redirect("accounts:login")
    user, wanted = pending
    recovery = request.GET.get("way") == "recovery"
    form = (forms.RecoveryForm if recovery else forms.CodeForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.take_code(user_id=user.pk, code=form.cleaned_data["code"], actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            return enter(request, user, redirect(wanted), verified=True)
    context = {"form": form, "recovery": recovery}
    return render(request, "accounts/login_code.html", context, status=REFUSED if form.errors else 200)


@login_not_required
@require_POST
def logout(request: Request) -> HttpResponse:
    if request.sign_in is not None:
        services.end_session(sign_in_id=request.sign_in.pk, end="out", actor=request.actor, at=clock.now())
    auth.logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@login_not_required
@never_cache
@sensitive_post_parameters("password", "again")
@get_or_post
def register(request: Request) -> HttpResponse:
    """Step one of registering: the person. The organisation follows on its own page (`next`)."""
    if request.user.is_authenticated:
        return redirect(come_back(request, settings.LOGIN_REDIRECT_URL))
    form = forms.RegisterForm(request.POST or None, hint=services.hint())
    if request.method == "POST" and form.is_valid():
        values = {key: form.cleaned_data[key] for key in ("username", "name", "email", "phone", "password")}
        try:
            user = services.register(**values, language=request.LANGUAGE_CODE, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            answer = enter(request, user, redirect(come_back(request, settings.LOGIN_REDIRECT_URL)))
            messages.success(request, _("Your account is ready."))
            return answer
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/register.html", context, status=REFUSED if form.errors else 200)


@login_not_required
@get_or_post
def password_reset(request: Request) -> HttpResponse:
    """The same answer for every address."""
    form = forms.ResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.request_reset(email=form.cleaned_data["email"], actor=request.actor, at=clock.now())
        return redirect("accounts:password_reset_done")
    return render(request, "accounts/password_reset.html", {"form": form}, status=REFUSED if form.errors else 200)


@login_not_required
@require_GET
def password_reset_done(request: Request) -> HttpResponse:
    return render(request, "accounts/password_reset_done.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "again")
@get_or_post
def password_reset_confirm(request: Request, uid: str, token: str) -> HttpResponse:
    person = services.user_of_link(uid, token)
    form = forms.NewPassword(request.POST or None, hint=services.hint(person))
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_password(
                uid=uid, token=token, password=form.cleaned_data["password"], actor=request.actor, at=clock.now()
            )
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("Your new password is set. Please sign in with it."))
            return redirect(reverse("accounts:login"))
    context = {"form": form, "username": person.username}
    return render(request, "accounts/password_new.html", context, status=REFUSED if form.errors else 200)

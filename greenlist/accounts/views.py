"""Pages of signing in and of one's own account."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import segno
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.accounts import forms, rules, selectors, services
from greenlist.accounts.models import User
from greenlist.accounts.states import CAPACITY_KEY, ENDED_KEY, PENDING_KEY, SCOPES_OF, SIGN_IN_KEY
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed, WrongState
from greenlist.core.http import Request, whole

get_or_post = require_http_methods(["GET", "POST"])
BACKEND = "django.contrib.auth.backends.ModelBackend"
REFUSED = 422


def come_back(request: Request, default: str) -> str:
    """The page asked for by `next`, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url(default)


def speak(response: HttpResponse, language: str) -> HttpResponse:
    """Pages follow the language of the account, as its mails do."""
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return response


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
        if getattr(request, "axes_locked_out", False):
            services.tell_of_lock(username=username, actor=request.actor, at=clock.now())
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


@require_POST
def switch(request: Request) -> HttpResponse:
    """The role switcher: from now on the person acts in this capacity. Raises NotAllowed for one they do not hold."""
    key = request.POST.get("capacity", "")
    if key not in {actor.key for actor in request.capacities}:
        raise NotAllowed(_("You do not hold this role, or not any more."))
    request.session[CAPACITY_KEY] = key
    # The page one was on may not exist in the new role.
    return redirect(settings.LOGIN_REDIRECT_URL)


@get_or_post
def profile(request: Request) -> HttpResponse:
    user = cast(User, request.user)
    initial = {"name": user.name, "language": user.language}
    form = forms.ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        services.change_profile(user_id=user.pk, name=data["name"], actor=request.actor, at=clock.now())
        services.choose_language(user_id=user.pk, language=data["language"])
        messages.success(request, _("Saved."))
        return speak(redirect("accounts:profile"), data["language"])
    context = {"form": form, "person": user, "factor": selectors.second_factor_of(user.pk), **_switches(request)}
    return render(request, "accounts/profile.html", context, status=REFUSED if form.errors else 200)


@sensitive_post_parameters("current")
@get_or_post
def change_contact(request: Request) -> HttpResponse:
    user = cast(User, request.user)
    form = forms.ContactForm(request.POST or None, initial={"email": user.email, "phone": user.phone})
    if request.method == "POST" and form.is_valid():
        try:
            services.change_contact(user_id=user.pk, **form.cleaned_data, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("accounts:profile")
    return render(request, "accounts/contact.html", {"form": form}, status=REFUSED if form.errors else 200)


@sensitive_post_parameters("current", "password", "again")
@get_or_post
def change_password(request: Request) -> HttpResponse:
    person = cast(User, request.user)
    form = forms.ChangePasswordForm(request.POST or None, hint=services.hint(person))
    if request.method == "POST" and form.is_valid():
        try:
            user = services.change_password(
                user_id=person.pk,
                current=form.cleaned_data["current"],
                password=form.cleaned_data["password"],
                keep=request.sign_in.pk,
                actor=request.actor,
                at=clock.now(),
            )
        except Invalid as error:
            form.take(error)
        else:
            auth.update_session_auth_hash(request, user)  # this session goes on, every other one is over
            messages.success(request, _("The password was changed. You are signed out everywhere else."))
            return redirect("accounts:profile")
    set_at = person.password_set_at or person.created_at
    context = {"form": form, "due": rules.password_is_due(set_at, request.capacities, clock.now())}
    return render(request, "accounts/password.html", context, status=REFUSED if form.errors else 200)


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


# ---- second factor ---------------------------------------------------------------------------------------------------
def _switches(request: Request) -> dict[str, Any]:
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
        return render(request, "accounts/second_factor.html", {**_switches(request), "factor": factor})
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
        **_switches(request),
        "form": form,
        "factor": selectors.second_factor_of(user.pk),
        "picture": picture.svg_data_uri(scale=5, border=4, light="white"),
        "key": " ".join(seed[start : start + 4] for start in range(0, len(seed), 4)),
    }
    return render(request, "accounts/second_factor.html", context, status=REFUSED if form.errors else 200)


def _show_codes(request: Request, codes: list[str]) -> HttpResponse:
    context = {"codes": codes, "at": clock.now(), "username": request.user.get_username()}
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
            return _show_codes(request, codes)
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


# ---- sessions and devices --------------------------------------------------------------------------------------------
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


# ---- the audit administrator -----------------------------------------------------------------------------------------
@require_GET
def trail(request: Request) -> HttpResponse:
    """The audit trail, newest first; read only. Raises NotAllowed for everybody but the audit administrator."""
    if not rules.may_read_trail(request.actor):
        raise NotAllowed(_("The audit trail is read by the audit administrator."))
    words = {name: request.GET.get(name, "")[:60].strip() for name in ("person", "action", "kind", "number")}
    page = selectors.trail_page(words, cursor=whole(request.GET.get("older")))
    return render(request, "accounts/trail.html", {"page": page, "words": words, "kinds": selectors.trail_kinds()})


@require_GET
def areas(request: Request) -> HttpResponse:
    """Suggestions for an area field: options of a datalist. The field works without, with a full name or a code."""
    words = next((str(value) for _key, value in request.GET.items()), "")
    return render(request, "accounts/_areas.html", {"areas": selectors.find_areas(words)})


@never_cache
@sensitive_post_parameters("current")
@get_or_post
def tokens(request: Request) -> HttpResponse:
    """Tokens of the API: those there are, and a new one, whose secret this answer shows and no other."""
    actor, now = request.actor, clock.now()
    if not rules.may_hold_token(actor):
        raise NotAllowed(rules.NO_TOKENS)
    offered = SCOPES_OF[actor.capacity]
    form = forms.TokenForm(request.POST or None, offered=offered)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.make_token(**form.cleaned_data, actor=actor, at=now)
        except Invalid as error:
            form.take(error)
        else:
            form = forms.TokenForm(offered=offered)
    rows = selectors.tokens_of(actor)
    context = {"form": form, "made": made, "tokens": rows, "today": clock.china_date(now)}
    return render(request, "accounts/tokens.html", context, status=REFUSED if form.errors else 200)


@require_POST
def token_revoke(request: Request, pk: int) -> HttpResponse:
    row = services.revoke_token(token_id=pk, actor=request.actor, at=clock.now())
    messages.success(
        request, _("The token “%(name)s” is revoked: programs that use it are refused.") % {"name": row.name}
    )
    return redirect("accounts:tokens")

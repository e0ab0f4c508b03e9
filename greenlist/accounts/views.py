"""Pages of signing in and of one's own account."""

from typing import cast

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.accounts import forms, selectors, services
from greenlist.accounts.models import User
from greenlist.accounts.states import CAPACITY_KEY
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import Request

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
            auth.login(request, user)  # gives the session a new key
            services.note_sign_in(user_id=user.pk, actor=request.actor, at=clock.now())
            return speak(redirect(come_back(request, settings.LOGIN_REDIRECT_URL)), user.language)
        if getattr(request, "axes_locked_out", False):
            services.tell_of_lock(username=username, actor=request.actor, at=clock.now())
        form.add_error(None, _("User name or password is wrong."))
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/login.html", context, status=REFUSED if form.errors else 200)


@login_not_required
@require_POST
def logout(request: Request) -> HttpResponse:
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
    form = forms.RegisterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = {key: form.cleaned_data[key] for key in ("username", "name", "email", "phone", "password")}
        try:
            user = services.register(**values, language=request.LANGUAGE_CODE, actor=request.actor, at=clock.now())
        except Invalid as error:
            form.take(error)
        else:
            auth.login(request, user, backend=BACKEND)
            messages.success(request, _("Your account is ready."))
            return redirect(come_back(request, settings.LOGIN_REDIRECT_URL))
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
    initial = {"name": user.name, "phone": user.phone, "language": user.language}
    form = forms.ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        services.change_profile(
            user_id=user.pk, name=data["name"], phone=data["phone"], actor=request.actor, at=clock.now()
        )
        services.choose_language(user_id=user.pk, language=data["language"])
        messages.success(request, _("Saved."))
        return speak(redirect("accounts:profile"), data["language"])
    context = {"form": form, "person": user}
    return render(request, "accounts/profile.html", context, status=REFUSED if form.errors else 200)


@sensitive_post_parameters("current")
@get_or_post
def change_email(request: Request) -> HttpResponse:
    form = forms.EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_email(
                user_id=cast(int, request.user.pk), **form.cleaned_data, actor=request.actor, at=clock.now()
            )
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("The e-mail address was changed."))
            return redirect("accounts:profile")
    return render(request, "accounts/email.html", {"form": form}, status=REFUSED if form.errors else 200)


@sensitive_post_parameters("current", "password", "again")
@get_or_post
def change_password(request: Request) -> HttpResponse:
    form = forms.ChangePasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.change_password(
                user_id=cast(int, request.user.pk),
                current=form.cleaned_data["current"],
                password=form.cleaned_data["password"],
                actor=request.actor,
                at=clock.now(),
            )
        except Invalid as error:
            form.take(error)
        else:
            auth.update_session_auth_hash(request, user)  # this session goes on, every other one is over
            messages.success(request, _("The password was changed. You are signed out everywhere else."))
            return redirect("accounts:profile")
    return render(request, "accounts/password.html", {"form": form}, status=REFUSED if form.errors else 200)


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
    form = forms.NewPassword(request.POST or None)
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


@require_GET
def areas(request: Request) -> HttpResponse:
    """Suggestions for an area field: options of a datalist. The field works without, with a full name or a code."""
    words = next((str(value) for _key, value in request.GET.items()), "")
    return render(request, "accounts/_areas.html", {"areas": selectors.find_areas(words)})

"""One's own account: role, name, contact, password, tokens."""

from typing import cast

from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from greenlist.accounts import forms, rules, selectors, services
from greenlist.accounts.models import User
from greenlist.accounts.states import CAPACITY_KEY, SCOPES_OF
from greenlist.accounts.views.safety import switches
from greenlist.accounts.views.shared import REFUSED, get_or_post, speak
from greenlist.core import clock
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import Request


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
    context = {"form": form, "person": user, "factor": selectors.second_factor_of(user.pk), **switches(request)}
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


@get_or_post
def telling(request: Request) -> HttpResponse:
    """How this person hears of things: mails, the day's one mail, text messages."""
    user = cast(User, request.user)
    form = forms.MessagesForm(
        request.POST or None, initial={"mails": user.mails, "digest": user.digest, "texts": user.texts}
    )
    if request.method == "POST" and form.is_valid():
        chosen = {"texts": user.texts, **form.cleaned_data}  # not offered: as it was
        try:
            services.choose_messages(actor=request.actor, at=clock.now(), **chosen)
        except Invalid as error:
            form.take(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("accounts:messages")
    context = {"form": form, "quiet": settings.QUIET_HOURS.replace("-", "–"), "digest_at": settings.DIGEST_AT}
    return render(request, "accounts/messages.html", context, status=REFUSED if form.errors else 200)


@never_cache
@get_or_post
def calendar(request: Request) -> HttpResponse:
    """Addresses of one's calendar: those there are, and a new one, which this answer shows and no other."""
    made, address = None, ""
    if request.method == "POST":
        made = services.make_feed(actor=request.actor, at=clock.now())
        address = f"{settings.PUBLIC_URL}{reverse('portal:feed', args=[made.secret])}"
    context = {"made": made, "address": address, "feeds": selectors.feeds_of(request.actor)}
    return render(request, "accounts/calendar.html", context)


@require_POST
def calendar_revoke(request: Request, pk: int) -> HttpResponse:
    services.revoke_feed(actor=request.actor, feed_id=pk, at=clock.now())
    messages.success(request, _("The address opens nothing any more."))
    return redirect("accounts:calendar")

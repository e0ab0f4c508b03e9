"""Sessions that have lasted long enough, and what a signed-in person must do before anything else."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules, services
from greenlist.accounts.models import User
from greenlist.accounts.states import ENDED_KEY, SIGN_IN_KEY
from greenlist.core import clock
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.core.errors import NotAllowed
from greenlist.core.middleware import answer, as_json

Handler = Callable[[HttpRequest], HttpResponse]
# What a page sends by itself is no sign that somebody sits before it (AU-08). Typing is told by `accounts:stay`.
BY_ITSELF = {"autosave", "poll"}
OVER = "over"  # a page whose time is over comes to the sign-in page with this word


class LoginMiddleware(LoginRequiredMiddleware):
    """Leads to the sign-in page and back. What a form sends is not repeated: one comes back to the page with the form."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        came_from = urlsplit(request.headers.get("Referer", ""))
        here = came_from.netloc == request.get_host()
        page = urlunsplit(("", "", came_from.path, came_from.query, "")) if here else ""
        return redirect_to_login(page or resolve_url(settings.LOGIN_REDIRECT_URL), self.get_login_url(view_func))


class SignInMiddleware:
    """Sets `request.sign_in`; signs out who was idle, stayed too long or was ended. One query for who is signed in."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.sign_in = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            self.judge(request)
        return self.get_response(request)

    def judge(self, request: HttpRequest) -> None:
        named = request.session.get(SIGN_IN_KEY)
        user_id: int = request.user.pk  # type: ignore[assignment]
        row = services.continue_session(
            sign_in_id=named,
            user_id=user_id,
            alive=request.headers.get("X-Requested-With") not in BY_ITSELF,
            over=OVER in request.GET,
            actor=Actor(capacity=Capacity.NONE, user_id=user_id, remote=request.META.get("REMOTE_ADDR", "")),
            at=clock.now(),
        )
        if row.ended_at is not None:
            auth.logout(request)
            request.session[ENDED_KEY] = row.end
            return
        if row.pk != named:
            request.session[SIGN_IN_KEY] = row.pk
        request.sign_in = row  # type: ignore[attr-defined]


class GateMiddleware:
    """Leads to the second factor and to a new password where they are due; programs get 403 and the reason (AU-03)."""

    OPEN = frozenset({"livez", "readyz", "set_language", "accounts:login", "accounts:login_code", "accounts:logout"})
    ENROLMENT = "accounts:second_factor"
    PASSWORD = "accounts:password_change"  # noqa: S105 -- the name of a page

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        actor: Actor = getattr(request, "actor", ANONYMOUS)
        if not actor.is_signed_in or name in self.OPEN:
            return None
        page, reason = self.due(request)
        if not page or name == page or (name == "accounts:stay"):
            return None
        refusal = NotAllowed(reason, code="second_factor_required" if page == self.ENROLMENT else "password_due")
        if request.path.startswith("/api/v"):
            return JsonResponse(as_json(refusal), status=refusal.status)
        if request.method not in ("GET", "HEAD") or not request.accepts("text/html"):
            return answer(request, refusal)
        return redirect(page)

    def due(self, request: HttpRequest) -> tuple[str, Any]:
        held: tuple[Actor, ...] = request.capacities  # type: ignore[attr-defined]
        sign_in, user = request.sign_in, cast(User, request.user)  # type: ignore[attr-defined]
        if rules.needs_second_factor(held) and (sign_in is None or sign_in.verified_at is None):
            return self.ENROLMENT, _("Your role needs a second factor beside the password. Set it up first.")
        if rules.password_is_due(user.password_set_at or user.created_at, held, clock.now()):
            return self.PASSWORD, _("Your password is too old. Choose a new one first.")
        return "", ""

"""What several of these pages do: come back, speak the person's language."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

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

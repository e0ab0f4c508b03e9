"""Behind TRUSTED_PROXIES reverse proxies: who asks is what the outermost of them saw, never what the client claims."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ForwardedForMiddleware:
    """Sets REMOTE_ADDR from X-Forwarded-For, counted from the right: each trusted proxy appends one address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        trusted: int = settings.TRUSTED_PROXIES
        if len(hops) >= trusted:
            request.META["REMOTE_ADDR"] = hops[-trusted]
        return self.get_response(request)

"""Who acts in this request: one capacity out of those the person holds, checked anew on each request."""

from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from greenlist.core import clock
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.organisations import selectors

CHOICE = "capacity"  # the session key that remembers the role switcher's choice


class ActorMiddleware:
    """Sets `request.actor` and `request.capacities` (what the role switcher offers): two queries for who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        remote = remote_address(request)
        held: tuple[Actor, ...] = ()
        actor = ANONYMOUS
        if request.user.is_authenticated:
            held = selectors.capacities(request.user, clock.china_date(clock.now()))
            nothing = Actor(capacity=Capacity.NONE, user_id=request.user.pk, name=request.user.name)
            actor = chosen(held, request.session.get(CHOICE, ""), nothing)
        request.capacities = held  # type: ignore[attr-defined]
        request.actor = replace(actor, remote=remote)  # type: ignore[attr-defined]
        return self.get_response(request)


def chosen(held: tuple[Actor, ...], key: str, nothing: Actor) -> Actor:
    """The capacity with this key while it is still held, otherwise the first, otherwise none."""
    return next((actor for actor in held if actor.key == key), held[0] if held else nothing)


def remote_address(request: HttpRequest) -> str:
    """The caller's address. X-Forwarded-For counts only as far as our own proxies wrote it (TRUSTED_PROXY_COUNT)."""
    direct = request.META.get("REMOTE_ADDR", "")
    trusted = getattr(settings, "TRUSTED_PROXY_COUNT", 0)
    if not trusted:
        return direct
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    # Each of our proxies appended the address it saw; whatever stands further left anybody can have written.
    return hops[-trusted] if len(hops) >= trusted else direct

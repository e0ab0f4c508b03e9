"""Who acts in this request: one capacity out of those the person holds, checked anew on each request."""

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from greenlist.accounts.states import CAPACITY_KEY
from greenlist.core import clock
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.core.requests import user_id
from greenlist.organisations import selectors


class ActorMiddleware:
    """Sets `request.actor` and `request.capacities` (what the role switcher offers): one query for who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        held: tuple[Actor, ...] = ()
        actor = ANONYMOUS
        if request.user.is_authenticated:
            held = selectors.capacities(request.user, clock.china_date(clock.now()))
            nothing = Actor(capacity=Capacity.NONE, user_id=request.user.pk, name=request.user.name)
            actor = chosen(held, request.session.get(CAPACITY_KEY, ""), nothing)
        request.capacities = held  # type: ignore[attr-defined]
        # REMOTE_ADDR only: what stands in X-Forwarded-For anybody may write (core.proxies counts our own proxies).
        request.actor = replace(actor, remote=request.META.get("REMOTE_ADDR", ""))  # type: ignore[attr-defined]
        token = user_id.set(actor.user_id)
        try:
            return self.get_response(request)
        finally:
            user_id.reset(token)


def chosen(held: tuple[Actor, ...], key: str, nothing: Actor) -> Actor:
    """The capacity with this key while it is still held, otherwise the first, otherwise none."""
    return next((actor for actor in held if actor.key == key), held[0] if held else nothing)

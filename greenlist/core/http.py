"""The request as views see it, and how keys are read from addresses and forms."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.http import HttpRequest

from greenlist.core.actors import Actor
from greenlist.core.requests import user_id

P = ParamSpec("P")
R = TypeVar("R")


class Request(HttpRequest):
    """For annotations; nothing constructs one.

    `actor`: the capacity chosen. `capacities`: what the role switcher offers. `id`: names the request in logs.
    `sign_in`: the row behind the session (accounts.models.SignIn), None for who is not signed in.
    """

    actor: Actor
    capacities: tuple[Actor, ...]
    id: str
    sign_in: Any
    LANGUAGE_CODE: str


def unnamed(view: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """For a form that whoever fills it in need not be known by: no line of the log names who is signed in by chance (R6)."""

    @wraps(view)
    def answer(request: Any, *args: P.args, **options: P.kwargs) -> R:
        request.unnamed = True
        user_id.set(None)
        return view(request, *args, **options)

    return answer


def whole(text: str | None) -> int | None:
    """A key or a counter as our pages write it; None for anything else: signs, other scripts' digits, endless rows of them."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None

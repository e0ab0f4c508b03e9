"""The request as views see it, and how keys are read from addresses and forms."""

from typing import Any

from django.http import HttpRequest

from greenlist.core.actors import Actor


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


def whole(text: str | None) -> int | None:
    """A key or a counter as our pages write it; None for anything else: signs, other scripts' digits, endless rows of them."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None

"""The request as views see it: what the middleware has put on it. For annotations; nothing constructs one."""

from django.http import HttpRequest

from greenlist.core.actors import Actor


class Request(HttpRequest):
    """`actor`: the capacity chosen. `capacities`: what the role switcher offers. `id`: names the request in logs."""

    actor: Actor
    capacities: tuple[Actor, ...]
    id: str
    LANGUAGE_CODE: str

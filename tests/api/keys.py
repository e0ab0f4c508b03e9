"""A program with a token of a character of the world, as a test client."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.test import Client

from greenlist.accounts.models import ApiToken
from greenlist.accounts.services.tokens import PREFIX, digest_of
from greenlist.accounts.states import SCOPES_OF
from tests.world import World

MADE = datetime.fromisoformat("2026-01-05T09:00:00+08:00")
V1 = "/api/v1/"


def token_for(world: World, character: str, scopes: Iterable[str] | None = None, **fields: Any) -> tuple[ApiToken, str]:
    """The row and its secret; by default with everything that the capacity is offered. Faster than the page."""
    actor = world.actor(character)
    secret = PREFIX + secrets.token_urlsafe(32)
    offered = [one.value for one in SCOPES_OF.get(actor.capacity, ())]
    row = ApiToken.objects.create(
        user=world.user(character),
        capacity=actor.key,
        capacity_name=actor.authority_name or actor.organisation_name,
        name="测试程序",
        scopes=list(offered if scopes is None else scopes),
        digest=digest_of(secret),
        tail=secret[-4:],
        valid_until=fields.pop("valid_until", date(2027, 12, 31)),
        created_at=MADE,
        **fields,
    )
    return row, secret


class Program:
    """Asks the API; `token=""` asks as anybody."""

    def __init__(self, token: str = "") -> None:
        self.client = Client()
        self.token = token

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, **headers: str) -> Any:
        """`headers` by name with underscores: If_Match="…"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named["Authorization"] = f"Bearer {self.token}"
        data = json.dumps(body).encode() if body is not None else b""
        kind = "application/json" if body is not None else ""
        return self.client.generic(method, path_of(path), data, kind, headers=named, query_params=query or {})

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.ask("DELETE", path, **headers)

    def upload(self, path: str, file: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.post(path_of(path), {"file": file}, headers=headers)


def path_of(path: str) -> str:
    return path if path.startswith("/") else V1 + path


def program(world: World, character: str, scopes: Iterable[str] | None = None, **fields: Any) -> Program:
    return Program() if character == "anonymous" else Program(token_for(world, character, scopes, **fields)[1])

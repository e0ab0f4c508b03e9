"""An authenticator app, for tests: what it shows at a moment, and a person who has set it up."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.test import Client
from django_otp.oath import TOTP

from greenlist.accounts import services
from greenlist.accounts.models import SignIn, User
from greenlist.core.actors import Actor, Capacity
from tests.factories import PASSWORD


def itself(user: User) -> Actor:
    return Actor(capacity=Capacity.NONE, user_id=user.pk, name=user.name, remote="198.51.100.7")


@dataclass
class App:
    """One entry of an authenticator app."""

    seed: str
    recovery: list[str]

    def code(self, at: datetime, steps: int = 0) -> str:
        totp = TOTP(base64.b32decode(self.seed))
        totp.time = at.timestamp() + 30 * steps
        return f"{totp.token():06d}"


def set_up(user: User, at: datetime) -> App:
    """A second factor set up an hour before `at`; the person's password is PASSWORD afterwards."""
    before = at - timedelta(hours=1)
    user.set_password(PASSWORD)
    user.save()
    row = SignIn.objects.create(user=user, began_at=before, seen_at=before, idle_minutes=30)
    ticket = services.new_ticket(user_id=user.pk, at=before)
    app = App(services.seed_of(ticket, user_id=user.pk, at=before), [])
    code = app.code(before)
    app.recovery = services.enrol(
        user_id=user.pk, ticket=ticket, current=PASSWORD, code=code, actor=itself(user), at=before, keep=row.pk
    )
    SignIn.objects.filter(pk=row.pk).delete()
    user.refresh_from_db()
    return app


def give_password(client: Client, username: str) -> str:
    """The first step of signing in; where it leads."""
    answer = client.post("/account/login/", {"username": username, "password": PASSWORD})
    return answer.headers.get("Location", "")


def give_code(client: Client, code: str, way: str = "") -> int:
    return client.post(f"/account/login/code/{way}", {"code": code}).status_code


def is_in(client: Client) -> bool:
    return bool(client.get("/").wsgi_request.user.is_authenticated)

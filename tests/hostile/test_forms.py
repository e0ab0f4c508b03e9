"""Every text field of every form takes what nobody should type: never an error of ours, never more than text (UP-10)."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.authz import matrix, stage
from tests.authz.conftest import _now
from tests.hostile import forms
from tests.hostile.forms import MARK, SURROGATE, TEXTS, Form, Page
from tests.world import World

__all__ = ["_now"]
pytestmark = [pytest.mark.django_db, pytest.mark.full, pytest.mark.timeout(900)]
# What a page escapes it escapes on either database; what a column cannot hold only PostgreSQL refuses.
CHOSEN = {"sqlite": ("short", "mixed"), "postgresql": ("hidden", "long")}
WHO = ("anonymous", "applicant", "county_handler", "county_approver", "city_handler", "city_approver", "expert")


def _body(answer: Any) -> str:
    if answer.streaming:
        return b"".join(answer.streaming_content).decode(errors="replace")
    return str(answer.content.decode(errors="replace"))


def pages(client: Client, objects: dict[str, tuple[Any, ...]], persona: str) -> Iterator[tuple[str, str]]:
    """Every page of ours that this persona may look at."""
    for row in matrix.ROWS:
        if "GET" in row.methods and persona in row.ok and row.key in objects:
            address = reverse(row.name, args=objects[row.key])
            with transaction.atomic():
                answer = client.get(address)
                body = _body(answer)  # read to its end, whatever it is
                if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                    yield address, body
                transaction.set_rollback(True)


def send(client: Client, form: Form, text: str, *, raw: bool = False) -> list[str]:
    """Sends and looks where it leads; what went wrong. Everything is undone."""
    cookies = {name: one.value for name, one in client.cookies.items()}
    wrong = []
    # Errors are answers here, so the connection must be usable after one: a savepoint of its own.
    with transaction.atomic():
        answer = client.post(form.action, form.body(text, raw=raw), "application/x-www-form-urlencoded")
        broken = connection.needs_rollback
        seen = [(answer.status_code, "" if answer.streaming else _body(answer))]
        if answer.status_code in (302, 303) and not broken:
            shown = client.get(answer["Location"])
            seen.append((shown.status_code, _body(shown) if "html" in shown.get("Content-Type", "") else ""))
        transaction.set_rollback(True)
    client.cookies = SimpleCookie(cookies)
    for status, body in seen:
        if status >= 500 and status != 503:
            wrong.append(f"{status}")
        wrong += Page(form.action, body).active
        if f"<script>alert({MARK})" in body:
            wrong.append("a script in clear")
    return wrong


def attacked(client: Client, found: dict[Any, Form]) -> list[str]:
    wrong = []
    for form in found.values():
        for name in CHOSEN[connection.vendor]:
            wrong += [f"{form.action} ({name}): {one}" for one in send(client, form, TEXTS[name])]
        wrong += [f"{form.action} (surrogate): {one}" for one in send(client, form, SURROGATE, raw=True)]
    return wrong


@pytest.mark.case("UP-10")
def test_every_text_field_of_every_form(world: World, _now: None) -> None:
    objects, wrong = stage.objects(world), []
    seen: dict[Any, Form] = {}
    for persona in WHO:
        client = world.client(persona)
        client.raise_request_exception = False
        found = forms.forms_of(pages(client, objects, persona))
        new = {key: form for key, form in found.items() if key not in seen}
        seen |= new
        wrong += attacked(client, new)
    assert wrong == [], "\n".join(wrong)
    assert len(seen) > 30  # else the pages were not read rightly
    print(f"{len(seen)} forms, {sum(len(form.typed) for form in seen.values())} fields")


@pytest.mark.case("UP-10")
def test_every_form_of_the_administration(world: World, _now: None) -> None:
    """The administration's own pages: lists, additions, changes."""
    from django.contrib import admin

    stage.objects(world)
    wrong, count = [], 0
    for persona in ("administrator", "security_administrator"):
        client = world.client(persona)
        client.raise_request_exception = False

        def shown(client: Client = client) -> Iterator[tuple[str, str]]:
            for model in admin.site._registry:
                place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
                first = model._default_manager.order_by("pk").first()
                for address in (
                    reverse(f"{place}_add"),
                    *([reverse(f"{place}_change", args=[first.pk])] if first else []),
                    reverse(f"{place}_changelist"),
                ):
                    answer = client.get(address)
                    if answer.status_code == 200:
                        yield address, _body(answer)

        found = forms.forms_of(shown())
        count += len(found)
        wrong += attacked(client, found)
    assert count
    assert wrong == [], "\n".join(wrong)

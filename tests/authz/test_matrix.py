"""Every route for every persona answers as the matrix says; a route that the matrix does not name fails (AZ-01)."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from greenlist.portal.demo.answers import PAPER
from tests.api.keys import Program, program
from tests.authz import matrix, stage
from tests.authz.matrix import PERSONAS, Row
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.timeout(900)]
WORKS = {200, 202, 204, 302, 409, 422}
TOKEN = {"csrfmiddlewaretoken": "x"}  # what every form of ours sends, so that it counts as filled in


def routes(resolver: Any = None, space: tuple[str, ...] = ()) -> Iterator[str]:
    """Every name in the URL resolver, with its namespaces."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            yield from routes(one, (*space, one.namespace) if one.namespace else space)
        elif isinstance(one, URLPattern):
            yield ":".join((*space, one.name or f"nameless {one.pattern}"))


@pytest.mark.case("AZ-01")
def test_every_route_is_in_the_matrix() -> None:
    found = {name for name in routes() if not name.startswith("admin:")}
    named = {row.name for row in (*matrix.ROWS, *matrix.API)}
    assert found - named == set(), "add a row to tests/authz/matrix.py: who may reach it?"
    assert named - found == set(), "the matrix names routes that are gone"


def test_the_matrix_says_each_thing_once() -> None:
    rows = (*matrix.ROWS, *matrix.API)
    pairs = [(row.name, method) for row in rows for method in row.methods]
    assert len(pairs) == len(set(pairs))
    for row in rows:
        assert not set(row.ok) & set(row.forbidden), row.name
        assert {*row.ok, *row.forbidden} <= set(PERSONAS), row.name


class Crowd:
    """All personas, signed in; what a POST does is undone, so that the next one meets the same."""

    def __init__(self, world: World) -> None:
        self.clients = {persona: world.client(persona) for persona in PERSONAS}
        self.cookies = {
            persona: {name: one.value for name, one in client.cookies.items()}
            for persona, client in self.clients.items()
        }

    def ask(self, persona: str, method: str, path: str, data: dict[str, Any] | None = None) -> str:
        """Status as the matrix writes it."""
        client: Client = self.clients[persona]
        with transaction.atomic():
            answer = client.get(path) if method == "GET" else client.post(path, data or {})
            if answer.streaming:
                b"".join(answer.streaming_content)
            transaction.set_rollback(method == "POST")
        client.cookies = SimpleCookie(self.cookies[persona])
        if answer.status_code == 302 and answer["Location"].startswith("/account/login/"):
            return "login"
        return "ok" if answer.status_code in WORKS else str(answer.status_code)


@pytest.fixture
def crowd(world: World, _now: None) -> Crowd:
    return Crowd(world)


@pytest.mark.case("AZ-01")
@pytest.mark.parametrize("part", matrix.PARTS)
def test_every_persona_gets_what_the_matrix_says(part: str, world: World, crowd: Crowd) -> None:
    objects = stage.objects(world)
    wrong = []
    for row in matrix.PARTS[part]:
        path = reverse(row.name, args=objects[row.key])
        body = {**TOKEN, **{name: objects[key][0] for name, key in row.body.items()}}
        for method in row.methods:
            for persona in _asking(row):
                got, expected = crowd.ask(persona, method, path, body), row.expected(persona)
                if got != expected:
                    wrong.append(f"{row.name} {method} {persona}: {got}, the matrix says {expected}")
        wrong += _other_methods(row, path, crowd)
    assert wrong == [], "\n".join(wrong)


def _asking(row: Row) -> tuple[str, ...]:
    """Everybody on SQLite. Who may is asked of an Actor, not of a database: on the other one each answer is seen once."""
    if connection.vendor == "sqlite":
        return PERSONAS
    by_answer = {row.expected(persona): persona for persona in PERSONAS}
    return tuple(dict.fromkeys((*row.ok[:1], *by_answer.values())))


def _other_methods(row: Row, path: str, crowd: Crowd) -> list[str]:
    """A method that a route does not know is refused; an empty POST is never an error of ours."""
    known = {method for other in matrix.ROWS if other.name == row.name for method in other.methods}
    persona = next((one for one in row.ok if one != "anonymous"), "applicant")
    found = []
    for method in {"GET", "POST"} - known if row.name not in matrix.ANY_METHOD else ():
        if (got := crowd.ask(persona, method, path)) != "405":
            found.append(f"{row.name} {method}: {got}, not 405")
    if "POST" in known:
        crowd.ask(persona, "POST", path)  # raises on a failure of ours
    return found


@pytest.mark.case("AZ-01")
def test_the_administration_is_for_administrators_only(world: World, crowd: Crowd) -> None:
    """And no model of a case is registered there."""
    names = [name for name in routes() if name.startswith("admin:")]
    reached = set()
    for name in names:
        try:
            path = reverse(name)
        except Exception:
            continue
        for persona in PERSONAS:
            client = crowd.clients[persona]
            status = client.get(path).status_code
            if persona in ("administrator", "security_administrator"):
                reached.add(status)
            elif name not in ("admin:login", "admin:jsi18n"):
                assert status in (302, 403, 404), f"{persona} {name}: {status}"
    assert 200 in reached
    models = {name.split(":")[1].rsplit("_", 1)[0] for name in names if name.endswith("_changelist")}
    assert not {one for one in models if one.startswith(("applications_", "reviews_", "registry_"))}


def call_api(row: matrix.ApiRow, method: str, path: str, who: Program, body: dict[str, Any]) -> str:
    """Status as the matrix writes it; what was done is taken back."""
    with transaction.atomic():
        if method == "UPLOAD":
            answer = who.upload(path, SimpleUploadedFile("新证.pdf", PAPER, "application/pdf"))
        else:
            answer = who.ask(method, path, body if method in ("POST", "PATCH") else None, If_Match='"0"')
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    if answer.status_code in (200, 201, 409, 422):
        return "ok"
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.status_code)


@pytest.mark.case("AZ-01")
def test_every_program_gets_what_the_matrix_says(world: World, _now: None) -> None:
    objects = stage.objects(world)
    programs = {
        persona: program(world, persona) if persona in matrix.HOLDERS else Program() for persona in matrix.PERSONAS
    }
    wrong = []
    for row in matrix.API:
        path = reverse(row.name, args=objects[row.key])
        body = {**row.sent, **{name: objects[key][0] for name, key in row.body.items()}}
        for method in row.methods:
            for persona, who in programs.items():
                got, expected = call_api(row, method, path, who, body), row.expected(persona)
                if got != expected:
                    wrong.append(f"{row.name} {method} {persona}: {got}, the matrix says {expected}")
        known = {
            "POST" if m == "UPLOAD" else m for other in matrix.API if other.name == row.name for m in other.methods
        }
        who = programs[next((one for one in row.ok), "applicant")]
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - known:
            if (got := call_api(row, method, path, who, {})) != "405":
                wrong.append(f"{row.name} {method}: {got}, not 405")
    assert wrong == [], "\n".join(wrong)

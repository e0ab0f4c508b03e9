"""Schemathesis over the whole schema in four roles: no fault of ours, no status, type or body that the schema does not name.

A short form in CI, the long one (some 20 minutes) with `./dev test --long`. Half of the requests name rows that are there, so
that what lies behind the first 404 is reached as well; what a request does is taken back.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from django.test.client import ClientHandler
from django.urls import resolve, reverse
from django.utils import translation
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from schemathesis import checks

from applications.models import Application
from applications.selectors import drafts
from greenlist.core.api_schema import schema
from greenlist.policy.engine.types import Field
from tests.api.keys import program, token_for
from tests.authz import matrix, stage
from tests.authz.conftest import _now
from tests.world import World

__all__ = ["_now"]
pytestmark = [pytest.mark.authz, pytest.mark.full, pytest.mark.django_db, pytest.mark.usefixtures("_now")]
ROLES = ("anonymous", "applicant", "county_handler", "city_handler")
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


class Portal:
    """The portal as a WSGI application, asked in one role. Leaves the test's own connection open."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.read = False  # whether the one who asks names a revision that stands
        self.handler = ClientHandler(enforce_csrf_checks=True)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if self.token:  # here, because generated requests also leave out what authenticates them
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        if self.read:
            environ["HTTP_IF_MATCH"] = '"0"'
        answer = self.handler(environ)
        start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
        return [b"".join(answer.streaming_content) if answer.streaming else answer.content]


def there(objects: dict[str, tuple[Any, ...]]) -> dict[str, list[dict[str, Any]]]:
    """Path parameters of rows that exist, by operation."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in matrix.API:
        if row.key:
            match = resolve(reverse(row.name, args=objects[row.key]))
            kwargs = {"id" if name == "pk" else name: value for name, value in match.kwargs.items()}
            found.setdefault(match.route.removeprefix("api/v1/"), []).append(kwargs)
    return found


def route_of(path: str) -> str:
    """An address of the schema as the resolver writes it, whatever the converters."""
    return path.removeprefix("/api/v1/").replace("{", "<").replace("}", ">")


def plain(route: str) -> str:
    """`<slug:place>` → `<place>`, `<int:pk>` → `<id>`."""
    parts = (f"<{part.rpartition(':')[2]}" if ":" in part else part for part in route.split("/"))
    return "/".join(parts).replace("<pk>", "<id>")


def walk(world: World, role: str, examples: int, *, again: bool) -> Counter[tuple[str, int]]:
    """Asks every operation in one role; returns how often each answered with which status."""
    known = {plain(route): rows for route, rows in there(stage.objects(world)).items()}
    portal = Portal("" if role == "anonymous" else token_for(world, role)[1])
    seen: Counter[tuple[str, int]] = Counter()
    with translation.override("en"):
        document = schemathesis.openapi.from_dict(schema("en"))
    document.app = portal
    options = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=again,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    for found in document.get_all_operations():
        options(asking(found.ok(), known, portal, seen))()
    return seen


def asking(operation: Any, known: dict[str, list[dict[str, Any]]], portal: Portal, seen: Counter[Any]) -> Any:
    """The test of one operation: valid and invalid requests, for rows that are there and for any."""
    rows = known.get(route_of(operation.path), [])
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in MODES))

    @given(case=cases, row=st.sampled_from([None, *rows]), read=st.booleans())
    def ask(case: Any, row: dict[str, Any] | None, read: bool) -> None:
        portal.read = read
        if row is not None:
            case.path_parameters = dict(row)
        with transaction.atomic():
            answer = case.call_and_validate(checks=CHECKS)
            transaction.set_rollback(True)
        seen[operation.definition.raw["operationId"], answer.status_code] += 1

    return ask


@pytest.mark.case("UP-13")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_is_sent_breaks_the_api(world: World, role: str) -> None:
    seen = walk(world, role, 6, again=True)
    assert seen.total() > 150
    assert sum(count for (_operation, status), count in seen.items() if status < 300) > 12


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(
        ["", "0", "-1", "1e9", "１２，３", "是", "2026-02-30", "\x00", "\ud800", "<script>", "=1+1", "x" * 9000]
    ),
)
CELLS = st.dictionaries(st.text(max_size=12), PLAIN, max_size=3)
JSON = st.one_of(PLAIN, st.lists(CELLS, max_size=4), st.lists(PLAIN, max_size=3), CELLS)


@pytest.mark.case("UP-10", "UP-13")
@pytest.mark.timeout(600)
def test_whatever_is_sent_as_an_answer_is_refused_by_name_or_kept_and_shown(world: World) -> None:
    """Any JSON in any field of the form: 200 or 422, and what was kept breaks neither report, check nor page."""
    reference = stage.objects(world)["draft"][0]
    mine, browser = program(world, "applicant"), world.client("applicant")
    form = drafts.form_of(Application.objects.get(reference=reference))
    fields = [(section.key, spec) for section in form.sections for spec in section.fields]
    statuses: Counter[int] = Counter()

    def sent(spec: Field) -> st.SearchStrategy[Any]:
        """For a table also rows that have its columns."""
        rows = st.dictionaries(st.sampled_from([one.key for one in spec.columns] or [""]), PLAIN, max_size=4)
        return st.one_of(JSON, st.lists(rows, max_size=4)) if spec.columns else JSON

    @settings(max_examples=80, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        key, spec = data.draw(st.sampled_from(fields))
        value = data.draw(sent(spec))
        path = f"cases/{reference}/"
        with transaction.atomic():
            answer = mine.patch(f"{path}report/{key}/", {"answers": {spec.key: value}}, If_Match='"0"')
            statuses[answer.status_code] += 1
            assert answer.status_code in (200, 400, 422), answer.content
            if answer.status_code == 200:
                assert mine.get(f"{path}report/").status_code == 200
                assert mine.get(f"{path}check/").status_code == 200
                assert browser.get(f"/cases/{reference}/fill/{key}/").status_code == 200
            transaction.set_rollback(True)

    ask()
    assert statuses[200] > 10
    assert statuses[422] > 10


@pytest.mark.long
@pytest.mark.case("UP-13")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_is_sent_breaks_the_api_for_twenty_minutes(world: World, role: str) -> None:
    seen = walk(world, role, 400, again=False)
    assert seen.total() > 10_000
    print(role, sorted(seen.items()))

"""Every model's every field name in every body: refused, and no row has changed (AZ-06, R11). Generated from the models."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse

from greenlist.core.api_schema import schema
from tests.api.keys import program
from tests.authz import matrix, stage
from tests.authz.conftest import _now
from tests.authz.test_foreign_ids import rows_of_the_case
from tests.world import World

__all__ = ["_now"]
pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.usefixtures("_now")]
OURS = ("accounts", "organisations", "policy", "applications", "reviews", "registry", "core")
WRITES = [(row, method) for row in matrix.API for method in row.methods if method in ("POST", "PATCH")]
VALUES = (1, "listed", True, "2020-01-01T00:00:00Z", None, {"id": 1}, [1])


def names() -> set[str]:
    """Fields, their columns, and what else an attribute of a row is called."""
    found = {"pk", "id", "is_superuser", "is_staff", "jurisdiction", "sealed", "owner", "score", "__class__", "_state"}
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            for field in model._meta.get_fields():
                found |= {field.name, getattr(field, "attname", field.name)}
    return found


def test_there_is_something_to_try() -> None:
    assert len(names()) > 300
    documented = {one["operationId"] for methods in schema("en")["paths"].values() for one in methods.values()}
    assert {row.name.removeprefix("api:") for row, _method in WRITES} <= documented | {"cases", "section"}


@pytest.mark.case("AZ-06")
@pytest.mark.parametrize(("row", "method"), WRITES, ids=lambda one: getattr(one, "name", one))
def test_no_field_of_any_model_is_set_by_its_name(row: matrix.ApiRow, method: str, world: World) -> None:
    objects = stage.objects(world)
    who = next((persona for persona in row.ok if row.scope in matrix.OFFERED[persona]), row.ok[0])
    mine = program(world, who)
    path = reverse(row.name, args=objects[row.key])
    good: dict[str, Any] = {**row.sent, **{name: objects[key][0] for name, key in row.body.items()}}
    before = _without_token(world)
    wrong = []
    for number, name in enumerate(sorted(names() - set(good) - DECLARED.get(row.name, set()))):
        body = {**good, name: VALUES[number % len(VALUES)]}
        answer = mine.ask(method, path, body, If_Match='"0"')
        if row.name == "api:batch_receive":
            assert answer.status_code == 409  # it takes no body at all, and this batch has been received
        elif answer.status_code != 400 or name not in answer.json()["problems"]:
            wrong.append(f"{name}: {answer.status_code}")
    nested = {"answers": dict.fromkeys(sorted(names())[:400], "listed")}
    if row.name == "api:section":
        assert mine.ask(method, path, nested, If_Match='"0"').status_code == 422
    assert wrong == []
    after = _without_token(world)
    assert [label for label in before if before[label] != after[label]] == []


DECLARED = {"api:case_withdraw": {"reason"}}


def _without_token(world: World) -> dict[str, list[Any]]:
    """Every row but the token's own mark of when it was used."""
    return {label: rows for label, rows in rows_of_the_case(world).items() if label != "accounts.ApiToken"}

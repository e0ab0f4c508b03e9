"""Public pages read from a copy of the database; nothing else does, and nobody notices when the copy is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.test import Client
from django.urls import get_resolver

from greenlist.core import condition, replica
from greenlist.core.models import Heartbeat
from greenlist.settings import env

PAGES = ("/lists/", "/notices/", "/v/", "/v/?number=x", "/api/v1/listings/", "/api/v1/notices/", "/api/v1/calls/")
pytestmark = pytest.mark.django_db(transaction=True)


class Asked:
    """Statements by database; `broken` makes the copy fail at its next one."""

    def __init__(self) -> None:
        self.by: dict[str, list[str]] = {"default": [], "replica": []}
        self.broken = False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        alias = context["connection"].alias
        self.by[alias].append(sql)
        if self.broken and alias == "replica":
            raise OperationalError("terminating connection due to administrator command")
        return execute(sql, params, many, context)

    def read(self, alias: str) -> list[str]:
        """Tables of ours, but the heartbeats by which the copy is judged."""
        return [sql for sql in self.by[alias] if sql.startswith("SELECT") and "core_heartbeat" not in sql]

    def clear(self) -> None:
        self.by["default"].clear()
        self.by["replica"].clear()


@pytest.fixture
def asked(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """A second connection to the same database plays the copy."""
    connections.settings["replica"] = connections.settings["default"]
    connections["replica"] = connections["default"].copy("replica")
    connections["replica"].connect()  # now: Django's tests refuse to open one that they were not told of
    monkeypatch.setattr(replica, "_looked", (float("-inf"), ""))
    found = Asked()
    try:
        with ExitStack() as stack:
            for alias in ("default", "replica"):
                stack.enter_context(connections[alias].execute_wrapper(found))
            yield found
    finally:
        connections["replica"].close()
        del connections["replica"]
        del connections.settings["replica"]


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_reads_from_the_copy_alone(path: str, asked: Asked) -> None:
    assert Client().get(path).status_code == 200
    assert asked.read("replica") or path == "/v/"
    assert asked.read("default") == []


def test_without_a_copy_everything_is_as_before(transactional_db: None) -> None:
    assert not replica.is_set()
    assert Client().get("/lists/").status_code == 200


def test_who_is_signed_in_reads_from_the_database_itself(race_world: Any, asked: Asked) -> None:
    assert race_world.client("county_handler").get("/lists/").status_code == 200
    assert asked.read("replica") == []
    assert asked.read("default")


def test_with_a_token_the_api_reads_from_the_database_itself(race_world: Any, asked: Asked) -> None:
    from tests.api.keys import program

    assert program(race_world, "county_handler").get("calls/").status_code == 200
    assert asked.read("replica") == []


def test_what_changes_something_never_goes_to_the_copy(asked: Asked, now: datetime) -> None:
    with replica.reading():
        Heartbeat.objects.create(name="a")
        found = Heartbeat.objects.get(name="a")
        assert found._state.db == "replica"
        found.succeeded_at = now
        found.save()
        with transaction.atomic():
            assert Heartbeat.objects.get(name="a")._state.db == "default"
            assert Heartbeat.objects.select_for_update().get(name="a")._state.db == "default"
    assert Heartbeat.objects.get(name="a")._state.db == "default"
    assert [sql for sql in asked.by["replica"] if not sql.startswith(("SELECT", "PRAGMA", "SET"))] == []
    asked.clear()
    assert Client().post("/v/", {}).status_code == 422
    assert asked.by["replica"] == []


def test_a_copy_that_fails_in_the_middle_costs_nobody_the_page(asked: Asked) -> None:
    assert Client().get("/lists/").status_code == 200
    asked.clear()
    asked.broken = True
    assert Client().get("/lists/").status_code == 200
    assert len(asked.by["replica"]) == 1
    assert Client().get("/lists/").status_code == 200
    assert len(asked.by["replica"]) == 1, "not asked again for a while"
    assert asked.read("default")


def test_a_copy_that_cannot_be_reached_is_told_to_the_administrators(asked: Asked, now: datetime) -> None:
    assert [one for one in condition.problems(at=now) if one.code == "replica"] == []
    asked.broken = True
    (told,) = [one for one in condition.problems(at=now) if one.code == "replica"]
    assert "administrator command" in str(told.text)


def test_a_copy_that_stands_still_is_not_read(asked: Asked, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = {"replica": now - timedelta(minutes=2), "default": now}
    monkeypatch.setattr(replica, "_newest", newest.__getitem__)
    assert replica.fault() == ""
    newest["replica"] = now - timedelta(minutes=4)
    assert "behind" in replica.fault()
    assert Client().get("/lists/").status_code == 200
    assert asked.read("replica") == []


def test_public_pages_are_read_while_the_database_itself_is_away(
    asked: Asked, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newest(alias: str) -> datetime:
        if alias == "default":
            raise OperationalError("away")
        return now

    monkeypatch.setattr(replica, "_newest", newest)
    assert replica.fault() == ""


def test_only_reading_views_for_everybody_are_marked() -> None:
    """A view that answers from the copy is open to all; the papers, which are made on demand, are not among them."""
    from tests.authz import matrix

    public = {row.name for row in matrix.ROWS if row.ok == matrix.PERSONAS}
    marked = set()
    for space in ("registry", "applications", "dynamics"):
        for one in get_resolver().url_patterns:
            if getattr(one, "namespace", None) == space:
                marked |= {
                    f"{space}:{each.name}" for each in one.url_patterns if getattr(each.callback, "reads_copy", False)
                }
    assert marked == {
        *(f"registry:{name}" for name in ("notices", "notice", "notice_text", "lists", "download", "bulletin")),
        *(f"registry:{name}" for name in ("as_of", "changes", "announcement_public", "verify", "certificate")),
        "applications:public-calls",
        "applications:public-call",
        *(f"dynamics:{name}" for name in ("listing", "standing", "place-experiences", "place-experience")),
    }
    assert marked <= public


def test_the_settings_take_only_a_postgresql_and_refuse_writes() -> None:
    found = env.replica("postgresql://u:p@db2/green")
    assert "default_transaction_read_only=on" in found["OPTIONS"]["options"]
    assert found["OPTIONS"]["connect_timeout"] == 2
    with pytest.raises(Exception, match="DATABASE_REPLICA_URL"):
        env.replica("sqlite:///x")

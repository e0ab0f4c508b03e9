"""Adverse records by the API: the same service as a file, all rows or none, mistakes at their path."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from greenlist.core import clock
from greenlist.organisations.models import AdverseMatch, AdverseRecord
from tests.api.keys import program
from tests.world import World

ADDRESS = "/api/v1/adverse-records/"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat("2026-06-01T10:00:00+08:00"))


def row(world: World, **changes: Any) -> dict[str, Any]:
    plain = {
        "code": world.org.code,
        "name": world.org.name,
        "kind": "safety",
        "severity": 3,
        "event_on": "2026-03-01",
        "source": "应急管理局接口",
    }
    return plain | changes


def test_rows_come_in_once_and_find_their_firm(world: World) -> None:
    client = program(world, "county_handler")
    nameless = row(world, code="", kind="tax_offence", severity=0)
    sent = {"records": [row(world), nameless]}
    for taken in ({"new": 2, "known": 0}, {"new": 0, "known": 2}):
        answer = client.post(ADDRESS, sent)
        assert (answer.status_code, answer.json()) == (200, taken)
    assert AdverseRecord.objects.get(kind="safety").organisation == world.org
    assert AdverseMatch.objects.get().organisation == world.org


def test_one_mistake_keeps_all_out_and_is_named_by_path(world: World) -> None:
    client = program(world, "county_handler")
    wrong = row(world, severity=0)
    abroad = row(world, code=world.orgs["sjz"].code)
    for bad, path in ((wrong, "records.1.severity"), (abroad, "records.1.code")):
        answer = client.post(ADDRESS, {"records": [row(world), bad]})
        assert answer.status_code == 422
        assert list(answer.json()["problems"]) == [path]
    many = [row(world, reference=str(number)) for number in range(501)]
    assert client.post(ADDRESS, {"records": many}).status_code == 422
    assert client.post(ADDRESS, {"records": [row(world, entered_by=1)]}).status_code == 400
    assert not AdverseRecord.objects.exists()


@pytest.mark.authz
def test_only_a_handlers_program_with_the_scope_writes(world: World) -> None:
    sent = {"records": [row(world)]}
    for character in ("applicant", "county_approver"):
        assert program(world, character).post(ADDRESS, sent).status_code == 403
    assert program(world, "county_handler", scopes=["read"]).post(ADDRESS, sent).status_code == 403
    assert program(world, "other_county_handler").post(ADDRESS, sent).status_code == 422
    assert not AdverseRecord.objects.exists()

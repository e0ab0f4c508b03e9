"""The API of life after listing: the same rows, the same words and the same silence as the pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from dynamics.models import Cycle, YearlyReport
from dynamics.services import removals, yearly
from dynamics.states import RemovalSource
from greenlist.core import clock
from tests.api.keys import Program, program
from tests.applications import county, filled
from tests.dynamics import tables
from tests.dynamics.listed import decided, listed, proposed, removed
from tests.dynamics.tables import SPRING
from tests.world import World

pytestmark = pytest.mark.django_db
ANYBODY = Program()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)


@pytest.fixture
def cycle(world: World) -> Cycle:
    county.load_rules()
    listed(world)
    listed(world, "rival")
    return tables.opened(world)


def names(world: World, who: str, **query: Any) -> list[str]:
    answer = program(world, who).get("yearly/", **query)
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_whose_tables_are_listed(world: World, cycle: Cycle) -> None:
    own, other = world.org.name, world.orgs["rival"].name
    assert names(world, "applicant") == [own]
    assert sorted(names(world, "city_handler")) == sorted([own, other])
    assert names(world, "county_handler") == [own]
    assert names(world, "other_city_handler") == []
    assert names(world, "evaluator") == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"state": "due"}, 2),
        ({"state": "overdue"}, 0),
        ({"state": "filed"}, 0),
        ({"year": 2027}, 2),
        ({"year": 2026}, 0),
        ({"place": "130302"}, 1),
        ({"place": "none"}, 0),
        ({"category": "park"}, 0),
        ({"q": "海港"}, 1),
        ({"cycle": "none"}, 0),
        ({"size": 1}, 1),
    ],
)
def test_the_words_of_the_board(world: World, cycle: Cycle, query: dict[str, Any], count: int) -> None:
    assert len(names(world, "city_handler", **query)) == count


def test_what_is_past_its_last_day_is_that_and_nothing_else(
    world: World, cycle: Cycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = SPRING.replace(month=6)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert len(names(world, "city_handler", state="overdue")) == 2
    assert names(world, "city_handler", state="due") == []


def test_a_table_tells_what_was_declared_and_said(world: World, cycle: Cycle) -> None:
    row = tables.filed(world, tables.of(cycle, world), economy__output="1000")
    yearly.give_back(
        actor=world.actor("county_handler"), at=SPRING, reference=row.reference, revision=row.revision, text="请核对",
        fields={"economy.output": "与报表不符"},
    )  # fmt: skip
    for who in ("applicant", "city_handler"):
        answer = program(world, who).get(f"yearly/{row.reference}/")
        told = answer.json()
        assert (told["state"], told["answers"]["economy"]["output"]) == ("returned", "1000")
        assert {"key": "economy.output", "year": 2026, "value": "10000000", "unit": "CNY"} in told["figures"]
        assert told["opinions"][0]["to_correct"] == {"economy.output": "与报表不符"}
        assert told["declared"]["declared_name"] == "申报人"
        assert "海港经办" not in answer.content.decode()  # names of officials are not for units
    assert program(world, "rival").get(f"yearly/{row.reference}/").status_code == 404
    assert ANYBODY.get(f"yearly/{row.reference}/").status_code == 401


def test_a_draft_is_nobodys_but_the_units_and_tells_nothing_yet(world: World, cycle: Cycle) -> None:
    row = tables.fill(world, tables.of(cycle, world), economy__output="1000")
    for who in ("applicant", "city_handler"):
        told = program(world, who).get(f"yearly/{row.reference}/").json()
        assert (told["declared"], told["answers"], told["figures"]) == (None, {}, [])


def test_the_board_of_a_cycle(world: World, cycle: Cycle) -> None:
    tables.filed(world, tables.of(cycle, world))
    told = program(world, "city_handler").get(f"cycles/{cycle.reference}/").json()
    counts = {one["state"]: one["count"] for one in told["counts"]}
    assert (told["total"], counts["filed"], counts["due"]) == (2, 1, 1)
    assert sum(one["total"] for one in told["places"]) == 2
    rows = program(world, "city_handler").get("cycles/").json()["results"]
    assert [row["reference"] for row in rows] == [cycle.reference]
    assert rows[0]["counts"] == told["counts"]
    assert program(world, "applicant").get("cycles/").status_code == 403
    assert program(world, "other_city_handler").get(f"cycles/{cycle.reference}/").status_code == 404


def test_removals_are_read_by_who_sees_them(world: World, cycle: Cycle) -> None:
    unit = listed(world, site=tables.Site.objects.create(organisation=world.org, name="二厂", area=world.site.area))
    handler = world.actor("city_handler")
    row = removals.propose_with_file(
        listing=unit, ground="false_data", reason="核查发现数据不符", source=RemovalSource.PERSON,
        upload=filled.picture("证据.png"), actor=handler, at=SPRING,
    )  # fmt: skip
    path = f"removals/{row.reference}/"
    assert program(world, "county_handler").get(path).json()["reason"] == "核查发现数据不符"
    assert program(world, "applicant").get(path).status_code == 404  # not asked yet
    assert program(world, "applicant").get("removals/").json()["results"] == []
    removals.ask(
        actor=handler,
        reference=row.reference,
        letter="现告知。",
        answer_by=SPRING.date() + timedelta(days=30),
        at=SPRING,
    )
    told = program(world, "applicant").get(path).json()
    assert (told["letter"], told["reason"], told["answer_by"]) == ("现告知。", "", "2027-03-31")
    assert [one["who"] for one in told["course"] if one["who"]] == []
    assert program(world, "rival").get(path).status_code == 404
    found = program(world, "city_handler").get("removals/", state="hearing").json()["results"]
    assert [one["reference"] for one in found] == [row.reference]


def test_published_bulletins_are_for_everybody(world: World, cycle: Cycle) -> None:
    unit = listed(world, site=tables.Site.objects.create(organisation=world.org, name="二厂", area=world.site.area))
    long_ago = SPRING - timedelta(days=60)
    row = removed(world, decided(world, proposed(world, unit, long_ago, ground="false_data"), long_ago), SPRING)
    assert row.bulletin is not None
    (told,) = ANYBODY.get("bulletins/", place="130300").json()["results"]
    assert told["reference"] == row.bulletin.reference
    full = ANYBODY.get(f"bulletins/130300/{row.bulletin.reference}/").json()
    assert [(one["kind"], one["listing"]) for one in full["lines"]] == [("removed", unit.pk)]
    assert ANYBODY.get("bulletins/", category="park").json()["results"] == []


@pytest.mark.parametrize("count", [2, 20])
@pytest.mark.parametrize(("path", "most"), [("yearly/", 12), ("cycles/", 14), ("removals/", 12)])
def test_lists_cost_the_same(
    world: World, cycle: Cycle, count: int, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    sites = [
        tables.Site.objects.create(organisation=world.org, name=f"示例{number}厂", area=world.site.area)
        for number in range(count)
    ]
    YearlyReport.objects.bulk_create(
        YearlyReport(
            cycle=cycle, category="factory", site=site, organisation=world.org, name=site.name, area_path=site.area.path,
            tiers=["city"], form="dynamic-factory-1", due_on=date(2027, 4, 30),
        )
        for site in sites
    )  # fmt: skip
    for site in sites[: count // 2]:
        proposed(world, listed(world, site=site), SPRING, ground="false_data")
    who = program(world, "city_handler")
    who.get(path)
    with django_assert_max_num_queries(most):
        assert who.get(path).status_code == 200

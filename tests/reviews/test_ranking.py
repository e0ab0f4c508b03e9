"""The ranking: equal scores share a place, lines of the rule set, a quota as a question, a bounded page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Call
from reviews.models import Decision
from reviews.selectors import ranking as rankings
from reviews.selectors.ranking import Asked
from reviews.services import decisions
from tests.reviews import rounds
from tests.reviews.rounds import AT
from tests.world import World

HANDLER = "hlj_province_handler"


@pytest.fixture
def hlj(rules: None, world: World) -> Call:
    return rounds.call_of(world)


def decision_of(world: World, call: Call) -> Decision:
    return decisions.create(actor=world.actor(HANDLER), call=call, title="会议", at=AT)


def places(found: rankings.Ranking) -> list[tuple[Any, ...]]:
    return [(row.rank, row.tied, row.score, row.within, row.at_line) for row in found.rows]


@pytest.mark.clause("HLJ-18b")
def test_equal_scores_share_a_place_and_the_lines_are_those_of_the_rule_set(world: World, hlj: Call) -> None:
    rounds.waiting(world, hlj, ["85", "92.5", "85", "79.99", ""])
    found = rankings.ranking(decision_of(world, hlj), Asked())
    assert [(row.rank, row.tied) for row in found.rows] == [
        (1, False),
        (2, True),
        (2, True),
        (4, False),
        (None, False),
    ]
    assert [(row.reached, row.marked) for row in found.rows] == [
        (True, True),
        (True, False),
        (True, False),
        (False, False),
        (False, False),
    ]
    totals = found.totals
    assert (totals.units, totals.scored, totals.reached, totals.marked, totals.proposed) == (5, 4, 3, 1, 0)


@pytest.mark.parametrize(
    ("quota", "within", "cut", "room"),
    [
        (1, [True, False, False, False, False], "92.5", None),
        (2, [True, None, None, False, False], "85", 1),
        (3, [True, True, True, False, False], "85", None),
        (9, [True, True, True, True, False], None, None),
        (None, [None] * 5, None, None),
    ],
)
def test_a_quota_asked_about_draws_a_line_and_saves_nothing(
    world: World, hlj: Call, quota: int | None, within: list[Any], cut: str | None, room: int | None
) -> None:
    rounds.waiting(world, hlj, ["85", "92.5", "85", "79.99", ""])
    decision = decision_of(world, hlj)
    before = list(decision.items.values_list("pk", "outcome").order_by("pk"))
    found = rankings.ranking(decision, Asked(quota=quota))
    assert [row.within for row in found.rows] == within
    assert (found.cut, found.room) == (None if cut is None else Decimal(cut), room)
    assert list(decision.items.values_list("pk", "outcome").order_by("pk")) == before


def test_by_city_the_places_stay_those_of_the_whole(world: World, hlj: Call) -> None:
    rounds.waiting(world, hlj, ["81", "95"], area="230103")
    rounds.waiting(world, hlj, ["90"], area="230102", start=8180)
    found = rankings.ranking(decision_of(world, hlj), Asked(order="city"))
    assert [(row.area, row.rank) for row in found.rows] == [
        ("哈尔滨市 道里区", 2),
        ("哈尔滨市 南岗区", 1),
        ("哈尔滨市 南岗区", 3),
    ]


def test_the_page_is_bounded_and_asks_the_same_for_many(
    world: World, hlj: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankings, "SIZE", 3)
    rounds.waiting(world, hlj, ["88"])
    client = world.client(HANDLER)
    small = decision_of(world, hlj)
    asked = []
    for decision in (small, None):
        if decision is None:
            rounds.waiting(world, hlj, ["90", "90", "84", "83", "82"], start=8200)
            decision = decision_of(world, hlj)
        address = reverse("reviews:decision-ranking", args=[decision.reference])
        client.get(address, {"quota": 1})
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address, {"quota": 1})
        assert answer.status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]
    last = rankings.ranking(decision, Asked(page=9))
    assert (last.asked.page, last.pages, len(last.rows)) == (2, 2, 2)
    assert [row.rank for row in last.rows] == [4, 5]
    page = client.get(address, {"quota": "x", "page": "2", "order": "nothing"})
    assert page.status_code == 200

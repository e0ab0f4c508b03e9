"""The ledger of the deadline hour must notice what it is there for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.tools.deadline import LAST, RUSH, Crowd, plan, verdict


def person(case: str) -> dict[str, Any]:
    return {"session": "s", "case": case, "version": 1, "upload": "basic/file"}


def crowd() -> Crowd:
    made = Crowd(0, [person("A"), person("B")])
    for one, number in zip(made.people, ("130300-2026-0001", "130300-2026-0002"), strict=True):
        one.typed, one.number, one.files = "末次", number, 1
    made.results = [("save", 200, 10.0), ("submit", 200, 20.0)]
    return made


def held(**changes: Any) -> dict[str, dict[str, Any]]:
    """What a database holds that kept everything; `changes` are made to the second case."""
    right = {"state": "screening", "typed": (4, "末次"), "versions": 1, "entries": 1, "files": 1}
    return {
        "A": right | {"number": "130300-2026-0001"},
        "B": right | {"number": "130300-2026-0002"} | changes,
    }


def test_a_kept_ledger_finds_nothing() -> None:
    told = verdict(crowd(), held())
    assert (told["lost"], told["doubled"], told["5xx"], told["submitted"], told["in the database"]) == (0, 0, 0, 2, 2)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"typed": (3, "前一次")}, "lost"),
        ({"state": "draft"}, "lost"),
        ({"number": "130300-2026-0009"}, "lost"),
        ({"files": 0}, "lost"),
        ({"versions": 2}, "doubled"),
        ({"entries": 2}, "doubled"),
        ({"number": "130300-2026-0001"}, "doubled"),
    ],
)
def test_what_is_lost_or_doubled_is_counted(changes: dict[str, Any], kind: str) -> None:
    assert verdict(crowd(), held(**changes))[kind] == 1


def test_a_text_whose_answer_never_came_may_stand() -> None:
    made = crowd()
    made.people[1].sent = ["无回音的一次"]
    assert verdict(made, held(typed=(5, "无回音的一次")))["lost"] == 0


def test_a_broken_connection_counts_as_a_failure() -> None:
    made = crowd()
    made.results += [("save", 0, 5.0), ("read", 503, 5.0), ("save", 409, 5.0)]
    told = verdict(made, held())
    assert (told["5xx"], told["refused"]) == (2, 1)


def test_everybody_submits_once_and_most_in_the_last_seconds() -> None:
    events = plan(300, 120)
    assert events == plan(300, 120), "a run can be repeated"
    sent = [event for event in events if event.kind == "submit"]
    assert Counter(event.who for event in sent) == Counter(range(300))
    assert all(event.at >= 120 - LAST for event in sent)
    assert 180 <= sum(event.at >= 120 - RUSH for event in sent) <= 220
    ends = {event.who: event.at for event in sent}
    assert not [one for one in events if one.kind != "bare" and one.at > ends[one.who]]

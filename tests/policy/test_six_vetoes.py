"""The six vetoes of Jieyang, Heilongjiang and of Hebei's national call, on the engine: kind, look-back, repair, members, tier.

Small rules with the words of the clauses; the rule files of these places are tried beside their own tables.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from greenlist.policy.engine.checks import _judge_veto
from greenlist.policy.engine.types import Event, Layer, Outcome, Severity, Veto

ON = date(2026, 6, 1)
EDGE, TOO_OLD, OLD = date(2023, 6, 1), date(2023, 5, 31), date(2015, 1, 1)
ACCIDENTS = ("safety", "cyber", "quality", "environment")
WITH_MEMBERS, ALONE = frozenset({"unit", "members"}), frozenset({"unit"})


def veto(clause: str, *events: str, until: str = "", tiers: tuple[str, ...] = ()) -> Veto:
    return Veto(
        key="six",
        events=frozenset(events),
        at_least=None,
        years=3,
        until=until,
        ended="",
        subjects=ALONE if clause.startswith("HEB") else WITH_MEMBERS,
        outcome=Outcome.BLOCK,
        at=frozenset({"apply", "recommend", "list"}),
        clause=clause,
        layer=Layer.GUIDE,
        tiers=frozenset(tiers),
    )


def marked(clause: str, *events: str, **rule: object) -> object:
    return pytest.param(veto(clause, *events, **rule), id=clause, marks=pytest.mark.clause(clause))  # type: ignore[arg-type]


# Something that happened: it counts by its day, whatever became of it.
DEEDS = [
    *(marked(f"{one}.2", *ACCIDENTS, "tax_offence", "other_offence") for one in ("JY-17", "HLJ-15", "HEB-1d")),
    *(marked(f"{one}.3", "removed_from_list") for one in ("JY-17", "HLJ-15")),
    marked("HEB-1d.3", "removed_from_list", tiers=("province", "nation")),
    *(marked(f"{one}.4", "inspection") for one in ("JY-17", "HLJ-15", "HEB-1d")),
    *(marked(f"{one}.6", "dishonest_debtor") for one in ("JY-17", "HLJ-15", "HEB-1d")),
    marked("HLJ-15.5", "refused_supervision"),
]
# Something that lasts until it is repaired.
LASTING = [
    *(marked(f"{one}.1", "abnormal_list", until="repaired") for one in ("JY-17", "HEB-1d")),
    marked("HLJ-15.1", "abnormal_list", "serious_dishonesty", until="repaired"),
    *(marked(f"{one}.5", "energy_rectification", until="repaired") for one in ("JY-17", "HLJ-15", "HEB-1d")),
]


def outcome(rule: Veto, event: Event, founded: date | None = None) -> Outcome:
    return _judge_veto(rule, [event], ON, founded).outcome


def events(rule: Veto, day: date, **fields: object) -> list[Event]:
    tier = "province" if rule.tiers else ""
    return [Event(kind, day, tier=tier, **fields) for kind in sorted(rule.events)]  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", DEEDS)
def test_a_deed_of_the_last_three_years_bars(rule: Veto) -> None:
    for day, expected in ((EDGE, Outcome.BLOCK), (ON, Outcome.BLOCK), (TOO_OLD, Outcome.CLEAR)):
        for event in events(rule, day, severity=Severity.GENERAL):  # of any grade
            assert outcome(rule, event) is expected
            assert outcome(rule, replace(event, ended_on=day)) is expected
    young = EDGE + timedelta(days=100)
    assert {outcome(rule, event, founded=young) for event in events(rule, EDGE)} == {Outcome.CONFIRM}


@pytest.mark.parametrize("rule", LASTING)
def test_what_lasts_bars_until_it_is_repaired(rule: Veto) -> None:
    for day in (OLD, TOO_OLD, EDGE):
        for event in events(rule, day):
            assert outcome(rule, event) is Outcome.BLOCK
            assert outcome(rule, replace(event, ended_on=ON)) is Outcome.CLEAR
            assert outcome(rule, replace(event, ended_on=ON + timedelta(days=1))) is Outcome.BLOCK


@pytest.mark.clause("JY-17.0")
@pytest.mark.clause("HLJ-15.0")
@pytest.mark.clause("HEB-1d.0")
@pytest.mark.parametrize("rule", [*DEEDS, *LASTING])
def test_a_firm_inside_a_park_counts_in_jieyang_and_heilongjiang_not_in_hebei(rule: Veto) -> None:
    expected = Outcome.CLEAR if rule.clause.startswith("HEB") else Outcome.BLOCK
    for event in events(rule, EDGE, subject="members", who="园内企业"):
        assert outcome(rule, event) is expected


@pytest.mark.clause("HEB-1d.3")
def test_hebei_looks_at_national_and_provincial_lists_only() -> None:
    rule = veto("HEB-1d.3", "removed_from_list", tiers=("province", "nation"))
    found = {
        tier: outcome(rule, Event("removed_from_list", EDGE, tier=tier)) for tier in ("city", "province", "nation", "")
    }
    assert found == {
        "city": Outcome.CLEAR,
        "province": Outcome.BLOCK,
        "nation": Outcome.BLOCK,
        "": Outcome.CONFIRM,
    }

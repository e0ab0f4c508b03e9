"""Tables of cases: facts and events of one unit on one day → what one rule says, and which clause it cites.

tests/policy/cases/<rule set>.csv, one line a case: facts are `name=value` (`?` not known, `a+b` titles held), events are
`kind@day grade ended@day of:tier in:members`; a unit without any of them meets everything. The day is 20 May 2026.
"""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import CallValues, Event, FactType, Held, Outcome, Severity
from greenlist.policy.facts_table import FACTS
from tests.policy.conftest import files_of

ON = date(2026, 5, 20)
TABLES = sorted((Path(__file__).parent / "cases").glob("*.csv"))
TITLES = "site.titles.same_category"
GOOD: dict[str, Any] = {
    "org.independent_accounting": True, "org.manufacturing": True, "org.industry": "3011",
    "org.founded_on": date(2005, 6, 1), "body.banned": False, "park.added_value_share": 80, "park.main_function": True,
    "park.legal_boundary": True, "park.one_body": True, "park.level": "province", "park.plan_published": True,
    "site.titles.factory": (Held("city"), Held("province"), Held("nation")),
    TITLES: (Held("city"), Held("province")),
}  # fmt: skip
HOMES = {"130000": "/130000/130300/", "445200": "/440000/445200/445202/", "230000": "/230000/230100/"}
_policies: dict[str, Any] = {}


def policy_of(slug: str) -> Any:
    if slug not in _policies:
        _policies[slug] = engine.load(files_of(slug), FACTS)
    return _policies[slug]


def bind(slug: str, category: str) -> Any:
    policy = policy_of(slug)
    values = {**engine.suggest(policy, ON.year), "notice_days": 7, "notice_unit": "working"}
    given = {key: value for key, value in values.items() if key in policy.asks}
    given |= {key: "2026-06-30" for key, ask in policy.asks.items() if ask.type == "day" and ask.required}
    return engine.bind(policy, CallValues(values=given, category=category, year=ON.year))


def facts_of(slug: str, written: str) -> dict[str, Any]:
    home = HOMES[policy_of(slug).header.owner]
    facts = GOOD | {"org.registered_area": home, "site.area": home}
    for part in filter(None, written.split(";")):
        name, value = part.split("=")
        facts[name] = None if value == "?" else _read(name, value)
    return facts


def _read(name: str, value: str) -> Any:
    kind = FACTS[name].type
    if kind is FactType.TITLES:
        return tuple(Held(tier) for tier in value.split("+") if tier)
    if kind is FactType.BOOL:
        return value == "yes"
    if kind is FactType.DATE:
        return date.fromisoformat(value)
    return float(value) if kind is FactType.NUMBER else value


def events_of(written: str) -> Iterator[Event]:
    for one in filter(None, written.split(";")):
        first, *rest = one.split()
        kind, day = first.split("@")
        said: dict[str, Any] = {}
        for word in rest:
            if word.startswith("ended@"):
                said["ended_on"] = date.fromisoformat(word[6:])
            elif word.startswith("of:"):
                said["tier"] = word[3:]
            elif word.startswith("in:"):
                said["subject"] = word[3:]
            else:
                said["severity"] = Severity(word)
        yield Event(kind, date.fromisoformat(day), **said)


def cases() -> Iterator[Any]:
    for table in TABLES:
        with table.open(encoding="utf-8", newline="") as source:
            for number, row in enumerate(csv.DictReader(source), start=2):
                name = f"{table.stem}:{number} {row['rule']} {row['why']}"
                marks = [pytest.mark.clause(row["clause"])]
                yield pytest.param(table.stem, row, id=name, marks=marks)


@pytest.mark.parametrize(("slug", "row"), list(cases()))
def test_what_a_rule_says_of_a_unit(slug: str, row: dict[str, str]) -> None:
    bound = bind(slug, row["category"])
    events = list(events_of(row["events"]))
    findings = engine.check(bound, row["point"], facts_of(slug, row["facts"]), events, ON)
    finding = next(one for one in findings if one.rule == row["rule"])
    assert finding.outcome is Outcome(row["outcome"])
    # A line may prove a head clause (17.0: the points, the subjects) by a rule that cites its number.
    head = row["clause"].removesuffix(".0")
    assert finding.clause == row["clause"] or (row["clause"].endswith(".0") and finding.clause.startswith(f"{head}."))


@pytest.mark.parametrize("slug", [table.stem for table in TABLES])
@pytest.mark.parametrize("category", ["factory", "park", "supply_chain"])
def test_a_unit_that_meets_everything_is_clear_at_every_point(slug: str, category: str) -> None:
    bound = bind(slug, category)
    points = {step.point for step in bound.steps} - {""}
    for point in points:
        findings = engine.check(bound, point, facts_of(slug, "site.titles.same_category=city+province"), (), ON)
        assert findings
        assert {one.outcome for one in findings} == {Outcome.CLEAR}


@pytest.mark.parametrize("slug", [table.stem for table in TABLES])
def test_every_veto_and_condition_has_its_cases(slug: str) -> None:
    """Each rule is there with a case it lets pass and one it does not."""
    said: dict[str, set[str]] = {}
    with (Path(__file__).parent / "cases" / f"{slug}.csv").open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            said.setdefault(row["rule"], set()).add("clear" if row["outcome"] == "clear" else "not")
    for category in ("factory", "park", "supply_chain"):
        bound = bind(slug, category)
        rules = [f"{rule.group}.{rule.key}" for rule in bound.rules if rule.group in {"eligibility", "prerequisite"}]
        for rule in [*rules, *(f"veto.{veto.key}" for veto in bound.vetoes)]:
            assert said.get(rule) == {"clear", "not"}, rule


@pytest.mark.parametrize("slug", ["jieyang", "heilongjiang"])
@pytest.mark.clause("JY-17.0", "HLJ-15.0")
def test_the_call_may_name_the_day_from_which_three_years_are_counted(slug: str) -> None:
    policy = policy_of(slug)
    plain = bind(slug, "factory")
    named = engine.bind(policy, CallValues({**plain.call.values, "back_from": "2026-01-10"}, category="factory"))
    event = Event("safety", date(2023, 1, 10), Severity.GENERAL)
    for bound, outcome in ((plain, Outcome.CLEAR), (named, Outcome.BLOCK)):
        findings = {one.rule: one for one in engine.check(bound, "apply", facts_of(slug, ""), [event], ON)}
        assert findings["veto.accident"].outcome is outcome

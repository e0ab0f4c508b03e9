"""Grounds for leaving a list and alarms, as the shipped rule sets have them."""

from datetime import date

import pytest

from greenlist.policy import engine
from greenlist.policy.engine import removals
from greenlist.policy.engine.types import BoundPolicy, Event, PolicyErrors, Severity
from greenlist.policy.facts_table import FACTS
from tests.policy.conftest import files_of

ON = date(2026, 6, 1)


def rules(slug: str, category: str = "factory") -> BoundPolicy:
    return engine.standing(engine.load(files_of(slug), FACTS), category)


def ground(slug: str, key: str) -> removals.Ground:
    found = removals.ground(rules(slug), key)
    assert found is not None
    return found


@pytest.mark.parametrize(("slug", "prefix"), [("qinhuangdao", "QHD"), ("shijiazhuang", "SJZ")])
def test_the_five_grounds_of_a_city(slug, prefix):
    found = removals.grounds(rules(slug))
    assert [one.clause for one in found] == [f"{prefix}-14.{number}" for number in (1, 2, 3, 4, 5)]
    assert {one.when for one in found} == {"any_time"}
    assert [one.on for one in found] == ["duty_missed", "finding", "event", "event", "removed_from"]


@pytest.mark.parametrize("slug", ["qinhuangdao", "shijiazhuang", "jieyang", "heilongjiang"])
@pytest.mark.parametrize("kind", ["safety", "quality", "environment"])
def test_only_grave_accidents_remove_and_alarm(slug, kind):
    one, bound = ground(slug, "accident"), rules(slug)
    for severity in Severity:
        grave = severity.rank >= Severity.MAJOR.rank
        assert one.names(Event(kind, date(2026, 5, 1), severity), ON) is grave
        assert (removals.alarm(bound, kind, severity) is not None) is grave
    assert not one.names(Event(kind, date(2026, 5, 1)), ON)  # not graded
    assert removals.alarm(bound, "tax_offence", None) is None


def test_a_state_that_is_over_removes_nobody():
    stopped = ground("qinhuangdao", "stopped")
    assert stopped.names(Event("abnormal_list", date(2026, 1, 1)), ON)
    assert not stopped.names(Event("abnormal_list", date(2026, 1, 1), ended_on=ON), ON)
    assert not stopped.names(Event("abnormal_list", date(2026, 6, 2)), ON)  # not yet
    assert not stopped.names(Event("tax_offence", date(2026, 1, 1)), ON)


def test_drafts_wait_for_the_yearly_list_except_grave_accidents():
    for slug in ("jieyang", "heilongjiang"):
        found = {one.key: one.when for one in removals.grounds(rules(slug))}
        assert found["accident"] == "at_once"
        assert found["veto"] == found["refused"] == found["false_data"] == "with_list"


def test_who_else_follows_and_is_asked():
    jieyang, heilongjiang = ground("jieyang", "accident"), ground("heilongjiang", "accident")
    assert removals.reaches(jieyang.asks, "city", "province") and not removals.reaches(jieyang.asks, "city", "nation")
    assert not jieyang.spreads
    assert removals.reaches(heilongjiang.spreads, "province", "city")
    assert not removals.reaches(heilongjiang.spreads, "province", "nation")
    assert removals.reaches(heilongjiang.asks, "province", "nation")


def test_a_removal_from_a_higher_list_leads_to_one_here():
    for slug, key in (("qinhuangdao", "cascade"), ("shijiazhuang", "cascade"), ("jieyang", "veto")):
        for tier in ("province", "nation"):
            found = removals.follows_removal(rules(slug), tier)
            assert found is not None and found.key == key
    assert removals.follows_removal(rules("qinhuangdao"), "city") is None
    assert removals.follows_removal(rules("hebei-national"), "nation") is None  # has no grounds


def test_the_hours_of_an_alarm_are_the_portals_default():
    for slug, to in (("qinhuangdao", "city"), ("jieyang", "city"), ("heilongjiang", "province")):
        (alarm,) = removals.alarms(rules(slug))
        assert (alarm.report_to, alarm.hours, alarm.defaults) == ((to,), 24, ("hours",))
    assert all("hearing_days" in one.defaults for one in removals.grounds(rules("qinhuangdao")))


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('on = "duty_missed"\n', 'on = "mood"\n', "on"),
        ('on = "finding"\n', 'on = "finding"\nat_least = "major"\n', "at_least"),
        ('on = "finding"\n', 'on = "finding"\nspreads = ["sideways"]\n', "spreads"),
        ('on = "finding"\n', 'on = "score"\n', "percent"),
        ('on = "finding"\n', 'on = "event"\n', "event"),
        ("hearing_days = 10\n", "hearing_days = 0\n", "hearing_days"),
        ('on = "finding"\n', 'on = "finding"\nmood = 1\n', "mood"),
        ('report_to = "city"\n', 'report_to = "moon"\n', "report_to"),
        ("hours = 24\n", 'hours = "soon"\n', "hours"),
    ],
)
def test_mistakes_are_named(before, after, key):
    files = files_of("qinhuangdao")
    text = files["policy.toml"].decode()
    assert before in text
    with pytest.raises(PolicyErrors) as wrong:
        engine.load({**files, "policy.toml": text.replace(before, after, 1).encode()}, FACTS)
    assert any(error.key.endswith(f".{key}") for error in wrong.value.errors)

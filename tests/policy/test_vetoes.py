"""Laws of the veto that hold for every event, grade and day."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy import engine
from greenlist.policy.engine.checks import _judge_veto
from greenlist.policy.engine.types import Event, Layer, Outcome, Severity, Veto

ON = date(2024, 5, 20)
days = st.dates(date(2015, 1, 1), date(2026, 1, 1))
severities = st.sampled_from(list(Severity))
events = st.builds(Event, st.sampled_from(["safety", "quality"]), days, severities)


def veto(**changes) -> Veto:
    plain = Veto(
        key="accident",
        events=frozenset({"safety", "quality"}),
        at_least=Severity.LARGER,
        years=3,
        until="",
        ended="",
        subjects=frozenset({"unit", "members"}),
        outcome=Outcome.BLOCK,
        at=frozenset({"apply"}),
        clause="X-1",
        layer=Layer.GUIDE,
    )
    return replace(plain, **changes)


def outcome(rule: Veto, found: list[Event], on: date = ON, founded: date | None = None) -> Outcome:
    return _judge_veto(rule, found, on, founded).outcome


def test_grades_are_ordered():
    general, larger, major, extreme = Severity
    assert general.rank < larger.rank < major.rank < extreme.rank
    assert [Severity.of_rank(rank) for rank in range(5)] == [None, general, larger, major, extreme]


@given(events, severities)
def test_what_blocks_at_a_grade_blocks_at_every_lower_threshold(event, threshold):
    if outcome(veto(at_least=threshold), [event]) is Outcome.BLOCK:
        for lower in Severity:
            if lower.rank <= threshold.rank:
                assert outcome(veto(at_least=lower), [event]) is Outcome.BLOCK


@given(st.lists(events, max_size=5), events)
def test_another_event_never_lifts_a_veto(found, more):
    if outcome(veto(), found) is Outcome.BLOCK:
        assert outcome(veto(), [*found, more]) is Outcome.BLOCK


@given(events, st.integers(1, 5))
def test_a_longer_lookback_never_lifts_a_veto(event, years):
    if outcome(veto(years=years), [event]) is Outcome.BLOCK:
        assert outcome(veto(years=years + 1), [event]) is Outcome.BLOCK


@given(days, st.integers(0, 4000))
def test_exactly_the_days_of_the_window_count(on, back):
    event = Event("safety", on - timedelta(days=back), Severity.EXTREME)
    inside = event.on >= engine.years_before(on, 3)
    assert (outcome(veto(), [event], on) is Outcome.BLOCK) is inside


@given(events, days)
def test_founding_only_ever_shortens_the_window(event, founded):
    if outcome(veto(), [event], founded=founded) is Outcome.BLOCK:
        assert outcome(veto(), [event]) is Outcome.BLOCK


@given(days, st.none() | days)
def test_a_status_blocks_until_it_has_ended(start, end):
    event = Event("safety", start, Severity.MAJOR, ended_on=end)
    blocked = outcome(veto(years=None, until="repaired"), [event]) is Outcome.BLOCK
    assert blocked is (start <= ON and (end is None or end > ON))


@given(events)
def test_a_members_accident_needs_a_person(event):
    member = replace(event, subject="members")
    if outcome(veto(), [event]) is Outcome.BLOCK:
        assert outcome(veto(), [member]) is Outcome.CONFIRM
        assert outcome(veto(subjects=frozenset({"unit"})), [member]) is Outcome.CLEAR


def test_what_a_check_wants_is_what_it_reads(qhd):
    bound = qhd.bind()
    wanted = engine.wanted(bound, "apply")
    assert {"site.area", "site.titles.same_category", "org.founded_on"} <= wanted.facts
    assert {"safety", "tax_offence", "serious_dishonesty"} <= wanted.events
    only = {name: value for name, value in qhd.facts().items() if name in wanted.facts}
    event = Event("safety", date(2023, 1, 1), Severity.MAJOR)
    assert engine.check(bound, "apply", only, [event], ON) == engine.check(bound, "apply", qhd.facts(), [event], ON)
    assert engine.candidates(bound, ON, "apply").since is None
    assert not engine.wanted(bound, "nowhere").events

"""Laws of the veto that hold for every event, grade and day."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greenlist.policy import engine
from greenlist.policy.engine.checks import _judge_veto
from greenlist.policy.engine.types import Event, EventWindow, Layer, Outcome, Severity, Veto

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


@pytest.mark.clause("QHD-5.4")
@given(events, days)
def test_no_founding_day_makes_an_event_of_the_window_clear(event, founded):
    """A firm names that day itself: what lies before it waits for a person, at the check and in the night."""
    rule = veto(at_least=None)
    if outcome(rule, [event]) is Outcome.CLEAR:
        return
    assert outcome(rule, [event], founded=founded) is (Outcome.CONFIRM if event.on < founded <= ON else Outcome.BLOCK)
    found = _judge_veto(rule, [event], ON, founded)
    assert found.code == ("veto.before" if found.outcome is Outcome.CONFIRM else "veto.hit")
    (night,) = engine.barring(Bound((rule,)), [event], ON, founded)
    assert night.outcome is found.outcome


@given(days, st.none() | days)
def test_a_status_blocks_until_it_has_ended(start, end):
    event = Event("safety", start, Severity.MAJOR, ended_on=end)
    blocked = outcome(veto(years=None, until="repaired"), [event]) is Outcome.BLOCK
    assert blocked is (start <= ON and (end is None or end > ON))


@given(events)
def test_a_members_accident_counts_where_the_rule_names_members(event):
    """HEB-1d.0 against JY-17, HLJ-15: only a rule that names the firms inside a park looks at them."""
    member = replace(event, subject="members")
    assert outcome(veto(), [member]) is outcome(veto(), [event])
    assert outcome(veto(subjects=frozenset({"unit"})), [member]) is Outcome.CLEAR


def removal(tier: str = "", **changes) -> Event:
    return Event("removed_from_list", date(2023, 5, 1), tier=tier, **changes)


@pytest.mark.parametrize(
    ("tiers", "tier", "expected"),
    [
        ((), "city", Outcome.BLOCK),
        ((), "", Outcome.BLOCK),
        (("province", "nation"), "nation", Outcome.BLOCK),
        (("province", "nation"), "city", Outcome.CLEAR),
        (("province", "nation"), "", Outcome.CONFIRM),  # nobody said from which list
    ],
)
def test_a_removal_counts_by_the_tier_of_its_list(tiers, tier, expected):
    rule = veto(events=frozenset({"removed_from_list"}), at_least=None, tiers=frozenset(tiers))
    assert outcome(rule, [removal(tier)]) is expected


def test_the_look_back_may_start_at_a_day_of_the_call():
    rule = veto(back_from=date(2024, 1, 1))
    early, late = Event("safety", date(2021, 1, 1), Severity.MAJOR), Event("safety", ON, Severity.MAJOR)
    assert outcome(rule, [early]) is Outcome.BLOCK
    assert outcome(veto(), [early]) is Outcome.CLEAR
    assert outcome(rule, [late]) is Outcome.BLOCK  # what happened since is not forgiven
    assert outcome(veto(back_from=ON + timedelta(days=90)), [early]) is Outcome.CLEAR


def passes(window: EventWindow, event: Event) -> bool:
    """What SQL is asked, said in Python."""
    if event.kind not in window.kinds or event.on > window.on or event.subject not in window.subjects:
        return False
    if event.severity and event.severity.rank < window.at_least:
        return False
    over = event.ended_on is not None and event.ended_on <= window.on
    if window.state:
        known = over if window.state == "ended" else not over
        return known and (window.since is None or not over or event.ended_on >= window.since)
    return window.since is None or event.on >= window.since


@given(
    st.lists(st.builds(replace, events, ended_on=st.none() | days, subject=st.sampled_from(["unit", "members"]))),
    st.sampled_from([None, 1, 3]),
    st.sampled_from(["", "until", "ended"]),
    st.none() | severities,
    st.none() | days,
)
def test_what_sql_leaves_out_changes_nothing(qhd, found, years, state, grade, founded):
    rule = veto(
        years=years or (None if state == "until" else 3), at_least=grade, **({state: "repaired"} if state else {})
    )
    bound = replace(qhd.bind(), vetoes=(rule, replace(rule, key="unit", subjects=frozenset({"unit"}), clause="X-2")))
    kept = [event for event in found if any(passes(window, event) for window in engine.candidates(bound, ON).windows)]
    assert engine.barring(bound, kept, ON, founded) == engine.barring(bound, found, ON, founded)
    assert engine.check(bound, "apply", {"org.founded_on": founded}, kept, ON) == engine.check(
        bound, "apply", {"org.founded_on": founded}, found, ON
    )


def test_a_night_finds_the_gravest_word_of_each_clause(qhd):
    warned = veto(key="early", outcome=Outcome.WARN, at=frozenset({"apply"}))
    bound = replace(qhd.bind(), vetoes=(warned, veto(at=frozenset({"recommend"}))))
    event = Event("safety", date(2023, 1, 1), Severity.MAJOR, ref="r1")
    (found,) = engine.barring(bound, [event], ON)
    assert (found.rule, found.outcome, found.event.ref) == ("veto.accident", Outcome.BLOCK, "r1")


def test_only_what_a_rule_set_says_may_be_waived(qhd):
    bound = replace(qhd.bind(), vetoes=(veto(), veto(key="mild", waivable=True, four_eyes=True)))
    assert engine.waiver(bound, "veto.accident") is None
    assert engine.waiver(bound, "veto.mild").four_eyes
    assert engine.waiver(bound, "portal.twin") is None
    assert engine.waiver(bound, "eligibility.registered") is None


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


@dataclass(frozen=True)
class Bound:
    """What `barring` reads of a rule set."""

    vetoes: tuple[Veto, ...]


lasting = st.builds(
    Event,
    st.sampled_from(["safety", "quality"]),
    days,
    severities,
    st.one_of(st.none(), st.dates(date(2015, 1, 1), date(2029, 1, 1))),
)
rules = st.builds(
    lambda years, until, ended, back: veto(years=years, until=until, ended=ended if not until else "", back_from=back),
    st.sampled_from([None, 1, 3]),
    st.sampled_from(["", "repaired"]),
    st.sampled_from(["", "repaired"]),
    st.one_of(st.none(), st.dates(date(2023, 1, 1), date(2026, 1, 1))),
)


@given(st.lists(rules, min_size=1, max_size=3), lasting, days, st.one_of(st.none(), days))
@example([veto()], Event("safety", date(2024, 2, 29), Severity.MAJOR), date(2027, 2, 25), None)
def test_until_the_day_it_names_a_decision_holds(vetoes, event, on, founded):
    bound = Bound(tuple(replace(one, clause=f"X-{number}") for number, one in enumerate(vetoes)))
    until = engine.holds_until(bound, event, on, founded)
    assert until is None or until > on
    said = engine.barring(bound, [event], on, founded)
    last = min(until, on + timedelta(days=2000)) if until else on + timedelta(days=2000)
    step = max(1, (last - on).days // 40)
    asked = {on + timedelta(days=away) for away in range(0, (last - on).days, step)} | {last - timedelta(days=1)}
    assert all(engine.barring(bound, [event], day, founded) == said for day in asked)


def test_other_vetoes_have_another_digest():
    one, other = Bound((veto(),)), Bound((veto(years=2),))
    assert engine.vetoes_digest(one) == engine.vetoes_digest(Bound((veto(events=frozenset({"quality", "safety"})),)))
    assert engine.vetoes_digest(one) != engine.vetoes_digest(other)

"""Notices, deadlines and look-backs by the real holiday plans (WF-10, features 25), and the laws they keep."""

from datetime import date, timedelta

import pytest
from chinese_calendar import constants
from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy import engine
from greenlist.policy.engine.types import Calendar, CalendarUnknown, NoticeRule

YEARS = frozenset(day.year for day in constants.holidays)
CALENDAR = Calendar(
    exceptions={**dict.fromkeys(constants.holidays, False), **dict.fromkeys(constants.workdays, True)},
    confirmed=YEARS,
)
DAY = timedelta(days=1)


def notice(days: int = 5, unit: str = "working", first_day: str = "next") -> NoticeRule:
    return NoticeRule(days=days, unit=unit, first_day=first_day, clause="QHD-10b")


@pytest.mark.parametrize(
    ("start", "first_counts", "next_day"),
    [
        # start, last day if the first day counts, last day if it does not
        (date(2025, 9, 28), date(2025, 10, 10), date(2025, 10, 11)),  # a Sunday made a working day; 10-11 a Saturday
        (date(2024, 9, 30), date(2024, 10, 11), date(2024, 10, 12)),  # 10-12 a Saturday made a working day
        (date(2025, 1, 24), date(2025, 2, 6), date(2025, 2, 7)),  # Spring Festival 01-28 to 02-04, 01-26 worked
        (date(2026, 2, 12), date(2026, 2, 25), date(2026, 2, 26)),  # Spring Festival; 02-14 worked
        (date(2026, 9, 28), date(2026, 10, 9), date(2026, 10, 10)),  # features 25
        (date(2026, 9, 30), date(2026, 10, 12), date(2026, 10, 13)),  # domain.md 4.4
        (date(2025, 12, 30), date(2026, 1, 6), date(2026, 1, 7)),  # over New Year: Sunday 01-04 worked
        (date(2026, 4, 29), date(2026, 5, 8), date(2026, 5, 9)),  # Labour Day; Saturday 05-09 worked
        (date(2026, 6, 16), date(2026, 6, 23), date(2026, 6, 24)),  # Dragon Boat Festival on Friday 06-19
        (date(2026, 9, 18), date(2026, 9, 23), date(2026, 9, 24)),  # Sunday 09-20 worked for National Day
        (date(2024, 2, 7), date(2024, 2, 19), date(2024, 2, 20)),  # Spring Festival 02-10 to 02-17, Sunday 02-18 worked
        (date(2025, 4, 25), date(2025, 4, 30), date(2025, 5, 6)),  # Sunday 04-27 worked; holidays 05-01 to 05-05
        (date(2024, 5, 13), date(2024, 5, 17), date(2024, 5, 20)),  # a plain week
        (date(2024, 5, 11), date(2024, 5, 16), date(2024, 5, 17)),  # put up on a Saturday made a working day
        (date(2024, 5, 12), date(2024, 5, 17), date(2024, 5, 17)),  # put up on a Sunday: both count from Monday
    ],
)
@pytest.mark.case("WF-10")
@pytest.mark.clause("QHD-10b")
def test_five_working_days(start, first_counts, next_day):
    assert engine.period(notice(first_day="counts"), start, CALENDAR).ends == first_counts
    period = engine.period(notice(), start, CALENDAR)
    assert (period.starts, period.ends, len(period.counted), period.estimated) == (start, next_day, 5, False)


def test_the_notices_of_real_offices():
    """domain.md 4.4: three offices counted the day of publication, one counted calendar days from the next."""
    assert engine.period(notice(first_day="counts"), date(2023, 9, 18), CALENDAR).ends == date(2023, 9, 22)
    assert engine.period(notice(first_day="counts"), date(2025, 5, 26), CALENDAR).ends == date(2025, 5, 30)
    assert engine.period(notice(first_day="counts"), date(2023, 3, 31), CALENDAR).ends == date(2023, 4, 7)
    assert engine.period(notice(7, "calendar"), date(2025, 5, 29), CALENDAR).ends == date(2025, 6, 5)


@pytest.mark.case("WF-10")
def test_fifteen_calendar_days_are_counted_apart_and_need_no_plan():
    nothing = Calendar()
    assert engine.period(notice(15, "calendar"), date(2026, 9, 28), nothing).ends == date(2026, 10, 13)
    assert engine.period(notice(15, "calendar", "counts"), date(2026, 9, 28), nothing).ends == date(2026, 10, 12)


@pytest.mark.case("WF-10")
def test_a_legal_period_is_refused_where_the_plan_of_a_year_is_not_confirmed():
    with pytest.raises(CalendarUnknown) as unknown:
        engine.period(notice(), date(2026, 12, 29), CALENDAR)
    assert unknown.value.year == 2027
    assert engine.period(notice(first_day="counts"), date(2026, 12, 24), CALENDAR).ends == date(2026, 12, 30)


def test_for_planning_an_unknown_year_is_guessed_and_marked():
    planned = engine.period(notice(), date(2026, 12, 29), CALENDAR, estimate=True)
    assert planned.estimated
    assert not engine.period(notice(), date(2026, 6, 1), CALENDAR, estimate=True).estimated


def test_working_days_left():
    assert engine.working_days_left(CALENDAR, date(2026, 9, 30), date(2026, 10, 10)) == 3
    assert engine.working_days_left(CALENDAR, date(2026, 10, 10), date(2026, 10, 10)) == 0
    assert engine.working_days_left(CALENDAR, date(2026, 10, 20), date(2026, 10, 10)) == 0


starts = st.dates(date(2021, 1, 1), date(2026, 11, 30))
rules = st.builds(
    notice, st.integers(1, 15), st.sampled_from(["working", "calendar"]), st.sampled_from(["counts", "next"])
)


@given(starts, rules)
def test_a_period_counts_exactly_its_days_in_order(start, rule):
    period = engine.period(rule, start, CALENDAR)
    assert len(period.counted) == rule.days == len(set(period.counted))
    assert list(period.counted) == sorted(period.counted)
    assert period.ends == period.counted[-1]
    assert all(day >= start for day in period.counted)
    if rule.unit == "working":
        assert all(engine.is_working(CALENDAR, day) for day in period.counted)
    if rule.first_day == "next":
        assert start not in period.counted


@given(starts, st.integers(1, 15), st.sampled_from(["working", "calendar"]))
def test_not_counting_the_first_day_never_ends_earlier(start, days, unit):
    counts = engine.period(notice(days, unit, "counts"), start, CALENDAR)
    following = engine.period(notice(days, unit, "next"), start, CALENDAR)
    assert following.ends >= counts.ends
    if unit == "calendar" or engine.is_working(CALENDAR, start):
        assert following.counted[:-1] == counts.counted[1:]


@given(starts, st.integers(1, 14))
def test_one_day_more_ends_on_the_next_working_day(start, days):
    shorter, longer = (engine.period(notice(n), start, CALENDAR) for n in (days, days + 1))
    between = [shorter.ends + DAY * n for n in range(1, (longer.ends - shorter.ends).days)]
    assert not any(engine.is_working(CALENDAR, day) for day in between)


@given(starts, st.integers(1, 15))
def test_when_the_period_begins_its_whole_length_is_left(start, days):
    period = engine.period(notice(days), start, CALENDAR)
    assert engine.working_days_left(CALENDAR, start, period.ends) == days


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(1, 10))
def test_years_before_lands_in_the_right_year_and_never_later(day, years):
    earlier = engine.years_before(day, years)
    assert earlier.year == day.year - years
    assert (earlier.month, earlier.day) == (day.month, day.day) or (day.month, day.day, earlier.day) == (2, 29, 28)


@given(st.dates(date(2010, 1, 1), date(2040, 1, 1)), st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.integers(1, 5))
def test_a_lookback_starts_at_the_later_of_window_and_founding(on, founded, years):
    since = engine.lookback(on, years, founded)
    assert engine.years_before(on, years) <= since <= on
    if engine.years_before(on, years) <= founded <= on:
        assert since == founded


def test_a_deadline_is_open_to_24_hours_china_time():
    assert engine.closes_at(date(2024, 12, 31)).isoformat() == "2025-01-01T00:00:00+08:00"

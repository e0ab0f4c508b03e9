"""Days are China's, instants are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from greenlist.core import clock


def test_now_is_an_instant_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.case("WF-13")
@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 5, 31, 15, 59, 59, tzinfo=UTC), date(2026, 5, 31)),
        (datetime(2026, 5, 31, 16, 0, tzinfo=UTC), date(2026, 6, 1)),
        (datetime(2026, 5, 31, 23, 0, tzinfo=timezone(timedelta(hours=-5))), date(2026, 6, 1)),
        (datetime(1988, 7, 1, 15, 30, tzinfo=UTC), date(1988, 7, 2)),  # summer time in China, 1986–1991
        (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), date(2038, 1, 19)),  # 2^31
    ],
)
def test_the_day_is_that_of_china(instant: datetime, day: date) -> None:
    assert clock.china_date(instant) == day


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        clock.china_date(datetime(2026, 5, 31, 12, 0))  # noqa: DTZ001


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2026, 12, 31), date(1986, 5, 3), date(1991, 9, 14)])
def test_a_day_ends_where_the_next_begins(day: date) -> None:
    assert clock.day_end(day) == clock.day_start(day + timedelta(days=1))
    assert clock.china_date(clock.day_start(day)) == day
    assert clock.china_date(clock.day_end(day) - timedelta(microseconds=1)) == day
    assert clock.china_date(clock.day_end(day)) == day + timedelta(days=1)


def test_a_deadline_is_open_until_the_day_is_over() -> None:
    end = clock.day_end(date(2026, 5, 31))
    assert datetime(2026, 5, 31, 15, 59, 59, tzinfo=UTC) < end
    assert not datetime(2026, 5, 31, 16, 0, tzinfo=UTC) < end

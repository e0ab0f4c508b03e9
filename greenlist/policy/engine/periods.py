"""Days: notices, deadlines, look-backs. Whoever calls brings the calendar; nobody here knows what day it is."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache

from greenlist.policy.engine.types import Calendar, CalendarUnknown, Due, NoticeRule, Period

CHINA = timezone(timedelta(hours=8))
DAY = timedelta(days=1)
SATURDAY = 5


def is_working(calendar: Calendar, day: date) -> bool:
    """Whether a day is worked. A guess by weekday where the year has no confirmed plan: see `is_known`."""
    return calendar.exceptions.get(day, day.weekday() < SATURDAY)


def is_known(calendar: Calendar, day: date) -> bool:
    return day.year in calendar.confirmed


def period(rule: NoticeRule, start: date, calendar: Calendar, *, estimate: bool = False) -> Period:
    """The days of a notice put up on `start` (QHD-10b). Raises CalendarUnknown(year).

    The day of putting up counts only where the rule says so, and for working days only if it is worked.
    `estimate=True` never raises: a year without a confirmed plan is guessed and the result marked as an estimate.
    """
    counted: list[date] = []
    guessed = False
    day = start if rule.first_day == "counts" else start + DAY
    while len(counted) < rule.days:
        if rule.unit == "working" and not is_known(calendar, day):
            if not estimate:
                raise CalendarUnknown(day.year)
            guessed = True
        if rule.unit == "calendar" or is_working(calendar, day):
            counted.append(day)
        day += DAY
    return Period(starts=start, ends=counted[-1], counted=tuple(counted), estimated=guessed)


def working_days_left(calendar: Calendar, today: date, ends: date) -> int:
    """Working days from tomorrow to `ends`, that day included: what "N working days left" says. Never negative."""
    days = (today + DAY * offset for offset in range(1, (ends - today).days + 1))
    return sum(is_working(calendar, day) for day in days)


def due(rule: Due, year: int, extension: date | None = None) -> date | None:
    """The last day on which it is still in time; None where the rule names none."""
    if extension:
        return extension
    if rule.on:
        return rule.on
    return date(year, *rule.month_day) if rule.month_day else None


def closes_at(day: date) -> datetime:
    """The first moment that is too late: a deadline is that day included, to 24:00 China time (QHD-N4b)."""
    return datetime.combine(day + DAY, time.min, tzinfo=CHINA)


@lru_cache(maxsize=1024)
def years_before(day: date, years: int) -> date:
    """The same day `years` earlier; 29 February becomes 28 February, so that no day is lost from the look-back."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def lookback(on: date, years: int, founded: date | None) -> date:
    """The first day that a look-back covers: N years back from the check, or the founding of a younger unit (5.4)."""
    start = years_before(on, years)
    return max(start, founded) if founded and founded <= on else start

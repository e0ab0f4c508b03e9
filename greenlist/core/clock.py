"""The only place that reads the clock. Views, tasks and commands ask here; services and rules are told."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(tz=UTC)


def china_date(at: datetime) -> date:
    """The legal day in China on which an instant falls. Raises ValueError on a datetime without zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return at.astimezone(CHINA).date()


def day_start(on: date) -> datetime:
    """The first instant of a legal day in China."""
    return datetime.combine(on, time.min, tzinfo=CHINA)


def day_end(on: date) -> datetime:
    """The first instant after a legal day: a deadline 'by 31 May' is open while now < day_end(31 May)."""
    return day_start(on + timedelta(days=1))

"""The only place that reads the clock. Views, tasks and commands ask here; services and rules are told."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(tz=UTC)


def china_date(at: datetime) -> date:
    """The legal day in China on which an instant falls."""
    return at.astimezone(CHINA).date()


def day_end(on: date) -> datetime:
    """The first instant after a legal day: a deadline 'by 31 May' is open while now < day_end(31 May)."""
    from datetime import time, timedelta

    return datetime.combine(on + timedelta(days=1), time.min, tzinfo=CHINA)

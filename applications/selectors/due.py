"""How long is left until a last day, in words: 还剩 3 个工作日. That day is still in time."""

from datetime import date
from typing import NamedTuple

from django.utils.translation import gettext as _

from greenlist.policy import engine
from greenlist.policy.engine.types import Calendar

SOON = 3  # working days from which a page shows a day as near


class Left(NamedTuple):
    words: str
    tone: str  # "" | soon | late, as components/deadline.html wants it


def left(day: date | None, on: date, calendar: Calendar) -> Left:
    """Working days from tomorrow to the last day; what is past is counted back in calendar days."""
    if day is None:
        return Left("", "")
    if day < on:
        return Left(_("%(n)s day(s) late") % {"n": (on - day).days}, "late")
    if day == on:
        return Left(_("ends today"), "soon")
    days = engine.working_days_left(calendar, on, day)
    return Left(_("%(n)s working day(s) left") % {"n": days}, "soon" if days <= SOON else "")

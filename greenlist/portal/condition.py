"""What the condition page asks beyond core: whether legal periods can be counted (WF-10)."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from greenlist.core import clock
from greenlist.core.condition import Problem, check
from greenlist.policy.models import CalendarYear

NOVEMBER = 11  # the State Council announces the next year's holidays around then


@check
def calendar(at: datetime) -> Iterator[Problem]:
    """This year's working days must be confirmed, and from November the next year's."""
    today = clock.china_date(at)
    wanted = [today.year, today.year + 1] if today.month >= NOVEMBER else [today.year]
    confirmed = set(CalendarYear.objects.filter(year__in=wanted, confirmed=True).values_list("year", flat=True))
    for year in wanted:
        if year not in confirmed:
            text = _("The working days of %(year)s are not confirmed: periods that reach into it cannot be fixed.")
            yield Problem(f"calendar.{year}", text % {"year": year}, grave=year == today.year)

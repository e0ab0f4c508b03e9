"""The working-day calendar: seeded from a maintained package, kept by an administrator where the package is late."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from chinese_calendar import constants
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotAllowed
from greenlist.policy.models import CalendarDay, CalendarYear

SATURDAY = 5
PACKAGE = "chinesecalendar"


def _may_keep(actor: Actor) -> None:
    if actor.capacity not in {Capacity.ADMINISTRATOR, Capacity.SYSTEM}:
        raise NotAllowed(_("Only an administrator may keep the calendar."))


def packaged_years() -> list[int]:
    """The years whose State Council plan the package knows."""
    return sorted({day.year for day in constants.holidays})


@transaction.atomic
def load_calendar(*, actor: Actor, at: datetime, years: Iterable[int] = ()) -> tuple[int, ...]:
    """Seeds the years the package knows and nobody has confirmed yet; returns those seeded.

    A year that an administrator confirmed is left as it is: the administrator's table wins over the package.
    """
    _may_keep(actor)
    known = packaged_years()
    wanted = [year for year in known if not (chosen := set(years)) or year in chosen]
    confirmed = set(CalendarYear.objects.select_for_update().filter(confirmed=True).values_list("year", flat=True))
    seeded = tuple(year for year in wanted if year not in confirmed)
    for year in seeded:
        _seed(year)
        audit.record(actor=actor, subject=("calendar", year), action="calendar.seeded", at=at, data={"source": PACKAGE})
    return seeded


def _seed(year: int) -> None:
    CalendarDay.objects.filter(day__year=year).delete()
    CalendarDay.objects.bulk_create(_exceptions(year))
    CalendarYear.objects.update_or_create(year=year, defaults={"confirmed": True, "source": PACKAGE})


def _exceptions(year: int) -> list[CalendarDay]:
    """The days that differ from the plain week."""
    found = []
    day = date(year, 1, 1)
    while day.year == year:
        weekday = day.weekday() < SATURDAY
        if weekday and day in constants.holidays:
            found.append(CalendarDay(day=day, working=False, name=constants.Holiday(constants.holidays[day]).chinese))
        elif not weekday and day in constants.workdays:
            found.append(CalendarDay(day=day, working=True, name=constants.Holiday(constants.workdays[day]).chinese))
        day += timedelta(days=1)
    return found


@transaction.atomic
def set_day(*, day: date, working: bool | None, name: str, actor: Actor, at: datetime) -> None:
    """Marks a day as worked or as a holiday; None makes it a plain day of the week again."""
    _may_keep(actor)
    if working is None:
        CalendarDay.objects.filter(day=day).delete()
    else:
        CalendarDay.objects.update_or_create(day=day, defaults={"working": working, "name": name})
    audit.record(
        actor=actor,
        subject=("calendar", day.year),
        action="calendar.day_set",
        at=at,
        data={"day": day, "working": working, "name": name},
    )


@transaction.atomic
def confirm_year(*, year: int, confirmed: bool, source: str, actor: Actor, at: datetime) -> None:
    """Says whether the State Council's plan of a year is in the table: without it no legal period is fixed."""
    _may_keep(actor)
    CalendarYear.objects.update_or_create(year=year, defaults={"confirmed": confirmed, "source": source})
    audit.record(
        actor=actor,
        subject=("calendar", year),
        action="calendar.confirmed" if confirmed else "calendar.unconfirmed",
        at=at,
        data={"source": source},
    )

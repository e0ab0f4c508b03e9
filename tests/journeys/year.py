"""A year of a place, day by day: every beat job of the portal at midnight and in the morning, people in the afternoon.

Who is reminded of what on which day is written here by hand from the policy documents, beside the code that sends it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import time_machine
from celery import current_app
from django.conf import settings

from dynamics.models import Cycle, YearlyReport
from dynamics.selectors import boards
from dynamics.services import cycles
from greenlist.core.clock import CHINA
from greenlist.core.models import Notification
from registry.models import Listing
from tests import factories
from tests.applications import county
from tests.dynamics import listed, tables
from tests.world import World

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
DAY = timedelta(days=1)
BEFORE = (30, 15, 7, 3, 1)
AFTER = (-1, -7)


def moment(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}:00+08:00")


def noon(day: date) -> datetime:
    """When people work: after the portal's own rounds of the day."""
    return moment(day, "15:00")


@dataclass(frozen=True)
class Place:
    """What the documents of a place say, typed by hand."""

    slug: str
    owner: str  # of the list: slug of its area
    office: str  # prefix of the characters of its office
    areas: tuple[str, ...]  # where its units lie
    due: date  # of the dynamic table
    opened: date  # by hand, or by the rules
    by_hand: bool
    higher: str  # a tier above the owner's
    higher_files_elsewhere: bool  # QHD-12b, SJZ-12b: only at the highest tier
    with_list: bool  # JY-22a, HLJ-30a: off the list when the yearly list is published
    ground: str
    clause: str


PLACES = {
    one.slug: one
    for one in (
        Place(
            "qinhuangdao", "130300", "city", ("130302", "130322"), date(2026, 4, 30), date(2026, 3, 2), True, "province",
            True, False, "no_table", "QHD-14.1",
        ),
        Place(
            "shijiazhuang", "130100", "other_city", ("130104", "130183"), date(2026, 10, 9), date(2026, 9, 1), True,
            "province", True, False, "no_table", "SJZ-14.1",
        ),  # the last day lies behind the week of holidays in October
        Place(
            "jieyang", "445200", "jy", ("445202",), date(2026, 4, 15), date(2026, 2, 15), False, "province", False, True,
            "refused", "JY-22a",
        ),
        Place(
            "heilongjiang", "230000", "hlj_province", ("230102", "230103"), date(2026, 3, 30), date(2026, 2, 1), False,
            "nation", False, True, "refused", "HLJ-30a",
        ),
    )
}  # fmt: skip


@dataclass
class Year:
    """The place, its units by what they do, and what is expected of every day."""

    place: Place
    world: World
    expected: dict[str, list[tuple[date, str]]] = field(default_factory=lambda: defaultdict(list))
    plan: dict[date, list[Callable[[date], None]]] = field(default_factory=lambda: defaultdict(list))
    units: dict[str, Listing] = field(default_factory=dict)

    # ---- who is there ------------------------------------------------------------------------------------------------
    def settle(self, *names: str) -> None:
        """A firm for each name, with one person, on the list since last year."""
        for number, name in enumerate(names):
            area = self.world.areas[self.place.areas[number % len(self.place.areas)]]
            owner = factories.person(name, username=name)
            firm = factories.organisation(area, f"示例{name}有限公司", owner=owner, serial=7100 + number)
            firm.industry = factories.industry()
            firm.save(update_fields=["industry"])
            self.world.users[name], self.world.memberships[name] = owner, firm.memberships.get()
            self.world.orgs[name], self.world.sites[name] = firm, firm.sites.get()
            self.units[name] = listed.listed(self.world, name, self.place.owner, on=date(2025, 12, 1))

    def approver(self) -> str:
        return f"{self.place.office}_approver"

    def handler(self) -> str:
        return f"{self.place.office}_handler"

    @property
    def cycle(self) -> Cycle:
        return Cycle.objects.get(rule_set__slug=self.place.slug, duty="dynamic", year=2026)

    def table(self, name: str) -> YearlyReport:
        return YearlyReport.objects.get(cycle=self.cycle, site=self.world.sites[name])

    # ---- what is expected --------------------------------------------------------------------------------------------
    def expect(self, who: str, last: date, rungs: tuple[int, ...], *, until: date = LAST, since: date = FIRST) -> None:
        """Reminders of a last day at these distances, from a day to a day, both included."""
        for rung in rungs:
            day = last - rung * DAY
            if since <= day <= until:
                self.expected[who].append((day, f"{last.isoformat()}:{rung}"))

    def on(self, day: date, work: Callable[[date], None]) -> None:
        self.plan[day].append(work)

    # ---- how it goes -------------------------------------------------------------------------------------------------
    def days(self) -> Iterator[date]:
        """Every day after the portal's rounds and before people work."""
        day = FIRST
        while day <= LAST:
            with time_machine.travel(moment(day, "00:10"), tick=False):
                every_job(day)
            with time_machine.travel(moment(day, "08:20"), tick=False):
                morning_jobs(day)
            yield day
            with time_machine.travel(noon(day), tick=False):
                for work in self.plan.get(day, ()):
                    work(day)
            day += DAY

    def reminded(self) -> dict[str, list[tuple[date, str]]]:
        """Who was reminded of which rung on which day, as the portal has it."""
        names = {user.pk: name for name, user in self.world.users.items()}
        found: dict[str, list[tuple[date, str]]] = defaultdict(list)
        rows = Notification.objects.filter(channel="portal").exclude(source="").order_by("pk")
        for person, at, period in rows.values_list("recipient_id", "created_at", "period"):
            found[names[person]].append((at.astimezone(CHINA).date(), period))
        return {name: sorted(rows) for name, rows in found.items()}

    def board(self, day: date) -> dict[str, int]:
        """What the board's heads show the office: the whole page near the last day, its counting on the others."""
        actor, nothing = self.world.actor(self.handler()), boards.Filters()
        if abs((day - self.place.due).days) > 25:
            counts = boards.counts_of(boards.filtered(actor, self.cycle, nothing, day), day)
        else:
            counts = {key: number for key, _label, number in boards.board(actor, self.cycle, nothing, {}, day).counts}
        return {key: number for key, number in counts.items() if number}

    def open_by_hand(self, day: date) -> None:
        tables.opened(self.world, self.place.slug, year=2026, due_on=self.place.due, at=noon(day), who=self.approver())

    def files(self, name: str) -> Callable[[date], None]:
        return lambda day: void(tables.filed(self.world, self.table(name), name, noon(day)))

    def moves(self, name: str, to: date) -> Callable[[date], None]:
        def move(day: date) -> None:
            cycles.move_last_day(
                actor=self.world.actor(self.approver()), at=noon(day), reference=self.cycle.reference, due_on=to,
                reason="设备检修，数据未齐", table=self.table(name).reference,
            )  # fmt: skip

        return move


def void(_: Any) -> None:
    """What people do has no answer here."""


def begin(place: Place, world: World) -> Year:
    if place.slug == "jieyang":
        listed.jieyang(world)
    current_app.loader.import_default_modules()
    county.load_rules()
    return Year(place, world)


# What looks at the machine or at everything there is, and at no day: once a month here.
MONTHLY = {"tell-problems", "sweep-checks", "anchor-chains", "scan-files", "sweep-documents", "find-listed"}
MONTHLY |= {"forget-sign-ins", "forget-pieces", "forget-uses", "send-resets", "send-invitations"}


def every_job(day: date) -> None:
    """Everything the schedule names, once."""
    for name, row in settings.CELERY_BEAT_SCHEDULE.items():
        if name not in MONTHLY or day.day == 1:
            current_app.tasks[row["task"]]()


def morning_jobs(day: date) -> None:
    """What leaves the portal by day; on Mondays the reminders once more: the same tick twice."""
    again = ("remind-deadlines",) if day.weekday() == 0 else ()
    for name in (*again, "gather-digests", "sweep-outbox"):
        current_app.tasks[settings.CELERY_BEAT_SCHEDULE[name]["task"]]()

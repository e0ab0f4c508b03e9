"""A simulated year for each rule set: every reminder once, every due board right, nobody off a list without a hearing."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail

from applications.models import Application, Report
from applications.states import State
from dynamics.models import Hearing, Removal
from dynamics.services import bulletins, removals
from dynamics.states import RemovalState
from greenlist.accounts import services as accounts
from greenlist.core.errors import Refused
from greenlist.core.models import Notification
from registry.models import Bulletin, Listing
from registry.states import ListingState
from tests.applications import county
from tests.dynamics import listed, tables
from tests.dynamics.test_leaving import yearly_list
from tests.journeys.year import AFTER, BEFORE, DAY, LAST, PLACES, Place, Year, begin, moment, noon
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(900), pytest.mark.django_db]


def units(year: Year) -> None:
    """Five units: in time, late, silent, with a later day of its own, and one on a higher list too."""
    place, due = year.place, year.place.due
    later = due + 20 * DAY
    year.settle("prompt", "late", "silent", "moved", "higher")
    tables.titled(year.world.sites["higher"], place.higher, on=date(2025, 12, 1))
    if place.by_hand:
        year.on(place.opened, year.open_by_hand)
    year.on(due - 3 * DAY, year.files("prompt"))
    year.expect("prompt", due, BEFORE, until=due - 3 * DAY)
    year.on(due + 2 * DAY, year.files("late"))
    year.expect("late", due, BEFORE + AFTER, until=due + 2 * DAY)
    year.expect("silent", due, BEFORE + AFTER)
    year.on(due - 5 * DAY, year.moves("moved", later))
    year.on(later, year.files("moved"))
    year.expect("moved", due, BEFORE, until=due - 5 * DAY)
    # On the day after it was moved the newest rung of the new day is the one of 30, which lay some days back.
    year.expected["moved"].append((due - 4 * DAY, f"{later.isoformat()}:30"))
    year.expect("moved", later, BEFORE[1:])
    if (
        place.higher_files_elsewhere
    ):  # with the province, by the ministry's day; it never does, and the province waits too
        for who in ("higher", "province_handler", "province_approver"):
            year.expect(who, date(2026, 4, 15), BEFORE + AFTER)
    else:
        year.on(place.opened + 2 * DAY, year.files("higher"))
    for who in (year.handler(), year.approver()):  # somebody owes it all the time
        year.expect(who, due, BEFORE + AFTER)


def board_of(year: Year, day: date, removed_on: date) -> dict[str, int]:
    """What the board has to show in the morning of a day, from the story alone."""
    place, due = year.place, year.place.due
    later = due + 20 * DAY
    unit = {
        "prompt": "due" if day <= due - 3 * DAY else "filed",
        "late": "due" if day <= due else "overdue" if day <= due + 2 * DAY else "filed",
        "silent": "due" if day <= due else "overdue" if day <= removed_on else "exempt",
        "moved": "due" if day <= later else "filed",
        "higher": "exempt" if place.higher_files_elsewhere else "due" if day <= place.opened + 2 * DAY else "filed",
    }
    return dict(Counter(unit.values()))


# ---- removals ---------------------------------------------------------------------------------------------------------
class Leaving:
    """The portal proposes both who missed the day; one handed in late and stays, one is heard and goes."""

    def __init__(self, year: Year) -> None:
        self.year, due = year, year.place.due
        self.answer_by = due + 18 * DAY
        self.removed_on = due + (31 if year.place.with_list else 21) * DAY
        year.on(due + 3 * DAY, self.dismiss)
        year.on(due + 8 * DAY, self.ask)
        year.on(due + 19 * DAY, self.conclude)
        year.on(due + 20 * DAY, self.decide)
        if year.place.with_list:
            year.on(due + 21 * DAY, self.too_early)
            year.on(due + 30 * DAY, self.publish_list)
        year.on(self.removed_on, self.strike)

    def of(self, name: str) -> Removal:
        return Removal.objects.get(listing=self.year.units[name])

    def actor(self, role: str) -> Any:
        return self.year.world.actor(f"{self.year.place.office}_{role}")

    def dismiss(self, day: date) -> None:
        given = {"reference": self.of("late").reference, "at": noon(day)}
        removals.dismiss(actor=self.actor("approver"), decision="已补报，予以保留", **given)

    def ask(self, day: date) -> None:
        year = self.year
        # Ten days to answer and none does: the rungs that are left, and the day after, until the handler notes the silence.
        year.expect("silent", self.answer_by, BEFORE + AFTER, until=self.answer_by + DAY, since=day)
        removals.ask(
            actor=self.actor("handler"), reference=self.of("silent").reference, letter="现告知拟移出的事实和理由。",
            answer_by=self.answer_by, at=noon(day),
        )  # fmt: skip

    def conclude(self, day: date) -> None:
        given = {"actor": self.actor("handler"), "reference": self.of("silent").reference, "at": noon(day)}
        removals.note_silence(**given)
        removals.conclude(conclusion="remove", opinion="逾期未报，告知后未陈述申辩", **given)

    def decide(self, day: date) -> None:
        given = {"reference": self.of("silent").reference, "at": noon(day)}
        removals.decide(actor=self.actor("approver"), outcome="remove", decision="同意移出", **given)

    def too_early(self, day: date) -> None:
        self.made: Bulletin = listed.bulletin(self.year.world, self.of("silent"), noon(day))
        with pytest.raises(Refused) as refused:
            bulletins.publish(actor=self.actor("approver"), reference=self.made.reference, at=noon(day))
        assert refused.value.clause == self.year.place.clause

    def publish_list(self, day: date) -> None:
        yearly_list(self.year.world, self.year.units["silent"], noon(day))

    def strike(self, day: date) -> None:
        made = (
            self.made if self.year.place.with_list else listed.bulletin(self.year.world, self.of("silent"), noon(day))
        )
        bulletins.publish(actor=self.actor("approver"), reference=made.reference, at=noon(day))

    def check(self, day: date) -> None:
        """Off the list is only who was heard, by the word of two."""
        gone = set(Listing.objects.filter(state=ListingState.REMOVED).values_list("name", flat=True))
        assert gone == ({self.year.units["silent"].name} if day > self.removed_on else set())
        proposed = set(Removal.objects.values_list("listing__name", flat=True))
        missed = {self.year.units[name].name for name in ("late", "silent")}
        assert proposed == (missed if day > self.year.place.due else set())
        for row in Removal.objects.filter(state=RemovalState.EFFECTIVE):
            assert Hearing.objects.filter(removal=row).exists()
            assert row.concluded_by_id != row.decided_by_id
            assert row.clause == self.year.place.clause


# ---- a call in the same year ------------------------------------------------------------------------------------------
def call(year: Year) -> None:
    """Cases that wait on desks, a draft that is not submitted: reminded by the ladder of their own rule set."""
    {"qinhuangdao": _call_qinhuangdao, "shijiazhuang": _call_shijiazhuang, "heilongjiang": _call_heilongjiang}.get(
        year.place.slug, lambda _year: None
    )(year)


def _call_qinhuangdao(year: Year) -> None:
    """QHD-N4b: the county sends by 31 May; it sends on the 25th."""

    def opened(day: date) -> None:
        case = county.case(year.world, county.open_call(year.world))
        sent = {"state": State.RECOMMENDED, "desk": year.world.city}
        year.on(date(2026, 5, 25), lambda _day: void(Application.objects.filter(pk=case.pk).update(**sent)))

    year.on(date(2026, 4, 1), opened)
    for who in ("county_handler", "county_approver"):
        year.expect(who, date(2026, 5, 31), (15, 7, 3, 1), until=date(2026, 5, 25))


def _call_shijiazhuang(year: Year) -> None:
    """SJZ-noN: the call sets no day, so nobody is reminded."""
    year.on(
        date(2026, 4, 1),
        lambda _day: void(
            county.case(year.world, county.open_call(year.world, "shijiazhuang"), organisation=year.world.orgs["sjz"])
        ),
    )


def _call_heilongjiang(year: Year) -> None:
    """HLJ-12: firms by the day of the call, cities by theirs."""

    def opened(day: date) -> None:
        made = county.open_call(year.world, "heilongjiang")
        site = year.world.sites["hlj"]
        report = Report.objects.create(site=site, category="factory", year=2026, form="x", form_digest="x")
        draft = Application.objects.create(
            call=made, category="factory", organisation=site.organisation, site=site, report=report, name="draft", step="fill",
            entered_at=noon(day), started_at=noon(day), started_by=year.world.user("hlj_applicant"),
        )  # fmt: skip
        year.on(
            date(2026, 4, 25),
            lambda _day: void(Application.objects.filter(pk=draft.pk).update(state=State.WITHDRAWN)),
        )
        other = year.world.sites["prompt"]
        county.case(year.world, made, organisation=other.organisation, site=other, county="230100")

    year.on(date(2026, 4, 1), opened)
    year.expect("hlj_applicant", date(2026, 4, 30), (15, 7, 3, 1), until=date(2026, 4, 25))
    for who in ("hlj_city_handler", "hlj_city_approver"):
        year.expect(who, date(2026, 5, 31), (15, 7, 3, 1))


def filings(year: Year) -> None:
    """HLJ-14b: every city of the province files by 31 August and nobody does."""
    for who in ("hlj_city_handler", "hlj_city_approver"):
        year.expect(who, date(2026, 8, 31), BEFORE + AFTER)


def void(_: Any) -> None:
    """What people do has no answer here."""


# ---- the year ---------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-12a", "SJZ-12", "JY-18", "HLJ-27")
@pytest.mark.case("BG-08", "BG-02")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_year_day_by_day(place: Place, world: World, settings: Any, tmp_path: Any) -> None:
    settings.VAR, settings.QUIET_HOURS = tmp_path, "21:00-08:00"
    year = begin(place, world)
    units(year)
    call(year)
    filings(year)
    leaving = Leaving(year)
    reader = {"mails": True, "digest": True, "texts": False}
    accounts.choose_messages(actor=world.actor("late"), at=moment(date(2026, 1, 1), "00:00"), **reader)
    for day in year.days():
        if day > place.opened or (day == place.opened and not place.by_hand):
            assert year.board(day) == board_of(year, day, leaving.removed_on), day
        leaving.check(day)
    assert year.reminded() == {who: sorted(rows) for who, rows in year.expected.items()}
    mails_of_the_year(year)


def mails_of_the_year(year: Year) -> None:
    """Each message once by mail too, none at night; who wants one a day gets one a day."""
    sent = Counter(message.extra_headers["Message-ID"] for message in mail.outbox)
    assert set(sent.values()) == {1}
    rows = Notification.objects.mails()
    assert not rows.filter(state__in=["new", "held", "sending", "failed"]).exists()
    for row in rows.exclude(source="").filter(state="sent"):
        assert 8 <= (row.sent_at.astimezone(noon(LAST).tzinfo)).hour < 21
    late = year.world.user("late")
    days = rows.filter(recipient=late, kind="digest.day").values_list("period", flat=True)
    told = Notification.objects.filter(recipient=late, channel="portal").values_list("created_at", flat=True)
    mornings = {_morning(at) for at in told}
    assert sorted(days) == sorted(mornings)


def _morning(at: Any) -> str:
    """The first eight o'clock after a message."""
    local = at.astimezone(noon(LAST).tzinfo)
    return (local.date() if local.hour < 8 else local.date() + timedelta(days=1)).isoformat()

"""Quiet hours, the day's one mail, text messages: what leaves the portal, when, and for whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import checks, mail

from greenlist.accounts import services as accounts
from greenlist.accounts.models import User
from greenlist.core import digests, outbox, sms
from greenlist.core import messages as words_of
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.models import Notification
from tests import factories

MINUTE = timedelta(minutes=1)
WORDS = {"name": "海港示例公司", "number": "T-1"}


def china(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


NOON, EVENING, MORNING = china("2026-06-01T12:00"), china("2026-06-01T23:30"), china("2026-06-02T08:00")


class Gateway:
    """Keeps what it takes; answers as told first."""

    taken: list[tuple[str, str, str]] = []
    answers: list[Exception] = []

    def send(self, *, number: str, text: str, key: str) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append((number, text, key))


@pytest.fixture
def gateway(settings: Any) -> type[Gateway]:
    settings.SMS_SENDER = f"{Gateway.__module__}.Gateway"
    Gateway.taken, Gateway.answers = [], []
    return Gateway


@pytest.fixture
def person(db: None) -> User:
    return factories.person("收件人", phone="13800000000")


def acting(person: User) -> Actor:
    return Actor(capacity=Capacity.NONE, user_id=person.pk, name=person.name)


def choose(person: User, at: datetime = NOON, **chosen: bool) -> User:
    given = {"mails": True, "digest": False, "texts": False} | chosen
    return accounts.choose_messages(actor=acting(person), at=at, **given)


def tell(*people: User, at: datetime, event: str = "e", kind: str = "case.submitted", **params: Any) -> None:
    ids = [one.pk for one in people]
    outbox.notify(recipients=ids, event=event, kind=kind, at=at, params=params or WORDS, link="/inbox/")


def near(*people: User, at: datetime, event: str = "d") -> None:
    tell(*people, at=at, event=event, kind="deadline.near", title="年度信息表", days=7, day="2026-06-08")


def state_of(person: User, event: str = "e", channel: str = "email") -> str:
    return Notification.objects.get(recipient=person, event=event, channel=channel).state


# ---- quiet hours ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        ("2026-06-01T20:59:59", "2026-06-01T20:59:59"), ("2026-06-01T21:00", "2026-06-02T08:00"),
        ("2026-06-02T00:00", "2026-06-02T08:00"), ("2026-06-02T07:59:59", "2026-06-02T08:00"),
        ("2026-06-02T08:00", "2026-06-02T08:00"), ("2026-12-31T22:00", "2027-01-01T08:00"),
    ],
)  # fmt: skip
def test_the_night_lasts_until_the_morning_in_china(at: str, leaves: str, settings: Any) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    assert outbox.after_quiet_hours(china(at)) == china(leaves)
    settings.QUIET_HOURS = "12:00-14:00"
    assert outbox.after_quiet_hours(china("2026-06-01T12:30")) == china("2026-06-01T14:00")
    assert outbox.after_quiet_hours(china("2026-06-01T14:00")) == china("2026-06-01T14:00")
    settings.QUIET_HOURS = ""
    assert outbox.after_quiet_hours(china(at)) == china(at)


def test_mails_wait_for_the_morning_and_the_portal_does_not(person: User, settings: Any) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    tell(person, at=EVENING)
    there = Notification.objects.get(channel="portal")
    assert (there.state, there.not_before) == ("sent", EVENING)
    assert outbox.sweep(at=MORNING - MINUTE) == 0
    assert outbox.sweep(at=MORNING) == 1


def test_what_concerns_the_account_waits_for_nothing(person: User, settings: Any) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    choose(person, mails=False)
    tell(person, at=EVENING)
    tell(person, at=EVENING, event="safe", kind="account.password_changed", x="")
    assert outbox.sweep(at=EVENING) == 1
    assert state_of(person, "safe") == "sent"
    assert outbox.sweep(at=MORNING) == 0
    assert state_of(person) == "dropped"


def test_a_second_try_keeps_the_quiet_hours_too(person: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    tell(person, at=china("2026-06-01T20:59:30"))
    monkeypatch.setattr(mail.get_connection().__class__, "send_messages", _fail)
    assert outbox.sweep(at=china("2026-06-01T20:59:30")) == 0
    assert Notification.objects.get(channel="email").not_before == MORNING


def _fail(*_: Any) -> int:
    raise TimeoutError("slow")


# ---- one mail a day -------------------------------------------------------------------------------------------------
def day_of(person: User, first: datetime) -> None:
    """A sweep each minute and the bundler each ten, for two days."""
    at = first
    while at < first + timedelta(days=2):
        outbox.sweep(at=at)
        digests.gather(at=at)
        at += 10 * MINUTE


def test_one_mail_a_day_with_everything_in_the_readers_language(person: User, settings: Any) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    english, other = factories.person("Reader", language="en"), factories.person("逐条")
    for one in (person, english):
        choose(one, digest=True)
    tell(person, english, other, at=NOON)
    near(person, english, other, at=china("2026-06-02T00:05"))  # as most reminders: in the first hour of a day
    assert Notification.objects.filter(channel="portal", state="sent").count() == 6
    day_of(person, NOON)
    by = {
        address: [one for one in mail.outbox if one.to == [address]]
        for address in (person.email, english.email, other.email)
    }
    assert [len(mails) for mails in by.values()] == [1, 1, 2]
    chinese, english_mail = by[person.email][0], by[english.email][0]
    assert "2" in chinese.subject
    assert english_mail.subject == "Messages of the day: 2"
    assert "7 day(s) left: 年度信息表" in english_mail.body
    assert "海港示例公司" in chinese.body
    assert "还剩" in chinese.body
    assert chinese.body.count("/inbox/") == 2
    assert {state_of(person), state_of(person, "d")} == {"bundled"}
    assert Notification.objects.get(kind="digest.day", recipient=person).not_before == MORNING


def test_what_comes_after_it_is_in_the_next_days(person: User) -> None:
    choose(person, digest=True)
    tell(person, at=NOON, event="first")
    assert digests.gather(at=NOON + MINUTE) == 0  # this morning's has left
    assert digests.gather(at=MORNING - MINUTE) == 0
    tell(person, at=MORNING + MINUTE, event="second")
    late = MORNING + timedelta(hours=5)  # nobody worked until then
    assert [digests.gather(at=late), digests.gather(at=late)] == [1, 0]
    outbox.sweep(at=late)
    assert [state_of(person, event) for event in ("first", "second")] == ["bundled", "held"]
    assert digests.gather(at=MORNING + timedelta(days=1)) == 1
    outbox.sweep(at=MORNING + timedelta(days=1))
    assert len(mail.outbox) == 2


def test_who_turns_it_off_gets_each_that_waits(person: User) -> None:
    choose(person, digest=True)
    tell(person, at=NOON)
    assert outbox.sweep(at=NOON) == 0
    assert state_of(person) == "held"
    choose(person, at=NOON + MINUTE)
    assert outbox.sweep(at=NOON + MINUTE) == 1
    assert digests.gather(at=MORNING) == 0


def test_what_was_withdrawn_is_in_no_mail(person: User) -> None:
    choose(person, digest=True)
    tell(person, at=NOON)
    outbox.sweep(at=NOON)
    assert outbox.withdraw(event="e") == 1
    assert digests.gather(at=MORNING) == 0
    assert not Notification.objects.filter(kind="digest.day").exists()


@pytest.mark.race
@pytest.mark.case("BG-02", "BG-03")
@pytest.mark.django_db(transaction=True)
def test_bundlers_at_once_make_one(run_threads: Any, rounds: int) -> None:
    for turn in range(max(rounds // 10, 3)):
        person = factories.person(f"汇总{turn}")
        choose(person, digest=True)
        for number in range(5):
            tell(person, at=NOON, event=f"{turn}-{number}")
        run_threads(4, lambda _number: (digests.gather(at=MORNING), outbox.sweep(at=MORNING)))
        outbox.sweep(at=MORNING)
        (made,) = Notification.objects.filter(kind="digest.day", recipient=person)
        mine = Notification.objects.filter(recipient=person, channel="email").exclude(pk=made.pk)
        assert sorted(made.params["rows"]) == sorted(mine.filter(state="bundled").values_list("pk", flat=True))
        assert set(mine.values_list("state", flat=True)) == {"bundled"}


# ---- text messages --------------------------------------------------------------------------------------------------
def test_only_who_gave_a_number_and_chose_it_gets_texts(person: User, gateway: type[Gateway]) -> None:
    silent, numberless = factories.person("未选", phone="13900000000"), factories.person("无号码")
    choose(person, texts=True)
    with pytest.raises(Invalid):
        choose(numberless, texts=True)
    near(person, silent, numberless, at=NOON)
    near(person, at=NOON)  # the same again
    assert outbox.sweep(at=NOON) == 4
    row = Notification.objects.get(channel="sms")
    assert gateway.taken == [("13800000000", words_of.subject_of(row.kind, row.params), f"notification-{row.pk}")]
    assert "年度信息表" in gateway.taken[0][1]
    assert "http" not in gateway.taken[0][1]


def test_what_is_not_fit_for_a_telephone_is_not_sent_to_one(person: User, gateway: type[Gateway]) -> None:
    choose(person, texts=True)
    tell(person, at=NOON)
    assert not Notification.objects.filter(channel="sms").exists()
    told = {"title", "day", "days", "number", "authority", "what"}

    class Noted(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = ""
            return ""

    for kind in words_of.SHORT & set(words_of.KINDS):
        asked = Noted()
        words_of.subject_of(kind, asked)
        alarm = (
            {"name", "kind"} if kind == "incident.raised" else set()
        )  # the firm, and what happened: officials act at once
        assert set(asked) <= told | alarm, kind


def test_texts_keep_the_quiet_hours_and_stop_with_the_choice(
    person: User, gateway: type[Gateway], settings: Any
) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    choose(person, texts=True)
    near(person, at=EVENING)
    assert outbox.sweep(at=EVENING) == 0
    choose(person)
    outbox.sweep(at=MORNING)
    assert gateway.taken == []
    assert state_of(person, "d", "sms") == "dropped"


@pytest.mark.case("BG-09")
def test_a_gateway_of_texts_that_is_away_holds_no_mail(person: User, gateway: type[Gateway]) -> None:
    choose(person, texts=True)
    for number in range(3):
        near(person, at=NOON, event=f"d{number}")
    gateway.answers = [sms.Away("no answer")]
    assert outbox.sweep(at=NOON) == 3
    rows = Notification.objects.filter(channel="sms")
    assert sorted(rows.values_list("attempts", flat=True)) == [0, 0, 1]
    gateway.answers = [sms.Refused("no such number"), ValueError("somebody else's code")]
    assert outbox.sweep(at=NOON + 2 * MINUTE) == 1
    assert sorted(rows.values_list("state", flat=True)) == ["failed", "failed", "sent"]


def test_the_shipped_sender_writes_and_tells_no_number(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS_SENDER = "greenlist.core.sms.Console"
    sender = sms.sender()
    assert sender is not None
    sender.send(number="13812345678", text="还剩 3 天", key="notification-1")
    said = capsys.readouterr().out
    assert "还剩 3 天" in said
    assert "13812345678" not in said
    settings.SMS_SENDER = ""
    assert sms.sender() is None


def test_without_a_gateway_nobody_is_offered_texts(person: User, settings: Any) -> None:
    with pytest.raises(Invalid):
        choose(person, texts=True)
    with pytest.raises(NotAllowed):
        accounts.choose_messages(actor=ANONYMOUS, at=NOON, mails=True, digest=False, texts=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_HOURS", "21:00–08:00"),
        ("QUIET_HOURS", "21:00"),
        ("DIGEST_AT", "8 Uhr"),
        ("SMS_SENDER", "no.such.Sender"),
    ],
)
def test_settings_that_cannot_be_read_are_told_at_the_start(name: str, value: str, settings: Any) -> None:
    setattr(settings, name, value)
    assert {one.id for one in checks.run_checks() if name in one.msg} & {"core.E011", "core.E012"}

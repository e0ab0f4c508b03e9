"""Messages leave once, whatever dies in between; the row is the queue."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command
from django.db import transaction

from greenlist.accounts.models import User
from greenlist.core import messages, outbox, selectors
from greenlist.core.actors import ANONYMOUS, Actor
from greenlist.core.models import Notification
from greenlist.core.requests import request_id
from tests import factories

MINUTE = timedelta(minutes=1)
WORDS = {"name": "海港示例精密制造有限公司", "number": "T-1"}


def notify(*people: User, at: datetime, event: str = "case.submitted:1", **options: Any) -> None:
    outbox.notify(
        recipients=[person.pk for person in people], event=event, kind="case.submitted", at=at, params=WORDS, **options
    )


def mails() -> Any:
    return Notification.objects.mails()


class Gateway(BaseEmailBackend):
    """An SMTP gateway as the tests want it: `answers` are raised one after the other, None takes the mail."""

    answers: list[Exception | None] = []
    taken: list[EmailMessage] = []
    opened = 0

    def open(self) -> bool:
        type(self).opened += 1
        return True

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.taken.extend(email_messages)
        return len(email_messages)


@pytest.fixture
def gateway(settings: Any) -> type[Gateway]:
    settings.EMAIL_BACKEND = f"{Gateway.__module__}.Gateway"
    Gateway.answers, Gateway.taken, Gateway.opened = [], [], 0
    return Gateway


# ---- writing --------------------------------------------------------------------------------------------------------
@pytest.mark.case("BG-02")
def test_an_event_is_told_once_to_each_person_by_each_channel(person: User, now: datetime) -> None:
    for minute in (3, 0, 60 * 24 * 3):
        notify(person, person, at=now + minute * MINUTE)
    assert sorted(Notification.objects.values_list("channel", flat=True)) == ["email", "portal"]
    notify(person, at=now, period="2026-11")
    assert Notification.objects.count() == 4


@pytest.mark.case("BG-05")
@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told(person: User, now: datetime) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        notify(person, at=now)
        raise RuntimeError
    assert outbox.sweep(at=now) == 0
    assert not Notification.objects.exists()


@pytest.mark.parametrize(("kind", "params"), [("no.such.kind", WORDS), ("case.submitted", {"name": "甲"})])
def test_words_that_do_not_fit_fail_at_once(person: User, now: datetime, kind: str, params: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        outbox.notify(recipients=[person.pk], event="x", kind=kind, at=now, params=params)
    assert not Notification.objects.exists()


def test_dates_and_lazy_words_become_text(person: User, now: datetime) -> None:
    from django.utils.translation import gettext_lazy as _

    params = {"name": _("owner"), "number": now.date()}
    outbox.notify(recipients=[person.pk], event="x", kind="case.submitted", at=now, params=params)
    assert mails().get().params["number"] == "2026-11-23"


# ---- sending --------------------------------------------------------------------------------------------------------
def test_a_mail_leaves_in_its_readers_language(person: User, now: datetime) -> None:
    english = factories.person("Reader", username="reader", language="en")
    token = request_id.set("req-1")
    notify(person, english, at=now, link="/cases/abc/")
    request_id.reset(token)
    assert outbox.sweep(at=now) == 2
    chinese, other = mail.outbox
    assert chinese.subject.endswith(WORDS["name"])
    assert chinese.subject.split("：")[0] != chinese.subject
    assert other.subject == f"Submitted: {WORDS['name']}"
    assert "/cases/abc/" in chinese.body
    assert chinese.extra_headers["X-Request-Id"] == "req-1"
    assert set(mails().values_list("state", flat=True)) == {"sent"}
    assert outbox.sweep(at=now) == 0


def test_a_mail_says_to_whom_from_where_and_when(person: User, now: datetime, settings: Any) -> None:
    english = factories.person("Reader", username="reader", language="en")
    params = {"title": "2026 年通知", "what": "推荐报送", "day": "2026-12-21", "reason": "核查工作量较大"}
    outbox.notify(recipients=[person.pk, english.pk], event="y", kind="call.extended", at=now, params=params)
    outbox.sweep(at=now)
    chinese, other = (message.body for message in mail.outbox)
    assert chinese.startswith(f"{person.name}，您好：")
    assert "2026年12月21日" in chinese
    assert "2026-12-21" not in chinese
    assert "21 December 2026" in other
    assert settings.PUBLIC_URL in chinese.split("—")[-1]
    assert "请勿回复" in chinese


def test_a_name_with_a_line_break_stays_in_the_subject(person: User, now: datetime) -> None:
    params = {"name": "甲\r\nBcc: everybody@example.com", "number": "1"}
    outbox.notify(recipients=[person.pk], event="x", kind="case.submitted", at=now, params=params)
    outbox.sweep(at=now)
    message = mail.outbox[0].message()
    assert "Bcc" not in message
    assert message["To"] == "one@example.com"


@pytest.mark.race
@pytest.mark.case("BG-02", "BG-12")
@pytest.mark.django_db(transaction=True)
def test_senders_at_once_send_each_mail_once(
    run_threads: Any, person: User, now: datetime, gateway: type[Gateway], rounds: int
) -> None:
    for turn in range(max(rounds // 10, 3)):
        gateway.taken.clear()
        for number in range(10):
            notify(person, at=now, event=f"e{turn}-{number}")
        sent = run_threads(4, lambda _number: outbox.sweep(at=now))
        assert sum(sent) == 10
        ids = [message.extra_headers["Message-ID"] for message in gateway.taken]
        assert len(ids) == len(set(ids)) == 10


@pytest.mark.django_db
@pytest.mark.case("BG-01", "F1")
def test_one_process_sweeps_once_at_a_time_and_forgets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked in the middle of a sweep: no second one beside it, another one after it."""
    from greenlist.core import tasks

    running: list[int] = []

    def sweep(*, at: datetime) -> int:
        running.append(1)
        if len(running) == 1:
            tasks.sweep_outbox()  # as another thread of the worker would
            assert len(running) == 1
        return 0

    monkeypatch.setattr(outbox, "sweep", sweep)
    tasks.sweep_outbox()
    assert len(running) == 2


@pytest.mark.case("BG-02")
def test_a_sender_that_died_is_taken_over_when_its_lease_is_over(person: User, now: datetime) -> None:
    notify(person, at=now)
    row = mails().get()
    claimed = outbox._claimed(row.pk, now)  # … and then the worker is killed, perhaps after the mail left
    assert claimed is not None
    first = outbox._mail(claimed)
    assert outbox.sweep(at=now + MINUTE) == 0
    assert outbox.sweep(at=now + outbox.LEASE + MINUTE) == 1
    assert mail.outbox[0].extra_headers["Message-ID"] == first.extra_headers["Message-ID"]


@pytest.mark.case("BG-09")
def test_a_gateway_that_is_away_costs_one_attempt_of_one_row(
    person: User, now: datetime, gateway: type[Gateway]
) -> None:
    for number in range(3):
        notify(person, at=now, event=f"e{number}")
    gateway.answers = [ConnectionRefusedError("no gateway")]
    assert outbox.sweep(at=now) == 0
    assert sorted(mails().values_list("attempts", flat=True)) == [0, 0, 1]
    assert outbox.sweep(at=now) == 2
    assert outbox.sweep(at=now + 2 * MINUTE) == 1


@pytest.mark.case("BG-09")
def test_retries_grow_and_end_after_a_day(person: User, now: datetime, gateway: type[Gateway]) -> None:
    notify(person, at=now)
    moment, waits = now, []
    while True:
        gateway.answers = [TimeoutError("slow")]
        outbox.sweep(at=moment)
        row = mails().get()
        if row.state == "failed":
            break
        waits.append((row.not_before - moment) / MINUTE)
        moment = row.not_before
    assert [round(wait / base, 1) for wait, base in zip(waits, outbox.RETRIES, strict=True)] == pytest.approx(
        [round(1 + row.pk % 10 / 50, 1)] * len(outbox.RETRIES), abs=0.1
    )
    assert moment - now > timedelta(days=1)
    assert outbox.sweep(at=moment + timedelta(days=9)) == 0


@pytest.mark.case("BG-09")
def test_one_refused_address_does_not_hold_the_others(person: User, now: datetime, gateway: type[Gateway]) -> None:
    other = factories.person("另一人", email="other@example.com")
    notify(person, other, at=now)
    gateway.answers = [smtplib.SMTPRecipientsRefused({"one@example.com": (550, b"no such user")})]
    assert outbox.sweep(at=now) == 1
    assert [message.to for message in gateway.taken] == [["other@example.com"]]
    row = mails().get(recipient=person)
    assert (row.state, row.failure) == ("failed", "550 no such user")
    gateway.answers = [smtplib.SMTPRecipientsRefused({"other@example.com": (450, b"later")})]
    notify(other, at=now, event="second")
    outbox.sweep(at=now)
    assert mails().get(event="second").state == "new"


@pytest.mark.case("BG-10")
def test_a_row_that_cannot_become_a_mail_does_not_hold_the_others(person: User, now: datetime) -> None:
    notify(person, at=now, event="poison")
    notify(person, at=now, event="good")
    mails().filter(event="poison").update(params={})
    assert outbox.sweep(at=now) == 1
    assert mails().get(event="poison").state == "failed"
    assert len(mail.outbox) == 1


@pytest.mark.case("BG-08")
def test_nobody_is_written_to_who_cannot_use_it(person: User, now: datetime) -> None:
    closed = factories.person("停用", is_active=False)
    silent = factories.person("无邮箱", email="")
    notify(person, closed, silent, at=now)
    notify(person, at=now, event="reminder", period="d3")
    assert outbox.withdraw(event="reminder", period="d3") == 1
    assert outbox.sweep(at=now) == 1
    states = dict(mails().values_list("recipient__name", "state").filter(event="case.submitted:1"))
    assert states == {"测试一号": "sent", "停用": "dropped", "无邮箱": "dropped"}
    assert mails().get(event="reminder").state == "dropped"


# ---- looking --------------------------------------------------------------------------------------------------------
def test_outbox_status_tells_what_waits_and_what_failed(
    person: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlist.core.clock.now", lambda: now + 20 * MINUTE)
    out = StringIO()
    call_command("outbox_status", "--late-after", "15", stdout=out)
    notify(person, at=now)
    call_command("outbox_status", stdout=out)
    assert "new: 1" in out.getvalue()
    assert "oldest due for 1200 s" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("outbox_status", "--late-after", "15", "--json", stdout=out)
    call_command("outbox_status", "--late-after", "25", stdout=out)
    mails().update(state="failed", failure="550")
    with pytest.raises(CommandError):
        call_command("outbox_status", "--late-after", "25", stdout=out)


# ---- the inbox ------------------------------------------------------------------------------------------------------
def test_the_inbox_is_read_page_by_page_newest_first(actor: Actor, person: User, now: datetime) -> None:
    stranger = factories.person("别人")
    for number in range(7):
        notify(person, at=now + (number // 2) * MINUTE, event=f"e{number}", link=f"/{number}")
    notify(stranger, at=now, event="theirs")
    seen: list[str] = []
    cursor = ""
    while True:
        page = selectors.inbox(actor, cursor=cursor, limit=3)
        seen += [message.link for message in page.messages]
        cursor = page.older
        if not cursor:
            break
    assert seen == ["/6", "/5", "/4", "/3", "/2", "/1", "/0"]
    assert [message.link for message in selectors.inbox(actor, cursor="nonsense_x").messages][:2] == ["/6", "/5"]
    assert len(selectors.inbox(actor, cursor=f"{10**30}_1").messages) == 7


@pytest.mark.parametrize("rows", [3, 30])
def test_a_page_of_the_inbox_is_one_query(
    actor: Actor, person: User, now: datetime, rows: int, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        notify(person, at=now, event=f"e{number}")
    with django_assert_num_queries(1):
        selectors.inbox(actor)
    with django_assert_num_queries(1):
        assert selectors.unread_count(actor) == rows
    with django_assert_num_queries(0):
        assert selectors.unread_count(ANONYMOUS) == 0


@pytest.mark.authz
def test_only_ones_own_messages_are_marked_read(actor: Actor, person: User, now: datetime) -> None:
    stranger = factories.person("别人")
    notify(person, stranger, at=now)
    ids = list(Notification.objects.filter(channel="portal").values_list("pk", flat=True))
    assert outbox.mark_read(actor=actor, ids=ids, at=now) == 1
    assert selectors.unread_count(actor) == 0
    assert Notification.objects.get(channel="portal", recipient=stranger).read_at is None
    assert selectors.inbox(actor).messages[0].is_read
    notify(person, at=now, event="second")
    assert outbox.mark_read(actor=actor, at=now) == 1
    assert outbox.mark_read(actor=ANONYMOUS, at=now) == 0


# ---- words ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", messages.KINDS)
def test_every_kind_has_chinese_words_with_the_same_places(kind: str) -> None:
    class Noted(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = f"‹{key}›"
            return self[key]

    for say in (messages.subject_of, messages.body_of):
        asked, answered = Noted(), Noted()
        english, chinese = say(kind, asked, "en"), say(kind, answered, "zh-hans")
        assert set(asked) == set(answered)
        assert english != chinese, f"not translated: {english}"

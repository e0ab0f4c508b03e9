"""A row that cannot be worked on, whatever the reason, never keeps a periodic task from the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from greenlist.core import rounds

pytestmark = pytest.mark.case("BG-10")


def test_the_others_are_done_and_the_failure_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def work(key: int) -> int:
        if key == 2:
            raise ZeroDivisionError
        return key

    assert rounds.each([1, 2, 3], work) == 4
    (told,) = caplog.records
    assert told.levelname == "ERROR"
    assert "row 2" in told.getMessage()


@pytest.mark.django_db
def test_one_broken_notice_does_not_keep_the_others_open(
    world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from registry.models import Notice
    from registry.services import notices
    from tests.applications import county
    from tests.registry import stage
    from tests.reviews import stage as reviews

    county.load_rules()
    call = county.open_call(world)
    broken = stage.running(world, call, reviews.several(world, call, 1))
    well = stage.running(world, call, reviews.several(world, call, 1, start=6500))
    real = notices.clear

    def clear(item: Any, **given: Any) -> None:
        if item.notice_id == broken.pk:
            raise RuntimeError("a row that nobody foresaw")
        real(item, **given)

    monkeypatch.setattr(notices, "clear", clear)
    assert notices.close_due(at=stage.after(well)) == 1
    assert [notice.state for notice in Notice.objects.order_by("pk")] == ["running", "closed"]
    monkeypatch.setattr(notices, "clear", real)
    assert notices.close_due(at=stage.after(well)) == 1
    assert "RuntimeError" in caplog.text


@pytest.mark.django_db
def test_one_broken_call_does_not_silence_the_reminders_of_the_others(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from applications.models import Call
    from applications.services import deadlines as sources
    from greenlist.core import deadlines
    from greenlist.core.models import Notification
    from tests.applications import county

    county.load_rules()
    first = county.open_call(world)
    second = county.open_call(world, "shijiazhuang")
    Call.objects.filter(pk=second.pk).update(opened_at=county.START)
    county.case(world, first)
    real = sources.selectors.rules_of

    def rules_of(call: Call) -> Any:
        if call.pk == second.pk:
            raise ValueError("rules that cannot be read")
        return real(call)

    monkeypatch.setattr(sources.selectors, "rules_of", rules_of)
    deadlines.remind(at=datetime.fromisoformat("2026-05-30T09:00:00+08:00"))
    assert Notification.objects.filter(kind="deadline.near").exists()


@pytest.mark.django_db
def test_one_address_that_cannot_be_written_to_does_not_hold_the_resets(
    world: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenlist.accounts import services
    from greenlist.accounts.services import passwords
    from greenlist.core.actors import ANONYMOUS

    for who in ("applicant", "rival"):
        services.request_reset(email=world.user(who).email, actor=ANONYMOUS, at=now)
    real = passwords.reset_mail

    def reset_mail(user: Any) -> Any:
        if user == world.user("applicant"):
            raise ValueError("Header values may not contain line breaks")
        return real(user)

    monkeypatch.setattr(passwords, "reset_mail", reset_mail)
    assert services.send_due_resets(at=now) == 1
    assert [message.to for message in mail.outbox] == [[world.user("rival").email]]
    monkeypatch.setattr(passwords, "reset_mail", real)
    assert services.send_due_resets(at=now + timedelta(minutes=30)) == 1

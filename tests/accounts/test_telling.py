"""The pages of messages and of the calendar address; the address itself."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from greenlist.accounts import services
from greenlist.accounts.models import CalendarFeed, Mandate
from greenlist.core import deadlines
from greenlist.core.errors import NotVisible
from greenlist.core.models import AuditEntry
from tests.applications import county
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-05-20T10:00:00+08:00")


@pytest.fixture
def case(world: World) -> Any:
    county.load_rules()
    return county.case(world, county.open_call(world))


def lines(response: Any) -> list[str]:
    return response.content.replace(b"\r\n ", b"").decode().split("\r\n")


def made(world: World, who: str, at: datetime = AT) -> str:
    return services.make_feed(actor=world.actor(who), at=at).secret


def test_one_chooses_how_one_hears_of_things(world: World, settings: Any) -> None:
    client, address = world.client("applicant"), reverse("accounts:messages")
    page = client.get(address).content.decode()
    assert "短信" not in page  # no gateway, no offer
    assert client.post(address, {"mails": "on", "digest": "on"}).status_code == 302
    user = world.user("applicant")
    user.refresh_from_db()
    assert (user.mails, user.digest, user.texts) == (True, True, False)
    settings.SMS_SENDER = "greenlist.core.sms.Console"
    type(user).objects.filter(pk=user.pk).update(phone="")
    refused = client.post(address, {"mails": "on", "texts": "on"})
    assert refused.status_code in (400, 422)
    assert "请先在" in refused.content.decode()
    type(user).objects.filter(pk=user.pk).update(phone="13800000000")
    user.refresh_from_db()
    user.phone = "13800000000"
    user.save(update_fields=["phone"])
    assert client.post(address, {"texts": "on", "digest": "on"}).status_code == 302
    user.refresh_from_db()
    assert (user.mails, user.digest, user.texts) == (False, False, True)  # without mails there is none a day
    chosen = AuditEntry.objects.filter(action="account.messages_chosen")
    assert chosen.count() == 2
    client.post(address, {"texts": "on"})
    assert chosen.count() == 2, "nothing changed, nothing recorded"


def test_the_address_is_shown_once_and_only_its_digest_is_kept(world: World) -> None:
    client, address = world.client("county_handler"), reverse("accounts:calendar")
    page = client.post(address).content.decode()
    secret = re.findall(r"/calendar/([\w-]{43})\.ics", page)[0]
    row = CalendarFeed.objects.get()
    assert secret not in str(vars(row))
    assert secret not in client.get(address).content.decode()
    assert client.get(reverse("portal:feed", args=[secret])).status_code == 200
    client.post(address)  # another: the first opens nothing any more
    assert client.get(reverse("portal:feed", args=[secret])).status_code == 404
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1


@pytest.mark.clause("QHD-N4b")
def test_the_calendar_holds_what_the_work_list_shows(world: World, case: Any) -> None:
    with time_machine.travel(AT, tick=False):
        secret = made(world, "county_handler")
        response = world.client("anonymous").get(reverse("portal:feed", args=[secret]))
        page = world.client("county_handler").get(reverse("portal:work")).content.decode()
        owed = deadlines.of(world.actor("county_handler"), AT.date())
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert (
        "no-referrer" in response.get("Referrer-Policy", "no-referrer") or "same-origin" in response["Referrer-Policy"]
    )
    found = lines(response)
    (uid,) = [line for line in found if line.startswith("UID:")]
    assert uid == f"UID:deadline:{case.call_id}:send:{case.desk_id}@127.0.0.1"
    assert "DTSTART;VALUE=DATE:20260531" in found
    assert [(one.last_day, one.clause) for one in owed] == [(date(2026, 5, 31), "QHD-N4b")]
    assert "截止日期" in page
    assert owed[0].what in page
    assert "QHD-N4b" in page
    with time_machine.travel(AT + timedelta(days=20), tick=False):  # June: late, and in another colour
        page = world.client("county_handler").get(reverse("portal:work")).content.decode()
        assert "deadline--late" in page


@pytest.mark.authz
def test_an_address_opens_its_own_role_while_it_is_held(world: World, case: Any) -> None:
    client = world.client("anonymous")
    with time_machine.travel(AT, tick=False):
        mine, others = made(world, "county_handler"), made(world, "other_county_handler")
        assert "UID:" in client.get(reverse("portal:feed", args=[mine])).content.decode()
        assert "UID:" not in client.get(reverse("portal:feed", args=[others])).content.decode()
        assert client.get(reverse("portal:feed", args=["x" * 43])).status_code == 404
        mandate = Mandate.objects.get(user=world.user("county_handler"), role="handler")
        Mandate.objects.filter(pk=mandate.pk).update(valid_until=AT.date() - timedelta(days=1))
        assert client.get(reverse("portal:feed", args=[mine])).status_code == 404
        Mandate.objects.filter(pk=mandate.pk).update(valid_until=None)
        assert client.get(reverse("portal:feed", args=[mine])).status_code == 200
        world.user("county_handler").__class__.objects.filter(pk=world.user("county_handler").pk).update(
            is_active=False
        )
        assert client.get(reverse("portal:feed", args=[mine])).status_code == 404


@pytest.mark.authz
def test_only_its_owner_revokes_an_address(world: World) -> None:
    secret = made(world, "applicant")
    row = CalendarFeed.objects.get()
    with pytest.raises(NotVisible):
        services.revoke_feed(actor=world.actor("rival"), feed_id=row.pk, at=AT)
    for _ in range(2):
        services.revoke_feed(actor=world.actor("applicant"), feed_id=row.pk, at=AT)
    assert AuditEntry.objects.filter(action="feed.revoked").count() == 1
    with pytest.raises(NotVisible):
        services.open_feed(secret=secret, at=AT)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_addresses_made_at_once_leave_one_open(race_world: World, run_threads: Any) -> None:
    actor = race_world.actor("applicant")
    run_threads(4, lambda _number: services.make_feed(actor=actor, at=AT))
    assert CalendarFeed.objects.count() == 4
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1

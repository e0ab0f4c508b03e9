"""Sessions: idle, old, ended by somebody, one at a time for officers; new devices; the page where one ends them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from greenlist.accounts import services
from greenlist.accounts.models import Device, Mandate, SignIn, User
from greenlist.accounts.tasks import forget_sign_ins
from greenlist.core import outbox
from greenlist.core.errors import NotVisible
from greenlist.core.models import AuditEntry, Notification
from tests import factories
from tests.accounts.factor import give_password, is_in
from tests.factories import PASSWORD
from tests.world import World

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
TELEPHONE = "Mozilla/5.0 (Linux; Android 15; HarmonyOS) AppleWebKit/537.36 Chrome/114.0 MicroMessenger/8.0"


@pytest.fixture(autouse=True)
def _rules(settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_IDLE_MINUTES_OFFICERS, settings.SESSION_HOURS = 30, 15, 12
    settings.SESSION_COOKIE_AGE = 7 * 24 * 3600  # the cookie is not what ends it


@pytest.fixture
def clock(now: datetime) -> Iterator[Any]:
    with time_machine.travel(now, tick=False) as moving:
        yield moving


def person(world: World, character: str) -> User:
    user = world.user(character)
    if not user.has_usable_password():
        user.set_password(PASSWORD)
        user.save()
    return user


def browser(world: World, character: str, agent: str = CHROME) -> Client:
    client = Client(headers={"User-Agent": agent})
    give_password(client, person(world, character).username)
    return client


# ---- time ------------------------------------------------------------------------------------------------------------
@pytest.mark.case("AU-08")
@pytest.mark.parametrize(
    ("who", "minutes"),
    [("county_handler", 15), ("ecology", 15), ("security_administrator", 15), ("applicant", 30), ("expert", 30)],
)
def test_who_does_nothing_is_signed_out(world: World, clock: Any, who: str, minutes: int) -> None:
    client = browser(world, who)
    for _round in range(3):  # a sign of life before the time is over begins it anew
        clock.shift(timedelta(minutes=minutes - 1))
        assert is_in(client)
    clock.shift(timedelta(minutes=minutes + 1))
    answer = client.get("/work/")
    assert answer.headers["Location"] == "/account/login/?next=/work/"
    assert "因长时间未操作，您已被退出" in client.get("/account/login/").content.decode()
    assert "您已被退出" not in client.get("/account/login/").content.decode()  # said once
    assert not is_in(client)
    row = SignIn.objects.get(user=world.user(who))
    assert (row.end, row.ended_at) == ("idle", SignIn.objects.get(pk=row.pk).ended_at)
    assert AuditEntry.objects.get(action="account.session_ended").payload.data["end"] == "idle"


@pytest.mark.case("AU-08")
def test_autosave_and_polls_keep_nothing_alive(world: World, clock: Any) -> None:
    client = browser(world, "county_handler")
    statuses = []
    for _each in range(50):  # every twenty seconds, for almost seventeen minutes
        clock.shift(timedelta(seconds=20))
        answer = client.get("/account/", headers={"X-Requested-With": "autosave"})
        statuses.append(answer.status_code)
    assert statuses[:44] == [200] * 44
    assert statuses[-1] == 302
    assert not is_in(client)


@pytest.mark.case("AU-08", "AC-07")
def test_a_word_from_who_types_keeps_it(world: World, clock: Any) -> None:
    client = browser(world, "county_handler")
    for _each in range(4):
        clock.shift(timedelta(minutes=10))
        answer = client.post("/account/stay/")
        assert answer.json() == {"seconds": 15 * 60}
    page = client.get("/work/").content.decode()
    assert 'data-idle-seconds="900"' in page
    assert 'data-keepalive="/account/stay/"' in page
    assert 'data-login="/account/login/?over=1&amp;next=%2Fwork%2F"' in page
    clock.shift(timedelta(minutes=9))
    asked = client.get("/account/stay/", headers={"X-Requested-With": "poll"})
    assert asked.json() == {"seconds": 6 * 60}  # asking is no sign of life
    assert client.get("/account/login/?over=1&next=/work/").headers["Location"] == "/work/"  # too early to be believed
    clock.shift(timedelta(minutes=8))
    assert client.post("/account/stay/").status_code == 302
    assert not is_in(client)


@pytest.mark.case("AU-08")
def test_after_twelve_hours_one_signs_in_anew(world: World, clock: Any) -> None:
    client = browser(world, "applicant")
    for _each in range(35):
        clock.shift(timedelta(minutes=20))
        assert is_in(client)
    assert client.post("/account/stay/").json() == {"seconds": 20 * 60}  # what is left, not half an hour
    clock.shift(timedelta(minutes=21))
    assert not is_in(client)
    assert "最长登录时间" in client.get("/account/login/").content.decode()


@pytest.mark.case("AU-08")
def test_a_session_that_names_no_sign_in_is_under_the_rules_too(world: World, clock: Any) -> None:
    client = Client()
    client.force_login(world.user("county_handler"), backend="django.contrib.auth.backends.ModelBackend")
    assert is_in(client)
    assert SignIn.objects.filter(user=world.user("county_handler")).count() == 1
    clock.shift(timedelta(minutes=17))
    assert not is_in(client)


def test_a_request_costs_one_query_and_a_write_a_minute(
    world: World, clock: Any, now: datetime, django_assert_num_queries: Any
) -> None:
    client = browser(world, "applicant")
    row = SignIn.objects.get()
    asked = {"sign_in_id": row.pk, "user_id": row.user_id, "alive": True, "actor": world.actor("applicant")}
    with django_assert_num_queries(1):
        services.continue_session(**asked, at=now + timedelta(seconds=59))
    with django_assert_num_queries(2):
        services.continue_session(**asked, at=now + timedelta(seconds=60))
    assert is_in(client)


# ---- ended by somebody -----------------------------------------------------------------------------------------------
@pytest.mark.case("AU-07")
@pytest.mark.parametrize(
    ("who", "alone"),
    [
        ("county_handler", True),
        ("city_approver", True),
        ("supervisor", True),
        ("administrator", True),
        ("applicant", False),
        ("expert", False),
    ],
)
def test_a_second_sign_in_of_an_officer_ends_the_first(world: World, clock: Any, who: str, alone: bool) -> None:
    first, second = browser(world, who), browser(world, who, TELEPHONE)
    assert is_in(first) is not alone
    assert is_in(second)
    entries = AuditEntry.objects.filter(subject_kind="user", subject_id=str(world.user(who).pk))
    assert entries.filter(action="account.signed_in").count() == 2
    ended = entries.filter(action="account.session_ended")
    assert ended.count() == int(alone)
    if alone:
        assert ended.get().payload.data["end"] == "elsewhere"
        assert "账号已在别处登录" in first.get("/account/login/").content.decode()


def _end_mandate(world: World, now: datetime) -> None:
    row = world.mandates["county_handler"]
    services.end_mandate(mandate_id=row.pk, reason="调离", actor=world.actor("security_administrator"), at=now)


def _move(world: World, now: datetime) -> None:
    _end_mandate(world, now)
    _give(world, now)


def _give(world: World, now: datetime) -> None:
    user, office = world.user("county_handler"), world.authorities["130322"]
    fresh = Mandate(user=user, role="handler", authority=office, valid_from=factories.LONG_AGO)
    services.grant_mandate(mandate=fresh, actor=world.actor("security_administrator"), at=now)


def _change(world: World, now: datetime) -> None:
    row = Mandate.objects.get(pk=world.mandates["county_handler"].pk)
    row.list_kind = "park"
    services.change_mandate(mandate=row, actor=world.actor("security_administrator"), at=now)


def _close(world: World, now: datetime) -> None:
    user = world.user("county_handler")
    security = world.actor("security_administrator")
    services.set_active(user_id=user.pk, active=False, reason="离职", actor=security, at=now)


def _password(world: World, now: datetime) -> None:
    user, actor = world.user("county_handler"), world.actor("county_handler")
    new = "Shan-qing-shui-xiu-9"
    services.change_password(user_id=user.pk, current=PASSWORD, password=new, actor=actor, at=now)


@pytest.mark.case("AU-07")
@pytest.mark.parametrize("change", [_end_mandate, _move, _give, _change, _close, _password])
def test_any_change_of_role_account_or_password_ends_all_sessions(
    world: World, now: datetime, clock: Any, change: Any
) -> None:
    person(world, "county_handler")
    clients = [world.client("county_handler"), world.client("county_handler")]
    bystander = world.client("city_handler")
    assert all(is_in(client) for client in (*clients, bystander))
    change(world, now)
    for client in clients:
        assert client.get("/work/").headers["Location"].startswith("/account/login/")
        assert not is_in(client)
    assert is_in(bystander)
    rows = SignIn.objects.filter(user=world.user("county_handler"))
    assert {row.end for row in rows} == {"changed"}


@pytest.mark.case("AU-07")
def test_changing_ones_password_keeps_the_session_one_is_in(world: World, clock: Any) -> None:
    here, there = browser(world, "applicant"), browser(world, "applicant", TELEPHONE)
    new = "shan-qing-shui-xiu-9"
    assert here.post("/account/password/", {"current": PASSWORD, "password": new, "again": new}).status_code == 302
    assert is_in(here)
    assert not is_in(there)
    assert Notification.objects.filter(kind="account.password_changed", channel="email").count() == 1


# ---- devices ---------------------------------------------------------------------------------------------------------
def test_a_new_device_is_told_by_message_and_mail(world: World, clock: Any, now: datetime) -> None:
    user = person(world, "applicant")
    home = browser(world, "applicant")
    told = Notification.objects.filter(recipient=user, kind="account.new_device")
    assert not told.exists()  # the first of all is no news
    cookie = home.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    home.post("/account/logout/")
    give_password(home, user.username)
    assert not told.exists()  # known again by its cookie
    browser(world, "applicant", TELEPHONE)
    assert {row.channel for row in told} == {"portal", "email"}
    outbox.sweep(at=now)
    (message,) = [one for one in mail.outbox if "新设备" in one.subject]
    assert "WeChat · HarmonyOS" in message.body
    assert "127.0.0.1" in message.body
    assert Device.objects.filter(user=user).count() == 2
    forged = Client()
    forged.cookies["device"] = "x" * 5000
    give_password(forged, user.username)
    assert len(forged.cookies["device"].value) == 43


# ---- the page --------------------------------------------------------------------------------------------------------
def test_one_sees_ones_sessions_and_ends_others(world: World, clock: Any) -> None:
    here, there, third = (browser(world, "applicant", agent) for agent in (CHROME, TELEPHONE, CHROME))
    page = here.get("/account/sessions/").content.decode()
    assert page.count("Chrome · Windows") >= 2
    assert "WeChat · HarmonyOS" in page
    assert page.count("本设备") == 1
    named = SignIn.objects.get(agent="WeChat · HarmonyOS")
    assert here.post("/account/sessions/end/", {"sign_in": named.pk}).status_code == 302
    assert not is_in(there)
    assert "其他设备上被结束" in there.get("/account/login/").content.decode()
    assert is_in(third)
    here.post("/account/sessions/end/")
    assert not is_in(third)
    assert is_in(here)
    assert "从其他设备结束" in here.get("/account/sessions/").content.decode()


@pytest.mark.authz
def test_nobody_ends_anybody_elses_session(world: World, now: datetime, clock: Any) -> None:
    mine, theirs = browser(world, "applicant"), browser(world, "rival")
    row = SignIn.objects.get(user=world.user("rival"))
    assert mine.post("/account/sessions/end/", {"sign_in": row.pk}).status_code == 404
    for character in ("applicant", "security_administrator", "anonymous"):
        with pytest.raises(NotVisible):
            services.end_own_session(sign_in_id=row.pk, actor=world.actor(character), at=now)
    assert is_in(theirs)
    services.end_own_session(sign_in_id=row.pk, actor=world.actor("rival"), at=now)
    assert not is_in(theirs)


def test_signing_out_ends_the_row(world: World, clock: Any) -> None:
    client = browser(world, "applicant")
    client.post("/account/logout/")
    assert SignIn.objects.get().end == "out"
    give_password(client, world.user("applicant").username)
    give_password(client, person(world, "rival").username)  # somebody else signs in over it
    assert [row.end for row in SignIn.objects.order_by("pk")] == ["out", "out", ""]


def test_old_sign_ins_and_browsers_are_forgotten(world: World, clock: Any, now: datetime, settings: Any) -> None:
    browser(world, "applicant")
    browser(world, "rival")
    days = settings.SIGN_INS_KEPT_DAYS
    SignIn.objects.filter(user=world.user("rival")).update(seen_at=now + timedelta(days=2))
    Device.objects.filter(user=world.user("rival")).update(last_at=now + timedelta(days=2))
    assert services.forget_sign_ins(at=now + timedelta(days=days)) == 0
    forget_sign_ins.apply()  # today: nothing is old
    assert services.forget_sign_ins(at=now + timedelta(days=days + 1)) == 2
    assert SignIn.objects.get().user == world.user("rival")
    assert Device.objects.get().user == world.user("rival")
    assert AuditEntry.objects.filter(action="account.signed_in").count() == 2


@pytest.mark.case("AU-09")
def test_over_tls_every_cookie_is_bound_to_the_host(world: World, settings: Any) -> None:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME", "DEVICE_COOKIE_NAME")
    for name in names:
        setattr(settings, name, "__Host-" + getattr(settings, name))
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client = Client()
    page = client.get("/account/login/", secure=True)
    assert page.status_code == 200
    data = {"username": person(world, "applicant").username, "password": PASSWORD}
    answer = client.post("/account/login/", data, secure=True)
    assert {"__Host-sessionid", "__Host-device", "__Host-django_language"} <= set(answer.cookies)
    for name, cookie in answer.cookies.items():
        assert name.startswith("__Host-"), name
        assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", True), name
        assert cookie["samesite"] == "Lax", name


# ---- and back again --------------------------------------------------------------------------------------------------
@pytest.mark.case("AC-07")
def test_what_a_form_sent_too_late_leads_back_to_the_form(db: None) -> None:
    form = "http://testserver/cases/abc/review/?tab=1"
    led = Client().post("/cases/abc/review/sign/", headers={"Referer": form})
    assert led.headers["Location"] == f"{reverse('accounts:login')}?next=/cases/abc/review/%3Ftab%3D1"
    for elsewhere in ("", "https://elsewhere.example/cases/"):
        led = Client().post("/cases/abc/review/sign/", headers={"Referer": elsewhere} if elsewhere else {})
        assert led.headers["Location"] == f"{reverse('accounts:login')}?next=/work/"
    seen = Client().get("/cases/abc/")
    assert seen.headers["Location"] == f"{reverse('accounts:login')}?next=/cases/abc/"

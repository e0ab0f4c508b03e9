"""The second factor: required of whom, each code once, wrong ones counted, recovery codes, and how it is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse

from greenlist.accounts import services
from greenlist.accounts.models import RecoveryCode, SecondFactor, SignIn, User
from greenlist.core import outbox
from greenlist.core.errors import Invalid, NotAllowed, WrongState
from greenlist.core.models import AuditEntry, Notification
from tests import factories
from tests.accounts.factor import App, give_code, give_password, is_in, itself, set_up
from tests.authz import matrix, stage
from tests.factories import PASSWORD
from tests.world import World

ENROLMENT = "/account/second-factor/"
OPEN = {"livez", "readyz", "set_language", "accounts:login", "accounts:login_code", "accounts:logout"}


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.SECOND_FACTOR = True


@pytest.fixture
def person(db: None) -> User:
    return factories.person("张测试", username="zhang", password=PASSWORD)


@pytest.fixture
def app(person: User, now: datetime) -> App:
    return set_up(person, now)


@pytest.fixture
def clock(now: datetime) -> Iterator[Any]:
    with time_machine.travel(now, tick=False) as moving:
        yield moving


def take(user: User, code: str, at: datetime) -> None:
    services.take_code(user_id=user.pk, code=code, actor=itself(user), at=at)


# ---- of whom it is required ------------------------------------------------------------------------------------------
@pytest.mark.case("AU-03")
@pytest.mark.authz
@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", ["county_handler", "expert", "administrator"])
def test_without_it_every_address_leads_to_the_enrolment(who: str, world: World) -> None:
    with time_machine.travel(stage.NOW, tick=False):
        objects = stage.objects(world)
        client = world.client(who)
        wrong, walked = [], 0
        for row in matrix.ROWS:
            if row.name in OPEN | {"accounts:second_factor", "accounts:stay"}:
                continue
            path = reverse(row.name, args=objects[row.key])
            for method in row.methods:
                answer = client.get(path) if method == "GET" else client.post(path, {"csrfmiddlewaretoken": "x"})
                led = answer.status_code == 302 and answer["Location"] == ENROLMENT
                walked += 1
                program = path.startswith("/api/v") or method == "POST"
                if not (answer.status_code == 403 if program else led):
                    wrong.append(f"{row.name} {method}: {answer.status_code}")
        assert wrong == []
        assert walked > 100
        assert client.get(ENROLMENT).status_code == 200
        assert client.get("/admin/accounts/user/").headers["Location"] == ENROLMENT
        SignIn.objects.update(verified_at=stage.NOW)  # the same person with it
        assert client.get("/account/").status_code == 200
        assert client.get("/admin/").status_code == (200 if who == "administrator" else 302)


@pytest.mark.case("AU-03")
@pytest.mark.authz
def test_programs_and_scripts_are_told_the_reason(world: World) -> None:
    client = world.client("county_handler")
    for path, headers in (
        ("/api/v1/cases/", {}),
        ("/work/", {"Accept": "application/json"}),
        ("/work/", {"X-Requested-With": "autosave"}),
    ):
        answer = client.get(path, headers={"Accept": "application/json", **headers})
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "second_factor_required"
    SignIn.objects.update(verified_at="2026-11-23T01:30:00Z")
    assert client.get("/work/").status_code == 200


@pytest.mark.case("AU-03")
def test_firms_may_do_without(world: World) -> None:
    assert world.client("applicant").get("/work/").status_code == 200
    assert world.client("applicant").get(ENROLMENT).status_code == 200


@pytest.mark.case("AU-03")
def test_switched_off_nobody_is_asked_and_the_pages_say_so(settings: Any, person: User, app: App, clock: Any) -> None:
    settings.SECOND_FACTOR = False
    client = Client()
    assert "本系统已关闭双因素认证" in client.get("/account/login/").content.decode()
    assert give_password(client, "zhang") == reverse("portal:work")
    assert is_in(client)
    for page in ("/account/", ENROLMENT):
        assert "本系统已关闭双因素认证" in client.get(page).content.decode()
    settings.SECOND_FACTOR = True
    assert "本系统已关闭双因素认证" not in Client().get("/account/login/").content.decode()


# ---- setting up ------------------------------------------------------------------------------------------------------
def enrolment(client: Client) -> tuple[str, App, str]:
    """Ticket, app and page of a fresh enrolment."""
    answer = client.get(ENROLMENT)
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    page = answer.content.decode()
    return answer.context["form"]["ticket"].value(), App(answer.context["key"].replace(" ", ""), []), page


@pytest.mark.case("AU-03", "PR-03")
def test_an_official_sets_it_up_with_picture_or_key(world: World, now: datetime, clock: Any) -> None:
    user = world.user("county_handler")
    user.set_password(PASSWORD)
    user.save()
    client, other = Client(), world.client("county_handler")
    assert give_password(client, user.username) == reverse("portal:work")
    assert client.get("/work/").headers["Location"] == ENROLMENT
    ticket, app, page = enrolment(client)
    assert 'src="data:image/svg+xml' in page
    assert app.seed[:4] in page
    assert not SecondFactor.objects.exists()  # looking stores nothing
    data = {"ticket": ticket, "code": app.code(now), "current": PASSWORD}
    for wrong in ({"code": "000000"}, {"current": "nonsense"}):
        refused = client.post(ENROLMENT, data | wrong)
        assert refused.status_code == 422
        assert refused.context["key"].replace(" ", "") == app.seed  # the same key again: it is in the app already
    shown = client.post(ENROLMENT, data)
    codes = shown.context["codes"]
    assert shown.status_code == 200
    assert len(set(codes)) == 10
    assert "no-store" in shown.headers["Cache-Control"]
    assert client.get("/work/").status_code == 200  # in, without signing in again
    assert not is_in(other)  # every other session is over
    assert codes[0] not in client.get(ENROLMENT).content.decode()
    assert client.post(ENROLMENT, data).status_code == 422  # the codes are shown once
    dumped = dump()
    for secret in (app.seed, *codes, *(one.replace("-", "") for one in codes)):
        assert secret not in dumped
    assert Notification.objects.filter(recipient=user, kind="account.second_factor_on").count() == 2


def dump() -> str:
    """Everything that the database holds, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [str(value) for row in cursor.fetchall() for value in row]
    assert len(found) > 1000
    return "\n".join(found)


def test_a_ticket_is_for_one_person_and_one_hour(person: User, now: datetime) -> None:
    ticket = services.new_ticket(user_id=person.pk, at=now)
    assert services.seed_of(ticket, user_id=person.pk, at=now + timedelta(minutes=59))
    other = factories.person()
    for user, at in ((other, now), (person, now + timedelta(minutes=61)), (person, now - timedelta(minutes=1))):
        with pytest.raises(WrongState):
            services.seed_of(ticket, user_id=user.pk, at=at)
    with pytest.raises(WrongState):
        services.seed_of("nonsense", user_id=person.pk, at=now)


def test_a_stale_ticket_leads_to_a_fresh_page(person: User, clock: Any, now: datetime) -> None:
    client = Client()
    give_password(client, "zhang")
    ticket, app, _page = enrolment(client)
    clock.shift(timedelta(minutes=61))
    data = {"ticket": ticket, "code": app.code(now), "current": PASSWORD}
    answer = client.post(ENROLMENT, data)
    assert answer.status_code in (302, 409)
    assert not SecondFactor.objects.exists()


# ---- signing in ------------------------------------------------------------------------------------------------------
@pytest.mark.case("AU-03", "AU-09")
def test_the_password_alone_signs_nobody_in(person: User, app: App, clock: Any, now: datetime) -> None:
    client = Client()
    client.get("/account/login/")
    assert give_password(client, "zhang") == "/account/login/code/"
    pending = client.session.session_key
    assert not is_in(client)
    assert client.get("/work/").headers["Location"].startswith("/account/login/")
    assert give_code(client, "000000") == 422
    assert not is_in(client)
    assert give_code(client, f" {app.code(now)[:3]} {app.code(now)[3:]} ") == 302  # pasted with blanks
    assert is_in(client)
    assert client.session.session_key != pending
    signed_in = AuditEntry.objects.get(action="account.signed_in")
    assert signed_in.payload.data["second_factor"] is True


def test_the_code_page_needs_a_password_given_just_before(person: User, app: App, clock: Any, now: datetime) -> None:
    assert Client().get("/account/login/code/").headers["Location"] == "/account/login/"
    late, changed = Client(), Client()
    give_password(late, "zhang")
    clock.shift(timedelta(minutes=6))
    assert late.post("/account/login/code/", {"code": app.code(now, 12)}).headers["Location"] == "/account/login/"
    give_password(changed, "zhang")
    person.set_password("shan-qing-shui-xiu-9")
    person.save()
    assert changed.get("/account/login/code/").headers["Location"] == "/account/login/"


def test_one_keeps_the_page_one_wanted(person: User, app: App, clock: Any, now: datetime) -> None:
    client = Client()
    client.post("/account/login/", {"username": "zhang", "password": PASSWORD, "next": "/inbox/"})
    answer = client.post("/account/login/code/", {"code": app.code(now)})
    assert answer.headers["Location"] == "/inbox/"


def test_sessions_from_before_the_switch_sign_in_again(settings: Any, person: User, clock: Any, now: datetime) -> None:
    factories.mandate(person, "expert")
    set_up(person, now)
    settings.SECOND_FACTOR = False
    client = Client()
    give_password(client, "zhang")
    settings.SECOND_FACTOR = True
    assert client.get("/work/").headers["Location"] == ENROLMENT
    assert client.get(ENROLMENT).headers["Location"].startswith("/account/login/")
    assert not is_in(client)


# ---- codes -----------------------------------------------------------------------------------------------------------
@pytest.mark.case("AU-04")
def test_a_code_counts_once_and_never_after_a_later_one(person: User, app: App, now: datetime) -> None:
    take(person, app.code(now), now)
    for code in (app.code(now), app.code(now, -1)):
        with pytest.raises(services.WrongCode):
            take(person, code, now + timedelta(seconds=1))
    take(person, app.code(now, 1), now + timedelta(seconds=1))  # a telephone that is fast
    with pytest.raises(services.WrongCode):
        take(person, app.code(now, 3), now + timedelta(seconds=1))  # too far ahead
    with pytest.raises(services.WrongCode):
        take(factories.person(), app.code(now, 1), now)  # somebody else's


@pytest.mark.case("AU-04")
@pytest.mark.race
def test_of_two_requests_with_one_code_exactly_one_gets_in(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int, now: datetime
) -> None:
    user = factories.person(username="zhang", password=PASSWORD)
    app = set_up(user, now)
    for number in range(rounds):
        at = now + timedelta(seconds=30 * number)
        outcomes = run_threads(2, lambda _one, at=at: take(user, app.code(at), at))
        assert sorted(type(one).__name__ for one in outcomes) == ["NoneType", "WrongCode"], number
        SecondFactor.objects.update(failures=0)


@pytest.mark.case("AU-04")
@pytest.mark.race
def test_of_two_browsers_with_one_code_exactly_one_is_signed_in(
    transactional_db: None, run_threads: Callable[..., list[Any]], now: datetime
) -> None:
    user = factories.person(username="zhang", password=PASSWORD)
    app = set_up(user, now)
    with time_machine.travel(now, tick=False):
        for number in range(3):
            at = now + timedelta(seconds=30 * number)
            clients = [Client(), Client()]
            for client in clients:
                give_password(client, "zhang")
            with time_machine.travel(at, tick=False):
                answers = run_threads(2, lambda one, c=clients, a=at: give_code(c[one], app.code(a)))
            assert sorted(answers) == [302, 422]
            assert sorted(is_in(client) for client in clients) == [False, True]
            SecondFactor.objects.update(failures=0)


@pytest.mark.case("AU-02", "AU-04")
def test_five_wrong_codes_bring_a_pause_and_a_message(person: User, app: App, now: datetime) -> None:
    for _try in range(4):
        with pytest.raises(services.WrongCode):
            take(person, "000000", now)
    take(person, app.code(now), now)  # a right one begins the count anew
    later = now + timedelta(minutes=1)
    for _try in range(4):
        with pytest.raises(services.WrongCode):
            take(person, "000000", later)
    with pytest.raises(services.Paused):
        take(person, "nonsense", later)
    for code in (app.code(later), app.recovery[0]):
        with pytest.raises(services.Paused):
            take(person, code, later)
    told = Notification.objects.filter(recipient=person, kind="account.codes_wrong")
    assert {row.channel for row in told} == {"portal", "email"}
    after = later + timedelta(minutes=16)
    take(person, app.code(after), after)


@pytest.mark.case("AU-04")
def test_a_recovery_code_opens_once_and_tells(person: User, app: App, clock: Any, now: datetime) -> None:
    client, again = Client(), Client()
    for browser in (client, again):
        give_password(browser, "zhang")
    page = client.get("/account/login/code/?way=recovery").content.decode()
    assert "恢复码" in page
    assert give_code(client, app.recovery[3].upper(), "?way=recovery") == 302
    assert is_in(client)
    assert give_code(again, app.recovery[3], "?way=recovery") == 422
    assert give_code(again, app.recovery[4].replace("-", " ")) == 302  # also in the other field
    assert RecoveryCode.objects.filter(user=person, used_at=None).count() == 8
    assert Notification.objects.filter(recipient=person, kind="account.recovery_used", channel="portal").count() == 2
    outbox.sweep(at=now)
    assert any("恢复码" in message.subject for message in mail.outbox)


# ---- renewing and giving up ------------------------------------------------------------------------------------------
def renewal(person: User, app: App, now: datetime, **changes: Any) -> dict[str, Any]:
    ticket = services.new_ticket(user_id=person.pk, at=now)
    seed = services.seed_of(ticket, user_id=person.pk, at=now)
    right = {
        "user_id": person.pk,
        "ticket": ticket,
        "current": PASSWORD,
        "code": App(seed, []).code(now),
        "old_code": app.code(now),
        "actor": itself(person),
        "at": now,
        "keep": 0,
    }
    return right | changes


@pytest.mark.case("AU-06")
@pytest.mark.parametrize(
    "missing", [{"current": "nonsense"}, {"code": "000000"}, {"old_code": ""}, {"old_code": "000000"}]
)
def test_another_app_needs_password_and_both_codes(
    person: User, app: App, now: datetime, missing: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        services.enrol(**renewal(person, app, now, **missing))
    take(person, app.code(now, 1), now)  # the present one still works
    codes = services.enrol(**renewal(person, app, now + timedelta(minutes=2), old_code=app.recovery[0]))
    assert len(codes) == 10
    with pytest.raises(services.WrongCode):
        take(person, app.recovery[1], now)  # the former recovery codes are worthless
    with pytest.raises(services.WrongCode):
        take(person, app.code(now, 10), now + timedelta(minutes=5))


@pytest.mark.case("AU-06")
def test_nobody_renews_for_somebody_else(person: User, app: App, now: datetime) -> None:
    thief = itself(factories.person())
    for work in (services.new_recovery_codes, services.drop_second_factor):
        extra = {"keep": 0} if work is services.drop_second_factor else {}
        with pytest.raises(NotAllowed):
            work(user_id=person.pk, current=PASSWORD, code=app.code(now), actor=thief, at=now, **extra)
    with pytest.raises(NotAllowed):
        services.enrol(**renewal(person, app, now, actor=thief))


@pytest.mark.case("AU-06")
def test_new_recovery_codes_and_switching_off_need_password_and_code(
    person: User, app: App, clock: Any, now: datetime
) -> None:
    client, other = Client(), Client()
    for number, browser in enumerate((client, other)):
        give_password(browser, "zhang")
        assert give_code(browser, app.code(now, number)) == 302
    clock.shift(timedelta(minutes=2))
    at = now + timedelta(minutes=2)
    for page in ("/account/second-factor/codes/", "/account/second-factor/off/"):
        for wrong in (
            {"current": "nonsense", "code": app.code(at)},
            {"current": PASSWORD, "code": "000000"},
            {"current": PASSWORD, "code": ""},
        ):
            assert client.post(page, wrong).status_code == 422, (page, wrong)
    shown = client.post("/account/second-factor/codes/", {"current": PASSWORD, "code": app.code(at)})
    assert len(shown.context["codes"]) == 10
    assert "原恢复码已失效" in shown.content.decode()
    assert "其他登录均已退出" not in shown.content.decode()  # nobody was signed out
    off = client.post("/account/second-factor/off/", {"current": PASSWORD, "code": shown.context["codes"][0]})
    assert off.status_code == 302
    assert not SecondFactor.objects.exists()
    assert is_in(client)
    assert not is_in(other)
    assert give_password(Client(), "zhang") == reverse("portal:work")


@pytest.mark.case("AU-06")
@pytest.mark.authz
def test_who_needs_it_renews_and_never_drops(world: World, now: datetime) -> None:
    for character in ("county_handler", "expert", "security_administrator"):
        user = world.user(character)
        app = set_up(user, now)
        with pytest.raises(NotAllowed):
            services.drop_second_factor(
                user_id=user.pk, current=PASSWORD, code=app.code(now), actor=itself(user), at=now, keep=0
            )
        assert services.has_second_factor(user.pk)
        assert services.enrol(**renewal(user, app, now))


@pytest.mark.case("AU-06")
@pytest.mark.authz
def test_who_needs_it_is_told_so_before_filling_a_form_in(world: World, person: User, app: App, now: datetime) -> None:
    with time_machine.travel(now, tick=False):
        client = Client()
        give_password(client, "zhang")
        give_code(client, app.code(now))
        assert client.get("/account/second-factor/off/").status_code == 200  # not required of this one
        official = world.user("county_handler")
        theirs = set_up(official, now)
        other = Client()
        give_password(other, official.username)
        give_code(other, theirs.code(now))
        refused = other.get("/account/second-factor/off/")
    assert refused.status_code == 403
    assert "双因素" in refused.content.decode()


def test_a_wrong_recovery_code_is_not_called_a_code_of_the_app(person: User, app: App, now: datetime) -> None:
    client = Client()
    with time_machine.travel(now, tick=False):
        give_password(client, "zhang")
        for way, code, said in (("", "000000", "应用显示下一个"), ("?way=recovery", "aaaa-bbbb-cccc-dddd", "请换一个")):
            page = client.post(f"/account/login/code/{way}", {"code": code}).content.decode()
            assert said in page, way
            assert ("恢复码不正确" in page) is bool(way)


@pytest.mark.authz
def test_lost_altogether_the_security_administrator_removes_it(world: World, now: datetime) -> None:
    user = world.user("county_handler")
    set_up(user, now)
    lost = {"user_id": user.pk, "reason": "手机遗失，已核验本人身份", "at": now}
    for character in ("administrator", "audit_administrator", "county_approver", "county_handler"):
        with pytest.raises(NotAllowed):
            services.remove_second_factor(**lost, actor=world.actor(character))
    with pytest.raises(Invalid):
        services.remove_second_factor(**lost | {"reason": " "}, actor=world.actor("security_administrator"))
    client = world.client("security_administrator")
    SignIn.objects.update(verified_at=now)
    kept = {"name": user.name, "email": user.email, "phone": "", "language": user.language, "is_active": "on"}
    answer = client.post(f"/admin/accounts/user/{user.pk}/change/", kept | {"factor_reason": lost["reason"]})
    assert answer.status_code == 302
    assert not services.has_second_factor(user.pk)
    entry = AuditEntry.objects.get(action="account.second_factor_off", subject_id=str(user.pk))
    assert entry.payload.data["reason"] == lost["reason"]
    mine = world.user("security_administrator").pk
    with pytest.raises(NotAllowed):
        services.remove_second_factor(**lost | {"user_id": mine}, actor=world.actor("security_administrator"))

"""The pages: signing in and its lock, one's own account, the role switcher."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenlist.accounts import services
from greenlist.accounts.models import User
from greenlist.core import clock as core_clock
from greenlist.core.models import AuditEntry, Notification
from tests import factories
from tests.factories import PASSWORD
from tests.world import World


@pytest.fixture
def person(db):
    return factories.person("张测试", username="zhang", password=PASSWORD)


def sign_in(client: Client, username: str = "zhang", password: str = PASSWORD, **extra):
    return client.post("/account/login/", {"username": username, "password": password}, **extra)


@pytest.mark.case("AU-09")
def test_signing_in_gives_a_new_session_and_signing_out_kills_it(person, client) -> None:
    client.get("/account/login/")
    session = client.session
    session["x"] = 1
    session.save()
    before = session.session_key
    assert sign_in(client, " Ｚhang ").status_code == 302
    assert client.session.session_key != before
    assert AuditEntry.objects.get(action="account.signed_in").subject_id == str(person.pk)
    cookie = client.cookies["sessionid"].value
    assert client.get("/account/logout/").status_code == 405
    client.post("/account/logout/")
    other = Client()
    other.cookies["sessionid"] = cookie
    assert not other.get("/").wsgi_request.user.is_authenticated


@pytest.mark.case("AU-01")
def test_a_wrong_password_and_an_unknown_name_look_the_same(person, client) -> None:
    known, unknown = sign_in(client, password="wrong-wrong-wrong"), sign_in(client, "nobody", "wrong-wrong-wrong")
    assert known.status_code == unknown.status_code == 422
    assert abs(len(known.content) - len(unknown.content)) <= 0.05 * len(known.content)
    assert "用户名或密码" in known.content.decode()


@pytest.mark.case("AU-02")
def test_five_wrong_tries_lock_name_and_address_for_a_quarter_of_an_hour(person, db) -> None:
    other = factories.person("李测试", username="li", password=PASSWORD)
    with time_machine.travel("2026-11-23T01:30:00Z", tick=False) as clock:
        here, elsewhere = Client(REMOTE_ADDR="198.51.100.1"), Client(REMOTE_ADDR="198.51.100.2")
        for _try in range(4):
            assert sign_in(here, password="wrong-wrong-wrong").status_code == 422
        assert sign_in(here, password="wrong-wrong-wrong").status_code == 429
        refused = sign_in(here)
        assert refused.status_code == 429
        assert "15" in refused.content.decode()
        assert sign_in(here, "li").status_code == 302, other  # another account from the same address
        assert sign_in(elsewhere).status_code == 302  # the same account from elsewhere: nobody can lock an office out
        assert services.tell_of_locks(at=core_clock.now()) == 1
        assert sign_in(here).status_code == 429
        assert services.tell_of_locks(at=core_clock.now()) == 0
        clock.shift(timedelta(minutes=16))
        assert sign_in(Client(REMOTE_ADDR="198.51.100.1")).status_code == 302
    told = Notification.objects.filter(recipient=person, kind="account.locked", channel="portal")
    assert told.count() == 1
    assert told.get().params == {"remote": "198.51.100.1"}


@pytest.mark.case("AU-01")
def test_a_locked_name_costs_the_same_whether_it_exists_and_leaves_one_line(person, client, settings) -> None:
    """What a refused try does tells nobody that there is such an account, and fills no trail."""
    for _try in range(6):
        sign_in(client, password="wrong-wrong-wrong"), sign_in(client, "nobody", "wrong-wrong-wrong")
    work = []
    for username in ("zhang", "nobody"):
        with CaptureQueriesContext(connection) as asked:
            assert sign_in(client, username, "wrong-wrong-wrong").status_code == 429
        work.append([query["sql"].split(" ")[0] for query in asked])
    assert work[0] == work[1]
    trail = AuditEntry.objects.filter(subject_kind="user", action="account.locked")
    assert not trail.exists()
    for _sweep in range(3):
        services.tell_of_locks(at=core_clock.now())
    assert [entry.subject_id for entry in trail] == [str(person.pk)]


def test_one_address_cannot_make_accounts_without_end(db, settings) -> None:
    settings.LIMITS = {**settings.LIMITS, "register": {"address": "2/hour"}}
    answers = []
    for number in range(4):
        data = {"username": f"new{number}", "name": "新人", "email": "new@example.com", "password": PASSWORD}
        answer = Client(REMOTE_ADDR="198.51.100.9").post("/account/register/", {**data, "again": PASSWORD})
        answers.append(answer.status_code)
    assert answers == [302, 302, 429, 429]
    assert User.objects.filter(username__startswith="new").count() == 2
    elsewhere = Client(REMOTE_ADDR="198.51.100.10").post(
        "/account/register/",
        {"username": "new9", "name": "新人", "email": "n@example.com", "password": PASSWORD, "again": PASSWORD},
    )
    assert elsewhere.status_code == 302


def test_only_our_own_pages_come_after_signing_in(person) -> None:
    for wanted, reached in [
        ("/organisation/", "/organisation/"),
        ("https://evil.example/", "/work/"),
        ("//evil.example", "/work/"),
    ]:
        response = Client().post("/account/login/", {"username": "zhang", "password": PASSWORD, "next": wanted})
        assert response.headers["Location"] == reached


def test_registering_signs_in_and_leads_on(client, db) -> None:
    data = {
        "username": "new.person",
        "name": "新人",
        "email": "new@example.com",
        "phone": "138-0000-0000",
        "password": PASSWORD,
        "again": PASSWORD,
        "next": "/organisation/register/",
    }
    response = client.post("/account/register/", data)
    assert response.headers["Location"] == "/organisation/register/"
    assert response.wsgi_request.user.name == "新人"
    refused = Client().post("/account/register/", data | {"again": "other", "email": "nonsense"})
    assert refused.status_code == 422
    assert {"again", "email"} <= set(refused.context["form"].errors)
    taken = Client().post("/account/register/", data)
    assert "username" in taken.context["form"].errors


@pytest.mark.authz
def test_the_switcher_gives_only_what_one_holds(world: World) -> None:
    second = factories.mandate(world.user("applicant"), "expert", world.city)
    client = world.client("applicant")
    client.post("/account/switch/", {"capacity": f"m{second.pk}"})
    assert client.get("/").wsgi_request.actor.key == f"m{second.pk}"
    refused = client.post("/account/switch/", {"capacity": f"m{world.mandates['city_approver'].pk}"})
    assert refused.status_code == 403
    assert client.get("/").wsgi_request.actor.key == f"m{second.pk}"


def test_profile_and_language(world: World) -> None:
    client = world.client("colleague")
    assert client.get("/account/").status_code == 200
    response = client.post("/account/", {"name": "同事甲", "language": "en"})
    assert response.cookies["django_language"].value == "en"
    user = User.objects.get(pk=world.user("colleague").pk)
    assert (user.name, user.language) == ("同事甲", "en")
    assert client.post("/account/", {"name": "", "language": "xx"}).status_code == 422


def test_changing_the_password_signs_out_elsewhere_only(person) -> None:
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    new = "shan-qing-shui-xiu-9"
    assert here.post("/account/password/", {"current": PASSWORD, "password": new, "again": new}).status_code == 302
    assert here.get("/").wsgi_request.user.is_authenticated
    assert not there.get("/").wsgi_request.user.is_authenticated


@pytest.mark.authz
def test_account_pages_need_a_person(db) -> None:
    for address in ("/account/", "/account/contact/", "/account/password/", "/account/areas/?q=x"):
        assert Client().get(address).status_code == 302
    assert Client().post("/account/switch/", {"capacity": "m1"}).status_code == 302


def test_suggestions_for_a_place(world: World) -> None:
    page = world.client("applicant").get("/account/areas/", {"area": "海港"}).content.decode()
    assert 'value="河北省秦皇岛市海港区"' in page

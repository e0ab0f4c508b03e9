"""Three administrators who watch each other, the door of the Django admin, and the audit trail's page."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from greenlist.accounts import selectors, services
from greenlist.accounts.models import Mandate, SignIn, User
from greenlist.core import audit, clock, deeds
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import NotAllowed
from greenlist.core.models import AuditEntry
from greenlist.policy import services as policy
from tests import factories
from tests.accounts.factor import set_up
from tests.authz import matrix, stage
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
THREE = ("administrator", "security_administrator", "audit_administrator")
ROLES = ("administrator", "security", "auditor")
OF_CASES = ("applications:", "reviews:", "registry:", "organisations:")


def mandate(world: World, role: str, who: str = "stranger", **fields: Any) -> Mandate:
    fields.setdefault("valid_from", factories.LONG_AGO)
    return Mandate(user=world.user(who), role=role, **fields)


# ---- nobody is two ---------------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-11")
@pytest.mark.parametrize("first", ROLES)
def test_nobody_holds_two_of_the_three(world: World, now: datetime, first: str) -> None:
    actor = world.actor("security_administrator")
    held = services.grant_mandate(mandate=mandate(world, first), actor=actor, at=now)
    for second in set(ROLES) - {first}:
        with pytest.raises(services.TwoAdministrators) as refused:
            services.grant_mandate(mandate=mandate(world, second, valid_from=date(2030, 1, 1)), actor=actor, at=now)
        assert "不得兼任" in str(refused.value.message)
    with pytest.raises(IntegrityError), transaction.atomic():  # the database says so too
        mandate(world, "security" if first != "security" else "auditor").save()
    services.end_mandate(mandate_id=held.pk, reason="调岗", actor=actor, at=now)
    other = "auditor" if first != "auditor" else "administrator"
    assert services.grant_mandate(mandate=mandate(world, other), actor=actor, at=now).pk


@pytest.mark.case("AZ-11")
def test_an_office_that_has_run_out_does_not_stand_in_the_way(world: World, now: datetime) -> None:
    actor = world.actor("security_administrator")
    over = mandate(world, "auditor", valid_until=now.date() - timedelta(days=1))
    over.save()
    assert services.grant_mandate(mandate=mandate(world, "administrator"), actor=actor, at=now).pk
    over.refresh_from_db()
    assert over.ended_at == now


@pytest.mark.case("AZ-11")
def test_the_form_of_the_administration_tells_the_reason(world: World) -> None:
    client = world.client("security_administrator")
    data = {"user": world.user("administrator").pk, "role": "auditor", "valid_from": "2026-01-01"}
    page = client.post("/admin/accounts/mandate/add/", data)
    assert page.status_code == 200
    assert "不得兼任" in page.content.decode()


# ---- each their own --------------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-11")
@pytest.mark.authz
def test_each_administrator_does_their_own_and_nothing_else(world: World, now: datetime) -> None:
    area, office, user = world.areas["130324"], world.authorities["130324"], world.user("stranger")

    def configure(character: str) -> None:
        actor = world.actor(character)
        services.save_area(area=area, actor=actor, at=now)
        services.save_authority(authority=office, actor=actor, at=now)
        policy.set_day(day=date(2027, 1, 1), working=False, name="元旦", actor=actor, at=now)

    def appoint(character: str) -> None:
        actor = world.actor(character)
        row = mandate(world, "supervisor", authority=world.city)
        services.grant_mandate(mandate=row, actor=actor, at=now)
        services.end_mandate(mandate_id=row.pk, reason="x", actor=actor, at=now)
        services.change_person(user=user, actor=actor, at=now)
        services.set_active(user_id=user.pk, active=False, reason="x", actor=actor, at=now)

    for work, may in ((configure, "administrator"), (appoint, "security_administrator")):
        work(may)
        for character in {*THREE, "city_approver", "stranger"} - {may}:
            with pytest.raises(NotAllowed):
                work(character)


@pytest.mark.case("AZ-11")
@pytest.mark.authz
@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", THREE)
def test_no_administrator_reads_a_case(who: str, world: World) -> None:
    """Whatever holds a case, a report, a score or a firm answers as to a stranger; what is public stays public."""
    with time_machine.travel(stage.NOW, tick=False):
        objects = stage.objects(world)
        client, stranger = world.client(who), world.client("stranger")
        walked = 0
        for row in matrix.ROWS:
            if "GET" not in row.methods or not row.name.startswith(OF_CASES) or who in row.ok:
                continue
            path = stage_path(row, objects)
            answer = client.get(path)
            assert answer.status_code in (403, 404), row.name
            assert answer.status_code == stranger.get(path).status_code, row.name
            walked += 1
        assert walked > 50
        assert world.client("county_handler").get(stage_path(named("applications:case"), objects)).status_code == 200


def named(name: str) -> matrix.Row:
    return next(row for row in matrix.ROWS if row.name == name)


def stage_path(row: matrix.Row, objects: dict[str, tuple[Any, ...]]) -> str:
    return reverse(row.name, args=objects[row.key])


# ---- the door --------------------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-15")
@pytest.mark.authz
def test_the_administration_exists_for_listed_addresses_only(world: World, settings: Any) -> None:
    settings.ADMIN_ADDRESSES = ["10.1.0.0/16", "2001:db8::/32"]
    client = world.client("administrator")
    for address in ("10.1.200.3", "2001:db8::7"):
        assert client.get("/admin/", REMOTE_ADDR=address).status_code == 200
        assert client.get("/admin/accounts/area/", REMOTE_ADDR=address).status_code == 200
    for address in ("10.2.0.1", "127.0.0.1", "2001:db9::7", "nonsense", ""):
        for page in ("/admin/", "/admin/login/", "/admin/accounts/area/", "/admin/jsi18n/"):
            answer = client.get(page, REMOTE_ADDR=address)
            assert answer.status_code == 404, (address, page)
        forged = client.get("/admin/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="10.1.0.1")
        assert forged.status_code == 404
        assert Client().get("/admin/", REMOTE_ADDR=address).status_code in (302, 404)
        written = client.post("/admin/accounts/area/add/", {"name": "x", "slug": "x"}, REMOTE_ADDR=address)
        assert written.status_code == 404


@pytest.mark.case("AZ-15")
@pytest.mark.authz
def test_the_administration_asks_for_the_second_factor(world: World, settings: Any) -> None:
    settings.SECOND_FACTOR = True
    for who in ("administrator", "security_administrator"):
        client = world.client(who)
        assert client.get("/admin/").headers["Location"] == "/account/second-factor/"
        assert client.post("/admin/accounts/area/add/", {"name": "x"}).status_code == 403
        SignIn.objects.update(verified_at="2026-11-23T01:30:00Z")
        assert client.get("/admin/").status_code == 200
        SignIn.objects.update(verified_at=None)


# ---- the audit trail -------------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-11")
@pytest.mark.authz
def test_only_the_audit_administrator_reads_the_trail(world: World, now: datetime) -> None:
    case = ("case", "4711")
    secret = {"reason": "退回原因：能耗数据有误"}
    audit.record(actor=world.actor("county_handler"), subject=case, action="case.returned", at=now, data=secret)
    row = mandate(world, "supervisor", authority=world.city)
    services.grant_mandate(mandate=row, actor=world.actor("security_administrator"), at=now)
    client = world.client("audit_administrator")
    page = client.get("/account/audit/").content.decode()
    assert "海港经办" in page
    assert "case.returned" in page
    assert "能耗数据有误" not in page  # that it happened, not what it says
    assert "授予任职" in page
    assert "supervisor" in page
    for character in ("administrator", "security_administrator", "city_approver", "applicant", "stranger"):
        assert world.client(character).get("/account/audit/").status_code == 403
    assert "操作留痕" in client.get("/account/").content.decode()  # in the rail


@pytest.mark.case("AZ-11")
@pytest.mark.authz
def test_the_audit_administrator_writes_nothing(world: World) -> None:
    client = world.client("audit_administrator")
    assert client.get("/account/audit/").status_code == 200
    assert client.post("/account/audit/").status_code == 405
    assert client.get("/admin/", follow=True).status_code == 403
    for page in ("/admin/accounts/area/add/", "/admin/accounts/user/add/", "/admin/policy/calendarday/add/"):
        assert client.post(page, {"name": "x"}, follow=True).status_code == 403
    entries = AuditEntry.objects.count()
    client.get("/account/audit/?person=海港&kind=case")
    assert AuditEntry.objects.count() == entries + 1  # that it was read, and nothing else


@pytest.mark.case("DA-01")
@pytest.mark.authz
def test_who_reads_the_trail_stands_in_it(world: World) -> None:
    client = world.client("audit_administrator")
    client.get("/account/audit/?person=海港&older=99")
    entry = AuditEntry.objects.get(action="trail.read")
    assert entry.user_id == world.user("audit_administrator").pk
    assert entry.payload.data["asked"] == {"person": "海港", "before": 99}
    page = client.get("/account/audit/").content.decode()
    assert "查阅操作留痕" in page
    assert "海港" in page
    assert world.client("administrator").get("/account/audit/").status_code == 403
    assert AuditEntry.objects.filter(action="trail.read").count() == 2  # a refusal read nothing


@pytest.mark.case("AZ-11")
@pytest.mark.authz
def test_nobody_prolongs_his_own_office(world: World, now: datetime) -> None:
    """As nobody gives himself one: the last day, the list and the employer are changed by another administrator."""
    own = world.mandates["security_administrator"]
    own.valid_until = date(2099, 12, 31)
    with pytest.raises(NotAllowed):
        services.change_mandate(mandate=own, actor=world.actor("security_administrator"), at=now)
    own.refresh_from_db()
    assert own.valid_until is None
    other = world.mandates["city_handler"]
    other.valid_until = date(2099, 12, 31)
    services.change_mandate(mandate=other, actor=world.actor("security_administrator"), at=now)
    other.refresh_from_db()
    assert other.valid_until == date(2099, 12, 31)


@pytest.mark.authz
def test_a_filter_of_the_administration_asks_no_column_that_it_does_not_show(world: World) -> None:
    """Sign by sign `?password__startswith=` would tell the hash of every password."""
    client = world.client("security_administrator")
    page = "/admin/accounts/user/"
    assert client.get(f"{page}?is_staff__exact=1").status_code == 200
    for asked in ("password__startswith=argon2", "password__regex=.", "session_epoch__gt=0", "email__contains=a"):
        answer = client.get(f"{page}?{asked}", follow=True)
        assert answer.status_code != 200 or "e=1" in answer.redirect_chain[-1][0], asked
    tokens = client.get("/admin/accounts/apitoken/?digest__startswith=0", follow=True)
    assert tokens.status_code != 200 or "e=1" in tokens.redirect_chain[-1][0]


def test_the_trail_is_searched_and_read_in_pages(world: World, now: datetime) -> None:
    for number in range(7):
        actor = world.actor("county_handler" if number % 2 else "applicant")
        at = now + timedelta(minutes=number)
        audit.record(actor=actor, subject=("case", number), action="case.submitted", at=at)
    first = selectors.trail_page({"kind": "case"}, limit=3)
    assert [line.number for line in first.lines] == ["6", "5", "4"]
    second = selectors.trail_page({"kind": "case"}, cursor=first.older, limit=3)
    assert [line.number for line in second.lines] == ["3", "2", "1"]
    assert selectors.trail_page({"kind": "case"}, cursor=second.older, limit=3).older is None
    by_name = selectors.trail_page({"person": "海港经办"})
    assert [line.number for line in by_name.lines if line.action == "case.submitted"] == ["5", "3", "1"]
    assert len(selectors.trail_page({"person": "applicant", "action": "case."}).lines) == 4
    assert [line.number for line in selectors.trail_page({"kind": "case", "number": "2"}).lines] == ["2"]
    assert not selectors.trail_page({"person": "nobody"}).lines


def test_a_page_of_the_trail_costs_the_same_for_3_and_50(
    world: World, now: datetime, django_assert_max_num_queries: Any
) -> None:
    client = world.client("audit_administrator")
    for number in range(50):
        audit.record(actor=world.actor("applicant"), subject=("case", number), action="case.submitted", at=now)
    with django_assert_max_num_queries(16):  # six of them write down who reads
        assert client.get("/account/audit/").status_code == 200


# ---- where they begin ------------------------------------------------------------------------------------------------
OWN_PAGES = {
    "administrator": "/system/",
    "security_administrator": "/account/safety/",
    "audit_administrator": "/account/audit/",
}


@pytest.mark.parametrize("who", OWN_PAGES)
def test_an_administrator_begins_on_a_page_of_their_own(world: World, who: str) -> None:
    client = world.client(who)
    answer = client.get("/work/", follow=True)
    assert answer.redirect_chain == [(OWN_PAGES[who], 302)]
    assert answer.status_code == 200
    assert f'href="{OWN_PAGES[who]}" aria-current="page"' in answer.content.decode()
    assert world.client("county_handler").get("/work/").status_code == 200  # who has work sees the work list


@pytest.mark.parametrize("who", ["administrator", "security_administrator"])
def test_the_administration_is_offered_only_where_it_opens(world: World, settings: Any, who: str) -> None:
    client = world.client(who)
    assert 'href="/admin/' in client.get(OWN_PAGES[who]).content.decode()
    settings.ADMIN_ADDRESSES = ["10.9.9.9"]
    page = client.get(OWN_PAGES[who]).content.decode()
    assert 'href="/admin/' not in page
    assert "ADMIN_ADDRESSES" in page


def test_whoever_holds_no_role_is_told_how_to_begin(world: World) -> None:
    page = world.client("stranger").get("/work/").content.decode()
    assert reverse("organisations:register") in page
    assert "全部办结" not in page


@pytest.mark.case("AU-06")
def test_the_security_administrator_sees_which_accounts_need_a_look(
    world: World, settings: Any, django_assert_max_num_queries: Any
) -> None:
    client, now = world.client("security_administrator"), clock.now()
    today = clock.china_date(now)
    mandate(world, "handler", authority=world.authorities["130324"], valid_until=today + timedelta(days=3)).save()
    AccessAttempt.objects.create(
        username="zhang", ip_address="203.0.113.9", attempt_time=now, failures_since_start=settings.AXES_FAILURE_LIMIT
    )
    AccessAttempt.objects.create(username="once", ip_address="203.0.113.9", attempt_time=now, failures_since_start=1)
    with django_assert_max_num_queries(20):
        page = client.get("/account/safety/").content.decode()
    assert "来自203.0.113.9的密码错误" in page
    assert "once" not in page
    found = selectors.to_look_at(now)
    assert [row.user for row in found.ending.rows] == [world.user("stranger")]
    assert not found.bare.rows  # the switch is off here
    settings.SECOND_FACTOR = True
    user = world.user("county_handler")
    before = selectors.to_look_at(now).bare
    assert before.total >= len(before.rows) > 0
    set_up(user, now)
    after = selectors.to_look_at(now).bare
    assert before.total - after.total == Mandate.objects.filter(user=user).count()


def recorded() -> set[str]:
    """Every action that the code records, as it stands there."""
    found: set[str] = set()
    for folder in ("greenlist", "applications", "reviews", "registry", "dynamics"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            code = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"action=\"([a-z_]+\.[a-z_]+)\"", code))
            found |= {f"case.{verb}" for verb in re.findall(r"\b(?:move|_note)\(\s*\w+,\s*\"([a-z_]+)\"", code)}
            for kind in ("batch", "decision"):
                found |= {f"{kind}.{verb}" for verb in re.findall(rf"_record\({kind}, \"([a-z_]+)\"", code)}
    return found


def test_every_recorded_action_has_words_in_the_trail() -> None:
    known = recorded()
    assert len(known) > 80
    assert sorted(known - set(deeds.ACTIONS)) == []
    for words in deeds.ACTIONS.values():
        assert re.search(r"[\u4e00-\u9fff]", str(words)), words


# ---- a new installation ----------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-11")
def test_the_first_administrators_are_appointed_by_a_command(db: None) -> None:
    def appoint(*words: str) -> None:
        call_command("appoint", *words, stdout=StringIO())

    with pytest.raises(CommandError, match="--name"):
        appoint("security", "li.an")
    appoint("security", "Li.An", "--name", "李安", "--email", "li.an@example.com")
    user = User.objects.get(username="li.an")
    assert user.is_staff
    assert not user.is_superuser
    assert Mandate.objects.get(user=user).role == "security"
    with pytest.raises(CommandError, match="不得兼任"):
        appoint("auditor", "li.an")
    with pytest.raises(CommandError, match="李安"):
        appoint("security", "li.an")
    services.request_reset(email="li.an@example.com", actor=SYSTEM, at=clock.now())
    assert services.send_due_resets(at=clock.now()) == 1

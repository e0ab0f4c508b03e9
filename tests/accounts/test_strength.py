"""Passwords by the rule book of the person: one switch, what is refused, and when a new one is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from greenlist.accounts import rules, selectors, services
from greenlist.accounts.models import Mandate, User
from greenlist.accounts.services.strength import kinds
from greenlist.core.errors import Invalid
from tests.accounts.factor import give_password, itself
from tests.factories import PASSWORD
from tests.world import World

LONG = "绿水青山就是金山银山，企业节能降碳要从每一度电、每一滴水、每一吨煤算起；工厂的账本清清楚楚"
SENTENCE = "Wo men de gong chang zai shan hai guan pang bian 9"


@pytest.fixture(autouse=True)
def _graded(settings: Any) -> None:
    settings.PASSWORD_POLICY = "graded"


def change(world: World, who: str, password: str, at: datetime) -> User:
    user = world.user(who)
    user.set_password(PASSWORD)
    user.save()
    return services.change_password(user_id=user.pk, current=PASSWORD, password=password, actor=itself(user), at=at)


def refusal(world: World, who: str, password: str, at: datetime) -> str:
    with pytest.raises(Invalid) as weak:
        change(world, who, password, at)
    return "".join(str(one) for one in weak.value.problems["password"])


def test_kinds_are_counted_in_any_script() -> None:
    assert [kinds(text) for text in ("aaa", "aA", "aA1", "aA1!", "绿水", "绿水a 1", "")] == [1, 2, 3, 4, 1, 3, 0]


@pytest.mark.case("AU-11")
@pytest.mark.parametrize("who", ["applicant", "county_handler", "expert", "audit_administrator"])
def test_sixty_four_chinese_characters_work_whole(world: World, now: datetime, who: str) -> None:
    password = (LONG * 2)[:61] + "A7 "
    assert len(password) == 64
    user = change(world, who, password, now)
    assert user.check_password(password)
    assert not user.check_password(password[:63])  # not cut, not trimmed
    assert give_password(Client(), user.username) != reverse("portal:work")
    answer = Client().post("/account/login/", {"username": user.username, "password": password})
    assert answer.headers["Location"] == reverse("portal:work")


@pytest.mark.case("AU-11")
@pytest.mark.parametrize(
    ("password", "official"),
    [
        ("shan-qing-shui-xiu-9", True),  # three kinds
        ("shan qing shui xiu liu nian", False),  # two
        (LONG[:40], False),  # one
        ("SHAN9QING9SHUI", False),
        ("Shan9qing9shui", True),
    ],
)
def test_the_grading_rules_want_kinds_and_asvs_does_not(
    world: World, now: datetime, settings: Any, password: str, official: bool
) -> None:
    assert change(world, "applicant", password, now)
    for who in ("county_handler", "expert", "security_administrator"):
        if official:
            assert change(world, who, password, now)
        else:
            assert "三类" in (said := refusal(world, who, password, now)) or "3类" in said
    settings.PASSWORD_POLICY = "asvs"
    assert change(world, "county_handler", password, now)
    settings.PASSWORD_POLICY = "mlps"
    if not official:
        assert "3类" in refusal(world, "applicant", password, now)


@pytest.mark.case("AU-11")
@pytest.mark.parametrize(
    "password",
    [
        "Password1234!",  # common
        "1qaz2wsx3edc4rfv",
        "Aa1!",  # short
        "绿色工厂绿色工厂绿色工厂2026A",
        "LvSeGongChang-2026",
        "lü se 2026 绿色制造 A1",
        "Greenlist@2026-A",
        "海港区工业和信息化局@123",  # part of the office's name, and its place
        "秦皇岛市海港区工业和信息化局2026Aa",
        "County_handler-1",  # the user name
        "海港经办海港经办Aa1",  # the person's name
        "2026-2026-Aa-密码",
    ],
)
def test_what_everybody_guesses_is_refused(world: World, now: datetime, password: str) -> None:
    assert change(world, "county_handler", "Shan-qing-shui-xiu-9", now)
    assert refusal(world, "county_handler", password, now)


@pytest.mark.case("AU-11")
@pytest.mark.parametrize("password", ["海港示例精密制造有限公司2026", "海港 示例 精密 制造2026Aa!"])
def test_a_firm_does_not_take_its_own_name(world: World, now: datetime, password: str) -> None:
    assert change(world, "rival", password, now)  # nobody guesses it of another firm
    assert "容易猜到" in refusal(world, "applicant", password, now)


@pytest.mark.case("AU-11")
def test_a_guessable_word_within_enough_others_is_fine(world: World, now: datetime) -> None:
    assert change(world, "county_handler", "Lvsegongchang pang bian you ke da shu 7", now)


@pytest.mark.case("AU-11")
def test_registering_and_resetting_keep_to_the_same_rules(world: World, now: datetime) -> None:
    page = Client().get("/account/register/").content.decode()
    assert "至少12个字符" in page
    data = {"username": "neu.person", "name": "新人", "email": "neu@example.com", "phone": ""}
    for password, status in (("绿色工厂2026", 422), ("neu.person-2026", 422), (SENTENCE, 302)):
        answer = Client().post("/account/register/", data | {"password": password, "again": password})
        assert answer.status_code == status, password
    with pytest.raises(Invalid):
        services.reset_password(
            **_link(world, now), password="gongxinju2026", actor=itself(world.user("rival")), at=now
        )
    user = services.reset_password(**_link(world, now), password=SENTENCE, actor=itself(world.user("rival")), at=now)
    assert user.password_set_at == now


def _link(world: World, now: datetime) -> dict[str, str]:
    mail = services.passwords.reset_mail(User.objects.get(pk=world.user("rival").pk))
    address = next(word for word in str(mail.body).split() if "/password/new/" in word)
    uid, token = address.rstrip("/").split("/")[-2:]
    return {"uid": uid, "token": token}


@pytest.mark.case("AU-11")
def test_an_official_renews_after_ninety_days_and_a_firm_never(world: World, now: datetime, settings: Any) -> None:
    for who in ("county_handler", "applicant"):
        change(world, who, SENTENCE, now)
    with time_machine.travel(now + timedelta(days=89), tick=False):
        assert world.client("county_handler").get("/work/").status_code == 200
    with time_machine.travel(now + timedelta(days=91), tick=False) as clock:
        assert world.client("applicant").get("/work/").status_code == 200
        client = world.client("county_handler")
        answer = client.get("/work/")
        assert answer.headers["Location"] == "/account/password/"
        assert client.get("/work/", headers={"Accept": "application/json"}).json()["code"] == "password_due"
        page = client.get("/account/password/").content.decode()
        assert "密码已超过使用期限" in page
        assert "每90天须更换一次" in page
        same = {"current": SENTENCE, "password": SENTENCE, "again": SENTENCE}
        assert client.post("/account/password/", same).status_code == 422
        new = {"current": SENTENCE, "password": SENTENCE + "x", "again": SENTENCE + "x"}
        assert client.post("/account/password/", new).status_code == 302
        assert client.get("/work/").status_code == 200
        clock.shift(timedelta(days=91))
        settings.PASSWORD_POLICY = "asvs"
        assert world.client("county_handler").get("/work/").status_code == 200


def test_a_password_chosen_by_the_rules_for_firms_is_due_for_a_new_official(world: World, now: datetime) -> None:
    """Twelve small letters are enough for a firm, and no password of somebody entrusted with an office."""
    user = change(world, "stranger", "abcdefgh wxyz lmnop", now)
    assert not rules.password_is_due(user.password_set_at, [], now)
    row = Mandate(user=user, role="handler", authority=world.city, valid_from=now.date())
    services.grant_mandate(mandate=row, actor=world.actor("security_administrator"), at=now)
    user.refresh_from_db()
    held = [selectors.actor_of(one) for one in selectors.mandates_of(user.pk, now.date())]
    assert rules.password_is_due(user.password_set_at, held, now)
    with pytest.raises(Invalid):
        services.change_password(
            user_id=user.pk,
            current="abcdefgh wxyz lmnop",
            password="abcdefgh wxyz lmnopq",
            actor=itself(user),
            at=now,
        )
    services.change_password(
        user_id=user.pk, current="abcdefgh wxyz lmnop", password=SENTENCE, actor=itself(user), at=now
    )
    user.refresh_from_db()
    assert not rules.password_is_due(user.password_set_at, held, now)
    other = Mandate(user=user, role="approver", authority=world.county, valid_from=now.date())
    services.grant_mandate(mandate=other, actor=world.actor("security_administrator"), at=now)
    user.refresh_from_db()
    assert not rules.password_is_due(user.password_set_at, held, now)  # was an official already

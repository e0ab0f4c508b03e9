"""Signing in, setting the second factor up and the end of a session, in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from applications.models import Application
from greenlist.accounts.models import SignIn, User
from greenlist.core import clock
from tests.accounts.factor import App
from tests.applications import filled
from tests.factories import PASSWORD
from tests.world import World, build_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MORNING = datetime.fromisoformat("2026-03-10T09:00:00+08:00")
TYPED = "主要从事示例整机的研发和生产，正在建设能源管理中心。"


class Hands:
    """A browser, and the hour that the server believes it is."""

    def __init__(self, page: Page, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.page, self.server, self.now = page, server, MORNING
        monkeypatch.setattr(clock, "now", lambda: self.now)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)

    def go(self, address: str) -> None:
        self.page.goto(self.server + address)

    def paste(self, field: str, text: str) -> None:
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        self.page.locator(field).focus()
        self.page.keyboard.press("Control+V")

    def sign_in(self, username: str) -> None:
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")

    def reads(self, address: str) -> None:
        self.page.wait_for_url(re.compile(re.escape(self.server + address) + r"(\?.*)?$"))


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def hands(page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Hands:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_IDLE_MINUTES_OFFICERS = 30, 15
    return Hands(page, live_server.url, monkeypatch)


def person(world: World, character: str) -> User:
    user = world.user(character)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.case("AC-06")
def test_an_official_enrols_and_signs_in_by_pasting(world: World, hands: Hands, settings: Any) -> None:
    settings.SECOND_FACTOR = True
    user, page = person(world, "county_handler"), hands.page
    hands.go("/account/login/")
    hands.paste("input[name=username]", user.username)
    hands.paste("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    hands.reads("/account/second-factor/")
    picture = page.locator("main img")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")  # the policy lets it be drawn
    app = App(page.locator("code.code").inner_text().replace(" ", ""), [])
    assert len(base64.b32decode(app.seed)) == 20
    hands.paste("input[name=code]", app.code(hands.now))
    page.fill("input[name=current]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("ol code")).to_have_count(10)
    recovery = page.locator("ol code").all_inner_texts()
    page.get_by_role("link", name="我已保存").click()
    hands.reads("/work/")
    page.context.clear_cookies()

    hands.now += timedelta(minutes=2)
    hands.go("/account/login/?next=/inbox/")
    hands.sign_in(user.username)
    hands.reads("/account/login/code/")
    inputs = page.locator("main input:not([type=hidden])")
    assert inputs.count() == 1
    assert inputs.get_attribute("autocomplete") == "one-time-code"
    assert inputs.get_attribute("inputmode") == "numeric"
    code = app.code(hands.now)
    hands.paste("input[name=code]", f" {code[:3]} {code[3:]} ")
    assert inputs.input_value().replace(" ", "") == code  # not cut by a maxlength of six
    page.keyboard.press("Enter")
    hands.reads("/inbox/")
    page.context.clear_cookies()

    hands.go("/account/login/")
    hands.sign_in(user.username)
    page.get_by_role("link", name="使用恢复码").click()  # another way
    hands.paste("input[name=code]", recovery[0])
    page.keyboard.press("Enter")
    hands.reads(reverse("portal:work"))


@pytest.mark.case("AC-07", "AU-08")
def test_the_end_is_told_two_minutes_before_and_put_off(world: World, hands: Hands) -> None:
    user, page = person(world, "applicant"), hands.page
    page.clock.install(time=hands.now)
    hands.go("/account/login/?next=/inbox/")
    hands.sign_in(user.username)
    hands.reads("/inbox/")
    dialog = page.locator("dialog[open]")
    let_pass(hands, minutes=27)
    expect(dialog).to_have_count(0)
    let_pass(hands, minutes=1, seconds=5)
    expect(dialog).to_contain_text("您还在办理吗")
    expect(dialog.locator("[role=alert]")).to_contain_text("秒后将自动退出登录")
    with page.expect_response("**/account/stay/") as kept:
        dialog.get_by_role("button", name="继续办理").click()
    assert kept.value.json() == {"seconds": 1800}
    expect(dialog).to_have_count(0)
    let_pass(hands, minutes=27)
    expect(dialog).to_have_count(0)  # put off: the half hour began anew
    let_pass(hands, minutes=3, seconds=5)
    hands.reads("/account/login/")
    assert "next=%2Finbox%2F" in page.url
    assert SignIn.objects.get().end == "idle"
    expect(page.locator("main [role=alert]")).to_contain_text("长时间未操作")


@pytest.mark.case("AU-08")
def test_a_forgotten_window_asks_before_it_leaves_and_keeps_nothing_alive(world: World, hands: Hands) -> None:
    """Work in another window counts for both; a window that only asks how long it has is no sign of life."""
    user, page = person(world, "applicant"), hands.page
    page.clock.install(time=hands.now)
    hands.go("/account/login/?next=/inbox/")
    hands.sign_in(user.username)
    hands.reads("/inbox/")
    SignIn.objects.update(seen_at=hands.now + timedelta(minutes=20))  # somebody worked in another one
    with page.expect_response("**/account/stay/") as asked:
        let_pass(hands, minutes=30, seconds=5)
    assert asked.value.json() == {"seconds": 1195}
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert SignIn.objects.get().seen_at == MORNING + timedelta(minutes=20)
    let_pass(hands, minutes=20)
    hands.reads("/account/login/")
    assert SignIn.objects.get().end == "idle"


def let_pass(hands: Hands, **span: int) -> None:
    """Time goes by before the page and in the server."""
    step = timedelta(**span)
    hands.now += step
    hands.page.clock.run_for(int(step.total_seconds() * 1000))


@pytest.fixture
def draft(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Application]:
    """A report in the making, and its owner's password."""
    person(world, "applicant")
    filled.load_rules()
    call = filled.open_call(world)
    from applications.services import drafts

    case = drafts.start(actor=world.actor("applicant"), at=MORNING, call_id=call.pk, site_id=world.site.pk)
    return lambda: Application.objects.get(pk=case.pk)


@pytest.mark.case("AU-08")
def test_what_was_typed_when_the_session_was_over_comes_back(
    world: World, hands: Hands, draft: Callable[[], Application]
) -> None:
    page, case = hands.page, draft()
    page.clock.install(time=hands.now)
    address = f"/cases/{case.reference}/fill/basic/"
    hands.go(f"/account/login/?next={address}")
    hands.sign_in("applicant")
    hands.reads(address)
    hands.now += timedelta(minutes=40)  # the lid was closed; the page has not noticed
    page.locator("textarea[name=profile]").fill(TYPED)
    with page.expect_response(f"**{address}") as sent:
        page.clock.run_for(2_000)
    assert sent.value.status in (302, 401, 403)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "signedout")
    assert not draft().report.sections.filter(key="basic", data__has_key="profile").exists()
    page.clock.run_for(31 * 60 * 1000)
    hands.reads("/account/login/")
    expect(page.locator("main [role=alert]")).to_contain_text("已填写的内容会自动恢复")
    hands.sign_in("applicant")
    hands.reads(address)
    expect(page.locator("textarea[name=profile]")).to_have_value(TYPED)
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.status == 200):
        page.clock.run_for(2_000)
    assert draft().report.sections.get(key="basic").data["profile"] == TYPED


def test_codes_are_printed_by_a_button(world: World, hands: Hands, settings: Any) -> None:
    settings.SECOND_FACTOR = True
    user, page = person(world, "applicant"), hands.page
    page.add_init_script("window.print = () => { document.title = 'printed'; }")
    hands.go("/account/login/?next=/account/second-factor/")
    hands.sign_in(user.username)
    hands.reads("/account/second-factor/")
    app = App(page.locator("code.code").inner_text().replace(" ", ""), [])
    page.fill("input[name=code]", app.code(hands.now))
    page.fill("input[name=current]", PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="打印").click()
    assert page.title() == "printed"
    page.emulate_media(media="print")
    assert page.locator("ol code").first.is_visible()
    assert not page.get_by_role("button", name="打印").is_visible()

"""The main line once in a real browser: one window, persons signing in and out, from the application to the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Page, expect

from applications.models import Application
from applications.states import State
from greenlist.accounts.models import User
from greenlist.core import clock
from greenlist.portal.demo.answers import PAPER
from registry.models import Certificate, Notice
from registry.tasks import close_notices
from tests import factories
from tests.applications import filled
from tests.applications.county import load_rules
from tests.conftest import CHINA
from tests.world import World, build_world

TYPED = "主要从事示例整机的研发和生产，建有能源管理中心。"


class Window:
    """One browser window and the day in it."""

    def __init__(self, page: Page, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.page, self.server, self.monkeypatch = page, server, monkeypatch
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept())

    def day(self, text: str) -> None:
        moment = datetime.fromisoformat(text).replace(tzinfo=CHINA)
        self.monkeypatch.setattr(clock, "now", lambda: moment)

    def go(self, address: str) -> Page:
        self.page.goto(f"{self.server}{address}")
        return self.page

    @contextmanager
    def as_person(self, username: str) -> Iterator[Page]:
        """Signs in by the form, out by the menu."""
        page = self.go("/account/login/")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", factories.PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.server}/work/")
        self.go("/work/")
        yield page
        page.locator("details[data-menu] > summary").click()
        page.locator("form[action='/account/logout/'] button").click()
        page.wait_for_url(f"{self.server}/")

    def follow(self, part: str) -> None:
        """The first link on the page whose address holds this."""
        self.page.locator(f"main a[href*='{part}']").first.click()

    def press(self, action: str) -> None:
        """The button of the form that goes there."""
        self.page.locator(f"main form[action$='{action}'] button").first.click()

    def save(self) -> None:
        """The main button of the main form."""
        self.page.locator("main .button--primary").last.click()

    def said(self, words: str) -> None:
        expect(self.page.locator("body")).to_contain_text(words)


@pytest.fixture
def world(transactional_db: None) -> World:
    made = build_world()
    load_rules()
    User.objects.update(password=make_password(factories.PASSWORD))
    return made


@pytest.fixture
def window(page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Window:
    return Window(page, live_server.url, monkeypatch)


@pytest.mark.browser
@pytest.mark.journey
@pytest.mark.timeout(400)
def test_the_main_line_in_a_browser(world: World, window: Window, tmp_path: Path) -> None:
    case = apply(world, window, tmp_path)
    review(window, case)
    recommend(window, case)
    receive_and_convene(world, window, case)
    score(window, case)
    conclude_and_decide(window, case)
    publish(window, case)
    verify(window, case)
    assert window.errors == []


def apply(world: World, window: Window, folder: Path) -> Application:
    """Started from the call's public page; one text by keyboard, saving itself; one file; declared."""
    window.day("2026-03-02T09:00")
    call = filled.open_call(world)
    window.day("2026-03-10T09:00")
    with window.as_person("applicant") as page:
        window.go(f"/p/130300/calls/{call.pk}/")
        window.follow(f"/calls/{call.pk}/apply/")
        page.locator("main button[name=site]").click()
        page.wait_for_url("**/fill/basic/")
        case = Application.objects.get()
        filled.fill(world, case, without=["basic.profile", "conditions.registered_evidence"])
        page.reload()
        page.locator("textarea[name=profile]").focus()
        page.keyboard.type(TYPED)
        expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "saved", timeout=10_000)
        assert case.report.sections.get(key="basic").data["profile"] == TYPED
        window.go(f"/cases/{case.reference}/fill/conditions/")
        paper = folder / "营业执照.pdf"
        paper.write_bytes(PAPER)
        page.set_input_files("#registered_evidence-input", paper)
        upload = page.locator("form[action$='/registered_evidence/files/'] button")
        if not page.get_by_role("link", name="营业执照.pdf", exact=True).count():
            upload.click()
        expect(page.get_by_role("link", name="营业执照.pdf", exact=True)).to_be_visible()
        window.go(f"/cases/{case.reference}/check/")
        page.check("input[name=agreed]")
        window.save()
        page.wait_for_url("**/receipt/")
    case.refresh_from_db()
    assert case.state == State.SCREENING
    return case


def review(window: Window, case: Application) -> None:
    window.day("2026-03-20T09:00")
    with window.as_person("county_handler") as page:
        window.go("/desk/")
        window.follow(case.reference)
        window.go(f"/cases/{case.reference}/review/")
        expect(page.locator("main")).to_contain_text(TYPED)
        for answer in page.locator("input[type=radio][name^='verdict-'][value=yes]").all():
            answer.check()
        page.locator("button[name=next][value=propose]").click()
        page.check("input[name=outcome][value=pass]")
        window.save()
        window.said("已提交审签")
    with window.as_person("county_approver"):
        window.go(f"/cases/{case.reference}/review/")
        window.press("/review/sign/")
        window.said("已审签")
    case.refresh_from_db()
    assert case.state == State.PASSED


def recommend(window: Window, case: Application) -> None:
    window.day("2026-04-10T09:00")
    with window.as_person("county_handler") as page:
        window.go("/batches/")
        window.press("/batches/start/")
        page.check(f"input[name=case][value='{case.reference}']")
        window.press("/add/")
        page.fill("input[name=number]", "示工信〔2026〕7号")
        window.press("/letter/")
        window.press("/hand-over/")
        address = page.url.removeprefix(window.server)
    with window.as_person("county_approver"):
        window.go(address)
        window.press("/sign/")
        window.press("/send/")
    case.refresh_from_db()
    assert case.state == State.RECOMMENDED


def receive_and_convene(world: World, window: Window, case: Application) -> None:
    window.day("2026-06-02T09:00")
    with window.as_person("city_handler") as page:
        window.go("/batches/")
        page.locator("main a[href^='/batches/']").first.click()
        window.press("/receive/")
        window.go("/reviews/panels/")
        window.follow("/reviews/panels/new/")
        page.check(f"input[name=experts][value='{world.user('expert').pk}']")
        window.save()
        window.press("/open/")
        window.said("专家甲")


def score(window: Window, case: Application) -> None:
    with window.as_person("expert") as page:
        window.go("/reviews/seats/")
        window.follow("/reviews/seats/")
        assert case.name not in page.inner_text("main")
        page.check("input[name=signed]")
        window.press("/pledge/")
        window.press("/declare/")
        window.follow("/units/")
        page.fill("input[name=score]", "88")
        page.check("input[name=suggests][value=yes]")
        page.fill("textarea[name=comment]", "材料完整，指标先进。")
        expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "saved", timeout=10_000)
        window.save()
        window.follow("/lock/")
        window.save()
        window.said("已锁定")


def conclude_and_decide(window: Window, case: Application) -> None:
    window.day("2026-06-05T09:00")
    with window.as_person("city_handler") as page:
        window.go("/reviews/panels/")
        page.locator("main td a, main th a").first.click()
        window.follow("/conclude/")
        page.check(f"input[name='suggested-{case.reference}'][value=yes]")
        page.fill(f"textarea[name='conclusion-{case.reference}']", "同意列入建议名单。")
        page.fill("textarea[name=opinion]", "专家组认为该企业符合条件。")
        page.locator("button[name=finish]").click()
        window.go("/reviews/decisions/")
        window.follow("/reviews/decisions/new/")
        window.save()
        page.check(f"input[name='outcome-{case.reference}'][value=propose]")
        page.locator("button[name=hand_over]").click()
        address = page.url.removeprefix(window.server)
    with window.as_person("city_approver"):
        window.go(address)
        window.press("/approve/")
    case.refresh_from_db()
    assert case.state == State.PROPOSED


def publish(window: Window, case: Application) -> None:
    """Notice, its five working days, the task that closes it, announcement."""
    window.day("2026-06-16T09:00")
    with window.as_person("city_handler"):
        window.go("/registry/notices/")
        window.follow("/registry/notices/new/")
        window.save()
        notice = Notice.objects.get()
    with window.as_person("city_approver"):
        window.go(f"/registry/notices/{notice.reference}/")
        window.press("/publish/")
        window.said("2026年6月24日")
    window.go("/notices/")
    window.said("公示")
    window.day("2026-06-25T00:05")
    close_notices()
    window.day("2026-06-26T09:00")
    with window.as_person("city_handler") as page:
        window.go("/registry/announcements/")
        window.follow("/registry/announcements/new/")
        page.fill("input[name=number]", "示工信〔2026〕9号")
        window.save()
        window.press("/hand/")
        address = page.url.removeprefix(window.server)
    with window.as_person("city_approver"):
        window.go(address)
        window.press("/publish/")
        window.said(case.name)
    case.refresh_from_db()
    assert case.state == State.LISTED


def verify(window: Window, case: Application) -> None:
    """Anybody finds the firm on the list and checks its certificate by the number."""
    certificate = Certificate.objects.get()
    page = window.go("/lists/")
    page.locator("main input[name=q]").first.fill(case.name)
    page.keyboard.press("Enter")
    window.said(case.name)
    window.go("/v/")
    page.locator("main input[name=number]").fill(certificate.number)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/v/{certificate.token}/")
    window.said("证书真实有效")
    window.said(case.name)

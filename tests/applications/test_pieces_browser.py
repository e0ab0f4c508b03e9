"""A large file in a real browser whose connection breaks: it goes on by itself, and after the page is loaded anew."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from applications.models import Evidence
from greenlist.core.models import PartialUpload
from tests.applications import filled
from tests.faults.browser import pdf
from tests.world import build_world

pytestmark = [pytest.mark.browser, pytest.mark.full]
BODY = pdf(6_500_000)


class Line:
    """The connection of a page: cut after some pieces, and put together again."""

    def __init__(self, page: Page) -> None:
        self.sent, self.cut_after = 0, 10**6
        page.route(re.compile("/files/(begin|piece)/"), self.carry)

    def carry(self, route: Route) -> None:
        if route.request.url.endswith("/piece/"):
            if self.sent >= self.cut_after:
                route.abort("connectionreset")
                return
            self.sent += 1
        elif self.sent >= self.cut_after:
            route.abort("connectionreset")
            return
        route.continue_()


@pytest.fixture
def form(transactional_db: None, browser: Any, live_server: Any, tmp_path: Path) -> tuple[Page, Path]:
    world = build_world()
    filled.load_rules()
    case = filled.start(world, filled.open_call(world))
    file = tmp_path / "大文件.pdf"
    file.write_bytes(BODY)
    context = browser.new_context(locale="zh-CN")
    cookies = world.client("applicant").cookies
    context.add_cookies(
        [{"name": name, "value": one.value, "url": live_server.url} for name, one in cookies.items() if one.value]
    )
    page = context.new_page()
    page.goto(f"{live_server.url}/cases/{case.reference}/fill/conditions/")
    return page, file


def choose(page: Page, file: Path) -> Any:
    box = page.locator("#files-lawful_evidence")
    box.locator('input[type="file"]').set_input_files(file)
    box.get_by_role("button", name="上传").click()
    return box


def placed() -> str:
    return Evidence.objects.get().blob.sha256


def test_a_cut_connection_loses_nothing(form: tuple[Page, Path]) -> None:
    page, file = form
    line = Line(page)
    line.cut_after = 3
    box = choose(page, file)
    expect(box.locator("[data-upload-status]")).to_contain_text("网络连接中断")
    assert PartialUpload.objects.get().received == 3 * 1048576
    line.cut_after = 10**6
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_role("link", name="大文件.pdf").first).to_be_visible(timeout=60_000)
    assert placed() == hashlib.sha256(BODY).hexdigest()
    assert line.sent == 8  # seven pieces and the end: none of them twice


def test_pause_by_keyboard_reload_and_go_on(form: tuple[Page, Path]) -> None:
    page, file = form
    line = Line(page)
    line.cut_after = 2
    box = choose(page, file)
    expect(box.locator("[data-upload-status]")).to_contain_text("网络连接中断")
    pause = box.get_by_role("button", name=re.compile("暂停.*大文件"))
    pause.focus()
    page.keyboard.press("Enter")
    expect(box.locator("[data-upload-status]")).to_contain_text("已在 32% 处暂停")
    expect(box.get_by_role("button", name=re.compile("继续.*大文件"))).to_be_focused()
    page.reload()
    line.cut_after = 10**6
    box = choose(page, file)
    expect(page.get_by_role("link", name="大文件.pdf").first).to_be_visible(timeout=60_000)
    assert placed() == hashlib.sha256(BODY).hexdigest()
    assert line.sent == 8

"""Tags and filters, the gallery's markup, and the scripts in a real browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.utils import translation
from playwright.sync_api import Page, Route, expect

from greenlist.core.actors import Actor, Capacity
from greenlist.core.templatetags import ui

DAY = date(2026, 5, 20)
NIGHT = datetime(2026, 5, 20, 17, 5, tzinfo=UTC)  # already the next day in China
GALLERY = ["/gallery/", "/gallery/?errors=1", "/gallery/?part=public", "/gallery/?part=public&errors=1"]


def rendered(source: str, **context: Any) -> str:
    return Template(source).render(Context(context))


# ---- words and numbers ------------------------------------------------------------------------------------------------
def test_times_are_china_standard_time_in_the_readers_language() -> None:
    assert ui.cst(NIGHT) == "2026年5月21日 01:05"
    assert ui.cdate(NIGHT) == "2026年5月21日"
    assert ui.cdate_weekday(DAY) == "2026年5月20日（星期三）"
    with translation.override("en"):
        assert ui.cst(NIGHT) == "21 May 2026, 01:05"
        assert ui.cdate_weekday(DAY) == "Wednesday 20 May 2026"
    assert ui.iso(NIGHT) == "2026-05-21T01:05+08:00"
    assert ui.cst(None) == ui.cdate(None) == ui.cdate_weekday(None) == ui.iso(None) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2 KB"), (1_258_291, "1.2 MB"), (3 * 1024**3, "3.0 GB"), (None, "")],
)
def test_sizes_of_files(value: int | None, shown: str) -> None:
    assert ui.file_size(value) == shown


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (1234567, None, "1,234,567"),
        (Decimal("0.10"), None, "0.10"),
        (0.183, None, "0.183"),
        (-9862.5, 2, "-9,862.50"),
        ("无", None, "无"),
        (None, None, ""),
        (float("nan"), None, "nan"),
    ],
)
def test_numbers_are_grouped_and_nothing_else_is_changed(value: Any, places: int | None, shown: str) -> None:
    assert ui.number(value, places) == shown


@pytest.mark.parametrize(
    ("phone", "shown"), [("13812341234", "138****1234"), ("03351234", "******34"), ("", ""), (None, "")]
)
def test_phones_are_masked(phone: str | None, shown: str) -> None:
    assert ui.mask_phone(phone) == shown


def test_lookups_never_fail() -> None:
    assert ui.get({"a": 1}, "a") == 1
    assert ui.get(["x"], 0) == "x"
    assert ui.get({"a": 1}, "b") is ui.get([], 3) is ui.get(None, "a") is None


def test_a_state_is_text_shape_and_colour() -> None:
    badge = rendered('{% state_badge "returned" "退回补正" %}')
    assert "badge--attention" in badge
    assert "#s-triangle" in badge
    assert "退回补正" in badge
    assert "badge--quiet" in rendered('{% state_badge "never heard of" "x" %}')


def test_labels_are_escaped() -> None:
    assert "<script" not in rendered("{% state_badge state label %}", state='"><script>', label="<script>")
    assert "<script" not in rendered("{% icon name title=name %}", name="<script>")


def test_the_query_string_keeps_what_is_not_changed() -> None:
    request = RequestFactory().get("/?q=%E7%8E%BB%E7%92%83&page=3")
    assert rendered("{% qs page=None sort='-name' %}", request=request) == "?q=%E7%8E%BB%E7%92%83&amp;sort=-name"
    assert rendered("{% qs a=1 %}") == "?a=1"


def test_capacities_have_words() -> None:
    assert ui.acts_as(Actor(capacity=Capacity.HANDLER)) == "经办"
    assert ui.acts_as(None) == ""
    assert set(ui.CAPACITY_WORDS) == set(Capacity)


def test_every_icon_that_a_template_names_is_drawn() -> None:
    drawn = set(
        re.findall(r'symbol id="([^"]+)"', Path(settings.ROOT, "static/img/icons.svg").read_text(encoding="utf-8"))
    )
    for page in Path(settings.ROOT, "templates").rglob("*.html"):
        named = set(re.findall(r'\{% icon "([^"]+)"', page.read_text(encoding="utf-8")))
        assert named <= drawn, f"{page.name}: {named - drawn}"
    assert {look.shape for look in ui.LOOKS.values()} <= drawn


# ---- markup -------------------------------------------------------------------------------------------------------------
class Lint(HTMLParser):
    """What AC-04 asks of the markup of any page, and what a strict CSP forbids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.open_labels = 0
        self.first_link: str | None = None
        self.language: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "html":
            self.language = values.get("lang")
        if "style" in values or any(name.startswith("on") for name in values):
            self.faults.append(f"inline style or handler on {tag}")
        if tag == "style" or (tag == "script" and not values.get("src")):
            self.faults.append(f"inline {tag}")
        if tag == "a" and self.first_link is None:
            self.first_link = values.get("href")
        if tag == "th" and "scope" not in values:
            self.faults.append("th without scope")
        if tag == "label":
            self.open_labels += 1
            self.labelled.add(values.get("for") or "")
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag in {"input", "select", "textarea"} and values.get("type") != "hidden":
            values["inside"] = "1" if self.open_labels else None
            self.controls.append(values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.open_labels -= 1

    def close_reading(self) -> list[str]:
        for values in self.controls:
            if not (values.get("inside") or values.get("aria-label") or values.get("id") in self.labelled):
                self.faults.append(f"control without a name: {values.get('name')}")
            for told in (values.get("aria-describedby") or "").split():
                if told not in self.ids:
                    self.faults.append(f"{values.get('name')} is described by {told}, which is not there")
        double = {one for one in self.ids if self.ids.count(one) > 1}
        if double:
            self.faults.append(f"ids twice: {double}")
        return self.faults


@pytest.mark.django_db
@pytest.mark.parametrize("address", GALLERY)
def test_the_gallery_names_every_control_and_has_nothing_inline(client: Client, address: str) -> None:
    html = client.get(address, headers={"Accept-Language": "zh-CN"}).content.decode()
    lint = Lint(html)
    assert lint.close_reading() == []
    assert lint.language == "zh-CN"
    assert lint.first_link == "#main"
    assert "必填" in html


@pytest.mark.django_db
def test_the_gallery_is_not_for_production(client: Client) -> None:
    assert client.get("/gallery/").status_code == 200
    with override_settings(DEMO=False):
        assert client.get("/gallery/").status_code == 404


@pytest.mark.django_db
def test_an_unknown_page_says_what_to_do_and_names_the_request(client: Client) -> None:
    answer = client.get("/no/such/page/", headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 404
    html = answer.content.decode()
    assert "您可以" in html
    assert answer["X-Request-Id"] in html


def test_the_500_page_needs_neither_request_nor_database() -> None:
    html = rendered('{% include "500.html" %}')
    assert "系统出现故障" in html
    assert Lint(html).close_reading() == []


# ---- in a browser -----------------------------------------------------------------------------------------------------


class Server:
    """Answers the autosave of the gallery's form in the way a test asks for."""

    def __init__(self, page: Page) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.sent: list[tuple[str, str]] = []
        self.down = False
        self.hold = False
        self.held: Route | None = None
        page.route("**/gallery/**", self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        if request.method != "POST":
            route.fallback()
            return
        self.sent.append((request.headers.get("if-match", ""), request.post_data or ""))
        if self.down:
            route.abort()
            return
        if self.hold:
            self.held, self.hold = route, False
            return
        status, body = self.answers.pop(0) if self.answers else (200, {"version": 4, "saved_at": "14:32"})
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body))


@pytest.fixture
def gallery(page: Page, live_server: Any) -> tuple[Page, Server]:
    server = Server(page)
    page.goto(f"{live_server.url}/gallery/")
    return page, server


def state(page: Page, text: str) -> None:
    expect(page.locator("[data-save-state]")).to_contain_text(text)


@pytest.mark.a11y
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", GALLERY)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, live_server: Any, address: str, width: int, scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(live_server.url + address)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.case("AC-03")
def test_after_a_wrong_submit_the_focus_goes_to_the_summary_and_from_there_to_the_field(
    page: Page, live_server: Any
) -> None:
    page.goto(f"{live_server.url}/gallery/?errors=1")
    assert page.evaluate("document.activeElement.matches('[data-error-summary]')")
    page.locator("[data-error-summary] a[href='#id_gas']").click()
    assert page.evaluate("document.activeElement.id") == "id_gas"
    field = page.locator("#id_gas")
    assert field.get_attribute("aria-invalid") == "true"
    assert "id_gas_error" in (field.get_attribute("aria-describedby") or "")
    assert field.input_value() == "-3"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_autosave_says_when_it_saved_and_sends_the_version(gallery: tuple[Page, Server]) -> None:
    page, server = gallery
    server.answers = [
        (200, {"version": 4, "saved_at": "14:32", "computed": {"intensity": "0.201"}, "problems": {"gas": ["太小"]}})
    ]
    page.fill("#id_gas", "-3")
    state(page, "14:32")
    assert server.sent[0][0] == '"3"'
    assert "changed=gas" in server.sent[0][1]
    assert page.inner_text("[data-computed=intensity]") == "0.201"
    assert page.inner_text("[data-problem=gas]") == "太小"
    page.fill("#id_gas", "5")
    expect(page.locator("[data-problem]")).to_have_count(0)
    assert server.sent[1][0] == '"4"'


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_while_it_saves_sends_the_version_that_the_saving_brings(gallery: tuple[Page, Server]) -> None:
    """Otherwise whoever presses at that moment has a conflict with themselves."""
    page, server = gallery
    server.hold = True
    with page.expect_request(lambda request: request.method == "POST"):
        page.fill("#id_gas", "5")
    page.evaluate("document.querySelector('form[data-autosave]').requestSubmit()")
    assert len(server.sent) == 1
    assert server.held is not None
    pressed = lambda request: request.is_navigation_request() and request.method == "POST"  # noqa: E731
    with page.expect_request(pressed) as second:
        server.held.fulfill(status=200, content_type="application/json", body='{"version": 4, "saved_at": "14:32"}')
    assert re.search(r'name="version"\s+4\b|\bversion=4\b', second.value.post_data or "")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_what_is_refused_is_said_to_be_not_saved(gallery: tuple[Page, Server]) -> None:
    page, server = gallery
    server.answers = [(422, {"problems": {"gas": ["太小"]}})]
    page.fill("#id_gas", "-3")
    expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "refused")
    state(page, "尚未保存")
    assert page.inner_text("[data-problem=gas]") == "太小"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_conflict_shows_both_texts_and_overwrites_nothing_unasked(gallery: tuple[Page, Server]) -> None:
    page, server = gallery
    theirs = {"statement": "对方的说明", "name": "甲公司"}
    server.answers = [
        (409, {"code": "conflict", "message": "", "theirs": theirs, "version": 9, "by": "周明远", "at": "14:31"})
    ]
    page.fill("#id_statement", "我的说明")
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    assert "对方的说明" in dialog.inner_text()
    assert "我的说明" in dialog.inner_text()
    assert page.input_value("#id_name") == "甲公司", "what only the other one changed is taken over"
    dialog.locator("input[value=mine]").check()
    dialog.locator("[data-part=apply]").click()
    state(page, "14:32")
    assert server.sent[1][0] == '"9"'
    assert page.input_value("#id_statement") == "我的说明"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_unsent_text_survives_a_reload_and_is_forgotten_at_sign_out(gallery: tuple[Page, Server]) -> None:
    page, server = gallery
    server.down = True
    page.fill("#id_name", "乙公司")
    expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "failed")
    page.reload()
    expect(page.locator("#id_name")).to_have_value("乙公司")
    page.evaluate(
        """() => { const out = document.createElement("form"); out.dataset.clearsDrafts = ""; document.body.append(out);
        out.addEventListener("submit", (event) => event.preventDefault()); out.requestSubmit(); }"""
    )
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('draft:'))") == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_rows_move_by_keyboard_and_the_new_place_is_said(gallery: tuple[Page, Server]) -> None:
    page, server = gallery
    with page.expect_request(lambda request: request.method == "POST"):
        page.locator("[data-id=a] [data-handle]").press("ArrowDown")
    expect(page.locator("#toasts")).to_contain_text("第 2 位")
    assert "order=b%2Ca%2Cc" in server.sent[-1][1]
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, summary")].filter((one) => {
        const box = (one.closest("label") ?? one).getBoundingClientRect();
        return box.width && (box.width < 24 || box.height < 24); }).map((one) => one.outerHTML)"""
    )
    assert small == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_dialog_gives_the_focus_back_and_a_slash_leads_to_the_search(gallery: tuple[Page, Server]) -> None:
    page, _ = gallery
    page.click("[data-dialog=return-dialog]")
    page.locator("#return-dialog[open]").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.dialog") == "return-dialog"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "global-search"

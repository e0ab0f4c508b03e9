"""The desk in a real browser: an order by mouse, finger and keys; answers beside evidence; the keys of the queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Batch, Remark
from applications.services import batches
from greenlist.core import clock
from tests.applications import county, filled
from tests.world import World, build_world

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


class Scene:
    """Three units in a draft batch, one case under review with a picture beside each row."""

    def __init__(self, world: World, browser: Any, server: str) -> None:
        self.world, self.browser, self.server = world, browser, server
        call = filled.open_call(world)
        rows = [county.case(world, call, organisation=county.firm(world, "130302", 2700 + n)) for n in range(3)]
        self.units = [county.passed(world, row, NOW) for row in rows]
        actor = world.actor("county_handler")
        self.batch = batches.start(actor=actor, at=NOW, call=call)
        named = [row.reference for row in self.units]
        batches.add(actor=actor, at=NOW, reference=self.batch.reference, cases_=named)
        self.case = filled.submitted(world, call)

    def page(self, address: str, *, width: int = 1280, touch: bool = False) -> Any:
        size = {"width": width, "height": 900}
        context = self.browser.new_context(viewport=size, locale="zh-CN", has_touch=touch)
        cookies = self.world.client("county_handler").cookies
        context.add_cookies(
            [{"name": name, "value": one.value, "url": self.server} for name, one in cookies.items() if one.value]
        )
        page = context.new_page()
        page.errors = []
        page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        assert page.goto(f"{self.server}{address}").status == 200
        return page


@pytest.fixture
def scene(transactional_db: None, live_server: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    world = build_world()
    filled.load_rules()
    return Scene(world, browser, live_server.url)


def order_of(batch: Batch) -> list[Application]:
    return [item.application for item in batch.items.order_by("position")]


def settled(page: Any) -> None:
    page.wait_for_selector("[data-sort-list][data-state=saved]", timeout=20000)
    page.evaluate("delete document.querySelector('[data-sort-list]').dataset.state")


def sound(page: Any) -> None:
    """Nothing wider than the screen at either width, nothing said on the console, nothing axe finds."""
    from axe_playwright_python.sync_playwright import Axe

    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        broken = Axe().run(page).response["violations"]
        assert not broken, [(one["id"], one["nodes"][0]["html"][:200]) for one in broken]
    page.set_viewport_size({"width": 1280, "height": 900})
    assert not page.errors, page.errors


@pytest.mark.browser
@pytest.mark.a11y
@pytest.mark.clause("QHD-N2b")
def test_the_order_of_a_batch_by_mouse_finger_keys_and_number(scene: Scene) -> None:
    one, two, three = scene.units
    address = reverse("applications:batch", args=[scene.batch.reference])
    page = scene.page(address)
    sound(page)

    def middle(row: Application) -> tuple[float, float]:
        box = page.locator(f"#sort-{row.reference} [data-handle]").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    start, end = middle(three), page.locator(f"#sort-{one.reference}").bounding_box()
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0], (start[1] + end["y"]) / 2, steps=6)
    page.mouse.move(start[0], end["y"] + 4, steps=6)
    page.mouse.up()
    settled(page)
    assert order_of(scene.batch) == [three, one, two]  # over two rows: the drag does not end at the first
    first = page.locator("[data-sort-list] > li").first
    assert first.locator("[name=place]").input_value() == "1"
    assert page.locator("#summary-table tbody tr").first.inner_text().find(three.name) > 0  # told anew

    page.locator(f"#sort-{three.reference} [data-handle]").focus()
    page.keyboard.press("ArrowDown")
    settled(page)
    assert order_of(scene.batch) == [one, three, two]
    page.keyboard.press("End")  # the handle keeps the focus
    settled(page)
    assert order_of(scene.batch) == [one, two, three]

    place = page.locator(f"#sort-{three.reference} [name=place]")
    place.fill("1")
    with page.expect_navigation():
        place.press("Enter")
    assert order_of(scene.batch) == [three, one, two]
    page.context.close()

    page = scene.page(address, width=360, touch=True)
    handle = page.locator(f"#sort-{three.reference} [data-handle]")
    assert handle.evaluate("one => getComputedStyle(one).touchAction") == "none"  # a finger drags, the page stands
    handle.scroll_into_view_if_needed()
    x, y = middle(three)
    last = page.locator(f"#sort-{two.reference}").bounding_box()
    touch = page.context.new_cdp_session(page)
    for kind, height in (("touchStart", y), ("touchMove", y + 60), ("touchMove", last["y"] + last["height"] - 4)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": height}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settled(page)
    assert order_of(scene.batch) == [one, two, three]
    page.context.close()


@pytest.mark.browser
@pytest.mark.a11y
def test_answers_beside_their_evidence_by_keyboard(scene: Scene) -> None:
    page = scene.page(reverse("applications:beside", args=[scene.case.reference]) + "?row=conditions.lawful")
    assert page.evaluate("document.querySelector('.preview__picture img').naturalWidth") > 0
    sound(page)
    left, right = (page.locator(one).bounding_box() for one in (".beside__row--current", "#evidence"))
    assert left["x"] < right["x"] and right["y"] < left["y"] + left["height"] + 900
    label = page.locator(".beside__row--current > a").inner_text()
    with page.expect_navigation():
        page.keyboard.press("j")
    assert page.locator(".beside__row--current > a").inner_text() != label
    with page.expect_navigation():
        page.keyboard.press("k")
    assert page.locator(".beside__row--current > a").inner_text() == label
    page.keyboard.press("r")
    page.keyboard.type("jk：批复缺页")  # letters are letters while somebody writes
    page.wait_for_selector("[data-save-state][data-state='saved']", timeout=20000)
    assert Remark.objects.get().text == "jk：批复缺页"
    page.set_viewport_size({"width": 360, "height": 800})
    above, below = (page.locator(one).bounding_box() for one in (".beside__rows", "#evidence"))
    assert above["x"] == below["x"] and above["y"] + above["height"] <= below["y"]
    page.locator(".beside__row--current a[href='#evidence']").click()
    assert page.evaluate("document.querySelector('#evidence').getBoundingClientRect().top") < 400
    page.context.close()


@pytest.mark.browser
def test_the_keys_of_the_queue(scene: Scene) -> None:
    page = scene.page(reverse("applications:desk") + "?view=passed")
    page.keyboard.press("?")
    assert page.locator("kbd", has_text="Enter").is_visible()
    page.goto(page.url.replace("view=passed", "view=review"))
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.hasAttribute('data-row-link')")
    page.keyboard.press("x")
    box = page.locator(f"input[name=case][value='{scene.case.reference}']")
    assert box.is_checked()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.hasAttribute('data-row-link')")
    page.keyboard.press("/")
    page.keyboard.type("xjk?")
    assert page.evaluate("document.activeElement.value") == "xjk?" and box.is_checked()
    page.locator("[data-row-link]").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(reverse("applications:review", args=[scene.case.reference]))
    with page.expect_navigation():
        page.keyboard.press("u")
    assert reverse("applications:desk") in page.url
    page.context.close()

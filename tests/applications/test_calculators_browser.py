"""A calculator in a real browser: it answers while one types, is accessible, and fits a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.policy import services as policies
from tests.applications import filled
from tests.applications.test_browser import MAY, Scene, state_is
from tests.applications.test_calculators import folder
from tests.world import build_world

__all__ = ["folder"]


@pytest.mark.browser
@pytest.mark.a11y
def test_a_calculator_answers_while_one_types(
    transactional_db: None, live_server: Any, browser: Any, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    monkeypatch.setattr(clock, "now", lambda: MAY)
    world = build_world()
    policies.load_policies(actor=SYSTEM, at=filled.SPRING, folder=folder)
    case = filled.start(world, filled.open_call(world))
    scene = Scene.__new__(Scene)
    scene.world, scene.browser, scene.server = world, browser, live_server.url
    page = scene.page("applicant", reverse("applications:section", args=[case.reference, "count"]))
    page.select_option("select[name='use.0.item']", "electricity")
    page.fill("input[name='use.0.amount']", "5000000")
    state_is(page, "saved")
    assert page.inner_text("[data-computed='count.use.tce']") == "6,145,000.00"
    assert "单位" in page.inner_text("[data-computed='count.use.doubts']")
    page.select_option("select[name='use.0.unit']", "kwh")
    page.wait_for_selector("[data-computed='count.use.tce']:text-is('614.50')")
    assert page.inner_text("[data-computed='count.use.doubts']") == ""
    assert page.inner_text("[data-computed='count.carbon.tco2']") == "3,626.00"
    page.click("#t-use details:has([data-computed]) summary")
    assert "0.1229 kgce/kWh" in page.inner_text("[data-computed='count.use.steps']")
    broken = [(one["id"], one["nodes"][0]["html"][:160]) for one in Axe().run(page).response["violations"]]
    assert not broken
    for width in (1280, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        if kept := os.environ.get("SHOTS"):
            page.screenshot(path=f"{kept}/calculator-{width}.png", full_page=True)
    assert not page.errors
    page.context.close()

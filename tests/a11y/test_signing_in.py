"""Axe on the pages that the matrix does not show as they are with the second factor switched on (AC-01)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from playwright.sync_api import Browser

from greenlist.accounts.models import SignIn
from tests.a11y.test_pages import Reader
from tests.accounts.factor import App, give_password, set_up
from tests.factories import PASSWORD
from tests.world import World

pytestmark = [pytest.mark.a11y, pytest.mark.browser, pytest.mark.django_db, pytest.mark.timeout(300)]
AGENTS = ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0", "Mozilla/5.0 (iPhone) Safari/605.1", "")


@pytest.mark.case("AC-01")
def test_axe_finds_nothing_on_the_way_in(
    world: World, now: datetime, browser: Browser, browser_context_args: dict[str, Any], settings: Any
) -> None:
    settings.SECOND_FACTOR = True
    faults: list[str] = []

    def look(client: Client, *paths: str, wrong: bool = False) -> Reader:
        reader = Reader(browser, client, browser_context_args)
        for path in paths:
            reader.open(path)
            assert reader.status == 200, path
            faults.extend(f"{path} {fault}" for fault in reader.faults())
            if wrong:
                assert reader.get_wrong(), path
                faults.extend(f"{path} (with errors) {fault}" for fault in reader.faults())
        return reader

    with time_machine.travel(now, tick=False):
        look(world.client("county_handler"), "/account/second-factor/", wrong=True).close()
        user = world.user("applicant")
        app = set_up(user, now)
        pending = Client()
        give_password(pending, user.username)
        look(pending, "/account/login/code/", "/account/login/code/?way=recovery", wrong=True).close()
        inside = Client()
        for agent in AGENTS:
            SignIn.objects.create(user=user, agent=agent, began_at=now, seen_at=now, idle_minutes=30, end="")
        SignIn.objects.create(user=user, began_at=now, seen_at=now, idle_minutes=30, ended_at=now, end="idle")
        give_password(inside, user.username)
        inside.post("/account/login/code/", {"code": app.code(now)})
        pages = ("/account/second-factor/", "/account/second-factor/codes/", "/account/second-factor/off/")
        look(inside, *pages, wrong=True).close()
        reader = look(inside, "/account/sessions/", "/account/", "/account/contact/")
        codes(reader, app, now, faults)
        reader.close()
    assert faults == [], "\n".join(faults)


def codes(reader: Reader, app: App, now: datetime, faults: list[str]) -> None:
    """The recovery codes are the answer to a form."""
    reader.open("/account/second-factor/codes/")
    reader.page.fill("input[name=current]", PASSWORD)
    reader.page.fill("input[name=code]", app.code(now, 1))
    with reader.page.expect_navigation(wait_until="load"):
        reader.page.locator("main form button.button--primary").click()
    assert reader.page.locator("ol code").count() == 10
    faults.extend(f"recovery codes: {fault}" for fault in reader.faults())


@pytest.mark.case("AC-01")
def test_axe_finds_nothing_for_administrators(
    world: World, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    reader = Reader(browser, world.client("audit_administrator"), browser_context_args)
    world.client("county_handler").post("/account/logout/")
    for path in ("/account/audit/", "/account/audit/?person=zzzz"):
        reader.open(path)
        assert reader.status == 200
        assert list(reader.faults()) == []
    reader.close()

"""A round of hundreds: pages show a part of it, cost the same whatever its length, and what is off the page stays."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application
from greenlist.policy.engine.types import ReviewRule
from reviews.models import PanelItem, ShownFile
from reviews.selectors import conflicts
from reviews.selectors import panels as reads
from reviews.states import ConflictKind, PanelState
from reviews.views import draws as draw_views
from tests.reviews import stage
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def official(world: World) -> Client:
    return world.client("city_handler")


def named(answer: Any, rows: list[Application]) -> set[str]:
    """Which of these units the main part of a page names."""
    text = answer.content.decode()
    return {row.name for row in rows if row.name in text}


def test_a_panel_is_read_concluded_and_kept_page_by_page(
    world: World, official: Client, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "UNITS_SHOWN", 2)
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert", "expert2")
    for expert in ("expert", "expert2"):
        stage.locked(world, panel, expert, "80")
    page, form = (reverse(f"reviews:{name}", args=[panel.reference]) for name in ("panel", "panel-conclude"))
    first, second, beyond = (named(official.get(page, {"page": number}), three) for number in (1, 2, 9))
    assert (len(first), len(second), first & second, beyond) == (2, 1, set(), second)

    by_name = {row.name: row.reference for row in three}

    def given(names: set[str], **more: str) -> dict[str, str]:
        panel.refresh_from_db()
        said = {f"suggested-{by_name[name]}": "yes" for name in names}
        said |= {f"conclusion-{by_name[name]}": "同意推荐" for name in names}
        return {"version": str(panel.version), "opinion": "评审意见", **said, **more}

    lacking = official.post(form, given(second, page="2", finish="1"))
    assert lacking.status_code == 422
    assert re.search(r"其他页还有 2 个单位", lacking.content.decode())
    assert PanelItem.objects.filter(suggested=True).count() == 0  # refused as a whole
    kept = official.post(form, given(first, page="1", next_page="2"))
    assert (kept.status_code, kept["Location"]) == (302, f"{form}?page=2")
    assert PanelItem.objects.filter(suggested=True, conclusion="同意推荐").count() == 2
    assert official.post(form, given(second, page="2", finish="1")).status_code == 302
    panel.refresh_from_db()
    assert panel.state == PanelState.CLOSED
    assert PanelItem.objects.filter(suggested=True).count() == 3


def test_the_page_of_a_panel_asks_as_much_for_one_unit_as_for_three(
    world: World, official: Client, three: list[Application]
) -> None:
    def queries(rows: list[Application]) -> int:
        panel = stage.opened(world, rows)
        with CaptureQueriesContext(connection) as seen:
            assert official.get(reverse("reviews:panel", args=[panel.reference])).status_code == 200
        return len(seen)

    queries(three[:1])  # what a process learns once
    assert queries(stage.several(world, three[0].call, 1, start=7100)) == queries(three[1:])


def test_units_far_apart_or_short_of_experts_are_told_from_whatever_page(
    world: World, official: Client, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "UNITS_SHOWN", 1)
    panel = stage.opened(world, three)
    panel.per_case = 3
    panel.save(update_fields=["per_case"])
    told = reads.attention(panel)
    assert {one.unit.case.pk for one in told} == {row.pk for row in three} and all(one.short for one in told)
    monkeypatch.setattr(reads, "ATTENTION", 2)
    assert len(reads.attention(panel)) == 2


def test_saving_a_page_of_files_leaves_those_of_other_pages(
    world: World, official: Client, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_views, "FILES_OF", 1)
    files = {row.pk: stage.evidence(world, row) for row in three[:2]}
    panel = stage.opened(world, three, blind=True)
    page = reverse("reviews:panel-files", args=[panel.reference])
    for number in (1, 2, 3):
        body = official.get(page, {"page": number}).content.decode()
        case = re.findall(r'name="case" value="([^"]+)"', body)
        shown = re.findall(r'name="shown" value="([^"]+)"', body)
        assert len(case) == 1 and len(shown) <= 1
        official.post(page, {"case": case, "shown": shown, "next_page": number + 1})
    assert ShownFile.objects.count() == len(files) == 2


def test_conflicts_are_the_same_however_they_are_looked_for(world: World, three: list[Application]) -> None:
    """Hundreds of experts beside a whole round are never compared pair by pair; the first reason is told."""
    one, two, _third = three
    experts = {world.user("expert").pk: one.organisation.name, world.user("expert2").pk: "无关单位"}
    found = conflicts.found(experts, three, rule=ReviewRule())
    assert found == {(world.user("expert").pk, one.pk): ConflictKind.EMPLOYER}
    found = conflicts.found({world.user("expert").pk: f" {two.organisation.name} "}, three)
    assert set(found) == {(world.user("expert").pk, two.pk)}
    assert conflicts.found({}, three) == {} and conflicts.found(experts, []) == {}

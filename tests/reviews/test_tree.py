"""Sheets scored by the rows of the criteria set: the sum, what must be met, autosave (HLJ-18a, JY-15b, feature 16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application
from greenlist.core.errors import Invalid
from reviews.models import Panel, Sheet
from reviews.selectors import seats as reads
from reviews.selectors import tree
from reviews.services import seats
from tests.reviews import stage
from tests.world import World

START = stage.START


@pytest.fixture
def unit(case: Application) -> Application:
    return stage.with_tree(case)


@pytest.fixture
def panel(world: World, unit: Application) -> Panel:
    panel = stage.opened(world, [unit], ("expert", "expert2"))
    stage.admitted(world, panel, "expert", "expert2")
    return panel


def save(world: World, panel: Panel, unit: Application, rows: dict[str, dict[str, str]], **given: Any) -> Sheet:
    values: dict[str, Any] = {"version": 0, "score": None, "suggests": True, "comment": "好", "at": START}
    return seats.save_sheet(
        actor=world.actor("expert"),
        reference=panel.reference,
        case=unit.reference,
        rows=rows,
        **{**values, **given},
    )


@pytest.mark.clause("HLJ-18a")
def test_the_sheet_offers_the_rows_and_sums_them_as_the_set_does(world: World, panel: Panel, unit: Application) -> None:
    page = reads.scoring(world.actor("expert"), panel.reference, unit.reference)
    assert page.tree is not None
    criteria = page.tree.criteria
    assert {line.path for line in page.tree.lines} <= {row.path for row in criteria.rows}
    assert tree.total(page.tree, stage.points(unit)).total == page.tree.most == Decimal(100)
    assert tree.total(page.tree, {}).total == 0
    sheet = save(world, panel, unit, stage.points(unit))
    assert sheet.score == 100
    first = page.tree.lines[0]
    partly = {**stage.points(unit)}
    del partly[first.path]
    assert save(world, panel, unit, partly, version=1).score is None  # not complete
    assert save(world, panel, unit, stage.points(unit), version=2, score=Decimal(3)).score == 100  # the rows count


@pytest.mark.parametrize("wrong", ["-1", "10001", "NaN", "x", "0.001"])
def test_points_that_do_not_fit_are_refused(world: World, panel: Panel, unit: Application, wrong: str) -> None:
    found = tree.of(unit)
    assert found is not None
    line = next(one for one in found.lines if not one.is_binding)
    with pytest.raises(Invalid) as refused:
        save(world, panel, unit, {line.path: {"points": wrong, "comment": ""}})
    assert list(refused.value.problems) == [f"points-{line.field}"]
    assert save(world, panel, unit, {line.path: {"points": "0.5", "comment": "证据不全"}}).rows == {
        line.path: {"points": "0.5", "comment": "证据不全"}
    }


def test_what_must_be_met_and_is_not_bars_the_suggestion(world: World, panel: Panel, unit: Application) -> None:
    found = tree.of(unit)
    assert found is not None
    must = next(one for one in found.lines if one.is_binding)
    rows = {**stage.points(unit), must.path: {"points": "0", "comment": "未达到"}}
    with pytest.raises(Invalid):
        save(world, panel, unit, {must.path: {"points": str(must.full / 2), "comment": ""}})
    save(world, panel, unit, rows)
    actor, given = world.actor("expert"), {"reference": panel.reference, "at": START}
    with pytest.raises(Invalid) as refused:
        seats.lock(actor=actor, versions={unit.reference: 1}, **given)
    assert list(refused.value.problems) == [unit.reference]
    save(world, panel, unit, rows, version=1, suggests=False)
    seats.lock(actor=actor, versions={unit.reference: 2}, **given)


def test_the_page_saves_rows_with_and_without_script(world: World, panel: Panel, unit: Application) -> None:
    client = world.client("expert")
    page = client.get(reverse("reviews:sheet", args=[panel.reference, unit.reference]))
    assert page.status_code == 200
    found = tree.of(unit)
    assert found is not None
    assert page.content.decode().count('name="points-') == len(found.lines)
    assert 'name="score"' not in page.content.decode()
    given = {f"points-{line.field}": str(line.full) for line in found.lines}
    address = reverse("reviews:sheet-save", args=[panel.reference, unit.reference])
    answer = client.post(address, {**given, "version": 0}, headers={"X-Requested-With": "autosave"})
    assert answer.json()["computed"] == {"sum": "100"}
    given[f"points-{found.lines[0].field}"] = "999"
    assert client.post(address, {**given, "version": 1}).status_code == 422
    assert client.post(address, {**given, "version": 0}, headers={"X-Requested-With": "autosave"}).status_code in (
        409,
        422,
    )
    assert Sheet.objects.get(seat__user=world.user("expert")).score == 100
    assert client.get(reverse("reviews:seat-lock", args=[panel.reference])).status_code == 200

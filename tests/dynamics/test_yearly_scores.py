"""Scores and places kept by year; the lowest share several years running is proposed only where a rule set says so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dynamics.models import Cycle, Removal, YearlyReport, YearlyScore
from dynamics.services import cycles, scores
from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.organisations.models import Site
from greenlist.policy import services as policies
from registry.models import Listing
from tests.applications import county
from tests.dynamics.listed import listed
from tests.dynamics.tables import SPRING, opened
from tests.world import World

GROUND = """
[[removal]]
key = "lowest"
label = { zh = "连续三年排名后5%", en = "In the lowest 5 % three years running" }
on = "score"
when = "any_time"
percent = 5
years = 3
portal = true
"""


@pytest.fixture
def listing(world: World) -> Listing:
    county.load_rules()
    return listed(world)


def units(world: World, count: int) -> list[Listing]:
    """So many more units on the city's list."""
    made = []
    for number in range(count):
        site = Site.objects.create(organisation=world.org, name=f"示例厂区{number:02d}", area=world.site.area)
        made.append(listed(world, site=site))
    return made


def year_of(world: World, year: int, worst: int, at: datetime) -> Cycle:
    """A closed cycle in which everybody has a score and this site the lowest."""
    cycle = opened(world, year=year, due_on=date(year, 4, 30), at=at)
    tables = YearlyReport.objects.filter(cycle=cycle).order_by("pk")
    given = {
        one.reference: Decimal(1) if one.site_id == worst else Decimal(100 + number)
        for number, one in enumerate(tables)
    }
    scores.enter(actor=world.actor("city_handler"), at=at, cycle=cycle.reference, scores=given)
    cycles.close(actor=world.actor("city_approver"), at=at.replace(month=5, day=2), reference=cycle.reference)
    return cycle


def three_years(world: World, worst: int, other: int = 0) -> None:
    for year in (2027, 2028, 2029):
        at = datetime.fromisoformat(f"{year}-03-01T09:00:00+08:00")
        year_of(world, year, other if other and year == 2028 else worst, at)


def switched_on(folder: Path) -> None:
    """A copy of the rules in which the ground is switched on."""
    fixtures = Path(settings.POLICIES_DIR).parent
    shutil.copytree(fixtures / "policies" / "qinhuangdao", folder / "policies" / "qinhuangdao")
    shutil.copytree(fixtures / "forms", folder / "forms")
    rules = folder / "policies" / "qinhuangdao" / "policy.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + GROUND, encoding="utf-8")
    policies.load_policies(actor=SYSTEM, at=SPRING, folder=folder)


def test_places_follow_the_scores_and_equals_share_one(world: World, listing: Listing) -> None:
    units(world, 3)
    cycle = opened(world)
    given = dict(zip(
        YearlyReport.objects.filter(cycle=cycle).order_by("site_id").values_list("reference", flat=True),
        (Decimal(90), Decimal(80), Decimal(90), Decimal("70.5")),
        strict=True,
    ))  # fmt: skip
    assert scores.enter(actor=world.actor("city_handler"), at=SPRING, cycle=cycle.reference, scores=given) == 4
    rows = YearlyScore.objects.filter(cycle=cycle).order_by("site_id")
    assert [(row.rank, row.among) for row in rows] == [(1, 4), (3, 4), (1, 4), (4, 4)]
    with pytest.raises(NotAllowed):
        scores.enter(actor=world.actor("county_handler"), at=SPRING, cycle=cycle.reference, scores=given)
    with pytest.raises(Invalid):
        scores.enter(actor=world.actor("city_handler"), at=SPRING, cycle=cycle.reference, scores={"x": Decimal(1)})


def test_a_mandate_for_one_list_scores_that_list_only(world: World, listing: Listing) -> None:
    cycle = opened(world)
    given: dict[str, Any] = {"at": SPRING, "cycle": cycle.reference}
    points = {one.reference: Decimal(80) for one in YearlyReport.objects.filter(cycle=cycle)}
    with pytest.raises(Invalid):
        scores.enter(actor=replace(world.actor("city_handler"), list_kind="park"), scores=points, **given)
    assert scores.enter(actor=replace(world.actor("city_handler"), list_kind="factory"), scores=points, **given) == 1


def test_many_scores_are_ranked_once(world: World, listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(world, "rival")
    cycle, ranked = opened(world), []
    monkeypatch.setattr(scores.rankings, "ranks", lambda found: ranked.append(len(found)) or dict.fromkeys(found, 1))
    points = {one.reference: Decimal(80) for one in YearlyReport.objects.filter(cycle=cycle)}
    scores.enter(actor=world.actor("city_handler"), at=SPRING, cycle=cycle.reference, scores=points)
    assert ranked == [2]


def test_the_shipped_rules_remove_nobody_for_a_score(world: World, listing: Listing) -> None:
    units(world, 19)
    three_years(world, listing.site_id)
    assert scores.propose_lowest(at=datetime.fromisoformat("2029-06-01T09:00:00+08:00")) == 0
    assert not Removal.objects.exists()


@pytest.mark.parametrize(("broken", "proposed"), [(False, 1), (True, 0)])
def test_switched_on_the_lowest_share_three_years_running_is_proposed(
    world: World, listing: Listing, broken: bool, proposed: int, tmp_path: Path
) -> None:
    more = units(world, 19)
    switched_on(tmp_path)
    three_years(world, listing.site_id, other=more[0].site_id if broken else 0)
    at = datetime.fromisoformat("2029-06-01T09:00:00+08:00")
    assert scores.propose_lowest(at=at) == proposed
    assert scores.propose_lowest(at=at) == 0
    assert [row.listing for row in Removal.objects.all()] == [listing][:proposed]


def test_scores_by_page_and_by_file(world: World, listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)
    cycle = opened(world)
    table = YearlyReport.objects.get(cycle=cycle)
    client = world.client("city_handler")
    path = reverse("dynamics:cycle-scores", args=[cycle.reference])
    assert client.get(path).status_code == 200
    assert client.post(path, {f"score-{table.reference}": "abc"}).status_code == 422
    assert client.post(path, {f"score-{table.reference}": "88.5"}).status_code == 302
    assert YearlyScore.objects.get().score == Decimal("88.50")
    text = f"统一社会信用代码,得分\n{world.org.code},91\n"
    sent: Any = SimpleUploadedFile("scores.csv", text.encode("gb18030"))
    assert client.post(path, {"file": sent}).status_code == 302
    row = YearlyScore.objects.get()
    assert (row.score, row.source) == (Decimal(91), "imported")
    wrong: Any = SimpleUploadedFile("scores.csv", "统一社会信用代码,得分\n91000000000000000X,91\n".encode())
    assert client.post(path, {"file": wrong}).status_code == 422

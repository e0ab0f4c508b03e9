"""What the lists above still ask of a unit, for itself and its officials; further titles; park ↔ firms, chain ↔ suppliers."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from applications.models import Application
from applications.states import State
from dynamics.selectors import upgrade_path as reads
from dynamics.services import cultivation, showing
from greenlist.core import clock
from greenlist.core.errors import NotVisible
from greenlist.organisations import selectors as parties
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Organisation, ParkFirm
from registry.models import Listing
from registry.states import ListingState
from tests import factories, places
from tests.applications import filled
from tests.dynamics.listed import listed
from tests.world import World

AT = datetime.fromisoformat("2026-09-01T09:00:00+08:00")


@pytest.fixture(autouse=True)
def _rules(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.load_rules()
    monkeypatch.setattr(clock, "now", lambda: AT)


@pytest.mark.clause("QHD-18")
def test_every_list_above_says_what_it_still_asks_with_clause_and_way_out(world: World) -> None:
    unit = listed(world)
    (path,) = reads.own(world.actor("applicant"), AT.date())
    named = {(way.title, way.tier, way.category) for way in path.ways}
    assert {tier for _title, tier, _category in named} == {"province", "nation"}
    assert any("供应链" in category for _title, _tier, category in named)  # the supply-chain enterprise too
    national = next(way for way in path.ways if way.tier == "nation" and "供应链" not in way.category)
    asked = {step.shown.key: step for step in national.steps}
    first = asked["prerequisite.provincial_factory"]
    assert (first.shown.outcome, first.way_out) == ("block", "先列入下一级名单，再申报。")
    assert first.shown.article  # its clause
    page = world.client("applicant").get(reverse("dynamics:upgrade")).content.decode()
    office = world.client("county_handler").get(reverse("dynamics:upgrade-unit", args=[unit.pk])).content.decode()
    for shown in (page, office):
        assert first.way_out in shown
        assert first.shown.article in shown
    assert world.client("other_county_handler").get(reverse("dynamics:upgrade-unit", args=[unit.pk])).status_code == 404


@pytest.mark.clause("QHD-18")
def test_an_accident_stands_in_the_way_with_its_veto(world: World) -> None:
    listed(world)
    factories.adverse(world.org, "safety", date(2026, 3, 1), 2)
    (path,) = reads.own(world.actor("applicant"), AT.date())
    vetoes = [step for way in path.ways for step in way.steps if step.shown.key.startswith("veto.")]
    assert vetoes
    assert all(step.way_out for step in vetoes)


@pytest.mark.clause("QHD-18")
def test_a_cultivated_unit_sees_the_path_before_any_title(world: World) -> None:
    row = cultivation.add(site_id=world.site.pk, category="factory", actor=world.actor("county_handler"), at=AT)
    assert reads.own(world.actor("applicant"), AT.date()) == []  # a note of the authority
    cultivation.take_up(reference=row.reference, actor=world.actor("county_handler"), at=AT)
    (path,) = reads.own(world.actor("applicant"), AT.date())
    assert {way.tier for way in path.ways} == {"city", "province", "nation"}
    office = world.client("city_handler").get(reverse("dynamics:upgrade-object", args=[row.reference]))
    assert office.status_code == 200


@pytest.mark.clause("QHD-18")
def test_the_last_report_is_set_beside_the_criteria(world: World) -> None:
    case = filled.submitted(world, filled.open_call(world))
    Application.objects.filter(pk=case.pk).update(state=State.LISTED, desk=None)
    listed(world)
    (path,) = reads.own(world.actor("applicant"), AT.date())
    scored = [way.score for way in path.ways if way.score is not None]
    assert scored
    assert all(one.clause and one.standard for one in scored)


@pytest.mark.clause("JY-24b")
def test_further_titles_with_those_already_held(world: World) -> None:
    area = world.areas["130300"]
    area.slug = "445200"
    area.path = "/130000/445200/"
    area.save()
    county = world.areas["130302"]
    county.path = "/130000/445200/130302/"
    county.save()
    world.site.refresh_from_db()
    world.org.honours.create(kind="省级专精特新“小巨人”企业", year=2025)
    found = {one.label: one for one in reads.further(world.site, "factory")}
    assert {one.clause for one in found.values()} == {"JY-24b"}
    assert [label for label, one in found.items() if one.held] == ["专精特新“小巨人”企业"]
    assert any("节水型" in label for label in found) and any("碳达峰" in label for label in found)
    assert not any("清洁生产" in label for label in found)  # puts forward, but nobody is encouraged to seek it


def _linked(world: World, holder: Organisation, count: int) -> list[ParkFirm]:
    made = []
    for number in range(count):
        firm = factories.organisation(world.areas["130302"], f"链上示例{number}有限公司", serial=8800 + number)
        made.append(
            organisations.add_firm(
                park_id=holder.pk, code=firm.code or "", name=firm.name, actor=world.actor("county_handler"), at=AT
            )
        )
    return made


@pytest.mark.clause("JY-3", "HLJ-2")
@pytest.mark.parametrize(("kind", "category"), [("park", "park"), ("firm", "supply_chain")])
def test_parks_and_chains_count_the_green_among_theirs_by_tier(world: World, kind: str, category: str) -> None:
    holder = factories.organisation(world.areas["130302"], "带动示例单位", serial=8700, kind=kind)
    links = _linked(world, holder, 3)
    for link, tiers in zip(links, (("city", "province"), ("city",), ()), strict=True):
        for tier in tiers:
            factories.title(link.firm.sites.get(), tier, valid_from=date(2026, 1, 1))
    found = parties.link_counts(holder.pk, AT.date())
    assert (found.every, found.any_tier, found.green) == (3, 2, {"province": 1, "city": 2})
    page = world.client("county_handler").get(reverse("organisations:park_firms", args=[holder.pk]))
    assert "其中绿色工厂" in page.content.decode()
    unit = listed(world, category=category, site=holder.sites.get())
    public = reverse("dynamics:listing", args=["130300", unit.pk])
    assert "其中绿色工厂" not in world.client("anonymous").get(public).content.decode()
    area = world.areas["130300"]
    area.slug = "445200"  # where the rules offer it
    area.save()
    for one in (area, world.areas["130302"]):
        one.path = one.path.replace("/130300/", "/445200/")
        one.save()
    type(unit).objects.filter(pk=unit.pk).update(area_path="/130000/445200/130302/")
    actor = world.actor("province_handler")
    showing.mark(listing_id=unit.pk, kind="partners", public=True, actor=actor, at=AT)
    public = reverse("dynamics:listing", args=["445200", unit.pk])
    assert "其中绿色工厂" in world.client("anonymous").get(public).content.decode()


@pytest.mark.clause("JY-3", "HLJ-2")
def test_suppliers_come_and_go_and_count_against_nobody(world: World) -> None:
    chain = world.org
    link = organisations.add_firm(
        park_id=chain.pk, code="", name="供应商示例有限公司", actor=world.actor("applicant"), at=AT
    )
    factories.adverse(link.firm, "safety", date(2026, 3, 1), 3)
    assert parties.events_of(chain) == []
    with pytest.raises(NotVisible):
        organisations.remove_firm(link_id=link.pk, actor=world.actor("rival"), at=AT)
    organisations.remove_firm(link_id=link.pk, actor=world.actor("applicant"), at=AT)
    assert parties.link_counts(chain.pk, AT.date()).every == 0


@pytest.mark.clause("JY-24")
def test_other_departments_use_the_open_list_with_export_and_api(world: World) -> None:
    """Nobody signs in: the list of 揭阳, as files and by API, with the state of every place."""
    places.jieyang(world)
    unit = listed(world, "jy_applicant", "445200")
    gone = listed(
        world,
        "jy_applicant",
        "445200",
        site=factories.site(world.orgs["jy_applicant"], world.areas["445202"], "旧厂区"),
    )
    Listing.objects.filter(pk=gone.pk).update(state=ListingState.REMOVED)
    client = world.client("anonymous")
    assert unit.name in client.get(reverse("registry:lists"), {"place": "445200"}).content.decode()
    for kind in ("xlsx", "csv", "json"):
        answer = client.get(reverse("registry:download", args=[kind]), {"place": "445200"})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200
        if kind == "xlsx":
            sheets = load_workbook(io.BytesIO(body)).worksheets
            text = str([row for sheet in sheets for row in sheet.iter_rows(values_only=True)])
        else:
            text = str(json.loads(body)) if kind == "json" else body.decode("utf-8-sig")
        assert unit.name in text
        assert (unit.code or "") in text
        assert "已移出" in text or "removed" in text  # who supports it sees that a place has ended
    answer: Any = client.get("/api/v1/listings/", {"place": "445200"})
    assert answer.status_code == 200
    assert unit.name in str(answer.json())

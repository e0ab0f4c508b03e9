"""监督检查: samples that come out the same again, checklists, photos, unannounced visits, guidance, rectifications."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from openpyxl import load_workbook

from dynamics.documents import inspections as documents
from dynamics.models import Inspection, InspectionPlan, Rectification
from dynamics.selectors import inspections as reads
from dynamics.services import inspections
from dynamics.services.inspections import Visit, Wish
from dynamics.states import InspectionState
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from registry.models import Listing
from tests import factories, places
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics.listed import listed
from tests.rendering import content
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
DAY = date(2026, 9, 15)
SEED = "7" * 64


def many(world: World, number: int, area: str = "130302", owner: str = "130300", who: str = "org") -> list[Listing]:
    sites = (factories.site(world.orgs[who], world.areas[area], f"示例{index}号厂区") for index in range(number))
    return [listed(world, who, owner, site=site) for site in sites]


def draw(world: World, who: str = "city_handler", **given: Any) -> InspectionPlan:
    said = {"title": "2026年现场抽查计划", "year": 2026, "share": Decimal(5), **given}
    return inspections.draw(actor=world.actor(who), wish=Wish(**said), at=AT, seed=SEED)


def plan(world: World, row: Listing, who: str = "county_handler", **given: Any) -> Inspection:
    return inspections.plan_visit(actor=world.actor(who), listing=row.pk, at=AT, **{"planned_on": DAY, **given})


def carry_out(world: World, row: Inspection, who: str = "county_handler", **given: Any) -> Inspection:
    said = {
        "visited_on": DAY,
        "persons": "示例甲、示例乙",
        "result": "problems",
        "findings": "两台空压机未装表。",
        "answers": {one["key"]: ("yes", "") for one in row.items},
        "photos": [picture("现场.png")],
        **given,
    }
    at = AT + timedelta(days=10)
    return inspections.carry_out(actor=world.actor(who), reference=row.reference, visit=Visit(**said), at=at)


@pytest.mark.clause("QHD-13a")
@pytest.mark.clause("SJZ-12")
@pytest.mark.parametrize(
    ("who", "owner", "handler", "firm"),
    [("org", "130300", "county_handler", "applicant"), ("sjz", "130100", "sjz_county_handler", "other_applicant")],
)
def test_the_county_inspects_with_findings_photos_and_follow_up(
    world: World, who: str, owner: str, handler: str, firm: str
) -> None:
    county.load_rules()
    unit = listed(world, who, owner)
    row = plan(world, unit, handler, kind="guidance", purpose="能源管理指导")
    assert Notification.objects.filter(kind="inspection.planned", recipient=world.user(firm)).exists()
    carry_out(world, row, handler, rectify="为两台空压机装表。", due_on=date(2026, 10, 30))
    ordered = Rectification.objects.get()
    unit.refresh_from_db()
    assert (ordered.source, ordered.due_on, unit.state) == ("inspection", date(2026, 10, 30), "rectifying")
    page = world.client(firm).get(reverse("dynamics:inspection", args=[row.reference])).content.decode()
    assert "两台空压机未装表。" in page
    stored = row.files.get()
    answer = world.client(firm).get(reverse("dynamics:inspection-file", args=[row.reference, stored.pk]))
    assert b"".join(answer.streaming_content)[:4] == b"\x89PNG"  # type: ignore[arg-type]
    with pytest.raises(WrongState):
        carry_out(world, row, handler)


@pytest.mark.clause("JY-20")
def test_a_spot_check_comes_unannounced_and_the_unit_sees_it_only_after(world: World) -> None:
    places.jieyang(world)
    county.load_rules()
    unit = listed(world, "jy_applicant", "445200")
    row = plan(world, unit, "jy_county_handler", unannounced=True)
    assert row.clause == "JY-20"
    address = reverse("dynamics:inspection", args=[row.reference])
    firm = world.client("jy_applicant")
    assert firm.get(address).status_code == 404
    assert unit.name not in firm.get(reverse("dynamics:inspections")).content.decode().split("<main")[-1]
    assert not Notification.objects.filter(recipient=world.user("jy_applicant")).exists()
    assert world.client("jy_city_handler").get(address).status_code == 200
    carry_out(world, row, "jy_county_handler", result="good")
    assert firm.get(address).status_code == 200
    other = plan(world, unit, "jy_county_handler", unannounced=True)
    inspections.cancel(actor=world.actor("jy_county_handler"), reference=other.reference, at=AT)
    assert firm.get(reverse("dynamics:inspection", args=[other.reference])).status_code == 404


@pytest.mark.clause("HLJ-29")
def test_every_tier_of_heilongjiang_inspects_units_of_the_provincial_list(world: World) -> None:
    county.load_rules()
    unit = listed(world, "hlj", "230000")
    for who in ("hlj_county_handler", "hlj_city_handler", "hlj_province_handler"):
        row = plan(world, unit, who)
        assert (row.clause, row.authority_id) == ("HLJ-29", world.actor(who).authority_id)
    drawn = draw(world, "hlj_province_handler", share=None, number=1)
    assert drawn.drawn == [str(unit.pk)]


@pytest.mark.parametrize(
    ("who", "area", "owner", "by"),
    [
        pytest.param("org", "130302", "130300", "city_handler", marks=pytest.mark.clause("QHD-13a")),
        pytest.param("jy_applicant", "445202", "445200", "jy_city_handler", marks=pytest.mark.clause("JY-20")),
        pytest.param("hlj", "230102", "230000", "hlj_province_handler", marks=pytest.mark.clause("HLJ-29")),
    ],
)
def test_a_sample_of_five_per_cent_comes_out_the_same_again(
    world: World, capsys: pytest.CaptureFixture[str], who: str, area: str, owner: str, by: str
) -> None:
    if owner == "445200":
        places.jieyang(world)
    county.load_rules()
    units = many(world, 41, area, owner, who)
    made = draw(world, by)
    assert len(made.drawn) == 3  # 5 % of 41, rounded up
    assert set(made.drawn) <= {str(one.pk) for one in units}
    assert made.inspections.count() == 3
    assert reads.again(made) == ""
    call_command("redraw_samples", "--verify", made.reference)
    assert "0 differ" in capsys.readouterr().out
    second = draw(world, by)
    assert second.drawn == made.drawn, "seed and population decide it, not the order of rows"
    InspectionPlan.objects.filter(pk=made.pk).update(drawn=[str(units[0].pk)])
    made.refresh_from_db()
    assert reads.again(made) == "digest"
    with pytest.raises(SystemExit):
        call_command("redraw_samples", "--verify")


def test_nobody_is_spared_because_there_are_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    county.load_rules()
    many(world, 3)
    monkeypatch.setattr(inspections, "MOST", 2)
    with pytest.raises(Invalid) as wide:
        draw(world)
    assert list(wide.value.problems) == ["category"]
    monkeypatch.setattr(inspections, "MOST", 3)
    assert len(draw(world).population) == 3


def test_a_plan_draws_only_from_its_own_area_and_lists(world: World) -> None:
    county.load_rules()
    many(world, 3)
    rival = listed(world, "rival", "130300")
    made = draw(world, "county_handler", share=None, number=10)
    assert len(made.population) == 3
    assert str(rival.pk) not in made.population
    for given in ({"share": None}, {"number": 3}, {"title": " "}):
        with pytest.raises(Invalid):
            draw(world, **given)
    with pytest.raises(Invalid):
        draw(world, "other_city_handler")  # nobody is listed there
    with pytest.raises(NotAllowed):
        draw(world, "applicant")
    with pytest.raises(Refused):  # the rules name county and city
        draw(world, "province_handler")


def test_a_mandate_for_one_list_reads_its_units_of_a_plan_of_all_lists(world: World) -> None:
    county.load_rules()
    factory, park = listed(world, "hlj", "230000"), listed(world, "hlj", "230000", category="park")
    made = draw(world, "hlj_city_handler", share=None, number=2)
    whole, part = world.actor("hlj_city_handler"), replace(world.actor("hlj_city_handler"), list_kind="factory")
    seen = [{row.listing_id for row in reads.page_of_plan(one, made).rows} for one in (whole, part)]
    assert seen == [{factory.pk, park.pk}, {factory.pk}]
    names = [
        [line[0] for line in documents.TABLE.lines(documents.TABLE.rows(one, made.reference, {}, DAY), one, DAY)]
        for one in (whole, part)
    ]
    assert names == [[row.listing.name for row in reads.of_plan(whole, made)], [factory.name]]


def test_what_is_refused(world: World) -> None:
    county.load_rules()
    unit = listed(world)
    with pytest.raises(NotAllowed):
        plan(world, unit, "other_county_handler")
    with pytest.raises(Invalid):
        plan(world, unit, planned_on=AT.date() - timedelta(days=1))
    row = plan(world, unit)
    with pytest.raises(NotVisible):
        carry_out(world, row, "other_county_handler")
    with pytest.raises(NotAllowed):
        carry_out(world, row, "city_handler")
    with pytest.raises(Invalid) as wrong:
        carry_out(world, row, visited_on=None, persons="", findings="", result="", answers={}, due_on=DAY)
    assert {"visited_on", "persons", "findings", "result", "rectify", "item_data"} <= set(wrong.value.problems)
    row.refresh_from_db()
    assert (row.state, row.files.count()) == (InspectionState.PLANNED, 0)


def test_the_pages_do_what_the_services_do(world: World) -> None:
    from greenlist.core import clock

    county.load_rules()
    unit = listed(world)
    officer = world.client("county_handler")
    today = clock.china_date(clock.now())
    planning = reverse("dynamics:inspection-new", args=[unit.pk])
    assert officer.get(planning).status_code == 200
    assert officer.post(planning, {"kind": "spot_check"}).status_code == 422
    assert officer.post(planning, {"kind": "spot_check", "planned_on": today.isoformat()}).status_code == 302
    row = Inspection.objects.get()
    page = reverse("dynamics:inspection", args=[row.reference])
    assert "现场台账" in officer.get(page).content.decode()
    given = {f"item_{one['key']}": "yes" for one in row.items}
    given |= {"visited_on": today.isoformat(), "persons": "示例甲", "result": "good", "findings": "正常。"}
    record = reverse("dynamics:inspection-record", args=[row.reference])
    assert officer.post(record, {**given, "item_data": ""}).status_code == 422
    assert officer.post(record, {**given, "photo1": picture()}).status_code == 302
    drawing = reverse("dynamics:inspection-plans")
    assert officer.post(drawing, {"title": "抽查", "year": 2026}).status_code == 422
    assert officer.post(drawing, {"title": "抽查", "year": 2026, "number": 1}).status_code == 302
    made = InspectionPlan.objects.get()
    assert made.seed in officer.get(reverse("dynamics:inspection-plan", args=[made.reference])).content.decode()
    answer = officer.get(reverse("dynamics:inspection-plan-workbook", args=[made.reference]))
    sheet = load_workbook(io.BytesIO(content(answer))).active
    assert sheet is not None
    assert sheet.cell(2, 1).value == unit.name


@pytest.mark.parametrize("count", [3, 30])
def test_the_lists_cost_the_same_with_many(world: World, django_assert_max_num_queries: Any, count: int) -> None:
    county.load_rules()
    unit = listed(world)
    for _ in range(count):
        plan(world, unit)
        draw(world, share=None, number=1)
    client = world.client("city_handler")
    for name in ("dynamics:inspections", "dynamics:inspection-plans"):
        client.get(reverse(name))
        with django_assert_max_num_queries(14):
            client.get(reverse(name))

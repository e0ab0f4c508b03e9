"""The cultivation library: taken in, brought on, invited, applied, on the list; who sees what; the survey's workbook."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from applications.models import Application
from applications.states import State
from dynamics.models import CultivationObject, CultivationVisit
from dynamics.selectors import cultivation as reads
from dynamics.services import cultivation
from dynamics.services.cultivation import Plan
from dynamics.states import CultivationSource, CultivationState
from greenlist.core import clock
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.organisations.models import Organisation, Title
from tests import places
from tests.applications import county
from tests.rendering import content
from tests.reviews import rounds
from tests.world import World

AT = datetime.fromisoformat("2026-03-20T09:00:00+08:00")


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages read the clock: it stands at AT."""
    monkeypatch.setattr(clock, "now", lambda: AT)


def add(world: World, who: str = "county_handler", key: str = "org", **plan: Any) -> CultivationObject:
    site = world.sites[key]
    return cultivation.add(
        site_id=site.pk, category="factory", actor=world.actor(who), at=AT, plan=Plan(**plan) if plan else None
    )


def act(world: World, who: str = "county_handler") -> dict[str, Any]:
    return {"actor": world.actor(who), "at": AT}


@pytest.mark.clause("QHD-N1")
def test_surveyed_invited_and_led_to_a_draft(rules: None, world: World) -> None:
    call = county.open_call(world)
    row = add(world, note="用能水平较好")
    assert (row.state, row.source, row.level) == ("candidate", "survey", "county")
    assert add(world).pk == row.pk  # twice is once
    firm, own = world.client("applicant"), reverse("dynamics:cultivation-own")
    assert "Ask" not in firm.get(own).content.decode() or row.reference not in firm.get(own).content.decode()
    cultivation.invite(reference=row.reference, **act(world))
    told = Notification.objects.get(kind="cultivation.invited", recipient=world.user("applicant"), channel="portal")
    assert told.link == own
    page = firm.get(own).content.decode()
    assert call.title in page
    assert "用能水平较好" not in page  # notes of the survey are the officials' own
    answer = firm.post(reverse("dynamics:cultivation-apply", args=[row.reference]), {"call": call.pk})
    case = Application.objects.get()
    assert answer.url == reverse("applications:fill", args=[case.reference])
    assert (case.state, case.site_id) == (State.DRAFT, world.site.pk)
    firm.post(reverse("dynamics:cultivation-apply", args=[row.reference]), {"call": call.pk})
    assert Application.objects.count() == 1
    row.refresh_from_db()
    assert row.application_id == case.pk


@pytest.mark.clause("QHD-N2c")
def test_firms_that_strive_for_grade_a_are_found_and_invited(rules: None, world: World) -> None:
    for key, name in (("org", "county_handler"), ("rival", "other_county_handler")):
        add(world, name, key)
    Organisation.objects.filter(pk=world.org.pk).update(striving_grade_a=True)
    city = world.client("city_handler")
    page = city.get(reverse("dynamics:cultivation"), {"striving": "yes"}).content.decode()
    assert world.org.name in page
    assert world.orgs["rival"].name not in page
    every = city.get(reverse("dynamics:cultivation")).content.decode()
    assert world.orgs["rival"].name in every
    row = CultivationObject.objects.get(organisation=world.org)
    # help to apply and no rank: the batch of recommendations knows nothing of it
    answer = world.client("county_handler").post(reverse("dynamics:cultivation-invite", args=[row.reference]))
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == CultivationState.INVITED


@pytest.mark.clause("JY-7a")
def test_plan_targets_progress_and_who_is_responsible(world: World) -> None:
    places.jieyang(world)
    county.load_rules()
    row = add(world, "jy_county_handler", "jy_applicant")
    given = {"reference": row.reference, **act(world, "jy_county_handler")}
    cultivation.write_plan(version=0, plan=Plan(plan="分项计量", responsible="科长示例"), **given)
    with pytest.raises(Conflict):
        cultivation.write_plan(version=0, plan=Plan(plan="别的"), **given)
    with pytest.raises(Invalid):
        cultivation.set_target(text="", due_on=None, **given)
    target = cultivation.set_target(text="能耗下降5%", due_on=date(2026, 12, 1), **given)
    cultivation.take_up(**given)
    cultivation.write_note(reference=row.reference, text="已装电表", **act(world, "jy_applicant"))
    cultivation.reach_target(target=target.pk, **given)
    cultivation.plan_visit(planned_on=date(2026, 4, 1), purpose="看现场", **given)
    visit = CultivationVisit.objects.get()
    later = {**given, "at": AT + timedelta(days=20)}
    said = {"visit": visit.pk, "visited_on": date(2026, 4, 1), "persons": "示例甲", "advice": "建议余热回收"}
    cultivation.record_visit(**said, **later)
    with pytest.raises(WrongState):
        cultivation.record_visit(**said, **later)
    page = world.client("jy_city_handler").get(reverse("dynamics:cultivation-object", args=[row.reference]))
    own = world.client("jy_applicant").get(reverse("dynamics:cultivation-own"))
    for word in ("分项计量", "科长示例", "能耗下降5%", "已装电表", "建议余热回收"):
        assert word in page.content.decode()
        assert word in own.content.decode()
    above = add(
        world, "jy_city_handler", "jy_applicant"
    )  # a library of each level, the object a row of its own in each
    assert (row.level, above.level, row.pk == above.pk) == ("county", "city", False)
    assert add(world, "hlj_province_handler", "hlj").level == "province"


@pytest.mark.clause("JY-14")
def test_who_passes_the_conformity_check_is_a_city_object(rules: None, world: World) -> None:
    call = rounds.call_of(world, "jieyang", world.city)
    case = county.case(world, call, state=State.RECOMMENDED)
    Application.objects.filter(pk=case.pk).update(step="conformity", state=State.SCREENING)
    cultivation.follow(at=AT)
    assert not CultivationObject.objects.exists()  # not before the check
    Application.objects.filter(pk=case.pk).update(step="panel", state=State.RECOMMENDED, reached=2, desk=world.city)
    cultivation.follow(at=AT)
    cultivation.follow(at=AT)  # twice is once
    row = CultivationObject.objects.get()
    assert (row.level, row.authority, row.source) == ("city", world.city, CultivationSource.CONFORMITY)
    assert (row.state, row.case_id) == (CultivationState.APPLIED, case.pk)
    with pytest.raises(WrongState):  # visits are kept with the case: one mechanism for one thing
        cultivation.plan_visit(
            reference=row.reference, planned_on=date(2026, 4, 1), purpose="", **act(world, "city_handler")
        )
    page = world.client("city_handler").get(reverse("dynamics:cultivation-object", args=[row.reference]))
    assert reverse("reviews:guidance", args=[case.reference]) in page.content.decode()


def test_followed_to_the_list_or_further_cultivated(rules: None, world: World) -> None:
    row = add(world)
    case = county.case(world, county.open_call(world))
    Application.objects.filter(pk=case.pk).update(submitted_at=AT + timedelta(days=1))
    cultivation.follow(at=AT)
    row.refresh_from_db()
    assert (row.state, row.application_id) == (CultivationState.APPLIED, case.pk)
    Application.objects.filter(pk=case.pk).update(state=State.REJECTED)
    cultivation.follow(at=AT)
    row.refresh_from_db()
    assert row.state == CultivationState.CULTIVATING
    Title.objects.create(
        site=world.site, category="factory", tier="city", listing="名单", valid_from=AT.date() + timedelta(days=90)
    )
    cultivation.follow(at=AT)
    row.refresh_from_db()
    assert row.state == CultivationState.LISTED
    with pytest.raises(WrongState):
        cultivation.drop(reference=row.reference, reason="已列入", **act(world))


def test_titles_from_before_do_not_make_the_round_look_each_hour(rules: None, world: World) -> None:
    row = add(world)
    on = clock.china_date(row.created_at)
    title = {"site": world.sites["org"], "category": "factory", "tier": "city", "listing": "名单", "source": "test"}
    Title.objects.create(**title, valid_from=on - timedelta(days=1))
    assert cultivation._moved() == []
    Title.objects.filter(site=row.site).update(valid_from=on)
    assert cultivation._moved() == [row.pk]


@pytest.mark.clause("JY-7b")
def test_honours_of_the_rule_set_are_tags_to_look_by(rules: None, world: World) -> None:
    root = world.areas["130300"]
    root.slug = "445200"  # the city keeps the rules of 揭阳 here
    root.save()
    for area in world.areas.values():  # and its counties lie below it
        if area.path.startswith("/130000/130300/"):
            area.path = area.path.replace("/130300/", "/445200/")
            area.save()
    for site in (world.site,):
        site.refresh_from_db()
    names = dict(reads.forward_honours("/130000/445200/130302/", "factory"))
    assert {"single_champion", "little_giant", "efficiency_leader", "green_design", "water_saving"} <= set(names)
    assert "cleaner_production" in names
    assert "carbon_peak" not in names  # a title to seek, none that puts forward
    row = add(world, tags=("little_giant",))
    city = world.client("city_handler")
    page = city.get(reverse("dynamics:cultivation"), {"tag": "little_giant"}).content.decode()
    assert world.org.name in page
    assert "小巨人" in page
    other = city.get(reverse("dynamics:cultivation"), {"tag": "green_design"}).content.decode()
    assert world.org.name not in other
    cultivation.write_plan(reference=row.reference, version=0, plan=Plan(tags=("green_design",)), **act(world))
    assert [tag.key for tag in row.tags.all()] == ["green_design"]


@pytest.mark.clause("HLJ-10")
def test_bodies_are_matched_and_the_match_is_recorded(rules: None, world: World) -> None:
    row = add(world, "hlj_city_handler", "hlj")
    body = world.orgs["evaluator"]
    given = {"reference": row.reference, **act(world, "hlj_city_handler")}
    match = cultivation.match_body(body_id=body.pk, note="能源诊断", **given)
    assert cultivation.match_body(body_id=body.pk, note="", **given).pk == match.pk
    with pytest.raises(Invalid):
        cultivation.match_body(body_id=world.org.pk, note="", **given)
    for who in ("evaluator", "hlj_applicant"):
        assert Notification.objects.filter(kind="cultivation.matched", recipient=world.user(who)).exists()
    own = reverse("dynamics:cultivation-own")
    assert world.orgs["hlj"].name in world.client("evaluator").get(own).content.decode()
    page = world.client("hlj_city_handler").get(reverse("dynamics:cultivation-object", args=[row.reference]))
    assert "能源诊断" in page.content.decode()
    cultivation.end_match(match=match.pk, **given)
    match.refresh_from_db()
    assert match.ended_on == AT.date()  # the record stays
    assert world.orgs["hlj"].name not in world.client("evaluator").get(own).content.decode()


@pytest.mark.authz
def test_only_the_library_itself_is_kept_by_its_authority(rules: None, world: World) -> None:
    row = add(world)
    given = {"reference": row.reference, "at": AT}
    with pytest.raises(NotAllowed):
        cultivation.invite(actor=world.actor("city_handler"), **given)
    for who in ("other_county_handler", "rival", "anonymous", "hlj_city_handler"):
        with pytest.raises(NotVisible):
            cultivation.invite(actor=world.actor(who), **given)
    with pytest.raises(NotAllowed):
        add(world, "applicant")
    with pytest.raises(NotVisible):
        add(world, "other_county_handler")
    with pytest.raises(NotVisible):  # a note of the authority is not the unit's yet
        cultivation.write_note(reference=row.reference, text="我们", actor=world.actor("applicant"), at=AT)
    cultivation.invite(actor=world.actor("county_handler"), **given)
    cultivation.write_note(reference=row.reference, text="我们", actor=world.actor("applicant"), at=AT)
    with pytest.raises(WrongState):  # told once a day
        cultivation.invite(actor=world.actor("county_handler"), **given)


def test_a_unit_asks_to_be_taken_in(rules: None, world: World) -> None:
    row = cultivation.ask(
        site_id=world.site.pk, category="factory", reason="计划装光伏", actor=world.actor("applicant"), at=AT
    )
    assert (row.source, row.authority) == (CultivationSource.OWN, world.county)
    assert Notification.objects.filter(kind="cultivation.asked", recipient=world.user("county_handler")).exists()
    assert "计划装光伏" in world.client("applicant").get(reverse("dynamics:cultivation-own")).content.decode()
    with pytest.raises(NotAllowed):
        cultivation.ask(
            site_id=world.site.pk, category="factory", reason="", actor=world.actor("county_handler"), at=AT
        )


def _workbook(*rows: tuple[str, ...]) -> SimpleUploadedFile:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("企业名称", "统一社会信用代码", "类别", "培育计划", "责任人", "创A"), *rows):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile("摸底.xlsx", out.getvalue())


@pytest.mark.clause("QHD-N1")
def test_a_survey_comes_in_whole_or_not_at_all(rules: None, world: World) -> None:
    client, address = world.client("county_handler"), reverse("dynamics:cultivation-survey")
    bad = _workbook(("海港未知示例有限公司", "911300000000000000", "绿色工厂", "", "", ""))
    answer = client.post(address, {"file": bad})
    assert answer.status_code == 422
    assert not CultivationObject.objects.exists()
    good = _workbook(
        (world.org.name, world.org.code or "", "绿色工厂", "改造锅炉", "科员示例", "是"),
        ("海港新认识示例有限公司", "", "供应链", "", "", ""),
    )
    page = client.post(address, {"file": good})
    assert page.status_code == 200
    assert not CultivationObject.objects.exists()  # looked at, nothing kept
    ticket = page.context["ticket"]
    assert world.client("other_county_handler").post(address, {"ticket": ticket}).status_code == 422
    assert client.post(address, {"ticket": ticket}).status_code == 302
    rows = {row.organisation.name: row for row in CultivationObject.objects.select_related("organisation")}
    assert rows[world.org.name].plan == "改造锅炉"
    assert rows[world.org.name].organisation.striving_grade_a
    assert rows["海港新认识示例有限公司"].category == "supply_chain"
    elsewhere = _workbook((world.orgs["rival"].name, world.orgs["rival"].code or "", "", "", "", ""))
    ticket = client.post(address, {"file": elsewhere}).context["ticket"]
    assert client.post(address, {"ticket": ticket}).status_code == 422
    assert len(rows) == CultivationObject.objects.count()


def test_the_library_as_a_workbook_holds_what_the_filters_find(rules: None, world: World) -> None:
    add(world, plan="=1+1")
    add(world, "other_county_handler", "rival")
    client = world.client("city_handler")
    answer = client.get(reverse("dynamics:cultivation-export"), {"place": "130302"})
    sheet = load_workbook(io.BytesIO(content(answer))).active
    assert sheet is not None
    values = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[0] for row in values] == [world.org.name]
    assert values[0][9] == "'=1+1"  # no program takes it for a formula
    assert world.client("applicant").get(reverse("dynamics:cultivation-export")).status_code == 403


@pytest.mark.parametrize("count", [3, 30])
def test_the_library_asks_as_few_queries_for_many(
    rules: None, world: World, count: int, django_assert_max_num_queries: Any
) -> None:
    from tests import factories

    for number in range(count):
        firm = factories.organisation(world.areas["130302"], f"培育示例{number}有限公司", serial=5000 + number)
        cultivation.add(
            site_id=firm.sites.get().pk,
            category="factory",
            actor=world.actor("county_handler"),
            at=AT,
            plan=Plan(tags=("little_giant",)),
        )
    client = world.client("county_handler")
    client.get(reverse("dynamics:cultivation"))
    with django_assert_max_num_queries(22):
        page = client.get(reverse("dynamics:cultivation"))
    assert page.content.decode().count("培育示例") >= count

"""Calls: prepared and opened by the list's own city, N-rules kept, changed or dropped, days moved in the open."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from applications import selectors
from applications.models import Call, Extension
from applications.selectors import calls as reads
from applications.services import calls
from applications.states import CallState
from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy import services as policies
from tests import factories
from tests.applications import filled
from tests.world import World

MARCH = filled.SPRING
MAY = datetime.fromisoformat("2026-05-20T10:00:00+08:00")


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    filled.load_rules()


def create(world: World, who: str = "city_handler", **changes: Any) -> Call:
    return calls.create(actor=world.actor(who), at=MARCH, draft=filled.draft_of("qinhuangdao", **changes))


def open_call(world: World, call: Call, who: str = "city_approver", at: datetime = MARCH) -> Call:
    return calls.open_call(actor=world.actor(who), at=at, pk=call.pk)


def extend(world: World, call: Call, who: str = "city_approver", **given: Any) -> Extension:
    named = {"step": "send", "new_day": date(2026, 6, 15), "reason": "受理系统检修"} | given
    return calls.extend(
        actor=world.actor(who), at=given.pop("at", MAY), pk=call.pk, **{k: v for k, v in named.items() if k != "at"}
    )


# ---- prepare and open -------------------------------------------------------------------------------------------------
def test_a_call_pins_the_rules_and_opens(world: World) -> None:
    call = create(world)
    assert (call.state, call.owner, call.round) == (CallState.DRAFT, world.city, 1)
    opened = open_call(world, call)
    assert (opened.state, opened.opened_at, opened.issued_on) == (CallState.OPEN, MARCH, date(2026, 3, 2))
    assert opened.digest == selectors.rules_of(opened).digest
    assert selectors.due_on(opened, "send") == date(2026, 5, 31)
    entry = AuditEntry.objects.get(subject_kind="call", action="call.open")
    assert entry.payload.data["digest"] == opened.digest


@pytest.mark.clause("QHD-4")
@pytest.mark.parametrize(
    "who", ["county_approver", "other_city_approver", "province_approver", "applicant", "administrator"]
)
def test_only_the_lists_own_authority_prepares(world: World, who: str) -> None:
    with pytest.raises(NotAllowed):
        create(world, who)
    create(world)


@pytest.mark.parametrize("who", ["city_handler", "county_approver", "other_city_approver"])
def test_only_an_approver_of_the_owner_opens(world: World, who: str) -> None:
    call = create(world)
    with pytest.raises((NotAllowed, NotVisible)):
        open_call(world, call, who)
    open_call(world, call)
    with pytest.raises(WrongState):
        open_call(world, call)


def test_a_mandate_for_another_list_opens_nothing(world: World) -> None:
    call = create(world)
    parks_only = replace(world.actor("city_approver"), list_kind="park")
    with pytest.raises(NotVisible):
        calls.open_call(actor=parks_only, at=MARCH, pk=call.pk)
    calls.open_call(actor=replace(parks_only, list_kind="factory"), at=MARCH, pk=call.pk)


@pytest.mark.clause("QHD-3")
def test_a_second_call_of_the_year_needs_a_reason(world: World) -> None:
    create(world)
    with pytest.raises(Refused) as refused:
        create(world)
    assert (refused.value.code, refused.value.clause) == ("second_call", "QHD-3")
    second = create(world, second_round_reason="首批申报企业不足，经局长办公会同意增补一次")
    assert second.round == 2
    assert create(world, year=2027).round == 1


@pytest.mark.clause("QHD-3")
@pytest.mark.race
def test_two_handlers_prepare_at_once(race_world: World, run_threads: Callable[..., list[Any]]) -> None:
    filled.load_rules()
    draft, actor = filled.draft_of("qinhuangdao"), race_world.actor("city_handler")
    outcomes = run_threads(2, lambda n: calls.create(actor=actor, at=MARCH, draft=draft))
    assert sorted(type(one).__name__ for one in outcomes) == ["Call", "Refused"], outcomes


@pytest.mark.clause("SJZ-all")
def test_the_same_limit_under_its_own_article(world: World) -> None:
    actor = world.actor("other_city_handler")
    calls.create(actor=actor, at=MARCH, draft=filled.draft_of("shijiazhuang"))
    with pytest.raises(Refused) as refused:
        calls.create(actor=actor, at=MARCH, draft=filled.draft_of("shijiazhuang"))
    assert refused.value.clause == "SJZ-3"


@pytest.mark.clause("QHD-N4b", "QHD-5.9")
def test_a_call_cannot_open_without_what_its_rules_ask(world: World) -> None:
    call = create(world, values={"county_by": None, "edition": None})
    with pytest.raises(Invalid) as invalid:
        open_call(world, call)
    assert set(invalid.value.problems) == {"county_by", "edition"}
    calls.save(actor=world.actor("city_handler"), at=MARCH, pk=call.pk, draft=filled.draft_of("qinhuangdao"))
    open_call(world, call)


def test_a_day_that_has_passed_or_a_wrong_value(world: World) -> None:
    call = create(world)
    with pytest.raises(Invalid) as invalid:
        open_call(world, call, at=datetime.fromisoformat("2026-06-01T00:00:00+08:00"))
    assert set(invalid.value.problems) == {"county_by"}
    with pytest.raises(Invalid):
        create(world, year=2027, values={"edition": "factory-1900"})


@pytest.mark.clause("QHD-20", "SJZ-20")
def test_rules_that_are_not_in_force_open_nothing(world: World) -> None:
    call = create(world, year=2024, values={"county_by": "2024-05-31"})
    with pytest.raises(Refused) as refused:
        open_call(world, call, at=datetime.fromisoformat("2024-03-25T09:00:00+08:00"))
    assert (refused.value.code, refused.value.clause) == ("rules_not_in_force", "QHD-20")
    with pytest.raises(Refused):  # that somebody knows of it does not help: they have not begun
        calls.open_call(
            actor=world.actor("city_approver"),
            at=datetime.fromisoformat("2024-03-25T09:00:00+08:00"),
            pk=call.pk,
            warned=True,
        )
    open_call(world, call, at=datetime.fromisoformat("2024-03-26T09:00:00+08:00"))


@pytest.mark.clause("JY-28")
def test_a_draft_and_rules_that_ran_out_warn(world: World, monkeypatch: Any) -> None:
    call = create(world)
    built = policy.policy(call.rules)
    header = replace(built.header, status="draft", in_force_from=None, ends_on=date(2026, 1, 1))
    draft, whole = replace(built, header=header), policy.bound
    monkeypatch.setattr(policy, "policy", lambda _version: draft)
    monkeypatch.setattr(policy, "bound", lambda version, values: replace(whole(version, values), policy=draft))
    with pytest.raises(Refused) as refused:
        open_call(world, call)
    assert (refused.value.code, refused.value.clause) == ("rules_not_in_force", "QHD-20")
    monkeypatch.setattr(clock, "now", lambda: MARCH)
    city = world.client("city_approver")
    page = city.get(f"/calls/{call.pk}/").content.decode()
    assert "征求意见稿" in page and "2026-01-01" in page and 'name="warned"' in page
    assert city.post(f"/calls/{call.pk}/open/").status_code == 409
    assert city.post(f"/calls/{call.pk}/open/", {"warned": "on"}).status_code == 302
    entry = AuditEntry.objects.get(subject_kind="call", action="call.open")
    assert len(entry.payload.data["warned"]) == 2
    assert "征求意见稿" in city.get(f"/p/130300/calls/{call.pk}/").content.decode()


def test_a_draft_can_be_thrown_away_an_open_call_not(world: World) -> None:
    call = create(world)
    calls.discard(actor=world.actor("city_handler"), at=MARCH, pk=call.pk)
    assert not Call.objects.exists()
    call = open_call(world, create(world))
    with pytest.raises(WrongState):
        calls.discard(actor=world.actor("city_handler"), at=MARCH, pk=call.pk)


def test_opening_tells_the_confirmed_firms_of_the_area(world: World, django_assert_max_num_queries: Any) -> None:
    Organisation.objects.filter(pk=world.orgs["rival"].pk).update(claim=Organisation.Claim.CLAIMED)
    here = factories.organisation(world.areas["130324"], owner=factories.person())
    elsewhere_registered = factories.organisation(world.areas["130104"], owner=factories.person())
    factories.site(elsewhere_registered, world.areas["130322"])
    for _ in range(20):
        factories.organisation(world.areas["130302"], owner=factories.person())
    call = create(world)
    with django_assert_max_num_queries(30):
        open_call(world, call)
    told = set(Notification.objects.filter(kind="call.opened", channel="portal").values_list("recipient", flat=True))
    assert {world.user("applicant").pk, world.user("colleague").pk} <= told
    assert {m.user_id for org in (here, elsewhere_registered) for m in org.memberships.all()} <= told
    assert world.user("rival").pk not in told
    assert world.user("other_applicant").pk not in told


# ---- the notice's own rules ---------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N0")
def test_a_new_call_shows_each_notice_rule_of_the_last(world: World) -> None:
    open_call(world, create(world, layer={"N3c": "drop", "N2b": {"use": "edit", "text": "优先推荐新能源企业"}}))
    page = world.client("city_handler").get(reverse("applications:call-new"))
    text = page.content.decode()
    form = page.context["form"]
    assert {name for name in form.fields if name.startswith("layer_")} == {
        f"layer_{rule.id}" for rule in selectors.rules_of(Call.objects.get()).policy.layer
    }
    assert form["layer_N3c"].value() == "drop"
    assert form["layer_N2b"].value() == "edit"
    assert "优先推荐新能源企业" in text
    assert "复制自" in text or "Copied from" in text


@pytest.mark.clause("QHD-N0")
def test_keep_change_and_drop_through_the_page(world: World) -> None:
    client = world.client("city_handler")
    page = client.get(reverse("applications:call-new"))
    form = page.context["form"]
    posted: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if value not in (None, ""):
            posted[name] = value.isoformat() if isinstance(value, date) else value
    year = posted["year"]
    posted |= {"title": f"{year}年申报通知", "layer_N2a": "drop", "layer_N2b": "edit", "text_N2b": "优先推荐新能源企业"}
    answer = client.post(reverse("applications:call-new"), posted)
    call = Call.objects.get()
    assert answer["Location"] == reverse("applications:call", args=[call.pk])
    assert call.layer["N2a"] == "drop"
    bound = selectors.rules_of(call)
    assert bound.clause("QHD-N2a") is None
    assert str(bound.clause("QHD-N2b").text) == "优先推荐新能源企业"
    assert "cover" not in {section.key for section in bound.forms["factory-self-1"].sections}
    shown = client.get(answer["Location"]).content.decode()
    assert "优先推荐新能源企业" in shown


def test_a_mistake_keeps_what_was_typed(world: World) -> None:
    client = world.client("city_handler")
    create(world, year=2030)
    form = client.get(reverse("applications:call-new")).context["form"]
    posted = {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}
    answer = client.post(reverse("applications:call-new"), {**posted, "year": 2030, "title": "第二次通知"})
    assert answer.status_code == 422
    assert "第二次通知" in answer.content.decode()
    assert answer.context["form"].has_error("second_round_reason")


# ---- days -----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N4b")
def test_a_day_is_moved_with_a_reason_and_everybody_told(world: World) -> None:
    call = open_call(world, create(world))
    case = filled.submitted(world, call)
    with pytest.raises(Invalid) as invalid:
        extend(world, call, reason="  ")
    assert set(invalid.value.problems) == {"reason"}
    for wrong in ({"new_day": date(2026, 5, 31)}, {"step": "county"}, {"step": "nowhere"}):
        with pytest.raises(Invalid):
            extend(world, call, **wrong)
    for who in ("city_handler", "county_approver", "other_city_approver"):
        with pytest.raises(NotAllowed):
            extend(world, call, who)
    moved = extend(world, call)
    assert (moved.old_day, moved.new_day, moved.by) == (
        date(2026, 5, 31),
        date(2026, 6, 15),
        world.user("city_approver"),
    )
    assert selectors.due_on(call, "send") == date(2026, 6, 15)
    told = set(Notification.objects.filter(kind="call.extended").values_list("recipient", flat=True))
    assert {world.user("applicant").pk, world.user("county_handler").pk, world.user("other_county_approver").pk} <= told
    assert world.user("rival").pk not in told
    assert case.pk
    entry = AuditEntry.objects.get(action="call.extend")
    assert entry.payload.data["reason"] == "受理系统检修"


@pytest.mark.clause("QHD-N4b")
def test_a_day_moved_for_one_area_holds_there_only(world: World) -> None:
    call = open_call(world, create(world))
    extend(world, call, area_id=world.areas["130302"].pk)
    assert selectors.due_on(call, "send", "/130000/130300/130302/") == date(2026, 6, 15)
    assert selectors.due_on(call, "send", "/130000/130300/130322/") == date(2026, 5, 31)
    extend(world, call, new_day=date(2026, 6, 5))  # for everybody: takes nothing away from that area
    assert selectors.due_on(call, "send", "/130000/130300/130302/") == date(2026, 6, 15)
    assert selectors.due_on(call, "send", "/130000/130300/130322/") == date(2026, 6, 5)
    with pytest.raises(Invalid):
        extend(world, call, area_id=world.areas["130104"].pk)


@pytest.mark.clause("SJZ-20", "SJZ-noN")
def test_shijiazhuang_sets_its_own_days_or_none(world: World) -> None:
    call = filled.open_call(world, "shijiazhuang")
    assert selectors.due_on(call, "send") is None
    bound = selectors.rules_of(call)
    assert bound.header.document == "石工信〔2024〕39号"
    assert bound.header.ends_on is None
    assert not bound.policy.layer


# ---- public -----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N5", "QHD-20", "QHD-5.9")
def test_the_public_page_names_office_contact_day_and_annexes(world: World) -> None:
    call = open_call(world, create(world, number="秦工信函〔2026〕8号"))
    page = world.client("anonymous").get(reverse("applications:public-call", args=["130300", call.pk]))
    text = page.content.decode()
    for shown in (world.city.name, "方示例", "0335-0000000", "2026年3月2日", "秦工信函〔2026〕8号", "2026年5月31日",
                  "GB/T 36132-2018"):  # fmt: skip
        assert shown in text, shown
    for kind, fmt in (("report", "pdf"), ("summary", "pdf"), ("summary", "xlsx")):
        assert reverse("applications:annex", args=["130300", call.pk, kind, fmt]) in text
    assert "第五条" in text  # the rules, clause by clause


def test_a_draft_is_not_public(world: World) -> None:
    call = create(world)
    client = world.client("anonymous")
    assert client.get(reverse("applications:public-call", args=["130300", call.pk])).status_code == 404
    assert call.title not in client.get(reverse("applications:public-calls", args=["130300"])).content.decode()
    assert world.client("county_handler").get(reverse("applications:call", args=[call.pk])).status_code == 404
    open_call(world, call)
    assert call.title in client.get(reverse("applications:public-calls", args=["130300"])).content.decode()
    assert call.title not in client.get(reverse("applications:public-calls", args=["130100"])).content.decode()
    assert client.get(reverse("applications:public-call", args=["130100", call.pk])).status_code == 404
    assert client.get(reverse("applications:public-calls", args=["999999"])).status_code == 404


@pytest.mark.clause("QHD-N5", "QHD-N4d")
def test_the_summary_table_is_an_annex_to_be_filled_in(world: World) -> None:
    call = open_call(world, create(world))
    answer = world.client("anonymous").get(reverse("applications:annex", args=["130300", call.pk, "summary", "xlsx"]))
    assert answer.status_code == 200
    sheet = load_workbook(io.BytesIO(answer.content)).active
    head = [cell.value for cell in sheet[2]]
    assert head[:3] == ["序号", "企业名称", "统一社会信用代码"]
    assert sheet["A1"].value == "2026年秦皇岛市市级绿色工厂推荐汇总表"
    assert sheet["A3"].value is None


@pytest.mark.clause("SJZ-noN", "SJZ-8")
def test_shijiazhuang_lists_no_summary_table_it_does_not_have(world: World) -> None:
    call = filled.open_call(world, "shijiazhuang")
    has = "summary" in selectors.rules_of(call).tables
    there = reverse("applications:annex", args=["130100", call.pk, "summary", "xlsx"])
    page = world.client("anonymous").get(reverse("applications:public-call", args=["130100", call.pk]))
    assert (there in page.content.decode()) is has
    assert world.client("anonymous").get(there).status_code == (200 if has else 404)


@pytest.mark.parametrize("name", ["calls", "public-calls"])
def test_a_list_of_calls_costs_the_same_for_3_and_30(world: World, name: str, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    address = reverse(f"applications:{name}", args=["130300"] if name == "public-calls" else [])
    client = world.client("city_handler")

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(address).status_code == 200
        return len(caught)

    first = open_call(world, create(world))
    for year in range(2000, 2002):
        _copy(first, year)
    cost()
    few = cost()
    for year in range(1970, 1997):
        _copy(first, year)
    assert cost() == few


def _copy(call: Call, year: int) -> None:
    fields = {f.name: getattr(call, f.name) for f in Call._meta.concrete_fields if f.name not in ("id", "year")}
    Call.objects.create(**fields, year=year)


# ---- the pages of the owner ---------------------------------------------------------------------------------------------
def test_open_extend_local_day_and_close_through_the_pages(world: World) -> None:
    call = Call.objects.get(pk=create(world, year=2099, values={"county_by": "2099-05-31"}).pk)
    approver, handler = world.client("city_approver"), world.client("city_handler")
    page = reverse("applications:call", args=[call.pk])
    assert reverse("applications:call-open", args=[call.pk]) not in handler.get(page).content.decode()
    assert handler.post(reverse("applications:call-open", args=[call.pk])).status_code == 403
    assert approver.post(reverse("applications:call-open", args=[call.pk])).status_code == 302
    extend_page = reverse("applications:call-extend", args=[call.pk])
    assert approver.get(extend_page).status_code == 200
    wrong = approver.post(extend_page, {"step": "send", "new_day": "2099-01-01", "reason": "提前"})
    assert wrong.status_code == 422
    assert "提前" in wrong.content.decode()
    assert approver.post(extend_page, {"step": "send", "new_day": "2099-06-30", "reason": "顺延"}).status_code == 302
    local = reverse("applications:call-local-day", args=[call.pk])
    county = world.client("county_approver")
    assert county.get(page).status_code == 200
    assert county.post(local, {"new_day": "2099-06-01", "reason": ""}).status_code == 302
    assert approver.post(local, {"new_day": "2099-06-01"}).status_code == 403
    close = reverse("applications:call-close", args=[call.pk])
    assert approver.get(close).status_code == 200
    assert approver.post(close, {"reason": "申报结束"}).status_code == 302
    call.refresh_from_db()
    assert call.state == CallState.CLOSED
    assert Extension.objects.count() == 2


# ---- copied from last year ----------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N0")
def test_days_of_a_copied_call_move_by_a_year_and_rest_days_are_marked(world: World) -> None:
    this_year = clock.china_date(clock.now()).year
    last = open_call(world, create(world))
    values = {**last.values, "county_by": f"{this_year - 1}-02-28"}
    Call.objects.filter(pk=last.pk).update(year=this_year - 1, values=values)
    page = world.client("city_handler").get(reverse("applications:call-new"))
    form = page.context["form"]
    day = date(this_year, 2, 28)
    assert str(form["value_county_by"].value()) == day.isoformat()
    rest = page.context["notes"]
    assert ("value_county_by" in rest) == bool(reads.rest_days([day]))


@pytest.mark.clause("QHD-N4b")
def test_which_days_are_rest_days(world: World) -> None:
    policies.load_calendar(actor=SYSTEM, at=MARCH)
    saturday, monday = date(2026, 5, 30), date(2026, 6, 1)
    make_up = next(day for day, worked in policy.calendar().exceptions.items() if worked)
    found = reads.rest_days([saturday, monday, make_up])
    assert saturday in found
    assert monday not in found
    assert make_up not in found  # a weekend day that is worked
    assert (reads.shifted("2024-02-29", 1), reads.shifted("2024-05-31", 2)) == ("2025-02-28", "2026-05-31")
    assert reads.shifted("x", 1) == ""


def test_the_public_page_says_until_which_hour(world: World) -> None:
    call = open_call(world, create(world))
    text = world.client("anonymous").get(reverse("applications:public-call", args=["130300", call.pk])).content.decode()
    assert "截至" in text
    assert "24:00（北京时间）" in text

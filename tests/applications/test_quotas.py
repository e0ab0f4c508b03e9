"""Places: share of a stock, number of the ministry, what-if, reasons for going on (HEB-3a, HLJ-21a, HEB-2.3b)."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.documents import batch as papers
from applications.models import Allotment, Application, Batch, BatchReason, Call
from applications.selectors import batches as reads
from applications.selectors import quotas, upward
from applications.selectors.calls import rules_of
from applications.services import batches
from applications.services import quotas as allotting
from applications.states import BatchState, CallState, State
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations.models import Title
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import CallValues, Text
from tests.applications import county, filled
from tests.applications.national import call_of, forwarding, hlj_rows, passed, titled
from tests.applications.test_batch_papers import text_of
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


def draft(world: World, rows: list[Application]) -> Batch:
    actor = world.actor("city_handler")
    batch = batches.start(actor=actor, at=NOW, call=rows[0].call)
    batches.add(actor=actor, at=NOW, reference=batch.reference, cases_=[row.reference for row in rows])
    county.write(world, batch, NOW, handler="city_handler")
    return batch


def explain(world: World, batch: Batch, rule: str, reason: str = "培育工作突出", **given: Any) -> None:
    said = {"actor": world.actor("city_handler"), "at": NOW, "reference": batch.reference, "rule": rule, **given}
    batches.explain(reason=reason, **said)


def hand_over(world: World, batch: Batch) -> Batch:
    return batches.hand_over(actor=world.actor("city_handler"), at=NOW, reference=batch.reference)


def stand(batch: Batch) -> quotas.Stand:
    bound = rules_of(batch.call)
    return quotas.stands(batch, bound, batch.items.filter(returned_at=None).count())[0]


@pytest.fixture
def rules(world: World) -> None:
    county.load_rules()


# ---- the engine -----------------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3a")
@pytest.mark.parametrize(("stock", "places"), [(0, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 2), (10, 4), (29, 11)])
def test_forty_per_cent_rounded_down(rules: None, stock: int, places: int) -> None:
    bound = engine.bind(policy.policy(policy.current("hebei-national")), _values("factory"))
    (quota,) = engine.quotas(bound, "send")
    assert engine.places(quota, stock) == places
    assert (quota.clause, quota.share) == ("HEB-3a", Decimal(40))


def _values(category: str, **more: Any) -> CallValues:
    return CallValues(values={"city_by": "2026-07-19", **more}, category=category)


@pytest.mark.clause("HEB-3a")
@pytest.mark.parametrize("category", ["park", "supply_chain"])
def test_parks_and_supply_chains_have_no_quota(rules: None, category: str) -> None:
    bound = engine.bind(policy.policy(policy.current("hebei-national")), _values(category))
    assert bound.quotas == ()


# ---- a share of the stock ----------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3a")
def test_the_stock_is_counted_from_the_titles_of_the_city(world: World, rules: None) -> None:
    rows = passed(world, call_of(world), 2)  # two provincial factories themselves
    titled(world, 3)
    titled(world, 4, category="park")  # not counted: parks
    titled(world, 4, tier="city")  # not counted: another list
    titled(world, 4, area="130104")  # not counted: another city
    batch = draft(world, rows)
    found = stand(batch)
    assert (found.stock, found.share, found.places, found.taken, found.here, found.left) == (5, 2, 2, 0, 2, 0)
    assert found.finding.outcome.value == "clear"
    Title.objects.filter(tier="province", category="factory").order_by("pk")[:1].get().delete()
    assert (stand(batch).places, stand(batch).over) == (1, 1)


@pytest.mark.clause("HEB-3a")
def test_going_over_takes_a_reason_that_is_frozen_and_printed(world: World, rules: None) -> None:
    batch = draft(world, passed(world, call_of(world), 3))  # 3 × 40 % = 1
    with pytest.raises(Refused) as refused:
        hand_over(world, batch)
    assert refused.value.clause == "HEB-3a"
    with pytest.raises(Invalid):
        explain(world, batch, "quota.city_factories", " ")
    with pytest.raises(NotVisible):
        explain(world, batch, "quota.other")
    with pytest.raises(NotAllowed):
        batches.explain(
            actor=world.actor("city_approver"),
            at=NOW,
            reference=batch.reference,
            rule="quota.city_factories",
            reason="x",
        )
    explain(world, batch, "quota.city_factories")
    hand_over(world, batch)
    county.sign(world, batch, NOW, approver="city_approver")
    batch.refresh_from_db()
    (kept,) = batch.frozen["quotas"]
    assert (kept["places"], kept["over"], kept["said"]["reason"]) == (1, 2, "培育工作突出")
    BatchReason.objects.all().delete()  # what was signed does not depend on rows
    text = text_of(papers.render(papers.sheet_of(batch), "check", "pdf"))
    for part in ("推荐名额", "3×40%=1", "超出2", "培育工作突出", "秦皇岛经办"):
        assert part in text, part


def test_a_reason_counts_as_long_as_the_warning_says_the_same(world: World, rules: None) -> None:
    rows = passed(world, call_of(world), 4)
    batch = draft(world, rows[:3])
    explain(world, batch, "quota.city_factories")
    assert not [lack for lack in _view(world, batch).lacks if lack.rule]
    batches.add(actor=world.actor("city_handler"), at=NOW, reference=batch.reference, cases_=[rows[3].reference])
    assert [lack.rule for lack in _view(world, batch).lacks] == ["quota.city_factories"]
    explain(world, batch, "quota.city_factories", "另一理由")
    assert BatchReason.objects.get().reason == "另一理由"


def _view(world: World, batch: Batch, who: str = "city_handler") -> reads.BatchView:
    return reads.view(world.actor(who), batch.reference, on=date(2026, 5, 20))


@pytest.mark.clause("HEB-3a")
def test_the_province_gives_a_city_its_number(world: World, rules: None) -> None:
    call = call_of(world)
    batch = draft(world, passed(world, call, 3))
    given = {"at": NOW, "pk": call.pk, "quota": "city_factories", "area_id": world.city.area_id}
    with pytest.raises(NotAllowed):
        allotting.allot(actor=world.actor("province_handler"), number=3, **given)
    with pytest.raises(Invalid) as invalid:  # more than the share: with a reason
        allotting.allot(actor=world.actor("province_approver"), number=3, **given)
    assert set(invalid.value.problems) == {"reason"}
    with pytest.raises(NotVisible):
        allotting.allot(actor=world.actor("province_approver"), number=3, **{**given, "area_id": world.county.area_id})
    allotting.allot(actor=world.actor("province_approver"), number=3, reason="培育工作突出", **given)
    assert (stand(batch).places, stand(batch).over) == (3, 0)
    hand_over(world, batch)
    assert _view(world, batch).quotas[0].working.count("3") >= 2
    row = next(one for one in quotas.by_area(call, rules_of(call).quotas[0]) if one.area == world.city.area)
    assert (row.stock, row.share, row.allotted, row.above) == (3, 1, 3, True)
    allotting.allot(actor=world.actor("province_approver"), number=1, **given)
    assert Allotment.objects.count() == 2  # the earlier number stays in the record
    assert stand(batch).places == 1


# ---- the number of the ministry ----------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-21a")
def test_the_ministrys_number_is_not_to_be_exceeded(world: World, rules: None) -> None:
    call = call_of(world, "heilongjiang-national", ministry_number=1)
    batch = forwarding(world, hlj_rows(world, call, 2))
    actor = world.actor("hlj_province_handler")
    with pytest.raises(Refused) as refused:
        batches.hand_over(actor=actor, at=NOW, reference=batch.reference)
    assert refused.value.clause == "HLJ-21a"
    with pytest.raises(NotVisible):  # nobody may go on with a reason
        batches.explain(actor=actor, at=NOW, reference=batch.reference, rule="quota.ministry", reason="必要")
    batches.remove(actor=actor, at=NOW, reference=batch.reference, case=batch.items.first().application.reference)
    batches.hand_over(actor=actor, at=NOW, reference=batch.reference)
    county.sign(world, batch, NOW, approver="hlj_province_approver")
    sent = batches.send(actor=actor, at=NOW, reference=batch.reference)
    case = sent.items.get().application
    assert (sent.state, sent.receiver, sent.receiver_name) == (BatchState.SENT, None, "工业和信息化部")
    assert (case.state, case.step, case.desk) == (State.FORWARDED, "outcome", world.authorities["230000"])


@pytest.mark.clause("HLJ-21a")
def test_nothing_is_forwarded_before_the_number_is_known(world: World, rules: None) -> None:
    call = call_of(world, "heilongjiang-national")
    batch = forwarding(world, hlj_rows(world, call, 1))
    actor = world.actor("hlj_province_handler")
    with pytest.raises(Refused):
        batches.hand_over(actor=actor, at=NOW, reference=batch.reference)
    place = {"pk": call.pk, "quota": "ministry", "area_id": call.owner.area_id}
    allotting.allot(actor=world.actor("hlj_province_approver"), at=NOW, number=1, **place)
    assert batches.hand_over(actor=actor, at=NOW, reference=batch.reference).state == BatchState.TO_SIGN


@pytest.mark.clause("HLJ-21a")
def test_the_higher_score_goes_first(world: World, rules: None) -> None:
    call = call_of(world, "heilongjiang-national", ministry_number=1)
    low, high = hlj_rows(world, call, 2)
    Application.objects.filter(pk=low.pk).update(panel_score="81.00", priority=1)
    Application.objects.filter(pk=high.pk).update(panel_score="93.50")
    batch = forwarding(world, [low, high])
    actor = world.actor("hlj_province_handler")
    batches.suggest_order(actor=actor, at=NOW, reference=batch.reference)
    assert [item.application_id for item in batch.items.order_by("position")] == [high.pk, low.pk]


# ---- what if ------------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3a")
def test_what_if_shows_who_falls_under_the_line_and_keeps_nothing(world: World, rules: None) -> None:
    rows = passed(world, call_of(world), 5)  # two places
    batch = draft(world, rows[:3])
    order = [row.reference for row in (rows[2], rows[0], rows[1])]
    _batch, trial = reads.trial(world.actor("city_handler"), batch.reference, places={"city_factories": 1}, order=order)
    assert trial is not None
    assert [row.case.pk for row in trial.lost] == [rows[0].pk, rows[1].pk]
    assert [row.case.pk for row in trial.gained] == [rows[2].pk]
    assert len(trial.rows) == 5  # those that may still come in are tried too
    client, page = world.client("city_handler"), reverse("applications:batch_quota", args=[batch.reference])
    assert client.get(page).status_code == 200
    typed = {f"rank_{row.reference}": number for number, row in enumerate(rows, start=1)}
    answer = client.post(page, {"places_city_factories": "1", **typed, f"rank_{rows[2].reference}": "1"})
    assert [row.case.pk for row in answer.context["trial"].rows[:3]] == [rows[2].pk, rows[0].pk, rows[1].pk]
    assert [item.application_id for item in batch.items.order_by("position")] == [row.pk for row in rows[:3]]
    assert client.post(page, {"places_city_factories": "x"}).status_code == 422
    assert client.post(page, {"places_city_factories": "2", "by": "rule"}).status_code == 200


@pytest.mark.clause("HLJ-21a", "HEB-3a")
def test_what_if_shows_every_quota_that_bears_on_the_batch(
    world: World, rules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number for all together beside the share of each city: a unit needs a place under both."""
    call = call_of(world)
    rows = passed(world, call, 5)  # 5 × 40 % = 2
    batch = draft(world, rows[:3])
    bound = rules_of(call)
    second = replace(
        bound.quotas[0], key="ministry", share=None, limit=1, per="call", label=Text(zh="部里下达的数量"), stock_tier=""
    )
    both = replace(bound, quotas=(*bound.quotas, second))
    monkeypatch.setattr("applications.selectors.calls.rules_of", lambda _call: both)
    client, page = world.client("city_handler"), reverse("applications:batch_quota", args=[batch.reference])
    answer = client.get(page)
    text = answer.content.decode()
    for said in (bound.quotas[0].label.zh, "部里下达的数量", 'name="places_city_factories"', 'name="places_ministry"'):
        assert said in text, said
    trial = answer.context["trial"]
    assert [(line.places, line.room) for line in trial.lines] == [(2, 2), (1, 1)]
    assert [row.has_place for row in trial.rows] == [True, False, False, False, False]
    assert trial.rows[1].over == ("部里下达的数量",)  # the other quota would have room for it
    more = client.post(page, {"places_ministry": "4", "places_city_factories": "3"}).context["trial"]
    assert [row.case.pk for row in more.gained] == [rows[1].pk, rows[2].pk]


# ---- order ----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-21a")
def test_an_order_that_departs_from_the_score_takes_a_reason(world: World, rules: None) -> None:
    call = call_of(world, "heilongjiang-national", ministry_number=3)
    low, high, twin = hlj_rows(world, call, 3)
    Application.objects.filter(pk=low.pk).update(panel_score="81.00")
    Application.objects.filter(pk__in=[high.pk, twin.pk]).update(panel_score="93.50")
    batch = forwarding(world, [low, high, twin])
    actor = world.actor("hlj_province_handler")
    said = {"actor": actor, "at": NOW, "reference": batch.reference}
    found = reads.view(actor, batch.reference, on=date(2026, 5, 20))
    assert [lack.rule for lack in found.lacks] == ["order.score"]
    assert [row["mark"] for row in found.part(1).sort_rows] == ["人工调整", "", ""]  # one unit was moved, not three
    assert "按规则第 3 位" in found.part(1).sort_rows[0]["why"] and "得分 81.00" in found.part(1).sort_rows[0]["why"]
    with pytest.raises(Refused) as refused:
        batches.hand_over(**said)
    assert refused.value.clause == "HLJ-21a"
    batches.explain(rule="order.score", reason="地市意见：优先培育", **said)
    batches.arrange(order=[high.reference, low.reference, twin.reference], **said)  # another order: said anew
    assert [lack.rule for lack in reads.view(actor, batch.reference, on=date(2026, 5, 20)).lacks] == ["order.score"]
    batches.explain(rule="order.score", reason="地市意见：优先培育", **said)
    batches.hand_over(**said)
    county.sign(world, batch, NOW, approver="hlj_province_approver")
    batch.refresh_from_db()
    assert batch.frozen["order"]["said"]["reason"] == "地市意见：优先培育"
    text = text_of(papers.render(papers.sheet_of(batch), "check", "pdf"))
    for part in ("推荐排序", "以评审得分为先", "地市意见：优先培育"):
        assert part in text, part


@pytest.mark.clause("HLJ-21a")
def test_equal_scores_may_stand_either_way_without_a_reason(world: World, rules: None) -> None:
    call = call_of(world, "heilongjiang-national", ministry_number=2)
    one, other = hlj_rows(world, call, 2)
    Application.objects.filter(pk__in=[one.pk, other.pk]).update(panel_score="93.50")
    batch = forwarding(world, [other, one])
    actor = world.actor("hlj_province_handler")
    batches.hand_over(actor=actor, at=NOW, reference=batch.reference)
    batch.refresh_from_db()
    assert batch.state == BatchState.TO_SIGN


@pytest.mark.clause("HEB-2.1b")
def test_the_page_explains_the_places_and_wants_no_reason_where_the_rules_want_none(world: World, rules: None) -> None:
    rows = passed(world, call_of(world), 3)
    badge = {"rule": "energy", "clause": "HEB-2.1b", "zh": "能效水平领先", "en": "Leading energy efficiency"}
    Application.objects.filter(pk__in=[row.pk for row in rows]).update(badges=[], priority=9)
    Application.objects.filter(pk=rows[2].pk).update(badges=[badge], priority=1)
    titled(world, 6)
    batch = draft(world, rows)
    client, page = world.client("city_handler"), reverse("applications:batch", args=[batch.reference])
    text = client.get(page).content.decode()
    for said in ("能效水平领先的工厂优先", "按规则第 1 位", "优先：能效水平领先", "人工调整", "无须说明理由"):
        assert said in text, said
    client.post(reverse("applications:batch_suggest", args=[batch.reference]))
    assert [item.application_id for item in batch.items.order_by("position")] == [rows[2].pk, rows[0].pk, rows[1].pk]
    assert "与规则所定顺序一致" in client.get(page).content.decode()
    typed = {"move": rows[2].reference, "to": "place", "place": "3"}
    assert client.post(reverse("applications:batch_arrange", args=[batch.reference]), typed).status_code == 302
    assert [item.application_id for item in batch.items.order_by("position")] == [rows[0].pk, rows[1].pk, rows[2].pk]
    hand_over(world, batch)
    assert "人工调整" in client.get(page).content.decode()  # who signs reads it too


def test_numbers_typed_move_only_what_was_changed() -> None:
    moved = quotas.reordered([("a", 1), ("b", 2), ("c", 1), ("d", 4)])
    assert moved == ["c", "a", "b", "d"]
    assert quotas.reordered([("a", 3), ("b", 2), ("c", 3)]) == ["b", "c", "a"]


def test_what_if_takes_the_same_queries_for_any_number_of_units(world: World, rules: None) -> None:
    rows = passed(world, call_of(world), 5)
    batch = draft(world, rows[:1])
    counts = []
    for more in ([], rows[1:4]):
        if more:
            batches.add(
                actor=world.actor("city_handler"), at=NOW, reference=batch.reference, cases_=[r.reference for r in more]
            )
        with CaptureQueriesContext(connection) as seen:
            reads.trial(world.actor("city_handler"), batch.reference)
        counts.append(len(seen))
    assert counts[0] == counts[1]


# ---- warnings of single units ---------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-2.3b")
def test_a_supply_chain_firm_that_is_no_green_factory_goes_on_with_a_reason(world: World, rules: None) -> None:
    call = call_of(world, category="supply_chain")
    (row,) = passed(world, call, 1)
    batch = draft(world, [row])
    with pytest.raises(Refused) as refused:
        hand_over(world, batch)
    assert refused.value.clause == "HEB-2.3b"
    client = world.client("city_handler")
    page = reverse("applications:batch", args=[batch.reference])
    assert "继续推荐的理由" in client.get(page).content.decode()
    said = {"rule": "prerequisite.factory_first", "case": row.reference, "reason": "正在创建省级绿色工厂"}
    wrong = client.post(reverse("applications:batch_explain", args=[batch.reference]), {**said, "reason": ""})
    assert wrong.status_code == 422
    client.post(reverse("applications:batch_explain", args=[batch.reference]), said)
    hand_over(world, batch)
    county.sign(world, batch, NOW, approver="city_approver")
    batch.refresh_from_db()
    unit = batch.frozen["units"][0]
    assert [(one["rule"], one["reason"]) for one in unit["overrides"]] == [
        ("prerequisite.factory_first", "正在创建省级绿色工厂")
    ]
    text = text_of(papers.render(papers.sheet_of(batch), "check", "pdf"))
    assert "正在创建省级绿色工厂" in text
    assert "正在创建省级绿色工厂" in client.get(page).content.decode()


@pytest.mark.clause("HEB-1c")
def test_a_factory_that_is_not_provincial_is_barred_whatever_the_reason(world: World, rules: None) -> None:
    (row,) = passed(world, call_of(world), 1)
    Title.objects.all().delete()
    batch = draft(world, [row])
    explain(world, batch, "quota.city_factories")
    with pytest.raises(Refused) as refused:
        hand_over(world, batch)
    assert refused.value.clause == "HEB-1c"
    with pytest.raises(WrongState):
        explain(world, batch, "prerequisite.provincial_factory", case=row.reference)


def test_places_page_of_the_province(world: World, rules: None) -> None:
    call = call_of(world)
    client, page = world.client("province_approver"), reverse("applications:call-places", args=[call.pk])
    assert "秦皇岛市" in client.get(page).content.decode()
    area = world.city.area_id
    wrong = client.post(page, {"quota": "city_factories", "area": area, "number": 5, "reason": ""})
    assert wrong.status_code == 422
    sent = client.post(page, {"quota": "city_factories", "area": area, "number": 5, "reason": "培育突出"})
    assert sent.status_code == 302
    assert "培育突出" in client.get(page).content.decode()
    assert client.post(page, {"quota": "nothing"}).status_code == 409
    Call.objects.filter(pk=call.pk).update(state=CallState.DRAFT)
    with pytest.raises(WrongState):
        allotting.allot(
            actor=world.actor("province_approver"), at=NOW, pk=call.pk, quota="city_factories", area_id=area, number=1
        )


@pytest.mark.parametrize(
    ("place", "category", "rule", "clause"),
    [
        pytest.param("heilongjiang", "factory", "prerequisite.pooled", "HLJ-14c", marks=pytest.mark.clause("HLJ-14c")),
        pytest.param(
            "heilongjiang-national",
            "supply_chain",
            "prerequisite.national_factory",
            "HLJ-21e",
            marks=pytest.mark.clause("HLJ-21e"),
        ),
    ],
)
def test_in_principle_means_with_a_reason(rules: None, place: str, category: str, rule: str, clause: str) -> None:
    built = policy.policy(policy.current(place))
    values = engine.suggest(built, 2026) | {
        "apply_by": "2026-03-01",
        "city_by": "2026-04-01",
        "notice_first_day": "next",
    }
    bound = engine.bind(built, CallValues(values=values, category=category, year=2026))
    nothing = {"site.titles.same_category": (), "site.titles.factory": ()}
    finding = next(one for one in engine.check(bound, "recommend", nothing, (), NOW.date()) if one.rule == rule)
    assert (finding.outcome.value, finding.clause) == ("warn", clause)
    assert upward.overridable([finding]) == [finding]


# ---- the last day of a city, the sealed document -------------------------------------------------------------------------
def signed(world: World) -> Batch:
    batch = draft(world, passed(world, call_of(world), 1))
    explain(world, batch, "quota.city_factories")
    hand_over(world, batch)
    county.sign(world, batch, NOW, approver="city_approver")
    return batch


@pytest.mark.clause("HEB-3c")
def test_a_city_sends_until_midnight_of_its_last_day(world: World, rules: None) -> None:
    batch = signed(world)
    given = {"actor": world.actor("city_handler"), "reference": batch.reference}
    with pytest.raises(Refused) as late:
        batches.send(at=datetime.fromisoformat("2026-07-20T00:00:00+08:00"), **given)
    assert (late.value.code, late.value.clause) == ("too_late", "HEB-3c")
    sent = batches.send(at=datetime.fromisoformat("2026-07-19T23:59:59+08:00"), **given)
    assert sent.state == BatchState.SENT
    assert reads.package_of(rules_of(sent.call), sent).paper_copies == 1


@pytest.mark.clause("HEB-A1")
@pytest.mark.parametrize(
    ("category", "heading", "name"),
    [
        ("factory", "绿色工厂推荐名单", "工厂名称"),
        ("park", "绿色工业园区推荐名单", "园区名称"),
        ("supply_chain", "绿色供应链管理企业推荐名单", "企业名称"),
    ],
)
def test_the_summary_is_that_of_annex_one(world: World, rules: None, category: str, heading: str, name: str) -> None:
    batch = draft(world, passed(world, call_of(world, category=category), 1))
    text = text_of(papers.render(papers.sheet_of(batch), "summary", "pdf"))
    for part in (
        "秦皇岛市2026年度国家绿色制造名单推荐汇总表",
        heading,
        name,
        "推荐单位：秦皇岛市工业和信息化局",
        "（单位公章）",
    ):
        assert part in text, part
    page = openpyxl.load_workbook(io.BytesIO(papers.workbook(papers.sheet_of(batch)))).active
    assert page is not None
    assert [page["A1"].value, page["A2"].value] == ["秦皇岛市2026年度国家绿色制造名单推荐汇总表", heading]
    assert page["B3"].value == name


def test_scans_are_counted_and_bounded_like_every_upload(world: World, rules: None, settings: Any) -> None:
    batch = signed(world)
    page = reverse("applications:batch_sealed", args=[batch.reference])
    sender = world.client("city_handler")
    settings.LIMITS = {"upload": {"account": "1/hour"}}
    assert sender.post(page, {"scan": filled.picture("盖章.png")}).status_code == 302
    assert sender.post(page, {"scan": filled.picture("另.png")}).status_code == 429
    settings.LIMITS = {"upload": {}}
    settings.ATTACHMENT_MAX_BYTES = 10
    assert sender.post(page, {"scan": filled.picture("再.png")}).status_code == 422
    batch.refresh_from_db()
    assert batch.sealed is not None and batch.sealed.name == "盖章.png"


def test_the_sealed_scan_goes_with_the_batch(world: World, rules: None) -> None:
    batch = signed(world)
    page = reverse("applications:batch_sealed", args=[batch.reference])
    sender, receiver = world.client("city_handler"), world.client("province_handler")
    assert sender.get(page).status_code == 404
    assert sender.post(page, {}).status_code == 422
    for name, body in (("盖章.pdf", b"no pdf"), ("盖章.html", b"<script>"), ("盖章.docx", b"PK\x03\x04")):
        wrong = sender.post(page, {"scan": SimpleUploadedFile(name, body, "application/pdf")})
        assert wrong.status_code == 422, name
    assert sender.post(page, {"scan": filled.picture("盖章.png")}).status_code == 302
    batch.refresh_from_db()
    assert batch.sealed is not None
    shown = sender.get(reverse("applications:batch", args=[batch.reference])).content.decode()
    assert batch.sealed.sha256 in shown
    assert receiver.get(page).status_code == 404  # not sent yet
    batches.send(actor=world.actor("city_handler"), at=NOW, reference=batch.reference)
    file = receiver.get(page)
    assert hashlib.sha256(b"".join(file.streaming_content)).hexdigest() == batch.sealed.sha256
    assert receiver.post(page, {"scan": filled.picture("另.png")}).status_code == 403
    receiver.get(reverse("applications:batch", args=[batch.reference]))  # seen: it stays
    assert sender.post(page, {"scan": filled.picture("另.png")}).status_code == 409


def test_the_transmittal_lists_what_goes_along(world: World, rules: None) -> None:
    batch = signed(world)
    batch.refresh_from_db()
    text = text_of(papers.render(papers.sheet_of(batch), "transmittal", "pdf"))
    unit = batch.frozen["units"][0]
    for part in (
        "报送材料交接单",
        "秦皇岛市工业和信息化局",
        "河北省工业和信息化厅",
        unit["name"],
        unit["report"]["digest"],
    ):
        assert part in text, part


# ---- one unit goes back, whatever the next step is ---------------------------------------------------------------------
def _sent(world: World, rows: list[Application], handler: str, approver: str) -> Batch:
    batch = batches.start(actor=world.actor(handler), at=NOW, call=rows[0].call)
    named = [row.reference for row in rows]
    batches.add(actor=world.actor(handler), at=NOW, reference=batch.reference, cases_=named)
    county.write(world, batch, NOW, handler=handler)
    batches.hand_over(actor=world.actor(handler), at=NOW, reference=batch.reference)
    county.sign(world, batch, NOW, approver=approver)
    return batches.send(actor=world.actor(handler), at=NOW, reference=batch.reference)


def _return_by_page(world: World, batch: Batch, row: Application, who: str) -> None:
    """By the link that the receiver's page offers, and nothing else."""
    client, page = world.client(who), reverse("applications:batch", args=[batch.reference])
    address = reverse("applications:batch_return", args=[batch.reference, row.reference])
    assert address in client.get(page).content.decode()
    assert client.get(address).status_code == 200
    assert client.post(address, {"reason": "材料不全"}).status_code == 302


@pytest.mark.parametrize("state", [State.DECIDING, State.SCREENING])
def test_one_unit_goes_back_from_a_decision_and_from_a_review(world: World, rules: None, state: str) -> None:
    """The next step of Hebei's cities is a decision of the province; elsewhere it is a review (HLJ-15)."""
    rows = passed(world, call_of(world), 2)
    titled(world, 6)
    batch = _sent(world, rows, "city_handler", "city_approver")
    Application.objects.filter(pk__in=[row.pk for row in rows]).update(state=state)
    batch.refresh_from_db()
    frozen = batch.frozen
    _return_by_page(world, batch, rows[0], "province_handler")
    for row in rows:
        row.refresh_from_db()
    batch.refresh_from_db()
    assert (rows[0].state, rows[0].step, rows[0].desk_id) == (State.SCREENING, "city", batch.sender_id)
    assert (rows[1].state, rows[1].desk_id) == (state, batch.receiver_id)
    assert batch.frozen == frozen
    own = world.client("city_handler").get(reverse("applications:batch", args=[batch.reference])).content.decode()
    assert reverse("applications:review", args=[rows[0].reference]) in own and "随新的批次报送" in own


def test_who_has_concluded_reads_why_a_unit_cannot_go_back(world: World, rules: None) -> None:
    (row,) = passed(world, call_of(world), 1)
    titled(world, 6)
    batch = _sent(world, [row], "city_handler", "city_approver")
    Application.objects.filter(pk=row.pk).update(state=State.SCREENING)
    row.screenings.create(step="select", outcome="pass", proposed_by=world.user("province_handler"), proposed_at=NOW)
    client = world.client("province_handler")
    text = client.get(reverse("applications:batch", args=[batch.reference])).content.decode()
    address = reverse("applications:batch_return", args=[batch.reference, row.reference])
    assert "请先由审签人退回" in text and address not in text
    assert client.get(address).status_code == 409
    assert client.post(address, {"reason": "材料不全"}).status_code == 409


@pytest.mark.clause("HEB-2.2b")
def test_a_badge_that_only_encourages_moves_nobody(world: World, rules: None) -> None:
    rows = passed(world, call_of(world, category="park"), 2)
    badge = {"rule": "low_carbon", "clause": "HEB-2.2b", "zh": "国家低碳工业园区试点", "en": "Low-carbon pilot"}
    Application.objects.filter(pk=rows[0].pk).update(badges=[])
    Application.objects.filter(pk=rows[1].pk).update(badges=[badge])
    batch = draft(world, rows)
    assert not any(row["mark"] for row in _view(world, batch).part(1).sort_rows)
    batches.suggest_order(actor=world.actor("city_handler"), at=NOW, reference=batch.reference)
    assert [item.application_id for item in batch.items.order_by("position")] == [row.pk for row in rows]

"""附件 1 of Hebei's notice: one paper with three sections, whatever batches its rows come from (HEB-A1)."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from typing import Any

import openpyxl
import pytest
import time_machine
from django.urls import reverse

from applications.documents import joint
from applications.models import Batch
from applications.services import batches
from tests.applications import county
from tests.applications.national import call_of, passed
from tests.applications.test_batch_papers import text_of
from tests.rendering import work
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
FACTORY = ("序号", "工厂名称", "第三方机构名称", "行业", "是否列入省级绿色名单")
PARK = ("序号", "园区名称", "第三方机构名称", "类型", "是否列入省级绿色名单")
CHAIN = ("序号", "企业名称", "第三方机构名称", "行业", "是否列入省级绿色名单")
SECTIONS = ("绿色工厂推荐名单", "绿色工业园区推荐名单", "绿色供应链管理企业推荐名单")
FOOT = ("推荐单位：秦皇岛市工业和信息化局", "（单位公章）")


@pytest.fixture(autouse=True)
def _may(db: None) -> Any:
    county.load_rules()
    with time_machine.travel(NOW, tick=False):
        yield


def batch_of(world: World, category: str, count: int, start: int) -> Batch:
    actor = world.actor("city_handler")
    rows = passed(world, call_of(world, category=category), count, start=start)
    batch = batches.start(actor=actor, at=NOW, call=rows[0].call)
    batches.add(actor=actor, at=NOW, reference=batch.reference, cases_=[row.reference for row in rows])
    return batch


@pytest.mark.clause("HEB-A1")
def test_one_paper_has_the_three_sections_of_the_notice(world: World) -> None:
    factories = batch_of(world, "factory", 2, 8000)
    batch_of(world, "park", 1, 8100)
    found = joint.joint_of(factories, world.actor("city_handler"))
    assert [part.table.section.zh for part in found.parts] == list(SECTIONS)
    assert [tuple(column.label.zh for column in part.columns) for part in found.parts] == [FACTORY, PARK, CHAIN]
    assert [len(part.rows) for part in found.parts] == [2, 1, 0]
    assert found.is_draft
    assert [row[0] for row in found.parts[0].rows] == ["1", "2"]
    assert {row[-1] for part in found.parts for row in part.rows} == {"是"}
    text = text_of(joint.render(found))
    at = [text.index(part) for part in ("秦皇岛市2026年度国家绿色制造名单推荐汇总表", *SECTIONS, *FOOT)]
    assert at == sorted(at)
    assert "年月日" in text[at[-1] :]  # the day is open until it is signed
    page = openpyxl.load_workbook(io.BytesIO(joint.workbook(found))).active
    assert page is not None
    lines = [tuple(str(cell) for cell in row if cell is not None) for row in page.iter_rows(values_only=True)]
    heads = [lines.index((section,)) for section in SECTIONS]
    assert [lines[head + 1] for head in heads] == [FACTORY, PARK, CHAIN]
    assert lines[heads[2] + 2] == ("（无）",)
    assert (FOOT[0],) in lines[heads[2] :] and (FOOT[1],) in lines[heads[2] :]


def test_it_follows_the_batches_and_shows_nobody_what_is_not_theirs(world: World) -> None:
    factories = batch_of(world, "factory", 1, 8000)
    actor = world.actor("city_handler")
    alone = joint.joint_of(factories, actor).digest
    parks = batch_of(world, "park", 1, 8100)
    both = joint.joint_of(factories, actor)
    assert both.digest != alone and len(both.parts[1].rows) == 1
    assert [part.rows for part in joint.joint_of(parks, actor).parts] == [part.rows for part in both.parts]
    assert not joint.joint_of(factories, replace(actor, list_kind="factory")).parts[1].rows
    assert joint.joint_of(factories, replace(actor, list_kind="factory")).digest == alone


def test_the_page_gives_it_as_pdf_and_workbook(world: World) -> None:
    batch = batch_of(world, "factory", 1, 8000)
    client = world.client("city_handler")
    text = client.get(reverse("applications:batch", args=[batch.reference])).content.decode()
    for format_ in ("pdf", "xlsx"):
        address = reverse("applications:batch_document", args=[batch.reference, "joint", format_])
        assert address in text
        answer = client.get(address)
        if answer.status_code == 202:
            work()
            answer = client.get(address)
        assert answer.status_code == 200, format_
        assert b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert world.client("other_city_handler").get(address).status_code == 404
    own = county.open_call(world)  # a rule set of one list has no such paper
    row = county.passed(world, county.case(world, own, organisation=county.firm(world, "130302", 8500)), NOW)
    other = batches.start(actor=world.actor("county_handler"), at=NOW, call=row.call)
    address = reverse("applications:batch_document", args=[other.reference, "joint", "pdf"])
    assert world.client("county_handler").get(address).status_code == 404

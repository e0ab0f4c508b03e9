"""Official papers of life after listing: who gets them and what they say."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse
from pypdf import PdfReader

from dynamics.models import YearlyReport
from dynamics.services import inspections, yearly
from greenlist.core import clock
from greenlist.core.models import RenderJob
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.dynamics.tables import SPRING
from tests.rendering import content, fetched
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)


def pages_of(answer: Any) -> list[str]:
    """The words of each page, without blanks."""
    assert answer["Content-Type"] == "application/pdf"
    return ["".join(page.extract_text().split()) for page in PdfReader(BytesIO(content(answer))).pages]


@pytest.fixture
def filed(world: World) -> YearlyReport:
    """The second table of a unit, with a figure ten times that of the year before, explained."""
    county.load_rules()
    listed(world, on=date(2025, 6, 20))
    first = datetime.fromisoformat("2026-03-01T09:00:00+08:00")
    before = tables.opened(world, year=2026, due_on=date(2026, 4, 30), at=first)
    tables.filed(world, tables.of(before, world), at=first, economy__output="100000")
    return tables.filed(world, tables.of(tables.opened(world), world), economy__output="1000000")


def test_the_table_is_a_paper_for_the_unit_and_its_offices(world: World, filed: YearlyReport) -> None:
    yearly.approve(
        actor=world.actor("county_handler"), at=SPRING, reference=filed.reference, revision=filed.revision, text="数据属实"
    )  # fmt: skip
    path = reverse("dynamics:yearly-pdf", args=[filed.reference])
    for who in ("applicant", "county_handler", "city_handler"):
        pages = pages_of(fetched(world.client(who), path))
        text = "".join(pages)
        for words in (
            filed.name,
            "1,000,000",
            "100,000",
            "产量增加，已核对",
            "真实性承诺",
            "申报人",
            "数据属实",
            "海港区",
        ):
            assert words in text, words
        assert f"第{len(pages)}页/共{len(pages)}页" in pages[-1]
        assert "海港经办" not in text  # names of officials are not for units
    assert RenderJob.objects.count() == 1  # one paper for everybody
    assert world.client("rival").get(path).status_code == 404
    assert world.client("other_city_handler").get(path).status_code == 404


def test_a_table_that_nobody_declared_is_no_paper(world: World, filed: YearlyReport) -> None:
    YearlyReport.objects.filter(pk=filed.pk).update(report=None)
    path = reverse("dynamics:yearly-pdf", args=[filed.reference])
    assert world.client("applicant").get(path).status_code == 404


def test_what_was_said_meanwhile_makes_another_paper(world: World, filed: YearlyReport) -> None:
    path = reverse("dynamics:yearly-pdf", args=[filed.reference])
    client = world.client("applicant")
    assert "审核意见" not in "".join(pages_of(fetched(client, path)))
    yearly.give_back(
        actor=world.actor("county_handler"), at=SPRING, reference=filed.reference, revision=filed.revision, text="请核对",
        fields={"economy.output": "与报表不符"},
    )  # fmt: skip
    assert "与报表不符" in "".join(pages_of(fetched(client, path)))


# ---- inspections --------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-13a")
def test_the_record_of_an_inspection_is_a_paper(world: World) -> None:
    county.load_rules()
    unit = listed(world)
    drawn = inspections.draw(
        actor=world.actor("county_handler"), wish=inspections.Wish("抽查计划", 2027, number=1), at=SPRING, seed="7" * 64
    )
    row = drawn.inspections.get()
    path = reverse("dynamics:inspection-pdf", args=[row.reference])
    official, firm = world.client("county_handler"), world.client("applicant")
    empty = "".join(pages_of(fetched(official, path)))
    for words in (
        unit.name,
        "抽查计划",
        "7" * 64,
        "从1家单位中随机抽取1家",
        "检查人员（签名）",
        *[one["zh"] for one in row.items],
    ):
        assert "".join(words.split()) in empty, words
    answers = {one["key"]: ("no", "缺两台表") for one in row.items}
    visit = inspections.Visit(
        SPRING.date(), "示例甲、示例乙", "problems", "空压机未装表。", answers, [picture("现场.png")],
        due_on=date(2027, 4, 1), rectify="装表。",
    )  # fmt: skip
    inspections.carry_out(actor=world.actor("county_handler"), reference=row.reference, visit=visit, at=SPRING)
    for client, sample in ((official, True), (firm, False)):
        text = "".join(pages_of(fetched(client, path)))
        for words in (
            "示例甲、示例乙",
            "空压机未装表。",
            "缺两台表",
            "装表。",
            "2027年4月1日",
            "现场.png",
            "被检查单位负责人（签名）",
        ):
            assert words in text, words
        assert ("7" * 64 in text) is sample  # how it was drawn is for who sees the plan
    assert world.client("rival").get(path).status_code == 404


def test_the_draw_of_an_upper_authority_is_not_told_below(world: World) -> None:
    county.load_rules()
    listed(world)
    drawn = inspections.draw(
        actor=world.actor("city_handler"), wish=inspections.Wish("抽查计划", 2027, number=1), at=SPRING, seed="7" * 64
    )
    path = reverse("dynamics:inspection-pdf", args=[drawn.inspections.get().reference])
    for who, told in (("city_handler", True), ("county_handler", False)):
        assert ("7" * 64 in "".join(pages_of(fetched(world.client(who), path)))) is told, who

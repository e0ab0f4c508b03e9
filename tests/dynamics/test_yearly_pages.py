"""Pages of yearly tables: the unit's way from the list to the declaration, the reviewers' page, the board and its export."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from applications.models import Section
from dynamics.documents import yearly as papers
from dynamics.models import Cycle, OpinionReport, YearlyReport
from dynamics.selectors import yearly as selectors
from dynamics.services import cycles, yearly
from dynamics.states import YearlyState
from greenlist.core import clock
from greenlist.core.models import RenderJob
from greenlist.organisations.models import Site
from greenlist.portal import selectors as work
from tests.applications import county
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.dynamics.tables import SPRING, filed, fill, jieyang, of, opened
from tests.rendering import content
from tests.world import World


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)


@pytest.fixture
def cycle(world: World) -> Cycle:
    county.load_rules()
    listed(world)
    return opened(world)


@pytest.fixture
def table(world: World, cycle: Cycle) -> YearlyReport:
    return of(cycle, world)


def at(name: str, *args: Any) -> str:
    return reverse(f"dynamics:{name}", args=args)


def test_the_unit_goes_from_its_list_to_the_declaration(world: World, table: YearlyReport) -> None:
    client = world.client("applicant")
    page = client.get(at("yearly-own"))
    assert at("yearly", table.reference) in page.content.decode()
    assert client.get(at("yearly-begin", table.reference)).status_code == 200
    begun = client.post(at("yearly-begin", table.reference))
    assert begun["Location"] == f"/papers/yearly/{table.reference}/fill/"
    assert client.get(begun["Location"], follow=True).status_code == 200
    section = client.get(f"/papers/yearly/{table.reference}/fill/basic/")
    text = section.content.decode()
    assert "取自名单" in text  # marked as taken over
    fill(world, table)
    check = client.get(at("yearly-check", table.reference))
    doubts = check.context["page"].doubts
    if doubts:
        sent = client.post(at("yearly-check", table.reference), {one.name: "已核对" for one in doubts})
        assert sent.status_code == 302
    check = client.get(at("yearly-check", table.reference))
    words = {"declare": "1", "digest": check.context["page"].digest, "declared_name": "申报人"}
    refused = client.post(at("yearly-check", table.reference), words)
    assert refused.status_code == 422
    done = client.post(at("yearly-check", table.reference), {**words, "agreed": "on"})
    assert done["Location"] == at("yearly", table.reference)
    assert YearlyReport.objects.get(pk=table.pk).state == YearlyState.FILED


def test_a_section_saves_by_itself_and_tells_of_conflicts(world: World, table: YearlyReport) -> None:
    """The pages of drafts, for a report that belongs to no application."""
    row = tables.begun(world, table)
    client = world.client("applicant")
    path = f"/papers/yearly/{row.reference}/fill/economy/"
    version = Section.objects.get(report=row.report, key="economy").version
    head = {"X-Requested-With": "autosave"}
    sent = client.post(path, {"output": "1200", "changed": "output", "version": version}, headers=head)
    assert sent.status_code == 200
    clash = client.post(path, {"output": "7", "changed": "output", "version": version}, headers=head)
    assert clash.status_code == 409
    assert Section.objects.get(report=row.report, key="economy").data["output"] == "1200"


def test_nobody_reads_a_table_in_the_making(world: World, table: YearlyReport) -> None:
    fill(world, table, economy__output="88")
    for who in ("county_handler", "city_handler", "rival"):
        assert world.client(who).get(f"/papers/yearly/{table.reference}/fill/economy/").status_code == 404
    page = world.client("county_handler").get(at("yearly", table.reference))
    assert page.status_code == 200
    assert not page.context["page"].sections


def test_reviewed_passed_and_returned_by_page(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    client = world.client("county_handler")
    page = client.get(at("yearly-review", row.reference))
    assert page.status_code == 200
    nothing = client.post(at("yearly-review", row.reference), {"deed": "approve", "revision": row.revision, "text": ""})
    assert nothing.status_code == 422
    back = {"deed": "return", "revision": row.revision, "text": "请核对", "at-economy.output": "与报表不符"}
    assert client.post(at("yearly-review", row.reference), back).status_code == 302
    seen = world.client("applicant").get(at("yearly", row.reference)).content.decode()
    assert "与报表不符" in seen
    assert "海港经办" not in seen  # names of officials are not for units
    again = tables.file(world, row)
    given = {"deed": "approve", "revision": again.revision, "text": "数据属实"}
    assert client.post(at("yearly-review", row.reference), given).status_code == 302
    assert YearlyReport.objects.get(pk=row.pk).tier == "city"


@pytest.mark.clause("HLJ-28")
def test_the_opinion_report_is_a_paper(world: World) -> None:
    county.load_rules()
    listed(world, "hlj", "230000")
    row = filed(world, of(opened(world, "heilongjiang", due_on=None), world, "hlj"), "hlj_applicant")
    client = world.client("hlj_city_handler")
    keys = ("vetoes", "in_time", "truth", "accident", "changes")
    given = {"deed": "opinion", "text": "符合第三十条要求，同意。"}
    assert client.post(at("yearly-review", row.reference), given).status_code == 422
    given |= {f"point_{key}": "yes" for key in keys}
    assert client.post(at("yearly-review", row.reference), given).status_code == 302
    report = OpinionReport.objects.get()
    answer = client.get(at("yearly-opinion-pdf", row.reference, report.pk))
    assert answer.status_code == 202
    assert RenderJob.objects.get().kind == "yearly-opinion"
    assert world.client("hlj_applicant").get(at("yearly-opinion-pdf", row.reference, report.pk)).status_code == 404
    assert papers.content(report).startswith(b"%PDF")


def board(client: Client, cycle: Cycle, **words: str) -> Any:
    return client.get(at("cycle", cycle.reference), words)


def test_the_export_holds_exactly_what_the_board_finds(world: World, cycle: Cycle, table: YearlyReport) -> None:
    listed(world, "rival")
    cycles.refresh(at=SPRING)
    filed(world, table)
    client = world.client("city_handler")
    for words in ({}, {"state": "filed"}, {"state": "due"}, {"area": "/130000/130300/130322/"}, {"q": "昌黎"}):
        page = board(client, cycle, **words).context["page"]
        body = content(client.get(at("cycle-export", cycle.reference), words))
        sheet = load_workbook(io.BytesIO(body)).active
        assert sheet is not None
        names = sorted(str(line[0]) for line in sheet.iter_rows(min_row=2, values_only=True))
        assert names == sorted(row.table.name for row in page.rows)
        assert len(names) == page.found
    elsewhere = board(client, cycle, area="/230000/")
    assert elsewhere.context["page"].total == 2  # a place outside one's own is no filter


def test_one_press_reminds_who_is_shown(world: World, cycle: Cycle, table: YearlyReport) -> None:
    client = world.client("city_handler")
    sent = client.post(at("cycle-remind", cycle.reference), {"state": "due"}, follow=True)
    assert "已催报 1 家单位" in sent.content.decode()


def test_an_approver_opens_a_cycle_by_page(world: World) -> None:
    county.load_rules()
    listed(world)
    client = world.client("city_approver")
    page = client.get(at("cycles"))
    (choice, _name), *_others = page.context["page"].may_open
    missing = client.post(at("cycles"), {"duty": choice, "year": 2027})
    assert missing.status_code == 422
    assert "due_on" in missing.context["form"].errors
    made = client.post(at("cycles"), {"duty": choice, "year": 2027, "due_on": "2027-04-30"})
    assert made["Location"] == at("cycle", Cycle.objects.get().reference)
    assert world.client("city_handler").get(at("cycles")).context["page"].may_open == ()


def grown(world: World, cycle: Cycle, count: int) -> None:
    """So many more tables of the applicant's firm."""
    sites = [
        Site.objects.create(organisation=world.org, name=f"示例厂区{number}", area=world.site.area)
        for number in range(count)
    ]
    YearlyReport.objects.bulk_create(
        YearlyReport(
            cycle=cycle,
            category="factory",
            site=site,
            organisation=world.org,
            name=f"{world.org.name}{site.pk}",
            area_path=site.area.path,
            tiers=["city"],
            form="dynamic-factory-1",
            due_on=cycle.due_on,
        )
        for site in sites
    )


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(
    ("who", "name", "most"),
    [("applicant", "yearly-own", 12), ("city_handler", "cycle", 24), ("city_handler", "cycles", 16)],
)
def test_lists_cost_the_same(
    world: World, cycle: Cycle, count: int, who: str, name: str, most: int, django_assert_max_num_queries: Any
) -> None:
    grown(world, cycle, count - 1)
    client = world.client(who)
    path = at(name, *([cycle.reference] if name == "cycle" else []))
    client.get(path)
    with django_assert_max_num_queries(most):
        page = client.get(path)
    assert page.status_code == 200
    shown = page.context["page"].rows.rows
    assert len(shown) == (1 if name == "cycles" else min(count, 30 if name == "yearly-own" else 50))


@pytest.mark.parametrize(
    ("who", "name"), [("applicant", "yearly-own"), ("city_handler", "cycle"), ("city_handler", "cycles")]
)
def test_no_list_reads_the_stored_text_of_the_rules(world: World, cycle: Cycle, who: str, name: str) -> None:
    """It is long, comes with every row where it is not left out, and nothing of it is shown."""
    client = world.client(who)
    path = at(name, *([cycle.reference] if name == "cycle" else []))
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    assert [one["sql"] for one in seen.captured_queries if "canonical" in one["sql"]] == []


def test_the_deadline_of_a_return_is_its_own(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    yearly.give_back(
        actor=world.actor("county_handler"), at=SPRING, reference=row.reference, revision=row.revision, text="请核对",
        fields={"economy.output": "与报表不符"},
    )  # fmt: skip
    page = selectors.own_page(world.actor("applicant"), {}, SPRING.date())
    assert page.rows.rows[0].last_day == SPRING.date() + timedelta(days=10)


def test_the_work_list_names_what_is_to_be_done(world: World, table: YearlyReport) -> None:
    def titles(who: str) -> list[str]:
        return [
            one.title
            for group in work.work_list(world.actor(who), SPRING.date())
            if group.key == "tables"
            for one in group.tasks
        ]

    assert titles("applicant") == [table.name]
    assert titles("county_handler") == []
    filed(world, table)
    assert titles("applicant") == []
    assert titles("county_handler") == [table.name]
    assert titles("city_handler") == []


@pytest.mark.clause("JY-19")
def test_a_listed_unit_says_by_page_that_it_means_to_apply_higher(world: World) -> None:
    county.load_rules()
    jieyang(world)
    tables.titled(world.site, "city")
    cycles.open_due(at=SPRING)
    client = world.client("applicant")
    page = client.get(at("yearly-own")).context["page"]
    (one,) = page.again
    sent = client.post(at("cycle-aspire", one.cycle.reference), {"site": one.site, "category": one.category})
    row = YearlyReport.objects.get(cycle=one.cycle)
    assert sent["Location"] == at("yearly", row.reference)
    assert client.get(at("yearly-own")).context["page"].again == ()

"""Nothing is cut silently: workbooks and annexes hold every line, and the long ones are made by the worker."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from openpyxl import load_workbook

from dynamics.documents import exports
from dynamics.documents import filings as papers
from dynamics.models import Change, CultivationObject, YearlyReport
from dynamics.selectors import inspections as inspection_reads
from dynamics.services import filings, inspections, yearly
from dynamics.services.inspections import Wish
from dynamics.states import ChangeState, CultivationState, FilingState
from greenlist.core import clock, rendering
from greenlist.core.errors import Refused
from greenlist.core.models import Notification, RenderJob
from greenlist.organisations.models import Site
from tests.applications import county
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.rendering import content, fetched, work
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-08-20T09:00:00+08:00")
OLD_ANNEX, OLD_TABLE = 5_000, 2_000  # where they used to end


@pytest.fixture(autouse=True)
def _now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    county.load_rules()
    monkeypatch.setattr(clock, "now", lambda: AT)


def library(world: World, count: int, firm: str, owner: str) -> None:
    """So many sites of one firm in an authority's library."""
    about, office = world.orgs[firm], world.authorities[owner]
    sites = Site.objects.bulk_create(
        Site(organisation=about, area=world.sites[firm].area, name=f"{number}号厂区", address="示例路")
        for number in range(count)
    )
    CultivationObject.objects.bulk_create(
        CultivationObject(
            organisation=about,
            site=site,
            category="factory",
            level=office.tier,
            authority=office,
            area_path=site.area.path,
            source="survey",
            state=CultivationState.CULTIVATING,
            created_at=AT,
        )
        for site in sites
    )
    with connection.cursor() as cursor:  # a planner that knows nothing of so many rows joins each with each
        cursor.execute("ANALYZE")


def lines(body: bytes, sheet: str = "") -> int:
    """Rows below the head of a sheet."""
    book = load_workbook(io.BytesIO(body), read_only=True)
    found = book[sheet] if sheet else book.worksheets[0]
    return sum(1 for _row in found.iter_rows(values_only=True)) - 1


@pytest.mark.clause("HLJ-14b")
def test_a_filing_holds_every_object_in_both_papers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    count = OLD_ANNEX + 50
    library(world, count, "hlj", "230100")
    handler = {"actor": world.actor("hlj_city_handler"), "at": AT}
    row = filings.draft(rule="filing", year=2026, **handler)
    given = {"plan": "", "with_library": True, "with_list": False}
    filings.write(reference=row.reference, version=row.version, **given, **handler)
    filings.hand_over(reference=row.reference, **handler)
    row = filings.sign(reference=row.reference, actor=world.actor("hlj_city_approver"), at=AT)
    assert (row.state, len((row.frozen or {})["library"])) == (FilingState.SENT, count)
    printed: list[int] = []

    def render(_template: str, context: dict[str, Any], **_options: Any) -> bytes:
        printed.append(len(context["library"]))
        return b"%PDF-1.7 pages"

    monkeypatch.setattr(papers, "render_pdf", render)
    client, address = world.client("hlj_province_handler"), reverse("dynamics:filing-package", args=[row.reference])
    assert [client.get(address).status_code, work(), client.get(address).status_code, work()] == [202, 1, 202, 1]
    with zipfile.ZipFile(io.BytesIO(content(client.get(address)))) as archive:
        (book,) = (name for name in archive.namelist() if name.endswith(".xlsx"))
        assert lines(archive.read(book), "培育库") == count
    assert printed == [count]


@pytest.mark.clause("JY-14")
def test_a_large_library_is_handed_out_whole_and_told_when_it_is_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = OLD_ANNEX + 50
    library(world, count, "org", "130302")
    client, address = world.client("city_handler"), reverse("dynamics:cultivation-export")
    assert client.get(address).status_code == 202
    later = AT + rendering.LEFT + timedelta(seconds=1)
    assert rendering.sweep(at=later) == 1
    job = RenderJob.objects.get(kind="cultivation-table")
    assert (job.state, job.done, job.total) == ("done", 5, 6)
    told = Notification.objects.get(kind="document.ready", recipient=world.user("city_handler"))
    assert told.link == address
    assert lines(content(client.get(told.link))) == count
    assert lines(content(client.get(address, {"place": "130306"}))) == 0  # few are found there: no waiting
    monkeypatch.setattr(clock, "now", lambda: later + exports.FRESH - timedelta(minutes=1))
    assert lines(content(client.get(told.link))) == count  # who reads the message later finds the same file
    monkeypatch.setattr(clock, "now", lambda: later + exports.FRESH + timedelta(minutes=1))
    assert client.get(address).status_code == 202  # a new look for who asks again after that


def test_who_waits_long_gets_the_workbook_that_was_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "DIRECT", 2)
    library(world, 3, "org", "130302")
    client, address = world.client("city_handler"), reverse("dynamics:cultivation-export")
    for minutes in (0, 9, 11, 61):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: AT + timedelta(minutes=minutes))
        assert client.get(address).status_code == 202
    assert RenderJob.objects.filter(kind="cultivation-table").count() == 1
    assert world.client("city_approver").get(address).status_code == 202  # somebody else's lines may be others
    assert RenderJob.objects.filter(kind="cultivation-table").count() == 2


@pytest.mark.clause("JY-21")
def test_the_workbook_of_changes_holds_all_of_them(world: World) -> None:
    count = OLD_TABLE + 30
    unit = listed(world)
    one = Change(
        listing=unit,
        organisation=unit.organisation,
        area_path=unit.area_path,
        verifier=world.authorities["130302"],
        rules="r",
        clause="QHD-15",
        kinds=["name"],
        before={"name": "旧"},
        after={"name": "新"},
        happened_on=date(2026, 8, 1),
        explanation="更名",
        reported_by=world.user("applicant"),
        reported_at=AT,
        state=ChangeState.REPORTED,
    )
    rows = []
    for number in range(count):
        values = {field.attname: getattr(one, field.attname) for field in Change._meta.concrete_fields}
        rows.append(Change(**{**values, "id": None, "reference": f"long-{number}"}))
    Change.objects.bulk_create(rows)
    client, address = world.client("city_handler"), reverse("dynamics:changes-workbook")
    assert client.get(address).status_code == 202
    assert lines(content(fetched(client, address))) == count
    assert lines(content(client.get(address, {"state": "settled"}))) == 0


def test_a_plan_is_shown_in_pages_and_handed_out_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_reads, "PAGE", 1)
    monkeypatch.setattr(exports, "DIRECT", 1)
    for firm in ("org", "rival"):
        listed(world, firm)
    wish = Wish(title="抽查", year=2026, category="", tier="", share=None, number=2, unannounced=False)
    plan = inspections.draw(actor=world.actor("city_handler"), wish=wish, at=AT)
    client = world.client("city_handler")
    page = reverse("dynamics:inspection-plan", args=[plan.reference])
    first = client.get(page).context["page"]
    second = client.get(page, {"after": first.after}).context["page"]
    assert [str(row.listing_id) for row in (*first.rows, *second.rows)] == plan.drawn
    assert second.after is None
    body = content(fetched(client, reverse("dynamics:inspection-plan-workbook", args=[plan.reference])))
    names = [row[0] for row in load_workbook(io.BytesIO(body)).active.iter_rows(min_row=2, values_only=True)]  # type: ignore[union-attr]
    assert len(names) == 2


@pytest.mark.authz
def test_who_lost_the_office_meanwhile_gets_no_workbook(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "DIRECT", 1)
    library(world, 2, "org", "130302")
    client, address = world.client("city_handler"), reverse("dynamics:cultivation-export")
    assert client.get(address).status_code == 202
    mandate = world.mandates["city_handler"]
    mandate.valid_until = AT.date() - timedelta(days=1)
    mandate.save()
    work()
    assert RenderJob.objects.get(kind="cultivation-table").state == "refused"


def test_a_press_that_would_leave_some_out_reminds_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More units than one press takes are refused with the way out, not cut."""
    listed(world)
    listed(world, "rival")
    cycle = tables.opened(world)
    about = {"actor": world.actor("city_handler"), "at": tables.SPRING, "cycle": cycle.reference}
    references = list(YearlyReport.objects.filter(cycle=cycle).values_list("reference", flat=True))
    monkeypatch.setattr(yearly, "MOST_CHASED", 1)
    with pytest.raises(Refused, match="too_many"):
        yearly.chase(**about, references=references)
    assert not Notification.objects.filter(kind="yearly.chased").exists()
    assert yearly.chase(**about, references=references[:1]) == 1

"""A yearly table by Excel: the workbook of reports for a paper that belongs to no application."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from applications.models import Section
from dynamics.models import YearlyReport
from greenlist.core import clock
from greenlist.core.models import AuditEntry
from tests.applications import county
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.dynamics.tables import SPRING
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)


@pytest.fixture
def table(world: World) -> YearlyReport:
    county.load_rules()
    listed(world)
    return tables.begun(world, tables.of(tables.opened(world), world))


def at(name: str, table: YearlyReport) -> str:
    return reverse(f"applications:paper-{name}", args=["yearly", table.reference])


def filled_in(body: bytes, **values: Any) -> SimpleUploadedFile:
    """The workbook with figures of the part 生产经营 typed in, by the keys in the hidden column."""
    book = load_workbook(io.BytesIO(body))
    page = next(page for page in book.worksheets if page.title.endswith("生产经营"))
    for key, value in values.items():
        row = next(cell.row for cell in page["A"] if cell.value == key)
        page.cell(row=row, column=3).value = value
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile("年报.xlsx", out.getvalue())


def economy(table: YearlyReport) -> dict[str, Any]:
    data: dict[str, Any] = Section.objects.get(report=table.report, key="economy").data
    return data


def test_figures_are_previewed_then_stored(world: World, table: YearlyReport) -> None:
    client = world.client("applicant")
    section = client.get(f"/papers/yearly/{table.reference}/fill/economy/").content.decode()
    assert at("workbook", table) in section
    assert client.get(at("workbook", table)).status_code == 200
    body = client.get(at("workbook-download", table)).content
    page = client.post(at("workbook", table), {"file": filled_in(body, output=12345.5, land="6,000")})
    assert page.status_code == 200
    assert not economy(table).get("output")
    done = client.post(at("workbook-take", table), {"packed": page.context["preview"].packed})
    assert done["Location"] == f"/papers/yearly/{table.reference}/fill/"
    assert (economy(table)["output"], economy(table)["land"]) == ("12345.5", "6000")
    assert AuditEntry.objects.filter(subject_kind="yearly", action="yearly.workbook_taken").count() == 1


def test_a_mistake_is_named_and_nothing_is_stored(world: World, table: YearlyReport) -> None:
    client = world.client("applicant")
    body = client.get(at("workbook-download", table)).content
    page = client.post(at("workbook", table), {"file": filled_in(body, output="很多", land=6000)})
    assert page.status_code == 422
    (wrong,) = page.context["refused"].rows
    assert wrong.value == "很多"
    assert not economy(table).get("land")


def test_a_workbook_of_another_table_is_refused(world: World, table: YearlyReport) -> None:
    client = world.client("applicant")
    body = client.get(at("workbook-download", table)).content
    book = load_workbook(io.BytesIO(body))
    book["_form"]["B1"].value = "other"
    out = io.BytesIO()
    book.save(out)
    page = client.post(at("workbook", table), {"file": SimpleUploadedFile("x.xlsx", out.getvalue())})
    assert page.status_code == 422
    assert page.context["refused"].is_old


def test_it_is_for_the_unit_while_it_fills_in(world: World, table: YearlyReport) -> None:
    assert world.client("applicant").get(at("workbook-download", table)).status_code == 200
    for who in ("rival", "county_handler", "city_handler"):
        assert world.client(who).get(at("workbook-download", table)).status_code == 404, who
    tables.filed(world, table)
    assert world.client("applicant").get(at("workbook-download", table)).status_code == 409

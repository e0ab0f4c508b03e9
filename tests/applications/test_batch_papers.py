"""The papers of a batch: letter, summary table, check page, package (QHD-N4a, QHD-N4d, SJZ-8)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openpyxl
import pypdf
import pytest
from django.urls import reverse

from applications.documents import batch as papers
from applications.models import Application, Batch, Document
from applications.services import batches
from greenlist.core import rendering, workbooks
from greenlist.core.models import RenderJob
from greenlist.organisations.models import Organisation
from tests.applications import county
from tests.rendering import fetched
from tests.world import World, build_world

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=cmd|'/c calc'!A0"]


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def call(rules: None, world: World) -> Any:
    return county.open_call(world)


@pytest.fixture
def rows(world: World, call: Any) -> list[Application]:
    made = [county.case(world, call, organisation=county.firm(world, "130302", 9100 + n)) for n in range(2)]
    return [county.passed(world, row, NOW) for row in made]


@pytest.fixture
def batch(world: World, rows: list[Application]) -> Batch:
    signed: Batch = county.signed_batch(world, rows, NOW)
    return signed


def text_of(body: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(body)).pages
    return "".join("".join(page.extract_text().split()) for page in pages)


def package(world: World, batch: Batch, character: str = "county_approver") -> tuple[str, Any]:
    """As the page gives it: first the job, then the file."""
    actor = world.actor(character)
    assert isinstance(papers.package_file(batch, actor=actor, at=NOW), RenderJob)
    assert rendering.sweep(at=NOW) == 1
    found = papers.package_file(batch, actor=actor, at=NOW)
    assert not isinstance(found, RenderJob)
    return found


def content(document: Document) -> bytes:
    from django.core.files.storage import default_storage

    with default_storage.open(document.blob.key) as file:
        body: bytes = file.read()
    return body


@pytest.mark.clause("QHD-8", "QHD-N4a")
def test_the_letter_names_units_number_annexes_and_has_a_place_for_the_seal(batch: Batch) -> None:
    document = papers.kept(batch, "letter", "pdf", at=NOW)
    text = text_of(content(document))
    units = "示例制造9100有限公司、示例制造9101有限公司"
    for part in ("示工信〔2026〕5号", units, "共2家企业", "附件：1．", "（盖章）", "2026年5月6日"):
        assert "".join(part.split()) in text, part
    assert document.blob.sha256 == hashlib.sha256(content(document)).hexdigest()
    assert papers.kept(batch, "letter", "pdf", at=NOW) == document


@pytest.mark.clause("QHD-N4d")
def test_the_summary_table_has_the_columns_of_the_rule_set_as_pdf_and_workbook(batch: Batch) -> None:
    sheet = papers.sheet_of(batch)
    assert sheet.table is not None
    assert sheet.table.unverified
    labels = [column.label.zh for column in sheet.table.columns]
    text = text_of(content(papers.kept(batch, "summary", "pdf", at=NOW)))
    assert all("".join(label.split()) in text for label in labels)
    assert "表样未公开" in text
    page = openpyxl.load_workbook(io.BytesIO(content(papers.kept(batch, "summary", "xlsx", at=NOW)))).active
    assert page is not None
    assert [cell.value for cell in page[2]] == labels
    assert page.max_row == 2 + 2 + 1
    assert [page.cell(row=row, column=2).value for row in (3, 4)] == ["示例制造9100有限公司", "示例制造9101有限公司"]
    assert page.freeze_panes == "A3"
    assert page.page_setup.orientation == "landscape"
    assert str(page.page_setup.paperSize) == page.PAPERSIZE_A4


def test_no_cell_of_the_workbook_can_run(world: World, call: Any) -> None:
    """Formula injection: = + - @ TAB CR at the start of any text."""
    made = []
    for number, products in enumerate(EVIL):
        firm = county.firm(world, "130302", 9200 + number)
        Organisation.objects.filter(pk=firm.pk).update(products=products)
        firm.refresh_from_db()
        made.append(county.passed(world, county.case(world, call, organisation=firm), NOW))
    batch = county.signed_batch(world, made, NOW)
    page = openpyxl.load_workbook(io.BytesIO(papers.workbook(papers.sheet_of(batch)))).active
    assert page is not None
    values = [cell.value for row in page.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type == "s" for row in page.iter_rows() for cell in row if cell.value is not None)
    assert not [value for value in values if str(value).startswith(workbooks.FORMULA)]
    assert "'=1+1" in values


@pytest.mark.clause("QHD-8")
def test_the_check_page_lists_every_point_with_article_and_who_signed(batch: Batch) -> None:
    text = text_of(content(papers.kept(batch, "check", "pdf", at=NOW)))
    bound = papers.sheet_of(batch).bound
    for item in bound.checklists["county"].items:
        assert "".join(item.text.zh.split()) in text, item.key
    assert "海港经办" in text
    assert "海港审批" in text
    assert batch.digest in text


@pytest.mark.clause("QHD-N4a")
def test_the_package_is_one_download_with_everything_and_its_sums(world: World, batch: Batch) -> None:
    name, chunks = package(world, batch)
    assert name.endswith(".zip")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    assert archive.testzip() is None
    names = archive.namelist()
    assert [one.rpartition(".")[2] for one in names] == ["pdf", "pdf", "xlsx", "pdf", "pdf", "pdf", "txt"]
    assert sum("示例制造" in one for one in names) == 2
    assert not [one for one in names if ".." in one or one.startswith("/") or "\\" in one]
    sums = dict(reversed(line.split("  ", 1)) for line in archive.read("SHA256SUMS.txt").decode().splitlines())
    assert set(sums) == set(names) - {"SHA256SUMS.txt"}
    assert all(hashlib.sha256(archive.read(one)).hexdigest() == digest for one, digest in sums.items())


@pytest.mark.clause("SJZ-8", "SJZ-noN")
def test_the_second_citys_package_needs_no_summary_and_may_carry_it(world: World, rules: None) -> None:
    row = county.case(world, county.open_call(world, "shijiazhuang"), organisation=world.orgs["sjz"])
    people = {"handler": "sjz_county_handler", "approver": "sjz_county_approver"}
    county.passed(world, row, NOW, **people)
    batch = county.signed_batch(world, [row], NOW, **people)
    _name, chunks = package(world, batch, "sjz_county_approver")
    names = zipfile.ZipFile(io.BytesIO(b"".join(chunks))).namelist()
    assert len([one for one in names if one.endswith(".pdf")]) >= 3  # letter, check page, one report
    text = text_of(content(papers.kept(batch, "letter", "pdf", at=NOW)))
    assert "秦皇岛" not in text


def test_a_draft_is_marked_and_kept_nowhere(world: World, rows: list[Application]) -> None:
    batch = batches.start(actor=world.actor("county_handler"), at=NOW, call=rows[0].call)
    batches.add(actor=world.actor("county_handler"), at=NOW, reference=batch.reference, cases_=[rows[0].reference])
    for kind in ("letter", "summary", "check"):
        address = reverse("applications:batch_document", args=[batch.reference, kind, "pdf"])
        answer = fetched(world.client("county_handler"), address)
        assert "草稿" in text_of(b"".join(answer.streaming_content)), kind
    assert not Document.objects.exists()


@pytest.mark.race
def test_two_downloads_at_once_end_with_one_paper(
    transactional_db: None, run_threads: Callable[..., list[Any]]
) -> None:
    world = build_world()
    county.load_rules()
    row = county.passed(world, county.case(world, county.open_call(world)), NOW)
    batch = county.signed_batch(world, [row], NOW)
    found = run_threads(2, lambda number: papers.kept(batch, "summary", "xlsx", at=NOW).pk)
    assert found[0] == found[1]
    assert Document.objects.filter(batch=batch).count() == 1

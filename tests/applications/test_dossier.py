"""The case file: joined with bookmarks, or side by side; what each reader gets, and what cannot be joined."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Destination

from applications.models import Application, Evidence
from applications.services import drafts
from greenlist.core import attachments, binding
from greenlist.core.models import Blob
from tests.applications import filled
from tests.rendering import content, fetched
from tests.world import World

pytestmark = pytest.mark.django_db


def pdf(pages: int = 1, *, password: str = "") -> bytes:
    writer = PdfWriter()
    for _page in range(pages):
        writer.add_blank_page(595, 842)
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def flat(page: Any) -> str:
    return page.extract_text().replace("\n", "").replace(" ", "")


def address(case: Application, format_: str) -> str:
    return reverse(f"applications:dossier-{format_}", args=[case.reference])


@pytest.fixture
def draft(world: World) -> Application:
    filled.load_rules()
    return filled.fill(world, filled.start(world, filled.open_call(world)))


def attach(world: World, case: Application, name: str, body: bytes) -> Evidence:
    first = Evidence.objects.filter(report=case.report).order_by("pk").first()
    assert first is not None
    return drafts.add_evidence(
        actor=world.actor("applicant"),
        at=filled.SPRING,
        reference=case.reference,
        section=first.section,
        field=first.field,
        upload=SimpleUploadedFile(name, body),
    )


def bookmarks(found: PdfReader) -> dict[str, int]:
    """Title → page from 0, both levels."""
    marks: dict[str, int] = {}
    for one in found.outline:
        for mark in one if isinstance(one, list) else [one]:
            assert isinstance(mark, Destination)
            marks[str(mark.title)] = found.get_destination_page_number(mark) or 0
    return marks


def test_one_document_with_a_bookmark_for_each_part(world: World, draft: Application) -> None:
    attach(world, draft, "检测报告.pdf", pdf(3))
    attachments.scan_waiting(at=filled.SPRING)
    files = Evidence.objects.filter(report=draft.report).count()
    report = PdfReader(
        io.BytesIO(
            content(
                fetched(
                    world.client("applicant"),
                    reverse("applications:report-pdf", args=[draft.reference]),
                    {"draft": "1"},
                )
            )
        )
    )
    found = PdfReader(io.BytesIO(content(fetched(world.client("applicant"), address(draft, "pdf")))))
    marks = bookmarks(found)
    assert [*marks][:3] == ["目录", "绿色工厂自评价报告", "证明材料"]  # nothing has happened to a draft yet
    (title,) = [one for one in marks if one.endswith("检测报告.pdf")]
    assert "检测报告.pdf" in flat(found.pages[marks[title]])
    front = marks["绿色工厂自评价报告"]
    # the front, the report, a sheet for each file, one page a picture, three of the test report
    assert len(found.pages) == front + len(report.pages) + files + (files - 1) + 3
    assert marks["证明材料"] == front + len(report.pages)


def test_officials_and_the_applicant_get_the_steps_nobody_else_anything(world: World, draft: Application) -> None:
    attachments.scan_waiting(at=filled.SPRING)
    case = filled.submit(world, draft)
    for who in ("applicant", "county_handler"):
        text = "".join(
            flat(one) for one in PdfReader(io.BytesIO(content(fetched(world.client(who), address(case, "pdf"))))).pages
        )
        assert "办理经过和意见" in text and case.number in text
    assert world.client("other_county_handler").get(address(case, "pdf")).status_code == 404
    assert world.client("other_county_handler").get(address(case, "zip")).status_code == 404


def test_what_cannot_be_joined_is_told_in_its_place_and_lies_in_the_zip(world: World, draft: Application) -> None:
    attachments.scan_waiting(at=filled.SPRING)
    row = Evidence.objects.filter(report=draft.report).order_by("pk").last()
    assert row is not None
    unread = {"broken": b"%PDF-1.7\nnothing of a document", "password": pdf(password="secret"), "type": b"PK text"}
    kinds = {"broken": "application/pdf", "password": "application/pdf", "type": "application/msword"}
    for name, body in unread.items():
        blob = attachments.store_bytes(name=f"{name}.pdf", content=body, content_type=kinds[name], at=filled.SPRING)
        Evidence.objects.create(
            report=draft.report,
            section=row.section,
            field=row.field,
            blob=blob,
            added_by=row.added_by,
            added_at=filled.SPRING,
        )
    waiting = attach(world, draft, "未检查.pdf", pdf())
    Blob.objects.filter(pk=waiting.blob_id).update(scan="waiting", scanned_at=None)
    client = world.client("applicant")
    joined = PdfReader(io.BytesIO(content(fetched(client, address(draft, "pdf")))))
    text = "".join(flat(one) for one in joined.pages)
    for said in ("文件设有密码", "文件无法读取", "不是PDF或图片", "尚未通过安全检查"):
        assert text.count(said) == 1, said
    with zipfile.ZipFile(io.BytesIO(content(fetched(client, address(draft, "zip"))))) as archive:
        names = archive.namelist()
        index = load_workbook(io.BytesIO(archive.read("00-目录.xlsx"))).active
        assert archive.testzip() is None
    assert index is not None
    rows = list(index.iter_rows(min_row=2, values_only=True))
    assert len(rows) == Evidence.objects.filter(report=draft.report).count()
    assert [one for one in names if one.endswith("password.pdf")]
    assert not [one for one in names if one.endswith("未检查.pdf")]  # nobody is handed a file that was not checked
    assert [row for row in rows if str(row[3]).endswith("未检查.pdf") and row[6]]


def test_stamps_stay_and_their_actions_go() -> None:
    writer = PdfWriter()
    page = writer.add_blank_page(595, 842)
    writer.add_uri(0, "http://example.com/", (0, 0, 50, 50))
    page_note = page["/Annots"]
    assert len(page_note) == 1  # type: ignore[arg-type]
    out = io.BytesIO()
    writer.write(out)
    with binding.bundle() as bundle:
        name = bundle.add(out.getvalue())
        (counted,) = bundle.count([(name, "application/pdf")])
        joined = PdfReader(io.BytesIO(bundle.join([binding.Part(name, counted.pages, "一")], title="案卷")))
    (note,) = joined.pages[0]["/Annots"]  # type: ignore[attr-defined]
    assert "/A" not in note.get_object()


def test_a_reader_of_the_index_runs_no_formula(world: World, draft: Application) -> None:
    attach(world, draft, "=1+1.pdf", pdf())
    attachments.scan_waiting(at=filled.SPRING)
    with zipfile.ZipFile(io.BytesIO(content(fetched(world.client("applicant"), address(draft, "zip"))))) as archive:
        index = load_workbook(io.BytesIO(archive.read("00-目录.xlsx"))).active
    assert index is not None
    (cell,) = [row[3] for row in index.iter_rows(min_row=2) if "1+1" in str(row[3].value)]
    assert cell.data_type == "s" and str(cell.value).startswith("'=")

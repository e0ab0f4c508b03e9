"""Answers and evidence side by side: what is in view, who sees it, what can be written from there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application, Evidence, Remark
from applications.selectors import beside, cases
from applications.services import screening
from greenlist.core import attachments
from tests.applications import county, filled
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
ROW = "conditions.lawful"


@pytest.fixture(autouse=True)
def _may(db: None) -> Any:
    county.load_rules()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def case(world: World) -> Application:
    return filled.submitted(world, filled.open_call(world))


def page_of(case: Application, row: str = "", file: str = "") -> str:
    address = reverse("applications:beside", args=[case.reference])
    return address + (f"?row={row}&file={file}" if row else "")


def add(case: Application, name: str, kind: str) -> Evidence:
    """One more file beside the row, as if it had been declared."""
    rows = Evidence.objects.filter(report=case.report, section="conditions", field="lawful_evidence")
    first = rows.order_by("pk")[:1].get()
    return Evidence.objects.create(
        report=case.report,
        section="conditions",
        field="lawful_evidence",
        blob=attachments.store_bytes(name=name, content=name.encode(), content_type=kind, at=NOW),
        added_by=first.added_by,
        added_at=first.added_at,
    )


def test_the_row_and_its_file_are_in_view(world: World, case: Application) -> None:
    client = world.client("county_handler")
    first = client.get(page_of(case)).context["found"]
    assert first.row.files and first.file.kind == "picture"  # the first row that has something to look at
    found = client.get(page_of(case, ROW)).context["found"]
    assert (found.row.one.path, [one.row.blob.name for one in found.files]) == (ROW, ["lawful_evidence.png"])
    assert {row.section.key for row in found.rows} == {"conditions"}
    assert found.previous.url.startswith(page_of(case)) and found.following is not None
    other = client.get(page_of(case, "no.such", "x")).context["found"]
    assert other.row.one.path == first.row.one.path
    assert client.get(page_of(case, ROW, first.file.row.reference)).context["found"].file.row.field == "lawful_evidence"


def test_a_pdf_is_framed_a_picture_shown_and_anything_else_named(world: World, case: Application) -> None:
    pdf = add(case, "批复.pdf", "application/pdf")
    sheet = add(case, "台账.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    client = world.client("county_handler")
    shown = {one.reference: client.get(page_of(case, ROW, one.reference)).content.decode() for one in (pdf, sheet)}
    file = reverse("applications:evidence", args=[case.reference, pdf.reference])
    assert f'<iframe class="preview__frame" src="{file}?inline&amp;framed" title="批复.pdf">' in shown[pdf.reference]
    answer = client.get(f"{file}?inline&framed")
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'self'"
    assert b"".join(answer.streaming_content) == "批复.pdf".encode()
    assert "<iframe" not in shown[sheet.reference] and "请下载查看" in shown[sheet.reference]
    assert reverse("applications:evidence", args=[case.reference, sheet.reference]) in shown[sheet.reference]
    found = client.get(page_of(case, ROW, pdf.reference)).context["found"]
    assert (found.previous_file.row.blob.name, found.next_file.row.blob.name) == ("lawful_evidence.png", "台账.xlsx")


def test_remarks_and_findings_are_written_from_there(world: World, case: Application) -> None:
    client = world.client("county_handler")
    found = client.get(page_of(case, ROW)).context["found"]
    text = client.get(page_of(case, ROW)).content.decode()
    assert f'name="note-{ROW}"' in text
    questions = [one.point.key for one in found.questions]
    assert questions and all(f'name="verdict-{key}"' in text for key in questions)
    save = reverse("applications:review_save", args=[case.reference])
    sent = {f"note-{ROW}": "缺环评批复", f"verdict-{questions[0]}": "fix", f"remark-{questions[0]}": "补批复"}
    answer = client.post(save, {**sent, "next": f"beside:{found.following.one.path}"})
    assert answer["Location"] == found.following.url
    assert Remark.objects.get().text == "缺环评批复"
    assert case.verdicts.get(key=questions[0]).answer == "fix"
    client.post(save, {"note-conditions.other": "", "next": "beside:x"})  # what another row's form does not send stays
    assert "缺环评批复" in client.get(page_of(case, ROW)).content.decode()


def test_the_page_is_the_desks_and_only_reads_for_who_signs(world: World, case: Application) -> None:
    for who in ("county_handler", "county_approver"):
        assert world.client(who).get(page_of(case)).status_code == 200, who
    text = world.client("county_approver").get(page_of(case, ROW)).content.decode()
    assert "note-" not in text and "<textarea" not in text
    for who in ("other_county_handler", "applicant", "rival", "expert"):
        assert world.client(who).get(page_of(case)).status_code in (403, 404), who


def test_more_rows_and_files_cost_no_more_queries(world: World, case: Application) -> None:
    actor, counts = world.actor("county_handler"), []
    for more in ("一.pdf", "二.pdf"):
        with CaptureQueriesContext(connection) as seen:
            beside.beside(actor, case.reference, path=ROW)
        counts.append(len(seen))
        seen_files = len(beside.beside(actor, case.reference, path=ROW).files)
        assert seen_files == len(counts)
        add(case, more, "application/pdf")
    assert counts[0] == counts[1]


def test_the_case_page_tells_the_authoritys_own_time(world: World, case: Application) -> None:
    """As on the desk: stopped while a correction is out; nobody tells it to the applicant."""
    page = reverse("applications:case", args=[case.reference])
    client = world.client("county_handler")
    before = client.get(page).context["page"]
    assert before.own_days is not None and "本机关用时" in client.get(page).content.decode()
    screening.return_for_correction(
        actor=world.actor("county_handler"), at=NOW, reference=case.reference, fields=["basic.profile"], reason="不符"
    )
    after = cases.case_page(world.actor("county_handler"), case.reference, "report", NOW + timedelta(days=10))
    assert (after.own_days, after.applicant_days) == (before.own_days, 10)
    assert "补正期间停止计时" in client.get(page).content.decode()
    assert "本机关用时" not in world.client("applicant").get(page).content.decode()

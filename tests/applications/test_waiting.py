"""The page that waits for a document: what it says, how it asks, and who gets the file in the end (R10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from applications.models import Application, Document
from greenlist.accounts.models import Mandate
from greenlist.core import documents, rendering
from greenlist.core.documents import PdfFailed, PdfUnavailable
from greenlist.core.models import RenderJob
from tests.applications import county
from tests.rendering import content, work
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
POLL = {"HX-Request": "true", "X-Requested-With": "poll"}


@pytest.fixture(autouse=True)
def _moment() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def case(world: World) -> Application:
    county.load_rules()
    return county.case(world, county.open_call(world), organisation=world.org, at=NOW)


@pytest.fixture
def address(case: Application) -> str:
    return reverse("applications:report-pdf", args=[case.reference])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the renderer: what it was asked to draw."""
    pages: list[str] = []

    def draw(html: str) -> bytes:
        pages.append(html)
        return b"%PDF-1.7 stand-in"

    monkeypatch.setattr(documents._child, "render", draw)
    return pages


def poll(client: Client, address: str, seen: str) -> Any:
    return client.get(address, {"seen": seen}, headers=POLL)


def test_the_page_waits_and_no_request_renders(world: World, address: str, drawn: list[str]) -> None:
    client = world.client("county_handler")
    answer = client.get(address)
    assert answer.status_code == 202
    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    shown = answer.content.decode()
    assert 'role="status"' in shown
    assert f'href="{address}"' in shown  # without script: a plain link that asks again
    assert f'hx-get="{address}?seen=waiting-0"' in shown
    same = poll(client, address, "waiting-0")
    assert (same.status_code, same.content) == (204, b"")
    assert client.get(address).status_code == 202
    assert RenderJob.objects.count() == 1
    assert drawn == []
    assert work() == 1
    assert len(drawn) == 1
    ready = poll(client, address, "waiting-0")
    assert ready.status_code == 286  # htmx asks no more
    assert f'data-opens href="{address}"' in ready.content.decode()
    assert content(client.get(address)) == b"%PDF-1.7 stand-in"
    assert len(drawn) == 1


def test_a_change_of_state_is_told_to_the_poll(world: World, address: str, drawn: list[str]) -> None:
    client = world.client("county_handler")
    client.get(address)
    RenderJob.objects.update(state="running", done=3, total=12)
    answer = poll(client, address, "waiting-0")
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "3 / 12" in shown
    assert "seen=running-3" in shown
    assert "<html" not in shown


def test_the_query_of_a_draft_stays_in_every_address(world: World, case: Application, drawn: list[str]) -> None:
    Application.objects.filter(pk=case.pk).update(state="draft", submitted_at=None)
    address = reverse("applications:report-pdf", args=[case.reference])
    client = world.client("applicant")
    shown = client.get(address, {"draft": "1"}).content.decode()
    assert f'hx-get="{address}?draft=1&amp;seen=waiting-0"' in shown
    assert f'href="{address}?draft=1"' in shown
    work()
    answer = client.get(address, {"draft": "1", "seen": "waiting-0"}, headers=POLL)
    assert f'data-opens href="{address}?draft=1"' in answer.content.decode()


@pytest.mark.case("DO-03")
@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (PdfFailed("x", code="pdf_limit"), "耗时过长或占用内存过多"),
        (PdfUnavailable("x"), "暂时不能生成 PDF"),
        (PdfFailed("x"), "故障已记录"),
    ],
)
def test_a_failure_is_told_with_a_way_out(
    world: World, address: str, failure: Exception, words: str, monkeypatch: pytest.MonkeyPatch, _moment: Any
) -> None:
    def draw(html: str) -> bytes:
        raise failure

    monkeypatch.setattr(documents._child, "render", draw)
    client = world.client("county_handler")
    client.get(address)
    work()
    told = poll(client, address, "waiting-0")
    assert told.status_code == 286
    answer = client.get(address)
    assert answer.status_code == 503
    for shown in (told.content.decode(), answer.content.decode()):
        assert words in shown
        assert "10:01" in shown  # from when on another try begins
        assert str(RenderJob.objects.get().pk) in shown
    monkeypatch.setattr(documents._child, "render", lambda html: b"%PDF-1.7 later")
    _moment.shift(61)
    assert client.get(address).status_code == 202
    work()
    assert content(client.get(address)) == b"%PDF-1.7 later"


@pytest.mark.case("AZ-01")
def test_rights_are_looked_at_by_the_page_the_poll_and_the_worker(world: World, address: str, drawn: list[str]) -> None:
    """Whoever asked has lost the office before the worker comes: nothing is made; who still may gets it."""
    client = world.client("county_handler")
    assert client.get(address).status_code == 202
    stranger = world.client("other_county_handler")
    assert stranger.get(address).status_code == 404
    assert poll(stranger, address, "waiting-0").status_code == 404
    mandate = world.actor("county_handler").key.removeprefix("m")
    Mandate.objects.filter(pk=mandate).update(ended_at=NOW)
    assert work() == 1
    assert (drawn, RenderJob.objects.get().state) == ([], RenderJob.State.REFUSED)
    assert client.get(address).status_code == 404
    assert poll(client, address, "waiting-0").status_code == 404
    other = world.client("county_approver")
    assert other.get(address).status_code == 202  # refused to the first; asked for anew by who may
    work()
    assert content(other.get(address)) == b"%PDF-1.7 stand-in"
    assert client.get(address).status_code == 404
    assert Document.objects.count() == 1


def test_a_draft_that_was_changed_meanwhile_is_asked_for_anew(
    world: World, case: Application, drawn: list[str]
) -> None:
    """What is served is what stood when it was asked for, never a mixture."""
    Application.objects.filter(pk=case.pk).update(state="draft", submitted_at=None)
    client = world.client("applicant")
    address = reverse("applications:report-docx", args=[case.reference]) + "?draft=1"
    assert client.get(address).status_code == 202
    Application.objects.filter(pk=case.pk).update(name="改名示例有限公司")
    work()
    assert RenderJob.objects.get().failure == "data_changed"
    assert client.get(address).status_code == 202
    work()
    assert content(client.get(address))[:2] == b"PK"


def test_many_documents_of_one_case_are_apart(world: World, case: Application, drawn: list[str]) -> None:
    client = world.client("county_handler")
    for name in ("report-pdf", "report-docx"):
        assert client.get(reverse(f"applications:{name}", args=[case.reference])).status_code == 202
    assert rendering.sweep(at=NOW) == 2
    assert {row.format for row in Document.objects.all()} == {"pdf", "docx"}

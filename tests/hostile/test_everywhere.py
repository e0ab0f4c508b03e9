"""What somebody typed is text wherever it comes out: page, administration, mail, PDF, Word, workbook (UP-10, DO-02)."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core import mail
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from applications.documents import report
from applications.models import Application
from applications.services import drafts
from greenlist.core import outbox
from greenlist.organisations.models import Organisation
from tests.applications import county, filled
from tests.hostile.forms import MARK, Page
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.case("UP-10")]
NAME = f"=1+1<script>alert({MARK})</script>{{{{7*7}}}}有限公司"
SECRET = "GEHEIM-4711-08-15"
KEPT = f"<script>alert({MARK})</script>"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port on loopback, and everybody who came."""
    came: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, peer = server.accept()
            except OSError:
                return
            came.append(peer)
            wire.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], came
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


@pytest.fixture
def typed(listener: tuple[int, list[Any]]) -> Iterator[str]:
    out = f"http://127.0.0.1:{listener[0]}"
    with tempfile.NamedTemporaryFile("w", prefix="s") as secret:  # a short name: the field is not endless
        secret.write(SECRET)
        secret.flush()
        yield (
            f'{KEPT}<img src="{out}/a.png"><link rel="stylesheet" href="{out}/b.css"><img src="file://{secret.name}">'
            f"<style>@import url({out}/c.css)</style>{{{{7*7}}}}{{% include '{secret.name}' %}}&lt;b&gt;"
        )


@pytest.fixture
def case(world: World, typed: str) -> Application:
    """A submitted case whose every word is hostile."""
    filled.load_rules()
    Organisation.objects.filter(pk=world.org.pk).update(
        name=NAME, products=NAME, address=NAME, legal_representative=NAME
    )
    world.org.sites.update(name=NAME)
    case = filled.fill(world, filled.start(world, filled.open_call(world)))
    version = case.report.sections.get(key="basic").version
    given = {"section": "basic", "answers": {"profile": typed}, "version": version}
    drafts.save_section(actor=world.actor("applicant"), at=filled.SPRING, reference=case.reference, **given)
    filled.submit(world, case)
    case.refresh_from_db()
    return case


def body_of(answer: Any) -> str:
    return str(answer.content.decode())


def squeezed(text: str) -> str:
    return "".join(text.split())


def is_text(address: str, body: str) -> None:
    assert Page(address, body).active == [], address
    assert KEPT not in body, address


def test_pages_and_administration_show_it_as_text(world: World, case: Application) -> None:
    shown = 0
    pages = [
        ("county_handler", reverse("applications:case", args=[case.reference])),
        ("county_handler", reverse("applications:desk")),
        ("applicant", reverse("applications:case", args=[case.reference])),
        ("applicant", "/inbox/"),
        ("county_handler", f"/organisation/{world.org.pk}/"),
    ]
    for model in admin.site._registry:
        place = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        pages += [(who, place) for who in ("administrator", "security_administrator")]
    for who, address in pages:
        answer = world.client(who).get(address, follow=True)
        if answer.status_code == 200:
            is_text(address, body_of(answer))
            shown += "&lt;script&gt;" in body_of(answer)
    assert shown >= 4


def test_mails_are_plain_text_in_one_line_of_subject(world: World, case: Application) -> None:
    assert outbox.sweep(at=filled.SPRING) > 0
    for message in mail.outbox:
        assert message.content_subtype == "plain"
        assert not getattr(message, "alternatives", [])
        assert "\n" not in message.subject
        assert "49有限公司" not in message.subject + message.body
    assert any("{{7*7}}" in message.body for message in mail.outbox)


@pytest.mark.full
@pytest.mark.case("DO-02")
@pytest.mark.parametrize("format_", ["pdf", "docx"])
def test_documents_print_it_and_reach_nothing(case: Application, listener: tuple[int, list[Any]], format_: str) -> None:
    """The same content that was declared; nobody is asked for a picture, a style sheet or a file of this machine."""
    made = report.declared_content(case, case.report.versions.get(), format_)
    if format_ == "pdf":
        reader = PdfReader(io.BytesIO(made))
        text = "".join(page.extract_text() for page in reader.pages)
        assert not reader.attachments
        told = squeezed(text)
        assert squeezed("{{7*7}}{% include '") in told
        assert "&lt;b&gt;" in told
    else:
        with zipfile.ZipFile(io.BytesIO(made)) as package:
            inner = package.read("word/document.xml").decode()
            links = "".join(package.read(name).decode() for name in package.namelist() if name.endswith(".rels"))
        assert 'TargetMode="External"' not in links
        assert "<script>" not in inner
        assert "&lt;script&gt;" in inner
        told = inner
    assert "{{7*7}}" in told
    assert SECRET not in told
    assert listener[1] == []


@pytest.mark.full
def test_any_text_at_all(world: World) -> None:
    """Hypothesis types into the report, an objection, searches and the sign-in: no error of ours, ever."""
    county.load_rules()
    draft = filled.start(world, filled.open_call(world))
    second = county.open_call(world, round=2)
    notice = registry.running(world, second, reviews.several(world, second, 1))
    item = notice.items.get()
    place = notice.authority.area.slug
    applicant, public = world.client("applicant"), world.client("anonymous")
    fill = reverse("applications:section", args=[draft.reference, "basic"])
    object_ = reverse("registry:object", args=[place, notice.reference, item.pk])
    autosave = {"X-Requested-With": "autosave"}

    texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
    odd = st.binary(max_size=20).map(lambda raw: raw.decode("latin-1"))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts | odd)
    def attempt(text: str) -> None:
        with transaction.atomic():
            saved = applicant.post(fill, {"profile": text, "version": "0", "changed": "profile"}, headers=autosave)
            assert saved.status_code in (200, 409, 422)
            is_text(fill, body_of(applicant.get(fill)))
            for address in ("/lists/", "/cases/", "/desk/"):
                assert applicant.get(address, {"q": text}).status_code in (200, 403)
            sent = {"name": text, "contact": text, "text": text}
            assert public.post(object_, sent).status_code in (302, 409, 422, 429)
            assert public.post("/account/login/", {"username": text, "password": text}).status_code in (
                200,
                302,
                422,
                429,
            )
            transaction.set_rollback(True)

    attempt()


@pytest.mark.browser
def test_a_browser_runs_none_of_it(world: World, case: Application, page: Any) -> None:
    """Chromium reads the pages without our CSP, which would stop a script as well: escaping alone must do."""
    called: list[str] = []
    page.on("dialog", lambda dialog: (called.append(dialog.message), dialog.dismiss()))
    page.route("**/*", lambda route: route.abort())
    page.set_content(f"<img src=x onerror=alert({MARK})>")
    page.wait_for_function("document.readyState === 'complete'")
    assert called == [str(MARK)]  # the browser would tell
    called.clear()
    for who, address in (
        ("county_handler", reverse("applications:case", args=[case.reference])),
        ("county_handler", reverse("applications:case", args=[case.reference]) + "?tab=report"),
        ("county_handler", reverse("applications:desk")),
        ("applicant", "/inbox/"),
    ):
        page.set_content(body_of(world.client(who).get(address)))
        page.wait_for_function("document.readyState === 'complete'")
        assert page.get_by_text("{{7*7}}").count() > 0 or who == "applicant", address
    assert called == []

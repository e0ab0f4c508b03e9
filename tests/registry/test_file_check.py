"""Anybody may ask whether a PDF is the one that was issued: one changed byte is told, and the state of today beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from applications.models import Application
from greenlist.core import attachments, documents
from greenlist.core.models import Blob
from registry.models import Certificate, Document, Listing
from registry.services import checks
from tests.registry import stage
from tests.rendering import content, fetched
from tests.world import World

pytestmark = pytest.mark.django_db
GENUINE, OVER, FOREIGN = "文件真实有效", "文件真实，但已失效", "非本平台签发"


@pytest.fixture
def client(world: World) -> Any:
    return world.client("anonymous")


@pytest.fixture
def published(world: World, call: Any, case: Application, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A list with one certificate; the renderer is stood in for, its bytes differ from page to page."""
    monkeypatch.setattr(documents._child, "render", lambda html: b"%PDF-1.7\n" + html.encode() + b"\n%%EOF\n")
    return stage.published(world, stage.closed(world, call, [case]))


@pytest.fixture
def issued(published: Any, client: Any) -> bytes:
    return content(fetched(client, f"/v/{Certificate.objects.get().token}/certificate.pdf"))


def check(client: Any, body: bytes, name: str = "证书.pdf", status: int = 200) -> str:
    answer = client.post("/v/", {"file": SimpleUploadedFile(name, body, "application/pdf")})
    assert answer.status_code == status
    text: str = answer.content.decode()
    return text


def test_the_issued_file_is_genuine_and_valid(client: Any, issued: bytes) -> None:
    certificate = Certificate.objects.get()
    shown = check(client, issued)
    assert GENUINE in shown
    assert certificate.number in shown
    assert f"/v/{certificate.token}/" in shown
    assert certificate.blob is not None
    assert certificate.blob.sha256 in shown
    assert certificate.blob.sha256 in client.get(f"/v/{certificate.token}/").content.decode()


@pytest.mark.parametrize("place", ["first", "middle", "last", "appended", "cut"])
def test_one_changed_byte_is_told(client: Any, issued: bytes, place: str) -> None:
    assert GENUINE in check(client, issued)
    at = {"first": 0, "middle": len(issued) // 2, "last": len(issued) - 1}.get(place, 0)
    changed = {"appended": issued + b"\n", "cut": issued[:-1]}.get(
        place, issued[:at] + bytes([issued[at] ^ 1]) + issued[at + 1 :]
    )
    shown = check(client, changed)
    assert FOREIGN in shown
    assert GENUINE not in shown
    assert Certificate.objects.get().number not in shown


def test_the_state_of_today_counts(client: Any, issued: bytes) -> None:
    for state, word in (("rectifying", GENUINE), ("suspended", OVER), ("removed", OVER), ("active", GENUINE)):
        Listing.objects.update(state=state)
        assert word in check(client, issued), state


def test_a_certificate_that_another_has_replaced_is_told_with_its_number(client: Any, issued: bytes) -> None:
    old = Certificate.objects.get()
    new = Certificate.objects.create(
        listing=old.listing, number="QHD-NEW-0001", name="改名示例公司", issued_on=old.issued_on, data_digest="x" * 64
    )
    shown = check(client, issued)
    assert OVER in shown
    assert new.number in shown
    assert f"/v/{new.token}/" in shown
    fresh = content(fetched(client, f"/v/{new.token}/certificate.pdf"))
    assert GENUINE in check(client, fresh)


def test_the_file_is_made_once_and_stays_whatever_is_printed_later(client: Any, issued: bytes) -> None:
    """The check does not depend on rendering the same bytes again."""
    documents._child.render = lambda html: b"%PDF-2.0 another renderer"  # type: ignore[method-assign]
    certificate = Certificate.objects.get()
    assert content(client.get(f"/v/{certificate.token}/certificate.pdf")) == issued
    assert GENUINE in check(client, issued)


def test_notices_and_announcements_are_known_too(client: Any, published: Any, world: World) -> None:
    notice = published.notice
    addresses = (
        f"/p/130300/notices/{notice.reference}/notice.pdf",
        f"/p/130300/announcements/{published.reference}/announcement.pdf",
    )
    for address, title in zip(addresses, (notice.title, published.title), strict=True):
        body = content(fetched(client, address))
        shown = check(client, body)
        assert GENUINE in shown
        assert title in shown
        assert FOREIGN in check(client, body + b" ")
    first = Document.objects.filter(kind="notice").get()
    body = content(fetched(client, addresses[0]))
    later = attachments.store_bytes(
        name="b.pdf", content=b"%PDF-x", content_type="application/pdf", at=first.created_at
    )
    Document.objects.create(
        notice=notice, kind="notice", format="pdf", data_digest="y" * 64, blob=later, created_at=first.created_at
    )
    assert OVER in check(client, body)
    assert GENUINE in check(client, b"%PDF-x")


def test_a_file_of_the_portal_that_was_not_issued_is_not_ours(client: Any, published: Any) -> None:
    """Nobody learns here whether somebody else has uploaded the same file."""
    at = published.published_at
    attachments.store_bytes(name="内部.pdf", content=b"%PDF-secret", content_type="application/pdf", at=at)
    known, unknown = check(client, b"%PDF-secret"), check(client, b"%PDF-nobody")
    assert FOREIGN in known
    assert FOREIGN in unknown


def test_nothing_is_kept_of_what_was_uploaded(client: Any, issued: bytes) -> None:
    before = Blob.objects.count()
    check(client, issued)
    check(client, b"<html>no pdf at all", "页面.html")
    assert Blob.objects.count() == before


@pytest.mark.parametrize("body", [None, b""])
def test_no_file_and_an_empty_one_are_told(client: Any, published: Any, body: bytes | None) -> None:
    given = {} if body is None else {"file": SimpleUploadedFile("a.pdf", body)}
    answer = client.post("/v/", given)
    assert answer.status_code == 422
    assert "error-summary" in answer.content.decode()


def test_too_large_and_too_often_are_told(
    client: Any, published: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(checks, "MAX_BYTES", 1024 * 1024)
    assert "文件超过 1 MB" in check(client, bytes(1024 * 1024 + 1), status=422)
    with override_settings(LIMITS={**settings.LIMITS, "verify": {"address": "2/hour"}}):
        check(client, b"x")
        assert "核验次数过多" in check(client, b"x", status=429)
    assert client.get("/v/").status_code == 200

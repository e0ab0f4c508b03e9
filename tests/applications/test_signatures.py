"""The visible digital signature of an approved batch: on the kept paper, checkable, stamped as a test where it is one."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from applications.documents import batch as papers
from applications.models import Batch
from greenlist.core import attachments, signatures
from greenlist.core.documents import PdfFailed
from tests.applications import county
from tests.applications.test_batch_papers import NOW
from tests.rendering import fetched
from tests.world import World


@pytest.fixture
def batch(world: World) -> Batch:
    county.load_rules()
    call = county.open_call(world)
    row = county.passed(world, county.case(world, call), NOW)
    signed: Batch = county.signed_batch(world, [row], NOW)
    return signed


@pytest.fixture
def certificate(settings: Any, tmp_path: Path) -> Path:
    settings.DEMO = True
    settings.SIGNING_CERTIFICATE, settings.SIGNING_PASSPHRASE = str(tmp_path / "signing.p12"), "示例口令"
    call_command("make_test_certificate")
    return tmp_path / "signing.p12"


def test_the_letter_of_an_approved_batch_is_signed_and_one_changed_byte_shows(
    world: World, batch: Batch, certificate: Path
) -> None:
    client = world.client("county_handler")
    about = reverse("applications:batch_signature", args=[batch.reference, "letter"])
    assert "无数字签名" in client.get(about).content.decode()  # not made yet
    answer = fetched(client, reverse("applications:batch_document", args=[batch.reference, "letter", "pdf"]))
    body = b"".join(answer.streaming_content)
    said = signatures.said(body)
    assert said is not None and said.holds and said.self_made and not said.trusted
    assert batch.digest in said.reason
    place = body.find(b"/MediaBox") + 12
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    after = signatures.said(changed)
    assert after is not None and not after.intact and not after.holds
    more = signatures.said(body + b"\n% more")
    assert more is not None and not more.holds
    page = client.get(about).content.decode()
    assert "与签名时一致" in page and "测试" in page and batch.digest in page
    shown = client.get(reverse("applications:batch", args=[batch.reference])).content.decode()
    assert about in shown
    stamp = pypdf.PdfReader(BytesIO(body)).pages[-1]["/Annots"][-1].get_object()
    assert stamp["/FT"] == "/Sig" and stamp["/Rect"][3] > stamp["/Rect"][1]  # it can be seen
    assert certificate.stat().st_mode & 0o077 == 0


def test_a_file_changed_in_the_storage_is_told(world: World, batch: Batch, certificate: Path) -> None:
    kept = papers.kept(batch, "letter", "pdf", at=NOW)
    with attachments.opened(kept.blob) as file:
        body = file.read()
    place = body.find(b"/MediaBox") + 12
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    other = attachments.store_bytes(name="信.pdf", content=changed, content_type="application/pdf", at=NOW)
    type(kept).objects.filter(pk=kept.pk).update(blob=other)
    page = world.client("county_handler").get(f"/batches/{batch.reference}/signature/letter/").content.decode()
    assert "签名后被改动" in page


@pytest.mark.authz
def test_who_does_not_see_the_batch_does_not_see_its_signature(world: World, batch: Batch, certificate: Path) -> None:
    about = reverse("applications:batch_signature", args=[batch.reference, "letter"])
    assert world.client("county_approver").get(about).status_code == 200
    assert world.client("other_county_handler").get(about).status_code == 404
    assert world.client("applicant").get(about).status_code == 404
    check = reverse("applications:batch_signature", args=[batch.reference, "check"])
    assert world.client("county_approver").get(check).status_code == 404  # no paper that is signed


def test_without_a_certificate_nothing_is_signed_and_a_wrong_one_makes_no_unsigned_paper(
    world: World, batch: Batch, settings: Any, tmp_path: Path, certificate: Path
) -> None:
    settings.SIGNING_PASSPHRASE = "另一口令"
    with pytest.raises(PdfFailed):
        papers.kept(batch, "letter", "pdf", at=NOW)
    assert not batch.documents.exists()
    settings.SIGNING_CERTIFICATE = str(tmp_path / "gone.p12")
    with pytest.raises(PdfFailed):
        papers.kept(batch, "letter", "pdf", at=NOW)
    settings.SIGNING_CERTIFICATE = ""
    kept = papers.kept(batch, "letter", "pdf", at=NOW)
    with attachments.opened(kept.blob) as file:
        assert signatures.said(file.read()) is None
    shown = world.client("county_handler").get(reverse("applications:batch", args=[batch.reference])).content.decode()
    assert "/signature/letter/" not in shown


def test_only_the_demonstration_makes_a_certificate_of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.DEMO = False
    settings.SIGNING_CERTIFICATE, settings.SIGNING_PASSPHRASE = str(tmp_path / "signing.p12"), "x"
    with pytest.raises(CommandError):
        call_command("make_test_certificate")
    assert not (tmp_path / "signing.p12").exists()

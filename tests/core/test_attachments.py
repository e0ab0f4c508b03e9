"""Files come in checked, lie under random keys, and go out only clean."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import FileResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from greenlist.core import attachments, audit, scanners
from greenlist.core.errors import Invalid
from greenlist.core.models import AuditEntry, Blob
from tests.core import files

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_storage(settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


def upload(name: str = "节能报告.pdf", body: bytes = b"", **options: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body or files.pdf(), **options)


def store(now: datetime, *arguments: Any) -> Blob:
    return attachments.store(upload=upload(*arguments), at=now)


def release(answer: FileResponse) -> None:
    """Closes the file only: closing the answer ends a request, and with it the test's database connection."""
    for close in answer._resource_closers:  # type: ignore[attr-defined]
        close()


# ---- coming in ------------------------------------------------------------------------------------------------------
def test_a_file_is_kept_as_it_came_under_a_random_key(now: datetime) -> None:
    first, second = store(now), store(now)
    assert first.key != second.key
    assert first.sha256 == second.sha256
    assert first.key.startswith("2026/11/")
    assert (first.name, first.size, first.content_type) == ("节能报告.pdf", len(files.pdf()), "application/pdf")
    with attachments.opened(first) as file:
        assert file.read() == files.pdf()


@pytest.mark.case("UP-14")
def test_a_picture_is_kept_without_its_metadata(now: datetime) -> None:
    blob = store(now, "厂区.png", files.png(2, 2, files.png_chunk(b"tEXt", b"Author\0Somebody")))
    with attachments.opened(blob) as file:
        assert file.read() == files.png()
    assert blob.size == len(files.png())


@pytest.mark.case("UP-01", "UP-05")
@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.pdf.exe", files.pdf(), "allowed are"),
        ("a.pdf%00.html", files.pdf(), "allowed are"),
        ("a.pdf\0.html", files.pdf(), "allowed are"),
        ("report", files.pdf(), "allowed are"),
        ("a.svg", b"<svg/>", "allowed are"),
        ("a.xlsm", files.xlsx(), "allowed are"),
        ("a.docx", files.pdf(), "of another type"),
        ("a.pdf", files.pdf(b"<< /S /JavaScript >>"), "a script"),
        ("a.pdf", b"x" * 3000, "larger than"),
    ],
)
def test_a_refusal_names_file_and_reason_and_keeps_nothing(
    now: datetime, settings: Any, tmp_path: Path, name: str, body: bytes, reason: str
) -> None:
    from django.utils.translation import override

    settings.ATTACHMENT_MAX_BYTES = 2000
    with override("en"), pytest.raises(Invalid) as refused:
        store(now, name, body)
    assert reason in str(refused.value.message)
    assert attachments.safe_name(name) in str(refused.value.message)
    assert not Blob.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_refused(now: datetime) -> None:
    with pytest.raises(Invalid):
        attachments.store(upload=SimpleUploadedFile("a.pdf", b""), at=now)


def test_the_count_is_limited(settings: Any) -> None:
    settings.ATTACHMENT_MAX_FILES = 3
    attachments.check_count(stored=2)
    with pytest.raises(Invalid, match="invalid"):
        attachments.check_count(stored=2, adding=2)


def test_our_own_documents_are_clean_at_once(now: datetime, settings: Any) -> None:
    settings.ATTACHMENT_SCANNER = "clamd://127.0.0.1:1"
    blob = attachments.store_bytes(name="公告.pdf", content=b"%PDF-", content_type="application/pdf", at=now)
    assert blob.is_clean


# ---- names ----------------------------------------------------------------------------------------------------------
@pytest.mark.case("UP-04")
@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\张三\\报告.docx", "报告.docx"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie_ x=1.pdf"),
        ('a"b<c>.pdf', "a_b_c_.pdf"),
        ("...", "file"),
        ("", "file"),
        ("NUL.pdf", "_NUL.pdf"),
        ("com1", "_com1"),
    ],
)
def test_a_download_name_is_harmless(came: str, kept: str) -> None:
    assert attachments.safe_name(came) == kept


@pytest.mark.case("UP-04")
@given(st.text())
def test_any_name_is_made_safe(name: str) -> None:
    safe = attachments.safe_name(name)
    assert 0 < len(safe.encode()) <= 200
    assert not set(safe) & set('/\\\r\n\0"\u202e')
    header = attachments.disposition(name)
    assert header.isascii()
    assert "\n" not in header


@pytest.mark.case("UP-04")
def test_three_hundred_chinese_characters_keep_their_extension(now: datetime) -> None:
    blob = store(now, "绿" * 300 + ".pdf")
    assert blob.name.endswith("绿.pdf")
    answer = attachments.response(blob)
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%E7%BB%BF")
    release(answer)


# ---- going out ------------------------------------------------------------------------------------------------------
@pytest.mark.case("UP-07")
def test_a_download_is_a_download(now: datetime) -> None:
    blob = store(now)
    answer = attachments.response(blob)
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Length"] == str(blob.size)
    assert b"".join(answer.streaming_content) == files.pdf()  # type: ignore[arg-type]
    release(answer)


@pytest.mark.case("UP-07")
def test_only_pictures_and_pdfs_are_shown_in_the_page(now: datetime) -> None:
    for name, body, shown in [
        ("a.pdf", files.pdf(), True),
        ("a.png", files.png(), True),
        ("a.docx", files.docx(), False),
    ]:
        answer = attachments.response(store(now, name, body), inline=True)
        assert answer["Content-Disposition"].startswith("inline" if shown else "attachment")
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        release(answer)


@pytest.mark.case("UP-07")
def test_a_file_has_no_address_of_its_own(now: datetime, client: Client) -> None:
    blob = store(now)
    for address in (f"/{blob.key}", f"/media/{blob.key}", f"/static/{blob.key}", f"/files/{blob.key}"):
        assert client.get(address).status_code == 404


# ---- the scanner ----------------------------------------------------------------------------------------------------
@pytest.fixture
def clamd(settings: Any) -> Iterator[Callable[[bytes | None], None]]:
    """A clamd on loopback: `clamd(answer)` is what it says, None is silence; by itself it finds EICAR."""
    said: list[bytes | None] = []
    listener = socket.create_server(("127.0.0.1", 0))
    settings.ATTACHMENT_SCANNER = f"clamd://127.0.0.1:{listener.getsockname()[1]}"

    def serve() -> None:
        while True:
            try:
                wire, _peer = listener.accept()
            except OSError:
                return
            with wire, wire.makefile("rb") as stream:
                if stream.read(10) != b"zINSTREAM\0":
                    continue
                body = b""
                while length := struct.unpack(">I", stream.read(4))[0]:
                    body += stream.read(length)
                answer = (
                    said[0] if said else (b"stream: Eicar-Test-Signature FOUND\0" if EICAR in body else b"stream: OK\0")
                )
                if answer is None:
                    stream.read(1)
                else:
                    wire.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield lambda answer: said.insert(0, answer)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.mark.case("UP-06")
def test_a_file_waits_until_the_scanner_called_it_clean(now: datetime, clamd: Any) -> None:
    blob = store(now)
    assert blob.scan == "waiting"
    for way in (attachments.response, attachments.opened):
        with pytest.raises(Invalid):
            way(blob)
    assert attachments.scan_waiting(at=now) == 1
    blob.refresh_from_db()
    assert (blob.scan, blob.scanned_at) == ("clean", now)
    release(attachments.response(blob))
    assert attachments.scan_waiting(at=now) == 0


@pytest.mark.case("UP-06")
def test_an_infected_file_is_never_given_out_and_is_recorded(now: datetime, clamd: Any) -> None:
    blob = store(now, "a.pdf", files.pdf(b"(" + EICAR + b")"))
    assert attachments.scan_waiting(at=now) == 1
    blob.refresh_from_db()
    assert (blob.scan, blob.threat) == ("infected", "Eicar-Test-Signature")
    with pytest.raises(Invalid):
        attachments.response(blob)
    entry = AuditEntry.objects.get(action="file.infected")
    assert (entry.subject_kind, entry.subject_id, entry.payload.data["blob"]) == ("system", "2026-11-23", blob.pk)
    assert list(audit.verify()) == []


@pytest.mark.case("UP-06")
@pytest.mark.parametrize(
    "answer",
    [b"what?\0", b"stream: ERROR\0", b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK FOUN\0", None],
)
def test_without_a_verdict_files_wait_on(
    now: datetime, clamd: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: bytes | None
) -> None:
    monkeypatch.setattr(scanners, "SECONDS", 0.3)
    clamd(answer)
    blob = store(now)
    assert attachments.scan_waiting(at=now + timedelta(minutes=5)) == 0
    assert "ERROR" not in [record.levelname for record in caplog.records]
    assert attachments.scan_waiting(at=now + timedelta(minutes=16)) == 0
    assert "ERROR" in [record.levelname for record in caplog.records]  # the alert
    blob.refresh_from_db()
    assert blob.scan == "waiting"


@pytest.mark.case("UP-06")
@pytest.mark.parametrize(
    "named", ["", "clamd://127.0.0.1:1", "no.such.scanner", "tests.core.test_attachments.confused"]
)
def test_a_scanner_that_is_not_there_means_waiting(now: datetime, settings: Any, named: str) -> None:
    settings.ATTACHMENT_SCANNER = named
    blob = store(now)
    assert attachments.scan_waiting(at=now) == 0
    blob.refresh_from_db()
    assert blob.scan == "waiting"


def confused(file: Any) -> Any:
    return None


def finds_all(file: Any) -> str:
    return "Everything" if file.read(1) else ""


def test_a_scanner_may_be_a_function(now: datetime, settings: Any) -> None:
    settings.ATTACHMENT_SCANNER = "tests.core.test_attachments.finds_all"
    blob = store(now)
    attachments.scan_waiting(at=now)
    blob.refresh_from_db()
    assert blob.threat == "Everything"


@pytest.mark.case("OP-01")
def test_none_is_for_the_demo(now: datetime, settings: Any) -> None:
    from greenlist.core.checks import scanner

    assert store(now).is_clean
    assert scanner() == []
    settings.DEMO = False
    with pytest.raises(ImproperlyConfigured):
        store(now)
    assert [found.id for found in scanner()] == ["core.E001"]
    settings.ATTACHMENT_SCANNER = "no.such.scanner"
    assert [found.id for found in scanner()] == ["core.W002"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_scans_judge_a_file_once(run_threads: Any, now: datetime, settings: Any) -> None:
    settings.ATTACHMENT_SCANNER = "tests.core.test_attachments.finds_all"
    for _ in range(5):
        store(now)
    assert sum(run_threads(3, lambda _number: attachments.scan_waiting(at=now))) == 5
    assert AuditEntry.objects.filter(action="file.infected").count() == 5


# ---- rows and files -------------------------------------------------------------------------------------------------
@pytest.mark.case("DA-07")
@pytest.mark.django_db(transaction=True)
def test_verify_files_finds_what_is_missing_changed_or_left_over(
    now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenlist.core import clock

    well, gone, flipped = store(now), store(now), store(now)
    with pytest.raises(RuntimeError), transaction.atomic():
        left = store(now)
        raise RuntimeError
    call_command("verify_files", stdout=StringIO())  # the left-over may belong to a transaction still open
    default_storage.delete(gone.key)
    path = tmp_path / flipped.key
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    errors = StringIO()
    with pytest.raises(CommandError, match="3 fault"):
        call_command("verify_files", stdout=StringIO(), stderr=errors)
    found = errors.getvalue()
    assert f"missing: {gone.key}" in found
    assert f"changed: {flipped.key}" in found
    assert f"orphan: {left.key}" in found
    assert well.key not in found
    with pytest.raises(CommandError, match="2 fault"):
        call_command("verify_files", "--delete-orphans", stdout=StringIO(), stderr=StringIO())
    assert not default_storage.exists(left.key)
    assert default_storage.exists(well.key)


def test_nothing_stored_is_no_fault(now: datetime, settings: Any, tmp_path: Path) -> None:
    call_command("verify_files", stdout=StringIO())
    default_storage.save("2026/11/fresh", ContentFile(b"x"))
    call_command("verify_files", stdout=StringIO())

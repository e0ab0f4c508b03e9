"""Large evidence in pieces: what was sent stays, nobody else sees it, and the whole goes through the checks of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from applications.models import Application, Evidence
from applications.services import drafts
from greenlist.core import attachments, clock, pieces
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotVisible
from greenlist.core.models import AuditEntry, Blob, PartialUpload
from tests.applications import filled
from tests.faults.browser import pdf
from tests.world import World

BODY = pdf(25_000)
DIGEST = hashlib.sha256(BODY).hexdigest()
PLACE = {"section": "conditions", "field": "lawful_evidence"}


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "files"}},
    }


@pytest.fixture(autouse=True)
def _small_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "crumbs" not in request.node.name:
        monkeypatch.setattr(pieces, "LEAST", 1)


@pytest.fixture
def case(world: World) -> Application:
    filled.load_rules()
    return filled.start(world, filled.open_call(world))


class Sender:
    """One person's script on the wire."""

    def __init__(self, client: Client, case: Application, body: bytes = BODY, name: str = "节能报告.pdf") -> None:
        self.client, self.body, self.name, self.upload = client, body, name, ""
        self.base = f"/cases/{case.reference}/fill/conditions/lawful_evidence/files"

    def begin(self, **changes: Any) -> Any:
        about = {"name": self.name, "size": len(self.body), "type": "application/pdf", "mark": "1", **changes}
        answer = self.client.post(f"{self.base}/begin/", about)
        self.upload = answer.json().get("upload", self.upload)
        return answer

    def piece(self, offset: int, body: bytes, **changes: Any) -> Any:
        piece = SimpleUploadedFile("blob", body)
        return self.client.post(
            f"{self.base}/piece/", {"upload": self.upload, "offset": offset, "piece": piece, **changes}
        )

    def finish(self, sha256: str = "") -> Any:
        given = {"upload": self.upload, "sha256": sha256 or hashlib.sha256(self.body).hexdigest()}
        return self.client.post(f"{self.base}/piece/", given)

    def all(self, start: int = 0, size: int = 10_000) -> None:
        for offset in range(start, len(self.body), size):
            assert self.piece(offset, self.body[offset : offset + size]).status_code == 200


def kept(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


@pytest.fixture
def sender(world: World, case: Application) -> Sender:
    return Sender(world.client("applicant"), case)


@pytest.mark.django_db
def test_pieces_become_the_file(sender: Sender, tmp_path: Path) -> None:
    assert sender.begin().json() == {"upload": sender.upload, "received": 0}
    assert sender.piece(0, BODY[:10_000]).json()["received"] == 10_000
    assert not Evidence.objects.exists()
    sender.all(10_000)
    assert sender.finish().json() == {"ok": True}
    row = Evidence.objects.get()
    assert (row.blob.sha256, row.blob.size, row.blob.name) == (DIGEST, len(BODY), "节能报告.pdf")
    assert AuditEntry.objects.filter(action="case.evidence_added").count() == 1
    assert not PartialUpload.objects.exists()
    assert len(kept(tmp_path)) == 1  # the pieces are gone


@pytest.mark.django_db
def test_the_same_file_goes_on_where_it_stopped(sender: Sender, world: World) -> None:
    """After a broken connection, a reloaded page or signing in anew: the server says from which byte."""
    sender.begin()
    sender.piece(0, BODY[:10_000])
    first = sender.upload
    sender.client = world.client("applicant")
    again = sender.begin().json()
    assert again == {"upload": first, "received": 10_000}
    other = Sender(sender.client, Application.objects.get(), name="另一份.pdf")
    assert other.begin().json()["received"] == 0
    assert sender.begin(mark="2").json()["received"] == 0  # was changed since
    sender.upload = first
    sender.all(10_000)
    assert sender.finish().json() == {"ok": True}


@pytest.mark.django_db
def test_a_finished_file_whose_answer_was_lost_is_not_sent_again(sender: Sender) -> None:
    sender.begin()
    sender.all()
    sender.finish()
    assert sender.begin(sha256=DIGEST).json() == {"ok": True}
    assert Evidence.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("offset", [0, 9_999, 10_001, 25_000, "x", "-1", ""])
def test_a_piece_out_of_step_is_told_where_to_go_on(sender: Sender, tmp_path: Path, offset: Any) -> None:
    sender.begin()
    sender.piece(0, BODY[:10_000])
    before = kept(tmp_path)
    answer = sender.piece(offset, BODY[10_000:20_000])
    assert (answer.status_code, answer.json()["received"]) == (409, 10_000)
    assert kept(tmp_path) == before
    assert sender.finish().json()["received"] == 10_000  # not whole yet
    sender.all(10_000)
    assert sender.finish().json() == {"ok": True}


@pytest.mark.django_db
@pytest.mark.case("UP-05")
def test_limits_are_judged_before_anything_is_stored(sender: Sender, settings: Any, tmp_path: Path) -> None:
    settings.ATTACHMENT_MAX_BYTES = 30_000
    assert sender.begin(size=30_001).status_code == 422
    assert sender.begin(size=0).status_code == 422
    assert sender.begin(size="9" * 30).status_code == 422
    assert sender.begin(name="a.exe").status_code == 422
    assert not PartialUpload.objects.exists()
    sender.begin()
    assert sender.piece(0, b"x" * 25_001).status_code == 422  # more than was announced
    assert sender.piece(0, b"").status_code == 422
    assert kept(tmp_path) == []
    assert PartialUpload.objects.get().received == 0


@pytest.mark.django_db
def test_a_piece_has_a_size_too(sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST", 1000)
    sender.begin()
    assert sender.piece(0, b"x" * 1001).status_code == 413
    assert sender.piece(0, b"x" * 1000).status_code == 200


@pytest.mark.django_db
def test_nobody_else_sees_an_upload(sender: Sender, world: World, case: Application) -> None:
    """Not a colleague of the same firm, not a rival, not the same person beside another field."""
    sender.begin()
    sender.piece(0, BODY[:10_000])
    for who in ("colleague", "rival", "county_handler"):
        other = Sender(world.client(who), case)
        other.upload = sender.upload
        assert other.piece(10_000, BODY[10_000:]).status_code == 404, who
        assert other.finish(DIGEST).status_code == 404, who
    elsewhere = Sender(sender.client, case)
    elsewhere.base = elsewhere.base.replace("lawful_evidence", "registered_file")
    elsewhere.upload = sender.upload
    assert elsewhere.piece(10_000, BODY[10_000:]).status_code in (404, 409)
    sender.all(10_000)
    assert sender.finish().json() == {"ok": True}


@pytest.mark.django_db
@pytest.mark.case("UP-01")
@pytest.mark.parametrize(
    "body",
    [b"MZ" + b"x" * 9_000, b"%PDF-1.7 << /S /JavaScript /JS (x) >>" + b" " * 9_000, b"PK\x03\x04" + b"x" * 9_000],
)
def test_the_whole_goes_through_the_checks_of_every_file(
    world: World, case: Application, tmp_path: Path, body: bytes
) -> None:
    sender = Sender(world.client("applicant"), case, body)
    sender.begin()
    sender.all()
    assert sender.finish().status_code == 422
    assert not Blob.objects.exists()
    assert not PartialUpload.objects.exists()
    assert kept(tmp_path) == []


@pytest.mark.django_db
@pytest.mark.parametrize("digest", ["0" * 64, "x", DIGEST.upper(), ""])
def test_another_file_than_was_promised_is_dropped(sender: Sender, tmp_path: Path, digest: str) -> None:
    sender.begin()
    sender.all()
    answer = sender.client.post(f"{sender.base}/piece/", {"upload": sender.upload, "sha256": digest})
    assert answer.status_code == 422
    assert "重新上传" in answer.json()["message"]
    assert kept(tmp_path) == []
    assert sender.begin().json()["received"] == 0


@pytest.mark.django_db
def test_a_piece_that_the_storage_lost_is_noticed(sender: Sender) -> None:
    """As after a restore: unfinished uploads are in no backup."""
    sender.begin()
    sender.all()
    default_storage.delete(PartialUpload.objects.get().pieces[1])
    assert sender.finish().status_code == 422
    assert not PartialUpload.objects.exists()


@pytest.mark.django_db
@pytest.mark.case("UP-09")
def test_a_full_disk_keeps_what_is_there(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    sender.begin()
    sender.piece(0, BODY[:10_000])
    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", full)
        assert sender.piece(10_000, BODY[10_000:]).status_code == 503
    assert sender.begin().json()["received"] == 10_000
    sender.all(10_000)
    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", full)
        assert sender.finish().status_code == 503
    assert sender.finish().json() == {"ok": True}


@pytest.mark.django_db
def test_the_doors_of_every_upload_are_those_of_its_pieces(
    sender: Sender, world: World, case: Application, settings: Any
) -> None:
    settings.LIMITS = {"upload": {"account": "2/hour"}}
    assert sender.begin().status_code == 200
    assert sender.begin().status_code == 200  # goes on: nothing new
    assert sender.begin(mark="2").status_code == 200
    assert sender.begin(mark="3").status_code == 429
    settings.LIMITS = {"upload": {}}
    sender.begin()
    sender.piece(0, BODY[:10_000])
    filled.fill(world, case)
    filled.submit(world, case, at=filled.SPRING, digest=filled.digest_of(case))
    assert sender.piece(10_000, BODY[10_000:]).status_code == 409
    assert sender.finish().status_code == 409


@pytest.mark.django_db
def test_few_may_be_open_at_once_and_old_ones_are_dropped(sender: Sender, tmp_path: Path) -> None:
    for number in range(pieces.OPEN):
        assert sender.begin(mark=f"m{number}").status_code == 200
    assert sender.begin(mark="more").status_code == 422
    sender.piece(0, BODY[:10_000])
    assert pieces.forget(at=clock.now() + pieces.LIVES - timedelta(minutes=1)) == 0
    assert pieces.forget(at=clock.now() + pieces.LIVES + timedelta(minutes=1)) == pieces.OPEN
    assert kept(tmp_path) == []
    assert sender.piece(10_000, BODY[10_000:]).status_code == 404
    assert sender.begin(mark="more").status_code == 200


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_writers_one_goes_on_and_of_two_who_finish_one_places(
    race_world: World, run_threads: Callable[[int, Callable[[int], Any]], list[Any]], tmp_path: Path
) -> None:
    filled.load_rules()
    case = filled.start(race_world, filled.open_call(race_world))
    actor: Actor = race_world.actor("applicant")
    about: dict[str, Any] = {"actor": actor, "at": clock.now(), "reference": case.reference, **PLACE}
    named = {"name": "a.pdf", "size": len(BODY), "type_": "application/pdf", "mark": "1"}
    begun = run_threads(4, lambda _n: drafts.begin_evidence(**about, **named))
    tokens = {row.token for row in begun}
    assert len(tokens) == 1
    token = tokens.pop()

    def write(_number: int) -> Any:
        return drafts.add_piece(**about, token=token, offset=0, piece=ContentFile(BODY))

    written = run_threads(4, write)
    assert sum(isinstance(one, PartialUpload) for one in written) == 1
    assert sum(isinstance(one, pieces.OutOfStep) for one in written) == 3
    assert len(kept(tmp_path)) == 1
    done = run_threads(3, lambda _n: drafts.finish_evidence(**about, token=token, sha256=DIGEST))
    assert sum(isinstance(one, Evidence) for one in done) == 1, done
    assert all(isinstance(one, (Evidence, NotVisible, Invalid)) for one in done), done
    assert (Evidence.objects.count(), Blob.objects.count()) == (1, 1)
    assert list(attachments.faults(at=clock.now() + timedelta(days=2))) == []


@pytest.mark.django_db
def test_crumbs_are_refused_but_for_the_last_piece(world: World, case: Application) -> None:
    """A file in pieces of one byte would be as many objects in the storage, and its row written as often."""
    body = pdf(pieces.LEAST + 1000)
    sender = Sender(world.client("applicant"), case, body)
    sender.begin()
    answer = sender.piece(0, body[:1])
    assert answer.status_code == 422
    assert "256" in answer.content.decode()
    assert PartialUpload.objects.get().pieces == []
    assert sender.piece(0, body[: pieces.LEAST]).status_code == 200
    assert sender.piece(pieces.LEAST, body[pieces.LEAST :]).status_code == 200
    assert sender.finish().status_code == 200


@pytest.mark.django_db
def test_a_disk_that_is_full_while_the_pieces_are_joined_is_said(world: World, case: Application) -> None:
    sender = Sender(world.client("applicant"), case)
    sender.begin()
    sender.all()
    full = pytest.MonkeyPatch()

    def no_space(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    full.setattr(pieces, "_joined", no_space)
    assert sender.finish().status_code == 503
    full.undo()
    assert sender.finish().status_code == 200

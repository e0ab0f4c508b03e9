"""The disk is full: pages are read, a refusal says so in words, no row is without its file, and it ends by itself (F5)."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError, connection, transaction

from applications.models import Evidence
from greenlist.core import attachments, audit
from greenlist.core.errors import NoRoom
from greenlist.core.models import Blob
from tests.applications import filled
from tests.architecture.source import ROOT
from tests.faults.conftest import Processes
from tests.journeys.browsing import Page
from tests.world import World

pytestmark = pytest.mark.case("UP-09", "F5")


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "var" / "files"}},
    }


@pytest.mark.django_db
def test_a_file_that_does_not_fit_leaves_neither_row_nor_piece(
    now: datetime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real = FileSystemStorage._save

    def half(storage: FileSystemStorage, name: str, content: Any) -> str:
        path = Path(storage.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", half)
    upload = filled.picture("证明.png")
    with pytest.raises(NoRoom) as refused:
        attachments.store(upload=upload, at=now)
    assert "请几分钟后再试" in str(refused.value.message)
    assert not Blob.objects.exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert "No space left" in caplog.text
    monkeypatch.setattr(FileSystemStorage, "_save", real)
    assert attachments.store(upload=filled.picture("证明.png"), at=now)


@pytest.mark.django_db
def test_a_storage_that_does_not_answer_is_told_on_the_page_and_to_the_script(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.load_rules()
    case = filled.start(world, filled.open_call(world))
    address, client = f"/cases/{case.reference}/fill/conditions/lawful_evidence/files/", world.client("applicant")

    def refuse(*_: Any, **__: Any) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileSystemStorage, "_save", refuse)
    answer = client.post(address, {"file": filled.picture()}, headers={"X-Requested-With": "upload"})
    assert answer.status_code == 503
    assert "请几分钟后再试" in answer.json()["message"]
    page = client.post(address, {"file": filled.picture()}, follow=True)
    assert "请几分钟后再试" in page.content.decode()
    assert not Evidence.objects.exists()


@pytest.mark.ops
@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_while_nothing_can_be_written(race_world: World, processes: Processes) -> None:
    """A process that may write no byte to any file: on SQLite that is the database too."""
    filled.load_rules()
    case = filled.start(race_world, filled.open_call(race_world))
    filled.fill(race_world, case)
    session = race_world.client("applicant").cookies["sessionid"].value
    before = Blob.objects.count()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.full_disk", case.reference, session],
        cwd=ROOT,
        env=processes.env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["read"], found["public"]) == (200, 200), found
    embedded = connection.vendor == "sqlite"
    assert (found["save"], found["kept"]) == ((503, True) if embedded else (302, False)), found
    assert found["upload"] == 503, found
    assert Blob.objects.count() == before
    section = case.report.sections.get(key="basic")
    assert (section.data["profile"] == "磁盘已满时填写的简介") is not embedded
    assert list(audit.verify()) == []
    # … and there is room again: nothing has to be mended
    client = race_world.client("applicant")
    address = f"/cases/{case.reference}/fill/conditions/lawful_evidence/files/"
    assert client.post(address, {"file": filled.picture("后.png")}).status_code == 302
    assert Blob.objects.count() == before + 1


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["database or disk is full", "attempt to write a readonly database"])
def test_a_database_that_takes_nothing_gives_back_what_was_typed(world: World, said: str) -> None:
    """And the same page sends it again when there is room."""
    filled.load_rules()
    case = filled.start(world, filled.open_call(world))
    client, path = world.client("applicant"), f"/cases/{case.reference}/fill/basic/"
    client.raise_request_exception = False

    def full(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")):
            raise OperationalError(said)
        return execute(sql, params, many, context)

    typed = {"profile": "第一行\n<b>第二行</b>", "version": "0", "stay": "1"}
    with connection.execute_wrapper(full), transaction.atomic():
        answer = client.post(path, typed)
        script = client.post(path, typed, headers={"X-Requested-With": "autosave"})
        secret = client.post("/account/password/", {"old_password": "x-secret-x", "new_password1": "x-secret-x"})
        transaction.set_rollback(True)
    assert (answer.status_code, script.status_code) == (503, 503)
    assert answer["Retry-After"] == script["Retry-After"] == "120"
    assert "服务器暂时无法保存" in script.json()["message"]
    assert "x-secret-x" not in secret.content.decode()
    assert said not in answer.content.decode()
    form = Page(503, path, answer).form()
    assert Page(302, path, client.post(path, form.start())).status == 302
    section = case.report.sections.get(key="basic")
    assert section.data["profile"].split() == typed["profile"].split()

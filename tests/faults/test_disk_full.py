"""The disk is full: pages are read, a refusal says so in words, no row is without its file, and it ends by itself (F5)."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import OperationalError, connection, transaction

from applications.models import Evidence
from greenlist.accounts.models import SignIn
from greenlist.core import attachments, audit, clock
from greenlist.core.errors import NoRoom
from greenlist.core.models import Blob
from tests.applications import filled
from tests.architecture.source import ROOT
from tests.faults.browser import Browser, pdf
from tests.faults.conftest import Processes, database_url, until
from tests.faults.gateway import Gateway
from tests.faults.test_web_killed import gunicorn
from tests.journeys.browsing import Page
from tests.tools.servers import free_port
from tests.world import World

FULL = float(os.environ.get("FULL_SECONDS", "300"))  # of the long form
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


@pytest.mark.django_db(transaction=True)
def test_a_sign_of_life_that_cannot_be_kept_keeps_nobody_from_reading(race_world: World) -> None:
    """It is written once a minute, by the first page that is read in it."""
    filled.load_rules()
    case = filled.start(race_world, filled.open_call(race_world))
    client, tried = race_world.client("applicant"), []
    SignIn.objects.update(seen_at=clock.now() - timedelta(minutes=2))

    def full(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE")):
            tried.append(sql)
            raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(full):
        page = client.get(f"/cases/{case.reference}/")
    assert page.status_code == 200
    assert len(tried) == 1
    before = SignIn.objects.get()
    assert client.get(f"/cases/{case.reference}/").status_code == 200
    assert SignIn.objects.get().seen_at > before.seen_at  # as soon as there is room


# ---- the long form: everything of an installation on one small disk, full for five minutes -------------------------------
class Disk:
    """A file system of its own in memory under the test's folder; only root can make one."""

    def __init__(self, place: Path) -> None:
        self.place, self.padding = place, place / "padding"

    def fill(self) -> None:
        """Takes what is left, and again what a checkpoint gave back."""
        with suppress(OSError), self.padding.open("ab", buffering=0) as out:
            while True:
                out.write(b"\0" * 65536)
        with suppress(OSError), self.padding.open("ab", buffering=0) as out:
            while True:
                out.write(b"\0" * 64)

    def empty(self) -> None:
        self.padding.unlink()


@contextmanager
def small_disk(place: Path) -> Iterator[Disk | None]:
    """None where we may not mount."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        yield None
        return
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def database_on(disk: Disk) -> Iterator[str]:
    """The address of the test's database; the embedded one moves to the disk and comes back as it is then."""
    if connection.vendor != "sqlite":
        yield database_url()
        return
    there = disk.place / "greenlist.sqlite3"
    with closing(sqlite3.connect(there)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")
    yield f"sqlite://{there}"
    with closing(sqlite3.connect(there)) as copy:
        copy.backup(connection.connection)


@dataclass
class Firm:
    """One applicant at a report, on the real web process."""

    browser: Browser
    reference: str
    version: int
    saved: str = ""

    def save(self, text: str) -> int:
        form = {"profile": text, "version": str(self.version), "stay": "1"}
        status = self.browser.post(f"/cases/{self.reference}/fill/basic/", "save", **form).status
        if status == 302:
            self.version, self.saved = self.version + 1, text
        return status

    def upload(self, size: int) -> int:
        path = f"/cases/{self.reference}/fill/conditions/lawful_evidence/files/"
        return self.browser.upload(path, f"upload of {size // 1000} kB", pdf(size)).status

    def read(self) -> None:
        for path in (f"/cases/{self.reference}/", f"/cases/{self.reference}/fill/basic/", "/lists/"):
            self.browser.get(path)


def full_for(firm: Firm, disk: Disk, seconds: float) -> None:
    """All that people do, again and again, while the disk is kept full."""
    started, pause, round_ = time.monotonic(), threading.Event(), 0
    while time.monotonic() - started < seconds:
        disk.fill()
        round_ += 1
        firm.read()
        firm.save(f"磁盘已满时填写的第{round_}稿")
        firm.upload(20_000)
        firm.upload(3_000_000)  # beyond what is kept in memory: its temporary file does not fit either
        pause.wait(seconds / 60)


def recovered(firm: Firm, email: str, gateway: Gateway) -> dict[str, float]:
    """Seconds after there is room again until each of these works, nothing having been repaired."""
    seen = len(gateway.mails)
    firm.browser.post("/account/password/forgotten/", "forgotten", email=email)
    return {
        "save": until(lambda: firm.save("有空间以后的一稿") == 302, 60),
        "small file": until(lambda: firm.upload(20_000) == 200, 60),
        "large file": until(lambda: firm.upload(3_000_000) == 200, 60),
        "mail": until(lambda: len(gateway.mails) > seen, 120),
    }


@pytest.mark.long
@pytest.mark.ops
@pytest.mark.timeout(1800)
def test_the_disk_is_full_for_five_minutes(race_world: World, processes: Processes, gateway: Gateway) -> None:
    with small_disk(Path(processes.env["VAR_DIR"])) as disk:
        if disk is None:  # without root: what one process can be kept from writing
            test_while_nothing_can_be_written(race_world, processes)
            return
        filled_up(race_world, processes, disk, gateway)


def filled_up(world: World, processes: Processes, disk: Disk, gateway: Gateway) -> None:
    filled.load_rules()
    port, now = free_port(), clock.now()
    last_day = (clock.china_date(now) + timedelta(days=30)).isoformat()
    call = filled.open_call(world, at=now, values={"county_by": last_day})
    case = filled.fill(world, filled.start(world, call, at=now), at=now)
    browser = Browser(port, world.client("applicant").cookies["sessionid"].value)
    firm = Firm(browser, case.reference, case.report.sections.get(key="basic").version)
    (disk.place / "tmp").mkdir()
    with database_on(disk) as address:
        processes.env |= {"DATABASE_URL": address, "TMPDIR": str(disk.place / "tmp"), "TICKS": "real"}
        web = gunicorn(processes, port)
        jobs = [
            processes.start("-m", "celery", "-A", "greenlist", "worker", "-c", "2", "-l", "WARNING"),
            processes.start("-m", "celery", "-A", "greenlist", "beat", "-l", "WARNING"),
        ]
        assert (firm.save("之前的一稿"), firm.upload(20_000)) == (302, 200), processes.log()[-3000:]
        browser.post("/account/password/forgotten/", "forgotten", email=world.user("rival").email)
        assert gateway.wait_for(1), processes.log()[-3000:]  # the worker is at work
        browser.said.clear()
        full_for(firm, disk, FULL)
        said = dict(browser.said)
        disk.empty()
        figures = recovered(firm, world.user("applicant").email, gateway)
        assert [process.poll() for process in (web, *jobs)] == [None] * 3, processes.log()[-3000:]
        assert not list((disk.place / "tmp").glob("*.upload*"))
        for process in (web, *jobs):
            processes.kill(process)
    print(said, {what: round(seconds, 1) for what, seconds in figures.items()})
    assert {status for (what, status) in said if what == "read"} == {200}, said
    assert {status for (what, status) in said if what == "save"} <= {302, 503}, said
    assert {status for (what, status) in said if what.startswith("upload")} <= {200, 503}, said
    case.report.sections.get(key="basic", data__profile=firm.saved)
    assert list(attachments.faults(at=clock.now())) == []
    assert list(audit.verify()) == []

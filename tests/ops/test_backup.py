"""A backup taken while everybody writes is one state; a restore proves itself; both refuse what must not be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from greenlist.core import anchors, attachments, audit, backup
from greenlist.core.actors import SYSTEM
from greenlist.core.models import Blob
from tests.ops import portal

WRITERS = 50


@pytest.fixture(autouse=True)
def _own_data(settings: Any, tmp_path: Path) -> None:
    """Files and anchors in a folder of this test."""
    settings.VAR = tmp_path / "var"
    settings.VAR.mkdir()
    backend = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": settings.VAR / "files"},
    }
    settings.STORAGES = {**settings.STORAGES, "default": backend}


def write(writer: int, number: int, at: datetime) -> str:
    """One action as the portal's are: a file, its row and an audit entry in one transaction."""
    with transaction.atomic():
        text = f"{writer}/{number}".encode()
        blob = attachments.store_bytes(name="a.pdf", content=text * 40, content_type="application/pdf", at=at)
        said = {"number": number, "key": blob.key}
        audit.record(actor=SYSTEM, subject=("writer", writer), action="wrote", at=at, data=said)
    return blob.key


@contextmanager
def elsewhere(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a second, empty installation on the same kind of database."""
    var = tmp_path / "second"
    var.mkdir(exist_ok=True)
    if connection.vendor == "sqlite":
        yield portal.environment(var)
        return
    name = f"{connection.settings_dict['NAME']}_second"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield portal.environment(var, portal.url(name))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ask(env: dict[str, str], question: str) -> list[tuple]:
    """Asks the second installation's database directly."""
    if not env["DATABASE_URL"]:
        with closing(sqlite3.connect(Path(env["VAR_DIR"]) / "greenlist.sqlite3")) as base:
            return base.execute(question).fetchall()
    import psycopg2

    with closing(psycopg2.connect(env["DATABASE_URL"])) as base, base.cursor() as cursor:
        cursor.execute(question)
        return list(cursor.fetchall())


@pytest.mark.case("OP-03", "F7")
@pytest.mark.ops
@pytest.mark.race
def test_a_backup_while_fifty_write_is_one_state_and_restores(
    run_threads: Callable[..., list[Any]], tmp_path: Path, now: datetime
) -> None:
    """F7. Everything acknowledged before it began is in it, nothing is half in it, and the chains hold after restoring."""
    done: list[list[int]] = [[] for _ in range(WRITERS)]
    stop = Event()

    def work(number: int) -> Any:
        if number == WRITERS:  # the operator
            try:
                while min(len(row) for row in done) < 1:
                    assert not stop.wait(0.01), "a writer failed"
                anchors.write(at=now)
                before = [len(row) for row in done]
                return before, backup.make(into=tmp_path / "backups", at=now)
            finally:
                stop.set()
        try:
            while not stop.is_set():
                write(number, len(done[number]), now)
                done[number].append(1)
                stop.wait(0.2)  # people pause; and SQLite's waiting writers are served in no order
        except BaseException:
            stop.set()
            raise
        return None

    *errors, result = run_threads(WRITERS + 1, work)
    assert errors == [None] * WRITERS
    before, made = result
    after = [len(row) for row in done]
    assert sum(after) > sum(before), "nobody wrote while the backup was made: this proves nothing"
    assert made.faults == []

    with elsewhere(tmp_path) as env:
        restored = portal.manage("restore", str(made.folder), env=env)
        assert restored.returncode == 0, restored.stderr
        assert "every audit chain holds" in restored.stdout
        held = dict(ask(env, "SELECT subject_id, length FROM core_chainhead WHERE subject_kind = 'writer'"))
        entries = ask(env, "SELECT data FROM core_auditpayload")
        known = {key for (key,) in ask(env, "SELECT key FROM core_blob")}
        checked = portal.manage("verify_files", env=env)
    for number in range(WRITERS):
        assert before[number] <= held[str(number)] <= after[number] + 1  # one may be committed and not yet told
    named = {json.loads(data)["key"] if isinstance(data, str) else data["key"] for (data,) in entries}
    assert named == known
    assert checked.returncode == 0, checked.stderr


@pytest.mark.case("OP-03")
@pytest.mark.ops
@pytest.mark.django_db(transaction=True)
def test_a_restore_refuses_what_is_not_empty_unless_told_and_repeats(tmp_path: Path, now: datetime) -> None:
    write(1, 0, now)
    Session.objects.create(session_key="k" * 32, session_data="x", expire_date=now + timedelta(days=1))
    made = backup.make(into=tmp_path / "backups", at=now)
    with elsewhere(tmp_path) as env:
        first = portal.manage("restore", str(made.folder), env=env)
        assert first.returncode == 0, first.stderr
        assert "signs in anew" in first.stdout
        assert ask(env, "SELECT * FROM django_session") == []  # whoever was shut out since does not come back by it
        again = portal.manage("restore", str(made.folder), env=env)
        assert again.returncode != 0
        assert "the database is not empty" in again.stderr
        (Path(env["VAR_DIR"]) / "anchors.jsonl").write_text("")
        told = portal.manage("restore", str(made.folder), "--replace", env=env)
        assert told.returncode == 0, told.stderr
        assert len(ask(env, "SELECT key FROM core_blob")) == 1
        assert list(Path(env["VAR_DIR"]).glob("anchors-before-*.jsonl"))


@pytest.fixture
def made(db: None, tmp_path: Path, now: datetime, transactional_db: None) -> backup.Made:
    """A backup of three files."""
    for number in range(3):
        write(7, number, now)
    anchors.write(at=now)
    return backup.make(into=tmp_path / "backups", at=now)


@pytest.mark.case("OP-03")
def test_a_backup_is_complete_private_and_sound(made: backup.Made, settings: Any) -> None:
    manifest = backup.verify(made.folder)
    assert made.files == 3
    assert {row["key"] for row in manifest["files"]} == set(Blob.objects.values_list("key", flat=True))
    assert manifest["tables"]["core_auditentry"] == 3
    assert made.folder.stat().st_mode & 0o077 == 0
    text = (made.folder / backup.MANIFEST).read_text()
    assert not any(secret in text for secret in (settings.AUDIT_KEY, settings.SECRET_KEY, *settings.FIELD_KEYS))


def spoil_file(folder: Path) -> str:
    path = next(path for path in (folder / backup.FILES).rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    return f"changed: {path.relative_to(folder / backup.FILES)}"


def lose_file(folder: Path) -> str:
    path = next(path for path in (folder / backup.FILES).rglob("*") if path.is_file())
    path.unlink()
    return f"missing: {path.relative_to(folder / backup.FILES)}"


def spoil_database(folder: Path) -> str:
    path = next(folder.glob("database.*"))
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    return f"changed: {path.name}"


def lighten_manifest(folder: Path) -> str:
    path = folder / backup.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"].pop()
    path.write_text(json.dumps(manifest))
    return "the manifest was changed"


def lose_manifest(folder: Path) -> str:
    (folder / backup.MANIFEST).unlink()
    return "no finished backup"


@pytest.mark.case("OP-03")
@pytest.mark.parametrize("spoil", [spoil_file, lose_file, spoil_database, lighten_manifest, lose_manifest])
def test_a_spoilt_backup_is_refused_before_anything_is_touched(
    spoil: Callable[[Path], str], made: backup.Made, now: datetime
) -> None:
    said = spoil(made.folder)
    with pytest.raises(backup.BackupUnfit, match=said):
        backup.restore(folder=made.folder, replace=True, at=now)
    assert Blob.objects.count() == 3
    assert all(default_storage.exists(key) for key in Blob.objects.values_list("key", flat=True))


@pytest.mark.case("OP-03")
def test_another_audit_key_or_a_lost_field_key_is_told_first(made: backup.Made, settings: Any, now: datetime) -> None:
    kept = settings.FIELD_KEYS
    settings.FIELD_KEYS = ["b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMDA="]
    with pytest.raises(backup.BackupUnfit, match="FIELD_KEYS lacks a key"):
        backup.restore(folder=made.folder, replace=True, at=now)
    settings.FIELD_KEYS = kept
    settings.AUDIT_KEY = "another"
    with pytest.raises(backup.BackupUnfit, match="another AUDIT_KEY"):
        backup.verify(made.folder)


@pytest.mark.case("OP-03")
def test_a_file_the_storage_has_lost_already_is_told_and_does_not_stop_the_backup(
    made: backup.Made, tmp_path: Path, now: datetime
) -> None:
    key = Blob.objects.values_list("key", flat=True)[0]
    default_storage.delete(key)
    later = backup.make(into=tmp_path / "backups", at=now + timedelta(days=1))
    assert later.faults == [f"missing: {key}"]
    assert backup.verify(later.folder)["faults"] == [f"missing: {key}"]
    with pytest.raises(CommandError, match="the backup is complete, but 1 file"):
        call_command("backup", str(tmp_path / "third"))


@pytest.mark.case("OP-03")
def test_only_the_newest_are_kept(made: backup.Made, tmp_path: Path, now: datetime) -> None:
    into = tmp_path / "backups"
    for day in (1, 2):
        backup.make(into=into, at=now + timedelta(days=day))
    (into / "greenlist-20261231T000000Z.partial").mkdir()
    assert len(backup.finished(into)) == 3
    assert backup.forget(into=into, keep=2) == [made.folder]
    assert len(backup.finished(into)) == 2

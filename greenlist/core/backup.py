"""Database and files as one folder that can be checked and put back: `make`, `verify`, `restore`.

Files never change and are stored before the row that names them, so a database taken first and the files it names
copied afterwards belong together, however many write meanwhile. The audit anchors are copied before the database: an
anchor may lag behind the chains, never run ahead of them. The manifest is written last and sealed under AUDIT_KEY.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from greenlist.core import anchors, attachments, audit, audit_keys, dumps, heartbeats
from greenlist.core.models import Blob

FORMAT = 1
JOB = "backup"  # its heartbeat
PREFIX = "greenlist-"
MANIFEST, FILES, ANCHORS = "manifest.json", "files", "anchors.jsonl"
CHUNK = 1024 * 1024
NO_AGE_LIMIT = datetime(9999, 1, 1, tzinfo=UTC)


class BackupUnfit(Exception):
    """This backup, or this target, must not be used; `reasons` say why. Nothing was changed."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Made:
    """A finished backup. `faults`: files that the storage had lost or changed already when it was made."""

    folder: Path
    files: int
    size: int
    faults: list[str] = field(default_factory=list)


# ---- making ----------------------------------------------------------------------------------------------------------
def make(*, into: Path, at: datetime) -> Made:
    """Writes a new folder inside `into`; a broken one keeps the ending .partial. Raises OSError, dumps.DumpFailed."""
    folder = into / f"{PREFIX}{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    partial = folder.with_suffix(".partial")
    partial.mkdir(parents=True, mode=0o700)
    if anchors.path().exists():
        shutil.copyfile(anchors.path(), partial / ANCHORS)
    with dumps.dumped(partial / dumps.name()) as ask:
        tables = connection.introspection.django_table_names(only_existing=True)
        named = ask("SELECT key, sha256, size FROM core_blob ORDER BY key")
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "at": at,
            "engine": connection.vendor,
            "migrations": [list(row) for row in ask("SELECT app, name FROM django_migrations ORDER BY app, name")],
            "tables": dumps.row_counts(ask, sorted(tables)),
            "field_keys": [fingerprint(key) for key in settings.FIELD_KEYS],
        }
    faults = [fault for key, digest, _size in named for fault in _copy(key, digest, partial)]
    manifest["files"] = [{"key": key, "sha256": digest, "size": size} for key, digest, size in named]
    manifest["faults"] = faults
    parts = [name for name in (dumps.name(), ANCHORS) if (partial / name).exists()]
    manifest["parts"] = {name: {"sha256": _digest(partial / name), "size": _size(partial / name)} for name in parts}
    _write_manifest(partial / MANIFEST, manifest)
    partial.rename(folder)
    size = sum(row["size"] for row in [*manifest["files"], *manifest["parts"].values()])
    heartbeats.succeeded(JOB, at=at)
    return Made(folder, len(named), size, list(_still_wrong(faults)))


def _still_wrong(faults: list[str]) -> Iterator[str]:
    """Without drafts of documents that were swept away between the database and the files (`core.rendering`)."""
    for fault in faults:
        kind, _, key = fault.partition(": ")
        if kind != "missing" or Blob.objects.filter(key=key).exists():
            yield fault


def fingerprint(key: str) -> str:
    """Names a key without telling it."""
    return hashlib.sha256(f"greenlist:{key}".encode()).hexdigest()[:16]


def finished(into: Path) -> list[Path]:
    """The finished backups of a folder, oldest first."""
    return sorted(path.parent for path in into.glob(f"{PREFIX}*Z/{MANIFEST}"))


def forget(*, into: Path, keep: int) -> list[Path]:
    """Removes all finished backups but the newest `keep`; returns those removed."""
    old = finished(into)[: -max(keep, 1)]
    for folder in old:
        shutil.rmtree(folder)
    return old


def _copy(key: str, digest: str, folder: Path) -> Iterator[str]:
    """Copies one file out of the storage; yields what is wrong with it. A changed file is kept all the same."""
    target = folder / FILES / key
    target.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    try:
        with default_storage.open(key) as source, target.open("xb") as copy:
            while chunk := source.read(CHUNK):
                found.update(cast(bytes, chunk))
                copy.write(cast(bytes, chunk))
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        yield f"missing: {key}"
        return
    if found.hexdigest() != digest:
        yield f"changed: {key}"


def _write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    body = audit.plain(manifest)
    body["seal"] = audit.seal("backup", body)
    with path.open("x", encoding="utf-8") as file:
        json.dump(body, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size


# ---- checking --------------------------------------------------------------------------------------------------------
def read(folder: Path) -> dict[str, Any]:
    """The manifest of a backup. Raises BackupUnfit when it is absent, changed, or sealed under another AUDIT_KEY."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise BackupUnfit(f"{folder} is no finished backup: {failure}") from failure
    body = {name: value for name, value in manifest.items() if name != "seal"}
    if not any(manifest.get("seal") == audit.seal("backup", body, key=key) for key in audit_keys.given().values()):
        raise BackupUnfit("the manifest was changed, or was sealed under another AUDIT_KEY")
    if manifest["format"] != FORMAT:
        raise BackupUnfit(f"format {manifest['format']} is not known here")
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """Reads every byte of a backup against its manifest and returns that. Raises BackupUnfit with all that is wrong."""
    manifest = read(folder)
    wrong: list[str] = []
    for name, row in manifest["parts"].items():
        wrong += _compare(folder / name, name, row["sha256"])
    known = set(manifest["faults"])
    for row in manifest["files"]:
        wrong += [
            fault
            for fault in _compare(folder / FILES / _safe(row["key"]), row["key"], row["sha256"])
            if fault not in known
        ]
    if wrong:
        raise BackupUnfit(*wrong)
    return manifest


def _compare(path: Path, name: str, digest: str) -> Iterator[str]:
    if not path.is_file():
        yield f"missing: {name}"
    elif _digest(path) != digest:
        yield f"changed: {name}"


def _safe(key: str) -> str:
    if PurePosixPath(key).is_absolute() or ".." in PurePosixPath(key).parts:
        raise BackupUnfit(f"a file may not be called {key!r}")
    return key


# ---- restoring -------------------------------------------------------------------------------------------------------
def restore(*, folder: Path, replace: bool, at: datetime) -> list[str]:
    """Puts a backup in the place of database, files and anchors, after checking all of it; returns what is to be told.

    Stop web, worker and beat first. May be repeated after an interruption: files first, the database in one step.
    Raises BackupUnfit before anything is touched; dumps.DumpFailed; and BackupUnfit when the result does not prove right.
    """
    manifest = verify(folder)
    _fits(manifest)
    if not replace:
        _refuse_to_overwrite(manifest)
    for row in manifest["files"]:
        _put_back(folder / FILES / row["key"], row)
    dumps.load(folder / dumps.NAMES[manifest["engine"]])
    _restore_anchors(folder, at)
    wrong = list(_unproven(manifest, at))
    if wrong:
        raise BackupUnfit(*wrong)
    Session.objects.all().delete()  # a stay that somebody has ended since would go on
    return _advice(manifest)


def _fits(manifest: dict[str, Any]) -> None:
    """Raises BackupUnfit where this code, engine or keys cannot carry the data."""
    reasons = []
    if manifest["engine"] != connection.vendor:
        reasons.append(
            f"the backup is of {manifest['engine']}, this database is {connection.vendor}: see move_database"
        )
    code = set(MigrationLoader(None).disk_migrations)
    ahead = sorted({tuple(row) for row in manifest["migrations"]} - code)
    if ahead:
        reasons.append(f"the backup was made by newer code: it has {ahead[0][0]}.{ahead[0][1]}")
    body = {name: value for name, value in manifest.items() if name != "seal"}
    if manifest["seal"] != audit.seal("backup", body):
        reasons.append("sealed under a former AUDIT_KEY: restore it with that one as AUDIT_KEY, then run rotate_keys")
    have = {fingerprint(key) for key in settings.FIELD_KEYS}
    if not set(manifest["field_keys"]) <= have:
        reasons.append("FIELD_KEYS lacks a key that this backup was made with: personal data could not be read")
    if reasons:
        raise BackupUnfit(*reasons)


def _refuse_to_overwrite(manifest: dict[str, Any]) -> None:
    reasons = []
    if not dumps.is_empty():
        reasons.append("the database is not empty")
    named = {row["key"] for row in manifest["files"]}  # what an interrupted restore has put there may stay
    strange = next(attachments.orphans(named, at=NO_AGE_LIMIT), None)
    if strange:
        reasons.append(f"the file storage is not empty: {strange}")
    if reasons:
        raise BackupUnfit(*reasons)


def _put_back(source: Path, row: dict[str, Any]) -> None:
    """Stores one file under its key; one that is there already and right is left alone."""
    if not source.exists():
        return  # was missing when the backup was made; the manifest says so
    key = row["key"]
    if default_storage.exists(key):
        with default_storage.open(key) as there:
            if hashlib.file_digest(cast(Any, there), "sha256").hexdigest() == row["sha256"]:
                return
        default_storage.delete(key)
    with source.open("rb") as body:
        stored = default_storage.save(key, File(body))
    if stored != key:
        raise BackupUnfit(f"the storage kept {key} as {stored}")


def _restore_anchors(folder: Path, at: datetime) -> None:
    """The anchors of the backup; those that were here are put aside: they may tell what was lost since."""
    here = anchors.path()
    if here.exists():
        here.rename(here.with_name(f"anchors-before-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.jsonl"))
    if (folder / ANCHORS).exists():
        shutil.copyfile(folder / ANCHORS, here)


def _unproven(manifest: dict[str, Any], at: datetime) -> Iterator[str]:
    """Whatever differs from the manifest now, each break of the audit trail, each file that is not right."""
    for table, rows in dumps.row_counts(dumps.ask_now, sorted(manifest["tables"])).items():
        if rows != manifest["tables"][table]:
            yield f"{table}: {rows} rows instead of {manifest['tables'][table]}"
    for found in (*audit.verify(), *anchors.verify()):
        yield f"audit {found.subject_kind}:{found.subject_id} #{found.position}: {found.reason}"
    known = set(manifest["faults"])
    for fault in attachments.faults(at=at):
        if not fault.startswith("orphan") and fault.partition(" (row")[0] not in known:
            yield fault


def _advice(manifest: dict[str, Any]) -> list[str]:
    rows = len(manifest["files"])
    told = [f"restored the state of {manifest['at']}: {rows} file(s), every audit chain holds"]
    told.append("everybody signs in anew; tokens, mandates and accounts ended since that moment have to be ended again")
    told += [f"already so when the backup was made: {fault}" for fault in manifest["faults"]]
    applied = {tuple(row) for row in manifest["migrations"]}
    if set(MigrationLoader(None).disk_migrations) - applied:
        told.append("the code is newer than the backup: run migrate before starting")
    return told

"""A test database is a copy: all migrations run once per state of the code, not once per worker and run (SQLite only).

The copies lie in var/test-templates under a digest of every migration and of what migrations import; `migrate` still runs
over each copy and finds nothing to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "test-templates"
APPS = ("greenlist", "applications", "reviews", "registry", "dynamics")
IMPORTED = re.compile(r"greenlist\.core(?:\.| import )(\w+)")
KEPT = 3  # newest templates; older states of the code are rebuilt when somebody goes back to them


def _digest() -> str:
    """Of every migration, of what migrations import from `core` (triggers, fields) and of Django's version."""
    found = [path for app in APPS for path in (ROOT / app).rglob("migrations/*.py")]
    said = "\n".join(path.read_text(encoding="utf-8") for path in found)
    found += [ROOT / "greenlist" / "core" / f"{name}.py" for name in IMPORTED.findall(said)]
    seen = hashlib.sha256(version("django").encode())
    for path in sorted({path for path in found if path.exists()}):
        seen.update(str(path.relative_to(ROOT)).encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()[:32]


@contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> None:
    """The one full run of all migrations; the file appears whole or not at all."""
    from django.db import connection

    own = str(connection.settings_dict["NAME"])
    made = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.creation.destroy_test_db(own, verbosity=0, keepdb=True)
    half = target.with_suffix(".half")
    shutil.copyfile(made, half)
    half.rename(target)
    for old in sorted(FOLDER.glob("*.sqlite3"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink()


@pytest.fixture(scope="session")
def django_db_keepdb(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker, django_db_modify_db_settings: None
) -> bool:
    """Lays a copy where the test database is expected, in this process's own folder, which goes when it ends."""
    from django.db import connection

    if connection.vendor != "sqlite":
        return bool(request.config.getvalue("reuse_db"))
    template = FOLDER / f"{_digest()}.sqlite3"
    with _alone(), django_db_blocker.unblock():
        if not template.exists():
            _build(template)
        shutil.copyfile(template, str(connection.settings_dict["TEST"]["NAME"]))
    return True

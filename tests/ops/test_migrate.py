"""An upgrade adds and takes nothing away, waits for no lock for long, and brings every case along (OP-04)."""

from __future__ import annotations

import importlib
import json
import lzma
import pkgutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.operations.base import Operation
from psycopg2 import errors

from greenlist.core.management.commands import migrate as ours
from tests.ops import portal

RELEASED = Path(__file__).parent / "released"
# What a later release may do all the same, and why nothing is lost: (app, migration, operation) → reason.
MEANT: dict[tuple[str, str, str], str] = {}


def last_released() -> dict[str, str]:
    """App → the last migration of the newest release."""
    found: dict[str, str] = json.loads((RELEASED / "migrations.json").read_text(encoding="utf-8"))
    return found


def new_migrations() -> Iterator[tuple[str, str, migrations.Migration]]:
    """Those after the newest release, of our own apps."""
    released = last_released()
    for app in apps.get_app_configs():
        if not (Path(app.path) / "migrations").is_dir() or "site-packages" in app.path:
            continue
        package = importlib.import_module(f"{app.name}.migrations")
        for row in pkgutil.iter_modules(package.__path__):
            if row.name > released.get(app.label, ""):
                module = importlib.import_module(f"{app.name}.migrations.{row.name}")
                yield app.label, row.name, module.Migration


def problem(operation: Operation) -> str:
    """What would be lost, or break the old code that still serves; empty where nothing is."""
    if isinstance(operation, migrations.DeleteModel | migrations.RemoveField):
        return "takes something away: stop using it in one release, remove it in a later one"
    if isinstance(operation, migrations.RenameModel | migrations.RenameField | migrations.AlterModelTable):
        return "renames: the old code asks for the old name"
    if isinstance(operation, migrations.AddField) and not operation.field.null and not operation.field.has_default():
        blank = isinstance(operation.field, models.ManyToManyField) or operation.field.empty_strings_allowed
        return "" if blank and operation.field.blank else "a new column without a value for the rows there are"
    if isinstance(operation, migrations.RunSQL | migrations.RunPython) and not operation.reversible:
        return "has no way back"
    return ""


@pytest.mark.case("OP-04")
def test_a_new_migration_takes_nothing_away() -> None:
    every = [(app, name, one) for app, name, migration in new_migrations() for one in migration.operations]
    new = {(app, one.name_lower) for app, _name, one in every if isinstance(one, migrations.CreateModel)}
    found = [
        f"{app}.{name}: {type(one).__name__} {problem(one)}"
        for app, name, one in every
        if problem(one)
        and (app, name, type(one).__name__) not in MEANT
        and not (isinstance(one, migrations.AddField) and (app, one.model_name_lower) in new)  # that has no rows yet
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.case("OP-04")
@pytest.mark.parametrize(
    "operation",
    [
        migrations.DeleteModel("x"),
        migrations.RemoveField("x", "y"),
        migrations.RenameField("x", "y", "z"),
        migrations.AddField("x", "y", models.IntegerField()),
        migrations.RunPython(lambda apps, editor: None),
        migrations.RunSQL("DROP TABLE x"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_the_lint_knows_what_takes_away(operation: Operation) -> None:
    assert problem(operation)
    assert not problem(migrations.AddField("x", "y", models.IntegerField(null=True)))


# ---- with the data of the release -----------------------------------------------------------------------------------
KEPT = (
    "auditentry auditpayload chainhead blob application report screening notice listing certificate user organisation"
)


def proven(env: dict[str, str], before: dict[str, int], count: Any) -> None:
    """After `migrate`: every row is still there, every chain holds, the desk of an official opens."""
    done = portal.manage("migrate", "--no-input", "--verbosity", "0", env=env)
    assert done.returncode == 0, done.stderr
    after = {table: count(table) for table in before}
    grown = {table for table in before if after[table] != before[table]}
    assert grown <= {"django_migrations", "django_content_type", "auth_permission"}
    assert all(after[table] >= before[table] for table in grown)
    assert sum(1 for table in before if table.split("_")[-1] in KEPT.split() and before[table]) >= 10
    walked = portal.manage("verify_audit", env=env)
    assert "every chain holds" in walked.stdout, walked.stderr
    looked = portal.manage("shell", "-v", "0", "-c", LOOK, env=env)
    assert looked.stdout.split() == ["200", "200", "200"], looked.stdout + looked.stderr


LOOK = """
from django.conf import settings
from django.test import Client, override_settings
from applications.models import Application
from registry.models import Certificate
plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
assert Application.objects.exists()
with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
    for path in ("/", "/policies/", "/v/" + Certificate.objects.first().token + "/"):
        print(Client(headers={"host": "localhost"}).get(path).status_code)
"""


@pytest.mark.case("OP-04")
@pytest.mark.ops
@pytest.mark.full
@pytest.mark.timeout(600)
def test_an_embedded_installation_of_the_last_release_comes_along(tmp_path: Path) -> None:
    text = lzma.decompress((RELEASED / "sqlite.sql.xz").read_bytes()).decode()
    file = tmp_path / "greenlist.sqlite3"
    with closing(sqlite3.connect(file)) as base:
        base.executescript(text)
        tables = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        before = {
            name: base.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]
            for name in tables
            if "sqlite" not in name
        }

    def count(table: str) -> int:
        with closing(sqlite3.connect(file)) as base:
            return int(base.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0])

    proven(portal.environment(tmp_path), before, count)


@pytest.mark.case("OP-04")
@pytest.mark.ops
@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_postgresql_installation_of_the_last_release_comes_along(tmp_path: Path, postgres_url: str) -> None:
    text = lzma.decompress((RELEASED / "postgresql.sql.xz").read_bytes()).decode()
    with closing(psycopg2.connect(postgres_url)) as base, base.cursor() as cursor:
        cursor.execute("\n".join(line for line in text.splitlines() if not line.startswith("\\")))
        base.commit()

    def count(table: str) -> int:
        with closing(psycopg2.connect(postgres_url)) as base, base.cursor() as cursor:
            cursor.execute(f'SELECT COUNT(*) FROM public."{table}"')
            return int(cursor.fetchone()[0])

    with closing(psycopg2.connect(postgres_url)) as base, base.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
    proven(portal.environment(tmp_path, postgres_url), {name: count(name) for name in tables}, count)


# ---- locks ----------------------------------------------------------------------------------------------------------
@pytest.mark.case("OP-04")
@pytest.mark.django_db(transaction=True)
def test_a_migration_that_gets_no_lock_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    pauses: list[float] = []

    def handle(self: Any, *args: Any, **options: Any) -> None:
        tries.append(1)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
                assert cursor.fetchone() == ("3s", "0")
        if len(tries) < 3:
            raise OperationalError("canceling statement due to lock timeout") from NoLock()

    monkeypatch.setattr(migrate.Command, "handle", handle)
    monkeypatch.setattr(ours.time, "sleep", pauses.append)
    call_command("migrate", stdout=StringIO())
    assert (len(tries), pauses) == (3, [ours.PAUSE, ours.PAUSE])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'), COUNT(*) FROM pg_locks WHERE locktype = 'advisory'"
            )
            assert cursor.fetchone() == ("15s", 0)


class NoLock(errors.LockNotAvailable):
    pgcode = ours.LOCK_NOT_AVAILABLE  # type: ignore[assignment]


@pytest.mark.django_db(transaction=True)
def test_any_other_failure_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(self: Any, *args: Any, **options: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(migrate.Command, "handle", handle)
    with pytest.raises(OperationalError, match="full"):
        call_command("migrate", stdout=StringIO())

"""Moving a whole installation from SQLite to PostgreSQL: every row of every table, proved equal before it counts.

Rows go through the fields, so dates, truth values and JSON become what the new database wants; encrypted text is
opened and sealed again. Nothing is recomputed on the way (no auto_now, no service), and the guards do not stand in the
way: they forbid UPDATE, DELETE and TRUNCATE, and this only inserts.
"""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from greenlist.core import audit
from greenlist.settings import env

SOURCE = "source"
BATCH = 1000
MADE_BY_MIGRATE = ("contenttypes.ContentType", "auth.Permission")  # rows that `migrate` puts into an empty database


class NotMoved(Exception):
    """Nothing was changed; `reasons` say why."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Moved:
    table: str
    rows: int
    digest: str


@contextmanager
def source(address: str) -> Iterator[None]:
    """The database at `address` under the alias SOURCE, locked against writers while it is open."""
    row = {**connections.settings[DEFAULT_DB_ALIAS], **env.database(address), "ATOMIC_REQUESTS": False}
    connections.settings[SOURCE] = row
    try:
        with transaction.atomic(using=SOURCE):  # SQLite: BEGIN IMMEDIATE, so that nobody writes behind our back
            yield
    finally:
        connections[SOURCE].close()
        del connections[SOURCE]
        del connections.settings[SOURCE]


def move(*, address: str) -> list[Moved]:
    """Copies every table into this (migrated, otherwise empty) database. All or nothing. Raises NotMoved."""
    with source(address):
        _check()
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
            for label in reversed(MADE_BY_MIGRATE):
                model = apps.get_model(label)
                model._base_manager.using(DEFAULT_DB_ALIAS).all()._raw_delete(DEFAULT_DB_ALIAS)
            moved = [_copied(model) for model in tables()]
            for statement in connection.ops.sequence_reset_sql(no_style(), list(tables())):
                cursor.execute(statement)
            _prove(moved)
    return moved


def tables() -> Iterator[type[models.Model]]:
    """Every model with a table of its own, links of many-to-many fields included."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def summary(model: type[models.Model], using: str) -> tuple[int, str]:
    """How many rows a table holds, and a digest over all of them that knows no order."""
    names = [field.attname for field in model._meta.local_concrete_fields]
    rows, total = 0, 0
    for row in model._base_manager.using(using).order_by().values_list(*names).iterator(chunk_size=BATCH):
        rows += 1
        total += int.from_bytes(hashlib.sha256(audit.canonical([_one_form(value) for value in row])).digest())
    return rows, f"{total % 2**256:064x}"


def _one_form(value: Any) -> Any:
    """Instants in UTC, bytes as hex; the rest is made alike by the audit trail's canonical form."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
        case bytes() | memoryview():
            return bytes(value).hex()
    return value


def _check() -> None:
    """Raises NotMoved unless both databases have the same migrations and the target holds no rows yet."""
    reasons = []
    here, there = (
        {*MigrationRecorder(connections[alias]).applied_migrations()} for alias in (DEFAULT_DB_ALIAS, SOURCE)
    )
    for app, name in sorted(here ^ there):
        where = "the target" if (app, name) in here else "the source"
        reasons.append(f"only {where} has migration {app}.{name}: migrate both with the same code")
    if not reasons:
        for model in tables():
            if model._meta.label not in MADE_BY_MIGRATE and model._base_manager.using(DEFAULT_DB_ALIAS).exists():
                reasons.append(f"the target is not empty: {model._meta.db_table}")
    if reasons:
        raise NotMoved(*reasons)


def _copied(model: type[models.Model]) -> Moved:
    fields = list(model._meta.local_concrete_fields)
    rows = model._base_manager.using(SOURCE).order_by().iterator(chunk_size=BATCH)
    goal = model._base_manager.using(DEFAULT_DB_ALIAS).all()
    while batch := list(itertools.islice(rows, BATCH)):
        goal._insert(batch, fields=fields, using=DEFAULT_DB_ALIAS, raw=True)  # type: ignore[attr-defined]
    return Moved(model._meta.db_table, *summary(model, SOURCE))


def _prove(moved: list[Moved]) -> None:
    """Raises NotMoved where a table, a sequence or the audit trail differs from the source."""
    connection.check_constraints()
    wrong = []
    for model, row in zip(tables(), moved, strict=True):
        rows, digest = summary(model, DEFAULT_DB_ALIAS)
        if (rows, digest) != (row.rows, row.digest):
            wrong.append(f"{row.table}: {rows} rows instead of {row.rows}, or other ones")
    wrong += [f"{gap} would be given again" for gap in _sequences()]
    wrong += [f"audit {one.subject_kind}:{one.subject_id} #{one.position}: {one.reason}" for one in audit.verify()]
    if wrong:
        raise NotMoved(*wrong)


def _sequences() -> Iterator[str]:
    """Tables of PostgreSQL whose next key lies at or below the highest one."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for model in tables():
            key = model._meta.pk
            if not isinstance(key, models.AutoField | models.BigAutoField):
                continue
            highest = model._base_manager.using(DEFAULT_DB_ALIAS).aggregate(top=models.Max("pk"))["top"]
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{model._meta.db_table}"', key.column])
            (name,) = cursor.fetchone()
            cursor.execute(f"SELECT last_value, is_called FROM {name}")  # noqa: S608  # nosec B608: the database's own name
            last, called = cursor.fetchone()
            if highest is not None and last + int(called) <= highest:
                yield f"{model._meta.db_table} #{last + int(called)}"

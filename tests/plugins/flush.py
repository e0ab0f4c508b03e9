"""Emptying tables between transactional tests although triggers forbid it (the audit trail is append-only)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def _flush_past_triggers() -> Iterator[None]:
    """Django's flush, told to lift our triggers for its own statements and to put them back."""
    from django.db import connection

    original = connection.ops.__class__.sql_flush

    def sql_flush(operations: Any, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        statements = original(operations, style, tables, **options)
        with operations.connection.cursor() as cursor:
            if operations.connection.vendor == "sqlite":
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                triggers = cursor.fetchall()
                before = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
                cursor.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_pairs' ESCAPE '\\'"
                )
                after = [f'DELETE FROM "{name}"' for (name,) in cursor.fetchall()]  # kept by the lifted triggers
                after += [sql for _, sql in triggers]
            else:
                cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
                named = [table for (table,) in cursor.fetchall()]
                before = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in named]
                after = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in named]
        return [*before, *statements, *after] if statements else statements

    setattr(connection.ops.__class__, "sql_flush", sql_flush)  # noqa: B010
    yield
    setattr(connection.ops.__class__, "sql_flush", original)  # noqa: B010

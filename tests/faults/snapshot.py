"""The test database as it was: a race is run a thousand times without making its story a thousand times."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from django.db import connection, transaction


@contextmanager
def kept() -> Iterator[Callable[[], None]]:
    """Yields what puts every row back as it is now. Guards and foreign keys are not asked: a test plays the restore."""
    with _sqlite() if connection.vendor == "sqlite" else _postgresql() as restore:
        yield restore


@contextmanager
def _sqlite() -> Iterator[Callable[[], None]]:
    connection.ensure_connection()
    with closing(sqlite3.connect(":memory:")) as copy:
        connection.connection.backup(copy)
        yield lambda: copy.backup(connection.connection)


@contextmanager
def _postgresql() -> Iterator[Callable[[], None]]:
    tables = connection.introspection.django_table_names(only_existing=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY 1"
        )
        columns = dict(cursor.fetchall())
        cursor.execute("CREATE SCHEMA kept")
        for table in tables:
            cursor.execute(f"CREATE TABLE kept.{table} AS SELECT * FROM public.{table}")

    def restore() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in tables:
                cursor.execute(
                    f"SELECT EXISTS (TABLE public.{table} EXCEPT TABLE kept.{table})"
                    f" OR EXISTS (TABLE kept.{table} EXCEPT TABLE public.{table})"
                )
                if cursor.fetchone()[0]:
                    cursor.execute(f"DELETE FROM public.{table}")
                    names = columns[table]
                    cursor.execute(f"INSERT INTO public.{table} ({names}) SELECT {names} FROM kept.{table}")

    try:
        yield restore
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA kept CASCADE")

"""A whole database as one file, taken while others write: SQLite by its online backup, PostgreSQL by pg_dump of a snapshot.

Both give a way to ask the very state that was written, so that the files named there can be copied after it.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

Ask = Callable[[str], list[tuple]]
NAMES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}


class DumpFailed(Exception):
    """The database's own program is missing or refused; the message is what it said."""


def name() -> str:
    """What the file of this engine is called inside a backup."""
    return NAMES[connection.vendor]


@contextmanager
def dumped(target: Path) -> Iterator[Ask]:
    """Writes the database to `target` and yields who answers questions about exactly that state. Raises DumpFailed."""
    with (_from_sqlite if connection.vendor == "sqlite" else _from_postgresql)(target) as ask:
        yield ask


def load(source: Path) -> None:
    """Puts the dump in the place of the database; nothing is kept of what was there. Raises DumpFailed."""
    connection.close()
    (_into_sqlite if connection.vendor == "sqlite" else _into_postgresql)(source)


def is_empty() -> bool:
    """Whether the database holds no table at all."""
    with connection.cursor() as cursor:
        return not connection.introspection.table_names(cursor)


def row_counts(ask: Ask, tables: list[str]) -> dict[str, int]:
    """How many rows each table holds."""
    quoted = {table: connection.ops.quote_name(table) for table in tables}
    return {table: ask(f"SELECT COUNT(*) FROM {sign}")[0][0] for table, sign in quoted.items()}  # noqa: S608  # nosec B608: our own names


def ask_now(question: str) -> list[tuple]:
    """Asks the database of this process."""
    with connection.cursor() as cursor:
        cursor.execute(question)
        return list(cursor.fetchall())


# ---- SQLite ----------------------------------------------------------------------------------------------------------
@contextmanager
def _from_sqlite(target: Path) -> Iterator[Ask]:
    with closing(sqlite3.connect(_sqlite_file(), timeout=20)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)  # all pages in one read transaction: writers go on, none of them is seen half
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise DumpFailed(f"the copy is not sound: {found}")
        yield lambda question: copy.execute(question).fetchall()


def _into_sqlite(source: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy,
        closing(sqlite3.connect(_sqlite_file(), timeout=20)) as target,
    ):
        copy.backup(target)


def _sqlite_file() -> str:
    return str(connection.settings_dict["NAME"])


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------
@contextmanager
def _from_postgresql(target: Path) -> Iterator[Ask]:
    watcher: Any = connection.copy()
    try:
        with watcher.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            _run("pg_dump", *options, f"--file={target}")

            def ask(question: str) -> list[tuple]:
                cursor.execute(question)
                return list(cursor.fetchall())

            yield ask
    finally:
        watcher.close()


def _into_postgresql(source: Path) -> None:
    with connection.cursor() as cursor:  # also what later versions added; the guards forbid TRUNCATE, not this
        cursor.execute("SET statement_timeout = 0; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run("pg_restore", *options, f"--dbname={connection.settings_dict['NAME']}", str(source))


def _run(program: str, *words: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise DumpFailed(f"{program} is not installed (package postgresql-client)")
    done = subprocess.run([found, *words], env=_environment(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise DumpFailed(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


def _environment() -> dict[str, str]:
    """The database's address for PostgreSQL's own programs; the password never stands in a command line."""
    row = connection.settings_dict
    options = row.get("OPTIONS", {})
    named = {
        "PGHOST": row["HOST"],
        "PGPORT": row["PORT"],
        "PGUSER": row["USER"],
        "PGPASSWORD": row["PASSWORD"],
        "PGDATABASE": row["NAME"],
        "PGSSLMODE": options.get("sslmode", ""),
        "PGSSLROOTCERT": options.get("sslrootcert", ""),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {name: str(value) for name, value in named.items() if value}

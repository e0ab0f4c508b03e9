"""`name__holds="青松"`: part of a name, found by an index; Chinese words of two characters are too short for trigrams.
An index of character pairs serves any word of two characters and more; a word of one character reads the rows.

PostgreSQL: `core_pairs(text)` is our function; a column that is searched has a second one beside it, `<column>_pairs`,
which the database fills by itself and a GIN index covers (`PairsColumn` in a migration). It is stored because the function is
too slow to be asked anew for every row that a search of several columns looks at.

SQLite: a table of (pair, key) beside the searched one, kept by triggers (`PairsTable` in a migration). A migration that
rebuilds the searched table loses them; our `migrate` command puts them back and fills the pairs anew (`mend`).
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.db.models.expressions import Col
from django.db.models.lookups import IContains, StartsWith

# The cost tells the planner to look at the plain comparison first where it reads rows one by one.
FUNCTION = """
CREATE FUNCTION core_pairs(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
    SELECT array_agg(DISTINCT substr(upper(words), place, 2)) FROM generate_series(1, length(words) - 1) AS place
$$
"""


class Holds(IContains):
    """Contains, upper and lower case alike."""

    lookup_name = "holds"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        plain, params = IContains(self.lhs, self.rhs).as_sql(compiler, connection)  # its own name chooses the operator
        return plain, tuple(params)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """By the table of pairs: rows that have every pair of the word, and the pairs side by side."""
        if not isinstance(self.rhs, str) or len(self.rhs) < 2 or not isinstance(self.lhs, Col):
            return self.as_sql(compiler, connection)
        column, _none = compiler.compile(self.lhs)
        target = self.lhs.target
        key = f'{column.rpartition(".")[0]}."{target.model._meta.pk.column}"'
        table = pairs_table(target.model._meta.db_table, str(target.column))
        one = f'SELECT row_id FROM "{table}" WHERE pair = upper(%s)'  # noqa: S608  # nosec B608: our own names
        pairs = tuple(dict.fromkeys(self.rhs[place : place + 2] for place in range(len(self.rhs) - 1)))
        found = f"{key} IN ({' INTERSECT '.join([one] * len(pairs))})"
        if len(self.rhs) == 2:
            return found, pairs
        return f"({found} AND instr(upper({column}), upper(%s)) > 0)", (*pairs, self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """By the index; more than two characters must also stand in this order, asked so that the planner's guess stays good."""
        if not isinstance(self.rhs, str) or len(self.rhs) < 2:
            return self.as_sql(compiler, connection)
        column, params = compiler.compile(self.lhs)
        pairs, found = f'{column[:-1]}_pairs"', "@> core_pairs(%s)"
        if len(self.rhs) == 2:
            return f"{pairs} {found}", (*params, self.rhs)
        in_order = f"strpos(upper({column}::text), upper(%s)) > 0"
        return f"({pairs} {found} AND {in_order})", (*params, self.rhs, *params, self.rhs)


class Begins(StartsWith):
    """`code__begins="13"`: a plain beginning, by the column's index on SQLite as well, where LIKE reads every row."""

    lookup_name = "begins"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        plain, params = StartsWith(self.lhs, self.rhs).as_sql(compiler, connection)
        return plain, tuple(params)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        if not isinstance(self.rhs, str) or not self.rhs:
            return self.as_sql(compiler, connection)
        column, params = compiler.compile(self.lhs)
        after = f"{self.rhs[:-1]}{chr(ord(self.rhs[-1]) + 1)}"  # SQLite compares byte by byte
        return f"({column} >= %s AND {column} < %s)", (*params, self.rhs, *params, after)


def make_function(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(FUNCTION)


def drop_function(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION core_pairs(text)")


class PairsIndex(RunPython):
    """The first form, an index over the function; `PairsColumn` took its place."""

    def __init__(self, table: str, column: str) -> None:
        name = f"{table}_{column}_pairs"

        def make(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"CREATE INDEX {name} ON {table} USING gin (core_pairs({column}::text))")

        def drop(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"DROP INDEX {name}")

        super().__init__(make, drop)


class PairsColumn(RunPython):
    """The column and index behind `holds`; nothing on SQLite. Writes the table anew: seconds for 100,000 rows."""

    def __init__(self, table: str, column: str) -> None:
        pairs, index = f"{column}_pairs", f"{table}_{column}_pairs"

        def make(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                filled = f"GENERATED ALWAYS AS (core_pairs({column}::text)) STORED"
                editor.execute(f"DROP INDEX IF EXISTS {index}")
                editor.execute(f"ALTER TABLE {table} ADD COLUMN {pairs} text[] {filled}")
                editor.execute(f"CREATE INDEX {index} ON {table} USING gin ({pairs})")

        def drop(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"ALTER TABLE {table} DROP COLUMN {pairs}")
                editor.execute(f"CREATE INDEX {index} ON {table} USING gin (core_pairs({column}::text))")

        super().__init__(make, drop)


# ---- SQLite ---------------------------------------------------------------------------------------------------------
def pairs_table(table: str, column: str) -> str:
    return f"{table}_{column}_pairs"


def _pairs_in(column: str, row: str = "") -> str:
    """The pairs of a column: of NEW or OLD in a trigger, of every row with its key else."""
    own, longest = f"{row}.{column}", f"length({row}.{column})"
    if not row:
        own, longest = column, f"(SELECT coalesce(max(length({column})), 0) FROM {{table}})"  # noqa: S608  # nosec B608: our own names
    place = f"WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n + 1 < {longest})"  # noqa: S608  # nosec B608: our own names
    pair = f"substr(upper({own}), n, 2)"
    if row:
        return f"SELECT {pair} FROM ({place} SELECT n FROM place) WHERE n < length({own})"  # noqa: S608  # nosec B608: our own names
    return f"{place} SELECT {pair}, id FROM {{table}} JOIN place ON n < length({own})"  # noqa: S608  # nosec B608: our own names


def _triggers(table: str, column: str) -> dict[str, str]:
    """Name → statement of the triggers that keep the pairs; plain SQL, so that any program may write to the file."""
    pairs = pairs_table(table, column)
    put = f"INSERT OR IGNORE INTO {pairs} (pair, row_id) SELECT *, NEW.id FROM ({_pairs_in(column, 'NEW')});"  # noqa: S608  # nosec B608: our own names
    take = f"DELETE FROM {pairs} WHERE row_id = OLD.id AND pair IN ({_pairs_in(column, 'OLD')});"  # noqa: S608  # nosec B608: our own names
    head = f"CREATE TRIGGER {pairs}_"
    changed = f"AFTER UPDATE OF {column} ON {table} WHEN NEW.{column} <> OLD.{column}"
    return {
        f"{pairs}_added": f"{head}added AFTER INSERT ON {table} BEGIN {put} END",
        f"{pairs}_changed": f"{head}changed {changed} BEGIN {take} {put} END",
        f"{pairs}_gone": f"{head}gone AFTER DELETE ON {table} BEGIN {take} END",
    }


def _fill(cursor: Any, table: str, column: str) -> None:
    pairs = pairs_table(table, column)
    cursor.execute(f"DELETE FROM {pairs}")  # noqa: S608  # nosec B608: our own names
    cursor.execute(f"INSERT OR IGNORE INTO {pairs} (pair, row_id) {_pairs_in(column).format(table=table)}")  # nosec B608: our own names


def _keep(cursor: Any, table: str, column: str) -> None:
    """Puts the triggers in place, also where some stand already, and fills the pairs."""
    for name, statement in _triggers(table, column).items():
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(statement)
    _fill(cursor, table, column)


SEARCHED = (
    ("organisations_organisation", "name"),
    ("organisations_organisation", "former"),
    ("applications_application", "name"),
    ("registry_listing", "name"),
    ("registry_listing", "former"),
    ("registry_importedrow", "name"),
)


def unkept(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    """Searched columns of a SQLite database whose table of pairs has lost a trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')")
        there = {name for (name,) in cursor.fetchall()}
    return [
        (table, column)
        for table, column in SEARCHED
        if pairs_table(table, column) in there and not there.issuperset(_triggers(table, column))
    ]


def mend(connection: BaseDatabaseWrapper) -> None:
    """After migrations: puts back what rebuilding a table took away; nothing on PostgreSQL."""
    if connection.vendor != "sqlite":
        return
    for table, column in unkept(connection):
        with connection.cursor() as cursor:
            _keep(cursor, table, column)


class PairsTable(RunPython):
    """The table behind `holds` on SQLite; nothing on PostgreSQL. A second or two for 10,000 rows."""

    def __init__(self, table: str, column: str) -> None:
        pairs = pairs_table(table, column)

        def make(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor != "sqlite":
                return
            shape = "(pair text NOT NULL, row_id integer NOT NULL, PRIMARY KEY (pair, row_id)) WITHOUT ROWID"
            editor.execute(f"CREATE TABLE {pairs} {shape}")
            with editor.connection.cursor() as cursor:
                _keep(cursor, table, column)

        def drop(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor != "sqlite":
                return
            for name in _triggers(table, column):
                editor.execute(f"DROP TRIGGER IF EXISTS {name}")
            editor.execute(f"DROP TABLE {pairs}")

        super().__init__(make, drop)

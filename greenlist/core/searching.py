"""`name__holds="青松"`: part of a name, found by an index on PostgreSQL, where Chinese words of two characters are too short
for trigrams. An index of character pairs serves any word of two characters and more.

`core_pairs(text)` is our function in the database; a column that is searched has a second one beside it, `<column>_pairs`,
which PostgreSQL fills by itself and a GIN index covers (`PairsColumn` in a migration). It is stored because the function is
too slow to be asked anew for every row that a search of several columns looks at. SQLite, and words of one character, read
the rows: fine up to some ten thousand.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.db.models.lookups import IContains

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

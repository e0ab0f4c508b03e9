"""`name__holds="青松"`: part of a name, found by an index on PostgreSQL, where Chinese words of two characters are too short
for trigrams. An index of character pairs serves any word of two characters and more.

`core_pairs(text)` is our function in the database; a column that is searched has a GIN index over it (`PairsIndex` in a
migration). SQLite, and words of one character, read the rows: fine up to some ten thousand.
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
        """The same comparison, narrowed by the index."""
        plain, params = self.as_sql(compiler, connection)
        if not isinstance(self.rhs, str) or len(self.rhs) < 2:
            return plain, params
        column, column_params = compiler.compile(self.lhs)
        narrowed = f"({plain} AND core_pairs({column}::text) @> core_pairs(%s))"
        return narrowed, (*params, *column_params, self.rhs)


def make_function(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(FUNCTION)


def drop_function(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION core_pairs(text)")


class PairsIndex(RunPython):
    """The index behind `holds` for one column; nothing on SQLite."""

    def __init__(self, table: str, column: str) -> None:
        name = f"{table}_{column}_pairs"

        def make(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"CREATE INDEX {name} ON {table} USING gin (core_pairs({column}::text))")

        def drop(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"DROP INDEX {name}")

        super().__init__(make, drop)

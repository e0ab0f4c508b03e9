"""What the database itself refuses, whoever sends the statement: the trail only grows, files never change.

A guard is a trigger. SQLite loses the triggers of a table that a migration rebuilds: such a migration ends with
`RunPython(guards.install_all)`; `verify_audit` names every guard that is missing. PostgreSQL's TRUNCATE, and with it
`manage.py flush`, is refused as well; tests empty tables through `tests/plugins/flush.py`, which lifts the triggers for
its own statements only.
"""

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_ERASED = (
    "SELECT 1 FROM core_auditentry gone JOIN core_auditentry word ON word.subject_kind = gone.subject_kind"
    " AND word.subject_id = gone.subject_id AND word.erases = gone.position WHERE gone.id = OLD.entry_id"
)
_FILE = ("key", "sha256", "size", "content_type", "name", "created_at")


@dataclass(frozen=True)
class Guard:
    """`event` on `table` is refused where `condition` (SQL over OLD and NEW, alike on both databases) holds."""

    name: str
    table: str
    event: str
    reason: str
    condition: str = "1 = 1"


GUARDS = (
    Guard("core_entry_kept", "core_auditentry", "UPDATE", "an audit entry never changes"),
    Guard("core_entry_stays", "core_auditentry", "DELETE", "an audit entry is never deleted"),
    Guard("core_payload_kept", "core_auditpayload", "UPDATE", "an audit payload never changes"),
    Guard(
        "core_payload_stays",
        "core_auditpayload",
        "DELETE",
        "a payload goes only after its chain says that it was erased",
        f"NOT EXISTS ({_ERASED})",
    ),
    Guard("core_head_grows", "core_chainhead", "UPDATE", "a chain grows by one", "NEW.length <> OLD.length + 1"),
    Guard("core_head_stays", "core_chainhead", "DELETE", "a chain is never deleted"),
    Guard("core_change_kept", "core_auditkeychange", "UPDATE", "a change of the key never changes"),
    Guard("core_change_stays", "core_auditkeychange", "DELETE", "a change of the key is never deleted"),
    Guard(
        "core_blob_kept",
        "core_blob",
        "UPDATE",
        "a stored file never changes",
        " OR ".join(f"OLD.{column} <> NEW.{column}" for column in _FILE),
    ),
)
TRUNCATED = ("core_auditentry", "core_auditpayload", "core_chainhead")  # guarded on PostgreSQL only


def install(connection: BaseDatabaseWrapper) -> None:
    """Puts every guard in place, also where it stands already; of tables that a later migration makes, that one does."""
    remove(connection)
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for guard in [one for one in GUARDS if one.table in tables]:
            for statement in _create(guard, connection.vendor):
                cursor.execute(statement)
        if connection.vendor == "postgresql":
            for table in TRUNCATED:
                for statement in _postgresql(
                    f"{table}_not_emptied", table, "TRUNCATE", "the trail is never emptied", "1 = 1", "STATEMENT"
                ):
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Takes every guard away: for migrations backwards, and for tests that play the intruder."""
    with connection.cursor() as cursor:
        for name, table in _names(connection.vendor):
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Guards that this database has lost or switched off."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = {name for (name,) in cursor.fetchall()}
    return [name for name, _ in _names(connection.vendor) if name not in found]


def install_all(apps: Any, schema_editor: Any) -> None:
    """For migrations."""
    install(schema_editor.connection)


def remove_all(apps: Any, schema_editor: Any) -> None:
    """For migrations, backwards."""
    remove(schema_editor.connection)


def of_table(table: str) -> tuple[Any, Any]:
    """For the migration that makes a guarded table: forwards and backwards, without touching the guards of others."""
    mine = [guard for guard in GUARDS if guard.table == table]

    def put(apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            for guard in mine:
                for statement in _create(guard, schema_editor.connection.vendor):
                    cursor.execute(statement)

    def take(apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            for guard in mine:
                if schema_editor.connection.vendor == "postgresql":
                    cursor.execute(f"DROP FUNCTION IF EXISTS {guard.name}() CASCADE")
                else:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}")

    return put, take


def _names(vendor: str) -> list[tuple[str, str]]:
    named = [(guard.name, guard.table) for guard in GUARDS]
    return named + [(f"{table}_not_emptied", table) for table in TRUNCATED] if vendor == "postgresql" else named


def _create(guard: Guard, vendor: str) -> list[str]:
    if vendor == "postgresql":
        return _postgresql(guard.name, guard.table, guard.event, guard.reason, guard.condition, "ROW")
    return [
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW WHEN {guard.condition}"
        f" BEGIN SELECT RAISE(ABORT, '{guard.reason}'); END"
    ]


def _postgresql(name: str, table: str, event: str, reason: str, condition: str, each: str) -> list[str]:
    row = {"UPDATE": "NEW", "DELETE": "OLD", "TRUNCATE": "NULL"}[event]
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN"
        f" RAISE EXCEPTION '{reason}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {row}; END $$",
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()",
    ]

"""Writing all encrypted text anew under the first of FIELD_KEYS, while everybody works and both keys open it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.db import connection, models, transaction

from greenlist.core import audit, clock, crypto
from greenlist.core.actors import SYSTEM
from greenlist.core.crypto import EncryptedTextField

BATCH = 500


@dataclass
class Outcome:
    """Of one column: how many values were written anew, were so already, and could be opened by no key."""

    column: str
    rotated: int = 0
    current: int = 0
    unreadable: int = 0


def columns() -> Iterator[tuple[type[models.Model], EncryptedTextField]]:
    """Every encrypted column there is."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField) and model._meta.managed:
                yield model, field


def rotate(*, at: datetime) -> list[Outcome]:
    """Re-encrypts what the first key did not write. May be interrupted and repeated; a value changed meanwhile is left.

    Recorded in the audit trail of the day. Afterwards, with nothing unreadable, the old keys can go.
    """
    outcomes = [_column(model, field) for model, field in columns()]
    told = {row.column: [row.rotated, row.current, row.unreadable] for row in outcomes}
    day = clock.china_date(at).isoformat()
    audit.record(actor=SYSTEM, subject=("system", day), action="keys.rotated", at=at, data={"columns": told})
    return outcomes


def _column(model: type[models.Model], field: EncryptedTextField) -> Outcome:
    outcome = Outcome(f"{model._meta.db_table}.{field.column}")
    named = (str(field.column), str(model._meta.pk.column), model._meta.db_table)
    names = [connection.ops.quote_name(name) for name in named]
    last: Any = None
    while rows := _batch(names, last):
        with transaction.atomic(), connection.cursor() as cursor:
            for key, token in rows:
                fresh = _fresh(token, outcome)
                if fresh:
                    question = f"UPDATE {names[2]} SET {names[0]} = %s WHERE {names[1]} = %s AND {names[0]} = %s"  # noqa: S608  # nosec B608: our own names
                    cursor.execute(question, [fresh, key, token])
        last = rows[-1][0]
    return outcome


def _batch(names: list[str], after: Any) -> list[tuple]:
    column, key, table = names
    later = f"AND {key} > %s" if after is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, {column} FROM {table} WHERE {column} <> '' {later} ORDER BY {key} LIMIT {BATCH}",  # noqa: S608  # nosec B608: our own names
            [after] if later else [],
        )
        return list(cursor.fetchall())


def _fresh(token: str, outcome: Outcome) -> str | None:
    """The token under the first key; None where it is so already or no key opens it."""
    if crypto.is_current(token):
        outcome.current += 1
        return None
    try:
        fresh = crypto.renewed(token)
    except InvalidToken:
        outcome.unreadable += 1
        return None
    outcome.rotated += 1
    return fresh

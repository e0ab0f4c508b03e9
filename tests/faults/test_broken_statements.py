"""A statement fails in the middle of a decision, each writing one in turn: the whole decision is absent, then whole (WF-19)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection

from greenlist.core import audit
from tests.faults import deciding
from tests.world import World

pytestmark = pytest.mark.django_db
WRITES = ("INSERT", "UPDATE", "DELETE")
# Counted before the decision on purpose (core.limits); what a check found stays known (applications.CheckRun).
APART = {"core_use", "django_session"}


class Fault:
    """Counts the writing statements and breaks the `number`-th; 0 breaks none."""

    def __init__(self, number: int = 0, only: str = "") -> None:
        self.number, self.only, self.seen = number, only, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if (
            sql.lstrip().upper().startswith(WRITES)
            and self.only in sql
            and not any(f'"{name}"' in sql for name in APART)
        ):
            self.seen += 1
            if self.seen == self.number:
                raise OperationalError(f"fault at write {self.number}: {sql[:60]}")
        return execute(sql, params, many, context)


def fingerprint() -> dict[str, str]:
    """Of every table, what stands in it."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - APART):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(map(repr, cursor.fetchall()))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


@pytest.mark.full
@pytest.mark.case("WF-19", "BG-07")
@pytest.mark.parametrize("name", deciding.READY)
def test_a_broken_write_leaves_nothing_half_done(world: World, name: str) -> None:
    act = deciding.READY[name](world)
    before = fingerprint()
    number = 1
    while True:
        fault = Fault(number)
        with connection.execute_wrapper(fault):
            try:
                act()
            except DatabaseError as broken:
                assert "fault at write" in str(broken)
            else:
                break
        changed = {table for table, rows in fingerprint().items() if rows != before[table]}
        assert not changed, f"{name}, write {number}: {changed}"
        number += 1
    assert number > 3  # it does write: the state, the trail
    assert {"core_auditentry"} <= {table for table, rows in fingerprint().items() if rows != before[table]}
    assert list(audit.verify()) == []


@pytest.mark.full
@pytest.mark.case("DA-04")
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("sign", "core_auditentry"),
        ("approve_decision", "core_auditpayload"),
        ("publish_list", "core_chainhead"),
        ("object", "core_auditentry"),
        ("confirm_claim", "core_auditpayload"),
        ("withdraw", "core_chainhead"),
    ],
)
def test_without_a_trail_nothing_is_decided(world: World, name: str, table: str) -> None:
    act = deciding.READY[name](world)
    before = fingerprint()
    fault = Fault(1, only=f'"{table}"')
    with connection.execute_wrapper(fault), pytest.raises(DatabaseError, match="fault at write"):
        act()
    assert fingerprint() == before

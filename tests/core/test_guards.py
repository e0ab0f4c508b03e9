"""Both databases refuse to change or empty the trail and stored files, whoever sends the statement."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from greenlist.core import attachments, audit, guards
from greenlist.core.actors import Actor
from greenlist.core.models import AuditEntry, AuditPayload, Blob, ChainHead

Intruder = Callable[[], AbstractContextManager[None]]
pytestmark = pytest.mark.django_db

STATEMENTS = [
    "UPDATE core_auditentry SET action = 'nothing happened'",
    "DELETE FROM core_auditentry",
    "UPDATE core_auditpayload SET salt = 'x'",
    "DELETE FROM core_auditpayload",
    "UPDATE core_chainhead SET length = 0",
    "DELETE FROM core_chainhead",
    "UPDATE core_blob SET sha256 = 'x'",
    "UPDATE core_blob SET name = 'other.pdf'",
]


@pytest.fixture
def trail(actor: Actor, now: datetime) -> AuditEntry:
    attachments.store_bytes(name="a.pdf", content=b"a", content_type="application/pdf", at=now)
    return audit.record(actor=actor, subject=("case", 7), action="case.submitted", at=now, data={"number": "甲-1"})


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.case("DA-05")
@pytest.mark.parametrize("statement", STATEMENTS)
def test_raw_sql_is_refused(statement: str, trail: AuditEntry, intruder: Intruder) -> None:
    with intruder():
        sure = transaction.savepoint()
        if "DELETE FROM core_auditentry" not in statement:  # its payload refers to it
            run(statement)  # without the guard the same statement goes through
        transaction.savepoint_rollback(sure)
    with pytest.raises(DatabaseError, match=r"never|grows|goes only"):
        run(statement)
    assert list(audit.verify()) == []


def test_the_orm_is_refused_too(trail: AuditEntry) -> None:
    trail.action = "something else"
    for attempt in (trail.save, trail.payload.delete, lambda: ChainHead.objects.update(length=9)):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


def test_a_scan_may_be_noted_on_a_file(trail: AuditEntry) -> None:
    assert Blob.objects.update(scan=Blob.Scan.INFECTED, threat="Eicar") == 1


@pytest.mark.django_db(transaction=True)
def test_the_trail_is_not_emptied(trail: AuditEntry) -> None:
    """PostgreSQL's TRUNCATE fires no row trigger and has its own guards; SQLite knows only DELETE."""
    emptied = "TRUNCATE {} CASCADE" if connection.vendor == "postgresql" else "DELETE FROM {}"
    for table in guards.TRUNCATED:
        with pytest.raises(DatabaseError, match=r"never|goes only"):
            run(emptied.format(table))


def test_a_lost_guard_is_named(trail: AuditEntry, intruder: Intruder) -> None:
    assert guards.missing(connection) == []
    with intruder():
        reasons = [found.reason for found in audit.verify()]
    assert "the database has lost its guard core_entry_stays" in reasons
    assert list(audit.verify()) == []


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_and_forth() -> None:
    """A migration that rebuilds a guarded table ends with install_all: it may run over guards that stand."""
    guards.install(connection)
    assert guards.missing(connection) == []
    guards.remove(connection)
    assert len(guards.missing(connection)) >= len(guards.GUARDS)
    guards.install(connection)
    assert guards.missing(connection) == []


@pytest.mark.django_db(transaction=True)
def test_tests_can_still_empty_the_tables(now: datetime) -> None:
    """tests/plugins/flush.py lifts the guards for its own statements and puts them back."""
    from greenlist.core.actors import SYSTEM

    audit.record(actor=SYSTEM, subject=("system", "day"), action="x", at=now)
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEntry.objects.exists()
    assert not AuditPayload.objects.exists()
    assert guards.missing(connection) == []

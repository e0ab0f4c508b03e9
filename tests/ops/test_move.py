"""From SQLite to PostgreSQL: everything arrives, equal and proved; a source that is not right moves nothing."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest
from django.db import connection

from greenlist.accounts.models import User
from greenlist.core import audit, guards, move, numbers
from greenlist.core.actors import SYSTEM
from greenlist.core.models import AuditEntry
from tests.authz import stage
from tests.ops import portal
from tests.world import World

pytestmark = [pytest.mark.ops, pytest.mark.full, pytest.mark.once]

PROBE = """
import json
from django.apps import apps
from django.db import connection
from greenlist.core import audit, clock, numbers
from greenlist.core.actors import SYSTEM
from greenlist.accounts.models import User
entry = audit.record(actor=SYSTEM, subject=("system", "moved"), action="probe", at=clock.now())
print(json.dumps({
    "entry": entry.pk,
    "number": numbers.take(scope="move", year=2026),
    "phone": User.objects.get(username="moved").phone,
    "joined": User.objects.get(username="moved").created_at.isoformat(),
    "breaks": len(list(audit.verify())),
    "user": User.objects.create_user("after").pk,
}))
"""


@pytest.fixture
def source(transactional_db: None, world: World, now: datetime) -> str:
    """The address of an SQLite installation in full use."""
    stage.objects(world)
    User.objects.create_user("moved", name="𠮷野家绿", phone="13800001234")
    for _ in range(3):
        numbers.take(scope="move", year=2026)
    audit.record(actor=SYSTEM, subject=("system", "moved"), action="before", at=now, data={"x": 1.5, "名": "㙓"})
    return f"sqlite://{connection.settings_dict['NAME']}"


@pytest.fixture(scope="module")
def target(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated, empty installation on PostgreSQL."""
    env = portal.environment(tmp_path_factory.mktemp("moved"), postgres_url)
    done = portal.manage("migrate", "--no-input", "--verbosity", "0", env=env)
    assert done.returncode == 0, done.stderr
    return env


def counts(address: str) -> dict[str, int]:
    """Rows of each table of the portal on PostgreSQL."""
    with closing(psycopg2.connect(address)) as base, base.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        names = [name for (name,) in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(f'SELECT COUNT(*) FROM "{name}"')
            (found[name],) = cursor.fetchone()
        return found


@pytest.mark.case("OP-10")
def test_a_whole_installation_moves_and_goes_on(source: str, target: dict[str, str], tmp_path: Path) -> None:
    before = counts(target["DATABASE_URL"])
    _only_databases_of_the_same_code_are_moved(target, tmp_path)
    _spoilt_source_moves_nothing(source, target, before)

    done = portal.manage("move_database", source, env=target)
    assert done.returncode == 0, done.stderr
    assert "tables, sequences and audit chains are equal" in done.stdout
    arrived = counts(target["DATABASE_URL"])
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            if name not in {"django_migrations", "sqlite_sequence"} and not name.endswith("_pairs"):
                cursor.execute(f'SELECT COUNT(*) FROM "{name}"')
                assert arrived[name] == cursor.fetchone()[0], name
    assert sum(1 for rows in arrived.values() if rows) > 25

    probe = json.loads(portal.manage("shell", "-v", "0", "-c", PROBE, env=target).stdout)
    person = User.objects.get(username="moved")
    assert (probe["phone"], probe["breaks"], probe["number"]) == ("13800001234", 0, 4)
    assert datetime.fromisoformat(probe["joined"]) == person.created_at
    assert probe["entry"] > AuditEntry.objects.latest("pk").pk
    assert probe["user"] > User.objects.latest("pk").pk

    again = portal.manage("move_database", source, env=target)
    assert again.returncode != 0
    assert "the target is not empty" in again.stderr


def _only_databases_of_the_same_code_are_moved(target: dict[str, str], tmp_path: Path) -> None:
    """An empty SQLite file has no migrations: what is missing is named."""
    (tmp_path / "empty.sqlite3").touch()
    done = portal.manage("move_database", f"sqlite://{tmp_path / 'empty.sqlite3'}", env=target)
    assert done.returncode != 0
    assert "only the target has migration accounts.0001_initial" in done.stderr


def _spoilt_source_moves_nothing(source: str, target: dict[str, str], before: dict[str, int]) -> None:
    """Somebody with the database's own rights has changed an audit entry: found, and nothing stays in the target."""
    entry = AuditEntry.objects.latest("pk")
    guards.remove(connection)
    AuditEntry.objects.filter(pk=entry.pk).update(action="changed")
    refused = portal.manage("move_database", source, env=target)
    AuditEntry.objects.filter(pk=entry.pk).update(action=entry.action)
    guards.install(connection)
    assert refused.returncode != 0
    assert "the entry was changed" in refused.stderr
    assert counts(target["DATABASE_URL"]) == before


@pytest.mark.django_db
def test_the_digest_of_a_table_tells_every_change() -> None:
    person = User.objects.create_user("one", phone="1")
    rows, digest = move.summary(User, "default")
    assert (rows, digest) == move.summary(User, "default")
    person.phone = "2"
    person.save()
    assert move.summary(User, "default") != (rows, digest)

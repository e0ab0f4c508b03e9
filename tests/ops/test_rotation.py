"""Keys change while everybody works: both open, the command moves everything to the new one, the old one can go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from greenlist.accounts.models import User
from greenlist.core import rotation
from greenlist.core.models import AuditEntry
from tests import factories

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def stored(person: User) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_user WHERE id = %s", [person.pk])
        found: str = cursor.fetchone()[0]
    return found


@pytest.mark.case("PR-03")
@pytest.mark.django_db
def test_every_value_moves_to_the_new_key_and_the_old_one_can_go(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rotation, "BATCH", 3)
    settings.FIELD_KEYS = [OLD]
    people = [factories.person(phone=f"1380000{number:04d}") for number in range(8)]
    firm = factories.organisation(factories.area("河北省", "130000"), contact_phone="13900001111")
    settings.FIELD_KEYS = [NEW, OLD]
    assert User.objects.get(pk=people[0].pk).phone == "13800000000"  # both work meanwhile
    people[1].phone = "13811112222"
    people[1].save()
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    assert "accounts_user.phone: 7 rotated, 1 current, 0 unreadable" in said.getvalue()
    settings.FIELD_KEYS = [NEW]
    assert [User.objects.get(pk=one.pk).phone for one in people[:3]] == ["13800000000", "13811112222", "13800000002"]
    firm.refresh_from_db()
    assert firm.contact_phone == "13900001111"
    entry = AuditEntry.objects.get(action="keys.rotated")
    assert entry.payload.data["columns"]["accounts_user.phone"] == [7, 1, 0]


@pytest.mark.case("PR-03")
@pytest.mark.django_db
def test_what_no_key_opens_is_left_and_told(settings: Any, now: datetime) -> None:
    settings.FIELD_KEYS = [OLD]
    person = factories.person(phone="13800001234")
    token = stored(person)
    settings.FIELD_KEYS = [NEW]
    with pytest.raises(CommandError, match="1 value"):
        call_command("rotate_keys", stdout=StringIO())
    assert stored(person) == token


@pytest.mark.case("PR-03")
@pytest.mark.race
def test_a_value_changed_while_keys_rotate_is_not_lost(
    run_threads: Callable[..., list[Any]], settings: Any, monkeypatch: Any, now: datetime
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    settings.FIELD_KEYS = [OLD]
    people = [factories.person(phone="13800001234") for _ in range(12)]
    settings.FIELD_KEYS = [NEW, OLD]

    def work(number: int) -> Any:
        if number == 0:
            return rotation.rotate(at=now)
        for person in people[number::3]:
            User.objects.filter(pk=person.pk).update(phone=f"13900000{number:03d}")
        return None

    assert not [error for error in run_threads(3, work) if isinstance(error, Exception)]
    settings.FIELD_KEYS = [NEW]
    expected = {person.pk: f"13900000{n:03d}" for n in (1, 2) for person in people[n::3]}
    for person in people:
        assert User.objects.get(pk=person.pk).phone == expected.get(person.pk, "13800001234")


def test_every_encrypted_column_is_found() -> None:
    """The list grows by itself: what a model adds is rotated."""
    found = {f"{model.__name__}.{field.name}" for model, field in rotation.columns()}
    assert {"User.phone", "Organisation.contact_phone", "Objection.contact"} <= found

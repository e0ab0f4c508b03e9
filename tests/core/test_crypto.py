"""Contacts and seeds are tokens in the database; keys rotate."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.db import connection

from greenlist.accounts.models import User
from greenlist.core import crypto
from tests import factories


@pytest.mark.case("PR-03")
def test_the_database_holds_no_plain_text(person: User) -> None:
    person.phone = "13800001234"
    person.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_user WHERE id = %s", [person.pk])
        (stored,) = cursor.fetchone()
    assert "13800001234" not in stored
    assert User.objects.get(pk=person.pk).phone == "13800001234"
    assert factories.person().phone == ""


@pytest.mark.case("PR-03")
def test_a_new_key_writes_and_the_old_one_still_reads(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    token = crypto.encrypt("座机 0335-1234567")
    settings.FIELD_KEYS = [new, old]
    assert crypto.decrypt(token) == "座机 0335-1234567"
    fresh = crypto.encrypt("x")
    settings.FIELD_KEYS = [new]
    assert crypto.decrypt(fresh) == "x"
    with pytest.raises(InvalidToken):
        crypto.decrypt(token)

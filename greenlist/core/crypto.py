"""Text that the database holds encrypted: contacts, seeds of second factors, reporters. Keys rotate (first one writes)."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(plain: str) -> str:
    """Fernet token under the first of FIELD_KEYS."""
    return _box(tuple(settings.FIELD_KEYS)).encrypt(plain.encode()).decode()


def decrypt(token: str) -> str:
    """Raises cryptography.fernet.InvalidToken when no key fits."""
    return _box(tuple(settings.FIELD_KEYS)).decrypt(token.encode()).decode()


def is_current(token: str) -> bool:
    """Whether the first of FIELD_KEYS wrote it."""
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def renewed(token: str) -> str:
    """The same text under the first of FIELD_KEYS. Raises InvalidToken when no key fits."""
    return _box(tuple(settings.FIELD_KEYS)).rotate(token.encode()).decode()


class EncryptedTextField(models.TextField):
    """Plain text in Python, a token in the database; cannot be searched or ordered by. Empty stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value

"""What the tests of core share: somebody who acts, and the guards lifted for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from greenlist.accounts.models import User
from greenlist.core.actors import Actor, Capacity
from tests import factories


@pytest.fixture
def person(db: None) -> User:
    return factories.person("测试一号", username="one", email="one@example.com")


@pytest.fixture
def actor(person: User) -> Actor:
    return Actor(capacity=Capacity.HANDLER, key="h1", user_id=person.pk, name=person.name, remote="192.0.2.7")


@pytest.fixture
def intruder(db: None) -> Callable[[], AbstractContextManager[None]]:
    """`with intruder():` somebody with the database's own rights has switched the guards off, and on again."""
    from django.db import connection

    from greenlist.core import guards

    @contextmanager
    def lifted() -> Iterator[None]:
        guards.remove(connection)
        try:
            yield
        finally:
            guards.install(connection)

    return lifted

"""Servers of its own for tests that start the portal as an operator does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools import servers


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A private PostgreSQL."""
    try:
        with servers.postgres() as address:
            yield address
    except servers.Missing as absent:
        pytest.fail(f"{absent} is missing: run ./dev doctor for the line that installs it")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private Redis."""
    try:
        with servers.redis() as address:
            yield address
    except servers.Missing as absent:
        pytest.fail(f"{absent} is missing: run ./dev doctor for the line that installs it")

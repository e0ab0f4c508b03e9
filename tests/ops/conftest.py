"""Servers of its own for tests that start the portal as an operator does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from tests.tools import servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A private PostgreSQL; its maintenance database."""
    try:
        with servers.postgres() as address:
            yield address
    except servers.Missing as absent:
        pytest.fail(f"{absent} is missing: run ./dev doctor for the line that installs it")


@pytest.fixture(scope="module")
def postgres_url(postgres: str, request: pytest.FixtureRequest) -> str:
    """An empty database of this module."""
    name = request.module.__name__.rpartition(".")[2]
    with closing(psycopg2.connect(postgres)) as base:
        base.autocommit = True
        with base.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    return postgres.rpartition("/")[0] + f"/{name}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private Redis."""
    try:
        with servers.redis() as address:
            yield address
    except servers.Missing as absent:
        pytest.fail(f"{absent} is missing: run ./dev doctor for the line that installs it")

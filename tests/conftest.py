"""What every test may ask for: tiers, races with real threads, moments, the browser. Personas live beside their stories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Barrier, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.tools import servers

pytest_plugins = [
    "tests.plugins.clauses",
    "tests.plugins.flush",
    "tests.plugins.order",
    "tests.plugins.replay",
    "tests.plugins.rules",
    "tests.plugins.template",
    "tests.world",
]

# Playwright's synchronous interface keeps an event loop in the main thread; Django would refuse queries there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHINA = ZoneInfo("Asia/Shanghai")
ROUNDS = {"fast": 5, "full": 50, "long": 1000}
SERVERS = {
    "postgres",
    "postgres_url",
    "redis_url",
}  # private ones, whatever the database of the run (tests/ops/conftest.py)
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "live_server",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("greenlist")
    group.addoption("--tier", choices=list(ROUNDS), default="full", help="how much to run; see the markers")
    group.addoption("--database-only", action="store_true", help="only tests that touch the database, no browser")


def _touches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests above the asked tier and, for the second database, those that would only repeat themselves."""
    above = {
        "fast": {"browser", "a11y", "race", "journey", "ops", "full", "long"},
        "full": {"long"},
        "long": set(),
    }[config.getoption("--tier")]
    # As the second half does: where the programs are missing it is said (tests.tools.suite), and in CI it fails.
    no_servers = bool(servers.missing()) and os.environ.get("CI") != "true"
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        drop = bool(marks & above) or (no_servers and bool(SERVERS & set(getattr(item, "fixturenames", ()))))
        if config.getoption("--database-only"):
            drop = drop or not _touches_database(item) or bool(marks & {"browser", "a11y", "once"})
        (dropped if drop else kept).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """How often a race is run: 5 (fast), 50 (full), 1,000 (long)."""
    return ROUNDS[pytestconfig.getoption("--tier")]


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """`at("2026-11-21 09:30")` → that moment in China Standard Time; a bare date is its first second."""

    def moment(text: str) -> datetime:
        value = datetime.fromisoformat(text)
        return value if value.tzinfo else value.replace(tzinfo=CHINA)

    return moment


@pytest.fixture
def now(at: Callable[[str], datetime]) -> datetime:
    """One fixed moment for tests that need any: a working Monday at half past nine."""
    return at("2026-11-23 09:30")


@pytest.fixture
def run_threads(transactional_db: None) -> Callable[[int, Callable[[int], Any]], list[Any]]:
    """`run_threads(n, fn)`: fn(0) … fn(n-1) at the same moment, each on its own connection.

    Returns, in order, what each returned or the exception it raised. Asks for `transactional_db`: rows must be committed
    before other connections can see them.
    """
    from django.db import connections

    def run(count: int, work: Callable[[int], Any]) -> list[Any]:
        start = Barrier(count, timeout=60)
        outcomes: list[Any] = [None] * count

        def one(number: int) -> None:
            try:
                connections["default"].ensure_connection()
                start.wait()
                outcomes[number] = work(number)
            except Exception as error:  # handed to the test, which decides whether it was right
                outcomes[number] = error
            finally:
                connections.close_all()

        threads = [Thread(target=one, args=(number,), name=f"race-{number}") for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        stuck = [thread.name for thread in threads if thread.is_alive()]
        assert not stuck, f"threads did not end: {stuck}"
        return outcomes

    return run


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium; `playwright install` is never run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("no Chromium found: run ./dev doctor for the line that installs it")
    quiet = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
    return {"executable_path": found, "args": ["--no-sandbox", "--disable-sync", "--disable-dev-shm-usage", *quiet]}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": {"width": 1280, "height": 900}}


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """Each test starts in the users' language, whatever the one before left active."""
    from django.utils import translation

    with translation.override("zh-hans"):
        yield

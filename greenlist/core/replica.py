"""Reading public pages from a copy of the database (DATABASE_REPLICA_URL, docs/adr/0007).

Only views that say so read there, for nobody signed in, by GET, outside transactions. Writes, locks and whatever a person
does go to the database itself, and so do these pages while the copy is away or behind.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction
from django.db.models import Max, Model
from django.http import HttpRequest

from greenlist.core.models import Heartbeat

log = logging.getLogger(__name__)
ALIAS = "replica"
LOOK_EVERY = 30.0  # seconds between two looks at the copy, in each process
MOST_BEHIND = timedelta(minutes=3)  # jobs note their success each minute: a copy that lacks three of them stands still
P = ParamSpec("P")
R = TypeVar("R")
Asked = TypeVar("Asked", bound=HttpRequest)
_reading: ContextVar[bool] = ContextVar("reading_replica", default=False)
_looked: tuple[float, str] = (float("-inf"), "")  # when, and what was wrong


class Router:
    """Reads inside `reading()` go to the copy; nothing else does, and nothing is ever written there."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if _reading.get() and not transaction.get_connection().in_atomic_block else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS  # also for a row that was read from the copy, and for select_for_update

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:
        return True if {one._state.db, other._state.db} <= {DEFAULT_DB_ALIAS, ALIAS} else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


def is_set() -> bool:
    return ALIAS in connections.settings


def fault() -> str:
    """Why the copy cannot be used now; empty when it can. Two queries. A database that is away itself is no reason."""
    try:
        copied = _newest(ALIAS)
    except (DatabaseError, InterfaceError) as failure:
        return f"{type(failure).__name__}: {failure}".strip()
    try:
        newest = _newest(DEFAULT_DB_ALIAS)
    except (DatabaseError, InterfaceError):
        return ""
    if newest is not None and (copied is None or newest - copied > MOST_BEHIND):
        return f"behind: its newest heartbeat is of {copied}, the database's of {newest}"
    return ""


def _newest(alias: str) -> Any:
    return Heartbeat.objects.using(alias).aggregate(newest=Max("succeeded_at"))["newest"]


def _usable() -> bool:
    """As it was at the last look. Several threads may look at once: nothing is lost by that."""
    global _looked
    if time.monotonic() - _looked[0] >= LOOK_EVERY:
        found = fault()
        if found != _looked[1]:
            log.warning("public pages read from the database itself: %s", found) if found else log.info("replica used")
        _looked = (time.monotonic(), found)
    return not _looked[1]


def _given_up(failure: Exception) -> None:
    global _looked
    log.warning("public pages read from the database itself: %s", failure)
    connections[ALIAS].close()
    _looked = (time.monotonic(), str(failure) or type(failure).__name__)


@contextmanager
def reading() -> Iterator[None]:
    """What is read inside comes from the copy, unless a transaction is open."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def anonymous(request: HttpRequest) -> bool:
    """Asks for a page, and brings nothing by which the portal would know the person."""
    known = settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
    return request.method in ("GET", "HEAD") and not known


def answered(request: HttpRequest, view: Callable[[], R]) -> R:
    """What the view answers, read from the copy where that is allowed; a copy that fails meanwhile costs one more try."""
    if not is_set() or not anonymous(request) or not _usable():
        return view()
    try:
        with reading():
            return view()
    except (DatabaseError, InterfaceError) as failure:
        _given_up(failure)
        return view()


def may_answer(view: Callable[Concatenate[Asked, P], R]) -> Callable[Concatenate[Asked, P], R]:
    """For a public view that only reads, and of which it does not matter whether it is some seconds old."""

    @wraps(view)
    def answer(request: Asked, *args: P.args, **options: P.kwargs) -> R:
        return answered(request, lambda: view(request, *args, **options))

    answer.reads_copy = True  # type: ignore[attr-defined]  # for the test that names them all
    return answer

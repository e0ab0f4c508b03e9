import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connection, connections
from django.db.models import CharField
from django_fsm import FSMField

from greenlist.core import searching

log = logging.getLogger(__name__)
TRIES = 20
PAUSE = 3.0  # seconds, so that what waited behind our lock gets through
LOCK_NOT_AVAILABLE = "55P03"
PAST = "__fake__"  # the module Django gives the models of past states
ONE_AT_A_TIME = 20260608  # the advisory lock of this command


class Command(migrate.Command):
    help = (
        f"{migrate.Command.help} Never holds the portal up: a migration that does not get its lock within lock_timeout "
        "is undone and tried again; two that run at once wait for each other."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with _undisturbed(), _without_verbs():
            for left in reversed(range(TRIES)):
                try:
                    super().handle(*args, **options)
                    searching.mend(connections[options["database"]])
                    return
                except OperationalError as failure:
                    if getattr(failure.__cause__, "pgcode", "") != LOCK_NOT_AVAILABLE or not left:
                        raise
                    log.warning("a migration did not get its lock and is tried again: %s", failure)
                    time.sleep(PAUSE)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Building an index may take longer than any statement of a page; waiting for a lock may not."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        cursor.execute("SET lock_timeout = 3000")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
            cursor.execute("RESET statement_timeout; RESET idle_in_transaction_session_timeout; RESET lock_timeout")


@contextmanager
def _without_verbs() -> Iterator[None]:
    """The models of past states have no verbs to look for; looking, once per model and state field, took a third of the time."""
    whole = FSMField.contribute_to_class

    def bare(field: Any, cls: Any, name: str, *args: Any, **kwargs: Any) -> None:
        add = CharField.contribute_to_class if cls.__module__ == PAST else whole
        add(field, cls, name, *args, **kwargs)

    FSMField.contribute_to_class = bare
    try:
        yield
    finally:
        FSMField.contribute_to_class = whole

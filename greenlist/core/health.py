"""Whether this process can serve: what must work, and what may be away for a while. Names for operators only."""

import ctypes.util
import pkgutil
import secrets
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils.module_loading import module_has_submodule

Check = Callable[[], None]
PATIENCE = 2.5  # seconds all checks together may take
_hanging: threading.Thread | None = None
_migrated = False  # once true it stays true for the code of this process


def database() -> None:
    """Raises whatever the database raises."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def migrations() -> None:
    """Raises RuntimeError while the database is behind the code. By names alone: building the graph takes seconds."""
    global _migrated
    if not _migrated:
        if _named() - set(MigrationRecorder(connection).applied_migrations()):
            raise RuntimeError("migrations are missing")
        _migrated = True


def _named() -> set[tuple[str, str]]:
    """Every migration that comes with the code: (app, name)."""
    found = set()
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "migrations"):
            package = import_module(f"{app.name}.migrations")
            found |= {
                (app.label, row.name) for row in pkgutil.iter_modules(package.__path__) if row.name[0] not in "_~"
            }
    return found


def storage() -> None:
    """Writes and removes a few bytes. Raises OSError."""
    key = default_storage.save(f"health/{secrets.token_hex(8)}", ContentFile(b"ok"))
    default_storage.delete(key)


def broker() -> None:
    """Raises when no message could be published now."""
    url = settings.CELERY_BROKER_URL
    if url.startswith(("redis://", "rediss://")):
        import redis

        with redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=None) as client:
            client.ping()
    elif urlsplit(url).scheme == "filesystem":
        folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
        if not folder.is_dir():
            raise FileNotFoundError(folder)


@cache
def _has_pango() -> bool:
    return all(ctypes.util.find_library(name) for name in ("pango-1.0", "pangoft2-1.0"))


def documents() -> None:
    """Raises RuntimeError where no PDF can be made."""
    if not _has_pango():
        raise RuntimeError("libpango-1.0-0 or libpangoft2-1.0-0 is missing")


NEEDED: dict[str, Check] = {"database": database, "migrations": migrations, "storage": storage}
USEFUL: dict[str, Check] = {"broker": broker, "documents": documents}


def faults(checks: dict[str, Check], *, patience: float = PATIENCE) -> dict[str, str]:
    """Name → reason of each check that fails or has no answer in time; the rest is left out once the database is gone.

    The checks run in a thread of their own with a connection of its own: a server that takes the connection and says
    nothing would hold the asker for ever. While one such thread hangs no second one is started.
    """
    global _hanging
    if _hanging is not None and _hanging.is_alive():
        return {"database": "still no answer to the last question"}
    found: dict[str, str] = {}
    waiting = list(checks)
    asking = threading.Thread(target=_ask, args=(checks, found, waiting), daemon=True, name="health")
    asking.start()
    asking.join(patience)
    if asking.is_alive() and (late := next(iter(list(waiting)), None)):
        _hanging = asking
        return {**found, late: f"no answer within {patience} s"}
    return found


def _ask(checks: dict[str, Check], found: dict[str, str], waiting: list[str]) -> None:
    try:
        for name, check in checks.items():
            if "database" not in found or name != "migrations":
                try:
                    check()
                except Exception as failure:  # each library raises its own; here they all mean "not now"
                    found[name] = f"{type(failure).__name__}: {failure}"
            waiting.remove(name)
    finally:
        connections.close_all()

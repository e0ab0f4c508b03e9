"""Whether this process can serve: what must work, and what may be away for a while. Names for operators only."""

import ctypes.util
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

Check = Callable[[], None]
_migrated = False  # once true it stays true for the code of this process


def database() -> None:
    """Raises whatever the database raises."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def migrations() -> None:
    """Raises RuntimeError while the database is behind the code."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise RuntimeError("migrations are missing")
        _migrated = True


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


def faults(checks: dict[str, Check]) -> dict[str, str]:
    """Name → reason of each check that fails; the rest is left out once the database is gone."""
    found: dict[str, str] = {}
    for name, check in checks.items():
        if "database" in found and name == "migrations":
            continue
        try:
            check()
        except Exception as failure:  # each library raises its own; here they all mean "not now"
            found[name] = f"{type(failure).__name__}: {failure}"
    return found

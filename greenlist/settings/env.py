"""Reading the environment: typed, and loud about nonsense. No Django setting is decided here."""

import json
import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The value of NAME, or of the file named by NAME_FILE; an empty one counts as not set.

    Raises ImproperlyConfigured when neither is set and there is no default.
    """
    if os.environ.get(name):
        return os.environ[name]
    if os.environ.get(f"{name}_FILE"):
        return Path(os.environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set")
    return default


def flag(name: str, default: bool) -> bool:
    """true/false as a bool. Raises ImproperlyConfigured on anything else."""
    value = text(name, "true" if default else "false").lower()
    if value not in {"true", "false"}:
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")
    return value == "true"


def number(name: str, default: int) -> int:
    """A whole number. Raises ImproperlyConfigured on anything else."""
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as wrong:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from wrong


def one_of(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of the words. Raises ImproperlyConfigured on anything else."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def options(name: str, default: dict) -> dict:
    """A JSON object. Raises ImproperlyConfigured on anything else."""
    value = text(name, "")
    try:
        found = json.loads(value) if value else default
    except ValueError as wrong:
        raise ImproperlyConfigured(f"{name} must be a JSON object") from wrong
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object")
    return found


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without blanks."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(url: str) -> dict:
    """DATABASE_URL → Django's dict, with the options measured for each engine. Raises ImproperlyConfigured."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path),
            # Kept open: whoever opens the file as the first has to write beside it, which a full disk does not take (F5).
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # Without IMMEDIATE two writers meet at COMMIT and one loses; see docs/adr/0002.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        query = dict(parse_qsl(parts.query))
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or query.get("host", ""),
            "PORT": str(parts.port or query.get("port", "")),
            "CONN_MAX_AGE": number("DATABASE_CONN_MAX_AGE", 60),
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "connect_timeout": 5,  # seconds; without it a silent address holds a request for minutes
                "options": "-c statement_timeout=15000 -c lock_timeout=3000"
                " -c idle_in_transaction_session_timeout=30000",
                **{name: query[name] for name in ("sslmode", "sslrootcert") if name in query},
            },
        }
    raise ImproperlyConfigured(f"DATABASE_URL must start with sqlite or postgresql, not {parts.scheme!r}")


def replica(url: str) -> dict:
    """DATABASE_REPLICA_URL → Django's dict: PostgreSQL only, refuses writes, is soon given up. Raises ImproperlyConfigured."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured("DATABASE_REPLICA_URL must start with postgresql")
    found = database(url)
    options = found["OPTIONS"]
    options["connect_timeout"] = 2
    options["options"] += " -c default_transaction_read_only=on"
    return {**found, "TEST": {"MIRROR": "default"}}

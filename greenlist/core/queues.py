"""How much waits in the broker, and since when: a look that takes nothing out."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

SENT_AT = "sent_at"  # a header of each message (core.tasks)


@dataclass(frozen=True)
class Queue:
    name: str
    messages: int
    oldest: float  # seconds


def look(*, at: datetime) -> list[Queue] | None:
    """Every queue the workers take from; None when the broker cannot be reached."""
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    kind = urlsplit(settings.CELERY_BROKER_URL).scheme
    try:
        if kind in {"redis", "rediss"}:
            return _redis(names, at)
        return _files(names, at) if kind == "filesystem" else []
    except Exception:  # redis and the file system each raise their own: not reachable
        return None


def _redis(names: list[str], at: datetime) -> list[Queue]:
    import redis

    options: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": None}
    with redis.Redis.from_url(settings.CELERY_BROKER_URL, **options) as client:
        return [Queue(name, int(client.llen(name)), _age(client.lindex(name, -1), at)) for name in names]


def _age(message: Any, at: datetime) -> float:
    """Of the message that would be taken next."""
    if not message:
        return 0.0
    sent = json.loads(message).get("headers", {}).get(SENT_AT)
    return max(0.0, at.timestamp() - sent) if isinstance(sent, int | float) else 0.0


def _files(names: list[str], at: datetime) -> list[Queue]:
    waiting: dict[str, list[float]] = {name: [] for name in names}
    for path in Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"]).glob("*.msg"):
        name = path.name.split(".")[-2]
        try:
            waiting.setdefault(name, []).append(path.stat().st_mtime)
        except FileNotFoundError:  # taken just now
            continue
    now = at.timestamp()
    return [
        Queue(name, len(ages), max(0.0, now - min(ages)) if ages else 0.0)
        for name, ages in waiting.items()
        if name in names
    ]

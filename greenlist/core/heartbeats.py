"""The last success of every periodic job, so that silence is noticed: a beat that stopped raises no error anywhere.

Only runs that the scheduler asked for count (it names the job in a header, see settings): the same task is also woken by
people's actions, and those would hide a dead scheduler.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import Task
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max

from greenlist.core.models import Heartbeat

log = logging.getLogger(__name__)
HEADER = "job"
MISSED = 2  # periods without a success after which somebody should look


@dataclass(frozen=True)
class Beat:
    """A periodic job: `silent` is the time since its last success, or since the installation where it has none."""

    name: str
    period: timedelta
    succeeded_at: datetime | None
    failed_at: datetime | None
    failure: str
    silent: timedelta

    @property
    def is_overdue(self) -> bool:
        return self.silent > MISSED * self.period


def succeeded(name: str, *, at: datetime) -> None:
    """Notes a success."""
    _note(name, succeeded_at=at)


def failed(name: str, *, at: datetime, failure: str) -> None:
    """Notes a failure and its reason; the last success stays."""
    _note(name, failed_at=at, failure=failure[:200])


def _note(name: str, **fields: Any) -> None:
    """The job is done whether or not this can be written down."""
    try:
        _write(name, **fields)
    except DatabaseError as failure:
        log.warning("the heartbeat of %s was not kept: %s", name, failure)


def _write(name: str, **fields: Any) -> None:
    if not Heartbeat.objects.filter(name=name).update(**fields):
        Heartbeat.objects.bulk_create([Heartbeat(name=name)], ignore_conflicts=True)
        Heartbeat.objects.filter(name=name).update(**fields)


def beats(*, at: datetime) -> list[Beat]:
    """Every job of the schedule with what is known of it."""
    rows = {row.name: row for row in Heartbeat.objects.all()}
    installed = MigrationRecorder.Migration.objects.using(connection.alias).aggregate(last=Max("applied"))["last"] or at
    return [_beat(name, entry, rows.get(name), installed, at) for name, entry in settings.CELERY_BEAT_SCHEDULE.items()]


def _beat(name: str, entry: Mapping[str, Any], row: Heartbeat | None, installed: datetime, at: datetime) -> Beat:
    succeeded_at = row.succeeded_at if row else None
    return Beat(
        name=name,
        period=timedelta(seconds=entry["schedule"]),
        succeeded_at=succeeded_at,
        failed_at=row.failed_at if row else None,
        failure=row.failure if row else "",
        silent=at - (succeeded_at or installed),
    )


def last_success(name: str) -> datetime | None:
    """Of a job outside the schedule, as the backup is."""
    return Heartbeat.objects.filter(name=name).values_list("succeeded_at", flat=True).first()


def job_of(task: Task) -> str | None:
    """The name in the schedule. A worker spreads the headers of a message over the request; a direct call keeps them together."""
    return getattr(task.request, HEADER, None) or (task.request.headers or {}).get(HEADER)

"""The condition of an installation: its state in figures, and what somebody should look at. For administrators only.

Other apps add what they know with `@check`; `problems` asks all of them and survives each that fails.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.models import Count, Min
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from greenlist.core import attachments, audit, audit_keys, guards, health, heartbeats, queues, replica
from greenlist.core.models import Blob, Notification, RenderJob

log = logging.getLogger(__name__)
LATE_MAIL = timedelta(minutes=15)
LATE_DOCUMENT = timedelta(minutes=15)
BACKUP = "backup"  # the heartbeat of core.backup


@dataclass(frozen=True)
class State:
    """Ages in seconds; 0 where nothing waits. `queues` is None while the broker is away."""

    mails: dict[str, int]
    oldest_mail: float
    unscanned: int
    oldest_unscanned: float
    documents: int
    oldest_document: float
    backup_at: datetime | None
    beats: list[heartbeats.Beat]
    queues: list[queues.Queue] | None


@dataclass(frozen=True)
class Problem:
    """One thing to look at. `code` stays the same while the thing does; `grave`: people are affected now."""

    code: str
    text: str | Promise
    grave: bool = False


Check = Callable[[datetime], Iterable[Problem]]
_checks: list[Check] = []


def check(function: Check) -> Check:
    """Has `problems` ask this too."""
    _checks.append(function)
    return function


def state(*, at: datetime) -> State:
    """Seven queries and a look into the broker."""
    mails = Notification.objects.outgoing().exclude(state__in=["sent", "dropped", "bundled"])
    unscanned = Blob.objects.filter(scan=Blob.Scan.WAITING).aggregate(number=Count("pk"), oldest=Min("created_at"))
    waiting = RenderJob.objects.filter(state__in=[RenderJob.State.WAITING, RenderJob.State.RUNNING])
    documents = waiting.aggregate(number=Count("pk"), oldest=Min("asked_at"))
    numbers = dict(mails.values_list("state").annotate(number=Count("pk")).order_by())
    return State(
        mails={name: numbers.get(name, 0) for name in ("new", "sending", "failed")},
        oldest_mail=_age(Notification.objects.due(at).aggregate(oldest=Min("not_before"))["oldest"], at),
        unscanned=unscanned["number"],
        oldest_unscanned=_age(unscanned["oldest"], at),
        documents=documents["number"],
        oldest_document=_age(documents["oldest"], at),
        backup_at=heartbeats.last_success(BACKUP),
        beats=heartbeats.beats(at=at),
        queues=queues.look(at=at),
    )


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0


def problems(*, at: datetime) -> list[Problem]:
    """Everything that somebody should look at, grave ones first."""
    found: list[Problem] = []
    for one in _checks:
        try:
            found += one(at)
        except Exception as failure:  # a check that fails is a problem itself, and hides no other
            log.exception("the check %s failed", one.__name__)
            found.append(Problem(f"check.{one.__name__}", f"{one.__name__}: {type(failure).__name__}", grave=True))
    return sorted(found, key=lambda problem: (not problem.grave, problem.code))


def digest(found: Iterable[Problem]) -> str:
    """Changes when a problem comes or goes; twelve characters to compare."""
    return audit.digest_of(sorted(problem.code for problem in found))[:12]


@check
def _configuration(at: datetime) -> Iterator[Problem]:
    for message in checks.run_checks():
        if message.level >= checks.WARNING and not message.is_silenced():
            yield Problem(f"check.{message.id}", f"{message.msg}", grave=message.level >= checks.ERROR)


@check
def _services(at: datetime) -> Iterator[Problem]:
    for name, reason in health.faults(health.NEEDED).items():
        yield Problem(
            f"health.{name}", _("%(name)s does not work: %(reason)s") % {"name": name, "reason": reason}, True
        )
    for name, reason in health.faults(health.USEFUL).items():
        yield Problem(f"health.{name}", _("%(name)s does not work: %(reason)s") % {"name": name, "reason": reason})


@check
def _guards(at: datetime) -> Iterator[Problem]:
    for name in guards.missing(connection):
        yield Problem(f"guard.{name}", _("The database has lost its guard %(name)s.") % {"name": name}, grave=True)


@check
def _audit_key(at: datetime) -> Iterator[Problem]:
    if reason := audit_keys.fault():
        text = _("This process has another AUDIT_KEY than the audit trail: run rotate_keys, or restart it. %(reason)s")
        yield Problem("audit.key", text % {"reason": reason}, grave=True)


@check
def _replica(at: datetime) -> Iterator[Problem]:
    if replica.is_set() and (reason := replica.fault()):
        text = _("Public pages are read from the database itself, the copy cannot be used: %(reason)s")
        yield Problem("replica", text % {"reason": reason})


@check
def _jobs(at: datetime) -> Iterator[Problem]:
    for beat in heartbeats.beats(at=at):
        if beat.is_overdue:
            minutes = int(beat.silent.total_seconds() // 60)
            said = _("The periodic job %(name)s has not succeeded for %(minutes)s minutes. %(failure)s")
            text = said % {"name": beat.name, "minutes": minutes, "failure": beat.failure}
            yield Problem(f"job.{beat.name}", text.strip(), grave=True)


@check
def _waiting(at: datetime) -> Iterator[Problem]:
    now = state(at=at)
    if now.oldest_mail > LATE_MAIL.total_seconds():
        text = _("A mail has been due for %(minutes)s minutes.") % {"minutes": int(now.oldest_mail // 60)}
        yield Problem("outbox.late", text, grave=True)
    if now.mails["failed"]:
        failed = _("Mails that could not be delivered: %(count)s; see outbox_status.") % {"count": now.mails["failed"]}
        yield Problem("outbox.failed", failed)
    if now.oldest_unscanned > attachments.LATE.total_seconds():
        files = _("Files that wait for the virus scanner: %(count)s; the oldest for %(minutes)s minutes.")
        words = {"count": now.unscanned, "minutes": int(now.oldest_unscanned // 60)}
        yield Problem("files.unscanned", files % words, grave=True)
    if now.oldest_document > LATE_DOCUMENT.total_seconds():
        late = _("A document has been waiting for %(minutes)s minutes.")
        yield Problem("documents.late", late % {"minutes": int(now.oldest_document // 60)})


@check
def _backup(at: datetime) -> Iterator[Problem]:
    if getattr(settings, "DEMO", False):
        return
    last = heartbeats.last_success(BACKUP)
    if last is None:
        yield Problem("backup.none", _("There is no backup yet."), grave=True)
    elif at - last > timedelta(hours=settings.BACKUP_MAX_HOURS):
        hours = int((at - last).total_seconds() // 3600)
        yield Problem("backup.old", _("The last backup is %(hours)s hours old.") % {"hours": hours}, grave=True)

"""Documents that take a while: asked for by a page, made by the worker, waited for on a page (`core.waiting`).

The row is the queue; the broker only wakes the worker, and a sweep finds what it did not hear of. One row for each
document and digest of its data, so a crowd that asks for the same paper has it made once. Apps name who makes a kind with
`@maker`; it checks the rights of whoever asked again, because they may have ended since (R10).
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.module_loading import autodiscover_modules

from greenlist.core import dispatch, outbox
from greenlist.core.actors import Actor
from greenlist.core.documents import PdfFailed, PdfUnavailable
from greenlist.core.errors import DomainError
from greenlist.core.models import Blob, RenderJob
from greenlist.core.requests import request_id

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)  # well over what one paper may take; after that its worker is taken for dead
TRIES = 3  # a document that ends its worker so often is given up
PAUSE = timedelta(minutes=1)  # before what failed is tried again
KEPT = timedelta(days=3)  # how long drafts and blank forms, and the rows of all others, stay
LEFT = timedelta(seconds=20)  # who waited longer may have left the page and is told by a message
PATIENCE = 20  # seconds one sweep goes on taking new documents: the next one is due then
ENDED = ("failed", "refused", "done")
State = RenderJob.State


class Tick(Protocol):
    """Tells how many papers of a package are made; each call is also a sign of life."""

    def __call__(self, done: int, total: int) -> None: ...


class Maker(Protocol):
    """Makes the document of a job: a blob that belongs to the job, or None when the app keeps it itself.

    Checks who asked first. Raises what the page itself would raise for them.
    """

    def __call__(self, job: RenderJob, *, at: datetime, tick: Tick) -> Blob | None: ...


_makers: dict[str, Maker] = {}


def maker(kind: str) -> Callable[[Maker], Maker]:
    """Names who makes documents of this kind; used in the `documents` of an app."""

    def named(make: Maker) -> Maker:
        _makers[kind] = make
        return make

    return named


# ---- asking -----------------------------------------------------------------------------------------------------------
def ask(
    *,
    kind: str,
    subject: str,
    digest: str,
    actor: Actor,
    at: datetime,
    part: str = "",
    params: Mapping[str, Any] | None = None,
) -> Blob | RenderJob:
    """The document of these data if this job holds it, else the job that makes it; asking twice changes nothing.

    The caller has checked who asks, and has looked whether its own app keeps the document already. `params` are for the maker
    alone: the digest says them too.
    """
    about = {"kind": kind, "subject": subject, "part": part, "digest": digest}
    asker = {"user_id": actor.user_id, "capacity": actor.key, "asked_at": at, "request_id": request_id.get()}
    job, new = RenderJob.objects.select_related("blob").get_or_create(
        **about, defaults={**asker, "params": dict(params) if params is not None else None}
    )
    if job.blob is not None:
        return job.blob
    if new or _began_again(job, asker):
        from greenlist.core.tasks import render_document

        dispatch.after_commit(render_document, job=job.pk)
    return job


def _began_again(job: RenderJob, asker: dict) -> bool:
    """A done one whose document is gone, a failed one after a pause, one that was refused to somebody else."""
    if job.state not in ENDED:
        return False
    same = (job.user_id, job.capacity) == (asker["user_id"], asker["capacity"])
    soon = job.finished_at is not None and asker["asked_at"] < job.finished_at + PAUSE
    if soon and (job.state == State.FAILED or (job.state == State.REFUSED and same)):
        return False
    fresh = {"state": State.WAITING, "attempts": 0, "done": 0, "total": 0, "finished_at": None, "failure": ""}
    if not RenderJob.objects.filter(pk=job.pk, state=job.state).update(**fresh, **asker):
        return False
    for name, value in {**fresh, **asker}.items():
        setattr(job, name, value)
    return True


def waited_for(job: RenderJob, *, title: str, address: str) -> None:
    """A page waits for it: where the asker finds it again, in the message that it is ready."""
    if job.user_id and not job.address and job.state not in ENDED:
        named = {"title": title[:200], "address": address[:500]}
        RenderJob.objects.filter(pk=job.pk, address="").update(**named)


def again_at(job: RenderJob) -> datetime | None:
    """From when on asking again tries again."""
    return job.finished_at + PAUSE if job.finished_at else None


# ---- making -----------------------------------------------------------------------------------------------------------
def run(*, pk: int, at: datetime) -> bool:
    """Makes one document if it is still to be made; False when somebody else has it. Call it outside a transaction."""
    started = time.monotonic()
    job = _claimed(pk, at)
    if job is None:
        return False

    def now() -> datetime:
        return at + timedelta(seconds=time.monotonic() - started)

    if job.attempts > TRIES:
        log.error("document %s ended its worker %s times", job, TRIES)
        _close(job, now(), state=State.FAILED, failure="worker_lost")
        return True
    try:
        blob = _maker(job.kind)(job, at=at, tick=partial(_tick, job, now))
    except (PdfFailed, PdfUnavailable) as failure:
        _close(job, now(), state=State.FAILED, failure=failure.code)
    except DomainError as refusal:  # the right is gone, or the data are others by now
        log.info("document %s is not made: %s", job, refusal.code)
        _close(job, now(), state=State.REFUSED, failure=refusal.code)
    except Exception:  # one document that cannot be made must not stop the others
        log.exception("document %s cannot be made", job)
        _close(job, now(), state=State.FAILED, failure="error")
    else:
        if _close(job, now(), state=State.DONE, blob=blob):
            _tell(job.pk, at=now())
        elif blob is not None:
            _drop(blob)  # another worker, taken for dead as we were, has made it as well
    return True


def _maker(kind: str) -> Maker:
    if kind not in _makers:
        autodiscover_modules("documents")
    return _makers[kind]


def _claimed(pk: int, at: datetime) -> RenderJob | None:
    job = RenderJob.objects.due(at).filter(pk=pk).first()
    if job is None:
        return None
    lease = {"state": State.RUNNING, "claimed_until": at + LEASE, "attempts": job.attempts + 1}
    if not RenderJob.objects.due(at).filter(pk=pk, attempts=job.attempts).update(**lease):
        return None  # somebody else was faster
    return RenderJob.objects.get(pk=pk)


def _own(job: RenderJob) -> dict:
    """The row while it is ours: whoever takes it over counts one more attempt."""
    return {"pk": job.pk, "state": State.RUNNING, "attempts": job.attempts}


def _tick(job: RenderJob, now: Callable[[], datetime], done: int, total: int) -> None:
    RenderJob.objects.filter(**_own(job)).update(done=done, total=total, claimed_until=now() + LEASE)


def _close(job: RenderJob, at: datetime, **changes: object) -> bool:
    return bool(RenderJob.objects.filter(**_own(job)).update(finished_at=at, claimed_until=None, **changes))


def _tell(pk: int, *, at: datetime) -> None:
    """Tells whoever asked, was shown the waiting page and has waited so long that they may have left it."""
    job = RenderJob.objects.get(pk=pk)
    if job.user_id is None or not job.address or at - job.asked_at < LEFT:
        return
    event = f"document:{job.pk}:{job.asked_at:%Y%m%d%H%M%S}"
    told: dict[str, Any] = {"kind": "document.ready", "params": {"title": job.title}, "link": job.address}
    outbox.notify(recipients=[job.user_id], event=event, at=at, channels=("portal",), **told)


def sweep(*, at: datetime, limit: int = 50) -> int:
    """Makes what nobody was woken for or whose worker died; returns how many. Drops what is past its time."""
    started = time.monotonic()
    made = 0
    for pk in list(RenderJob.objects.due(at).order_by("asked_at", "pk").values_list("pk", flat=True)[:limit]):
        if time.monotonic() - started > PATIENCE:
            break
        made += run(pk=pk, at=at + timedelta(seconds=time.monotonic() - started))
    forget(at=at)
    return made


def forget(*, at: datetime, limit: int = 200) -> int:
    """Drops ended jobs with the files that are theirs alone; returns how many."""
    dropped = 0
    for job in RenderJob.objects.over(at - KEPT).select_related("blob")[:limit]:
        with transaction.atomic():
            dropped += bool(RenderJob.objects.filter(pk=job.pk, finished_at=job.finished_at).delete()[0])
            if job.blob is not None and not RenderJob.objects.filter(blob=job.blob).exists():
                _drop(job.blob)
    return dropped


def _drop(blob: Blob) -> None:
    key = blob.key
    blob.delete()
    transaction.on_commit(partial(default_storage.delete, key), robust=True)

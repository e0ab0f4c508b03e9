"""Tables that grow with the lists, as workbooks: every line that is found; short ones at once, long ones by the worker."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.db.models import QuerySet
from django.utils import translation

from greenlist.core import attachments, audit, clock, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations

DIRECT = 2000  # rows that are written within the request: a fraction of a second
FRESH = timedelta(minutes=30)  # a long one is handed out again: who was told that it is ready finds that file


@dataclass(frozen=True)
class Table:
    """One kind of workbook. `rows`: what an actor finds of a subject under filters, in order; asks who may see it."""

    kind: str
    title: Callable[[], str]
    widths: tuple[int, ...]
    head: Callable[[], list[str]]
    rows: Callable[[Actor, str, Mapping[str, str], date], QuerySet[Any]]
    lines: Callable[[Iterable[Any], Actor, date], Iterable[list[str]]]

    def __post_init__(self) -> None:
        rendering.maker(self.kind)(partial(_make, self))

    @property
    def name(self) -> str:
        return attachments.safe_name(f"{self.title()}.xlsx")

    def write(
        self, rows: QuerySet[Any], actor: Actor, on: date, tick: Callable[[int], None] | None = None
    ) -> IO[bytes]:
        lines = self.lines(rows.iterator(chunk_size=500), actor, on)
        return workbooks.of_lines(self.title(), self.widths, self.head(), lines, tick)


def export(
    table: Table, given: Mapping[str, Any], *, actor: Actor, at: datetime, subject: str = ""
) -> IO[bytes] | Blob | RenderJob:
    """What the filters find: a file where it is short, else what the worker made or makes. Raises what `rows` raises."""
    filters = {key: str(given[key]) for key in sorted(given)}
    on = clock.china_date(at)
    rows = table.rows(actor, subject, filters, on)
    if not rows.order_by().values_list("pk")[DIRECT : DIRECT + 1]:
        return table.write(rows, actor, on)
    language = translation.get_language() or settings.LANGUAGE_CODE
    about = {"kind": table.kind, "subject": subject, "part": language}
    known = _asked_before(about, filters, actor, at)
    if known is not None:
        return known
    digest = audit.digest_of({"filters": filters, "who": [actor.user_id, actor.key], "at": at.isoformat()})
    return rendering.ask(**about, digest=digest, actor=actor, at=at, params=filters)


def _asked_before(
    about: Mapping[str, str], filters: Mapping[str, str], actor: Actor, at: datetime
) -> Blob | RenderJob | None:
    """What the same person asked for the same lines: being made, made a while ago, or failed a moment ago."""
    rows = RenderJob.objects.filter(**about, user_id=actor.user_id or 0, capacity=actor.key, params=filters)
    job = rows.select_related("blob").order_by("-asked_at", "-pk").first()
    if job is None:
        return None
    kept = FRESH if job.blob else rendering.PAUSE
    if job.finished_at is not None and at >= job.finished_at + kept:
        return None
    return job.blob or job


def _make(table: Table, job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    """All lines that whoever asked finds now; the language is that of the page."""
    on = clock.china_date(at)
    actor = organisations.acting(job.user_id, job.capacity, on)
    rows = table.rows(actor, job.subject, job.params or {}, on)
    thousands = partial(tick, total=-(-rows.count() // 1000))
    with translation.override(job.part), table.write(rows, actor, on, thousands) as file:
        return attachments.store_made(name=table.name, body=File(file), content_type=workbooks.XLSX, at=at)

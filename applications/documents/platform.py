"""What the national platform is told of a signed batch: a workbook by the rule set's columns, and a package with the files."""

import io
from collections.abc import Iterator
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font

from applications.documents import report as reports
from applications.models import Batch, BatchItem, Document, Evidence, ReportVersion
from applications.selectors import batches as batch_reads
from applications.selectors import calls
from applications.selectors import platform as reads
from greenlist.core import archives, attachments, clock, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import BoundPolicy, TableSpec

KIND = "platform"


def _table(bound: BoundPolicy) -> TableSpec:
    """Raises NotVisible where the rules ask for no filing."""
    table = reads.table_of(bound)
    if table is None:
        raise NotVisible
    return table


def name_of(batch: Batch, format_: str) -> str:
    with translation.override("zh-hans"):
        return attachments.safe_name(f"{batch.sender.name}-{_('Filing on the national platform')}.{format_}")


def workbook(batch: Batch) -> bytes:
    """One line a unit that still stands in the batch, columns as the rule set has them, every cell text."""
    bound = calls.rules_of(batch.call)
    return _workbook(batch, _table(bound), bound, batch_reads.live(batch_reads.items_of(batch)))


def _workbook(batch: Batch, table: TableSpec, bound: BoundPolicy, items: list[BatchItem]) -> bytes:
    book = Workbook(write_only=False)
    page = book.active
    assert page is not None
    page.title = "报送表"
    head = [column.label.zh for column in table.columns]
    lines = [
        [_cell(column, number, item, bound) for column in table.columns] for number, item in enumerate(items, start=1)
    ]
    for row, cells in enumerate([head, *lines], start=1):
        for place, text in enumerate(cells, start=1):
            workbooks.put(page.cell(row=row, column=place), text)
            if row == 1:
                page.cell(row=1, column=place).font = Font(bold=True)
    page.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(column: object, number: int, item: BatchItem, bound: BoundPolicy) -> str:
    with translation.override("zh-hans"):
        return batch_reads.cell(column, number, item.application, bound)  # type: ignore[arg-type]


def package(batch: Batch, *, actor: Actor, at: datetime) -> tuple[str, Iterator[bytes]] | RenderJob:
    """Name and bytes of the package if every report of it is made, else the job that makes them. Raises NotVisible."""
    bound = calls.rules_of(batch.call)
    table, items = _table(bound), batch_reads.live(batch_reads.items_of(batch))
    made = _reports(items)
    if len(made) < len(items):
        found = rendering.ask(kind=KIND, subject=batch.reference, digest=batch.digest, actor=actor, at=at)
        assert isinstance(found, RenderJob)  # it leaves no blob of its own
        return found
    files: list[tuple[str, Blob | bytes]] = [(name_of(batch, "xlsx"), _workbook(batch, table, bound, items))]
    with translation.override("zh-hans"):
        folder = _("Evidence")
    evidence = _evidence(items)
    for number, item in enumerate(items, start=1):
        unit = attachments.safe_name(f"{number:03d}-{item.application.name}")
        files.append((f"{unit}/{attachments.safe_name(f'{item.application.name}.pdf')}", made[item.application_id]))
        for place, blob in enumerate(evidence.get(item.application.report_id, ()), start=1):
            files.append((f"{unit}/{folder}/{attachments.safe_name(f'{place:03d}-{blob.name}')}", blob))
    return name_of(batch, "zip"), archives.zipped(files)


def _newest(item: BatchItem) -> ReportVersion:
    """The newest declared report of a unit."""
    return max(item.application.report.versions.all(), key=lambda one: one.number)


def _digests(items: list[BatchItem]) -> dict[int, str]:
    return {item.application_id: _newest(item).digest for item in items}


def _reports(items: list[BatchItem]) -> dict[int, Blob]:
    wanted = _digests(items)
    rows = Document.objects.filter(application__in=wanted, kind=reports.KIND, format="pdf", batch=None)
    return {
        row.application_id: row.blob
        for row in rows.select_related("blob")
        if row.application_id and row.data_digest == wanted[row.application_id]
    }


def _evidence(items: list[BatchItem]) -> dict[int, list[Blob]]:
    """Clean files that were declared with the reports, in the order they were added; what a correction adds or removes
    is the applicant's own until it is declared (R1).
    """
    declared = {item.application.report_id: _newest(item).declared_at for item in items}
    rows = Evidence.objects.filter(report__in=declared, blob__scan=Blob.Scan.CLEAN)
    found: dict[int, list[Blob]] = {}
    for row in rows.select_related("blob").order_by("report", "pk"):
        at = declared[row.report_id]
        if row.added_at <= at and (row.removed_at is None or row.removed_at > at):
            found.setdefault(row.report_id, []).append(row.blob)
    return found


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    batch = batch_reads.get(organisations.acting(job.user_id, job.capacity, clock.china_date(at)), job.subject)
    if batch.frozen is None or batch.digest != job.digest:
        raise reports.changed()
    items = batch_reads.live(batch_reads.items_of(batch))
    digests, there = _digests(items), _reports(items)
    for number, item in enumerate(items):
        tick(number, len(items))
        if item.application_id not in there:
            reports.kept(item.application, digests[item.application_id], at=at)
    tick(len(items), len(items))

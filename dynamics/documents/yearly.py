"""审核意见报告 (HLJ-28) as PDF from its frozen data; the board of a cycle as a workbook."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from dynamics.documents.exports import Table
from dynamics.models import OpinionReport, YearlyReport
from dynamics.selectors import boards, cycles, yearly
from greenlist.accounts.models import Area
from greenlist.core import attachments, clock, rendering
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible, Refused
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Category

KIND = "yearly-opinion"
TEMPLATE = "dynamics/print_opinion.html"
CHINESE = "zh-hans"


# ---- the opinion report -----------------------------------------------------------------------------------------------
def report_of(actor: Actor, reference: str, pk: int) -> OpinionReport:
    """The authorities' own work: officials read it. Raises NotVisible."""
    if not actor.is_official:
        raise NotVisible
    table = cycles.table_of(actor, reference)
    row = OpinionReport.objects.filter(report=table, pk=pk).select_related("report").first()
    if row is None:
        raise NotVisible
    return row


def file(row: OpinionReport, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    return rendering.ask(
        kind=KIND, subject=row.report.reference, part=str(row.pk), digest=row.digest, actor=actor, at=at
    )


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    row = report_of(actor, job.subject, int(job.part))
    if digest_of(row.data) != job.digest:
        raise Refused(_("The opinion report has changed."), code="changed")
    return attachments.store_bytes(name=name_of(row), content=content(row), content_type="application/pdf", at=at)


def content(row: OpinionReport) -> bytes:
    with translation.override(CHINESE):
        category = str(Category(row.data["category"]).label)
        on = date.fromisoformat(row.data["on"])
        return render_pdf(TEMPLATE, {"data": row.data, "row": row, "category": category, "on": on})


def name_of(row: OpinionReport) -> str:
    return attachments.safe_name(f"{row.report.name}-审核意见报告.pdf")


# ---- the board --------------------------------------------------------------------------------------------------------
def _title() -> str:
    return _("Tables")


def _head() -> list[str]:
    return [
        _("Name"),
        _("Unified social credit code"),
        _("Place"),
        _("List"),
        _("State"),
        _("Last day"),
        _("Handed in"),
        _("With"),
        _("Why not"),
    ]


def _rows(actor: Actor, subject: str, given: Mapping[str, str], on: date) -> QuerySet[YearlyReport]:
    """What the board of a cycle shows under these filters."""
    rows = boards.filtered(actor, cycles.cycle_of(actor, subject), boards.Filters(**given), on)
    rows = rows.select_related("desk", "cycle__rules__rule_set", "organisation").defer(*cycles.HEAVY_OF_TABLE)
    return rows.order_by("area_path", "pk")


def _lines(rows: Iterable[YearlyReport], actor: Actor, on: date) -> Iterator[list[str]]:
    names = dict(Area.objects.filter(path__startswith=actor.area_path).values_list("path", "full_name"))
    for row in rows:
        yield [
            row.name,
            row.code,
            names.get(row.area_path, ""),
            str(Category(row.category).label),
            yearly.state_label(row, on),
            row.due_on.isoformat(),
            clock.china_date(row.filed_at).isoformat() if row.filed_at else "",
            row.desk.name if row.desk else "",
            yearly.exempt_words(row),
        ]


BOARD = Table("yearly-board", _title, (36, 22, 24, 20, 14, 14, 14, 30, 40), _head, _rows, _lines)

"""备案材料 as PDF, XLSX and a ZIP of both, from what was frozen when it was handed over for signature."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook

from dynamics.documents.exports import DIRECT
from dynamics.models import CultivationFiling
from dynamics.selectors import filings as reads
from dynamics.states import CultivationState
from greenlist.core import archives, attachments, clock, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Category

KIND = "cultivation-filing"
CHINESE = "zh-hans"
LIBRARY = (
    ("name", "单位名称"),
    ("code", "统一社会信用代码"),
    ("area", "所在地"),
    ("category", "拟申报名单"),
    ("state", "状态"),
    ("plan", "培育计划"),
    ("responsible", "责任人"),
    ("library", "建库单位"),
)
LISTED = (
    ("name", "单位名称"),
    ("code", "统一社会信用代码"),
    ("area", "所在地"),
    ("list", "名单"),
    ("year", "年度"),
    ("listed_on", "列入日期"),
)


def name_of(row: CultivationFiling, format_: str) -> str:
    return attachments.safe_name(f"{row.authority.name}-{row.year}年度绿色制造培育备案材料.{format_}")


def package(row: CultivationFiling, *, actor: Actor, at: datetime) -> tuple[str, Iterator[bytes]] | RenderJob:
    """Name and bytes of the ZIP once its papers are made, else the job that makes one. Raises NotVisible (nothing frozen yet)."""
    if row.frozen is None:
        raise NotVisible
    files: list[tuple[str, Blob | bytes]] = []
    for part, format_, kept in (("", "pdf", row.pdf), ("xlsx", "xlsx", None if is_long(row) else workbook(row))):
        found = kept or rendering.ask(
            kind=KIND, subject=row.reference, digest=row.digest, part=part, actor=actor, at=at
        )
        if isinstance(found, RenderJob):
            return found
        files.append((name_of(row, format_), found))
    return name_of(row, "zip"), archives.zipped(files)


def is_long(row: CultivationFiling) -> bool:
    """Whether writing its workbook takes too long for a request."""
    frozen = row.frozen or {}
    return len(frozen.get("library", ())) + len(frozen.get("list", ())) > DIRECT


def workbook(row: CultivationFiling) -> bytes:
    """A sheet with the plan, one for the library, one for the list; every cell text."""
    frozen = row.frozen or {}
    book = Workbook(write_only=True)
    plan = str(frozen.get("plan", "")).splitlines() or [""]
    workbooks.add_sheet(book, "培育计划", (100,), (), ([line] for line in plan))
    for title, columns, rows in (("培育库", LIBRARY, "library"), ("市级名单", LISTED, "list")):
        heads = [label for _key, label in columns]
        lines = ([str(told.get(key, "")) for key, _label in columns] for told in shown(frozen.get(rows, [])))
        workbooks.add_sheet(book, title, (24,) * len(columns), heads, lines)
    with workbooks.written(book) as file:
        return file.read()


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines as they are printed: keys of lists and states in words."""
    with translation.override(CHINESE):
        kinds = {one.value: str(one.label) for one in Category}
        states = {one.value: str(one.label) for one in CultivationState}
        return [
            {
                **line,
                "category": kinds.get(line.get("category", ""), ""),
                "state": states.get(line.get("state", ""), ""),
            }
            for line in rows
        ]


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    """PDF or workbook; the PDF is kept with the filing once it is sent, with the job before."""
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    row = reads.one(actor, job.subject)
    if row.frozen is None or row.digest != job.digest:
        raise NotVisible
    if job.part == "xlsx":
        name, body = name_of(row, "xlsx"), workbook(row)
        return attachments.store_bytes(name=name, content=body, content_type=workbooks.XLSX, at=at)
    context = {
        "filing": row,
        "frozen": row.frozen,
        "library": shown(row.frozen["library"]),
        "listed": row.frozen["list"],
        "digest": row.digest,
    }
    with translation.override(CHINESE):
        body = render_pdf("dynamics/print_filing.html", context, tick=tick)
    blob = attachments.store_bytes(name=name_of(row, "pdf"), content=body, content_type="application/pdf", at=at)
    if row.sent_at is not None:
        CultivationFiling.objects.filter(pk=row.pk, pdf=None).update(pdf=blob)
    return blob


def title() -> str:
    return _("Cultivation filing")

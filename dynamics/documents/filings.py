"""备案材料 as PDF, XLSX and a ZIP of both, from what was frozen when it was handed over for signature."""

import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook

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
    """Name and bytes of the ZIP once its PDF is made, else the job that makes it. Raises NotVisible (nothing frozen yet)."""
    if row.frozen is None:
        raise NotVisible
    if row.pdf is None:
        found = rendering.ask(kind=KIND, subject=row.reference, digest=row.digest, actor=actor, at=at)
        if isinstance(found, Blob):
            return _zip(row, found)
        return found
    return _zip(row, row.pdf)


def _zip(row: CultivationFiling, pdf: Blob) -> tuple[str, Iterator[bytes]]:
    files: list[tuple[str, Blob | bytes]] = [(name_of(row, "pdf"), pdf), (name_of(row, "xlsx"), workbook(row))]
    return name_of(row, "zip"), archives.zipped(files)


def workbook(row: CultivationFiling) -> bytes:
    """One sheet for the library, one for the list, every cell text; a sheet with the plan."""
    frozen = row.frozen or {}
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "培育计划"
    for number, line in enumerate(str(frozen.get("plan", "")).splitlines() or [""], start=1):
        workbooks.put(first.cell(row=number, column=1), line)
    first.column_dimensions["A"].width = 100
    for title, columns, rows in (
        ("培育库", LIBRARY, frozen.get("library", [])),
        ("市级名单", LISTED, frozen.get("list", [])),
    ):
        sheet = book.create_sheet(title)
        for place, (_key, label) in enumerate(columns, start=1):
            workbooks.put(sheet.cell(row=1, column=place), label)
        for number, told in enumerate(shown(rows), start=2):
            for place, (key, _label) in enumerate(columns, start=1):
                workbooks.put(sheet.cell(row=number, column=place), str(told.get(key, "")))
        sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


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
    """The PDF; kept with the filing once it is sent, with the job before."""
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    row = reads.one(actor, job.subject)
    if row.frozen is None or row.digest != job.digest:
        raise NotVisible
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

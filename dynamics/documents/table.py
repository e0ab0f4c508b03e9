"""动态管理表 as an official paper: what was declared, what was doubtful and why it is right, what the checks said of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.utils import translation
from django.utils.translation import gettext as _

from applications.models import Figure
from applications.selectors import standards
from applications.selectors.shown import ShownField, ShownSection
from dynamics.models import YearlyReport
from dynamics.selectors import cycles, trends, yearly
from greenlist.core import attachments, clock, rendering
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible, Refused
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import Form

KIND = "yearly-table"
TEMPLATE = "dynamics/print_yearly.html"
CHINESE = "zh-hans"


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure with what was declared for an earlier year."""

    field: ShownField
    before: str
    year: str


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring fields that are printed alike: "text" | "figure" | "table"."""

    kind: str
    fields: tuple[ShownField, ...]
    figures: tuple[FigureLine, ...] = ()

    @property
    def has_before(self) -> bool:
        """Whether anything is known of an earlier year."""
        return any(line.before for line in self.figures)


@dataclass(frozen=True, slots=True)
class Part:
    title: str
    blocks: tuple[Block, ...]


# ---- asked for by pages -------------------------------------------------------------------------------------------------
def file(actor: Actor, reference: str, *, at: datetime) -> tuple[str, Blob | RenderJob]:
    """Name and paper of the table as it was declared last. Raises NotVisible, also while nothing was declared."""
    table = cycles.table_of(actor, reference)
    found = rendering.ask(kind=KIND, subject=table.reference, digest=digest_now(table), actor=actor, at=at)
    return name_of(table), found


def name_of(table: YearlyReport) -> str:
    with translation.override(CHINESE):
        return attachments.safe_name(f"{table.name}-{yearly.title_of(table)}.pdf")


def digest_now(table: YearlyReport) -> str:
    """Of everything that the paper prints. Raises NotVisible while nothing was declared."""
    version = yearly.last_version(table)
    if version is None:
        raise NotVisible
    opinions = table.opinions.order_by("pk").values_list("pk", flat=True)
    return digest_of([KIND, version.digest, table.name, table.state, table.due_on.isoformat(), list(opinions)])


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    table = cycles.table_of(actor, job.subject)
    if digest_now(table) != job.digest:
        raise Refused(_("What the document shows has changed meanwhile."), code="changed")
    body = content(actor, table.reference, at=at)
    return attachments.store_bytes(name=name_of(table), content=body, content_type="application/pdf", at=at)


def content(actor: Actor, reference: str, *, at: datetime) -> bytes:
    """Raises NotVisible, PdfFailed, PdfUnavailable."""
    with translation.override(CHINESE):
        page = yearly.table_page(actor, reference, clock.china_date(at))
        if page.version is None or page.table.report is None:
            raise NotVisible
        form = standards.form_of(page.table.report, page.bound)
        before = yearly.figures_before(page.table, form, page.version.declared_at)
        context = {
            "page": page,
            "table": page.table,
            "rules": page.bound.header.title.zh,
            "parts": tuple(parts(form, page.sections, before)),
            "doubts": yearly.explained(page.table, page.version, form, before),
            "opinions": tuple(reversed(page.opinions)),
            "unverified": form.unverified,
            "source": form.source.zh,
        }
        return render_pdf(TEMPLATE, context)


def parts(form: Form, sections: Iterable[ShownSection], before: dict[str, Figure]) -> Iterable[Part]:
    """The sections without what nobody filled in: the paper has no empty lines and columns."""
    for section in sections:
        given = [one for one in section.fields if not one.is_empty]
        blocks = tuple(_block(form, kind, tuple(rows), before) for kind, rows in groupby(given, key=_kind))
        if blocks:
            yield Part(section.title, blocks)


def _kind(one: ShownField) -> str:
    if one.table or one.work:
        return "table"
    return "figure" if one.unit and one.type in ("number", "computed") else "text"


def _block(form: Form, kind: str, fields: tuple[ShownField, ...], before: dict[str, Figure]) -> Block:
    lines = (_line(form, one, before.get(one.path)) for one in fields) if kind == "figure" else ()
    return Block(kind, fields, tuple(lines))


def _line(form: Form, one: ShownField, known: Figure | None) -> FigureLine:
    if known is None:
        return FigureLine(one, "", "")
    return FigureLine(one, trends.amount_text(form.field(one.path), known.value), str(known.year))

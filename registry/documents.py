"""Notices, announcements and certificates as official documents, and downloads of the list. Rendered once per frozen data."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from greenlist.core import attachments, audit, limits, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import qr_data, render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.http import whole
from greenlist.core.models import Blob, RenderJob
from registry import selectors
from registry.models import Announcement, Certificate, Document, Listing, Notice

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Paper:
    """One document to be: what it prints and the row it is kept under."""

    kind: str
    subject: str
    name: str
    template: str
    data: Any  # what the digest is taken of
    context: dict[str, Any]
    row: dict[str, Any]
    part: str = ""  # version of a corrected announcement

    @property
    def digest(self) -> str:
        return audit.digest_of(self.data)


# ---- asked for by pages: all three are public ---------------------------------------------------------------------------
def notice_pdf(notice: Notice, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The notice as published; one file per published state."""
    return _wanted(_notice(notice), actor=actor, at=at)


def announcement_pdf(
    announcement: Announcement, *, actor: Actor, at: datetime, version: int | None = None
) -> Blob | RenderJob:
    """The announcement from its frozen data: the newest version, or an older one. Raises NotVisible."""
    return _wanted(_announcement(announcement, version), actor=actor, at=at)


def certificate_pdf(certificate: Certificate, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The certificate as issued; made at its first use and never again, so that its SHA-256 tells it (docs/adr/0006)."""
    if certificate.blob is not None:
        return certificate.blob
    return rendering.ask(
        kind="certificate", subject=certificate.token, digest=certificate.data_digest, actor=actor, at=at
    )


def _wanted(paper: Paper, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    found = _found(paper)
    if found is not None:
        return found
    return rendering.ask(
        kind=paper.kind, subject=paper.subject, part=paper.part, digest=paper.digest, actor=actor, at=at
    )


def _found(paper: Paper) -> Blob | None:
    rows = Document.objects.filter(kind=paper.kind, format="pdf", data_digest=paper.digest, **paper.row)
    row = rows.select_related("blob").order_by("pk").first()
    return row.blob if row else None


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker("notice")
def _make_notice(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    _made(_notice(selectors.public_notice(*job.subject.split("/", 1))), at=at, tick=tick)


@rendering.maker("announcement")
def _make_announcement(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    found = selectors.public_announcement(*job.subject.split("/", 1))
    _made(_announcement(found, whole(job.part)), at=at, tick=tick)


@rendering.maker("certificate")
def _make_certificate(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    issue(selectors.certificate(job.subject), at=at)


def issue(certificate: Certificate, *, at: datetime) -> Blob:
    """The file of the certificate; its QR code leads to the live state of the listing. Two at once end with one file."""
    if certificate.blob is not None:
        return certificate.blob
    link = f"{settings.PUBLIC_URL}{reverse('registry:certificate', args=[certificate.token])}"
    context = {
        "certificate": certificate,
        "listing": certificate.listing,
        "words": selectors.certificate_words(certificate),
        "qr": qr_data(link),
        "link": link,
    }
    body = render_pdf("registry/print_certificate.html", context)
    blob = attachments.store_bytes(name=f"{certificate.number}.pdf", content=body, content_type=PDF, at=at)
    Certificate.objects.filter(pk=certificate.pk, blob=None).update(blob=blob)
    return Blob.objects.get(pk=Certificate.objects.values_list("blob", flat=True).get(pk=certificate.pk))


def _made(paper: Paper, *, at: datetime, tick: rendering.Tick) -> Blob:
    """The stored file for this data, made now if it is the first time."""
    found = _found(paper)
    if found is not None:
        return found
    context = {**paper.context, "qr": qr_data(paper.context["link"]), "digest": paper.digest}
    body = render_pdf(paper.template, context, tick=tick)
    blob = attachments.store_bytes(name=f"{paper.name}.pdf", content=body, content_type=PDF, at=at)
    Document.objects.create(
        kind=paper.kind, format="pdf", data_digest=paper.digest, blob=blob, created_at=at, **paper.row
    )
    return blob


def _notice(notice: Notice) -> Paper:
    slug = notice.authority.area.slug
    data = {
        "title": notice.title,
        "text": notice.text,
        "starts": str(notice.starts_on),
        "ends": str(notice.ends_on),
        "units": [[item.position, item.name, item.area_name] for item in notice.items.all()],
    }
    return Paper(
        kind="notice",
        subject=f"{slug}/{notice.reference}",
        name=notice.title,
        template="registry/print_notice.html",
        data=data,
        context={"notice": notice, "link": _link("registry:notice", slug, notice.reference)},
        row={"notice": notice},
    )


def _announcement(announcement: Announcement, number: int | None = None) -> Paper:
    version = selectors.version(announcement, number)
    slug = announcement.listbook.owner.area.slug
    link = _link("registry:announcement_public", slug, announcement.reference)
    return Paper(
        kind="announcement",
        subject=f"{slug}/{announcement.reference}",
        name=announcement.title,
        template="registry/print_announcement.html",
        data=version.frozen,
        context={"announcement": announcement, "version": version, "link": link},
        row={"announcement": announcement},
        part="" if version.number == 1 else str(version.number),
    )


def _link(name: str, *arguments: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=arguments)}"


def notice_text(notice: Notice) -> str:
    """Title, text, period and units as plain Chinese text, to paste into the bureau's own site."""
    with translation.override("zh-hans"):
        return render_to_string("registry/notice.txt", {"notice": notice})


# ---- downloads of the list ------------------------------------------------------------------------------------------
def _head() -> list[str]:
    return [
        _("Unit"),
        _("Credit code"),
        _("Place"),
        _("Industry"),
        _("List"),
        _("Year"),
        _("Batch"),
        _("Listed on"),
        _("State"),
    ]


def _cells(row: Listing) -> list[str]:
    return [
        row.name,
        row.code,
        row.area_name,
        row.industry_name,
        row.listbook.title,
        str(row.year),
        str(row.ordinal or ""),
        row.listed_on.isoformat(),
        str(row.get_state_display()),
    ]


def list_download(rows: QuerySet[Listing], kind: str, *, actor: Actor, at: datetime) -> HttpResponseBase:
    """The found listings as xlsx, csv or json; open to all and long work, so tries are counted.

    Raises NotVisible for another kind, TooMany.
    """
    makers: dict[str, Callable[[Iterable[Listing]], HttpResponseBase]] = {"xlsx": _xlsx, "csv": _csv, "json": _json}
    if kind not in makers:
        raise NotVisible
    with suppress(DatabaseError, InterfaceError):  # read from the copy while the database is away: nobody counts then
        limits.take("download", actor=actor, at=at)
    response = makers[kind](rows.iterator(chunk_size=2000))  # never the whole list in memory
    response["Content-Disposition"] = f'attachment; filename="green-list.{kind}"'
    return response


def _xlsx(rows: Iterable[Listing]) -> HttpResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("List"))
    for width, letter in zip((36, 22, 14, 24, 30, 8, 8, 12, 12), "ABCDEFGHI", strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    for line in [_head(), *(_cells(row) for row in rows)]:
        sheet.append([_text_cell(sheet, text) for text in line])
    out = io.BytesIO()
    book.save(out)
    return HttpResponse(out.getvalue(), content_type=workbooks.XLSX)


def _text_cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=workbooks.safe(text))
    cell.data_type = "s"
    return cell


def _csv(rows: Iterable[Listing]) -> StreamingHttpResponse:
    class Echo:
        def write(self, text: str) -> str:
            return text

    writer = csv.writer(Echo())

    def lines() -> Iterator[str]:
        yield "\ufeff"  # spreadsheets on office machines take UTF-8 only with its mark
        yield writer.writerow(_head())
        for row in rows:
            yield writer.writerow([workbooks.safe(text) for text in _cells(row)])

    return StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")


def _json(rows: Iterable[Listing]) -> HttpResponse:
    names = ("name", "code", "place", "industry", "list", "year", "batch", "listed_on", "state")
    body = [dict(zip(names, _cells(row), strict=True)) | {"state": row.state} for row in rows]
    return HttpResponse(json.dumps(body, ensure_ascii=False), content_type="application/json; charset=utf-8")

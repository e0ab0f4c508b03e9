"""Notices, announcements and certificates as official documents, and downloads of the list. Rendered once per frozen data."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.db import DatabaseError, InterfaceError
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from greenlist.core import attachments, audit, limits, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import qr_data, render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.http import whole
from greenlist.core.models import Blob, RenderJob
from registry import selectors
from registry.models import Announcement, Bulletin, Certificate, Document, Notice
from registry.states import ListingState

PDF = "application/pdf"
LIST = "list"  # workbooks of the public list
DIRECT = 2000  # lines of a workbook that are written within the request: a fraction of a second


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


def bulletin_pdf(bulletin: Bulletin, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The bulletin from its frozen data."""
    return _wanted(_bulletin(bulletin), actor=actor, at=at)


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


@rendering.maker("bulletin")
def _make_bulletin(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    _made(_bulletin(selectors.public_bulletin(*job.subject.split("/", 1))), at=at, tick=tick)


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


def _bulletin(bulletin: Bulletin) -> Paper:
    slug = bulletin.listbook.owner.area.slug
    return Paper(
        kind="bulletin",
        subject=f"{slug}/{bulletin.reference}",
        name=bulletin.title,
        template="registry/print_bulletin.html",
        data=bulletin.frozen,
        context={"bulletin": bulletin, "link": _link("registry:bulletin", slug, bulletin.reference)},
        row={"bulletin": bulletin},
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


WIDTHS = (36, 22, 14, 24, 30, 8, 8, 12, 12)
FIELDS = (
    *("name", "code", "area_name", "industry_name", "listbook__title"),
    *("year", "ordinal", "listed_on", "state"),
)
Line = tuple[Any, ...]  # as FIELDS


def _lines(given: Mapping[str, Any]) -> Iterator[Line]:
    """Never the whole list in memory, and no model objects: nine values a line."""
    return selectors.all_found(given).values_list(*FIELDS).iterator(chunk_size=2000)


def _as_text(lines: Iterable[Line]) -> Iterator[list[str]]:
    labels = {state.value: str(state.label) for state in ListingState}
    for *words, year, ordinal, listed_on, state in lines:
        yield [*words, str(year), str(ordinal or ""), listed_on.isoformat(), labels[state]]


def list_download(
    given: Mapping[str, Any], kind: str, *, actor: Actor, at: datetime, polled: bool = False
) -> HttpResponseBase | Blob | RenderJob:
    """The found listings as xlsx, csv or json; open to all and long work, so tries are counted.

    CSV and JSON are handed on while they are read; a workbook of more than DIRECT lines is made by the worker. `polled`: the
    waiting page asks, which is no new try. Raises NotVisible for another kind, TooMany.
    """
    if kind not in TABLES:
        raise NotVisible
    try:
        if not polled:
            limits.take("download", actor=actor, at=at)
    except (
        DatabaseError,
        InterfaceError,
    ):  # read from the copy while the database is away: nobody counts or waits then
        return _direct(given, kind)
    if kind != "xlsx" or not selectors.is_longer(given, DIRECT):
        return _direct(given, kind)
    language = translation.get_language() or settings.LANGUAGE_CODE
    filters = {key: str(given[key]) for key in sorted(given)}
    stand = {"filters": filters, "lines": selectors.newest_line(), "hour": f"{at:%Y%m%d%H}"}
    digest = audit.digest_of(stand)
    return rendering.ask(kind=LIST, subject="", part=language, digest=digest, actor=actor, at=at, params=filters)


def _direct(given: Mapping[str, Any], kind: str) -> HttpResponseBase:
    rows = _lines(given)
    response: HttpResponseBase
    if kind == "xlsx":
        response = FileResponse(_xlsx(rows), content_type=workbooks.XLSX)
    else:
        chunks, content_type = TABLES[kind]
        response = StreamingHttpResponse(chunks(rows), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="green-list.{kind}"'
    return response


@rendering.maker(LIST)
def _make_list(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    """The workbook of all lines that the filters find; the language is that of the page."""
    given = selectors.clean_filters(job.params or {})
    total = -(-selectors.all_found(given).count() // 1000)
    with translation.override(job.part), _xlsx(_lines(given), tick=partial(tick, total=total)) as file:
        return attachments.store_made(name="green-list.xlsx", body=File(file), content_type=workbooks.XLSX, at=at)


def _xlsx(rows: Iterable[Line], tick: Callable[..., None] | None = None) -> IO[bytes]:
    return workbooks.of_lines(_("List"), WIDTHS, _head(), _as_text(rows), tick)


def _csv(rows: Iterable[Line]) -> Iterator[str]:
    class Echo:
        def write(self, text: str) -> str:
            return text

    writer = csv.writer(Echo())
    yield "\ufeff"  # spreadsheets on office machines take UTF-8 only with its mark
    yield writer.writerow(_head())
    for line in _as_text(rows):
        yield writer.writerow([workbooks.safe(text) for text in line])


def _json(rows: Iterable[Line]) -> Iterator[str]:
    names = ("name", "code", "place", "industry", "list", "year", "batch", "listed_on", "state")
    before = "["
    for row in rows:
        line = dict(zip(names, next(_as_text([row])), strict=True)) | {"state": row[-1]}
        yield before + json.dumps(line, ensure_ascii=False)
        before = ","
    yield "[]" if before == "[" else "]"


TABLES: dict[str, tuple[Callable[[Iterable[Line]], Iterator[str]], str]] = {
    "csv": (_csv, "text/csv; charset=utf-8"),
    "json": (_json, "application/json; charset=utf-8"),
    "xlsx": (_csv, ""),  # made otherwise
}

"""Notices, announcements and certificates as official documents, and downloads of the list. Rendered once per frozen data."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from greenlist.core import attachments, audit
from greenlist.core.documents import qr_data, render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from registry import selectors
from registry.models import Announcement, Certificate, Document, Listing, Notice

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that starts so would run on the reader's computer


def notice_pdf(notice: Notice, *, at: datetime) -> Blob:
    """The notice as published; one file per published state."""
    data = {
        "title": notice.title,
        "text": notice.text,
        "starts": str(notice.starts_on),
        "ends": str(notice.ends_on),
        "units": [[item.position, item.name, item.area_name] for item in notice.items.all()],
    }
    context = {"notice": notice, "link": _link("registry:notice", notice.authority.area.slug, notice.reference)}
    return _rendered({"notice": notice}, "notice", data, "registry/print_notice.html", context, notice.title, at)


def announcement_pdf(announcement: Announcement, *, at: datetime) -> Blob:
    """The announcement from its frozen data."""
    context = {
        "announcement": announcement,
        "link": _link("registry:announcement_public", announcement.listbook.owner.area.slug, announcement.reference),
    }
    data = announcement.frozen or {}
    owner = {"announcement": announcement}
    return _rendered(owner, "announcement", data, "registry/print_announcement.html", context, announcement.title, at)


def certificate_pdf(certificate: Certificate, *, at: datetime) -> Blob:
    """The certificate, rendered at its first use; its QR code leads to the live state of the listing."""
    if certificate.blob is not None:
        return certificate.blob
    link = f"{settings.PUBLIC_URL}{reverse('registry:certificate', args=[certificate.token])}"
    body = render_pdf(
        "registry/print_certificate.html",
        {
            "certificate": certificate,
            "listing": certificate.listing,
            "words": selectors.certificate_words(certificate),
            "qr": qr_data(link),
            "link": link,
        },
    )
    blob = attachments.store_bytes(
        name=f"{certificate.number}.pdf", content=body, content_type="application/pdf", at=at
    )
    Certificate.objects.filter(pk=certificate.pk, blob=None).update(blob=blob)
    return blob


def _link(name: str, *arguments: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=arguments)}"


def _rendered(
    owner: dict[str, Any], kind: str, data: Any, template: str, context: dict[str, Any], title: str, at: datetime
) -> Blob:
    """The stored file for this data, made now if it is the first time."""
    digest = audit.digest_of(data)
    kept = Document.objects.filter(kind=kind, format="pdf", data_digest=digest, **owner).select_related("blob").first()
    if kept is not None:
        return kept.blob
    body = render_pdf(template, {**context, "qr": qr_data(context["link"]), "digest": digest})
    blob = attachments.store_bytes(name=f"{title}.pdf", content=body, content_type="application/pdf", at=at)
    try:
        with transaction.atomic():
            Document.objects.create(kind=kind, format="pdf", data_digest=digest, blob=blob, created_at=at, **owner)
    except IntegrityError:  # somebody else rendered it at the same moment; both files say the same
        pass
    return blob


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


def safe(text: str) -> str:
    """A cell text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def list_download(rows: Iterable[Listing], kind: str) -> HttpResponseBase:
    """The found listings as xlsx, csv or json. Raises NotVisible for another kind."""
    makers: dict[str, Callable[[Iterable[Listing]], HttpResponseBase]] = {"xlsx": _xlsx, "csv": _csv, "json": _json}
    if kind not in makers:
        raise NotVisible
    response = makers[kind](rows)
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
    return HttpResponse(
        out.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )


def _text_cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=safe(text))
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
            yield writer.writerow([safe(text) for text in _cells(row)])

    return StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")


def _json(rows: Iterable[Listing]) -> HttpResponse:
    names = ("name", "code", "place", "industry", "list", "year", "batch", "listed_on", "state")
    body = [dict(zip(names, _cells(row), strict=True)) | {"state": row.state} for row in rows]
    return HttpResponse(json.dumps(body, ensure_ascii=False), content_type="application/json; charset=utf-8")

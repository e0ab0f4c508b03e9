"""Filings on the national platform: what is not filed yet, the workbook and the files, numbers and times."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from applications.documents import platform as papers
from applications.forms.platform import COLUMNS, ColumnForm, NumberForm, read
from applications.selectors import batches as batch_reads
from applications.selectors import platform as reads
from applications.services import platform
from greenlist.core import archives, clock, waiting, workbooks
from greenlist.core.documents import response
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import whole
from greenlist.core.models import RenderJob
from greenlist.core.sheets import ImportRefused

WRONG = 422


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Calls whose units are filed on the platform, with what is still open."""
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.is_official:
        raise NotAllowed(platform.OFFICIALS_ONLY)
    rows = [(one, one.is_late(clock.now())) for one in reads.filings(actor)]
    return render(request, "applications/platform.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
def call(request: HttpRequest, pk: int) -> HttpResponse:
    """One call: units that are not filed yet, its batches' packages, and a column of numbers taken in whole."""
    actor, at = request.actor, clock.now()  # type: ignore[attr-defined]
    found = reads.filing(actor, pk)
    sent = request.method == "POST"
    form = ColumnForm(request.POST if sent else None, request.FILES if sent else None)
    refused: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            rows, reason = read(*form.content()), form.cleaned_data["reason"]
            count = platform.record_many(actor=actor, at=at, call=pk, rows=rows, reason=reason)
        except ImportRefused as wrong:
            refused = {"problems": wrong.rows[:500], "count": len(wrong.rows)}
        except Invalid as wrong:
            for field, texts in wrong.problems.items():
                for text in texts:
                    form.add_error(field, str(text))
        else:
            messages.success(request, _("Recorded: %(n)s unit(s).") % {"n": count})
            return redirect("applications:platform-call", pk)
    filed = request.GET.get("filed") == "1"
    context = {
        "found": found,
        "late": found.is_late(at),
        "filed": filed,
        "page": reads.units(actor, found.call, filed=filed, after=whole(request.GET.get("after", "")) or 0),
        "batches": reads.signed_batches(actor, found.call),
        "form": form,
        "columns": [COLUMNS[key] for key in ("code", "number", "at", "case")],
        **refused,
    }
    return render(request, "applications/platform_call.html", context, status=WRONG if refused or form.errors else 200)


@require_http_methods(["GET", "POST"])
def number(request: HttpRequest, reference: str) -> HttpResponse:
    """One unit's number and time."""
    actor, at = request.actor, clock.now()  # type: ignore[attr-defined]
    case = reads.case(actor, reference)
    if not actor.is_official:
        raise NotAllowed(platform.OFFICIALS_ONLY)
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            platform.record(actor=actor, at=at, reference=reference, **form.cleaned_data)
        except Invalid as wrong:
            for field, texts in wrong.problems.items():
                for text in texts:
                    form.add_error("filed_at" if field == "at" else field, str(text))
        else:
            messages.success(request, _("Recorded."))
            return redirect("applications:platform-call", case.call_id)
    may = reads.may_record(actor, case)
    context = {"case": case, "form": form, "may": may, "why_not": platform.SENDER_ONLY}
    return render(request, "applications/platform_number.html", context, status=WRONG if form.errors else 200)


@require_GET
def document(request: HttpRequest, reference: str, format_: str) -> HttpResponseBase:
    """The workbook, or the package with all files once every report of it is made."""
    actor, at = request.actor, clock.now()  # type: ignore[attr-defined]
    batch = batch_reads.get(actor, reference)
    if format_ not in ("xlsx", "zip"):
        raise NotVisible
    if batch.frozen is None:
        raise NotAllowed(_("The package exists once the batch is signed."))
    if format_ == "xlsx":
        return response(papers.workbook(batch), papers.name_of(batch, "xlsx"), workbooks.XLSX)
    found = papers.package(batch, actor=actor, at=at)
    if isinstance(found, RenderJob):
        back = reverse("applications:batch", args=[reference])
        return waiting.answer(request, found, at=at, title=papers.name_of(batch, "zip"), back=back)
    return waiting.streamed(request, *found, content_type=archives.TYPE)


urlpatterns: list[URLPattern] = [
    path("platform/", index, name="platform"),
    path("platform/calls/<int:pk>/", call, name="platform-call"),
    path("platform/cases/<str:reference>/", number, name="platform-number"),
    path("platform/batches/<str:reference>.<str:format_>", document, name="platform-document"),
]

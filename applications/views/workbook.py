"""Excel both ways: download the figures of a report, upload them filled in, see what would change, keep it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.documents import workbook as papers
from applications.forms import workbook as sheets
from applications.models import Application
from applications.selectors import drafts as reads
from applications.services import drafts
from applications.states import WITH_APPLICANT
from greenlist.core import attachments, clock, limits
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, WrongState
from greenlist.policy import words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SALT = "applications.workbook"
MAX_AGE = 3600  # seconds from the preview to the last button


@dataclass(frozen=True, slots=True)
class Preview:
    """What the file would change, and the same as the page sends it back."""

    name: str
    sections: tuple[sheets.SectionChange, ...]
    packed: str

    @property
    def stale(self) -> list[sheets.SectionChange]:
        return [one for one in self.sections if one.is_stale]


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


def _case(request: HttpRequest, reference: str) -> Application:
    """The case while it is with the applicant, also for a body it is released to. Raises NotVisible, WrongState."""
    case = reads.case_at_work(_actor(request), reference)
    if case.state not in WITH_APPLICANT:
        raise WrongState(_("What was submitted cannot be changed."))
    return case


@require_GET
def download(request: HttpRequest, reference: str) -> HttpResponse:
    """The prepared workbook with what stands in the draft now."""
    case = _case(request, reference)
    draft = reads.draft_of(case, reads.form_of(case))
    answer = HttpResponse(papers.workbook(case, draft, reads.opened(case)), content_type=XLSX)
    answer["Content-Disposition"] = attachments.disposition(papers.name_of(case))
    return answer


@require_http_methods(["GET", "POST"])
def workbook(request: HttpRequest, reference: str) -> HttpResponse:
    """Both ways on one page; a POST brings the filled-in file and shows what it would change."""
    case = _case(request, reference)
    if request.method == "GET":
        return render(request, "applications/workbook.html", {"case": case, "limit": sheets.MAX_BYTES})
    try:
        preview = _read(request, case)
    except Invalid as refused:
        context = {"case": case, "limit": sheets.MAX_BYTES, "refused": refused}
        return render(request, "applications/workbook.html", context, status=refused.status)
    context = {"case": case, "limit": sheets.MAX_BYTES, "preview": preview}
    status = Conflict.status if preview.stale else 200
    return render(request, "applications/workbook.html", context, status=status)


def _read(request: HttpRequest, case: Application) -> Preview:
    limits.take("upload", actor=_actor(request), at=clock.now())
    upload = request.FILES.get("file")
    if upload is None or not upload.size:
        raise Invalid(_("Choose a file first."))
    content = upload.read(sheets.MAX_BYTES + 1)
    draft = reads.draft_of(case, reads.form_of(case))
    found = sheets.Reader(case, draft, reads.opened(case)).read(content)
    packed = {
        "case": case.reference,
        "user": _actor(request).user_id,
        "sections": [[one.key, one.answers, one.version] for one in found],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return Preview(upload.name or "", found, signing.dumps(packed, salt=SALT, compress=True))


@require_POST
def take(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps what the preview showed: all of it or nothing."""
    case = _case(request, reference)
    packed = _unpacked(request, case)
    given = [(key, answers, version) for key, answers, version in packed["sections"]]
    try:
        drafts.save_sections(
            actor=_actor(request), at=clock.now(), reference=reference, sections=given, digest=packed["sha256"]
        )
    except drafts.EditingConflict as conflict:
        spec = reads.spec_of(reads.form_of(case), conflict.section)
        reason = _("“%(section)s” was changed since the download. Nothing was stored; download the workbook again.")
        raise Conflict(reason % {"section": words.text(spec.title)}) from conflict
    messages.success(request, _("The figures of the workbook were stored."))
    return redirect("applications:fill", reference)


def _unpacked(request: HttpRequest, case: Application) -> dict[str, Any]:
    """What the preview page sent. Raises Invalid when it was another's, was altered or is too old."""
    try:
        packed: dict[str, Any] = signing.loads(request.POST.get("packed", ""), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature as wrong:
        raise Invalid(_("The preview is too old: upload the workbook again.")) from wrong
    if (packed["case"], packed["user"]) != (case.reference, _actor(request).user_id):
        raise Invalid(_("The preview is too old: upload the workbook again."))
    return packed


urlpatterns: list[URLPattern] = [
    path("cases/<str:reference>/workbook/", workbook, name="workbook"),
    path("cases/<str:reference>/workbook.xlsx", download, name="workbook-download"),
    path("cases/<str:reference>/workbook/take/", take, name="workbook-take"),
]

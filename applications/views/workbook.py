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
from applications.selectors import drafts as reads
from applications.selectors.papers import CASE, Paper, fill
from applications.services import drafts
from greenlist.core import attachments, clock, limits
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, WrongState
from greenlist.policy import words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SALT = "applications.workbook.paper"  # another one than when previews named a case
MAX_AGE = 3600  # seconds from the preview to the last button
PAGES = {"page": "workbook", "download": "workbook-download", "take": "workbook-take", "fill": "fill"}


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


def _paper(request: HttpRequest, reference: str, kind: str) -> Paper:
    """The report while it can be filled in, also for a body it is released to. Raises NotVisible, WrongState."""
    paper = fill(kind, _actor(request), reference)
    opened = paper.opened
    if not (opened.everything or opened.paths or opened.correction):
        raise WrongState(_("What was submitted cannot be changed."))
    return paper


@require_GET
def download(request: HttpRequest, reference: str, kind: str = CASE) -> HttpResponse:
    """The prepared workbook with what stands in the draft now."""
    paper = _paper(request, reference, kind)
    draft = reads.draft_of_report(paper.report, paper.form)
    answer = HttpResponse(papers.workbook(paper, draft, paper.opened), content_type=XLSX)
    answer["Content-Disposition"] = attachments.disposition(papers.name_of(paper))
    return answer


@require_http_methods(["GET", "POST"])
def workbook(request: HttpRequest, reference: str, kind: str = CASE) -> HttpResponse:
    """Both ways on one page; a POST brings the filled-in file and shows what it would change."""
    paper = _paper(request, reference, kind)
    context: dict[str, Any] = {
        "paper": paper,
        "limit": sheets.MAX_BYTES,
        "urls": {name: paper.url(page) for name, page in PAGES.items()},
    }
    if request.method == "GET":
        return render(request, "applications/workbook.html", context)
    try:
        preview = _read(request, paper)
    except Invalid as refused:
        return render(request, "applications/workbook.html", {**context, "refused": refused}, status=refused.status)
    status = Conflict.status if preview.stale else 200
    return render(request, "applications/workbook.html", {**context, "preview": preview}, status=status)


def _read(request: HttpRequest, paper: Paper) -> Preview:
    limits.take("upload", actor=_actor(request), at=clock.now())
    upload = request.FILES.get("file")
    if upload is None or not upload.size:
        raise Invalid(_("Choose a file first."))
    content = upload.read(sheets.MAX_BYTES + 1)
    draft = reads.draft_of_report(paper.report, paper.form)
    found = sheets.Reader(paper, draft, paper.opened).read(content)
    packed = {
        "paper": [paper.kind, paper.reference],
        "user": _actor(request).user_id,
        "sections": [[one.key, one.answers, one.version] for one in found],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return Preview(upload.name or "", found, signing.dumps(packed, salt=SALT, compress=True))


@require_POST
def take(request: HttpRequest, reference: str, kind: str = CASE) -> HttpResponse:
    """Keeps what the preview showed: all of it or nothing."""
    paper = _paper(request, reference, kind)
    packed = _unpacked(request, paper)
    given = [(key, answers, version) for key, answers, version in packed["sections"]]
    try:
        drafts.save_sections(
            actor=_actor(request),
            at=clock.now(),
            reference=reference,
            sections=given,
            digest=packed["sha256"],
            kind=kind,
        )
    except drafts.EditingConflict as conflict:
        spec = reads.spec_of(paper.form, conflict.section)
        reason = _("“%(section)s” was changed since the download. Nothing was stored; download the workbook again.")
        raise Conflict(reason % {"section": words.text(spec.title)}) from conflict
    messages.success(request, _("The figures of the workbook were stored."))
    return redirect(paper.url("fill"))


def _unpacked(request: HttpRequest, paper: Paper) -> dict[str, Any]:
    """What the preview page sent. Raises Invalid when it was another's, was altered or is too old."""
    try:
        packed: dict[str, Any] = signing.loads(request.POST.get("packed", ""), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature as wrong:
        raise Invalid(_("The preview is too old: upload the workbook again.")) from wrong
    if (packed["paper"], packed["user"]) != ([paper.kind, paper.reference], _actor(request).user_id):
        raise Invalid(_("The preview is too old: upload the workbook again."))
    return packed


urlpatterns: list[URLPattern] = [
    path("cases/<str:reference>/workbook/", workbook, name="workbook"),
    path("cases/<str:reference>/workbook.xlsx", download, name="workbook-download"),
    path("cases/<str:reference>/workbook/take/", take, name="workbook-take"),
    path("papers/<slug:kind>/<str:reference>/workbook/", workbook, name="paper-workbook"),
    path("papers/<slug:kind>/<str:reference>/workbook.xlsx", download, name="paper-workbook-download"),
    path("papers/<slug:kind>/<str:reference>/workbook/take/", take, name="paper-workbook-take"),
]

"""The applicant's pages: start, fill in, check, submit, receipt, withdraw; evidence and its download."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import selectors
from applications.documents import dossier as dossiers
from applications.documents import experience
from applications.documents import report as report_papers
from applications.forms import sections as section_forms
from applications.forms.drafts import DeclarationForm, WithdrawForm
from applications.models import Application, Evidence
from applications.selectors import drafts as reads
from applications.selectors import filling as pages
from applications.selectors import papers, projects, told
from applications.services import checks, drafts, screening, submission
from applications.states import WITH_APPLICANT, Mode, State
from greenlist.core import archives, attachments, clock, waiting
from greenlist.core.actors import Actor
from greenlist.core.errors import DomainError, Invalid, NoRoom, NotAllowed, Refused, TooMany
from greenlist.core.http import whole
from greenlist.core.models import PartialUpload, RenderJob
from greenlist.core.pieces import OutOfStep
from greenlist.policy import engine, words
from greenlist.policy.engine.types import Section as SectionSpec
from greenlist.policy.engine.types import StepKind

AUTOSAVE, UPLOAD = "autosave", "upload"
ACCEPT = ",".join(f".{extension}" for extension in attachments.ALLOWED)


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


def _given(request: HttpRequest, reference: str) -> dict[str, Any]:
    return {"actor": _actor(request), "at": clock.now(), "reference": reference}


def _given_of(request: HttpRequest, kind: str, reference: str) -> dict[str, Any]:
    return {**_given(request, reference), "kind": kind}


def _sent_by(request: HttpRequest) -> str:
    return request.headers.get("X-Requested-With", "")


# ---- start ----------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Which site applies; a firm with one site still sees where its application goes before it starts."""
    actor = _actor(request)
    if request.method == "POST":
        site, mode = whole(request.POST.get("site")) or 0, request.POST.get("mode", "")
        case = drafts.start(actor=actor, at=clock.now(), call_id=pk, site_id=site, mode=mode)
        page_name = "applications:evaluation" if case.mode == Mode.BODY else "applications:fill"
        return redirect(page_name, case.reference)
    page = pages.start_page(actor, pk, clock.now())
    return render(request, "applications/apply.html", {"page": page})


# ---- fill in --------------------------------------------------------------------------------------------------------
@require_GET
def fill(request: HttpRequest, reference: str, kind: str = papers.CASE) -> HttpResponse:
    """On to the first section that is not complete; after a return to the first one that was opened."""
    paper = papers.fill(kind, _actor(request), reference)
    opened = paper.opened
    if not (opened.everything or opened.paths or opened.correction):
        return redirect(paper.home)
    draft = reads.draft_of_report(paper.report, paper.form)
    wanted = [one for one in draft.progress if opened.touches(one.section)]
    first = next((one.section for one in wanted if not one.complete or opened.correction), draft.form.sections[0].key)
    return redirect(paper.url("section", first))


@require_POST
def criteria(request: HttpRequest, reference: str) -> HttpResponse:
    """Judges the draft by the set that applies by now."""
    try:
        drafts.renew_criteria(**_given(request, reference))
        messages.success(request, _("The report now has the indicators of the set that applies."))
    except Invalid as refused:
        messages.error(request, str(refused.message))
    return redirect("applications:fill", reference)


@require_http_methods(["GET", "POST"])
def section(request: HttpRequest, reference: str, key: str, kind: str = papers.CASE) -> HttpResponse:
    if request.method == "POST":
        return _save(request, kind, reference, key)
    return _section_page(request, papers.fill(kind, _actor(request), reference), key)


def _section_page(request: HttpRequest, paper: papers.Paper, key: str) -> HttpResponse:
    case = paper.case
    if case is not None and case.state == State.RETURNED:
        screening.seen(actor=_actor(request), at=clock.now(), reference=paper.reference)
    spec = reads.spec_of(paper.form, key)
    page = pages.section_page(paper, spec, typed=None, spare=_spare(request), language_at=clock.now())
    form = section_forms.SectionForm(
        spec,
        page.answers,
        is_open=page.is_open,
        version=page.version,
        spare=_spare(request),
        problems=page.problems,
    )
    shown = section_forms.Page(
        *(page.form, page.computed, page.files, page.is_open, page.remarks, page.last, page.worked, page.origins)
    )
    blocks = section_forms.blocks(form, shown)
    context = {
        "page": page,
        "paper": paper,
        "case": case,
        "form": form,
        "blocks": blocks,
        "uploads": [_upload(paper, key, block, page.files) for block in blocks if block.kind == "files"],
        "accept": ACCEPT,
        "limit": pages.upload_limit(),
        "save_url": paper.url("section", key),
        "workbook_url": paper.url("workbook"),
    }
    return render(request, "applications/section.html", context)


def _upload(
    paper: papers.Paper, key: str, block: section_forms.Block, standing: Mapping[str, tuple[Evidence, ...]]
) -> dict[str, Any]:
    """The files of one field with their addresses, as the file list shows them."""
    files = [
        {
            "name": row.blob.name,
            "size": row.blob.size,
            "digest": row.blob.sha256,
            "url": paper.url("evidence", row.reference),
            "preview_url": paper.url("evidence-view", row.reference) if reads.is_shown(row) else "",
            "remove_url": paper.url("evidence-remove", row.reference) if block.is_open else "",
        }
        for row in block.files
    ]
    url = paper.url("evidence-add", key, block.key)
    use_url = paper.url("evidence-use", key, block.key)
    others = reads.reusable(standing, f"{key}.{block.key}") if block.is_open else []
    return {"block": block, "files": files, "url": url, "use_url": use_url, "others": others}


def _spare(request: HttpRequest) -> dict[str, int]:
    """?more=table asks for further empty rows of one table."""
    table = request.GET.get("more", "")
    return {table: 5} if table else {}


def _save(request: HttpRequest, kind: str, reference: str, key: str) -> HttpResponse:
    paper = papers.fill(kind, _actor(request), reference, quick=True)
    spec = reads.spec_of(paper.form, key)
    posted = _settled(request, paper, spec)
    only = posted.get("changed", "").split(",") if _sent_by(request) == AUTOSAVE and posted.get("changed") else None
    answers = section_forms.read(spec, posted, only)
    version = whole(posted.get("version")) or 0
    try:
        saved = drafts.save_section(
            section=key, answers=answers, version=version, **_given_of(request, kind, reference)
        )
    except drafts.EditingConflict as conflict:
        return _conflict(request, paper, spec, answers, conflict)
    if _sent_by(request) == AUTOSAVE:
        return _saved(paper, spec, saved)
    if more := request.POST.get("more"):
        return redirect(f"{paper.url('section', key)}?more={more}#t-{more}")
    return _next(request, paper, key)


def _settled(request: HttpRequest, paper: papers.Paper, spec: SectionSpec) -> dict[str, str]:
    """What was posted; from the conflict page, their text with one's own where that was chosen."""
    posted = {name: str(value) for name, value in request.POST.items()}
    mine = {
        name.removeprefix("keep-"): posted.get(name.replace("keep-", "mine-", 1), "")
        for name, value in posted.items()
        if name.startswith("keep-") and value == "mine"
    }
    if not any(name.startswith("keep-") for name in posted):
        return posted
    theirs = reads.draft_of_report(paper.report, paper.form).data.get(spec.key, {})
    flat = section_forms.flat(spec, theirs) | mine
    touched = {name.partition(".")[0] for name in mine}
    kept = {name: value for name, value in flat.items() if name.partition(".")[0] in touched}
    return {**kept, "version": posted.get("version", "")}


def _saved(paper: papers.Paper, spec: SectionSpec, saved: drafts.Saved) -> JsonResponse:
    form = paper.form
    data = reads.data_of(paper.report)
    worked_out = engine.forms.values(form, data)
    computed = pages.worked_out(form, data, worked_out, spec.key)
    found = pages.own_scores(paper.case, form, data, worked_out) if paper.case else None
    computed |= found.live if found else {}
    return JsonResponse(
        {
            "version": saved.version,
            "saved_at": _time(saved.saved_at),
            "computed": computed,
            "problems": pages.problems_by_name(spec, saved.data),
        }
    )


def _time(at: Any) -> str:
    return date_format(at.astimezone(clock.CHINA).replace(tzinfo=None), "H:i") if at else ""


def _conflict(
    request: HttpRequest,
    paper: papers.Paper,
    spec: SectionSpec,
    answers: Mapping[str, Any],
    conflict: drafts.EditingConflict,
) -> HttpResponse:
    """Both texts, for the script as JSON, for everybody else as a page; nothing was written."""
    theirs = section_forms.flat(spec, conflict.theirs)
    if _sent_by(request) == AUTOSAVE:
        body = {"code": conflict.code, "message": str(conflict.message), "theirs": theirs, "version": conflict.version}
        return JsonResponse({**body, "by": conflict.by, "at": _time(conflict.at)}, status=conflict.status)
    mine = section_forms.flat(spec, {**conflict.theirs, **answers})
    rows = [
        {
            "name": name,
            "label": section_forms.label_of(spec, name),
            "mine": mine.get(name, ""),
            "theirs": theirs.get(name, ""),
        }
        for name in dict.fromkeys([*theirs, *mine])
        if mine.get(name, "") != theirs.get(name, "")
    ]
    context = {
        "paper": paper,
        "title": words.text(spec.title),
        "rows": rows,
        "by": conflict.by,
        "at": _time(conflict.at),
        "version": conflict.version,
    }
    return render(request, "applications/section_conflict.html", context, status=409)


def _next(request: HttpRequest, paper: papers.Paper, key: str) -> HttpResponse:
    """Where the pressed button leads: stay, the next section, or the check page after the last."""
    if "stay" in request.POST:
        messages.success(request, _("Saved."))
        return redirect(paper.url("section", key))
    keys = [one.key for one in paper.form.sections]
    following = keys[keys.index(key) + 1 :]
    if following:
        return redirect(paper.url("section", following[0]))
    project = projects.live_project(paper.case) if paper.case and _actor(request).is_body else None
    if project is not None:
        return redirect("applications:project", project.reference)
    return redirect(paper.check)


# ---- evidence -------------------------------------------------------------------------------------------------------
@require_POST
def evidence_add(request: HttpRequest, reference: str, key: str, field: str, kind: str = papers.CASE) -> HttpResponse:
    uploads = request.FILES.getlist("file")
    paper = papers.fill(kind, _actor(request), reference, quick=True)
    try:
        if not uploads:
            raise Invalid(_("Choose a file first."))
        for upload in uploads:
            drafts.add_evidence(section=key, field=field, upload=upload, **_given_of(request, kind, reference))
    except (Invalid, NoRoom, NotAllowed, TooMany) as refused:
        if _sent_by(request) == UPLOAD:
            return JsonResponse({"message": str(refused.message)}, status=refused.status)
        messages.error(request, str(refused.message))
    if _sent_by(request) == UPLOAD:
        return JsonResponse({"ok": True})
    return redirect(f"{paper.url('section', key)}#files-{field}")


@require_POST
def evidence_begin(request: HttpRequest, reference: str, key: str, field: str, kind: str = papers.CASE) -> JsonResponse:
    """A script announces a large file; the answer says which bytes are there already."""
    sent = request.POST
    about: dict[str, Any] = {
        "name": sent.get("name", ""),
        "type_": sent.get("type", ""),
        "mark": sent.get("mark", ""),
        "sha256": sent.get("sha256", ""),
    }
    return _in_pieces(
        lambda given: drafts.begin_evidence(size=whole(sent.get("size")) or 0, **about, **given),
        request,
        kind,
        reference,
        key,
        field,
    )


@require_POST
def evidence_piece(request: HttpRequest, reference: str, key: str, field: str, kind: str = papers.CASE) -> JsonResponse:
    """The next piece of a large file, or with its digest the word that it is whole."""
    token, piece = request.POST.get("upload", ""), request.FILES.get("piece")
    if piece is None:
        digest = request.POST.get("sha256", "")
        return _in_pieces(
            lambda given: drafts.finish_evidence(token=token, sha256=digest, **given),
            request,
            kind,
            reference,
            key,
            field,
        )
    offset = whole(request.POST.get("offset"))
    return _in_pieces(
        lambda given: drafts.add_piece(token=token, offset=-1 if offset is None else offset, piece=piece, **given),
        request,
        kind,
        reference,
        key,
        field,
    )


def _in_pieces(
    act: Callable[[dict[str, Any]], PartialUpload | Evidence],
    request: HttpRequest,
    kind: str,
    reference: str,
    key: str,
    field: str,
) -> JsonResponse:
    """What the script is told: how far the upload is, that it is done, or why not."""
    papers.fill(kind, _actor(request), reference, quick=True)
    try:
        made = act({"section": key, "field": field, **_given_of(request, kind, reference)})
    except OutOfStep as wrong:
        return JsonResponse({"message": str(wrong.message), "received": wrong.version}, status=wrong.status)
    except DomainError as refused:
        return JsonResponse({"message": str(refused.message)}, status=refused.status)
    if isinstance(made, Evidence):
        return JsonResponse({"ok": True})
    return JsonResponse({"upload": made.token, "received": made.received})


@require_POST
def evidence_use(request: HttpRequest, reference: str, key: str, field: str, kind: str = papers.CASE) -> HttpResponse:
    """A file that is uploaded already, beside this field too."""
    paper = papers.fill(kind, _actor(request), reference, quick=True)
    try:
        if not (chosen := request.POST.get("evidence", "")):
            raise Invalid(_("Choose a file first."))
        drafts.use_evidence(section=key, field=field, evidence=chosen, **_given_of(request, kind, reference))
    except (Invalid, NotAllowed) as refused:
        messages.error(request, str(refused.message))
    return redirect(f"{paper.url('section', key)}#files-{field}")


@require_POST
def evidence_remove(request: HttpRequest, reference: str, evidence: str, kind: str = papers.CASE) -> HttpResponse:
    paper = papers.fill(kind, _actor(request), reference, quick=True)
    row = drafts.remove_evidence(evidence=evidence, **_given_of(request, kind, reference))
    messages.success(request, _("“%(name)s” was removed.") % {"name": row.blob.name})
    return redirect(f"{paper.url('section', row.section)}#files-{row.field}")


@require_GET
def evidence(request: HttpRequest, reference: str, evidence: str, kind: str = papers.CASE) -> FileResponse:
    """The file, for everybody who may see the case."""
    paper = papers.show(kind, _actor(request), reference)
    row = reads.find_evidence(_actor(request), paper.report, evidence)
    return attachments.response(row.blob, inline="inline" in request.GET, framed="framed" in request.GET)


@require_GET
def evidence_view(request: HttpRequest, reference: str, evidence: str, kind: str = papers.CASE) -> HttpResponse:
    """A PDF or picture within a page, with the way to the one before and after it."""
    actor = _actor(request)
    paper = papers.show(kind, actor, reference)
    page = reads.preview_of(actor, paper.form, reads.find_evidence(actor, paper.report, evidence))
    around = {
        "address": paper.url("evidence", page.row.reference),
        "previous": paper.url("evidence-view", page.previous.reference) if page.previous else "",
        "following": paper.url("evidence-view", page.following.reference) if page.following else "",
    }
    return render(request, "applications/evidence.html", {"paper": paper, "page": page, "around": around})


# ---- check and submit -----------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def check(request: HttpRequest, reference: str) -> HttpResponse:
    """提交前检查: what is missing, what the rules say, the declaration; submitting is the same page's POST."""
    if request.method == "GET":
        case = reads.own_case(_actor(request), reference)
        if case.state not in WITH_APPLICANT:
            return redirect("applications:case", reference)
        return _check_page(request, case)
    form = DeclarationForm(request.POST)
    form.is_valid()  # the service says what is missing, in its own order; here only the values are read
    try:
        submission.submit(
            digest=request.POST.get("digest", ""),
            declared_name=form.cleaned_data.get("declared_name", ""),
            agreed=bool(form.cleaned_data.get("agreed")),
            **_given(request, reference),
        )
    except Invalid as invalid:
        return _check_page(request, reads.own_case(_actor(request), reference), invalid=invalid)
    except checks.Blocked as blocked:
        return _check_page(request, reads.own_case(_actor(request), reference), blocked=blocked)
    except Refused as refused:
        if refused.code not in ("no_body", "not_signed"):
            raise
        return _check_page(request, reads.own_case(_actor(request), reference), refused=refused)
    return redirect("applications:receipt", reference)


def _check_page(
    request: HttpRequest,
    case: Application,
    *,
    invalid: Invalid | None = None,
    blocked: checks.Blocked | None = None,
    refused: Refused | None = None,
) -> HttpResponse:
    actor, at = _actor(request), clock.now()
    bound = selectors.rules_of(case.call)
    draft = reads.draft_of(case, reads.form_of(case, bound))
    point = bound.first(StepKind.DRAFT).point
    page = pages.check_page(case, draft, checks.look(case=case, point=point, at=at), at)
    start = {"digest": page.digest, "declared_name": actor.name}
    text = words.text(bound.declaration.text)
    form = DeclarationForm(initial=start, declaration=text)
    if invalid is not None:
        typed = {
            **start,
            "declared_name": request.POST.get("declared_name", ""),
            "agreed": request.POST.get("agreed", ""),
        }
        form = DeclarationForm(typed, declaration=text)
        form.is_valid()
        form.take_known(invalid)
    refused_ = invalid or blocked or refused
    context = {"page": page, "case": case, "form": form, "refused": refused_}
    if case.mode == Mode.BODY:
        context["evaluation"] = projects.standing(case, bound, page.digest)
        context["statements"] = [words.text(one.text) for one in projects.to_sign_by_applicant(bound)]
    return render(request, "applications/check.html", context, status=refused_.status if refused_ else 200)


@require_GET
def receipt(request: HttpRequest, reference: str) -> HttpResponse:
    """回执 of the newest declaration."""
    case = reads.own_case(_actor(request), reference)
    version = submission.last_version(case)
    if version is None or not case.number:
        return redirect("applications:fill", reference)
    given = submission.receipt_of(case, version)
    return render(
        request, "applications/receipt.html", {"receipt": given, "case": case, "next": pages.next_words(given)}
    )


@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    case = reads.own_case(_actor(request), reference)
    is_draft = case.submitted_at is None
    form = WithdrawForm(request.POST or None, is_draft=is_draft, initial={"revision": told.revision_of(case)})
    if request.method == "POST" and form.is_valid():
        try:
            submission.withdraw(
                reason=form.cleaned_data["reason"], revision=form.cleaned_data["revision"], **_given(request, reference)
            )
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The application has been withdrawn."))
            return redirect("applications:case", reference)
    status = 422 if form.errors else 200
    return render(
        request, "applications/withdraw.html", {"case": case, "form": form, "is_draft": is_draft}, status=status
    )


# ---- the report as a file -------------------------------------------------------------------------------------------
@require_GET
def report_file(request: HttpRequest, reference: str, format_: str) -> HttpResponseBase:
    """The declared report; with ?draft, for the applicant and its body, as it stands and marked so (QHD-N3a)."""
    actor, at = _actor(request), clock.now()
    report_papers.may_read(actor)
    case = reads.case_of(actor, reference)
    version = submission.last_version(case)
    if version is not None and "draft" not in request.GET:
        found = report_papers.declared_file(case, version, actor=actor, at=at, format_=format_)
    else:
        found = report_papers.draft_file(reads.case_at_work(actor, reference), actor=actor, at=at, format_=format_)
    back = reverse("applications:case", args=[reference])
    title = report_papers.name_of(case, format_)
    return waiting.answer(request, found, at=at, title=title, back=back, inline="inline" in request.GET)


@require_GET
def experience_file(request: HttpRequest, reference: str, format_: str) -> HttpResponseBase:
    """The typical-experience report, declared; with ?draft, for the applicant, as it stands (HEB-4a)."""
    actor, at = _actor(request), clock.now()
    report_papers.may_read(actor)
    case = reads.case_of(actor, reference)
    version = submission.last_version(case)
    if version is not None and "draft" not in request.GET:
        found = experience.declared_file(case, version, actor=actor, at=at, format_=format_)
    else:
        found = experience.draft_file(reads.own_case(actor, reference), actor=actor, at=at, format_=format_)
    back = reverse("applications:case", args=[reference])
    title = experience.name_of(case, format_)
    return waiting.answer(request, found, at=at, title=title, back=back, inline="inline" in request.GET)


@require_GET
def dossier_file(request: HttpRequest, reference: str, format_: str) -> HttpResponseBase:
    """The case file: report, evidence and opinions joined into one PDF, or side by side in a ZIP."""
    actor, at = _actor(request), clock.now()
    case = reads.case_of(actor, reference)
    back = reverse("applications:case-evidence", args=[reference])
    title = dossiers.name_of(case, format_)
    if format_ == "pdf":
        return waiting.answer(request, dossiers.joined_file(case, actor=actor, at=at), at=at, title=title, back=back)
    package = dossiers.package_file(case, actor=actor, at=at)
    if isinstance(package, RenderJob):
        return waiting.answer(request, package, at=at, title=title, back=back)
    return waiting.streamed(request, *package, content_type=archives.TYPE)


def _of_papers() -> list[URLPattern]:
    """The pages of a report that belongs to no application: the same, under its kind."""
    at = "papers/<slug:kind>/<str:reference>"
    files = f"{at}/fill/<slug:key>/<slug:field>/files"
    return [
        path(f"{at}/fill/", fill, name="paper-fill"),
        path(f"{at}/fill/<slug:key>/", section, name="paper-section"),
        path(f"{files}/", evidence_add, name="paper-evidence-add"),
        path(f"{files}/begin/", evidence_begin, name="paper-evidence-begin"),
        path(f"{files}/piece/", evidence_piece, name="paper-evidence-piece"),
        path(f"{files}/use/", evidence_use, name="paper-evidence-use"),
        path(f"{at}/files/<str:evidence>/", evidence, name="paper-evidence"),
        path(f"{at}/files/<str:evidence>/view/", evidence_view, name="paper-evidence-view"),
        path(f"{at}/files/<str:evidence>/remove/", evidence_remove, name="paper-evidence-remove"),
    ]


urlpatterns: list[URLPattern] = [
    path("calls/<int:pk>/apply/", apply, name="apply"),
    path("cases/<str:reference>/fill/", fill, name="fill"),
    path("cases/<str:reference>/fill/<slug:key>/", section, name="section"),
    path("cases/<str:reference>/fill/<slug:key>/<slug:field>/files/", evidence_add, name="evidence-add"),
    path("cases/<str:reference>/fill/<slug:key>/<slug:field>/files/begin/", evidence_begin, name="evidence-begin"),
    path("cases/<str:reference>/fill/<slug:key>/<slug:field>/files/piece/", evidence_piece, name="evidence-piece"),
    path("cases/<str:reference>/fill/<slug:key>/<slug:field>/files/use/", evidence_use, name="evidence-use"),
    path("cases/<str:reference>/files/<str:evidence>/", evidence, name="evidence"),
    path("cases/<str:reference>/files/<str:evidence>/view/", evidence_view, name="evidence-view"),
    path("cases/<str:reference>/files/<str:evidence>/remove/", evidence_remove, name="evidence-remove"),
    *_of_papers(),
    path("cases/<str:reference>/criteria/", criteria, name="criteria"),
    path("cases/<str:reference>/check/", check, name="check"),
    path("cases/<str:reference>/receipt/", receipt, name="receipt"),
    path("cases/<str:reference>/withdraw/", withdraw, name="withdraw"),
    path("cases/<str:reference>/report.pdf", report_file, {"format_": "pdf"}, name="report-pdf"),
    path("cases/<str:reference>/experience.pdf", experience_file, {"format_": "pdf"}, name="experience-pdf"),
    path("cases/<str:reference>/experience.docx", experience_file, {"format_": "docx"}, name="experience-docx"),
    path("cases/<str:reference>/dossier.pdf", dossier_file, {"format_": "pdf"}, name="dossier-pdf"),
    path("cases/<str:reference>/dossier.zip", dossier_file, {"format_": "zip"}, name="dossier-zip"),
    path("cases/<str:reference>/report.docx", report_file, {"format_": "docx"}, name="report-docx"),
]

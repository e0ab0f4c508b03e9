"""The officials' review desk: the queue of the authority, the review of one case, return, proposal, signature."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import rules
from applications.forms.desk import ProposalForm, ReasonForm, ReturnForm
from applications.forms.judging import JudgementForm
from applications.rules import screening as may
from applications.selectors import beside as besides
from applications.selectors import bulk as bulks
from applications.selectors import desk as queue
from applications.selectors import judging as rows
from applications.selectors import review as reads
from applications.services import batches, filters, judging, screening
from applications.services import bulk as bulking
from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import whole


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """What waits at the authority's desk."""
    actor = _actor(request)
    _require_official(actor)
    given = request.GET
    at = clock.now()
    page = queue.page(
        actor,
        on=clock.china_date(at),
        view=given.get("view", ""),
        industry=given.get("industry", ""),
        text=given.get("q", ""),
        who=given.get("who", ""),
        after=given.get("after", ""),
    )
    shown = {
        "page": page,
        "views": queue.VIEWS,
        "q": given.get("q", ""),
        "industry": given.get("industry", ""),
        "who": given.get("who", ""),
        "holders": queue.WHO,
        "saved": queue.saved_of(actor),
        "query": queue.query_of(given),
        **_bulk(actor, page, at),
    }
    return render(request, "applications/desk.html", shown)


def _bulk(actor: Actor, page: queue.DeskPage, at: datetime) -> dict[str, Any]:
    """What a handler may do to several cases of this view, and what they did last."""
    if actor.capacity != Capacity.HANDLER:
        return {"bulk": False}
    offered = [key for key, (_label, views) in bulks.ACTIONS.items() if page.view.key in views]
    return {
        "bulk": bool(offered and page.rows),
        "offers": offered,
        "handlers": bulks.handlers_of(actor, at) if bulks.ASSIGN in offered and page.rows else (),
        "drafts": bulks.drafts_of(actor) if bulks.BATCH in offered and page.rows else (),
        "last": bulks.last_of(actor, at),
        "last_label": bulks.ACTIONS,
    }


@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """First the preview of what exactly would change, then, with its digest, the doing."""
    actor, at, given = _actor(request), clock.now(), request.POST
    _require_official(actor)
    action, _colon, target = given.get("action", "").partition(":")
    cases = given.getlist("case")
    if not cases:
        messages.warning(request, _("Choose at least one case."))
        return redirect("applications:desk")
    plan = bulks.plan(actor, action=action, cases=cases, target=target, at=at)
    if given.get("digest"):
        bulking.run(actor=actor, at=at, action=action, cases=cases, target=target, digest=given["digest"])
        messages.success(request, _("Done. You can undo it on the desk as long as nobody has gone on."))
        return redirect("applications:desk")
    return render(request, "applications/desk_bulk.html", {"plan": plan, "action": given["action"]})


@require_POST
def bulk_undo(request: HttpRequest, pk: int) -> HttpResponse:
    bulking.undo(actor=_actor(request), at=clock.now(), pk=pk)
    messages.success(request, _("Undone."))
    return redirect("applications:desk")


@require_POST
def filter_save(request: HttpRequest) -> HttpResponse:
    """Keeps the present filters under a name."""
    _require_official(_actor(request))
    try:
        kept = filters.save(
            actor=_actor(request), at=clock.now(), name=request.POST.get("name", ""), given=request.POST.dict()
        )
    except Invalid as wrong:
        for texts in wrong.problems.values():
            messages.error(request, " ".join(str(text) for text in texts))
        return redirect(f"{reverse('applications:desk')}?{queue.query_of(request.POST.dict())}")
    messages.success(request, _("The filter is kept."))
    return redirect(f"{reverse('applications:desk')}?{kept.query}")


@require_POST
def filter_delete(request: HttpRequest, pk: int) -> HttpResponse:
    filters.delete(actor=_actor(request), pk=pk)
    messages.success(request, _("The filter is deleted."))
    return redirect("applications:desk")


def _require_official(actor: Actor) -> None:
    if not actor.is_official:
        raise NotAllowed(_("Only officials have a review desk."))


@require_POST
def take_back_return(request: HttpRequest, reference: str) -> HttpResponse:
    screening.take_back_return(actor=_actor(request), at=clock.now(), reference=reference)
    messages.success(request, _("Taken back: the case is under review again."))
    return redirect("applications:review", reference)


@require_GET
def review(request: HttpRequest, reference: str) -> HttpResponse:
    """Report at the left, questions at the right; the same page, read-only, for who signs."""
    batches.seen_case(actor=_actor(request), at=clock.now(), reference=reference)
    return _review(request, reference)


def _review(
    request: HttpRequest,
    reference: str,
    *,
    typed: Mapping[str, str] | None = None,
    error: Invalid | None = None,
    form: ReasonForm | None = None,
) -> HttpResponse:
    page = reads.page(_actor(request), reference, typed=typed, problems=error.problems if error else None)
    errors = reads.error_links(page, error.problems) if error else []
    context = {"page": page, "case": page.case, "error": error, "errors": errors, "sent_back": form or ReasonForm()}
    return render(request, "applications/review.html", context, status=422 if error else 200)


@require_GET
def beside(request: HttpRequest, reference: str) -> HttpResponse:
    """The answers of one part at the left, the evidence of the chosen row at the right."""
    actor, given = _actor(request), request.GET
    batches.seen_case(actor=actor, at=clock.now(), reference=reference)
    found = besides.beside(actor, reference, path=given.get("row", ""), file=given.get("file", ""))
    return render(request, "applications/beside.html", {"found": found, "page": found.page, "case": found.page.case})


@require_POST
def save(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps findings and remarks; the button decides where to go next. Autosave gets JSON."""
    try:
        _save(request, reference)
    except Invalid as wrong:
        if _is_autosave(request):
            raise
        return _review(request, reference, typed=request.POST.dict(), error=wrong)
    if _is_autosave(request):
        return JsonResponse({"saved_at": clock.now().astimezone(clock.CHINA).strftime("%H:%M")})
    following = {"return": "applications:review_return", "propose": "applications:review_propose"}
    target = following.get(request.POST.get("next", ""))
    if target:
        return redirect(target, reference)
    if request.POST.get("next", "").startswith("beside:"):
        messages.success(request, _("Saved."))
        return redirect(besides.address(reference, request.POST["next"].removeprefix("beside:")))
    if request.POST.get("next") == "recheck":
        screening.recheck(actor=_actor(request), at=clock.now(), reference=reference)
        messages.success(request, _("Saved and checked again."))
    else:
        messages.success(request, _("Saved."))
    return redirect("applications:review", reference)


@require_http_methods(["GET", "POST"])
def row(request: HttpRequest, reference: str, path: str) -> HttpResponse:
    """One indicator row: not applicable, a corrected value, points by hand, each with a reason."""
    page = rows.row_page(_actor(request), reference, path)
    if request.method == "GET":
        return render(
            request, "applications/review_row.html", {"page": page, "case": page.case, "form": JudgementForm(page)}
        )
    form = JudgementForm(page, request.POST)
    given = request.POST
    values = {key: given.get(f"value-{key}", "") for key, _name, _declared in page.cells}
    try:
        judging.judge(
            actor=_actor(request),
            at=clock.now(),
            reference=reference,
            row=path,
            note=given.get("note", ""),
            applies={"yes": True, "no": False}.get(given.get("applies", "")),
            points=given.get("points", ""),
            values=values,
        )
    except Invalid as wrong:
        form.is_valid()
        form.errors.clear()
        form.take(wrong.problems)
        context = {"page": page, "case": page.case, "form": form, "error": wrong}
        return render(request, "applications/review_row.html", context, status=wrong.status)
    messages.success(request, _("Saved."))
    return redirect(f"{reverse('applications:review', args=[reference])}#scores")


def _save(request: HttpRequest, reference: str) -> None:
    given: dict[str, screening.Given] = {}
    remarks: dict[str, str] = {}
    for name in request.POST:
        value = str(request.POST[name])
        kind, _dash, key = name.partition("-")
        if kind == "verdict":
            given[key] = screening.Given(value, request.POST.get(f"remark-{key}", "").strip())
        elif kind == "remark" and f"verdict-{key}" not in request.POST:
            given[key] = screening.Given("", value.strip())
        elif kind == "note":
            remarks[key] = value
    screening.save_findings(
        actor=_actor(request),
        at=clock.now(),
        reference=reference,
        verdicts=given,
        remarks=remarks,
        seen=_moment(request.POST.get("seen", "")),
    )


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _is_autosave(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "autosave"


@require_http_methods(["GET", "POST"])
def return_case(request: HttpRequest, reference: str) -> HttpResponse:
    """Which fields open for correction, why, until when."""
    page = reads.page(_actor(request), reference)
    rules.require(may.PREPARE, page.case, _actor(request))
    form = ReturnForm(request.POST or None, page=page)
    if request.method == "POST" and form.is_valid():
        try:
            screening.return_for_correction(
                actor=_actor(request),
                at=clock.now(),
                reference=reference,
                fields=form.cleaned_data["fields"],
                reason=form.cleaned_data["reason"],
                due_on=form.cleaned_data["due_on"],
                revision=form.cleaned_data["revision"],
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Returned for correction. The applicant has been told."))
            return redirect("applications:desk")
    status = 422 if form.is_bound else 200
    return render(
        request, "applications/review_return.html", {"page": page, "case": page.case, "form": form}, status=status
    )


@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, reference: str) -> HttpResponse:
    """The conclusion: pass, or do not recommend with reasons; what is still unmet is listed with its clause."""
    page = reads.page(_actor(request), reference)
    rules.require(may.PREPARE, page.case, _actor(request))
    form = ProposalForm(request.POST or None, page=page)
    if request.method == "POST" and form.is_valid():
        try:
            screening.propose(
                actor=_actor(request),
                at=clock.now(),
                reference=reference,
                outcome=form.cleaned_data["outcome"],
                opinion=form.cleaned_data["opinion"],
                revision=form.cleaned_data["revision"],
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Put before the approver."))
            return redirect("applications:desk")
    status = 422 if form.is_bound else 200
    return render(
        request, "applications/review_propose.html", {"page": page, "case": page.case, "form": form}, status=status
    )


@require_POST
def sign(request: HttpRequest, reference: str) -> HttpResponse:
    case = screening.sign(
        actor=_actor(request),
        at=clock.now(),
        reference=reference,
        revision=whole(request.POST.get("revision")),
        opinion=request.POST.get("opinion", "")[:500],
    )
    messages.success(request, _("Signed. The case is now “%(state)s”.") % {"state": case.get_state_display()})
    return redirect("applications:desk")


@require_POST
def send_back(request: HttpRequest, reference: str) -> HttpResponse:
    form = ReasonForm(request.POST)
    try:
        screening.send_back(
            actor=_actor(request),
            at=clock.now(),
            reference=reference,
            note=request.POST.get("reason", "")[:500],
            revision=whole(request.POST.get("revision")),
        )
    except Invalid as wrong:
        form.is_valid()
        form.take(wrong)
        return _review(request, reference, error=wrong, form=form)
    messages.success(request, _("Sent back to the handler."))
    return redirect("applications:desk")


@require_http_methods(["GET", "POST"])
def reopen(request: HttpRequest, reference: str) -> HttpResponse:
    """A case that passed goes back to review, with a reason."""
    page = reads.page(_actor(request), reference)
    rules.require(may.REOPEN, page.case, _actor(request))
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            screening.reopen(
                actor=_actor(request),
                at=clock.now(),
                reference=reference,
                reason=request.POST.get("reason", "")[:500],
                revision=whole(request.POST.get("revision")),
            )
        except Invalid as wrong:
            form.is_valid()
            form.take(wrong)
        else:
            messages.success(request, _("The case is under review again."))
            return redirect("applications:review", reference)
    status = 422 if form.is_bound else 200
    return render(
        request, "applications/review_reopen.html", {"page": page, "case": page.case, "form": form}, status=status
    )


urlpatterns: list[URLPattern] = [
    path("desk/", desk, name="desk"),
    path("desk/bulk/", bulk, name="desk_bulk"),
    path("desk/bulk/<int:pk>/undo/", bulk_undo, name="desk_bulk_undo"),
    path("desk/filters/", filter_save, name="desk_filter_save"),
    path("desk/filters/<int:pk>/delete/", filter_delete, name="desk_filter_delete"),
    path("cases/<str:reference>/review/", review, name="review"),
    path("cases/<str:reference>/beside/", beside, name="beside"),
    path("cases/<str:reference>/review/save/", save, name="review_save"),
    path("cases/<str:reference>/review/rows/<str:path>/", row, name="review_row"),
    path("cases/<str:reference>/review/return/", return_case, name="review_return"),
    path("cases/<str:reference>/review/take-back/", take_back_return, name="review_take_back"),
    path("cases/<str:reference>/review/propose/", propose, name="review_propose"),
    path("cases/<str:reference>/review/sign/", sign, name="review_sign"),
    path("cases/<str:reference>/review/send-back/", send_back, name="review_send_back"),
    path("cases/<str:reference>/reopen/", reopen, name="reopen"),
]

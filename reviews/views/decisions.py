"""The overall review: list, drafting, approval, the proposed list."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import attachments, clock, waiting
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import whole
from reviews import documents, rules
from reviews.forms import DecisionForm, NewDecisionForm, NoteForm, RankingForm
from reviews.models import Decision
from reviews.selectors import decisions as reads
from reviews.selectors import ranking as rankings
from reviews.selectors import titles
from reviews.services import decisions
from reviews.states import DecisionState
from reviews.views.panels import actor_of

PAGE = 50  # units of one page of a decision


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The authority's decisions, and the calls with cases that wait for one."""
    actor = actor_of(request)
    if not actor.is_official:
        raise NotAllowed(_("Only officials draw up the overall review."))
    page = reads.page(actor, after=whole(request.GET.get("after")))
    return render(request, "reviews/decisions.html", {"page": page, "to_draw": reads.to_draw_up(actor)})


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest, call: int) -> HttpResponse:
    """Collects what waits of one call."""
    actor = actor_of(request)
    asked = _to_draw(request, call)
    found, step = asked.call, asked.step
    form = NewDecisionForm(request.POST or None, initial={"title": titles.decision_title(found, step)})
    if request.method == "POST" and form.is_valid():
        title = form.cleaned_data["title"]
        try:
            made = decisions.create(actor=actor, call=found, step=step.key, title=title, at=clock.now())
        except Invalid as wrong:
            form.take(wrong)
        else:
            return redirect("reviews:decision", made.reference)
    cases = reads.waiting(actor).filter(call=found, step=step.key).select_related("site__area")
    shown = cases.order_by("priority", "pk")[:PAGE]
    context = {"form": form, "call": found, "step": step, "cases": shown, "more": max(asked.units - PAGE, 0)}
    return render(request, "reviews/decision_new.html", context, status=422 if form.is_bound else 200)


def _to_draw(request: HttpRequest, call: int) -> reads.ToDraw:
    """The step of the call that the address names, or the first at which something waits. Raises NotVisible."""
    step = request.GET.get("step", "")
    waiting = [one for one in reads.to_draw_up(actor_of(request)) if one.call.pk == call and step in ("", one.step.key)]
    if not waiting:
        raise NotVisible
    return waiting[0]


@require_GET
def decision(request: HttpRequest, reference: str) -> HttpResponse:
    """The draft to work on, the list to approve, or the list as approved."""
    return _decision(request, reference)


def _decision(
    request: HttpRequest,
    reference: str,
    *,
    form: DecisionForm | None = None,
    note: NoteForm | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    found = reads.get(actor, reference)
    counts = reads.counts(found)
    page, pages = _page(request, counts.units)
    units = reads.units(found, slice((page - 1) * PAGE, page * PAGE))
    is_draft = found.state == DecisionState.DRAFTING and rules.may_draw_up(found, actor)
    context: dict[str, Any] = {
        "decision": found,
        "step": reads.step_of(found),
        "lines": reads.lines_of(found),
        "page": page,
        "pages": pages,
        "units": units,
        "actions": rules.available_for_decision(found, actor),
        "counts": counts,
        "may_tell": found.is_untold and rules.may_approve(found, actor),
        "is_draft": is_draft,
        "may_approve": found.state == DecisionState.TO_APPROVE and rules.may_approve_now(found, actor),
        "may_hand_back": found.state == DecisionState.TO_APPROVE and rules.may_approve(found, actor),
        "waiting": reads.waiting(actor).filter(call=found.call, step=found.step).count() if is_draft else 0,
        "documents": documents.of_decision(found),
        "note": note or NoteForm(),
    }
    if is_draft:
        form = form or _form(None, found, units)
        context["form"] = form
        context["rows"] = [
            (unit, form[f"outcome-{unit.reference}"], form[f"reason-{unit.reference}"]) for unit in units
        ]
    if found.state == DecisionState.TO_APPROVE:
        context["digest"] = reads.content_digest(found)
    refused = (form is not None and form.is_bound) or (note is not None and note.is_bound)
    return render(request, "reviews/decision.html", context, status=422 if refused else 200)


def _page(request: HttpRequest, units: int) -> tuple[int, int]:
    """The page asked for, and how many there are: a draft of hundreds is worked on page by page."""
    pages = max(1, -(-units // PAGE))
    asked = whole(request.POST.get("page") or request.GET.get("page")) or 1
    return min(max(asked, 1), pages), pages


def _form(data: Any, found: Decision, units: list[reads.Unit], files: Any = None) -> DecisionForm:
    initial = {
        "version": found.version,
        "title": found.title,
        "text": found.text,
        "met_on": found.met_on,
        "participants": found.participants,
        "record_number": found.record_number,
        "announce_later": found.announce_later,
    }
    needed = reads.step_of(found).record
    return DecisionForm(data, files, units=units, initial=initial, needs_record=needed)


@require_GET
def ranking(request: HttpRequest, reference: str) -> HttpResponse:
    """The units by score with the lines of the rule set; a quota asked about only draws a line."""
    found = reads.get(actor_of(request), reference)
    form = RankingForm(request.GET)
    shown = rankings.ranking(found, form.asked())
    context = {"decision": found, "ranking": shown, "form": form, "step": reads.step_of(found)}
    return render(request, "reviews/ranking.html", context)


@require_POST
def save(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps the draft; `hand_over` puts it before the approver at once."""
    actor = actor_of(request)
    found = reads.get(actor, reference)
    page, _pages = _page(request, found.items.count())
    units = reads.units(found, slice((page - 1) * PAGE, page * PAGE))
    form = _form(request.POST, found, units, request.FILES)
    if not form.is_valid():
        return _decision(request, reference, form=form)
    version, draft, at = form.cleaned_data["version"], form.as_draft(), clock.now()
    try:
        if upload := form.cleaned_data["record_file"]:
            decisions.attach_record(actor=actor, reference=reference, version=version, upload=upload, at=at)
            version += 1
        if "hand_over" in request.POST:
            decisions.hand_over(actor=actor, reference=reference, version=version, draft=draft, at=at)
            messages.success(request, _("Handed over. The approvers have been told."))
        else:
            decisions.save(actor=actor, reference=reference, version=version, draft=draft, at=at)
            messages.success(request, _("Saved."))
    except Invalid as wrong:
        form.take(wrong)
        return _decision(request, reference, form=form)
    return redirect(_address(reference, request.POST.get("next_page") or page))


def _address(reference: str, page: Any) -> str:
    number = whole(str(page)) or 1
    return reverse("reviews:decision", args=[reference]) + (f"?page={number}" if number > 1 else "")


@require_POST
def tell(request: HttpRequest, reference: str) -> HttpResponse:
    """The applicants learn now what was decided."""
    decisions.tell(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("The applicants have been told."))
    return redirect("reviews:decision", reference)


@require_GET
def record_file(request: HttpRequest, reference: str) -> HttpResponseBase:
    """The signed record of the meeting as it was uploaded."""
    found = reads.get(actor_of(request), reference)
    if found.record_file is None:
        raise NotVisible
    return attachments.response(found.record_file)


@require_POST
def take_in(request: HttpRequest, reference: str) -> HttpResponse:
    made = decisions.take_in(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("Added: %(count)s.") % {"count": len(made)})
    return redirect("reviews:decision", reference)


@require_POST
def leave_out(request: HttpRequest, reference: str) -> HttpResponse:
    case = request.POST.get("case", "")
    decisions.leave_out(actor=actor_of(request), reference=reference, case=case, at=clock.now())
    messages.success(request, _("Left out. It waits for another decision."))
    return redirect("reviews:decision", reference)


@require_POST
def hand_back(request: HttpRequest, reference: str) -> HttpResponse:
    note = NoteForm(request.POST)
    try:
        decisions.hand_back(
            actor=actor_of(request), reference=reference, note=request.POST.get("note", ""), at=clock.now()
        )
    except Invalid as wrong:
        note.is_valid()
        note.take(wrong)
        return _decision(request, reference, note=note)
    messages.success(request, _("Handed back to the handler."))
    return redirect("reviews:decision", reference)


@require_POST
def approve(request: HttpRequest, reference: str) -> HttpResponse:
    decisions.approve(
        actor=actor_of(request), reference=reference, digest=request.POST.get("digest", ""), at=clock.now()
    )
    messages.success(request, _("Approved. The proposed list can go on public notice."))
    return redirect("reviews:decision", reference)


@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    decisions.cancel(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("Dropped. Its units wait for another decision."))
    return redirect("reviews:decisions")


@require_GET
def document(request: HttpRequest, reference: str, kind: str) -> HttpResponseBase:
    """The proposed list, or the table of the whole review."""
    actor, at = actor_of(request), clock.now()
    found = reads.get(actor, reference)
    paper = documents.for_decision(found, kind, actor=actor, at=at)
    return waiting.answer(request, paper, at=at, title=found.title, back=reverse("reviews:decision", args=[reference]))


urlpatterns: list[URLPattern] = [
    path("reviews/decisions/", index, name="decisions"),
    path("reviews/decisions/new/<int:call>/", create, name="decision-new"),
    path("reviews/decisions/<str:reference>/", decision, name="decision"),
    path("reviews/decisions/<str:reference>/save/", save, name="decision-save"),
    path("reviews/decisions/<str:reference>/take-in/", take_in, name="decision-take-in"),
    path("reviews/decisions/<str:reference>/leave-out/", leave_out, name="decision-leave-out"),
    path("reviews/decisions/<str:reference>/hand-back/", hand_back, name="decision-hand-back"),
    path("reviews/decisions/<str:reference>/approve/", approve, name="decision-approve"),
    path("reviews/decisions/<str:reference>/cancel/", cancel, name="decision-cancel"),
    path("reviews/decisions/<str:reference>/ranking/", ranking, name="decision-ranking"),
    path("reviews/decisions/<str:reference>/tell/", tell, name="decision-tell"),
    path("reviews/decisions/<str:reference>/record/", record_file, name="decision-record"),
    path("reviews/decisions/<str:reference>/documents/<str:kind>/", document, name="decision-document"),
]

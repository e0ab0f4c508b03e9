"""Recommendation batches: put together, letter, signature, sending, receipt, paper copies, return of one unit."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import rules
from applications.documents import batch as papers
from applications.documents import joint
from applications.forms.batches import LetterForm, PaperForm, ReasonForm, SealForm, TrialForm
from applications.rules import batches as may
from applications.selectors import batches as reads
from applications.selectors import quotas
from applications.services import batches
from greenlist.core import archives, attachments, clock, signatures, waiting
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.http import whole
from greenlist.core.models import RenderJob

View = Callable[..., HttpResponse]


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


def _given(request: HttpRequest) -> dict[str, Any]:
    return {"actor": _actor(request), "at": clock.now()}


@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    """The batches of the authority, and the calls from which one can be started."""
    actor = _actor(request)
    if not actor.is_official:
        raise NotAllowed(_("Only officials have recommendation batches."))
    page = reads.page(actor, after=whole(request.GET.get("after")), state=request.GET.get("state", ""))
    context = {"page": page, "startable": reads.startable(actor), "state": request.GET.get("state", "")}
    return render(request, "applications/batches.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    call = reads.call_to_start(_actor(request), request.POST.get("call", ""))
    batch = batches.start(call=call, **_given(request))
    return redirect("applications:batch", batch.reference)


@require_GET
def batch(request: HttpRequest, reference: str) -> HttpResponse:
    batches.seen(reference=reference, **_given(request))
    return _page(request, reference)


def _page(
    request: HttpRequest,
    reference: str,
    *,
    letter: LetterForm | None = None,
    back: ReasonForm | None = None,
    unit: ReasonForm | None = None,
    unit_case: str = "",
    why: ReasonForm | None = None,
    why_of: tuple[str, str] = ("", ""),
    scan: SealForm | None = None,
) -> HttpResponse:
    view = reads.view(_actor(request), reference, on=clock.china_date(clock.now()))
    start_with = {"title": view.batch.title, "number": view.letter["number"], "text": view.letter["text"]}
    wrong = letter or back or unit or why or scan
    context = {
        "view": view,
        "part": view.part(whole(request.GET.get("page"))),
        "batch": view.batch,
        "letter_form": letter or LetterForm(initial=start_with),
        "back_form": back or ReasonForm(prefix=None),
        "unit_form": unit or ReasonForm(),
        "unit_case": unit_case,
        "seal_form": scan or SealForm(),
        "stamped": papers.STAMPED if signatures.is_ready() else (),
        "why_form": why or ReasonForm(),
        "why_of": why_of if why else None,
        "wrong": wrong,
    }
    return render(request, "applications/batch.html", context, status=422 if wrong else 200)


@require_POST
def add(request: HttpRequest, reference: str) -> HttpResponse:
    chosen = request.POST.getlist("case")
    found = reads.get(_actor(request), reference)
    if "all" in request.POST:
        chosen = [case.reference for case in reads.waiting(_actor(request), found)]
    if not chosen:
        messages.warning(request, _("Choose at least one unit."))
    else:
        batches.add(reference=reference, cases_=chosen, **_given(request))
    return redirect("applications:batch", reference)


@require_POST
def remove(request: HttpRequest, reference: str) -> HttpResponse:
    batches.remove(reference=reference, case=request.POST.get("remove", ""), **_given(request))
    return redirect("applications:batch", reference)


@require_POST
def arrange(request: HttpRequest, reference: str) -> HttpResponse:
    """One step up or down, a place by its number, or the whole order from the script."""
    given = request.POST
    if given.get("order"):
        order = given["order"].split(",")
        batches.arrange(reference=reference, order=order, part="page" in request.GET, **_given(request))
        return HttpResponse(status=204)
    step = {"up": -1, "down": 1}.get(given.get("to", ""), 0)
    place = whole(given.get("place")) if given.get("to") == "place" else None
    batches.move_unit(reference=reference, case=given.get("move", ""), by=step, to=place, **_given(request))
    page = whole(request.GET.get("page"))
    return redirect(reverse("applications:batch", args=[reference]) + (f"?page={page}" if page else ""))


@require_POST
def suggest(request: HttpRequest, reference: str) -> HttpResponse:
    batches.suggest_order(reference=reference, **_given(request))
    messages.success(request, _("Ordered as the rule set suggests."))
    return redirect("applications:batch", reference)


@require_POST
def letter(request: HttpRequest, reference: str) -> HttpResponse:
    form = LetterForm(request.POST)
    if form.is_valid():
        try:
            batches.write_letter(reference=reference, **form.cleaned_data, **_given(request))
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Saved."))
            return redirect("applications:batch", reference)
    return _page(request, reference, letter=form)


@require_POST
def explain(request: HttpRequest, reference: str) -> HttpResponse:
    """Why a warning is passed over; of one unit, or with no case of the whole batch."""
    form = ReasonForm(request.POST)
    rule, case = request.POST.get("rule", "")[:80], request.POST.get("case", "")
    if form.is_valid():
        given = {"rule": rule, "case": case, "reason": form.cleaned_data["reason"]}
        try:
            batches.explain(reference=reference, **given, **_given(request))
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Saved."))
            return redirect("applications:batch", reference)
    return _page(request, reference, why=form, why_of=(rule, case))


@require_http_methods(["GET", "POST"])
def quota(request: HttpRequest, reference: str) -> HttpResponse:
    """What if there were more or fewer places, or another order: worked out and shown, never kept."""
    actor = _actor(request)
    form = TrialForm(request.POST or None, quotas=reads.quotas_of(actor, reference))
    places = form.places() if form.is_bound and form.is_valid() else {}
    order: list[str] = []
    if request.POST.get("by") == "rule":
        order = reads.order_by_rule(actor, reference)
    elif request.POST.get("by") != "batch":
        order = quotas.reordered(_ranks(request))
    batch, trial = reads.trial(actor, reference, places=places, order=order)
    context = {"batch": batch, "trial": trial, "form": form}
    return render(request, "applications/batch_quota.html", context, status=422 if form.errors else 200)


def _ranks(request: HttpRequest) -> list[tuple[str, int]]:
    """(reference, number typed) in the order of the page; what is no number stays where it is."""
    given = [(name.removeprefix("rank_"), value) for name, value in request.POST.items() if name.startswith("rank_")]
    return [(name, whole(str(value)) or place) for place, (name, value) in enumerate(given, start=1)]


def _plain(verb: Callable[..., Any], said: Callable[[], str], *, leave: bool = False) -> View:
    """A view that posts one verb without more input."""

    @require_POST
    @wraps(verb)
    def view(request: HttpRequest, reference: str) -> HttpResponse:
        verb(reference=reference, **_given(request))
        messages.success(request, said())
        return redirect("applications:batches") if leave else redirect("applications:batch", reference)

    return view


discard = _plain(batches.discard, lambda: _("The draft was given up; its units wait for recommendation."), leave=True)
hand_over = _plain(batches.hand_over, lambda: _("Put before the approver."))
send = _plain(batches.send, lambda: _("Sent. The receiving authority and the applicants have been told."))
take_back = _plain(batches.take_back, lambda: _("Taken back. It can be sent again; the applicants have been told."))
receive = _plain(batches.receive, lambda: _("Received."))


@require_POST
def sign(request: HttpRequest, reference: str) -> HttpResponse:
    batches.sign(reference=reference, digest=request.POST.get("digest", ""), **_given(request))
    messages.success(request, _("Signed and frozen. It can be sent now."))
    return redirect("applications:batch", reference)


@require_POST
def hand_back(request: HttpRequest, reference: str) -> HttpResponse:
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            batches.hand_back(reference=reference, note=form.cleaned_data["reason"], **_given(request))
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Handed back to the handler."))
            return redirect("applications:batch", reference)
    return _page(request, reference, back=form)


@require_POST
def paper(request: HttpRequest, reference: str) -> HttpResponse:
    form = PaperForm(request.POST)
    reads.get(_actor(request), reference)
    if not form.is_valid():
        messages.error(request, _("Give the number of copies, from 0 to 99."))
        return redirect("applications:batch", reference)
    case = request.POST.get("case", "")
    batches.note_paper(reference=reference, case=case, copies=form.cleaned_data["copies"], **_given(request))
    messages.success(request, _("Receipt of paper copies recorded."))
    return redirect("applications:batch", reference)


@require_http_methods(["GET", "POST"])
def sealed(request: HttpRequest, reference: str) -> HttpResponseBase:
    """The scan of the sealed document, for who sees the batch; the sender attaches it here."""
    found = reads.get(_actor(request), reference)
    if request.method == "GET":
        if found.sealed is None:
            raise NotVisible
        batches.seen(reference=reference, **_given(request))
        return attachments.response(found.sealed)
    form = SealForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            batches.attach_seal(reference=reference, upload=form.cleaned_data["scan"], **_given(request))
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("The scan is kept with the batch."))
            return redirect("applications:batch", reference)
    rules.require(may.ATTACH_SEAL, found, _actor(request))
    return _page(request, reference, scan=form)


@require_http_methods(["GET", "POST"])
def return_unit(request: HttpRequest, reference: str, case: str) -> HttpResponse:
    """One unit goes back with a reason; the rest of the batch stays."""
    view = reads.view(_actor(request), reference, on=clock.china_date(clock.now()))
    rules.require(may.RETURN_UNIT, view.batch, _actor(request))
    unit = next((one for one in view.units if one.item.application.reference == case), None)
    if unit is None:
        raise NotVisible
    if unit.why_not_returned and request.method == "GET":
        raise WrongState(unit.why_not_returned)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            batches.return_unit(reference=reference, case=case, reason=form.cleaned_data["reason"], **_given(request))
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Returned. The rest of the batch is not affected."))
            return redirect("applications:batch", reference)
    context = {"view": view, "batch": view.batch, "unit": unit, "form": form}
    return render(request, "applications/batch_return.html", context, status=422 if form.is_bound else 200)


@require_GET
def signature(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    """What the digital signature on a kept paper of the batch says, and whether the file still is what was signed."""
    found = reads.get(_actor(request), reference)
    batches.seen(reference=reference, **_given(request))
    if kind not in papers.STAMPED or (kind, "pdf") not in reads.papers_of(found) or found.frozen is None:
        raise NotVisible
    signed = papers.signature_of(found, kind)
    context = {"batch": found, "kind": kind, "name": papers.name_of(found, kind, "pdf"), "signed": signed}
    if signed:
        context |= {"blob": signed[0], "said": signed[1]}
    return render(request, "applications/batch_signature.html", context)


@require_GET
def document(request: HttpRequest, reference: str, kind: str, format_: str) -> HttpResponseBase:
    """One paper of the batch; drafts are rendered for looking only, signed ones are kept with their checksum."""
    actor, at = _actor(request), clock.now()
    found = reads.get(actor, reference)
    batches.seen(actor=actor, at=at, reference=reference)
    if (kind, format_) not in reads.papers_of(found):
        raise NotVisible
    if kind == joint.JOINT and format_ == "xlsx":
        return joint.workbook_response(found, actor=actor)
    if format_ == "xlsx":
        return papers.workbook_response(found, at=at)
    back = reverse("applications:batch", args=[reference])
    title = papers.name_of(found, kind, format_)
    if kind != papers.PACKAGE:
        of_kind = joint.paper_file if kind == joint.JOINT else partial(papers.paper_file, kind=kind)
        paper = of_kind(found, actor=actor, at=at)
        return waiting.answer(request, paper, at=at, title=title, back=back, inline=True)
    if found.frozen is None:
        raise NotAllowed(_("The package exists once the batch is signed."))
    package = papers.package_file(found, actor=actor, at=at)
    if isinstance(package, RenderJob):
        return waiting.answer(request, package, at=at, title=title, back=back)
    return waiting.streamed(request, *package, content_type=archives.TYPE)


urlpatterns: list[URLPattern] = [
    path("batches/", batch_list, name="batches"),
    path("batches/start/", start, name="batch_start"),
    path("batches/<str:reference>/", batch, name="batch"),
    path("batches/<str:reference>/add/", add, name="batch_add"),
    path("batches/<str:reference>/remove/", remove, name="batch_remove"),
    path("batches/<str:reference>/arrange/", arrange, name="batch_arrange"),
    path("batches/<str:reference>/suggest/", suggest, name="batch_suggest"),
    path("batches/<str:reference>/explain/", explain, name="batch_explain"),
    path("batches/<str:reference>/quota/", quota, name="batch_quota"),
    path("batches/<str:reference>/letter/", letter, name="batch_letter"),
    path("batches/<str:reference>/discard/", discard, name="batch_discard"),
    path("batches/<str:reference>/hand-over/", hand_over, name="batch_hand_over"),
    path("batches/<str:reference>/hand-back/", hand_back, name="batch_hand_back"),
    path("batches/<str:reference>/sign/", sign, name="batch_sign"),
    path("batches/<str:reference>/send/", send, name="batch_send"),
    path("batches/<str:reference>/take-back/", take_back, name="batch_take_back"),
    path("batches/<str:reference>/receive/", receive, name="batch_receive"),
    path("batches/<str:reference>/sealed/", sealed, name="batch_sealed"),
    path("batches/<str:reference>/paper/", paper, name="batch_paper"),
    path("batches/<str:reference>/return/<str:case>/", return_unit, name="batch_return"),
    path("batches/<str:reference>/signature/<str:kind>/", signature, name="batch_signature"),
    path("batches/<str:reference>/<str:kind>.<str:format_>", document, name="batch_document"),
]

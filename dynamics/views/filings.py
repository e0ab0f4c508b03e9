"""Filings of cultivation upward, and training dates."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.documents import filings as documents
from dynamics.forms import filings as forms
from dynamics.selectors import filings as reads
from dynamics.selectors import trainings as training_reads
from dynamics.services import filings, trainings
from dynamics.states import FilingState
from greenlist.core import archives, attachments, clock, waiting
from greenlist.core.actors import Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, Refused
from greenlist.core.http import Request, whole
from greenlist.core.models import RenderJob
from greenlist.policy import words

get_or_post = require_http_methods(["GET", "POST"])


def _officials_only(request: Request) -> None:
    if not request.actor.is_official:
        raise NotAllowed(rules.OFFICIALS_KEEP)


# ---- filings --------------------------------------------------------------------------------------------------------------
@require_GET
def index(request: Request) -> HttpResponse:
    """What the authority files, and the board of who files with it."""
    _officials_only(request)
    actor, today = request.actor, clock.china_date(clock.now())
    year = whole(request.GET.get("year")) or today.year
    year = min(max(year, 2000), today.year)
    own = reads.own(actor)
    made = {(row.rule, row.year) for row in own}
    owed = [
        {"rule": rule, "label": words.text(rule.label), "due_on": rule.due(today.year)}
        for rule in reads.rules_for(actor.area_path, str(actor.tier or ""))
        if (rule.key, today.year) not in made
    ]
    context = {
        "own": own,
        "owed": owed,
        "boards": reads.boards(actor, year, today),
        "year": year,
        "this_year": today.year,
    }
    return render(request, "dynamics/filings.html", context)


@require_POST
def start(request: Request, rule: str) -> HttpResponse:
    at = clock.now()
    row = filings.draft(rule=rule, year=clock.china_date(at).year, actor=request.actor, at=at)
    return redirect("dynamics:filing", row.reference)


@get_or_post
def show(request: Request, reference: str) -> HttpResponse:
    """One filing: written while it is a draft, read afterwards."""
    row = reads.one(request.actor, reference)
    may = rules.may_file(request.actor, row.authority_id)
    given = {name: getattr(row, name) for name in ("version", "plan", "with_library", "with_list")}
    drafts = may and row.state == FilingState.DRAFT
    form = forms.FilingForm(request.POST or None, initial=given) if drafts else None
    if request.method == "POST":
        if form is None:
            filings.write(reference=reference, **given, actor=request.actor, at=clock.now())  # refused, with the reason
        elif form.is_valid():
            try:
                filings.write(reference=reference, **form.cleaned_data, actor=request.actor, at=clock.now())
            except Conflict as conflict:
                form.add_error(None, str(conflict.message))
            else:
                messages.success(request, _("Saved."))
                return redirect("dynamics:filing", reference)
    status = 422 if form is not None and form.errors else 200
    return render(request, "dynamics/filing.html", _filing_context(request, row, may, form), status=status)


def _filing_context(request: Request, row: Any, may: bool, form: Any) -> dict[str, Any]:
    signs = rules.may_sign_filing(request.actor, row.authority_id) and row.handed_by_id != request.actor.user_id
    why = rules.HANDED_IT if row.handed_by_id == request.actor.user_id else rules.APPROVERS_SIGN

    def act(name: str, label: str, **more: Any) -> dict[str, Any]:
        url = reverse(f"dynamics:filing-{name}", args=[row.reference])
        return {"label": label, "url": url, "method": "post", **more}

    actions = []
    if may and row.state == FilingState.DRAFT:
        actions = [act("hand", _("Hand over for signature"), primary=True)]
    elif may and row.state == FilingState.TO_SIGN:
        actions = [
            act("sign", _("Sign and send"), primary=True, allowed=signs, reason=why),
            act("back", _("Back to be worked on")),
        ]
    elif row.state == FilingState.SENT and row.to_id == request.actor.authority_id:
        actions = [act("receive", _("Receive"), primary=True)]
    late = row.sent_at is not None and clock.china_date(row.sent_at) > row.due_on
    return {"row": row, "form": form, "actions": actions, "late": late, "frozen": row.frozen}


@require_POST
def hand(request: Request, reference: str) -> HttpResponse:
    try:
        filings.hand_over(reference=reference, actor=request.actor, at=clock.now())
    except Refused as refused:
        messages.error(request, str(refused.message))
    else:
        messages.success(request, _("Handed over. Another person signs it."))
    return redirect("dynamics:filing", reference)


@require_POST
def back(request: Request, reference: str) -> HttpResponse:
    filings.hand_back(reference=reference, actor=request.actor, at=clock.now())
    return redirect("dynamics:filing", reference)


@require_POST
def sign(request: Request, reference: str) -> HttpResponse:
    filings.sign(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Signed and sent."))
    return redirect("dynamics:filing", reference)


@require_POST
def receive(request: Request, reference: str) -> HttpResponse:
    row = filings.receive(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Received: %(number)s") % {"number": row.number})
    return redirect("dynamics:filing", reference)


@require_GET
def package(request: Request, reference: str) -> HttpResponseBase:
    """PDF and XLSX of what was handed over, in one ZIP."""
    row, at = reads.one(request.actor, reference), clock.now()
    made = documents.package(row, actor=request.actor, at=at)
    if isinstance(made, RenderJob):
        url = reverse("dynamics:filing", args=[reference])
        return waiting.answer(request, made, at=at, title=documents.title(), back=url)
    if waiting.polls(request):
        return waiting.opened(request)
    name, body = made
    response = StreamingHttpResponse(body, content_type=archives.TYPE)
    response["Content-Disposition"] = attachments.disposition(name)
    return response


# ---- trainings --------------------------------------------------------------------------------------------------------------
def _may_read(request: Request) -> None:
    unit = request.actor.capacity == Capacity.APPLICANT and not request.actor.is_body
    if not (request.actor.is_official or unit):
        raise NotAllowed(_("This page is for authorities, firms and parks."))


@get_or_post
def training_list(request: Request) -> HttpResponse:
    """Dates that are offered; an authority that keeps a library offers more."""
    _may_read(request)
    may = rules.keeps_library(request.actor)
    form = forms.TrainingForm(request.POST or None) if may else None
    if request.method == "POST":
        if form is None:
            raise NotAllowed(rules.OFFICIALS_KEEP)
        if form.is_valid():
            try:
                made = trainings.offer(given=form.offered(), actor=request.actor, at=clock.now())
            except Invalid as wrong:
                form.take(wrong)
            else:
                messages.success(request, _("Offered. The cultivation objects of your area have been told."))
                return redirect("dynamics:training", made.reference)
    leaf = training_reads.page(request.actor, after=whole(request.GET.get("after")))
    status = 422 if form is not None and form.errors else 200
    return render(request, "dynamics/trainings.html", {"leaf": leaf, "form": form}, status=status)


@require_GET
def training(request: Request, reference: str) -> HttpResponse:
    return _training(request, reference, forms.SignUpForm(initial={"persons": 1}))


def _training(request: Request, reference: str, form: forms.SignUpForm) -> HttpResponse:
    actor = request.actor
    page = training_reads.one(actor, reference, clock.china_date(clock.now()))
    unit = actor.capacity == Capacity.APPLICANT and not actor.is_body
    cancels = actor.is_official and actor.authority_id == page.row.authority_id and page.row.cancelled_at is None
    context = {"page": page, "form": form if unit and page.is_open else None, "cancels": cancels}
    return render(request, "dynamics/training.html", context, status=422 if form.errors else 200)


@require_POST
def training_sign_up(request: Request, reference: str) -> HttpResponse:
    form = forms.SignUpForm(request.POST)
    persons = form.cleaned_data["persons"] if form.is_valid() else 0
    try:
        trainings.sign_up(reference=reference, persons=persons, actor=request.actor, at=clock.now())
    except Invalid:
        return _training(request, reference, form)
    except Refused as full:
        form.add_error("persons", str(full.message))
        return _training(request, reference, form)
    messages.success(request, _("Signed up."))
    return redirect("dynamics:training", reference)


@require_POST
def training_sign_off(request: Request, reference: str) -> HttpResponse:
    trainings.sign_off(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Signed off."))
    return redirect("dynamics:training", reference)


@require_POST
def training_cancel(request: Request, reference: str) -> HttpResponse:
    trainings.cancel(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Cancelled. Who signed up has been told."))
    return redirect("dynamics:training", reference)


urlpatterns: list[URLPattern] = [
    path("cultivation/filings/", index, name="filings"),
    path("cultivation/filings/start/<slug:rule>/", start, name="filing-start"),
    path("cultivation/filings/<str:reference>/", show, name="filing"),
    path("cultivation/filings/<str:reference>/hand/", hand, name="filing-hand"),
    path("cultivation/filings/<str:reference>/back/", back, name="filing-back"),
    path("cultivation/filings/<str:reference>/sign/", sign, name="filing-sign"),
    path("cultivation/filings/<str:reference>/receive/", receive, name="filing-receive"),
    path("cultivation/filings/<str:reference>/package.zip", package, name="filing-package"),
    path("cultivation/trainings/", training_list, name="trainings"),
    path("cultivation/trainings/<str:reference>/", training, name="training"),
    path("cultivation/trainings/<str:reference>/sign-up/", training_sign_up, name="training-sign-up"),
    path("cultivation/trainings/<str:reference>/sign-off/", training_sign_off, name="training-sign-off"),
    path("cultivation/trainings/<str:reference>/cancel/", training_cancel, name="training-cancel"),
]

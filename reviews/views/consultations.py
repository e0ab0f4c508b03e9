"""The asking authority's pages: list, letter, answers as a matrix, conclusion, papers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from greenlist.core import clock, waiting
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.http import whole
from reviews import documents, rules
from reviews.forms import LetterForm, NoteForm, OfficeForm, RulingsForm
from reviews.models import Consultation
from reviews.selectors import consultations as reads
from reviews.services import consultations
from reviews.states import ConsultationState
from reviews.views.panels import actor_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The authority's consultations, and the calls with cases that wait for one."""
    actor = actor_of(request)
    if not actor.is_official:
        raise NotAllowed(_("Only officials ask departments for their opinion."))
    context = {
        "page": reads.page(actor, after=whole(request.GET.get("after"))),
        "calls": reads.calls_waiting(actor),
        "today": clock.china_date(clock.now()),
    }
    return render(request, "reviews/consultations.html", context)


@require_POST
def create(request: HttpRequest, call: int) -> HttpResponse:
    """A letter about everything that waits of one call."""
    actor = actor_of(request)
    found = reads.calls_waiting(actor).select_related("rules", "owner__area").filter(pk=call).first()
    if found is None:
        raise NotVisible
    made = consultations.create(actor=actor, call=found, at=clock.now())
    return redirect("reviews:consultation", made.reference)


@require_GET
def consultation(request: HttpRequest, reference: str) -> HttpResponse:
    """The letter to write or to approve, the answers, the conclusion."""
    return _page(request, reference)


def _page(
    request: HttpRequest,
    reference: str,
    *,
    letter: LetterForm | None = None,
    office: OfficeForm | None = None,
    rulings: RulingsForm | None = None,
    note: NoteForm | None = None,
) -> HttpResponse:
    actor, today = actor_of(request), clock.china_date(clock.now())
    found = reads.get(actor, reference)
    offices = reads.offices_of(found)
    shown = _shown(request, found, offices)
    handles = rules.may_draw_up(found, actor)
    context: dict[str, Any] = {
        "consultation": found,
        "rule": reads.rule_of(found),
        "offices": offices,
        "answered": sum(one.answered_at is not None for one in offices),
        "waited_for": reads.unanswered(offices, today),
        "units": shown,
        "count": found.units.count(),
        "actions": rules.available_for_consultation(found, actor),
        "documents": documents.of_consultation(found, offices),
        "note": note or NoteForm(),
        "is_draft": found.state == ConsultationState.DRAFT and handles,
        "may_send": found.state == ConsultationState.TO_SEND and rules.may_send_now(found, actor),
        "may_close": found.state == ConsultationState.TO_CLOSE and rules.may_close_now(found, actor),
        "may_hand_back": rules.may_approve(found, actor)
        and found.state in (ConsultationState.TO_SEND, ConsultationState.TO_CLOSE),
        "may_add": handles and found.state in rules.ASK_OFFICE.states,
        "may_enter": handles and found.state == ConsultationState.ASKED,
        "is_sent": found.sent_at is not None,
        "today": today,
    }
    _add_forms(context, found, actor, letter=letter, office=office, rulings=rulings, offices=offices)
    bound = any(form is not None and form.is_bound for form in (letter, office, rulings, note))
    return render(request, "reviews/consultation.html", context, status=422 if bound else 200)


def _shown(request: HttpRequest, found: Consultation, offices: Any) -> dict[str, Any]:
    """One page of the units; before the letter is sent, and after, the same table."""
    after = whole(request.GET.get("after")) or 0
    rows = list(reads.rows_of(found).filter(position__gt=after)[: reads.UNITS_SHOWN + 1])
    more = rows[reads.UNITS_SHOWN - 1].position if len(rows) > reads.UNITS_SHOWN else None
    return {"rows": reads.units(found, offices, rows[: reads.UNITS_SHOWN]), "after": more}


def _add_forms(
    context: dict[str, Any],
    found: Consultation,
    actor: Any,
    *,
    letter: LetterForm | None,
    office: OfficeForm | None,
    rulings: RulingsForm | None,
    offices: Any,
) -> None:
    if context["is_draft"]:
        context["letter"] = letter or _letter(None, found, context["count"])
        context["waiting"] = reads.waiting(actor).filter(call=found.call, step=found.step).count()
    elif found.state == ConsultationState.TO_SEND:
        context["text"] = reads.text_of(found, context["count"])
        context["digest"] = reads.letter_digest(found)
    else:
        context["text"] = found.text
    if context["may_add"]:
        context["office"] = office or OfficeForm(None, offices=reads.addable(found, offices))
    if context["may_enter"]:
        against = reads.objected(found, offices)
        form = rulings or RulingsForm(None, consultation=found, units=against)
        context["rulings"] = form
        context["against"] = [
            (one, form[f"adjustment-{one.reference}"], form[f"reason-{one.reference}"]) for one in against
        ]
    if found.state == ConsultationState.TO_CLOSE:
        context["digest"] = reads.opinions_digest(found)
        context["objected"] = reads.objected(found, offices)


def _letter(data: Any, found: Consultation, count: int) -> LetterForm:
    initial = {
        "version": found.version,
        "title": found.title,
        "number": found.number,
        "text": reads.text_of(found, count),
    }
    return LetterForm(data, initial=initial)


@require_POST
def save(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps the letter; `hand_over` puts it before the approver at once."""
    actor = actor_of(request)
    found = reads.get(actor, reference)
    form = _letter(request.POST, found, found.units.count())
    if not form.is_valid():
        return _page(request, reference, letter=form)
    given: dict[str, Any] = {"actor": actor, "reference": reference, "version": form.cleaned_data["version"]}
    try:
        if "hand_over" in request.POST:
            consultations.hand_over(letter=form.as_letter(), at=clock.now(), **given)
            messages.success(request, _("Handed over. The approvers have been told."))
        else:
            consultations.save(letter=form.as_letter(), at=clock.now(), **given)
            messages.success(request, _("Saved."))
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, letter=form)
    return redirect("reviews:consultation", reference)


@require_POST
def take_in(request: HttpRequest, reference: str) -> HttpResponse:
    made = consultations.take_in(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("Added: %(count)s.") % {"count": len(made)})
    return redirect("reviews:consultation", reference)


@require_POST
def leave_out(request: HttpRequest, reference: str) -> HttpResponse:
    case = request.POST.get("case", "")
    consultations.leave_out(actor=actor_of(request), reference=reference, case=case, at=clock.now())
    messages.success(request, _("Left out. It waits for another letter."))
    return redirect("reviews:consultation", reference)


@require_POST
def add_office(request: HttpRequest, reference: str) -> HttpResponse:
    actor = actor_of(request)
    found = reads.get(actor, reference)
    form = OfficeForm(request.POST, offices=reads.addable(found, reads.offices_of(found)))
    if not form.is_valid():
        return _page(request, reference, office=form)
    given = form.cleaned_data
    try:
        made = consultations.add_office(
            actor=actor, reference=reference, authority_id=given.get("office"), name=given["name"], at=clock.now()
        )
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, office=form)
    messages.success(request, _("Added: %(name)s.") % {"name": made.name})
    return redirect("reviews:consultation", reference)


@require_POST
def remove_office(request: HttpRequest, reference: str) -> HttpResponse:
    office = request.POST.get("office", "")
    consultations.remove_office(actor=actor_of(request), reference=reference, office=office, at=clock.now())
    return redirect("reviews:consultation", reference)


@require_POST
def hand_back(request: HttpRequest, reference: str) -> HttpResponse:
    note = NoteForm(request.POST)
    text = request.POST.get("note", "")
    try:
        consultations.hand_back(actor=actor_of(request), reference=reference, note=text, at=clock.now())
    except Invalid as wrong:
        note.is_valid()
        note.take(wrong)
        return _page(request, reference, note=note)
    messages.success(request, _("Handed back to the handler."))
    return redirect("reviews:consultation", reference)


@require_POST
def send(request: HttpRequest, reference: str) -> HttpResponse:
    digest = request.POST.get("digest", "")
    consultations.send(actor=actor_of(request), reference=reference, digest=digest, at=clock.now())
    messages.success(request, _("Sent. Departments with an account have been told."))
    return redirect("reviews:consultation", reference)


@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    consultations.cancel(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("Dropped. Its units wait for another letter."))
    return redirect("reviews:consultations")


@require_POST
def conclude(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps the adjustments; `hand_over` puts the conclusion before the approver."""
    actor = actor_of(request)
    found = reads.get(actor, reference)
    form = RulingsForm(request.POST, consultation=found, units=reads.objected(found, reads.offices_of(found)))
    if not form.is_valid():
        return _page(request, reference, rulings=form)
    given: dict[str, Any] = {"actor": actor, "reference": reference, "version": form.cleaned_data["version"]}
    try:
        if "hand_over" in request.POST:
            consultations.conclude(rulings=form.as_rulings(), at=clock.now(), **given)
            messages.success(request, _("Handed over. The approvers have been told."))
        else:
            consultations.save_conclusion(rulings=form.as_rulings(), at=clock.now(), **given)
            messages.success(request, _("Saved."))
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, rulings=form)
    return redirect("reviews:consultation", reference)


@require_POST
def close(request: HttpRequest, reference: str) -> HttpResponse:
    digest = request.POST.get("digest", "")
    consultations.close(actor=actor_of(request), reference=reference, digest=digest, at=clock.now())
    messages.success(request, _("Concluded. Every unit goes where the conclusion says."))
    return redirect("reviews:consultation", reference)


@require_GET
def document(request: HttpRequest, reference: str, kind: str) -> HttpResponseBase:
    """A department's letter with the list, or all opinions with the conclusion."""
    actor, at = actor_of(request), clock.now()
    found = reads.get(actor, reference)
    paper = documents.for_consultation(found, kind, actor=actor, at=at)
    back = reverse("reviews:consultation", args=[reference])
    return waiting.answer(request, paper, at=at, title=found.title, back=back)


urlpatterns: list[URLPattern] = [
    path("reviews/consultations/", index, name="consultations"),
    path("reviews/consultations/new/<int:call>/", create, name="consultation-new"),
    path("reviews/consultations/<str:reference>/", consultation, name="consultation"),
    path("reviews/consultations/<str:reference>/save/", save, name="consultation-save"),
    path("reviews/consultations/<str:reference>/take-in/", take_in, name="consultation-take-in"),
    path("reviews/consultations/<str:reference>/leave-out/", leave_out, name="consultation-leave-out"),
    path("reviews/consultations/<str:reference>/add-office/", add_office, name="consultation-add-office"),
    path("reviews/consultations/<str:reference>/remove-office/", remove_office, name="consultation-remove-office"),
    path("reviews/consultations/<str:reference>/hand-back/", hand_back, name="consultation-hand-back"),
    path("reviews/consultations/<str:reference>/send/", send, name="consultation-send"),
    path("reviews/consultations/<str:reference>/cancel/", cancel, name="consultation-cancel"),
    path("reviews/consultations/<str:reference>/conclude/", conclude, name="consultation-conclude"),
    path("reviews/consultations/<str:reference>/close/", close, name="consultation-close"),
    path("reviews/consultations/<str:reference>/documents/<str:kind>/", document, name="consultation-document"),
]

"""移出: the list, one case with everything to do in it, proposing one; the same pages for officials and for the unit."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.forms import removals as forms
from dynamics.models import Removal
from dynamics.selectors import removals as reads
from dynamics.services import bulletins, removals, rulebook
from dynamics.states import RemovalSource, RemovalState
from dynamics.views.acting import Offer, Verb, offered, send
from greenlist.core import attachments, clock
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotAllowed, Refused
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, whole
from greenlist.policy import words
from registry import selectors as registry
from registry.models import Listing

UNIT_ONLY = gettext_lazy("Only the unit itself answers.")
HANDLES = (rules.may_handle_removal, rules.OWNERS_ONLY)
DECIDES = (rules.may_decide_removal, rules.APPROVERS_ONLY)
ANSWERS = (rules.may_answer_removal, UNIT_ONLY)
VERBS = {
    "ask": Verb(
        forms.AskForm,
        removals.ask,
        gettext_lazy("The unit has been told."),
        *HANDLES,
    ),
    "answer": Verb(
        forms.AnswerForm,
        removals.answer,
        gettext_lazy("Sent. The authority reads it before anything is decided."),
        *ANSWERS,
    ),
    "silence": Verb(None, removals.note_silence, gettext_lazy("Noted."), *HANDLES),
    "oral": Verb(forms.OralForm, removals.record_oral, gettext_lazy("Recorded."), *HANDLES),
    "conclude": Verb(
        forms.ConcludeForm,
        removals.conclude,
        gettext_lazy("Handed to the approver."),
        *HANDLES,
    ),
    "back": Verb(forms.TextForm, removals.hand_back, gettext_lazy("Handed back."), *DECIDES),
    "decide": Verb(forms.DecideForm, removals.decide, gettext_lazy("Decided."), *DECIDES),
    "drop": Verb(
        forms.ReasonForm,
        removals.propose_dismissal,
        gettext_lazy("Handed to the approver."),
        *HANDLES,
    ),
    "dismiss": Verb(
        forms.DismissForm,
        removals.dismiss,
        gettext_lazy("Dropped. The place on the list is as it was."),
        *DECIDES,
    ),
    "evidence": Verb(forms.EvidenceForm, removals.add_evidence, gettext_lazy("Kept."), *HANDLES),
}
DROPPABLE = (RemovalState.PROPOSED, RemovalState.HEARING, RemovalState.HEARD, RemovalState.DECIDED)
HEARD = (RemovalState.HEARING, RemovalState.HEARD, RemovalState.TO_APPROVE)


@require_GET
def removals_list(request: Request) -> HttpResponse:
    actor = request.actor
    if not (actor.is_official or actor.capacity == Capacity.APPLICANT):
        raise NotAllowed(_("Units and the authorities of their place see removals."))
    state = request.GET.get("state", "")
    state = state if state in RemovalState.values else ""
    if actor.is_official:
        rows, after = reads.page(actor, state=state, after=whole(request.GET.get("after")))
    else:
        rows, after = list(reads.own(actor)), None
    context = {"rows": rows, "after": after, "state": state, "states": CLOSED, "official": actor.is_official}
    return render(request, "dynamics/removals.html", context)


CLOSED = [
    (one.value, one.label)
    for one in (RemovalState.DECIDED, RemovalState.EFFECTIVE, RemovalState.DISMISSED, RemovalState.LAPSED)
]


@require_GET
def removal(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


def _page(request: Request, reference: str, verb: str = "", refused: ServiceForm | None = None) -> HttpResponse:
    actor, at = request.actor, clock.now()
    row = reads.one(actor, reference)
    handles = rules.may_handle_removal(actor, row)
    files = row.files.select_related("blob")
    context = {
        "row": row,
        "label": words.text(reads.label_of(row)),
        "clause": reads.clause_of(row),
        "hearing": reads.hearing_of(row),
        "official": actor.is_official,
        "handles": handles,
        "files": files if handles else files.filter(by_unit=True) if not actor.is_official else (),
        "course": reads.course(row, for_unit=not actor.is_official),
        "waits": row.state == RemovalState.DECIDED and bulletins.waits_for_list(row),
        "requests": row.upward_requests.select_related("to_authority") if handles else (),
        "offers": offered(_offers(request, row, at), verb, refused),
    }
    return render(request, "dynamics/removal.html", context, status=200 if refused is None else 422)


def _offers(request: Request, row: Removal, at: datetime) -> list[Offer]:
    """What this person may do now, in the order of the course."""
    actor, found = request.actor, []
    if rules.may_answer_removal(actor, row) and row.state in HEARD:
        found.append(Offer("answer", _("Answer"), _("Send the answer"), forms.AnswerForm(), multipart=True))
    if rules.may_handle_removal(actor, row):
        found += _handling(row, at)
    if rules.may_decide_removal(actor, row):
        found += _deciding(request, row)
    return found


def _handling(row: Removal, at: datetime) -> list[Offer]:
    found = []
    if row.state == RemovalState.PROPOSED:
        day = reads.least_day(row, at)
        start = {"answer_by": day, "letter": reads.hearing_words(row, day)["text"]}
        lead = _("The rules give the unit at least so many days as the nearest possible day here says.")
        found.append(Offer("ask", _("Ask the unit"), _("Send the letter"), forms.AskForm(initial=start), lead=lead))
    if row.state == RemovalState.HEARING:
        found.append(Offer("oral", _("The unit came in person"), _("Record it"), forms.OralForm()))
        if at >= clock.day_end(row.hearing.answer_by):
            found.append(Offer("silence", _("No answer by the day"), _("Note that nothing was said")))
    if row.state == RemovalState.HEARD:
        found.append(Offer("conclude", _("Conclusion"), _("Hand to the approver"), forms.ConcludeForm()))
    if row.state in (RemovalState.PROPOSED, *HEARD):
        found.append(Offer("evidence", _("Add evidence"), _("Keep the file"), forms.EvidenceForm(), multipart=True))
    if row.state in DROPPABLE and row.dismissal_by_id is None and not removals.drops_alone(row):
        lead = _(
            "Another person, an approver, decides about it: the unit knows of the matter, or an official has dealt with it."
        )
        offer = Offer("drop", _("Propose to let it drop"), _("Hand to the approver"), forms.ReasonForm(), lead=lead)
        found.append(offer)
    return found


def _deciding(request: Request, row: Removal) -> list[Offer]:
    if row.concluded_by_id == request.actor.user_id:
        return []
    found = []
    if row.state == RemovalState.TO_APPROVE:
        start = {"seen": reads.digest(row), "outcome": row.conclusion}
        found.append(Offer("decide", _("Decide"), _("Decide"), forms.DecideForm(initial=start), grave=True))
        found.append(Offer("back", _("Hand back"), _("Hand back"), forms.TextForm()))
    elif row.state in DROPPABLE and row.dismissal_by_id not in (None, request.actor.user_id):
        start = {"seen": reads.digest(row)}
        found.append(Offer("dismiss", _("Let it drop"), _("Let it drop"), forms.DismissForm(initial=start)))
        found.append(Offer("back", _("Hand back"), _("Hand back"), forms.TextForm()))
    elif removals.drops_alone(row):
        lead = _("The portal proposed it and nobody has taken it up: an approver alone may drop it, with a reason.")
        form = forms.DismissForm(initial={"seen": reads.digest(row)})
        found.append(Offer("dismiss", _("Let it drop"), _("Let it drop"), form, lead=lead))
    return found


@require_POST
def act(request: Request, reference: str, verb: str) -> HttpResponse:
    """One step of the course."""
    row = reads.one(request.actor, reference)
    common = {"actor": request.actor, "reference": reference, "at": clock.now()}
    said, refused = send(request, VERBS, verb, row, common)
    if refused is not None:
        return _page(request, reference, verb, refused)
    messages.success(request, said)
    return redirect("dynamics:removal", reference)


@require_GET
def removal_file(request: Request, reference: str, pk: int) -> HttpResponseBase:
    """A file beside it: the unit's own for the unit, all for who handles it (evidence may name a third person)."""
    row = reads.one(request.actor, reference)
    handles = rules.may_handle_removal(request.actor, row)
    if request.actor.is_official and not handles:
        raise NotAllowed(rules.OWNERS_ONLY)
    return attachments.response(reads.file_of(row, pk, all_=handles))


@require_GET
def removal_evidence(request: Request, reference: str) -> HttpResponseBase:
    row = reads.one(request.actor, reference)
    if not rules.may_handle_removal(request.actor, row):
        raise NotAllowed(rules.OWNERS_ONLY)
    return attachments.response(reads.evidence_of(row))


@require_http_methods(["GET", "POST"])
def propose(request: Request, listing: int) -> HttpResponse:
    """An official of the unit's place proposes a removal, citing a ground of the list's rules."""
    actor, found = request.actor, registry.listing_of(listing)
    if not rules.may_propose_removal(actor, found):
        raise NotAllowed(_("Officials of the unit's place propose a removal."))
    form = forms.ProposeForm(request.POST or None, request.FILES or None, grounds=_grounds(found))
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = {
            "listing": found.pk,
            "source": RemovalSource.PERSON,
            "at": clock.now(),
            **form.cleaned_data,
        }
        try:
            made = removals.propose_with_file(actor=actor, **given)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Proposed. The authority whose list it is looks at it."))
            return redirect("dynamics:removal", made.reference)
    context = {"listing": found, "form": form}
    return render(request, "dynamics/removal_propose.html", context, status=422 if form.is_bound else 200)


def _grounds(listing: Listing) -> list[tuple[str, str]]:
    """Raises Refused: nobody's rules here have grounds for this list."""
    grounds = [one for standing in rulebook.of_listing(listing) for one in standing.grounds]
    if not grounds:
        raise Refused(_("The rules of this list name no such ground for a removal."), code="no_ground")
    return [(one.key, f"{words.text(one.label)}（{one.clause}）") for one in grounds]


urlpatterns: list[URLPattern] = [
    path("after/removals/", removals_list, name="removals"),
    path("after/removals/<str:reference>/", removal, name="removal"),
    path("after/removals/<str:reference>/evidence.file", removal_evidence, name="removal-evidence"),
    path("after/removals/<str:reference>/files/<int:pk>/", removal_file, name="removal-file"),
    path("after/removals/<str:reference>/<slug:verb>/", act, name="removal-act"),
    path("after/listings/<int:listing>/remove/", propose, name="removal-propose"),
]

"""提请上级: the list of letters, one letter with its course, for who asks and for who is asked."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from dynamics import rules
from dynamics.documents import upward as documents
from dynamics.forms import removals as forms
from dynamics.models import UpwardRequest
from dynamics.selectors import upward as reads
from dynamics.services import upward
from dynamics.states import WITH_UPPER, UpwardState
from dynamics.views.acting import Offer, Verb, offered, send
from greenlist.core import clock, waiting
from greenlist.core.errors import NotAllowed
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, whole

PREPARES = (rules.may_prepare_upward, rules.SENDERS_ONLY)
SIGNS = (rules.may_sign_upward, rules.APPROVERS_ONLY)
ANSWERS = (rules.may_answer_upward, rules.SENDERS_ONLY)
VERBS = {
    "edit": Verb(forms.LetterForm, upward.edit, gettext_lazy("Saved."), *PREPARES),
    "hand": Verb(
        None,
        upward.hand_to_approver,
        gettext_lazy("Handed to the approver."),
        *PREPARES,
    ),
    "back": Verb(forms.TextForm, upward.hand_back, gettext_lazy("Handed back."), *SIGNS),
    "send": Verb(forms.SendForm, upward.send, gettext_lazy("Signed and sent."), *SIGNS),
    "receive": Verb(forms.ReceiveForm, upward.receive, gettext_lazy("Recorded."), *ANSWERS),
    "refuse": Verb(forms.ReasonForm, upward.refuse, gettext_lazy("Recorded."), *ANSWERS),
    "settle": Verb(forms.DocumentForm, upward.settle, gettext_lazy("Recorded."), *ANSWERS),
    "drop": Verb(forms.ReasonForm, upward.drop, gettext_lazy("Given up."), *PREPARES),
}


@require_GET
def requests_list(request: Request) -> HttpResponse:
    """Letters of one's own authority and those it has received."""
    if not request.actor.is_official:
        raise NotAllowed(rules.SENDERS_ONLY)
    state = request.GET.get("state", "")
    state = state if state in UpwardState.values else ""
    rows, after = reads.page(request.actor, state=state, after=whole(request.GET.get("after")))
    context = {"rows": rows, "after": after, "state": state, "states": UpwardState.choices}
    return render(request, "dynamics/requests.html", context)


@require_GET
def upward_request(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


def _page(request: Request, reference: str, verb: str = "", refused: ServiceForm | None = None) -> HttpResponse:
    row = reads.one(request.actor, reference)
    context = {
        "row": row,
        "course": reads.course(row),
        "offers": offered(_offers(request, row), verb, refused),
    }
    return render(request, "dynamics/request.html", context, status=200 if refused is None else 422)


def _offers(request: Request, row: UpwardRequest) -> list[Offer]:
    actor, found = request.actor, []
    words = {"title": row.title, "text": row.text, "version": row.version}
    if rules.may_prepare_upward(actor, row) and row.state == UpwardState.DRAFT:
        found.append(Offer("edit", _("Words of the letter"), _("Save"), forms.LetterForm(initial=words)))
        found.append(Offer("hand", _("Ready"), _("Hand to the approver")))
        found.append(Offer("drop", _("Give it up"), _("Give it up"), forms.ReasonForm(), grave=True))
    if rules.may_sign_upward(actor, row) and row.state == UpwardState.TO_SIGN and row.handed_by_id != actor.user_id:
        start = {"digest": upward.shown_digest(row), "number": row.number}
        found.append(Offer("send", _("Sign and send"), _("Sign and send"), forms.SendForm(initial=start)))
        found.append(Offer("back", _("Hand back"), _("Hand back"), forms.TextForm()))
    if rules.may_answer_upward(actor, row) and row.state in WITH_UPPER:
        if row.state == UpwardState.SENT:
            today = {"on": clock.china_date(clock.now())}
            found.append(Offer("receive", _("Received"), _("Record it"), forms.ReceiveForm(initial=today)))
        if reads.may_say_done(actor, row, clock.china_date(clock.now())):
            found.append(Offer("settle", _("Done"), _("Record it"), forms.DocumentForm()))
        found.append(Offer("refuse", _("Not followed"), _("Record it"), forms.ReasonForm(), grave=True))
    return found


@require_POST
def act(request: Request, reference: str, verb: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    common = {"actor": request.actor, "reference": reference, "at": clock.now()}
    said, refused = send(request, VERBS, verb, row, common)
    if refused is not None:
        return _page(request, reference, verb, refused)
    messages.success(request, said)
    return redirect("dynamics:request", reference)


@require_GET
def letter(request: Request, reference: str) -> HttpResponseBase:
    """The letter as it was signed. Raises NotVisible before."""
    at, row = clock.now(), reads.signed(request.actor, reference)
    paper = documents.letter_pdf(row, actor=request.actor, at=at)
    back = reverse("dynamics:request", args=[reference])
    return waiting.answer(request, paper, at=at, title=row.title, back=back, inline=True)


urlpatterns: list[URLPattern] = [
    path("after/requests/", requests_list, name="requests"),
    path("after/requests/<str:reference>/", upward_request, name="request"),
    path("after/requests/<str:reference>/letter.pdf", letter, name="request-letter"),
    path("after/requests/<str:reference>/<slug:verb>/", act, name="request-act"),
]

"""Pages of findings: what stands against units of an office's area, and the answers to it."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.documents import checks as papers
from applications.forms.hits import AgreeForm, AnswerForm
from applications.selectors import drafts
from applications.selectors import hits as reads
from applications.services import hits
from applications.states import HitState
from greenlist.core import attachments, clock, waiting
from greenlist.core.errors import Invalid, NotVisible
from greenlist.core.http import Request


@require_GET
def listed(request: Request) -> HttpResponse:
    page = reads.listed(request.actor, request.GET)
    chosen = request.GET.get("state", HitState.OPEN)
    mine = bool(request.GET.get("mine"))
    states = [{"value": value, "label": label, "chosen": value == chosen} for value, label in HitState.choices]
    offices = [{"value": "1", "label": _("only what my authority answers"), "chosen": mine}]
    context = {
        "page": page,
        "rows": [(row, reads.said_of(row), reads.article(row)) for row in page.rows],
        "selects": [
            {"name": "state", "label": _("State"), "options": states},
            {"name": "mine", "label": _("To be answered by"), "options": offices},
        ],
    }
    return render(request, "applications/hits.html", context)


@require_http_methods(["GET", "POST"])
def one(request: Request, pk: int) -> HttpResponse:
    """A finding with its answers; for who may, the form to answer."""
    shown = reads.page(request.actor, pk)
    seen = {"seen": reads.mark_of(shown.hit)}
    form = AnswerForm(shown.words, request.POST or None, request.FILES or None, initial=seen)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            said = hits.answer(hit_id=pk, upload=data.pop("document"), actor=request.actor, at=clock.now(), **data)
        except Invalid as error:
            form.take(error)
        else:
            told = _("Kept. It counts once another person agrees.") if said.four_eyes else _("The answer is kept.")
            messages.success(request, told)
            return redirect("applications:hit", pk)
    if request.method == "POST" and not shown.words:
        hits.answer(hit_id=pk, word="", reason="", actor=request.actor, at=clock.now())  # says why not
    context = {"one": shown, "hit": shown.hit, "form": form, "agree": AgreeForm()}
    return render(request, "applications/hit.html", context, status=422 if form.errors else 200)


@require_POST
def agree(request: Request, pk: int) -> HttpResponse:
    """The second person's word on a waiver."""
    agrees = request.POST.get("action") == "agree"
    note = request.POST.get("note", "")
    said = hits.agree(answer_id=pk, agrees=agrees, note=note, actor=request.actor, at=clock.now())
    messages.success(request, _("You agreed: the finding is set aside.") if agrees else _("You did not agree."))
    return redirect("applications:hit", said.hit_id)


@require_GET
def document(request: Request, pk: int) -> HttpResponseBase:
    said = reads.answer(request.actor, pk)
    if said.document is None:
        raise NotVisible
    return attachments.response(said.document)


@require_POST
def take_up(request: Request, reference: str) -> HttpResponse:
    """From the case file: a condition that is not met, to be answered."""
    case = drafts.case_of(request.actor, reference)
    hit = hits.take_up_rule(case=case, rule=request.POST.get("rule", ""), actor=request.actor, at=clock.now())
    return redirect("applications:hit", hit.pk)


@require_GET
def paper(request: Request, reference: str) -> HttpResponseBase:
    """核查情况表 of a case."""
    actor, at = request.actor, clock.now()
    papers.may_read(actor)
    case = drafts.case_of(actor, reference)
    found = papers.file(case, actor=actor, at=at)
    back = reverse("applications:case-checks", args=[reference])
    return waiting.answer(request, found, at=at, title=papers.name_of(case), back=back)


urlpatterns: list[URLPattern] = [
    path("findings/", listed, name="hits"),
    path("findings/<int:pk>/", one, name="hit"),
    path("findings/answers/<int:pk>/agree/", agree, name="hit-agree"),
    path("findings/answers/<int:pk>/document/", document, name="hit-document"),
    path("cases/<str:reference>/findings/", take_up, name="hit-take-up"),
    path("cases/<str:reference>/checks.pdf", paper, name="checks-pdf"),
]

"""A department's pages: what it is asked, its answer unit by unit. The asking authority enters paper answers on the same page."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from greenlist.core import attachments, clock, waiting
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.http import whole
from reviews import documents, rules
from reviews.forms import OpinionsForm, ReasonForm
from reviews.models import ConsultedOffice
from reviews.selectors import consultations as reads
from reviews.services import opinions
from reviews.states import ConsultationState
from reviews.views.panels import actor_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What a department was asked, newest first."""
    actor = actor_of(request)
    if actor.capacity != Capacity.DEPARTMENT:
        raise NotAllowed(_("Only officers of other departments are asked for opinions."))
    context = {
        "page": reads.asked(actor, after=whole(request.GET.get("after"))),
        "today": clock.china_date(clock.now()),
    }
    return render(request, "reviews/opinions.html", context)


@require_GET
def opinion(request: HttpRequest, reference: str) -> HttpResponse:
    """The list with the department's words."""
    return _page(request, reference)


def _page(
    request: HttpRequest, reference: str, *, form: OpinionsForm | None = None, reason: ReasonForm | None = None
) -> HttpResponse:
    actor = actor_of(request)
    office = reads.office(actor, reference)
    found = office.consultation
    asked, after = _asked(request, office)
    own = rules.may_answer(office, actor)
    is_open = found.state == ConsultationState.ASKED and office.answered_at is None
    if not own and reads.is_writing(office):
        raise WrongState(rules.DEPARTMENT_WRITES)
    answers = is_open and (own or rules.may_enter(office, actor))
    if not (own or answers or office.answered_at is not None):
        raise NotVisible  # a department's draft is its own
    checks = reads.checks_of(found)
    form = form or _form(None, None, office, asked)
    said, count = reads.progress(office)
    context: dict[str, Any] = {
        "office": office,
        "consultation": found,
        "checks": checks,
        "rows": [_row(form, one, checks) for one in asked],
        "form": form,
        "answers": answers,
        "own": own,
        "said": said,
        "count": count,
        "page_at": request.GET.get("after", ""),
        "after": after,
        "today": clock.china_date(clock.now()),
        "may_reopen": not own
        and rules.may_enter(office, actor)
        and found.state == ConsultationState.ASKED
        and office.answered_at is not None,
        "reason": reason or ReasonForm(),
        "letter": documents.letter_link(office) if found.sent_at else None,
    }
    refused = form.is_bound or (reason is not None and reason.is_bound)
    return render(request, "reviews/opinion.html", context, status=422 if refused else 200)


def _asked(request: HttpRequest, office: ConsultedOffice) -> tuple[list[reads.Asked], int | None]:
    """The units of one page."""
    after = whole(request.GET.get("after")) or 0
    rows = list(reads.rows_of(office.consultation).filter(position__gt=after)[: reads.UNITS_SHOWN + 1])
    more = rows[reads.UNITS_SHOWN - 1].position if len(rows) > reads.UNITS_SHOWN else None
    return reads.asked_units(office, rows[: reads.UNITS_SHOWN]), more


def _form(data: Any, files: Any, office: ConsultedOffice, asked: list[reads.Asked]) -> OpinionsForm:
    return OpinionsForm(data, files, asked=asked, checks=reads.checks_of(office.consultation))


def _row(form: OpinionsForm, one: reads.Asked, checks: Any) -> dict[str, Any]:
    key = one.unit.reference
    if f"verdict-{key}" not in form.fields:
        return {"unit": one.unit, "reply": one.reply}
    return {
        "unit": one.unit,
        "reply": one.reply,
        "verdict": form[f"verdict-{key}"],
        "reason": form[f"reason-{key}"],
        "checks": [(check, form[f"check-{check.key}-{key}"]) for check in checks],
    }


@require_POST
def save(request: HttpRequest, reference: str) -> HttpResponse:
    """Keeps the page; `all` answers the rest with no objection, `submit` sends the answer."""
    actor, at = actor_of(request), clock.now()
    office = reads.office(actor, reference)
    asked, _after = _asked(request, office)
    form = _form(request.POST, request.FILES, office, asked)
    if not form.is_valid():
        return _page(request, reference, form=form)
    given: dict[str, Any] = {"actor": actor, "reference": reference, "at": at}
    try:
        if "submit" in request.POST:
            opinions.submit(said=form.as_opinions(), cover=form.as_cover(), **given)
            messages.success(request, _("The answer has been sent."))
        else:
            opinions.save(said=form.as_opinions(), **given)
            if "all" in request.POST:
                opinions.no_objection(**given)
            messages.success(request, _("Saved. It counts once the answer is sent."))
    except Invalid as wrong:
        form.take(wrong)
        return _page(request, reference, form=form)
    where = reverse("reviews:opinion", args=[reference])
    page_at = request.GET.get("after", "")
    return redirect(f"{where}?after={whole(page_at)}" if page_at and "submit" not in request.POST else where)


@require_POST
def again(request: HttpRequest, reference: str) -> HttpResponse:
    """The asking authority opens an answer again."""
    form = ReasonForm(request.POST)
    try:
        opinions.ask_again(
            actor=actor_of(request), reference=reference, reason=request.POST.get("reason", ""), at=clock.now()
        )
    except Invalid as wrong:
        form.is_valid()
        form.take(wrong)
        return _page(request, reference, reason=form)
    messages.success(request, _("Opened again."))
    return redirect("reviews:opinion", reference)


@require_GET
def file(request: HttpRequest, reference: str) -> FileResponse:
    """The signed answer: to the department, and to who asked once it was sent."""
    office = reads.office(actor_of(request), reference)
    if office.file is None or office.answered_at is None:
        raise NotVisible
    return attachments.response(office.file)


@require_GET
def letter(request: HttpRequest, reference: str) -> HttpResponseBase:
    """The letter to this department, with the list."""
    actor, at = actor_of(request), clock.now()
    office = reads.office(actor, reference)
    paper = documents.for_office(office, actor=actor, at=at)
    back = reverse("reviews:opinion", args=[reference])
    return waiting.answer(request, paper, at=at, title=office.consultation.title, back=back)


urlpatterns: list[URLPattern] = [
    path("reviews/opinions/", index, name="opinions"),
    path("reviews/opinions/<str:reference>/", opinion, name="opinion"),
    path("reviews/opinions/<str:reference>/save/", save, name="opinion-save"),
    path("reviews/opinions/<str:reference>/again/", again, name="opinion-again"),
    path("reviews/opinions/<str:reference>/file/", file, name="opinion-file"),
    path("reviews/opinions/<str:reference>/letter/", letter, name="opinion-letter"),
]

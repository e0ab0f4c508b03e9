"""动态管理表: the unit's list, table and check; reviewing; cycles, the board of one, reminding, its export."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics.documents import table as table_papers
from dynamics.documents import yearly as papers
from dynamics.forms.yearly import (
    ApproveForm,
    DeclareForm,
    ExplainForm,
    MoveForm,
    OpenCycleForm,
    OpinionForm,
    ReturnForm,
    ScoreFileForm,
    typed_scores,
)
from dynamics.selectors import boards, cycles, yearly
from dynamics.selectors import scores as score_reads
from dynamics.services import cycles as cycle_services
from dynamics.services import scores as score_services
from dynamics.services import yearly as services
from dynamics.states import WITH_UNIT, YearlyState
from dynamics.views import exporting
from greenlist.core import clock, sheets, waiting
from greenlist.core.errors import Conflict, Invalid, Refused
from greenlist.core.http import Request, whole


def _given(request: Request, reference: str) -> dict[str, Any]:
    return {"actor": request.actor, "at": clock.now(), "reference": reference}


def _today() -> Any:
    return clock.china_date(clock.now())


# ---- the unit ---------------------------------------------------------------------------------------------------------
@require_GET
def own(request: Request) -> HttpResponse:
    page = yearly.own_page(request.actor, request.GET.dict(), _today())
    return render(request, "dynamics/yearly_own.html", {"page": page})


@require_GET
def table(request: Request, reference: str) -> HttpResponse:
    page = yearly.table_page(request.actor, reference, _today())
    actions = [
        {
            "label": one.label,
            "url": reverse(one.page, args=[reference]),
            "primary": one.primary,
            "allowed": one.allowed,
            "reason": one.reason,
        }
        for one in page.actions
    ]
    return render(request, "dynamics/yearly.html", {"page": page, "table": page.table, "actions": actions})


@require_http_methods(["GET", "POST"])
def begin(request: Request, reference: str) -> HttpResponse:
    """On to the table; the first time with a page that says what is taken over."""
    if request.method == "POST":
        services.begin(**_given(request, reference))
        return redirect("applications:paper-fill", yearly.KIND, reference)
    row = yearly.own_table(request.actor, reference)
    if row.state in WITH_UNIT:
        return redirect("applications:paper-fill", yearly.KIND, reference)
    if row.state != YearlyState.DUE:
        return redirect("dynamics:yearly", reference)
    return render(request, "dynamics/yearly_begin.html", {"table": row, "title": yearly.title_of(row)})


@require_http_methods(["GET", "POST"])
def check(request: Request, reference: str) -> HttpResponse:
    """What is missing, what is doubtful, the declaration; both forms post here."""
    row = yearly.own_table(request.actor, reference)
    if row.state not in WITH_UNIT:
        return redirect("dynamics:yearly", reference)
    if request.method == "POST" and "declare" in request.POST:
        return _declare(request, reference)
    if request.method == "POST":
        form = ExplainForm(request.POST, doubts=yearly.check_page(row, _today()).doubts)
        if form.is_valid():
            services.explain(reasons=form.reasons(), **_given(request, reference))
            messages.success(request, _("Saved."))
            return redirect("dynamics:yearly-check", reference)
        return _check_page(request, reference, explain=form, status=422)
    return _check_page(request, reference)


def _declare(request: Request, reference: str) -> HttpResponse:
    given: dict[str, Any] = {
        "digest": request.POST.get("digest", ""),
        "declared_name": request.POST.get("declared_name", ""),
        "agreed": "agreed" in request.POST,
    }
    try:
        services.file(**given, **_given(request, reference))
    except (Invalid, Conflict, Refused) as refused:
        return _check_page(request, reference, refused=refused, status=refused.status)
    messages.success(request, _("Handed in. The authority reviews it."))
    return redirect("dynamics:yearly", reference)


def _check_page(
    request: Request,
    reference: str,
    *,
    explain: ExplainForm | None = None,
    refused: Invalid | Conflict | Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    page = yearly.check_page(cycles.table_of(request.actor, reference), _today())
    typed = {"declared_name": request.POST.get("declared_name", ""), "agreed": request.POST.get("agreed", "")}
    text = page.declaration
    form = DeclareForm(typed if refused else None, declaration=text, initial={"declared_name": request.actor.name})
    if refused:
        form.is_valid()
        if isinstance(refused, Invalid):
            form.take(refused)
    context = {
        "page": page,
        "table": page.table,
        "form": form,
        "explain": explain or ExplainForm(doubts=page.doubts),
        "refused": refused,
    }
    return render(request, "dynamics/yearly_check.html", context, status=status)


# ---- reviewing --------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def review(request: Request, reference: str) -> HttpResponse:
    """The declared table beside what is said of it: pass on or accept, return, write the opinion report."""
    if request.method == "GET":
        return _review_page(request, reference)
    row = cycles.table_of(request.actor, reference)
    version = yearly.last_version(row)
    changed = bool(version and yearly.changed_of(version))
    deed = request.POST.get("deed", "")
    if deed == "return":
        return _return(request, reference, ReturnForm(request.POST, auto_id="back_%s", labels=yearly.returnable(row)))
    if deed == "opinion":
        duty = cycles.duty_of(row.cycle, row.category)
        return _opinion(request, reference, OpinionForm(request.POST, auto_id="opinion_%s", duty=duty, changed=changed))
    return _approve(request, reference, ApproveForm(request.POST, auto_id="approve_%s", changed=changed))


def _approve(request: Request, reference: str, form: ApproveForm) -> HttpResponse:
    if form.is_valid():
        given = {"revision": form.cleaned_data["revision"], "text": form.cleaned_data["text"], "meets": form.meets()}
        try:
            done = services.approve(**given, **_given(request, reference))
        except Invalid as invalid:
            form.take(invalid)
        except Refused as refused:
            return _review_page(request, reference, approve=form, refused=refused, status=refused.status)
        else:
            said = _("Accepted.") if done.state == YearlyState.ACCEPTED else _("Passed on to the next tier.")
            messages.success(request, said)
            return redirect("dynamics:yearly", reference)
    return _review_page(request, reference, approve=form, status=422)


def _return(request: Request, reference: str, form: ReturnForm) -> HttpResponse:
    if form.is_valid():
        given = {"revision": form.cleaned_data["revision"], "text": form.cleaned_data["text"], "answer_by": form.day()}
        try:
            services.give_back(fields=form.named(), **given, **_given(request, reference))
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("Returned to the unit."))
            return redirect("dynamics:yearly", reference)
    return _review_page(request, reference, back=form, status=422)


def _opinion(request: Request, reference: str, form: OpinionForm) -> HttpResponse:
    if form.is_valid():
        given = {"text": form.cleaned_data["text"], "points": form.points(), "meets": form.meets()}
        try:
            services.write_opinion(**given, **_given(request, reference))
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The opinion report is written."))
            return redirect("dynamics:yearly-review", reference)
    return _review_page(request, reference, opinion=form, status=422)


def _review_page(
    request: Request,
    reference: str,
    *,
    approve: ApproveForm | None = None,
    back: ReturnForm | None = None,
    opinion: OpinionForm | None = None,
    refused: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    page = yearly.review_page(request.actor, reference, _today())
    start = {"revision": page.page.table.revision}
    changed = bool(page.page.changed)
    context = {
        "page": page.page,
        "table": page.page.table,
        "doubts": page.doubts,
        "last": page.last,
        "wants_report": page.wants_report,
        "has_report": page.has_report,
        "approve": approve or ApproveForm(initial=start, auto_id="approve_%s", changed=changed),
        "back": back or ReturnForm(initial=start, auto_id="back_%s", labels=page.labels),
        "opinion": (opinion or OpinionForm(auto_id="opinion_%s", duty=page.page.duty, changed=changed))
        if page.wants_report
        else None,
        "refused": refused,
    }
    return render(request, "dynamics/yearly_review.html", context, status=status)


@require_GET
def opinion_pdf(request: Request, reference: str, pk: int) -> HttpResponseBase:
    """The opinion report as PDF (HLJ-28)."""
    row = papers.report_of(request.actor, reference, pk)
    at = clock.now()
    found = papers.file(row, actor=request.actor, at=at)
    back = reverse("dynamics:yearly", args=[reference])
    return waiting.answer(request, found, at=at, title=papers.name_of(row), back=back, inline="inline" in request.GET)


@require_GET
def table_pdf(request: Request, reference: str) -> HttpResponseBase:
    """The table that was declared as an official paper, for everybody who sees it."""
    at = clock.now()
    name, found = table_papers.file(request.actor, reference, at=at)
    back = reverse("dynamics:yearly", args=[reference])
    return waiting.answer(request, found, at=at, title=name, back=back, inline="inline" in request.GET)


# ---- cycles -----------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
def cycle_list(request: Request) -> HttpResponse:
    """The cycles of one's place; who keeps a list opens one here."""
    today = _today()
    page = boards.cycles_page(request.actor, request.GET.dict(), today)
    if request.method == "GET":
        form = OpenCycleForm(duties=page.may_open, initial={"year": today.year})
        return render(request, "dynamics/cycles.html", {"page": page, "form": form})
    form = OpenCycleForm(request.POST, duties=page.may_open)
    if form.is_valid():
        version, _sign, duty = form.cleaned_data["duty"].partition(":")
        given = {"year": form.cleaned_data["year"], "due_on": form.cleaned_data["due_on"]}
        try:
            cycle = cycle_services.open_cycle(
                actor=request.actor, at=clock.now(), version=whole(version) or 0, duty=duty, **given
            )
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The cycle is open; the units were told."))
            return redirect("dynamics:cycle", cycle.reference)
    return render(request, "dynamics/cycles.html", {"page": page, "form": form}, status=422)


@require_GET
def cycle(request: Request, reference: str) -> HttpResponse:
    """催报看板: who owes what, by state and place; counts, filter and export say the same."""
    return _board(request, reference)


def _board(request: Request, reference: str, *, form: MoveForm | None = None, status: int = 200) -> HttpResponse:
    row = cycles.cycle_of(request.actor, reference)
    given = request.GET.dict()
    page = boards.board(request.actor, row, boards.filters_of(request.actor, given), given, _today())
    context = {"page": page, "cycle": row, "form": form or MoveForm()}
    return render(request, "dynamics/cycle.html", context, status=status)


@require_GET
def cycle_export(request: Request, reference: str) -> HttpResponseBase:
    """Exactly what the board finds under the same filters."""
    filters = boards.filters_of(request.actor, request.GET.dict()).as_query()
    back = reverse("dynamics:cycle", args=[reference])
    return exporting.send(request, papers.BOARD, filters, subject=reference, back=back)


@require_POST
def cycle_remind(request: Request, reference: str) -> HttpResponse:
    """One unit, or all that the filters find and that owe something."""
    row = cycles.cycle_of(request.actor, reference)
    filters = boards.filters_of(request.actor, request.POST.dict())
    one = request.POST.get("table", "")
    found = [one] if one else boards.filtered(request.actor, row, filters, _today()).values_list("reference", flat=True)
    count = services.chase(actor=request.actor, at=clock.now(), cycle=reference, references=found)
    messages.success(request, _("Units reminded (each at most once a day): %(count)s") % {"count": count})
    return redirect(f"{reverse('dynamics:cycle', args=[reference])}{_query(filters)}")


def _query(filters: boards.Filters) -> str:

    said = filters.as_query()
    return f"?{urlencode(said)}" if said else ""


@require_POST
def cycle_close(request: Request, reference: str) -> HttpResponse:
    cycle_services.close(**_given(request, reference))
    messages.success(request, _("The cycle is closed."))
    return redirect("dynamics:cycle", reference)


@require_POST
def cycle_move(request: Request, reference: str) -> HttpResponse:
    """A later last day for all, or for the one unit that is named."""
    table = request.POST.get("table", "")
    cycles.cycle_to_keep(request.actor, reference, table)
    form = MoveForm(request.POST)
    if form.is_valid():
        given = {"due_on": form.cleaned_data["due_on"], "reason": form.cleaned_data["reason"]}
        try:
            cycle_services.move_last_day(table=table, **given, **_given(request, reference))
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The last day was moved."))
            return redirect("dynamics:cycle", reference)
    return _board(request, reference, form=form, status=422)


@require_http_methods(["GET", "POST"])
def cycle_scores(request: Request, reference: str) -> HttpResponse:
    """Scores of the year: typed beside each unit, or from a file."""
    form = ScoreFileForm(request.POST, request.FILES) if request.FILES else ScoreFileForm()
    if request.method == "GET":
        return _scores_page(request, reference, form)
    row = score_reads.page(request.actor, reference, {}).cycle
    try:
        if request.FILES:
            form.is_valid()
            given = form.scores(row)
        else:
            given = typed_scores(request.POST.dict())
        count = score_services.enter(
            actor=request.actor, at=clock.now(), cycle=reference, scores=given, imported=bool(request.FILES)
        )
    except sheets.ImportRefused as refused:
        texts = [f"{one.row} {one.column}: {one.rule}" for one in refused.rows][:20]
        return _scores_page(request, reference, form, problems=texts, status=422)
    except Invalid as invalid:
        texts = [str(text) for found in invalid.problems.values() for text in found] or [str(invalid.message)]
        return _scores_page(request, reference, form, problems=texts, status=422)
    messages.success(request, _("Scores kept: %(count)s") % {"count": count})
    return redirect("dynamics:cycle-scores", reference)


def _scores_page(
    request: Request, reference: str, form: ScoreFileForm, *, problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    page = score_reads.page(request.actor, reference, request.GET.dict())
    context = {"page": page, "form": form, "problems": problems}
    return render(request, "dynamics/cycle_scores.html", context, status=status)


@require_POST
def aspire(request: Request, reference: str) -> HttpResponse:
    """A listed unit that means to apply higher hands in an evaluation report again (JY-19)."""
    row = services.aspire(
        actor=request.actor,
        at=clock.now(),
        cycle=reference,
        site_id=whole(request.POST.get("site")) or 0,
        category=request.POST.get("category", ""),
    )
    return redirect("dynamics:yearly", row.reference)


urlpatterns: list[URLPattern] = [
    path("yearly/", own, name="yearly-own"),
    path("yearly/<str:reference>/", table, name="yearly"),
    path("yearly/<str:reference>/begin/", begin, name="yearly-begin"),
    path("yearly/<str:reference>/check/", check, name="yearly-check"),
    path("yearly/<str:reference>/review/", review, name="yearly-review"),
    path("yearly/<str:reference>/table.pdf", table_pdf, name="yearly-pdf"),
    path("yearly/<str:reference>/opinions/<int:pk>.pdf", opinion_pdf, name="yearly-opinion-pdf"),
    path("cycles/", cycle_list, name="cycles"),
    path("cycles/<str:reference>/", cycle, name="cycle"),
    path("cycles/<str:reference>/tables.xlsx", cycle_export, name="cycle-export"),
    path("cycles/<str:reference>/remind/", cycle_remind, name="cycle-remind"),
    path("cycles/<str:reference>/close/", cycle_close, name="cycle-close"),
    path("cycles/<str:reference>/last-day/", cycle_move, name="cycle-move"),
    path("cycles/<str:reference>/scores/", cycle_scores, name="cycle-scores"),
    path("cycles/<str:reference>/aspire/", aspire, name="cycle-aspire"),
]

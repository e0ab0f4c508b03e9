"""An authority's pages about lists that other tiers publish: taking them over, names to confirm, outcomes of its cases."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import clock
from greenlist.core.actors import Tier
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.http import Request, whole
from greenlist.core.sheets import ImportRefused, Stale
from greenlist.organisations.models import Category
from greenlist.policy import words
from registry import imports, rules, selectors
from registry.forms import HeadingForm, ListFileForm, MatchNoteForm, ResultForm
from registry.models import ImportedList
from registry.services import imported
from registry.services.imported import Heading
from registry.states import FOUND, ImportState, MatchState, RowState

SHOWN = 20  # rows of a file that are shown before it is taken
REFUSED = 422


def _officials_only(request: Request) -> None:
    if not request.actor.is_official:
        raise NotAllowed(rules.LOWER_ONLY)


@require_GET
def index(request: Request) -> HttpResponse:
    """What waits for another tier's list, what was taken over, names to confirm."""
    _officials_only(request)
    actor = request.actor
    listed = selectors.imported_lists(actor, after=whole(request.GET.get("after", "")))
    context = {
        "calls": list(selectors.calls_waiting(actor)),
        "listed": listed,
        "matches": selectors.row_matches(actor, size=5).rows,
    }
    return render(request, "registry/imported_index.html", context)


@require_GET
def waiting(request: Request, pk: int) -> HttpResponse:
    """The cases of one call that wait for the list of its tier."""
    _officials_only(request)
    call = selectors.call_waiting(request.actor, pk)
    leaf = selectors.cases_waiting(request.actor, call, after=whole(request.GET.get("after", "")))
    return render(request, "registry/imported_waiting.html", {"call": call, "leaf": leaf})


def _tiers(request: Request) -> list[tuple[str, str]]:
    rank = request.actor.tier.rank if request.actor.tier else 9
    return [(tier.value, str(words.TIERS[tier.value])) for tier in Tier if tier.rank > max(rank, 2)]


def _heading(form: HeadingForm) -> Heading:
    given = form.cleaned_data
    names = ("title", "number", "issued_on", "source")
    return Heading(**{name: given[name] for name in names}, complete=bool(given.get("complete")))


@require_http_methods(["GET", "POST"])
def take(request: Request) -> HttpResponse:
    """First POST: check the whole file and show it; second POST, with the signed ticket of the first: take it over."""
    _officials_only(request)
    if request.method == "POST" and request.POST.get("ticket"):
        return _taken(request)
    key = whole(request.GET.get("call", ""))
    call = selectors.call_waiting(request.actor, key) if key else None
    choices: dict[str, Any] = {} if call else {"tiers": _tiers(request), "categories": Category.choices}
    form = ListFileForm(request.POST or None, request.FILES or None, **choices)
    context: dict[str, Any] = {"form": form, "call": call}
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        asked = imports.Asked(call.pk if call else None, given.get("tier", ""), given.get("category", ""))
        context |= _looked(request, form, asked)
    return _take_page(request, context)


def _looked(request: Request, form: ListFileForm, asked: imports.Asked) -> dict[str, Any]:
    upload, heading = form.cleaned_data["file"], _heading(form)
    if problems := imported.problems_of(heading, at=clock.now()):
        for field, texts in problems.items():
            for text in texts:
                form.add_error(field, str(text))
        return {}
    content = upload.read(imports.MAX_BYTES + 1)
    try:
        looked = imports.look(upload.name or "", content, actor=request.actor, asked=asked, heading=heading)
    except ImportRefused as refused:
        return _refused(refused)
    return {
        "rows": looked.rows[:SHOWN],
        "total": len(looked.rows),
        "ticket": looked.ticket,
        "heading": heading,
    }


def _refused(refused: ImportRefused) -> dict[str, Any]:
    return {"problems": refused.rows[:500], "count": len(refused.rows)}


def _taken(request: Request) -> HttpResponse:
    empty = ListFileForm(tiers=_tiers(request), categories=Category.choices)
    try:
        made = imports.take(request.POST["ticket"], actor=request.actor, at=clock.now())
    except Stale:
        return _take_page(request, {"form": empty, "stale": True})
    except ImportRefused as refused:
        return _take_page(request, {"form": empty} | _refused(refused))
    if made.state == ImportState.IN_FORCE:
        messages.success(request, _("The list is taken over."))
    else:
        messages.success(request, _("The list is taken in. It counts once an approver has approved it."))
    return redirect("registry:imported", made.reference)


def _take_page(request: Request, context: dict[str, Any]) -> HttpResponse:
    wrong = context.get("problems") or context.get("stale") or context["form"].errors
    shared = {"columns": imports.COLUMNS.values(), "limit": imports.MAX_ROWS}
    return render(request, "registry/imported_take.html", shared | context, status=REFUSED if wrong else 200)


@require_http_methods(["GET", "POST"])
def result(request: Request, reference: str) -> HttpResponse:
    """The outcome of one case, typed from the document."""
    case = selectors.case_waiting(request.actor, reference)
    form = ResultForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = imported.enter_result(
                actor=request.actor,
                at=clock.now(),
                case=reference,
                listed=given["listed"] == "yes",
                heading=_heading(form),
                reason=given["reason"],
            )
        except Invalid as wrong:
            for field, texts in wrong.problems.items():
                for text in texts:
                    form.add_error(field, str(text))
        else:
            messages.success(request, _("Recorded."))
            return redirect("registry:imported", made.reference)
    context = {"case": case, "form": form}
    return render(request, "registry/imported_result.html", context, status=REFUSED if form.errors else 200)


@require_GET
def show(request: Request, reference: str) -> HttpResponse:
    """One imported list: its document, its lines, and what became of them."""
    found = selectors.imported_list(request.actor, reference)
    state, words = request.GET.get("state", ""), request.GET.get("q", "").strip()[:60].replace("\x00", "")
    leaf = selectors.imported_rows(
        found, after=whole(request.GET.get("after", "")) or 0, state=state if state in RowState else "", words=words
    )
    counts = selectors.rows_by_state(found)
    context = {
        "imported": found,
        "leaf": leaf,
        "state": state,
        "q": words,
        "tiles": [{"value": counts.get(one.value, 0), "label": one.label} for one in RowState if counts.get(one.value)],
        "selects": [
            {
                "name": "state",
                "label": _("State"),
                "options": [{"value": one.value, "label": one.label, "chosen": one.value == state} for one in RowState],
            }
        ],
        "matches": selectors.row_matches(request.actor, imported=found, size=50).rows,
        "known": FOUND,
        **_offered(request, found),
    }
    return render(request, "registry/imported.html", context)


def _offered(request: Request, found: ImportedList) -> dict[str, Any]:
    waits = found.state == ImportState.TO_APPROVE
    in_force = found.state == ImportState.IN_FORCE
    may = rules.may_approve_import(request.actor, found)
    can_say = in_force and found.call_id is not None and found.complete_at is None and not found.by_hand
    return {
        "waits": waits,
        "may_approve": waits and may and not rules.took_over(request.actor, found),
        "why_not": rules.TOOK_OVER if rules.took_over(request.actor, found) else rules.APPROVERS_ONLY,
        "may_complete": can_say and found.complete_proposed_by_id != request.actor.user_id,
        "is_proposed": can_say and found.complete_proposed_at is not None,
    }


@require_POST
def approve(request: Request, reference: str) -> HttpResponse:
    imported.approve(actor=request.actor, reference=reference, at=clock.now())
    messages.success(request, _("The list is taken over."))
    return redirect("registry:imported", reference)


@require_POST
def drop(request: Request, reference: str) -> HttpResponse:
    imported.drop(actor=request.actor, reference=reference, at=clock.now())
    messages.success(request, _("Given up: nothing of it counts."))
    return redirect("registry:imported", reference)


@require_POST
def complete(request: Request, reference: str) -> HttpResponse:
    said = imported.declare_complete(actor=request.actor, reference=reference, at=clock.now())
    done = _("Recorded: who is not in the list was not listed.")
    waits = _("Proposed. It counts once an approver, another person, says the same.")
    messages.success(request, done if said.complete_at else waits)
    return redirect("registry:imported", reference)


@require_GET
def matches(request: Request) -> HttpResponse:
    """Names on imported lists that an official confirms."""
    _officials_only(request)
    leaf = selectors.row_matches(request.actor, after=whole(request.GET.get("after", "")) or 0)
    return render(request, "registry/imported_matches.html", {"leaf": leaf})


@require_http_methods(["GET", "POST"])
def match(request: Request, pk: int) -> HttpResponse:
    """One name: is it this unit?"""
    found = selectors.row_match(request.actor, pk)
    form = MatchNoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        same = request.POST.get("action") == "same"
        note = form.cleaned_data["note"]
        said = imported.decide_match(match_id=pk, same=same, note=note, actor=request.actor, at=clock.now())
        waits = said.state == MatchState.OPEN
        done = _("Proposed. It counts once an approver, another person, says the same.") if waits else _("Recorded.")
        messages.success(request, done)
        return redirect("registry:imported", found.row.imported.reference)
    firm, row = found.organisation, found.row
    shown = [
        {"label": _("Name on the list"), "value": row.name},
        {"label": _("Credit code on the list"), "value": row.code},
        {"label": _("Place on the list"), "value": row.area_text},
        {"label": _("Document"), "value": row.imported.document},
        {"label": _("Organisation"), "value": firm.name},
        {"label": _("Former names"), "value": "、".join(filter(None, firm.former.split("\n")))},
        {"label": _("Unified social credit code"), "value": firm.code or ""},
        {"label": _("Registered in"), "value": firm.area.full_name},
    ]
    own = found.proposed_by_id is not None and found.proposed_by_id == request.actor.user_id
    waits = found.state == MatchState.OPEN
    context = {"match": found, "form": form, "rows": shown, "waits": waits, "own": own, "why_not": rules.PROPOSED_IT}
    return render(request, "registry/imported_match.html", context, status=REFUSED if form.errors else 200)


urlpatterns = [
    path("registry/lists/", index, name="imported-lists"),
    path("registry/lists/take/", take, name="imported-take"),
    path("registry/lists/matches/", matches, name="imported-matches"),
    path("registry/lists/matches/<int:pk>/", match, name="imported-match"),
    path("registry/lists/waiting/<int:pk>/", waiting, name="imported-waiting"),
    path("registry/lists/result/<str:reference>/", result, name="imported-result"),
    path("registry/lists/<str:reference>/", show, name="imported"),
    path("registry/lists/<str:reference>/approve/", approve, name="imported-approve"),
    path("registry/lists/<str:reference>/drop/", drop, name="imported-drop"),
    path("registry/lists/<str:reference>/complete/", complete, name="imported-complete"),
]

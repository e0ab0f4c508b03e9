"""The case file with its tabs, and the list of cases an actor sees."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from applications.selectors import cases as reads
from applications.selectors import upward
from applications.services import batches, screening
from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


@require_GET
def case_list(request: HttpRequest) -> HttpResponse:
    """An applicant's own applications with what it may still apply to; for officials the cases of their area."""
    found = reads.case_list(_actor(request), request.GET, clock.now())
    chosen = request.GET.get("state", "")
    options = [{"value": value, "label": label, "chosen": value == chosen} for value, label in found.states]
    openings = upward.openings(_actor(request), clock.now())
    context = {
        "openings": openings,
        "list": found,
        "page": found.page,
        "options": options,
        "q": request.GET.get("q", ""),
    }
    return render(request, "applications/cases.html", context)


@require_GET
def case(request: HttpRequest, reference: str, tab: str = "report") -> HttpResponse:
    if _actor(request).capacity == Capacity.APPLICANT:
        screening.seen(actor=_actor(request), at=clock.now(), reference=reference)
    batches.seen_case(actor=_actor(request), at=clock.now(), reference=reference)
    page = reads.case_page(_actor(request), reference, tab, clock.now())
    return render(request, f"applications/case_{tab}.html", {"page": page, "case": page.case})


@require_GET
def changes(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """What version `number` of the report changed against the one before."""
    case_, older, newer, rows = reads.version_changes(_actor(request), reference, number)
    context = {"case": case_, "older": older, "newer": newer, "rows": rows}
    return render(request, "applications/case_changes.html", context)


urlpatterns: list[URLPattern] = [
    path("cases/", case_list, name="cases"),
    path("cases/<str:reference>/", case, name="case"),
    path("cases/<str:reference>/evidence/", case, {"tab": "evidence"}, name="case-evidence"),
    path("cases/<str:reference>/checks/", case, {"tab": "checks"}, name="case-checks"),
    path("cases/<str:reference>/documents/", case, {"tab": "documents"}, name="case-documents"),
    path("cases/<str:reference>/history/", case, {"tab": "history"}, name="case-history"),
    path("cases/<str:reference>/versions/<int:number>/changes/", changes, name="case-changes"),
]

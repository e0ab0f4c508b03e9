"""An expert's pages: pledge, declaration, scoring, locking, giving up the seat."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.selectors.scores import number
from greenlist.core import attachments, clock
from greenlist.core.errors import Conflict, Invalid
from greenlist.core.http import whole
from reviews.forms import AS_BOOL, ReasonForm, SheetForm
from reviews.models import Sheet
from reviews.selectors import seats as reads
from reviews.selectors.tree import total
from reviews.services import seats
from reviews.views.panels import actor_of

AS_WORD = {True: "yes", False: "no", None: ""}


@require_GET
def seat(request: HttpRequest, reference: str) -> HttpResponse:
    """What comes next for this expert: the pledge, the declaration, or the list of the own units."""
    if reads.is_over(actor_of(request), reference):
        messages.info(request, _("This review is over, or you no longer take part in it. Its material is closed."))
        return redirect("reviews:seats")
    return _seat(request, reference)


def _seat(
    request: HttpRequest,
    reference: str,
    *,
    error: Invalid | None = None,
    typed: dict[str, str] | None = None,
) -> HttpResponse:
    page = reads.get(actor_of(request), reference)
    template = {"pledge": "reviews/seat_pledge.html", "declare": "reviews/seat_declare.html"}.get(
        page.stage, "reviews/seat.html"
    )
    errors = (
        [{"href": f"#{path}", "text": text} for path, texts in error.problems.items() for text in texts]
        if error
        else []
    )
    context = {"page": page, "error": error, "errors": errors, "typed": typed or {}}
    return render(request, template, context, status=422 if error else 200)


@require_POST
def pledge(request: HttpRequest, reference: str) -> HttpResponse:
    """Signs; the tick is the signature's form, the service its act."""
    if request.POST.get("signed") != "yes":
        wrong = Invalid(
            _("The pledge was not signed."), problems={"signed": [_("Tick the box to sign, or give up the seat.")]}
        )
        return _seat(request, reference, error=wrong)
    seats.pledge(actor=actor_of(request), reference=reference, at=clock.now())
    messages.success(request, _("The pledge is signed."))
    return redirect("reviews:seat", reference)


@require_POST
def declare(request: HttpRequest, reference: str) -> HttpResponse:
    """Which units the expert keeps away from; the others open."""
    ticked = request.POST.getlist("away")
    conflicts = {case: request.POST.get(f"reason-{case}", "") for case in ticked}
    try:
        seats.declare(
            actor=actor_of(request),
            reference=reference,
            conflicts=conflicts,
            ties=request.POST.get("ties", ""),
            at=clock.now(),
        )
    except Invalid as wrong:
        return _seat(request, reference, error=wrong, typed=request.POST.dict() | dict.fromkeys(ticked, "on"))
    messages.success(request, _("Declared. The material of the other units is open to you now."))
    return redirect("reviews:seat", reference)


@require_http_methods(["GET", "POST"])
def recuse(request: HttpRequest, reference: str) -> HttpResponse:
    """Gives up the seat, with the reason."""
    page = reads.get(actor_of(request), reference)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            seats.recuse(
                actor=actor_of(request), reference=reference, reason=request.POST.get("reason", ""), at=clock.now()
            )
        except Invalid as wrong:
            form.is_valid()
            form.take(wrong)
        else:
            messages.success(request, _("You have given up the seat. Its material is closed to you."))
            return redirect("reviews:seats")
    return render(
        request, "reviews/seat_recuse.html", {"page": page, "form": form}, status=422 if form.is_bound else 200
    )


@require_GET
def sheet(request: HttpRequest, reference: str, case: str) -> HttpResponse:
    """The declared report beside the own sheet."""
    return _sheet(request, reference, case)


def _sheet(
    request: HttpRequest,
    reference: str,
    case: str,
    *,
    form: SheetForm | None = None,
    conflict: Conflict | None = None,
) -> HttpResponse:
    page = reads.scoring(actor_of(request), reference, case)
    form = form or SheetForm(
        None, panel=page.panel, highest=page.highest, tree=page.tree, initial=_as_initial(page.sheet)
    )
    context: dict[str, Any] = {
        "page": page,
        "form": form,
        "is_locked": page.sheet.locked_at is not None,
        "sum": total(page.tree, page.sheet.rows) if page.tree else None,
    }
    if conflict is not None:
        context |= {"conflict": conflict, "theirs": page.sheet}
    return render(request, "reviews/sheet.html", context, status=409 if conflict else 422 if form.is_bound else 200)


def _as_initial(row: Sheet) -> dict[str, Any]:
    typed = {"version": row.version, "score": row.score, "suggests": AS_WORD[row.suggests], "comment": row.comment}
    for key, given in row.rows.items():
        field = key.replace(".", "-")
        typed |= {f"points-{field}": given.get("points", ""), f"comment-{field}": given.get("comment", "")}
    return typed


@require_POST
def save(request: HttpRequest, reference: str, case: str) -> HttpResponse:
    """Keeps the sheet; autosave gets JSON."""
    page = reads.scoring(actor_of(request), reference, case)
    is_autosave = request.headers.get("X-Requested-With") == "autosave"
    form = SheetForm(request.POST, panel=page.panel, highest=page.highest, tree=page.tree)
    if not form.is_valid():
        if is_autosave:
            problems = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
            raise Invalid(_("The sheet was not saved."), problems=problems)
        return _sheet(request, reference, case, form=form)
    try:
        row = seats.save_sheet(
            actor=actor_of(request),
            reference=reference,
            case=case,
            version=form.cleaned_data["version"],
            score=form.cleaned_data.get("score"),
            suggests=AS_BOOL.get(form.cleaned_data["suggests"]),
            comment=form.cleaned_data["comment"],
            rows=form.rows,
            at=clock.now(),
        )
    except Conflict as other:
        if is_autosave:
            raise
        return _conflict(request, reference, case, other)
    except Invalid as wrong:
        if is_autosave:
            raise
        form.take(wrong)
        return _sheet(request, reference, case, form=form)
    if is_autosave:
        saved = row.saved_at.astimezone(clock.CHINA).strftime("%H:%M") if row.saved_at else ""
        worked = {"sum": number(total(page.tree, row.rows).total)} if page.tree else {}
        return JsonResponse({"version": row.version, "saved_at": saved, "computed": worked})
    messages.success(request, _("Saved."))
    target = request.POST.get("next", "")
    known = target and target == page.after
    return redirect("reviews:sheet", reference, target) if known else redirect("reviews:seat", reference)


def _conflict(request: HttpRequest, reference: str, case: str, conflict: Conflict) -> HttpResponse:
    """Both texts on one page: the form holds what was typed with the new version, beside it what stands."""
    page = reads.scoring(actor_of(request), reference, case)
    typed = request.POST.copy()
    typed["version"] = str(conflict.version)
    form = SheetForm(typed, panel=page.panel, highest=page.highest, tree=page.tree)
    return _sheet(request, reference, case, form=form, conflict=conflict)


@require_GET
def file(request: HttpRequest, reference: str, case: str, alias: str) -> FileResponse:
    """A file that a blind panel may see, under a name that says nothing, without what its program wrote about people."""
    bare = seats.bare_file(actor=actor_of(request), reference=reference, case=case, alias=alias, at=clock.now())
    return attachments.response(bare, inline="inline" in request.GET)


@require_http_methods(["GET", "POST"])
def keep_away(request: HttpRequest, reference: str, case: str) -> HttpResponse:
    """A conflict found late: this unit closes."""
    page = reads.scoring(actor_of(request), reference, case)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            seats.keep_away(
                actor=actor_of(request),
                reference=reference,
                case=case,
                reason=request.POST.get("reason", ""),
                at=clock.now(),
            )
        except Invalid as wrong:
            form.is_valid()
            form.add_error("reason", str(wrong.message))
        else:
            messages.success(request, _("Declared. This unit is closed to you."))
            return redirect("reviews:seat", reference)
    return render(request, "reviews/seat_away.html", {"page": page, "form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def lock(request: HttpRequest, reference: str) -> HttpResponse:
    """The summary of all own sheets, then the lock, for good."""
    actor = actor_of(request)
    error: Invalid | None = None
    if request.method == "POST":
        versions = {
            name.removeprefix("version-"): whole(request.POST.get(name)) or 0
            for name in request.POST
            if name.startswith("version-")
        }
        try:
            seats.lock(actor=actor, reference=reference, versions=versions, at=clock.now())
        except Invalid as wrong:
            error = wrong
        else:
            messages.success(request, _("Your sheets are locked. Thank you."))
            return redirect("reviews:seat", reference)
    page = reads.get(actor, reference)
    if page.stage != "score":
        return redirect("reviews:seat", reference)
    return render(request, "reviews/seat_lock.html", {"page": page, "error": error}, status=422 if error else 200)


urlpatterns: list[URLPattern] = [
    path("reviews/seats/<str:reference>/", seat, name="seat"),
    path("reviews/seats/<str:reference>/pledge/", pledge, name="seat-pledge"),
    path("reviews/seats/<str:reference>/declare/", declare, name="seat-declare"),
    path("reviews/seats/<str:reference>/recuse/", recuse, name="seat-recuse"),
    path("reviews/seats/<str:reference>/lock/", lock, name="seat-lock"),
    path("reviews/seats/<str:reference>/units/<str:case>/", sheet, name="sheet"),
    path("reviews/seats/<str:reference>/units/<str:case>/files/<str:alias>/", file, name="sheet-file"),
    path("reviews/seats/<str:reference>/units/<str:case>/save/", save, name="sheet-save"),
    path("reviews/seats/<str:reference>/units/<str:case>/keep-away/", keep_away, name="sheet-away"),
]

"""变更: the unit's form, one page for everybody who has to do with it, the owner's confirmed changes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.documents import changes as documents
from dynamics.forms.changes import ChangeForm, CompleteForm, ReasonForm, VerifyForm
from dynamics.selectors import changes as reads
from dynamics.services import changes
from dynamics.states import OPEN_CHANGES, WITH_SUCCESSOR, ChangeKind, ChangeState, Disposition, ToldBy
from dynamics.views import exporting
from greenlist.core import attachments, clock
from greenlist.core.actors import Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, whole
from greenlist.organisations.models import Category


@require_GET
def change_list(request: Request) -> HttpResponse:
    actor = request.actor
    if not (actor.is_official or actor.capacity == Capacity.APPLICANT):
        raise NotAllowed(_("Units and the authorities of their place see changes."))
    state = request.GET.get("state", "")
    state = state if state in {"open", *ChangeState.values} else ""
    context = {
        "page": reads.of(actor, state=state, after=whole(request.GET.get("after"))),
        "state": state,
        "bundles": [one for one in Category if reads.to_bundle(actor, one)] if actor.is_official else [],
        "places": [] if actor.is_official or actor.is_body else reads.reportable(actor),
    }
    return render(request, "dynamics/changes.html", context)


@require_http_methods(["GET", "POST"])
def report(request: Request, listing: int) -> HttpResponse:
    """The unit says what has changed."""
    row = reads.own_listing(request.actor, listing)
    kinds = reads.kinds_of(row)
    told = {kind: said for kind, said in reads.told_in_table(row).items() if kind in kinds}
    form = ChangeForm(request.POST or None, request.FILES or None, initial={"explanation": "\n".join(told.values())})
    form.offer(kinds)
    if request.method == "POST" and form.is_valid():
        told_by = ToldBy.TABLE if any(form.cleaned_data.get(kind) for kind in told) else ToldBy.REPORT
        try:
            made = changes.report(
                actor=request.actor, listing=row.pk, given=form.given(), told_by=told_by, at=clock.now()
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Reported. The authority verifies it."))
            return redirect("dynamics:change", made[0].reference)
    context = {"listing": row, "form": form, "told": [ChangeKind(kind).label for kind in told]}
    return render(request, "dynamics/change_form.html", context, status=422 if form.is_bound else 200)


def _page(request: Request, reference: str, forms: dict[str, ServiceForm] | None = None) -> HttpResponse:
    actor, given = request.actor, forms or {}
    row = reads.one(actor, reference)
    context: dict[str, Any] = {"change": row, "is_open": row.state in OPEN_CHANGES}
    if row.state == ChangeState.RETURNED and actor.organisation_id == row.organisation_id:
        context["complete_form"] = given.get("complete") or CompleteForm(
            initial={"explanation": row.explanation}, auto_id="complete-%s"
        )
    own = actor.organisation_id == row.organisation_id
    context["may_withdraw"] = own and row.state in (ChangeState.REPORTED, ChangeState.RETURNED)
    if row.state == ChangeState.REPORTED and rules.may_verify(actor, row):
        context["verify_form"] = given.get("verify") or _verify_form(row)
        context["return_form"] = given.get("return") or ReasonForm(auto_id="return-%s")
    if row.state == ChangeState.TO_CONFIRM and rules.may_confirm(actor, row):
        context["back_form"] = given.get("back") or ReasonForm(auto_id="back-%s")
    settles = rules.may_settle(actor, row) and row.state in (ChangeState.CONFIRMED, ChangeState.BUNDLED)
    context["may_note"] = settles and not row.publishes and row.disposition != Disposition.ENDS
    context["may_publish"] = settles and not context["may_note"]
    return render(request, "dynamics/change.html", context, status=422 if forms else 200)


def _verify_form(row: Any, data: Any = None) -> VerifyForm:
    form = VerifyForm(data, auto_id="verify-%s")
    form.fit(asks_standard=bool(row.ground), with_successor=bool(set(row.kinds) & set(WITH_SUCCESSOR)))
    return form


@require_GET
def change(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


def _done(
    request: Request, reference: str, name: str, form: ServiceForm, act: Callable[[], Any], said: str
) -> HttpResponse:
    if form.is_valid():
        try:
            act()
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, said)
            return redirect("dynamics:change", reference)
    return _page(request, reference, {name: form})


def _given(request: Request, reference: str) -> dict[str, Any]:
    return {"actor": request.actor, "reference": reference, "at": clock.now()}


@require_POST
def complete(request: Request, reference: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    if request.actor.organisation_id != row.organisation_id:
        raise NotAllowed(_("Only the unit itself says what has changed."))
    form = CompleteForm(request.POST, request.FILES, auto_id="complete-%s")
    given = _given(request, reference)
    return _done(
        request, reference, "complete", form, lambda: changes.complete(**given, **form.given()), _("Sent again.")
    )


@require_POST
def withdraw(request: Request, reference: str) -> HttpResponse:
    changes.withdraw(**_given(request, reference))
    messages.success(request, _("Withdrawn."))
    return redirect("dynamics:change", reference)


def _verifying(request: Request, reference: str) -> Any:
    row = reads.one(request.actor, reference)
    if not rules.may_verify(request.actor, row):
        raise NotAllowed(_("A handler of the authority that verifies changes of this unit does this."))
    return row


@require_POST
def verify(request: Request, reference: str) -> HttpResponse:
    row = _verifying(request, reference)
    form, given = _verify_form(row, request.POST), _given(request, reference)

    def act() -> Any:
        return changes.verify(**given, given=form.given())

    return _done(request, reference, "verify", form, act, _("Verified. An approver confirms."))


@require_POST
def return_(request: Request, reference: str) -> HttpResponse:
    _verifying(request, reference)
    form, given = ReasonForm(request.POST, auto_id="return-%s"), _given(request, reference)
    return _done(
        request,
        reference,
        "return",
        form,
        lambda: changes.return_to_unit(**given, **form.cleaned_data),
        _("Returned. The unit has been told."),
    )


@require_POST
def hand_back(request: Request, reference: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    if not rules.may_confirm(request.actor, row):
        raise NotAllowed(_("An approver of that authority who did not verify it confirms."))
    form, given = ReasonForm(request.POST, auto_id="back-%s"), _given(request, reference)

    def act() -> Any:
        return changes.hand_back(**given, note=form.cleaned_data["reason"])

    return _done(request, reference, "back", form, act, _("Handed back."))


@require_POST
def confirm(request: Request, reference: str) -> HttpResponse:
    changes.confirm(**_given(request, reference))
    messages.success(request, _("Confirmed. The unit has been told."))
    return redirect("dynamics:change", reference)


@require_POST
def note(request: Request, reference: str) -> HttpResponse:
    changes.take_note(**_given(request, reference))
    messages.success(request, _("The list carries the change from now on."))
    return redirect("dynamics:change", reference)


@require_POST
def bundle(request: Request) -> HttpResponse:
    """The year's confirmed changes of units on higher lists go up in one letter, which two people sign."""
    if not request.actor.is_official:
        raise NotAllowed(_("The authority below the list's owner sends changes upward."))
    category, now = request.POST.get("category", ""), clock.now()
    changes.bundle(actor=request.actor, category=category, year=clock.china_date(now).year, at=now)
    messages.success(request, _("The letter is drafted. Two people sign it before it goes up."))
    return redirect("dynamics:changes")


@require_GET
def workbook(request: Request) -> HttpResponseBase:
    """Changes as a workbook: of a state, or all."""
    actor = request.actor
    if not actor.is_official:
        raise NotAllowed(_("Units and the authorities of their place see changes."))
    state = request.GET.get("state", "")
    given = {"state": state} if state in {"open", *ChangeState.values} else {}
    return exporting.send(request, documents.TABLE, given, back=reverse("dynamics:changes"))


@require_GET
def file(request: Request, reference: str, pk: int) -> HttpResponseBase:
    return attachments.response(reads.file(request.actor, reference, pk).blob)


urlpatterns: list[URLPattern] = [
    path("after/changes/", change_list, name="changes"),
    path("after/changes/bundle/", bundle, name="changes-bundle"),
    path("after/changes/changes.xlsx", workbook, name="changes-workbook"),
    path("after/listings/<int:listing>/change/", report, name="change-report"),
    path("after/changes/<str:reference>/", change, name="change"),
    path("after/changes/<str:reference>/complete/", complete, name="change-complete"),
    path("after/changes/<str:reference>/withdraw/", withdraw, name="change-withdraw"),
    path("after/changes/<str:reference>/verify/", verify, name="change-verify"),
    path("after/changes/<str:reference>/return/", return_, name="change-return"),
    path("after/changes/<str:reference>/hand-back/", hand_back, name="change-hand-back"),
    path("after/changes/<str:reference>/confirm/", confirm, name="change-confirm"),
    path("after/changes/<str:reference>/note/", note, name="change-note"),
    path("after/changes/<str:reference>/files/<int:pk>/", file, name="change-file"),
]

"""实名举报: the public form and its follow-up page, and the office in which named handlers work."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.forms.tips import AcceptForm, LookForm, NameHandlerForm, NoteForm, ProposeForm, ReportForm
from dynamics.models import Tip
from dynamics.selectors import tips as reads
from dynamics.services import tips
from dynamics.states import OPEN_TIPS, TipOutcome, TipState
from greenlist.core import attachments, clock
from greenlist.core.errors import Invalid, NoRoom, NotAllowed, TooMany
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, unnamed, whole
from registry import selectors as registry


# ---- everybody ------------------------------------------------------------------------------------------------------
@login_not_required
@require_GET
@unnamed
def entry(request: Request) -> HttpResponse:
    """Where reports begin: find the unit or the body."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:60]
    context = {"words": words, "units": reads.found_units(words), "bodies": reads.found_bodies(words)}
    return render(request, "dynamics/report_entry.html", context)


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
@unnamed
def report_unit(request: Request, listing: int) -> HttpResponse:
    row = registry.listing_of(listing)
    return _form(request, reads.unit_subject(row), lambda **given: tips.report_unit(listing=row.pk, **given))


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
@unnamed
def report_body(request: Request, body: int) -> HttpResponse:
    row = reads.body(body)
    return _form(request, reads.body_subject(row), lambda **given: tips.report_body(body=row.pk, **given))


def _form(request: Request, subject: reads.Subject | None, file: Callable[..., Any]) -> HttpResponse:
    """The form; what was typed stays when something is wrong."""
    if subject is None or not subject.receivers:
        return render(request, "dynamics/report_none.html", status=404)
    form = ReportForm(request.POST or None, request.FILES or None)
    form.choose([(one.pk, one.name) for one in subject.receivers])
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        given = {"authority": form.cleaned_data["authority"], "evidence": form.cleaned_data["evidence"]}
        try:
            made = file(words=form.words(), at=clock.now(), actor=request.actor, **given)
        except Invalid as wrong:
            form.take(wrong)
        except (NoRoom, TooMany) as later:
            form.add_error(None, str(later.message))
            status = later.status
        else:
            return redirect("dynamics:report-follow", made.follow_token)
    return render(request, "dynamics/report_form.html", {"subject": subject, "form": form}, status=status)


@login_not_required
@never_cache
@require_GET
@unnamed
def follow(request: Request, token: str) -> HttpResponse:
    """What the reporter sees under the receipt's own address: number, state, outcome; never who reported."""
    tip = reads.followed(token)
    shown = TipState.VERIFYING if tip.state == TipState.TO_DECIDE and tip.accepted_at else tip.state
    if shown == TipState.TO_DECIDE:
        shown = TipState.RECEIVED
    context = {"tip": tip, "state": shown, "state_label": TipState(shown).label, "cited": _cited(tip)}
    return render(request, "dynamics/report_followed.html", context)


def _cited(tip: Any) -> str:
    """The clause of the outcome, with what is said of it where the text prints another one."""
    note = tip.detail.get("note_zh" if (get_language() or "").startswith("zh") else "note_en", "")
    return f"{tip.cited}（{note}）" if note else tip.cited


# ---- the office -----------------------------------------------------------------------------------------------------
@require_GET
def tip_list(request: Request) -> HttpResponse:
    if not request.actor.is_official:
        raise NotAllowed(_("Reports are handled by the authority that received them."))
    only_open = request.GET.get("state") == "open"
    page = reads.of(request.actor, only_open=only_open, after=whole(request.GET.get("after")))
    return render(request, "dynamics/tips.html", {"page": page, "only_open": only_open})


def _page(request: Request, receipt: str, forms: dict[str, ServiceForm] | None = None) -> HttpResponse:
    actor, given = request.actor, forms or {}
    tip = reads.one(actor, receipt)
    named, leads = reads.is_named(actor, tip), rules.handles_tips(actor, tip)
    handlers = reads.handlers_of(tip)
    context: dict[str, Any] = {"tip": tip, "named": named, "leads": leads, "handlers": handlers, "cited": _cited(tip)}
    context["looks"] = list(tip.looks.select_related("user", "authority")[:50]) if leads or named else []
    if leads and tip.state in OPEN_TIPS:
        context["name_form"] = given.get("name") or _name_form(tip, {one.user_id for one in handlers})
    if named and tip.erased_at is None:
        context["look_form"] = given.get("look") or LookForm(auto_id="look-%s")
    if named and tip.state == TipState.RECEIVED:
        context["accept_form"] = given.get("accept") or AcceptForm(auto_id="accept-%s")
    if named and tip.state in (TipState.RECEIVED, TipState.VERIFYING):
        context["propose_form"] = given.get("propose") or _propose_form(tip)
    if tip.state == TipState.TO_DECIDE and leads:
        context["decides"] = reads.may_decide(actor, tip)
        context["note_form"] = given.get("note") or NoteForm(auto_id="note-%s")
    return render(request, "dynamics/tip.html", context, status=422 if forms else 200)


def _name_form(tip: Any, there: set[int], data: Any = None) -> NameHandlerForm:
    form = NameHandlerForm(data, auto_id="name-%s")
    free = [one for one in reads.candidates(tip, clock.china_date(clock.now())) if one.user_id not in there]
    form.choose([(one.user_id, f"{one.name}（{one.authority}）") for one in free if not one.took_part])
    return form


def _propose_form(tip: Any, data: Any = None) -> ProposeForm:
    form = ProposeForm(data, auto_id="propose-%s")
    if tip.state == TipState.RECEIVED:
        form.choose([TipOutcome.NOT_ACCEPTED])
        return form
    rule = reads.rule_of(tip)
    about_body = tip.listing_id is None
    fits = [one.key for one in rule.outcomes] if rule else []
    wrong = {TipOutcome.RECTIFICATION, TipOutcome.REMOVAL} if about_body else {TipOutcome.BODY}
    form.choose([one for one in fits if one not in wrong])
    return form


@require_GET
def tip(request: Request, receipt: str) -> HttpResponse:
    return _page(request, receipt)


def _handled(request: Request, receipt: str) -> Tip:
    """For a named handler. Raises NotVisible, NotAllowed."""
    row = reads.one(request.actor, receipt)
    if not reads.is_named(request.actor, row):
        raise NotAllowed(tips.ONLY_NAMED)
    return row


def _led(request: Request, receipt: str) -> Tip:
    """For an approver of the receiving authority. Raises NotVisible, NotAllowed."""
    row = reads.one(request.actor, receipt)
    if not rules.handles_tips(request.actor, row):
        raise NotAllowed(tips.ONLY_APPROVERS)
    return row


def _done(
    request: Request, receipt: str, name: str, form: ServiceForm, act: Callable[[], Any], said: str
) -> HttpResponse:
    if form.is_valid():
        try:
            act()
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, said)
            return redirect("dynamics:tip", receipt)
    return _page(request, receipt, {name: form})


@require_POST
def name_handler(request: Request, receipt: str) -> HttpResponse:
    row = _led(request, receipt)
    form = _name_form(row, set(), request.POST)
    given: dict[str, Any] = {"actor": request.actor, "receipt": receipt, "at": clock.now()}
    return _done(
        request, receipt, "name", form, lambda: tips.name_handler(**given, **form.cleaned_data), _("Named and told.")
    )


@require_POST
def release_handler(request: Request, receipt: str, handler: int) -> HttpResponse:
    tips.release_handler(actor=request.actor, receipt=receipt, handler=handler, at=clock.now())
    messages.success(request, _("The person sees nothing of this report from now on."))
    return redirect("dynamics:tip", receipt)


@never_cache
@require_POST
def identity(request: Request, receipt: str) -> HttpResponse:
    """Who it is from, on a page of its own that nothing links to and nobody keeps."""
    _handled(request, receipt)
    form = LookForm(request.POST, auto_id="look-%s")
    if form.is_valid():
        try:
            opened = tips.open_identity(
                actor=request.actor, receipt=receipt, reason=form.cleaned_data["reason"], at=clock.now()
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            return render(request, "dynamics/tip_identity.html", {"tip": opened, "reason": form.cleaned_data["reason"]})
    return _page(request, receipt, {"look": form})


@never_cache
@require_POST
def evidence(request: Request, receipt: str) -> HttpResponseBase:
    _handled(request, receipt)
    blob = tips.open_evidence(
        actor=request.actor, receipt=receipt, reason=request.POST.get("reason", ""), at=clock.now()
    )
    return attachments.response(blob)


@require_POST
def accept(request: Request, receipt: str) -> HttpResponse:
    _handled(request, receipt)
    form = AcceptForm(request.POST, auto_id="accept-%s")
    given: dict[str, Any] = {"actor": request.actor, "receipt": receipt, "at": clock.now()}
    return _done(request, receipt, "accept", form, lambda: tips.accept(**given, **form.cleaned_data), _("Accepted."))


@require_POST
def propose(request: Request, receipt: str) -> HttpResponse:
    row = _handled(request, receipt)
    form = _propose_form(row, request.POST)
    given: dict[str, Any] = {"actor": request.actor, "receipt": receipt, "at": clock.now()}

    def act() -> Any:
        return tips.propose(**given, proposal=tips.Proposal(**form.cleaned_data))

    return _done(request, receipt, "propose", form, act, _("Proposed. An approver decides."))


@require_POST
def hand_back(request: Request, receipt: str) -> HttpResponse:
    _led(request, receipt)
    form = NoteForm(request.POST, auto_id="note-%s")
    given: dict[str, Any] = {"actor": request.actor, "receipt": receipt, "at": clock.now()}
    return _done(
        request, receipt, "note", form, lambda: tips.hand_back(**given, **form.cleaned_data), _("Handed back.")
    )


@require_POST
def decide(request: Request, receipt: str) -> HttpResponse:
    tips.decide(actor=request.actor, receipt=receipt, at=clock.now())
    messages.success(request, _("Decided. Who reported reads the outcome under the receipt's address."))
    return redirect(reverse("dynamics:tip", args=[receipt]))


urlpatterns: list[URLPattern] = [
    path("report/", entry, name="report-entry"),
    path("report/unit/<int:listing>/", report_unit, name="report-unit"),
    path("report/body/<int:body>/", report_body, name="report-body"),
    path("report/followed/<str:token>/", follow, name="report-follow"),
    path("after/reports/", tip_list, name="tips"),
    path("after/reports/<str:receipt>/", tip, name="tip"),
    path("after/reports/<str:receipt>/handlers/", name_handler, name="tip-name"),
    path("after/reports/<str:receipt>/handlers/<int:handler>/release/", release_handler, name="tip-release"),
    path("after/reports/<str:receipt>/identity/", identity, name="tip-identity"),
    path("after/reports/<str:receipt>/evidence/", evidence, name="tip-evidence"),
    path("after/reports/<str:receipt>/accept/", accept, name="tip-accept"),
    path("after/reports/<str:receipt>/propose/", propose, name="tip-propose"),
    path("after/reports/<str:receipt>/hand-back/", hand_back, name="tip-hand-back"),
    path("after/reports/<str:receipt>/decide/", decide, name="tip-decide"),
]

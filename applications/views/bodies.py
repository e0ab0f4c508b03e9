"""Pages of third-party bodies: their own, those of officials, and the public list."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.forms import bodies as forms
from applications.selectors import bodies as reads
from applications.selectors import calls
from applications.selectors.paging import page_of
from applications.services import bodies as services
from applications.states import RegistrationState
from greenlist.core import attachments, clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused
from greenlist.core.forms import ServiceForm
from greenlist.organisations import selectors as parties
from greenlist.organisations import services as organisations
from greenlist.policy import words

get_or_post = require_http_methods(["GET", "POST"])


def actor_of(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined]


def status_of(form: ServiceForm, refused: Refused | None = None) -> int:
    return refused.status if refused else 422 if form.errors else 200


def form_page(request: HttpRequest, form: ServiceForm, title: str, back: str, **context: Any) -> HttpResponse:
    """A page that is one form; `refused` stands on top of it."""
    status = status_of(form, context.get("refused"))
    context |= {"form": form, "title": title, "back": back}
    return render(request, "applications/body_form.html", context, status=status)


def _officials(actor: Actor) -> None:
    if not actor.is_official:
        raise NotAllowed(_("Only an industry authority does this."))


# ---- the body's own pages -------------------------------------------------------------------------------------------
@require_GET
def body(request: HttpRequest) -> HttpResponse:
    """What the body has filed, where it is approved, what it owes."""
    actor = actor_of(request)
    page = reads.body_page(actor, parties.own_body(actor), clock.china_date(clock.now()), own=True)
    return render(request, "applications/body.html", {"page": page, "own": True})


@get_or_post
def register(request: HttpRequest, authority: int) -> HttpResponse:
    """Asks one authority for approval: what its conditions say now, and the statements to sign."""
    actor = actor_of(request)
    own, office = parties.own_body(actor), reads.office(authority)
    form = forms.SignForm(request.POST or None, initial={"signed_name": actor.name})
    refused = None
    if request.method == "POST" and form.is_valid():
        signed = {name: form.cleaned_data[name] for name in ("signed_name", "agreed")}
        try:
            services.register(actor=actor, at=clock.now(), authority_id=authority, **signed)
        except Invalid as invalid:
            form.take(invalid)
        except Refused as error:
            refused = error
        else:
            messages.success(request, _("Your body has asked for approval. You are told of the decision."))
            return redirect("applications:body")
    found = reads.qualify(office.rules, "register", own, clock.china_date(clock.now()))
    return form_page(
        request,
        form,
        _("Ask for approval"),
        reverse("applications:body"),
        kicker=office.authority.name,
        refused=refused,
        findings=[reads.shown_finding(office.policy, one) for one in found],
        statements=[words.text(one.text) for one in office.rules.signed("register")],
        submit=_("Sign and ask"),
    )


@get_or_post
def work_report(request: HttpRequest, authority: int, year: int) -> HttpResponse:
    actor = actor_of(request)
    own = parties.own_body(actor)
    owed = next((one for one in reads.owed_by(own, year) if one.office.pk == authority), None)
    if owed is None:
        raise NotVisible
    filed = owed.report
    start = {"text": filed.text, "problems": filed.problems} if filed else {}
    form = forms.WorkReportForm(request.POST or None, request.FILES or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            services.file_work_report(
                actor=actor, at=clock.now(), authority_id=authority, year=year, **form.cleaned_data
            )
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The work report has been filed."))
            return redirect("applications:body")
    lead = _("Due on %(day)s. Filed again, it takes the place of the one before.") % {"day": owed.due_on.isoformat()}
    title = _("Annual work report %(year)s") % {"year": year}
    back = reverse("applications:body")
    return form_page(request, form, title, back, kicker=owed.office.name, lead=lead, submit=_("File the report"))


# ---- files ----------------------------------------------------------------------------------------------------------
@require_GET
def file(request: HttpRequest, kind: str, pk: int) -> FileResponse:
    return attachments.response(reads.file_seen(actor_of(request), kind, pk), inline="inline" in request.GET)


# ---- officials ------------------------------------------------------------------------------------------------------
@require_GET
def bodies(request: HttpRequest) -> HttpResponse:
    """The bodies an authority has to do with."""
    actor = actor_of(request)
    _officials(actor)
    page = page_of(reads.bodies_seen(actor), request.GET)
    context = {
        "page": page,
        "waiting": reads.waiting_for(actor),
        "supervisions": reads.supervisions(actor)[:20],
        "may_publish": any(one.bodies.publication for one in reads.rule_sets_of(None, actor.authority_id)),
    }
    return render(request, "applications/bodies.html", context)


@require_GET
def seen(request: HttpRequest, pk: int) -> HttpResponse:
    """One body as an official sees it."""
    actor = actor_of(request)
    page = reads.body_page(actor, reads.body_seen(actor, pk), clock.china_date(clock.now()), own=False)
    approver = actor.capacity == Capacity.APPROVER
    context = {
        "page": page,
        "own": False,
        "may_ban": approver and services.ban_rules(None, actor.authority_id) is not None,
        "today": clock.china_date(clock.now()),
        "actor": actor,
    }
    return render(request, "applications/body.html", context)


@get_or_post
def registration(request: HttpRequest, pk: int) -> HttpResponse:
    """What the body showed when it asked, and the approver's decision."""
    actor = actor_of(request)
    row = reads.registration_seen(actor, pk)
    form = forms.DecideForm(request.POST or None)
    refused = None
    if request.method == "POST" and form.is_valid():
        approve = request.POST.get("action") == "approve"
        try:
            services.decide(
                actor=actor, at=clock.now(), registration_id=pk, approve=approve, reason=form.cleaned_data["reason"]
            )
        except Invalid as invalid:
            form.take(invalid)
        except Refused as error:
            refused = error
        else:
            messages.success(request, _("Decided; the body has been told."))
            return redirect("applications:body-registration", pk)
    waits = row.state == RegistrationState.SUBMITTED and actor.authority_id == row.authority_id
    context = {
        "row": row,
        "form": form,
        "refused": refused,
        "findings": reads.registration_findings(row),
        "statements": row.statements.all(),
        "may_decide": waits and actor.capacity == Capacity.APPROVER,
        "waits": waits,
    }
    return render(request, "applications/body_registration.html", context, status=status_of(form, refused))


@require_POST
def proof_decide(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    row = reads.proof_seen(actor, pk)
    confirmed = request.POST.get("action") == "confirm"
    try:
        organisations.decide_proof(
            proof_id=pk, confirmed=confirmed, reason=request.POST.get("reason", ""), actor=actor, at=clock.now()
        )
    except Invalid as invalid:
        messages.error(request, str(invalid.message))
    else:
        messages.success(request, _("Decided; the body sees it."))
    return redirect("applications:body-seen", row.organisation_id)


@get_or_post
def ban(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    one = reads.body_seen(actor, pk)
    rules = services.ban_rules(None, actor.authority_id)
    rule = rules.bodies.ban if rules else None
    if rule is None or actor.capacity != Capacity.APPROVER:
        raise NotAllowed(_("Only an approver of an authority whose rules know such a ban decides this."))
    form = forms.BanForm(request.POST or None, request.FILES or None, grounds=rule.grounds)
    if request.method == "POST" and form.is_valid():
        try:
            services.ban(actor=actor, at=clock.now(), body_id=pk, **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The ban is in force. Open applications that rest on the body are flagged."))
            return redirect("applications:body-seen", pk)
    lead = _("For %(years)s years nothing of this body is accepted for the lists of your area.") % {"years": rule.years}
    back = reverse("applications:body-seen", args=[pk])
    title, submit = _("Ban the body"), _("Ban")
    return form_page(request, form, title, back, kicker=one.name, lead=lead, submit=submit, grave=True)


@require_POST
def ban_lift(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    try:
        row = services.lift_ban(actor=actor, at=clock.now(), ban_id=pk, reason=request.POST.get("reason", ""))
    except Invalid as invalid:
        messages.error(request, str(invalid.message))
        return redirect("applications:bodies")
    messages.success(request, _("The ban has been lifted."))
    return redirect("applications:body-seen", row.organisation_id)


@get_or_post
def supervise(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    one = reads.body_seen(actor, pk)
    form = forms.SuperviseForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = services.supervise(actor=actor, at=clock.now(), body_id=pk, **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The finding has been kept and reported."))
            return redirect("applications:body-supervision", row.pk)
    back = reverse("applications:body-seen", args=[pk])
    title, submit = _("Report a finding"), _("Keep and report")
    return form_page(request, form, title, back, kicker=one.name, submit=submit)


@get_or_post
def supervision(request: HttpRequest, pk: int) -> HttpResponse:
    """One finding; the authority above gives its receipt by POST."""
    actor = actor_of(request)
    row = reads.supervision_seen(actor, pk)
    if request.method == "POST":
        services.receive_supervision(actor=actor, at=clock.now(), supervision_id=pk)
        messages.success(request, _("The receipt has been given."))
        return redirect("applications:body-supervision", pk)
    may_receive = row.received_at is None and row.sent_to_id == actor.authority_id
    return render(request, "applications/body_supervision.html", {"row": row, "may_receive": may_receive})


@get_or_post
def rates(request: HttpRequest) -> HttpResponse:
    """Pass rates of the area; the approver publishes them with the white list when the authority chooses."""
    actor = actor_of(request)
    _officials(actor)
    found = reads.rates(actor.area_path)
    form = forms.PublishForm(request.POST or None, bodies=[(one.body.pk, one.body.name) for one in found])
    if request.method == "POST" and form.is_valid():
        try:
            services.publish_list(actor=actor, at=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("Published."))
            return redirect("applications:body-rates")
    known = any(one.bodies.publication for one in reads.rule_sets_of(None, actor.authority_id))
    may_publish = bool(found) and known and actor.capacity == Capacity.APPROVER
    context = {"rates": found, "form": form, "may_publish": may_publish}
    return render(request, "applications/body_rates.html", context, status=status_of(form))


@login_not_required
@require_GET
def public(request: HttpRequest, place: str) -> HttpResponse:
    """The newest list of bodies a place has published."""
    context = {"area": calls.place(place), "list": reads.published(place)}
    return render(request, "applications/bodies_public.html", context)


urlpatterns: list[URLPattern] = [
    path("p/<slug:place>/bodies/", public, name="public-bodies"),
    path("body/", body, name="body"),
    path("body/register/<int:authority>/", register, name="body-register"),
    path("body/reports/<int:authority>/<int:year>/", work_report, name="body-work-report"),
    path("bodies/", bodies, name="bodies"),
    path("bodies/rates/", rates, name="body-rates"),
    path("bodies/files/<slug:kind>/<int:pk>/", file, name="body-file"),
    path("bodies/registrations/<int:pk>/", registration, name="body-registration"),
    path("bodies/proofs/<int:pk>/decide/", proof_decide, name="body-proof-decide"),
    path("bodies/bans/<int:pk>/lift/", ban_lift, name="body-ban-lift"),
    path("bodies/supervisions/<int:pk>/", supervision, name="body-supervision"),
    path("bodies/<int:pk>/", seen, name="body-seen"),
    path("bodies/<int:pk>/ban/", ban, name="body-ban"),
    path("bodies/<int:pk>/supervise/", supervise, name="body-supervise"),
]

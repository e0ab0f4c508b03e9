"""Pages of an evaluation by a third-party body: the applicant's, the body's."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import selectors
from applications.forms import bodies as forms
from applications.selectors import bodies, drafts, papers
from applications.selectors import projects as reads
from applications.selectors.filling import finding_shown, missing_shown
from applications.selectors.paging import page_of
from applications.services import projects as services
from applications.states import AT_WORK, WITH_APPLICANT, Advice, Mode, ProjectState
from applications.views.bodies import actor_of, form_page, status_of
from greenlist.core import clock
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused
from greenlist.core.forms import ServiceForm
from greenlist.core.http import whole
from greenlist.organisations import selectors as organisations
from greenlist.policy import engine, words


# ---- the applicant --------------------------------------------------------------------------------------------------
@require_GET
def evaluation(request: HttpRequest, reference: str) -> HttpResponse:
    """Who evaluates one's application: ask a body, release the report, see its statement."""
    return _evaluation(request, reference)


def _evaluation(
    request: HttpRequest,
    reference: str,
    *,
    ask: ServiceForm | None = None,
    release_form: ServiceForm | None = None,
    refused: Refused | None = None,
) -> HttpResponse:
    case = drafts.own_case(actor_of(request), reference)
    if case.mode != Mode.BODY:
        raise NotVisible
    bound, today = selectors.rules_of(case.call), clock.china_date(clock.now())
    now = reads.standing(case, bound, reads.digest_now(case))
    asked = engine.bodies.of(bound)
    if now.project is None and ask is None:
        ask = forms.InviteForm(bodies=_choices(case, bound, today))
    context = {
        "case": case,
        "now": now,
        "is_open": case.state in WITH_APPLICANT,
        "ask": ask if now.project is None else None,
        "release_form": release_form or forms.ReleaseForm(),
        "is_at_work": now.project is not None and now.project.state in AT_WORK,
        "statements": [words.text(one.text) for one in reads.to_sign_by_applicant(bound)],
        "references": [(words.text(one.text), words.article(bound, one.clause)) for one in asked.references],
        "refused": refused,
    }
    wrong = (ask is not None and ask.is_bound) or (release_form is not None)
    status = refused.status if refused else 422 if wrong else 200
    return render(request, "applications/evaluation.html", context, status=status)


def _choices(case: Any, bound: Any, today: Any) -> list[tuple[int, str]]:
    return [(one.pk, f"{one.name}（{one.area.name}）") for one in reads.offered_bodies(case, bound, today)]


@require_POST
def invite(request: HttpRequest, reference: str) -> HttpResponse:
    actor = actor_of(request)
    case = drafts.own_case(actor, reference)
    given: dict[str, Any] = {"actor": actor, "at": clock.now(), "reference": reference}
    try:
        services.invite(body_id=whole(request.POST.get("body")) or 0, **given)
    except Refused as refused:
        return _evaluation(request, reference, refused=refused)
    except NotVisible:
        bound = selectors.rules_of(case.call)
        form = forms.InviteForm(request.POST, bodies=_choices(case, bound, clock.china_date(clock.now())))
        form.is_valid()
        if not form.errors:
            raise
        return _evaluation(request, reference, ask=form)
    messages.success(request, _("The body has been asked. You are told of its answer."))
    return redirect("applications:evaluation", reference)


@require_POST
def retract(request: HttpRequest, project: str) -> HttpResponse:
    row = services.retract(actor=actor_of(request), at=clock.now(), reference=project)
    messages.success(request, _("The offer has been taken back."))
    return _back(row)


def _back(row: Any) -> HttpResponse:
    return redirect("applications:evaluation", row.application.reference)


@require_POST
def release(request: HttpRequest, project: str) -> HttpResponse:
    actor = actor_of(request)
    row = reads.project_seen(actor, project)
    if actor.is_body or row.application is None:
        raise NotVisible
    form = forms.ReleaseForm(request.POST)
    if form.is_valid():
        try:
            services.release(actor=actor, at=clock.now(), reference=project, ends_on=form.cleaned_data["ends_on"])
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The report is open to the people of the body."))
            return _back(row)
    return _evaluation(request, row.application.reference, release_form=form)


@require_POST
def take_back(request: HttpRequest, project: str) -> HttpResponse:
    row = services.take_back(actor=actor_of(request), at=clock.now(), reference=project)
    messages.success(request, _("The report is closed to the body again."))
    return _back(row)


# ---- the body -------------------------------------------------------------------------------------------------------
@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    """The projects of a body, and how many places are taken under each rule set's caps."""
    actor = actor_of(request)
    organisations.own_body(actor)
    page = page_of(reads.projects_of(actor), request.GET)
    return render(request, "applications/projects.html", {"page": page})


@require_GET
def project(request: HttpRequest, project: str) -> HttpResponse:
    return _project(request, project)


def _project(
    request: HttpRequest,
    reference: str,
    *,
    form: ServiceForm | None = None,
    note_form: ServiceForm | None = None,
    refused: Refused | None = None,
) -> HttpResponse:
    """One project as the body sees it: what is asked before it accepts, the report while it is released, its statements."""
    actor = actor_of(request)
    row = reads.project_seen(actor, reference)
    if not actor.is_body:
        if row.application is None:
            raise NotVisible
        return redirect("applications:case", row.application.reference)
    case, today = row.application, clock.china_date(clock.now())
    context: dict[str, Any] = {"row": row, "case": case, "refused": refused, "findings": [], "statements": []}
    start: dict[str, Any] = {"signed_name": actor.name}
    if case is not None:
        bound = selectors.rules_of(case.call)
        asked = engine.bodies.of(bound)
        given = reads.live_release(case)
        context["release"] = given
        context["signed"] = reads.signed_reports(row)
        if row.state == ProjectState.OFFERED:
            profile = organisations.body_profile(row.body)
            found = reads.judge(bound, row.body, case.call, today)
            found += reads.rooms(asked, profile, tier=row.tier, batch=row.batch, year=today.year)
            context["findings"] = [finding_shown(bound, one) for one in found]
            context["statements"] = [words.text(one.text) for one in asked.signed("project")]
        elif row.state in AT_WORK and given is not None and case.state in WITH_APPLICANT:
            draft = drafts.draft_of(case, drafts.form_of(case, bound))
            start["digest"] = drafts.digest(draft.content(), case.report)
            context["missing"] = missing_shown(papers.of_case(case), draft)
            context["statements"] = [words.text(one.text) for one in reads.to_sign(bound)]
            context["digest"] = start["digest"]
            context["is_signed"] = any(one.digest == start["digest"] for one in context["signed"])
    context["form"] = form or forms.SignForm(initial=start)
    context["reason_form"] = forms.ReasonForm()
    context["notes"] = list(reads.notes_seen(actor).filter(project=row))
    if case is not None and row.state in AT_WORK:
        context["note_form"] = note_form or forms.NoteForm(suggestions=_suggestions(row))
    sent = form or note_form
    status = refused.status if refused else status_of(sent) if sent else 200
    return render(request, "applications/project.html", context, status=status)


@require_POST
def accept(request: HttpRequest, project: str) -> HttpResponse:
    return _sign(request, project, services.accept, _("Accepted. The applicant has been told."), ())


@require_POST
def sign(request: HttpRequest, project: str) -> HttpResponse:
    return _sign(request, project, services.sign_report, _("Signed. The applicant has been told."), ("digest",))


def _sign(request: HttpRequest, reference: str, service: Any, done: str, more: tuple[str, ...]) -> HttpResponse:
    reads.project_seen(actor_of(request), reference)
    form = forms.SignForm(request.POST)
    form.is_valid()
    given = {name: form.cleaned_data.get(name, "") for name in ("signed_name", *more)}
    try:
        service(
            actor=actor_of(request),
            at=clock.now(),
            reference=reference,
            agreed=bool(form.cleaned_data.get("agreed")),
            **given,
        )
    except Invalid as invalid:
        form.take(invalid)
        return _project(request, reference, form=form)
    except (Refused, Conflict) as refused:
        return _project(request, reference, refused=refused)  # type: ignore[arg-type]
    messages.success(request, done)
    return redirect("applications:project", reference)


@require_POST
def note(request: HttpRequest, project: str) -> HttpResponse:
    """A suggestion or a follow-up of the body."""
    actor = actor_of(request)
    row = reads.project_seen(actor, project)
    form = forms.NoteForm(request.POST, suggestions=_suggestions(row))
    form.is_valid()
    given = {name: form.cleaned_data.get(name) or request.POST.get(name, "") for name in ("kind", "text")}
    try:
        services.note(actor=actor, at=clock.now(), reference=project, to=whole(request.POST.get("to")), **given)
    except Invalid as invalid:
        form.take(invalid)
        return _project(request, project, note_form=form)
    except Refused as refused:
        return _project(request, project, refused=refused)
    messages.success(request, _("Noted. The unit has been told; its authority sees it."))
    return redirect("applications:project", project)


def _suggestions(row: Any) -> list[tuple[int, str]]:
    return [(one.pk, one.text) for one in row.notes.all() if one.kind == Advice.SUGGESTION]


@require_GET
def notes(request: HttpRequest) -> HttpResponse:
    """Suggestions and follow-ups: a body's own, those for a unit, those in an office's area."""
    actor = actor_of(request)
    if not (actor.is_official or actor.organisation_id):
        raise NotAllowed(organisations.OFFICIALS_ONLY)
    return render(request, "applications/notes.html", {"page": page_of(reads.notes_seen(actor), request.GET)})


@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, project: str) -> HttpResponse:
    reads.project_seen(actor_of(request), project)
    if not actor_of(request).is_body:
        raise NotAllowed(_("Only the body itself does this."))
    return _with_reason(request, project, services.decline, _("Decline the project"), _("Decline"))


@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, project: str) -> HttpResponse:
    return _with_reason(request, project, services.end, _("End the project"), _("End it"))


def _with_reason(request: HttpRequest, reference: str, service: Any, title: str, submit: str) -> HttpResponse:
    actor = actor_of(request)
    row = reads.project_seen(actor, reference)
    case = row.application
    own = reverse("applications:project", args=[reference])
    back = own if actor.is_body or case is None else reverse("applications:evaluation", args=[case.reference])
    form = forms.ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            service(actor=actor, at=clock.now(), reference=reference, reason=form.cleaned_data["reason"])
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("Done; the other side has been told."))
            return redirect(back)
    return form_page(request, form, title, back, kicker=row.unit, submit=submit, grave=True)


@require_http_methods(["GET", "POST"])
def outside(request: HttpRequest) -> HttpResponse:
    """A project done without the portal, which counts towards the caps."""
    actor = actor_of(request)
    organisations.own_body(actor)
    versions = [(one.pk, str(one.rule_set)) for one in bodies.rule_sets_with_body()]
    form = forms.OutsideForm(request.POST or None, versions=versions)
    if request.method == "POST" and form.is_valid():
        try:
            services.declare_outside(actor=actor, at=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            form.take(invalid)
        else:
            messages.success(request, _("The project is declared and counts."))
            return redirect("applications:projects")
    lead = _("Projects you evaluated outside the portal count towards the caps; declare each.")
    return form_page(request, form, _("Declare a project"), reverse("applications:projects"), lead=lead)


urlpatterns: list[URLPattern] = [
    path("cases/<str:reference>/body/", evaluation, name="evaluation"),
    path("cases/<str:reference>/body/ask/", invite, name="evaluation-ask"),
    path("body/projects/", projects, name="projects"),
    path("body/projects/new/", outside, name="project-outside"),
    path("projects/<str:project>/", project, name="project"),
    path("notes/", notes, name="notes"),
    path("projects/<str:project>/note/", note, name="project-note"),
    path("projects/<str:project>/accept/", accept, name="project-accept"),
    path("projects/<str:project>/decline/", decline, name="project-decline"),
    path("projects/<str:project>/sign/", sign, name="project-sign"),
    path("projects/<str:project>/end/", end, name="project-end"),
    path("projects/<str:project>/retract/", retract, name="project-retract"),
    path("projects/<str:project>/release/", release, name="project-release"),
    path("projects/<str:project>/close/", take_back, name="project-close"),
]

"""The cultivation library: an authority's pages, and what the unit reads of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import imports, rules
from dynamics.documents import cultivation as documents
from dynamics.forms import cultivation as forms
from dynamics.selectors import cultivation as reads
from dynamics.services import cultivation as services
from dynamics.states import CultivationSource, CultivationState
from dynamics.views import exporting
from greenlist.core import clock
from greenlist.core.actors import Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, whole
from greenlist.core.sheets import MAX_BYTES, ImportRefused, Stale

get_or_post = require_http_methods(["GET", "POST"])
SHOWN = 20


def _officials_only(request: Request) -> None:
    if not request.actor.is_official:
        raise NotAllowed(rules.OFFICIALS_KEEP)


def _options(name: str, label: str, choices: Any, chosen: str) -> dict[str, Any]:
    listed = [{"value": value, "label": text, "chosen": value == chosen} for value, text in choices]
    return {"name": name, "label": label, "options": listed}


# ---- the library ----------------------------------------------------------------------------------------------------------
@require_GET
def library(request: Request) -> HttpResponse:
    """Objects of the official's area: filters as links, counted, keyset pages."""
    _officials_only(request)
    actor, given = request.actor, forms.FilterForm(request.GET).given()
    leaf = reads.page(actor, given, after=whole(request.GET.get("after")))
    names = dict(reads.forward_honours(actor.area_path))
    levels = dict(reads.levels())
    rows = [
        {
            "id": one.pk,
            "cells": [
                {
                    "text": one.organisation.name,
                    "url": reverse("dynamics:cultivation-object", args=[one.reference]),
                    "sub": " · ".join(
                        [str(one.get_category_display()), *(names.get(t.key, t.key) for t in one.tags.all())]
                    ),
                },
                one.site.area.full_name,
                levels.get(one.level, one.level),
                str(one.get_source_display()),
                _("yes") if one.organisation.striving_grade_a else "—",
                {"state": one.state, "state_label": one.get_state_display()},
            ],
        }
        for one in leaf.rows
    ]
    query = request.GET.copy()
    query.pop("after", None)
    following = query.copy()
    if leaf.after:
        following["after"] = str(leaf.after)
    selects = [
        _options("place", _("Place"), reads.places(actor), given.get("place", "")),
        _options("level", _("Level of the library"), levels.items(), given.get("level", "")),
        _options("category", _("List"), reads.categories(), given.get("category", "")),
        _options("state", _("State"), CultivationState.choices, given.get("state", "")),
        _options("source", _("Source"), CultivationSource.choices, given.get("source", "")),
        _options("tag", _("Honours that put it forward"), names.items(), given.get("tag", "")),
        _options(
            "striving", _("Working towards grade A"), [("yes", _("yes")), ("no", _("no"))], given.get("striving", "")
        ),
    ]
    labels = (_("Unit"), _("Place"), _("Level"), _("Source"), _("Grade A"), _("State"))
    context = {
        "words": given.get("q", ""),
        "selects": [one for one in selects if one["options"]],
        "count": _("%(n)s found") % {"n": f"{leaf.count}+" if leaf.is_more else leaf.count},
        "columns": [{"label": label} for label in labels],
        "rows": rows,
        "page": {"next": f"?{following.urlencode()}"} if leaf.after else None,
        "query": query.urlencode(),
        "may_add": rules.keeps_library(actor),
        "bases": _bases(request),
    }
    return render(request, "dynamics/cultivation.html", context)


def _bases(request: Request) -> list[dict[str, str]]:
    """The tables by which this authority keeps a library, with their articles; each clause once."""
    tier, found = str(request.actor.tier or ""), {}
    for bound, programme in reads.programmes(request.actor.area_path):
        for one in programme.libraries:
            if one.tier == tier:
                clause = bound.clause(one.clause)
                found[one.clause] = {
                    "label": reads.policy_words.text(one.label),
                    "clause": clause.article if clause else "",
                }
    return list(found.values())


@require_GET
def export(request: Request) -> HttpResponseBase:
    """What the filters find, as a workbook."""
    _officials_only(request)
    given = forms.FilterForm(request.GET).given()
    return exporting.send(request, documents.TABLE, given, back=reverse("dynamics:cultivation"))


@get_or_post
def add(request: Request) -> HttpResponse:
    """Looks a firm up and takes one of its sites in."""
    _officials_only(request)
    actor, words = request.actor, request.GET.get("q", "").strip()[:60].replace("\x00", "")
    found = reads.sites_to_add(actor, words)
    sites = [(site.pk, site.name) for one in found for site in one.sites.all()]
    form = forms.AddForm(request.POST or None, sites=sites, categories=reads.categories())
    if request.method == "POST" and form.is_valid():
        try:
            row = services.add(actor=actor, at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("In the library."))
            return redirect("dynamics:cultivation-object", row.reference)
    context = {"words": words, "found": found, "form": form if sites else None}
    return render(request, "dynamics/cultivation_add.html", context, status=422 if form.errors else 200)


@get_or_post
def survey(request: Request) -> HttpResponse:
    """First POST: check the whole workbook and show it; second POST, with the ticket of the first: take it over."""
    _officials_only(request)
    if not rules.keeps_library(request.actor):
        raise NotAllowed(rules.OFFICIALS_KEEP)
    if request.method == "POST" and request.POST.get("ticket"):
        return _taken(request)
    form = forms.SurveyForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            looked = imports.look(upload.name or "", upload.read(MAX_BYTES + 1), actor=request.actor)
        except ImportRefused as refused:
            context |= {"problems": refused.rows[:500], "count": len(refused.rows)}
        else:
            context |= {"rows": looked.rows[:SHOWN], "total": len(looked.rows), "ticket": looked.ticket}
    return _survey_page(request, context)


def _taken(request: Request) -> HttpResponse:
    form = forms.SurveyForm()
    try:
        made = imports.take(request.POST["ticket"], actor=request.actor, at=clock.now())
    except Stale:
        return _survey_page(request, {"form": form, "stale": True})
    except ImportRefused as refused:
        return _survey_page(request, {"form": form, "problems": refused.rows[:500], "count": len(refused.rows)})
    except Invalid as wrong:
        return _survey_page(request, {"form": form, "refused": wrong.message})
    messages.success(request, _("Taken over: %(n)s") % {"n": len(made)})
    return redirect("dynamics:cultivation")


def _survey_page(request: Request, context: dict[str, Any]) -> HttpResponse:
    wrong = any(context.get(name) for name in ("problems", "stale", "refused")) or context["form"].errors
    shared = {"columns": imports.COLUMNS.values(), "limit": imports.MAX_ROWS}
    return render(request, "dynamics/cultivation_survey.html", shared | context, status=422 if wrong else 200)


# ---- one object -------------------------------------------------------------------------------------------------------------
@require_GET
def show(request: Request, reference: str) -> HttpResponse:
    return _object(request, reference)


def _kept(request: Request, reference: str) -> None:
    """Asked before a form is read. Raises NotVisible, NotAllowed."""
    row = reads.one(request.actor, reference)
    if not rules.may_keep(request.actor, row.authority_id, row.category):
        raise NotAllowed(rules.KEEPERS_ONLY)


def _object(request: Request, reference: str, **typed: ServiceForm) -> HttpResponse:
    """The object; what was typed into one of its forms stands with what is wrong. Raises NotVisible."""
    if not request.actor.is_official:
        raise NotVisible
    page = reads.object_page(request.actor, reference)
    row = page.row
    may = rules.may_keep(request.actor, row.authority_id, row.category)
    open_ = row.state not in (CultivationState.LISTED, CultivationState.DROPPED)
    given: dict[str, Any] = {name: getattr(row, name) for name in ("version", "plan", "note", "responsible")}
    shown: dict[str, Any] = {"page": page, "row": row, "may": may and open_, "keeps": may, "typed": ""}
    shown["level"] = dict(reads.levels()).get(row.level, row.level)
    if may and open_:
        tags = reads.forward_honours(row.area_path, row.category)
        levels = reads.levels_to_note(row)
        bodies = [(one.pk, one.name) for one in reads.bodies_to_match(request.actor)]
        shown |= {
            "plan_form": forms.PlanForm(tags=tags, initial=given | {"tags": [tag.key for tag in row.tags.all()]}),
            "level_form": forms.LevelForm(levels=levels, initial={"level": row.level}) if levels else None,
            "target_form": forms.TargetForm(),
            "visit_form": None if row.case_id else forms.VisitForm(),
            "note_form": forms.NoteForm(),
            "match_form": forms.MatchForm(bodies=bodies) if bodies else None,
            "drop_form": forms.DropForm(),
            "record_forms": {
                one.pk: forms.RecordForm(initial={"visited_on": one.planned_on}, auto_id=f"visit-{one.pk}-%s")
                for one in page.visits
                if not row.case_id and one.visited_on is None
            },
        }
    shown |= typed
    shown["actions"] = _actions(row) if may else []
    return render(request, "dynamics/cultivation_object.html", shown, status=422 if typed else 200)


def _actions(row: Any) -> list[dict[str, Any]]:
    """What can be done with it as a whole."""
    made: list[dict[str, Any]] = []
    if row.state == CultivationState.CANDIDATE:
        url = reverse("dynamics:cultivation-take-up", args=[row.reference])
        made.append({"label": _("Cultivate it"), "url": url, "method": "post"})
    if row.state in (CultivationState.CANDIDATE, CultivationState.CULTIVATING, CultivationState.INVITED):
        url = reverse("dynamics:cultivation-invite", args=[row.reference])
        made.append({"label": _("Invite it to apply"), "url": url, "method": "post", "primary": True})
    return made


@require_POST
def plan(request: Request, reference: str) -> HttpResponse:
    _kept(request, reference)
    row = reads.one(request.actor, reference)
    form = forms.PlanForm(request.POST, tags=reads.forward_honours(row.area_path, row.category))
    if form.is_valid():
        version = form.cleaned_data["version"]
        try:
            services.write_plan(
                reference=reference, version=version, plan=form.plan_given(), actor=request.actor, at=clock.now()
            )
        except Conflict as conflict:
            form.add_error(None, str(conflict.message))
        else:
            messages.success(request, _("Saved."))
            return redirect("dynamics:cultivation-object", reference)
    return _object(request, reference, plan_form=form)


def _done(request: Request, reference: str, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect("dynamics:cultivation-object", reference)


@require_POST
def take_up(request: Request, reference: str) -> HttpResponse:
    services.take_up(reference=reference, actor=request.actor, at=clock.now())
    return _done(request, reference, _("It is cultivated now. The unit has been told."))


@require_POST
def invite(request: Request, reference: str) -> HttpResponse:
    services.invite(reference=reference, actor=request.actor, at=clock.now())
    return _done(request, reference, _("Invited. The unit finds the open calls on its own page."))


def _from_form(
    request: Request, reference: str, form: ServiceForm, name: str, act: Callable[..., object], text: str
) -> HttpResponse:
    """One small form of the object's page → one service call."""
    _kept(request, reference)
    if form.is_valid():
        try:
            act(reference=reference, actor=request.actor, at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            return _done(request, reference, text)
    return _object(request, reference, **{name: form})


@require_POST
def drop(request: Request, reference: str) -> HttpResponse:
    form = forms.DropForm(request.POST)
    return _from_form(request, reference, form, "drop_form", services.drop, _("Taken out of the library."))


@require_POST
def level(request: Request, reference: str) -> HttpResponse:
    """The level that another authority gave it (JY-19)."""
    _kept(request, reference)
    form = forms.LevelForm(request.POST, levels=reads.levels_to_note(reads.one(request.actor, reference)))
    return _from_form(request, reference, form, "level_form", services.note_level, _("Kept."))


@require_POST
def target(request: Request, reference: str) -> HttpResponse:
    form = forms.TargetForm(request.POST)
    return _from_form(request, reference, form, "target_form", services.set_target, _("Kept."))


@require_POST
def target_reached(request: Request, reference: str, pk: int) -> HttpResponse:
    services.reach_target(reference=reference, target=pk, actor=request.actor, at=clock.now())
    return _done(request, reference, _("Noted: it was reached."))


@require_POST
def visit(request: Request, reference: str) -> HttpResponse:
    form = forms.VisitForm(request.POST)
    return _from_form(
        request, reference, form, "visit_form", services.plan_visit, _("Planned. The unit has been told.")
    )


@require_POST
def visit_record(request: Request, reference: str, pk: int) -> HttpResponse:
    _kept(request, reference)
    form = forms.RecordForm(request.POST, auto_id=f"visit-{pk}-%s")
    if form.is_valid():
        try:
            services.record_visit(
                reference=reference, visit=pk, actor=request.actor, at=clock.now(), **form.cleaned_data
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            return _done(request, reference, _("Recorded. The unit reads it."))
    return _object(request, reference, record_forms={pk: form})  # type: ignore[arg-type]


@require_POST
def note(request: Request, reference: str) -> HttpResponse:
    """Progress, by the authority or by the unit: each returns to its own page."""
    form = forms.NoteForm(request.POST)
    if request.actor.is_official:
        return _from_form(request, reference, form, "note_form", services.write_note, _("Noted."))
    form.is_valid()
    services.write_note(
        reference=reference, text=form.cleaned_data.get("text", ""), actor=request.actor, at=clock.now()
    )
    messages.success(request, _("Noted. The authority reads it."))
    return redirect("dynamics:cultivation-own")


@require_POST
def match(request: Request, reference: str) -> HttpResponse:
    _kept(request, reference)
    bodies = [(one.pk, one.name) for one in reads.bodies_to_match(request.actor)]
    form = forms.MatchForm(request.POST, bodies=bodies)
    if form.is_valid():
        given = form.cleaned_data
        services.match_body(
            reference=reference, body_id=given["body"], note=given["note"], actor=request.actor, at=clock.now()
        )
        return _done(request, reference, _("Recorded. Both have been told."))
    return _object(request, reference, match_form=form)


@require_POST
def match_end(request: Request, reference: str, pk: int) -> HttpResponse:
    services.end_match(reference=reference, match=pk, actor=request.actor, at=clock.now())
    return _done(request, reference, _("Noted: they work together no more."))


# ---- the unit's own ---------------------------------------------------------------------------------------------------------
@get_or_post
def own(request: Request) -> HttpResponse:
    """What the authorities plan with the unit, the calls it is invited to, and the request to be taken in."""
    actor, at = request.actor, clock.now()
    if actor.capacity != Capacity.APPLICANT:
        raise NotAllowed(_("This page is for firms, parks and third-party bodies."))
    sites = [(site.pk, site.name) for site in reads.own_sites(actor)] if not actor.is_body else []
    form = forms.AskForm(request.POST or None, sites=sites, categories=reads.categories())
    if request.method == "POST" and form.is_valid():
        try:
            services.ask(actor=actor, at=at, **form.cleaned_data)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Asked. The authority of your place has been told."))
            return redirect("dynamics:cultivation-own")
    rows = reads.own_objects(actor)
    ways = reads.ways(actor, rows, at)
    context = {
        "objects": [(row, ways.get(row.pk, [])) for row in rows],
        "form": form if sites else None,
        "writes": not actor.is_body,
    }
    return render(request, "dynamics/cultivation_own.html", context, status=422 if form.errors else 200)


@require_POST
def apply(request: Request, reference: str) -> HttpResponse:
    """Starts the application from what is known, or leads to the draft that is there."""
    call = whole(request.POST.get("call"))
    case = services.apply(reference=reference, call_id=call or 0, actor=request.actor, at=clock.now())
    return redirect("applications:fill", case.reference)


urlpatterns: list[URLPattern] = [
    path("cultivation/", library, name="cultivation"),
    path("cultivation/library.xlsx", export, name="cultivation-export"),
    path("cultivation/add/", add, name="cultivation-add"),
    path("cultivation/survey/", survey, name="cultivation-survey"),
    path("cultivation/own/", own, name="cultivation-own"),
    path("cultivation/objects/<str:reference>/", show, name="cultivation-object"),
    path("cultivation/objects/<str:reference>/plan/", plan, name="cultivation-plan"),
    path("cultivation/objects/<str:reference>/take-up/", take_up, name="cultivation-take-up"),
    path("cultivation/objects/<str:reference>/invite/", invite, name="cultivation-invite"),
    path("cultivation/objects/<str:reference>/drop/", drop, name="cultivation-drop"),
    path("cultivation/objects/<str:reference>/level/", level, name="cultivation-level"),
    path("cultivation/objects/<str:reference>/target/", target, name="cultivation-target"),
    path(
        "cultivation/objects/<str:reference>/target/<int:pk>/reached/",
        target_reached,
        name="cultivation-target-reached",
    ),
    path("cultivation/objects/<str:reference>/visit/", visit, name="cultivation-visit"),
    path("cultivation/objects/<str:reference>/visit/<int:pk>/record/", visit_record, name="cultivation-visit-record"),
    path("cultivation/objects/<str:reference>/note/", note, name="cultivation-note"),
    path("cultivation/objects/<str:reference>/match/", match, name="cultivation-match"),
    path("cultivation/objects/<str:reference>/match/<int:pk>/end/", match_end, name="cultivation-match-end"),
    path("cultivation/objects/<str:reference>/apply/", apply, name="cultivation-apply"),
]

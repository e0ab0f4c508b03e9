"""The deciding authority's pages: notices, objections, announcements; and an applicant's own certificates."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from greenlist.core import attachments, clock
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused
from greenlist.core.http import Request, whole
from registry import rules, selectors
from registry.forms import (
    AnnouncementForm,
    CorrectionForm,
    NoteForm,
    NoticeForm,
    ObjectionDecisionForm,
    SiteAddressForm,
    WordsForm,
)
from registry.models import Correction, Notice
from registry.services import announcements, corrections, notices, objections
from registry.states import AnnouncementState, CorrectionState, NoticeState


@require_GET
def notice_list(request: Request) -> HttpResponse:
    """The authority's notices, and approved lists that have none yet."""
    actor = request.actor
    if not actor.is_official:
        raise NotAllowed(_("Only the deciding authority prepares the notice."))
    return render(
        request,
        "registry/office_notices.html",
        {"notices": selectors.own_notices(actor), "waiting": selectors.decisions_without_notice(actor)},
    )


@require_http_methods(["GET", "POST"])
def notice_new(request: Request, decision: str) -> HttpResponse:
    """Drafts the notice of an approved proposed list."""
    source = selectors.decision(request.actor, decision)
    form = NoticeForm(request.POST or None, initial=selectors.notice_words(source))
    if request.method == "POST" and form.is_valid():
        found = notices.draft(actor=request.actor, decision=decision, at=clock.now(), **_words(form))
        messages.success(request, _("The notice is drafted. An approver publishes it; the period begins that day."))
        return redirect("registry:notice_manage", found.reference)
    return render(
        request, "registry/notice_form.html", {"form": form, "decision": source}, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "POST"])
def notice_manage(request: Request, reference: str) -> HttpResponse:
    """One notice in the office: words while it is a draft, the planned period, publication, objections."""
    actor, now = request.actor, clock.now()
    found = selectors.own_notice(actor, reference)
    drafted = found.state == NoticeState.DRAFT
    stands = {"title": found.title, "text": found.text, "site_address": found.site_address}
    kind: type[WordsForm] = NoticeForm if drafted else SiteAddressForm
    form = kind(request.POST or None, initial={**stands, "version": found.version})
    conflict: Conflict | None = None
    if request.method == "POST" and form.is_valid():
        words = stands | _words(form)
        try:
            notices.edit(actor=actor, reference=reference, at=now, version=_version(form), **words)
        except Conflict as other:
            form, conflict = _typed_again(form, other), other
        else:
            messages.success(request, _("Saved."))
            return redirect("registry:notice_manage", reference)
    context = {
        "conflict": conflict,
        "notice": found,
        "form": form,
        "drafted": drafted,
        "may_publish": rules.may_publish_notice(actor, found),
        "refused": rules.WROTE_IT if rules.wrote_it(actor, found) else "",
        "digest": notices.shown_digest(found),
        "objections": selectors.objections_of(actor, found),
        **_planned(found, now),
    }
    return render(request, "registry/notice_manage.html", context, status=_status(form, conflict))


def _words(form: WordsForm) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if name != "version"}


def _version(form: WordsForm) -> int:
    """That of the page; a form without one saw none, so it loses against any change."""
    return form.cleaned_data["version"] or 0


def _typed_again(form: WordsForm, conflict: Conflict) -> WordsForm:
    """What was typed, to be saved over what stands: whoever saves again has seen both (WF-06)."""
    again = type(form)({**form.data.dict(), "version": str(conflict.version)})  # type: ignore[attr-defined]
    again.is_valid()
    return again


def _status(form: WordsForm, conflict: Conflict | None) -> int:
    if conflict:
        return conflict.status
    return 422 if form.is_bound else 200


def _planned(found: Notice, now: datetime) -> dict[str, object]:
    """The period if it were published today, or why it cannot be."""
    if found.state != NoticeState.DRAFT:
        return {}
    try:
        return {"period": notices.period_of(found, clock.china_date(now))}
    except Refused as refusal:
        return {"refusal": refusal}


@require_POST
def notice_publish(request: Request, reference: str) -> HttpResponse:
    """Publishes the notice today."""
    digest = request.POST.get("digest", "")
    found = notices.publish(actor=request.actor, reference=reference, at=clock.now(), digest=digest)
    messages.success(request, _("The notice is public. It ends by itself after its last day."))
    return redirect("registry:notice_manage", found.reference)


@require_http_methods(["GET", "POST"])
def objection(request: Request, receipt: str) -> HttpResponse:
    """One objection: who, what, evidence; the decision with reasons. Each look at it is recorded."""
    actor, now = request.actor, clock.now()
    found = objections.read(actor=actor, receipt=receipt, at=now)
    form = ObjectionDecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        objections.decide(
            actor=actor,
            receipt=receipt,
            upheld=form.cleaned_data["outcome"] == "upheld",
            reasons=form.cleaned_data["reasons"],
            at=now,
        )
        messages.success(request, _("The objection is decided."))
        return redirect("registry:objection", receipt)
    context = {"objection": found, "form": form, "may_decide": rules.may_decide_objection(actor, found)}
    return render(request, "registry/objection.html", context, status=422 if form.is_bound else 200)


@require_GET
def objection_evidence(request: Request, receipt: str) -> HttpResponseBase:
    """The objector's file. Raises NotVisible where there is none."""
    found = objections.read(actor=request.actor, receipt=receipt, at=clock.now())
    if found.evidence is None:
        raise NotVisible
    return attachments.response(found.evidence)


@require_GET
def announcement_list(request: Request) -> HttpResponse:
    """The authority's announcements, and ended notices with units to announce."""
    actor = request.actor
    if not actor.is_official:
        raise NotAllowed(_("Only the deciding authority prepares the announcement."))
    return render(
        request,
        "registry/office_announcements.html",
        {"announcements": selectors.own_announcements(actor), "waiting": selectors.notices_to_announce(actor)},
    )


@require_http_methods(["GET", "POST"])
def announcement_new(request: Request, notice: str) -> HttpResponse:
    """Drafts the announcement of an ended notice, or its supplement."""
    source = selectors.own_notice(request.actor, notice)
    form = AnnouncementForm(request.POST or None, initial=selectors.announcement_words(source))
    if request.method == "POST" and form.is_valid():
        found = announcements.draft(actor=request.actor, notice=notice, at=clock.now(), **_words(form))
        return redirect("registry:announcement", found.reference)
    context = {"form": form, "notice": source, "units": announcements.ready(source)}
    return render(request, "registry/announcement_form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def announcement(request: Request, reference: str) -> HttpResponse:
    """One announcement in the office: words, units, hand over, approve."""
    actor = request.actor
    found = selectors.own_announcement(actor, reference)
    drafted = found.state == AnnouncementState.DRAFT
    stands = {"title": found.title, "number": found.number, "text": found.text, "version": found.version}
    form: WordsForm = AnnouncementForm(request.POST or None, initial=stands)
    conflict: Conflict | None = None
    if request.method == "POST" and form.is_valid():
        version, words = _version(form), _words(form)
        try:
            announcements.edit(actor=actor, reference=reference, at=clock.now(), version=version, **words)
        except Conflict as other:
            form, conflict = _typed_again(form, other), other
        else:
            messages.success(request, _("Saved."))
            return redirect("registry:announcement", reference)
    context = {
        "conflict": conflict,
        "announcement": found,
        "form": form,
        "drafted": drafted,
        "units": announcements.ready(found.notice) if found.state != AnnouncementState.PUBLISHED else (),
        "may_approve": rules.may_approve(actor, found),
        "digest": announcements.shown_digest(found),
        "same_person": found.four_eyes and found.handed_by_id == actor.user_id,
        "note_form": NoteForm(),
    }
    return render(request, "registry/announcement_manage.html", context, status=_status(form, conflict))


@require_POST
def announcement_hand(request: Request, reference: str) -> HttpResponse:
    """Hands the draft to an approver."""
    version = whole(request.POST.get("version")) or 0
    announcements.hand_to_approver(actor=request.actor, reference=reference, at=clock.now(), version=version)
    messages.success(request, _("Handed to the approver."))
    return redirect("registry:announcement", reference)


@require_POST
def announcement_back(request: Request, reference: str) -> HttpResponse:
    """The approver hands it back with a note."""
    form = NoteForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    announcements.hand_back(actor=request.actor, reference=reference, note=note, at=clock.now())
    messages.success(request, _("Handed back."))
    return redirect("registry:announcement", reference)


@require_POST
def announcement_publish(request: Request, reference: str) -> HttpResponse:
    """Publishes the list."""
    digest = request.POST.get("digest", "")
    announcements.publish(actor=request.actor, reference=reference, at=clock.now(), digest=digest)
    messages.success(request, _("The list is published; certificates are issued and the units are told."))
    return redirect("registry:announcement", reference)


@require_http_methods(["GET", "POST"])
def correction(request: Request, reference: str) -> HttpResponse:
    """Draws up the correction of a published announcement, or shows the one that waits for its approver."""
    actor = request.actor
    found = selectors.own_announcement(actor, reference)
    if found.state != AnnouncementState.PUBLISHED:
        raise NotVisible
    version, waiting = selectors.latest(found), selectors.open_correction(found)
    form = CorrectionForm(request.POST or None, version=version)
    if request.method == "POST" and form.is_valid():
        given = {"reason": form.cleaned_data["reason"], "lines": form.lines(), "version": form.cleaned_data["version"]}
        try:
            corrections.propose(actor=actor, reference=reference, at=clock.now(), **given)
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("Drawn up. An approver publishes it."))
            return redirect("registry:correction", reference)
    context = {
        "announcement": found,
        "version": version,
        "waiting": waiting,
        "changed": _pairs(version, waiting),
        "form": form,
        "may_approve": rules.may_approve(actor, found),
        "same_person": waiting is not None and waiting.created_by_id == actor.user_id,
        "earlier": found.corrections.exclude(state=CorrectionState.TO_APPROVE).select_related("created_by"),
        "note_form": NoteForm(),
    }
    return render(request, "registry/correction.html", context, status=422 if form.is_bound else 200)


def _pairs(version: selectors.Version, waiting: Correction | None) -> list[tuple[Any, Any]]:
    """Each line as printed now, and as the waiting correction would have it."""
    if waiting is None:
        return []
    printed = {str(unit["position"]): unit for unit in version.frozen["units"]}
    return [(printed[position], line) for position, line in waiting.lines.items() if position in printed]


@require_POST
def correction_publish(request: Request, reference: str, correction: str) -> HttpResponse:
    """Publishes the corrected version."""
    corrections.publish(actor=request.actor, reference=reference, correction=correction, at=clock.now())
    messages.success(request, _("The corrected version is public; the earlier one stays readable."))
    return redirect("registry:announcement", reference)


@require_POST
def correction_refuse(request: Request, reference: str, correction: str) -> HttpResponse:
    """The approver does not want it."""
    form = NoteForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    corrections.refuse(actor=request.actor, reference=reference, correction=correction, note=note, at=clock.now())
    messages.success(request, _("Handed back."))
    return redirect("registry:correction", reference)


@require_GET
def certificates(request: Request) -> HttpResponse:
    """The certificates of one's own organisation."""
    return render(request, "registry/certificates.html", {"certificates": selectors.own_certificates(request.actor)})


urlpatterns = [
    path("registry/notices/", notice_list, name="notices_manage"),
    path("registry/notices/new/<str:decision>/", notice_new, name="notice_new"),
    path("registry/notices/<str:reference>/", notice_manage, name="notice_manage"),
    path("registry/notices/<str:reference>/publish/", notice_publish, name="notice_publish"),
    path("registry/objections/<str:receipt>/", objection, name="objection"),
    path("registry/objections/<str:receipt>/evidence/", objection_evidence, name="objection_evidence"),
    path("registry/announcements/", announcement_list, name="announcements_manage"),
    path("registry/announcements/new/<str:notice>/", announcement_new, name="announcement_new"),
    path("registry/announcements/<str:reference>/", announcement, name="announcement"),
    path("registry/announcements/<str:reference>/hand/", announcement_hand, name="announcement_hand"),
    path("registry/announcements/<str:reference>/back/", announcement_back, name="announcement_back"),
    path("registry/announcements/<str:reference>/publish/", announcement_publish, name="announcement_publish"),
    path("registry/announcements/<str:reference>/correct/", correction, name="correction"),
    path(
        "registry/announcements/<str:reference>/correct/<str:correction>/publish/",
        correction_publish,
        name="correction_publish",
    ),
    path(
        "registry/announcements/<str:reference>/correct/<str:correction>/refuse/",
        correction_refuse,
        name="correction_refuse",
    ),
    path("registry/certificates/", certificates, name="certificates"),
]

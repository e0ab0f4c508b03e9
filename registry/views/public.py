"""What everybody sees: notices and objections, lists, announcements, certificate checks."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from applications.selectors import due, rules_of
from greenlist.core import clock, replica, waiting
from greenlist.core.errors import Invalid, NoRoom, TooMany
from greenlist.core.http import Request, unnamed, whole
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Calendar
from registry import documents, selectors
from registry.forms import ChangesForm, CheckFileForm, ObjectionForm, SearchForm
from registry.services import checks, objections
from registry.states import EntryKind

AS_OF = 200  # units of one page of a list as of a day


@login_not_required
@require_GET
@replica.may_answer
def notices(request: Request) -> HttpResponse:
    """Running notices on top, then those that are over."""
    today = clock.china_date(clock.now())
    return render(
        request,
        "registry/notices.html",
        {"running": selectors.running_notices(), "over": selectors.past_notices(), "today": today},
    )


@login_not_required
@require_GET
@replica.may_answer
def notice(request: Request, place: str, reference: str) -> HttpResponse:
    """One notice with its counted days and units."""
    found = selectors.public_notice(place, reference)
    now = clock.now()
    today = clock.china_date(now)
    given = {
        "notice": found,
        "part": selectors.units_of_notice(found, whole(request.GET.get("page"))),
        "open": selectors.receives_objections(found, now),
        "left": due.left(found.ends_on, today, Calendar(exceptions=policy.exceptions(today))),
        "basis": rules_of(found.call).clause(found.rule.get("clause", "")),
    }
    return render(request, "registry/notice.html", given)


@login_not_required
@require_GET
def notice_pdf(request: Request, place: str, reference: str) -> HttpResponseBase:
    """The notice as an official document, from what was frozen when it was published."""
    found, at = selectors.public_notice(place, reference), clock.now()
    paper = documents.notice_pdf(found, actor=request.actor, at=at)
    back = reverse("registry:notice", args=[place, reference])
    return waiting.answer(request, paper, at=at, title=found.title, back=back, inline=True)


@login_not_required
@require_GET
@replica.may_answer
def notice_text(request: Request, place: str, reference: str) -> HttpResponse:
    """The same notice as plain text, for the bureau's own site (QHD-10b)."""
    found = selectors.public_notice(place, reference)
    return HttpResponse(documents.notice_text(found), content_type="text/plain; charset=utf-8")


@login_not_required
@require_http_methods(["GET", "POST"])
@unnamed
def object_(request: Request, place: str, reference: str, item: int) -> HttpResponse:
    """The form for an objection against one unit; what was typed stays when something is wrong."""
    found = selectors.public_notice(place, reference)
    unit = selectors.unit_on_notice(found, item)
    form = ObjectionForm(request.POST or None, request.FILES or None)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            objection = objections.file(
                notice=reference,
                item=unit.pk,
                at=clock.now(),
                actor=request.actor,
                **form.cleaned_data,
            )
        except Invalid as wrong:
            form.add_error("evidence", str(wrong.message))
        except (NoRoom, TooMany) as later:
            form.add_error(None, str(later.message))
            status = later.status
        else:
            return redirect("registry:follow", objection.follow_token)
    return render(request, "registry/objection_form.html", {"notice": found, "unit": unit, "form": form}, status=status)


@login_not_required
@never_cache
@require_GET
def follow(request: Request, token: str) -> HttpResponse:
    """What the objector sees under the receipt's own address: number, state, decision; never who filed it."""
    return render(request, "registry/objection_followed.html", {"objection": selectors.followed(token)})


@login_not_required
@require_GET
@replica.may_answer
def lists(request: Request) -> HttpResponse:
    """The public list of every place: search, filters as links, keyset pages."""
    form = SearchForm(request.GET)
    form.is_valid()
    given: dict[str, Any] = {key: value for key, value in form.cleaned_data.items() if value}
    page = selectors.public_search(given)
    context = {"page": page, "given": given, "filters": selectors.filters(given)}
    template = "registry/_rows.html" if request.headers.get("HX-Target") == "rows" else "registry/lists.html"
    return render(request, template, context)


@login_not_required
@require_GET
@replica.may_answer
def download(request: Request, kind: str) -> HttpResponseBase:
    """The filtered list as XLSX, CSV or JSON."""
    form = SearchForm(request.GET)
    form.is_valid()
    given = {key: value for key, value in form.cleaned_data.items() if value}
    at = clock.now()
    found = documents.list_download(given, kind, actor=request.actor, at=at, polled=waiting.polls(request))
    if isinstance(found, HttpResponseBase):
        return found
    back = f"{reverse('registry:lists')}?{request.GET.urlencode()}"
    return waiting.answer(request, found, at=at, title=_("The list as a workbook"), back=back)


@login_not_required
@require_GET
@replica.may_answer
def as_of(request: Request, place: str, category: str) -> HttpResponse:
    """A place's list as it stood on a day, page by page."""
    form = SearchForm(request.GET)
    form.is_valid()
    on = form.cleaned_data.get("on") or clock.china_date(clock.now())
    listbook = selectors.listbook(place, category)
    after, shown = (whole(request.GET.get(name)) or 0 for name in ("after", "shown"))
    entries, following = selectors.as_of_page(listbook, on, after=after, size=AS_OF)
    context = {"listbook": listbook, "on": on, "entries": entries, "following": following, "asked": form}
    return render(request, "registry/as_of.html", {**context, "shown": shown, "next": shown + len(entries)})


@login_not_required
@require_GET
@replica.may_answer
def changes(request: Request, place: str, category: str) -> HttpResponse:
    """What was added to a place's list, renamed, corrected and removed between the ends of two days."""
    form = ChangesForm(request.GET)
    form.is_valid()
    today = clock.china_date(clock.now())
    until = form.cleaned_data.get("until") or today
    since = form.cleaned_data.get("since") or until.replace(month=1, day=1)
    listbook = selectors.listbook(place, category)
    after = whole(request.GET.get("after")) or 0
    found = selectors.changes(listbook, since, until, after=after, size=AS_OF)
    kinds = [(EntryKind(kind).label, count) for kind, count in found.counts.items()]
    context = {"listbook": listbook, "since": since, "until": until, "found": found, "kinds": kinds}
    return render(request, "registry/changes.html", context)


@login_not_required
@require_GET
@replica.may_answer
def announcement(request: Request, place: str, reference: str) -> HttpResponse:
    """A published announcement with its entries."""
    found = selectors.public_announcement(place, reference)
    asked = whole(request.GET.get("version"))
    shown = selectors.version(found, asked)
    every = selectors.versions(found)
    part = selectors.units_of_announcement(found, shown, whole(request.GET.get("page")))
    context = {"announcement": found, "version": shown, "versions": every, "newest": every[-1], "part": part}
    return render(request, "registry/announcement.html", context)


@login_not_required
@require_GET
def announcement_pdf(request: Request, place: str, reference: str) -> HttpResponseBase:
    """The announcement as an official document."""
    found, at = selectors.public_announcement(place, reference), clock.now()
    asked = whole(request.GET.get("version"))
    paper = documents.announcement_pdf(found, actor=request.actor, at=at, version=asked)
    back = reverse("registry:announcement_public", args=[place, reference])
    return waiting.answer(request, paper, at=at, title=found.title, back=back, inline=True)


@login_not_required
@require_GET
@replica.may_answer
def bulletin(request: Request, place: str, reference: str) -> HttpResponse:
    """A published bulletin: which units were removed, renamed or corrected, and why."""
    return render(request, "registry/bulletin.html", {"bulletin": selectors.public_bulletin(place, reference)})


@login_not_required
@require_GET
def bulletin_pdf(request: Request, place: str, reference: str) -> HttpResponseBase:
    """The bulletin as an official document."""
    found, at = selectors.public_bulletin(place, reference), clock.now()
    paper = documents.bulletin_pdf(found, actor=request.actor, at=at)
    back = reverse("registry:bulletin", args=[place, reference])
    return waiting.answer(request, paper, at=at, title=found.title, back=back, inline=True)


@login_not_required
@require_http_methods(["GET", "POST"])
@replica.may_answer
def verify(request: Request) -> HttpResponse:
    """Check a certificate by the number printed on it, or a file by its content; the QR code leads to the answer directly."""
    if request.method == "POST":
        return _verify_file(request)
    number = request.GET.get("number", "").strip()[:40].replace("\x00", "")
    found = selectors.certificate_numbered(number) if number else None
    if found is not None:
        return redirect("registry:certificate", found.token)
    return render(request, "registry/verify.html", {"number": number, "form": CheckFileForm()})


def _verify_file(request: Request) -> HttpResponse:
    """Whether the uploaded file is, byte for byte, one that was issued here."""
    form = CheckFileForm(request.POST, request.FILES)
    verdict, status = None, 200
    if form.is_valid():
        try:
            verdict = checks.check_file(upload=form.cleaned_data["file"], actor=request.actor, at=clock.now())
        except (Invalid, TooMany) as refused:
            form.add_error("file", str(refused.message))
            status = refused.status
    else:
        status = 422
    context = {"form": CheckFileForm() if verdict else form, "verdict": verdict}
    return render(request, "registry/verify.html", context, status=status)


@login_not_required
@require_GET
@replica.may_answer
def certificate(request: Request, token: str) -> HttpResponse:
    """The big clear answer a scanned code leads to: valid, or what happened."""
    found = selectors.find_certificate(token)
    if found is None:
        return render(request, "registry/certificate_unknown.html", status=404)
    context = {"certificate": found, "newer": selectors.newer_certificate(found)}
    return render(request, "registry/certificate.html", context)


@login_not_required
@require_GET
def certificate_pdf(request: Request, token: str) -> HttpResponseBase:
    """The certificate itself."""
    found, at = selectors.certificate(token), clock.now()
    paper = documents.certificate_pdf(found, actor=request.actor, at=at)
    back = reverse("registry:certificate", args=[token])
    title = _("Certificate %(number)s") % {"number": found.number}
    return waiting.answer(request, paper, at=at, title=title, back=back, inline=True)


urlpatterns = [
    path("notices/", notices, name="notices"),
    path("p/<slug:place>/notices/<str:reference>/", notice, name="notice"),
    path("p/<slug:place>/notices/<str:reference>/notice.pdf", notice_pdf, name="notice_pdf"),
    path("p/<slug:place>/notices/<str:reference>/notice.txt", notice_text, name="notice_text"),
    path("p/<slug:place>/notices/<str:reference>/objection/<int:item>/", object_, name="object"),
    path("objections/<str:token>/", follow, name="follow"),
    path("lists/", lists, name="lists"),
    path("lists/download.<str:kind>", download, name="download"),
    path("p/<slug:place>/lists/<str:category>/", as_of, name="as_of"),
    path("p/<slug:place>/lists/<str:category>/changes/", changes, name="changes"),
    path("p/<slug:place>/announcements/<str:reference>/", announcement, name="announcement_public"),
    path("p/<slug:place>/announcements/<str:reference>/announcement.pdf", announcement_pdf, name="announcement_pdf"),
    path("p/<slug:place>/bulletins/<str:reference>/", bulletin, name="bulletin"),
    path("p/<slug:place>/bulletins/<str:reference>/bulletin.pdf", bulletin_pdf, name="bulletin_pdf"),
    path("v/", verify, name="verify"),
    path("v/<str:token>/", certificate, name="certificate"),
    path("v/<str:token>/certificate.pdf", certificate_pdf, name="certificate_pdf"),
]

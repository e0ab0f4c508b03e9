"""调整公告 in the office: what waits, drafting, handing on, publishing."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.forms.removals import BulletinForm, NewBulletinForm, TextForm
from dynamics.selectors import bulletins as reads
from dynamics.services import bulletins
from greenlist.core import clock
from greenlist.core.errors import Conflict, NotAllowed, NotVisible
from greenlist.core.http import Request, whole
from registry import selectors as registry
from registry.models import ListBook
from registry.services import bulletins as printed
from registry.states import BulletinState, EntryKind


@require_GET
def bulletins_list(request: Request) -> HttpResponse:
    """Lists of one's own authority with what waits to go out, and its bulletins."""
    actor = request.actor
    if not actor.is_official:
        raise NotAllowed(printed.OWNERS_ONLY)
    waiting = [(book, lines) for book in reads.own_books(actor) if (lines := bulletins.ready(book))]
    rows, after = registry.own_bulletins(actor, after=whole(request.GET.get("after")))
    return render(request, "dynamics/bulletins.html", {"waiting": waiting, "rows": rows, "after": after})


def _own_book(request: Request, pk: int) -> ListBook:
    """Raises NotVisible, NotAllowed."""
    book = reads.book(pk)
    if not rules.may_prepare_bulletin(request.actor, book):
        raise NotAllowed(printed.OWNERS_ONLY)
    return book


@require_http_methods(["GET", "POST"])
def bulletin_new(request: Request, listbook: int) -> HttpResponse:
    """Drafts a bulletin of what waits."""
    book = _own_book(request, listbook)
    lines = bulletins.ready(book)
    names = reads.names_of(lines)
    choices = [
        (f"{line.source[0]}:{line.source[1]}", f"{EntryKind(line.kind).label} · {names[line.listing]} · {line.reason}")
        for line in lines
        if line.source
    ]
    start = {**reads.words(book, len(lines)), "lines": [key for key, _label in choices]}
    form = NewBulletinForm(request.POST or None, initial=start, waiting=choices)
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("title", "number", "text")}
        made = bulletins.draft(actor=request.actor, listbook=book.pk, chosen=form.chosen(), at=clock.now(), **given)
        messages.success(request, _("The bulletin is drafted. An approver publishes it."))
        return redirect("dynamics:bulletin", made.reference)
    context = {"form": form, "book": book, "empty": not choices}
    return render(request, "dynamics/bulletin_new.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def bulletin(request: Request, reference: str) -> HttpResponse:
    """One bulletin in the office: words while it is a draft, units, hand over, publish."""
    actor = request.actor
    found = registry.own_bulletin(actor, reference)
    stands = {"title": found.title, "number": found.number, "text": found.text, "version": found.version}
    form = BulletinForm(request.POST or None, initial=stands)
    conflict: Conflict | None = None
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("title", "number", "text")}
        try:
            printed.edit(
                actor=actor, reference=reference, version=form.cleaned_data["version"] or 0, at=clock.now(), **given
            )
        except Conflict as other:
            conflict = other
            form = BulletinForm({**given, "version": other.version})
            form.is_valid()
        else:
            messages.success(request, _("Saved."))
            return redirect("dynamics:bulletin", reference)
    context: dict[str, Any] = {
        "bulletin": found,
        "lines": found.lines.select_related("listing"),
        "form": form,
        "conflict": conflict,
        "drafted": found.state == BulletinState.DRAFT,
        "waits": found.state == BulletinState.TO_APPROVE,
        "may_approve": rules.may_publish_bulletin(actor, found.listbook),
        "same_person": found.handed_by_id == actor.user_id,
        "digest": printed.shown_digest(found),
        "back": TextForm(),
    }
    status = conflict.status if conflict else 422 if form.is_bound else 200
    return render(request, "dynamics/bulletin.html", context, status=status)


@require_POST
def bulletin_act(request: Request, reference: str, verb: str) -> HttpResponse:
    """Hand to the approver, hand back, publish, give up, leave a unit out."""
    actor, at = request.actor, clock.now()
    registry.own_bulletin(actor, reference)
    given: dict[str, Any] = {"actor": actor, "reference": reference, "at": at}
    if verb == "hand":
        printed.hand_to_approver(**given)
        said = _("Handed to the approver.")
    elif verb == "back":
        printed.hand_back(note=request.POST.get("text", "")[:500], **given)
        said = _("Handed back.")
    elif verb == "publish":
        bulletins.publish(digest=request.POST.get("digest", ""), **given)
        said = _("Published. The list is changed, and the units are told.")
    elif verb == "drop":
        printed.drop(**given)
        said = _("Given up. What waited waits again.")
    elif verb == "without":
        printed.take_out(line=whole(request.POST.get("line")) or 0, **given)
        said = _("Left out.")
    else:
        raise NotVisible
    messages.success(request, said)
    return redirect("dynamics:bulletin", reference)


urlpatterns: list[URLPattern] = [
    path("after/bulletins/", bulletins_list, name="bulletins"),
    path("after/bulletins/new/<int:listbook>/", bulletin_new, name="bulletin-new"),
    path("after/bulletins/<str:reference>/", bulletin, name="bulletin"),
    path("after/bulletins/<str:reference>/<slug:verb>/", bulletin_act, name="bulletin-act"),
]

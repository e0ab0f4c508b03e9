"""The public page of a listed unit and how it is written; typical experiences of a place."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications.selectors import calls
from dynamics import rules
from dynamics.forms import showing as forms
from dynamics.selectors import showing as reads
from dynamics.services import experiences, showing
from dynamics.states import ExperienceState
from greenlist.core import attachments, clock, replica
from greenlist.core.documents import qr_data
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible
from greenlist.core.http import Request, whole
from registry import selectors as registry

get_or_post = require_http_methods(["GET", "POST"])
Forms = dict[str, forms.PartForm]


# ---- what everybody sees ----------------------------------------------------------------------------------------------------
@login_not_required
@require_GET
@replica.may_answer
def listing(request: Request, place: str, pk: int) -> HttpResponse:
    """One listed unit: where it is listed, what it shows of itself, its history."""
    return _page(request, registry.listing(place, pk), preview=False)


def _page(request: Request, row: Any, *, preview: bool) -> HttpResponse:
    page = reads.public_page(reads.listing_of(row.listbook.owner.area.slug, row.pk), clock.now(), preview=preview)
    codes = {
        one.part.kind: qr_data(f"{settings.PUBLIC_URL}{reverse('dynamics:standing', args=[one.part.token])}")
        for one in page.parts
        if one.part is not None and one.is_public and one.part.kind in (reads.STANDING, reads.CODE)
    }
    context = {
        "listing": row,
        "former": registry.former_names(row),
        "page": page,
        "codes": codes,
        "tiers": reads.tiers(),
        "preview": preview,
        "place": row.listbook.owner.area.slug,
    }
    return render(request, "dynamics/listing.html", context)


@login_not_required
@require_GET
def listing_file(request: Request, place: str, pk: int, kind: str) -> HttpResponseBase:
    """The file of a public part, without what programs wrote about people."""
    return attachments.response(showing.bare_file(place=place, pk=pk, kind=kind, at=clock.now()), inline=True)


@login_not_required
@never_cache
@require_GET
@replica.may_answer
def standing(request: Request, token: str) -> HttpResponse:
    """What the QR code of a green code or of the local standing leads to: the live state."""
    part, found = reads.shown_by_token(token)
    context = {"part": part, "listing": part.listing, "standing": found, "shows": reads.is_in_force(part.listing)}
    return render(request, "dynamics/standing.html", context)


@login_not_required
@require_GET
@replica.may_answer
def place_experiences(request: Request, place: str) -> HttpResponse:
    """Typical experiences that were published of a place."""
    area = calls.place(place)
    leaf = reads.published_experiences(area.path, after=whole(request.GET.get("after")))
    return render(request, "dynamics/experiences_public.html", {"area": area, "leaf": leaf})


@login_not_required
@require_GET
@replica.may_answer
def place_experience(request: Request, place: str, reference: str) -> HttpResponse:
    area = calls.place(place)
    row = reads.published_experience(area.path, reference)
    return render(request, "dynamics/experience_public.html", {"area": area, "row": row})


# ---- how the page is written ------------------------------------------------------------------------------------------------
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    """The parts of the unit's page, each with its form and whether it is public."""
    return _show(request, pk, {})


def _show(request: Request, pk: int, typed: Forms) -> HttpResponse:
    row = reads.to_show(request.actor, pk)
    known, choices = reads.parts(row), reads.figures(row)
    rows = []
    for offer in reads.offered(row):
        part = known.get(offer.kind)
        form = typed.get(offer.kind) or forms.PartForm(offer=offer, choices=choices, initial=_initial(part))
        rows.append({"offer": offer, "part": part, "form": form, "has_form": len(form.fields) > 1})
    context = {
        "listing": row,
        "rows": rows,
        "standing": reads.standing(row),
        "official": rules.covers(request.actor, row),
        "may_pick": rules.covers(request.actor, row)
        and rules.may_pick_experience(request.actor, row.listbook.category),
    }
    return render(request, "dynamics/showing.html", context, status=422 if typed else 200)


def _initial(part: Any) -> dict[str, Any]:
    if part is None:
        return {"version": 0}
    given = {name: getattr(part, name) for name in ("version", "text", "link", "grade", "issued_on")}
    return given | {"figures": [one["key"] for one in part.figures]}


@require_GET
def preview(request: Request, pk: int) -> HttpResponse:
    """The page as it would be with everything that is written; what is not public yet says so."""
    row = reads.to_show(request.actor, pk)
    return _page(request, registry.listing(row.listbook.owner.area.slug, pk), preview=True)


@require_POST
def write(request: Request, pk: int, kind: str) -> HttpResponse:
    row = reads.to_show(request.actor, pk)
    offer = next((one for one in reads.offered(row) if one.kind == kind), None)
    if offer is None:
        raise NotVisible
    form = forms.PartForm(request.POST, request.FILES, offer=offer, choices=reads.figures(row))
    if form.is_valid():
        try:
            showing.write(
                listing_id=pk,
                kind=kind,
                version=form.cleaned_data["version"],
                given=form.words(),
                upload=form.cleaned_data.get("file"),
                actor=request.actor,
                at=clock.now(),
            )
        except Invalid as wrong:
            form.take(wrong)
        except Conflict as conflict:
            form.add_error(None, str(conflict.message))
        else:
            messages.success(request, _("Saved."))
            return redirect("dynamics:showing", pk)
    return _show(request, pk, {kind: form})


@require_POST
def mark(request: Request, pk: int, kind: str) -> HttpResponse:
    public = request.POST.get("public") == "yes"
    try:
        showing.mark(listing_id=pk, kind=kind, public=public, actor=request.actor, at=clock.now())
    except Invalid as empty:
        messages.error(request, str(empty.message))
    else:
        messages.success(request, _("It is public now.") if public else _("It is not public any more."))
    return redirect("dynamics:showing", pk)


@require_POST
def take_down(request: Request, pk: int, kind: str) -> HttpResponse:
    form = forms.TakeDownForm(request.POST)
    form.is_valid()
    try:
        showing.take_down(
            listing_id=pk,
            kind=kind,
            reason=form.cleaned_data.get("reason", ""),
            actor=request.actor,
            at=clock.now(),
        )
    except Invalid as wrong:
        messages.error(request, "；".join(str(text) for texts in wrong.problems.values() for text in texts))
        return redirect("dynamics:showing", pk)
    messages.success(request, _("Taken down. The unit has been told."))
    return redirect("dynamics:showing", pk)


@require_GET
def own_file(request: Request, pk: int, kind: str) -> HttpResponseBase:
    """The file of a part, for whoever writes the page."""
    return attachments.response(reads.own_file(reads.to_show(request.actor, pk), kind), inline=True)


# ---- typical experiences ------------------------------------------------------------------------------------------------------
@require_GET
def experience_list(request: Request) -> HttpResponse:
    """What the authority picked, or was recommended."""
    if not request.actor.is_official:
        raise NotAllowed(rules.CITIES_PICK)
    leaf = reads.experiences(request.actor, after=whole(request.GET.get("after")))
    return render(request, "dynamics/experiences.html", {"leaf": leaf, "hidden": reads.hidden(leaf.rows)})


@require_POST
def pick(request: Request, pk: int) -> HttpResponse:
    row = experiences.pick(listing_id=pk, actor=request.actor, at=clock.now())
    messages.success(request, _("Picked. Please look through the words."))
    return redirect("dynamics:experience", row.reference)


@get_or_post
def experience(request: Request, reference: str) -> HttpResponse:
    """One experience: written by who picked it, marked by the authority above."""
    row = reads.experience(request.actor, reference)
    picked = rules.picked_it(request.actor, row)
    given = {name: getattr(row, name) for name in ("version", "title", "summary", "text")}
    form = forms.ExperienceForm(request.POST or None, initial=given) if picked else None
    if request.method == "POST":
        if form is None:
            raise NotAllowed(rules.PICKED_IT)
        if form.is_valid():
            try:
                experiences.write(reference=reference, **form.cleaned_data, actor=request.actor, at=clock.now())
            except Invalid as wrong:
                form.take(wrong)
            except Conflict as conflict:
                form.add_error(None, str(conflict.message))
            else:
                messages.success(request, _("Saved."))
                return redirect("dynamics:experience", reference)
    return _experience(request, row, form)


def _experience(
    request: Request,
    row: Any,
    form: Any,
    *,
    put_forward: forms.PutForwardForm | None = None,
    taken: forms.TakeDownForm | None = None,
) -> HttpResponse:
    picked, above = rules.picked_it(request.actor, row), rules.is_recommended_to(request.actor, row)

    def act(name: str, label: str, **more: Any) -> dict[str, Any]:
        url = reverse(f"dynamics:experience-{name}", args=[row.reference])
        return {"label": label, "url": url, "method": "post", **more}

    actions = []
    if picked and row.recommended_at is None:
        actions.append(act("recommend", _("Recommend it to the authority above")))
    if above and row.outstanding_at is None:
        actions.append(act("outstanding", _("Mark it as outstanding")))
    if row.state != ExperienceState.PUBLISHED:
        actions.append(act("publish", _("Publish it"), primary=True))
    context = {
        "row": row,
        "form": form,
        "actions": actions,
        "hidden": reads.hidden([row]).get(row.pk),
        "put_forward": (put_forward or forms.PutForwardForm()) if above and row.forwarded_on is None else None,
        "take_down": (taken or forms.TakeDownForm()) if row.state == ExperienceState.PUBLISHED else None,
    }
    wrong = any(one is not None and one.errors for one in (form, put_forward, taken))
    return render(request, "dynamics/experience.html", context, status=422 if wrong else 200)


@require_POST
def recommend(request: Request, reference: str) -> HttpResponse:
    experiences.recommend(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Recommended."))
    return redirect("dynamics:experience", reference)


@require_POST
def outstanding(request: Request, reference: str) -> HttpResponse:
    experiences.mark_outstanding(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Marked as outstanding. The unit has been told."))
    return redirect("dynamics:experience", reference)


@require_POST
def publish(request: Request, reference: str) -> HttpResponse:
    experiences.publish(reference=reference, actor=request.actor, at=clock.now())
    messages.success(request, _("Published. The unit has been told."))
    return redirect("dynamics:experience", reference)


@require_POST
def withdraw(request: Request, reference: str) -> HttpResponse:
    form = forms.TakeDownForm(request.POST)
    form.is_valid()
    reason = form.cleaned_data.get("reason", "")
    try:
        experiences.withdraw(reference=reference, reason=reason, actor=request.actor, at=clock.now())
    except Invalid as wrong:
        form.take(wrong)
        return _experience(request, reads.experience(request.actor, reference), None, taken=form)
    messages.success(request, _("Taken off the public page."))
    return redirect("dynamics:experience", reference)


@require_POST
def put_forward(request: Request, reference: str) -> HttpResponse:
    form = forms.PutForwardForm(request.POST)
    given = form.cleaned_data if form.is_valid() else {"on": None, "note": ""}
    try:
        experiences.put_forward(reference=reference, **given, actor=request.actor, at=clock.now())
    except Invalid as wrong:
        form.take(wrong)
        return _experience(request, reads.experience(request.actor, reference), None, put_forward=form)
    messages.success(request, _("Recorded."))
    return redirect("dynamics:experience", reference)


urlpatterns: list[URLPattern] = [
    path("p/<slug:place>/listed/<int:pk>/", listing, name="listing"),
    path("p/<slug:place>/listed/<int:pk>/<slug:kind>/file/", listing_file, name="listing-file"),
    path("standing/<str:token>/", standing, name="standing"),
    path("p/<slug:place>/experiences/", place_experiences, name="place-experiences"),
    path("p/<slug:place>/experiences/<str:reference>/", place_experience, name="place-experience"),
    path("units/<int:pk>/page/", show, name="showing"),
    path("units/<int:pk>/page/preview/", preview, name="showing-preview"),
    path("units/<int:pk>/page/<slug:kind>/", write, name="showing-write"),
    path("units/<int:pk>/page/<slug:kind>/mark/", mark, name="showing-mark"),
    path("units/<int:pk>/page/<slug:kind>/take-down/", take_down, name="showing-take-down"),
    path("units/<int:pk>/page/<slug:kind>/file/", own_file, name="showing-file"),
    path("units/<int:pk>/experience/", pick, name="experience-pick"),
    path("experiences/", experience_list, name="experiences"),
    path("experiences/<str:reference>/", experience, name="experience"),
    path("experiences/<str:reference>/recommend/", recommend, name="experience-recommend"),
    path("experiences/<str:reference>/outstanding/", outstanding, name="experience-outstanding"),
    path("experiences/<str:reference>/publish/", publish, name="experience-publish"),
    path("experiences/<str:reference>/withdraw/", withdraw, name="experience-withdraw"),
    path("experiences/<str:reference>/put-forward/", put_forward, name="experience-put-forward"),
]

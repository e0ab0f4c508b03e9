"""事故实时上报: raising an alarm, the list, one alarm with its clock and what followed."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dynamics import rules
from dynamics.forms import removals as forms
from dynamics.models import Incident
from dynamics.selectors import incidents as reads
from dynamics.services import incidents
from dynamics.services.incidents import Told
from dynamics.states import IncidentState
from dynamics.views.acting import Offer, Verb, offered, send
from greenlist.core import attachments, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request, whole
from registry import selectors as registry

OFFICIALS_ONLY = gettext_lazy("Officials of the unit's place see alarms.")
TOLD_ONLY = gettext_lazy("Only an authority that had to be told does this.")


def _was_told(actor: Actor, row: Incident) -> bool:
    return reads.told_to(actor, row) is not None


def _sees(actor: Actor, row: Incident) -> bool:
    return actor.is_official


TOLD = (_was_told, TOLD_ONLY)
SEES = (_sees, OFFICIALS_ONLY)
VERBS = {
    "seen": Verb(None, incidents.acknowledge, gettext_lazy("Confirmed."), *TOLD),
    "follow": Verb(forms.FollowForm, incidents.follow_up, gettext_lazy("Kept. The other offices are told."), *SEES),
    "close": Verb(forms.CloseForm, incidents.close, gettext_lazy("Closed."), *TOLD),
}


@require_GET
def incidents_list(request: Request) -> HttpResponse:
    actor = request.actor
    if not actor.is_official:
        raise NotAllowed(OFFICIALS_ONLY)
    state = IncidentState.CLOSED if request.GET.get("state") == IncidentState.CLOSED else ""
    found, after = reads.page(actor, state=state, after=whole(request.GET.get("after")))
    rows = [(row, reads.hours_taken(row), reads.is_late(row)) for row in found]
    return render(request, "dynamics/incidents.html", {"rows": rows, "after": after, "state": state})


@require_GET
def incident_units(request: Request) -> HttpResponse:
    """Which listed unit the alarm is about."""
    if not request.actor.is_official:
        raise NotAllowed(OFFICIALS_ONLY)
    q = request.GET.get("q", "").strip()[:60]
    return render(request, "dynamics/incident_units.html", {"q": q, "rows": reads.places(request.actor, q)})


@require_http_methods(["GET", "POST"])
def incident_new(request: Request, listing: int) -> HttpResponse:
    """Raises an alarm; what the rules do not ask for is refused with the reason."""
    actor, found = request.actor, registry.listing_of(listing)
    if not rules.may_raise_alarm(actor, found):
        raise NotAllowed(rules.RAISERS_ONLY)
    form = forms.AlarmForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        upload = given.pop("upload")
        try:
            made = incidents.raise_alarm(
                actor=actor, listing=found.pk, told=Told(**given), upload=upload, at=clock.now()
            )
        except Invalid as wrong:
            form.take(wrong)
        else:
            messages.success(request, _("The alarm is raised; the authorities above have been told."))
            return redirect("dynamics:incident", made.reference)
    context = {"listing": found, "form": form}
    return render(request, "dynamics/incident_new.html", context, status=422 if form.is_bound else 200)


@require_GET
def incident(request: Request, reference: str) -> HttpResponse:
    return _page(request, reference)


def _page(request: Request, reference: str, verb: str = "", refused: ServiceForm | None = None) -> HttpResponse:
    row = reads.one(request.actor, reference)
    context = {
        "row": row,
        "hours": reads.hours_taken(row),
        "late": reads.is_late(row),
        "clause": reads.clause_of(row),
        "told": row.told.select_related("authority", "seen_by"),
        "course": reads.course(row),
        "removals": reads.removals_of(request.actor, row),
        "offers": offered(_offers(request, row), verb, refused),
    }
    return render(request, "dynamics/incident.html", context, status=200 if refused is None else 422)


def _offers(request: Request, row: Incident) -> list[Offer]:
    if row.state != IncidentState.RAISED:
        return []
    told, found = reads.told_to(request.actor, row), []
    if told is not None and told.seen_at is None:
        found.append(Offer("seen", _("Confirm"), _("We have seen the alarm")))
    found.append(Offer("follow", _("What is known now"), _("Keep it"), forms.FollowForm(), multipart=True))
    if told is not None:
        found.append(Offer("close", _("Close the alarm"), _("Close the alarm"), forms.CloseForm()))
    return found


@require_POST
def act(request: Request, reference: str, verb: str) -> HttpResponse:
    row = reads.one(request.actor, reference)
    common = {"actor": request.actor, "reference": reference, "at": clock.now()}
    said, refused = send(request, VERBS, verb, row, common)
    if refused is not None:
        return _page(request, reference, verb, refused)
    messages.success(request, said)
    return redirect("dynamics:incident", reference)


@require_GET
def incident_file(request: Request, reference: str) -> HttpResponseBase:
    """The source file of the alarm."""
    return attachments.response(reads.file_of(reads.one(request.actor, reference)))


@require_GET
def incident_note_file(request: Request, reference: str, pk: int) -> HttpResponseBase:
    return attachments.response(reads.file_of(reads.one(request.actor, reference), pk))


urlpatterns: list[URLPattern] = [
    path("after/incidents/", incidents_list, name="incidents"),
    path("after/incidents/new/", incident_units, name="incident-units"),
    path("after/listings/<int:listing>/alarm/", incident_new, name="incident-new"),
    path("after/incidents/<str:reference>/", incident, name="incident"),
    path("after/incidents/<str:reference>/source.file", incident_file, name="incident-file"),
    path("after/incidents/<str:reference>/files/<int:pk>/", incident_note_file, name="incident-note-file"),
    path("after/incidents/<str:reference>/<slug:verb>/", act, name="incident-act"),
]

"""事故实时上报 (QHD-13b, JY-20, HLJ-29): the county's alarm reaches the tiers the rules name at once; times are kept.

What is below the grade of the rules raises none: it is an adverse record, which bars an application and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Incident, IncidentNote, IncidentTold
from dynamics.selectors import standing as standing_rules
from dynamics.services import rulebook, watch
from dynamics.states import IncidentState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, limits, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.core.models import Blob
from greenlist.organisations import services as organisations
from greenlist.organisations.models import AdverseRecord
from greenlist.organisations.services.adverse import AdverseInput
from greenlist.policy.engine import removals as engine
from greenlist.policy.engine.removals import Alarm
from greenlist.policy.engine.types import Severity
from registry.models import Listing
from registry.services import listings
from registry.states import ListingState


@dataclass(frozen=True, slots=True)
class Told:
    """What the county says of an event."""

    kind: str
    severity: int
    event_at: datetime
    place: str
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Sounding:
    """A list whose rules make the event an alarm."""

    listing: Listing
    standing: rulebook.Standing
    alarm: Alarm


@transaction.atomic
def raise_alarm(
    *, actor: Actor, listing: int, told: Told, upload: UploadedFile | None = None, at: datetime
) -> Incident:
    """Tells the upper tiers now; keeps the event as an adverse record and proposes removals where the rules say so.

    Raises NotVisible, NotAllowed, Invalid, Refused with the clause (no alarm under the rules), WrongState (raised already).
    """
    place = (
        Listing.objects.select_related("listbook__owner__area", "organisation", "site__area").filter(pk=listing).first()
    )
    if place is None:
        raise NotVisible
    if not rules.may_raise_alarm(actor, place):
        raise NotAllowed(rules.RAISERS_ONLY)
    if problems := problems_of(told, at=at):
        raise Invalid(_("The alarm was not raised."), problems=problems)
    sounding = _sounding(place, told)
    # Two alarms of one event are one, whichever of its lists they are raised from.
    listings.lock(Listing.objects.filter(organisation=place.organisation))
    same = Incident.objects.filter(organisation=place.organisation, kind=told.kind, event_at=told.event_at)
    if same.exists():
        raise WrongState(_("This event has been reported already."), code="raised_already")
    blob = _stored(upload, actor, at)
    first = sounding[0]
    made = Incident.objects.create(
        organisation=place.organisation,
        rules=first.standing.version,
        clause=first.alarm.clause,
        name=place.name,
        categories=",".join(sorted({one.listing.listbook.category for one in sounding})),
        area_path=place.area_path,
        kind=told.kind,
        severity=told.severity,
        event_at=told.event_at,
        place=told.place.strip(),
        what=told.what.strip(),
        source=told.source.strip(),
        file=blob,
        raised_by_id=actor.user_id,
        raised_from_id=actor.authority_id,
        raised_at=at,
        hours=first.alarm.hours,
        hours_default="hours" in first.alarm.defaults,
    )
    made.listings.set([one.listing for one in sounding])
    made.record = _keep_record(made, blob, actor, at)
    made.save(update_fields=["record"])
    note(made, "raised", made.what, actor=actor, at=at)
    _record(made, "raised", actor, at, kind=told.kind, severity=told.severity, event_at=told.event_at)
    _tell(made, sounding, at)
    watch.propose_for(record=made.record, at=at)
    return made


def problems_of(told: Told, *, at: datetime) -> dict[str, list[Text]]:
    """What is wrong with an alarm, by field."""
    found: dict[str, list[Text]] = {}
    if told.event_at > at:
        found["event_at"] = [_("This time lies in the future.")]
    if told.event_at < at - timedelta(days=366):
        found["event_at"] = [_("This time lies too far back for an alarm: enter an adverse record.")]
    for name, most in (("place", 200), ("what", 4000), ("source", 100)):
        text = getattr(told, name).strip()
        if not text:
            found[name] = [_("This is needed.")]
        elif len(text) > most:
            found[name] = [_("At most %(most)s characters.") % {"most": most}]
    if told.severity not in AdverseRecord.Severity or told.severity == AdverseRecord.Severity.NONE:
        found["severity"] = [_("An accident has a grade: general, larger, major or extreme.")]
    return found


def _sounding(place: Listing, told: Told) -> list[Sounding]:
    """The lists of the unit whose rules make it an alarm, the one that was named first. Raises Refused with the clause."""
    severity = Severity.of_rank(told.severity)
    rows = Listing.objects.filter(organisation_id=place.organisation_id).exclude(state=ListingState.REMOVED)
    found, near = [], ""
    for row in rows.select_related("listbook__owner__area", "site__area").order_by("pk"):
        for standing in _rules_about(row):
            alarm = engine.alarm(standing.bound, told.kind, severity)
            if alarm is not None:
                found.append(Sounding(row, standing, alarm))
            near = near or next((one.clause for one in engine.alarms(standing.bound)), "")
    if not found:
        raise Refused(
            _("The rules ask for no alarm about this: enter it as an adverse record of the firm instead."),
            code="no_alarm",
            clause=near,
        )
    return sorted(found, key=lambda one: one.listing.pk != place.pk)


def _rules_about(row: Listing) -> list[rulebook.Standing]:
    """Those of the list's owner; of a list nobody keeps here, those of the unit's place that name its tier (HLJ-29)."""
    own = rulebook.of_book(row.listbook)
    if own is not None:
        return [own]
    tier = row.listbook.owner.tier
    around = standing_rules.over(row.area_path, row.listbook.category)
    named = (one for one in around if any(tier in alarm.lists for alarm in engine.alarms(one.bound)))
    return [rulebook.Standing(one.version, one.bound) for one in named]


def _stored(upload: UploadedFile | None, actor: Actor, at: datetime) -> Blob | None:
    if upload is None:
        return None
    limits.take("upload", actor=actor, at=at)
    return attachments.store(upload=upload, at=at)


def _keep_record(incident: Incident, blob: Blob | None, actor: Actor, at: datetime) -> AdverseRecord:
    firm = incident.organisation
    said = AdverseInput(
        name=firm.name,
        code=firm.code or "",
        kind=incident.kind,
        severity=incident.severity,
        event_on=china_date(incident.event_at),
        source=incident.source,
        reference=incident.reference,
    )
    return organisations.enter_adverse(record=said, actor=actor, at=at, evidence=blob)


def _tell(incident: Incident, sounding: Sequence[Sounding], at: datetime) -> None:
    """Every authority the rules name, in the portal and by mail, in this very transaction."""
    for authority in _upper(incident, sounding):
        IncidentTold.objects.get_or_create(incident=incident, authority=authority, defaults={"told_at": at})
        people = accounts.people_with(authority, [Capacity.HANDLER, Capacity.APPROVER], china_date(at))
        outbox.notify(
            recipients=people,
            event=f"incident.raised:{incident.pk}",
            kind="incident.raised",
            params={
                "name": incident.name,
                "kind": AdverseRecord.Kind(incident.kind).label,
                "grade": AdverseRecord.Severity(incident.severity).label,
                "place": incident.place,
            },
            link=page_of(incident),
            at=at,
        )


def _upper(incident: Incident, sounding: Sequence[Sounding]) -> list[Authority]:
    found: dict[int, Authority] = {}
    for one in sounding:
        for tier in one.alarm.report_to:
            authority = accounts.industry_authority(one.listing.site.area, tier)
            if authority is not None and authority.pk != incident.raised_from_id:
                found.setdefault(authority.pk, authority)
    return list(found.values())


# ---- what follows ---------------------------------------------------------------------------------------------------
def lock(*, actor: Actor, reference: str) -> Incident:
    """Locked until the transaction ends. Raises NotVisible."""
    rows = Incident.objects.visible_to(actor).select_for_update(of=("self",))
    found = rows.select_related("organisation", "raised_from").filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


@transaction.atomic
def acknowledge(*, actor: Actor, reference: str, at: datetime) -> Incident:
    """An authority that was told has seen it. Raises NotVisible, NotAllowed (was not told), WrongState (seen already)."""
    incident = lock(actor=actor, reference=reference)
    row = incident.told.select_for_update().filter(authority_id=actor.authority_id).first()
    if row is None:
        raise NotAllowed(_("Only an authority that had to be told confirms that it has seen the alarm."))
    if row.seen_at is not None:
        raise WrongState(_("Your authority has confirmed this already."))
    row.seen_by_id, row.seen_at = actor.user_id, at
    row.save(update_fields=["seen_by", "seen_at"])
    note(incident, "seen", "", actor=actor, at=at)
    _record(incident, "seen", actor, at, authority=actor.authority_id)
    return incident


@transaction.atomic
def follow_up(
    *, actor: Actor, reference: str, text: str, upload: UploadedFile | None = None, at: datetime
) -> IncidentNote:
    """What is known meanwhile; nothing that was written before changes. Raises NotVisible, WrongState (closed), Invalid."""
    incident = lock(actor=actor, reference=reference)
    if incident.state != IncidentState.RAISED:
        raise _closed(incident)
    if not text.strip():
        raise Invalid(_("Not recorded."), problems={"text": [_("Write what is known.")]})
    blob = _stored(upload, actor, at)
    made = note(incident, "followed", text.strip(), actor=actor, at=at, file=blob)
    _record(incident, "followed", actor, at, text=text.strip())
    offices = {row.authority_id for row in incident.told.all()} | {incident.raised_from_id}
    for office in sorted(offices - {actor.authority_id}):
        outbox.notify(
            recipients=accounts.people_with(office, [Capacity.HANDLER], china_date(at)),
            event=f"incident.followed:{made.pk}",
            kind="incident.followed",
            params={"name": incident.name, "text": text.strip()[:300]},
            link=page_of(incident),
            at=at,
        )
    return made


@transaction.atomic
def close(*, actor: Actor, reference: str, text: str, at: datetime) -> Incident:
    """Nothing more is expected; the record stays. Raises NotVisible, NotAllowed, WrongState, Invalid (no result)."""
    incident = lock(actor=actor, reference=reference)
    if not incident.told.filter(authority_id=actor.authority_id).exists():
        raise NotAllowed(_("An authority that was told closes the alarm."))
    if not text.strip():
        raise Invalid(_("Not closed."), problems={"text": [_("Write what came of it.")]})
    try:
        incident.close(at=at)
    except TransitionNotAllowed as wrong:
        raise _closed(incident) from wrong
    incident.save()
    note(incident, "closed", text.strip(), actor=actor, at=at)
    _record(incident, "closed", actor, at, text=text.strip())
    return incident


def _closed(incident: Incident) -> WrongState:
    return WrongState(_("The alarm about %(name)s is closed.") % {"name": incident.name})


def note(
    incident: Incident, what: str, text: str, *, actor: Actor, at: datetime, file: Blob | None = None
) -> IncidentNote:
    return IncidentNote.objects.create(
        incident=incident,
        what=what,
        text=text,
        file=file,
        person=actor.name[:60],
        authority=actor.authority_name[:100],
        at=at,
    )


def page_of(incident: Incident) -> str:
    return f"/after/incidents/{incident.reference}/"


def _record(incident: Incident, what: str, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(actor=actor, subject=("incident", incident.pk), action=f"incident.{what}", at=at, data=data)

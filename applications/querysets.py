from datetime import date, datetime

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from applications.states import (
    AT_WORK,
    FINAL,
    LIVE_PROJECT,
    OPEN,
    SETTLED,
    WITH_APPLICANT,
    BatchState,
    CallState,
    HitState,
    RegistrationState,
    State,
)
from greenlist.accounts.models import places_above
from greenlist.core.actors import Actor, Capacity


class CallQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "CallQuerySet":
        """Everybody sees opened calls; the owner's officials also those in preparation that their mandate covers."""
        opened = ~Q(state=CallState.DRAFT)
        if not actor.is_official:
            return self.filter(opened)
        own = Q(owner_id=actor.authority_id)
        return self.filter(opened | (own & Q(category=actor.list_kind) if actor.list_kind else own))

    def open(self) -> "CallQuerySet":
        return self.filter(state=CallState.OPEN)


class ApplicationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ApplicationQuerySet":
        """Applicants: their organisation's; before its claim is confirmed only what was begun under that claim.

        Officials: what lies under their area and was sent as high as they are. Experts: what they were given, while the
        grant lasts and the case is under review. People of a third-party body: what an applicant released to it, while it
        is with the applicant. Everybody else: none.
        """
        if actor.is_body:
            releases = apps.get_model("applications", "Release")
            given = releases._default_manager.filter(body_id=actor.organisation_id, ended_at=None)
            return self.filter(pk__in=given.values("application_id"), state__in=WITH_APPLICANT)
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            own = Q(organisation__claim="confirmed") | Q(started_at__gte=F("organisation__claimed_at"))
            return self.filter(own, organisation_id=actor.organisation_id)
        if actor.is_official and actor.tier and actor.area_path:
            rows = self.filter(area_path__startswith=actor.area_path, reached__gte=actor.tier.rank)
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        if actor.capacity == Capacity.EXPERT:
            return self.filter(grants__user_id=actor.user_id, grants__ended_at=None, state=State.UNDER_REVIEW)
        return self.none()

    def open(self) -> "ApplicationQuerySet":
        return self.filter(state__in=OPEN)

    def final(self) -> "ApplicationQuerySet":
        return self.filter(state__in=FINAL)

    def with_applicant(self) -> "ApplicationQuerySet":
        return self.filter(state__in=WITH_APPLICANT)

    def at_desk_of(self, actor: Actor) -> "ApplicationQuerySet":
        return self.filter(desk_id=actor.authority_id).exclude(state__in=(*WITH_APPLICANT, *FINAL))

    def awaiting_recommendation(self) -> "ApplicationQuerySet":
        """Passed, and in no live batch."""
        items = apps.get_model("applications", "BatchItem")  # models know querysets, not the other way round
        live = items._default_manager.filter(application=OuterRef("pk"), returned_at=None, batch__step=OuterRef("step"))
        return self.filter(~Exists(live), state=State.PASSED)


class BatchQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "BatchQuerySet":
        """The sender's officials; the receiver's once it is sent; of the list their mandate covers (QHD-4)."""
        if not actor.is_official:
            return self.none()
        sent = Q(receiver_id=actor.authority_id, state__in=(BatchState.SENT, BatchState.RECEIVED))
        rows = self.filter(Q(sender_id=actor.authority_id) | sent)
        return rows.filter(call__category=actor.list_kind) if actor.list_kind else rows


class GrantQuerySet(models.QuerySet):
    def live(self) -> "GrantQuerySet":
        return self.filter(ended_at=None)

    def ended_before(self, at: datetime) -> "GrantQuerySet":
        return self.filter(ended_at__lte=at)


class RegistrationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "RegistrationQuerySet":
        """The body's own; officials of the authority that decides, and of the places under it once a body is approved."""
        if actor.is_body:
            return self.filter(body_id=actor.organisation_id)
        if actor.is_official and actor.area_path:
            above = Q(authority__area__path__in=places_above(actor.area_path), state=RegistrationState.APPROVED)
            return self.filter(Q(authority_id=actor.authority_id) | above)
        return self.none()

    def approved(self) -> "RegistrationQuerySet":
        return self.filter(state=RegistrationState.APPROVED)


class ProjectQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ProjectQuerySet":
        """The body; the applicant, as far as it sees the application; officials who see it."""
        if actor.is_body:
            return self.filter(body_id=actor.organisation_id)
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            own = Q(application__organisation__claim="confirmed") | Q(
                application__started_at__gte=F("application__organisation__claimed_at")
            )
            return self.filter(own, application__organisation_id=actor.organisation_id)
        if actor.is_official and actor.tier and actor.area_path:
            rows = self.filter(
                application__area_path__startswith=actor.area_path, application__reached__gte=actor.tier.rank
            )
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        return self.none()

    def live(self) -> "ProjectQuerySet":
        return self.filter(state__in=LIVE_PROJECT)

    def at_work(self) -> "ProjectQuerySet":
        return self.filter(state__in=AT_WORK)


class BodyNoteQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "BodyNoteQuerySet":
        """The body that wrote it; the unit, before its claim is confirmed only of its own time; officials of the unit's area,
        of the list kind they are for.
        """
        if actor.is_body:
            return self.filter(body_id=actor.organisation_id)
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            own = Q(unit__claim="confirmed") | Q(at__gte=F("unit__claimed_at"))
            return self.filter(own, unit_id=actor.organisation_id)
        if actor.is_official and actor.tier and actor.area_path:
            rows = self.filter(area_path__startswith=actor.area_path)
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        return self.none()


class ReleaseQuerySet(models.QuerySet):
    def live(self) -> "ReleaseQuerySet":
        return self.filter(ended_at=None)

    def over_by(self, on: date) -> "ReleaseQuerySet":
        """Live ones whose last day has passed."""
        return self.live().filter(ends_on__lt=on)


class WorkReportQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "WorkReportQuerySet":
        """The body's own; officials of the authority it went to."""
        if actor.is_body:
            return self.filter(body_id=actor.organisation_id)
        return self.filter(authority_id=actor.authority_id) if actor.is_official else self.none()


class HitQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "HitQuerySet":
        """Officials: of units in their area; a case only once it was sent as high as they are. Nobody else any."""
        if not (actor.is_official and actor.tier and actor.area_path):
            return self.none()
        sent = Q(application=None) | Q(application__reached__gte=actor.tier.rank)
        rows = self.filter(sent, area_path__startswith=actor.area_path)
        return rows.filter(category=actor.list_kind) if actor.list_kind else rows

    def for_authority(self, actor: Actor) -> "HitQuerySet":
        """Those that this authority must answer."""
        return self.visible_to(actor).filter(authority_id=actor.authority_id, state=HitState.OPEN)

    def settled(self) -> "HitQuerySet":
        return self.filter(state__in=SETTLED)

    def untold(self) -> "HitQuerySet":
        return self.filter(told_at=None, state=HitState.OPEN)

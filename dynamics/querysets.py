"""Who sees which row after listing."""

from datetime import date
from typing import Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from dynamics.states import (
    CULTIVATED,
    OPEN_CHANGES,
    OPEN_RECTIFICATIONS,
    OPEN_REMOVALS,
    OPEN_TIPS,
    OWED,
    CultivationSource,
    CultivationState,
    CycleState,
    ExperienceState,
    FilingState,
    InspectionState,
    RectificationState,
    YearlyState,
)
from greenlist.accounts.models import places_above
from greenlist.core.actors import Actor, Capacity
from registry.models import Listing
from registry.states import IN_FORCE


# ---- yearly tables (年度动态管理表) -------------------------------------------------------------------------------------
def _own(actor: Actor, way: str = "") -> Q:
    """What concerns the actor's organisation once its claim is confirmed: anybody can type the code of a listed unit."""
    return Q(**{f"{way}organisation_id": actor.organisation_id, f"{way}organisation__claim": "confirmed"})


def _place(actor: Actor, way: str = "") -> Q:
    """What lies under the official's area."""
    return Q(**{f"{way}area_path__startswith": actor.area_path})


class CycleQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "CycleQuerySet":
        """Officials whose area lies within the list's, or holds it."""
        if not (actor.is_official and actor.area_path):
            return self.none()
        above = Q(owner__area__path__startswith=actor.area_path)
        return self.filter(above | Q(owner__area__path__in=places_above(actor.area_path)))

    def open(self) -> "CycleQuerySet":
        return self.filter(state=CycleState.OPEN)


class YearlyReportQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "YearlyReportQuerySet":
        """The unit's own people once its claim is confirmed; officials what lies under their area (QHD-12b: the city sees the
        table filed with a higher tier) and their mandate covers. Nobody else any.
        """
        if actor.is_body:
            return self.none()
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            return self.filter(_own(actor))
        if actor.is_official and actor.area_path:
            rows = self.filter(_place(actor))
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        return self.none()

    def owed(self) -> "YearlyReportQuerySet":
        """The unit has something to do."""
        return self.filter(state__in=OWED)

    def overdue(self, on: date) -> "YearlyReportQuerySet":
        """The last day is over and it was not handed in; of a returned one the day to answer (its last day, where later)."""
        late = Q(state__in=[YearlyState.DUE, YearlyState.DRAFT], due_on__lt=on)
        back = Q(state=YearlyState.RETURNED, answer_by__lt=on, due_on__lt=on)
        return self.filter(late | back)

    def at_desk_of(self, actor: Actor) -> "YearlyReportQuerySet":
        return self.filter(state=YearlyState.FILED, desk_id=actor.authority_id)


class YearlyScoreQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "YearlyScoreQuerySet":
        """As the tables: one's own, or of one's area."""
        if actor.is_body:
            return self.none()
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            return self.filter(_own(actor, "site__"))
        if actor.is_official and actor.area_path:
            rows = self.filter(_place(actor))
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        return self.none()


# ---- removals and hearings (移出) ----------------------------------------------------------------------------------


class RemovalQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "RemovalQuerySet":
        """Officials whose area covers the unit and whose mandate covers the list; the unit once it is asked, or suspended."""
        if actor.is_official and actor.area_path:
            rows = self.filter(Q(area_path__startswith=actor.area_path) | Q(owner_id=actor.authority_id))
            return rows.filter(category=actor.list_kind) if actor.list_kind else rows
        if actor.capacity == Capacity.APPLICANT and actor.organisation_id:
            suspended = Q(when="at_once", owner=F("listing__listbook__owner"))
            return self.filter(Q(hearing__isnull=False) | suspended, _own(actor, "listing__"))
        return self.none()

    def of_own_list(self) -> "RemovalQuerySet":
        """Those a bulletin carries out; the others ask the owner of a list above."""
        return self.filter(owner=F("listing__listbook__owner"))

    def open(self) -> "RemovalQuerySet":
        return self.filter(state__in=OPEN_REMOVALS)


# ---- incidents (事故报警) --------------------------------------------------------------------------------------------


class IncidentQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "IncidentQuerySet":
        """Officials of every tier whose area the unit lies in, at once; nobody else."""
        if not actor.is_official or not actor.area_path:
            return self.none()
        rows = self.filter(area_path__startswith=actor.area_path)
        return rows.filter(categories__contains=actor.list_kind) if actor.list_kind else rows


# ---- upward requests (提请上级) --------------------------------------------------------------------------------------


class UpwardQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "UpwardQuerySet":
        """Officials of the authority that asks; those of the authority that is asked, once it is sent."""
        if not actor.is_official:
            return self.none()
        sent = Q(sent_at__isnull=False, to_authority_id=actor.authority_id)
        rows = self.filter(Q(from_authority_id=actor.authority_id) | sent)
        return rows.filter(category=actor.list_kind) if actor.list_kind else rows


# ---- reports from the public (实名举报) ------------------------------------------------------------------------------
class TipQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Who was named to handle it, and the approvers of the authority that received it; never who it is about (R6)."""
        if not (actor.is_official and actor.authority_id and actor.user_id):
            return self.none()
        handlers = apps.get_model("dynamics", "TipHandler")._default_manager  # models know querysets, not the other way
        named = handlers.filter(
            tip=OuterRef("pk"), user_id=actor.user_id, authority_id=actor.authority_id, ended_at=None
        )
        seen = Q(Exists(named))
        if actor.capacity == Capacity.APPROVER:
            seen |= Q(authority_id=actor.authority_id)
        rows = self.filter(seen)
        return rows.filter(Q(category=actor.list_kind) | Q(category="")) if actor.list_kind else rows

    def open(self) -> Self:
        return self.filter(state__in=OPEN_TIPS)


# ---- rectifications (整改) -----------------------------------------------------------------------------------------
class RectificationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The unit; officials of the authority that ordered it and of every authority whose area holds the unit."""
        if actor.organisation_id:
            return self.filter(_own(actor, "listing__"))
        if not (actor.is_official and actor.area_path):
            return self.none()
        rows = self.filter(Q(authority_id=actor.authority_id) | Q(listing__area_path__startswith=actor.area_path))
        return rows.filter(listing__listbook__category=actor.list_kind) if actor.list_kind else rows

    def open(self) -> Self:
        return self.filter(state__in=OPEN_RECTIFICATIONS)

    def overdue(self, on: date) -> Self:
        """Its last day is over and nothing was handed in that may still be accepted."""
        return self.filter(state=RectificationState.ORDERED, due_on__lt=on)


# ---- changes (变更) ------------------------------------------------------------------------------------------------


class ChangeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The unit that reported it; officials whose area holds the unit, and the owner of the list."""
        if actor.organisation_id:
            return self.filter(_own(actor))
        if not (actor.is_official and actor.area_path):
            return self.none()
        rows = self.filter(
            Q(area_path__startswith=actor.area_path)
            | Q(verifier_id=actor.authority_id)
            | Q(listing__listbook__owner_id=actor.authority_id)
        )
        return rows.filter(listing__listbook__category=actor.list_kind) if actor.list_kind else rows

    def open(self) -> Self:
        return self.filter(state__in=OPEN_CHANGES)


# ---- inspections (监督检查) ------------------------------------------------------------------------------------------


class InspectionPlanQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Officials of the authority whose plan it is, and of those above it."""
        if not (actor.is_official and actor.area_path):
            return self.none()
        rows = self.filter(Q(authority_id=actor.authority_id) | Q(authority__area__path__startswith=actor.area_path))
        return rows.filter(Q(category="") | Q(category=actor.list_kind)) if actor.list_kind else rows


class InspectionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Officials whose area holds the unit; the unit what was announced to it, and everything once it is carried out."""
        if actor.organisation_id:
            told = Q(unannounced=False) | Q(state=InspectionState.DONE)
            return self.filter(told, _own(actor, "listing__")).exclude(
                state=InspectionState.CANCELLED, unannounced=True
            )
        if not (actor.is_official and actor.area_path):
            return self.none()
        rows = self.filter(Q(authority_id=actor.authority_id) | Q(listing__area_path__startswith=actor.area_path))
        return rows.filter(listing__listbook__category=actor.list_kind) if actor.list_kind else rows


# ---- cultivation (培育库) -------------------------------------------------------------------------------------------
class CultivationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "CultivationQuerySet":
        """Officials: what lies in their area. The unit: its own, once it is more than a note of the authority. Bodies: what they
        were matched with. Nobody else any.
        """
        if actor.is_body:
            return self.filter(matches__body_id=actor.organisation_id, matches__ended_on=None)
        if actor.organisation_id:
            told = ~Q(state=CultivationState.CANDIDATE) | Q(source=CultivationSource.OWN)
            return self.filter(told, _own(actor))
        if not (actor.is_official and actor.area_path):
            return self.none()
        rows = self.filter(area_path__startswith=actor.area_path)
        return rows.filter(category=actor.list_kind) if actor.list_kind else rows

    def cultivated(self) -> "CultivationQuerySet":
        return self.filter(state__in=CULTIVATED)


class TrainingQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "TrainingQuerySet":
        """Officials: what authorities at, above or below their place offer. Units: what is offered for where they lie."""
        if actor.is_official and actor.area_path:
            above = Q(area_path__in=places_above(actor.area_path))
            return self.filter(above | Q(area_path__startswith=actor.area_path))
        if actor.organisation_id and not actor.is_body:
            objects = apps.get_model("dynamics", "CultivationObject")._default_manager.visible_to(actor).cultivated()
            paths = {place for path in objects.values_list("area_path", flat=True)[:50] for place in places_above(path)}
            signed = Q(places_taken__organisation_id=actor.organisation_id)
            return self.filter(Q(area_path__in=paths) | signed).distinct()
        return self.none()


class FilingQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "FilingQuerySet":
        """The authority that files; the one it is filed with, once it is sent."""
        if not actor.is_official:
            return self.none()
        sent = Q(to_id=actor.authority_id, state__in=[FilingState.SENT, FilingState.RECEIVED])
        return self.filter(Q(authority_id=actor.authority_id) | sent)


class ExperienceQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ExperienceQuerySet":
        """Everybody once public; officials of the authority that picked it, and above once it is recommended."""
        public = _public_experience()
        if not (actor.is_official and actor.area_path):
            return self.filter(public)
        above = Q(province_id=actor.authority_id)
        rows = self.filter(public | Q(authority_id=actor.authority_id) | above)
        return rows.filter(public | Q(category=actor.list_kind)) if actor.list_kind else rows

    def public(self) -> "ExperienceQuerySet":
        return self.filter(_public_experience())


def _public_experience() -> Q:
    """Published, and its unit stands on a list of the kind: what leaves every list is shown no more, and again if it returns."""
    places = Listing.objects.filter(site=OuterRef("site"), listbook__category=OuterRef("category"), state__in=IN_FORCE)
    return Q(Exists(places), state=ExperienceState.PUBLISHED)

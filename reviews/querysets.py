from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef

from applications.states import State
from greenlist.core.actors import Actor, Capacity
from reviews.states import (
    LIVE_CONSULTATIONS,
    LIVE_DECISIONS,
    LIVE_PANELS,
    SENT_CONSULTATIONS,
    ConsultationState,
    DecisionState,
    PanelState,
)


class PanelQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The convening authority's officials; an expert on it while it is open and the seat is not given up; who watches it.

        A registered body that is commissioned: until it is over, to name its people.
        """
        if actor.is_official and actor.authority_id:
            rows = self.filter(authority_id=actor.authority_id)
            return rows.filter(call__category=actor.list_kind) if actor.list_kind else rows
        if actor.capacity == Capacity.EXPERT and actor.user_id:
            return self.filter(state=PanelState.OPEN, seats__user_id=actor.user_id, seats__recused_at=None)
        if actor.capacity == Capacity.SUPERVISOR and actor.user_id:
            rows = self.exclude(state=PanelState.CANCELLED)
            return rows.filter(watches__user_id=actor.user_id, watches__ended_at=None)
        if actor.is_body and actor.organisation_id:
            return self.filter(commissioned_id=actor.organisation_id, state__in=LIVE_PANELS)
        return self.none()

    def live(self) -> Self:
        return self.filter(state__in=LIVE_PANELS)

    def awaiting_conclusion(self) -> Self:
        """Open, and nobody who still sits has an unlocked sheet to fill."""
        at_work = self.model._default_manager.filter(
            pk=OuterRef("pk"),
            seats__recused_at=None,
            seats__locked_at=None,
            seats__sheets__conflict="",
            seats__sheets__item__application__state=State.UNDER_REVIEW,
        )
        return self.filter(state=PanelState.OPEN).exclude(Exists(at_work))


class SeatQuerySet(models.QuerySet):
    def of(self, actor: Actor) -> Self:
        """The expert's own live seats on open panels."""
        if actor.capacity != Capacity.EXPERT or not actor.user_id:
            return self.none()
        return self.filter(user_id=actor.user_id, recused_at=None, panel__state=PanelState.OPEN)

    def ended(self, actor: Actor) -> Self:
        """Seats of the expert that were given up or whose panel is no longer open."""
        if actor.capacity != Capacity.EXPERT or not actor.user_id:
            return self.none()
        began = self.filter(user_id=actor.user_id, panel__state__in=(PanelState.OPEN, PanelState.CLOSED))
        return began.exclude(recused_at=None, panel__state=PanelState.OPEN)

    def live(self) -> Self:
        return self.filter(recused_at=None)

    def at_work(self) -> Self:
        """Still sits, and has a sheet to lock: no conflict, and its case is still under review."""
        waiting = self.filter(
            recused_at=None, locked_at=None, sheets__conflict="", sheets__item__application__state=State.UNDER_REVIEW
        )
        return waiting.distinct()

    def to_pledge(self) -> Self:
        """The pledge is not signed, or it is not said yet whether there are conflicts."""
        return self.filter(declared_at=None)

    def to_score(self) -> Self:
        return self.filter(locked_at=None).exclude(declared_at=None)


class DecisionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The deciding authority's officials, nobody else before it is published."""
        if not (actor.is_official and actor.authority_id):
            return self.none()
        rows = self.filter(authority_id=actor.authority_id)
        return rows.filter(call__category=actor.list_kind) if actor.list_kind else rows

    def live(self) -> Self:
        return self.filter(state__in=LIVE_DECISIONS)

    def approved(self) -> Self:
        return self.filter(state=DecisionState.APPROVED)


class ConsultationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The asking authority's officials. What a department sees is its own place in it (`ConsultedOffice`)."""
        if not (actor.is_official and actor.authority_id):
            return self.none()
        rows = self.filter(authority_id=actor.authority_id)
        return rows.filter(call__category=actor.list_kind) if actor.list_kind else rows

    def live(self) -> Self:
        return self.filter(state__in=LIVE_CONSULTATIONS)


class ConsultedOfficeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """The department's officers once the letter was sent, its own place only; the asking authority's officials."""
        if actor.authority_id and actor.capacity == Capacity.DEPARTMENT:
            rows = self.filter(authority_id=actor.authority_id, consultation__state__in=SENT_CONSULTATIONS)
        elif actor.authority_id and actor.is_official:
            rows = self.filter(consultation__authority_id=actor.authority_id)
        else:
            return self.none()
        return rows.filter(consultation__call__category=actor.list_kind) if actor.list_kind else rows

    def waiting(self) -> Self:
        """Asked, and not answered yet."""
        return self.filter(consultation__state=ConsultationState.ASKED, answered_at=None)

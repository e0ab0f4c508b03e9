"""The verbs of a panel, a decision (overall review) and a consultation. Fields of `self` only."""

from datetime import datetime

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from reviews.states import ConsultationState, DecisionState, PanelState


class PanelWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=PanelState.PREPARING, choices=PanelState, protected=True, db_index=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=PanelState.PREPARING, target=PanelState.OPEN)
    def open(self, *, at: datetime) -> None:
        self.opened_at = at

    @transition(field=state, source=PanelState.PREPARING, target=PanelState.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=PanelState.OPEN, target=PanelState.CLOSED)
    def conclude(self, *, at: datetime) -> None:
        self.closed_at = at


class DecisionWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=DecisionState.DRAFTING, choices=DecisionState, protected=True, db_index=True)
    proposed_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=DecisionState.DRAFTING, target=DecisionState.TO_APPROVE)
    def hand_to_approver(self, *, at: datetime) -> None:
        self.proposed_at = at

    @transition(field=state, source=DecisionState.TO_APPROVE, target=DecisionState.DRAFTING)
    def hand_back(self) -> None:
        self.proposed_at = None

    @transition(field=state, source=DecisionState.DRAFTING, target=DecisionState.CANCELLED)
    def cancel(self) -> None:
        self.proposed_at = None

    @transition(field=state, source=DecisionState.TO_APPROVE, target=DecisionState.APPROVED)
    def approve(self, *, at: datetime) -> None:
        self.approved_at = at


class ConsultationWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=ConsultationState.DRAFT, choices=ConsultationState, protected=True, db_index=True)
    handed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    concluded_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=ConsultationState.DRAFT, target=ConsultationState.TO_SEND)
    def hand_over(self, *, at: datetime) -> None:
        self.handed_at = at

    @transition(field=state, source=ConsultationState.TO_SEND, target=ConsultationState.DRAFT)
    def hand_back(self) -> None:
        self.handed_at = None

    @transition(field=state, source=ConsultationState.DRAFT, target=ConsultationState.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=ConsultationState.TO_SEND, target=ConsultationState.ASKED)
    def send(self, *, at: datetime) -> None:
        self.sent_at = at

    @transition(field=state, source=ConsultationState.ASKED, target=ConsultationState.TO_CLOSE)
    def conclude(self, *, at: datetime) -> None:
        self.concluded_at = at

    @transition(field=state, source=ConsultationState.TO_CLOSE, target=ConsultationState.ASKED)
    def reopen(self) -> None:
        self.concluded_at = None

    @transition(field=state, source=ConsultationState.TO_CLOSE, target=ConsultationState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at

"""The verbs of an application, a call and a batch. Each sets fields of `self` only: no save, no query, no policy.

The service asks the policy engine for the next step first and hands it over: `to` is the state in which the case
enters that step. A refused `to` leaves changed fields on the instance, so services never reuse it after a failure.
"""

from datetime import datetime

from django.db import models
from django_fsm import RETURN_VALUE, FSMField, FSMModelMixin, transition

from applications.states import (
    BEYOND_SUBMISSION,
    RETURNABLE,
    STATIONS,
    WITHDRAWABLE,
    BatchState,
    CallState,
    ProjectState,
    RegistrationState,
    State,
)

NEXT = RETURN_VALUE(*STATIONS)


class CallWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=CallState.DRAFT, choices=CallState, protected=True, db_index=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @transition(field=state, source=CallState.DRAFT, target=CallState.OPEN)
    def open(self, *, at: datetime) -> None:
        self.opened_at = at

    @transition(field=state, source=CallState.OPEN, target=CallState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at


class ApplicationWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=State.DRAFT, choices=State, protected=True, db_index=True)
    step = models.CharField(max_length=30)  # key of the route's step
    entered_at = models.DateTimeField()  # since when in this state and step

    class Meta:
        abstract = True

    def _enter(self, *, step: str, at: datetime) -> None:
        self.step, self.entered_at = step, at

    @transition(field=state, source=[State.DRAFT, State.RETURNED], target=NEXT)
    def submit(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=State.SCREENING, target=State.RETURNED)
    def return_for_correction(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=State.RETURNED, target=State.SCREENING)
    def take_back_return(self, *, at: datetime) -> None:
        """The authority takes its request back before the applicant has seen it."""
        self.entered_at = at

    @transition(field=state, source=State.SCREENING, target=NEXT)
    def pass_screening(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=[State.SCREENING, State.CONSULTING], target=State.REJECTED)
    def reject(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=State.PASSED, target=NEXT)
    def recommend(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=list(STATIONS), target=State.PASSED)
    def take_back_batch(self, *, step: str, at: datetime) -> None:
        """The sender takes its batch back before the receiver has seen it."""
        self._enter(step=step, at=at)

    @transition(field=state, source=list(RETURNABLE), target=State.SCREENING)
    def send_back(self, *, step: str, at: datetime) -> None:
        """The receiving authority returns one unit of a batch, the sender reopens it, or a department's opinion sends it back."""
        self._enter(step=step, at=at)

    @transition(field=state, source=State.RECOMMENDED, target=State.UNDER_REVIEW)
    def convene(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=State.UNDER_REVIEW, target=NEXT)
    def conclude_review(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=State.DECIDING, target=NEXT)
    def propose(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=State.CONSULTING, target=NEXT)
    def conclude_consultation(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=[State.DECIDING, State.CONSULTING, State.ON_NOTICE], target=State.NOT_LISTED)
    def decline(self, *, at: datetime) -> None:
        """Overall review says no, a department objects with reason, or an objection was upheld."""
        self.entered_at = at

    @transition(field=state, source=State.PROPOSED, target=State.ON_NOTICE)
    def put_on_notice(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=State.ON_NOTICE, target=NEXT)
    def clear_notice(self, *, to: str, step: str, at: datetime) -> str:
        self._enter(step=step, at=at)
        return to

    @transition(field=state, source=State.APPROVING, target=State.LISTED)
    def enter_list(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=State.LISTED, target=State.NOT_LISTED)
    def strike_off(self, *, at: datetime) -> None:
        """The announcement was corrected: its line should never have stood there."""
        self.entered_at = at

    @transition(field=state, source=State.FORWARDED, target=State.LISTED)
    def meet_outcome(self, *, at: datetime) -> None:
        """The tier it was recommended to has published its list, and the unit is on it (HEB-3d)."""
        self.entered_at = at

    @transition(field=state, source=State.FORWARDED, target=State.NOT_LISTED)
    def miss_outcome(self, *, at: datetime) -> None:
        """That list is complete and the unit is not on it."""
        self.entered_at = at

    @transition(field=state, source=list(WITHDRAWABLE), target=State.WITHDRAWN)
    def withdraw(self, *, at: datetime) -> None:
        self.entered_at = at

    @transition(field=state, source=list(BEYOND_SUBMISSION), target=State.DISQUALIFIED)
    def disqualify(self, *, at: datetime) -> None:
        self.entered_at = at


class BatchWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=BatchState.DRAFT, choices=BatchState, protected=True, db_index=True)
    handed_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=BatchState.DRAFT, target=BatchState.TO_SIGN)
    def hand_to_approver(self, *, at: datetime) -> None:
        self.handed_at = at

    @transition(field=state, source=BatchState.TO_SIGN, target=BatchState.DRAFT)
    def hand_back(self) -> None:
        self.handed_at = None

    @transition(field=state, source=BatchState.TO_SIGN, target=BatchState.SIGNED)
    def sign(self, *, at: datetime) -> None:
        self.signed_at = at

    @transition(field=state, source=BatchState.SIGNED, target=BatchState.SENT)
    def send(self, *, at: datetime) -> None:
        self.sent_at = at

    @transition(field=state, source=BatchState.SENT, target=BatchState.SIGNED)
    def take_back(self) -> None:
        self.sent_at = None

    @transition(field=state, source=BatchState.SENT, target=BatchState.RECEIVED)
    def receive(self, *, at: datetime) -> None:
        self.received_at = at


class RegistrationWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=RegistrationState.SUBMITTED, choices=RegistrationState, protected=True, db_index=True)

    class Meta:
        abstract = True

    @transition(field=state, source=RegistrationState.SUBMITTED, target=RegistrationState.APPROVED)
    def approve(self) -> None: ...

    @transition(field=state, source=RegistrationState.SUBMITTED, target=RegistrationState.REFUSED)
    def refuse(self) -> None: ...

    @transition(
        field=state, source=[RegistrationState.SUBMITTED, RegistrationState.APPROVED], target=RegistrationState.REVOKED
    )
    def revoke(self) -> None: ...


class ProjectWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=ProjectState.OFFERED, choices=ProjectState, protected=True, db_index=True)

    class Meta:
        abstract = True

    @transition(field=state, source=ProjectState.OFFERED, target=ProjectState.ACCEPTED)
    def accept(self) -> None: ...

    @transition(field=state, source=ProjectState.OFFERED, target=ProjectState.DECLINED)
    def decline(self) -> None: ...

    @transition(field=state, source=ProjectState.OFFERED, target=ProjectState.RETRACTED)
    def retract(self) -> None: ...

    @transition(field=state, source=[ProjectState.ACCEPTED, ProjectState.REPORTED], target=ProjectState.REPORTED)
    def report(self) -> None: ...

    @transition(field=state, source=[ProjectState.ACCEPTED, ProjectState.DECLARED], target=ProjectState.ENDED)
    def end(self) -> None: ...

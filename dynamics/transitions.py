"""The verbs of what follows a listing. Fields of `self` only."""

from datetime import datetime

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from dynamics.states import (
    CULTIVATED,
    OPEN_REMOVALS,
    OPEN_UPWARD,
    ChangeState,
    CultivationState,
    CycleState,
    ExperienceState,
    FilingState,
    IncidentState,
    InspectionState,
    RectificationState,
    RemovalState,
    TipState,
    UpwardState,
    YearlyState,
)


# ---- yearly tables (年度动态管理表) -------------------------------------------------------------------------------------
class CycleWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=CycleState.OPEN, choices=CycleState, protected=True, db_index=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=CycleState.OPEN, target=CycleState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at


class YearlyWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=YearlyState.DUE, choices=YearlyState, protected=True, db_index=True)
    filed_at = models.DateTimeField(null=True)  # first time: in time or late
    settled_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=YearlyState.DUE, target=YearlyState.DRAFT)
    def begin(self) -> None:
        pass

    @transition(field=state, source=[YearlyState.DRAFT, YearlyState.RETURNED], target=YearlyState.FILED)
    def file(self, *, at: datetime) -> None:
        self.filed_at = self.filed_at or at

    @transition(field=state, source=YearlyState.FILED, target=YearlyState.FILED)
    def pass_on(self) -> None:
        pass

    @transition(field=state, source=YearlyState.FILED, target=YearlyState.RETURNED)
    def give_back(self) -> None:
        pass

    @transition(field=state, source=YearlyState.FILED, target=YearlyState.ACCEPTED)
    def accept(self, *, at: datetime) -> None:
        self.settled_at = at

    @transition(
        field=state, source=[YearlyState.DUE, YearlyState.DRAFT, YearlyState.RETURNED], target=YearlyState.EXEMPT
    )
    def let_off(self, *, at: datetime) -> None:
        self.settled_at = at

    @transition(field=state, source=YearlyState.EXEMPT, target=YearlyState.DUE)
    def owe(self) -> None:
        self.settled_at = None


# ---- removals and hearings (移出) ----------------------------------------------------------------------------------


class RemovalWorkflow(FSMModelMixin, models.Model):
    """移出: proposed, heard, concluded by one person, decided by another, in force with its announcement."""

    state = FSMField(default=RemovalState.PROPOSED, choices=RemovalState, protected=True, db_index=True)
    closed_at = models.DateTimeField(null=True)  # decided, dismissed or fell away

    class Meta:
        abstract = True

    @transition(field=state, source=RemovalState.PROPOSED, target=RemovalState.HEARING)
    def ask(self) -> None:
        """The unit is told what is held against it and by when it may answer."""

    @transition(field=state, source=RemovalState.HEARING, target=RemovalState.HEARD)
    def hear(self) -> None:
        """It has answered, was heard in person, or said nothing by the day."""

    @transition(field=state, source=RemovalState.HEARD, target=RemovalState.TO_APPROVE)
    def conclude(self) -> None:
        pass

    @transition(field=state, source=RemovalState.TO_APPROVE, target=RemovalState.HEARD)
    def hand_back(self) -> None:
        """The approver wants it looked at again, or something new came in."""

    @transition(field=state, source=RemovalState.TO_APPROVE, target=RemovalState.DECIDED)
    def decide(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=RemovalState.DECIDED, target=RemovalState.EFFECTIVE)
    def take_effect(self) -> None:
        """Announced."""

    @transition(field=state, source=list(OPEN_REMOVALS), target=RemovalState.DISMISSED)
    def dismiss(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=list(OPEN_REMOVALS), target=RemovalState.LAPSED)
    def lapse(self, *, at: datetime) -> None:
        self.closed_at = at


# ---- incidents (事故报警) --------------------------------------------------------------------------------------------


class IncidentWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=IncidentState.RAISED, choices=IncidentState, protected=True, db_index=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=IncidentState.RAISED, target=IncidentState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at


# ---- upward requests (提请上级) --------------------------------------------------------------------------------------


class UpwardWorkflow(FSMModelMixin, models.Model):
    """提请上级: drafted, signed by another person, sent with its number, received, settled or refused."""

    state = FSMField(default=UpwardState.DRAFT, choices=UpwardState, protected=True, db_index=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=UpwardState.DRAFT, target=UpwardState.TO_SIGN)
    def hand_to_approver(self) -> None:
        pass

    @transition(field=state, source=UpwardState.TO_SIGN, target=UpwardState.DRAFT)
    def hand_back(self) -> None:
        pass

    @transition(field=state, source=UpwardState.TO_SIGN, target=UpwardState.SENT)
    def send(self) -> None:
        pass

    @transition(field=state, source=UpwardState.SENT, target=UpwardState.RECEIVED)
    def receive(self) -> None:
        pass

    @transition(field=state, source=[UpwardState.SENT, UpwardState.RECEIVED], target=UpwardState.REFUSED)
    def refuse(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=list(OPEN_UPWARD), target=UpwardState.SETTLED)
    def settle(self, *, at: datetime) -> None:
        """What was asked for has been done, by whatever document."""
        self.closed_at = at

    @transition(field=state, source=[UpwardState.DRAFT, UpwardState.TO_SIGN], target=UpwardState.DROPPED)
    def drop(self, *, at: datetime) -> None:
        self.closed_at = at


# ---- reports from the public (实名举报) ------------------------------------------------------------------------------
class TipWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=TipState.RECEIVED, choices=TipState, protected=True, db_index=True)
    accepted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=TipState.RECEIVED, target=TipState.VERIFYING)
    def accept(self, *, at: datetime) -> None:
        self.accepted_at = at

    @transition(field=state, source=[TipState.RECEIVED, TipState.VERIFYING], target=TipState.TO_DECIDE)
    def propose(self) -> None:
        pass

    @transition(field=state, source=TipState.TO_DECIDE, target=TipState.RECEIVED)
    def hand_back_to_triage(self) -> None:
        """Not accepting it was not agreed to."""

    @transition(field=state, source=TipState.TO_DECIDE, target=TipState.VERIFYING)
    def hand_back(self) -> None:
        """The proposed outcome was not agreed to."""

    @transition(field=state, source=TipState.TO_DECIDE, target=TipState.NOT_ACCEPTED)
    def refuse(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(field=state, source=TipState.TO_DECIDE, target=TipState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at


# ---- rectifications (整改) -----------------------------------------------------------------------------------------
class RectificationWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=RectificationState.ORDERED, choices=RectificationState, protected=True, db_index=True)
    handed_in_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=RectificationState.ORDERED, target=RectificationState.HANDED_IN)
    def hand_in(self, *, at: datetime) -> None:
        self.handed_in_at = at

    @transition(field=state, source=RectificationState.HANDED_IN, target=RectificationState.ORDERED)
    def refuse(self) -> None:
        """What was handed in does not do: it is open again."""

    @transition(field=state, source=RectificationState.HANDED_IN, target=RectificationState.DONE)
    def accept(self, *, at: datetime) -> None:
        self.closed_at = at

    @transition(
        field=state,
        source=[RectificationState.ORDERED, RectificationState.HANDED_IN],
        target=RectificationState.UNMET,
    )
    def give_up(self, *, at: datetime) -> None:
        self.closed_at = at


# ---- changes (变更) ------------------------------------------------------------------------------------------------


class ChangeWorkflow(FSMModelMixin, models.Model):
    """变更: reported by the unit, verified by one official, confirmed by another, settled by the list's owner."""

    state = FSMField(default=ChangeState.REPORTED, choices=ChangeState, protected=True, db_index=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=ChangeState.REPORTED, target=ChangeState.RETURNED)
    def return_to_unit(self) -> None:
        pass

    @transition(field=state, source=ChangeState.RETURNED, target=ChangeState.REPORTED)
    def report_again(self) -> None:
        pass

    @transition(field=state, source=[ChangeState.REPORTED, ChangeState.RETURNED], target=ChangeState.WITHDRAWN)
    def withdraw(self, *, at: datetime) -> None:
        self.settled_at = at

    @transition(field=state, source=ChangeState.REPORTED, target=ChangeState.TO_CONFIRM)
    def verify(self) -> None:
        pass

    @transition(field=state, source=ChangeState.TO_CONFIRM, target=ChangeState.REPORTED)
    def hand_back(self) -> None:
        pass

    @transition(field=state, source=ChangeState.TO_CONFIRM, target=ChangeState.CONFIRMED)
    def confirm(self) -> None:
        pass

    @transition(field=state, source=ChangeState.TO_CONFIRM, target=ChangeState.REFUSED)
    def refuse(self, *, at: datetime) -> None:
        self.settled_at = at

    @transition(field=state, source=ChangeState.CONFIRMED, target=ChangeState.BUNDLED)
    def bundle(self) -> None:
        pass

    @transition(field=state, source=ChangeState.BUNDLED, target=ChangeState.CONFIRMED)
    def unbundle(self) -> None:
        """The letter was refused or given up: it waits for the next one."""

    @transition(field=state, source=[ChangeState.CONFIRMED, ChangeState.BUNDLED], target=ChangeState.SETTLED)
    def settle(self, *, at: datetime) -> None:
        self.settled_at = at


# ---- inspections (监督检查) ------------------------------------------------------------------------------------------


class InspectionWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=InspectionState.PLANNED, choices=InspectionState, protected=True, db_index=True)

    class Meta:
        abstract = True

    @transition(field=state, source=InspectionState.PLANNED, target=InspectionState.DONE)
    def carry_out(self) -> None:
        pass

    @transition(field=state, source=InspectionState.PLANNED, target=InspectionState.CANCELLED)
    def cancel(self) -> None:
        pass


# ---- cultivation (培育库) -------------------------------------------------------------------------------------------
class CultivationWorkflow(FSMModelMixin, models.Model):
    """培育对象: from the survey to the list, or out of the library with a reason."""

    state = FSMField(default=CultivationState.CANDIDATE, choices=CultivationState, protected=True, db_index=True)
    invited_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)  # why it was taken out

    class Meta:
        abstract = True

    @transition(field=state, source=CultivationState.CANDIDATE, target=CultivationState.CULTIVATING)
    def take_up(self) -> None:
        pass

    @transition(
        field=state,
        source=[CultivationState.CANDIDATE, CultivationState.CULTIVATING, CultivationState.INVITED],
        target=CultivationState.INVITED,
    )
    def invite(self, *, at: datetime) -> None:
        self.invited_at = at

    @transition(
        field=state,
        source=[CultivationState.CANDIDATE, CultivationState.CULTIVATING, CultivationState.INVITED],
        target=CultivationState.APPLIED,
    )
    def apply(self) -> None:
        pass

    @transition(field=state, source=CultivationState.APPLIED, target=CultivationState.CULTIVATING)
    def go_on(self) -> None:
        """The application ended without the list: the unit is cultivated further."""

    @transition(field=state, source=list(CULTIVATED), target=CultivationState.LISTED)
    def settle(self) -> None:
        pass

    @transition(field=state, source=list(CULTIVATED), target=CultivationState.DROPPED)
    def drop(self, *, reason: str) -> None:
        self.reason = reason


class FilingWorkflow(FSMModelMixin, models.Model):
    """备案: what a city files with the province, by two people, received with a number."""

    state = FSMField(default=FilingState.DRAFT, choices=FilingState, protected=True, db_index=True)
    handed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=FilingState.DRAFT, target=FilingState.TO_SIGN)
    def hand_over(self, *, at: datetime) -> None:
        self.handed_at = at

    @transition(field=state, source=FilingState.TO_SIGN, target=FilingState.DRAFT)
    def hand_back(self) -> None:
        self.handed_at = None

    @transition(field=state, source=FilingState.TO_SIGN, target=FilingState.SENT)
    def send(self, *, at: datetime) -> None:
        self.sent_at = at

    @transition(field=state, source=FilingState.SENT, target=FilingState.RECEIVED)
    def receive(self, *, at: datetime) -> None:
        self.received_at = at


class ExperienceWorkflow(FSMModelMixin, models.Model):
    """典型经验: in preparation, published, taken off."""

    state = FSMField(default=ExperienceState.DRAFT, choices=ExperienceState, protected=True, db_index=True)
    published_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @transition(
        field=state, source=[ExperienceState.DRAFT, ExperienceState.WITHDRAWN], target=ExperienceState.PUBLISHED
    )
    def publish(self, *, at: datetime) -> None:
        self.published_at = at
        self.withdrawn_reason = ""

    @transition(field=state, source=ExperienceState.PUBLISHED, target=ExperienceState.WITHDRAWN)
    def withdraw(self, *, reason: str) -> None:
        self.withdrawn_reason = reason

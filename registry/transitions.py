"""The verbs of notices, objections, announcements and listings. Fields of `self` only."""

from datetime import datetime

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from registry.states import (
    AnnouncementState,
    BulletinState,
    CorrectionState,
    ImportState,
    ItemState,
    ListingState,
    NoticeState,
    ObjectionState,
)


class NoticeWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=NoticeState.DRAFT, choices=NoticeState, protected=True, db_index=True)
    published_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=NoticeState.DRAFT, target=NoticeState.RUNNING)
    def publish(self, *, at: datetime) -> None:
        self.published_at = at

    @transition(field=state, source=NoticeState.RUNNING, target=NoticeState.CLOSED)
    def close(self, *, at: datetime) -> None:
        self.closed_at = at


class NoticeItemWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=ItemState.ON_NOTICE, choices=ItemState, protected=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=[ItemState.ON_NOTICE, ItemState.HELD], target=ItemState.HELD)
    def hold(self) -> None:
        pass

    @transition(field=state, source=ItemState.HELD, target=ItemState.ON_NOTICE)
    def release(self) -> None:
        pass

    @transition(field=state, source=ItemState.ON_NOTICE, target=ItemState.CLEARED)
    def clear(self, *, at: datetime) -> None:
        self.settled_at = at

    @transition(field=state, source=[ItemState.ON_NOTICE, ItemState.HELD], target=ItemState.DROPPED)
    def drop(self, *, at: datetime) -> None:
        self.settled_at = at


class ObjectionWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=ObjectionState.RECEIVED, choices=ObjectionState, protected=True, db_index=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=ObjectionState.RECEIVED, target=ObjectionState.UPHELD)
    def uphold(self, *, at: datetime) -> None:
        self.decided_at = at

    @transition(field=state, source=ObjectionState.RECEIVED, target=ObjectionState.DISMISSED)
    def dismiss(self, *, at: datetime) -> None:
        self.decided_at = at


class AnnouncementWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=AnnouncementState.DRAFT, choices=AnnouncementState, protected=True, db_index=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=AnnouncementState.DRAFT, target=AnnouncementState.TO_APPROVE)
    def hand_to_approver(self) -> None:
        pass

    @transition(field=state, source=AnnouncementState.TO_APPROVE, target=AnnouncementState.DRAFT)
    def hand_back(self) -> None:
        pass

    @transition(field=state, source=AnnouncementState.TO_APPROVE, target=AnnouncementState.PUBLISHED)
    def publish(self, *, at: datetime) -> None:
        self.published_at = at


class BulletinWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=BulletinState.DRAFT, choices=BulletinState, protected=True, db_index=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=BulletinState.DRAFT, target=BulletinState.TO_APPROVE)
    def hand_to_approver(self) -> None:
        pass

    @transition(field=state, source=BulletinState.TO_APPROVE, target=BulletinState.DRAFT)
    def hand_back(self) -> None:
        pass

    @transition(field=state, source=BulletinState.TO_APPROVE, target=BulletinState.PUBLISHED)
    def publish(self, *, at: datetime) -> None:
        self.published_at = at

    @transition(field=state, source=[BulletinState.DRAFT, BulletinState.TO_APPROVE], target=BulletinState.DROPPED)
    def drop(self) -> None:
        pass


class ImportedListWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=ImportState.TO_APPROVE, choices=ImportState, protected=True, db_index=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=ImportState.TO_APPROVE, target=ImportState.IN_FORCE)
    def approve(self, *, at: datetime) -> None:
        self.approved_at = at

    @transition(field=state, source=ImportState.TO_APPROVE, target=ImportState.DROPPED)
    def drop(self) -> None:
        pass


class CorrectionWorkflow(FSMModelMixin, models.Model):
    state = FSMField(default=CorrectionState.TO_APPROVE, choices=CorrectionState, protected=True, db_index=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @transition(field=state, source=CorrectionState.TO_APPROVE, target=CorrectionState.PUBLISHED)
    def publish(self, *, at: datetime) -> None:
        self.decided_at = at

    @transition(field=state, source=CorrectionState.TO_APPROVE, target=CorrectionState.REFUSED)
    def refuse(self, *, at: datetime) -> None:
        self.decided_at = at


class ListingWorkflow(FSMModelMixin, models.Model):
    """The life after listing: `registry.services.listings` is the only place that calls these verbs for it."""

    state = FSMField(default=ListingState.ACTIVE, choices=ListingState, protected=True, db_index=True)

    class Meta:
        abstract = True

    @transition(
        field=state,
        source=[ListingState.ACTIVE, ListingState.RECTIFYING, ListingState.REMOVED],
        target=ListingState.ACTIVE,
    )
    def enter_again(self) -> None:
        """Evaluated anew and announced: the place on the list goes on, or is there again after a removal."""

    @transition(
        field=state,
        source=[
            ListingState.ACTIVE,
            ListingState.RECTIFYING,
            ListingState.SUSPENDED,
            ListingState.REMOVAL_PROPOSED,
        ],
        target=ListingState.REMOVED,
    )
    def strike(self) -> None:
        """The tier whose list it is has taken the unit off, and what was inherited with it (JY-15c); or a correction did."""

    @transition(field=state, source=ListingState.ACTIVE, target=ListingState.RECTIFYING)
    def rectify(self) -> None:
        """Something has to be put right by a day; the title counts meanwhile."""

    @transition(field=state, source=ListingState.RECTIFYING, target=ListingState.ACTIVE)
    def resume(self) -> None:
        pass

    @transition(
        field=state,
        source=[ListingState.ACTIVE, ListingState.RECTIFYING],
        target=ListingState.REMOVAL_PROPOSED,
    )
    def propose_removal(self) -> None:
        pass

    @transition(
        field=state,
        source=[ListingState.ACTIVE, ListingState.RECTIFYING, ListingState.REMOVAL_PROPOSED],
        target=ListingState.SUSPENDED,
    )
    def suspend(self) -> None:
        """Where the rules say at once: the public list says so the same day, the unit is heard within a short term."""

    @transition(
        field=state,
        source=[ListingState.REMOVAL_PROPOSED, ListingState.SUSPENDED],
        target=ListingState.ACTIVE,
    )
    def restore(self) -> None:
        """The proposal was dismissed."""

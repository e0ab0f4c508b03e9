"""States of notices, objections, announcements and listings. No logic."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticeState(models.TextChoices):
    DRAFT = "draft", _("in preparation")
    RUNNING = "running", _("running")
    CLOSED = "closed", _("ended")


class ItemState(models.TextChoices):
    ON_NOTICE = "on_notice", _("on notice")
    HELD = "held", _("held by an objection")
    CLEARED = "cleared", _("no objection stands")
    DROPPED = "dropped", _("dropped")


class ObjectionState(models.TextChoices):
    RECEIVED = "received", _("received")
    UPHELD = "upheld", _("upheld")
    DISMISSED = "dismissed", _("dismissed")


class AnnouncementState(models.TextChoices):
    DRAFT = "draft", _("in preparation")
    TO_APPROVE = "to_approve", _("awaiting approval")
    PUBLISHED = "published", _("published")


class CorrectionState(models.TextChoices):
    TO_APPROVE = "to_approve", _("awaiting approval")
    PUBLISHED = "published", _("published")
    REFUSED = "refused", _("not approved")


class BulletinState(models.TextChoices):
    DRAFT = "draft", _("in preparation")
    TO_APPROVE = "to_approve", _("awaiting approval")
    PUBLISHED = "published", _("published")
    DROPPED = "dropped", _("given up")


class ListingState(models.TextChoices):
    ACTIVE = "active", _("on the list")
    RECTIFYING = "rectifying", _("rectifying")
    SUSPENDED = "suspended", _("suspended")
    REMOVAL_PROPOSED = "removal_proposed", _("removal proposed")
    REMOVED = "removed", _("removed")


# The title and its certificate count: what is only proposed has taken nothing away yet.
IN_FORCE = (ListingState.ACTIVE, ListingState.RECTIFYING, ListingState.REMOVAL_PROPOSED)


class Origin(models.TextChoices):
    DECIDED = "decided", _("own decision")
    IMPORTED = "imported", _("imported list")
    INHERITED = "inherited", _("inherited from a higher list")


class ImportState(models.TextChoices):
    """Of a list that another tier published, on its way into the portal."""

    TO_APPROVE = "to_approve", _("awaiting approval")
    IN_FORCE = "in_force", _("taken over")
    DROPPED = "dropped", _("given up")


class RowState(models.TextChoices):
    """Whom a line of an imported list is about."""

    CODE = "code", _("found by its credit code")
    CONFIRMED = "confirmed", _("name confirmed")
    OPEN = "open", _("name to be confirmed")
    NOBODY = "nobody", _("not known here")
    OUTSIDE = "outside", _("of another place")


FOUND = (RowState.CODE, RowState.CONFIRMED)


class MatchState(models.TextChoices):
    OPEN = "open", _("to be confirmed")
    CONFIRMED = "confirmed", _("the same")
    DENIED = "denied", _("another one")


class EntryKind(models.TextChoices):
    ADDED = "added", _("added")
    RENAMED = "renamed", _("renamed")
    REMOVED = "removed", _("removed")
    CORRECTED = "corrected", _("corrected")

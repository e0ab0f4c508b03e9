"""States of panels and decisions. No logic."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PanelState(models.TextChoices):
    PREPARING = "preparing", _("being prepared")
    OPEN = "open", _("reviewing")
    CLOSED = "closed", _("concluded")
    CANCELLED = "cancelled", _("dropped")


class PanelKind(models.TextChoices):
    """Who reviews (QHD-9): experts, or a body that was commissioned."""

    EXPERTS = "experts", _("experts")
    BODY = "body", _("commissioned third-party body")


class ConflictKind(models.TextChoices):
    """Why an application is not this expert's: found by the portal, or said by the expert."""

    EMPLOYER = "employer", _("employed by the applicant")
    MEMBER = "member", _("acts or acted for the applicant in this portal")
    ACTED = "acted", _("handled this application for an authority")
    DECLARED = "declared", _("declared by the expert")


class DecisionState(models.TextChoices):
    DRAFTING = "drafting", _("being drawn up")
    TO_APPROVE = "to_approve", _("awaiting approval")
    APPROVED = "approved", _("approved")
    CANCELLED = "cancelled", _("dropped")


class Outcome(models.TextChoices):
    PROPOSE = "propose", _("propose for the list")
    DECLINE = "decline", _("do not list")


LIVE_PANELS = (PanelState.PREPARING, PanelState.OPEN)
LIVE_DECISIONS = (DecisionState.DRAFTING, DecisionState.TO_APPROVE)

"""States of panels and decisions. No logic."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PanelState(models.TextChoices):
    PREPARING = "preparing", _("being prepared")
    OPEN = "open", _("reviewing")
    CLOSED = "closed", _("concluded")


class DecisionState(models.TextChoices):
    DRAFTING = "drafting", _("being drawn up")
    TO_APPROVE = "to_approve", _("awaiting approval")
    APPROVED = "approved", _("approved")


class Outcome(models.TextChoices):
    PROPOSE = "propose", _("propose for the list")
    DECLINE = "decline", _("do not list")

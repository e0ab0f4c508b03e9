"""States of panels, decisions and consultations. No logic."""

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
    FORMER = "former", _("was employed by the applicant")
    BODY = "body", _("employed by the body that evaluated the applicant")
    AREA = "area", _("from the same place as the applicant")
    EARLIER = "earlier", _("declared a conflict with this applicant before")


class OutKind(models.TextChoices):
    """Why somebody of the pool cannot take part in a panel at all."""

    SUSPENDED = "suspended", _("suspended")
    AWAY = "away", _("not available on the days of the review")
    FULL = "full", _("has the most units of a year already")
    SEATED = "seated", _("has or had a seat on this panel")
    WATCHES = "watches", _("supervises this panel")


class DrawKind(models.TextChoices):
    """What was drawn."""

    FIRST = "first", _("members of the panel")
    SUBSTITUTE = "substitute", _("substitute")
    THIRD = "third", _("another opinion")
    UNITS = "units", _("who judges which unit")


class DecisionState(models.TextChoices):
    DRAFTING = "drafting", _("being drawn up")
    TO_APPROVE = "to_approve", _("awaiting approval")
    APPROVED = "approved", _("approved")
    CANCELLED = "cancelled", _("dropped")


class Outcome(models.TextChoices):
    PROPOSE = "propose", _("propose for the list")
    DECLINE = "decline", _("do not list")


class ConsultationState(models.TextChoices):
    DRAFT = "draft", _("letter being written")
    TO_SEND = "to_send", _("letter awaits approval")
    ASKED = "asked", _("departments are asked")
    TO_CLOSE = "to_close", _("conclusion awaits approval")
    CLOSED = "closed", _("concluded")
    CANCELLED = "cancelled", _("dropped")


class Verdict(models.TextChoices):
    """What a department says of one unit."""

    NONE = "none", _("no objection")
    OBJECTION = "objection", _("objection")


class Adjustment(models.TextChoices):
    """What becomes of a unit after the consultation."""

    KEEP = "keep", _("keep on the list")
    LEAVE_OUT = "leave_out", _("leave out")
    RETURN = "return", _("back to review")


LIVE_PANELS = (PanelState.PREPARING, PanelState.OPEN)
LIVE_DECISIONS = (DecisionState.DRAFTING, DecisionState.TO_APPROVE)
LIVE_CONSULTATIONS = (
    ConsultationState.DRAFT,
    ConsultationState.TO_SEND,
    ConsultationState.ASKED,
    ConsultationState.TO_CLOSE,
)
SENT_CONSULTATIONS = (ConsultationState.ASKED, ConsultationState.TO_CLOSE, ConsultationState.CLOSED)

"""States of calls, applications and batches, and their named groups. No logic.

A state names the *kind* of station; which county or city and which step is on the row (`step`, `desk`).
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CallState(models.TextChoices):
    DRAFT = "draft", _("in preparation")
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")


class State(models.TextChoices):
    DRAFT = "draft", _("being filled in")
    SCREENING = "screening", _("under review")
    RETURNED = "returned", _("returned for correction")
    PASSED = "passed", _("passed review, to be recommended")
    RECOMMENDED = "recommended", _("recommended")
    UNDER_REVIEW = "under_review", _("under expert review")
    DECIDING = "deciding", _("under overall review")
    PROPOSED = "proposed", _("proposed for the list")
    ON_NOTICE = "on_notice", _("on public notice")
    APPROVING = "approving", _("awaiting announcement")
    FORWARDED = "forwarded", _("forwarded to the next tier")
    LISTED = "listed", _("listed")
    NOT_LISTED = "not_listed", _("not listed")
    REJECTED = "rejected", _("not recommended")
    WITHDRAWN = "withdrawn", _("withdrawn")
    DISQUALIFIED = "disqualified", _("disqualified")


FINAL = (State.LISTED, State.NOT_LISTED, State.REJECTED, State.WITHDRAWN, State.DISQUALIFIED)
OPEN = tuple(state for state in State if state not in FINAL)
WITH_APPLICANT = (State.DRAFT, State.RETURNED)
WITHDRAWABLE = (
    State.DRAFT,
    State.SCREENING,
    State.RETURNED,
    State.PASSED,
    State.RECOMMENDED,
    State.UNDER_REVIEW,
    State.DECIDING,
    State.PROPOSED,
)
BEYOND_SUBMISSION = tuple(state for state in OPEN if state != State.DRAFT)

# The states in which a case enters a step of its route; `policy.engine.types.KIND_STATES` says which kind enters where.
STATIONS = (
    State.SCREENING,
    State.PASSED,
    State.RECOMMENDED,
    State.DECIDING,
    State.PROPOSED,
    State.APPROVING,
    State.FORWARDED,
)


class BatchState(models.TextChoices):
    DRAFT = "draft", _("being put together")
    TO_SIGN = "to_sign", _("awaiting signature")
    SIGNED = "signed", _("signed and frozen")
    SENT = "sent", _("sent")
    RECEIVED = "received", _("received")


class Answer(models.TextChoices):
    """An official's finding on one point of the checklist."""

    YES = "yes", _("yes")
    NO = "no", _("no")
    FIX = "fix", _("to be corrected")

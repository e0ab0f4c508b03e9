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
    CONSULTING = "consulting", _("departments are asked")
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
    State.CONSULTING,
    State.PROPOSED,
    State.FORWARDED,
)
RETURNABLE = (  # from where a unit goes back to a review: before anybody decided on it
    State.SCREENING,  # of the receiving authority, which has not concluded
    State.PASSED,
    State.RECOMMENDED,
    State.CONSULTING,
    State.DECIDING,
)
BEYOND_SUBMISSION = tuple(state for state in OPEN if state != State.DRAFT)

# The states in which a case enters a step of its route; `policy.engine.types.KIND_STATES` says which kind enters where.
STATIONS = (
    State.SCREENING,
    State.PASSED,
    State.RECOMMENDED,
    State.DECIDING,
    State.CONSULTING,
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


class Mode(models.TextChoices):
    """Who evaluates: the rule set names the modes it offers (`[evaluation]`)."""

    SELF = "self", _("self-evaluation")
    BODY = "body", _("third-party evaluation")


class Answer(models.TextChoices):
    """An official's finding on one point of the checklist."""

    YES = "yes", _("yes")
    NO = "no", _("no")
    FIX = "fix", _("to be corrected")


class RegistrationState(models.TextChoices):
    """Of a third-party body with the authority that approves bodies (HLJ-24a)."""

    SUBMITTED = "submitted", _("waiting for approval")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    REVOKED = "revoked", _("approval withdrawn")


class ProjectState(models.TextChoices):
    """Of one evaluation that an applicant gives to a body."""

    OFFERED = "offered", _("offered")
    ACCEPTED = "accepted", _("accepted")
    DECLARED = "declared", _("declared by the body, done outside the portal")
    REPORTED = "reported", _("report submitted")
    DECLINED = "declined", _("declined")
    RETRACTED = "retracted", _("offer taken back")
    ENDED = "ended", _("ended unfinished")


LIVE_PROJECT = (ProjectState.OFFERED, ProjectState.ACCEPTED, ProjectState.REPORTED)
AT_WORK = (ProjectState.ACCEPTED, ProjectState.REPORTED)
COUNTED = (ProjectState.ACCEPTED, ProjectState.REPORTED, ProjectState.DECLARED)  # against a cap (HEB-2.4c, HLJ-24b)


class HitState(models.TextChoices):
    """What has become of a finding against a unit."""

    OPEN = "open", _("to be answered")
    ANSWERED = "answered", _("answered, it stands")
    WAIVED = "waived", _("waived")
    DISMISSED = "dismissed", _("does not apply")
    CLEARED = "cleared", _("no longer found")


SETTLED = (HitState.WAIVED, HitState.DISMISSED)  # the checks go on without it


class Advice(models.TextChoices):
    """What a body notes about a unit it was matched with (HLJ-11)."""

    SUGGESTION = "suggestion", _("suggestion for improvement")
    FOLLOW_UP = "follow_up", _("follow-up")


class Word(models.TextChoices):
    """What an official may say to a finding."""

    STANDS = "stands", _("It is right and stands.")
    DISMISS = "dismiss", _("It does not apply to this unit.")
    WAIVE = "waive", _("It is right, but is set aside as the rules allow.")

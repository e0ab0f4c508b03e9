"""States of what follows a listing. No logic."""

from django.db import models
from django.utils.translation import gettext_lazy as _


# ---- yearly tables (年度动态管理表) -------------------------------------------------------------------------------------
class CycleState(models.TextChoices):
    OPEN = "open", _("open for filing")
    CLOSED = "closed", _("closed")


class YearlyState(models.TextChoices):
    DUE = "due", _("due")
    DRAFT = "draft", _("being filled in")
    FILED = "filed", _("handed in")
    RETURNED = "returned", _("returned")
    ACCEPTED = "accepted", _("accepted")
    EXEMPT = "exempt", _("need not file")


OWED = (YearlyState.DUE, YearlyState.DRAFT, YearlyState.RETURNED)  # the unit has something to do
WITH_UNIT = (YearlyState.DRAFT, YearlyState.RETURNED)  # it can be written in


class Word(models.TextChoices):
    """What a reviewer says of a table."""

    PASSED = "passed", _("passed on")
    RETURNED = "returned", _("returned")
    ACCEPTED = "accepted", _("accepted")


class ScoreSource(models.TextChoices):
    REPORT = "report", _("worked out from the accepted table")
    ENTERED = "entered", _("entered by an official")
    IMPORTED = "imported", _("taken over from a file")


# ---- removals and hearings (移出) ----------------------------------------------------------------------------------


class RemovalState(models.TextChoices):
    PROPOSED = "proposed", _("proposed, not taken up yet")
    HEARING = "hearing", _("the unit is heard")
    HEARD = "heard", _("heard")
    TO_APPROVE = "to_approve", _("awaiting decision")
    DECIDED = "decided", _("removal decided")
    EFFECTIVE = "effective", _("removed")
    DISMISSED = "dismissed", _("dismissed")
    LAPSED = "lapsed", _("fell away")  # the unit left the list by another document


OPEN_REMOVALS = (
    RemovalState.PROPOSED,
    RemovalState.HEARING,
    RemovalState.HEARD,
    RemovalState.TO_APPROVE,
    RemovalState.DECIDED,
)
IN_QUESTION = OPEN_REMOVALS[1:]  # an official has taken it up: the public list says so


class RemovalSource(models.TextChoices):
    """Who or what proposed it."""

    PERSON = "person", _("an official")
    RECORD = "record", _("an adverse record")
    DUTY = "duty", _("a yearly table that was not filed")
    SCORE = "score", _("the scores of several years")
    INCIDENT = "incident", _("an alarm")
    CASCADE = "cascade", _("a removal from another list")
    REPORT = "report", _("a report from the public")
    CHANGE = "change", _("a change of the unit")
    INSPECTION = "inspection", _("an inspection")
    RECTIFICATION = "rectification", _("a rectification that was not done")


class Conclusion(models.TextChoices):
    REMOVE = "remove", _("remove from the list")
    DISMISS = "dismiss", _("leave on the list")


class HeardBy(models.TextChoices):
    """How the unit was heard."""

    STATEMENT = "statement", _("written statement")
    ORAL = "oral", _("heard in person")
    SILENCE = "silence", _("no statement by the day")


# ---- incidents (事故报警) --------------------------------------------------------------------------------------------


class IncidentState(models.TextChoices):
    RAISED = "raised", _("raised")
    CLOSED = "closed", _("closed")


# ---- upward requests (提请上级) --------------------------------------------------------------------------------------


class UpwardState(models.TextChoices):
    DRAFT = "draft", _("in preparation")
    TO_SIGN = "to_sign", _("awaiting signature")
    SENT = "sent", _("sent")
    RECEIVED = "received", _("received")
    SETTLED = "settled", _("done")
    REFUSED = "refused", _("refused")
    DROPPED = "dropped", _("given up")


OPEN_UPWARD = (UpwardState.DRAFT, UpwardState.TO_SIGN, UpwardState.SENT, UpwardState.RECEIVED)
WITH_UPPER = (UpwardState.SENT, UpwardState.RECEIVED)


class UpwardKind(models.TextChoices):
    REMOVAL = "removal", _("removal")
    CHANGE = "change", _("changes")


# ---- reports from the public (实名举报) ------------------------------------------------------------------------------
class TipState(models.TextChoices):
    RECEIVED = "received", _("received")
    VERIFYING = "verifying", _("accepted, being verified")
    TO_DECIDE = "to_decide", _("awaiting approval")
    NOT_ACCEPTED = "not_accepted", _("not accepted")
    CLOSED = "closed", _("closed")


OPEN_TIPS = (TipState.RECEIVED, TipState.VERIFYING, TipState.TO_DECIDE)


class TipOutcome(models.TextChoices):
    """`not_accepted` ends it before it is verified; the others are what the rules name."""

    NOT_ACCEPTED = "not_accepted", _("not accepted")
    UNFOUNDED = "unfounded", _("not confirmed")
    RECTIFICATION = "rectification", _("confirmed: rectification ordered")
    REMOVAL = "removal", _("confirmed: removal proposed")
    BODY = "body", _("confirmed: results of the body not accepted")


# ---- rectifications (整改) -----------------------------------------------------------------------------------------
class RectificationState(models.TextChoices):
    ORDERED = "ordered", _("to be put right")
    HANDED_IN = "handed_in", _("handed in")
    DONE = "done", _("put right")
    UNMET = "unmet", _("not put right")


OPEN_RECTIFICATIONS = (RectificationState.ORDERED, RectificationState.HANDED_IN)


class RectificationSource(models.TextChoices):
    """What showed that something is to be put right."""

    REPORT = "report", _("a report from the public")
    INSPECTION = "inspection", _("an inspection")
    CHANGE = "change", _("a change")
    YEARLY = "yearly", _("the yearly table")
    OTHER = "other", _("another finding")


# ---- changes (变更) ------------------------------------------------------------------------------------------------


class ChangeState(models.TextChoices):
    REPORTED = "reported", _("reported")
    RETURNED = "returned", _("returned to the unit")
    TO_CONFIRM = "to_confirm", _("awaiting confirmation")
    CONFIRMED = "confirmed", _("confirmed")
    BUNDLED = "bundled", _("sent upward")
    SETTLED = "settled", _("settled")
    REFUSED = "refused", _("not confirmed")
    WITHDRAWN = "withdrawn", _("withdrawn")


OPEN_CHANGES = (
    ChangeState.REPORTED,
    ChangeState.RETURNED,
    ChangeState.TO_CONFIRM,
    ChangeState.CONFIRMED,
    ChangeState.BUNDLED,
)


class ChangeKind(models.TextChoices):
    NAME = "name", _("name")
    LEGAL_REPRESENTATIVE = "legal_representative", _("legal representative")
    SCOPE = "scope", _("actual business scope")
    ADDRESS = "address", _("production address")
    BOUNDARY = "boundary", _("organisation boundary")
    MERGER = "merger", _("merger")
    SPLIT = "split", _("split")


WITH_SUCCESSOR = (ChangeKind.MERGER, ChangeKind.SPLIT)


class Disposition(models.TextChoices):
    """What becomes of the place on the list after a merger or a split."""

    STAYS = "stays", _("stays with the unit")
    MOVES = "moves", _("goes to the successor")
    ENDS = "ends", _("ends")


class ToldBy(models.TextChoices):
    REPORT = "report", _("reported by itself")
    TABLE = "table", _("told in the yearly table")


# ---- inspections (监督检查) ------------------------------------------------------------------------------------------


class InspectionState(models.TextChoices):
    PLANNED = "planned", _("planned")
    DONE = "done", _("carried out")
    CANCELLED = "cancelled", _("cancelled")


class InspectionKind(models.TextChoices):
    SPOT_CHECK = "spot_check", _("spot check")
    GUIDANCE = "guidance", _("guidance visit")
    FOLLOW_UP = "follow_up", _("follow-up")


class InspectionResult(models.TextChoices):
    GOOD = "good", _("nothing found")
    ADVICE = "advice", _("advice given")
    PROBLEMS = "problems", _("problems found")


class Answer(models.TextChoices):
    YES = "yes", _("yes")
    NO = "no", _("no")
    NOT_SEEN = "not_seen", _("not looked at")


# ---- cultivation (培育库) -------------------------------------------------------------------------------------------
class CultivationState(models.TextChoices):
    CANDIDATE = "candidate", _("candidate")
    CULTIVATING = "cultivating", _("being cultivated")
    INVITED = "invited", _("invited to apply")
    APPLIED = "applied", _("has applied")
    LISTED = "listed", _("on the list")
    DROPPED = "dropped", _("taken out")


CULTIVATED = (  # in the library: one such object of a site and list at each authority
    CultivationState.CANDIDATE,
    CultivationState.CULTIVATING,
    CultivationState.INVITED,
    CultivationState.APPLIED,
)


class CultivationSource(models.TextChoices):
    """How a unit came into the library."""

    SURVEY = "survey", _("survey of the place")
    CONFORMITY = "conformity", _("passed the conformity check")
    OWN = "own", _("asked for it itself")


class FilingState(models.TextChoices):
    """Of what a city files upward about its cultivation."""

    DRAFT = "draft", _("in preparation")
    TO_SIGN = "to_sign", _("awaiting signature")
    SENT = "sent", _("sent")
    RECEIVED = "received", _("received")


class ExperienceState(models.TextChoices):
    """Of a typical experience, as the public sees it."""

    DRAFT = "draft", _("in preparation")
    PUBLISHED = "published", _("published")
    WITHDRAWN = "withdrawn", _("taken down")

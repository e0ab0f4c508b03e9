"""What the applicant does with its own case (QHD-3: only the firm itself starts and withdraws an application)."""

from django.utils.translation import gettext_lazy as _

from applications.rules.verbs import Case, Verb
from applications.states import WITH_APPLICANT, WITHDRAWABLE, Mode, State
from greenlist.core.actors import Actor, Capacity


def is_own(case: Case, actor: Actor) -> bool:
    """A member of the organisation that applies."""
    return actor.capacity == Capacity.APPLICANT and actor.organisation_id == case.organisation_id


def is_at_work(case: Case, actor: Actor) -> bool:
    """Its own people, and those of a third-party body: they see a case only while its report is released to them."""
    return is_own(case, actor) or (actor.is_body and case.mode == Mode.BODY)


def is_own_with_body(case: Case, actor: Actor) -> bool:
    return is_own(case, actor) and case.mode == Mode.BODY


APPLICANT_ONLY = _("Only the applicant itself may do this.")

EDIT = Verb(
    "edit",
    _("Fill in the report"),
    "applications:fill",
    is_at_work,
    APPLICANT_ONLY,
    WITH_APPLICANT,
    not_now=_("What was submitted cannot be changed any more."),
)
SUBMIT = Verb(
    "submit",
    _("Check and submit"),
    "applications:check",
    is_own,
    APPLICANT_ONLY,
    WITH_APPLICANT,
    not_now=_("The application has been submitted."),
    primary=True,
)
WITHDRAW = Verb(
    "withdraw",
    _("Withdraw"),
    "applications:withdraw",
    is_own,
    APPLICANT_ONLY,
    WITHDRAWABLE,
    not_now=_("An application can be withdrawn only before the result is proposed."),
    danger=True,
)
EVALUATE = Verb(
    "evaluate",
    _("Third-party body"),
    "applications:evaluation",
    is_own_with_body,
    APPLICANT_ONLY,
)
PREFILL = Verb(
    "prefill",
    _("Fill in from what is known"),
    "applications:prefill",
    is_own,
    APPLICANT_ONLY,
    (State.DRAFT,),
    not_now=_("Only a draft can be filled in from earlier reports."),
)
VERBS = (EDIT, EVALUATE, SUBMIT, WITHDRAW)

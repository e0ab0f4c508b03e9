"""Who reviews, returns, passes, signs and reopens. That two people act (`four_eyes`) is judged on the proposal itself."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.rules.verbs import Case, Verb
from applications.states import BEYOND_SUBMISSION, State
from greenlist.core.actors import Actor, Capacity


def is_at_desk(case: Case, actor: Actor) -> bool:
    """An official of the authority whose turn it is (QHD-4, QHD-7: inside its own area only)."""
    return actor.is_official and actor.authority_id is not None and actor.authority_id == case.desk_id


def may_prepare(case: Case, actor: Actor) -> bool:
    return is_at_desk(case, actor) and actor.capacity == Capacity.HANDLER


def may_sign(case: Case, actor: Actor) -> bool:
    return is_at_desk(case, actor) and actor.capacity == Capacity.APPROVER


def is_another(person_id: int | None, actor: Actor) -> bool:
    """Four eyes: who signs is another person than who prepared."""
    return actor.user_id is not None and actor.user_id != person_id


def prepared(proposal: Any, rows: Any, actor: Actor) -> bool:
    """Put the conclusion forward, or gave something that it rests on. `rows`: verdicts and judgements of the step."""
    return not is_another(proposal.proposed_by_id, actor) or any(row.by_id == actor.user_id for row in rows)


NOT_AT_DESK = _("The case is not at your authority's desk.")
HANDLERS_ONLY = _("A handler of the authority whose turn it is must do this.")
APPROVERS_ONLY = _("An approver of the authority whose turn it is must do this.")
SAME_PERSON = _("You prepared this yourself: another person must sign it.")
EARLIER_PART = _("You took part in an earlier step of this case: another person must decide here.")
NOT_UNDER_REVIEW = _("The case is not under review.")

PAGE = "applications:review"
REVIEW = Verb(
    "review", _("Review"), PAGE, is_at_desk, NOT_AT_DESK, (State.SCREENING,), not_now=NOT_UNDER_REVIEW, primary=True
)
PREPARE = Verb("prepare_review", _("Record findings"), PAGE, may_prepare, HANDLERS_ONLY, (State.SCREENING,))
SIGN = Verb("sign_review", _("Sign"), PAGE, may_sign, APPROVERS_ONLY, (State.SCREENING,))
REOPEN = Verb(
    "reopen",
    _("Review again"),
    "applications:reopen",
    may_prepare,
    HANDLERS_ONLY,
    (State.PASSED,),
    not_now=_("Only a case that passed and has not been sent can be reviewed again."),
)
DISQUALIFY = Verb(
    "disqualify",
    _("Disqualify"),
    "applications:disqualify",
    may_sign,
    APPROVERS_ONLY,
    tuple(state for state in BEYOND_SUBMISSION if state != State.RETURNED),
    danger=True,
)
VERBS = (REVIEW, DISQUALIFY)


def took_part(screenings: Any, step: str, actor: Actor) -> bool:
    """Prepared or signed another step of the same case, whatever the authority then (AZ-14). `screenings` are loaded rows."""
    return any(actor.user_id in (row.proposed_by_id, row.signed_by_id) for row in screenings if row.step != step)

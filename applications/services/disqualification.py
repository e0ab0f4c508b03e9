"""A case ends because a rule bars it after submission: an accident or a dishonesty that came to light later (5.4)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications import rules
from applications.models import Application
from applications.rules import screening as may
from applications.selectors import rules_of
from applications.services import cases, checks, screening
from greenlist.core import outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, Refused
from greenlist.policy import words
from greenlist.policy.engine.types import Finding


def barring(case: Application, *, at: datetime) -> tuple[Finding, ...]:
    """What bars the case today, whichever point of the rule set finds it."""
    points = dict.fromkeys(step.point for step in rules_of(case.call).steps if step.point)
    found = [one for point in points for one in checks.look(case=case, point=point, at=at) if one.blocks]
    return tuple({one.rule: one for one in found}.values())


@transaction.atomic
def disqualify(*, actor: Actor, at: datetime, reference: str, reason: str, revision: int | None = None) -> Application:
    """Ends a submitted case that a rule bars, with reason and clause.

    Raises NotVisible, NotAllowed, Conflict, Invalid (no reason), Refused (no rule bars it), WrongState.
    """
    case = cases.lock(actor=actor, reference=reference, revision=revision)
    rules.require(may.DISQUALIFY, case, actor)
    if not reason.strip():
        raise Invalid(_("Not done."), problems={"reason": [_("Write the reason; the applicant will read it.")]})
    found = barring(case, at=at)
    if not found:
        raise Refused(
            _("No rule bars this case today: enter the adverse record first, or decide it in the ordinary way."),
            code="nothing_bars",
        )
    said = "；".join(words.sentence(one) for one in found)
    opinion = f"{reason.strip()}\n{said}"
    cases.move(
        case,
        "disqualify",
        case.disqualify,
        actor=actor,
        at=at,
        desk=None,
        opinion=opinion,
        data={"clauses": [one.clause for one in found]},
    )
    outbox.notify(
        recipients=screening.applicants_of(case),
        event=f"case.disqualified:{case.pk}",
        kind="case.not_listed",
        params={"number": case.number, "reason": opinion},
        link=screening.page_of(case),
        at=at,
    )
    return case

"""现场指导 (JY-14): the city plans visits to its cultivation objects and records who came and what was advised."""

from datetime import date, datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications.models import Application
from applications.selectors import cases as case_reads
from applications.selectors import rules_of
from applications.services import cases, screening
from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Text, WrongState
from reviews import rules
from reviews.models import GuidanceVisit


@transaction.atomic
def plan(*, actor: Actor, reference: str, planned_on: date | None, purpose: str, at: datetime) -> GuidanceVisit:
    """A visit to come; the unit is told. Raises NotVisible, NotAllowed, WrongState (no cultivation object), Invalid."""
    case = _case(actor, reference)
    if planned_on is None:
        raise Invalid(_("The visit was not planned."), problems={"planned_on": [_("Give the day of the visit.")]})
    made = GuidanceVisit.objects.create(
        application=case,
        authority_id=actor.authority_id,
        planned_on=planned_on,
        purpose=purpose.strip(),
        planned_by_id=actor.user_id,
        created_at=at,
    )
    _record(made, "planned", actor=actor, at=at)
    _tell(made, "guidance.planned", {"day": str(planned_on), "name": case.name}, at)
    return made


@transaction.atomic
def record(
    *, actor: Actor, reference: str, visit: int, visited_on: date | None, persons: str, advice: str, at: datetime
) -> GuidanceVisit:
    """What came of a planned visit, once. Raises NotVisible, NotAllowed, WrongState (recorded already), Invalid."""
    case = _case(actor, reference)
    found = GuidanceVisit.objects.select_for_update().filter(application=case, pk=visit).first()
    if found is None:
        raise NotVisible
    if found.visited_on is not None:
        raise WrongState(_("This visit has been recorded already."))
    problems: dict[str, list[Text]] = {}
    if visited_on is None:
        problems["visited_on"] = [_("Give the day of the visit.")]
    if not persons.strip():
        problems["persons"] = [_("Say who came.")]
    if not advice.strip():
        problems["advice"] = [_("Write down what was advised: the unit reads it.")]
    if problems:
        raise Invalid(_("The visit was not recorded."), problems=problems)
    found.visited_on, found.persons, found.advice = visited_on, persons.strip(), advice.strip()
    found.recorded_by_id = actor.user_id
    found.save()
    _record(found, "recorded", actor=actor, at=at)
    _tell(found, "guidance.recorded", {"day": str(visited_on), "name": case.name}, at)
    return found


def _case(actor: Actor, reference: str) -> Application:
    case = cases.lock(actor=actor, reference=reference)
    if not rules.may_guide(case, actor):
        raise NotAllowed(_("Officials of the authority that called plan and record the visits."))
    if not case_reads.is_guided(case, rules_of(case.call)):
        raise WrongState(_("The unit is no cultivation object with guidance on site."))
    return case


def page_of(case: Application) -> str:
    return reverse("reviews:guidance", args=[case.reference])


def _record(visit: GuidanceVisit, what: str, *, actor: Actor, at: datetime) -> None:
    data = {"planned_on": visit.planned_on, "visited_on": visit.visited_on, "advice": visit.advice}
    audit.record(actor=actor, subject=("case", visit.application_id), action=f"guidance.{what}", at=at, data=data)


def _tell(visit: GuidanceVisit, kind: str, params: dict[str, str], at: datetime) -> None:
    outbox.notify(
        recipients=screening.applicants_of(visit.application),
        event=f"{kind}:{visit.pk}",
        kind=kind,
        at=at,
        params=params,
        link=page_of(visit.application),
    )

"""Taking over what is known already into a draft: offered, confirmed by the applicant, never over an answer that stands."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from applications import facts, rules
from applications.models import Application, Section
from applications.rules import applicant as may
from applications.selectors import drafts as reads
from applications.selectors import prefilling
from applications.selectors.prefilling import Offer, Offers
from applications.services import drafts
from applications.states import State
from greenlist.core import audit, clock
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, WrongState


def look(*, actor: Actor, at: datetime, reference: str) -> tuple[Application, Offers]:
    """What may be taken over into one's own draft. Raises NotVisible (also for a body's people), WrongState."""
    case = reads.own_case(actor, reference)
    _require_draft(case)
    told = facts.prefill(case.site, case.category, clock.china_date(at))
    return case, prefilling.offers(actor, case, told, at)


@transaction.atomic
def take(*, actor: Actor, at: datetime, reference: str, paths: Collection[str], digest: str) -> tuple[Offer, ...]:
    """Takes over the chosen offers, those the applicant looked at (`digest`), and keeps where each came from.

    Raises NotVisible, WrongState (no draft any more, or the offers are others by now), Invalid (nothing chosen).
    """
    case = drafts.writable(actor=actor, at=at, reference=reference)
    rules.require(may.PREFILL, case, actor)
    case, found = look(actor=actor, at=at, reference=reference)
    if found.digest != digest:
        raise WrongState(_("What can be taken over has changed meanwhile: look at it again."), code="data_changed")
    chosen = tuple(one for one in found.rows if one.path in set(paths))
    if not chosen:
        raise Invalid(_("Choose what is to be taken over."))
    versions = dict(Section.objects.filter(report=case.report).values_list("key", "version"))
    for section in dict.fromkeys(one.section for one in chosen):
        answers = {one.key: one.value for one in chosen if one.section == section}
        version = versions[section]
        drafts.save_section(actor=actor, at=at, reference=reference, section=section, answers=answers, version=version)
    report = case.report
    report.origins = {**report.origins, **{one.path: _kept(one) for one in chosen}}
    report.save(update_fields=["origins"])
    record = {one.path: one.source.case or one.source.kind for one in chosen}
    audit.record(actor=actor, subject=("case", case.pk), action="case.prefilled", at=at, data={"from": record})
    return chosen


def _kept(one: Offer) -> dict[str, object]:
    source = one.source
    return {"value": one.value, "kind": source.kind, "label": source.label, "case": source.case, "year": source.year}


def _require_draft(case: Application) -> None:
    if case.state != State.DRAFT:
        raise WrongState(_("Only a draft can be filled in from earlier reports."))

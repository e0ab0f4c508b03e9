"""监督检查 (QHD-13a, JY-20, HLJ-29): a plan draws its units at random and can be drawn again; visits are recorded with a
checklist, photos and findings, and may order a rectification."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Inspection, InspectionFile, InspectionPlan
from dynamics.selectors import inspections as reads
from dynamics.selectors import standing
from dynamics.services import rectifications
from dynamics.states import InspectionKind, InspectionResult, InspectionState, RectificationSource
from greenlist.core import attachments, audit, limits, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine import changes as engine
from greenlist.policy.engine.types import SupervisionRule
from registry.models import Listing
from registry.states import ListingState

OFFICIALS_ONLY = _("Officials of the unit's place inspect it.")
NOT_THEIRS = _("The rules of this list name other authorities for inspections.")
MOST = 20_000  # units of a population


# ---- plans ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Wish:
    """Which units, and how many of them: a share in per cent or a number."""

    title: str
    year: int
    category: str = ""
    tier: str = ""
    share: Decimal | None = None
    number: int | None = None
    unannounced: bool = False


@transaction.atomic
def draw(*, actor: Actor, wish: Wish, at: datetime, seed: str = "") -> InspectionPlan:
    """Draws the units of a plan from those on the lists of the actor's area, and keeps all that the draw rests on.

    Raises NotAllowed, Invalid (share and number, nobody to draw from), Refused (the rules name other authorities).
    """
    if not (actor.is_official and actor.area_path):
        raise NotAllowed(OFFICIALS_ONLY)
    problems: dict[str, list[Text]] = {}
    if not wish.title.strip():
        problems["title"] = [_("is needed")]
    if (wish.share is None) == (wish.number is None):
        problems["share"] = [_("Give either a share or a number.")]
    if problems:
        raise Invalid(_("Nothing was drawn."), problems=problems)
    found = list(reads.population(actor, wish.category, wish.tier)[: MOST + 1])
    if len(found) > MOST:  # a draw from the first ones would spare the others for ever
        said = _("More than %(most)s units fit: draw for one list or one tier at a time.") % {"most": MOST}
        raise Invalid(_("Nothing was drawn."), problems={"category": [said]})
    if not found:
        raise Invalid(_("No listed unit fits: nothing was drawn."))
    ruled = _by_rules(found, actor)
    if not ruled:
        raise Refused(NOT_THEIRS)
    keys = sorted(str(row.pk) for row, _rule in ruled)
    seed = seed or secrets.token_hex(32)
    size = engine.size_of(len(keys), share=wish.share, number=wish.number)
    drawn = engine.sample(seed, keys, size)
    plan = InspectionPlan.objects.create(
        authority_id=actor.authority_id,
        year=wish.year,
        title=wish.title.strip(),
        category=wish.category,
        tier=wish.tier,
        share=wish.share,
        number=wish.number,
        unannounced=wish.unannounced,
        seed=seed,
        population=keys,
        drawn=list(drawn),
        digest=reads.digest_of(seed, keys, wish.share, wish.number, drawn),
        created_by_id=actor.user_id,
        created_at=at,
    )
    rule_of = {str(row.pk): (row, rule) for row, rule in ruled}
    for key in drawn:
        row, rule = rule_of[key]
        _make(row, rule, actor, at, plan=plan, unannounced=wish.unannounced and rule[1].unannounced)
    data = {"plan": plan.reference, "population": len(keys), "drawn": len(drawn), "digest": plan.digest}
    audit.record(actor=actor, subject=("inspection_plan", plan.pk), action="inspection.drawn", at=at, data=data)
    return plan


Ruled = tuple[standing.Standing, SupervisionRule]


def _by_rules(found: Sequence[Listing], actor: Actor) -> list[tuple[Listing, Ruled]]:
    """Units whose rules let this authority inspect; rules are looked up once for each place and list."""
    known: dict[tuple[str, int], Ruled | None] = {}
    kept = []
    for row in found:
        key = (row.area_path, row.listbook_id)
        if key not in known:
            known[key] = standing.supervision_rule(row)
        rule = known[key]
        if rule is not None and actor.tier is not None and actor.tier.value in rule[1].by:
            kept.append((row, rule))
    return kept


def _make(row: Listing, rule: Ruled, actor: Actor, at: datetime, **given: Any) -> Inspection:
    held, found = rule
    items = [{"key": one.key, "zh": one.text.zh, "en": one.text.en, "clause": one.clause} for one in found.items]
    return Inspection.objects.create(
        listing=row,
        authority_id=actor.authority_id,
        rules=held.slug,
        clause=found.clause,
        items=items,
        created_by_id=actor.user_id,
        created_at=at,
        **given,
    )


# ---- one visit ------------------------------------------------------------------------------------------------------
@transaction.atomic
def plan_visit(
    *,
    actor: Actor,
    listing: int,
    kind: str = InspectionKind.SPOT_CHECK,
    planned_on: date | None,
    purpose: str = "",
    unannounced: bool = False,
    at: datetime,
) -> Inspection:
    """A visit apart from any plan; the unit is told unless it comes unannounced.

    Raises NotVisible, NotAllowed, Refused (no rules; the rules know no unannounced visits), Invalid, WrongState.
    """
    row = Listing.objects.select_for_update(of=("self",)).filter(pk=listing).first()
    if row is None:
        raise NotVisible
    row = Listing.objects.select_related("listbook__owner__area", "site__area").get(pk=listing)
    if not rules.covers(actor, row):
        raise NotAllowed(OFFICIALS_ONLY)
    if row.state == ListingState.REMOVED:
        raise WrongState(_("The unit is not on the list any more."))
    rule = standing.supervision_rule(row)
    if rule is None or actor.tier is None or actor.tier.value not in rule[1].by:
        raise Refused(NOT_THEIRS)
    if unannounced and not rule[1].unannounced:
        raise Refused(_("The rules know no unannounced visits."), clause=rule[1].clause)
    if planned_on is None or planned_on < china_date(at):
        said = _("Give a day that is still to come.")
        raise Invalid(said, problems={"planned_on": [said]})
    made = _make(
        row, rule, actor, at, kind=kind, planned_on=planned_on, purpose=purpose.strip(), unannounced=unannounced
    )
    _record(made, "planned", {"planned_on": planned_on, "unannounced": unannounced}, actor=actor, at=at)
    if not unannounced:
        _tell_planned(made, at)
    return made


@transaction.atomic
def set_day(*, actor: Actor, reference: str, planned_on: date | None, at: datetime) -> Inspection:
    """The day of a drawn visit; an announced unit is told. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    row = _own(actor, reference)
    if row.visited_on is not None or row.state != "planned":
        raise WrongState(_("The inspection is “%(state)s”.") % {"state": row.get_state_display()})
    if planned_on is None or planned_on < china_date(at):
        said = _("Give a day that is still to come.")
        raise Invalid(said, problems={"planned_on": [said]})
    row.planned_on = planned_on
    row.save()
    _record(row, "planned", {"planned_on": planned_on}, actor=actor, at=at)
    if not row.unannounced:
        _tell_planned(row, at)
    return row


@dataclass(frozen=True)
class Visit:
    """What came of it. `answers`: key of the item → (answer, remark). `due_on`: a rectification is ordered by that day."""

    visited_on: date | None
    persons: str
    result: str
    findings: str
    answers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    photos: Sequence[UploadedFile] = field(default_factory=tuple)
    due_on: date | None = None
    rectify: str = ""


@transaction.atomic
def carry_out(*, actor: Actor, reference: str, visit: Visit, at: datetime) -> Inspection:
    """Recorded once; the unit reads it. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    row = _own(actor, reference)
    problems = _problems(row, visit, at)
    if problems:
        raise Invalid(_("The inspection was not recorded."), problems=problems)
    try:
        row.carry_out()
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The inspection is “%(state)s”.") % {"state": row.get_state_display()}) from wrong
    row.visited_on, row.persons, row.result = visit.visited_on, visit.persons.strip(), visit.result
    row.findings = visit.findings.strip()
    known = [one["key"] for one in row.items]
    row.answers = {key: list(visit.answers[key]) for key in known if key in visit.answers}
    row.recorded_by_id, row.recorded_at = actor.user_id, at
    if visit.rectify.strip():
        row.rectification = rectifications.order(
            listing=row.listing_id,
            reason=visit.rectify,
            due_on=visit.due_on,
            source=RectificationSource.INSPECTION,
            subject=("inspection", row.pk),
            clause=row.clause,
            actor=actor,
            at=at,
        )
    row.save()
    attachments.check_count(stored=row.files.count(), adding=len(visit.photos))
    for upload in visit.photos:
        limits.take("upload", actor=actor, at=at)
        InspectionFile.objects.create(inspection=row, blob=attachments.store(upload=upload, at=at), added_at=at)
    data = {"result": row.result, "visited_on": row.visited_on, "photos": len(visit.photos)}
    _record(row, "carried_out", data, actor=actor, at=at)
    _tell(row, "inspection.carried_out", {"day": str(row.visited_on)}, at)
    return row


def _problems(row: Inspection, visit: Visit, at: datetime) -> dict[str, list[Text]]:
    problems: dict[str, list[Text]] = {}
    if visit.visited_on is None or visit.visited_on > china_date(at):
        problems["visited_on"] = [_("Give the day of the visit; it is not in the future.")]
    if not visit.persons.strip():
        problems["persons"] = [_("Say who came.")]
    if visit.result not in InspectionResult.values:
        problems["result"] = [_("is needed")]
    if not visit.findings.strip():
        problems["findings"] = [_("Write down what was found: the unit reads it.")]
    unanswered = [one["key"] for one in row.items if not visit.answers.get(one["key"], ("", ""))[0]]
    if unanswered and row.kind != InspectionKind.GUIDANCE:
        problems |= {f"item_{key}": [_("is needed")] for key in unanswered}
    if visit.due_on and not visit.rectify.strip():
        problems["rectify"] = [_("Say what is to be put right: the unit reads it.")]
    if visit.rectify.strip() and (visit.due_on is None or visit.due_on < china_date(at)):
        problems["due_on"] = [_("Give a day that is still to come.")]
    return problems


@transaction.atomic
def cancel(*, actor: Actor, reference: str, at: datetime) -> Inspection:
    """Raises NotVisible, NotAllowed, WrongState."""
    row = _own(actor, reference)
    try:
        row.cancel()
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The inspection is “%(state)s”.") % {"state": row.get_state_display()}) from wrong
    row.save()
    _record(row, "cancelled", {}, actor=actor, at=at)
    return row


@transaction.atomic
def close_planned(*, listing: int, why: str, actor: Actor, at: datetime) -> int:
    """The unit is off the list: visits that were planned of it are not made, with the reason; returns how many."""
    Listing.objects.select_for_update(of=("self",)).get(pk=listing)
    rows = Inspection.objects.select_for_update(of=("self",)).filter(listing=listing, state=InspectionState.PLANNED)
    found = list(rows.order_by("pk"))
    for row in found:
        row.cancel()
        row.reason = why[:300]
        row.save()
        _record(row, "cancelled", {"reason": row.reason}, actor=actor, at=at)
    return len(found)


# ---- shared ---------------------------------------------------------------------------------------------------------
def page_of(row: Inspection) -> str:
    return reverse("dynamics:inspection", args=[row.reference])


def _own(actor: Actor, reference: str) -> Inspection:
    """The listing first, as everywhere. Raises NotVisible, NotAllowed."""
    seen = (
        Inspection.objects.visible_to(actor)
        .filter(reference=reference)
        .only("pk", "listing_id", "authority_id")
        .first()
    )
    if seen is None:
        raise NotVisible
    if not rules.may_inspect(actor, seen.authority_id):
        raise NotAllowed(_("Officials of the authority whose inspection it is do this."))
    Listing.objects.select_for_update(of=("self",)).get(pk=seen.listing_id)
    Inspection.objects.select_for_update(of=("self",)).get(pk=seen.pk)
    return Inspection.objects.select_related("listing__listbook", "authority").get(pk=seen.pk)


def _record(row: Inspection, what: str, data: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    audit.record(
        actor=actor,
        subject=("listing", row.listing_id),
        action=f"inspection.{what}",
        at=at,
        data={"inspection": row.reference, **data},
    )


def _tell_planned(row: Inspection, at: datetime) -> None:
    params = {"day": str(row.planned_on), "what": row.purpose or str(row.get_kind_display())}
    _tell(row, "inspection.planned", params, at, more=f":{row.planned_on}")


def _tell(row: Inspection, kind: str, params: dict[str, str], at: datetime, more: str = "") -> None:
    outbox.notify(
        recipients=organisations.told_ids(row.listing.organisation_id),
        event=f"{kind}:{row.pk}{more}",
        kind=kind,
        at=at,
        params={"name": row.listing.name, "authority": row.authority.name, **params},
        link=page_of(row),
    )

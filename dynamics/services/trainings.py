"""Training dates that authorities offer to cultivation objects of their place, with places and sign-up (HLJ-34)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dynamics import rules
from dynamics.models import CultivationObject, Training, TrainingPlace
from greenlist.accounts.models import Authority
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.organisations import selectors as parties
from greenlist.organisations.models import Membership


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered."""

    title: str
    text: str
    held_on: date | None
    place: str
    places: int | None
    sign_up_until: date | None


@transaction.atomic
def offer(*, given: Offer, actor: Actor, at: datetime) -> Training:
    """A date with places; the cultivation objects of the area are told. Raises NotAllowed, Invalid."""
    if not rules.keeps_library(actor):
        raise NotAllowed(rules.OFFICIALS_KEEP)
    problems = _problems(given, clock.china_date(at))
    if problems:
        raise Invalid(_("The training was not offered."), problems=problems)
    office = Authority.objects.select_related("area").get(pk=actor.authority_id)
    made = Training.objects.create(
        authority=office,
        area_path=office.area.path,
        title=given.title.strip(),
        text=given.text.strip(),
        held_on=given.held_on,
        place=given.place.strip(),
        places=given.places,
        sign_up_until=given.sign_up_until,
        created_by_id=actor.user_id,
        created_at=at,
    )
    _record(made, "offered", {"title": made.title, "held_on": made.held_on}, actor=actor, at=at)
    units = CultivationObject.objects.cultivated().filter(area_path__startswith=made.area_path)
    people = Membership.objects.open().filter(organisation__in=units.values("organisation"), user__is_active=True)
    _tell(made, "training.offered", list(people.values_list("user_id", flat=True)), at)
    return made


def _problems(given: Offer, today: date) -> dict[str, list[Text]]:
    problems: dict[str, list[Text]] = {}
    if not given.title.strip():
        problems["title"] = [_("Give it a title.")]
    if not given.place.strip():
        problems["place"] = [_("Say where it is held.")]
    if given.held_on is None or given.held_on < today:
        problems["held_on"] = [_("Give a day to come.")]
    if not given.places or given.places < 1:
        problems["places"] = [_("Say how many places there are.")]
    if given.sign_up_until is None or given.held_on is None or not today <= given.sign_up_until <= given.held_on:
        problems["sign_up_until"] = [_("Give a day from today to the day of the training.")]
    return problems


@transaction.atomic
def sign_up(*, reference: str, persons: int, actor: Actor, at: datetime) -> TrainingPlace:
    """Takes places for the unit; again changes how many. Raises NotVisible, NotAllowed, Invalid, Refused, WrongState."""
    training = _locked(reference, actor)
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        raise NotAllowed(_("Cultivation objects sign up for trainings."))
    if not CultivationObject.objects.visible_to(actor).cultivated().exists():
        raise NotAllowed(_("Cultivation objects sign up for trainings."))
    _require_open(training, at)
    if not 1 <= persons <= 99:
        raise Invalid(_("Not signed up."), problems={"persons": [_("Say how many persons come.")]})
    others = training.places_taken.exclude(organisation_id=actor.organisation_id)
    left = training.places - (others.aggregate(taken=Sum("persons"))["taken"] or 0)
    if persons > left:
        raise Refused(_("Only %(left)s places are left.") % {"left": max(left, 0)}, code="full")
    row, _new = TrainingPlace.objects.update_or_create(
        training=training,
        organisation_id=actor.organisation_id,
        defaults={"persons": persons, "by_id": actor.user_id, "at": at},
    )
    _record(
        training,
        "signed_up",
        {"organisation": actor.organisation_id, "persons": persons},
        actor=actor,
        at=at,
    )
    return row


@transaction.atomic
def sign_off(*, reference: str, actor: Actor, at: datetime) -> None:
    """Gives the unit's places back; twice is once. Raises NotVisible, NotAllowed, WrongState."""
    training = _locked(reference, actor)
    if actor.capacity != Capacity.APPLICANT:
        raise NotAllowed(_("Cultivation objects sign up for trainings."))
    _require_open(training, at)
    gone, _rows = training.places_taken.filter(organisation_id=actor.organisation_id).delete()
    if gone:
        _record(training, "signed_off", {"organisation": actor.organisation_id}, actor=actor, at=at)


@transaction.atomic
def cancel(*, reference: str, actor: Actor, at: datetime) -> Training:
    """It does not take place; who signed up is told. Raises NotVisible, NotAllowed, WrongState."""
    training = _locked(reference, actor)
    if not (actor.is_official and actor.authority_id == training.authority_id):
        raise NotAllowed(_("The authority that offers it does this."))
    if training.cancelled_at is not None:
        raise WrongState(_("It was cancelled already."))
    training.cancelled_at = at
    training.save(update_fields=["cancelled_at"])
    _record(training, "cancelled", {}, actor=actor, at=at)
    people = [
        person
        for firm in training.places_taken.values_list("organisation_id", flat=True)
        for person in parties.told_ids(firm)
    ]
    _tell(training, "training.cancelled", people, at)
    return training


def _require_open(training: Training, at: datetime) -> None:
    if training.cancelled_at is not None:
        raise WrongState(_("It was cancelled already."))
    if clock.china_date(at) > training.sign_up_until:
        raise WrongState(_("The last day to sign up is over."))


def _locked(reference: str, actor: Actor) -> Training:
    pk = Training.objects.visible_to(actor).filter(reference=reference).values_list("pk", flat=True).first()
    if pk is None:
        raise NotVisible
    return Training.objects.select_for_update(of=("self",)).select_related("authority").get(pk=pk)


def _record(row: Training, what: str, data: dict, *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("training", row.pk), action=f"training.{what}", at=at, data=data)


def _tell(row: Training, kind: str, people: list[int], at: datetime) -> None:
    outbox.notify(
        recipients=people,
        event=f"{kind}:{row.pk}",
        kind=kind,
        at=at,
        params={"title": row.title, "authority": row.authority.name, "day": str(row.held_on)},
        link=reverse("dynamics:training", args=[row.reference]),
    )

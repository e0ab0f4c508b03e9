"""Training dates: what is offered to whom, how many places are left."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from dynamics.models import Training, TrainingPlace
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible

PAGE = 50


@dataclass(frozen=True)
class Leaf:
    rows: list[Training]
    after: int | None


def page(actor: Actor, *, after: int | None = None) -> Leaf:
    """Newest first, each with `taken`; bounded."""
    rows = Training.objects.visible_to(actor).select_related("authority").order_by("-pk")
    rows = rows.filter(pk__lt=after) if after else rows
    part = list(rows[: PAGE + 1])
    taken = dict(
        TrainingPlace.objects.filter(training__in=[row.pk for row in part])
        .order_by()
        .values_list("training")
        .annotate(sum=Sum("persons"))
    )
    for row in part:
        row.taken = taken.get(row.pk, 0)
    return Leaf(part[:PAGE], part[PAGE - 1].pk if len(part) > PAGE else None)


@dataclass(frozen=True)
class TrainingPage:
    row: Training
    left: int
    own: TrainingPlace | None  # of the unit that reads
    places: list[TrainingPlace]  # for the authority that offers it; nobody else reads who comes
    is_open: bool


def one(actor: Actor, reference: str, today: date) -> TrainingPage:
    """Raises NotVisible."""
    row = Training.objects.visible_to(actor).select_related("authority").filter(reference=reference).first()
    if row is None:
        raise NotVisible
    taken = row.places_taken.aggregate(sum=Sum("persons"))["sum"] or 0
    own = row.places_taken.filter(organisation_id=actor.organisation_id).first() if actor.organisation_id else None
    keeps = actor.is_official and actor.authority_id == row.authority_id
    places = list(row.places_taken.select_related("organisation")[:500]) if keeps else []
    return TrainingPage(row, row.places - taken, own, places, row.cancelled_at is None and today <= row.sign_up_until)

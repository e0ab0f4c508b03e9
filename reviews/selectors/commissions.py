"""Reviews that a registered body was commissioned with: its people who may be named, and who was (HLJ-16b, HLJ-18a)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet

from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed, NotVisible, Text
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Name
from reviews import rules
from reviews.models import Panel, Seat
from reviews.selectors import draws
from reviews.selectors.conflicts import plain
from reviews.states import PanelState

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Nominee:
    """One of the body's people who stands in the pool. Which unit somebody keeps away from is not told to the body."""

    user_id: int
    name: str
    fields: tuple[str, ...]
    why_not: tuple[Text, ...]  # empty: may be named
    away: int  # units to keep away from
    seated: bool
    is_chair: bool


@dataclass(frozen=True, slots=True)
class CommissionPage:
    panel: Panel
    units: int  # how many; which, its people learn after the pledge
    nominees: tuple[Nominee, ...]
    seats: tuple[Seat, ...]
    may_name: bool


def commissions(actor: Actor) -> QuerySet[Panel]:
    """The panels that the actor's body was commissioned with and that are not over. Raises NotAllowed."""
    if not actor.is_body:
        raise NotAllowed(rules.BODIES_ONLY)
    rows = Panel.objects.visible_to(actor).select_related("call", "authority")
    return rows.annotate(units=Count("items", distinct=True)).order_by("-pk")[:MOST_SHOWN]


def page(actor: Actor, reference: str, on: date) -> CommissionPage:
    """Raises NotVisible."""
    rows = Panel.objects.visible_to(actor).select_related("call__rules", "authority__area", "commissioned")
    panel = rows.filter(reference=reference).first() if actor.is_body else None
    if panel is None:
        raise NotVisible
    return CommissionPage(
        panel=panel,
        units=panel.items.count(),
        nominees=tuple(nominees(panel, on)),
        seats=tuple(panel.seats.select_related("user").order_by("-is_chair", "pk")),
        may_name=panel.state in rules.NAME_PEOPLE_IN,
    )


def nominees(panel: Panel, on: date) -> list[Nominee]:
    """The body's people in the pool of the place, with everything that stands against them: the rules of a draw."""
    cases = draws.cases_of(panel, live=panel.state == PanelState.OPEN)
    pool = draws.pool_for(panel, cases, on)
    seats = {seat.user_id: seat for seat in panel.seats.all()}
    found = []
    ours = _people_of(panel, pool.names["people"])
    for person in pool.people:
        told, key = pool.names["people"][person.key], int(person.key)
        if key not in ours:
            continue
        why: list[Text] = [draws.why(code) for code in person.out]
        if cases and len(person.barred) == len(cases):
            why.append(rules.KEEPS_FROM_ALL)
        seat = seats.get(key)
        chair = seat is not None and seat.is_chair
        found.append(
            Nominee(key, told["name"], tuple(told["fields"]), tuple(why), len(person.barred), seat is not None, chair)
        )
    return sorted(found, key=lambda one: (bool(one.why_not), one.name, one.user_id))


def _people_of(panel: Panel, people: dict[str, dict[str, str]]) -> Collection[int]:
    """Members of the body, and those whose employer it is by one of its names."""
    assert panel.commissioned is not None
    names = {
        plain(text) for text in Name.objects.filter(organisation=panel.commissioned).values_list("text", flat=True)
    }
    names.add(plain(panel.commissioned.name))
    employed = {
        int(key) for key, told in people.items() if names & {plain(one) for one in told["employer"].split("、")}
    }
    return employed | set(organisations.member_ids(panel.commissioned.pk))

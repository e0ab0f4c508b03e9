"""A registered body names the people who review for it: within the rules of the pool, with the seats experts have.

From then on the record is the same: pledge, declared interest, sheets, lock, minutes (HLJ-16b, HLJ-17, HLJ-18a).
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState
from reviews import rules
from reviews.models import Panel, Seat
from reviews.selectors import commissions as reads
from reviews.selectors import scores
from reviews.selectors.commissions import Nominee
from reviews.services import panels
from reviews.states import PanelState

MOST_PEOPLE = 50


@transaction.atomic
def name_people(
    *, actor: Actor, reference: str, version: int, people: Collection[int], at: datetime, chair: int | None = None
) -> Panel:
    """Who reviews for the body: while the panel is prepared all of them anew, at work those who join them.

    Raises NotVisible, NotAllowed, WrongState (over), Conflict (changed meanwhile), Invalid (nobody, not of its people,
    kept out by the rules of the pool).
    """
    panel = panels.lock(actor=actor, reference=reference, version=version)
    if not actor.is_body or panel.commissioned_id != actor.organisation_id:
        raise NotAllowed(rules.BODIES_ONLY)
    if panel.state not in rules.NAME_PEOPLE_IN:
        raise WrongState(rules.NOT_AT_WORK)
    chosen = _fit(panel, people, at)
    if panel.state == PanelState.PREPARING:
        panel.seats.all().delete()  # nobody was invited yet
        made = _seats(panel, chosen, chair, at)
    else:
        made = _joined(panel, chosen, at)
    panel.version += 1
    panel.save()
    data = {"people": sorted(one.user_id for one in chosen), "chair": chair, "body": panel.commissioned_id}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.people_named", at=at, data=data)
    outbox.notify(
        recipients=[panel.created_by_id],
        event=f"panel.people_named:{panel.pk}:{panel.version}",
        kind="panel.people_named",
        at=at,
        params={"title": panel.title, "body": panel.body, "count": len(made)},
        link=scores.page_of(panel),
    )
    return panel


def _fit(panel: Panel, people: Collection[int], at: datetime) -> list[Nominee]:
    """Raises Invalid."""
    known = {one.user_id: one for one in reads.nominees(panel, china_date(at))}
    wanted = [known[key] for key in dict.fromkeys(people) if key in known]
    if panel.state == PanelState.OPEN:
        wanted = [one for one in wanted if not one.seated]
    problem: Text = ""
    if len(set(people) - set(known)):
        problem = _("Some of them are not people of the body who stand in the pool of experts.")
    elif not wanted:
        problem = _("Name at least one person.")
    elif len(wanted) > MOST_PEOPLE:
        problem = _("At most %(most)s people.") % {"most": MOST_PEOPLE}
    else:
        out = [one for one in wanted if one.why_not]
        if out:
            problem = _("“%(name)s” cannot be named: %(why)s.") % {"name": out[0].name, "why": out[0].why_not[0]}
    if problem:
        raise Invalid(problem, problems={"people": [problem]})
    return wanted


def _seats(panel: Panel, chosen: Collection[Nominee], chair: int | None, at: datetime) -> list[Seat]:
    made = [
        Seat(
            panel=panel,
            user_id=one.user_id,
            employer=panel.body[:100],
            field="、".join(one.fields)[:60],
            is_chair=one.user_id == chair,
            invited_at=at,
        )
        for one in chosen
    ]
    for seat in made:
        seat.save()
    return made


def _joined(panel: Panel, chosen: Collection[Nominee], at: datetime) -> list[Seat]:
    """Somebody in place of a person who gave up the seat, or beside the others."""
    made = _seats(panel, chosen, None, at)
    panels.seat_at_work(panel, made, at=at)
    return made

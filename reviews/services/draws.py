"""Drawing experts at random: the members of a panel, a substitute, another opinion (HLJ-16b). The algorithm: engine.drawing."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import Application
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotVisible, Refused, Text, WrongState
from greenlist.core.verbs import require
from greenlist.policy.engine import drawing
from greenlist.policy.engine.drawing import Drawn, Impossible, Person, Wish
from reviews import rules
from reviews.models import Draw, Panel, PanelItem, Seat, Sheet
from reviews.selectors import draws as reads
from reviews.selectors import panels as panel_reads
from reviews.services import panels
from reviews.states import DrawKind, PanelKind

MOST_PLACES = 200
NOT_POSSIBLE: dict[str, Text] = {
    "places": _("Only %(able)s expert(s) can be drawn, %(places)s are asked for."),
    "quota": _("The quotas cannot be met: %(field)s has %(able)s expert(s), at least %(least)s are asked for."),
    "cap": _("%(places)s expert(s) with these caps cannot judge %(units)s unit(s) %(per_unit)s time(s) each."),
    "units": _("These units do not get their experts, because too many must keep away: %(names)s."),
}


@dataclass(frozen=True)
class Asked:
    """What the authority asks of a draw."""

    places: int
    per_case: int | None = None
    cap: int | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""  # of a second draw


@transaction.atomic
def draw_members(*, actor: Actor, reference: str, version: int, asked: Asked, at: datetime, seed: str = "") -> Draw:
    """Draws the members of a panel in preparation, and who judges which unit. A second draw needs its reason.

    Raises NotVisible, NotAllowed, WrongState, Conflict (somebody else edited or drew), Invalid (impossible, no reason).
    """
    panel = panels.lock(actor=actor, reference=reference, version=version)
    require(rules.DRAW, panel, actor)
    if panel.state not in rules.DRAW.states:
        raise WrongState(rules.IN_PREPARATION)
    if panel.kind != PanelKind.EXPERTS or not panel.drawn:
        raise Refused(_("The members of this panel are chosen, not drawn."))
    _is_sensible(panel, asked)
    cases = reads.cases_of(panel)
    wish = Wish(asked.places, _units(cases), asked.per_case, dict(asked.quotas), asked.cap)
    pool = reads.pool_for(panel, cases, china_date(at))
    made = _draw(
        panel, pool, wish, DrawKind.FIRST, asked.reason, seed or secrets.token_hex(32), actor=actor, at=at, cases=cases
    )
    panel.seats.all().delete()  # nobody was invited yet
    _seat(panel, made, made.result["people"], at=at)
    panel.per_case = asked.per_case
    panel.version += 1
    panel.save()
    return made


@transaction.atomic
def substitute(*, actor: Actor, reference: str, seat_id: int, at: datetime) -> Draw:
    """Draws somebody in place of an expert who gave up the seat, from the same pool, by the next seed of the chain.

    Raises NotVisible, NotAllowed, WrongState, Invalid (nobody left), Refused (has a substitute already, or judged none).
    """
    panel = _at_work(actor, reference)
    given_up = panel.seats.exclude(recused_at=None).filter(pk=seat_id).first()
    if given_up is None:
        raise NotVisible
    if panel.seats.filter(stands_for=given_up).exists():
        raise Refused(_("Somebody has been drawn for this seat already."))
    live = reads.cases_of(panel, live=True)
    open_to = set(given_up.sheets.filter(conflict="").values_list("item__application_id", flat=True))
    cases = [case for case in live if case.pk in open_to]
    if not cases:
        raise Refused(_("No unit of this seat is under review any more."))
    pool = reads.pool_for(panel, cases, china_date(at), seated={})
    reason = given_up.recusal_reason
    made = _draw(
        panel, pool, Wish(1, _units(cases), 1), DrawKind.SUBSTITUTE, reason, "", actor=actor, at=at, cases=cases
    )
    (seat,) = _seat(panel, made, made.result["people"], at=at, stands_for=given_up)
    _lay(panel, [seat], cases, made)
    panels.tell_invited(panel, [seat], len(cases), at=at)
    return made


@transaction.atomic
def another(*, actor: Actor, reference: str, case: str, reason: str, at: datetime) -> Draw:
    """Draws one more expert for one unit: it lacks one, or those who judged it are far apart (third opinion).

    Who sits and has not locked may be drawn too. Raises NotVisible, NotAllowed, WrongState, Invalid (no reason, nobody
    left), Refused (somebody is still judging it and none is lacking).
    """
    panel = _at_work(actor, reference)
    cases = [one for one in reads.cases_of(panel, live=True) if one.reference == case]
    if not cases:
        raise NotVisible
    if not reason.strip():
        raise Invalid(_("Give the reason."), problems={"reason": [_("is needed")]})
    unit = panel_reads.units(panel, only=[cases[0].pk])[0]
    if unit.case.pk not in panel_reads.short_units(panel) and _is_being_judged(unit.item):
        raise Refused(_("Somebody is still judging this unit: wait for the result."))
    kind = DrawKind.THIRD if unit.wide else DrawKind.SUBSTITUTE
    pool = reads.pool_for(panel, cases, china_date(at), seated=reads.holdings(panel))
    made = _draw(panel, pool, Wish(1, (case,), 1), kind, reason, "", actor=actor, at=at, cases=cases)
    drawn = int(made.result["people"][0])
    seat = panel.seats.live().filter(user_id=drawn).first()
    if seat is None:
        (seat,) = _seat(panel, made, made.result["people"], at=at)
    _lay(panel, [seat], cases, made)
    panels.tell_invited(panel, [seat], 1, at=at)
    return made


def give_out(panel: Panel, seats: Sequence[Seat], cases: Sequence[Application], *, actor: Actor, at: datetime) -> Draw:
    """Who judges which unit among chosen experts; recorded as a draw. The caller holds the panel's lock. Raises Invalid."""
    pool = reads.pool_for(panel, cases, china_date(at))
    chosen = {str(seat.user_id) for seat in seats}
    people = tuple(
        Person(key=one.key, fields=one.fields, room=one.room, barred=one.barred)
        for one in pool.people
        if one.key in chosen
    )
    wish = Wish(len(people), _units(cases), panel.per_case, {}, reads.rule_of(panel).cap)
    names = {**pool.names, "people": {key: told for key, told in pool.names["people"].items() if key in chosen}}
    return _draw(
        panel,
        reads.Pool(people, names),
        wish,
        DrawKind.UNITS,
        "",
        secrets.token_hex(32),
        actor=actor,
        at=at,
        cases=cases,
    )


def _at_work(actor: Actor, reference: str) -> Panel:
    panel = panels.lock(actor=actor, reference=reference)
    require(rules.INVITE, panel, actor)
    if panel.state not in rules.INVITE.states:
        raise WrongState(rules.NOT_AT_WORK)
    if panel.kind != PanelKind.EXPERTS:
        raise Invalid(_("A commissioned body reviews here: it has no seats."))
    return panel


def _is_being_judged(item: PanelItem) -> bool:
    return item.sheets.filter(conflict="", seat__recused_at=None, seat__locked_at=None).exists()


def _is_sensible(panel: Panel, asked: Asked) -> None:
    problems: dict[str, list[Text]] = {}
    if not 1 <= asked.places <= MOST_PLACES:
        problems["places"] = [_("Draw at least one expert.")]
    if asked.per_case is not None and not 1 <= asked.per_case <= asked.places:
        problems["per_case"] = [_("No unit can have more experts than are drawn.")]
    if panel.draws.filter(kind=DrawKind.FIRST).exists() and not asked.reason.strip():
        problems["reason"] = [_("Members have been drawn already: say why they are drawn again.")]
    if problems:
        raise Invalid(_("Nobody was drawn."), problems=problems)


def _units(cases: Collection[Application]) -> tuple[str, ...]:
    return tuple(sorted(case.reference for case in cases))


def _draw(
    panel: Panel,
    pool: reads.Pool,
    wish: Wish,
    kind: DrawKind,
    reason: str,
    seed: str,
    *,
    actor: Actor,
    at: datetime,
    cases: Collection[Application],
) -> Draw:
    """Draws and records. An empty seed continues the panel's chain, or begins one. Raises Invalid."""
    number = panel.draws.count() + 1
    root = panel.draws.order_by("-number").values_list("seed", flat=True).first()
    seed = seed or (drawing.following(root, number) if root else secrets.token_hex(32))
    method = drawing.units_only if kind == DrawKind.UNITS else drawing.draw
    try:
        drawn: Drawn = method(seed, pool.people, wish)
    except Impossible as none:
        raise _cannot(none, cases) from none
    inputs, result = drawing.record_of(pool.people, wish), drawn.as_json()
    made = Draw.objects.create(
        panel=panel,
        number=number,
        kind=kind,
        reason=reason.strip()[:300],
        seed=seed,
        inputs=inputs,
        names=pool.names,
        result=result,
        digest=reads.frozen(seed, inputs, result),
        drawn_by_id=actor.user_id,
        drawn_at=at,
    )
    audit.record(
        actor=actor,
        subject=("panel", panel.pk),
        action="panel.drawn",
        at=at,
        data={"number": number, "kind": kind, "reason": made.reason, "seed": seed, "digest": made.digest},
    )
    return made


def _cannot(none: Impossible, cases: Collection[Application]) -> Invalid:
    params: dict[str, Any] = dict(none.params)
    if none.code == "units":
        names = {case.reference: case.name for case in cases}
        params = {"names": "、".join(names[unit] for unit in params["units"])}
    elif none.code == "quota":
        params["field"] = params["field"] or _("all fields together")
    problem = NOT_POSSIBLE[none.code] % params
    return Invalid(problem, problems={"quotas" if none.code == "quota" else "places": [problem]})


def _seat(
    panel: Panel, made: Draw, people: Collection[str], *, at: datetime, stands_for: Seat | None = None
) -> list[Seat]:
    told = made.names["people"]
    seats = [
        Seat(
            panel=panel,
            user_id=int(key),
            employer=told[key]["employer"][:100],
            field="、".join(told[key]["fields"])[:60],
            draw=made,
            stands_for=stands_for,
            invited_at=at,
        )
        for key in people
    ]
    for seat in seats:
        seat.save()
    return seats


def _lay(panel: Panel, seats: Collection[Seat], cases: Collection[Application], made: Draw) -> None:
    """Sheets for what was drawn; material of a unit opens at once to somebody who has declared already."""
    items = {item.application.reference: item for item in _items(panel, cases)}
    for seat in seats:
        for unit, people in made.result["units"].items():
            if str(seat.user_id) in people:
                Sheet.objects.create(seat=seat, item=items[unit])
        if seat.declared_at is not None:
            panels.open_material(seat, at=made.drawn_at)


def _items(panel: Panel, cases: Collection[Application]) -> list[PanelItem]:
    return list(panel.items.filter(application__in=cases).select_related("application"))

"""Draws as the engine needs them and as pages and papers show them: who could be drawn, who was left out and why."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from applications import selectors as applications
from applications.models import Application
from applications.states import State
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.errors import NotVisible, Text
from greenlist.policy.engine import drawing
from greenlist.policy.engine.drawing import Person
from greenlist.policy.engine.types import ReviewRule
from reviews.models import Draw, Panel, Seat, Sheet
from reviews.selectors import conflicts, pool
from reviews.states import ConflictKind, DrawKind, OutKind


@dataclass(frozen=True, slots=True)
class Pool:
    """Everybody who could be drawn for a panel, as the engine takes them, and what they and the units are called."""

    people: tuple[Person, ...]
    names: dict[str, Any]

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of those who may take part, for quotas."""
        return tuple(sorted({word for person in self.people if not person.out for word in person.fields}))

    @property
    def able(self) -> int:
        return sum(not person.out for person in self.people)


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    employer: str
    fields: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Somebody who could not be drawn, or not for some units."""

    name: str
    employer: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrawShown:
    """One draw as page and protocol show it."""

    draw: Draw
    places: int
    per_unit: int | None
    cap: int | None
    quotas: tuple[tuple[str, int], ...]
    pool: int  # how many stood in it
    counts: tuple[tuple[str, int], ...]  # reason → how many people
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]
    partly: tuple[LeftOut, ...]  # drawn or drawable, but not for these units
    units: tuple[tuple[str, str, int], ...]  # name, number, experts


def rule_of(panel: Panel) -> ReviewRule:
    return applications.rules_of(panel.call).step(panel.step).review


def cases_of(panel: Panel, *, live: bool = False) -> list[Application]:
    """The cases before a panel with what conflicts look at; `live`: only those still under review."""
    rows = Application.objects.filter(panel_items__panel=panel)
    if live:
        rows = rows.filter(state=State.UNDER_REVIEW)
    found = list(rows.select_related("site__area", "organisation").order_by("pk"))
    for case in found:
        case.call = panel.call  # one for all: its rules are long
    return found


def pool_for(
    panel: Panel, cases: Sequence[Application], on: date, *, seated: Mapping[int, Collection[str]] | None = None
) -> Pool:
    """Everybody of the place's pool, with every reason against them.

    `seated`: units that people on the panel hold already; those who sit and are not named here are left out.
    """
    held = list(pool.mandates(panel.authority.area.path, on).values_list("user_id", flat=True))
    entries = pool.entries(list(dict.fromkeys(held)), on)
    users = [entry.user_id for entry in entries]
    known = conflicts.found({e.user_id: e.employer for e in entries}, cases, rule=rule_of(panel), on=on)
    away = pool.away_between(users, on, max(panel.closes_on or on, on))
    watching = set(panel.watches.filter(ended_at=None).values_list("user_id", flat=True))
    sitting = set(panel.seats.values_list("user_id", flat=True)) if seated is not None else set()
    references = {case.pk: case.reference for case in cases}
    here = set(references.values())
    against: dict[int, dict[str, str]] = {}
    for user, case_id in sorted(known):  # in the order of the cases, as records keep it
        against.setdefault(user, {})[references[case_id]] = str(known[user, case_id].value)
    people = []
    for entry in entries:
        out = _out(entry, entry.user_id in away, entry.user_id in watching)
        mine = (seated or {}).get(entry.user_id)
        if entry.user_id in sitting and mine is None:
            out.append(OutKind.SEATED)
        barred = dict(against.get(entry.user_id, {}))
        barred |= dict.fromkeys(here.intersection(mine or ()), HOLDS)
        people.append(
            Person(
                key=str(entry.user_id),
                fields=entry.fields,
                room=_room(entry, len(mine or ())),
                load=len(mine or ()),
                out=tuple(str(one.value) for one in out),
                barred=barred,
            )
        )
    return Pool(tuple(people), _names(entries, cases))


HOLDS = "holds"  # has or had a sheet on the unit


def _out(entry: pool.Entry, is_away: bool, watches: bool) -> list[OutKind]:
    reasons = (
        (entry.is_suspended, OutKind.SUSPENDED),
        (is_away, OutKind.AWAY),
        (entry.is_full, OutKind.FULL),
        (watches, OutKind.WATCHES),
    )
    return [reason for holds, reason in reasons if holds]


def _room(entry: pool.Entry, here: int) -> int | None:
    """Most units on this panel in all: the panel's cap, and what the year leaves (what is held here counts already)."""
    limits = [entry.cap_per_panel]
    if entry.cap_per_year is not None:
        limits.append(max(entry.cap_per_year - entry.load, 0) + here)
    given = [limit for limit in limits if limit is not None]
    return min(given) if given else None


def _names(entries: Collection[pool.Entry], cases: Collection[Application]) -> dict[str, Any]:
    return {
        "people": {
            str(one.user_id): {"name": one.name, "employer": one.employer, "fields": list(one.fields)}
            for one in entries
        },
        "units": {case.reference: {"name": case.name, "number": case.number} for case in cases},
    }


def why(code: str) -> Text:
    """A recorded reason in words."""
    if code == HOLDS:
        return OutKind.SEATED.label
    return OutKind(code).label if code in OutKind.values else ConflictKind(code).label


def of_panel(panel: Panel) -> list[Draw]:
    """Every draw of a panel, the first first."""
    return list(panel.draws.select_related("drawn_by").order_by("number"))


def get(panel: Panel, number: int) -> Draw:
    """Raises NotVisible."""
    found = panel.draws.select_related("drawn_by").filter(number=number).first()
    if found is None:
        raise NotVisible
    return found


def shown(draw: Draw) -> DrawShown:
    """The record in words."""
    people, units = draw.names["people"], draw.names["units"]
    wish, given = draw.inputs["wish"], draw.result["units"]
    counts: Counter[str] = Counter()
    left_out, partly = [], []
    for one in draw.inputs["people"]:
        whole = all(unit in one["barred"] for unit in wish["units"])
        reasons = dict.fromkeys((*one["out"], *(one["barred"].values() if whole else ())))
        counts.update(tuple(reasons))  # a mapping would be added up as counts
        told = people[one["key"]]
        if reasons:
            left_out.append(LeftOut(told["name"], told["employer"], tuple(str(why(code)) for code in reasons)))
        elif one["barred"]:
            lines = tuple(f"{units[unit]['name']}：{why(code)}" for unit, code in one["barred"].items())
            partly.append(LeftOut(told["name"], told["employer"], lines))
    return DrawShown(
        draw=draw,
        places=wish["places"],
        per_unit=wish["per_unit"],
        cap=wish["cap"],
        quotas=tuple(wish["quotas"].items()),
        pool=len(draw.inputs["people"]),
        counts=tuple((str(why(code)), count) for code, count in counts.most_common()),
        members=tuple(_member(draw, key) for key in draw.result["people"]),
        left_out=tuple(left_out),
        partly=tuple(partly),
        units=tuple((units[ref]["name"], units[ref]["number"], len(given.get(ref, ()))) for ref in wish["units"]),
    )


def counts(seat: Seat) -> tuple[int, int]:
    """(people in the pool, left out) of the draw that chose an expert: what the expert may know of it. Zeros without one."""
    if seat.draw is None:
        return 0, 0
    found = shown(seat.draw)
    return found.pool, len(found.left_out)


def _member(draw: Draw, key: str) -> Member:
    told = draw.names["people"][key]
    held = [draw.names["units"][unit]["name"] for unit, people in draw.result["units"].items() if key in people]
    return Member(told["name"], told["employer"], "、".join(told["fields"]), tuple(held))


def frozen(seed: str, inputs: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The digest of a draw: what the trail holds and the protocol prints."""
    return digest_of({"seed": seed, "inputs": inputs, "result": result})


def verified(draw: Draw) -> str:
    """Works a recorded draw out again. Empty when the same people come out and nothing was changed; else what differs."""
    if frozen(draw.seed, draw.inputs, draw.result) != draw.digest:
        return "digest"
    if draw.kind == DrawKind.UNITS:
        again = drawing.units_again(draw.seed, draw.inputs)
    else:
        try:
            again = drawing.again(draw.seed, draw.inputs)
        except drawing.Impossible:
            return "impossible"
    return "" if again.as_json() == draw.result else "names"


def holdings(panel: Panel) -> dict[int, list[str]]:
    """Per person who still sits and has not locked: the units with a sheet, also those kept away from."""
    rows = Sheet.objects.filter(seat__panel=panel, seat__recused_at=None, seat__locked_at=None)
    found: dict[int, list[str]] = {
        user: [] for user in panel.seats.filter(recused_at=None, locked_at=None).values_list("user_id", flat=True)
    }
    for user, reference in rows.values_list("seat__user_id", "item__application__reference"):
        found[user].append(reference)
    return found


def all_draws(reference: str = "") -> Any:
    """For the command that works draws out again: all, or those of one panel."""
    rows = Draw.objects.select_related("panel").order_by("panel_id", "number")
    return rows.filter(panel__reference=reference) if reference else rows


def may_see_names(panel: Panel, actor: Actor, at: datetime) -> bool:
    """Officials of the convening authority, and those who watch this panel; others see counts."""
    if actor.is_official:
        return actor.authority_id == panel.authority_id
    return panel.watches.filter(user_id=actor.user_id, ended_at=None, named_at__lte=at).exists()

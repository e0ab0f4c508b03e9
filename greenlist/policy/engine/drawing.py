"""Drawing experts at random, and giving out the units among them. Pure: the same record and seed give the same names.

The one place where the algorithm is written down (HLJ-16b):

1. `seed` is 64 hexadecimal characters, made once by the machine and kept. Every expert gets a number, the SHA-256 of
   "seed:attempt:expert"; the experts in the order of these numbers are the shuffled pool. Neither the order of rows nor
   anything else but seed and keys plays a part.
2. Who has a reason against taking part (`Person.out`) is left out, and who may judge none of the units.
3. For each field with a quota, fields in alphabetical order, the first of the shuffled pool who have the field are taken,
   those already taken included; then the first of the others until all places are filled.
4. Units are given out: unit after unit (fewest possible experts first, then by SHA-256 of "seed:unit"), each place of a
   unit to the expert with the fewest units so far who may judge it. Where that expert can only be reached by passing
   units on, they are passed on along the shortest way. Nobody gets more than the cap.
5. Where a unit cannot get its experts, the attempt counts one up and all begins again, `ATTEMPTS` times at most.

A draw after a recusal continues the chain: its seed is the SHA-256 of "seed:next:number" (`following`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from greenlist.policy.engine.types import Json

VERSION = "1"
ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Person:
    """One expert of the pool: `out` why not at all, `barred` the units that are not this person's and why."""

    key: str
    fields: tuple[str, ...] = ()
    room: int | None = None  # most units this person may take; None: any number
    load: int = 0  # units held already on this panel
    out: tuple[str, ...] = ()
    barred: Mapping[str, str] = field(default_factory=dict)

    def may(self, unit: str) -> bool:
        return not self.out and unit not in self.barred


@dataclass(frozen=True, slots=True)
class Wish:
    """What is drawn: `places` experts for these units, `per_unit` for each (None: everybody judges everything)."""

    places: int
    units: tuple[str, ...]
    per_unit: int | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Who was drawn, in order; who judges which unit; the rest of the shuffled pool."""

    people: tuple[str, ...]
    units: Mapping[str, tuple[str, ...]]  # unit → experts
    reserve: tuple[str, ...]
    attempt: int

    def of(self, person: str) -> tuple[str, ...]:
        return tuple(unit for unit, people in self.units.items() if person in people)

    def as_json(self) -> dict[str, Json]:
        return {
            "people": list(self.people),
            "units": {unit: list(people) for unit, people in self.units.items()},
            "reserve": list(self.reserve),
            "attempt": self.attempt,
        }


class Impossible(Exception):
    """No draw can do what is wished; `code` says why: places | quota | cap | units."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params


def following(seed: str, number: int) -> str:
    """The seed of the next draw in a chain."""
    return _number(f"{seed}:next:{number}")


def draw(seed: str, pool: Iterable[Person], wish: Wish) -> Drawn:
    """The experts and who judges what. Raises Impossible."""
    able = [person for person in pool if any(person.may(unit) for unit in wish.units)]
    if len(able) < wish.places:
        raise Impossible("places", able=len(able), places=wish.places)
    for name, least in wish.quotas.items():
        there = sum(name in person.fields for person in able)
        if there < least:
            raise Impossible("quota", field=name, able=there, least=least)
    if wish.per_unit and sum(sorted((_room(person, wish) for person in able), reverse=True)[: wish.places]) < (
        wish.per_unit * len(wish.units)
    ):
        raise Impossible("cap", places=wish.places, units=len(wish.units), per_unit=wish.per_unit)
    lacking: tuple[str, ...] = ()
    for attempt in range(ATTEMPTS):
        shuffled = sorted(able, key=lambda person: _number(f"{seed}:{attempt}:{person.key}"))
        people = _pick(shuffled, wish)
        if len(people) > wish.places:
            raise Impossible("quota", field="", able=wish.places, least=len(people))
        units, lacking = give_out(seed, people, wish)
        if not lacking:
            chosen = tuple(person.key for person in people)
            reserve = tuple(person.key for person in shuffled if person.key not in chosen)
            return Drawn(chosen, units, reserve, attempt)
    raise Impossible("units", units=lacking)


def units_only(seed: str, people: Sequence[Person], wish: Wish) -> Drawn:
    """Who judges what among people who were chosen by hand. Raises Impossible."""
    ordered = sorted(people, key=lambda person: _number(f"{seed}:0:{person.key}"))
    units, lacking = give_out(seed, ordered, wish)
    if lacking:
        raise Impossible("units", units=lacking)
    return Drawn(tuple(person.key for person in ordered), units, (), 0)


def _pick(shuffled: Sequence[Person], wish: Wish) -> list[Person]:
    taken: dict[str, Person] = {}
    for name in sorted(wish.quotas):
        there = sum(name in person.fields for person in taken.values())
        for person in shuffled:
            if there >= wish.quotas[name]:
                break
            if name in person.fields and person.key not in taken:
                taken[person.key] = person
                there += 1
    for person in shuffled:
        if len(taken) >= wish.places:
            break
        taken.setdefault(person.key, person)
    return list(taken.values())


def give_out(seed: str, people: Sequence[Person], wish: Wish) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Who judges which unit, and the units that lack experts. With `per_unit` None everybody who may."""
    order = {person.key: number for number, person in enumerate(people)}
    by_key = {person.key: person for person in people}
    if wish.per_unit is None:
        units = {unit: tuple(person.key for person in people if person.may(unit)) for unit in sorted(wish.units)}
        over = any(sum(key in held for held in units.values()) > _room(by_key[key], wish) for key in order)
        return units, tuple(unit for unit, held in units.items() if not held or over)
    may = {unit: [person.key for person in people if person.may(unit)] for unit in wish.units}
    held: dict[str, set[str]] = {unit: set() for unit in wish.units}
    loads = {person.key: person.load for person in people}
    lacking = []
    for unit in sorted(wish.units, key=lambda one: (len(may[one]), _number(f"{seed}:{one}"))):
        for _place in range(wish.per_unit):
            way = _way(unit, may, held, loads, by_key, wish, order)
            if way is None:
                lacking.append(unit)
                break
            _walk(way, held, loads)
    units = {unit: tuple(sorted(held[unit], key=order.__getitem__)) for unit in sorted(wish.units)}
    return units, tuple(lacking)


Way = list[tuple[str, str]]  # (unit, expert): the unit goes to the expert, who passes the next unit on


def _way(
    unit: str,
    may: Mapping[str, Sequence[str]],
    held: Mapping[str, set[str]],
    loads: Mapping[str, int],
    people: Mapping[str, Person],
    wish: Wish,
    order: Mapping[str, int],
) -> Way | None:
    """The shortest way to the least busy expert whom the unit can reach; None where all who can be reached are full."""
    spare = [loads[key] for key in order if loads[key] < _room(people[key], wish)]
    direct = [key for key in may[unit] if key not in held[unit] and loads[key] < _room(people[key], wish)]
    nearest = min(direct, key=lambda one: (loads[one], order[one]), default=None)
    if nearest is not None and loads[nearest] == min(spare):
        return [(unit, nearest)]  # nobody is less busy: no need to pass anything on
    came: dict[str, tuple[str, str]] = {}  # expert → (unit received, expert who passed it on, "" at the start)
    queue: deque[tuple[str, str]] = deque([(unit, "")])
    seen_units = {unit}
    depth: dict[str, int] = {"": 0}
    while queue:
        current, giver = queue.popleft()
        for key in sorted(may[current], key=lambda one: (loads[one], order[one])):
            if key in held[current] or key in came:
                continue
            came[key], depth[key] = (current, giver), depth[giver] + 1
            for other in sorted(held):
                if key in held[other] and other not in seen_units and other != unit:
                    seen_units.add(other)
                    queue.append((other, key))
    free = [key for key in came if loads[key] < _room(people[key], wish)]
    if not free:
        return None
    best = min(free, key=lambda one: (loads[one], depth[one], order[one]))
    way: Way = []
    while best:
        received, giver = came[best]
        way.append((received, best))
        best = giver
    return way[::-1]


def _walk(way: Way, held: dict[str, set[str]], loads: dict[str, int]) -> None:
    for position, (unit, key) in enumerate(way):
        held[unit].add(key)
        if position:
            held[unit].discard(way[position - 1][1])
    loads[way[-1][1]] += 1


def _room(person: Person, wish: Wish) -> int:
    """How many units the person may hold on this panel in all."""
    limits = [limit for limit in (person.room, wish.cap) if limit is not None]
    return min(limits) if limits else len(wish.units) + person.load


def _number(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# ---- the record -----------------------------------------------------------------------------------------------------
def record_of(pool: Iterable[Person], wish: Wish) -> dict[str, Json]:
    """Everything but the seed that a draw depends on, as it is frozen; people sorted by key."""
    return {
        "version": VERSION,
        "people": [
            {
                "key": person.key,
                "fields": sorted(person.fields),
                "room": person.room,
                "load": person.load,
                "out": list(person.out),
                "barred": dict(sorted(person.barred.items())),
            }
            for person in sorted(pool, key=lambda one: one.key)
        ],
        "wish": {
            "places": wish.places,
            "units": sorted(wish.units),
            "per_unit": wish.per_unit,
            "quotas": dict(sorted(wish.quotas.items())),
            "cap": wish.cap,
        },
    }


def again(seed: str, record: Mapping[str, Any]) -> Drawn:
    """The draw of a record, worked out anew. Raises Impossible; KeyError for a record of another shape."""
    return draw(seed, *_read(record))


def units_again(seed: str, record: Mapping[str, Any]) -> Drawn:
    """The same for a record of units given out among chosen people."""
    return units_only(seed, *_read(record))


def _read(record: Mapping[str, Any]) -> tuple[list[Person], Wish]:
    wish = record["wish"]
    people = [Person(**{**one, "fields": tuple(one["fields"]), "out": tuple(one["out"])}) for one in record["people"]]
    return people, Wish(**{**wish, "units": tuple(wish["units"])})

"""The draw: never somebody with a reason against it, balanced, the same again from its record (HLJ-16b, features 13 and 14)."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlist.policy.engine import drawing
from greenlist.policy.engine.drawing import Impossible, Person, Wish

SEED = "5f" * 32


def pool(count: int, **given: object) -> list[Person]:
    return [Person(key=str(number), **given) for number in range(count)]  # type: ignore[arg-type]


def units(count: int) -> tuple[str, ...]:
    return tuple(f"u{number:03}" for number in range(count))


def test_five_of_forty_are_the_same_again() -> None:
    wish = Wish(places=5, units=units(8))
    first = drawing.draw(SEED, pool(40), wish)
    assert len(set(first.people)) == 5
    assert drawing.draw(SEED, pool(40), wish) == first
    assert drawing.draw("6a" * 32, pool(40), wish).people != first.people
    kept = json.loads(json.dumps(drawing.record_of(pool(40), wish)))
    assert drawing.again(SEED, kept) == first


@pytest.mark.clause("HLJ-16b")
def test_two_hundred_units_twenty_experts_three_each() -> None:
    """Feature 14: loads differ by at most one, and nobody gets what is not theirs to judge."""
    chance = Random(7)
    people = [
        Person(key=str(number), barred={f"u{chance.randrange(200):03}": "employer" for _ in range(6)})
        for number in range(20)
    ]
    drawn = drawing.draw(SEED, people, Wish(places=20, units=units(200), per_unit=3))
    loads = Counter(person for held in drawn.units.values() for person in held)
    assert max(loads.values()) - min(loads.values()) <= 1
    assert all(len(set(held)) == 3 for held in drawn.units.values())
    barred = {person.key: person.barred for person in people}
    assert not any(unit in barred[person] for unit, held in drawn.units.items() for person in held)


def test_quotas_by_field_and_the_rest_by_lot() -> None:
    people = [Person(key=str(n), fields=("water",) if n < 3 else ("energy",)) for n in range(20)]
    for number in range(20):
        drawn = drawing.draw(f"{number:064x}", people, Wish(places=6, units=units(2), quotas={"water": 2, "energy": 3}))
        fields = Counter(people[int(key)].fields[0] for key in drawn.people)
        assert fields["water"] >= 2
        assert fields["energy"] >= 3


@pytest.mark.parametrize(
    ("wish", "people", "code"),
    [
        (Wish(places=5, units=("a",)), pool(4), "places"),
        (Wish(places=1, units=("a",)), pool(3, out=("suspended",)), "places"),
        (Wish(places=1, units=("a",)), pool(3, barred={"a": "employer"}), "places"),
        (Wish(places=1, units=("a",), quotas={"water": 1}), pool(3), "quota"),
        (Wish(places=1, units=("a",), quotas={"x": 1, "y": 1}), [Person("1", ("x",)), Person("2", ("y",))], "quota"),
        (Wish(places=2, units=units(9), per_unit=1, cap=4), pool(3), "cap"),
        (Wish(places=2, units=("a", "b"), per_unit=2), [Person("1"), Person("2", barred={"a": "employer"})], "units"),
    ],
)
def test_what_cannot_be_drawn_is_said(wish: Wish, people: list[Person], code: str) -> None:
    with pytest.raises(Impossible) as none:
        drawing.draw(SEED, people, wish)
    assert none.value.code == code


def test_a_chain_of_seeds_goes_on_the_same_way() -> None:
    assert drawing.following(SEED, 1) == drawing.following(SEED, 1)
    assert len({drawing.following(SEED, number) for number in range(50)}) == 50


people_of = st.lists(
    st.tuples(st.booleans(), st.sets(st.integers(0, 7), max_size=5), st.integers(0, 3), st.sampled_from("xyz")),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(people_of, st.integers(1, 6), st.integers(1, 8), st.integers(1, 3), st.integers(0, 9), st.integers(0, 2**64))
def test_whatever_the_pool_nobody_excluded_and_never_over_the_cap(
    rows: list[tuple[bool, set[int], int, str]], places: int, count: int, per_unit: int, cap: int, lot: int
) -> None:
    people = [
        Person(
            key=str(number),
            fields=(word,),
            load=load,
            out=("suspended",) if out else (),
            barred={f"u{one:03}": "employer" for one in barred},
        )
        for number, (out, barred, load, word) in enumerate(rows)
    ]
    wish = Wish(places, units(count), per_unit, {"x": 1} if lot % 3 == 0 else {}, cap or None)
    seed = f"{lot:064x}"
    try:
        drawn = drawing.draw(seed, people, wish)
    except Impossible:
        with pytest.raises(Impossible):
            drawing.draw(seed, list(reversed(people)), wish)
        return
    assert drawing.draw(seed, list(reversed(people)), wish) == drawn
    assert len(set(drawn.people)) == places
    by_key = {person.key: person for person in people}
    assert not any(by_key[key].out for key in (*drawn.people, *drawn.reserve))
    loads = Counter({key: by_key[key].load for key in drawn.people})
    for unit, held in drawn.units.items():
        assert len(set(held)) == per_unit
        assert set(held) <= set(drawn.people)
        assert not any(unit in by_key[key].barred for key in held)
        loads.update(held)
    if cap:
        assert all(load <= max(cap, by_key[key].load) for key, load in loads.items())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 9), st.integers(1, 20), st.integers(1, 2), st.integers(0, 2**32))
def test_without_conflicts_loads_differ_by_at_most_one(places: int, count: int, per_unit: int, lot: int) -> None:
    drawn = drawing.draw(f"{lot:064x}", pool(12), Wish(places, units(count), per_unit))
    loads = [len(drawn.of(key)) for key in drawn.people]
    assert max(loads) - min(loads) <= 1
    assert sum(loads) == Decimal(count) * per_unit

"""Scores of a year in order, and who lay at the end of it for several years running. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def ranks(scores: Mapping[Key, Decimal]) -> dict[Key, int]:
    """Rank from 1, the highest score first; equals share the better rank."""
    ordered = sorted(scores.values(), reverse=True)
    first: dict[Decimal, int] = {}
    for place, score in enumerate(ordered, start=1):
        first.setdefault(score, place)
    return {key: first[score] for key, score in scores.items()}


def lowest(scores: Mapping[Key, Decimal], percent: Decimal) -> frozenset[Key]:
    """Who lies in the lowest `percent`, rounded down to whole units: in a list too short for one unit nobody does.

    Equals that would only in part lie in it are left out: nobody is named for a place he shares with who is not.
    """
    count = int((Decimal(len(scores)) * percent / 100).to_integral_value(ROUND_FLOOR))
    if count < 1:
        return frozenset()
    limit = len(scores) - count
    return frozenset(key for key, rank in ranks(scores).items() if rank > limit)


def lowest_running(years: Sequence[Mapping[Key, Decimal]], percent: Decimal, running: int) -> frozenset[Key]:
    """Who lay in the lowest `percent` in each of the newest `running` years. `years`: the newest first."""
    if running < 1 or len(years) < running:
        return frozenset()
    named = [lowest(scores, percent) for scores in years[:running]]
    return named[0].intersection(*named[1:])

"""Numbers follow each other without gap, whoever takes them and whatever is rolled back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from greenlist.core import numbers


@pytest.mark.django_db
def test_each_scope_and_year_counts_from_one() -> None:
    taken = [numbers.take(scope="announcement:1", year=2026) for _ in range(3)]
    assert taken == [1, 2, 3]
    assert numbers.take(scope="announcement:1", year=2027) == 1
    assert numbers.take(scope="announcement:2", year=2026) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_gives_the_number_back() -> None:
    assert numbers.take(scope="s", year=2026) == 1
    with pytest.raises(RuntimeError), transaction.atomic():
        assert numbers.take(scope="s", year=2026) == 2
        raise RuntimeError
    assert numbers.take(scope="s", year=2026) == 2


@pytest.mark.race
def test_nobody_gets_the_same_number_and_none_is_left_out(run_threads: Any, rounds: int) -> None:
    for turn in range(max(rounds // 5, 3)):
        taken = run_threads(8, lambda _number, turn=turn: numbers.take(scope=f"race{turn}", year=2026))
        assert sorted(taken, key=str) == list(range(1, 9))

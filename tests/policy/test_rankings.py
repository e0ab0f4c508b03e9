"""The order of a year, and the lowest share of it several years running."""

from decimal import Decimal

import pytest

from greenlist.policy.engine.rankings import lowest, lowest_running, ranks

FIVE = Decimal(5)


def year(count: int, **changed: int) -> dict[str, Decimal]:
    """u0 the best, then each one point less."""
    scores = {f"u{number}": Decimal(1000 - number) for number in range(count)}
    return scores | {name: Decimal(value) for name, value in changed.items()}


def test_equals_share_the_better_rank():
    assert ranks({"a": Decimal(90), "b": Decimal(80), "c": Decimal(90), "d": Decimal(70)}) == {
        "a": 1,
        "b": 3,
        "c": 1,
        "d": 4,
    }


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (19, set()),  # too few for one unit in twenty
        (20, {"u19"}),
        (39, {"u38"}),
        (40, {"u38", "u39"}),
    ],
)
def test_the_lowest_share_is_rounded_down(count, named):
    assert lowest(year(count), FIVE) == named


def test_who_shares_the_last_place_with_who_is_not_in_it_is_not_named():
    assert lowest(year(20, u18=1, u19=1), FIVE) == set()
    assert lowest(year(40, u38=1, u39=1), FIVE) == {"u38", "u39"}


def test_three_years_running():
    bad, good = year(20), year(20, u19=2000)
    assert lowest_running([bad, bad, bad], FIVE, 3) == {"u19"}
    assert lowest_running([bad, good, bad], FIVE, 3) == set()
    assert lowest_running([bad, bad], FIVE, 3) == set()
    assert lowest_running([bad, bad, good], FIVE, 2) == {"u19"}

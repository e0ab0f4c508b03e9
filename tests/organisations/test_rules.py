"""Credit codes: normalised, judged, and each mistake named."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from greenlist.organisations import rules
from tests.factories import ALPHABET, credit_code

RIGHT = credit_code(1001)
REAL_SHAPE = credit_code(2, start="12")  # a park committee is a public institution


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


@pytest.mark.case("UP-12")
@pytest.mark.parametrize(
    "typed",
    [
        RIGHT,
        RIGHT.lower(),
        wide(RIGHT),
        f"  {RIGHT} ",
        " ".join(RIGHT),
        f"{RIGHT[:8]}-{RIGHT[8:]}",
        wide(RIGHT.lower()),
    ],
)
def test_one_code_however_it_is_typed(typed: str) -> None:
    assert rules.clean_code(typed) == RIGHT


def test_not_only_firms_have_codes() -> None:
    assert rules.clean_code(REAL_SHAPE) == REAL_SHAPE


@pytest.mark.case("UP-12")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (RIGHT[:-1], "18"),
        (RIGHT + "0", "18"),
        ("", "18"),
        (RIGHT[:-1] + ALPHABET[(ALPHABET.index(RIGHT[-1]) + 1) % 31], "last character"),
        (RIGHT[:10] + "I" + RIGHT[11:], "never I, O, S, V or Z"),
        ("汉" * 18, "never I, O, S, V or Z"),
    ],
)
def test_each_mistake_is_named(typed: str, words: str) -> None:
    with translation.override("en"), pytest.raises(rules.BadCode) as wrong:
        rules.clean_code(typed)
    with translation.override("en"):
        assert words in str(wrong.value.message)
    assert list(wrong.value.problems) == ["code"]


@pytest.mark.case("UP-12")
@given(place=st.integers(0, 17), sign=st.sampled_from(ALPHABET))
def test_no_single_slip_passes(place: int, sign: str) -> None:
    slipped = RIGHT[:place] + sign + RIGHT[place + 1 :]
    if slipped == RIGHT:
        assert rules.clean_code(slipped) == RIGHT
        return
    with pytest.raises(rules.BadCode):
        rules.clean_code(slipped)


@given(st.text(max_size=40))
def test_any_text_is_either_a_code_or_refused(text: str) -> None:
    try:
        code = rules.clean_code(text)
    except rules.BadCode:
        return
    assert len(code) == 18
    assert set(code) <= set(ALPHABET)

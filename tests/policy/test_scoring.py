"""Scores by a criteria set: each rule from a table, linear scoring by its properties."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy.engine import scoring
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.criteria_types import Kind, Reference
from greenlist.policy.engine.scoring import State, Verdict
from tests.policy.test_criteria import small

D = Decimal
FIGURES = st.decimals(min_value="-1000", max_value="1000", places=3, allow_nan=False, allow_infinity=False)
GOOD = {
    "c_basic": {"lawful": True},
    "c_inputs": {"energy": "150", "output": "100"},  # intensity 1.5: half of 40
    "c_one": {
        "share_applies": True,
        "share": "5",  # 150 ≥ 100: lead 10: half of 30
        "tidy": "fair",  # 8
        "ticks": [{"met": True}, {"met": False}, {}],  # 1 of 2: half of 10
    },
}


def changed(section="c_one", **answers):
    return GOOD | {section: GOOD[section] | answers}


def test_a_whole_report_is_scored_row_by_row():
    found = scoring.evaluate(small(), GOOD)
    assert {row.path: (row.state.value, row.value, row.points) for row in found.rows} == {
        "basic.lawful": ("met", None, D(0)),
        "one.intensity": ("scored", D("1.5000"), D("20.00")),
        "one.share": ("scored", D(5), D("15.00")),
        "one.tidy": ("scored", None, D("8.00")),
        "one.ticks": ("scored", D(1), D("5.00")),
    }
    assert (found.total, found.met, found.provisional, found.failed) == (D("48.00"), True, False, ())
    assert [(gap.path, gap.code) for gap in found.gaps] == [
        ("one.intensity", "below_lead"), ("one.share", "below_lead"), ("one.tidy", "below_lead"), ("one.ticks", "below_lead"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "base", "lead", "share"),
    [
        ("forward", "80", "80", "100", "0"), ("forward", "79", "80", "100", "0"), ("forward", "90", "80", "100", "0.5"),
        ("forward", "100", "80", "100", "1"), ("forward", "101", "80", "100", "1"),
        ("reverse", "2", "2", "1", "0"), ("reverse", "2.1", "2", "1", "0"), ("reverse", "1.25", "2", "1", "0.75"),
        ("reverse", "1", "2", "1", "1"), ("reverse", "0", "2", "1", "1"),
        ("count", "4", "3", "5", "0.5"), ("forward", "3", "3", "3", "1"), ("reverse", "3.1", "3", "3", "0"),
    ],
)  # fmt: skip
def test_linear_scoring(kind, value, base, lead, share):
    assert scoring.linear(Kind(kind), D(value), Reference(D(base), D(lead))) == D(share)


@pytest.mark.parametrize(("base", "lead"), [(None, D(1)), (D(1), None), (D(1), D(2))])
def test_no_share_without_references_that_fit(base, lead):
    assert scoring.linear(Kind.REVERSE, D(1), Reference(base, lead)) is None


@given(value=FIGURES, base=FIGURES, lead=FIGURES)
def test_a_share_never_leaves_its_bounds(value, base, lead):
    for kind in (Kind.FORWARD, Kind.REVERSE, Kind.COUNT):
        found = scoring.linear(kind, value, Reference(base, lead))
        assert found is None or 0 <= found <= 1


@given(first=FIGURES, second=FIGURES, base=FIGURES, lead=FIGURES)
def test_better_values_never_score_less(first, second, base, lead):
    low, high = sorted((first, second))
    for kind, order in ((Kind.FORWARD, (low, high)), (Kind.REVERSE, (high, low))):
        worse, better = (scoring.linear(kind, value, Reference(base, lead)) for value in order)
        assert worse is None or worse <= better


@given(
    energy=st.integers(0, 500),
    share=st.integers(0, 30),
    applies=st.booleans(),
    tidy=st.sampled_from(["good", "fair", ""]),
)
def test_every_row_and_the_total_stay_within_their_bounds(energy, share, applies, tidy):
    data = changed(share=str(share), share_applies=applies, tidy=tidy) | {
        "c_inputs": {"energy": str(energy), "output": "100"}
    }
    for policy in ("drop", "full"):
        found = scoring.evaluate(small(('industries = ["3041"]', f'not_applicable = "{policy}"')), data)
        assert all(0 <= row.points <= row.full for row in found.rows)
        assert 0 <= found.total <= 100


@given(first=st.integers(0, 300), second=st.integers(0, 300))
def test_the_total_never_falls_when_less_is_used(first, second):
    less, more = sorted((first, second))
    totals = [
        scoring.evaluate(small(), changed("c_inputs", energy=str(energy))).row("one.intensity").points
        for energy in (more, less)
    ]
    assert totals[0] <= totals[1]


BEST = {
    "c_basic": {"lawful": True},
    "c_inputs": {"energy": "90", "output": "100"},
    "c_one": {"share_applies": True, "share": "20", "tidy": "good", "ticks": [{"met": True}] * 3},
}


@given(policy=st.sampled_from(["drop", "full"]))
def test_what_does_not_apply_leaves_full_points_full(policy):
    criteria = small(('industries = ["3041"]', f'not_applicable = "{policy}"'))
    without = BEST | {"c_one": BEST["c_one"] | {"share_applies": False}}
    assert scoring.evaluate(criteria, BEST).total == 100
    found = scoring.evaluate(criteria, without)
    assert (found.total, found.row("one.share").state) == (100, State.NOT_APPLICABLE)


@pytest.mark.parametrize(("policy", "total"), [("drop", "47.14"), ("full", "63.00")])  # 33 of 70; 33 + 30
def test_the_two_rules_for_what_does_not_apply(policy, total):
    criteria = small(('industries = ["3041"]', f'not_applicable = "{policy}"'))
    assert scoring.evaluate(criteria, changed(share_applies=False)).total == D(total)


@pytest.mark.parametrize(
    ("energy", "points"),
    [("99.9", "7.50"), ("100", "15.00"), ("150", "15.00")],  # lead 20 below 100, else 10
)
def test_the_size_class_decides_the_reference(energy, points):
    assert scoring.evaluate(small(), changed("c_inputs", energy=energy)).row("one.share").points == D(points)


def test_an_unknown_size_waits():
    assert scoring.evaluate(small(), changed("c_inputs", energy="")).row("one.share").state is State.MISSING


@pytest.mark.parametrize("answer", [False, None])
def test_a_basic_requirement_bars_the_unit_but_not_its_points(answer):
    found = scoring.evaluate(small(), changed("c_basic", lawful=answer))
    assert (found.met, found.total) == (False, D("48.00"))
    assert (found.failed == ("basic.lawful",)) == (answer is False)
    assert found.gaps[0].path == "basic.lawful" if answer is False else "basic.lawful" in found.open


def extended(rows, *changes):
    """The small set with more rows, by text."""
    from tests.policy import test_criteria

    text = test_criteria.SMALL
    for old, new in changes:
        text = text.replace(old, new, 1)
    return load_criteria("more.toml", (text + rows).encode())


LABEL = 'label = { zh = "项", en = "Row" }\n'


@pytest.mark.parametrize(
    ("kind", "answer", "state", "points", "met"),
    [
        ("veto", True, "met", "0", True), ("veto", False, "not_met", "0", False), ("veto", None, "missing", "0", False),
        ("must", True, "met", "6", True), ("must", False, "not_met", "0", False),
        ("optional", True, "met", "6", True), ("optional", False, "not_met", "0", True),
        ("yesno", True, "met", "6", True), ("yesno", False, "not_met", "0", True),
    ],
)  # fmt: skip
def test_rows_of_yes_and_no(kind, answer, state, points, met):
    worth = 0 if kind == "veto" else 6
    row = f'[[group.row]]\nkey = "x"\n{LABEL}kind = "{kind}"\npoints = {worth}\n'
    criteria = extended(row, ("points = 40", f"points = {40 - worth}"))
    found = scoring.evaluate(criteria, changed(x=answer))
    assert (found.row("one.x").state.value, found.row("one.x").points, found.met) == (state, D(points), met)


def test_a_bonus_comes_on_top_and_has_a_limit():
    row = f'[[group.row]]\nkey = "x"\n{LABEL}kind = "yesno"\npoints = 5\nbonus = true\n'
    assert scoring.evaluate(extended(row), changed(x=True)).total == D("53.00")
    limited = extended(row, ("verified = true", "verified = true\nbonus_most = 2"))
    found = scoring.evaluate(limited, changed(x=True))
    assert (found.total, found.bonus) == (D("50.00"), D(2))
    assert scoring.evaluate(limited, GOOD).open == ()


CASES = f"""
[[group.row]]
key = "x"
{LABEL}kind = "reverse"
points = 10
[[group.row.alternatives]]
key = "norm"
when = {{ zh = "有标准", en = "norm" }}
typed = true
[group.row.alternatives.products]
most = 3
formula = "energy / quantity"
formula_text = {{ zh = "商", en = "quotient" }}
columns = [{{ key = "quantity", label = {{ zh = "量", en = "quantity" }} }}]
[[group.row.alternatives]]
key = "plain"
when = {{ zh = "没有", en = "none" }}
base = 4
lead = 2
points = 6
"""
PRODUCTS = [
    {"name": "甲", "energy": "30", "quantity": "10", "base": "4", "lead": "2", "norm": "GB 1"},  # 3: half
    {"name": "乙", "energy": "10", "quantity": "5", "base": "3", "lead": "2", "norm": "GB 2"},  # 2: whole
]


def cases():
    return extended(CASES, ("points = 40", "points = 30"))


def test_products_are_weighted_by_their_energy():
    row = scoring.evaluate(cases(), changed(x_case="norm", x_norm=PRODUCTS)).row("one.x")
    assert (row.value, row.ratio, row.points) == (D("2.75"), D("0.625"), D("6.25"))  # (30 × 0.5 + 10 × 1) ÷ 40
    assert [(part.name, part.weight, part.ratio) for part in row.parts] == [("甲", 30, D("0.5")), ("乙", 10, 1)]


def test_the_other_case_has_its_own_reference_and_points():
    row = scoring.evaluate(cases(), changed(x_case="plain", x_plain="3", x_norm=PRODUCTS)).row("one.x")
    assert (row.value, row.full, row.points) == (D(3), D(6), D("3.00"))


@pytest.mark.parametrize(
    "answers", [{}, {"x_case": "norm"}, {"x_case": "plain"}, {"x_case": "else"}, {"x_norm": "text"}]
)
def test_a_row_without_its_answers_is_missing(answers):
    assert scoring.evaluate(cases(), changed(**answers)).row("one.x").state is State.MISSING


def test_a_norm_typed_the_wrong_way_round_waits_for_a_person():
    wrong = [PRODUCTS[0] | {"base": "2", "lead": "4"}]
    assert scoring.evaluate(cases(), changed(x_case="norm", x_norm=wrong)).row("one.x").state is State.BY_HAND


HAND = f'[[group.row]]\nkey = "x"\n{LABEL}kind = "qualitative"\npoints = 10\n'


def test_a_row_by_hand_waits_for_the_reviewers_points():
    criteria = extended(HAND, ("points = 40", "points = 30"))
    assert scoring.evaluate(criteria, GOOD).row("one.x").state is State.MISSING
    told = changed(x_note="改进了排样")
    waiting = scoring.evaluate(criteria, told)
    assert (waiting.row("one.x").state, waiting.provisional) == (State.BY_HAND, True)
    done = scoring.evaluate(criteria, told, verdicts={"one.x": Verdict(points=D("7.5"), note="证据充分")})
    assert (done.row("one.x").points, done.total, done.provisional) == (D("7.5"), waiting.total + D("7.5"), False)
    assert scoring.evaluate(criteria, told, verdicts={"one.x": Verdict(points=D(99))}).row("one.x").points == 10


def test_a_corrected_value_counts_and_the_declared_one_stays():
    found = scoring.evaluate(
        small(), GOOD, verdicts={"one.intensity": Verdict(values={"value": D("1.75")}, note="漏计")}
    )
    row = found.row("one.intensity")
    assert (row.value, row.declared, row.corrected, row.points) == (D("1.75"), D("1.5000"), True, D("10.00"))


@pytest.mark.parametrize(("applicant", "reviewer", "state"), [(True, False, "not_applicable"), (False, True, "scored")])
def test_the_reviewer_has_the_last_word_on_what_applies(applicant, reviewer, state):
    data = changed(share_applies=applicant)
    assert scoring.evaluate(small(), data).row("one.share").state.value != state
    found = scoring.evaluate(small(), data, verdicts={"one.share": Verdict(applies=reviewer)})
    assert found.row("one.share").state.value == state


def test_weights():
    text = HAND.replace("qualitative", "yesno").replace("[[group.row]]", "weight = 40\n[[group.row]]")
    second = '[[group]]\nkey = "two"\ntitle = { zh = "二", en = "Two" }\n' + text
    criteria = extended(
        second, ('scoring = "points"', 'scoring = "weights"'), ('title = { zh = "一", en = "One" }',
        'title = { zh = "一", en = "One" }\nweight = 60')
    )  # fmt: skip
    found = scoring.evaluate(criteria, GOOD | {"c_two": {"x": True}})
    assert [(group.key, group.score) for group in found.groups] == [("one", D("48.00")), ("two", D("100.00"))]
    assert found.total == D("68.80")  # 60 % × 48 + 40 % × 100


INDEX = """
[criteria]
slug = "index"
category = "park"
standard = "X 2"
edition = "2030"
title = { zh = "指数", en = "Index" }
source = { zh = "自拟", en = "made up" }
verified = true
scoring = "index"
years = 3
cap = true

[[group]]
key = "g"
title = { zh = "组", en = "Group" }
[[group.row]]
key = "more"
label = { zh = "正向", en = "Forward" }
kind = "forward"
lead = 10
[[group.row]]
key = "less"
label = { zh = "逆向", en = "Reverse" }
kind = "reverse"
lead = 5
may_be_not_applicable = true
[[group.row]]
key = "has"
label = { zh = "具备", en = "Has it" }
kind = "yesno"
"""
PARK = {
    "c_g": {
        "more_y1": "5", "more_y2": "10", "more_y3": "20", "less_y1": "10", "less_y2": "5", "less_y3": "4",
        "has_y1": False, "has_y2": True, "has_y3": True,
    }
}  # fmt: skip


@pytest.mark.parametrize(
    ("cap", "years"),
    [("true", ["33.33", "100.00", "100.00"]), ("false", ["33.33", "100.00", "141.67"])],  # (2 + 1.25 + 1) ÷ 3
)
def test_the_index_of_a_park_for_each_of_three_years(cap, years):
    found = scoring.evaluate(load_criteria("i", INDEX.replace("cap = true", f"cap = {cap}").encode()), PARK)
    assert list(found.years.values()) == [D(year) for year in years]
    assert found.total == D(years[-1])


def test_an_index_counts_only_what_applies():
    data = {"c_g": PARK["c_g"] | {"less_applies": False, "more_y3": "5"}}
    assert scoring.evaluate(load_criteria("i", INDEX.encode()), data).total == D("75.00")  # (0.5 + 1) ÷ 2


def test_a_score_can_be_kept_and_recomputed():
    found = scoring.evaluate(small(), GOOD)
    kept = found.as_json()
    assert kept["rows"]["one.share"] == {"state": "scored", "value": "5", "points": "15.00", "full": "30"}
    assert (kept["criteria"], kept["version"]) == (small().digest, scoring.VERSION)
    assert scoring.evaluate(small(), GOOD).as_json() == kept

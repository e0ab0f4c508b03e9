"""docs/policy.md keeps up with the files: every clause, step, table and operator is there."""

import re
from pathlib import Path

import pytest

from greenlist.policy.engine.assembly import LATER
from greenlist.policy.engine.types import FieldType, Layer, Operator, Severity, StepKind
from tests.policy.test_cases import bind
from tests.policy.test_more_places import NEW, UNSEEN

MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


def test_every_clause_of_qinhuangdao_is_explained(qhd):
    ranges = {f"QHD-14.{number}" for number in range(1, 6)}  # written as "14.1 至 14.5"
    missing = [clause for clause in qhd.policy.clauses if clause not in MANUAL and clause not in ranges]
    assert not missing


def test_the_route_of_each_place_is_drawn_as_it_is(place):
    drawn_as_it_is(place.policy.header.slug, place.bind())


@pytest.mark.parametrize("slug", (*NEW, *UNSEEN))
def test_the_routes_of_the_other_places_too(slug):
    drawn_as_it_is(slug, bind(slug, "factory"))


@pytest.mark.parametrize("slug", (*NEW, *UNSEEN))
def test_every_clause_of_the_other_places_is_explained(slug):
    assert not [clause for clause in bind(slug, "factory").clauses if clause not in MANUAL]


def drawn_as_it_is(slug, bound):
    drawing = MANUAL.split(f"`{slug}`\n")[1].split("```")[1]
    for step in bound.steps:
        assert f'{step.key}["{step.title.zh}<br/>{step.clause}"]' in drawing
        if step.returned:
            assert re.search(rf"{step.key} -\. \S+ \.-> {step.returned}", drawing)
        if step.failed:
            assert re.search(rf"{step.key} -- \S+ --> {step.failed}", drawing)


@pytest.mark.parametrize(
    "word",
    [*(kind.value for kind in StepKind), *(kind.value for kind in FieldType), *(grade.value for grade in Severity),
     *(sign.value for sign in Operator), *LATER, "ask", "layer", "industry_group", "veto", "priority", "criteria"],
)  # fmt: skip
def test_every_word_of_the_language_is_explained(word):
    assert f"`{word}`" in MANUAL or f"[{word}]" in MANUAL


def test_what_belongs_to_the_call_is_told_apart(qhd):
    table = MANUAL.split("只属于 2024 年的通知")[1].split("## 六")[0]
    for clause in qhd.policy.clauses.values():
        if clause.layer is Layer.CALL:
            assert clause.id in table

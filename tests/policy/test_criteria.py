"""Criteria files: what they may say, every mistake named; and the form sections they generate."""

import re
from pathlib import Path

import pytest

from greenlist.policy import engine
from greenlist.policy.engine import criteria_form
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.criteria_types import Kind
from greenlist.policy.engine.types import FieldType, PolicyErrors

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "criteria"
SMALL = """
[criteria]
slug = "small"
category = "factory"
standard = "X 1"
edition = "2030"
title = { zh = "小标准", en = "Small" }
source = { zh = "自拟", en = "made up" }
verified = true
scoring = "points"
industries = ["3041"]

[[requirement]]
key = "lawful"
text = { zh = "依法设立", en = "Lawful" }

[unit.t]
label = { zh = "吨", en = "t" }

[[input]]
key = "energy"
label = { zh = "能耗", en = "Energy" }
unit = "t"

[[input]]
key = "output"
label = { zh = "产值", en = "Output" }
min = 1

[[group]]
key = "one"
title = { zh = "一", en = "One" }

[[group.row]]
key = "intensity"
no = "1"
label = { zh = "强度", en = "Intensity" }
kind = "reverse"
points = 40
base = 2
lead = 1
formula = "energy / output"
formula_text = { zh = "能耗 ÷ 产值", en = "energy ÷ output" }

[[group.row]]
key = "share"
no = "2"
label = { zh = "比例", en = "Share" }
kind = "forward"
points = 30
may_be_not_applicable = true
classes = [
  { if = [">=", 100], of = "energy", base = 0, lead = 10 },
  { base = 0, lead = 20 },
]

[[group.row]]
key = "tidy"
no = "3"
label = { zh = "整洁", en = "Tidy" }
kind = "qualitative"
points = 20
options = [
  { key = "good", label = { zh = "好", en = "good" }, points = 20 },
  { key = "fair", label = { zh = "中", en = "fair" }, points = 8 },
]

[[group.row]]
key = "ticks"
no = "4"
label = { zh = "功能", en = "Functions" }
kind = "count"
points = 10
base = 0
lead = 2
of = [
  { key = "a", label = { zh = "甲", en = "A" } },
  { key = "b", label = { zh = "乙", en = "B" } },
  { key = "c", label = { zh = "丙", en = "C" } },
]
"""


def small(*changes):
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load_criteria("small.toml", text.encode())


def mistakes(*changes):
    with pytest.raises(PolicyErrors) as wrong:
        small(*changes)
    return [(error.key, error.reason) for error in wrong.value.errors]


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('category = "factory"', 'category = "farm"', "criteria.category", "must be one of"),
        ('scoring = "points"', 'scoring = "stars"', "criteria.scoring", "must be one of"),
        ('scoring = "points"', "", "criteria.scoring", "is missing"),
        ("verified = true", "verified = false", "criteria.unverified", "say what is not verified"),
        ('industries = ["3041"]', 'industries = ["C30"]', "criteria.industries", "no GB/T 4754 code"),
        ('industries = ["3041"]', 'hidden = ["all"]', "criteria.hidden", "knows no all"),
        ('industries = ["3041"]', "years = 3", "criteria.years", "only for scoring = index"),
        ('industries = ["3041"]', "valid_from = 2030-01-01\nvalid_until = 2029-01-01", "criteria.valid_until", "before"),
        ("points = 40", "points = 41", "group", "the points add up to 101, not to 100"),
        ("points = 40", "points = -40", "group.one.row.intensity.points", "must not be negative"),
        ("base = 2\n", "base = 0\n", "group.one.row.intensity.base", "must be greater than lead"),
        ("base = 0, lead = 10", "base = 11, lead = 10", "group.one.row.share.classes.1.base", "must be less than lead"),
        ('energy / output"', 'energy / outptu"', "group.one.row.intensity.formula", "names no number: outptu"),
        ('energy / output"', "__import__('os')\"", "group.one.row.intensity.formula", "is not closed arithmetic"),
        ('energy / output"', 'one.intensity + 1"', "c_one.intensity", "depends on itself"),
        ('of = "energy"', 'of = "size"', "group.one.row.share.formula", "names no number: size"),
        ('if = [">=", 100]', 'if = ["is", 100]', "group.one.row.share.classes.1.if", "must be [one of"),
        ("points = 8", "points = 25", "group.one.row.tidy.options", "must bring the row's 20 points"),
        ('kind = "count"', 'kind = "forward"', "group.one.row.ticks.of", "stands for a count only"),
        ('kind = "qualitative"', 'kind = "yesno"', "group.one.row.tidy.options", "qualitative row only"),
        ('unit = "t"', 'unit = "kg"', "input.energy.unit", "not declared in this file"),
        ('key = "ticks"', 'key = "tidy_evidence"', "group.one", "two fields would be called tidy_evidence"),
        ('no = "4"', 'no = "3"', "no 3", "different second-level"),
        ('key = "one"', 'key = "inputs"', "group.inputs.key", "kept for the portal"),
        ('key = "ticks"', 'kye = "ticks"', "kye", "unknown key"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(old, new, key, reason):
    found = mistakes((old, new))
    assert any(k.endswith(key) and reason in r for k, r in found), found


def test_every_mistake_is_told_at_once():
    found = mistakes(
        ("points = 40", "points = 41"), ('category = "factory"', 'category = "farm"'), ('unit = "t"', 'unit = "x"')
    )
    assert {key for key, _reason in found} == {"group", "criteria.category", "input.energy.unit"}


def test_a_row_becomes_ordinary_fields():
    form = criteria_form.form_of(small())
    assert [section.key for section in form.sections] == ["c_basic", "c_inputs", "c_one"]
    kinds = {field.key: field.type for field in form.section("c_one").fields}
    assert kinds == {
        "intensity": FieldType.COMPUTED,
        "intensity_evidence": FieldType.FILE,
        "share_applies": FieldType.YESNO,
        "share_why_not": FieldType.LONGTEXT,
        "share": FieldType.NUMBER,
        "share_evidence": FieldType.FILE,
        "tidy": FieldType.CHOICE,
        "tidy_note": FieldType.LONGTEXT,
        "tidy_evidence": FieldType.FILE,
        "ticks": FieldType.TABLE,
        "ticks_evidence": FieldType.FILE,
    }
    assert form.field("c_one.intensity").formula == "c_inputs.energy / c_inputs.output"


def missing(data, files=None):
    section = criteria_form.form_of(small()).section("c_one")
    found = engine.forms.validate_section(section, data, files or {})
    return {problem.path.partition(".")[2]: problem.code for problem in found}


def test_evidence_is_asked_once_a_value_is_given():
    assert missing({}) == {
        "intensity_evidence": "evidence_required",
        "share_applies": "required",
        "tidy": "required",
        "ticks": "too_few_rows",
    }
    given = {"share_applies": True, "share": "5", "tidy": "good", "ticks": [{"met": True}, {"met": False}, {}]}
    wanted = {"share_evidence", "tidy_evidence", "ticks_evidence", "intensity_evidence"}
    assert missing(given) == dict.fromkeys(wanted, "evidence_required")
    assert missing(given, {f"c_one.{key}": 1 for key in wanted}) == {}
    assert "ticks_evidence" not in missing(given | {"ticks": [{"met": False}, {}, {}]})


def test_a_row_that_does_not_apply_wants_a_reason_and_nothing_else():
    found = missing({"share_applies": False, "tidy": "good", "ticks": [{"met": True}]})
    assert found["share_why_not"] == "required"
    assert not {"share", "share_evidence"} & set(found)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_no_points_or_reference_values_stand_in_a_generated_field(path):
    """What applicants may not see must not be in what they are given: a marker in every hidden figure turns up nowhere."""
    text = path.read_text(encoding="utf-8")
    marked = re.sub(
        r'\b(base|lead) = "([0-9.]+)"', lambda m: f'{m[1]} = "{m[2] if "." in m[2] else m[2] + "."}000007"', text
    )
    marked = re.sub(r"(points_unverified|base_unverified|lead_unverified) = \"[^\"]*\"", r'\1 = "000007"', marked)
    form = criteria_form.form_of(load_criteria(path.name, marked.encode()))
    assert "000007" not in repr(form)
    schema = engine.json_schema.of_form(form, "x", lambda text: text.zh)
    assert "000007" not in str(schema)


def test_the_sets_that_are_shipped():
    new = load_criteria("a", (FOLDER / "factory-2025.toml").read_bytes())
    assert len(new.rows) == 20
    assert [row.no for row in new.rows if row.no] == sorted((row.no for row in new.rows), key=int)
    assert len({row.no for row in new.rows}) == 15
    assert [sum(row.points for row in group.rows) for group in new.groups] == [34, 22, 22, 14, 8]
    assert len(new.requirements) == 3
    old = load_criteria("b", (FOLDER / "factory-2018.toml").read_bytes())
    assert [group.weight for group in old.groups] == [20, 15, 15, 10, 10, 30]
    assert len({row.no for row in old.rows}) == 25
    assert len(old.requirements) == 8
    assert len([row for row in old.rows if row.measures[0].formula]) == 12  # annex A
    assert all(group.rows for group in (*new.groups, *old.groups))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_figure_without_a_sure_source_says_so(path):
    criteria = load_criteria(path.name, path.read_bytes())
    if criteria.verified:
        return
    assert criteria.unverified
    for row in criteria.rows:
        for measure in row.measures:
            for reference in (measure.reference, *(one.reference for one in measure.classes)):
                said = row.unverified or reference.lead_unverified or reference.base_unverified
                assert said or reference.lead is None or row.kind not in (Kind.FORWARD, Kind.REVERSE), row.path


def test_a_stored_form_builds_the_same_set():
    from greenlist.policy.engine.criteria import build_criteria

    loaded = small()
    again = build_criteria("small.toml", loaded.raw)
    assert again == loaded


def test_a_set_covers_industries_by_the_longest_prefix():
    assert small().covers("3041") == "3041"
    assert small().covers("3021") == ""
    assert small(('["3041"]', '["30", "301"]')).covers("3012") == "301"


CALCULATED = (
    ('key = "energy"\nlabel = { zh = "能耗", en = "Energy" }\nunit = "t"',
     'key = "energy"\nlabel = { zh = "能耗", en = "Energy" }\ncalculator = "energy"\nfactors = ["energy-gbt2589-2020"]'),
    ('formula = "energy / output"', 'formula = "energy.tce / output"'),
    ('of = "energy"', 'of = "energy.tce"'),
)  # fmt: skip


def test_a_quantity_may_come_from_a_calculator():
    """The result, worked out with the pinned factors, feeds the formula and the size class."""
    from greenlist.policy.engine import calculators, factors, scoring

    criteria = small(*CALCULATED)
    file = FOLDER.parent / "factors" / "energy-gbt2589-2020.toml"
    table = factors.load_factors(file.name, file.read_bytes())
    form = calculators.bind(criteria_form.form_of(criteria), {table.slug: table})
    assert form.field("c_inputs.energy").type is FieldType.CALCULATOR
    data = {
        "c_inputs": {"energy": [{"item": "raw_coal", "unit": "t", "amount": "210"}], "output": "100"},
        "c_one": {"share_applies": True, "share": "5"},
    }
    values = engine.forms.values(form, data)
    assert values["c_inputs.energy.tce"] is not None
    found = scoring.evaluate(criteria, data, values=values)
    assert found.row("one.intensity").value == values["c_one.intensity"]
    assert found.row("one.intensity").value > 1
    assert found.row("one.share").reference.lead == 10  # 210 t of coal are more than 100 tce


@pytest.mark.parametrize("result", ["tcee", "amount"])
def test_a_result_that_no_calculator_has_is_named(result):
    found = mistakes(
        *CALCULATED[:1], ('formula = "energy / output"', f'formula = "energy.{result} / output"'), CALCULATED[2]
    )
    assert any(f"c_inputs.energy.{result}" in reason for _key, reason in found), found

"""`[[body]]` tables: what they may say, and what they find about a body."""

from datetime import date

import pytest

from greenlist.policy import engine, words
from greenlist.policy.engine import bodies
from greenlist.policy.engine.types import CallValues, Outcome, PolicyErrors, ShownProof
from greenlist.policy.facts_table import FACTS
from tests.policy.test_new_place import CLAUSES, FORM, POLICY

ON = date(2026, 6, 1)
BODY = """
[[body]]
key = "staff"
kind = "condition"
if = ["body.staff_middle_or_above", ">=", 10]
label = { zh = "中级及以上十人", en = "Ten of middle title or above" }
clause = "WZD-1"
[[body]]
key = "senior"
kind = "condition"
if = ["body.staff_senior", ">=", 5]
label = { zh = "高级五人", en = "Five of senior title" }
clause = "WZD-1"
[[body]]
key = "office"
kind = "condition"
all = [["body.fixed_office", "is", true], ["body.finance_rules", "is", true]]
label = { zh = "固定场所、财务制度", en = "Office and finance rules" }
at = ["register"]
clause = "WZD-1"
[[body]]
key = "diagnosis"
kind = "proof"
proof = "free_diagnosis"
years = 3
within = "$owner"
at = ["project"]
label = { zh = "三年内免费节能诊断", en = "A free diagnosis within three years" }
clause = "WZD-2"
[[body]]
key = "experience"
kind = "proof"
proof = "experience"
years = 5
confirm = false
at = ["register"]
label = { zh = "近五年工作经历", en = "Experience within five years" }
clause = "WZD-1"
[[body]]
key = "approval"
kind = "approval"
by = "province"
label = { zh = "省级审核", en = "Approval of the province" }
clause = "WZD-1"
[[body]]
key = "cap"
kind = "cap"
limit = 15
per = "calendar_year"
group = "legal_representative"
tiers = ["nation"]
label = { zh = "每年十五个", en = "Fifteen a year" }
clause = "WZD-3"
[[body]]
key = "ban"
kind = "ban"
grounds = ["fraud", "poor_quality"]
years = 3
withdraws = true
label = { zh = "三年不予采信", en = "Not accepted for three years" }
clause = "WZD-4"
[[body]]
key = "truth"
kind = "statement"
by = "body"
on = "report"
text = { zh = "属实。", en = "It is true." }
clause = "WZD-1"
[[body]]
key = "yearbook"
kind = "work_report"
due = "12-31"
remind = [7, 30]
label = { zh = "年度工作报告", en = "Annual work report" }
clause = "WZD-4"
[[body]]
key = "list"
kind = "publication"
text = { zh = "白名单", en = "White list" }
clause = "WZD-4"
"""


def files(body: str) -> dict[str, bytes]:
    return {
        "policy.toml": (POLICY + body).encode(),
        "clauses.toml": CLAUSES.encode(),
        "forms/park-9.toml": FORM.encode(),
    }


@pytest.fixture(scope="module")
def rules():
    policy = engine.load(files(BODY), FACTS)
    return bodies.of(engine.bind(policy, CallValues()))


DONE = ShownProof("experience", date(2021, 6, 1))
GOOD = {
    "body.staff_middle_or_above": 10,
    "body.staff_senior": 5,
    "body.fixed_office": True,
    "body.finance_rules": True,
}


def test_a_rule_set_without_tables_asks_nothing_of_bodies():
    policy = engine.load(files(""), FACTS)
    assert not policy.bodies


@pytest.mark.clause("HLJ-23")
@pytest.mark.parametrize(
    ("fact", "value", "barred"),
    [
        ("body.staff_middle_or_above", 10, ""),
        ("body.staff_middle_or_above", 9, "body.staff"),
        ("body.staff_senior", 5, ""),
        ("body.staff_senior", 4, "body.senior"),
        ("body.fixed_office", False, "body.office"),
        ("body.finance_rules", None, "body.office"),
    ],
)
def test_numeric_conditions_hold_at_their_bound(rules, fact, value, barred):
    found = bodies.qualify(rules, "register", {**GOOD, fact: value}, [DONE], ON)
    assert [one.rule for one in found if one.blocks] == ([barred] if barred else [])
    assert all(one.clause == "WZD-1" for one in found)
    assert all(words.sentence(one) for one in found)


@pytest.mark.clause("HLJ-23")
def test_experience_counts_for_five_years(rules):
    stale = ShownProof("experience", date(2021, 5, 31))
    assert [one.rule for one in bodies.qualify(rules, "register", GOOD, [stale], ON) if one.blocks] == [
        "body.experience"
    ]
    assert not any(one.blocks for one in bodies.qualify(rules, "register", GOOD, [stale, DONE], ON))


@pytest.mark.clause("HEB-2.4a")
@pytest.mark.parametrize(
    ("proof", "outcome", "code"),
    [
        (ShownProof("free_diagnosis", date(2023, 6, 1), "/x/wuzhou/y/", True, "甲厂"), Outcome.CLEAR, "body.proof"),
        (ShownProof("free_diagnosis", date(2023, 5, 31), "/x/wuzhou/", True), Outcome.BLOCK, "body.proof_missing"),
        (ShownProof("free_diagnosis", date(2026, 1, 1), "/x/elsewhere/", True), Outcome.BLOCK, "body.proof_missing"),
        (ShownProof("free_diagnosis", date(2026, 1, 1), "/x/wuzhou/", False), Outcome.BLOCK, "body.proof_open"),
        (ShownProof("free_diagnosis", date(2026, 6, 2), "/x/wuzhou/", True), Outcome.BLOCK, "body.proof_missing"),
    ],
)
def test_a_free_diagnosis_counts_when_confirmed_in_the_area_and_recent(rules, proof, outcome, code):
    found = {one.rule: one for one in bodies.qualify(rules, "project", GOOD, [proof], ON)}
    assert (found["body.diagnosis"].outcome, found["body.diagnosis"].code) == (outcome, code)
    assert words.sentence(found["body.diagnosis"])
    assert "body.diagnosis" not in {one.rule for one in bodies.qualify(rules, "register", GOOD, [proof], ON)}


@pytest.mark.clause("HLJ-24b")
def test_the_last_place_is_free_and_the_next_is_not(rules):
    cap = rules.caps[0]
    assert not bodies.room(cap, 14).blocks
    full = bodies.room(cap, 15)
    assert full.blocks and full.clause == "WZD-3" and "15" in words.sentence(full)


@pytest.mark.clause("HLJ-26")
def test_a_ban_ends_before_its_anniversary(rules):
    assert bodies.ban_ends(rules.ban, date(2026, 6, 1)) == date(2029, 5, 31)
    assert bodies.ban_ends(rules.ban, date(2024, 2, 29)) == date(2027, 2, 28)
    assert bodies.banned(rules.ban, date(2029, 5, 31)).blocks
    assert not bodies.banned(rules.ban, None).blocks


def test_statements_report_and_approval_are_found(rules):
    assert [one.key for one in rules.signed("report")] == ["truth"]
    assert rules.signed("report", "applicant") == ()
    assert rules.report.due(2026) == date(2026, 12, 31) and rules.report.remind == (30, 7)
    assert bodies.approved(rules.approval, is_approved=False).blocks
    assert not bodies.approved(rules.approval, is_approved=True).blocks


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('kind = "cap"', 'kind = "lid"', "body.cap.kind"),
        ('if = ["body.staff_senior"', 'if = ["org.founded_on"', "body.senior.if"),
        ("limit = 15", "limit = 0", "body.cap.limit"),
        ('due = "12-31"', 'due = "02-30"', "body.yearbook.due"),
        ('by = "body"\non = "report"', 'by = "applicant"\non = "project"', "body.truth.on"),
        ('grounds = ["fraud", "poor_quality"]', 'grounds = ["bad_luck"]', "body.ban.grounds"),
        ("withdraws = true", "whatever = true", "body.ban.whatever"),
        ("remind = [7, 30]", "remind = 7", "body.yearbook.remind"),
    ],
)
def test_mistakes_are_named(old, new, key):
    assert old in BODY
    with pytest.raises(PolicyErrors) as wrong:
        engine.load(files(BODY.replace(old, new)), FACTS)
    assert key in [error.key for error in wrong.value.errors]


def test_one_ban_is_enough():
    twice = BODY + BODY[BODY.index('[[body]]\nkey = "ban"') : BODY.index('[[body]]\nkey = "truth"')].replace(
        'key = "ban"', 'key = "ban_too"'
    )
    with pytest.raises(PolicyErrors) as wrong:
        engine.load(files(twice), FACTS)
    assert "body" in [error.key for error in wrong.value.errors]

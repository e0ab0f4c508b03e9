"""A file that does not hold is refused whole: every mistake at once, with file, key and reason."""

import re

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import PolicyErrors
from greenlist.policy.facts_table import FACTS

POLICY, CLAUSES, FORM = "policy.toml", "clauses.toml", "forms/factory-self-1.toml"


def changed(files, name, old, new, count=1):
    text = files[name].decode()
    assert old in text, f"{old!r} is not in {name}"
    return files | {name: text.replace(old, new, count).encode()}


def mistakes(files):
    with pytest.raises(PolicyErrors) as wrong:
        engine.load(files, FACTS)
    return [(error.file, error.key, error.reason) for error in wrong.value.errors]


@pytest.fixture
def good(files):
    found = files("qinhuangdao")
    assert engine.load(found, FACTS).header.slug == "qinhuangdao"
    return found


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "reason"),
    [
        (POLICY, "years = 3\nsubject", "yaers = 3\nyears = 3\nsubject", "veto.accident.yaers", "unknown key"),
        (POLICY, "[rounds]", "[rouns]", "rouns", "unknown key"),
        (POLICY, 'calls_per_year = 1\nclause = "QHD-3"', "calls_per_year = 1", "rounds.clause", "every table cites"),
        (POLICY, 'clause = "QHD-9"', 'clause = "QHD-99"', "step.panel.clause", "cites QHD-99"),
        (POLICY, '"org.manufacturing"', '"org.makes"', "eligibility.manufacturing.if", "unknown fact org.makes"),
        (POLICY, '"none_of"', '"noneof"', "prerequisite.not_higher.if", "unknown operator noneof"),
        (POLICY, '"within", "$owner"', '">=", "$owner"', "eligibility.registered.if", "does not fit the fact"),
        (POLICY, '"is", true]', '"is", "yes"]', "eligibility.independent.if", "is no value for the fact"),
        (POLICY, '"none_of", ["province", "nation"]', '"none_of", ["country"]', "prerequisite.not_higher.if",
         "knows no country"),
        (POLICY, "in_force_from = 2024-03-26", "in_force_from = 2024-02-30", "in_force_from", "impossible date"),
        (POLICY, "in_force_from = 2024-03-26", 'in_force_from = "2024-02-30"', "policy.in_force_from",
         "impossible date: 2024-02-30"),
        (POLICY, 'start = "05-31"', 'start = "06-31"', "ask.county_by.start", "impossible date: 06-31"),
        (POLICY, "in_force_from = 2024-03-26", "in_force_from = 2024-03-26\nends_on = 2023-01-01", "policy.ends_on",
         "is before in_force_from"),
        (POLICY, "$call.county_by", "$call.county_till", "step.due.on", "names no value that the call is asked for"),
        (POLICY, 'at_least = "larger"', 'at_least = "huge"', "veto.accident.at_least", "must be one of"),
        (POLICY, '"safety", "cyber", "quality"', '"fire", "quality"', "veto.accident.event", "knows no fire"),
        (POLICY, 'form = "factory-self-1"', 'form = "factory-9"', "step.fill.form", "there is no form file"),
        (POLICY, 'returned = "fill"', 'returned = "panel"', "step.county.returned", "panel is no earlier step"),
        (POLICY, 'checklist = "county"', 'checklist = "city"', "step.county.checklist", "there is no [checklist.city]"),
        (POLICY, 'key = "panel"\nkind = "panel"', 'key = "send"\nkind = "panel"', "step.send", "is there twice"),
        (POLICY, "days = 5", "days = 0", "step.notice.notice.days", "whole number from 1 to 366"),
        (POLICY, '公示", en = "Public notice" }', '公示" }', "step.notice.title.en", "is missing"),
        (POLICY, 'source = "area"', 'source = "place"', "table.summary.column.area.source", "must be one of"),
        (POLICY, "{units}共", "{firms}共", "text.letter.body", "unknown place {firms}"),
        (POLICY, 'defaults = ["four_eyes"]', 'defaults = ["five_eyes"]', "step.county.defaults", "names the key five_eyes"),
        (POLICY, 'codes = ["39"]', 'codes = ["C39"]', "industry_group.electronics.codes", "no code of GB/T 4754"),
        (POLICY, 'id = "N2a"\nclause = "QHD-N2a"', 'id = "N2a"\nclause = "QHD-8"', "layer.N2a.clause",
         "no clause of the cover notice"),
        (CLAUSES, 'id = "QHD-3"', 'id = "XYZ-3"', "clause.XYZ-3.id", "must start with QHD-"),
        (CLAUSES, 'article = "第三条"', 'articel = "第三条"', "clause.QHD-3.articel", "unknown key"),
        (FORM, "green / main * 100", "green / mian * 100", "section.material.field.green_rate.formula",
         "names no number: mian"),
        (FORM, "green / main * 100", "__import__('os')", "section.material.field.green_rate.formula",
         "is not closed arithmetic"),
        (FORM, 'formula = "energy.use.tce"', 'formula = "intensity"', "energy.total", "depends on itself"),
        (FORM, 'unit = "person"', 'unit = "heads"', "section.basic.field.employees.unit", "the unit heads is not declared"),
        (FORM, 'prefill = "org.name"', 'prefill = "org.title"', "section.basic.field.name.prefill", "is not a declared fact"),
        (FORM, 'prefill = "org.name"', 'prefill = "org.name"\ntrend = true', "section.basic.field.name.trend",
         "is for figures only"),
        (FORM, 'type = "yesno"', 'type = "tick"', "section.cover.field.no_motors.type", "must be one of"),
        (FORM, 'required_if = ["proof", "certificate"]', 'required_if = ["prof", "x"]',
         "section.systems.field.list.expires_on.required_if", "must be"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(good, file, old, new, key, reason):
    found = mistakes(changed(good, file, old, new))
    assert any(f.endswith(file) and k.endswith(key) and reason in r for f, k, r in found), found


def test_every_mistake_is_told_at_once(good):
    files = changed(good, POLICY, "years = 3\nsubject", "yaers = 3\nyears = 3\nsubject")
    files = changed(files, POLICY, 'clause = "QHD-9"', 'clause = "QHD-99"')
    files = changed(files, CLAUSES, 'article = "第三条"', 'articel = "第三条"')
    files = changed(files, FORM, 'unit = "person"', 'unit = "heads"')
    assert {(file, key) for file, key, _reason in mistakes(files)} >= {
        (POLICY, "veto.accident.yaers"),
        (POLICY, "step.panel.clause"),
        (CLAUSES, "clause.QHD-3.articel"),
        (CLAUSES, "clause.QHD-3.article"),
        (FORM, "section.basic.field.employees.unit"),
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is missing"),
        (b"[policy", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b'policy = "x"', "must be a table"),
    ],
)
def test_a_file_that_is_no_rule_set_at_all(good, content, reason):
    assert any(reason in said for _file, _key, said in mistakes(good | {POLICY: content}))


def test_a_missing_file_is_named(good):
    del good[CLAUSES]
    assert mistakes(good) == [(CLAUSES, "-", "the file is missing")]


def test_a_rule_set_broken_only_without_one_rule_of_the_notice_is_refused(good):
    """Else a later call that drops the rule would find it out."""
    files = changed(good, POLICY, 'if = ["org.industry_group", "in", "$call.priority_industries"]\nclause = "QHD-N2b"',
                    'if = ["org.industry_group", "in", "$call.priority_industries"]\nclause = "QHD-8"')  # fmt: skip
    loaded = engine.load(files, FACTS)  # the condition vanishes with the value it needs
    assert loaded.layer
    broken = changed(good, POLICY, 'source = "priority"', 'source = "form:cover.peers"')
    assert any("has no field cover.peers" in reason for _f, _k, reason in mistakes(broken))


def test_the_digest_is_of_the_meaning_not_of_the_writing(good):
    before = engine.load(good, FACTS).digest
    commented = good | {POLICY: b"# another comment\n" + good[POLICY]}
    assert engine.load(commented, FACTS).digest == before
    other = changed(good, POLICY, "days = 5", "days = 7")
    assert engine.load(other, FACTS).digest != before
    assert re.fullmatch(r"[0-9a-f]{64}", before)


def test_a_stored_form_builds_the_same_rules(good):
    import json

    loaded = engine.load(good, FACTS)
    again = engine.build(json.loads(json.dumps(loaded.raw)), FACTS)
    assert again == loaded


def test_every_table_of_both_places_cites_a_clause_or_owns_up(place):
    """Who cannot read Python must be able to check the file: no table without a source."""

    def tables(value, path=""):
        if isinstance(value, dict):
            if path and not set(value) <= {"zh", "en"}:
                yield path, value
            for key, inner in value.items():
                yield from tables(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for inner in value:
                yield from tables(inner, path)

    bare = {
        ".score",
        ".table",
        ".text",
        ".checklist",
        ".checklist.county",
        ".table.summary.column",
        ".ask.of",
        ".duty.forms",
    }
    without = [path for path, table in tables(place.policy.raw["policy.toml"])
               if not ({"clause", "portal"} & set(table)) and path not in bare]  # fmt: skip
    assert not without

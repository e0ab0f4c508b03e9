"""Every code has its words, in both languages; nothing the engine says is left in English for a Chinese reader."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest
from django.utils import translation

from greenlist.policy import engine, facts_table, words
from greenlist.policy.engine.types import Answer, Event, Finding, Held, Outcome, PolicyError, Severity

ROOT = Path(engine.__file__).parent
ON = date(2024, 5, 20)
CHINESE = re.compile(r"[一-鿿]")


def calls(name):
    """String arguments of every call of a function in the engine: (module, arguments)."""
    for path in ROOT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
                yield path, [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def test_every_code_of_a_finding_has_words():
    source = (ROOT / "checks.py").read_text(encoding="utf-8") + (ROOT / "ranking.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'"((?:rule|veto|item|score)\.[a-z]+)"', source))
    assert codes >= {"rule.met", "veto.hit", "item.open", "score.spread"}
    assert codes <= set(words.FINDINGS)


def test_every_code_of_a_problem_has_words():
    codes = {text for _path, texts in calls("_problem") for text in texts}
    codes |= {"unknown_field", "unknown_section"}
    assert codes <= set(words.PROBLEMS)


def test_every_mistake_of_a_file_is_said_in_chinese():
    templates = {texts[-1] for _path, texts in calls("wrong") if texts} - {"%(why)s"}
    templates |= {text for _path, texts in calls("add") for text in texts if " " in text}
    assert len(templates) > 40
    with translation.override("zh-hans"):
        untranslated = {text for text in templates if not CHINESE.search(translation.gettext(text))}
    assert not untranslated


@pytest.mark.parametrize("table", [words.FINDINGS, words.PROBLEMS, words.OUTCOMES, words.LAYERS, words.EVENTS])
def test_all_words_exist_in_chinese(table):
    with translation.override("zh-hans"):
        assert all(CHINESE.search(str(text)) for text in table.values())


def test_every_kind_of_event_has_a_name():
    assert set(facts_table.EVENT_KINDS) == set(words.EVENTS)


def test_the_facts_table_names_the_kinds_of_the_adverse_records():
    from greenlist.organisations.models import AdverseRecord

    assert set(facts_table.EVENT_KINDS) == set(AdverseRecord.Kind.values)


def sentences(qhd, language):
    facts = qhd.facts(site__titles__same_category=(Held("province", "河北省绿色工厂 2022 年第1批"),))
    event = Event("safety", date(2023, 3, 1), Severity.LARGER)
    with translation.override(language):
        found = engine.check(qhd.bind(), "apply", facts, [event], ON)
        return {finding.rule: words.sentence(finding) for finding in found}


def test_findings_as_sentences(qhd):
    zh, en = sentences(qhd, "zh-hans"), sentences(qhd, "en")
    assert zh["prerequisite.not_higher"] == (
        "不符合：未获省级、国家级绿色工厂称号（现为：河北省绿色工厂 2022 年第1批）"
    )
    assert en["prerequisite.not_higher"].startswith("Not met: Holds no provincial or national green factory title")
    assert zh["veto.accident"].startswith("否决：较大及以上安全")
    assert "安全事故 较大 2023年3月1日" in zh["veto.accident"]
    assert zh["eligibility.registered"] == "符合：在本市登记注册"
    assert "2021年5月20日" in zh["veto.offence"]
    assert not any("%(" in text for text in [*zh.values(), *en.values()])


def test_answers_problems_and_sources_as_sentences(qhd):
    bound = qhd.bind()
    with translation.override("zh-hans"):
        findings = engine.judge(bound, "county", {"peers": Answer.FIX})
        assert words.sentence(findings[0]) == "需补正：能耗、水耗、资源综合利用等主要指标在本区域同行业领先"
        assert words.sentence(findings[1]).startswith("尚未核查：")
        assert (words.source(findings[0]), words.outcome(findings[0])) == ("本次申报通知", "不通过")
        form = bound.forms["factory-self-1"]
        data = {"material": {"reference": "130"}}
        said = [words.problem(problem) for problem in engine.forms.validate(form, data, partial=True)]
        assert said == ["「比较值：绿色物料使用率」不应大于 100 %，当前为 130。"]
        everything = [words.problem(problem) for problem in engine.forms.validate(form, {"x": {}})]
        assert not any("%(" in text for text in everything)
        mistake = PolicyError("policy.toml", "veto.accident.years", "must be one of %(options)s", {"options": "a, b"})
        assert words.mistake(mistake) == "policy.toml: veto.accident.years: 应为下列之一：a, b"


def test_a_finding_with_a_code_nobody_knows_any_more_still_says_something():
    old = Finding("x.y", "QHD-1", Outcome.WARN, "gone", {"label": {"zh": "旧规则", "en": "old rule"}})
    with translation.override("zh-hans"):
        assert words.sentence(old) == "旧规则"


@pytest.mark.clause("QHD-N0")
def test_a_finding_cites_its_clause_as_the_call_has_it(qhd):
    edited = qhd.bind(layer={"N3c": {"use": "edit", "text": "只限国家级"}})
    assert words.cited(edited, "QHD-N3c").text.zh == "只限国家级"
    assert words.cited(edited, "QHD-5.4").article == "第五条（四）"
    assert words.cited(qhd.bind(layer={"N3c": "drop"}), "QHD-N3c") is not None
    assert words.cited(edited, "") is None

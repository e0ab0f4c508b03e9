"""The guide's articles 3 to 10, 11 and 20, on both rule sets: the same rules, each citing its own article numbers."""

from datetime import date
from typing import Any

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import (
    Calendar,
    Event,
    Finding,
    Held,
    NotOffered,
    Outcome,
    Result,
    Severity,
    StepKind,
)

ON = date(2024, 5, 20)
BOTH = pytest.mark.clause


def found(place: Any, rule: str, *, point: str = "apply", facts: Any = None, events: Any = (), **call: Any) -> Finding:
    findings = engine.check(place.bind(**call), point, facts or place.facts(), events, ON)
    return next(finding for finding in findings if finding.rule == rule)


@pytest.mark.parametrize("point", ["apply", "recommend", "list"])
@BOTH("SJZ-all")
def test_a_firm_that_meets_everything_is_clear_at_every_point(place, point):
    findings = engine.check(place.bind(), point, place.facts(), (), ON)
    assert findings
    assert {finding.outcome for finding in findings} == {Outcome.CLEAR}
    assert all(finding.clause.startswith(place.prefix) for finding in findings)


@pytest.mark.parametrize(
    ("rule", "number", "change"),
    [
        ("eligibility.registered", "5.1", {"org__registered_area": "/130000/130200/130202/"}),
        ("eligibility.independent", "5.1", {"org__independent_accounting": False}),
        ("eligibility.manufacturing", "5.1", {"org__manufacturing": False}),
        ("eligibility.located", "7", {"site__area": "/130000/130200/130202/"}),
    ],
)
@BOTH("QHD-5.1", "SJZ-all")
def test_who_may_apply(place, rule, number, change):
    assert found(place, rule).outcome is Outcome.CLEAR
    finding = found(place, rule, facts=place.facts(**change))
    assert (finding.outcome, finding.code, finding.clause) == (Outcome.BLOCK, "rule.failed", place.clause(number))


@BOTH("QHD-5.1")
def test_what_nobody_knows_is_asked_and_not_guessed(place):
    finding = found(place, "eligibility.independent", facts=place.facts(org__independent_accounting=None))
    assert (finding.outcome, finding.code) == (Outcome.CONFIRM, "rule.unknown")
    assert finding.params["facts"] == ["org.independent_accounting"]


@BOTH("QHD-5.0", "SJZ-all")
def test_all_nine_conditions_are_asked_with_statement_evidence_and_finding(place):
    bound = place.bind()
    asked = {item.clause for item in bound.checklists["county"].items if item.group == "conditions"}
    assert asked == {place.clause(f"5.{number}") for number in range(1, 10)}
    section = bound.forms["factory-self-1"].section("conditions")
    for number in range(1, 10):
        fields = [field for field in section.fields if field.clause == place.clause(f"5.{number}")]
        assert [(field.type.value, field.required) for field in fields] == [("longtext", True), ("file", True)]


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ("yes", Outcome.CLEAR, "item.yes"),
        ("no", Outcome.BLOCK, "item.no"),
        ("fix", Outcome.BLOCK, "item.fix"),
        (None, Outcome.BLOCK, "item.open"),
    ],
)
@pytest.mark.parametrize(
    ("item", "number"),
    [
        ("registered", "5.1"), ("lawful", "5.2"), ("economic", "5.3"), ("clean_record", "5.4"),
        ("management", "5.5"), ("rules", "5.6"), ("systems", "5.7"), ("land", "5.8"), ("material", "5.8"),
        ("production", "5.8"), ("waste", "5.8"), ("energy", "5.8"), ("standard", "5.9"),
        ("no_veto", "8"), ("attained", "8"), ("true", "8"), ("compliant", "8"),
    ],
)  # fmt: skip
@BOTH("QHD-5.0", "QHD-5.2", "QHD-5.3", "QHD-5.5", "QHD-5.6", "QHD-5.8", "SJZ-all")
def test_one_no_of_the_county_stops_and_names_the_item(place, item, number, answer, outcome, code):
    bound = place.bind()
    answers: dict[str, str | None] = dict.fromkeys(bound.checklists["county"].keys, "yes")
    assert not any(finding.blocks for finding in engine.judge(bound, "county", answers))
    findings = engine.judge(bound, "county", answers | {item: answer})
    stopped = [finding for finding in findings if finding.rule == f"checklist.county.{item}"]
    assert [(f.outcome, f.code, f.clause) for f in stopped] == [(outcome, code, place.clause(number))]
    assert sum(finding.blocks for finding in findings) == (outcome is Outcome.BLOCK)


@BOTH("SJZ-all")
def test_the_four_points_of_article_eight_are_on_the_checklist(place):
    items = [item.key for item in place.bind().checklists["county"].items if item.clause == place.clause("8")]
    assert items == ["no_veto", "attained", "true", "compliant"]


# ---- 5.4 ------------------------------------------------------------------------------------------------------------
ACCIDENT, OFFENCE = "veto.accident", "veto.offence"
LISTED, WAS_LISTED = "veto.dishonest", "veto.was_dishonest"
BLOCK, CLEAR, CONFIRM = Outcome.BLOCK, Outcome.CLEAR, Outcome.CONFIRM


@pytest.mark.parametrize(
    ("event", "rule", "outcome"),
    [
        # safety (network and data included), quality, environment: from "larger" up
        (Event("safety", date(2023, 3, 1), Severity.GENERAL), ACCIDENT, CLEAR),
        (Event("safety", date(2023, 3, 1), Severity.LARGER), ACCIDENT, BLOCK),
        (Event("safety", date(2023, 3, 1), Severity.MAJOR), ACCIDENT, BLOCK),
        (Event("safety", date(2023, 3, 1), Severity.EXTREME), ACCIDENT, BLOCK),
        (Event("cyber", date(2023, 3, 1), Severity.LARGER), ACCIDENT, BLOCK),
        (Event("quality", date(2023, 3, 1), Severity.LARGER), ACCIDENT, BLOCK),
        (Event("environment", date(2023, 3, 1), Severity.LARGER), ACCIDENT, BLOCK),
        (Event("environment", date(2023, 3, 1), Severity.GENERAL), ACCIDENT, CLEAR),
        # three years back from 2024-05-20, that day included
        (Event("safety", date(2021, 5, 20), Severity.MAJOR), ACCIDENT, BLOCK),
        (Event("safety", date(2021, 5, 19), Severity.MAJOR), ACCIDENT, CLEAR),
        (Event("safety", date(2024, 5, 20), Severity.MAJOR), ACCIDENT, BLOCK),
        (Event("safety", date(2024, 5, 21), Severity.MAJOR), ACCIDENT, CLEAR),
        # nobody graded it yet: a person looks
        (Event("safety", date(2023, 3, 1), None), ACCIDENT, CONFIRM),
        # what a firm inside a park did concerns parks, not a factory
        (Event("safety", date(2023, 3, 1), Severity.MAJOR, subject="members"), ACCIDENT, CLEAR),
        # offences have no grade
        (Event("tax_offence", date(2022, 1, 1)), OFFENCE, BLOCK),
        (Event("other_offence", date(2022, 1, 1)), OFFENCE, BLOCK),
        (Event("tax_offence", date(2021, 5, 19)), OFFENCE, CLEAR),
        # serious dishonesty: on the list now blocks however old; taken off within three years is a person's call
        (Event("serious_dishonesty", date(2017, 1, 1)), LISTED, BLOCK),
        (Event("serious_dishonesty", date(2017, 1, 1), ended_on=date(2024, 5, 20)), LISTED, CLEAR),
        (Event("serious_dishonesty", date(2017, 1, 1), ended_on=date(2024, 6, 1)), LISTED, BLOCK),
        (Event("serious_dishonesty", date(2017, 1, 1), ended_on=date(2024, 5, 20)), WAS_LISTED, CONFIRM),
        (Event("serious_dishonesty", date(2022, 1, 1), ended_on=date(2023, 1, 1)), WAS_LISTED, CONFIRM),
        (Event("serious_dishonesty", date(2017, 1, 1), ended_on=date(2019, 1, 1)), WAS_LISTED, CLEAR),
        (Event("serious_dishonesty", date(2022, 1, 1)), WAS_LISTED, CLEAR),
    ],
)
@BOTH("QHD-5.4", "SJZ-all")
def test_the_veto_of_the_fourth_condition(place, event, rule, outcome):
    finding = found(place, rule, events=[event])
    assert (finding.outcome, finding.clause) == (outcome, place.clause("5.4"))


@BOTH("QHD-5.4")
def test_a_younger_firm_is_looked_back_on_from_its_founding(place):
    facts = place.facts(org__founded_on=date(2023, 1, 10))
    before = Event("safety", date(2022, 12, 1), Severity.MAJOR)
    after = Event("safety", date(2023, 1, 10), Severity.MAJOR)
    assert found(place, ACCIDENT, facts=facts, events=[after]).outcome is Outcome.BLOCK
    finding = found(place, ACCIDENT, facts=facts, events=[before])
    assert (finding.outcome, finding.params["since"]) == (Outcome.CONFIRM, "2023-01-10")  # a person looks whose it is
    assert found(place, ACCIDENT, events=[before]).outcome is Outcome.BLOCK


@pytest.mark.parametrize("point", ["apply", "recommend", "list"])
@BOTH("QHD-5.4")
def test_the_veto_is_looked_at_at_every_point_and_names_its_evidence(place, point):
    event = Event("safety", date(2023, 3, 1), Severity.LARGER, evidence="信用中国 2024-05-01")
    finding = found(place, ACCIDENT, point=point, events=[event])
    assert finding.blocks
    assert finding.evidence == ("信用中国 2024-05-01",)
    assert finding.params["events"][0] == {
        "kind": "safety", "on": "2023-03-01", "severity": "larger", "ended_on": None, "subject": "unit",
    }  # fmt: skip
    assert Finding.from_json(finding.as_json()) == finding


# ---- 5.7, 5.9, 6 ----------------------------------------------------------------------------------------------------
@BOTH("QHD-5.7", "SJZ-all")
def test_a_missing_certificate_never_blocks(place):
    section = place.bind().forms["factory-self-1"].section("systems")
    documents = [{"proof": "documents", "number": "体系手册"}] * 4
    assert not engine.forms.validate_section(section, {"list": documents})
    certificates = [{"proof": "certificate", "number": "CN-1"}] * 4
    problems = engine.forms.validate_section(section, {"list": certificates})
    assert {(problem.path.split(".")[-1], problem.code) for problem in problems} == {("expires_on", "required")}
    dated = [{"proof": "certificate", "number": "CN-1", "expires_on": "2026-01-01"}] * 4
    assert not engine.forms.validate_section(section, {"list": dated})


@pytest.mark.parametrize("edition", ["factory-2018", "factory-2025"])
@BOTH("QHD-5.9", "SJZ-all")
def test_the_call_pins_the_edition_of_the_standard(place, edition):
    rule = engine.criteria_for(place.bind(edition=edition), "factory")
    assert (rule[0], rule[1].clause, rule[1].code) == (edition, place.clause("5.9"), "call")
    named = [item.key for item in place.bind().checklists["county"].items if item.criteria]
    assert named == ["standard"]


@BOTH("QHD-6", "SJZ-all")
def test_only_self_evaluation_is_offered(place):
    bound = place.bind()
    assert engine.route(bound, "factory", "self")
    with pytest.raises(NotOffered) as refused:
        engine.route(bound, "factory", "body")
    assert refused.value.clause == place.clause("6")
    with pytest.raises(NotOffered):
        engine.route(bound, "park", "self")


# ---- the route ------------------------------------------------------------------------------------------------------
@BOTH("SJZ-all")
def test_the_route_from_self_evaluation_to_the_list(place):
    steps = engine.route(place.bind(), "factory", "self")
    assert [(step.key, step.kind.value, step.by, step.clause) for step in steps] == [
        ("fill", "draft", "applicant", place.clause("6")),
        ("county", "screening", "county", place.clause("8")),
        ("send", "batch", "county", place.clause("8")),
        ("panel", "panel", "city", place.clause("9")),
        ("decide", "decision", "city", place.clause("10a")),
        ("notice", "notice", "city", place.clause("10b")),
        ("publish", "announce", "city", place.clause("10b")),
    ]
    assert [step.key for step in steps if step.four_eyes] == ["county", "send", "decide", "notice", "publish"]
    assert [step.point for step in steps] == ["apply", "recommend", "recommend", "", "", "list", "list"]


@pytest.mark.parametrize(
    ("step", "result", "station"),
    [
        ("fill", Result.PASSED, "county"),
        ("county", Result.PASSED, "send"),
        ("county", Result.RETURNED, "fill"),
        ("county", Result.FAILED, "rejected"),
        ("send", Result.PASSED, "panel"),
        ("send", Result.RETURNED, "county"),
        ("panel", Result.PASSED, "decide"),
        ("panel", Result.RETURNED, "county"),
        ("panel", Result.FAILED, "not_listed"),
        ("decide", Result.PASSED, "notice"),
        ("decide", Result.FAILED, "not_listed"),
        ("notice", Result.PASSED, "publish"),
        ("notice", Result.FAILED, "not_listed"),
        ("publish", Result.PASSED, "listed"),
    ],
)
def test_what_comes_after_each_step(place, step, result, station):
    following = engine.after(place.bind(), step, result)
    assert (getattr(following, "key", None) or following.state) == station


@pytest.mark.parametrize(("first_day", "ends"), [("counts", date(2024, 7, 5)), ("next", date(2024, 7, 8))])
@BOTH("QHD-10b", "SJZ-all")
def test_the_notice_lasts_five_working_days_and_the_call_says_whether_the_first_counts(place, first_day, ends):
    step = place.bind(notice_first_day=first_day).first(StepKind.NOTICE)
    assert step.notice is not None
    assert (step.notice.days, step.notice.unit, step.notice.clause) == (5, "working", place.clause("10b"))
    period = engine.period(step.notice, date(2024, 7, 1), Calendar(confirmed=frozenset({2024})))
    assert period.ends == ends


def test_one_round_a_year_is_written_in_the_rules(place):
    assert (place.policy.calls_per_year, place.policy.calls_clause) == (1, place.clause("3"))


def test_the_upward_check_warns_and_never_blocks(place):
    bound = place.bind()
    missing = engine.check(bound, "upward", place.facts(), (), ON)
    assert (missing[0].rule, missing[0].clause) == ("upward.city_first", place.clause("11"))
    assert {f.outcome for f in missing} == {Outcome.WARN}
    held = place.facts(site__titles__same_category=(Held("city", "第1批"),))
    assert {f.outcome for f in engine.check(bound, "upward", held, (), ON)} == {Outcome.CLEAR}


@pytest.mark.clause("QHD-20")
def test_the_header_of_qinhuangdao(qhd):
    header = qhd.policy.header
    assert header.in_force_from == date(2024, 3, 26)
    assert header.ends_on is None
    assert header.explained_by.zh == "秦皇岛市工业和信息化局"
    assert (header.clause, header.status, header.owner, header.tier) == ("QHD-20", "in_force", "130300", "city")


@pytest.mark.clause("SJZ-20")
def test_the_header_of_shijiazhuang(sjz):
    header = sjz.policy.header
    assert header.document == "石工信〔2024〕39号"
    assert (header.issued_on, header.in_force_from, header.ends_on) == (date(2024, 3, 1), date(2024, 3, 1), None)
    assert not [ask.key for ask in sjz.policy.asks.values() if ask.type == "day" and ask.start]
    assert (header.clause, header.owner) == ("SJZ-20", "130100")

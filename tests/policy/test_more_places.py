"""Five more rule sets by files alone; the two that were there are untouched."""

import csv
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlist.policy import engine, services
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.types import CallValues, MissingCallValue, Sheet, StepKind
from greenlist.policy.facts_table import FACTS
from tests.policy.conftest import FIXTURES, files_of
from tests.policy.test_cases import bind, policy_of

NEW = ("hebei-national", "heilongjiang", "heilongjiang-national", "jieyang", "jieyang-province")
UNSEEN = ("hebei-provincial",)  # its text was not seen: nothing of it stands in the table of clauses
CATEGORIES = ("factory", "park", "supply_chain")
KINDS = {"eligibility", "veto", "standard"}


@pytest.mark.clause("QHD-N0", "SJZ-all")
def test_more_rule_sets_leave_the_first_two_as_they_were(tmp_path: Path) -> None:
    """The identity of a version, which calls pin, is the same with the other five beside it and without them."""
    first = ("qinhuangdao", "shijiazhuang")
    for part in ("criteria", "forms", "factors"):
        shutil.copytree(FIXTURES / part, tmp_path / part)
    for slug in first:
        shutil.copytree(FIXTURES / "policies" / slug, tmp_path / "policies" / slug)
    alone, together = dict(services.check_policies(folder=tmp_path)), dict(services.check_policies(folder=FIXTURES))
    assert set(together) - set(alone) == {*NEW, *UNSEEN}
    assert {slug: together[slug] for slug in first} == {slug: alone[slug] for slug in first}
    for slug in first:  # and what a call of theirs binds holds nothing of a category or year
        policy = engine.load(files_of(slug), FACTS)
        given = CallValues(values=engine.suggest(policy, 2026) | {"county_by": "2026-05-31"})
        plain = engine.bind(policy, given)
        narrowed = engine.bind(policy, replace(given, category="factory", year=2026))
        assert plain.digest == narrowed.digest
        assert (plain.steps, plain.rules, plain.vetoes) == (narrowed.steps, narrowed.rules, narrowed.vetoes)


def test_every_clause_of_the_table_is_in_its_rule_set() -> None:
    with (Path(__file__).parents[1] / "clauses.csv").open(encoding="utf-8", newline="") as source:
        wanted = {row["id"] for row in csv.DictReader(source) if row["id"].split("-")[0] in {"HEB", "JY", "HLJ"}}
    found = set().union(*(policy_of(slug).clauses for slug in NEW))
    assert wanted == found


def test_a_rule_set_whose_text_was_not_seen_says_so_in_every_clause() -> None:
    for slug in UNSEEN:
        assert all(clause.unverified for clause in policy_of(slug).clauses.values())


@pytest.mark.parametrize("slug", NEW)
def test_every_sentence_is_there_in_both_languages(slug: str) -> None:
    for clause in policy_of(slug).clauses.values():
        assert clause.text.zh
        assert clause.text.en
        assert clause.article


@pytest.mark.parametrize("slug", (*NEW, *UNSEEN))
@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("mode", ["self", "body"])
@pytest.mark.clause("HEB-1a", "JY-2", "JY-11b", "HLJ-12")
def test_each_category_has_its_form_for_each_way_of_evaluating(slug: str, category: str, mode: str) -> None:
    bound = bind(slug, category)
    step = engine.route(bound, category, mode)[0]
    form = bound.forms[step.form_for(mode)]
    told = {field.fact for section in form.sections for field in section.fields if field.fact}
    asked = {test.fact for rule in bound.rules for test in rule.tests if FACTS[test.fact].written.startswith("answer")}
    assert asked <= told  # what the rules ask of the form, the form asks the applicant


@pytest.mark.parametrize(
    ("slug", "stations"),
    [
        ("hebei-national", "fill city consult send select outcome"),
        ("hebei-provincial", "fill city send outcome"),
        ("jieyang", "fill county send conformity panel decide notice publish"),
        ("jieyang-province", "fill county send consult forward outcome"),
        ("heilongjiang", "fill city send recheck panel meeting ecology notice approve publish"),
        ("heilongjiang-national", "fill city send select consult forward outcome"),
    ],
)
@pytest.mark.clause("HEB-3e", "JY-12", "JY-16", "HLJ-16a", "HLJ-20b")
def test_the_route(slug: str, stations: str) -> None:
    for category in CATEGORIES:
        assert [step.key for step in engine.route(bind(slug, category), category, "self")] == stations.split()


@pytest.mark.parametrize(
    ("slug", "days"),
    [
        ("hebei-national", {"send": "2026-06-30"}),  # the call's own day (HEB-3c)
        ("jieyang", {"fill": "2026-04-30", "send": "2026-05-20"}),
        ("jieyang-province", {"county": "2026-05-20", "send": "2026-05-20", "forward": "2026-06-30"}),
        ("heilongjiang-national", {"send": "2026-06-30", "forward": "2026-07-31"}),
    ],
)
@pytest.mark.clause("HEB-3c", "JY-11a", "JY-13", "JY-16", "HLJ-21d")
def test_the_last_days(slug: str, days: dict[str, str]) -> None:
    steps = bind(slug, "factory").steps
    assert {step.key: step.due.on.isoformat() for step in steps if step.due and step.due.on} == days


@pytest.mark.clause("HEB-3e")
def test_hebei_has_no_score_panel_or_notice() -> None:
    bound = bind("hebei-national", "factory")
    assert not bound.scores
    assert not {StepKind.PANEL, StepKind.NOTICE} & {step.kind for step in bound.steps}


@pytest.mark.parametrize("slug", ["jieyang", "heilongjiang"])
@pytest.mark.clause("JY-15b", "HLJ-18b")
def test_eighty_points_pass(slug: str) -> None:
    bound = bind(slug, "factory")
    passed = [engine.aggregate(bound, [Sheet("a", Decimal(n))], "overall").passed for n in ("79.9", "80", "80.0")]
    assert passed == [False, True, True]


@pytest.mark.clause("HLJ-20a")
def test_heilongjiang_gives_fifteen_calendar_days() -> None:
    notice = bind("heilongjiang", "park").first(StepKind.NOTICE).notice
    assert notice is not None
    assert (notice.days, notice.unit) == (15, "calendar")


@pytest.mark.clause("JY-15a")
def test_a_call_of_jieyang_must_say_how_long_its_notice_lasts() -> None:
    with pytest.raises(MissingCallValue) as missing:
        engine.bind(policy_of("jieyang"), CallValues())
    assert ("notice_days", "JY-15a") in missing.value.missing


@pytest.mark.clause("JY-28", "HLJ-39")
def test_the_drafts_say_so_and_leave_their_days_open() -> None:
    heads: dict[str, Any] = {slug: policy_of(slug).header for slug in NEW}
    assert {slug: head.status for slug, head in heads.items() if head.status == "draft"}.keys() == set(NEW[1:])
    assert (heads["jieyang"].term_years, heads["jieyang"].ends_on, heads["heilongjiang"].term_years) == (5, None, None)


@pytest.mark.parametrize(
    ("slug", "clauses"),
    [
        ("hebei-national", ("HEB-2.1a", "HEB-2.2c", "HEB-2.3a")),
        ("jieyang", ("JY-8.2", "JY-8.2", "JY-8.2")),
        ("heilongjiang", ("HLJ-22", "HLJ-22", "HLJ-22")),
    ],
)
@pytest.mark.clause("HEB-2.1a", "HEB-2.2c", "HEB-2.3a", "JY-8.2", "HLJ-22")
def test_which_standard_judges_each_category(slug: str, clauses: tuple[str, ...]) -> None:
    """The industry's own set where there is one, else the general one; parks by their one set."""
    sets = [load_criteria(path.stem, path.read_bytes()) for path in (FIXTURES / "criteria").glob("*.toml")]
    for category, wanted, clause in zip(CATEGORIES, ("factory-2018", "park-2024", "supply-2024"), clauses, strict=True):
        found, reason = engine.criteria_for(bind(slug, category), category, "3911", 2026, sets)
        assert (found, reason.clause, reason.part) == (wanted, clause, "all")
    own, reason = engine.criteria_for(bind(slug, "factory"), "factory", "3011", 2026, sets)
    assert (own, reason.code, reason.clause) == ("cement-2025", "industry", clauses[0])
    assert (
        engine.criteria_for(bind(slug, "factory"), "factory", "3011", 2024, sets)[0] == "factory-2018"
    )  # not yet then


@pytest.mark.parametrize(("slug", "pairs"), [
    ("hebei-national", {"no_veto": "HEB-1d.0", "experience": "HEB-4a", "report_form": "HEB-1e"}),
    ("heilongjiang", {"legal": "HLJ-6", "operation": "HLJ-6", "supervision": "HLJ-6", "standard": "HLJ-6"}),
    ("heilongjiang-national", {"legal": "HLJ-6", "opinion": "HLJ-14a"}),
])  # fmt: skip
@pytest.mark.clause("HEB-1e", "HLJ-6", "HLJ-14a")
def test_what_the_city_must_find(slug: str, pairs: dict[str, str]) -> None:
    items = {item.key: item.clause for item in bind(slug, "factory").checklists["city"].items}
    assert pairs.items() <= items.items()


@pytest.mark.clause("JY-9", "JY-10", "JY-12", "HLJ-7", "HLJ-8")
def test_what_only_parks_or_supply_chain_firms_are_asked() -> None:
    def keys(slug: str, checklist: str, category: str) -> set[str]:
        return set(bind(slug, category).checklists[checklist].keys)

    assert {"form", "true", "complete"} <= keys("jieyang", "county", "factory")
    assert {"many_factories", "park_plan"} <= keys("jieyang", "county", "park")
    assert {"leading", "own_factory", "supplier_plan"} <= keys("jieyang", "county", "supply_chain")
    assert not {"many_factories", "leading"} & keys("jieyang", "county", "factory")
    assert {"park_plan", "park_standard"} <= keys("heilongjiang", "city", "park")
    assert {"chain_supervision", "suppliers"} <= keys("heilongjiang", "city", "supply_chain")


@pytest.mark.clause("HEB-A1")
def test_the_summary_table_has_the_columns_of_its_section() -> None:
    shared = ["序号", "第三方机构名称", "是否列入省级绿色名单"]
    for category, own in [
        ("factory", "工厂名称 行业 绿色工厂"),
        ("park", "园区名称 类型 绿色工业园区"),
        ("supply_chain", "企业名称 行业 绿色供应链管理企业"),
    ]:
        name, last, section = own.split()
        table = bind("hebei-national", category).tables["summary"]
        assert [column.label.zh for column in table.columns] == [shared[0], name, shared[1], last, shared[2]]
        assert table.section.zh == f"{section}推荐名单"
    assert table.title.zh == "{area}{year}年度国家绿色制造名单推荐汇总表"


@pytest.mark.clause("HEB-4a")
@pytest.mark.parametrize(
    ("category", "intro", "required"), [("factory", 200, True), ("park", 500, True), ("supply_chain", 200, False)]
)
@pytest.mark.parametrize("mode", ["self", "body"])
def test_the_lengths_of_a_typical_experience_are_enforced(category: str, intro: int, required: bool, mode: str) -> None:
    bound = bind("hebei-national", category)
    form = bound.forms[bound.steps[0].form_for(mode)]
    section = form.section("experience")
    right = {
        "insight": "字" * 50, "headline": "题", "introduction": "字" * intro, "done": "做", "next": "措",
        **{f"highlight_{n}": "字" * 5 for n in (1, 2, 3)}, **{f"highlight_{n}_text": "字" * 200 for n in (1, 2, 3)},
    }  # fmt: skip
    files = {f"experience.highlight_{n}_pictures": 1 for n in (1, 2, 3)}

    def codes(**changes: str) -> list[tuple[str, str]]:
        problems = engine.forms.validate_section(section, right | changes, files)
        return [(problem.path.removeprefix("experience."), problem.code) for problem in problems]

    assert codes() == []
    assert codes(insight="字" * 51) == [("insight", "too_long")]
    assert codes(introduction="字" * (intro + 1)) == [("introduction", "too_long")]
    assert codes(highlight_1="字" * 4, highlight_2="字" * 11) == [
        ("highlight_1", "too_short"),
        ("highlight_2", "too_long"),
    ]
    assert codes(highlight_3_text="字" * 199) == [("highlight_3_text", "too_short")]
    assert codes(highlight_3_text="字" * 401) == [("highlight_3_text", "too_long")]
    assert codes(highlight_3_text="A" * 400) == []  # a letter counts as a character does
    missing = engine.forms.validate_section(section, {}, {})
    assert bool(missing) is required


@pytest.mark.parametrize("slug", ["jieyang", "heilongjiang"])
def test_only_hebei_asks_for_a_typical_experience(slug: str) -> None:
    for category in CATEGORIES:
        bound = bind(slug, category)
        assert "experience" not in {
            section.key for key in bound.steps[0].every_form for section in bound.forms[key].sections
        }


@pytest.mark.clause("JY-11b", "HLJ-6", "HLJ-38")
def test_sections_that_belong_to_one_rule_set_only() -> None:
    def sections(slug: str) -> set[str]:
        return {section.key for section in bind(slug, "factory").forms["factory-national-1"].sections}

    assert "staff" in sections("jieyang")
    assert "staff" not in sections("heilongjiang") | sections("hebei-national")
    assert "conditions" in sections("heilongjiang")
    assert "conditions" not in sections("jieyang")


@pytest.mark.clause("HEB-1b", "HEB-2.4a", "HEB-2.4b", "HEB-2.4c", "HEB-2.4d", "HLJ-23", "HLJ-24b", "HLJ-26", "JY-11c")
def test_what_is_asked_of_third_party_bodies() -> None:
    raw = {slug: {row["key"]: row for row in policy_of(slug).raw["policy.toml"]["body"]} for slug in NEW}
    heb, hlj, jy = raw["hebei-national"], raw["heilongjiang"], raw["jieyang"]
    assert (heb["cap"]["limit"], heb["cap"]["per"], heb["cap"]["group"]) == (15, "batch", "legal_person")
    assert (hlj["cap"]["limit"], hlj["cap"]["per"], hlj["cap"]["group"]) == (
        15,
        "calendar_year",
        "legal_representative",
    )
    assert hlj["cap"]["tiers"] == ["nation"]
    assert (heb["ban"]["years"], hlj["ban"]["years"], heb["diagnosis"]["years"]) == (3, 3, 3)
    assert (hlj["staff"]["if"], hlj["senior"]["if"]) == (
        ["body.staff_middle_or_above", ">=", 10], ["body.staff_senior", ">=", 5]
    )  # fmt: skip
    assert {row["by"] for row in jy.values() if row["kind"] == "statement"} == {"body", "applicant"}
    assert raw["heilongjiang-national"].keys() == hlj.keys()


# ---- an eighth place ----------------------------------------------------------------------------------------------------
EIGHTH = (
    ('slug = "heilongjiang"', 'slug = "bashi"'), ('owner = "230000"', 'owner = "990100"'), ("HLJ", "BSS"),
    ('list = "province"', 'list = "city"'), ('by = "city"', 'by = "county"'), ('to = "province"', 'to = "city"'),
    ('by = "province"', 'by = "city"'), ('["city"]', '["county"]'), ("pass = 80", "pass = 75"), ("days = 15", "days = 10"),
)  # fmt: skip


def copied() -> dict[str, bytes]:
    """The province's files with a city's words: what somebody who copies the folder would change in an editor."""
    found = {}
    for name, content in files_of("heilongjiang").items():
        text = content.decode()
        for old, new in EIGHTH:
            text = text.replace(old, new)
        found[name] = text.encode()
    return found


@pytest.mark.clause("HLJ-10b")
def test_an_eighth_place_is_a_copied_folder_and_no_code() -> None:
    """A city that follows the province's pattern: other tiers, points, days and clause numbers, by files alone."""
    policy = engine.load(copied(), FACTS)
    values = {"apply_by": "2027-03-01", "city_by": "2027-04-01", "notice_first_day": "next", "edition": "factory-2025"}
    bound = engine.bind(policy, CallValues(values, category="park", year=2027))
    assert (policy.header.slug, policy.header.tier, policy.prefix) == ("bashi", "city", "BSS")
    assert [step.by for step in bound.steps][:4] == ["applicant", "county", "county", "city"]
    assert {clause.split("-")[0] for clause in policy.clauses} == {"BSS"}
    notice = bound.first(StepKind.NOTICE).notice
    assert notice is not None
    assert (notice.days, notice.clause) == (10, "BSS-20a")
    passed = [engine.aggregate(bound, [Sheet("a", Decimal(n))], "overall").passed for n in ("74.9", "75")]
    assert passed == [False, True]
    half = engine.check(bound, "apply", {"park.added_value_share": 50}, (), date(2027, 2, 1))
    finding = next(one for one in half if one.rule == "eligibility.added_value")
    assert (finding.blocks, finding.clause) == (True, "BSS-7")
    experience = bound.forms[bound.steps[0].form_for("self")].sections
    assert "experience" not in {section.key for section in experience}  # nobody asks for it here

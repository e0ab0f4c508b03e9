"""QHD-N0: rules of the cover notice belong to one call; each later call keeps, edits or drops them. And SJZ has none."""

from datetime import date

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import (
    BadCallValue,
    CallValues,
    Candidate,
    Event,
    Held,
    Layer,
    MissingCallValue,
    Outcome,
    Severity,
    StepKind,
)

ON = date(2024, 5, 20)
NATIONAL = Held("nation", "国家级绿色工厂 2023 年度")
PROVINCIAL = Held("province", "河北省绿色工厂 2022 年第1批")
CITY = Held("city", "秦皇岛市第1批")


def findings(bound, facts, point="apply", events=()):
    return {finding.rule: finding for finding in engine.check(bound, point, facts, events, ON)}


# ---- N0 -------------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N0")
def test_a_finding_says_which_of_the_two_texts_it_comes_from(qhd):
    facts = qhd.facts(site__titles__same_category=(PROVINCIAL,))
    found = findings(qhd.bind(), facts, events=[Event("safety", date(2023, 1, 1), Severity.MAJOR)])
    assert (found["prerequisite.not_higher"].layer, found["veto.accident"].layer) == (Layer.CALL, Layer.GUIDE)


@pytest.mark.clause("QHD-N0")
def test_a_later_call_shows_each_rule_of_the_notice(qhd):
    shown = {rule.id: rule for rule in qhd.policy.layer}
    assert list(shown) == ["N2a", "N2b", "N3b", "N3c", "N3d", "N4a", "N4b", "N4d", "N5"]
    assert all(rule.clause == f"QHD-{rule.id}" and rule.text.zh and rule.text.en for rule in shown.values())
    assert shown["N4b"].asks == ("county_by",)
    assert shown["N2b"].asks == ("priority_industries",)


@pytest.mark.parametrize("rule", ["N2a", "N2b", "N3b", "N3c", "N3d", "N4a", "N4b", "N4d", "N5"])
@pytest.mark.clause("QHD-N0")
def test_each_rule_of_the_notice_can_be_dropped_and_the_guide_stays(qhd, rule):
    whole, without = qhd.bind(), qhd.bind(layer={rule: "drop"})
    assert whole.clause(f"QHD-{rule}") is not None
    assert without.clause(f"QHD-{rule}") is None
    assert without.clause("QHD-5.4") is not None
    assert [step.key for step in without.steps] == [step.key for step in whole.steps]
    assert without.digest != whole.digest
    cited = {item.clause for item in without.checklists["county"].items} | {found.clause for found in without.rules}
    assert f"QHD-{rule}" not in cited


@pytest.mark.clause("QHD-N0")
def test_the_layer_as_a_call_stores_it(qhd):
    stored = {"QHD-N3c": {"use": "drop"}, "QHD-N2a": {"use": "edit", "text": "仅核查落后设备"}, "N4a": {"use": "keep"}}
    bound = qhd.bind(layer=stored)
    assert bound.clause("QHD-N3c") is None
    assert bound.clause("QHD-N2a").text.zh == "仅核查落后设备"
    assert CallValues.from_json(bound.call.as_json()) == CallValues.from_json(bound.call.as_json())
    with pytest.raises(BadCallValue):
        qhd.bind(layer={"N3c": "perhaps"})


# ---- N2a ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("item", ["peers", "obsolete"])
@pytest.mark.clause("QHD-N2a")
def test_a_no_to_regional_lead_or_obsolete_equipment_blocks_recommendation(qhd, item):
    bound = qhd.bind()
    answers = dict.fromkeys(bound.checklists["county"].keys, "yes")
    assert not any(finding.blocks for finding in engine.judge(bound, "county", answers))
    blocked = [finding for finding in engine.judge(bound, "county", answers | {item: "no"}) if finding.blocks]
    assert [(f.rule, f.clause, f.layer) for f in blocked] == [(f"checklist.county.{item}", "QHD-N2a", Layer.CALL)]


@pytest.mark.clause("QHD-N2a")
def test_motors_and_transformers_are_named(qhd):
    item = qhd.bind().checklists["county"].item("obsolete")
    assert "电机" in item.text.zh and "变压器" in item.text.zh
    fields = {field.key for field in qhd.bind().forms["factory-self-1"].section("cover").fields}
    assert {"no_motors", "no_transformers"} <= fields


@pytest.mark.clause("QHD-N2a", "QHD-N0")
def test_without_the_rule_neither_the_county_nor_the_firm_is_asked(qhd):
    bound = qhd.bind(layer={"N2a": "drop"})
    assert not {"peers", "obsolete"} & set(bound.checklists["county"].keys)
    assert "cover" not in [section.key for section in bound.forms["factory-self-1"].sections]


# ---- N2b ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "badge"),
    [("3912", "新一代电子信息"), ("2710", "生物医药"), ("3581", "生物医药"), ("3411", "先进装备制造"),
     ("1411", "现代食品"), ("3011", None), ("1711", None)],
)  # fmt: skip
@pytest.mark.clause("QHD-N2b")
def test_priority_industries_are_shown_as_badges(qhd, code, badge):
    badges = engine.badges(qhd.bind(), qhd.facts(org__industry=code))
    assert [(found.label.zh, found.clause) for found in badges] == ([(badge, "QHD-N2b")] if badge else [])


@pytest.mark.clause("QHD-N2b")
def test_priority_orders_and_never_blocks(qhd):
    units = [Candidate(name, qhd.facts(org__industry=code)) for name, code in
             [("cement", "3011"), ("chips", "3973"), ("cloth", "1711"), ("bread", "1411")]]  # fmt: skip
    order = engine.order(qhd.bind(), units)
    assert [(ranked.ref, ranked.position) for ranked in order] == [
        ("chips", 1), ("bread", 2), ("cement", 3), ("cloth", 4)
    ]  # fmt: skip
    found = findings(qhd.bind(), qhd.facts(org__industry="3011"), point="recommend")
    assert {finding.outcome for finding in found.values()} == {Outcome.CLEAR}


@pytest.mark.parametrize(
    ("ranks", "moved"),
    [((), ()), ((1, 2, 3), ()), ((1, 1, 2), ()), ((2, 1, 1), (0,)), ((3, 1, 2), (0,)), ((1, 3, 2, 4), (1,)),
     ((2, 3, 4, 1), (3,)), ((3, 2, 1), (0, 1))],
)  # fmt: skip
def test_as_few_units_as_can_be_are_said_to_be_moved(ranks, moved):
    assert engine.out_of_order(ranks) == frozenset(moved)


@pytest.mark.clause("QHD-N2b")
def test_the_rule_set_says_what_decides_the_order(qhd):
    rule = engine.order_rule(qhd.bind(), "send")
    assert (rule.by, rule.otherwise, rule.clause) == (("priority",), Outcome.CLEAR, "QHD-N2b")
    without = engine.order_rule(qhd.bind(layer={"N2b": "drop"}), "send")
    assert (without.by, without.otherwise, without.clause) == (("priority", "score"), Outcome.CLEAR, "")


@pytest.mark.clause("QHD-N2b", "QHD-N0")
def test_the_call_may_edit_the_list_of_industries(qhd):
    bound = qhd.bind(priority_industries=["food"])
    assert not engine.badges(bound, qhd.facts(org__industry="3912"))
    assert engine.badges(bound, qhd.facts(org__industry="1411"))
    with pytest.raises(BadCallValue):
        qhd.bind(priority_industries=["steel"])


# ---- N3 -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        ((), Outcome.CLEAR),
        ((CITY,), Outcome.CLEAR),
        ((PROVINCIAL,), Outcome.BLOCK),
        ((NATIONAL,), Outcome.BLOCK),
        ((CITY, PROVINCIAL, NATIONAL), Outcome.BLOCK),
    ],
)
@pytest.mark.clause("QHD-N3c")
def test_a_provincial_or_national_title_bars_and_the_listing_is_named(qhd, held, outcome):
    finding = findings(qhd.bind(), qhd.facts(site__titles__same_category=held))["prerequisite.not_higher"]
    assert (finding.outcome, finding.clause, finding.layer) == (outcome, "QHD-N3c", Layer.CALL)
    assert finding.evidence == tuple(title.listing for title in held if title.tier != "city")


@pytest.mark.clause("QHD-N3c", "QHD-N0")
def test_a_later_call_without_the_ban_lets_holders_apply(qhd):
    facts = qhd.facts(site__titles__same_category=(PROVINCIAL,))
    assert findings(qhd.bind(), facts)["prerequisite.not_higher"].blocks
    assert "prerequisite.not_higher" not in findings(qhd.bind(layer={"N3c": "drop"}), facts)


def test_the_declaration_is_of_the_notice_and_stays_as_the_portals_own(qhd):
    declared = qhd.bind().declaration
    assert (declared.clause, declared.layer) == ("QHD-N3b", Layer.CALL)
    assert all(word in declared.text.zh for word in ("真实", "合法", "完整"))
    assert qhd.bind().step("fill").declaration
    alone = qhd.bind(layer={"N3b": "drop"}).declaration
    assert (alone.text, alone.clause, alone.layer) == (declared.text, "", Layer.PORTAL)


# ---- N4 and N5 ------------------------------------------------------------------------------------------------------
def test_letter_summary_reports_and_one_paper_copy_go_to_the_city(qhd):
    package = qhd.bind().step("send").package
    assert (set(package.documents), package.paper_copies) == ({"letter", "summary", "report"}, 1)
    assert package.clauses == ("QHD-8", "QHD-N4a")
    bare = qhd.bind(layer={"N4a": "drop"}).step("send").package
    assert (set(bare.documents), bare.paper_copies, bare.clauses) == ({"letter", "report"}, 0, ("QHD-8",))


@pytest.mark.clause("QHD-N4b")
def test_the_county_sends_by_31_may_that_day_included(qhd):
    due = qhd.bind(county_by="2024-05-31").step("send").due
    assert (due.on, due.clause) == (date(2024, 5, 31), "QHD-N4b")
    assert engine.due(due, 2024) == date(2024, 5, 31)
    assert engine.due(due, 2024, date(2024, 6, 7)) == date(2024, 6, 7)
    assert engine.closes_at(date(2024, 5, 31)).isoformat() == "2024-06-01T00:00:00+08:00"
    assert engine.suggest(qhd.policy, 2027)["county_by"] == "2027-05-31"
    assert qhd.bind(layer={"N4b": "drop"}, county_by=None).step("send").due is None


@pytest.mark.clause("QHD-N4b")
def test_a_call_without_the_date_is_refused_and_no_date_is_invented(qhd):
    with pytest.raises(MissingCallValue) as missing:
        qhd.bind(county_by=None)
    assert (missing.value.key, missing.value.clause) == ("county_by", "QHD-N4b")
    with pytest.raises(BadCallValue):
        qhd.bind(county_by="2024-02-30")
    with pytest.raises(MissingCallValue) as all_missing:
        engine.bind(qhd.policy, CallValues())
    assert [key for key, _clause in all_missing.value.missing] == [
        "county_by", "notice_first_day", "edition", "priority_industries"
    ]  # fmt: skip


@pytest.mark.clause("QHD-N4d")
def test_annexes_are_data_marked_unverified(qhd):
    table = qhd.bind().tables["summary"]
    assert table.unverified
    assert table.clause == "QHD-N4d"
    assert [column.label.zh for column in table.columns][:4] == ["序号", "企业名称", "统一社会信用代码", "所属县区"]
    assert qhd.policy.forms["factory-self-1"].unverified
    dropped = qhd.bind(layer={"N4d": "drop"})
    assert "summary" not in dropped.tables
    assert "summary" not in dropped.step("send").package


def test_the_call_brings_its_contacts(qhd):
    suggested = engine.suggest(qhd.policy, 2024)
    assert (suggested["contact_name"], suggested["contact_phone"]) == ("方升", "3800032")
    assert qhd.bind(contact_phone="0335-1234567").values["contact_phone"] == "0335-1234567"
    assert {qhd.policy.asks[key].clause for key in ("contact_office", "contact_name", "contact_phone")} == {"QHD-N5"}


# ---- Shijiazhuang ---------------------------------------------------------------------------------------------------
@pytest.mark.clause("SJZ-noN")
def test_shijiazhuang_has_none_of_the_cover_notice(sjz):
    bound = sjz.bind()
    assert not sjz.policy.layer
    assert not any(clause.layer is Layer.CALL for clause in sjz.policy.clauses.values())
    assert not [clause for clause in sjz.policy.clauses if not clause.startswith("SJZ-")]
    for held in [(PROVINCIAL,), (NATIONAL,)]:
        found = findings(bound, sjz.facts(site__titles__same_category=held))
        assert {finding.outcome for finding in found.values()} == {Outcome.CLEAR}
    assert not engine.badges(bound, sjz.facts(org__industry="3912"))
    assert not {"peers", "obsolete"} & set(bound.checklists["county"].keys)
    assert "cover" not in [section.key for section in bound.forms["factory-self-1"].sections]
    assert bound.step("send").due is None


@pytest.mark.clause("SJZ-noN")
def test_the_declaration_stays_as_the_portals_rule_and_cites_no_clause(sjz):
    declared = sjz.bind().declaration
    assert declared.text.zh
    assert (declared.clause, declared.layer) == ("", Layer.PORTAL)
    assert sjz.bind().step("fill").declaration


@pytest.mark.clause("SJZ-8")
def test_shijiazhuang_sends_recommendation_and_reports_and_nothing_else(sjz):
    package = sjz.bind().step("send").package
    assert (package.documents, package.paper_copies) == (("letter", "report"), 0)
    assert package.optional == ("summary",)
    assert "summary" in sjz.bind().tables
    assert package.clauses == ("SJZ-8",)


@pytest.mark.clause("SJZ-20")
def test_each_years_call_of_shijiazhuang_brings_its_own_date(sjz):
    due = sjz.bind(county_by="2025-04-30").step("send").due
    assert (due.on, due.clause) == (date(2025, 4, 30), "")


@pytest.mark.clause("SJZ-all")
def test_nothing_is_shared_between_the_two_at_run_time(qhd, sjz):
    mine, theirs = sjz.policy.raw, qhd.policy.raw
    assert sjz.policy.digest != qhd.policy.digest
    for text in (str(mine["policy.toml"]), str(mine["clauses.toml"])):
        assert "QHD" not in text and "秦皇岛" not in text and "130300" not in text
    assert "SJZ" not in str(theirs["policy.toml"])
    assert {step.clause.split("-")[0] for step in sjz.bind().steps} == {"SJZ"}
    assert sjz.bind().first(StepKind.NOTICE).notice.clause == "SJZ-10b"


@pytest.mark.clause("SJZ-all")
def test_the_guides_articles_are_the_same_in_both(qhd, sjz):
    def guide(policy):
        return [clause.id.split("-")[1] for clause in policy.clauses.values() if clause.layer is Layer.GUIDE]

    wanted = ["4", *(f"5.{n}" for n in range(10)), "6", "7", "8", "9", "10a", "10b", "11", "12a", "12b", "13a", "13b",
              "14.1", "14.2", "14.3", "14.4", "14.5", "15", "18", "20"]  # fmt: skip
    assert guide(sjz.policy) == guide(qhd.policy) == ["3", *wanted]

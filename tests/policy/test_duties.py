"""Who owes which table by when, as the shipped rule sets have it; and mistakes in the tables, by name."""

from datetime import date
from decimal import Decimal

import pytest

from greenlist.policy import engine
from greenlist.policy.engine import duties, plausibility
from greenlist.policy.engine.duties import Holder
from greenlist.policy.engine.plausibility import Known
from greenlist.policy.engine.types import BoundPolicy, PolicyErrors
from greenlist.policy.facts_table import FACTS
from tests.policy.conftest import files_of


def rules(slug: str, category: str = "factory") -> BoundPolicy:
    return engine.standing(engine.load(files_of(slug), FACTS), category)


def owed(slug: str, *tiers: str, category: str = "factory", key: str = "dynamic", **known) -> duties.Owed | None:
    duty = duties.of(rules(slug, category), key)
    return duties.owed(duty, Holder(category, frozenset(tiers), **known), 2027)


@pytest.mark.parametrize(
    ("slug", "tiers", "tier_of_form", "exempt", "instead"),
    [
        ("qinhuangdao", ["city"], ("city",), "", ""),
        ("qinhuangdao", ["city", "province"], ("city",), "QHD-12b", "province"),
        ("qinhuangdao", ["city", "nation"], ("city",), "QHD-12b", "nation"),
        ("qinhuangdao", ["city", "province", "nation"], ("city",), "QHD-12b", "nation"),
        ("shijiazhuang", ["city"], ("city",), "", ""),
        ("shijiazhuang", ["city", "province", "nation"], ("city",), "SJZ-12b", "nation"),
        ("jieyang", ["city"], ("city",), "", ""),
        ("jieyang", ["city", "province", "nation"], ("city", "province", "nation"), "", ""),
        ("heilongjiang", ["city"], ("city",), "", ""),
        ("heilongjiang", ["city", "province", "nation"], ("city", "province", "nation"), "", ""),
        ("heilongjiang", ["province", "nation"], ("province", "nation"), "", ""),
        ("hebei-provincial", ["city", "province"], ("province",), "", ""),
        ("hebei-national", ["city", "province", "nation"], ("nation",), "", ""),
    ],
)
@pytest.mark.clause("QHD-12b")
@pytest.mark.clause("JY-18")
@pytest.mark.clause("HLJ-27")
def test_who_files_with_whom(slug, tiers, tier_of_form, exempt, instead):
    found = owed(slug, *tiers)
    assert found is not None
    assert (found.tiers, found.exempt.clause if found.exempt else "", found.instead) == (tier_of_form, exempt, instead)


def test_of_two_higher_titles_the_national_table_is_filed():
    """With both titles neither the city's nor the province's table is asked for (QHD-12b)."""
    province = owed("hebei-provincial", "city", "province", "nation")
    assert province is not None
    assert province.exempt is not None
    assert province.instead == "nation"


@pytest.mark.parametrize("slug", ["qinhuangdao", "shijiazhuang", "jieyang", "heilongjiang"])
def test_who_is_on_no_list_owes_nothing(slug):
    assert owed(slug) is None


@pytest.mark.parametrize(
    ("slug", "day", "opens"),
    [
        ("jieyang", date(2027, 4, 15), date(2027, 2, 15)),
        ("heilongjiang", date(2027, 3, 30), date(2027, 2, 1)),
        ("qinhuangdao", None, None),
        ("shijiazhuang", None, None),
    ],
)
@pytest.mark.clause("HLJ-27")
def test_the_last_day_is_the_rule_sets_or_the_cycles(slug, day, opens):
    duty = duties.of(rules(slug), "dynamic")
    assert (duties.last_day(duty, 2027), duties.opening_day(duty, 2027)) == (day, opens)
    assert duty.is_asked is (day is None)
    assert duty.remind == (30, 15, 7, 3, 1, -1, -7)


@pytest.mark.parametrize("slug", ["jieyang", "heilongjiang", "hebei-national"])
@pytest.mark.parametrize(
    ("category", "form"),
    [("factory", "dynamic-factory-1"), ("park", "dynamic-park-1"), ("supply_chain", "dynamic-supply-1")],
)
def test_each_category_has_its_form(slug, category, form):
    found = owed(slug, "province", "nation", category=category)
    assert found is not None
    assert found.form == form


def test_the_opinion_of_a_document_names_the_points_of_article_30():
    duty = duties.of(rules("heilongjiang"), "dynamic")
    assert duty.opinion == "document"
    assert duty.review == ("city",)
    assert [key for key, _label in duty.points] == ["vetoes", "in_time", "truth", "accident", "changes"]


@pytest.mark.parametrize(
    ("tiers", "known", "owes", "exempt"),
    [
        ([], {"levels": frozenset({"province"})}, True, ""),
        ([], {"levels": frozenset({"county", "city"})}, False, ""),
        (["city"], {}, False, ""),
        (["city"], {"aspires": True}, True, ""),
        (["city"], {"aspires": True, "applied": True}, True, "JY-19"),
        ([], {"levels": frozenset({"province"}), "applied": True}, True, "JY-19"),
        (["nation"], {"aspires": True}, False, ""),
    ],
)
@pytest.mark.clause("JY-19")
def test_who_hands_in_an_evaluation_report_again(tiers, known, owes, exempt):
    found = owed("jieyang", *tiers, key="again", **known)
    assert (found is not None) is owes
    if found is not None:
        assert (found.exempt.clause if found.exempt else "") == exempt
        assert found.duty.review_due == (5, 20)


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('who = "listed"', 'who = "nobody"', "who"),
        ('due = "$cycle.due"', 'due = "02-30"', "due"),
        ('due = "$cycle.due"', 'due = "$cycle.due"\nopens = "03-01"', "opens"),
        ('review = ["county", "city"]', 'review = ["village"]', "review"),
        ('review = ["county", "city"]', "", "review"),
        ('factory = "dynamic-factory-1"', 'factory = "nowhere-1"', "factory"),
        ("answer_days = 10", "answer_days = 10\nmood = 1", "mood"),
        ("answer_days = 10", "answer_days = 10\nlevels = [\"city\"]", "levels"),
        ("remind = [30, 15, 7, 3, 1, -1, -7]", 'remind = ["soon"]', "remind"),
        ('[duty.highest_tier_only]\nclause = "QHD-12b"', '[duty.highest_tier_only]\nclause = "QHD-99"', "clause"),
    ],
)  # fmt: skip
def test_mistakes_are_named(before, after, key):
    files = files_of("qinhuangdao")
    head, sign, tail = files["policy.toml"].decode().partition('[[duty]]\nkey = "dynamic"')
    assert before in tail
    with pytest.raises(PolicyErrors) as wrong:
        engine.load({**files, "policy.toml": (head + sign + tail.replace(before, after, 1)).encode()}, FACTS)
    assert any(error.key.endswith(f".{key}") for error in wrong.value.errors)


# ---- plausibility ---------------------------------------------------------------------------------------------------
def table(**economy) -> tuple:
    form = rules("jieyang").forms["dynamic-factory-1"]
    return form, {"basic": {"year": "2026"}, "economy": economy}


@pytest.mark.parametrize(
    ("now", "before", "code"),
    [
        ("1300", 1000, ""),  # 30 % is no jump yet
        ("1301", 1000, "jump"),
        ("700", 1000, ""),
        ("699", 1000, "jump"),
        ("10000", 1000, "jump"),  # ten times
        ("1000000", 1000, "unit"),  # a thousand times: t for kg
        ("0.1", 1000, "unit"),
        ("5", 0, "jump"),
        ("0", 0, ""),
    ],
)
def test_a_jump_wants_an_explanation(now, before, code):
    form, data = table(output=now)
    last = {"economy.output": Known(Decimal(before) * 10000, 2025)}
    found = plausibility.doubts(form, data, last, "3099")
    assert [one.code for one in found] == ([code] if code else [])


def test_nothing_is_doubted_without_a_year_before():
    form, data = table(output="12345")
    assert plausibility.doubts(form, data, {}, "3099") == ()


def test_a_range_of_the_industry_is_a_doubt_and_no_error():
    form, data = table(output="1000")
    data["energy"] = {"use": [{"item": "electricity", "amount": "1"}]}
    assert {one.key for one in form.sections[3].fields} >= {"output"}
    assert plausibility._unusual(form.ranges, "energy.intensity", Decimal(40), "3011") is not None
    assert (
        plausibility._unusual(form.ranges, "energy.intensity", Decimal("0.01"), "3011") is not None
    )  # cement uses more
    assert plausibility._unusual(form.ranges, "energy.intensity", Decimal("0.01"), "3911") is None

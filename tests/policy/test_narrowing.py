"""What holds for one category only, a form by evaluation mode, a day of each year, and what a hit means at each point."""

from datetime import date

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import CallValues, Event, FieldType, Form, Outcome, PolicyErrors, Section, Text
from greenlist.policy.engine.types import Field as FormField
from greenlist.policy.facts_table import FACTS
from tests.policy.test_new_place import CLAUSES, FILES, FORM, POLICY

ON = date(2026, 5, 4)
SECOND = FORM.replace('key = "park-9"', 'key = "chain-9"').replace("share", "buyers")
TWO = (
    POLICY.replace('categories = ["park"]', 'categories = ["park", "supply_chain"]')
    .replace(
        'form = "park-9"',
        'forms = [{ categories = ["park"], form = "park-9" }, { categories = ["supply_chain"], mode = "self",'
        ' form = "chain-9" }, { categories = ["supply_chain"], mode = "body", form = "park-9" }]\n'
        'due = { each_year = "04-30", clause = "WZD-4" }',
    )
    .replace('subject = ["unit", "members"]', 'subject = ["unit"]\nat = { apply = "warn", list = "block" }')
    + """
[[veto]]
key = "removed"
categories = ["park"]
label = { zh = "被移出名单", en = "Taken off a list" }
event = ["removed_from_list"]
tiers = ["province", "nation"]
years = 3
clause = "WZD-2"
[[eligibility]]
key = "share"
categories = ["park"]
label = { zh = "占比超过 50%", en = "Over 50 %" }
if = ["park.added_value_share", ">", 50]
else = "block"
clause = "WZD-2"
"""
)
MORE = {**FILES, "policy.toml": TWO.encode(), "clauses.toml": CLAUSES.encode(), "forms/chain-9.toml": SECOND.encode()}


def bound(category: str, year: int | None = 2026):
    return engine.bind(engine.load(MORE, FACTS), CallValues(category=category, year=year))


def test_a_table_for_one_category_is_not_there_for_another():
    park, chain = bound("park"), bound("supply_chain")
    assert [veto.key for veto in park.vetoes] == ["accident", "removed"]
    assert [veto.key for veto in chain.vetoes] == ["accident"]
    assert [rule.key for rule in park.rules] == ["share"]
    assert not chain.rules


def test_the_form_follows_category_and_mode():
    assert bound("park").steps[0].form_for("self") == bound("park").steps[0].form_for("body") == "park-9"
    step = bound("supply_chain").steps[0]
    assert (step.form_for("self"), step.form_for("body")) == ("chain-9", "park-9")
    assert step.every_form == ("chain-9", "park-9")
    assert engine.forms_cited(MORE) == {"forms/park-9.toml", "forms/chain-9.toml"}


def test_a_category_or_mode_without_a_form_is_refused():
    lacking = TWO.replace('{ categories = ["supply_chain"], mode = "body", form = "park-9" }', "")
    with pytest.raises(PolicyErrors) as refused:
        engine.load({**MORE, "policy.toml": lacking.encode()}, FACTS)
    assert "names no form for supply_chain, body" in str(refused.value)


def test_a_day_of_each_year_is_a_day_of_the_calls_year():
    assert bound("park").steps[0].due.on == date(2026, 4, 30)
    assert bound("park", 2027).steps[0].due.on == date(2027, 4, 30)
    assert bound("park", None).steps[0].due.on is None


def test_a_hit_may_warn_first_and_bar_later():
    event = Event("safety", date(2025, 1, 1))
    for point, outcome in [("apply", Outcome.WARN), ("list", Outcome.BLOCK)]:
        (finding,) = engine.check(bound("supply_chain"), point, {}, [event], ON)
        assert finding.outcome is outcome
    assert not engine.check(bound("supply_chain"), "recommend", {}, [event], ON)


@pytest.mark.parametrize(
    ("tier", "outcome"),
    [("nation", Outcome.BLOCK), ("province", Outcome.BLOCK), ("city", Outcome.CLEAR), ("", Outcome.CONFIRM)],
)
def test_whose_list_a_removal_was_from_decides(tier, outcome):
    event = Event("removed_from_list", date(2025, 1, 1), tier=tier)
    findings = {one.rule: one for one in engine.check(bound("park"), "apply", {}, [event], ON)}
    assert findings["veto.removed"].outcome is outcome


@pytest.mark.parametrize(
    ("share", "outcome"),
    [("50", Outcome.BLOCK), ("50.1", Outcome.CLEAR), (None, Outcome.CONFIRM), ("", Outcome.CONFIRM)],
)
def test_an_answer_of_the_form_is_a_fact(share, outcome):
    asked = FormField(key="share", type=FieldType.NUMBER, label=Text("占比"), fact="park.added_value_share")
    form = Form(key="f", title=Text("f"), sections=(Section(key="only", title=Text("o"), fields=(asked,)),))
    facts = engine.forms.told(form, {"only": {"share": share}})
    findings = {one.rule: one for one in engine.check(bound("park"), "apply", facts, (), ON)}
    assert findings["eligibility.share"].outcome is outcome


@pytest.mark.parametrize(
    ("text", "given"),
    [("绿色", 2), ("绿色 ABC", 6), ("一\r\n二", 3), ("  绿  ", 1), ("e\u0301", 1), ("❤️", 1), (None, 0), ("", 0)],
)
def test_characters_are_counted_as_readers_count_them(text, given):
    assert engine.forms.characters(text) == given


def test_a_text_may_be_too_short():
    asked = FormField(key="title", type=FieldType.TEXT, label=Text("题目"), min_chars=5, max_chars=10)
    section = Section(key="only", title=Text("o"), fields=(asked,))

    def codes(text: str) -> list[str]:
        return [problem.code for problem in engine.forms.validate_section(section, {"title": text})]

    assert [codes("字" * n) for n in (4, 5, 10, 11)] == [["too_short"], [], [], ["too_long"]]
    assert not codes("")  # not required


def test_a_draft_may_leave_its_days_open_but_a_rule_in_force_may_not():
    without = TWO.replace(
        "issued_on = 2026-01-05\nin_force_from = 2026-02-01\nends_on = 2031-01-31\n", "term_years = 5\n"
    )
    header = engine.load({**MORE, "policy.toml": without.encode()}, FACTS).header
    assert (header.issued_on, header.in_force_from, header.ends_on, header.term_years) == (None, None, None, 5)
    with pytest.raises(PolicyErrors):
        engine.load({**MORE, "policy.toml": without.replace('"draft"', '"in_force"').encode()}, FACTS)

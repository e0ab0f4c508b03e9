"""A place nobody foresaw joins by files alone: other tiers of words, route, notice, form and questions; no code."""

from datetime import date
from decimal import Decimal

from greenlist.policy import engine
from greenlist.policy.engine.types import Calendar, CallValues, Event, Outcome, Result, Sheet, StepKind
from greenlist.policy.facts_table import FACTS

CLAUSES = """
[[clause]]
id = "WZD-1"
article = "第一条"
zh = "自评价或第三方评价。"
en = "Self-evaluation or a third party."
[[clause]]
id = "WZD-2"
article = "第二条"
zh = "任何安全事故均否决，园区内企业同样适用。"
en = "Any safety accident bars, of a member too."
[[clause]]
id = "WZD-3"
article = "第三条"
zh = "八十分及以上通过。"
en = "Eighty points pass."
[[clause]]
id = "WZD-4"
article = "第四条"
zh = "公示十五日。"
en = "Notice of fifteen days."
"""
POLICY = """
[policy]
slug = "wuzhou"
prefix = "WZD"
title = { zh = "五洲市绿色园区办法", en = "Rules of Wuzhou" }
owner = "wuzhou"
list = "city"
status = "draft"
issued_on = 2026-01-05
in_force_from = 2026-02-01
ends_on = 2031-01-31
issued_by = { zh = "五洲市工信局", en = "Wuzhou bureau" }
explained_by = { zh = "五洲市工信局", en = "Wuzhou bureau" }
explained_clause = "WZD-1"
clause = "WZD-1"
[who]
categories = ["park"]
clause = "WZD-1"
[evaluation]
modes = ["self", "body"]
clause = "WZD-1"
[declaration]
text = { zh = "属实。", en = "It is true." }
portal = true
[score.panel]
aggregate = "median"
pass = 80
spread = 15
clause = "WZD-3"
[[step]]
key = "fill"
kind = "draft"
title = { zh = "填报", en = "Fill in" }
by = "applicant"
form = "park-9"
point = "apply"
clause = "WZD-1"
[[step]]
key = "panel"
kind = "panel"
title = { zh = "评审", en = "Panel" }
by = "city"
score = "panel"
clause = "WZD-3"
[[step]]
key = "notice"
kind = "notice"
title = { zh = "公示", en = "Notice" }
by = "city"
point = "list"
notice = { days = 15, unit = "calendar", first_day = "next", clause = "WZD-4" }
clause = "WZD-4"
[[step]]
key = "publish"
kind = "announce"
title = { zh = "公布", en = "Publish" }
by = "city"
clause = "WZD-4"
[[veto]]
key = "accident"
label = { zh = "安全事故", en = "Safety accident" }
event = ["safety"]
at_least = "any"
years = 3
subject = ["unit", "members"]
clause = "WZD-2"
"""
FORM = """
[form]
key = "park-9"
title = { zh = "园区表", en = "Park form" }
[[section]]
key = "only"
title = { zh = "唯一一节", en = "The only section" }
clause = "1"
[[section.field]]
key = "share"
type = "number"
label = { zh = "增加值占比", en = "Share of added value" }
required = true
min = 0
max = 100
"""
FILES = {"policy.toml": POLICY.encode(), "clauses.toml": CLAUSES.encode(), "forms/park-9.toml": FORM.encode()}
ON = date(2026, 5, 4)


def test_an_invented_place_works_by_its_files_alone():
    policy = engine.load(FILES, FACTS)
    bound = engine.bind(policy, CallValues())
    assert [step.key for step in engine.route(bound, "park", "body")] == ["fill", "panel", "notice", "publish"]
    assert engine.after(bound, "fill", Result.PASSED).key == "panel"
    rule = bound.first(StepKind.NOTICE).notice
    assert engine.period(rule, ON, Calendar()).ends == date(2026, 5, 19)
    assert not engine.forms.validate(bound.forms["park-9"], {"only": {"share": "50.1"}})
    assert (policy.header.status, policy.header.ends_on) == ("draft", date(2031, 1, 31))


def test_its_own_words_for_vetoes_and_scores():
    bound = engine.bind(engine.load(FILES, FACTS), CallValues())
    own = Event("safety", date(2025, 1, 1))
    tenant = Event("safety", date(2025, 1, 1), subject="members")
    for events, outcome in [((), Outcome.CLEAR), ((own,), Outcome.BLOCK), ((tenant,), Outcome.BLOCK)]:
        (finding,) = engine.check(bound, "apply", {}, events, ON)
        assert (finding.outcome, finding.clause) == (outcome, "WZD-2")

    def score(*totals):
        return engine.aggregate(bound, [Sheet(str(n), Decimal(total)) for n, total in enumerate(totals)], "panel")

    assert (score("79", "80", "90").total, score("79", "80", "90").passed) == (Decimal("80.00"), True)
    assert score("79", "79.99", "90").passed is False
    assert [finding.code for finding in score("60", "90").findings] == ["score.spread"]
    assert not score("75", "90").findings
    assert (score().total, score().passed) == (None, None)

"""A place that nobody foresaw: another depth of tiers, other days, two departments asked, seventy-five points, ten calendar
days of notice. Nothing but the files below, and the one journey that every place goes.
"""

from __future__ import annotations

import pytest

from applications.selectors import rules_of
from greenlist.core.actors import SYSTEM
from greenlist.policy import services as policies
from tests import places
from tests.applications import county, filled
from tests.journeys.rounds import Place, Round
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(600), pytest.mark.django_db]

CLAUSES = "\n".join(
    f"""[[clause]]
id = "PZ-{number}"
article = "第{article}条"
zh = "{zh}"
en = "{en}"
"""
    for number, article, zh, en in (
        (1, "一", "每年申报一次，企业直接向市局申报。", "Once a year, straight to the city."),
        (2, "二", "市局审核。", "The city reviews."),
        (3, "三", "组织评审，七十五分及以上通过。", "Seventy-five points pass."),
        (4, "四", "征求水务、林业部门意见。", "Two departments are asked."),
        (5, "五", "审定名单。", "The list is decided."),
        (6, "六", "公示十日，自次日起算。", "Ten calendar days from the next day."),
        (7, "七", "公布名单。", "The list is published."),
        (8, "八", "近二年发生安全事故的不得列入。", "No safety accident within two years."),
    )
)
POLICY = """
[policy]
slug = "pingzhou"
prefix = "PZ"
title = { zh = "平洲市绿色工厂示例办法", en = "Rules of Pingzhou" }
owner = "990100"
list = "city"
status = "in_force"
issued_on = 2026-01-05
in_force_from = 2026-02-01
ends_on = 2031-01-31
issued_by = { zh = "平洲市工信局", en = "Pingzhou bureau" }
explained_by = { zh = "平洲市工信局", en = "Pingzhou bureau" }
explained_clause = "PZ-1"
clause = "PZ-1"
[rounds]
calls_per_year = 1
clause = "PZ-1"
[who]
categories = ["factory"]
clause = "PZ-1"
[evaluation]
modes = ["self"]
clause = "PZ-1"
[declaration]
text = { zh = "所填属实。", en = "It is true." }
portal = true
[score.panel]
aggregate = "median"
pass = 75
strict = true
clause = "PZ-3"
[[step]]
key = "fill"
kind = "draft"
title = { zh = "填报", en = "Fill in" }
by = "applicant"
form = "pingzhou-1"
declaration = true
point = "apply"
due = { each_year = "02-27", clause = "PZ-1" }
clause = "PZ-1"
[[step]]
key = "look"
kind = "screening"
title = { zh = "市局审核", en = "City review" }
by = "city"
checklist = "look"
point = "recommend"
four_eyes = true
returned = "fill"
failed = "rejected"
clause = "PZ-2"
[[step]]
key = "judge"
kind = "panel"
title = { zh = "评审", en = "Panel" }
by = "city"
reviewers = ["experts", "body"]
score = "panel"
returned = "look"
failed = "not_listed"
clause = "PZ-3"
[[step]]
key = "ask"
kind = "consult"
title = { zh = "征求意见", en = "Departments" }
by = "city"
four_eyes = true
failed = "not_listed"
clause = "PZ-4"
[step.consult]
days = 3
clause = "PZ-4"
departments = [
  { key = "water", label = { zh = "水务部门", en = "Water" } },
  { key = "forestry", label = { zh = "林业部门", en = "Forestry" } },
]
[[step]]
key = "settle"
kind = "decision"
title = { zh = "局务会审定", en = "Decision" }
by = "city"
record = true
four_eyes = true
failed = "not_listed"
clause = "PZ-5"
[[step]]
key = "show"
kind = "notice"
title = { zh = "公示", en = "Notice" }
by = "city"
point = "list"
four_eyes = true
failed = "not_listed"
notice = { days = 10, unit = "calendar", first_day = "next", clause = "PZ-6" }
clause = "PZ-6"
[[step]]
key = "list"
kind = "announce"
title = { zh = "公布", en = "Publish" }
by = "city"
point = "list"
four_eyes = true
failed = "not_listed"
clause = "PZ-7"
[[veto]]
key = "accident"
label = { zh = "安全事故", en = "Safety accident" }
event = ["safety"]
at_least = "any"
years = 2
clause = "PZ-8"
[checklist.look]
title = { zh = "审核表", en = "Checklist" }
[[checklist.look.item]]
key = "true"
group = "review"
text = { zh = "材料真实、完整", en = "True and complete" }
clause = "PZ-2"
[text.consultation]
title = { zh = "关于征求{year}年名单意见的函", en = "Request for opinions, {year}" }
body.zh = "拟认定{count}家单位，请反馈意见。"
clause = "PZ-4"
[text.notice]
title = { zh = "关于{year}年平洲市绿色工厂名单的公示", en = "Public notice, {year}" }
body.zh = "公示期为{starts}至{ends}。"
clause = "PZ-6"
[text.announcement]
title = { zh = "关于公布平洲市第{number}批绿色工厂名单的公告", en = "Batch {number}" }
body.zh = "现予公布{count}家。"
clause = "PZ-7"
[text.certificate]
title = { zh = "平洲市绿色工厂", en = "Green factory of Pingzhou" }
body.zh = "{name}列入第{number}批名单。"
portal = true
"""
FORM = """
[form]
key = "pingzhou-1"
title = { zh = "平洲市申报表", en = "Form" }
[[section]]
key = "only"
title = { zh = "基本情况", en = "The only section" }
clause = "1"
[[section.field]]
key = "staff"
type = "number"
label = { zh = "职工人数", en = "Staff" }
required = true
min = 1
[[section.field]]
key = "story"
type = "longtext"
label = { zh = "情况说明", en = "Story" }
required = true
"""
FILES = {"policy.toml": POLICY.encode(), "clauses.toml": CLAUSES.encode(), "forms/pingzhou-1.toml": FORM.encode()}
OFFICES: places.Offices = {
    "990000": ("示例省", "", "province", "示例省工业和信息化厅"),
    "990100": ("平洲市", "990000", "city", "平洲市工业和信息化局"),
    "990102": ("临江区", "990100", "county", "平洲市临江区工业和信息化局"),
}
PINGZHOU = Place(
    slug="pingzhou",
    owner="990100",
    applicant="pz_applicant",
    area="990102",
    people={"city": ("pz_handler", "pz_approver")},
    values={},
    days={
        "call": "2026-02-03T09:00",
        "fill": "2026-02-27T23:59",
        "look": "2026-03-09T09:00",
        "judge": "2026-03-16T09:00",
        "ask": "2026-03-23T09:00",
        "settle": "2026-04-13T09:00",
        "show": "2026-04-28T09:00",
        "list": "2026-05-11T09:00",
    },
    counted=("2026-04-29", "2026-05-08", 10),  # through the holidays of May
    score="75",
)


def test_the_same_journey_by_files_alone(world: World) -> None:
    county.load_rules()
    policies.store_uploaded(files=FILES, actor=SYSTEM, at=filled.SPRING, slug="pingzhou")
    places.join(world, OFFICES, {"pz_handler": ("990100", "handler"), "pz_approver": ("990100", "approver")})
    places.firm(world, "pz_applicant", "990102", 7401, "临江示例机械有限公司")
    story = Round(world, PINGZHOU)
    story.told()
    assert story.visited == ["look", "judge", "ask", "settle", "show", "list"]
    assert story.visited == [step.key for step in rules_of(story.call).steps][1:]
    assert story.decisions["settle"].frozen is None
    story.decisions["settle"].refresh_from_db()
    assert story.decisions["settle"].frozen["lines"]["pass"] == "75"

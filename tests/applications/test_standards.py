"""Which criteria set a report has, why, and what becomes of it when the industry is corrected."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from applications import selectors
from applications.documents import report
from applications.models import Application, Report, Section
from applications.selectors import drafts as reads
from applications.selectors import outside
from applications.selectors import standards as reading
from applications.services import drafts
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotVisible, WrongState
from greenlist.core.models import AuditEntry
from greenlist.policy import selectors as policy
from greenlist.policy import services as policies
from tests import factories
from tests.applications import filled, standards
from tests.policy.test_criteria import SMALL
from tests.world import World


def started(world: World, part: str = "", industry: str | None = None, **values: str) -> Application:
    if part:
        standards.load(part)
    else:
        filled.load_rules()
    if industry is not None:
        _set_industry(world, industry)
    return filled.start(world, filled.open_call(world, values=values))


def _set_industry(world: World, code: str) -> None:
    if code:
        factories.industry(code)
    world.org.industry_id = code or None
    world.org.save(update_fields=["industry"])


def told(case: Application) -> reading.Told:
    found = reading.told(case.report, _bound(case))
    assert found is not None
    return found


def _bound(case: Application) -> Any:
    return selectors.rules_of(case.call)


@pytest.mark.clause("QHD-5.9")
@pytest.mark.parametrize("edition", ["2018", "2025"])
def test_a_place_that_asks_for_the_basic_requirements_only(world: World, edition: str) -> None:
    case = started(world, edition=f"factory-{edition}")
    found = told(case)
    assert (found.edition, found.clause, found.is_whole) == (f"GB/T 36132-{edition}", "QHD-5.9", False)
    assert (case.report.criteria.criteria_set.slug, case.report.criteria.number) == (f"factory-{edition}", 1)
    assert not [one.key for one in reads.form_of(case).sections if one.key.startswith("c_")]
    assert policy.form_with(case.report.form_digest)


def test_a_place_that_asks_for_everything(world: World) -> None:
    case = started(world, 'set = "$call.edition"\npart = "all"', edition="factory-2025")
    keys = [one.key for one in reads.form_of(case).sections]
    assert keys[-7:] == ["c_basic", "c_inputs", "c_energy", "c_resources", "c_production", "c_product", "c_land"]
    assert set(keys) == set(Section.objects.filter(report=case.report).values_list("key", flat=True))
    schema = policy.form_with(case.report.form_digest)
    assert [one.key for one in schema.sections][-7:] == keys[-7:]
    assert case.report.form_digest != reads.form_digest(_bound(case), case.report.form)


def test_the_pages_say_which_and_why(world: World) -> None:
    case = started(world, 'set = "$call.edition"\npart = "all"', edition="factory-2025")
    client = world.client("applicant")
    for page in (
        reverse("applications:section", args=[case.reference, "c_energy"]),
        reverse("applications:case", args=[case.reference]),
    ):
        body = client.get(page).content.decode()
        assert "绿色工厂评价通则（GB/T 36132-2025）" in body
        assert "由申报通知指明" in body
        assert "第五条" in body
        assert "未取得标准原文" in body  # nobody has verified the figures of this set


@pytest.mark.clause("QHD-5.9")
def test_the_report_on_paper_and_the_empty_one_say_it_too(world: World) -> None:
    case = started(world, 'set = "$call.edition"\npart = "all"', edition="factory-2025")
    paper = report.unfinished(case)
    assert (paper.criteria, paper.criteria_why.split("（")[0]) == (
        "绿色工厂评价通则（GB/T 36132-2025）",
        "由申报通知指明",
    )
    assert "c_energy" in [part.key for part in paper.sections]
    assert "未取得标准原文" in paper.criteria_unverified
    page = render_to_string("applications/print_report.html", {"paper": paper})
    assert "未取得标准原文" in page
    doubted = render_to_string("applications/print_report.html", {"paper": replace(paper, doubts=("《系数》未核对",))})
    assert "尚未核实：《系数》未核对" in doubted
    empty = report.blank(case.call)
    assert "c_energy" in [part.key for part in empty.sections]
    assert empty.criteria == paper.criteria
    (_key, digest), *_more = outside.forms_of(case.call)
    assert digest == case.report.form_digest


@pytest.mark.clause("HEB-2.1a")
@pytest.mark.clause("HLJ-22")
@pytest.mark.parametrize(
    ("industry", "slug", "code"),
    [("3041", "small", "industry"), ("3021", "factory-2018", "general"), ("", "factory-2018", "general")],
)
def test_an_industry_with_its_own_set_is_judged_by_it(world: World, industry: str, slug: str, code: str) -> None:
    case = started(world, standards.BY_INDUSTRY, industry, edition="factory-2018")
    assert (case.report.criteria_why["slug"], case.report.criteria_why["code"]) == (slug, code)


def test_a_new_version_of_a_set_leaves_a_started_report_alone(world: World) -> None:
    case = started(world, standards.BY_INDUSTRY, "3041")
    newer = SMALL.replace("points = 40", "points = 35").replace("points = 30", "points = 35")
    policies.store_criteria(name="small.toml", content=newer.encode(), actor=SYSTEM, at=filled.SPRING)
    report = Report.objects.get(pk=case.report_id)
    found = reading.scored(report)
    assert found is not None
    assert found.row("one.share").points == 30
    assert policy.criteria("small").row("one.share").points == 35


# ---- a corrected industry -----------------------------------------------------------------------------------------------
SHARED = "c_basic"


def corrected(world: World) -> Application:
    """A draft begun under the general set, and a firm that turns out to make glass."""
    case = started(world, standards.BY_INDUSTRY, "3021", edition="factory-2025")
    for section, answers in ((SHARED, {"lawful": True}), ("c_energy", {"platform": [{"met": True}] * 12})):
        drafts.save_section(
            actor=world.actor("applicant"),
            at=filled.SPRING,
            reference=case.reference,
            section=section,
            answers=answers,
            version=0,
        )
    drafts.add_evidence(
        actor=world.actor("applicant"), at=filled.SPRING, reference=case.reference,
        section="c_energy", field="platform_evidence", upload=filled.picture("a.png"),
    )  # fmt: skip
    _set_industry(world, "3041")
    return Application.objects.select_related("report", "call__rules", "organisation").get(pk=case.pk)


def renew(world: World, case: Application, who: str = "applicant") -> Application:
    return drafts.renew_criteria(actor=world.actor(who), at=filled.SPRING, reference=case.reference)


def test_a_corrected_industry_is_told_and_the_set_changed_by_hand_only(world: World) -> None:
    case = corrected(world)
    assert case.report.criteria_why["slug"] == "factory-2025"
    page = (
        world.client("applicant").get(reverse("applications:section", args=[case.reference, SHARED])).content.decode()
    )
    assert "现在应适用另一评价指标体系" in page
    assert "小标准" in page
    world.client("applicant").post(reverse("applications:criteria", args=[case.reference]))
    case.report.refresh_from_db()
    assert case.report.criteria_why["slug"] == "small"


def test_answers_of_rows_that_both_sets_have_stay(world: World) -> None:
    case = corrected(world)
    before = {row.key: row.data for row in Section.objects.filter(report=case.report)}
    case = renew(world, case)
    after = {row.key: row.data for row in Section.objects.filter(report=case.report)}
    assert after[SHARED] == {"lawful": True}
    assert {key: after[key] for key in before if not key.startswith("c_")} == {
        key: data for key, data in before.items() if not key.startswith("c_")
    }
    assert set(after) == {one.key for one in reads.form_of(case).sections}
    assert "c_energy" not in after
    assert not reads.evidence_of(case.report)
    assert case.industry_code == "3041"
    entry = AuditEntry.objects.filter(action="case.criteria_renewed").latest("pk")
    assert entry.payload.data["lost"] == ["c_energy.platform", "c_energy.platform_evidence"]


def test_only_the_firm_changes_it_and_only_once(world: World) -> None:
    case = corrected(world)
    with pytest.raises(NotVisible):
        renew(world, case, "county_handler")
    renew(world, case)
    with pytest.raises(Invalid):
        renew(world, case)


def test_a_submitted_report_keeps_its_set(world: World) -> None:
    case = started(world, edition="factory-2018")
    filled.fill(world, case)
    filled.submit(world, case)
    with pytest.raises(WrongState):
        renew(world, case)


def test_a_draft_keeps_the_inputs_of_the_version_it_was_started_with(world: World) -> None:
    """A set whose figures were typed gets calculators: who began before goes on as before, page, workbook and all."""
    standards.load()
    file = Path(settings.POLICIES_DIR).parent / "criteria" / "factory-2025.toml"
    now = file.read_text(encoding="utf-8")
    typed = re.sub(r'(key = "energy"\n(?:.*\n){2})formula = .*\nformula_text = .*\n', r"\1", now, count=1)
    assert typed != now
    policies.store_criteria(name=file.name, content=typed.encode(), actor=SYSTEM, at=filled.SPRING)
    call = filled.open_call(world, values={"edition": "factory-2025"})
    before = filled.start(world, call)
    again = now.replace("total = 100", 'total = 100\nnote = "第三版"', 1)
    policies.store_criteria(name=file.name, content=again.encode(), actor=SYSTEM, at=filled.SPRING)
    after = filled.start(world, call, "rival", "rival")
    kinds = [reads.form_of(case).field("c_inputs.energy").type.value for case in (before, after)]
    assert kinds == ["number", "computed"]
    for case, who in ((before, "applicant"), (after, "rival")):
        page = world.client(who).get(reverse("applications:section", args=[case.reference, "c_inputs"]))
        assert page.status_code == 200
        book = world.client(who).get(reverse("applications:workbook-download", args=[case.reference]))
        assert book.status_code == 200

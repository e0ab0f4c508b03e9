"""A factory evaluated by a third-party body in a real browser: offer, calculator, files by button and by drop, preview,
statement, submission, judging. What is only typing was typed by services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Page, expect

from applications.models import Application, Evidence, Project
from applications.selectors import drafts as reads
from applications.services import drafts
from applications.states import State
from greenlist.accounts.models import User
from greenlist.policy.engine.types import FieldType
from greenlist.portal.demo.answers import PAPER
from tests import factories
from tests.applications import filled
from tests.conftest import CHINA
from tests.journeys.evaluation import HEILONGJIANG, Evaluation, issue
from tests.journeys.test_browser import Window
from tests.world import World, build_world

AT = "2026-03-11T09:00"
BY_HAND = ("c_energy.platform_evidence", "c_energy.renewable_evidence")
DROP = """([selector, name]) => {
  const data = new DataTransfer();
  const body = "%PDF-1.4\\n1 0 obj<</Type/Catalog>>endobj\\ntrailer<</Root 1 0 R>>\\n%%EOF\\n";
  data.items.add(new File([body], name, {type: "application/pdf"}));
  const form = document.querySelector(selector);
  for (const kind of ["dragenter", "dragover", "drop"])
    form.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
}"""


@pytest.fixture
def world(transactional_db: None) -> World:
    made = build_world()
    filled.load_rules()
    issue("heilongjiang")
    User.objects.update(password=make_password(factories.PASSWORD))
    return made


@pytest.fixture
def window(page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Window:
    return Window(page, live_server.url, monkeypatch)


@pytest.mark.browser
@pytest.mark.journey
@pytest.mark.timeout(300)
def test_a_factory_by_a_third_party_body_in_a_browser(world: World, window: Window, tmp_path: Path) -> None:
    told = Evaluation(world, HEILONGJIANG, "factory", "body")
    told.open_the_call()
    told.let_the_body_work()
    case = begin(window, told)
    agree(world, window, case)
    write(world, told, case)
    prove(window, case, tmp_path)
    submit(window, case)
    judge(window, case)
    assert window.errors == []


def begin(window: Window, told: Evaluation) -> Application:
    """The mode is chosen where the application is started."""
    window.day("2026-03-10T09:00")
    with window.as_person("hlj_applicant") as page:
        window.follow(f"/calls/{told.call.pk}/")
        window.follow(f"/calls/{told.call.pk}/apply/")
        page.check("main input[name=mode][value=body]")
        page.locator("main button[name=site]").click()
        page.wait_for_url("**/body/")
        page.select_option("main select[name=body]", str(told.world.orgs["evaluator"].pk))
        window.press("/body/ask/")
        window.said("已邀请")
    return Application.objects.get()


def agree(world: World, window: Window, case: Application) -> None:
    project = Project.objects.get()
    with window.as_person("evaluator") as page:
        window.follow(f"/projects/{project.reference}/")
        if page.locator("main input[name=agreed]").count():
            page.check("main input[name=agreed]")
        page.fill("main input[name=signed_name]", "赵示例")
        window.press("/accept/")
        window.said("申报单位尚未开放报告")
    with window.as_person("hlj_applicant") as page:
        window.go(f"/cases/{case.reference}/body/")
        page.fill("main input[name=ends_on]", "2026-03-31")
        window.press("/release/")
        window.said("2026-03-31")


def write(world: World, told: Evaluation, case: Application) -> None:
    """All but what the browser does, by services."""
    told.case = case
    told.fresh()
    actor, at = world.actor("evaluator"), datetime.fromisoformat(AT).replace(tzinfo=CHINA)
    form = reads.form_of(told.case)
    for section in form.sections:
        given: Mapping[str, Any] = {
            key: value
            for key, value in told.answers(section).items()
            if f"{section.key}.{key}" not in BY_HAND and not section.field(key).prefill
        }
        version = reads.draft_of(told.case, form).rows[section.key].version
        drafts.save_section(
            actor=actor, at=at, reference=case.reference, section=section.key, answers=given, version=version
        )
    for one in reads.missing(reads.draft_of(told.case, form).problems):
        section_, field = one.section, one.anchor
        if one.path not in BY_HAND and form.section(section_).field(field).type is FieldType.FILE:
            upload = filled.picture(f"{section_}-{field}.png")
            drafts.add_evidence(
                actor=actor, at=at, reference=case.reference, section=section_, field=field, upload=upload
            )


def prove(window: Window, case: Application, folder: Path) -> None:
    """The body at work: the calculator answers, files come by button and by drop, one serves two rows, one is looked at."""
    window.day(AT)
    with window.as_person("evaluator") as page:
        window.go(f"/cases/{case.reference}/fill/c_inputs/")
        page.fill("input[name='energy_table.0.amount_1']", "5600")
        year_before = page.locator("[data-computed='c_inputs.energy_table.tce_1']")
        expect(year_before).to_have_text("5,600.00", timeout=10_000)
        expect(page.locator("[data-computed='c_inputs.energy_table.tce']")).to_have_text("8,000.00")
        expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "saved", timeout=10_000)
        window.go(f"/cases/{case.reference}/fill/c_energy/")
        box = page.locator("#files-platform_evidence")
        papers = [folder / "能碳平台截图.pdf", folder / "平台验收报告.pdf"]
        for number, paper in enumerate(papers):
            paper.write_bytes(PAPER + b"%" + str(number).encode())
        box.locator("input[type=file]").set_input_files([str(one) for one in papers])
        box.locator("form[data-upload] button").click()
        for paper in papers:
            expect(box.get_by_role("link", name=paper.name, exact=True)).to_be_visible()
        page.evaluate(DROP, ["#files-platform_evidence form[data-upload]", "拖入的台账.pdf"])
        expect(box.get_by_role("link", name="拖入的台账.pdf", exact=True)).to_be_visible()
        other = page.locator("#files-renewable_evidence")
        other.locator("summary").click()
        other.locator("select[name=evidence]").select_option(label="平台验收报告.pdf")
        other.locator("form[action$='/files/use/'] button").click()
        expect(other.get_by_role("link", name="平台验收报告.pdf", exact=True)).to_be_visible()
        box.get_by_role("link", name="预览").first.click()
        page.wait_for_url("**/view/")
        expect(page.locator("main h1")).to_contain_text("能碳平台截图.pdf")
        page.locator("main details summary").click()
        expect(page.frame_locator("main iframe").locator("embed, body")).to_have_count(1)
        project = Project.objects.get()
        window.go(f"/projects/{project.reference}/")
        page.check("main input[name=agreed]")
        page.fill("main input[name=signed_name]", "赵示例")
        window.press("/sign/")
        window.said("已对现有报告签署承诺")
    rows = Evidence.objects.filter(report=case.report, section="c_energy", removed_at=None)
    assert rows.filter(field="platform_evidence").count() == 3
    shared = rows.get(field="renewable_evidence")
    assert rows.filter(field="platform_evidence", blob=shared.blob).exists()


def submit(window: Window, case: Application) -> None:
    window.day("2026-03-20T16:00")
    with window.as_person("hlj_applicant") as page:
        window.go(f"/cases/{case.reference}/check/")
        window.said("必填内容已全部填写")
        page.check("input[name=agreed]")
        window.save()
        page.wait_for_url("**/receipt/")
    case.refresh_from_db()
    assert case.state == State.SCREENING


def judge(window: Window, case: Application) -> None:
    """One row corrected with a reason: both values stand on the page."""
    window.day("2026-03-24T09:00")
    with window.as_person("hlj_city_handler") as page:
        window.go(f"/cases/{case.reference}/review/")
        window.follow("/review/rows/energy.renewable/")
        page.fill("input[name=value-value]", "4.76")
        page.fill("textarea[name=note]", "按绿色电力交易凭证核减")
        window.save()
        row = page.locator("#row-c_energy-renewable")
        expect(row).to_contain_text("4.76")
        expect(row.locator("del")).to_have_text("5.95")
        expect(row).to_contain_text("按绿色电力交易凭证核减")

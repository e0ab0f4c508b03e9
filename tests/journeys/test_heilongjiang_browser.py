"""黑龙江 in a real browser: from the call that is opened to the firm on the public list, everybody from the own work list.

What the firm fills in is filled by services (other browser journeys type it), a second unit joins before the panel so that
a draw, a ranking and an adjustment have something to tell apart; every step of the review is clicked.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Page, expect

from applications.models import Application, Batch, Call
from applications.services import calls
from applications.states import State
from greenlist.accounts.models import Authority, User
from registry.models import Announcement, Listing, Notice
from registry.states import NoticeState
from registry.tasks import close_notices
from reviews.models import Consultation, Decision, Draw, Panel
from tests import factories
from tests.applications import county, filled
from tests.conftest import CHINA
from tests.journeys.evaluation import issue
from tests.journeys.test_browser import Window
from tests.reviews import stage
from tests.world import World, build_world

ADVERSE = "近三年发生过环境污染事故，已立案。"
REASON = "已在市级培育库内，同意推荐。"


@pytest.fixture
def world(transactional_db: None) -> World:
    """A pool of the province's experts, its ecology department with an officer who answers in the portal."""
    made = build_world()
    county.load_rules()
    issue("heilongjiang")
    stage.pool(made, 4, authority="230000")
    province = made.authorities["230000"]
    ecology = Authority.objects.create(
        name="黑龙江省生态环境厅",
        area=province.area,
        tier="province",
        kind=Authority.Kind.DEPARTMENT,
        department="ecology",
    )
    officer = factories.person("省生态经办", username="hlj_ecology")
    factories.mandate(officer, "department", ecology)
    made.users["hlj_ecology"] = officer
    User.objects.update(password=make_password(factories.PASSWORD))
    return made


@pytest.fixture
def window(page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Window:
    return Window(page, live_server.url, monkeypatch)


@pytest.mark.browser
@pytest.mark.journey
@pytest.mark.timeout(400)
@pytest.mark.clause("HLJ-14a", "HLJ-16a", "HLJ-16b", "HLJ-17", "HLJ-18b", "HLJ-19", "HLJ-20a", "HLJ-20b")
def test_from_the_call_to_the_public_list(world: World, window: Window) -> None:
    call = publish_call(world, window)
    case = apply(world, window, call)
    city_review(window, case)
    recommend(window, case)
    recheck(window, case)
    other = stage.provincial(world, call, 6701, at=datetime(2026, 7, 6, 12, tzinfo=CHINA))
    panel = convene(window, case)
    score(window, panel, case, other)
    conclude(window, panel, case, other)
    meet(window, "meeting", "2026-08-03", [case, other])
    consult(window, case, other)
    notice = give_notice(window, case, other)
    meet(window, "approve", "2026-10-12", [case])
    announce(window, notice, case)
    look_it_up(window, case, other)
    assert [one for one in window.errors if "422" not in one] == []  # the sheet that was refused on purpose


def task(window: Window, part: str) -> Page:
    """What waits on the own work list and leads there."""
    page = window.go("/work/")
    found = page.locator(f"main a[href*='{part}']").first
    assert found.count(), f"nothing on the work list leads to {part}: {page.locator('main').inner_text()}"
    with page.expect_navigation():
        found.click()
    return page


def at_rail(window: Window, address: str) -> Page:
    window.page.locator(f"nav.rail a[href='{address}']").click()
    return window.page


def publish_call(world: World, window: Window) -> Call:
    """The draft is laid by service; the approver reads it, opens it, and everybody finds it."""
    window.day("2026-03-02T09:00")
    values = {"apply_by": "2026-04-30", "city_by": "2026-06-30", "edition": "factory-2018", "notice_first_day": "next"}
    draft = filled.draft_of("heilongjiang", title="关于组织推荐2026年省级绿色工厂的通知", values=values)
    call = calls.create(actor=world.actor("hlj_province_handler"), at=filled.SPRING, draft=draft)
    with window.as_person("hlj_province_approver"):
        at_rail(window, "/calls/")
        window.follow(f"/calls/{call.pk}/")
        window.press("/open/")
        window.said("申报通知已发布")
    window.go("/p/230000/calls/")
    window.follow(f"/calls/{call.pk}/")
    window.said("2026年4月30日")
    return call


def apply(world: World, window: Window, call: Call) -> Application:
    """Started by its own evaluation from the public page; filled in by services; declared."""
    window.day("2026-04-30T16:00")
    with window.as_person("hlj_applicant") as page:
        window.go(f"/p/230000/calls/{call.pk}/")
        window.follow(f"/calls/{call.pk}/apply/")
        page.check("main input[name=mode][value=self]")
        page.locator("main button[name=site]").click()
        page.wait_for_url("**/fill/**")
        case = Application.objects.get()
        filled.fill(world, case, "hlj_applicant", datetime(2026, 4, 30, 16, tzinfo=CHINA))
        window.go(f"/cases/{case.reference}/check/")
        page.check("input[name=agreed]")
        window.save()
        page.wait_for_url("**/receipt/")
    case.refresh_from_db()
    assert (case.state, case.step) == (State.SCREENING, "city")
    return case


def review(window: Window, case: Application, handler: str, approver: str, opinion: str) -> None:
    """Every question answered, an opinion written, warnings gone over with a reason; another person signs."""
    with window.as_person(handler) as page:
        task(window, case.reference)
        for answer in page.locator("input[type=radio][name^='verdict-'][value=yes]").all():
            answer.check()
        with page.expect_navigation():
            page.locator("button[name=next][value=recheck]").click()
        if page.locator("main details[open] form[action$='/override/']").count():  # goes on with a reason (HLJ-14c)
            page.fill("main form[action$='/override/'] textarea", REASON)
            window.press("/override/")
            window.said(f"说明理由后继续推荐：{REASON}")
        page.locator("button[name=next][value=propose]").click()
        page.check("input[name=outcome][value=pass]")
        page.fill("textarea[name=opinion]", opinion)
        window.save()
        window.said("已提交审签")
    with window.as_person(approver):
        task(window, case.reference)
        window.said(opinion)
        window.press("/review/sign/")
        window.said("已审签")
    case.refresh_from_db()


def city_review(window: Window, case: Application) -> None:
    """A clear opinion of the city (HLJ-14a)."""
    window.day("2026-05-11T09:00")
    review(window, case, "hlj_city_handler", "hlj_city_approver", "经现场核查，推荐意见明确：同意推荐。")
    assert (case.state, case.step) == (State.PASSED, "send")


def recommend(window: Window, case: Application) -> None:
    window.day("2026-06-30T16:00")
    with window.as_person("hlj_city_handler") as page:
        task(window, "/batches/")
        window.press("/batches/start/")
        page.check(f"input[name=case][value='{case.reference}']")
        window.press("/add/")
        window.press("/suggest/")
        page.fill("input[name=number]", "示工信〔2026〕7号")
        window.press("/letter/")
        window.press("/hand-over/")
    batch = Batch.objects.get()
    with window.as_person("hlj_city_approver"):
        task(window, f"/batches/{batch.reference}/")
        window.press("/sign/")
        window.press("/send/")
    case.refresh_from_db()
    assert (case.state, case.step) == (State.SCREENING, "recheck")


def recheck(window: Window, case: Application) -> None:
    """The province receives the batch and looks for the vetoes again (HLJ-16a)."""
    window.day("2026-07-06T09:00")
    batch = Batch.objects.get()
    with window.as_person("hlj_province_handler"):
        task(window, f"/batches/{batch.reference}/")
        window.press("/receive/")
    case.refresh_from_db()
    review(window, case, "hlj_province_handler", "hlj_province_approver", "复核未发现第十五条所列情形。")
    assert case.step == "panel"


def convene(window: Window, case: Application) -> Panel:
    """Plan, draw, risk points and reminder talk, then the panel opens."""
    window.day("2026-07-20T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, "/reviews/panels/new/")
        page.check("input[name=kind][value=draw]")
        page.fill("textarea[name=plan]", "评审原则、范围、程序、内容和要求。")
        window.save()
        panel = Panel.objects.get()
        window.said("还没有抽取专家")
        window.follow("/draw/")
        page.fill("input[name=places]", "2")
        page.fill("input[name=per_case]", "2")
        window.save()
        window.said("库专家")
        window.go(f"/reviews/panels/{panel.reference}/")
        window.follow("/talk/")
        page.fill("textarea[name=risks]", "与申报单位私下接触。")
        page.fill("input[name=talk_on]", "2026-07-20")
        page.fill("textarea[name=talk]", "已逐人提醒谈话。")
        window.save()
        window.press("/open/")
        window.said("评审已启动")
    panel.refresh_from_db()
    assert panel.state == "open"
    assert Draw.objects.get().seed
    return panel


def score(window: Window, panel: Panel, case: Application, other: Application) -> None:
    """Pledge, declaration, one sheet row by row and one by its sum, locked together."""
    for day, seat in enumerate(panel.seats.order_by("pk"), start=21):
        window.day(f"2026-07-{day}T09:00")
        with window.as_person(seat.user.username) as page:
            task(window, f"/reviews/seats/{panel.reference}/")
            assert case.name not in page.inner_text("main"), "not even names before the pledge"
            page.check("input[name=signed]")
            window.press("/pledge/")
            window.press("/declare/")
            for unit in (case, other):
                window.follow(f"/units/{unit.reference}/")
                page.wait_for_url(f"**/units/{unit.reference}/")
                give_points(page)
                page.check("input[name=suggests][value=yes]")
                page.fill("textarea[name=comment]", "材料完整，指标先进。")
                expect(page.locator("[data-save-state]")).to_have_attribute("data-state", "saved", timeout=30_000)
                page.locator(f"main form[action*='/units/{unit.reference}/save/'] .form__foot button").last.click()
                page.wait_for_url(f"**/reviews/seats/{panel.reference}/")
            window.follow("/lock/")
            window.save()
            window.said("已锁定")


def give_points(page: Page) -> None:
    if page.locator("input[name=score]").count():
        page.fill("input[name=score]", "92")
        return
    state = page.locator("[data-save-state]")
    for number, box in enumerate(page.locator("input[name^='points-']").all()):
        row = str(box.get_attribute("name")).removeprefix("points-")
        full = re.search(r"满分([\d.]+)", page.locator(f"#most-{row}").inner_text())
        assert full is not None
        if number == 0:
            box.fill("1000")  # refused beside the row, and said to be not saved
            expect(state).to_have_attribute("data-state", "refused", timeout=30_000)
        box.fill(full[1])


def conclude(window: Window, panel: Panel, case: Application, other: Application) -> None:
    window.day("2026-07-24T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, f"/reviews/panels/{panel.reference}/")
        window.follow("/conclude/")
        for unit in (case, other):
            page.check(f"input[name='suggested-{unit.reference}'][value=yes]")
            page.fill(f"textarea[name='conclusion-{unit.reference}']", "同意列入建议名单。")
        page.fill("textarea[name=opinion]", "评审组认为两家企业符合条件。")
        page.locator("button[name=finish]").click()
        window.said("评审意见已形成")
    case.refresh_from_db()
    assert (case.state, case.step) == (State.DECIDING, "meeting")
    assert case.panel_score >= 90


def meet(window: Window, step: str, day: str, units: list[Application]) -> None:
    """A meeting on the record: one writes, another approves."""
    window.day(f"{day}T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, "/reviews/decisions/new/")
        for unit in units:
            window.said(unit.name)
        window.save()
        decision = Decision.objects.get(step=step)
        window.follow("/ranking/")
        window.said(units[0].name)
        page.go_back()
        for unit in units:
            page.check(f"input[name='outcome-{unit.reference}'][value=propose]")
        page.fill("input[name=met_on]", day)
        page.fill("textarea[name=participants], input[name=participants]", "示例甲、示例乙")
        page.fill("input[name=record_number]", "会议纪要〔2026〕3号")
        page.fill("textarea[name=text]", "逐项研究，同意。")
        page.locator("button[name=hand_over]").click()
        window.said("已提交")
    with window.as_person("hlj_province_approver"):
        task(window, f"/reviews/decisions/{decision.reference}/")
        window.press("/approve/")
    decision.refresh_from_db()
    assert decision.state == "approved"


def consult(window: Window, case: Application, other: Application) -> None:
    """The ecology department answers three checks for each unit (HLJ-19); what speaks against one leaves it out."""
    window.day("2026-08-10T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, "/reviews/consultations/")
        window.press(f"/new/{case.call_id}/")
        found = Consultation.objects.get()
        page.fill("input[name=number]", "示工信函〔2026〕5号")
        page.locator("button[name=hand_over]").click()
    with window.as_person("hlj_province_approver"):
        task(window, f"/reviews/consultations/{found.reference}/")
        window.press("/send/")
        window.said("2026年8月17日")
    window.day("2026-08-14T09:00")
    with window.as_person("hlj_ecology") as page:
        task(window, "/reviews/opinions/")
        for words in ("强制性披露环境信息", "环境污染事故", "督察"):
            window.said(words)
        answer(page, case)
        answer(page, other, pollution="yes")
        page.fill("input[name=number]", "示环函〔2026〕3号")
        page.locator("button[name=submit]").click()
        window.said("示环函〔2026〕3号")
    window.day("2026-08-17T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, f"/reviews/consultations/{found.reference}/")
        window.said(ADVERSE)
        card = page.locator(f"section[aria-labelledby='against-{other.reference}']")
        card.locator("input[type=radio][value=leave_out]").check()
        card.locator("textarea").fill("生态环境部门核查不符合要求，调整出拟定名单。")
        page.locator("main form[action$='/conclude/'] button[name=hand_over]").click()
    with window.as_person("hlj_province_approver"):
        task(window, f"/reviews/consultations/{found.reference}/")
        window.said("调整出拟定名单")
        window.press("/close/")
    case.refresh_from_db()
    other.refresh_from_db()
    assert (case.step, other.state) == ("notice", State.NOT_LISTED)


def answer(page: Page, unit: Application, **said: str) -> None:
    card = page.locator(f"section[aria-labelledby='unit-{unit.reference}']")
    for check in ("disclosure", "pollution", "inspection"):
        card.locator(f"input[type=radio][name*='{check}'][value={said.get(check, 'no')}]").check()
    card.locator(f"input[type=radio][value={'objection' if said else 'none'}]").check()
    if said:
        card.locator("textarea").fill(ADVERSE)


def give_notice(window: Window, case: Application, other: Application) -> Notice:
    """Fifteen calendar days from the day after, the holidays of October among them (HLJ-20a)."""
    window.day("2026-09-21T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, "/registry/notices/new/")
        window.save()
        notice = Notice.objects.get()
        window.said(case.name)
        assert other.name not in page.inner_text("main")
    with window.as_person("hlj_province_approver"):
        task(window, f"/registry/notices/{notice.reference}/")
        window.press("/publish/")
        window.said("2026年10月6日")
    window.go("/notices/")
    window.follow(f"/{notice.reference}/")
    window.said(case.name)
    for moment, state in (("2026-10-06T23:59", NoticeState.RUNNING), ("2026-10-07T00:01", NoticeState.CLOSED)):
        window.day(moment)
        close_notices()
        notice.refresh_from_db()
        assert notice.state == state
    return notice


def announce(window: Window, notice: Notice, case: Application) -> None:
    window.day("2026-10-15T09:00")
    with window.as_person("hlj_province_handler") as page:
        task(window, f"/registry/announcements/new/{notice.reference}/")
        page.fill("input[name=number]", "示工信〔2026〕9号")
        window.save()
        window.press("/hand/")
    made = Announcement.objects.get()
    with window.as_person("hlj_province_approver"):
        task(window, f"/registry/announcements/{made.reference}/")
        window.press("/publish/")
        window.said(case.name)
    case.refresh_from_db()
    assert case.state == State.LISTED


def look_it_up(window: Window, case: Application, other: Application) -> None:
    """The firm is found on the public list by a part of its name; the one left out is not."""
    page = window.go("/lists/")
    page.locator("main input[name=q]").first.fill(case.name[2:6])
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    window.said(case.name)
    window.go(f"/p/230000/announcements/{Announcement.objects.get().reference}/")
    window.said(case.name)
    assert other.name not in page.inner_text("main")
    window.day("2026-10-16T09:00")
    with window.as_person("hlj_applicant"):
        at_rail(window, "/registry/certificates/")
        window.said(Listing.objects.get().certificates.get().number)

"""The applicant's pages in a real browser: accessible, no wider than the screen, nothing typed is ever lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Section
from applications.services import calls, drafts, screening
from greenlist.core import clock
from tests.applications import filled
from tests.world import World, build_world

MAY = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


class Scene:
    """One draft that lacks a little, one returned case, an open call and one in preparation."""

    def __init__(self, world: World, browser: Any, server: str) -> None:
        self.world, self.browser, self.server = world, browser, server
        self.call = filled.open_call(world, text="各县区工业和信息化主管部门：\n现组织开展申报工作。")
        draft = filled.draft_of("qinhuangdao", year=2027)
        self.prepared = calls.create(actor=world.actor("city_handler"), at=MAY, draft=draft)
        self.draft = filled.fill(world, filled.start(world, self.call), without=["basic.profile"])
        self.returned = filled.submitted(world, self.call, "rival", "rival")
        screening.return_for_correction(
            actor=world.actor("other_county_handler"),
            at=MAY,
            reference=self.returned.reference,
            fields=["basic.profile", "conditions.lawful_evidence"],
            reason="简介与产品不符；环评批复缺页",
        )

    def page(self, who: str, address: str, width: int = 1280) -> Any:
        context = self.browser.new_context(viewport={"width": width, "height": 900}, locale="zh-CN")
        cookies = self.world.client(who).cookies
        context.add_cookies(
            [{"name": name, "value": one.value, "url": self.server} for name, one in cookies.items() if one.value]
        )
        page = context.new_page()
        page.errors = []
        page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        answer = page.goto(f"{self.server}{address}")
        assert answer.status == 200, address
        return page


@pytest.fixture
def scene(transactional_db: None, live_server: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(clock, "now", lambda: MAY)
    world = build_world()
    filled.load_rules()
    return Scene(world, browser, live_server.url)


def of(name: str, *arguments: Any) -> str:
    return reverse(f"applications:{name}", args=arguments)


def addresses(scene: Scene) -> list[tuple[str, str]]:
    draft, back, call = scene.draft.reference, scene.returned.reference, scene.call.pk
    sections = ("basic", "economy", "conditions", "systems", "energy", "cover", "conclusion")
    official = "other_county_handler"
    return [
        *(("applicant", of("section", draft, key)) for key in sections),
        ("rival", of("section", back, "basic")),
        ("rival", of("section", back, "conditions")),
        ("applicant", of("check", draft)),
        ("rival", of("check", back)),
        ("rival", of("receipt", back)),
        ("applicant", of("withdraw", draft)),
        ("applicant", of("cases")),
        ("applicant", of("apply", call)),
        ("anonymous", of("public-call", "130300", call)),
        ("anonymous", of("public-calls", "130300")),
        ("city_approver", of("calls")),
        ("city_approver", of("call", call)),
        ("city_approver", of("call", scene.prepared.pk)),
        ("city_handler", of("call-new")),
        ("city_handler", of("call-edit", scene.prepared.pk)),
        ("city_approver", of("call-extend", call)),
        ("city_approver", of("call-close", call)),
        ("county_approver", of("call-local-day", call)),
        *(
            (official, of(name, back))
            for name in ("case", "case-evidence", "case-checks", "case-documents", "case-history")
        ),
    ]


@pytest.mark.browser
@pytest.mark.a11y
def test_axe_finds_nothing_and_nothing_is_too_wide(scene: Scene) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found: list[Any] = []
    for who, address in addresses(scene):
        page = scene.page(who, address)
        for broken in Axe().run(page).response["violations"]:
            found.append((address, broken["id"], broken["nodes"][0]["html"][:160]))
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if over > 0:
                found.append((address, f"{over} px too wide at {width}"))
        found += [(address, error) for error in page.errors]
        page.context.close()
    assert not found, "\n".join(map(str, found))


def stored(case: Application, key: str = "basic") -> Section:
    return Section.objects.get(report=case.report, key=key)


def state_is(page: Any, state: str) -> None:
    page.wait_for_selector(f"[data-save-state][data-state='{state}']", timeout=10000)


@pytest.mark.browser
@pytest.mark.case("WF-06")
def test_what_is_typed_saves_itself_and_a_colleague_is_never_overwritten(scene: Scene) -> None:
    page = scene.page("applicant", of("section", scene.draft.reference, "basic"))
    page.fill("textarea[name=profile]", "浏览器里写的简介")
    state_is(page, "saved")
    row = stored(scene.draft)
    assert row.data["profile"] == "浏览器里写的简介"
    drafts.save_section(
        actor=scene.world.actor("colleague"),
        at=MAY,
        reference=scene.draft.reference,
        section="basic",
        answers={"profile": "同事写的简介"},
        version=row.version,
    )
    page.fill("textarea[name=profile]", "我又改了一遍")
    page.wait_for_selector("dialog[open]", timeout=10000)
    text = page.inner_text("dialog[open]")
    assert "同事写的简介" in text and "我又改了一遍" in text and "申报同事" in text
    assert stored(scene.draft).data["profile"] == "同事写的简介"
    page.check("dialog[open] input[value=mine]")
    page.click("dialog[open] [data-part=apply]")
    state_is(page, "saved")
    assert stored(scene.draft).data["profile"] == "我又改了一遍"
    page.context.close()


@pytest.mark.browser
def test_two_browsers_at_work_at_once(scene: Scene) -> None:
    """Two sections, two fields of one section, one field: only the last is a question, with both texts."""
    first = scene.page("applicant", of("section", scene.draft.reference, "conclusion"))
    other = scene.page("colleague", of("section", scene.draft.reference, "conditions"))
    first.fill("textarea[name=highlights]", "亮点甲")
    other.fill("textarea[name=lawful]", "同事写的依法情况")
    state_is(first, "saved")
    state_is(other, "saved")
    assert stored(scene.draft, "conclusion").data["highlights"] == "亮点甲"
    assert stored(scene.draft, "conditions").data["lawful"] == "同事写的依法情况"
    other.goto(other.url.replace("/conditions/", "/conclusion/"))
    other.fill("textarea[name=next]", "同事写的下一步")
    state_is(other, "saved")
    first.fill("textarea[name=text]", "申报人写的结论")
    state_is(first, "saved")
    data = stored(scene.draft, "conclusion").data
    assert (data["next"], data["text"]) == ("同事写的下一步", "申报人写的结论")
    assert not first.query_selector("dialog[open]")
    other.fill("textarea[name=text]", "同事写的结论")
    other.wait_for_selector("dialog[open]", timeout=10000)
    said = other.inner_text("dialog[open]")
    assert "申报人写的结论" in said and "同事写的结论" in said
    assert stored(scene.draft, "conclusion").data["text"] == "申报人写的结论"
    first.context.close()
    other.context.close()


@pytest.mark.browser
def test_rows_that_somebody_added_meanwhile_are_kept(scene: Scene) -> None:
    page = scene.page("applicant", of("section", scene.draft.reference, "energy"))
    rows = [{"item": "diesel", "amount": str(n)} for n in range(1, 10)]
    drafts.save_section(
        actor=scene.world.actor("colleague"), at=MAY, reference=scene.draft.reference, section="energy",
        answers={"use": rows}, version=stored(scene.draft, "energy").version,
    )  # fmt: skip
    page.select_option("select[name='use.0.use']", index=1)
    state_is(page, "saved")
    found = stored(scene.draft, "energy").data["use"]
    assert [row["amount"] for row in found] == [str(n) for n in range(1, 10)]
    assert found[0]["use"]
    page.context.close()


@pytest.mark.browser
def test_a_figure_is_worked_out_while_typing(scene: Scene) -> None:
    page = scene.page("applicant", of("section", scene.draft.reference, "material"))
    for row, (item, amount) in enumerate((("main", "200"), ("green", "50"))):
        page.select_option(f"select[name='table.{row}.item']", item)
        page.fill(f"input[name='table.{row}.amount']", amount)
    state_is(page, "saved")
    assert page.inner_text("[data-computed='material.green_rate']") == "25.00"
    page.context.close()


@pytest.mark.browser
def test_a_file_is_uploaded_beside_its_field(scene: Scene, tmp_path: Path) -> None:
    upload = tmp_path / "营业执照.png"
    upload.write_bytes(filled.picture("营业执照.png").read())
    page = scene.page("applicant", of("section", scene.draft.reference, "cover"))
    page.set_input_files("#files-equipment_evidence input[type=file]", str(upload))
    with page.expect_navigation():
        page.click("#files-equipment_evidence form[data-upload] button")
    assert "营业执照.png" in page.inner_text("#files-equipment_evidence")
    page.context.close()

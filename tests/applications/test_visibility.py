"""Who sees a case, and what of it: the case file tab by tab, the timeline, the lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application, Grant, Report
from applications.selectors import cases as reads
from applications.selectors import drafts as drafts_read
from applications.services import drafts, screening, submission
from applications.states import State
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.organisations import selectors as reads_of_organisations
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Site
from tests import factories
from tests.applications import county, filled
from tests.rendering import content as read
from tests.rendering import fetched
from tests.world import World

HOUR = timedelta(hours=1)
MAY = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
TABS = ("case", "case-evidence", "case-checks", "case-documents", "case-history")


@pytest.fixture
def call(world: World) -> Any:
    filled.load_rules()
    return filled.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    return filled.submitted(world, call)


def page(case: Application, name: str = "case") -> str:
    return reverse(f"applications:{name}", args=[case.reference])


@pytest.mark.clause("QHD-4", "QHD-7")
@pytest.mark.parametrize("name", TABS)
def test_the_county_and_the_applicant_see_every_tab_others_none(world: World, case: Application, name: str) -> None:
    for who in ("applicant", "colleague", "county_handler", "county_approver"):
        assert world.client(who).get(page(case, name)).status_code == 200, who
    for who in ("rival", "other_county_handler", "city_handler", "other_city_approver", "province_handler", "expert",
                "supervisor", "ecology", "stranger", "administrator"):  # fmt: skip
        assert world.client(who).get(page(case, name)).status_code == 404, who
    assert world.client("anonymous").get(page(case, name)).status_code == 302


@pytest.mark.case("AZ-04")
def test_a_claim_that_is_not_confirmed_opens_nothing_of_an_earlier_one(world: World, call: Any) -> None:
    """Credit codes are public: who types one reads no draft that somebody else began in the firm's name."""

    def claim(character: str, at: datetime) -> Actor:
        given = {"code": code, "name": "新示例有限公司", "kind": "firm", "area": world.areas["130302"]}
        production = {"production_area": world.areas["130302"], "production_address": "示例路1号"}
        organisations.register(**given, **production, actor=world.actor(character), at=at)
        return reads_of_organisations.capacities(world.user(character), at.date())[-1]

    code, county_approver = factories.credit_code(4711), world.actor("county_approver")
    first = claim("stranger", MAY)
    (site,) = Site.objects.filter(organisation_id=first.organisation_id)
    begun = drafts.start(actor=first, at=MAY, call_id=call.pk, site_id=site.pk)
    assert list(Application.objects.visible_to(first)) == [begun]
    organisations.refuse_claim(
        organisation_id=site.organisation_id, reason="不是该企业人员", actor=county_approver, at=MAY + HOUR
    )
    second = claim("expert", MAY + 2 * HOUR)  # anybody who knows the code
    assert second.organisation_id == first.organisation_id
    assert not Application.objects.visible_to(second).exists()
    with pytest.raises(NotVisible):
        drafts_read.own_case(second, begun.reference)
    anew = drafts.start(actor=second, at=MAY + 2 * HOUR, call_id=call.pk, site_id=site.pk)
    assert anew.pk != begun.pk
    assert list(Application.objects.visible_to(second)) == [anew]
    begun.refresh_from_db()
    assert begun.state == State.WITHDRAWN
    organisations.confirm_claim(organisation_id=site.organisation_id, actor=county_approver, at=MAY + 3 * HOUR)
    assert set(Application.objects.visible_to(second)) == {anew, begun}  # the firm's own, now that it is the firm


def test_the_city_sees_it_once_it_was_sent_up(world: World, case: Application) -> None:
    Application.objects.filter(pk=case.pk).update(reached=2)
    assert world.client("city_handler").get(page(case)).status_code == 200
    assert world.client("province_handler").get(page(case)).status_code == 404


def test_an_expert_reads_report_and_evidence_and_no_more(world: World, case: Application) -> None:
    Grant.objects.create(application=case, user=world.user("expert"), granted_at=MAY)
    Application.objects.filter(pk=case.pk).update(state=State.UNDER_REVIEW)
    client = world.client("expert")
    text = client.get(page(case)).content.decode()
    assert "情况属实" in text
    assert "13800000000" not in text and "王示例" not in text  # contact
    assert client.get(page(case, "case-evidence")).status_code == 200
    for name in ("case-checks", "case-documents", "case-history"):
        assert client.get(page(case, name)).status_code == 404
    assert reads.timeline(case, world.actor("expert")) == []


def test_the_applicant_sees_no_names_and_no_inner_opinion(world: World, call: Any) -> None:
    case = county.case(world, call)
    county.answer_all(world, case, MAY)
    screening.propose(
        actor=world.actor("county_handler"), at=MAY, reference=case.reference, outcome="pass", opinion="内部意见甲"
    )
    screening.sign(actor=world.actor("county_approver"), at=MAY, reference=case.reference, opinion="内部意见乙")
    own = reads.timeline(case, world.actor("applicant"))
    shown = " ".join(f"{line.title} {line.who} {line.where} {line.opinion}" for line in own)
    assert "海港审批" not in shown and "海港经办" not in shown
    assert "内部意见" not in shown
    assert world.county.name in shown
    theirs = " ".join(f"{line.who} {line.opinion}" for line in reads.timeline(case, world.actor("county_handler")))
    assert "海港审批" in theirs and "内部意见乙" in theirs
    text = world.client("applicant").get(page(case, "case-history")).content.decode()
    assert "内部意见" not in text and "海港审批" not in text


def test_the_applicant_reads_what_was_written_to_it(world: World, case: Application) -> None:
    screening.return_for_correction(
        actor=world.actor("county_handler"),
        at=MAY,
        reference=case.reference,
        fields=["basic.profile"],
        reason="请补充工艺说明",
    )
    text = world.client("applicant").get(page(case, "case-history")).content.decode()
    assert "请补充工艺说明" in text


def test_the_timeline_goes_on_to_what_is_ahead(world: World, case: Application) -> None:
    lines = reads.timeline(case, world.actor("applicant"))
    assert [line.state for line in lines][:2] == ["done", "current"]
    assert lines[0].who == "申报人"
    assert "2026年5月31日" in " ".join(line.due for line in lines)
    submission.withdraw(actor=world.actor("applicant"), at=MAY, reference=case.reference, reason="转产")
    case.refresh_from_db()
    assert [line.state for line in reads.timeline(case, world.actor("applicant"))] == ["done", "grave"]


def test_actions_say_why_not(world: World, case: Application) -> None:
    answer = world.client("applicant").get(page(case))
    offered = {one["url"]: one for one in answer.context["page"].actions}
    assert offered[page(case, "withdraw")]["allowed"] is True
    assert offered[page(case, "fill")]["allowed"] is False
    assert str(offered[page(case, "fill")]["reason"]) in answer.content.decode()
    officials = world.client("county_handler").get(page(case)).context["page"].actions
    assert page(case, "withdraw") not in {one["url"] for one in officials}
    assert page(case, "review") in {one["url"] for one in officials}


# ---- lists --------------------------------------------------------------------------------------------------------------
def test_a_firm_sees_its_own_and_what_is_open_for_it(world: World, call: Any) -> None:
    client = world.client("applicant")
    text = client.get(reverse("applications:cases")).content.decode()
    assert reverse("applications:apply", args=[call.pk]) in text
    assert reverse("applications:apply", args=[call.pk]) not in (
        world.client("other_applicant").get(reverse("applications:cases")).content.decode()
    )
    case = filled.start(world, call)
    text = client.get(reverse("applications:cases")).content.decode()
    assert page(case) in text
    assert reverse("applications:apply", args=[call.pk]) not in text
    assert page(case) not in world.client("rival").get(reverse("applications:cases")).content.decode()
    assert page(case) not in world.client("county_handler").get(reverse("applications:cases")).content.decode()


@pytest.mark.parametrize("who", ["applicant", "county_handler"])
def test_a_list_costs_the_same_for_3_and_30(world: World, call: Any, who: str) -> None:
    client, address = world.client(who), reverse("applications:cases")

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(address).status_code == 200
        return len(caught)

    for serial in range(3):
        _case(world, call, serial)
    cost()
    few = cost()
    for serial in range(3, 30):
        _case(world, call, serial)
    assert cost() == few


def _case(world: World, call: Any, serial: int) -> Application:
    site = factories.site(world.org, world.areas["130302"], f"示例厂区{serial}")
    report = Report.objects.create(site=site, category="factory", year=2026, form="factory-self-1", form_digest="x")
    return Application.objects.create(
        call=call, category="factory", organisation=world.org, site=site, report=report, name=world.org.name,
        number=f"N{serial:03d}", desk=world.county, area_path=site.area.path, reached=1, state=State.SCREENING,
        step="county", entered_at=MAY, started_by=world.user("applicant"), started_at=MAY, submitted_at=MAY,
    )  # fmt: skip


def test_pages_of_the_list_follow_each_other(world: World, call: Any) -> None:
    made = [_case(world, call, serial) for serial in range(55)]
    client = world.client("county_handler")
    first = client.get(reverse("applications:cases")).context["page"]
    assert len(first.rows) == 50
    second = client.get(reverse("applications:cases"), {"after": first.older}).context["page"]
    assert [row.pk for row in (*first.rows, *second.rows)] == [row.pk for row in reversed(made)]
    assert second.older == ""
    found = client.get(reverse("applications:cases"), {"q": "N007", "state": "screening"}).context["page"]
    assert [row.number for row in found.rows] == ["N007"]


# ---- the rest of the applicant's way -----------------------------------------------------------------------------------
def test_from_the_call_to_the_receipt_by_pages(world: World, call: Any, monkeypatch: Any) -> None:
    from greenlist.core import clock

    monkeypatch.setattr(clock, "now", lambda: MAY)
    client = world.client("applicant")
    start = reverse("applications:apply", args=[call.pk])
    assert world.county.name in client.get(start).content.decode()
    answer = client.post(start, {"site": world.site.pk})
    case = Application.objects.get()
    assert answer["Location"] == page(case, "fill")
    check = page(case, "check")
    shown = client.get(check)
    assert shown.context["page"].missing
    assert f"{reverse('applications:section', args=[case.reference, 'basic'])}#b-year" in shown.content.decode()
    assert 'name="agreed"' not in shown.content.decode()
    filled.fill(world, case)
    shown = client.get(check)
    assert not shown.context["page"].missing
    assert "QHD" not in shown.content.decode()  # articles, not our ids
    digest = shown.context["page"].digest
    refused = client.post(check, {"digest": digest, "declared_name": "李声明"})
    assert refused.status_code == 422
    assert "李声明" in refused.content.decode()
    sent = client.post(check, {"digest": digest, "declared_name": "李声明", "agreed": "on"})
    assert sent["Location"] == page(case, "receipt")
    again = client.post(check, {"digest": digest, "declared_name": "李声明", "agreed": "on"})
    assert again["Location"] == page(case, "receipt")
    receipt = client.get(sent["Location"]).content.decode()
    case.refresh_from_db()
    assert case.number in receipt and digest in receipt and "2026年5月31日" in receipt
    withdraw = page(case, "withdraw")
    assert client.get(withdraw).status_code == 200
    assert client.post(withdraw, {"reason": ""}).status_code == 422
    assert client.post(withdraw, {"reason": "转产", "revision": case.revision}).status_code == 302
    assert world.client("rival").get(withdraw).status_code == 404


def test_a_blocked_submission_shows_the_listing_and_keeps_the_page(world: World, call: Any, monkeypatch: Any) -> None:
    from greenlist.core import clock

    monkeypatch.setattr(clock, "now", lambda: MAY)
    case = filled.fill(world, filled.start(world, call))
    digest = filled.digest_of(case)
    factories.title(world.site, "nation", listing="2023年国家级绿色工厂名单")
    answer = world.client("applicant").post(
        page(case, "check"), {"digest": digest, "declared_name": "申报人", "agreed": "on"}
    )
    assert answer.status_code == 409
    assert "2023年国家级绿色工厂名单" in answer.content.decode()


@pytest.mark.clause("QHD-N3a", "QHD-N3b")
def test_the_report_as_pdf(world: World, case: Application) -> None:
    import io

    from pypdf import PdfReader

    client = world.client("county_handler")
    content = read(fetched(client, page(case, "report-pdf")))
    text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(content)).pages)
    version = case.report.versions.get()
    flat = text.replace("\n", "").replace(" ", "")
    for wanted in (
        "绿色工厂自评价报告",
        case.name,
        case.number,
        version.digest,
        "声明人：申报人",
        "单位产值综合能耗",
        "GB/T36132-2018",
    ):
        assert wanted in flat, wanted
    assert "草稿" not in flat
    assert read(client.get(page(case, "report-pdf"))) == content
    assert Blob.objects.filter(content_type="application/pdf").count() == 1  # kept once
    assert world.client("other_county_handler").get(page(case, "report-pdf")).status_code == 404


@pytest.mark.clause("QHD-N3a", "QHD-N4d")
def test_the_draft_and_the_template_as_pdf(world: World, call: Any) -> None:
    import io

    from pypdf import PdfReader

    case = filled.start(world, call)
    address = page(case, "report-pdf") + "?draft=1"
    draft = read(fetched(world.client("applicant"), address))
    text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(draft)).pages)
    assert "草稿" in text.replace("\n", "").replace(" ", "")
    assert world.client("county_handler").get(address).status_code == 404
    annex = reverse("applications:annex", args=["130300", call.pk, "report", "pdf"])
    template = read(fetched(world.client("anonymous"), annex))
    text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(template)).pages)
    flat = text.replace("\n", "").replace(" ", "")
    assert "真实性承诺" in flat and "综合能源消费量" in flat and "草稿" not in flat

"""A factory in third-party mode by its pages: from the start to the receipt, and what the body and the authorities see."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Call, Project, Registration, SignedStatement
from applications.states import ProjectState, RegistrationState, State
from greenlist.core import clock
from greenlist.organisations.models import BodyProof
from tests.applications import evaluators, filled
from tests.world import World

SIGNED = {"signed_name": "赵示例", "agreed": "on"}


@pytest.fixture
def call(world: World) -> Call:
    evaluators.load_rules()
    at = clock.now() - timedelta(days=3)
    soon = (clock.china_date(at) + timedelta(days=30)).isoformat()
    return filled.open_call(world, at=at, values={"county_by": soon})


def page(client: Any, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def post(client: Any, name: str, *args: Any, **data: Any) -> str:
    answer = client.post(reverse(name, args=args), data, follow=True)
    assert answer.status_code == 200, answer.content.decode()[-3000:]
    return answer.content.decode()


@pytest.mark.journey
@pytest.mark.clause("JY-11c", "HEB-1b", "HEB-1e", "HLJ-13", "HLJ-24a")
def test_a_factory_in_third_party_mode_from_the_start_to_the_receipt(world: World, call: Call) -> None:
    firm, body = world.client("applicant"), world.client("evaluator")
    evaluators.body(world)
    proof = evaluators.diagnosis(world, confirmed=False)
    # The body asks; the province approves, the county of the firm confirms the diagnosis.
    assert "中级及以上两人" in page(body, "applications:body")
    post(body, "applications:body-register", world.province.pk, **SIGNED)
    row = Registration.objects.get()
    handler, approver = world.client("province_handler"), world.client("province_approver")
    assert world.orgs["evaluator"].name in page(handler, "applications:bodies")
    assert world.orgs["evaluator"].name in page(approver, "portal:work")
    assert "由贵单位审签人决定" in page(handler, "applications:body-registration", row.pk)
    post(approver, "applications:body-registration", row.pk, action="approve")
    post(world.client("city_handler"), "applications:body-proof-decide", proof.pk, action="confirm")
    row.refresh_from_db()
    assert row.state == RegistrationState.APPROVED and BodyProof.objects.get().confirmed
    # The firm starts in this mode and asks the body.
    start = page(firm, "applications:apply", call.pk)
    assert 'value="body"' in start and "可参照第三方评价工作要求" in start
    post(firm, "applications:apply", call.pk, site=world.site.pk, mode="body")
    case = Application.objects.get()
    asked = post(firm, "applications:evaluation-ask", case.reference, body=world.orgs["evaluator"].pk)
    assert "已邀请" in asked
    project = Project.objects.get()
    assert project.unit in page(body, "portal:work")
    offered = page(body, "applications:project", project.reference)
    assert "不谋取暴利" in offered and "第九条" in offered
    unsigned = body.post(reverse("applications:project-accept", args=[project.reference]), {})
    assert unsigned.status_code == 422
    post(body, "applications:project-accept", project.reference, **SIGNED)
    until = (clock.china_date(clock.now()) + timedelta(days=5)).isoformat()
    gone = {"ends_on": date(2020, 1, 1).isoformat()}
    assert firm.post(reverse("applications:project-release", args=[project.reference]), gone).status_code == 422
    post(firm, "applications:project-release", project.reference, ends_on=until)
    # The body works on the report; it neither submits nor withdraws.
    assert "检查并提交" not in page(body, "applications:section", case.reference, "basic")
    filled.fill(world, case, "evaluator", clock.now())
    for name in ("applications:check", "applications:withdraw", "applications:receipt"):
        assert body.get(reverse(name, args=[case.reference])).status_code == 404
    waiting = page(firm, "applications:check", case.reference)
    assert "缺少机构对现有报告的承诺" in waiting and "企业对材料真实性负责" in waiting
    refused = submit(firm, case)
    assert refused.status_code == 409 and "尚未对本报告签署承诺" in refused.content.decode()
    post(body, "applications:project-sign", project.reference, digest=filled.digest_of(case), **SIGNED)
    assert "已对现有报告签署承诺" in page(firm, "applications:check", case.reference)
    assert submit(firm, case).status_code == 302
    case.refresh_from_db()
    project.refresh_from_db()
    assert (case.state, project.state) == (State.SCREENING, ProjectState.REPORTED)
    assert SignedStatement.objects.filter(project=project).count() == 2
    seen = page(world.client("county_handler"), "applications:case", case.reference)
    assert "第三方评价" in seen and world.orgs["evaluator"].name in seen
    assert body.get(reverse("applications:case", args=[case.reference])).status_code == 404
    assert page(body, "applications:project", project.reference)


def submit(client: Any, case: Application) -> Any:
    given = {"digest": filled.digest_of(case), "declared_name": "申报人", "agreed": "on"}
    return client.post(reverse("applications:check", args=[case.reference]), given)


@pytest.mark.clause("HEB-2.4b", "HLJ-26b")
def test_an_authority_reports_upward_bans_and_publishes(world: World, call: Call) -> None:
    body = evaluators.approved(world)
    county, approver = world.client("county_handler"), world.client("city_approver")
    post(county, "applications:body-supervise", body.pk, finding="未到现场")
    row = body.supervisions.get()
    assert body.name in page(approver, "portal:work")
    assert "签收" in page(approver, "applications:body-supervision", row.pk)
    post(approver, "applications:body-supervision", row.pk)
    project = evaluators.at_work(world, call, at=clock.now(), until=clock.china_date(clock.now()) + timedelta(days=9))
    assert approver.post(reverse("applications:body-ban", args=[body.pk]), {"ground": "fraud"}).status_code == 422
    post(approver, "applications:body-ban", body.pk, ground="fraud", reason="查实造假")
    assert "禁止期" in page(world.client("evaluator"), "applications:body")
    assert project.application is not None
    assert "在禁止期内" in page(world.client("applicant"), "applications:check", project.application.reference)
    post(approver, "applications:body-rates", title="2026年评价情况")
    assert body.name in page(world.client("anonymous"), "applications:public-bodies", "130300")

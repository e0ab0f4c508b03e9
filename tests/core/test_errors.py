"""A refusal becomes a page, a JSON for our scripts, or an answer of the API: with the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from greenlist.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.policy.engine.types import Finding, Outcome
from tests.world import World


@dataclass
class Point:
    """A checklist's point: it has a clause and no code."""

    clause: str = "第六条"


FINDING = Finding(rule="veto.accident", clause="第五条", outcome=Outcome.BLOCK, code="accident")
ERRORS: dict[str, DomainError] = {
    "not-visible": NotVisible(),
    "not-allowed": NotAllowed("只有经办人可以退回。"),
    "wrong-state": WrongState("已被他人退回。"),
    "conflict": Conflict("他人已修改。", theirs={"output": "12"}, version=4),
    "refused": Refused("不符合条件。", findings=[FINDING, Point()], clause="第五条"),
    "invalid": Invalid("请更正。", problems={"year": ["必须是四位数字。"]}),
    "own-code": DomainError("名额已满。", code="over_quota"),
}
STATUS = {"not-visible": 404, "not-allowed": 403, "invalid": 422}


@login_not_required
def page(request: HttpRequest, which: str) -> HttpResponse:
    raise ERRORS[which]


class Api(APIView):
    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    def get(self, request: Request, which: str) -> HttpResponse:
        raise ERRORS[which]


urlpatterns = [
    path("page/<which>", page),
    path("api/<which>", login_not_required(Api.as_view())),
    path("", include("greenlist.urls")),
]


@pytest.fixture
def client(db: None) -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client()


@pytest.mark.parametrize("which", ERRORS)
def test_a_page_gives_status_reason_and_clause(client: Client, which: str) -> None:
    answer = client.get(f"/page/{which}")
    error = ERRORS[which]
    assert answer.status_code == STATUS.get(which, 409)
    assert answer["Content-Type"].startswith("text/html")
    text = answer.content.decode()
    assert str(error.message) in text
    assert error.clause in text
    assert answer["X-Request-Id"] in text


@pytest.mark.parametrize("which", ERRORS)
@pytest.mark.parametrize("asked", [{"X-Requested-With": "autosave"}, {"Accept": "application/json"}], ids=str)
def test_a_script_gets_json(client: Client, which: str, asked: dict[str, str]) -> None:
    answer = client.get(f"/page/{which}", headers=asked)
    assert answer.status_code == STATUS.get(which, 409)
    assert answer.json()["code"] == ERRORS[which].code
    assert answer.json()["message"] == str(ERRORS[which].message)


@pytest.mark.parametrize("which", ERRORS)
def test_the_api_says_the_same_as_the_page(client: Client, which: str) -> None:
    api = client.get(f"/api/{which}")
    script = client.get(f"/page/{which}", headers={"Accept": "application/json"})
    problem, said = json.loads(api.content), script.json()
    assert api.status_code == script.status_code == problem["status"]
    assert api["Content-Type"] == "application/problem+json"
    assert problem["detail"] == said.pop("message")
    assert problem["request_id"] == api["X-Request-Id"]
    assert {key: problem[key] for key in said} == said


def test_an_autosave_conflict_brings_what_stands_now(client: Client) -> None:
    answer = client.get("/page/conflict", headers={"X-Requested-With": "autosave"}).json()
    assert (answer["theirs"], answer["version"]) == ({"output": "12"}, 4)


def test_invalid_input_names_the_fields(client: Client) -> None:
    assert client.get("/api/invalid").json()["problems"] == {"year": ["必须是四位数字。"]}


def test_findings_name_rule_clause_and_code(client: Client) -> None:
    finding, point = client.get("/api/refused").json()["findings"]
    assert finding == {"rule": "veto.accident", "clause": "第五条", "outcome": "block", "code": "accident"}
    assert point["clause"] == "第六条"


@pytest.mark.case("UP-05")
def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: Client, settings: Any) -> None:
    settings.REQUEST_MAX_BYTES = 1024 * 1024
    body = b"x" * (1024 * 1024 + 1)
    answer = client.post("/page/conflict", body, content_type="application/octet-stream")
    assert answer.status_code == 413
    assert "1 MB" in answer.content.decode()
    assert client.post("/page/conflict", body[:-1], content_type="application/octet-stream").status_code == 409


def test_an_unknown_language_of_the_client_does_not_matter(client: Client) -> None:
    assert client.get("/page/refused", headers={"Accept": "*/*"})["Content-Type"].startswith("text/html")


# ---- no dead ends ----------------------------------------------------------------------------------------------------
def test_an_address_of_a_form_says_what_to_do_when_it_is_opened_like_a_page(client: Client) -> None:
    answer = client.get("/account/logout/")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "请返回原页面重新提交" in answer.content.decode()
    assert answer["X-Request-Id"] in answer.content.decode()


def test_each_refusal_tells_its_own_way_out(client: Client, settings: Any) -> None:
    settings.REQUEST_MAX_BYTES = 1024
    large = client.post("/page/conflict", b"x" * 2048, content_type="application/octet-stream").content.decode()
    assert "改选较小的文件" in large
    strict = Client(enforce_csrf_checks=True)
    stale = strict.post("/account/login/", {"username": "x", "password": "x"})
    assert stale.status_code == 403
    assert "刷新后重新提交" in stale.content.decode()
    assert "切换身份" not in stale.content.decode()
    assert "可能已有其他人先行办理" not in large + stale.content.decode()
    for which, is_late in (("wrong-state", True), ("conflict", True), ("refused", False)):
        text = client.get(f"/page/{which}").content.decode()
        assert ("可能已有其他人先行办理" in text, "请先办妥上述事项" in text) == (is_late, not is_late)


def test_a_request_that_django_cannot_read_gets_a_page_of_ours(db: None) -> None:
    answer = Client().get("/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "无法识别该请求" in text
    assert answer["X-Request-Id"] in text


def test_an_error_leads_back_to_where_one_works(world: World) -> None:
    assert 'href="/work/"' in world.client("applicant").get("/no/such/page/").content.decode().split("<main")[1]
    assert 'href="/work/"' not in Client().get("/no/such/page/").content.decode().split("<main")[1]

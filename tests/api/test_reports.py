"""A firm's own program fills in and submits a report; an authority's reads what was declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, Call, Section
from applications.selectors import drafts as reads
from applications.services import screening
from applications.states import State
from greenlist.accounts.models import KeptAnswer
from greenlist.core.models import AuditEntry
from greenlist.policy.engine.types import FieldType
from tests.api.keys import Program, program
from tests.applications import filled
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_spring")]


@pytest.fixture
def _spring() -> Iterator[None]:
    """A day on which the call is open."""
    with time_machine.travel(filled.SPRING + timedelta(hours=2), tick=False):
        yield


@pytest.fixture
def call(world: World) -> Call:
    filled.load_rules()
    return filled.open_call(world)


@pytest.fixture
def case(world: World, call: Call) -> Application:
    return filled.start(world, call)


def whole(case: Application) -> dict[str, Any]:
    """The declaration of the case as it stands."""
    return {"digest": filled.digest_of(case), "declared_name": "申报人", "agreed": True}


# ---- from the call to the receipt ------------------------------------------------------------------------------------
def test_a_program_goes_all_the_way(world: World, call: Call) -> None:
    """Call → organisation → start → sections → files → check → submit, by the API alone."""
    mine = program(world, "applicant")
    (site,) = mine.get("organisation/").json()["sites"]
    started = mine.post("cases/", {"call": call.pk, "site": site["id"]}).json()
    assert mine.post("cases/", {"call": call.pk, "site": site["id"]}).json()["reference"] == started["reference"]
    path = f"cases/{started['reference']}/"
    case = Application.objects.get(reference=started["reference"])
    form = reads.form_of(case)
    report = mine.get(f"{path}report/").json()
    assert report["is_draft"]
    assert mine.get(f"{path}check/").json()["missing"]
    for part in report["sections"]:
        key = part["key"]
        answers = {
            name: value
            for name, value in filled.answers(form, key).items()
            if not form.section(key).field(name).prefill
        }
        saved = mine.patch(f"{path}report/{key}/", {"answers": answers}, If_Match=f'"{part["revision"]}"')
        assert saved.status_code == 200, saved.json()
        assert saved["ETag"] == f'"{saved.json()["revision"]}"'
        assert saved.json()["problems"] == {}
        for spec in form.section(key).fields:
            if spec.type is FieldType.FILE:
                added = mine.upload(f"{path}report/{key}/{spec.key}/files/", filled.picture(f"{spec.key}.png"))
                assert added.status_code == 201, added.json()
    check = mine.get(f"{path}check/").json()
    assert (check["missing"], check["unscanned"], check["may_submit"]) == ([], [], True)
    declaration = {"digest": check["digest"], "declared_name": "李厂长", "agreed": True}
    receipt = mine.post(f"{path}submit/", declaration).json()
    assert receipt["number"]
    assert receipt["desk"] == world.county.name
    told = mine.get(path).json()
    assert (told["state"], told["number"]) == ("screening", receipt["number"])
    assert [line["state"] for line in told["timeline"]][:2] == ["done", "current"]
    desk = program(world, "county_handler")
    assert [row["number"] for row in desk.get("cases/", q=receipt["number"]).json()["results"]] == [receipt["number"]]
    declared = desk.get(f"{path}report/").json()
    assert (declared["is_draft"], declared["digest"]) == (False, receipt["digest"])
    assert declared["sections"][0]["revision"] is None
    file = desk.get(f"{path}files/{declared['evidence'][0]['reference']}/")
    assert b"".join(file.streaming_content).startswith(b"\x89PNG")
    assert file["Content-Disposition"].startswith("attachment")
    assert AuditEntry.objects.filter(action="case.submit", subject_id=str(case.pk)).exists()


# ---- drafts -----------------------------------------------------------------------------------------------------------
@pytest.mark.case("WF-06")
def test_the_later_of_two_editors_is_told_and_loses_nothing(world: World, case: Application) -> None:
    first, second = program(world, "applicant"), program(world, "colleague")
    path = f"cases/{case.reference}/report/basic/"
    seen = first.get(path)
    assert second.get(path)["ETag"] == seen["ETag"]
    assert first.patch(path, {"answers": {"products": "甲"}}, If_Match=seen["ETag"]).status_code == 200
    late = second.patch(path, {"answers": {"products": "乙"}}, If_Match=seen["ETag"])
    assert late.status_code == 409
    said = late.json()
    assert (said["code"], said["theirs"]["products"], said["version"]) == ("conflict", "甲", 1)
    assert Section.objects.get(report=case.report, key="basic").data["products"] == "甲"
    assert second.patch(path, {"answers": {"products": "乙"}}, If_Match='"1"').status_code == 200


@pytest.mark.parametrize(("named", "status"), [("", 428), ("1", 400), ('W/"0"', 400), ("*", 400), ('"0"', 200)])
def test_a_change_names_what_it_has_read(world: World, case: Application, named: str, status: int) -> None:
    headers = {"If_Match": named} if named else {}
    answer = program(world, "applicant").patch(
        f"cases/{case.reference}/report/basic/", {"answers": {"products": "甲"}}, **headers
    )
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"products": "甲"}, 200),
        ({"products": None}, 200),
        ({"products": {"$ne": 1}}, 422),
        ({"products": ["甲"]}, 422),
        ({"products": True}, 422),
        ({"products": 3}, 422),
        ({"products": "\ud800甲\x00"}, 200),
        ({"state": "listed"}, 422),
        ({"": ""}, 422),
    ],
)
def test_values_of_another_type_are_refused_by_name(
    world: World, case: Application, answers: dict[str, Any], status: int
) -> None:
    path = f"cases/{case.reference}/report/basic/"
    answer = program(world, "applicant").patch(path, {"answers": answers}, If_Match='"0"')
    assert answer.status_code == status, answer.json()
    if status == 422:
        assert list(answer.json()["problems"]) == list(answers)
        assert Section.objects.get(report=case.report, key="basic").version == 0


def test_tables_are_lists_of_rows(world: World, case: Application) -> None:
    form = reads.form_of(case)
    section, table = next(
        (section, field)
        for section in form.sections
        for field in section.fields
        if field.type is FieldType.TABLE and not field.rows
    )
    path = f"cases/{case.reference}/report/{section.key}/"
    mine = program(world, "applicant")
    good = filled.answers(form, section.key)[table.key]
    assert mine.patch(path, {"answers": {table.key: good}}, If_Match='"0"').status_code == 200
    for wrong in ("x", [1], [{"no_such_column": "x"}], [{table.columns[0].key: {}}], good * 400):
        answer = mine.patch(path, {"answers": {table.key: wrong}}, If_Match='"1"')
        assert answer.status_code == 422, wrong
        assert table.key in answer.json()["problems"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"answers": {"products": NaN}}',
        b'{"answers": {"products": 1e400}}',
        b'{"answers": ' + b"[" * 100_000,
        b'{"answers": {"products": ' + b"9" * 5000 + b"}}",
        b"\xff\xfe{}",
        b'{"answers": {}, "answers2": {}}',
    ],
)
def test_what_is_no_json_of_ours_is_refused(world: World, case: Application, body: bytes) -> None:
    mine = program(world, "applicant")
    headers = {"Authorization": f"Bearer {mine.token}", "If-Match": '"0"'}
    answer = mine.client.generic(
        "PATCH", f"/api/v1/cases/{case.reference}/report/basic/", body, "application/json", headers=headers
    )
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"


def test_another_type_or_a_large_body_is_refused(world: World, case: Application, settings: Any) -> None:
    mine = program(world, "applicant")
    headers = {"Authorization": f"Bearer {mine.token}", "If-Match": '"0"'}
    path = f"/api/v1/cases/{case.reference}/report/basic/"
    assert mine.client.generic("PATCH", path, b"a=1", "text/plain", headers=headers).status_code == 415
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = b'{"answers": {"products": "' + b"x" * 2000 + b'"}}'
    answer = mine.client.generic("PATCH", path, body, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    settings.REQUEST_MAX_BYTES = 1000
    answer = mine.client.generic("PATCH", path, body, "application/json", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_files_are_judged_as_on_pages(world: World, case: Application) -> None:
    mine = program(world, "applicant")
    form = reads.form_of(case)
    section, field = next((s.key, f.key) for s in form.sections for f in s.fields if f.type is FieldType.FILE)
    path = f"cases/{case.reference}/report/{section}/{field}/files/"
    good = mine.upload(path, filled.picture("证.png")).json()
    bad = mine.upload(path, SimpleUploadedFile("a.pdf", b"<html>", "application/pdf"))
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid")
    assert mine.upload(f"cases/{case.reference}/report/basic/products/files/", filled.picture()).status_code == 404
    assert program(world, "rival").upload(path, filled.picture()).status_code == 404
    gone = f"cases/{case.reference}/files/{good['reference']}/"
    assert b"".join(mine.get(gone).streaming_content).startswith(b"\x89PNG")
    assert program(world, "rival").delete(gone).status_code == 404
    assert mine.delete(gone).json()["reference"] == good["reference"]
    assert mine.get(gone).status_code == 404
    assert mine.post(path, {"file": "x"}).status_code == 415


# ---- submitting -------------------------------------------------------------------------------------------------------
def test_what_is_missing_is_told_with_its_path_and_clause(world: World, case: Application) -> None:
    mine = program(world, "applicant")
    check = mine.get(f"cases/{case.reference}/check/").json()
    assert not check["may_submit"]
    assert {one["path"].partition(".")[0] for one in check["missing"]} <= {s.key for s in reads.form_of(case).sections}
    refused = mine.post(f"cases/{case.reference}/submit/", whole(case))
    assert refused.status_code == 422
    assert set(refused.json()["problems"]) == {one["path"] for one in check["missing"]}


def test_a_refusal_by_policy_carries_its_clause(world: World, case: Application) -> None:
    filled.fill(world, case)
    mine = program(world, "applicant")
    body = whole(case)
    Call.objects.filter(pk=case.call_id).update(state="closed")
    refused = mine.post(f"cases/{case.reference}/submit/", body)
    assert refused.status_code == 409
    assert refused.json()["code"] == "call_closed"
    Call.objects.filter(pk=case.call_id).update(state="open")
    changed = mine.post(f"cases/{case.reference}/submit/", {**body, "digest": "0" * 64})
    assert (changed.status_code, changed.json()["code"]) == (409, "conflict")
    assert mine.post(f"cases/{case.reference}/submit/", {**body, "agreed": False}).status_code == 422
    assert mine.post(f"cases/{case.reference}/submit/", body).status_code == 200


def test_who_may_only_read_submits_nothing(world: World, case: Application) -> None:
    filled.fill(world, case)
    path = f"cases/{case.reference}/submit/"
    for refused in (
        program(world, "applicant", ["read", "draft"]).post(path, whole(case)),
        program(world, "county_handler").post(path, whole(case)),
    ):
        assert refused.status_code == 403
    assert program(world, "rival").post(path, whole(case)).status_code == 404
    assert Program().post(path, whole(case)).status_code == 401
    case.refresh_from_db()
    assert case.state == State.DRAFT
    assert program(world, "applicant").post(path, whole(case)).status_code == 200


@pytest.mark.case("WF-03")
def test_the_same_key_gets_the_same_answer(world: World, case: Application) -> None:
    filled.fill(world, case)
    mine, path, body = program(world, "applicant"), f"cases/{case.reference}/submit/", whole(case)
    refused = mine.post(path, {**body, "agreed": False}, Idempotency_Key="k-0")
    assert refused.status_code == 422
    first = mine.post(path, body, Idempotency_Key="k-0")  # a refusal is not kept
    again = mine.post(path, body, Idempotency_Key="k-0")
    assert (first.status_code, again.content) == (200, first.content)
    assert mine.post(path, body).json() == first.json()
    other = mine.post(path, {**body, "declared_name": "别人"}, Idempotency_Key="k-0")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert mine.post(path, body, Idempotency_Key="x" * 81).status_code == 400
    assert case.report.versions.count() == 1
    assert KeptAnswer.objects.count() == 1


@pytest.mark.case("WF-03")
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keyed", [True, False])
def test_twenty_at_once_get_one_receipt(
    world: World, case: Application, run_threads: Callable[..., list[Any]], keyed: bool
) -> None:
    filled.fill(world, case)
    token, path, body = program(world, "applicant").token, f"cases/{case.reference}/submit/", whole(case)
    headers = {"Idempotency_Key": "retry-1"} if keyed else {}
    answers = run_threads(20, lambda _n: Program(token).post(path, body, **headers))
    assert [answer.status_code for answer in answers] == [200] * 20, [answer.content for answer in answers]
    assert len({answer.json()["number"] for answer in answers}) == 1
    if keyed:
        assert len({answer.content for answer in answers}) == 1
    assert case.report.versions.count() == 1
    assert case.timeline.filter(verb="submit").count() == 1


# ---- lists and withdrawal ---------------------------------------------------------------------------------------------
def test_each_sees_its_own_cases_page_by_page(world: World, call: Call) -> None:
    """A submitted one at 海港's desk, a draft of its neighbour, and nobody's list longer than it may be."""
    mine = filled.submitted(world, call)
    theirs = filled.start(world, call, "rival", "rival")
    seen = {
        who: [row["reference"] for row in program(world, who).get("cases/", size="1").json()["results"]]
        for who in ("applicant", "rival", "county_handler", "other_county_handler", "city_handler", "province_handler")
    }
    assert seen["applicant"] == seen["county_handler"] == [mine.reference]
    assert seen["rival"] == [theirs.reference]
    assert seen["other_county_handler"] == seen["city_handler"] == seen["province_handler"] == []
    assert program(world, "county_handler").get("cases/", state="draft").status_code == 200
    assert program(world, "applicant").get("cases/", size="1", call=str(call.pk)).json()["next"] is None


def test_an_applicant_is_told_of_a_proposal_with_the_notice_only(world: World, call: Call) -> None:
    case = filled.submitted(world, call)
    Application.objects.filter(pk=case.pk).update(state=State.PROPOSED)
    mine = program(world, "applicant")
    assert mine.get(f"cases/{case.reference}/").json()["state"] == "deciding"
    assert mine.get("cases/").json()["results"][0]["state"] == "deciding"
    assert mine.get("cases/", state="proposed").json()["results"][0]["state"] == "deciding"
    assert mine.get("outcomes/").json()["results"] == []
    assert mine.get(f"outcomes/{case.reference}/").status_code == 404
    assert program(world, "county_handler").get(f"cases/{case.reference}/").json()["state"] == "proposed"


def test_withdrawing_names_the_revision_and_a_reason(world: World, call: Call) -> None:
    case = filled.submitted(world, call)
    mine, path = program(world, "applicant"), f"cases/{case.reference}/withdraw/"
    seen = mine.get(f"cases/{case.reference}/")
    assert mine.post(path, {"reason": "停产"}).status_code == 428
    assert mine.post(path, {"reason": "停产"}, If_Match='"0"').status_code == 409
    assert mine.post(path, {"reason": ""}, If_Match=seen["ETag"]).status_code == 422
    assert program(world, "county_handler").post(path, {"reason": "x"}, If_Match=seen["ETag"]).status_code == 403
    done = mine.post(path, {"reason": "停产"}, If_Match=seen["ETag"])
    assert (done.status_code, done.json()["state"]) == (200, "withdrawn")
    assert mine.get(f"outcomes/{case.reference}/").json()["state"] == "withdrawn"
    assert mine.post(path, {"reason": "停产"}, If_Match=done["ETag"]).status_code == 409


def test_a_case_returned_for_correction_names_the_open_fields(world: World, call: Call) -> None:
    case = filled.submitted(world, call)
    screening.return_for_correction(
        actor=world.actor("county_handler"),
        at=filled.SPRING + timedelta(hours=1),
        reference=case.reference,
        fields=["basic.profile"],
        reason="简介与产品不符",
        due_on=(filled.SPRING + timedelta(days=6)).date(),
    )
    told = program(world, "applicant").get(f"cases/{case.reference}/").json()
    assert told["correction"]["fields"] == ["basic.profile"]

"""Filings on the national platform: workbook and files of a batch, numbers and times, what is not filed yet."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from applications.documents import platform as papers
from applications.forms import platform as forms
from applications.models import Application, Batch, BatchItem, Call, Evidence, Transmission
from applications.selectors import platform as reads
from applications.services import platform
from applications.states import BatchState, State
from greenlist.core import attachments
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Blob, RenderJob
from greenlist.core.sheets import ImportRefused
from tests import factories, rendering
from tests.applications import county, filled
from tests.registry import upper
from tests.world import World

AT = upper.AT
FILED = datetime.fromisoformat("2026-07-18T14:30:00+08:00")


@pytest.fixture
def call(world: World) -> Call:
    return upper.open_call(world)


def unit(world: World, call: Call, state: str = State.PASSED, **given: Any) -> Application:
    row = county.case(world, call, county="130300", **given)
    Application.objects.filter(pk=row.pk).update(step="send", state=state, reached=3)
    row.refresh_from_db()
    return row


def batch_of(world: World, *cases: Application) -> Batch:
    made = Batch.objects.create(
        call=cases[0].call,
        step="send",
        sender=world.city,
        receiver=world.province,
        title="推荐批次",
        frozen={"units": []},
        digest="a" * 64,
        state=BatchState.SIGNED,
        created_by=world.user("city_handler"),
        created_at=AT,
    )
    for position, case in enumerate(cases, start=1):
        BatchItem.objects.create(batch=made, application=case, position=position)
    return made


@pytest.mark.clause("HEB-1a", "JY-6", "HLJ-5")
def test_one_unit_gets_its_number_and_time_and_a_correction_keeps_both(world: World, call: Call) -> None:
    case = unit(world, call)
    given = {"actor": world.actor("city_handler"), "at": AT, "reference": case.reference}
    with pytest.raises(Invalid):
        platform.record(**given, number=" ", filed_at=None)
    with pytest.raises(Invalid):
        platform.record(**given, number="GP-1", filed_at=datetime.fromisoformat("2027-01-01T00:00:00+08:00"))
    with pytest.raises(NotAllowed):
        platform.record(**given | {"actor": world.actor("applicant")}, number="GP-1", filed_at=FILED)
    with pytest.raises(NotVisible):
        platform.record(**given | {"actor": world.actor("other_city_handler")}, number="GP-1", filed_at=FILED)
    platform.record(**given, number="GP-1", filed_at=FILED)
    with pytest.raises(Invalid) as wrong:
        platform.record(**given, number="GP-2", filed_at=FILED)
    assert list(wrong.value.problems) == ["reason"]
    platform.record(**given, number="GP-1", filed_at=FILED)  # the same again changes nothing
    platform.record(**given, number="GP-2", filed_at=FILED, reason="平台重新编号")
    made = Transmission.objects.get()
    assert made.number == "GP-2"
    assert [(one["number"], one["reason"]) for one in made.former] == [("GP-1", "平台重新编号")]
    page = world.client("city_handler").get(reverse("applications:platform-number", args=[case.reference]))
    assert "GP-1" in page.content.decode() and "平台重新编号" in page.content.decode()


@pytest.mark.authz
def test_only_the_authority_that_sends_a_unit_on_records_its_number(world: World, call: Call) -> None:
    """Whoever sees the case reads the number: the county it came from and the province it goes to do not write it."""
    case = unit(world, call)
    given: dict[str, Any] = {"at": AT, "reference": case.reference, "number": "GP-1", "filed_at": FILED}
    platform.record(**given, actor=world.actor("city_handler"))
    page, column = f"/platform/cases/{case.reference}/", f"/platform/calls/{call.pk}/"
    pasted = {"pasted": f"{case.code}\tGP-9\t2026-07-18", "reason": "改号"}
    for name in ("county_handler", "province_handler"):
        with pytest.raises(NotAllowed):
            platform.record(**given | {"number": "GP-9", "reason": "改号"}, actor=world.actor(name))
        client = world.client(name)
        assert "GP-1" in client.get(page).content.decode()
        told = {"number": "GP-9", "filed_at": "2026-07-18T14:30", "reason": "改号"}
        assert client.post(page, told).status_code == 403
        assert client.post(column, pasted).status_code == 422
    assert Transmission.objects.get().number == "GP-1"
    batch_of(world, case)  # sent on: it stays with the sender
    assert world.client("province_handler").post(column, pasted).status_code == 422
    assert world.client("city_handler").post(column, pasted).status_code == 302
    assert Transmission.objects.get().number == "GP-9"


def test_two_sites_of_one_firm_are_told_apart_by_the_case_number(world: World, call: Call) -> None:
    first = unit(world, call)
    again = factories.site(world.org, world.areas["130302"], "二厂")
    second = unit(world, call, organisation=world.org, site=again)
    numbers = {first.pk: "示例申报001", second.pk: "示例申报002"}
    for pk, number in numbers.items():
        Application.objects.filter(pk=pk).update(number=number)
    rows = [("表", 2, platform.Filed(first.code, "GP-1", FILED))]
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "at": AT, "call": call.pk}
    with pytest.raises(ImportRefused) as wrong:
        platform.record_many(**given, rows=rows)
    assert [row.column for row in wrong.value.rows] == ["case"]
    pasted = "\n".join(f"{first.code}\tGP-{pk}\t2026-07-18\t{number}" for pk, number in numbers.items())
    page = reverse("applications:platform-call", args=[call.pk])
    assert world.client("city_handler").post(page, {"pasted": pasted}).status_code == 302
    assert dict(Transmission.objects.values_list("application", "number")) == {pk: f"GP-{pk}" for pk in numbers}


def test_what_the_rules_do_not_ask_for_is_not_filed(world: World) -> None:
    county.load_rules()
    case = county.case(world, county.open_call(world), state=State.PASSED)
    with pytest.raises(WrongState):
        platform.record(
            actor=world.actor("county_handler"), at=AT, reference=case.reference, number="GP-1", filed_at=FILED
        )
    assert reads.filings(world.actor("county_handler")) == []


@pytest.mark.clause("JY-6", "HLJ-21d")
def test_what_is_not_filed_by_the_day_is_listed(world: World, call: Call) -> None:
    first, second = unit(world, call), unit(world, call, organisation=world.orgs["rival"])
    unit(world, call, State.WITHDRAWN, organisation=county.firm(world, "130302", 7301))
    actor = world.actor("city_handler")
    platform.record(actor=actor, at=AT, reference=first.reference, number="GP-1", filed_at=FILED)
    (found,) = reads.filings(actor)
    assert (found.filed, found.open, found.until) == (1, 1, date(2026, 7, 19))
    assert found.is_late(AT) and not found.is_late(FILED)
    assert [row.pk for row in reads.units(actor, call, filed=False).rows] == [second.pk]
    page = world.client("city_handler").get(reverse("applications:platform-call", args=[call.pk])).content.decode()
    assert second.name in page and first.name not in page and "截止日期为" in page


def test_a_column_is_taken_in_whole_or_not_at_all(world: World, call: Call) -> None:
    first, second = unit(world, call), unit(world, call, organisation=world.orgs["rival"])
    client, page = world.client("city_handler"), reverse("applications:platform-call", args=[call.pk])
    pasted = f"{first.code}\tGP-1\t2026-07-18 14:30\n{second.code}\tGP-2\t2026-07-18\n"
    wrong = client.post(page, {"pasted": f"{pasted}91000000000000000X\t\t昨天"})
    assert wrong.status_code == 422 and not Transmission.objects.exists()
    assert client.post(page, {"pasted": pasted}).status_code == 302
    assert set(Transmission.objects.values_list("number", flat=True)) == {"GP-1", "GP-2"}
    assert Transmission.objects.get(number="GP-1").at == FILED
    body = upper.book((first.code, "GP-3", "2026-07-18"), head=("统一社会信用代码", "平台编号", "报送时间"))
    assert (
        client.post(page, {"file": SimpleUploadedFile("编号.xlsx", body)}).status_code == 422
    )  # replaced without reason
    sent = {"file": SimpleUploadedFile("编号.xlsx", body), "reason": "平台重新编号"}
    assert client.post(page, sent).status_code == 302
    assert Transmission.objects.get(application=first).number == "GP-3"
    with pytest.raises(ImportRefused):
        forms.read("a.xlsx", b"PK\x03\x04broken")
    assert client.post(page, {}).status_code == 422


@pytest.mark.clause("HEB-1a")
def test_the_workbook_has_the_columns_of_the_rule_set_and_no_formula(world: World, call: Call) -> None:
    case = unit(world, call)
    Application.objects.filter(pk=case.pk).update(name="=cmd|示例")
    batch = batch_of(world, case)
    page = load_workbook(io.BytesIO(papers.workbook(batch))).active
    assert page is not None
    rows = list(page.iter_rows(values_only=True))
    assert rows[0] == ("序号", "单位名称", "统一社会信用代码", "所在地", "行业", "第三方机构")
    assert rows[1][:3] == ("1", "'=cmd|示例", case.code)
    address = reverse("applications:platform-document", args=[batch.reference, "xlsx"])
    assert world.client("city_handler").get(address).status_code == 200
    assert world.client("other_city_handler").get(address).status_code == 404


def test_the_package_waits_for_the_reports_and_holds_each_units_files(world: World, call: Call) -> None:
    case = unit(world, call)
    batch = batch_of(world, case)
    client = world.client("city_handler")
    address = reverse("applications:platform-document", args=[batch.reference, "zip"])
    assert client.get(address).status_code == 202
    job = RenderJob.objects.get(kind="platform")
    assert job.subject == batch.reference
    rendering.work()
    answer = client.get(address)
    assert answer.status_code == 200
    names = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()  # type: ignore[attr-defined]
    assert any(name.endswith(".xlsx") for name in names)
    assert f"001-{case.name}/{case.name}.pdf" in names


@pytest.mark.authz
def test_the_package_holds_the_files_that_were_declared_whatever_a_correction_does(world: World, call: Call) -> None:
    case = unit(world, call)
    said = case.report.versions.get().declared_at
    for name, added, removed in (
        ("申报.png", said, None),
        ("更正中删除.png", said, AT),
        ("更正中新增.png", AT, None),
        ("申报前删除.png", said, said),
    ):
        blob = attachments.store(upload=filled.picture(name), at=said)
        Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.CLEAN)
        given = {"section": "conditions", "field": "registered_file", "added_by": case.started_by}
        Evidence.objects.create(report=case.report, blob=blob, added_at=added, removed_at=removed, **given)
    items = list(batch_of(world, case).items.select_related("application__report"))
    assert [blob.name for blob in papers._evidence(items)[case.report_id]] == ["申报.png", "更正中删除.png"]


@pytest.mark.parametrize("count", [3, 30])
def test_lists_cost_the_same_however_long(
    world: World, call: Call, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        unit(world, call, organisation=county.firm(world, "130302", 7400 + number))
    client = world.client("city_handler")
    with django_assert_max_num_queries(18):
        assert client.get(reverse("applications:platform")).status_code == 200
    with django_assert_max_num_queries(22):
        assert client.get(reverse("applications:platform-call", args=[call.pk])).status_code == 200

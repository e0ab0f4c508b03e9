"""Adverse records: entered from sources by the place's officials, ended with a source, imported whole or not at all."""

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.organisations import imports, services
from greenlist.organisations.models import AdverseRecord
from tests import factories
from tests.world import World


def entry(world: World, **changes: Any) -> services.AdverseInput:
    values = {
        "code": world.org.code,
        "name": world.org.name,
        "kind": "safety",
        "severity": 2,
        "event_on": date(2025, 3, 9),
        "source": "应急管理局通报",
    }
    return services.AdverseInput(**values | changes)


@pytest.mark.authz
def test_officials_of_the_place_enter_records(world: World, now) -> None:
    made = services.enter_adverse(record=entry(world), actor=world.actor("county_handler"), at=now)
    assert (made.organisation, made.entered_by) == (world.org, world.county)
    for character in ("other_county_handler", "other_city_approver", "applicant", "rival", "expert", "anonymous"):
        with pytest.raises(NotAllowed):
            services.enter_adverse(record=entry(world), actor=world.actor(character), at=now)
    visible = {
        character: AdverseRecord.objects.visible_to(world.actor(character)).exists()
        for character in (
            "county_approver",
            "city_handler",
            "province_handler",
            "other_county_handler",
            "applicant",
            "expert",
        )
    }
    assert visible == {
        "county_approver": True,
        "city_handler": True,
        "province_handler": True,
        "other_county_handler": False,
        "applicant": False,
        "expert": False,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"severity": 0}, "severity"),
        ({"kind": "tax_offence", "severity": 2}, "severity"),
        ({"event_on": date(2030, 1, 1)}, "event_on"),
        ({"ended_on": date(2020, 1, 1)}, "ended_on"),
        ({"code": "911"}, "code"),
        ({"source": " "}, "source"),
        ({"name": ""}, "name"),
    ],
)
def test_each_mistake_stands_at_its_field(world: World, now, changes: dict, field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        services.enter_adverse(record=entry(world, **changes), actor=world.actor("county_handler"), at=now)
    assert list(wrong.value.problems) == [field]
    assert not AdverseRecord.objects.exists()


def test_a_record_ends_once_with_its_source(world: World, now) -> None:
    made = services.enter_adverse(record=entry(world), actor=world.actor("city_handler"), at=now)
    end = {"record_id": made.pk, "ended_on": date(2025, 9, 1), "source": "信用修复决定书"}
    with pytest.raises(NotVisible):
        services.end_adverse(**end, actor=world.actor("other_county_handler"), at=now)
    with pytest.raises(Invalid):
        services.end_adverse(**end | {"ended_on": date(2024, 1, 1)}, actor=world.actor("county_handler"), at=now)
    ended = services.end_adverse(**end, actor=world.actor("county_handler"), at=now)
    assert (ended.ended_on, ended.ended_source) == (date(2025, 9, 1), "信用修复决定书")
    with pytest.raises(WrongState):
        services.end_adverse(**end, actor=world.actor("city_handler"), at=now)


def test_officials_upload_within_bounds_as_firms_do(world: World, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "upload": {"account": "2/hour"}}
    client, answers = world.client("county_handler"), []
    for number in range(4):
        pdf = SimpleUploadedFile("通报.pdf", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", content_type="application/pdf")
        data = {"name": f"某厂{number}", "kind": "environment", "severity": "3", "event_on": "2025-03-09"}
        answers.append(
            client.post("/organisation/adverse/new/", {**data, "source": "通报", "evidence": pdf}).status_code
        )
    assert answers == [302, 302, 429, 429]
    assert AdverseRecord.objects.count() == 2
    bare = {"name": "某厂", "kind": "environment", "severity": "3", "event_on": "2025-03-09", "source": "通报"}
    assert client.post("/organisation/adverse/new/", bare).status_code == 302  # words cost no room


def test_evidence_is_kept_and_read_by_the_place_only(world: World) -> None:
    pdf = SimpleUploadedFile("通报.pdf", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", content_type="application/pdf")
    data = {
        "code": world.org.code,
        "name": world.org.name,
        "kind": "environment",
        "severity": "3",
        "event_on": "2025-03-09",
        "source": "生态环境局",
        "evidence": pdf,
    }
    client = world.client("county_handler")
    assert client.post("/organisation/adverse/new/", data).status_code == 302
    record = AdverseRecord.objects.get()
    address = f"/organisation/adverse/{record.pk}/evidence/"
    assert b"".join(client.get(address)).startswith(b"%PDF")
    for character in ("other_county_handler", "rival", "applicant", "expert"):
        assert world.client(character).get(address).status_code == 404


# ---- import -------------------------------------------------------------------------------------------------------
HEAD = ["统一社会信用代码", "名称", "类型", "等级", "事件或决定日期", "来源", "结束日期"]


def book(rows: list[list[Any]], head: list[str] | None = None) -> bytes:
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "记录"
    sheet.append(head or ["code", "name", "kind", "severity", "event_on", "source", "ended_on"])
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def rows_of(count: int) -> list[list[Any]]:
    return [
        [
            factories.credit_code(9000 + n),
            f"示例企业{n}",
            "serious_dishonesty",
            None,
            date(2025, 1, 2),
            "信用中国",
            None,
        ]
        for n in range(count)
    ]


def test_all_rows_come_in_linked_and_the_same_file_twice_adds_nothing(world: World, now) -> None:
    content = book(
        [*rows_of(3), [world.org.code.lower(), world.org.name, "safety", "较大", "2025年3月9日", "通报", ""]]
    )
    read = imports.read("a.xlsx", content)
    administrator = world.actor("administrator")
    assert services.import_adverse(rows=read, digest="x", actor=administrator, at=now) == (4, 0)
    linked = AdverseRecord.objects.get(organisation=world.org)
    assert (linked.code, linked.severity, linked.event_on) == (world.org.code, 2, date(2025, 3, 9))
    assert services.import_adverse(rows=read, digest="x", actor=administrator, at=now) == (0, 4)
    for character in ("applicant", "expert", "stranger"):
        with pytest.raises(NotAllowed):
            services.import_adverse(rows=read, digest="x", actor=world.actor(character), at=now)
    with pytest.raises(services.ImportRefused) as abroad:  # another place's firm
        services.import_adverse(rows=read, digest="x", actor=world.actor("other_county_handler"), at=now)
    assert [(one.row, one.column) for one in abroad.value.rows] == [(5, "code")]
    assert services.import_adverse(rows=read, digest="x", actor=world.actor("county_handler"), at=now) == (0, 4)


@pytest.mark.case("DO-11")
def test_one_wrong_row_keeps_all_out_and_is_named_by_place(world: World, now) -> None:
    rows = rows_of(30)
    rows[28][4] = "2025-13-40"
    rows[29][0] = rows[29][0][:-1]
    with pytest.raises(services.ImportRefused) as refused:
        imports.read("a.xlsx", book(rows))
    first = refused.value.rows[0]
    assert (first.sheet, first.row, first.value) == ("记录", 30, "2025-13-40")
    rows[28][4] = date(2025, 1, 2)
    read = imports.read("a.xlsx", book(rows))
    with pytest.raises(services.ImportRefused) as refused:
        services.import_adverse(rows=read, digest="x", actor=world.actor("administrator"), at=now)
    assert [(p.sheet, p.row, p.column) for p in refused.value.rows] == [("记录", 31, "code")]
    assert not AdverseRecord.objects.exists()


@pytest.mark.parametrize(
    "head",
    [
        ["code", "name", "kind", "severity", "day", "source", "ended_on"],
        ["name", "name", "kind", "x", "event_on", "source", ""],
    ],
)
def test_headings_are_checked_before_rows(db, head: list[str]) -> None:
    with pytest.raises(services.ImportRefused) as refused:
        imports.read("a.xlsx", book(rows_of(1), head))
    assert all(problem.row == 1 for problem in refused.value.rows)


def test_csv_as_chinese_excel_writes_it(db) -> None:
    text = "code,name,kind,event_on,source\r\n,示例企业,serious_dishonesty,2025/1/2,信用中国\r\n"
    for encoding in ("utf-8-sig", "gb18030"):
        ((_sheet, number, record),) = imports.read("a.csv", text.encode(encoding))
        assert (number, record.name, record.event_on) == (2, "示例企业", date(2025, 1, 2))


@pytest.mark.case("DO-10")
def test_a_sheet_that_lies_about_its_size_is_read_whole(db) -> None:
    source = zipfile.ZipFile(io.BytesIO(book(rows_of(10))))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as lying:
        for part in source.infolist():
            data = source.read(part)
            if part.filename.endswith("sheet1.xml"):
                data = data.replace(b'<dimension ref="A1:G11"', b'<dimension ref="A1:A2"')
            lying.writestr(part.filename, data)
    assert len(imports.read("a.xlsx", target.getvalue())) == 10


@pytest.mark.case("DO-10")
def test_too_much_is_refused_early(db) -> None:
    far = Workbook()
    far.active.append(["name", "kind", "event_on", "source"])
    far.active["A1048576"] = "x"
    target = io.BytesIO()
    far.save(target)
    for name, content in [
        ("a.xlsx", target.getvalue()),
        ("a.csv", b"name,kind\n" + b"x,y\n" * 6000),
        ("a.csv", b"n," * 50 + b"\n"),
        ("a.csv", b"x" * 600),
        ("a.csv", b"x" * (imports.MAX_BYTES + 1)),
        ("a.xlsx", b"no zip at all"),
        ("a.csv", b"\xff\xff\x00\x81"),
        ("a.csv", b""),
    ]:
        with pytest.raises(services.ImportRefused):
            imports.read(name, content)


def test_the_page_of_the_import_checks_shows_and_takes(world: World) -> None:
    client, address = world.client("administrator"), "/admin/organisations/adverserecord/import/"
    bad = SimpleUploadedFile("a.xlsx", book([["", "", "no such kind", None, "x", "信用中国", None]]))
    refused = client.post(address, {"file": bad})
    assert refused.status_code == 422
    assert "no such kind" in refused.content.decode()
    good = client.post(address, {"file": SimpleUploadedFile("a.xlsx", book(rows_of(3)))})
    assert good.status_code == 200
    assert not AdverseRecord.objects.exists()
    taken = client.post(address, {"ticket": good.context["ticket"]})
    assert taken.status_code == 302
    assert AdverseRecord.objects.count() == 3
    assert client.post(address, {"ticket": good.context["ticket"]}).status_code == 422
    assert client.post(address, {"ticket": "forged"}).status_code == 422
    assert world.client("city_approver").post(address, {"ticket": "forged"}).status_code in (302, 403)

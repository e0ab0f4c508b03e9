"""Pages about adverse records: corrections with their history, files of a source, names to confirm, firms inside a park."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from greenlist.organisations import imports, services
from greenlist.organisations.models import AdverseMatch, AdverseRecord, ParkFirm
from tests import factories
from tests.organisations.test_adverse import book, entry, rows_of
from tests.world import World


def test_a_correction_shows_what_stood_there(world: World, now) -> None:
    client = world.client("county_handler")
    made = services.enter_adverse(record=entry(world), actor=world.actor("county_handler"), at=now)
    address = f"/organisation/adverse/{made.pk}/correct/"
    assert client.get(address).status_code == 200
    given = {
        "code": made.code,
        "name": made.name,
        "kind": "safety",
        "severity": "4",
        "event_on": "2025-03-09",
        "source": made.source,
    }
    assert client.post(address, given).status_code == 422  # without a reason
    assert client.post(address, given | {"reason": "调查结论更正"}).status_code == 302
    shown = client.get(f"/organisation/adverse/{made.pk}/").content.decode()
    assert "调查结论更正" in shown
    assert "2 → 4" in shown


def test_an_official_imports_a_file_of_the_own_area(world: World) -> None:
    client, address = world.client("county_handler"), "/organisation/adverse/import/"
    rows = [[world.org.code, world.org.name, "environment", "Ⅱ级", date(2025, 1, 2), "生态环境局", None], *rows_of(2)]
    looked = client.post(address, {"file": SimpleUploadedFile("a.xlsx", book(rows))})
    assert looked.status_code == 200
    assert not AdverseRecord.objects.exists()
    assert client.post(address, {"ticket": looked.context["ticket"]}).status_code == 302
    assert AdverseRecord.objects.get(organisation=world.org).severity == 3
    assert client.post(address, {"ticket": looked.context["ticket"]}).status_code == 422
    abroad = [[world.orgs["sjz"].code, "桥西示例", "tax_offence", None, date(2025, 1, 2), "税务局", None]]
    looked = client.post(address, {"file": SimpleUploadedFile("b.xlsx", book(abroad))})
    assert client.post(address, {"ticket": looked.context["ticket"]}).status_code == 422
    for bad in (b"not a book", book([["", "", "no such", None, "x", "s", None]])):
        assert client.post(address, {"file": SimpleUploadedFile("c.xlsx", bad)}).status_code == 422
    assert AdverseRecord.objects.count() == 3


@pytest.mark.parametrize(
    ("written", "rank"), [("一般", 1), ("Ⅳ级", 1), ("III", 3 - 1), ("ⅱ级", 3), ("特别重大", 4), ("I级", 4), ("一级", 4)]
)
def test_environmental_grades_are_numbered_from_the_gravest(written: str, rank: int) -> None:
    rows = [["", "示例企业", "environment", written, date(2025, 1, 2), "生态环境局", None]]
    ((_sheet, _row, record),) = imports.read("a.xlsx", book(rows))
    assert record.severity == rank


def test_a_removal_names_its_tier(db) -> None:
    head = ["code", "name", "kind", "event_on", "source", "tier"]
    rows = [["", "示例企业", "removed_from_list", date(2025, 1, 2), "公告", "国家级"]]
    ((_sheet, _row, record),) = imports.read("a.xlsx", book(rows, head))
    assert record.tier == "nation"
    with pytest.raises(services.ImportRefused) as wrong:
        imports.read("a.xlsx", book([[*rows[0][:5], "火星级"]], head))
    assert wrong.value.rows[0].value == "火星级"


def decide(client: Client, match: AdverseMatch, action: str) -> int:
    return client.post(f"/organisation/adverse/names/{match.pk}/", {"note": "已核对", "action": action}).status_code


def test_a_name_is_confirmed_on_its_page(world: World, now) -> None:
    nameless = entry(world, code="", kind="other_offence", severity=0)
    services.enter_adverse(record=nameless, actor=world.actor("county_handler"), at=now)
    match, client = AdverseMatch.objects.get(), world.client("county_approver")
    assert world.org.name in client.get("/organisation/adverse/names/").content.decode()
    assert client.post(f"/organisation/adverse/names/{match.pk}/", {"action": "same"}).status_code == 422
    assert decide(client, match, "same") == 302
    assert decide(client, match, "other") == 409
    assert AdverseRecord.objects.get().organisation == world.org


def test_the_firms_of_a_park_on_their_page(world: World) -> None:
    park = factories.organisation(world.areas["130302"], "示例园区", serial=6300, kind="park")
    client, address = world.client("county_handler"), f"/organisation/of/{park.pk}/firms/"
    assert client.post(address, {"name": "园内企业", "code": ""}).status_code == 302
    assert client.post(address, {"name": "", "code": ""}).status_code == 422
    assert "园内企业" in client.get(address).content.decode()
    link = ParkFirm.objects.get()
    assert client.post(f"/organisation/firms/{link.pk}/left/").status_code == 302
    assert "园内企业" not in client.get(address).content.decode().split("</h1>")[1].split("<form")[0]
    assert client.post("/organisation/firms/999999/left/").status_code == 404

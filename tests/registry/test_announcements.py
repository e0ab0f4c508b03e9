"""公告: numbered and dated, by two people, once; the list, titles and certificates follow from it."""

from __future__ import annotations

import io
import tracemalloc
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from applications.models import Application
from applications.states import State
from greenlist.core import rendering
from greenlist.core.errors import NotAllowed, NotVisible, WrongState
from greenlist.core.models import RenderJob
from greenlist.organisations.models import Title
from registry import documents, selectors
from registry.models import Announcement, Certificate, Entry, Listing
from registry.services import announcements
from tests.registry import stage
from tests.rendering import content, fetched
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.clause("QHD-N4c")
def test_the_first_batch_is_numbered_and_dated(world: World, call: Any, three: list[Application]) -> None:
    row = stage.published(world, stage.closed(world, call, three))
    assert (row.ordinal, row.issued_on) == (1, date(2026, 6, 16))
    assert row.entries.count() == Listing.objects.count() == Certificate.objects.count() == 3
    assert set(Application.objects.values_list("state", flat=True)) == {State.LISTED}
    assert Title.objects.filter(tier="city", category="factory").count() == 3


def test_two_people_are_needed(world: World, call: Any, case: Application) -> None:
    row = stage.handed(world, stage.closed(world, call, [case]))
    at = stage.PUBLISHED + timedelta(days=9)
    Announcement.objects.filter(pk=row.pk).update(handed_by=world.user("city_approver"))
    with pytest.raises(NotAllowed) as refusal:
        announcements.publish(actor=world.actor("city_approver"), reference=row.reference, at=at)
    assert refusal.value.code == "four_eyes"
    Announcement.objects.filter(pk=row.pk).update(handed_by=world.user("city_handler"))
    with pytest.raises(NotAllowed):
        announcements.publish(actor=world.actor("city_handler"), reference=row.reference, at=at)
    with pytest.raises(NotVisible):
        announcements.publish(actor=world.actor("other_city_approver"), reference=row.reference, at=at)
    announcements.publish(actor=world.actor("city_approver"), reference=row.reference, at=at)


@pytest.mark.race
@pytest.mark.case("WF-05")
@pytest.mark.django_db(transaction=True)
def test_a_double_publish_lists_once(world: World, call: Any, three: list[Application], run_threads: Any) -> None:
    row = stage.handed(world, stage.closed(world, call, three))
    at = stage.PUBLISHED + timedelta(days=9)

    def publish(_number: int) -> Any:
        return announcements.publish(actor=world.actor("city_approver"), reference=row.reference, at=at)

    outcomes = run_threads(4, publish)
    assert [type(outcome) for outcome in outcomes].count(Announcement) == 1, outcomes
    assert [type(outcome) for outcome in outcomes].count(WrongState) == 3, outcomes
    assert Listing.objects.count() == Entry.objects.count() == Certificate.objects.count() == 3


def test_the_list_of_a_day_is_the_fold_of_its_entries(world: World, call: Any, case: Application) -> None:
    row = stage.published(world, stage.closed(world, call, [case]))
    assert selectors.as_of(row.listbook, date(2026, 6, 15)) == []
    assert [entry.name for entry in selectors.as_of(row.listbook, date(2026, 6, 16))] == [case.name]


@pytest.mark.parametrize("state", ["active", "removed"])
def test_a_unit_evaluated_anew_has_one_place_on_the_list(
    world: World, call: Any, case: Application, state: str
) -> None:
    """Under rules that ask for it (`[rounds] again`), or accepted again years after a removal."""
    row = stage.handed(world, stage.closed(world, call, [case]))
    before = Listing.objects.create(
        listbook=row.listbook, site=case.site, organisation=case.organisation, origin="imported", state=state,
        name="旧名示例厂", area_path=case.area_path, area_name="海港区", year=2022, listed_on=date(2022, 6, 1),
    )  # fmt: skip
    announcements.publish(
        actor=world.actor("city_approver"), reference=row.reference, at=stage.PUBLISHED + timedelta(days=9)
    )
    after = Listing.objects.get()
    assert (after.pk, after.state, after.name, after.former) == (before.pk, "active", case.name, "旧名示例厂")
    assert (after.application_id, after.year) == (case.pk, case.call.year)
    assert [entry.name for entry in selectors.as_of(row.listbook, date(2026, 6, 30))] == [case.name]


def test_a_certificate_leads_to_the_live_state(world: World, call: Any, case: Application) -> None:
    stage.published(world, stage.closed(world, call, [case]))
    certificate = Certificate.objects.get()
    client = world.client("anonymous")
    assert case.name in client.get(f"/v/{certificate.token}/").content.decode()
    assert client.get("/v/no-such-token/").status_code == 404
    found = client.get("/v/", {"number": certificate.number})
    assert found.status_code == 302
    Listing.objects.filter(pk=certificate.listing_id).update(state="removed")
    assert "verdict--grave" in client.get(f"/v/{certificate.token}/").content.decode()


def test_documents_are_rendered_once_and_are_pdf(world: World, call: Any, case: Application) -> None:
    from greenlist.core.models import Blob

    notice = stage.closed(world, call, [case])
    row = stage.published(world, notice)
    certificate = Certificate.objects.get()
    client = world.client("anonymous")
    addresses = [
        f"/p/130300/notices/{notice.reference}/notice.pdf",
        f"/p/130300/announcements/{row.reference}/announcement.pdf",
        f"/v/{certificate.token}/certificate.pdf",
    ]
    for address in addresses:
        assert content(fetched(client, address))[:5] == b"%PDF-"
    kept = Blob.objects.count()
    for address in addresses:
        b"".join(client.get(address).streaming_content)  # type: ignore[arg-type]
    assert Blob.objects.count() == kept


def test_the_public_list_is_searched_by_name_code_place_industry_and_year(
    world: World, call: Any, three: list[Application]
) -> None:
    stage.published(world, stage.closed(world, call, three))
    client = world.client("anonymous")
    one = three[0]

    def shown(**asked: Any) -> int:
        return client.get("/lists/", asked).content.decode().count("/listed/")

    assert shown() == 3
    assert shown(q=one.name[-8:]) >= 1
    assert shown(q=one.code) == 1
    assert shown(q="没有这家") == 0
    assert shown(place="130302") == 3
    assert shown(place="130100") == 0
    assert shown(industry="39") == 3
    assert shown(industry="13") == 0
    assert shown(year=2026) == 3
    assert shown(year=2025) == 0


@pytest.mark.parametrize("kind", ["xlsx", "csv", "json"])
def test_the_download_equals_the_filter(world: World, call: Any, three: list[Application], kind: str) -> None:
    stage.published(world, stage.closed(world, call, three))
    Listing.objects.filter(application=three[0]).update(name="=1+1 示例")
    answer = world.client("anonymous").get(f"/lists/download.{kind}", {"year": 2026})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[arg-type,attr-defined]
    if kind == "csv":
        assert b"'=1+1" in body
        assert body.count(b"\r\n") == 4
    if kind == "json":
        assert body.count(b'"code"') == 3
    if kind == "xlsx":
        sheet = load_workbook(io.BytesIO(body)).active
        assert sheet.max_row == 4
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_a_long_workbook_is_made_by_the_worker_and_waited_for(
    world: World, call: Any, three: list[Application], settings: Any, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """The page waits, is told when it is there, and gets the same lines; asking how far it is costs no try."""
    stage.published(world, stage.closed(world, call, three))
    monkeypatch.setattr(documents, "DIRECT", 2)
    settings.LIMITS = {**settings.LIMITS, "download": {"address": "2/hour"}}
    client, url = world.client("anonymous"), "/lists/download.xlsx?year=2026"
    waits = client.get(url)
    assert (waits.status_code, waits["Retry-After"]) == (202, "2")
    poll = waits.context["poll"]
    assert [client.get(poll, headers={"HX-Request": "true"}).status_code for _number in range(3)] == [204] * 3
    assert rendering.sweep(at=now) == 1
    job = RenderJob.objects.get(kind=documents.LIST)
    assert (job.state, job.params, job.part) == ("done", {"year": "2026"}, "zh-hans")
    assert "data-opens" in client.get(poll, headers={"HX-Request": "true"}).content.decode()
    sheet = load_workbook(io.BytesIO(b"".join(client.get(url).streaming_content))).active  # type: ignore[attr-defined]
    assert sheet.max_row == 4 and {row[0].value for row in sheet.iter_rows(min_row=2)} == {one.name for one in three}
    assert client.get(url).status_code == 429


def test_lines_of_a_workbook_go_to_the_disk_as_they_are_written(world: World) -> None:
    """Ten times the lines take no more memory: openpyxl keeps one line, and rows come from a cursor."""
    line = ("示例青松制造有限公司", "", "海港区", "", "名单", 2026, 1, date(2026, 1, 1), "active")

    def peak(count: int) -> int:
        tracemalloc.start()
        with documents._xlsx(line for _number in range(count)) as file:
            assert file.read(2) == b"PK"
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(2000) < 1.5 * peak(200)


def test_one_address_does_not_fetch_the_whole_list_all_day(
    world: World, call: Any, three: list[Application], settings: Any
) -> None:
    stage.published(world, stage.closed(world, call, three))
    settings.LIMITS = {**settings.LIMITS, "download": {"address": "2/hour"}}
    client = world.client("anonymous")
    assert client.get("/lists/download.exe").status_code == 404
    answers = [client.get("/lists/download.json", REMOTE_ADDR="192.0.2.9").status_code for _number in range(3)]
    assert answers == [200, 200, 429]
    assert client.get("/lists/download.json", REMOTE_ADDR="192.0.2.10").status_code == 200
    assert client.get("/lists/", REMOTE_ADDR="192.0.2.9").status_code == 200


def test_a_list_as_of_a_day_is_read_page_by_page(
    world: World, call: Any, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = stage.published(world, stage.closed(world, call, three))
    monkeypatch.setattr("registry.views.public.AS_OF", 2)
    client, names = world.client("anonymous"), []
    page = reverse("registry:as_of", args=["130300", "factory"]) + f"?on={row.issued_on}"
    first = client.get(page)
    assert len(first.context["entries"]) == 2
    names += [entry.name for entry in first.context["entries"]]
    second = client.get(f"{page}&after={first.context['following']}&shown={first.context['next']}")
    names += [entry.name for entry in second.context["entries"]]
    assert sorted(names) == sorted(case.name for case in three)
    assert '<td class="num">3</td>' in second.content.decode()
    assert second.context["following"] is None


def test_the_public_list_asks_the_same_number_of_questions_for_3_and_30(
    world: World, call: Any, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.reviews import stage as reviews

    rows = reviews.several(world, call, 3)
    row = stage.published(world, stage.closed(world, call, rows))
    client = world.client("anonymous")
    with CaptureQueriesContext(connection) as few:
        client.get("/lists/")
    listing = Listing.objects.first()
    assert listing is not None
    from tests.applications import county

    for number in range(27):
        firm = county.firm(world, "130302", 9000 + number)
        Listing.objects.create(
            listbook=row.listbook,
            site=firm.sites.first(),
            organisation=firm,
            name=firm.name,
            code=firm.code or "",
            area_path=listing.area_path,
            area_name=listing.area_name,
            year=2026,
            ordinal=1,
            listed_on=listing.listed_on,
        )
    with CaptureQueriesContext(connection) as many:
        client.get("/lists/")
    assert len(few) == len(many) <= 10

"""What a city files upward by 31 August, signed by two, received with a number; training dates with places."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from dynamics.models import CultivationFiling, CultivationObject, Training
from dynamics.selectors import filings as reads
from dynamics.services import cultivation, filings, trainings
from dynamics.services.deadlines import filings as deadlines_of_filings
from dynamics.services.trainings import Offer
from dynamics.states import FilingState
from greenlist.core import clock
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from tests.applications import county
from tests.dynamics.listed import listed
from tests.rendering import work
from tests.world import World

AT = datetime.fromisoformat("2026-08-20T09:00:00+08:00")


@pytest.fixture(autouse=True)
def _rules(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    county.load_rules()
    monkeypatch.setattr(clock, "now", lambda: AT)


def act(world: World, who: str = "hlj_city_handler", at: datetime = AT) -> dict[str, Any]:
    return {"actor": world.actor(who), "at": at}


def filed(world: World, at: datetime = AT, **given: Any) -> CultivationFiling:
    """Written and handed over by the handler, signed by the approver."""
    row = filings.draft(rule="filing", year=2026, **act(world, at=at))
    words = {"plan": "全年培育十家。", "with_library": False, "with_list": False, **given}
    filings.write(reference=row.reference, version=row.version, **words, **act(world, at=at))
    filings.hand_over(reference=row.reference, **act(world, at=at))
    return filings.sign(reference=row.reference, **act(world, "hlj_city_approver", at))


@pytest.mark.clause("HLJ-14b")
def test_any_of_the_three_is_filed_by_two_and_received_with_a_number(world: World) -> None:
    row = filings.draft(rule="filing", year=2026, **act(world))
    assert (row.due_on, row.clause, row.to) == (date(2026, 8, 31), "HLJ-14b", world.authorities["230000"])
    assert filings.draft(rule="filing", year=2026, **act(world)).pk == row.pk
    nothing = {"plan": "", "with_library": True, "with_list": False}  # an empty library is none
    filings.write(reference=row.reference, version=0, **nothing, **act(world))
    with pytest.raises(Refused):
        filings.hand_over(reference=row.reference, **act(world))
    with pytest.raises(Conflict):
        filings.write(reference=row.reference, version=0, **nothing, **act(world))
    cultivation.add(site_id=world.sites["hlj"].pk, category="factory", **act(world))
    filings.hand_over(reference=row.reference, **act(world))
    with pytest.raises(NotAllowed):  # two people
        filings.sign(reference=row.reference, **act(world))
    with pytest.raises(NotVisible):  # nothing is seen above before it is sent
        filings.receive(reference=row.reference, **act(world, "hlj_province_handler"))
    filings.sign(reference=row.reference, **act(world, "hlj_city_approver"))
    assert Notification.objects.filter(kind="filing.sent", recipient=world.user("hlj_province_handler")).exists()
    CultivationObject.objects.all().delete()  # what was signed stays as it was
    received = filings.receive(reference=row.reference, **act(world, "hlj_province_handler"))
    assert (received.state, received.number) == (FilingState.RECEIVED, "PYBA-2026-001")
    assert [one["name"] for one in received.frozen["library"]] == [world.orgs["hlj"].name]
    with pytest.raises(WrongState):
        filings.receive(reference=row.reference, **act(world, "hlj_province_handler"))


@pytest.mark.clause("HLJ-14b")
@pytest.mark.parametrize("part", ["plan", "library", "list"])
def test_each_of_the_three_alone_satisfies(world: World, part: str) -> None:
    if part == "library":
        cultivation.add(site_id=world.sites["hlj"].pk, category="factory", **act(world))
    if part == "list":
        listed(world, "hlj", "230100")
    words = {"plan": "全年培育十家。" if part == "plan" else ""}
    row = filed(world, **words, with_library=part == "library", with_list=part == "list")
    assert row.state == FilingState.SENT
    (board,) = reads.boards(world.actor("hlj_province_handler"), 2026, AT.date())
    assert (board.filed, board.overdue) == (1, 0)


@pytest.mark.clause("HLJ-14b")
@pytest.mark.parametrize(("day", "late"), [("2026-08-31T23:59:00+08:00", False), ("2026-09-01T00:01:00+08:00", True)])
def test_the_last_day_is_in_time_and_the_board_says_who_is_late(world: World, day: str, late: bool) -> None:
    at = datetime.fromisoformat(day)
    province = world.actor("hlj_province_handler")
    (before,) = reads.boards(province, 2026, at.date())
    (line,) = before.lines
    assert (line.authority, line.is_overdue, before.filed) == (world.authorities["230100"], late, 0)
    filed(world, at)
    (after,) = reads.boards(province, 2026, at.date())
    assert (after.filed, after.overdue, after.lines[0].was_late) == (1, 0, late)
    page = world.client("hlj_province_handler").get(reverse("dynamics:filings"))
    assert world.authorities["230100"].name in page.content.decode()
    assert reads.boards(world.actor("province_handler"), 2026, at.date()) == []  # other rules ask for none


@pytest.mark.clause("HLJ-14b")
def test_who_has_not_filed_is_reminded_of_the_last_day(world: World) -> None:
    (owed,) = list(deadlines_of_filings(AT.date()))
    assert (owed.last_day, owed.clause) == (date(2026, 8, 31), "HLJ-14b")
    assert owed.people == (world.user("hlj_city_handler").pk, world.user("hlj_city_approver").pk)
    assert list(deadlines_of_filings(AT.date(), actor=world.actor("hlj_city_handler"))) == [owed]
    assert not list(deadlines_of_filings(AT.date(), actor=world.actor("city_handler")))
    filed(world)
    assert not list(deadlines_of_filings(AT.date()))


@pytest.mark.clause("HLJ-14b")
def test_the_package_holds_pdf_and_workbook(world: World) -> None:
    cultivation.add(site_id=world.sites["hlj"].pk, category="factory", **act(world))
    row = filed(world, with_library=True)
    client, address = world.client("hlj_province_handler"), reverse("dynamics:filing-package", args=[row.reference])
    assert client.get(address).status_code == 202
    work()
    answer = client.get(address)
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        names = archive.namelist()
        pdf = next(name for name in names if name.endswith(".pdf"))
        assert archive.read(pdf).startswith(b"%PDF")
    assert sum(name.endswith(".xlsx") for name in names) == 1
    assert world.client("province_handler").get(address).status_code == 404


@pytest.mark.authz
def test_only_its_own_authority_works_on_a_filing(world: World) -> None:
    row = filings.draft(rule="filing", year=2026, **act(world))
    for who in ("hlj_province_handler", "city_handler", "hlj_applicant"):
        with pytest.raises(NotVisible):
            filings.hand_over(reference=row.reference, **act(world, who))
    with pytest.raises(NotVisible):  # no such duty in 河北
        filings.draft(rule="filing", year=2026, **act(world, "city_handler"))


def offer(world: World, **given: Any) -> Training:
    said = {
        "title": "绿色工厂创建培训",
        "text": "",
        "held_on": date(2026, 9, 10),
        "place": "示例会议室",
        "places": 3,
        "sign_up_until": date(2026, 9, 5),
        **given,
    }
    return trainings.offer(given=Offer(**said), **act(world))


@pytest.mark.clause("HLJ-34")
def test_cultivation_objects_sign_up_for_the_places_of_a_training(world: World) -> None:
    row = cultivation.add(site_id=world.sites["hlj"].pk, category="factory", **act(world))
    cultivation.take_up(reference=row.reference, **act(world))
    with pytest.raises(Invalid):
        offer(world, sign_up_until=date(2026, 9, 20))
    training = offer(world)
    assert Notification.objects.filter(kind="training.offered", recipient=world.user("hlj_applicant")).exists()
    with pytest.raises(NotVisible):  # of another place
        trainings.sign_up(reference=training.reference, persons=1, **act(world, "applicant"))
    with pytest.raises(Refused):
        trainings.sign_up(reference=training.reference, persons=4, **act(world, "hlj_applicant"))
    for persons in (2, 3):  # again changes how many
        trainings.sign_up(reference=training.reference, persons=persons, **act(world, "hlj_applicant"))
    assert [one.persons for one in training.places_taken.all()] == [3]
    page = world.client("hlj_city_handler").get(reverse("dynamics:training", args=[training.reference]))
    assert world.orgs["hlj"].name in page.content.decode()
    trainings.sign_off(reference=training.reference, **act(world, "hlj_applicant"))
    with pytest.raises(WrongState):
        trainings.sign_up(
            reference=training.reference, persons=1, **act(world, "hlj_applicant", AT + timedelta(days=20))
        )
    trainings.cancel(reference=training.reference, **act(world))
    with pytest.raises(WrongState):
        trainings.sign_up(reference=training.reference, persons=1, **act(world, "hlj_applicant"))


@pytest.mark.parametrize("count", [3, 30])
def test_pages_ask_as_few_queries_for_many(world: World, count: int, django_assert_max_num_queries: Any) -> None:
    for number in range(count):
        offer(world, title=f"培训示例{number}")
    client = world.client("hlj_city_handler")
    for name in ("dynamics:trainings", "dynamics:filings"):
        client.get(reverse(name))
        with django_assert_max_num_queries(24):
            assert client.get(reverse(name)).status_code == 200

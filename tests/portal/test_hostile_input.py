"""What nobody types: every page answers it, none fails (UP-10)."""

from __future__ import annotations

from typing import Any

import pytest

from applications.services import drafts
from greenlist.core.http import whole
from tests.applications import county
from tests.reviews import stage
from tests.world import World

pytestmark = pytest.mark.django_db
NO_KEYS = ["²", "٣", "-1", "1e3", "9" * 19, "9" * 5000, "1_0", " 1", ""]
PAGED = [
    ("/cases/", "after", "applicant"),
    ("/calls/", "after", "city_handler"),
    ("/batches/", "after", "county_handler"),
    ("/reviews/panels/", "after", "city_handler"),
    ("/reviews/decisions/", "after", "city_handler"),
    ("/organisation/search/", "page", "county_handler"),
    ("/p/130300/calls/", "after", "anonymous"),
    ("/lists/", "after", "anonymous"),
    ("/inbox/", "older", "applicant"),
    ("/desk/", "after", "county_handler"),
]


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.mark.parametrize("text", NO_KEYS)
def test_only_plain_digits_that_a_key_can_hold_are_a_whole_number(text: str) -> None:
    assert whole("9" * 18) == 10**18 - 1
    assert whole(text) is None


@pytest.mark.parametrize(("address", "name", "character"), PAGED)
def test_a_page_mark_that_is_none_of_ours_shows_the_start(
    world: World, call: Any, address: str, name: str, character: str
) -> None:
    client = world.client(character)
    assert client.get(address).status_code == 200
    for text in NO_KEYS:
        assert client.get(address, {name: text}).status_code == 200


def test_a_row_number_that_is_none_is_no_row(world: World, call: Any) -> None:
    case = drafts.start(actor=world.actor("applicant"), at=county.START, call_id=call.pk, site_id=world.site.pk)
    address = f"/cases/{case.reference}/fill/economy/"
    client = world.client("applicant")
    for text in ("²", "9" * 500):
        assert client.post(address, {f"annual.{text}.year": "2025", "stay": "1"}).status_code in (302, 409)
        assert client.post(address, {"annual.0.year": "2025", "version": text}).status_code in (302, 409)


def test_keys_in_forms_that_no_row_can_have(world: World, call: Any) -> None:
    panel = stage.opened(world, [stage.recommended(world, call)])
    official = world.client("city_handler")
    for text in NO_KEYS:
        assert official.post(f"/reviews/panels/{panel.reference}/invite/", {"expert": text}).status_code == 302
        assert official.post("/batches/start/", {"call": text}).status_code == 404
        assert official.post("/inbox/read/", {"id": text}).status_code == 302


@pytest.mark.case("UP-10")
def test_control_characters_never_reach_a_row(world: World, call: Any) -> None:
    anonymous, applicant = world.client("anonymous"), world.client("applicant")
    for sign in ("\x00", "\x01", "\x0b", "\x1f"):
        assert anonymous.get("/lists/", {"q": f"a{sign}"}).status_code == 200
        assert anonymous.get("/lists/", {f"a{sign}": "1"}).status_code == 200
        assert anonymous.get(f"/v/abc%{ord(sign):02x}/").status_code == 404
        assert applicant.get(f"/cases/abc%{ord(sign):02x}/").status_code == 404
        assert applicant.get("/cases/", {"q": sign}).status_code == 200
        assert applicant.post("/account/switch/", {"capacity": sign}).status_code == 403
    case = drafts.start(actor=world.actor("applicant"), at=county.START, call_id=call.pk, site_id=world.site.pk)
    typed = {"profile": "一行\x0b二行\t三\r\n四\x00", "version": "0", "stay": "1"}
    assert applicant.post(f"/cases/{case.reference}/fill/basic/", typed).status_code == 302
    assert case.report.sections.get(key="basic").data["profile"] == "一行 二行\t三\n四"


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "²", "x" * 5000])
def test_a_day_after_which_nothing_can_be_reckoned(world: World, call: Any, day: str) -> None:
    case = county.case(world, call)
    back, own = f"/cases/{case.reference}/review/return/", f"/cases/{case.reference}/"
    given = {"revision": case.revision, "fields": "basic.profile", "reason": "请补充", "due_on": day}
    official = world.client("county_handler")
    assert official.post(back, given).status_code == 422
    assert official.get(own).status_code == 200
    moved = {"step": "county_batch", "new_day": day, "reason": "疫情"}
    assert world.client("city_approver").post(f"/calls/{call.pk}/extend/", moved).status_code == 422
    assert world.client("anonymous").get(f"/p/130300/calls/{call.pk}/").status_code == 200

"""Two handlers, one draft: the later one is told, sees both texts, and overwrites only knowingly (WF-06)."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application
from greenlist.core.errors import Conflict
from registry.services import announcements, notices
from registry.states import AnnouncementState
from tests.registry import stage
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.case("WF-06")]
MINE, THEIRS = "乙写的公示文字。", "甲写的公示文字。"


def test_two_editors_of_a_notice(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    address = f"/registry/notices/{draft.reference}/"
    first, second = world.client("city_handler"), world.client("city_approver")
    seen = {"title": draft.title, "version": "0"}
    assert b'name="version" value="0"' in second.get(address).content
    assert first.post(address, {**seen, "text": THEIRS}).status_code == 302
    told = second.post(address, {**seen, "text": MINE})
    assert told.status_code == 409
    page = told.content.decode()
    assert THEIRS in page
    assert MINE in page
    assert 'name="version" value="1"' in page
    draft.refresh_from_db()
    assert draft.text == THEIRS
    assert second.post(address, {**seen, "text": MINE, "version": "1"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.text, draft.version) == (MINE, 2)
    del seen["version"]
    assert first.post(address, {**seen, "text": THEIRS}).status_code == 409  # a form that never saw a version


def test_two_editors_of_an_announcement_and_the_hand_over(world: World, call: Any, case: Application) -> None:
    row = stage.handed(world, stage.closed(world, call, [case]))
    announcements.hand_back(actor=world.actor("city_approver"), reference=row.reference, note="改", at=stage.PUBLISHED)
    address = f"/registry/announcements/{row.reference}/"
    first, second = world.client("city_handler"), world.client("city_approver")
    seen = {"title": row.title, "number": row.number, "version": "0"}
    assert first.post(address, {**seen, "text": THEIRS}).status_code == 302
    told = second.post(address, {**seen, "text": MINE})
    assert told.status_code == 409
    assert THEIRS in told.content.decode()
    assert MINE in told.content.decode()
    stale = second.post(f"{address}hand/", {"version": "0"})
    assert stale.status_code == 409
    row.refresh_from_db()
    assert (row.text, row.state) == (THEIRS, AnnouncementState.DRAFT)
    assert second.post(f"{address}hand/", {"version": "1"}).status_code == 302


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_saves_at_once_keep_one(race_world: World, call_for_race: Any, run_threads: Any) -> None:
    world, call = race_world, call_for_race
    from tests.reviews import stage as reviews

    draft = stage.drafted(world, call, reviews.several(world, call, 1))
    texts = ["甲文", "乙文"]
    for version in range(5):

        def save(number: int, version: int = version) -> Any:
            words = {"title": draft.title, "text": texts[number], "site_address": ""}
            actor = world.actor(["city_handler", "city_approver"][number])
            return notices.edit(actor=actor, reference=draft.reference, at=stage.PUBLISHED, version=version, **words)

        outcomes = run_threads(2, save)
        lost = [one for one in outcomes if isinstance(one, Conflict)]
        assert len(lost) == 1
        draft.refresh_from_db()
        assert draft.version == version + 1
        assert lost[0].theirs["text"] == draft.text


@pytest.fixture
def call_for_race(race_world: World) -> Any:
    from tests.applications import county

    county.load_rules()
    return county.open_call(race_world)

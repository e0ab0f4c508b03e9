"""What an approver publishes is what the page showed, nothing that was changed behind it."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application
from registry.services import announcements, notices
from registry.states import AnnouncementState, NoticeState
from tests.registry import stage
from tests.world import World

pytestmark = pytest.mark.django_db


def test_a_notice_whose_words_were_changed_after_the_page(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    address, client = f"/registry/notices/{draft.reference}/publish/", world.client("city_approver")
    seen = notices.shown_digest(draft)
    notices.edit(
        actor=world.actor("city_handler"),
        reference=draft.reference,
        title=draft.title,
        text="另一段文字。",
        site_address="",
        at=stage.PUBLISHED,
    )
    for stale in (seen, ""):
        assert client.post(address, {"digest": stale}).status_code == 409
    draft.refresh_from_db()
    assert draft.state == NoticeState.DRAFT
    assert client.post(address, {"digest": notices.shown_digest(draft)}).status_code == 302


def test_an_announcement_that_was_handed_over_anew(world: World, call: Any, case: Application) -> None:
    row = stage.handed(world, stage.closed(world, call, [case]))
    address, client = f"/registry/announcements/{row.reference}/publish/", world.client("city_approver")
    seen, at, handler = announcements.shown_digest(row), stage.PUBLISHED, world.actor("city_handler")
    announcements.hand_back(actor=world.actor("city_approver"), reference=row.reference, note="改", at=at)
    announcements.edit(actor=handler, reference=row.reference, title="另一标题", number="", text="x", at=at)
    announcements.hand_to_approver(actor=handler, reference=row.reference, at=at)
    for stale in (seen, ""):
        assert client.post(address, {"digest": stale}).status_code == 409
    row.refresh_from_db()
    assert row.state == AnnouncementState.TO_APPROVE
    assert client.post(address, {"digest": announcements.shown_digest(row)}).status_code == 302

"""A mandate limited to one list gives nothing on another list of the same authority (QHD-4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from applications.models import Application, Batch, Call
from applications.services import batches
from applications.states import State
from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.portal.selectors import work_list
from registry.models import Announcement, Notice, Objection
from registry.services import announcements, notices, objections
from tests.applications import county
from tests.registry import stage
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.clause("QHD-4")]


def limited(world: World, character: str, kind: str) -> Actor:
    return replace(world.actor(character), list_kind=kind)


def test_a_notice_in_preparation_and_its_publication(world: World, call: Any, case: Application) -> None:
    draft = stage.drafted(world, call, [case])
    other, own = limited(world, "city_approver", "park"), limited(world, "city_approver", "factory")
    assert not Notice.objects.visible_to(other).filter(pk=draft.pk).exists()
    with pytest.raises(NotVisible):
        notices.publish(actor=other, reference=draft.reference, at=stage.PUBLISHED)
    notices.publish(actor=own, reference=draft.reference, at=stage.PUBLISHED)
    with pytest.raises(NotAllowed):
        notices.edit(
            actor=other,
            reference=draft.reference,
            title="",
            text="",
            site_address="https://example.com/",
            at=stage.PUBLISHED,
        )


def test_who_objected(world: World, call: Any, case: Application) -> None:
    filed = stage.objection(stage.running(world, call, [case]))
    other, own = limited(world, "city_approver", "park"), limited(world, "city_approver", "factory")
    assert objections.read(actor=own, receipt=filed.receipt, at=stage.PUBLISHED) == filed
    with pytest.raises(NotVisible):
        objections.read(actor=other, receipt=filed.receipt, at=stage.PUBLISHED)
    with pytest.raises(NotVisible):
        objections.decide(actor=other, receipt=filed.receipt, upheld=True, reasons="不属实", at=stage.PUBLISHED)
    assert Objection.objects.get().state == "received"


def test_an_announcement(world: World, call: Any, case: Application) -> None:
    notice = stage.closed(world, call, [case])
    at = stage.after(notice)
    with pytest.raises(NotAllowed):
        announcements.draft(
            actor=limited(world, "city_handler", "park"), notice=notice.reference, title="x", number="", text="", at=at
        )
    row = stage.handed(world, notice)
    other = limited(world, "city_approver", "park")
    assert not Announcement.objects.visible_to(other).exists()
    with pytest.raises(NotVisible):
        announcements.publish(actor=other, reference=row.reference, at=at)
    announcements.publish(actor=limited(world, "city_approver", "factory"), reference=row.reference, at=at)


def test_batches_and_calls_in_preparation(world: World, call: Any) -> None:
    county.case(world, call, state=State.PASSED)
    batches.start(actor=world.actor("county_handler"), at=county.START, call=call)
    other, own = limited(world, "county_handler", "park"), limited(world, "county_handler", "factory")
    assert Batch.objects.visible_to(own).exists()
    assert not Batch.objects.visible_to(other).exists()
    draft = Call.objects.create(
        owner=call.owner,
        rules=call.rules,
        category="factory",
        year=2027,
        title="拟稿",
        created_by=world.user("city_handler"),
        created_at=county.START,
    )
    assert Call.objects.visible_to(limited(world, "city_handler", "factory")).filter(pk=draft.pk).exists()
    assert not Call.objects.visible_to(limited(world, "city_handler", "park")).filter(pk=draft.pk).exists()


def test_the_work_list_names_no_draft_of_another_list(world: World, call: Any, case: Application) -> None:
    """What would answer 404 is not named on the first page either."""

    def keys(character: str, kind: str) -> set[str]:
        return {group.key for group in work_list(limited(world, character, kind), date(2026, 6, 8))}

    Call.objects.filter(pk=call.pk).update(state="draft")
    assert "call_open" in keys("city_approver", "factory")
    assert "call_open" not in keys("city_approver", "park")
    Call.objects.filter(pk=call.pk).update(state="open")
    draft = stage.drafted(world, call, [case])
    assert "notice_publish" in keys("city_approver", "factory")
    assert "notice_publish" not in keys("city_approver", "park")
    notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=stage.PUBLISHED)
    draft.refresh_from_db()
    notices.close_due(at=stage.after(draft))
    assert "announce" in keys("city_handler", "factory")
    assert "announce" not in keys("city_handler", "park")
    row = announcements.draft(
        actor=world.actor("city_handler"),
        notice=draft.reference,
        title="公告",
        number="1",
        text="公告。",
        at=stage.after(draft),
    )
    assert "announcements" in keys("city_handler", "factory")
    assert "announcements" not in keys("city_handler", "park")
    announcements.hand_to_approver(actor=world.actor("city_handler"), reference=row.reference, at=stage.after(draft))
    assert "announcement_publish" in keys("city_approver", "factory")
    assert "announcement_publish" not in keys("city_approver", "park")

"""An applicant learns of a proposed list with the public notice, not before (R3)."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application
from tests.applications import county
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db


def test_proposed_is_told_with_the_notice(world: World) -> None:
    from applications.states import State
    from registry.services import notices

    county.load_rules()
    call: Any = county.open_call(world)
    case: Application = reviews.recommended(world, call)
    draft = registry.drafted(world, call, [case])
    case.refresh_from_db()
    assert case.state == State.PROPOSED
    label = str(State.PROPOSED.label)
    pages = [
        f"/cases/{case.reference}/",
        f"/cases/{case.reference}/history/",
        "/cases/",
        "/work/",
        f"/search/?q={case.code}",
    ]
    for page in pages:
        assert label not in world.client("applicant").get(page).content.decode(), page
    assert label in world.client("city_handler").get(f"/cases/{case.reference}/").content.decode()
    notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=registry.PUBLISHED)
    shown = world.client("applicant").get(f"/cases/{case.reference}/").content.decode()
    assert str(State.ON_NOTICE.label) in shown

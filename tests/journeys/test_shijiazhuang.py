"""石家庄: the same chain under its own rule set: no cover notice, no date for the counties, nothing but letter and reports."""

from __future__ import annotations

from typing import Any

import pytest

from greenlist.accounts.models import Authority
from tests import factories, object_storage
from tests.applications.county import load_rules
from tests.journeys.places import SHIJIAZHUANG
from tests.journeys.story import Story
from tests.world import World


def people_of_jinzhou(world: World) -> None:
    """晋州 is a county-level city: its office recommends as a county does (SJZ-4)."""
    office = Authority.objects.get(area__slug="130183")
    for role in ("handler", "approver"):
        user = factories.person(f"晋州{role}", username=f"jinzhou_{role}")
        world.users[user.username] = user
        world.mandates[user.username] = factories.mandate(user, role, office)
    owner = factories.person("晋州申报人", username="jinzhou_owner")
    firm = factories.organisation(
        office.area, "晋州示例纺织有限公司", serial=2003, industry=factories.industry("1711", "棉纺纱加工")
    )
    firm.claim = firm.Claim.CONFIRMED
    firm.save()
    world.users[owner.username] = owner
    world.memberships[owner.username] = factories.member(owner, firm, "owner")


@pytest.mark.journey
@pytest.mark.timeout(600)
@pytest.mark.django_db
@pytest.mark.clause("SJZ-all", "SJZ-noN", "SJZ-4", "SJZ-8", "SJZ-20")
def test_from_the_call_to_the_published_list(world: World, settings: Any) -> None:
    """Its files lie in a storage without paths and folders, as object storages are."""
    object_storage.settings_with(settings)
    load_rules()
    people_of_jinzhou(world)
    Story(world, SHIJIAZHUANG).told()

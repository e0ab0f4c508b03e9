"""From the city's list to the province's, and its outcome (a rule set whose text was not seen: issued for the story)."""

from __future__ import annotations

import pytest

from tests.applications import filled
from tests.journeys.upward import WayUp
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(300), pytest.mark.django_db]


@pytest.mark.clause("QHD-11", "QHD-N3d", "HEB-3d")
def test_hebei_provincial_from_call_to_outcome(world: World) -> None:
    filled.load_rules()
    WayUp(world).told()

"""秦皇岛: the whole chain by pages, persons changing, from the call to the certificate somebody checks."""

from __future__ import annotations

import pytest

from tests.applications.county import load_rules
from tests.journeys.places import QINHUANGDAO
from tests.journeys.story import Story
from tests.world import World


@pytest.mark.journey
@pytest.mark.timeout(600)
@pytest.mark.django_db
@pytest.mark.clause(
    "QHD-N3b",
    "QHD-N4a",
    "QHD-N4c",
    "QHD-N5",
    "QHD-3",
    "QHD-4",
    "QHD-6",
    "QHD-7",
    "QHD-8",
    "QHD-9",
    "QHD-10a",
    "QHD-10b",
)
@pytest.mark.clause("QHD-20")
def test_from_the_call_to_the_published_list(world: World) -> None:
    load_rules()
    Story(world, QINHUANGDAO).told()

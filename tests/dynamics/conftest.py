"""A published city list to begin with: life after listing starts where the journey to the list ends."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Call
from registry.models import Announcement
from tests.applications import county
from tests.registry import stage
from tests.reviews import stage as reviews
from tests.world import World


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.fixture
def published(world: World, call: Call) -> Announcement:
    """Three units on the list."""
    rows = reviews.several(world, call, 3)
    return stage.published(world, stage.closed(world, call, rows))

"""A call of 秦皇岛 with its rules, and cases that the county has recommended."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application
from tests.applications import county
from tests.reviews import stage
from tests.world import World


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def call(rules: None, world: World) -> Any:
    return county.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    """The applicant's case: its firm employs `conflicted_expert`."""
    return stage.recommended(world, call)


@pytest.fixture
def three(world: World, call: Any) -> list[Application]:
    return stage.several(world, call, 3)

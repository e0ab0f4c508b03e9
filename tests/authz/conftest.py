from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from tests.authz import stage


@pytest.fixture
def _now() -> Iterator[None]:
    """The day on which everything of the stage is in force."""
    with time_machine.travel(stage.NOW, tick=False):
        yield

"""The two real rule sets, loaded from their files, and a way to bind them to a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, CallValues, Policy
from greenlist.policy.facts_table import FACTS

# A deadline by the wall clock would fail on a busy machine, not on a wrong rule.
settings.register_profile("policy", deadline=None)
settings.load_profile("policy")

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def files_of(slug: str) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in (FIXTURES / "policies" / slug).glob("*.toml")}
    return files | {name: (FIXTURES / name).read_bytes() for name in engine.forms_cited(files)}


@dataclass(frozen=True, repr=False)
class Place:
    """A rule set with the names a test needs."""

    policy: Policy
    prefix: str
    home: str  # a county's area path
    year: int = 2024

    def clause(self, number: str) -> str:
        return f"{self.prefix}-{number}"

    def bind(self, layer: Mapping[str, Any] | None = None, **values: Any) -> BoundPolicy:
        suggested = engine.suggest(self.policy, self.year)
        return engine.bind(self.policy, CallValues(values={**suggested, **values}, layer=layer or {}))

    def facts(self, **changes: Any) -> dict[str, Any]:
        """A firm that meets everything; `__` in a name stands for a dot."""
        facts: dict[str, Any] = {
            "org.registered_area": self.home,
            "org.independent_accounting": True,
            "org.manufacturing": True,
            "org.industry": "3011",
            "org.founded_on": date(2005, 6, 1),
            "site.area": self.home,
            "site.titles.same_category": (),
        }
        return facts | {key.replace("__", "."): value for key, value in changes.items()}


@pytest.fixture(scope="session")
def qhd() -> Place:
    return Place(engine.load(files_of("qinhuangdao"), FACTS), "QHD", "/130000/130300/130304/")


@pytest.fixture(scope="session")
def sjz() -> Place:
    return Place(engine.load(files_of("shijiazhuang"), FACTS), "SJZ", "/130000/130100/130102/")


@pytest.fixture(params=["qhd", "sjz"])
def place(request: pytest.FixtureRequest) -> Place:
    """Every test that asks for it runs on both rule sets: their articles are the same (SJZ-all)."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def files() -> Callable[[str], dict[str, bytes]]:
    return files_of

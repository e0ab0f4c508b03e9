"""A veto that came to light later ends the case with its clause; nothing else does."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from applications.services import disqualification
from applications.states import State
from greenlist.core.errors import NotAllowed, NotVisible, Refused
from tests import factories
from tests.applications import county
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.mark.clause("QHD-5.4")
def test_an_approver_ends_a_barred_case_with_its_clause(world: World, call: Any) -> None:
    case = county.case(world, call)
    page = f"/cases/{case.reference}/disqualify/"
    words: dict[str, Any] = {"at": county.START, "reference": case.reference, "reason": "发生较大安全事故。"}
    with pytest.raises(Refused):
        disqualification.disqualify(actor=world.actor("county_approver"), **words)
    factories.adverse(world.org, "safety", date(2026, 3, 1), 2)
    with pytest.raises(NotAllowed):
        disqualification.disqualify(actor=world.actor("county_handler"), **words)
    for stranger in ("other_county_approver", "city_approver", "rival", "expert"):
        with pytest.raises(NotVisible):
            disqualification.disqualify(actor=world.actor(stranger), **words)
        assert world.client(stranger).get(page).status_code == 404
    client = world.client("county_approver")
    assert client.get(page).status_code == 200
    answer = client.post(page, {"reason": "发生较大安全事故。", "revision": case.revision})
    assert answer.status_code == 302
    case.refresh_from_db()
    assert case.state == State.DISQUALIFIED
    entry = case.timeline.latest("pk")
    assert entry.data["clauses"] == ["QHD-5.4"]


def test_a_general_accident_bars_nobody(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, "safety", date(2026, 3, 1), 1)
    with pytest.raises(Refused):
        disqualification.disqualify(
            actor=world.actor("county_approver"), at=county.START, reference=case.reference, reason="一般事故。"
        )

"""Cases of the lists that a higher tier publishes, on the way up: of Hebei's cities, of Heilongjiang's province."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from applications.models import Application, Batch, Call
from applications.selectors.calls import rules_of
from applications.services import batches
from applications.states import CallState, State
from greenlist.organisations.models import Organisation, Title
from greenlist.policy import selectors as policy
from tests.applications import county
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
PEOPLE = {"handler": "city_handler", "approver": "city_approver"}


def call_of(world: World, place: str = "hebei-national", category: str = "factory", **values: Any) -> Call:
    owner = {"hebei-national": "130000", "heilongjiang-national": "230000"}[place]
    given = {"city_by": "2026-07-19", **({"edition": "factory-2018"} if place != "hebei-national" else {}), **values}
    return Call.objects.create(
        owner=world.authorities[owner],
        rules=policy.current(place),
        category=category,
        year=2026,
        title="关于推荐2026年度国家绿色制造名单的通知",
        values=given,
        created_by=world.user("city_handler"),
        created_at=NOW,
        opened_at=NOW,
        state=CallState.OPEN,
    )


def titled(
    world: World, count: int, *, tier: str = "province", category: str = "factory", area: str = "130302"
) -> None:
    first = 7000 + Organisation.objects.count()
    for number in range(first, first + count):
        firm = county.firm(world, area, number)
        Title.objects.create(
            site=firm.sites.get(), category=category, tier=tier, listing="名单", valid_from=date(2024, 1, 1)
        )


def passed(world: World, call: Call, count: int, *, desk: str = "130300", start: int = 8000) -> list[Application]:
    """Cases at the city's desk that passed its review; each a provincial factory already."""
    rows = []
    for number in range(count):
        firm = county.firm(world, "130302" if desk == "130300" else "230102", start + number)
        row = county.case(world, call, organisation=firm, county=desk)
        row.category, row.reached = call.category, 2
        row.save(update_fields=["category", "reached"])
        Title.objects.create(
            site=row.site, category=call.category, tier="province", listing="省级名单", valid_from=date(2024, 1, 1)
        )
        rows.append(_signed_off(world, row))
    return rows


def _signed_off(world: World, row: Application) -> Application:
    """Reviewed by the city's two people, wherever the route goes next: it waits for recommendation."""
    row = county.passed(world, row, NOW, **PEOPLE)
    step = next(step.key for step in rules_of(row.call).steps if step.kind.value == "batch")
    Application.objects.filter(pk=row.pk).update(step=step, state=State.PASSED, desk=world.city)
    row.refresh_from_db()
    return row


def forwarding(world: World, rows: list[Application]) -> Batch:
    """A batch of the province to the ministry."""
    Application.objects.filter(pk__in=[row.pk for row in rows]).update(
        step="forward", desk=world.authorities["230000"], reached=3
    )
    actor = world.actor("hlj_province_handler")
    batch = batches.start(actor=actor, at=NOW, call=rows[0].call)
    batches.add(actor=actor, at=NOW, reference=batch.reference, cases_=[row.reference for row in rows])
    county.write(world, batch, NOW, handler="hlj_province_handler")
    return batch


def hlj_rows(world: World, call: Call, count: int) -> list[Application]:
    people = {"handler": "hlj_city_handler", "approver": "hlj_city_approver"}
    rows = []
    first = 8800 + Organisation.objects.count()
    for number in range(first, first + count):
        firm = county.firm(world, "230102", number)
        row = county.case(world, call, organisation=firm, county="230100")
        Application.objects.filter(pk=row.pk).update(reached=2)
        Title.objects.create(
            site=row.site, category="factory", tier="province", listing="省级名单", valid_from=date(2024, 1, 1)
        )
        rows.append(county.passed(world, row, NOW, **people))
    return rows

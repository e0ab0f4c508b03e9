"""Cases that the counties have recommended, and shortcuts through panel and decision: every one a service call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from applications import selectors as applications
from applications.models import Application, Call, Evidence
from applications.selectors import standards
from applications.services import cases
from applications.states import State
from greenlist.accounts.models import Mandate, User
from greenlist.core import attachments
from greenlist.core.actors import SYSTEM
from greenlist.core.models import Blob
from greenlist.policy import selectors as policy
from reviews.models import Decision, Panel, Seat
from reviews.selectors import tree
from reviews.services import decisions, draws, panels, seats
from tests import factories
from tests.applications import county
from tests.world import World

START = datetime.fromisoformat("2026-06-01T09:00:00+08:00")
PLEDGE = "本人承诺独立、客观、公正评审，遵守回避和保密要求。"


def recommended(
    world: World, call: Call, *, organisation: Any = None, area: str = "130302", at: datetime = START, **given: Any
) -> Application:
    """A case that its county has sent to the city."""
    row = county.case(world, call, organisation=organisation, state=State.PASSED, **given)
    city = call.owner
    row.reached = 2
    cases.move(row, "recommend", row.recommend, actor=SYSTEM, at=at, desk=city, to=State.RECOMMENDED, step="panel")
    return row


def provincial(world: World, call: Call, serial: int, *, area: str = "230102", at: datetime = START) -> Application:
    """A case that its city has sent to the province, past the re-check."""
    row = county.case(world, call, organisation=county.firm(world, area, serial), state=State.PASSED)
    row.reached = 3
    cases.move(
        row, "recommend", row.recommend, actor=SYSTEM, at=at, desk=call.owner, to=State.RECOMMENDED, step="panel"
    )
    return row


def pool(world: World, count: int, *, authority: str = "130300", field: str = "节能") -> list[User]:
    """More experts, each with a mandate of the authority: 库专家01 …"""
    rows = [factories.person(f"库专家{n:02}", username=f"pool{authority}{n:02}") for n in range(1, count + 1)]
    Mandate.objects.bulk_create(
        Mandate(
            user=row,
            role=Mandate.Role.EXPERT,
            authority=world.authorities[authority],
            employer=f"示例单位{n:02}",
            field=field,
            valid_from=factories.LONG_AGO,
        )
        for n, row in enumerate(rows, start=1)
    )
    return rows


def drawn(world: World, rows: list[Application], at: datetime = START, **asked: Any) -> Panel:
    """A panel in preparation whose members have been drawn."""
    handler = asked.pop("handler", "city_handler")
    given = {key: asked.pop(key) for key in ("blind", "plan", "closes_on") if key in asked}
    panel = laid_down(world, rows, (), at, drawn=True, handler=handler, **given)
    wish = draws.Asked(**{"places": 3, **asked})
    seed = "ab" * 32
    actor = world.actor(handler)
    draws.draw_members(actor=actor, reference=panel.reference, version=panel.version, asked=wish, at=at, seed=seed)
    panel.refresh_from_db()
    return panel


def several(world: World, call: Call, count: int, *, start: int = 6000, area: str = "130302") -> list[Application]:
    """Recommended cases, each of its own firm."""
    return [recommended(world, call, organisation=county.firm(world, area, start + n)) for n in range(count)]


def evidence(world: World, case: Application, at: datetime = START) -> str:
    """A clean file beside a field of the declared report; its address."""
    picture = BytesIO()
    Image.new("RGB", (4, 4), "white").save(picture, "PNG")
    upload = SimpleUploadedFile("证明.png", picture.getvalue(), "image/png")
    blob = attachments.store(upload=upload, at=at)
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.CLEAN)
    row = Evidence.objects.create(
        report=case.report,
        section="conditions",
        field="registered_file",
        blob=blob,
        added_by=case.started_by,
        added_at=county.START,
    )
    return reverse("applications:evidence", args=[case.reference, row.reference])


def with_tree(case: Application) -> Application:
    """The case's report as one that has the indicators of its criteria set in it: it is scored row by row."""
    applied = policy.criteria_for(applications.rules_of(case.call), "factory", "", 2026)
    assert applied is not None
    standards.pin(case.report, applications.rules_of(case.call), applied)
    case.report.criteria_why = {**case.report.criteria_why, "part": standards.ALL}
    case.report.save()
    return case


def points(case: Application, share: str = "1") -> dict[str, dict[str, str]]:
    """Points for every row: this share of what each can bring, all or none where a row must be met."""
    found = tree.of(case)
    assert found is not None
    part = Decimal(share)
    return {
        line.path: {
            "points": str(line.full if line.is_binding else (line.full * part).quantize(Decimal("0.01"))),
            "comment": "",
        }
        for line in found.lines
    }


def plan(
    rows: Iterable[Application], world: World, experts: Iterable[str] = ("expert", "expert2"), **given: Any
) -> Any:
    people = tuple(world.user(character).pk for character in experts)
    values: dict[str, Any] = {
        "title": "2026年市级绿色工厂专家评审组",
        "pledge": PLEDGE,
        "applications": tuple(row.reference for row in rows),
        "experts": people,
        "chair": people[0] if people else None,
    }
    return panels.Plan(**{**values, **given})


def laid_down(
    world: World,
    rows: list[Application],
    experts: Iterable[str] = ("expert", "expert2"),
    at: datetime = START,
    **given: Any,
) -> Panel:
    handler = given.pop("handler", "city_handler")
    return panels.create(actor=world.actor(handler), call=rows[0].call, plan=plan(rows, world, experts, **given), at=at)


def opened(
    world: World,
    rows: list[Application],
    experts: Iterable[str] = ("expert", "expert2"),
    at: datetime = START,
    **given: Any,
) -> Panel:
    handler = given.get("handler", "city_handler")
    panel = laid_down(world, rows, experts, at, **given)
    return panels.open_panel(actor=world.actor(handler), reference=panel.reference, at=at)


def admitted(
    world: World, panel: Panel, *experts: str, conflicts: Mapping[str, str] | None = None, at: datetime = START
) -> None:
    """Pledge and declaration of each."""
    for character in experts:
        actor = world.actor(character)
        seats.pledge(actor=actor, reference=panel.reference, at=at)
        seats.declare(actor=actor, reference=panel.reference, conflicts=conflicts or {}, at=at)


def filled(
    world: World, panel: Panel, character: str, score: str, *, suggests: bool = True, at: datetime = START
) -> None:
    """Every open sheet of an expert, with one score."""
    actor = world.actor(character)
    for sheet in seat_of(world, panel, character).sheets.filter(conflict="").select_related("item__application"):
        seats.save_sheet(
            actor=actor,
            reference=panel.reference,
            case=sheet.item.application.reference,
            version=sheet.version,
            score=Decimal(score),
            suggests=suggests,
            comment=f"{character}：材料齐全，指标先进。",
            at=at,
        )


def locked(
    world: World, panel: Panel, character: str, score: str, *, suggests: bool = True, at: datetime = START
) -> None:
    filled(world, panel, character, score, suggests=suggests, at=at)
    seats.lock(
        actor=world.actor(character), reference=panel.reference, versions=versions(world, panel, character), at=at
    )


def versions(world: World, panel: Panel, character: str) -> dict[str, int]:
    rows = seat_of(world, panel, character).sheets.filter(conflict="").select_related("item__application")
    return {sheet.item.application.reference: sheet.version for sheet in rows}


def seat_of(world: World, panel: Panel, character: str) -> Seat:
    return Seat.objects.get(panel=panel, user=world.user(character))


def result(rows: Iterable[Application], suggested: bool | Mapping[str, bool] = True, **given: Any) -> panels.Result:
    said = {row.reference: suggested if isinstance(suggested, bool) else suggested[row.reference] for row in rows}
    return panels.Result(
        opinion=given.pop("opinion", "专家组听取汇报、查阅材料并讨论，形成如下意见。"),
        units={
            key: panels.Conclusion(value, "同意推荐。" if value else "指标达成情况证据不足。", **given)
            for key, value in said.items()
        },
    )


def concluded(
    world: World, rows: list[Application], suggested: bool | Mapping[str, bool] = True, at: datetime = START
) -> Panel:
    """A panel of two from plan to conclusion: 80 and 90 points."""
    panel = opened(world, rows)
    admitted(world, panel, "expert", "expert2")
    locked(world, panel, "expert", "80")
    locked(world, panel, "expert2", "90")
    panel.refresh_from_db()
    return panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=result(rows, suggested),
        at=at,
    )


def drafted(world: World, call: Call, at: datetime = START) -> Decision:
    return decisions.create(actor=world.actor("city_handler"), call=call, title="2026年市级绿色工厂综合审查", at=at)


def handed_over(world: World, call: Call, at: datetime = START) -> Decision:
    draft = drafted(world, call, at)
    return decisions.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=at)


def approved(world: World, call: Call, at: datetime = START) -> Decision:
    draft = handed_over(world, call, at)
    return decisions.approve(actor=world.actor("city_approver"), reference=draft.reference, at=at)

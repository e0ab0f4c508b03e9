"""Cases that wait for another tier's list, and such lists: every one a service call."""

from __future__ import annotations

import io
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from applications.models import Application, Call
from applications.services import cases
from applications.states import CallState, State
from greenlist.accounts.models import Authority
from greenlist.core.actors import SYSTEM
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy import services as policies
from greenlist.policy.models import RuleSet
from registry.models import ImportedList, RowMatch
from registry.services import imported
from registry.services.imported import Heading, ListRow
from tests import factories
from tests.applications import county
from tests.policy.conftest import FIXTURES
from tests.world import World

AT = datetime.fromisoformat("2026-10-12T10:00:00+08:00")
VALUES = {"hebei-national": {"city_by": "2026-07-19"}}


def ministry(world: World) -> Authority:
    """Of the nation: it acts elsewhere, its lists are taken over here."""
    nation = factories.area("全国", "cn", coded=False)
    return factories.authority(nation, "nation", "示例部委")


def open_call(
    world: World, place: str = "hebei-national", owner: str = "130000", year: int = 2026, **values: Any
) -> Call:
    if not RuleSet.objects.filter(slug=place).exists():
        county.load_rules()
    return Call.objects.create(
        owner=world.authorities[owner],
        rules=policy.current(place),
        category="factory",
        year=year,
        title="关于组织推荐2026年度绿色工厂的通知",
        values=VALUES.get(place, {}) | values,
        created_by=world.user("province_handler"),
        created_at=county.START,
        opened_at=county.START,
        state=CallState.OPEN,
    )


def forwarded(
    world: World, call: Call, organisation: Organisation | None = None, *, desk: str = "130000", at: datetime = AT
) -> Application:
    """A case that was sent on to the tier that publishes the list."""
    row = county.case(world, call, organisation=organisation, state=State.PASSED)
    row.reached = 3
    office = world.authorities[desk]
    cases.move(row, "recommend", row.recommend, actor=SYSTEM, at=at, desk=office, to=State.FORWARDED, step="outcome")
    return row


def heading(**changes: Any) -> Heading:
    fields: dict[str, Any] = {
        "title": "2026年度绿色工厂名单",
        "number": "示例公告〔2026〕1号",
        "issued_on": date(2026, 10, 9),
        "source": "示例部委网站",
    }
    return Heading(**fields | changes)


def rows(*lines: tuple[str, ...]) -> list[tuple[str, int, ListRow]]:
    return [("名单", number, ListRow(*line)) for number, line in enumerate(lines, start=2)]


def book(*lines: tuple[str, ...], head: tuple[str, ...] = ("名称", "统一社会信用代码", "地区")) -> bytes:
    made = Workbook()
    sheet = made.active
    sheet.append(head)
    for line in lines:
        sheet.append(line)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def taken(
    world: World, *lines: tuple[str, ...], who: str = "province", at: datetime = AT, **given: Any
) -> ImportedList:
    fields = {"heading": heading(**given.pop("said", {})), "digest": given.pop("digest", f"{lines}"[:64])}
    return imported.take(actor=world.actor(f"{who}_handler"), at=at, rows=rows(*lines), **fields, **given)


def decided(world: World, match: RowMatch, *, same: bool, note: str = "地址相符", who: str = "province") -> RowMatch:
    """The handler proposes, the approver says the same."""
    given: dict[str, Any] = {"match_id": match.pk, "same": same, "note": note, "at": AT}
    imported.decide_match(actor=world.actor(f"{who}_handler"), **given)
    return imported.decide_match(actor=world.actor(f"{who}_approver"), **given)


def approved(
    world: World, *lines: tuple[str, ...], who: str = "province", at: datetime = AT, **given: Any
) -> ImportedList:
    made = taken(world, *lines, who=who, at=at, **given)
    return imported.approve(actor=world.actor(f"{who}_approver"), reference=made.reference, at=at)


def inherited_end_with_upper(folder: Path) -> None:
    """Rules of 揭阳 that let an inherited place end together with the one above."""
    for name in ("policies", "forms", "criteria", "factors"):
        shutil.copytree(FIXTURES / name, folder / name)
    file = folder / "policies" / "jieyang" / "policy.toml"
    file.write_text(file.read_text("utf-8").replace('ends = "by_removal"', 'ends = "with_upper"'), "utf-8")
    policies.load_policies(actor=SYSTEM, at=AT, folder=folder)

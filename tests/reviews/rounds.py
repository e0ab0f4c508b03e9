"""Rounds of the places with more than one decision: cases put before a step with their scores, straight from rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from applications.models import Application, Call
from applications.services import cases
from applications.states import CallState, State
from greenlist.accounts.models import Authority
from greenlist.core.actors import SYSTEM
from greenlist.policy import selectors as policy
from reviews.models import Decision
from reviews.services import decisions
from reviews.states import Outcome
from tests import factories
from tests.applications import county
from tests.world import World

AT = datetime.fromisoformat("2026-08-03T09:00:00+08:00")
VALUES: dict[str, dict[str, Any]] = {
    "heilongjiang": {
        "apply_by": "2026-05-31",
        "city_by": "2026-06-30",
        "edition": "factory-2018",
        "notice_first_day": "next",
    },
    "jieyang": {
        "notice_days": 5,
        "notice_unit": "working",
        "notice_first_day": "next",
        "edition": "factory-2018",
    },
}
MEETING = decisions.Meeting(date(2026, 8, 3), "厅长示例甲、处长示例乙", "专题会议纪要〔2026〕7号")


def call_of(
    world: World, slug: str = "heilongjiang", owner: Authority | None = None, *, year: int = 2026, **values: Any
) -> Call:
    """An open call of the place; 黑龙江 is in the world, another owner is given."""
    return Call.objects.create(
        owner=owner or world.authorities["230000"],
        rules=policy.current(slug),
        category="factory",
        year=year,
        title="关于组织开展2026年绿色工厂推荐工作的通知",
        values={**VALUES[slug], **values},
        created_by=world.user("hlj_province_handler"),
        created_at=county.START,
        opened_at=county.START,
        state=CallState.OPEN,
    )


def waiting(
    world: World, call: Call, scores: Sequence[str], *, step: str = "meeting", start: int = 8100, area: str = "230102"
) -> list[Application]:
    """Cases that wait for a decision at a step, with the panel's score."""
    rows = []
    for number, score in enumerate(scores):
        firm = factories.organisation(world.areas[area], f"示例装备{start + number}有限公司", serial=start + number)
        row = county.case(world, call, organisation=firm, state=State.UNDER_REVIEW, county=area)
        row.reached = 3
        row.panel_score = Decimal(score) if score else None
        cases.move(
            row,
            "conclude_review",
            row.conclude_review,
            actor=SYSTEM,
            at=AT,
            desk=call.owner,
            to=State.DECIDING,
            step=step,
        )
        rows.append(row)
    return rows


def draft(rulings: dict[Application, tuple[str, str]], meeting: Any = MEETING) -> decisions.Draft:
    given = {row.reference: decisions.Ruling(*value) for row, value in rulings.items()}
    return decisions.Draft("2026年名单会议", "逐项研究。", given, meeting)


def decided(
    world: World,
    call: Call,
    rulings: dict[Application, tuple[str, str]],
    *,
    step: str = "meeting",
    later: bool = False,
    at: datetime = AT,
    people: tuple[str, str] = ("hlj_province_handler", "hlj_province_approver"),
) -> Decision:
    """Drawn up by one, approved by another."""
    handler, approver = (world.actor(one) for one in people)
    made = decisions.create(actor=handler, call=call, title="会议", step=step, at=at)
    meeting = decisions.Meeting(MEETING.on, MEETING.participants, MEETING.number, later)
    decisions.hand_over(actor=handler, reference=made.reference, draft=draft(rulings, meeting), at=at)
    return decisions.approve(actor=approver, reference=made.reference, at=at)


PROPOSE, DECLINE = (Outcome.PROPOSE.value, ""), (Outcome.DECLINE.value, "能耗指标证据不足")

"""Notices that run, are over, and are announced: every one a service call."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from applications.models import Application, Call
from greenlist.core.actors import ANONYMOUS
from greenlist.core.clock import day_end
from registry.models import Announcement, Notice
from registry.services import announcements, notices, objections
from tests.reviews import stage as reviews
from tests.world import World

PUBLISHED = datetime.fromisoformat("2026-06-08T10:00:00+08:00")  # a Monday
_hosts = itertools.count(1)


def drafted(world: World, call: Call, rows: list[Application], at: datetime = PUBLISHED) -> Notice:
    reviews.concluded(world, rows)
    decision = reviews.approved(world, call)
    return notices.draft(
        actor=world.actor("city_handler"),
        decision=decision.reference,
        title="关于2026年市级绿色工厂拟认定名单的公示",
        text="公示期为〔起始日〕至〔截止日〕。",
        at=at,
    )


def running(world: World, call: Call, rows: list[Application], at: datetime = PUBLISHED) -> Notice:
    draft = drafted(world, call, rows, at)
    return notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=at)


def after(notice: Notice) -> datetime:
    """The first instant after a notice's last day."""
    assert notice.ends_on is not None
    return day_end(notice.ends_on)


def closed(world: World, call: Call, rows: list[Application]) -> Notice:
    notice = running(world, call, rows)
    assert notices.close_due(at=after(notice)) == 1
    notice.refresh_from_db()
    return notice


def objection(notice: Notice, position: int = 1, at: datetime | None = None, **given: Any) -> Any:
    item = notice.items.get(position=position)
    words = {
        "name": "王例实",
        "contact": "13800000000",
        "text": "能耗数据与统计报表不一致。",
        "evidence": None,
        **given,
    }
    words.setdefault("actor", replace(ANONYMOUS, remote=f"host-{next(_hosts)}"))  # everybody from home
    return objections.file(notice=notice.reference, item=item.pk, at=at or PUBLISHED + timedelta(hours=1), **words)


def handed(world: World, notice: Notice) -> Announcement:
    at = after(notice) + timedelta(hours=9)
    draft = announcements.draft(
        actor=world.actor("city_handler"),
        notice=notice.reference,
        title="关于公布市级绿色工厂名单的公告",
        number="示工信〔2026〕9号",
        text="现予公布。",
        at=at,
    )
    return announcements.hand_to_approver(actor=world.actor("city_handler"), reference=draft.reference, at=at)


def published(world: World, notice: Notice) -> Announcement:
    row = handed(world, notice)
    return announcements.publish(
        actor=world.actor("city_approver"), reference=row.reference, at=after(notice) + timedelta(hours=10)
    )

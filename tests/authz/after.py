"""Objects of life after listing for the matrix; `stage.objects` takes them in. One function per subject."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dynamics.services import incidents, removals, upward
from dynamics.services.incidents import Told
from dynamics.states import RemovalSource
from registry.models import Listing
from tests import factories
from tests.applications import filled
from tests.dynamics.listed import bulletin, decided, listed, proposed, removed
from tests.world import World

AT = datetime.fromisoformat("2026-06-08T10:00:00+08:00")


def objects(world: World) -> dict[str, tuple[Any, ...]]:
    """Arguments of routes by the key that the matrix uses. A list of one unit is published already."""
    listing = Listing.objects.order_by("pk").first()
    assert listing is not None
    return {"unit": (listing.pk,), **_removals(world), **_upward_and_alarm(world)}


def _removals(world: World) -> dict[str, tuple[Any, ...]]:
    """A removal that the unit has answered, one that waits for a bulletin, one in a draft, one in a published one."""
    row = removals.propose_with_file(
        listing=_place(world, "移出示例厂区"),
        ground="false_data",
        reason="核查发现数据不符",
        source=RemovalSource.PERSON,
        upload=filled.picture("证据.png"),
        actor=world.actor("city_handler"),
        at=AT,
    )
    handler, day = world.actor("city_handler"), AT.date() + timedelta(days=30)
    removals.ask(actor=handler, reference=row.reference, letter="现告知。", answer_by=day, at=AT)
    applicant = world.actor("applicant")
    given = {"statement": "情况说明", "uploads": [filled.picture("说明.png")]}
    removals.answer(actor=applicant, reference=row.reference, at=AT, **given)  # type: ignore[arg-type]
    long_ago = AT - timedelta(days=60)
    shown, printed_one, waits = (
        decided(world, proposed(world, _place(world, f"移出示例厂区{number}"), long_ago, ground=ground), long_ago)
        for number, ground in ((2, "false_data"), (3, "no_table"), (4, "stopped"))
    )
    published = removed(world, shown, AT - timedelta(days=20)).bulletin
    assert published is not None
    draft = bulletin(world, printed_one, AT)
    return {
        "removal": (row.reference,),
        "removal_handled": (row.reference, "conclude"),
        "removal_file": (row.reference, row.files.get().pk),
        "removable": (waits.listing_id,),
        "bulletin_new": (waits.listing.listbook_id,),
        "bulletin": (draft.reference,),
        "bulletin_act": (draft.reference, "hand"),
        "bulletin_public": ("130300", published.reference),
    }


def _place(world: World, name: str) -> Listing:
    """Another site of the applicant's on the city's list."""
    return listed(world, site=factories.site(world.org, world.areas["130302"], name))


def _upward_and_alarm(world: World) -> dict[str, tuple[Any, ...]]:
    """A letter that the province has, and an alarm the city was told of, with news and files."""
    handler = world.actor("city_handler")
    row = upward.draft(
        actor=handler,
        kind="change",
        to_authority=world.province,
        category="factory",
        title="关于变更事项的函",
        text="现报送变更事项。",
        at=AT,
    )
    upward.hand_to_approver(actor=handler, reference=row.reference, at=AT)
    upward.send(actor=world.actor("city_approver"), reference=row.reference, number="示工信函〔2026〕1号", at=AT)
    county = world.actor("county_handler")
    told = Told("safety", 3, AT - timedelta(hours=2), "一号车间", "示例事故", "通报")
    place = _place(world, "报警示例厂区")
    alarm = incidents.raise_alarm(actor=county, listing=place.pk, told=told, upload=filled.picture("通报.png"), at=AT)
    news = incidents.follow_up(
        actor=county, reference=alarm.reference, text="续报", upload=filled.picture("续报.png"), at=AT
    )
    return {
        "request": (row.reference,),
        "request_act": (row.reference, "refuse"),
        "incident": (alarm.reference,),
        "incident_act": (alarm.reference, "close"),
        "incident_note": (alarm.reference, news.pk),
    }

"""Units that stand on a list, with the rules of its owner, without the way there."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from dynamics.models import Removal
from dynamics.selectors import removals as reads
from dynamics.services import bulletins, removals
from dynamics.states import RemovalSource
from greenlist.accounts.models import Authority
from greenlist.core.actors import SYSTEM
from greenlist.core.clock import china_date
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Site
from registry.models import Bulletin, Certificate, Listing
from registry.services import bulletins as printed
from registry.services import listbooks
from tests import factories
from tests.world import World

LISTED = date(2026, 6, 20)
AT = datetime.fromisoformat("2026-09-01T09:00:00+08:00")  # a Tuesday, after everything was listed


def listed(
    world: World,
    who: str = "org",
    owner: str = "130300",
    *,
    category: str = "factory",
    on: date = LISTED,
    site: Site | None = None,
) -> Listing:
    """A firm's site on an authority's list, with title and certificate."""
    authority, site = world.authorities[owner], site or world.sites[who]
    book = listbooks.of(authority, category)
    firm = site.organisation
    row = Listing.objects.create(
        listbook=book,
        site=site,
        organisation=firm,
        basis="示例公告",
        name=firm.name,
        code=firm.code or "",
        area_path=site.area.path,
        area_name=site.area.name,
        year=on.year,
        listed_on=on,
    )
    organisations.grant_title(
        site=site,
        category=category,
        tier=authority.tier,
        listing=book.title,
        on=on,
        source="test",
        actor=SYSTEM,
        at=AT,
    )
    Certificate.objects.create(listing=row, number=f"T-{row.pk:04d}", name=row.name, issued_on=on, data_digest="0" * 64)
    return row


# ---- another place ------------------------------------------------------------------------------------------------
def jieyang(world: World) -> None:
    """揭阳 under 广东 joins the world: jy_handler, jy_approver, jy_county_handler, gd_handler, gd_approver, and the firm "jy"."""
    province = factories.area("广东省", "440000")
    city = factories.area("揭阳市", "445200", province)
    district = factories.area("榕城区", "445202", city)
    world.areas |= {"440000": province, "445200": city, "445202": district}
    for area, tier, people in (
        (province, "province", {"gd_handler": "handler", "gd_approver": "approver"}),
        (city, "city", {"jy_handler": "handler", "jy_approver": "approver"}),
        (district, "county", {"jy_county_handler": "handler", "jy_county_approver": "approver"}),
    ):
        office = factories.authority(area, tier)
        world.authorities[area.slug] = office
        for character, role in people.items():
            world.users[character] = factories.person(character)
            world.mandates[character] = factories.mandate(world.users[character], role, office)
    owner = factories.person("揭阳申报人")
    firm = factories.organisation(district, "榕城示例五金有限公司", owner=owner)
    world.users["jy_applicant"], world.memberships["jy_applicant"] = owner, firm.memberships.get()
    world.orgs["jy"], world.sites["jy"] = firm, firm.sites.get()


def ministry(world: World) -> Authority:
    nation = factories.area("全国", "cn", coded=False)
    world.areas["cn"], world.authorities["cn"] = nation, factories.authority(nation, "nation", "示例部委")
    return world.authorities["cn"]


# ---- the way to a removal -------------------------------------------------------------------------------------------
OFFICES = {
    "130300": "city",
    "130100": "other_city",
    "445200": "jy",
    "230000": "hlj_province",
    "440000": "gd",
    "230100": "hlj_city",
}


def proposed(world: World, listing: Listing, at: datetime, ground: str = "false_data", **given: Any) -> Removal:
    words: dict[str, Any] = {
        "reason": "核查发现能耗数据与统计报表不符",
        "source": RemovalSource.PERSON,
        "actor": _of(world, listing.listbook.owner, "handler"),
        **given,
    }
    return removals.propose(listing=listing, ground=ground, at=at, **words)


def _of(world: World, office: Authority, role: str) -> Any:
    return world.actor(f"{OFFICES[office.area.slug]}_{role}")


def heard(world: World, row: Removal, at: datetime) -> datetime:
    """Asked today; the day goes by in silence. Returns when it is over."""
    ground = reads.ground_of(row)
    days = (ground.hearing_days if ground else None) or 1
    actor = _of(world, row.owner, "handler")
    removals.ask(
        actor=actor,
        reference=row.reference,
        letter="现告知拟移出的事实和理由。",
        answer_by=china_date(at) + timedelta(days=days),
        at=at,
    )
    over = at + timedelta(days=days + 1)
    removals.note_silence(actor=actor, reference=row.reference, at=over)
    return over


def decided(world: World, row: Removal, at: datetime) -> Removal:
    """Heard, concluded and decided; `at` is the day on which the unit is asked."""
    over = heard(world, row, at)
    actor = _of(world, row.owner, "handler")
    removals.conclude(actor=actor, reference=row.reference, conclusion="remove", opinion="证据充分", at=over)
    approver = _of(world, row.owner, "approver")
    return removals.decide(actor=approver, reference=row.reference, outcome="remove", decision="同意移出", at=over)


def bulletin(world: World, row: Removal, at: datetime) -> Bulletin:
    """Handed to the approver."""
    actor = _of(world, row.owner, "handler")
    made = bulletins.draft(
        actor=actor,
        listbook=row.listing.listbook_id,
        chosen=[("removal", row.pk)],
        title="关于调整名单的公告",
        number="示工信〔2026〕20号",
        text="现予公告。",
        at=at,
    )
    return printed.hand_to_approver(actor=actor, reference=made.reference, at=at)


def removed(world: World, row: Removal, at: datetime) -> Removal:
    """Announced by a bulletin a day later."""
    made = bulletin(world, row, at)
    bulletins.publish(actor=_of(world, row.owner, "approver"), reference=made.reference, at=at)
    return Removal.objects.get(pk=row.pk)


def dropped(world: World, row: Removal, at: datetime, reason: str = "查无实据") -> Removal:
    """Let drop by two: the handler says why, the approver decides."""
    handler, approver = _of(world, row.owner, "handler"), _of(world, row.owner, "approver")
    removals.propose_dismissal(actor=handler, reference=row.reference, reason=reason, at=at)
    return removals.dismiss(actor=approver, reference=row.reference, decision=reason, at=at)

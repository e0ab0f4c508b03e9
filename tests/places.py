"""Places that few tests need: their areas, offices and people join the small world when they are asked for."""

from __future__ import annotations

from tests import factories
from tests.world import World

# slug: name, parent, tier, what the office is called
Offices = dict[str, tuple[str, str, str, str]]
JIEYANG: Offices = {
    "440000": ("广东省", "", "province", "广东省工业和信息化厅"),
    "445200": ("揭阳市", "440000", "city", "揭阳市工业和信息化局"),
    "445202": ("榕城区", "445200", "county", "揭阳市榕城区工业和信息化局"),
    "445224": ("惠来县", "445200", "county", "惠来县工业和信息化局"),
}
# character → slug of the office, role
JIEYANG_PEOPLE = {
    "jy_county_handler": ("445202", "handler"),
    "jy_county_approver": ("445202", "approver"),
    "jy_other_handler": ("445224", "handler"),
    "jy_other_approver": ("445224", "approver"),
    "jy_city_handler": ("445200", "handler"),
    "jy_city_approver": ("445200", "approver"),
}


def join(world: World, offices: Offices, people: dict[str, tuple[str, str]]) -> None:
    """Areas, offices and office holders, known to the world by their names from now on."""
    for slug, (name, parent, tier, office) in offices.items():
        if slug not in world.areas:
            world.areas[slug] = factories.area(name, slug, world.areas.get(parent))
        if slug not in world.authorities:
            world.authorities[slug] = factories.authority(world.areas[slug], tier, office)
    for character, (slug, role) in people.items():
        user = factories.person(f"{offices[slug][0][:2]}{role}", username=character)
        world.users[character] = user
        world.mandates[character] = factories.mandate(user, role, world.authorities[slug])


def firm(world: World, character: str, area: str, serial: int, name: str) -> None:
    """One more firm with its owner."""
    owner = factories.person(f"{name[:4]}申报人", username=character)
    made = factories.organisation(world.areas[area], name, owner=owner, serial=serial, industry=factories.industry())
    world.users[character], world.orgs[character] = owner, made
    world.sites[character] = made.sites.get()
    world.memberships[character] = made.memberships.get()


def jieyang(world: World) -> None:
    """揭阳市 with two of its counties and a firm."""
    join(world, JIEYANG, JIEYANG_PEOPLE)
    firm(world, "jy_applicant", "445202", 7301, "榕城示例金属制品有限公司")

"""Who is on a published list of a higher tier is on the city's list too, where its rules say so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from django.urls import reverse

from greenlist.accounts.models import Authority
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.organisations.models import Organisation, Title
from greenlist.policy import selectors as policy
from registry.models import Listing
from registry.services import imported
from registry.states import ListingState, Origin
from tests import factories
from tests.applications import county
from tests.registry import upper
from tests.world import World


@dataclass
class Place:
    """揭阳: a city under its province, two officials, a firm."""

    city: Authority
    handler: Actor
    approver: Actor
    firm: Organisation


@pytest.fixture
def place(world: World) -> Place:
    county.load_rules()
    province = factories.area("广东省", "440000")
    city = factories.area("揭阳市", "445200", province)
    district = factories.area("榕城区", "445202", city)
    factories.authority(province, "province")
    office = factories.authority(city, "city")
    actors = []
    for name, role in (("揭阳经办", "handler"), ("揭阳审批", "approver")):
        person = factories.person(name)
        mandate = factories.mandate(person, role, office)
        actors.append(
            Actor(
                capacity=Capacity(role),
                key=f"m{mandate.pk}",
                user_id=person.pk,
                name=name,
                authority_id=office.pk,
                authority_name=office.name,
                tier=Tier.CITY,
                area_path=city.path,
            )
        )
    upper.ministry(world)
    return Place(office, *actors, factories.organisation(district, "榕城示例五金有限公司"))


def taken(place: Place, *lines: tuple[str, ...], tier: str = "province", number: str = "1号") -> None:
    made = imported.take(
        actor=place.handler,
        at=upper.AT,
        heading=upper.heading(number=number),
        rows=upper.rows(*lines),
        digest=f"{tier}{number}",
        tier=tier,
        category="factory",
    )
    imported.approve(actor=place.approver, reference=made.reference, at=upper.AT)


def of(tier: str) -> Listing | None:
    return Listing.objects.filter(listbook__owner__tier=tier).first()


@pytest.mark.clause("JY-15c")
def test_units_of_a_published_list_are_on_the_city_list_marked_with_their_origin(place: Place, world: World) -> None:
    taken(place, (place.firm.name, place.firm.code or "", ""))
    own, above = of("city"), of("province")
    assert own and above and (own.origin, own.follows) == (Origin.INHERITED, above)
    assert own.listbook.owner == place.city and own.state == ListingState.ACTIVE
    held = Title.objects.filter(site=own.site, valid_until=None).values_list("tier", flat=True)
    assert set(held) == {"province", "city"}
    page = world.client("anonymous").get(reverse("registry:lists"), {"place": "445200"}).content.decode()
    assert place.firm.name in page and "承继上级名单" in page
    shown = world.client("anonymous").get(reverse("dynamics:listing", args=["445200", own.pk])).content.decode()
    assert "2026年度绿色工厂名单" in shown


@pytest.mark.clause("JY-15c")
@pytest.mark.clause("JY-22a")
def test_a_second_list_above_changes_nothing_and_one_that_drops_the_unit_leaves_the_inherited_place(
    place: Place,
) -> None:
    """Article 22 removes with the yearly list whoever is on the city's, however it came there: nothing ends by itself."""
    line = (place.firm.name, place.firm.code or "", "")
    taken(place, line)
    taken(place, line, tier="nation", number="2号")
    assert Listing.objects.filter(listbook__owner=place.city).count() == 1
    taken(place, (*line, "removed"), number="3号")
    own = of("city")
    assert own and (own.state, own.origin) == (ListingState.ACTIVE, Origin.INHERITED)
    assert of("nation").state == ListingState.ACTIVE  # type: ignore[union-attr]
    assert Title.objects.get(tier="city").valid_until is None
    assert Title.objects.get(tier="province").removed


@pytest.fixture
def with_upper(place: Place, tmp_path: Path) -> Place:
    upper.inherited_end_with_upper(tmp_path)
    return place


def test_where_the_rules_say_so_it_ends_with_the_place_above(with_upper: Place) -> None:
    line = (with_upper.firm.name, with_upper.firm.code or "", "")
    taken(with_upper, line)
    taken(with_upper, (*line, "removed"), number="3号")
    own = of("city")
    assert own and own.state == ListingState.REMOVED
    ended = Title.objects.get(tier="city")
    assert ended.valid_until and not ended.removed  # nobody found fault with it at the city


def test_a_place_of_its_own_decision_stays(place: Place) -> None:
    line = (place.firm.name, place.firm.code or "", "")
    taken(place, line)
    Listing.objects.filter(listbook__owner=place.city).update(origin=Origin.DECIDED)
    taken(place, (*line, "removed"), number="3号")
    assert of("city").state == ListingState.ACTIVE  # type: ignore[union-attr]


def test_the_rules_say_which_lists_inherit(place: Place, world: World) -> None:
    """Data alone: a city whose rules do not say so inherits nothing."""
    standing = policy.standing(policy.current("jieyang"), "factory")
    assert standing.other["inherit"][0]["tiers"] == ["province", "nation"]
    upper.approved(world, (world.org.name, world.org.code or "", ""), who="city", tier="province", category="factory")
    assert not Listing.objects.filter(listbook__owner=world.city).exists()

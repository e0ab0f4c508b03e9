"""The hub of life after listing: whose units, found how, in how many queries; what subjects know meets on one page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Call
from dynamics.selectors import life, units
from greenlist.core.errors import NotAllowed, NotVisible
from registry import selectors as registry
from registry.models import Announcement, Listing
from registry.states import ListingState
from tests.registry import stage
from tests.reviews import stage as reviews
from tests.world import World

FOLLOW = ("county_handler", "city_handler", "city_approver", "province_handler")
NOT_THEIRS = ("other_county_handler", "other_city_handler", "hlj_city_handler", "applicant", "rival")
NOBODY = ("evaluator", "expert", "supervisor", "ecology", "stranger", "administrator")


def test_whose_units(world: World, published: Announcement) -> None:
    row = Listing.objects.first()
    assert row is not None
    for who in FOLLOW:
        assert len(units.found(world.actor(who), {}).rows) == 3, who
        assert units.unit(world.actor(who), row.pk) == row
    for who in NOT_THEIRS:
        assert units.found(world.actor(who), {}).rows == (), who
        with pytest.raises(NotVisible):
            units.unit(world.actor(who), row.pk)
    for who in NOBODY:
        with pytest.raises(NotAllowed):
            units.found(world.actor(who), {})
        with pytest.raises(NotVisible):
            units.unit(world.actor(who), row.pk)


def test_a_firm_sees_its_own(world: World, published: Announcement) -> None:
    row = Listing.objects.first()
    assert row is not None
    Listing.objects.filter(pk=row.pk).update(organisation=world.org)
    assert [one.pk for one in units.found(world.actor("applicant"), {}).rows] == [row.pk]
    client = world.client("applicant")
    assert row.name in client.get(reverse("dynamics:units")).content.decode()
    assert client.get(reverse("dynamics:unit", args=[row.pk])).status_code == 200


def test_found_by_name_place_state_and_former_name(world: World, published: Announcement) -> None:
    row = Listing.objects.first()
    assert row is not None
    Listing.objects.filter(pk=row.pk).update(state=ListingState.SUSPENDED, former="旧名示例有限公司")
    city = world.actor("city_handler")
    assert [one.pk for one in units.found(city, {"q": "旧名示例"}).rows] == [row.pk]
    assert [one.pk for one in units.found(city, {"state": "questioned"}).rows] == [row.pk]
    assert [one.pk for one in units.found(city, {"state": "suspended"}).rows] == [row.pk]
    assert len(units.found(city, {"state": "active"}).rows) == 2
    assert len(units.found(city, {"place": "130302"}).rows) == 3
    assert units.found(city, {"place": "130322"}).rows == ()
    assert units.found(city, {"place": "130104"}).rows == ()  # not of this city
    assert units.found(city, {"tier": "province"}).rows == ()
    page = units.found(city, {}, size=2)
    assert len(page.rows) == 2 and page.after
    assert len(units.found(city, {"after": page.after}, size=2).rows) == 1


def test_what_subjects_know_meets_on_the_page(
    world: World, published: Announcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(actor: Any, listing: Listing) -> tuple[life.Line, ...]:
        return (
            life.Line(date(2026, 7, 1), "已办结的一件事"),
            life.Line(date(2026, 6, 1), "仍在办理的一件事", open=True),
        )

    monkeypatch.setattr(life, "PARTS", (told,))
    row = Listing.objects.get(pk=published.entries.first().listing_id)  # type: ignore[union-attr]
    page = world.client("county_handler").get(reverse("dynamics:unit", args=[row.pk]))
    assert [line.what for line in page.context["open"]] == ["仍在办理的一件事"]
    assert [line.what for line in page.context["over"]] == ["已办结的一件事"]
    assert published.title in page.content.decode()


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_the_same(world: World, call: Call, count: int, django_assert_max_num_queries: Any) -> None:
    rows = reviews.several(world, call, 3)
    stage.published(world, stage.closed(world, call, rows))
    first = Listing.objects.order_by("pk").first()
    assert first is not None
    for number in range(count - 3):
        site = first.site
        site.pk, site.is_default = None, False
        site.save()
        first.pk, first.site, first.application = None, site, None
        first.name = f"{number:03d}示例有限公司"
        first.save()
    client = world.client("city_handler")
    client.get(reverse("dynamics:units"))
    with django_assert_max_num_queries(12):
        page = client.get(reverse("dynamics:units"))
    assert len(page.context["page"].rows) == min(count, registry.PAGE)

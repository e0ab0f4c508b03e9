"""The shared world itself: cheap, whole, and every character is who it says."""

from django.test import Client

from greenlist.core.actors import Capacity
from greenlist.organisations import selectors
from tests.world import OFFICE_HOLDERS, PEOPLE, World


def test_every_character_acts_as_the_middleware_would_say(world: World, now) -> None:
    for character in PEOPLE:
        held = selectors.capacities(world.user(character), now.date())
        expected = (world.actor(character),) if character != "stranger" else ()
        assert held == expected, character


def test_a_client_is_signed_in_in_its_capacity(world: World) -> None:
    response = world.client("county_handler").get("/")
    assert response.wsgi_request.actor.capacity == Capacity.HANDLER
    assert response.wsgi_request.actor.area_path == "/130000/130300/130302/"
    assert Client().get("/").wsgi_request.actor.capacity == Capacity.PUBLIC


def test_two_provinces_three_cities_five_counties(world: World) -> None:
    tiers = [authority.tier for authority in world.authorities.values() if authority.kind == "industry"]
    assert (tiers.count("province"), tiers.count("city") >= 3, tiers.count("county") >= 5) == (2, True, True)
    assert {"handler", "approver", "expert", "supervisor", "administrator"} <= {
        role for _, role, _ in OFFICE_HOLDERS.values()
    }

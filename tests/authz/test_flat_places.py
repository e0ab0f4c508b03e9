"""Places that report straight to the province have no tier below: nobody between sees them (R1, AZ-05)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories
from tests.authz import matrix
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db]
FLAT = "130682"  # 定州, whose area hangs under the province


def official(world: World) -> Client:
    person = factories.person()
    factories.mandate(person, "handler", world.authorities[FLAT])
    client = Client(headers={"Accept-Language": "zh-CN"})
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def status_of(client: Client, address: str) -> int:
    answer = client.get(address)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code


@pytest.mark.case("AZ-05")
def test_a_place_without_lower_tiers_is_seen_by_itself_and_by_the_province(world: World) -> None:
    firm = factories.organisation(world.areas[FLAT], "定州直管示例厂", owner=world.user("rival"))
    person = official(world)
    search = reverse("organisations:search") + "?q=直管示例"
    assert firm.name in person.get(search).content.decode()
    assert firm.name in world.client("province_handler").get(search).content.decode()
    for elsewhere in ("city_handler", "other_city_handler", "county_handler", "sjz_county_handler", "hlj_city_handler"):
        assert firm.name not in world.client(elsewhere).get(search).content.decode(), elsewhere


@pytest.mark.case("AZ-05")
def test_its_officials_find_every_page_of_theirs(world: World) -> None:
    client = official(world)
    rows = [row for row in matrix.ROWS if not row.key and "GET" in row.methods]
    answers = {row.name: status_of(client, reverse(row.name)) for row in rows if not row.name.startswith("admin:")}
    assert answers["portal:work"] == answers["applications:desk"] == answers["applications:cases"] == 200
    assert not {name: status for name, status in answers.items() if status >= 500}

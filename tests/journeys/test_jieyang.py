"""揭阳: the best of the city's own list goes to the province after three departments were asked; the province's list comes
back as the outcome, and whoever else of the city is on it is on the city's list from then on (JY-16, JY-15c).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import time_machine

from applications.models import Application, Call
from applications.services import batches, calls
from applications.states import State
from greenlist.core.errors import Refused
from greenlist.organisations.models import Organisation
from registry.models import Listing
from registry.states import Origin
from tests import factories
from tests.applications import county, filled
from tests.journeys import stations
from tests.journeys.browsing import Person
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(300), pytest.mark.django_db]

COUNTY = {"handler": "jy_county_handler", "approver": "jy_county_approver"}
CITY = {"handler": "jy_city_handler", "approver": "jy_city_approver"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+08:00")


def settle_in(world: World) -> None:
    """揭阳 under its province, a district, their officials, two firms with their people."""
    province = factories.area("广东省", "440000")
    city = factories.area("揭阳市", "445200", province)
    district = factories.area("榕城区", "445202", city)
    world.areas |= {"440000": province, "445200": city, "445202": district}
    world.authorities |= {
        "440000": factories.authority(province, "province"),
        "445200": factories.authority(city, "city"),
        "445202": factories.authority(district, "county"),
    }
    for character, role, place in (
        ("jy_county_handler", "handler", "445202"),
        ("jy_county_approver", "approver", "445202"),
        ("jy_city_handler", "handler", "445200"),
        ("jy_city_approver", "approver", "445200"),
    ):
        person = factories.person(username=character, password=factories.PASSWORD)
        world.users[character] = person
        world.mandates[character] = factories.mandate(person, role, world.authorities[place])
    for key, serial in (("jy_best", 9301), ("jy_other", 9302)):
        person = factories.person(username=key, password=factories.PASSWORD)
        firm = factories.organisation(district, f"榕城示例{serial}有限公司", owner=person, serial=serial)
        firm.industry = factories.industry()
        firm.save(update_fields=["industry"])
        world.users[key], world.orgs[key], world.sites[key] = person, firm, firm.sites.get()
        world.memberships[key] = person.memberships.get()


def open_call(world: World) -> Call:
    """A draft of rules is opened knowingly."""
    draft = filled.draft_of("jieyang-province", title="关于推荐2026年省级绿色工厂的通知")
    made = calls.create(actor=world.actor("jy_city_handler"), at=at("2026-03-02T09:00"), draft=draft)
    return calls.open_call(actor=world.actor("jy_city_approver"), at=at("2026-03-02T10:00"), pk=made.pk, warned=True)


def send(world: World, case: Application, when: str, people: dict[str, str]) -> Any:
    batch = county.signed_batch(world, [case], at(when), **people)
    batches.send(actor=world.actor(people["approver"]), at=at(when), reference=batch.reference)
    case.refresh_from_db()
    return batch


def signed_in(character: str) -> Person:
    return Person(character).sign_in(character, factories.PASSWORD)


@pytest.mark.clause("JY-16", "JY-15c")
def test_from_the_call_to_the_published_list_and_what_it_brings_to_the_city(world: World) -> None:
    county.load_rules()
    settle_in(world)
    call = open_call(world)
    factories.title(world.sites["jy_best"], "city", valid_from=date(2025, 10, 1))
    spring = at("2026-03-10T09:00")

    # nobody else but units of the city's own list
    other = filled.fill(world, filled.start(world, call, "jy_other", "jy_other", spring), "jy_other", spring)
    with pytest.raises(Refused) as refused:
        filled.submit(world, other, "jy_other", spring)
    assert refused.value.clause == "JY-16"

    case = filled.submitted(world, call, "jy_best", "jy_best", spring)
    county.passed(world, case, at("2026-04-10T09:00"), **COUNTY)
    send(world, case, "2026-04-15T09:00", COUNTY)
    assert (case.state, case.desk) == (State.CONSULTING, world.authorities["445200"])

    # the three departments
    with time_machine.travel(at("2026-05-06T09:00"), tick=False):
        asked = stations.letter_sent(signed_in("jy_city_handler"), signed_in("jy_city_approver"), call)
        assert {office.department for office in asked.offices.all()} == {"ecology", "emergency", "market"}
    with time_machine.travel(at("2026-05-08T09:00"), tick=False):
        handler, approver = signed_in("jy_city_handler"), signed_in("jy_city_approver")
        stations.answered_on_paper(handler, asked)
        stations.concluded(handler, approver, asked)
    case.refresh_from_db()
    assert (case.state, case.step) == (State.PASSED, "forward")

    # to the province by 30 June, that day included
    batch = county.signed_batch(world, [case], at("2026-06-29T09:00"), **CITY)
    approver = world.actor("jy_city_approver")
    with pytest.raises(Refused) as late:
        batches.send(actor=approver, at=at("2026-07-01T00:00"), reference=batch.reference)
    assert late.value.clause == "JY-16"
    batches.send(actor=approver, at=at("2026-06-30T23:59"), reference=batch.reference)
    case.refresh_from_db()
    assert (case.state, case.step, case.desk) == (State.FORWARDED, "outcome", world.authorities["445200"])
    outcome(world, call, case)


def outcome(world: World, call: Call, case: Application) -> None:
    """The province's list, taken over by pages; somebody else of the city is on it too."""
    unknown = factories.credit_code(9310)
    stations.list_taken(
        signed_in("jy_city_handler"),
        signed_in("jy_city_approver"),
        call,
        (case.name, case.code, ""),
        ("榕城示例新材料有限公司", unknown, "榕城区"),
        title="2026年省级绿色工厂名单",
        number="示例公告〔2026〕3号",
        issued=date(2026, 1, 30),
    )
    case.refresh_from_db()
    assert case.state == State.LISTED
    firm = Organisation.objects.get(code=unknown)
    own = Listing.objects.get(organisation=firm, listbook__owner=world.authorities["445200"])
    assert (own.origin, own.follows.listbook.owner) == (Origin.INHERITED, world.authorities["440000"])  # type: ignore[union-attr]
    shown = Person("visitor").open("registry:lists", place="445200")
    assert firm.name in shown and "承继上级名单" in shown

"""Mandates: given, limited to a list, ended at once; and what a person may act as."""

from datetime import timedelta

import pytest

from greenlist.accounts import selectors, services
from greenlist.accounts.models import Mandate
from greenlist.core.errors import Invalid, NotAllowed, WrongState
from greenlist.core.models import AuditEntry
from greenlist.organisations.selectors import capacities
from tests import factories
from tests.world import World


def fresh(world: World, role: str, place: str = "130302", **fields) -> Mandate:
    fields.setdefault("valid_from", factories.LONG_AGO)
    return Mandate(user=world.user("stranger"), role=role, authority=world.authorities.get(place), **fields)


@pytest.mark.authz
def test_only_an_administrator_gives_mandates_and_never_to_himself(world: World, now) -> None:
    given = services.grant_mandate(mandate=fresh(world, "handler"), actor=world.actor("security_administrator"), at=now)
    assert AuditEntry.objects.get(action="mandate.granted").subject_id == str(given.user_id)
    for character in ("province_approver", "applicant", "stranger", "anonymous"):
        with pytest.raises(NotAllowed):
            services.grant_mandate(mandate=fresh(world, "approver"), actor=world.actor(character), at=now)
    mine = fresh(world, "handler")
    mine.user = world.user("security_administrator")
    with pytest.raises(NotAllowed):
        services.grant_mandate(mandate=mine, actor=world.actor("security_administrator"), at=now)


@pytest.mark.parametrize(
    ("role", "place", "fine"),
    [
        ("handler", "130302", True),
        ("expert", "130300", True),
        ("administrator", "", True),
        ("department", "ecology", True),
        ("handler", "ecology", False),
        ("handler", "", False),
        ("department", "130302", False),
    ],
)
def test_the_office_fits_the_role(world: World, now, role: str, place: str, fine: bool) -> None:
    actor = world.actor("security_administrator")
    if fine:
        assert services.grant_mandate(mandate=fresh(world, role, place), actor=actor, at=now).pk
        return
    with pytest.raises(Invalid) as refused:
        services.grant_mandate(mandate=fresh(world, role, place), actor=actor, at=now)
    assert "authority" in refused.value.problems


def test_the_same_mandate_is_not_given_twice(world: World, now) -> None:
    actor = world.actor("security_administrator")
    first = services.grant_mandate(mandate=fresh(world, "handler"), actor=actor, at=now)
    with pytest.raises(services.AlreadyHeld):
        services.grant_mandate(mandate=fresh(world, "handler"), actor=actor, at=now)
    services.end_mandate(mandate_id=first.pk, reason="调岗", actor=actor, at=now)
    assert services.grant_mandate(mandate=fresh(world, "handler"), actor=actor, at=now).pk


def test_dates_and_lists_are_respected(world: World, now) -> None:
    user, today = world.user("stranger"), now.date()
    actor = world.actor("security_administrator")
    past = fresh(world, "handler", valid_until=today - timedelta(days=1))
    future = fresh(world, "handler", "130322", valid_from=today + timedelta(days=1))
    parks = fresh(world, "approver", "130324", list_kind="park")
    for mandate in (past, future, parks):
        services.grant_mandate(mandate=mandate, actor=actor, at=now)
    held = capacities(user, today)
    assert [one.key for one in held] == [f"m{parks.pk}"]
    assert held[0].list_kind == "park"
    assert capacities(user, today + timedelta(days=1))[0].key == f"m{future.pk}"
    office = world.authorities["130324"]
    assert selectors.people_with(office, ["approver"], today) == [user.pk]
    assert selectors.people_with(office, ["approver"], today, list_kind="park") == [user.pk]
    assert selectors.people_with(office, ["approver"], today, list_kind="factory") == []


def test_people_to_be_told(world: World, now) -> None:
    told = selectors.people_with(world.county, ["handler", "approver"], now.date())
    assert told == sorted([world.user("county_handler").pk, world.user("county_approver").pk])
    world.user("county_handler").is_active = False
    world.user("county_handler").save()
    assert selectors.people_with(world.county.pk, ["handler"], now.date()) == []


@pytest.mark.case("AU-07")
def test_an_ended_mandate_is_gone_with_the_next_request_on_every_session(world: World, now) -> None:
    mandate = world.mandates["county_handler"]
    clients = [world.client("county_handler"), world.client("county_handler")]
    for client in clients:
        assert client.get("/").wsgi_request.actor.key == f"m{mandate.pk}"
    services.end_mandate(mandate_id=mandate.pk, reason="调离", actor=world.actor("security_administrator"), at=now)
    for client in clients:
        request = client.get("/").wsgi_request
        assert not request.user.is_authenticated
        assert request.actor.capacity == "public"
    again = world.client("county_handler").get("/").wsgi_request
    assert again.user.is_authenticated
    assert again.actor.capacity == "none"


@pytest.mark.case("AU-07")
def test_a_closed_account_is_out_with_its_next_request(world: World, now) -> None:
    client = world.client("city_handler")
    assert client.get("/").wsgi_request.user.is_authenticated
    user = world.user("city_handler")
    services.set_active(
        user_id=user.pk, active=False, reason="离职", actor=world.actor("security_administrator"), at=now
    )
    assert not client.get("/").wsgi_request.user.is_authenticated
    services.set_active(
        user_id=user.pk, active=True, reason="返岗", actor=world.actor("security_administrator"), at=now
    )
    assert not client.get("/").wsgi_request.user.is_authenticated  # the old session does not come back


def test_ending_twice_is_told(world: World, now) -> None:
    mandate, actor = world.mandates["expert"], world.actor("security_administrator")
    ended = services.end_mandate(mandate_id=mandate.pk, reason="届满", actor=actor, at=now)
    assert (ended.ended_at, ended.valid_until) == (now, now.date())
    with pytest.raises(WrongState):
        services.end_mandate(mandate_id=mandate.pk, reason="届满", actor=actor, at=now)


def test_leaving_administration_closes_the_admin(world: World, now) -> None:
    second = world.user("stranger")
    services.grant_mandate(
        mandate=fresh(world, "administrator", ""), actor=world.actor("security_administrator"), at=now
    )
    second.refresh_from_db()
    assert second.is_staff
    mandate = Mandate.objects.get(user=second)
    services.end_mandate(mandate_id=mandate.pk, reason="调离", actor=world.actor("security_administrator"), at=now)
    second.refresh_from_db()
    assert not second.is_staff


def test_person_role_and_authority_never_change(world: World, now) -> None:
    mandate, actor = world.mandates["expert"], world.actor("security_administrator")
    mandate.employer = "另一所大学"
    assert services.change_mandate(mandate=mandate, actor=actor, at=now).employer == "另一所大学"
    mandate.role = "approver"
    with pytest.raises(Invalid):
        services.change_mandate(mandate=mandate, actor=actor, at=now)


@pytest.mark.parametrize("choice", ["", "m999999", "o999999", "system", "../x"])
def test_a_capacity_that_is_not_held_falls_back_to_the_first(world: World, choice: str) -> None:
    client = world.client("applicant")
    session = client.session
    session["capacity"] = choice
    session.save()
    assert client.get("/").wsgi_request.actor.key == f"o{world.org.pk}"


def test_forged_forwarding_does_not_change_the_address(world: World) -> None:
    request = world.client("applicant").get("/", HTTP_X_FORWARDED_FOR="203.0.113.9").wsgi_request
    assert request.actor.remote == "127.0.0.1"


def test_capacities_cost_one_query(world: World, now, django_assert_num_queries) -> None:
    for place in ("130322", "130324", "130300"):
        factories.mandate(world.user("applicant"), "handler", world.authorities[place])
    with django_assert_num_queries(1):
        assert len(capacities(world.user("applicant"), now.date())) == 4

"""Claiming a code, and the authority's word on it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from greenlist.core.actors import ANONYMOUS
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations import rules, selectors, services
from greenlist.organisations.models import AdverseRecord, Membership, Organisation
from greenlist.organisations.services import profile as own_words
from tests import factories
from tests.world import World

CODE = factories.credit_code(5005)


def register(world: World, character: str, now, **changes: Any) -> Organisation:
    values: dict[str, Any] = {
        "code": CODE,
        "name": "新示例有限公司",
        "kind": "firm",
        "area": world.areas["130302"],
        "production_area": world.areas["130302"],
        "production_address": "示例路5号",
    }
    return services.register(**values | changes, actor=world.actor(character), at=now)


def test_a_new_code_may_draft_but_not_submit_until_confirmed(world: World, now) -> None:
    made = register(world, "stranger", now, code=CODE.lower())
    assert (made.code, made.claim) == (CODE, "claimed")
    assert not rules.may_submit(made.claim)
    assert made.sites.get().is_default
    assert made.names.get().text == "新示例有限公司"
    held = selectors.capacities(world.user("stranger"), now.date())
    assert [(one.key, one.is_owner) for one in held] == [(f"o{made.pk}", True)]
    told = Notification.objects.filter(kind="organisation.claimed", channel="portal").values_list(
        "recipient_id", flat=True
    )
    assert set(told) == {world.user("county_handler").pk, world.user("county_approver").pk}
    done = services.confirm_claim(organisation_id=made.pk, actor=world.actor("county_handler"), at=now)
    assert rules.may_submit(done.claim)
    assert Notification.objects.filter(kind="organisation.confirmed", recipient=world.user("stranger")).exists()
    actions = list(AuditEntry.objects.filter(subject_kind="organisation").values_list("action", flat=True))
    assert actions == ["organisation.claimed", "organisation.confirmed"]


@pytest.mark.clause("QHD-7")
def test_the_place_of_production_decides_who_is_told(world: World, now) -> None:
    made = register(world, "stranger", now, production_area=world.areas["130322"])
    assert selectors.local_authority(made) == world.authorities["130322"]
    told = Notification.objects.filter(kind="organisation.claimed", channel="portal")
    assert {row.recipient_id for row in told} == {
        world.user("other_county_handler").pk,
        world.user("other_county_approver").pk,
    }


@pytest.mark.clause("HEB-0")
def test_where_there_is_no_county_the_city_tier_is_told(world: World, now) -> None:
    made = register(world, "stranger", now, area=world.areas["130682"], production_area=world.areas["130682"])
    assert selectors.local_authority(made) == world.authorities["130682"]


def test_an_organisation_known_from_a_list_is_claimed_not_doubled(world: World, now) -> None:
    known = factories.organisation(world.areas["130302"], "旧名有限公司", code=CODE, industry=None)
    factories.title(known.sites.get(), "city")
    made = register(world, "stranger", now)
    assert made.pk == known.pk
    assert made.name == "旧名有限公司"  # the claim's own words hold once somebody has confirmed them
    made = services.confirm_claim(organisation_id=made.pk, actor=world.actor("county_handler"), at=now)
    assert made.name == "新示例有限公司"
    assert [name.text for name in made.names.order_by("pk")] == ["旧名有限公司", "新示例有限公司"]
    assert Organisation.objects.named("旧名").get() == made
    assert made.sites.get().titles.count() == 1


@pytest.mark.authz
def test_who_claims_a_known_firm_neither_renames_it_nor_chooses_who_confirms(world: World, now) -> None:
    """Anybody can type a public code, and name a county where a friend sits."""
    known = factories.organisation(world.areas["130302"], "名单企业有限公司", code=CODE, industry=None)
    factories.title(known.sites.get(), "city")
    elsewhere = world.areas["130322"]
    made = register(world, "stranger", now, name="冒名有限公司", area=elsewhere, production_area=elsewhere, kind="park")
    made.refresh_from_db()
    assert (made.name, made.kind, made.area, made.sites.get().area) == (
        "名单企业有限公司", "firm", known.area, world.areas["130302"],
    )  # fmt: skip
    told = Notification.objects.filter(kind="organisation.claimed", channel="portal")
    assert {row.recipient_id for row in told} == {world.user("county_handler").pk, world.user("county_approver").pk}
    own = selectors.capacities(world.user("stranger"), now.date())[0]
    moved = {"organisation_id": made.pk, "name": "二厂", "address": "", "area": elsewhere, "actor": own, "at": now}
    for site in (None, made.sites.get().pk):
        with pytest.raises(Invalid) as refused:
            services.save_site(site_id=site, **moved)
        assert "area" in refused.value.problems
    kept = services.Profile(area=made.area, founded_on=made.founded_on)
    with pytest.raises(Invalid):
        services.change_profile(organisation_id=made.pk, profile=replace(kept, area=elsewhere), actor=own, at=now)
    for day in (date(2001, 1, 1), date(2025, 1, 1), None):
        with pytest.raises(Invalid) as refused:
            services.change_profile(organisation_id=made.pk, profile=replace(kept, founded_on=day), actor=own, at=now)
        assert "founded_on" in refused.value.problems
    services.change_profile(organisation_id=made.pk, profile=replace(kept, size="large"), actor=own, at=now)
    with pytest.raises(NotVisible):
        services.confirm_claim(organisation_id=made.pk, actor=world.actor("other_county_handler"), at=now)
    page = world.client("county_handler").get(f"/organisation/claims/{made.pk}/").content.decode()
    assert "冒名有限公司" in page
    assert elsewhere.full_name in page

    services.refuse_claim(organisation_id=made.pk, reason="冒用", actor=world.actor("county_handler"), at=now)
    made.refresh_from_db()
    assert (made.name, made.size, made.claim, made.claim_says) == ("名单企业有限公司", known.size, "unclaimed", {})


@pytest.mark.authz
def test_a_refused_claim_leaves_no_honour_and_no_firm_inside_a_park(world: World, now) -> None:
    known = factories.organisation(world.areas["130302"], "名单园区", code=CODE, industry=None, kind="park")
    factories.title(known.sites.get(), "city", category="park")
    official = world.actor("county_handler")
    firm = {"park_id": known.pk, "code": "", "at": now}
    inside = services.add_firm(**firm, name="园内一厂", actor=official)
    honour = known.honours.create(kind="水效领跑者", year=2024)
    register(world, "stranger", now, kind="park")
    own = selectors.capacities(world.user("stranger"), now.date())[0]
    mine = {"organisation_id": known.pk, "actor": own, "at": now}

    def attempts() -> list[Callable[[], object]]:
        return [
            lambda: services.add_firm(**firm, name="园内二厂", actor=own),
            lambda: services.add_honour(kind="绿色设计", year=2025, **mine),
            lambda: services.remove_honour(honour_id=honour.pk, **mine),
        ]

    for attempt in (*attempts(), lambda: services.remove_firm(link_id=inside.pk, actor=own, at=now)):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.message == own_words.CLAIM_WAITS
    assert (known.honours.count(), known.park_firms.filter(valid_until=None).count()) == (1, 1)
    services.add_firm(**firm, name="园内三厂", actor=official)
    services.confirm_claim(organisation_id=known.pk, actor=official, at=now)
    for attempt in attempts():
        attempt()
    assert (known.honours.get().kind, known.park_firms.count()) == ("绿色设计", 3)


def test_a_confirmed_claim_of_a_known_firm_brings_its_own_words(world: World, now) -> None:
    known = factories.organisation(world.areas["130302"], "名单企业有限公司", code=CODE, industry=None)
    factories.title(known.sites.get(), "city")
    elsewhere = world.areas["130322"]
    register(world, "stranger", now, name="新名有限公司", area=elsewhere, production_area=elsewhere)
    made = services.confirm_claim(organisation_id=known.pk, actor=world.actor("county_handler"), at=now)
    assert (made.name, made.area, made.sites.get().area, made.claim_says) == ("新名有限公司", elsewhere, elsewhere, {})
    own = selectors.capacities(world.user("stranger"), now.date())[0]
    services.save_site(
        organisation_id=made.pk, site_id=None, name="二厂", address="", area=world.areas["130302"], actor=own, at=now
    )


@pytest.mark.authz
def test_a_code_somebody_acts_for_is_not_taken_again(world: World, now) -> None:
    register(world, "stranger", now)
    with pytest.raises(services.AlreadyClaimed):
        register(world, "applicant", now)
    with pytest.raises(services.AlreadyMember):
        register(world, "stranger", now)
    with pytest.raises(NotAllowed):
        services.register(
            code=factories.credit_code(5006),
            name="甲",
            kind="firm",
            area=world.areas["130302"],
            production_area=world.areas["130302"],
            production_address="",
            actor=ANONYMOUS,
            at=now,
        )
    with pytest.raises(rules.BadCode):
        register(world, "applicant", now, code=CODE[:-1])
    assert Organisation.objects.filter(code=CODE).count() == 1


@pytest.mark.authz
def test_only_an_official_of_the_place_decides(world: World, now) -> None:
    made = register(world, "stranger", now)
    for character in (
        "other_county_handler",
        "other_city_approver",
        "hlj_province_handler",
        "applicant",
        "anonymous",
        "expert",
    ):
        with pytest.raises(NotVisible):
            services.confirm_claim(organisation_id=made.pk, actor=world.actor(character), at=now)
    own = selectors.capacities(world.user("stranger"), now.date())[0]
    with pytest.raises(NotAllowed):
        services.confirm_claim(organisation_id=made.pk, actor=own, at=now)
    assert (
        services.confirm_claim(organisation_id=made.pk, actor=world.actor("city_handler"), at=now).confirmed_at == now
    )
    with pytest.raises(WrongState):
        services.confirm_claim(organisation_id=made.pk, actor=world.actor("county_handler"), at=now)


def test_a_refused_claim_frees_the_code_and_forgets_the_contacts(world: World, now) -> None:
    made = register(world, "stranger", now)
    Organisation.objects.filter(pk=made.pk).update(contact_phone="13900000000")
    county = world.actor("county_approver")
    with pytest.raises(Invalid):
        services.refuse_claim(organisation_id=made.pk, reason=" ", actor=county, at=now)
    services.refuse_claim(organisation_id=made.pk, reason="不是该企业人员", actor=county, at=now)
    made.refresh_from_db()
    assert (made.claim, made.contact_phone) == ("unclaimed", "")
    assert selectors.capacities(world.user("stranger"), now.date()) == ()
    told = Notification.objects.get(kind="organisation.refused", channel="portal")
    assert told.params["reason"] == "不是该企业人员"
    assert register(world, "rival", now).pk == made.pk


def test_records_entered_before_find_their_firm(world: World, now) -> None:
    row = AdverseRecord.objects.create(
        code=CODE, name="新示例有限公司", kind="safety", severity=2, event_on=now.date(), source="通报"
    )
    made = register(world, "stranger", now)
    row.refresh_from_db()
    assert row.organisation == made


def test_an_unclaimed_member_of_a_park_is_made_once(world: World, now) -> None:
    actor, area = world.actor("city_handler"), world.areas["130302"]
    first = services.find_or_create_unclaimed(code=CODE, name="园区企业", area=area, actor=actor, at=now)
    again = services.find_or_create_unclaimed(code=CODE, name="别名", area=area, actor=actor, at=now)
    assert (first.pk, first.claim) == (again.pk, "unclaimed")
    nameless = services.find_or_create_unclaimed(code="", name="无码企业", area=area, actor=actor, at=now)
    assert services.find_or_create_unclaimed(code="", name="无码企业", area=area, actor=actor, at=now) == nameless


@pytest.mark.race
@pytest.mark.case("DA-06")
@pytest.mark.parametrize("known", [False, True])
def test_two_persons_claim_one_code_at_once(race_world: World, now, run_threads, rounds: int, known: bool) -> None:
    world, characters = race_world, ("stranger", "applicant")
    for number in range(min(rounds, 25)):
        code = factories.credit_code(7000 + number)
        if known:
            factories.organisation(world.areas["130302"], code=code)
        outcomes = run_threads(2, lambda i, code=code: register(world, characters[i], now, code=code))
        won = [one for one in outcomes if isinstance(one, Organisation)]
        lost = [one for one in outcomes if isinstance(one, Conflict)]
        assert (len(won), len(lost)) == (1, 1), outcomes
        assert Membership.objects.filter(organisation__code=code).count() == 1

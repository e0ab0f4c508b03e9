"""Profile, sites, honours: kept by members, invisible to rivals; and the facts the rules read."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection

from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.models import AuditEntry
from greenlist.organisations import selectors, services
from greenlist.organisations.models import Organisation
from greenlist.organisations.services import profile as own_words
from greenlist.policy.engine.types import EventWindow
from greenlist.policy.facts_table import EVENT_KINDS, FACTS
from tests import factories
from tests.world import World


def profile(world: World, **changes: Any) -> services.Profile:
    given = {"area": world.areas["130302"], "legal_representative": "赵示例", "founded_on": world.org.founded_on}
    return services.Profile(**given | changes)


@pytest.mark.authz
def test_members_change_their_profile_and_nobody_else(world: World, now) -> None:
    change = {"organisation_id": world.org.pk, "at": now}
    new = profile(world, contact_phone="13700000000", size="large")
    done = services.change_profile(**change, profile=new, actor=world.actor("colleague"))
    assert (done.size, done.legal_representative) == ("large", "赵示例")
    for character, refusal in [
        ("rival", NotVisible),
        ("other_city_handler", NotVisible),
        ("county_handler", NotAllowed),
    ]:
        with pytest.raises(refusal):
            services.change_profile(**change, profile=new, actor=world.actor(character))
    entry = AuditEntry.objects.get(action="organisation.changed")
    assert "contact_phone" in entry.payload.data["fields"]
    assert "13700000000" not in str(entry.payload.data)


@pytest.mark.case("PR-03")
def test_contacts_are_not_readable_in_the_database(world: World, now) -> None:
    new = profile(world, contact_name="钱示例", contact_phone="13700000000")
    services.change_profile(organisation_id=world.org.pk, profile=new, actor=world.actor("applicant"), at=now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contact_name, contact_phone FROM organisations_organisation WHERE id = %s", [world.org.pk]
        )
        stored = str(cursor.fetchone())
    assert "钱示例" not in stored
    assert "13700000000" not in stored
    assert Organisation.objects.get(pk=world.org.pk).contact_name == "钱示例"


def test_a_firm_is_not_founded_tomorrow(world: World, now) -> None:
    with pytest.raises(Invalid) as wrong:
        services.change_profile(
            organisation_id=world.org.pk,
            profile=profile(world, founded_on=date(2030, 1, 1)),
            actor=world.actor("applicant"),
            at=now,
        )
    assert "founded_on" in wrong.value.problems


@pytest.mark.clause("QHD-5.4")
def test_a_confirmed_firm_does_not_move_its_founding_out_of_the_way(world: World, now) -> None:
    def found(day: date | None) -> Organisation:
        change = {"organisation_id": world.org.pk, "profile": profile(world, founded_on=day), "at": now}
        return services.change_profile(**change, actor=world.actor("applicant"))

    rows = Organisation.objects.filter(pk=world.org.pk)
    rows.update(founded_on=None)
    found(date(2010, 5, 2))  # said for the first time
    assert found(date(2010, 5, 1)).founded_on == date(2010, 5, 1)  # earlier: the look-back grows
    for day in (date(2010, 5, 2), date(2026, 1, 1), None):
        with pytest.raises(Invalid) as refused:
            found(day)
        assert refused.value.problems["founded_on"] == [own_words.FOUNDING_STAYS]
    assert rows.get().founded_on == date(2010, 5, 1)
    rows.update(claim=Organisation.Claim.CLAIMED, claimed_at=now)  # nobody relies on it yet
    assert found(date(2010, 5, 3)).founded_on == date(2010, 5, 3)


@pytest.mark.authz
@pytest.mark.case("AZ-06")
def test_a_site_of_another_firm_is_not_there(world: World, now) -> None:
    values = {"name": "二厂", "address": "示例路", "area": world.areas["130322"], "at": now}
    second = services.save_site(organisation_id=world.org.pk, site_id=None, actor=world.actor("applicant"), **values)
    assert not second.is_default
    services.save_site(organisation_id=world.org.pk, site_id=second.pk, actor=world.actor("applicant"), **values)
    with pytest.raises(NotVisible):
        services.save_site(
            organisation_id=world.org.pk, site_id=world.sites["rival"].pk, actor=world.actor("applicant"), **values
        )
    with pytest.raises(NotVisible):
        selectors.site_of(world.actor("rival"), second.pk)
    assert selectors.site_of(world.actor("other_county_handler"), second.pk) == second  # it produces there
    assert selectors.authority_for_site(second) == world.authorities["130322"]


def test_honours_come_and_go_and_the_trail_remembers(world: World, now) -> None:
    mine = {"organisation_id": world.org.pk, "actor": world.actor("applicant"), "at": now}
    honour = services.add_honour(kind="水效领跑者", year=2024, **mine)
    with pytest.raises(Invalid):
        services.add_honour(kind="水效领跑者", year=2024, **mine)
    with pytest.raises(NotVisible):
        services.remove_honour(organisation_id=world.org.pk, honour_id=honour.pk, actor=world.actor("rival"), at=now)
    services.remove_honour(honour_id=honour.pk, **mine)
    assert AuditEntry.objects.filter(action__startswith="honour.").count() == 2


@pytest.mark.authz
def test_the_mark_for_grade_a_is_set_by_the_place(world: World, now) -> None:
    mark = {"organisation_id": world.org.pk, "striving": True, "at": now}
    assert services.set_striving(**mark, actor=world.actor("county_handler")).striving_grade_a
    with pytest.raises(NotAllowed):
        services.set_striving(**mark, actor=world.actor("applicant"))
    with pytest.raises(NotVisible):
        services.set_striving(**mark, actor=world.actor("other_county_handler"))


class TestFacts:
    def test_every_fact_is_declared_and_of_its_firm(self, world: World, now) -> None:
        factories.title(world.site, "city")
        factories.title(world.site, "province", valid_until=date(2025, 1, 1))
        factories.title(world.site, "province", category="park")
        facts = selectors.facts_of(world.site, "factory", now.date())
        assert set(facts) <= set(FACTS)
        assert {name for name in FACTS if name.startswith(("org.", "site."))} - set(facts) == {"org.industry_group"}
        assert facts["site.area"] == "/130000/130300/130302/"
        assert facts["org.industry"] == "3911"
        assert [held.tier for held in facts["site.titles.same_category"]] == ["city"]

    def test_what_is_not_known_is_left_out(self, world: World, now) -> None:
        blank = Organisation.objects.create(name="空白企业", area=world.areas["130302"])
        facts = selectors.facts_of(factories.site(blank, blank.area), "factory", now.date())
        assert "org.independent_accounting" not in facts
        assert "org.founded_on" not in facts

    def test_events_by_link_and_by_code(self, world: World, now) -> None:
        factories.adverse(world.org, "safety", date(2024, 5, 1), 2)
        factories.adverse(world.org, "tax_offence", date(2019, 5, 1), ended_on=date(2020, 1, 1))
        unlinked = factories.adverse(world.org, "serious_dishonesty", date(2018, 1, 1))
        unlinked.organisation = None
        unlinked.save()
        factories.adverse(world.orgs["rival"], "safety", date(2024, 5, 1), 3)
        events = selectors.events_of(world.org)
        assert [(e.kind, e.grade) for e in events] == [("safety", 2), ("tax_offence", 0), ("serious_dishonesty", 0)]
        day = now.date()
        young = EventWindow(frozenset({"safety"}), on=day, since=date(2023, 1, 1), at_least=2)
        lasting = EventWindow(frozenset({"serious_dishonesty", "tax_offence"}), on=day, since=None, state="open")
        assert [e.kind for e in selectors.events_of(world.org, [young, lasting])] == ["safety", "serious_dishonesty"]
        ended = EventWindow(frozenset({"tax_offence"}), on=day, since=date(2020, 1, 2), state="ended")
        assert selectors.events_of(world.org, [ended, replace(young, at_least=3)]) == []
        assert selectors.events_of(world.org, ()) == []
        assert {e.kind for e in events} <= set(EVENT_KINDS)

"""Whom a record is about: by its code, else by a name that an official confirms; corrections; firms inside a park."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.organisations import rules, selectors, services
from greenlist.organisations.models import AdverseMatch, AdverseRecord, Name, Organisation, ParkFirm
from greenlist.organisations.services import matching, parks
from tests import factories
from tests.organisations.test_adverse import entry
from tests.world import World

State = AdverseMatch.State


def nameless(world: World, now: Any, **changes: Any) -> AdverseRecord:
    """A record without a code, as many sources give it."""
    fields = {"code": "", "kind": "other_offence", "severity": 0} | changes
    return services.enter_adverse(record=entry(world, **fields), actor=world.actor("county_handler"), at=now)


def park_of(world: World, serial: int = 6100) -> Organisation:
    return factories.organisation(world.areas["130302"], f"示例工业园{serial}", serial=serial, kind="park")


# ---- names ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("written", ["present", "former", "brackets"])
def test_a_name_proposes_and_an_official_decides(world: World, now, written: str) -> None:
    Name.objects.create(organisation=world.org, text="海港旧名（示例）有限公司", valid_until=date(2024, 1, 1))
    name = {"present": world.org.name, "former": "海港旧名（示例）有限公司", "brackets": "海港旧名(示例)有限公司"}[
        written
    ]
    record = nameless(world, now, name=name)
    match = AdverseMatch.objects.get()
    assert (match.record, match.organisation, match.state) == (record, world.org, State.OPEN)
    (event,) = selectors.events_of(world.org)
    assert event.doubtful
    decide = {"match_id": match.pk, "same": True, "note": "与营业执照核对一致", "at": now}
    services.decide_match(**decide, actor=world.actor("county_handler"))
    record.refresh_from_db()
    assert record.organisation == world.org
    (event,) = selectors.events_of(world.org)
    assert not event.doubtful
    with pytest.raises(WrongState):
        services.decide_match(**decide, actor=world.actor("county_approver"))


@pytest.mark.authz
def test_only_the_place_decides_and_says_why(world: World, now) -> None:
    nameless(world, now)
    match = AdverseMatch.objects.get()
    no = {"match_id": match.pk, "same": False, "at": now}
    for character in ("other_county_handler", "other_city_handler", "applicant", "expert", "anonymous"):
        with pytest.raises(NotVisible):
            services.decide_match(**no, note="不是", actor=world.actor(character))
    with pytest.raises(Invalid):
        services.decide_match(**no, note=" ", actor=world.actor("city_handler"))
    services.decide_match(**no, note="同名异企", actor=world.actor("city_handler"))
    assert selectors.events_of(world.org) == []
    assert matching.find_all(at=now) == 0  # a word that was given is not asked for again
    match.refresh_from_db()
    assert (match.state, match.by) == (State.DENIED, world.user("city_handler"))


def test_one_yes_settles_the_other_pairs(world: World, now) -> None:
    Name.objects.create(organisation=world.orgs["rival"], text=world.org.name)
    record = nameless(world, now)
    assert record.matches.count() == 2
    services.decide_match(
        match_id=record.matches.get(organisation=world.org).pk,
        same=True,
        note="核对无误",
        actor=world.actor("county_handler"),
        at=now,
    )
    assert set(record.matches.values_list("organisation", "state")) == {
        (world.org.pk, "confirmed"),
        (world.orgs["rival"].pk, "denied"),
    }


def test_who_registers_later_meets_what_was_known(world: World, now) -> None:
    nameless(world, now, name="后来示例有限公司")
    assert not AdverseMatch.objects.exists()
    services.register(
        code=factories.credit_code(8800),
        name="后来示例有限公司",
        kind="firm",
        area=world.areas["130302"],
        production_area=world.areas["130302"],
        production_address="示例路",
        actor=world.actor("stranger"),
        at=now,
    )
    assert AdverseMatch.objects.get().organisation.name == "后来示例有限公司"


def test_a_code_links_by_itself_once_somebody_has_it(world: World, now) -> None:
    code = factories.credit_code(8801)
    record = services.enter_adverse(
        record=entry(world, code=code, name="未知企业"), actor=world.actor("county_handler"), at=now
    )
    assert services.link_codes() == 0
    known = factories.organisation(world.areas["130302"], "未知企业", code=code)
    assert services.link_codes() == 1
    record.refresh_from_db()
    assert record.organisation == known
    assert not AdverseMatch.objects.exists()  # a code says more than a name


def test_a_code_nobody_has_does_not_hide_a_firm_known_by_its_name_alone(world: World, now) -> None:
    """Firms inside a park are often noted without their code; a record that has one still finds them."""
    inside = factories.organisation(world.areas["130302"], "园内无代码企业", code=None)
    other = factories.organisation(world.areas["130302"], "园内另一企业", serial=6301)
    for name, serial in (("园内无代码企业", 8810), ("园内另一企业", 8811)):
        record = entry(world, code=factories.credit_code(serial), name=name)
        services.enter_adverse(record=record, actor=world.actor("county_handler"), at=now)
    assert matching.find_all(at=now) == 1
    match = AdverseMatch.objects.get()
    assert match.organisation == inside != other  # who has another code is not meant
    services.decide_match(match_id=match.pk, same=True, note="已核", actor=world.actor("county_handler"), at=now)
    assert selectors.events_of(inside)


def test_a_name_that_is_anothers_by_its_code_can_still_be_denied(world: World, now) -> None:
    """A firm of that code registers while its name waits for a word: the record is its own from then on."""
    inside = factories.organisation(world.areas["130302"], "园内无代码企业", code=None)
    record = entry(world, code=factories.credit_code(8812), name=inside.name)
    made = services.enter_adverse(record=record, actor=world.actor("county_handler"), at=now)
    assert matching.find_all(at=now) == 1
    owner = factories.organisation(world.areas["130302"], inside.name, code=made.code)
    assert services.link_codes() == 1
    decide = {
        "match_id": AdverseMatch.objects.get().pk,
        "note": "已核",
        "actor": world.actor("county_handler"),
        "at": now,
    }
    with pytest.raises(WrongState) as refused:
        services.decide_match(**decide, same=True)
    assert refused.value.message == matching.ANOTHERS
    assert services.decide_match(**decide, same=False).state == State.DENIED
    with pytest.raises(WrongState):
        services.decide_match(**decide, same=False)
    assert selectors.events_of(inside) == []
    assert len(selectors.events_of(owner)) == 1
    made.refresh_from_db()
    assert made.organisation == owner


@pytest.mark.parametrize(
    "written",
    ["后来\u200b示例有限公司", "\u202e后来示例有限公司\u202c", "后来示例有限公司\ufeff", "后来　示例有限公司"],
)
def test_signs_nobody_sees_hide_no_firm_from_its_records(world: World, now, written: str) -> None:
    shown = "后来 示例有限公司" if "\u3000" in written else "后来示例有限公司"
    made = services.register(
        code=factories.credit_code(8802),
        name=written,
        kind="firm",
        area=world.areas["130302"],
        production_area=world.areas["130302"],
        production_address="示例路",
        actor=world.actor("stranger"),
        at=now,
    )
    assert made.name == shown
    nameless(world, now, name=shown)
    nameless(world, now, name=f"\u2066{shown}", reference="另一号")
    assert AdverseMatch.objects.filter(organisation=made).count() == 2


def test_letters_of_double_width_are_the_same_name(world: World, now) -> None:
    made = factories.organisation(world.areas["130302"], rules.clean_name("示例ＡＢＣ(秦皇岛)公司"), serial=6302)
    assert made.name == "示例ABC（秦皇岛）公司"
    nameless(world, now, name="示例ABC(秦皇岛)公司")
    assert AdverseMatch.objects.get().organisation == made


def test_a_name_that_grows_when_it_is_read_is_refused(world: World, now) -> None:
    given = {"kind": "firm", "area": world.areas["130302"], "production_area": world.areas["130302"]}
    given |= {"production_address": "示例路", "actor": world.actor("stranger"), "at": now}
    with pytest.raises(Invalid):
        services.register(code=factories.credit_code(8803), name="\ufdfa" * 60, **given)
    assert services.register(code=factories.credit_code(8803), name="示例" * 60, **given)


def test_many_records_cost_few_queries(world: World, now) -> None:
    def cost(count: int) -> int:
        AdverseRecord.objects.bulk_create(
            AdverseRecord(
                name=world.org.name, kind="other_offence", event_on=date(2025, 1, 1), source="s", reference=str(n)
            )
            for n in range(count)
        )
        with CaptureQueriesContext(connection) as caught:
            assert matching.find_all(at=now) == count
        return len(caught)

    assert max(cost(3), cost(300)) <= 9  # a bulk of rows goes in a few statements


# ---- corrections ----------------------------------------------------------------------------------------------------
def test_a_correction_keeps_what_stood_there(world: World, now) -> None:
    actor = world.actor("county_handler")
    made = services.enter_adverse(record=entry(world, severity=1), actor=actor, at=now)
    change = {"record_id": made.pk, "record": entry(world, severity=3), "at": now}
    with pytest.raises(Invalid) as wrong:
        services.correct_adverse(**change, reason=" ", actor=actor)
    assert "reason" in wrong.value.problems
    services.correct_adverse(**change, reason="调查报告改定为重大", actor=world.actor("county_approver"))
    (kept,) = made.changes.all()
    assert (kept.before, kept.after, kept.reason) == ({"severity": 1}, {"severity": 3}, "调查报告改定为重大")
    with pytest.raises(Invalid):
        services.correct_adverse(**change, reason="再来一次", actor=actor)
    services.end_adverse(record_id=made.pk, ended_on=date(2026, 1, 1), source="整改报告", actor=actor, at=now)
    assert [one.after for one in made.changes.all()][1] == {"ended_on": "2026-01-01", "ended_source": "整改报告"}


@pytest.mark.authz
def test_nobody_else_corrects(world: World, now) -> None:
    made = services.enter_adverse(record=entry(world), actor=world.actor("city_handler"), at=now)
    change = {"record_id": made.pk, "record": entry(world, severity=4), "reason": "更正", "at": now}
    for character in ("other_county_handler", "applicant", "rival", "expert", "anonymous"):
        with pytest.raises(NotVisible):
            services.correct_adverse(**change, actor=world.actor(character))
    elsewhere = entry(world, code=world.orgs["sjz"].code)
    with pytest.raises(NotAllowed):
        services.correct_adverse(**change | {"record": elsewhere}, actor=world.actor("city_handler"))
    made.refresh_from_db()
    assert made.severity == 2
    services.correct_adverse(**change, actor=world.actor("county_handler"))


def test_a_corrected_code_moves_the_record(world: World, now) -> None:
    actor = world.actor("city_handler")
    made = services.enter_adverse(record=entry(world), actor=actor, at=now)
    other = world.orgs["rival"]
    services.correct_adverse(
        record_id=made.pk, record=entry(world, code=other.code, name=other.name), reason="主体写错", actor=actor, at=now
    )
    assert selectors.events_of(world.org) == []
    assert len(selectors.events_of(other)) == 1
    assert made.changes.get().before["organisation"] == world.org.name


# ---- parks, removals ------------------------------------------------------------------------------------------------
@pytest.mark.clause("JY-17.2")
@pytest.mark.clause("HLJ-15.2")
def test_what_befalls_a_firm_inside_counts_for_the_park(world: World, now) -> None:
    park, actor = park_of(world), world.actor("county_handler")
    code = factories.credit_code(8802)
    link = services.add_firm(park_id=park.pk, code=code, name="园内示例企业", actor=actor, at=now)
    again = services.add_firm(park_id=park.pk, code=code, name="园内示例企业", actor=actor, at=now)
    assert (link.pk, ParkFirm.objects.count()) == (again.pk, 1)
    factories.adverse(link.firm, "safety", date(2025, 3, 1), 2)
    factories.adverse(park, "tax_offence", date(2025, 4, 1))
    assert [(e.kind, e.subject, e.who) for e in selectors.events_of(park)] == [
        ("tax_offence", "unit", ""),
        ("safety", "members", "园内示例企业"),
    ]
    services.remove_firm(link_id=link.pk, actor=actor, at=now)
    assert [e.kind for e in selectors.events_of(park)] == ["tax_offence"]


@pytest.mark.authz
def test_only_the_park_and_its_authority_keep_its_firms(world: World, now) -> None:
    park = park_of(world)
    firm = {"park_id": park.pk, "code": "", "name": "园内示例企业", "at": now}
    for character in ("other_county_handler", "applicant", "expert", "anonymous"):
        with pytest.raises(NotVisible):
            services.add_firm(**firm, actor=world.actor(character))
    with pytest.raises(NotVisible):  # a third-party body holds none
        services.add_firm(**firm | {"park_id": world.orgs["evaluator"].pk}, actor=world.actor("evaluator"))
    factories.member(world.user("stranger"), park, "owner")
    own = selectors.member_actor(world.user("stranger"), park.memberships.select_related("organisation").get())
    link = services.add_firm(**firm, actor=own)
    with pytest.raises(Invalid):
        services.add_firm(**firm | {"code": park.code}, actor=own)
    with pytest.raises(rules.BadCode):
        services.add_firm(**firm | {"code": "911"}, actor=own)
    with pytest.raises(NotVisible):
        services.remove_firm(link_id=link.pk, actor=world.actor("rival"), at=now)


@pytest.mark.authz
@pytest.mark.clause("JY-17.2")
def test_a_confirmed_park_hides_no_firm_from_the_checks(world: World, now) -> None:
    park = park_of(world)
    Organisation.objects.filter(pk=park.pk).update(claim=Organisation.Claim.CONFIRMED)
    factories.member(world.user("stranger"), park, "owner")
    own = selectors.member_actor(world.user("stranger"), park.memberships.select_related("organisation").get())
    official, later = world.actor("county_handler"), now + timedelta(days=1)

    def inside(actor: Actor, name: str) -> ParkFirm:
        return services.add_firm(park_id=park.pk, code="", name=name, actor=actor, at=now)

    link, slip = inside(own, "园内一厂"), inside(own, "园内二厂")
    factories.adverse(link.firm, "safety", date(2025, 3, 1), 2)
    assert services.remove_firm(link_id=slip.pk, actor=own, at=now).valid_until  # a slip of the same day
    for one, at in ((link, later), (inside(official, "园内三厂"), now)):
        with pytest.raises(NotAllowed) as refused:
            services.remove_firm(link_id=one.pk, actor=own, at=at)
        assert refused.value.message == parks.AUTHORITY_REMOVES
    assert [e.subject for e in selectors.events_of(park)] == ["members"]
    assert services.remove_firm(link_id=link.pk, actor=official, at=later).valid_until
    assert selectors.events_of(park) == []
    kept = inside(own, "园内四厂")
    Organisation.objects.filter(pk=park.pk).update(claim="claimed", claimed_at=now)  # no list rests on it yet
    assert services.remove_firm(link_id=kept.pk, actor=own, at=later).valid_until


def test_a_title_taken_away_is_an_event_of_its_own(world: World, now) -> None:
    factories.title(world.site, "city")
    taken = {"site": world.site, "category": "factory", "on": date(2025, 6, 1), "reason": "示例", "at": now}
    official = world.actor("city_approver")
    assert services.remove_title(**taken, tier="city", actor=official)
    assert not services.remove_title(**taken, tier="city", actor=official)
    (event,) = selectors.events_of(world.org)
    assert (event.kind, event.tier, event.on) == ("removed_from_list", "city", date(2025, 6, 1))
    assert event.ref.startswith("t")
    renewed = services.grant_title(
        site=world.site,
        category="factory",
        tier="city",
        listing="新一批",
        on=date(2025, 8, 1),
        source="示例",
        actor=official,
        at=now,
    )
    assert not renewed.removed


@pytest.mark.parametrize("sign", ["\ufe00", "\U000e0100", "\u034f", "\u180b", "\u3164", "\u115f", "\uffa0", "\u2800"])
def test_letters_drawn_as_nothing_are_no_part_of_a_name(world: World, now, sign: str) -> None:
    assert rules.clean_name(f"示例{sign}铸造厂") == "示例铸造厂"
    given = {"code": "", "area": world.areas["130302"], "actor": world.actor("county_handler"), "at": now}
    assert services.find_or_create_unclaimed(name=f"示例{sign}铸造厂", **given).name == "示例铸造厂"
    with pytest.raises(Invalid):
        services.find_or_create_unclaimed(name=sign, **given)

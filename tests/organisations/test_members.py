"""Colleagues: invited, joined once, ended at once."""

from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core import mail

from greenlist.core import deadlines
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, TooMany, WrongState
from greenlist.core.models import Notification
from greenlist.organisations import selectors, services
from greenlist.organisations.models import Invitation, Membership
from tests import factories
from tests.api import keys
from tests.world import World


def invite(world: World, now, email: str = "neu@example.com", role: str = "staff", character: str = "applicant"):
    return services.invite(organisation_id=world.org.pk, email=email, role=role, actor=world.actor(character), at=now)


def mailed_token() -> str:
    address = next(word for word in mail.outbox[-1].body.split() if "/invitation/" in word)
    return address.rstrip("/").split("/")[-1]


def test_a_colleague_joins_by_the_link_of_a_mail(world: World, now) -> None:
    invitation = invite(world, now)
    assert services.send_due_invitations(at=now) == 1
    assert services.send_due_invitations(at=now) == 0
    assert mail.outbox[0].to == ["neu@example.com"]
    assert world.org.name in mail.outbox[0].body
    token = mailed_token()
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values())  # the row does not hold the secret
    joined = services.accept_invitation(token=token, actor=world.actor("stranger"), at=now)
    assert (joined.organisation, joined.role) == (world.org, "staff")
    held = selectors.capacities(world.user("stranger"), now.date())
    assert [(one.key, one.is_owner) for one in held] == [(f"o{world.org.pk}", False)]
    assert Notification.objects.filter(kind="member.joined", recipient=world.user("applicant")).exists()
    with pytest.raises(services.InvitationOver):
        services.accept_invitation(token=token, actor=world.actor("rival"), at=now)


@pytest.mark.authz
def test_whose_claim_was_refused_has_let_nobody_in_behind_himself(world: World, now) -> None:
    """Otherwise a second account of the impostor would join, as an owner, the firm that claims its code afterwards."""
    given = {
        "code": factories.credit_code(4712),
        "name": "新示例有限公司",
        "kind": "firm",
        "area": world.areas["130302"],
    }
    production = {"production_area": world.areas["130302"], "production_address": "示例路1号"}

    def claim(character: str, at) -> Actor:
        services.register(**given, **production, actor=world.actor(character), at=at)
        return selectors.capacities(world.user(character), at.date())[-1]  # after their mandates

    impostor, county = claim("stranger", now), world.actor("county_approver")
    made = services.invite(
        organisation_id=impostor.organisation_id, email="second@example.com", role="owner", actor=impostor, at=now
    )
    token = services.members.token_of(made)
    assert services.invitation_of(token, at=now).email == "second@example.com"
    services.refuse_claim(organisation_id=made.organisation_id, reason="不是该企业人员", actor=county, at=now)
    firm = claim("ecology", now + timedelta(hours=1))
    services.confirm_claim(organisation_id=firm.organisation_id, actor=county, at=now + timedelta(hours=2))
    for moment in (now, now + timedelta(hours=3)):
        with pytest.raises(services.InvitationOver):
            services.accept_invitation(token=token, actor=world.actor("expert3"), at=moment)
    assert Membership.objects.open().filter(organisation_id=firm.organisation_id).count() == 1


@pytest.mark.authz
def test_who_has_left_has_let_nobody_in_behind_himself(world: World, now) -> None:
    invite(world, now, "second@example.com", "owner")
    Membership.objects.filter(pk=world.memberships["colleague"].pk).update(role="owner")
    services.send_due_invitations(at=now)
    token = mailed_token()
    services.end_membership(
        organisation_id=world.org.pk,
        membership_id=world.memberships["applicant"].pk,
        actor=world.actor("applicant"),
        at=now,
    )
    with pytest.raises(services.InvitationOver):
        services.accept_invitation(token=token, actor=world.actor("stranger"), at=now)


def test_invitations_are_no_way_to_flood_a_mailbox(world: World, now, settings) -> None:
    settings.LIMITS = {**settings.LIMITS, "invite": {"account": "3/hour"}}
    for _number in range(3):
        invite(world, now, "victim@example.com")
    with pytest.raises(TooMany):
        invite(world, now, "victim@example.com")
    assert Invitation.objects.count() == 3


def test_nobody_claims_codes_by_the_hundred(world: World, now, settings) -> None:
    """Each claim keeps the code from its firm until the authority has looked at it."""
    settings.LIMITS = {**settings.LIMITS, "claim": {"account": "2/hour"}}
    area = world.areas["130302"]

    def claim(number: int) -> None:
        production = {"production_area": area, "production_address": "示例路1号"}
        code = factories.credit_code(4800 + number)
        services.register(
            code=code, name=f"企业{number}", kind="firm", area=area, **production, actor=world.actor("stranger"), at=now
        )

    claim(1), claim(2)
    with pytest.raises(TooMany):
        claim(3)


def test_links_run_out_and_a_newer_one_replaces_the_older(world: World, now) -> None:
    invite(world, now)
    services.send_due_invitations(at=now)
    first = mailed_token()
    later = now + timedelta(minutes=1)
    invite(world, later, "NEU@example.com")
    services.send_due_invitations(at=later)
    second = mailed_token()
    with pytest.raises(services.InvitationOver):
        services.invitation_of(first, at=later)
    assert services.invitation_of(second, at=later).organisation == world.org
    for token in (second, "nonsense"):
        with pytest.raises(services.InvitationOver):
            services.invitation_of(token, at=later + timedelta(days=8))


def test_a_member_who_accepts_again_loses_nothing(world: World, now) -> None:
    invite(world, now)
    services.send_due_invitations(at=now)
    token = mailed_token()
    with pytest.raises(Conflict):
        services.accept_invitation(token=token, actor=world.actor("colleague"), at=now)
    assert services.invitation_of(token, at=now)  # the link is still good for the right person


@pytest.mark.authz
def test_only_owners_invite_and_end(world: World, now) -> None:
    assert invite(world, now)
    membership = world.memberships["colleague"].pk
    for character, refusal in [
        ("colleague", NotAllowed),
        ("rival", NotVisible),
        ("county_approver", NotAllowed),
        ("expert", NotVisible),
    ]:
        with pytest.raises(refusal):
            invite(world, now, character=character)
    for character, refusal in [("rival", NotVisible), ("county_approver", NotAllowed)]:
        with pytest.raises(refusal):
            services.end_membership(
                organisation_id=world.org.pk, membership_id=membership, actor=world.actor(character), at=now
            )
    with pytest.raises(NotVisible):  # a membership of another firm under one's own address
        services.end_membership(
            organisation_id=world.org.pk,
            membership_id=world.memberships["rival"].pk,
            actor=world.actor("applicant"),
            at=now,
        )


def test_ending_takes_the_capacity_with_the_next_request(world: World, now) -> None:
    client = world.client("colleague")
    assert client.get("/").wsgi_request.actor.organisation_id == world.org.pk
    services.end_membership(
        organisation_id=world.org.pk,
        membership_id=world.memberships["colleague"].pk,
        actor=world.actor("applicant"),
        at=now,
    )
    assert client.get("/").wsgi_request.actor.organisation_id is None
    with pytest.raises(WrongState):
        services.end_membership(
            organisation_id=world.org.pk,
            membership_id=world.memberships["colleague"].pk,
            actor=world.actor("applicant"),
            at=now,
        )


def test_the_last_owner_stays(world: World, now) -> None:
    mine = {"organisation_id": world.org.pk, "membership_id": world.memberships["applicant"].pk}
    with pytest.raises(WrongState):
        services.end_membership(**mine, actor=world.actor("applicant"), at=now)
    invite(world, now, role="owner")
    services.send_due_invitations(at=now)
    services.accept_invitation(token=mailed_token(), actor=world.actor("stranger"), at=now)
    assert services.end_membership(**mine, actor=world.actor("applicant"), at=now).valid_until == now.date()


def test_not_too_many_invitations_wait(world: World, now) -> None:
    for number in range(20):
        invite(world, now, f"n{number}@example.com")
    with pytest.raises(Invalid):
        invite(world, now, "one.more@example.com")
    assert invite(world, now + timedelta(seconds=1), "n3@example.com")


@pytest.mark.race
@pytest.mark.case("WF-03")
def test_one_link_is_spent_once_however_often_it_is_clicked(race_world: World, now, run_threads, rounds: int) -> None:
    world, characters = race_world, ("stranger", "rival", "stranger", "hlj_applicant")
    for number in range(min(rounds, 25)):
        Membership.objects.filter(organisation=world.org, user__username__in=characters).delete()
        at = now + timedelta(seconds=number)
        token = services.members.token_of(invite(world, at, f"r{number}@example.com"))
        Invitation.objects.filter(sent_at=None).update(sent_at=at)

        def accept(index: int, token: str = token, at=at) -> Membership:
            return services.accept_invitation(token=token, actor=world.actor(characters[index]), at=at)

        outcomes = run_threads(4, accept)
        won = [one for one in outcomes if isinstance(one, Membership)]
        assert len(won) == 1, outcomes
        assert all(isinstance(one, services.InvitationOver | Conflict) for one in outcomes if one not in won), outcomes
        Invitation.objects.filter(used_at=None).update(used_at=at)


# ---- agents -----------------------------------------------------------------------------------------------------------
LAST = date(2026, 5, 6)
BEFORE = datetime.fromisoformat("2026-05-06T23:59:59+08:00")
AFTER = datetime.fromisoformat("2026-05-07T00:00:00+08:00")
EARLY = datetime.fromisoformat("2026-04-01T09:00:00+08:00")


def agent(world: World, ends_on: date = LAST, at: datetime = EARLY, who: str = "stranger") -> Membership:
    """Asked in by an owner, joined by the link."""
    asked = services.invite(
        organisation_id=world.org.pk, email="agent@example.com", role="agent", ends_on=ends_on,
        actor=world.actor("applicant"), at=at,
    )  # fmt: skip
    return services.accept_invitation(token=services.members.token_of(asked), actor=world.actor(who), at=at)


def prolong(world: World, row: Membership, ends_on: date, at: datetime = EARLY, who: str = "applicant") -> Membership:
    return services.prolong_agent(
        organisation_id=world.org.pk, membership_id=row.pk, ends_on=ends_on, actor=world.actor(who), at=at
    )


def keys_of(world: World, who: str, at: datetime) -> list[str]:
    return [one.key for one in selectors.capacities(world.user(who), china_date(at))]


@pytest.mark.authz
def test_an_agent_works_up_to_and_including_the_last_day_in_china(world: World) -> None:
    row = agent(world)
    assert (row.role, row.ends_on) == ("agent", LAST)
    own = f"o{world.org.pk}"
    assert keys_of(world, "stranger", BEFORE) == [own]
    assert keys_of(world, "stranger", AFTER) == []
    assert own in keys_of(world, "applicant", AFTER) and own in keys_of(world, "colleague", AFTER)
    assert selectors.acting(row.user_id, own, china_date(BEFORE)).organisation_id == world.org.pk
    with pytest.raises(NotVisible):
        selectors.acting(row.user_id, own, china_date(AFTER))


@pytest.mark.authz
def test_open_sessions_and_tokens_are_of_no_use_afterwards(world: World) -> None:
    agent(world)
    with time_machine.travel(BEFORE, tick=False):
        client = world.client("stranger")
        token, secret = keys.token_for(world, "stranger", ["read"])
        token.capacity = f"o{world.org.pk}"
        token.save(update_fields=["capacity"])
        program = keys.Program(secret)
        assert client.get("/organisation/").status_code == 200
        assert world.org.name in client.get("/organisation/").content.decode()
        assert program.get("cases/").status_code == 200
    with time_machine.travel(AFTER, tick=False):
        page = client.get("/organisation/", follow=True)
        assert world.org.name not in page.content.decode()
        assert program.get("cases/").status_code in (401, 403)


def test_only_an_owner_asks_an_agent_in_and_prolongs(world: World) -> None:
    row = agent(world)
    for who, refusal in (("colleague", NotAllowed), ("stranger", NotVisible), ("rival", NotVisible)):
        with pytest.raises(refusal):
            prolong(world, row, date(2026, 6, 30), who=who)
    with pytest.raises(NotAllowed):
        services.invite(
            organisation_id=world.org.pk, email="a@example.com", role="agent", ends_on=LAST,
            actor=world.actor("colleague"), at=EARLY,
        )  # fmt: skip
    assert prolong(world, row, date(2026, 6, 30)).ends_on == date(2026, 6, 30)
    assert keys_of(world, "stranger", AFTER)
    assert Notification.objects.filter(kind="member.prolonged", recipient=world.user("stranger")).exists()


@pytest.mark.parametrize("day", [None, date(2026, 3, 31), date(2028, 1, 1)])
def test_an_agent_has_an_end_within_a_year(world: World, day: date | None) -> None:
    with pytest.raises(Invalid):
        services.invite(
            organisation_id=world.org.pk, email="a@example.com", role="agent", ends_on=day,
            actor=world.actor("applicant"), at=EARLY,
        )  # fmt: skip


def test_both_are_told_before_and_after_and_the_row_is_ended_once(world: World) -> None:
    row = agent(world)

    def told(kind: str) -> set[int]:
        return set(Notification.objects.filter(kind=kind).values_list("recipient_id", flat=True))

    both = {world.user("stranger").pk, world.user("applicant").pk}
    assert deadlines.remind(at=datetime.fromisoformat("2026-04-28T09:00:00+08:00")) == 0
    assert told("member.ending") == set()
    for moment in ("2026-04-29T09:00:00+08:00", "2026-04-30T09:00:00+08:00"):
        deadlines.remind(at=datetime.fromisoformat(moment))
    assert told("member.ending") == both
    assert Notification.objects.filter(kind="member.ending").values("period").distinct().count() == 1
    deadlines.remind(at=datetime.fromisoformat("2026-05-05T09:00:00+08:00"))
    assert Notification.objects.filter(kind="member.ending").values("period").distinct().count() == 2
    assert services.end_agents(at=BEFORE) == 0
    assert services.end_agents(at=AFTER) == 1
    assert services.end_agents(at=AFTER) == 0
    assert told("member.lapsed") == both
    row.refresh_from_db()
    assert row.valid_until == LAST
    assert Membership.objects.open().filter(organisation=world.org).count() == 2, "the own people stay"


def test_an_agent_whose_days_are_over_comes_back_by_prolonging_or_a_new_invitation(world: World) -> None:
    row = agent(world)
    services.end_agents(at=AFTER)
    prolong(world, row, date(2026, 5, 31), at=AFTER)
    assert keys_of(world, "stranger", AFTER)
    june = datetime.fromisoformat("2026-06-01T09:00:00+08:00")
    assert keys_of(world, "stranger", june) == []
    assert agent(world, date(2026, 7, 1), june).pk != row.pk  # before the job ended the old row
    assert keys_of(world, "stranger", june)
    with pytest.raises(Conflict):
        prolong(world, row, date(2026, 8, 1), at=june)


def test_a_colleague_and_who_was_ended_by_hand_are_not_prolonged(world: World) -> None:
    row = agent(world)
    services.end_membership(
        organisation_id=world.org.pk, membership_id=row.pk, actor=world.actor("applicant"), at=EARLY
    )
    for one in (row, world.memberships["colleague"]):
        with pytest.raises(WrongState):
            prolong(world, one, LAST)


def test_the_page_asks_in_and_prolongs(world: World) -> None:
    with time_machine.travel(EARLY, tick=False):
        client = world.client("applicant")
        sent = {"email": "agent@example.com", "role": "agent"}
        assert client.post("/organisation/members/", sent).status_code == 422
        assert client.post("/organisation/members/", {**sent, "ends_on": "2026-05-06"}).status_code == 302
        row = agent(world)
        assert "2026-05-06" in client.get("/organisation/members/").content.decode()
        address = f"/organisation/members/{row.pk}/until/"
        assert client.post(address, {"ends_on": "2026-06-30"}).status_code == 302
        row.refresh_from_db()
        assert row.ends_on == date(2026, 6, 30)
        client.post(address, {"ends_on": "2020-01-01"})
        row.refresh_from_db()
        assert row.ends_on == date(2026, 6, 30)

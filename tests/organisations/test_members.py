"""Colleagues: invited, joined once, ended at once."""

from datetime import timedelta

import pytest
from django.core import mail

from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.organisations import selectors, services
from greenlist.organisations.models import Invitation, Membership
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

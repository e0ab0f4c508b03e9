"""Reads about organisations and about what a person may act as."""

from datetime import date

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import User
from greenlist.core.actors import Actor, Capacity
from greenlist.organisations.models import Membership


def capacities(user: User, on: date) -> tuple[Actor, ...]:
    """Everything a person may act as that day, mandates first, in a stable order; two queries.

    Keys are stable: "m12" is mandate 12, "o7" membership of organisation 7.
    """
    held = [accounts.actor_of(mandate) for mandate in accounts.mandates_of(user.pk, on)]
    memberships = Membership.objects.open().filter(user=user, user__is_active=True).select_related("organisation")
    return (*held, *(member_actor(user, membership) for membership in memberships.order_by("pk")))


def member_actor(user: User, membership: Membership) -> Actor:
    """The capacity that a membership gives; expects `organisation` loaded."""
    return Actor(
        capacity=Capacity.APPLICANT,
        key=f"o{membership.organisation_id}",
        user_id=user.pk,
        name=user.name,
        organisation_id=membership.organisation_id,
        organisation_name=membership.organisation.name,
        is_owner=membership.role == Membership.Role.OWNER,
    )

"""Last days of people's work: when an agent's ends (core.deadlines). Who is told after it: `members.end_agents`."""

from collections.abc import Iterator
from datetime import date

from django.urls import reverse

from greenlist.core import deadlines
from greenlist.core.actors import Actor
from greenlist.core.deadlines import Deadline
from greenlist.organisations.models import Membership

TELL_BEFORE = (7, 1)  # days; no document says it


@deadlines.source("organisations.agents")
def agents(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Agents whose last day comes, told to them and to the owners, who can prolong it."""
    rows = Membership.objects.open().filter(role=Membership.Role.AGENT, ends_on__gte=today)
    if actor is not None:
        if actor.organisation_id is None:
            return
        rows = rows.filter(organisation_id=actor.organisation_id)

    def owners(row: Membership) -> list[int | None]:
        if actor is not None:
            return [actor.user_id] if actor.is_owner else []
        held = Membership.objects.open().filter(organisation=row.organisation_id, role=Membership.Role.OWNER)
        return list(held.order_by("pk").values_list("user_id", flat=True))

    def of_agent(row: Membership) -> Iterator[Deadline]:
        assert row.ends_on is not None
        yield Deadline(
            key=f"member.ending:{row.pk}",
            what=f"{row.organisation.name} · {row.user.name}",
            last_day=row.ends_on,
            since=row.valid_from,
            ladder=TELL_BEFORE,
            people=tuple(one for one in dict.fromkeys([row.user_id, *owners(row)]) if one),
            link=reverse("organisations:members"),
            holder=deadlines.firm(row.organisation_id),
            kind="member.ending",
            params={"name": row.user.name, "organisation": row.organisation.name},
        )

    yield from deadlines.each(rows.select_related("user", "organisation").order_by("pk"), of_agent)

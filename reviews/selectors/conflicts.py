"""Which experts must keep away from which applications, as far as the portal can know (avoidance, AZ-08)."""

from collections.abc import Collection, Iterable, Mapping

from applications.models import Application, TimelineEntry
from greenlist.core.actors import OFFICIALS, Actor
from greenlist.organisations.models import Membership, Name
from reviews.models import Sheet
from reviews.states import ConflictKind

Pair = tuple[int, int]  # (person, application)
OFFICIAL_CAPACITIES = tuple(capacity.value for capacity in OFFICIALS)


def found(experts: Mapping[int, str], applications: Collection[Application]) -> dict[Pair, ConflictKind]:
    """The conflicts of these people (id → employer) with these applications; three queries whatever the number."""
    members = _members(experts, applications)
    acted = _acted(experts, applications)
    names = _names(applications)
    conflicts: dict[Pair, ConflictKind] = {}
    for case in applications:
        for person, employer in experts.items():
            pair = (person, case.pk)
            if employer.strip() and _plain(employer) in names[case.organisation_id]:
                conflicts[pair] = ConflictKind.EMPLOYER
            elif (person, case.organisation_id) in members:
                conflicts[pair] = ConflictKind.MEMBER
            elif pair in acted:
                conflicts[pair] = ConflictKind.ACTED
    return conflicts


def took_part(actor: Actor, applications: Collection[int]) -> set[int]:
    """Ids of the applications that this person must not decide on here (AZ-14).

    Who acted on a case for another authority, judged it as an expert, or declared a conflict with it.
    """
    elsewhere = TimelineEntry.objects.filter(
        application_id__in=applications, user_id=actor.user_id, capacity__in=OFFICIAL_CAPACITIES
    ).exclude(authority=actor.authority_name)
    sheets = Sheet.objects.filter(item__application_id__in=applications, seat__user_id=actor.user_id)
    judged = sheets.exclude(locked_at=None, conflict="")
    return set(elsewhere.values_list("application_id", flat=True)) | set(
        judged.values_list("item__application_id", flat=True)
    )


def _plain(name: str) -> str:
    """Names compare without spaces and with half-width brackets: 示例（集团）有限公司 = 示例(集团)有限公司."""
    return "".join(name.split()).replace("（", "(").replace("）", ")").casefold()


def _names(applications: Iterable[Application]) -> dict[int, set[str]]:
    """Per organisation: its names on the applications, and every name it has or had."""
    names: dict[int, set[str]] = {}
    for case in applications:
        names.setdefault(case.organisation_id, set()).add(_plain(case.name))
    for name in Name.objects.filter(organisation_id__in=list(names)):
        names[name.organisation_id].add(_plain(name.text))
    return names


def _members(experts: Iterable[int], applications: Iterable[Application]) -> set[Pair]:
    """(person, organisation) of everybody who is or was a member."""
    rows = Membership.objects.filter(
        user_id__in=list(experts), organisation_id__in={case.organisation_id for case in applications}
    )
    return set(rows.values_list("user_id", "organisation_id"))


def _acted(experts: Iterable[int], applications: Iterable[Application]) -> set[Pair]:
    """(person, application) of everybody who acted on the case as an official."""
    rows = TimelineEntry.objects.filter(
        user_id__in=list(experts),
        application_id__in=[case.pk for case in applications],
        capacity__in=OFFICIAL_CAPACITIES,
    )
    return set(rows.values_list("user_id", "application_id"))

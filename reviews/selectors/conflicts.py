"""Which experts must keep away from which applications, as far as the portal can know (avoidance, AZ-08)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from applications.models import Application, TimelineEntry
from applications.selectors import projects
from greenlist.core.actors import OFFICIALS, Actor
from greenlist.organisations.models import Membership, Name
from greenlist.policy.engine import years_before
from greenlist.policy.engine.types import ReviewRule
from reviews.models import Expert, Sheet
from reviews.states import ConflictKind

Pair = tuple[int, int]  # (person, application)
OFFICIAL_CAPACITIES = tuple(capacity.value for capacity in OFFICIALS)


@dataclass(frozen=True, slots=True)
class Past:
    """What the pool says about somebody: past and present employers with their last day, and the path of the place."""

    employers: tuple[tuple[str, date | None], ...] = ()
    area_path: str = ""


def found(
    experts: Mapping[int, str],
    applications: Collection[Application],
    *,
    rule: ReviewRule | None = None,
    on: date | None = None,
) -> dict[Pair, ConflictKind]:
    """The conflicts of these people (id → employer) with these applications; a fixed number of queries.

    `rule`: how long a former employer bars and whether the place does; without a day every former employer bars.
    """
    rule = rule or ReviewRule()
    members, acted = _members(experts, applications), _acted(experts, applications)
    wrote, earlier, pasts = _wrote(experts, applications), _earlier(experts, applications), _pasts(experts)
    known = _Cases(applications, _names(applications), wrote)
    conflicts: dict[Pair, ConflictKind] = {}
    for person, employer in experts.items():
        past = pasts.get(person, Past())
        now, before = _employers(employer, past, rule.former_years, on)
        kinds = (  # the first that holds is told
            (ConflictKind.EMPLOYER, known.named(now)),
            (ConflictKind.MEMBER, known.of_firms(members.get(person, ()))),
            (ConflictKind.ACTED, acted.get(person, ())),
            (ConflictKind.BODY, {*known.written_by_named(now), *known.written_by(wrote.members.get(person, ()))}),
            (ConflictKind.FORMER, known.named(before)),
            (ConflictKind.EARLIER, known.of_firms(earlier.get(person, ()))),
            (ConflictKind.AREA, known.in_place(past.area_path) if rule.same_area else ()),
        )
        for kind, cases in kinds:
            for case in cases:
                conflicts.setdefault((person, case), kind)
    return conflicts


class _Cases:
    """The cases by what a conflict may look at: hundreds of experts are compared with a whole round, so never pair by pair."""

    def __init__(self, applications: Collection[Application], names: Mapping[int, set[str]], wrote: "Wrote") -> None:
        self.by_name: dict[str, set[int]] = {}
        self.by_firm: dict[int, set[int]] = {}
        self.by_body: dict[int, set[int]] = {}
        self.by_body_name: dict[str, set[int]] = {}
        self.by_place: dict[tuple[str, str], set[int]] = {}
        for case in applications:
            self.by_firm.setdefault(case.organisation_id, set()).add(case.pk)
            for name in names[case.organisation_id]:
                self.by_name.setdefault(name, set()).add(case.pk)
            for name in wrote.names[case.pk]:
                self.by_body_name.setdefault(name, set()).add(case.pk)
            if case.pk in wrote.bodies:
                self.by_body.setdefault(wrote.bodies[case.pk], set()).add(case.pk)
            place = (case.call.owner.area.path, case.site.area.path)
            self.by_place.setdefault(place, set()).add(case.pk)
        self._in_place: dict[str, set[int]] = {}

    def named(self, names: Iterable[str]) -> set[int]:
        return _all(self.by_name, names)

    def of_firms(self, firms: Iterable[int]) -> set[int]:
        return _all(self.by_firm, firms)

    def written_by(self, bodies: Iterable[int]) -> set[int]:
        return _all(self.by_body, bodies)

    def written_by_named(self, names: Iterable[str]) -> set[int]:
        return _all(self.by_body_name, names)

    def in_place(self, path: str) -> set[int]:
        """Below the place whose list it is: who is from the province itself is from nowhere in particular."""
        if path not in self._in_place:
            wanted = [key for key in self.by_place if len(path) > len(key[0]) and key[1].startswith(path)]
            self._in_place[path] = _all(self.by_place, wanted)
        return self._in_place[path]


def _all(known: Mapping[Any, set[int]], keys: Iterable[Any]) -> set[int]:
    return set().union(*(known.get(key, ()) for key in keys))


def _employers(employer: str, past: Past, years: int | None, on: date | None) -> tuple[frozenset[str], frozenset[str]]:
    """Plain names of present and of former employers that still bar."""
    now, before = {plain(employer)} - {""}, set()
    for name, until in past.employers:
        if until is None or (on is not None and until >= on):
            now.add(plain(name))
        elif years is None or on is None or until >= years_before(on, years):
            before.add(plain(name))
    return frozenset(now), frozenset(before)


def _pasts(experts: Iterable[int]) -> dict[int, Past]:
    rows = Expert.objects.filter(user_id__in=list(experts)).select_related("area").prefetch_related("employments")
    return {
        row.user_id: Past(
            tuple((one.employer, one.until) for one in row.employments.all()), row.area.path if row.area else ""
        )
        for row in rows
    }


def _earlier(experts: Iterable[int], applications: Collection[Application]) -> dict[int, set[int]]:
    """Person → organisations of every conflict declared on an earlier panel."""
    rows = Sheet.objects.filter(
        seat__user_id__in=list(experts),
        conflict=ConflictKind.DECLARED,
        item__application__organisation_id__in={case.organisation_id for case in applications},
    ).exclude(item__application_id__in=[case.pk for case in applications])
    return _grouped(rows.values_list("seat__user_id", "item__application__organisation_id"))


def _grouped(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for person, other in pairs:
        found.setdefault(person, set()).add(other)
    return found


@dataclass(frozen=True, slots=True)
class Wrote:
    """The bodies that wrote the reports: per case its id and names, and who of the experts belongs to which."""

    bodies: Mapping[int, int]
    names: Mapping[int, set[str]]
    members: Mapping[int, set[int]]  # person → bodies


def _wrote(experts: Iterable[int], applications: Collection[Application]) -> Wrote:
    bodies = projects.body_ids_of(case.pk for case in applications)
    known: dict[int, set[str]] = {}
    members: dict[int, set[int]] = {}
    if bodies:
        for name in Name.objects.filter(organisation_id__in=set(bodies.values())):
            known.setdefault(name.organisation_id, set()).add(plain(name.text))
        rows = Membership.objects.filter(user_id__in=list(experts), organisation_id__in=set(bodies.values()))
        members = _grouped(rows.values_list("user_id", "organisation_id"))
    names = {case.pk: known.get(bodies.get(case.pk, 0), set()) for case in applications}
    return Wrote(bodies, names, members)


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


def plain(name: str) -> str:
    """Names compare without spaces and with half-width brackets: 示例（集团）有限公司 = 示例(集团)有限公司."""
    return "".join(name.split()).replace("（", "(").replace("）", ")").casefold()


def _names(applications: Iterable[Application]) -> dict[int, set[str]]:
    """Per organisation: its names on the applications, and every name it has or had."""
    names: dict[int, set[str]] = {}
    for case in applications:
        names.setdefault(case.organisation_id, set()).add(plain(case.name))
    for name in Name.objects.filter(organisation_id__in=list(names)):
        names[name.organisation_id].add(plain(name.text))
    return names


def _members(experts: Iterable[int], applications: Iterable[Application]) -> dict[int, set[int]]:
    """Person → organisations that he or she is or was a member of."""
    rows = Membership.objects.filter(
        user_id__in=list(experts), organisation_id__in={case.organisation_id for case in applications}
    )
    return _grouped(rows.values_list("user_id", "organisation_id"))


def _acted(experts: Iterable[int], applications: Iterable[Application]) -> dict[int, set[int]]:
    """Person → applications that he or she acted on as an official."""
    rows = TimelineEntry.objects.filter(
        user_id__in=list(experts),
        application_id__in=[case.pk for case in applications],
        capacity__in=OFFICIAL_CAPACITIES,
    )
    return _grouped(rows.values_list("user_id", "application_id"))

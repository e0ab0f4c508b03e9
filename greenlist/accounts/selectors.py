"""Reads about places, offices and people: which authority is in charge, who is to be told."""

from collections.abc import Iterable
from datetime import date

from django.db.models import QuerySet

from greenlist.accounts.models import Area, Authority, Mandate, User
from greenlist.core.actors import Actor, Capacity, Tier

HIGHEST_FIRST = {tier.value: -tier.rank for tier in Tier}


def lineage(path: str) -> list[str]:
    """The path itself and every path above it, nearest first: "/a/b/" → ["/a/b/", "/a/"]."""
    steps = path.strip("/").split("/")
    return ["/" + "/".join(steps[:depth]) + "/" for depth in range(len(steps), 0, -1)]


def industry_authority(area: Area, tier: str) -> Authority | None:
    """The industry authority of this tier in charge of the area: the nearest at or above it in the reporting tree.

    None where the place has no such step: 定州 and 雄安 act as cities and have no county authority (HEB-0, QHD-7).
    """
    paths = lineage(area.path)
    found = Authority.objects.filter(kind=Authority.Kind.INDUSTRY, tier=tier, area__path__in=paths).select_related(
        "area"
    )
    return min(found, key=lambda authority: paths.index(authority.area.path), default=None)


def superior(authority: Authority) -> Authority | None:
    """The industry authority this one reports to: the next higher tier there is at or above its area; None at the top."""
    rank = Tier(authority.tier).rank
    higher = [tier.value for tier in Tier if tier.rank > rank]
    paths = lineage(authority.area.path)
    found = Authority.objects.filter(kind=Authority.Kind.INDUSTRY, tier__in=higher, area__path__in=paths)
    found = found.select_related("area")
    return min(found, key=lambda one: (Tier(one.tier).rank, paths.index(one.area.path)), default=None)


def authorities(*, path: str = "", tier: str = "", kind: str = Authority.Kind.INDUSTRY) -> QuerySet[Authority]:
    """Authorities whose area lies at or under the path, of one tier and kind; empty words mean any."""
    found = Authority.objects.select_related("area").order_by("area__path", "tier", "pk")
    if path:
        found = found.filter(area__path__startswith=path)
    if tier:
        found = found.filter(tier=tier)
    return found.filter(kind=kind) if kind else found


def areas_below(area: Area) -> QuerySet[Area]:
    """Areas with an industry authority of their own inside this one."""
    below = Area.objects.filter(path__startswith=area.path, authorities__kind=Authority.Kind.INDUSTRY)
    return below.exclude(pk=area.pk).distinct().order_by("path")


def departments(area: Area, department: str) -> list[Authority]:
    """Offices of one department (ecology, emergency, market …) at or above the area, nearest first."""
    paths = lineage(area.path)
    found = Authority.objects.filter(kind=Authority.Kind.DEPARTMENT, department=department, area__path__in=paths)
    return sorted(found.select_related("area"), key=lambda one: paths.index(one.area.path))


def people_with(authority: Authority | int, roles: Iterable[str], on: date, list_kind: str = "") -> list[int]:
    """Ids of the people who hold one of the roles at an authority that day: who a message goes to.

    With `list_kind` also those limited to that list; people limited to another list are left out.
    """
    identity = authority if isinstance(authority, int) else authority.pk
    held = Mandate.objects.in_force(on).of_role(*roles).filter(authority_id=identity)
    if list_kind:
        held = held.filter(list_kind__in=["", list_kind])
    return list(held.order_by("user_id").values_list("user_id", flat=True).distinct())


def mandates_of(user_id: int, on: date) -> QuerySet[Mandate]:
    """What a person may act as that day, in a stable order; one query."""
    return Mandate.objects.in_force(on).filter(user_id=user_id).select_related("user", "authority__area").order_by("pk")


def actor_of(mandate: Mandate) -> Actor:
    """The capacity that a mandate gives; expects `user` and `authority.area` loaded."""
    authority = mandate.authority
    return Actor(
        capacity=Capacity(mandate.role),
        key=f"m{mandate.pk}",
        user_id=mandate.user_id,
        name=mandate.user.name,
        authority_id=mandate.authority_id,
        authority_name=authority.name if authority else "",
        tier=Tier(authority.tier) if authority else None,
        area_path=authority.area.path if authority else "",
        list_kind=mandate.list_kind,
    )


def experts(on: date, field: str = "") -> QuerySet[Mandate]:
    """Expert mandates in force, by name."""
    found = Mandate.objects.in_force(on).of_role(Mandate.Role.EXPERT).select_related("user", "authority__area")
    return (found.filter(field__icontains=field) if field else found).order_by("user__name", "pk")


def find_areas(words: str, limit: int = 20) -> list[Area]:
    """Areas by code or by a part of the full name (河北省秦皇岛市海港区); shortest names first."""
    words = "".join(words.split())
    if not words:
        return []
    if words.isdigit():
        return list(Area.objects.filter(code__startswith=words).order_by("path")[:limit])
    found = Area.objects.filter(full_name__icontains=words).order_by("path")[: limit * 10]
    return sorted(found, key=lambda area: (not area.name.startswith(words), len(area.full_name), area.path))[:limit]


def exact_areas(words: str) -> list[Area]:
    """Areas whose code, full name or own name is exactly this; several counties may share a name (桥西区)."""
    words = "".join(words.split())
    if not words:
        return []
    for exact in ({"code": words}, {"full_name": words}, {"name": words}):
        found = list(Area.objects.filter(**exact).order_by("path")[:10])
        if found:
            return found
    return []


def user_named(username: str) -> User | None:
    return User.objects.filter(username=username, is_active=True).first()

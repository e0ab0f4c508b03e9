"""Reads about places, offices and people: which authority is in charge, who is to be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import (
    ApiToken,
    Area,
    Authority,
    CalendarFeed,
    Mandate,
    RecoveryCode,
    SecondFactor,
    SignIn,
    User,
)
from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.deeds import ACTIONS
from greenlist.core.errors import Text
from greenlist.core.models import AuditEntry

HIGHEST_FIRST = {tier.value: -tier.rank for tier in Tier}


def lineage(path: str) -> list[str]:
    """The path itself and every path above it, nearest first: "/a/b/" → ["/a/b/", "/a/"]."""
    steps = path.strip("/").split("/")
    return ["/" + "/".join(steps[:depth]) + "/" for depth in range(len(steps), 0, -1)]


def industry_authority(area: Area, tier: str) -> Authority | None:
    """The industry authority of this tier in charge of the area: the nearest at or above it in the reporting tree.

    None where the place has no such step: 定州 and 雄安 act as cities and have no county authority (HEB-0, QHD-7). The
    ministry is in charge of every area, wherever it stands in the tree.
    """
    if tier == Tier.NATION:
        ministry = Authority.objects.filter(kind=Authority.Kind.INDUSTRY, tier=tier).select_related("area")
        return ministry.order_by("pk").first()
    return authority_over(area.path, tier)


def authority_over(path: str, tier: str) -> Authority | None:
    """The industry authority of this tier nearest at or above a place."""
    paths = lineage(path)
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


AUTHORITY = ("authority_id", "authority__name", "authority__tier", "authority__area__path")


def mandates_of(user_id: int, on: date) -> QuerySet[Mandate]:
    """What a person may act as that day, in a stable order; one query."""
    return Mandate.objects.in_force(on).filter(user_id=user_id).select_related("user", "authority__area").order_by("pk")


def actor_of(mandate: Mandate) -> Actor:
    """The capacity that a mandate gives; expects `user` and `authority.area` loaded."""
    authority = mandate.authority
    where = (authority.pk, authority.name, authority.tier, authority.area.path) if authority else (None, "", "", "")
    return mandate_actor(mandate.user, mandate.pk, mandate.role, mandate.list_kind, *where)


def mandate_actor(
    user: User,
    mandate_id: int,
    role: str,
    list_kind: str,
    authority_id: int | None,
    authority_name: str | None,
    tier: str | None,
    area_path: str | None,
) -> Actor:
    """The same from single values; the last four are those of `AUTHORITY`."""
    return Actor(
        capacity=Capacity(role),
        key=f"m{mandate_id}",
        user_id=user.pk,
        name=user.name,
        authority_id=authority_id,
        authority_name=authority_name or "",
        tier=Tier(tier) if tier else None,
        area_path=area_path or "",
        list_kind=list_kind,
    )


def experts(on: date, field: str = "") -> QuerySet[Mandate]:
    """Expert mandates in force, by name."""
    found = Mandate.objects.in_force(on).of_role(Mandate.Role.EXPERT).select_related("user", "authority__area")
    return (found.filter(field__icontains=field) if field else found).order_by("user__name", "pk")


def supervisors(authority: int, on: date) -> list[tuple[int, str]]:
    """(id, name) of everybody who supervises for an authority that day, by name."""
    found = Mandate.objects.in_force(on).of_role(Mandate.Role.SUPERVISOR).filter(authority_id=authority)
    return list(found.order_by("user__name", "user_id").values_list("user_id", "user__name").distinct())


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


def tokens_of(actor: Actor) -> QuerySet[ApiToken]:
    """A person's tokens in every capacity, newest first: those in force and the latest that are not."""
    return ApiToken.objects.filter(user_id=actor.user_id).order_by("-pk")[:50]


def feeds_of(actor: Actor) -> QuerySet[CalendarFeed]:
    """Calendar addresses of a person that still open something, in every capacity."""
    return CalendarFeed.objects.filter(user_id=actor.user_id, revoked_at=None).order_by("pk")[:50]


def active_user(user_id: int) -> User | None:
    return User.objects.filter(pk=user_id, is_active=True).first()


# ---- second factor and sign-ins --------------------------------------------------------------------------------------
def second_factor_of(user_id: int) -> SecondFactor | None:
    return SecondFactor.objects.filter(user_id=user_id).first()


def recovery_codes_left(user_id: int) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


@dataclass(frozen=True, slots=True)
class SignIns:
    """Where a person is signed in now, and the latest sign-ins that are over."""

    live: tuple[SignIn, ...]
    over: tuple[SignIn, ...]


def sign_ins_of(user_id: int, at: datetime, limit: int = 20) -> SignIns:
    """Newest first. One whose time is over counts as over, though no request has told it so yet."""
    rows = SignIn.objects.filter(user_id=user_id).order_by("-began_at", "-pk")
    youngest = at - timedelta(hours=settings.SESSION_HOURS)
    live = [row for row in rows.live().filter(began_at__gt=youngest)[:100] if _lives(row, at)]
    ids = {row.pk for row in live}
    over = [row for row in rows[: limit + len(ids)] if row.pk not in ids]
    return SignIns(tuple(live), tuple(over[:limit]))


def _lives(row: SignIn, at: datetime) -> bool:
    return at - row.seen_at < timedelta(minutes=row.idle_minutes + 1)


# ---- what the security administrator looks at ------------------------------------------------------------------------
AHEAD = timedelta(days=30)  # mandates that end within
SHOWN = 20  # rows of one kind; the administration has them all


@dataclass(frozen=True, slots=True)
class Some:
    """The first rows of one kind, and how many there are."""

    rows: tuple[Any, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Safety:
    """Accounts that somebody should look at; every kind bounded."""

    bare: Some  # mandates whose holder has set no second factor up
    ending: Some
    unused: Some  # given and never used: MLPS 8.1.4.2 wants idle accounts gone
    locked: Some  # wrong passwords from one address, at this moment
    blocked: Some  # wrong codes, at this moment
    tokens: int


def to_look_at(at: datetime) -> Safety:
    """Two queries for each kind."""
    today = clock.china_date(at)
    held = Mandate.objects.in_force(today).select_related("user", "authority").order_by("user__name", "pk")
    wrong = AccessAttempt.objects.filter(
        attempt_time__gt=at - timedelta(hours=settings.AXES_COOLOFF_TIME),
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
    )
    blocked = SecondFactor.objects.filter(blocked_until__gt=at).select_related("user")
    return Safety(
        bare=_some(held.filter(user__second_factor=None)) if settings.SECOND_FACTOR else Some((), 0),
        ending=_some(held.filter(valid_until__lte=today + AHEAD).order_by("valid_until", "pk")),
        unused=_some(held.filter(user__last_login=None)),
        locked=_some(wrong.order_by("-attempt_time")),
        blocked=_some(blocked.order_by("-blocked_until")),
        tokens=ApiToken.objects.filter(revoked_at=None, valid_until__gte=today).count(),
    )


def _some(rows: QuerySet[Any]) -> Some:
    return Some(tuple(rows[:SHOWN]), rows.count())


# ---- the audit trail -------------------------------------------------------------------------------------------------
KINDS: dict[str, Text] = {
    "user": _("person"),
    "area": _("area"),
    "authority": _("authority"),
    "organisation": _("organisation"),
    "call": _("call"),
    "case": _("case"),
    "batch": _("recommendation batch"),
    "panel": _("panel"),
    "decision": _("proposed list"),
    "notice": _("public notice"),
    "announcement": _("announcement"),
    "rules": _("rule set"),
    "title": _("listed unit"),
    "adverse": _("adverse record"),
    "cultivation": _("cultivation object"),
    "experience": _("typical experience"),
    "filing": _("cultivation filing"),
    "training": _("training"),
    "criteria": _("criteria set"),
    "calendar": _("calendar"),
    "system": _("system"),
    "listing": _("place on a list"),
    "tip": _("report from the public"),
    "inspection_plan": _("plan of inspections"),
}
# Of these the trail also shows what was done; of cases, panels and firms only that it was: no administrator reads a case.
TOLD = frozenset({"user", "area", "authority", "system", "calendar", "rules", "criteria"})
DETAILS: dict[str, Text] = {
    "agent": _("device"),
    "asked": _("looked for"),
    "authority": _("authority"),
    "email": _("e-mail"),
    "end": _("why it ended"),
    "fields": _("what was changed"),
    "from": _("valid from"),
    "list_kind": _("list, where limited to one"),
    "mandate": _("mandate"),
    "name": _("name"),
    "path": _("area"),
    "reason": _("reason"),
    "role": _("role"),
    "scopes": _("may"),
    "second_factor": _("with second factor"),
    "sign_ins": _("sessions"),
    "until": _("last day"),
    "username": _("user name"),
}


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One entry as the audit administrator sees it."""

    at: datetime
    who: str
    capacity: str
    action: str
    words: Text
    kind: Text
    number: str
    subject: str  # its name, where it is a person
    remote: str
    request_id: str
    details: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True, slots=True)
class TrailPage:
    lines: tuple[TrailLine, ...]
    older: int | None  # cursor of the next page


def trail_kinds() -> list[tuple[str, Text]]:
    return list(KINDS.items())


def trail_page(words: Mapping[str, str], *, cursor: int | None = None, limit: int = 50) -> TrailPage:
    """Entries by person (name or user name), action (its beginning), kind and number of the subject; newest first."""
    rows = AuditEntry.objects.select_related("payload").order_by("-pk")
    if person := words.get("person"):
        named = Q(name__icontains=person) | Q(username__iexact=person)
        ids = list(User.objects.filter(named).values_list("pk", flat=True)[:100])
        rows = rows.filter(Q(user_id__in=ids) | Q(subject_kind="user", subject_id__in=[str(pk) for pk in ids]))
    if action := words.get("action"):
        said = [code for code, text in ACTIONS.items() if action in str(text)]
        rows = rows.filter(Q(action__startswith=action) | Q(action__in=said))
    if kind := words.get("kind"):
        rows = rows.filter(subject_kind=kind)
    if number := words.get("number"):
        rows = rows.filter(subject_id=number)
    if cursor is not None:
        rows = rows.filter(pk__lt=cursor)
    found = list(rows[: limit + 1])
    older = found[limit - 1].pk if len(found) > limit else None
    names = _names(found)
    return TrailPage(tuple(_line(row, names) for row in found[:limit]), older)


def _names(rows: Iterable[AuditEntry]) -> dict[str, str]:
    """Of the people who acted or were acted upon, by their number."""
    ids = {row.user_id for row in rows if row.user_id}
    ids |= {int(row.subject_id) for row in rows if row.subject_kind == "user" and row.subject_id.isdecimal()}
    return {str(pk): name for pk, name in User.objects.filter(pk__in=ids).values_list("pk", "name")}


def _line(row: AuditEntry, names: Mapping[str, str]) -> TrailLine:
    payload = getattr(row, "payload", None)  # may have been erased
    data: dict[str, Any] = dict(payload.data) if payload else {}
    actor, remote = data.pop("actor", {}), str(data.pop("remote", ""))
    return TrailLine(
        at=row.at,
        who=actor.get("name") or names.get(str(row.user_id), "") or str(row.user_id or ""),
        capacity=row.capacity,
        action=row.action,
        words=ACTIONS.get(row.action, ""),
        kind=KINDS.get(row.subject_kind, row.subject_kind),
        number=row.subject_id,
        subject=names.get(row.subject_id, "") if row.subject_kind == "user" else "",
        remote=remote,
        request_id=row.request_id,
        details=_details(data) if row.subject_kind in TOLD else (),
    )


def _details(data: Mapping[str, Any]) -> tuple[tuple[Text, Text], ...]:
    """What an entry says, in words where there are some."""
    return tuple((DETAILS.get(name, name), _said(value)) for name, value in data.items() if value not in ("", None, {}))


def _said(value: Any) -> Text:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        value = [f"{name}: {one}" for name, one in value.items()]
    return ", ".join(map(str, value))[:200] if isinstance(value, list) else str(value)[:200]

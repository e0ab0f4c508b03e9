"""Offices, people and firms of the demonstration, from `fixtures/demo`. All persons and firms are invented."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password

from greenlist.accounts import selectors as accounts
from greenlist.accounts import services as account_services
from greenlist.accounts.models import Area, Authority, Mandate, User
from greenlist.core.actors import SYSTEM, Actor, Capacity
from greenlist.core.clock import CHINA
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as organisation_services
from greenlist.organisations.models import Industry, Organisation
from greenlist.organisations.services import Profile

FOLDER = Path(settings.ROOT) / "fixtures" / "demo"
PASSWORD = "green-demo-2026"  # noqa: S105 -- printed by ./dev demo; the demonstration settings are the only ones that seed it
SIZES = {"大型": "large", "中型": "medium", "小型": "small"}
# Area slug → (tier, name). Counties come from the firms' file.
OFFICES = {
    "130000": ("province", "河北省工业和信息化厅"),
    "130100": ("city", "石家庄市工业和信息化局"),
    "130300": ("city", "秦皇岛市工业和信息化局"),
    "130600": ("city", "保定市工业和信息化局"),
    "130682": ("city", "定州市工业和信息化局"),
    "130181": ("city", "辛集市工业和信息化局"),
    "230000": ("province", "黑龙江省工业和信息化厅"),
    "230100": ("city", "哈尔滨市工业和信息化局"),
    "440000": ("province", "广东省工业和信息化厅"),
    "445200": ("city", "揭阳市工业和信息化局"),
}
DEPARTMENTS = {  # asked for their opinion: area slug → (department, name of its office)
    "130300": (
        ("ecology", "秦皇岛市生态环境局"),
        ("emergency", "秦皇岛市应急管理局"),
        ("market", "秦皇岛市市场监督管理局"),
    ),
}
WAITING = 25  # this firm still waits for its confirmation, so that the county sees what that looks like
ACT_AS_CITY = {"130682", "130181"}
EXPERTS = (
    ("示例大学", "节能"),
    ("示例环境研究院", "环境"),
    ("示例能源协会", "能源"),
    ("示例质量研究所", "质量"),
    ("示例设计院", "工艺"),
)


@dataclass
class Cast:
    """Who plays in the demonstration."""

    at: datetime
    areas: dict[str, Area]
    offices: dict[str, Authority] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)  # by user name
    actors: dict[str, Actor] = field(default_factory=dict)  # by user name
    firms: list[Organisation] = field(default_factory=list)
    others: dict[str, Organisation] = field(default_factory=dict)  # parks, bodies, and who applies to the nation
    owners: dict[int, Actor] = field(default_factory=dict)  # by the organisation's id
    names: Iterator[str] = field(default_factory=lambda: iter(()))

    def owner(self, firm: Organisation) -> Actor:
        return self.owners[firm.pk]

    def official(self, slug: str, role: str) -> Actor:
        return self.actors[f"{slug}-{role}"]


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assemble(at: datetime) -> Cast:
    """Makes offices, people and firms as they stood at an instant some years ago."""
    cast = Cast(at=at, areas={area.slug: area for area in Area.objects.all()})
    cast.names = _endless([row["name"] for row in rows("people.csv")])
    _offices(cast)
    _experts(cast)
    _administrators(cast)
    _firms(cast)
    _departments(cast)
    return cast


def _endless(names: list[str]) -> Iterator[str]:
    while True:
        yield from names


@lru_cache(maxsize=1)
def _hash() -> str:
    """One hash for everybody: hashing is slow on purpose, and the password is printed anyway."""
    return make_password(PASSWORD)


def _person(cast: Cast, username: str, name: str = "", **fields: object) -> User:
    user = User(username=username, name=name or next(cast.names), email=f"{username}@example.com", **fields)
    user.password = _hash()
    user.save()
    cast.people[username] = user
    return user


def _hold(cast: Cast, user: User, role: str, office: Authority | None, **fields: str) -> None:
    given = Mandate(user=user, role=role, authority=office, valid_from=cast.at.date(), **fields)
    mandate = account_services.grant_mandate(mandate=given, actor=SYSTEM, at=cast.at)
    cast.actors[user.username] = accounts.actor_of(
        Mandate.objects.select_related("user", "authority__area").get(pk=mandate.pk)
    )


def _offices(cast: Cast) -> None:
    counties = sorted({row["county_code"] for row in rows("organisations.csv")} - ACT_AS_CITY)
    named = {slug: ("county", f"{cast.areas[slug].name}工业和信息化局") for slug in counties}
    for slug, (tier, name) in (OFFICES | named).items():
        office = Authority(area=cast.areas[slug], tier=tier, name=name, contact="示例联系人", telephone="0000-0000000")
        cast.offices[slug] = account_services.save_authority(authority=office, actor=SYSTEM, at=cast.at)
        for role in ("handler", "approver"):
            _hold(cast, _person(cast, f"{slug}-{role}"), role, cast.offices[slug])


def _experts(cast: Cast) -> None:
    for number, (employer, subject) in enumerate((*EXPERTS, *EXPERTS[:3]), start=1):
        user = _person(cast, f"230000-expert{number}")
        place = "省" if number > len(EXPERTS) else ""
        _hold(cast, user, "expert", cast.offices["230000"], employer=f"{place}{employer}", field=subject)
    for name in ("230000-supervisor", "230000-supervisor2"):
        _hold(cast, _person(cast, name), "supervisor", cast.offices["230000"])
    for slug in ("130300", "130100"):
        for number, (employer, subject) in enumerate(EXPERTS, start=1):
            user = _person(cast, f"{slug}-expert{number}")
            _hold(cast, user, "expert", cast.offices[slug], employer=employer, field=subject)
        _hold(cast, _person(cast, f"{slug}-supervisor"), "supervisor", cast.offices[slug])


def _departments(cast: Cast) -> None:
    """Other departments of a place, one officer each: 130300-ecology and so on."""
    for slug, offices in DEPARTMENTS.items():
        for department, name in offices:
            office = Authority(
                area=cast.areas[slug],
                tier="city",
                kind=Authority.Kind.DEPARTMENT,
                department=department,
                name=name,
                contact="示例联系人",
                telephone="0000-0000000",
            )
            office = account_services.save_authority(authority=office, actor=SYSTEM, at=cast.at)
            _hold(cast, _person(cast, f"{slug}-{department}"), "department", office)


def _administrators(cast: Cast) -> None:
    """Three who watch each other; nobody is two of them."""
    for username, role in (("admin", "administrator"), ("security", "security"), ("auditor", "auditor")):
        _hold(cast, _person(cast, username), role, None)


def _firms(cast: Cast) -> None:
    for number, row in enumerate(rows("organisations.csv"), start=1):
        firm = _enrol(cast, f"firm{number:02d}", row, confirmed=number != WAITING)
        cast.firms.append(firm)
    for row in rows("others.csv"):
        cast.others[row["key"]] = _enrol(cast, row["key"], row)


def _enrol(cast: Cast, username: str, row: dict[str, str], *, confirmed: bool = True) -> Organisation:
    """Registered by its own person, profile filled in, confirmed by the authority of its place."""
    user = _person(cast, username)
    founded = datetime.fromisoformat(row["founded_on"]).date()
    at = max(cast.at, datetime.combine(founded + timedelta(days=30), time(9), tzinfo=CHINA))
    area = cast.areas[row["county_code"]]
    nobody = Actor(capacity=Capacity.NONE, user_id=user.pk, name=user.name)
    firm = organisation_services.register(
        code=row["code"],
        name=row["name"],
        kind=row.get("kind") or Organisation.Kind.FIRM,
        area=area,
        production_area=area,
        production_address=row["address"],
        actor=nobody,
        at=at,
    )
    (cast.actors[username],) = organisations.capacities(user, at.date())
    cast.owners[firm.pk] = cast.actors[username]
    organisation_services.change_profile(
        organisation_id=firm.pk,
        profile=Profile(
            area=area,
            industry=_industries().get(row["industry"]),
            legal_representative=row["legal_representative"],
            founded_on=founded,
            independent_accounting=True,
            manufacturing=firm.kind == Organisation.Kind.FIRM,
            size=SIZES.get(row["size"], ""),
            address=row["address"],
            products=row["products"],
            contact_name=user.name,
            contact_phone="13800000000",
            contact_email=user.email,
        ),
        actor=cast.actors[username],
        at=at,
    )
    office = organisations.local_authority(firm)
    if office is not None and confirmed:
        handler = next(actor for actor in cast.actors.values() if actor.authority_id == office.pk)
        organisation_services.confirm_claim(organisation_id=firm.pk, actor=handler, at=at)
        firm.refresh_from_db()
    return firm


@lru_cache(maxsize=1)
def _industries() -> dict[str, Industry]:
    return {industry.code: industry for industry in Industry.objects.filter(level=4)}

"""One small world for every test: two provinces, three cities and two places that act as cities, seven counties, their
offices, and persons with fixed characters. `world.actor("county_handler")`, `world.client("rival")`, `world.org`.

Characters, in the order of the chain (the case lies in 秦皇岛市海港区):
applicant, colleague (staff of the same firm), rival (a firm of the next county), county_handler, county_approver,
other_county_handler, other_county_approver (昌黎县), city_handler, city_approver (秦皇岛), other_city_handler,
other_city_approver (石家庄), other_applicant, sjz_county_handler, sjz_county_approver (桥西区), dingzhou_handler,
dingzhou_approver (city tier without counties), xiongan_handler, province_handler, province_approver (河北),
evaluator (of a third-party body in 雄安),
hlj_city_handler, hlj_city_approver (哈尔滨), hlj_county_handler, hlj_applicant, hlj_province_handler, hlj_province_approver,
expert, expert2, expert3, conflicted_expert (employed by the applicant's firm), supervisor, ecology (a department officer),
administrator (of the system), security_administrator, audit_administrator, stranger (signed in, holds nothing), anonymous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority, Mandate, SignIn, User
from greenlist.core import clock
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Membership, Name, Organisation, Site
from tests import factories

# slug, name, parent, has a code
AREAS = [
    ("130000", "河北省", "", True),
    ("130100", "石家庄市", "130000", True),
    ("130104", "桥西区", "130100", True),
    ("130183", "晋州市", "130100", True),
    ("130300", "秦皇岛市", "130000", True),
    ("130302", "海港区", "130300", True),
    ("130322", "昌黎县", "130300", True),
    ("130324", "卢龙县", "130300", True),
    ("130682", "定州市", "130000", True),
    ("xiongan", "雄安新区", "130000", False),
    ("230000", "黑龙江省", "", True),
    ("230100", "哈尔滨市", "230000", True),
    ("230102", "道里区", "230100", True),
    ("230103", "南岗区", "230100", True),
]
AUTHORITIES = {
    "130000": ("province", "河北省工业和信息化厅"),
    "130100": ("city", "石家庄市工业和信息化局"),
    "130104": ("county", "石家庄市桥西区工业和信息化局"),
    "130183": ("county", "晋州市工业和信息化局"),
    "130300": ("city", "秦皇岛市工业和信息化局"),
    "130302": ("county", "秦皇岛市海港区工业和信息化局"),
    "130322": ("county", "昌黎县工业和信息化局"),
    "130324": ("county", "卢龙县工业和信息化局"),
    "130682": ("city", "定州市工业和信息化局"),
    "xiongan": ("city", "雄安新区改革发展局"),
    "230000": ("province", "黑龙江省工业和信息化厅"),
    "230100": ("city", "哈尔滨市工业和信息化局"),
    "230102": ("county", "哈尔滨市道里区工业和信息化局"),
    "230103": ("county", "哈尔滨市南岗区工业和信息化局"),
}
# character: (name, role, slug of the authority's area)
OFFICE_HOLDERS = {
    "county_handler": ("海港经办", "handler", "130302"),
    "county_approver": ("海港审批", "approver", "130302"),
    "other_county_handler": ("昌黎经办", "handler", "130322"),
    "other_county_approver": ("昌黎审批", "approver", "130322"),
    "city_handler": ("秦皇岛经办", "handler", "130300"),
    "city_approver": ("秦皇岛审批", "approver", "130300"),
    "other_city_handler": ("石家庄经办", "handler", "130100"),
    "other_city_approver": ("石家庄审批", "approver", "130100"),
    "sjz_county_handler": ("桥西经办", "handler", "130104"),
    "sjz_county_approver": ("桥西审批", "approver", "130104"),
    "dingzhou_handler": ("定州经办", "handler", "130682"),
    "dingzhou_approver": ("定州审批", "approver", "130682"),
    "xiongan_handler": ("雄安经办", "handler", "xiongan"),
    "province_handler": ("河北经办", "handler", "130000"),
    "province_approver": ("河北审批", "approver", "130000"),
    "hlj_county_handler": ("道里经办", "handler", "230102"),
    "hlj_city_handler": ("哈尔滨经办", "handler", "230100"),
    "hlj_city_approver": ("哈尔滨审批", "approver", "230100"),
    "hlj_province_handler": ("黑龙江经办", "handler", "230000"),
    "hlj_province_approver": ("黑龙江审批", "approver", "230000"),
    "expert": ("专家甲", "expert", "130300"),
    "expert2": ("专家乙", "expert", "130300"),
    "expert3": ("专家丙", "expert", "130300"),
    "conflicted_expert": ("专家丁", "expert", "130300"),
    "supervisor": ("监督员", "supervisor", "130300"),
    "ecology": ("生态经办", "department", "ecology"),
    "administrator": ("系统管理员", "administrator", ""),
    "security_administrator": ("安全管理员", "security", ""),
    "audit_administrator": ("审计管理员", "auditor", ""),
}
# character: (name, key of the firm, role)
MEMBERS = {
    "applicant": ("申报人", "org", "owner"),
    "colleague": ("申报同事", "org", "staff"),
    "rival": ("同业", "rival", "owner"),
    "other_applicant": ("石家庄申报人", "sjz", "owner"),
    "hlj_applicant": ("哈尔滨申报人", "hlj", "owner"),
    "evaluator": ("评价人", "evaluator", "owner"),
}
FIRMS = {
    "org": ("海港示例精密制造有限公司", "130302", 1001),
    "rival": ("昌黎示例食品有限公司", "130322", 1002),
    "sjz": ("桥西示例医药有限公司", "130104", 1003),
    "hlj": ("道里示例装备有限公司", "230102", 1004),
    "evaluator": ("雄安示例绿色评价有限公司", "xiongan", 1005),
}
EMPLOYERS = {"expert": "示例大学", "expert2": "示例研究院", "expert3": "示例协会", "conflicted_expert": FIRMS["org"][0]}
PEOPLE = [*MEMBERS, *OFFICE_HOLDERS, "stranger"]


@dataclass
class World:
    """Rows by short keys; actors and clients by character."""

    areas: dict[str, Area]  # by slug
    authorities: dict[str, Authority]  # by slug of the area; "ecology" for the department
    users: dict[str, User]  # by character
    orgs: dict[str, Organisation]  # org, rival, sjz, hlj
    sites: dict[str, Site]  # the default site of each
    mandates: dict[str, Mandate] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)

    @property
    def org(self) -> Organisation:
        """The applicant's firm, in 秦皇岛市海港区."""
        return self.orgs["org"]

    @property
    def site(self) -> Site:
        return self.sites["org"]

    @property
    def county(self) -> Authority:
        return self.authorities["130302"]

    @property
    def city(self) -> Authority:
        return self.authorities["130300"]

    @property
    def province(self) -> Authority:
        return self.authorities["130000"]

    def user(self, character: str) -> User:
        return self.users[character]

    def actor(self, character: str) -> Actor:
        """The character in its one capacity; no queries."""
        if character == "anonymous":
            return ANONYMOUS
        if character in self.mandates:
            return accounts.actor_of(self.mandates[character])
        if character in self.memberships:
            return organisations.member_actor(self.users[character], self.memberships[character])
        user = self.users[character]
        return Actor(capacity=Capacity.NONE, user_id=user.pk, name=user.name)

    def client(self, character: str, **options: Any) -> Client:
        """A browser in which the character is signed in with its capacity chosen; `enforce_csrf_checks=True` and the like."""
        client = Client(**options)
        if character != "anonymous":
            person = User.objects.get(pk=self.users[character].pk)  # as it is now: sessions may have been ended
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
            session = client.session
            session["capacity"] = self.actor(character).key
            session["sign_in"] = sign_in(person).pk
            session.save()
        return client


def sign_in(person: User) -> SignIn:
    """As it stands behind the session of who has just signed in, without a second factor."""
    at = clock.now()
    minutes = settings.SESSION_IDLE_MINUTES
    return SignIn.objects.create(user=person, began_at=at, seen_at=at, idle_minutes=minutes, remote="127.0.0.1")


def build_world() -> World:
    """Makes all of it in a dozen statements."""
    areas = _areas()
    authorities = _authorities(areas)
    users = _users()
    orgs, sites = _firms(areas)
    world = World(areas=areas, authorities=authorities, users=users, orgs=orgs, sites=sites)
    held = [
        Mandate(
            user=users[character],
            role=role,
            authority=authorities.get(place),
            employer=EMPLOYERS.get(character, ""),
            valid_from=factories.LONG_AGO,
        )
        for character, (_, role, place) in OFFICE_HOLDERS.items()
    ]
    world.mandates = dict(zip(OFFICE_HOLDERS, Mandate.objects.bulk_create(held), strict=True))
    joined = [
        Membership(user=users[character], organisation=orgs[firm], role=role, valid_from=factories.LONG_AGO)
        for character, (_, firm, role) in MEMBERS.items()
    ]
    world.memberships = dict(zip(MEMBERS, Membership.objects.bulk_create(joined), strict=True))
    return world


def _areas() -> dict[str, Area]:
    made: dict[str, Area] = {}
    levels: dict[int, list[Area]] = {}
    for slug, name, parent, coded in AREAS:
        above = made.get(parent)
        row = Area(name=name, slug=slug, code=slug if coded else "", parent=above)
        row.path = f"{above.path if above else '/'}{slug}/"
        row.full_name = f"{above.full_name if above else ''}{name}"
        made[slug] = row
        levels.setdefault(row.path.count("/"), []).append(row)
    for depth in sorted(levels):  # parents first: a child's foreign key needs the parent's id
        Area.objects.bulk_create(levels[depth])
    return made


def _authorities(areas: dict[str, Area]) -> dict[str, Authority]:
    rows = {slug: Authority(name=name, area=areas[slug], tier=tier) for slug, (tier, name) in AUTHORITIES.items()}
    rows["ecology"] = Authority(
        name="秦皇岛市生态环境局",
        area=areas["130300"],
        tier="city",
        kind=Authority.Kind.DEPARTMENT,
        department="ecology",
    )
    Authority.objects.bulk_create(rows.values())
    return rows


def _users() -> dict[str, User]:
    names = {character: name for character, (name, *_) in {**MEMBERS, **OFFICE_HOLDERS}.items()} | {"stranger": "路人"}
    rows = {
        character: User(
            username=character,
            name=names[character],
            email=f"{character.replace('_', '-')}@example.com",
            password="!",
            is_staff=character in ("administrator", "security_administrator"),
        )
        for character in PEOPLE
    }
    User.objects.bulk_create(rows.values())
    return rows


def _firms(areas: dict[str, Area]) -> tuple[dict[str, Organisation], dict[str, Site]]:
    industry = factories.industry()
    orgs = {
        key: Organisation(
            name=name,
            code=factories.credit_code(serial),
            area=areas[place],
            industry=industry,
            kind=Organisation.Kind.BODY if key == "evaluator" else Organisation.Kind.FIRM,
            claim=Organisation.Claim.CONFIRMED,
            legal_representative="李示例",
            founded_on=date(2010, 5, 1),
            independent_accounting=True,
            manufacturing=True,
            size=Organisation.Size.MEDIUM,
            address=f"{areas[place].full_name}示例路{serial}号",
            products="示例产品",
            contact_name="王示例",
            contact_phone="13800000000",
            contact_email=f"{key}@example.com",
        )
        for key, (name, place, serial) in FIRMS.items()
    }
    Organisation.objects.bulk_create(orgs.values())
    Name.objects.bulk_create([Name(organisation=org, text=org.name) for org in orgs.values()])
    sites = {
        key: Site(organisation=org, name=org.name, area=org.area, address=org.address, is_default=True)
        for key, org in orgs.items()
    }
    Site.objects.bulk_create(sites.values())
    return orgs, sites


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """A fresh world in the test's transaction. For races with threads use `race_world`."""
    yield build_world()


@pytest.fixture
def race_world(transactional_db: None) -> Iterator[World]:
    """The same, committed, so that other threads see it; emptied afterwards by `transactional_db`."""
    yield build_world()

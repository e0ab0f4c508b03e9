"""Small makers of rows for tests: one call, one row, sensible words, valid check digits, everything recognisably invented."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from greenlist.accounts.models import Area, Authority, Mandate, User
from greenlist.organisations.models import AdverseRecord, Industry, Membership, Name, Organisation, Site, Title

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LONG_AGO = date(2020, 1, 1)
PASSWORD = "qing-shan-lv-shui-7"
_serial = itertools.count(100_001)  # above every number that a test chooses itself: codes are unique


def credit_code(serial: int, *, start: str = "91", region: str = "000000") -> str:
    """A credit code with right check digits (GB 32100, GB 11714); region 000000 marks it as invented."""
    body = f"{serial:08d}"
    rest = sum(int(sign) * weight for sign, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    code = start + region + body + {10: "X", 11: "0"}.get(11 - rest, str((11 - rest) % 11))
    total = sum(ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(code))
    return code + ALPHABET[(31 - total) % 31]


def area(name: str, slug: str, parent: Area | None = None, *, coded: bool = True) -> Area:
    return Area.objects.create(
        name=name,
        code=slug if coded else "",
        slug=slug,
        parent=parent,
        path=f"{parent.path if parent else '/'}{slug}/",
        full_name=f"{parent.full_name if parent else ''}{name}",
    )


def authority(area: Area, tier: str, name: str = "", **fields: Any) -> Authority:
    return Authority.objects.create(area=area, tier=tier, name=name or f"{area.name}工业和信息化局", **fields)


def person(name: str = "", *, username: str = "", password: str | None = None, **fields: Any) -> User:
    """A person; without `password` nobody can sign in with one (`force_login` works)."""
    number = next(_serial)
    username = username or f"person{number}"
    fields.setdefault("email", f"{username}@example.com")
    return User.objects.create_user(username, password, name=name or f"测试人员{number}", **fields)


def mandate(user: User, role: str, authority: Authority | None = None, **fields: Any) -> Mandate:
    fields.setdefault("valid_from", LONG_AGO)
    return Mandate.objects.create(user=user, role=role, authority=authority, **fields)


def industry(code: str = "3911", name: str = "计算机整机制造") -> Industry:
    """A four-digit industry with its two parents."""
    parent = None
    for level in (2, 3, 4):
        part = code[:level]
        fields = {"level": level, "parent": parent, "name": name if level == 4 else f"{name}（{part}）"}
        parent, _ = Industry.objects.get_or_create(code=part, defaults=fields)
    assert parent is not None
    return parent


def organisation(
    area: Area, name: str = "", *, owner: User | None = None, serial: int | None = None, **fields: Any
) -> Organisation:
    """A confirmed firm with everything a first application needs, its default site and its owner."""
    number = serial or next(_serial)
    fields = {
        "code": credit_code(number),
        "claim": Organisation.Claim.CONFIRMED if owner else Organisation.Claim.UNCLAIMED,
        "legal_representative": "李示例",
        "founded_on": date(2010, 5, 1),
        "independent_accounting": True,
        "manufacturing": True,
        "size": Organisation.Size.MEDIUM,
        "address": f"{area.name}示例路{number}号",
        "products": "示例产品",
        "contact_name": "王示例",
        "contact_phone": "13800000000",
        "contact_email": "contact@example.com",
        **fields,
    }
    made = Organisation.objects.create(area=area, name=name or f"示例制造{number}有限公司", **fields)
    Name.objects.create(organisation=made, text=made.name)
    site(made, area, made.name, is_default=True)
    if owner:
        member(owner, made, Membership.Role.OWNER)
    return made


def site(organisation: Organisation, area: Area, name: str = "", **fields: Any) -> Site:
    fields.setdefault("address", f"{area.name}示例工业园")
    return Site.objects.create(organisation=organisation, area=area, name=name or f"{organisation.name}二厂", **fields)


def member(user: User, organisation: Organisation, role: str = Membership.Role.STAFF, **fields: Any) -> Membership:
    fields.setdefault("valid_from", LONG_AGO)
    return Membership.objects.create(user=user, organisation=organisation, role=role, **fields)


def title(site: Site, tier: str, category: str = "factory", **fields: Any) -> Title:
    fields.setdefault("listing", f"2024年{site.name}")
    fields.setdefault("valid_from", date(2024, 1, 1))
    return Title.objects.create(site=site, tier=tier, category=category, **fields)


def adverse(organisation: Organisation, kind: str, event_on: date, severity: int = 0, **fields: Any) -> AdverseRecord:
    fields.setdefault("source", "信用中国")
    return AdverseRecord.objects.create(
        organisation=organisation,
        code=organisation.code or "",
        name=organisation.name,
        kind=kind,
        event_on=event_on,
        severity=severity,
        **fields,
    )

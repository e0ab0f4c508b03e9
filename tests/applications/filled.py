"""A complete report through the services: what submission starts from. Works for any form, by the types of its fields."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from applications import selectors
from applications.models import Application, Call
from applications.selectors import drafts as reads
from applications.services import calls, drafts, submission
from greenlist.core.actors import SYSTEM
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy import services as policies
from greenlist.policy.engine.types import Field, FieldType, Form
from tests.world import World

SPRING = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
CITY = {
    "qinhuangdao": ("130300", "city"),
    "shijiazhuang": ("130100", "other_city"),
    "hebei-national": ("130000", "province"),
    "heilongjiang": ("230000", "hlj_province"),
}


def load_rules() -> None:
    policies.load_policies(actor=SYSTEM, at=SPRING)


def draft_of(place: str, year: int = 2026, **changes: Any) -> calls.Draft:
    """The suggested values of a place's rules, as the page of a new call shows them."""
    version = policy.current(place)
    values = engine.suggest(policy.policy(version), year) | changes.pop("values", {})
    fields: dict[str, Any] = {
        "version_id": version.pk,
        "category": "factory",
        "year": year,
        "title": f"{year}年市级绿色工厂申报通知",
        "contact_name": "方示例",
        "contact_phone": "0335-0000000",
        "values": {key: value for key, value in values.items() if value is not None},
    }
    return calls.Draft(**fields | changes)


def open_call(world: World, place: str = "qinhuangdao", at: datetime = SPRING, **changes: Any) -> Call:
    """Prepared by the city's handler, opened by its approver."""
    who = CITY[place][1]
    call = calls.create(actor=world.actor(f"{who}_handler"), at=at, draft=draft_of(place, **changes))
    return calls.open_call(actor=world.actor(f"{who}_approver"), at=at, pk=call.pk)


def picture(name: str = "证明.png") -> SimpleUploadedFile:
    """One pixel whose colour comes from the name, so that no two files are the same."""
    colour = zlib.crc32(name.encode()).to_bytes(4, "big")[:3]
    body = b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in (
            (b"IHDR", b"\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"),
            (b"IDAT", zlib.compress(b"\x00" + colour)),
            (b"IEND", b""),
        )
    )
    return SimpleUploadedFile(name, b"\x89PNG\r\n\x1a\n" + body, content_type="image/png")


def value_of(spec: Field, *, row: int = 0) -> Any:
    """A right answer to one field."""
    if spec.min_chars:
        return ("示例" * spec.min_chars)[: spec.min_chars]
    if spec.type is FieldType.NUMBER:
        if spec.key == "year":
            return str(2025 - row)
        low = spec.min if spec.min is not None else 0
        return str(int(max(low, 1)) * 10 if spec.max is None else min(int(spec.max), max(int(low), 1) * 2))
    return {
        FieldType.TEXT: "示例",
        FieldType.LONGTEXT: f"{spec.label.zh}：情况属实，制度健全。"[: spec.max_chars],
        FieldType.DATE: "2025-12-31",
        FieldType.CHOICE: spec.choices[-1].key if spec.choices else "",
        FieldType.YESNO: True,
    }[spec.type]


def answers(form: Form, section: str) -> dict[str, Any]:
    """Right answers to every field of a section that is not worked out or a file."""
    found: dict[str, Any] = {}
    for spec in form.section(section).fields:
        if spec.calculator and not spec.rows_from:
            found[spec.key] = [counted(spec, number) for number in range(min(len(spec.columns[0].choices), 3))]
        elif spec.type is FieldType.TABLE:
            columns = [one for one in spec.columns if one.type is not FieldType.COMPUTED]
            count = len(spec.rows) or max(spec.min_rows, 2)
            found[spec.key] = [
                {
                    one.key: (spec.rows[row].preset.get(one.key) if spec.rows else None) or value_of(one, row=row)
                    for one in columns
                }
                for row in range(count)
            ]
        elif spec.is_answered:
            found[spec.key] = value_of(spec)
    return found


def counted(spec: Field, number: int) -> dict[str, Any]:
    """A right row of a calculator: an item, and an amount in its own unit."""
    row = {one.key: "100" for one in spec.columns if one.key.startswith("amount")}
    keys = {one.key for one in spec.columns}
    more = {"limit": "200"} if "limit" in keys else {}
    more |= {"product": f"p{number % 2 + 1}"} if "product" in keys else {}
    return {"item": spec.columns[0].choices[number].key, **row, **more}


def start(world: World, call: Call, who: str = "applicant", site: str = "org", at: datetime = SPRING) -> Application:
    return drafts.start(actor=world.actor(who), at=at, call_id=call.pk, site_id=world.sites[site].pk)


def fill(
    world: World, case: Application, who: str = "applicant", at: datetime = SPRING, *, without: Iterable[str] = ()
) -> Application:
    """Everything the form asks, one file beside each file field; `without` leaves out "section.field"."""
    form = reads.form_of(case)
    left_out = set(without)
    actor = world.actor(who)
    for section in form.sections:
        known = reads.draft_of(case, form)
        given = {
            key: value
            for key, value in answers(form, section.key).items()
            if f"{section.key}.{key}" not in left_out and not section.field(key).prefill
        }
        row = known.rows[section.key]
        drafts.save_section(
            actor=actor, at=at, reference=case.reference, section=section.key, answers=given, version=row.version
        )
        for spec in section.fields:
            if spec.type is FieldType.FILE and f"{section.key}.{spec.key}" not in left_out:
                drafts.add_evidence(
                    actor=actor,
                    at=at,
                    reference=case.reference,
                    section=section.key,
                    field=spec.key,
                    upload=picture(f"{spec.key}.png"),
                )
    return case


def digest_of(case: Application) -> str:
    case.refresh_from_db()
    return reads.digest(reads.draft_of(case, reads.form_of(case)).content(), case.report)


def submit(
    world: World, case: Application, who: str = "applicant", at: datetime = SPRING, **given: Any
) -> submission.Receipt:
    actor = world.actor(who)
    named: dict[str, Any] = {"digest": given.pop("digest", "") or digest_of(case), "declared_name": actor.name}
    named |= {"agreed": True, **given}
    return submission.submit(actor=actor, at=at, reference=case.reference, **named)


def submitted(
    world: World, call: Call, who: str = "applicant", site: str = "org", at: datetime = SPRING
) -> Application:
    """Started, filled in, declared, at the county's desk."""
    case = fill(world, start(world, call, who, site, at), who, at)
    submit(world, case, who, at)
    case.refresh_from_db()
    return case


def day_of(call: Call, step: str, area: str = "") -> date | None:
    return selectors.due_on(call, step, area)

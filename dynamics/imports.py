"""A survey of firms from its workbook: what its columns mean. `core.sheets` reads it; nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from dynamics.models import CultivationObject
from dynamics.selectors import cultivation as reads
from dynamics.services import cultivation
from dynamics.services.cultivation import Plan, Surveyed
from greenlist.core import sheets
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, Text
from greenlist.core.sheets import ImportRefused, RowProblem, Stale
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Category
from greenlist.policy.engine.cultivating import HonourKind

MAX_ROWS = 500
SALT = "greenlist.dynamics.survey"
COLUMNS: dict[str, Text] = {
    "name": _("Name"),
    "code": _("Unified social credit code"),
    "category": _("List"),
    "plan": _("Cultivation plan"),
    "note": _("Notes of the survey"),
    "responsible": _("Official in charge"),
    "striving": _("Working towards grade A"),
    "tags": _("Honours that put it forward"),
}
KINDS = {
    Category.FACTORY: ("绿色工厂", "工厂", "企业"),
    Category.PARK: ("绿色工业园区", "园区"),
    Category.SUPPLY_CHAIN: ("绿色供应链管理企业", "供应链", "供应链管理企业"),
}
YES = ("yes", "是", "√", "1", "true")


def _category(value: Any) -> str:
    text = sheets.text_of(value).lower()
    known = {label.lower(): key for key, words in KINDS.items() for label in (key.value, str(key.label), *words)}
    if text and text not in known:
        raise ValueError(_("Write one of the lists: %(kinds)s.") % {"kinds": "、".join(KINDS[key][0] for key in KINDS)})
    return str(known.get(text, Category.FACTORY))


def _yes(value: Any) -> bool:
    return sheets.text_of(value).lower() in YES


LAYOUT = sheets.Layout(
    columns=COLUMNS,
    needed=("name",),
    longest={"name": 120, "code": 60, "plan": 500, "note": 500, "responsible": 60, "tags": 300},
    readers={"category": _category, "striving": _yes},
    most_rows=MAX_ROWS,
    defaults={
        "code": "",
        "category": Category.FACTORY.value,
        "plan": "",
        "note": "",
        "responsible": "",
        "striving": False,
        "tags": "",
    },
    also={
        "name": ("名称", "单位名称", "企业名称", "工厂名称", "园区名称"),
        "code": ("统一社会信用代码", "信用代码"),
        "category": ("类别", "名单", "创建类型"),
        "plan": ("培育计划", "计划"),
        "note": ("备注", "摸底情况", "情况说明"),
        "responsible": ("责任人", "负责人", "联系干部"),
        "striving": ("创A", "是否创A"),
        "tags": ("荣誉", "荣誉资质", "称号"),
    },
)


@dataclass(frozen=True)
class Looked:
    """A file that is in order; the ticket, signed, is all the second step needs."""

    rows: Sequence[tuple[str, int, Surveyed]]
    ticket: str


def _read(name: str, content: bytes, actor: Actor) -> list[tuple[str, int, Surveyed]]:
    kinds = reads.honours(actor.area_path)
    found: list[tuple[str, int, Surveyed]] = []
    problems: list[RowProblem] = []
    seen: dict[tuple[str, str], int] = {}
    for sheet, number, values in sheets.read(name, content, LAYOUT):
        try:
            code = organisations.clean_code(values["code"]) if values["code"] else ""
        except Invalid as wrong:
            texts = [text for rows in wrong.problems.values() for text in rows] or [wrong.message]
            problems.append(RowProblem(sheet, number, str(COLUMNS["code"]), str(values["code"]), texts[0]))
            continue
        key = (code or values["name"], values["category"])
        if key in seen:
            reason = _("The same unit stands in row %(row)s already.") % {"row": seen[key]}
            problems.append(RowProblem(sheet, number, str(COLUMNS["name"]), values["name"], reason))
        seen[key] = number
        found.append((sheet, number, _surveyed(values, code, kinds)))
    if problems:
        raise ImportRefused(problems)
    return found


def _surveyed(values: Mapping[str, Any], code: str, kinds: Mapping[str, HonourKind]) -> Surveyed:
    said = values["tags"]
    tags = tuple(key for key, one in kinds.items() if said and one.forward and one.is_called(said))
    unknown = said if said and not tags else ""
    note = "；".join(filter(None, (values["note"], unknown)))
    plan = Plan(note=note, plan=values["plan"], responsible=values["responsible"], tags=tags)
    return Surveyed(values["name"], code, values["category"], plan, values["striving"])


def look(name: str, content: bytes, *, actor: Actor) -> Looked:
    """Checks the file whole and puts it aside for an hour. Raises ImportRefused with every mistake; writes nothing."""
    rows = _read(name, content, actor)
    return Looked(rows, sheets.put_aside(name, content, salt=SALT, by=actor.key))


def take(ticket: str, *, actor: Actor, at: datetime) -> list[CultivationObject]:
    """All rows of the file that was looked at, or none. Raises Stale, and what `services.cultivation.take_survey` raises."""
    aside = sheets.fetch(ticket, salt=SALT)
    if aside.told["by"] != actor.key:
        raise Stale
    rows = _read(aside.name, aside.content, actor)
    made = cultivation.take_survey(rows=[one for _sheet, _number, one in rows], actor=actor, at=at)
    aside.drop()
    return made

"""A list that another tier published, from its file: what its columns mean. `core.sheets` reads it; nothing is written here."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from greenlist.core import sheets
from greenlist.core.actors import Actor
from greenlist.core.errors import Text
from greenlist.core.sheets import MAX_BYTES, ImportRefused, Stale
from registry.models import ImportedList
from registry.services import imported
from registry.services.imported import Heading, ListRow
from registry.states import EntryKind

__all__ = ["COLUMNS", "MAX_BYTES", "MAX_ROWS", "ImportRefused", "Looked", "Stale", "look", "read", "take"]

MAX_ROWS = 20_000  # a year's national list has some thousands
SALT = "greenlist.registry.import"
COLUMNS: dict[str, Text] = {
    "name": _("Name"),
    "code": _("Unified social credit code"),
    "area": _("Place"),
    "kind": _("Added or removed"),
    "position": _("No."),
}
KINDS = {EntryKind.ADDED: (_("added"), "列入", "新增"), EntryKind.REMOVED: (_("removed"), "移出", "调出")}


def _kind(value: Any) -> str:
    text = sheets.text_of(value).lower()
    known = sheets.names({key: words[0] for key, words in KINDS.items()})
    known |= {word: key for key, words in KINDS.items() for word in words[1:]}
    if text and text not in known:
        raise ValueError(_("Write added or removed."))
    return str(known.get(text, EntryKind.ADDED))


LAYOUT = sheets.Layout(
    columns=COLUMNS,
    needed=("name",),
    longest={"name": 120, "code": 60, "area": 100},
    readers={"kind": _kind},
    also={
        "name": ("名称", "单位名称", "企业名称", "工厂名称", "园区名称"),
        "code": ("统一社会信用代码", "信用代码"),
        "area": ("地区", "所在地", "所在地区", "所属地区", "省份", "市", "县区"),
        "kind": ("类型", "变动"),
        "position": ("序号", "编号"),
    },
    most_rows=MAX_ROWS,
)
Read = tuple[str, int, ListRow]


@dataclass(frozen=True)
class Asked:
    """Whose list it is: that of a call's upper tier, or of a tier and category named apart from any call."""

    call: int | None = None
    tier: str = ""
    category: str = ""


@dataclass(frozen=True)
class Looked:
    """A file that is in order; the ticket, signed, is all the second step needs."""

    rows: Sequence[Read]
    ticket: str


def read(name: str, content: bytes) -> list[Read]:
    """Every row of the file. Raises ImportRefused with all mistakes at once."""
    found = []
    for sheet, number, values in sheets.read(name, content, LAYOUT):
        values.pop("position", None)
        found.append((sheet, number, ListRow(**values)))
    return found


def look(name: str, content: bytes, *, actor: Actor, asked: Asked, heading: Heading) -> Looked:
    """Checks the file whole and puts it aside for an hour. Raises ImportRefused with every mistake; writes nothing."""
    rows = read(name, content)
    if problems := imported.problems_of_rows(rows):
        named = [replace(one, column=str(COLUMNS[one.column])) for one in problems]
        raise ImportRefused(named)
    told = {**asdict(heading), "issued_on": heading.issued_on.isoformat()}
    return Looked(rows, sheets.put_aside(name, content, salt=SALT, heading=told, asked=asdict(asked), by=actor.key))


def take(ticket: str, *, actor: Actor, at: datetime) -> ImportedList:
    """All rows of the file that was looked at. Raises Stale (also somebody else's ticket), and what `imported.take` raises."""
    aside = sheets.fetch(ticket, salt=SALT)
    if aside.told["by"] != actor.key:
        raise Stale
    heading = {**aside.told["heading"], "issued_on": date.fromisoformat(aside.told["heading"]["issued_on"])}
    made = imported.take(
        actor=actor,
        at=at,
        heading=Heading(**heading),
        rows=read(aside.name, aside.content),
        digest=hashlib.sha256(aside.content).hexdigest(),
        file_name=aside.name,
        **aside.told["asked"],
    )
    aside.drop()
    return made

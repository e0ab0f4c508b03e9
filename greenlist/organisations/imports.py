"""Adverse records from a file of a source: what its columns mean. `core.sheets` reads it; nothing is written here."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Tier
from greenlist.core import sheets
from greenlist.core.actors import Actor
from greenlist.core.errors import Text
from greenlist.core.sheets import MAX_BYTES, MAX_ROWS, Stale, names
from greenlist.core.sheets import text_of as _text
from greenlist.organisations import services
from greenlist.organisations.models import AdverseRecord
from greenlist.organisations.services import AdverseInput, ImportRefused, RowProblem

__all__ = ["COLUMNS", "MAX_BYTES", "MAX_ROWS", "Looked", "Stale", "look", "read", "take"]
COLUMNS: dict[str, Text] = {
    "code": _("Unified social credit code"),
    "name": _("Name"),
    "kind": _("Kind"),
    "severity": _("Grade"),
    "event_on": _("Day of the event or decision"),
    "source": _("Source"),
    "reference": _("Number or address in the source"),
    "ended_on": _("Ended on"),
    "tier": _("Tier of the list"),
}
NEEDED = ("name", "kind", "event_on", "source")
LONGEST = {"name": 120, "source": 100, "reference": 200, "code": 60}
Read = tuple[str, int, AdverseInput]


def read(name: str, content: bytes) -> list[Read]:
    """Every row of the file as (sheet, row number, record). Raises ImportRefused with all mistakes at once."""
    return [(sheet, number, AdverseInput(**values)) for sheet, number, values in sheets.read(name, content, LAYOUT)]


# ---- two steps: look, then take -------------------------------------------------------------------------------------
SALT = "greenlist.organisations.import"


@dataclass(frozen=True)
class Looked:
    """A file that is in order; the ticket, signed, is all the second step needs."""

    rows: list[Read]
    ticket: str


def look(name: str, content: bytes, *, at: datetime) -> Looked:
    """Checks the file whole and puts it aside for an hour. Raises ImportRefused with every mistake; writes no record."""
    rows = read(name, content)
    found = [
        RowProblem(sheet, number, str(COLUMNS[column]), str(getattr(record, column)), text)
        for sheet, number, record in rows
        for column, texts in services.problems_of(record, at=at).items()
        for text in texts
    ]
    if found:
        raise ImportRefused(found)
    return Looked(rows, sheets.put_aside(name, content, salt=SALT))


def take(ticket: str, *, actor: Actor, at: datetime) -> tuple[int, int]:
    """All rows of the file that was looked at: (new, known already). Raises Stale, ImportRefused, NotAllowed."""
    aside = sheets.fetch(ticket, salt=SALT)
    rows = read(aside.name, aside.content)
    taken = services.import_adverse(rows=rows, digest=hashlib.sha256(aside.content).hexdigest(), actor=actor, at=at)
    aside.drop()
    return taken


# ---- cells ----------------------------------------------------------------------------------------------------------
def _kind(value: Any) -> str:
    text = _text(value)
    known = names(dict(AdverseRecord.Kind.choices))
    if text and text.lower() not in known:
        raise ValueError(_("This kind of record is not known."))
    return str(known.get(text.lower(), ""))


def _severity(value: Any) -> int:
    text = _text(value)
    known = names(dict(AdverseRecord.Severity.choices)) | SHORT
    if text and text.lower() not in known:
        raise ValueError(_("An accident has a grade: general, larger, major or extreme."))
    return int(known.get(text.lower(), AdverseRecord.Severity.NONE))


# As accident reports write them; environmental ones by Roman numerals, Ⅰ the gravest.
SHORT = {"一般": 1, "较大": 2, "重大": 3, "特别重大": 4, "特大": 4}
SHORT |= {
    spelling: rank
    for rank, numerals in (
        (1, ("ⅳ", "iv", "四")),
        (2, ("ⅲ", "iii", "三")),
        (3, ("ⅱ", "ii", "二")),
        (4, ("ⅰ", "i", "一")),
    )
    for numeral in numerals
    for spelling in (f"{numeral}级", *(() if numeral in "一二三四" else (numeral,)))
}


def _tier(value: Any) -> str:
    text = _text(value)
    known = names(dict(Tier.choices)) | {
        "区县级": "county",
        "县区级": "county",
        "市级": "city",
        "省级": "province",
        "国家级": "nation",
    }
    if text and text.lower() not in known:
        raise ValueError(_("This tier is not known: county, city, province or nation."))
    return str(known.get(text.lower(), ""))


LAYOUT = sheets.Layout(
    columns=COLUMNS,
    needed=NEEDED,
    longest=LONGEST,
    readers={
        "tier": _tier,
        "event_on": sheets.day_of,
        "ended_on": sheets.day_of,
        "kind": _kind,
        "severity": _severity,
    },
)

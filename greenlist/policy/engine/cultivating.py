"""Cultivation: `[[cultivation]]` (who keeps a library), `[[honour]]` (titles that put a firm forward, or that listed units are
encouraged to seek), `[[filing]]` (what a city files upward each year) and `[[showing]]` (what a public page offers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from greenlist.policy.engine.reading import Node
from greenlist.policy.engine.types import BoundPolicy, Json, Text

KEEPERS = ("county", "city", "province")
ANY_OF = ("plan", "library", "list")
SHOWN = (
    *("technology", "disclosure", "report", "pledge", "experience", "green_code", "standing", "support", "purchases"),
    *("figures", "partners"),
)
OFFICE = "authority"  # `who` of a duty that an authority owes


@dataclass(frozen=True, slots=True)
class Library:
    """Authorities of this tier keep a cultivation library."""

    key: str
    label: Text
    tier: str
    clause: str
    striving: bool = False  # firms that work towards grade A are helped to apply (QHD-N2c)
    recorded_by: tuple[
        str, ...
    ] = ()  # tiers that note in their own libraries whom it took in: it keeps none here (JY-19)


@dataclass(frozen=True, slots=True)
class HonourKind:
    """Another title: one that puts a firm forward (JY-7b), one that listed units are encouraged to seek (JY-24b), or both."""

    key: str
    label: Text
    clause: str
    also: tuple[str, ...] = ()  # other words by which firms call it
    forward: bool = False
    encouraged: str = ""  # the clause that encourages listed units to seek it

    def is_called(self, words: str) -> bool:
        """Whether what a firm wrote is this title."""
        plain = words.strip().lower()
        return any(one and one.lower() in plain for one in (self.label.zh, self.label.en, *self.also))


@dataclass(frozen=True, slots=True)
class FilingRule:
    """What authorities of a tier file with the one above by a day of each year, that day included (HLJ-14b)."""

    key: str
    label: Text
    by: str
    to: str
    month: int
    day: int
    any_of: tuple[str, ...]
    remind: tuple[int, ...]
    clause: str

    def due(self, year: int) -> date:
        """The last day of the year on which it is in time."""
        return date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class Showing:
    """What the public page of a listed unit offers to show, and by which clause."""

    kind: str
    clause: str
    label: Text
    grades: tuple[str, ...] = ()  # of a green code, as the ministry issues them


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything a rule set says about cultivation and about being shown."""

    libraries: tuple[Library, ...] = ()
    honours: tuple[HonourKind, ...] = ()
    filings: tuple[FilingRule, ...] = ()
    showings: tuple[Showing, ...] = ()

    def library(self, tier: str) -> Library | None:
        """The table by which authorities of this tier keep a library."""
        return next((one for one in self.libraries if one.tier == tier), None)


# ---- reading ----------------------------------------------------------------------------------------------------------
def read(root: Node) -> dict[str, Json]:
    """The tables as checked plain data, unknown keys refused. Mistakes go to the log of `root`."""
    duties = _duties(root)
    return {
        "cultivation": [_library(node) for node in root.tables("cultivation")],
        "honour": [_honour(node) for node in root.tables("honour")],
        "filing": [_filing(node, duties) for node in root.tables("filing")],
        "showing": [_showing(node) for node in root.tables("showing")],
    }


def _head(node: Node) -> dict[str, Any]:
    clause, layer = node.clause()
    label = node.words("label")
    return {
        "key": node.identifier(),
        "label": {"zh": label.zh, "en": label.en},
        "clause": clause,
        "layer": layer.value,
    }


def _library(node: Node) -> Json:
    row = _head(node) | {"tier": node.choice("tier", KEEPERS), "striving": node.flag("striving")}
    row["recorded_by"] = list(node.texts("recorded_by", of=KEEPERS))
    node.done()
    return row


def _honour(node: Node) -> Json:
    row = _head(node) | {"also": list(node.texts("also")), "forward": node.flag("forward")}
    encouraged = node.text("encouraged", required=False)
    if encouraged:
        found = node.resolve(encouraged)
        if found is None:
            node.wrong("encouraged", "cites %(clause)s, which is not in clauses.toml", clause=encouraged)
        row["encouraged"] = found.id if found else encouraged
    node.done()
    return row


def _filing(node: Node, duties: frozenset[str]) -> Json:
    row = _head(node) | {
        "duty": node.text("duty"),
        "to": node.choice("to", KEEPERS),
        "any_of": list(node.texts("any_of", of=ANY_OF, required=True)),
    }
    if row["duty"] and row["duty"] not in duties:
        node.wrong("duty", "there is no [[duty]] %(duty)s of an authority with a day of each year", duty=row["duty"])
    node.done()
    return row


def _duties(root: Node) -> frozenset[str]:
    """Keys of the duties of authorities that fall on the same day each year."""
    rows = root.data.get("duty")
    found = set()
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and str(row.get("who", "")).startswith(f"{OFFICE}:") and row.get("due"):
            found.add(str(row.get("key", "")))
    return frozenset(found)


def _showing(node: Node) -> Json:
    row = _head(node) | {"kind": node.choice("kind", SHOWN), "grades": list(node.texts("grades"))}
    if row["kind"] == "green_code" and not row["grades"]:
        node.wrong("grades", "is missing: the grades that the ministry issues")
    node.done()
    return row


# ---- typed ------------------------------------------------------------------------------------------------------------
def programme(bound: BoundPolicy) -> Programme:
    """What `read` kept, typed; a version stored before these tables were known has none."""
    other = bound.other
    return Programme(
        libraries=tuple(
            Library(
                key=one["key"],
                label=Text(**one["label"]),
                tier=one["tier"],
                clause=one["clause"],
                striving=one["striving"],
                recorded_by=tuple(one.get("recorded_by", ())),
            )
            for one in _rows(other, "cultivation")
        ),
        honours=tuple(
            HonourKind(
                key=one["key"],
                label=Text(**one["label"]),
                clause=one["clause"],
                also=tuple(one["also"]),
                forward=one["forward"],
                encouraged=one.get("encouraged", ""),
            )
            for one in _rows(other, "honour")
        ),
        filings=tuple(_filing_rules(bound)),
        showings=tuple(
            Showing(one["kind"], one["clause"], Text(**one["label"]), tuple(one["grades"]))
            for one in _rows(other, "showing")
        ),
    )


def _filing_rules(bound: BoundPolicy) -> Iterator[FilingRule]:
    owed = {one.key: one for one in bound.duties if one.who == OFFICE}
    for one in _rows(bound.other, "filing"):
        duty = owed.get(one["duty"])
        if duty is not None and duty.due is not None:
            yield FilingRule(
                key=one["key"],
                label=Text(**one["label"]),
                by=duty.by,
                to=one["to"],
                month=duty.due[0],
                day=duty.due[1],
                any_of=tuple(one["any_of"]),
                remind=duty.remind,
                clause=one["clause"],
            )


def _rows(other: Mapping[str, Json], name: str) -> Sequence[Any]:
    found = other.get(name)
    return found if isinstance(found, list) else ()

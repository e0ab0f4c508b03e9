"""Leaving a list, and alarms: `[[removal]]` and `[[incident]]` tables → grounds and alarms, and what they say of an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from greenlist.policy.engine.reading import Node
from greenlist.policy.engine.types import BoundPolicy, Event, Json, Severity, Text

# What may lead to a removal: a duty not done, falsified material found, an event, a condition that bars an application,
# a removal from a higher list, a score, a change after which the standard is not met, a report that proved true.
ON = ("duty_missed", "finding", "event", "veto", "removed_from", "score", "change", "report")
WHEN = ("any_time", "with_list", "at_once")
TIERS = ("county", "city", "province", "nation")
REACH = ("lower", "higher", *TIERS)
GRADES = tuple(severity.value for severity in Severity)


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for which a unit leaves the list."""

    key: str
    label: Text
    on: str  # one of ON
    when: str  # any_time | with_list (waits for the yearly list) | at_once (suspended the same day)
    clause: str
    duty: str = ""  # of duty_missed: which duty
    events: frozenset[str] = frozenset()  # of event: which kinds
    at_least: Severity | None = None  # None: of any grade
    until: str = ""  # "ended": counts only while it lasts
    tiers: frozenset[str] = frozenset()  # of removed_from: the lists a removal from which counts
    spreads: frozenset[str] = frozenset()  # lists of other tiers that follow
    asks: frozenset[str] = frozenset()  # tiers that are asked to remove the unit from theirs
    hearing_days: int | None = None  # least days between the letter and the last day for an answer
    percent: Decimal | None = None  # of score: the lowest share of a ranking …
    years: int | None = None  # … so many years running
    defaults: tuple[str, ...] = ()  # keys whose values are the portal's own choice

    def names(self, event: Event, on: date, listed_on: date | None = None) -> bool:
        """Whether an event is this ground, on a day (QHD-14.4: not one below the grade, QHD-14.3: only while it lasts).

        What befell a unit before it was listed was a matter of its application, unless it lasts still.
        """
        if self.on != "event" or event.kind not in self.events or event.on > on:
            return False
        if listed_on and not self.until and event.on < listed_on:
            return False
        if self.at_least and (event.severity is None or not event.severity.reaches(self.at_least)):
            return False
        return not (self.until and event.ended_on and event.ended_on <= on)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Which event the county reports at once, to whom, within how many hours."""

    key: str
    label: Text
    events: frozenset[str]
    at_least: Severity | None
    report_to: tuple[str, ...]  # tiers
    clause: str
    lists: frozenset[str] = (
        frozenset()
    )  # tiers of the lists whose units it is about; none named: that of the rules' owner
    hours: int | None = None
    defaults: tuple[str, ...] = ()

    def sounds(self, kind: str, severity: Severity | None) -> bool:
        """Whether such an event is an alarm (QHD-13b: from grade 重大 on; 较大 raises none)."""
        if kind not in self.events:
            return False
        return self.at_least is None or (severity is not None and severity.reaches(self.at_least))


# ---- reading --------------------------------------------------------------------------------------------------------
def read_removal(node: Node, kinds: tuple[str, ...]) -> Json:
    """One `[[removal]]` table, checked; plain data, as a bound rule set keeps it. Mistakes go to the node's log."""
    clause, layer = node.clause()
    node.identifier()
    node.words("label")
    on = node.choice("on", ON)
    node.choice("when", WHEN)
    duty, events = node.text("duty", required=False), node.texts("event", of=kinds)
    node.choice("at_least", GRADES, required=False)
    node.choice("until", ("ended",), required=False)
    tiers = node.texts("tiers", of=TIERS)
    node.texts("spreads", of=REACH)
    node.texts("asks", of=REACH)
    node.whole("hearing_days", least=1, most=366)
    percent, years = node.decimal("percent"), node.whole("years", least=1, most=20)
    for name, kind, given in (
        ("duty", "duty_missed", duty),
        ("event", "event", events),
        ("tiers", "removed_from", tiers),
    ):
        if (on == kind) != bool(given):
            node.wrong(name, "belongs to on = %(on)s, and there it is needed", on=kind)
    if on == "score" and (percent is None or years is None):
        node.wrong("percent", "a score ground gives percent and years")
    if on != "event":
        for name in ("at_least", "until"):
            if node.has(name):
                node.wrong(name, "belongs to on = %(on)s, and only there", on="event")
    node.done()
    return {**node.data, "clause": clause, "layer": layer.value}


def read_incident(node: Node, kinds: tuple[str, ...]) -> Json:
    """One `[[incident]]` table, checked."""
    clause, layer = node.clause()
    node.identifier()
    node.words("label")
    if not node.texts("event", of=kinds, required=True):
        node.wrong("event", "names no kind of event")
    node.choice("at_least", GRADES, required=False)
    if isinstance(node.raw("report_to", required=True), list):
        node.texts("report_to", of=TIERS)
    else:
        node.choice("report_to", TIERS)
    node.texts("lists", of=TIERS)
    node.whole("hours", least=1, most=1000)
    node.done()
    return {**node.data, "clause": clause, "layer": layer.value}


# ---- asked of a bound rule set --------------------------------------------------------------------------------------
def grounds(bound: BoundPolicy) -> tuple[Ground, ...]:
    """Every ground of a rule set, in the order of the file."""
    return tuple(_ground(row) for row in bound.other["removal"])


def ground(bound: BoundPolicy, key: str) -> Ground | None:
    """The ground of a key; None where the rule set has no such ground."""
    return next((one for one in grounds(bound) if one.key == key), None)


def alarms(bound: BoundPolicy) -> tuple[Alarm, ...]:
    return tuple(_alarm(row) for row in bound.other["incident"])


def alarm(bound: BoundPolicy, kind: str, severity: Severity | None) -> Alarm | None:
    """The alarm such an event is; None: it is none under these rules."""
    return next((one for one in alarms(bound) if one.sounds(kind, severity)), None)


def follows_removal(bound: BoundPolicy, tier: str) -> Ground | None:
    """The ground on which a removal from a higher list leads to one here (QHD-14.5; JY-22a by way of article 17)."""
    found = grounds(bound)
    direct = next((one for one in found if one.on == "removed_from" and tier in one.tiers), None)
    if direct is not None:
        return direct
    bars = any(
        "removed_from_list" in veto.events and (not veto.tiers or tier in veto.tiers) and "unit" in veto.subjects
        for veto in bound.vetoes
    )
    return next((one for one in found if one.on == "veto"), None) if bars else None


def reaches(named: frozenset[str], own: str, other: str) -> bool:
    """Whether `spreads` or `asks` of a list of tier `own` means the list of tier `other`."""
    below = TIERS.index(other) < TIERS.index(own)
    return own != other and (other in named or ("lower" if below else "higher") in named)


def _text(row: Mapping[str, Json], name: str) -> Text:
    value = row.get(name, {})
    return Text(zh=value.get("zh", ""), en=value.get("en", ""))


def _grade(row: Mapping[str, Json]) -> Severity | None:
    return Severity(row["at_least"]) if row.get("at_least") else None


def _ground(row: Mapping[str, Json]) -> Ground:
    return Ground(
        key=row["key"],
        label=_text(row, "label"),
        on=row["on"],
        when=row["when"],
        clause=row["clause"],
        duty=row.get("duty", ""),
        events=frozenset(row.get("event", ())),
        at_least=_grade(row),
        until=row.get("until", ""),
        tiers=frozenset(row.get("tiers", ())),
        spreads=frozenset(row.get("spreads", ())),
        asks=frozenset(row.get("asks", ())),
        hearing_days=row.get("hearing_days"),
        percent=Decimal(str(row["percent"])) if "percent" in row else None,
        years=row.get("years"),
        defaults=tuple(row.get("defaults", ())),
    )


def _alarm(row: Mapping[str, Json]) -> Alarm:
    to = row["report_to"]
    return Alarm(
        key=row["key"],
        label=_text(row, "label"),
        events=frozenset(row["event"]),
        at_least=_grade(row),
        report_to=(to,) if isinstance(to, str) else tuple(to),
        clause=row["clause"],
        lists=frozenset(row.get("lists", ())),
        hours=row.get("hours"),
        defaults=tuple(row.get("defaults", ())),
    )

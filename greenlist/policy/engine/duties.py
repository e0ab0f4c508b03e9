"""What is owed every year after a list is published: `[[duty]]` tables → `Duty`, and who owes which form by when.

Pure. A cycle of the year fills in what a table leaves to it (`$cycle.due`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from greenlist.policy.engine.assembly import CATEGORIES, TIERS, Context, month_day
from greenlist.policy.engine.reading import Node, close
from greenlist.policy.engine.types import BoundPolicy, Duty, NotNeeded, Text

LISTED, ASPIRING, AUTHORITY = "listed", "aspiring", "authority"
REVIEWERS = ("county", "city", "province")
OPINIONS = ("text", "document")
REASONS = ("applied",)
OF_CYCLE = "$cycle.due"
HIGHER = "higher_title"
USUAL_ANSWER = 10  # days to answer a return where the table says nothing


# ---- reading --------------------------------------------------------------------------------------------------------
def read_duties(root: Node, context: Context) -> tuple[Duty, ...]:
    """The `[[duty]]` tables. Mistakes go to the log of `root`."""
    owner_tier = context.tier
    return tuple(_duty(node, owner_tier, context) for node in root.tables("duty"))


def _duty(node: Node, owner_tier: str, context: Context) -> Duty:
    clause, layer = node.clause()
    who, by = _who(node)
    forms = _forms(node, context)
    given = node.text("due")
    due = None if given in ("", OF_CYCLE) else month_day(node, "due")
    opens = month_day(node, "opens") if node.has("opens") else None
    if given == OF_CYCLE and opens:
        node.wrong("opens", "has no place where the cycle names its own last day: whoever opens it does so by hand")
    review = node.texts("review", of=REVIEWERS)
    if who in (LISTED, ASPIRING) and not forms:
        node.wrong("forms", "is missing: a unit needs a form to fill in")
    if who in (LISTED, ASPIRING) and not review:
        node.wrong("review", "is missing: somebody has to check what units hand in")
    levels = node.texts("levels", of=TIERS)
    if levels and who != ASPIRING:
        node.wrong("levels", 'belongs to who = "aspiring" only')
    duty = Duty(
        key=node.identifier(),
        label=node.words("label"),
        who=who,
        by=by,
        tiers=node.texts("tiers", of=TIERS) or ((owner_tier,) if owner_tier else ()),
        levels=levels,
        forms=forms,
        opens=opens,
        due=due,
        review_due=month_day(node, "review_due") if node.has("review_due") else None,
        review=review,
        opinion=node.choice("opinion", OPINIONS, required=False, default="text"),
        opinion_clause=node.clause("opinion_clause", required=False)[0] or clause,
        points=_points(node),
        highest_tier_only=_highest(node),
        not_needed=_not_needed(node),
        remind=node.ladder(),
        answer_days=node.whole("answer_days", least=1, most=90) or USUAL_ANSWER,
        clause=clause,
        layer=layer,
        unverified=node.text("unverified", required=False),
    )
    node.done()
    return duty


def _who(node: Node) -> tuple[str, str]:
    said = node.text("who")
    kind, _sign, tier = said.partition(":")
    if kind == AUTHORITY and tier in TIERS:
        return AUTHORITY, tier
    if said and (kind not in (LISTED, ASPIRING) or tier):
        options = f"{LISTED}, {ASPIRING}, {AUTHORITY}:county, {AUTHORITY}:city, {AUTHORITY}:province"
        node.wrong("who", "must be one of %(options)s", options=options)
    return kind, ""


def _forms(node: Node, context: Context) -> dict[str, str]:
    """Category → form. Every form has a file."""
    table = node.table("forms")
    if table is None:
        return {}
    found = {}
    for category in CATEGORIES:
        key = table.text(category, required=False)
        if key and key not in context.forms:
            table.wrong(category, "there is no form file forms/%(form)s.toml", form=key)
        if key:
            found[category] = key
    table.done()
    return found


def _points(node: Node) -> tuple[tuple[str, Text], ...]:
    children = node.tables("point")
    found = tuple((child.identifier(), child.words("label")) for child in children)
    close(children)
    return found


def _highest(node: Node) -> NotNeeded | None:
    table = node.table("highest_tier_only")
    if table is None:
        return None
    found = NotNeeded(HIGHER, table.clause()[0])
    table.done()
    return found


def _not_needed(node: Node) -> tuple[NotNeeded, ...]:
    found = []
    for child in node.tables("not_needed"):
        found.append(NotNeeded(child.choice("on", REASONS), child.clause()[0]))
        child.done()
    return tuple(found)


# ---- who owes what ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of one site in one category."""

    category: str
    tiers: frozenset[str] = frozenset()  # of the titles it holds
    levels: frozenset[str] = frozenset()  # of the cultivation libraries it is in
    aspires: bool = False  # it means to apply for a higher list
    applied: bool = False  # it handed in an evaluation report this year already (JY-11, JY-19)


@dataclass(frozen=True, slots=True)
class Owed:
    """One duty of one unit in a year. `exempt`: why it need not file, with the clause; `instead`: the tier it files with."""

    duty: Duty
    category: str
    form: str
    due_on: date | None
    tiers: tuple[str, ...]
    exempt: NotNeeded | None = None
    instead: str = ""


def of(bound: BoundPolicy, key: str) -> Duty:
    """Raises KeyError."""
    for duty in bound.duties:
        if duty.key == key:
            return duty
    raise KeyError(key)


def of_units(bound: BoundPolicy) -> tuple[Duty, ...]:
    """The duties of units: each of them has a cycle every year."""
    return tuple(duty for duty in bound.duties if duty.who in (LISTED, ASPIRING))


def last_day(duty: Duty, year: int) -> date | None:
    """The last day in a year, that day included; None where the cycle has to name it (QHD-12a)."""
    return date(year, *duty.due) if duty.due else None


def opening_day(duty: Duty, year: int) -> date | None:
    """The day on which the scheduler opens the cycle of a year; None where an official does."""
    return date(year, *duty.opens) if duty.opens and duty.due else None


def owed(duty: Duty, holder: Holder, year: int) -> Owed | None:
    """Whether a unit owes a duty; None where it does not concern it at all. Exempt says which clause lets it off."""
    held = tuple(tier for tier in TIERS if tier in holder.tiers)
    mine = tuple(tier for tier in held if tier in duty.tiers)
    form = duty.forms.get(holder.category, "")
    if not form or not _concerns(duty, holder, mine):
        return None
    exempt, instead = _let_off(duty, holder, held)
    return Owed(duty, holder.category, form, last_day(duty, year), mine, exempt, instead)


def _concerns(duty: Duty, holder: Holder, mine: Collection[str]) -> bool:
    if duty.who == LISTED:
        return bool(mine)
    if duty.who == ASPIRING:
        return bool(holder.levels & set(duty.levels)) or (bool(mine) and holder.aspires)
    return False


def _let_off(duty: Duty, holder: Holder, held: tuple[str, ...]) -> tuple[NotNeeded | None, str]:
    """With several titles the highest one counts, so of city and nation it is the nation's table (QHD-12b)."""
    highest = held[-1] if held else ""
    if duty.highest_tier_only and highest and highest not in duty.tiers:
        return duty.highest_tier_only, highest
    for reason in duty.not_needed:
        if reason.on == "applied" and holder.applied:
            return reason, ""
    return None, ""


def duties(bound: BoundPolicy, holders: Iterable[Holder], year: int) -> tuple[Owed, ...]:
    """Every duty of these units in a year, by this rule set."""
    found = (owed(duty, holder, year) for holder in holders for duty in of_units(bound))
    return tuple(one for one in found if one is not None)

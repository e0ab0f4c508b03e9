"""`[[change]]`, `[[report]]` and `[[supervision]]` tables, and the sample of a plan of inspections. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

from greenlist.policy.engine.reading import Node
from greenlist.policy.engine.types import (
    ChangeRule,
    InspectionItem,
    ReportOutcome,
    ReportRule,
    SupervisionRule,
)

TIERS = ("county", "city", "province", "nation")
KINDS = ("name", "legal_representative", "scope", "address", "boundary", "merger", "split")
ABOUT = ("listed", "body")
OUTCOMES = ("unfounded", "rectification", "removal", "body")


# ---- reading --------------------------------------------------------------------------------------------------------
def _lists(node: Node) -> frozenset[str]:
    return frozenset(node.texts("lists", of=TIERS))


def read_changes(root: Node) -> tuple[ChangeRule, ...]:
    """The `[[change]]` tables. Mistakes go to the log of `root`."""
    return tuple(_change(node) for node in root.tables("change"))


def _change(node: Node) -> ChangeRule:
    clause, _layer = node.clause()
    rule = ChangeRule(
        key=node.identifier(),
        lists=_lists(node),
        kinds=node.texts("kinds", of=KINDS, required=True),
        told_in=node.text("told_in", required=False),
        verify=node.choice("verify", TIERS),
        publishes=node.flag("publish"),
        bundle=frozenset(node.texts("bundle", of=TIERS)),
        ground=node.text("ground", required=False),
        label=node.words("label"),
        clause=clause,
    )
    node.done()
    return rule


def read_reports(root: Node) -> tuple[ReportRule, ...]:
    """The `[[report]]` tables. Mistakes go to the log of `root`."""
    return tuple(_report(node) for node in root.tables("report"))


def _report(node: Node) -> ReportRule:
    clause, _layer = node.clause()
    about = frozenset(node.texts("about", of=ABOUT, required=True))
    rule = ReportRule(
        key=node.identifier(),
        lists=_lists(node),
        about=about,
        to=node.texts("to", of=TIERS, required=True),
        outcomes=tuple(_outcome(one) for one in node.tables("outcome")),
        keep_days=node.whole("keep_days", least=1, most=36_500, required=True) or 1,
        label=node.words("label"),
        clause=clause,
    )
    if not rule.outcomes:
        node.wrong("outcome", "is missing: say what a report may lead to")
    if ("body" in about) != (rule.outcome("body") is not None):
        node.wrong("outcome", "reports about bodies and the outcome body belong together")
    node.done()
    return rule


def _outcome(node: Node) -> ReportOutcome:
    found = ReportOutcome(
        key=node.choice("key", OUTCOMES),
        ground=node.text("ground", required=False),
        clause=node.clause()[0],
        note=node.words("read_as", required=False),
    )
    node.done()
    return found


def read_supervision(root: Node) -> tuple[SupervisionRule, ...]:
    """The `[[supervision]]` tables. Mistakes go to the log of `root`."""
    return tuple(_supervision(node) for node in root.tables("supervision"))


def _supervision(node: Node) -> SupervisionRule:
    clause, _layer = node.clause()
    rule = SupervisionRule(
        key=node.identifier(),
        by=node.texts("by", of=TIERS, required=True),
        lists=_lists(node),
        unannounced=node.flag("unannounced"),
        items=tuple(_item(one) for one in node.tables("item")),
        label=node.words("label"),
        clause=clause,
    )
    if not rule.items:
        node.wrong("item", "is missing: say what is looked at on site")
    node.done()
    return rule


def _item(node: Node) -> InspectionItem:
    found = InspectionItem(node.identifier(), node.words("text"), node.clause()[0])
    node.done()
    return found


# ---- the sample -----------------------------------------------------------------------------------------------------
def size_of(population: int, *, share: Decimal | None, number: int | None) -> int:
    """How many are drawn: a share in per cent rounded up, or a number; never more than there are."""
    wanted = (Decimal(population) * (share or 0) / 100).to_integral_value(ROUND_CEILING) if number is None else number
    return min(population, int(wanted))


def sample(seed: str, keys: Iterable[str], size: int) -> tuple[str, ...]:
    """The first of the keys in the order of SHA-256 of "seed:key": seed and keys decide it, the order of rows does not."""
    ordered = sorted(set(keys), key=lambda key: (hashlib.sha256(f"{seed}:{key}".encode()).hexdigest(), key))
    return tuple(ordered[:size])

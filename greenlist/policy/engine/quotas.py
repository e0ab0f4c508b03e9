"""How many units may be recommended: counted, explained, and said as findings. Who counts the units is the caller's matter."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from greenlist.policy.engine.types import BoundPolicy, Finding, Json, Outcome, Quota


def quotas(bound: BoundPolicy, step: str) -> tuple[Quota, ...]:
    """The quotas that count at a step of the route."""
    return tuple(quota for quota in bound.quotas if quota.step == step)


def share_of(quota: Quota, stock: int) -> int | None:
    """The share of a stock in whole units, rounded down (HEB-3a); None where the quota is no share."""
    if quota.share is None:
        return None
    return int((Decimal(stock) * quota.share / 100).to_integral_value(ROUND_FLOOR))


def places(quota: Quota, stock: int = 0, allotted: int | None = None) -> int | None:
    """How many units have a place: the number given to the area, else the call's number, else the share of the stock.

    None while the number has not been given.
    """
    if allotted is not None and quota.allotted:
        return allotted
    return quota.limit if quota.limit is not None else share_of(quota, stock)


def judge_quota(quota: Quota, *, places: int | None, taken: int, here: int, stock: int | None = None) -> Finding:
    """What it means to recommend `here` units beside those `taken` already."""
    known = places or 0
    over = taken + here > known
    params: dict[str, Json] = {
        "label": {"zh": quota.label.zh, "en": quota.label.en},
        "places": known,
        "taken": taken,
        "here": here,
        "over": max(taken + here - known, 0),
        "stock": stock,
        "share": str(quota.share) if quota.share is not None else None,
    }
    outcome = quota.otherwise if over else Outcome.CLEAR
    code = "quota.open" if places is None else "quota.over" if over else "quota.within"
    return Finding(f"quota.{quota.key}", quota.clause, outcome, code, params, (), quota.layer)

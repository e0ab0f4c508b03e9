"""No figure is passed off as verified: without a document somebody compared it with, it says so itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SETS = sorted((FIXTURES / "criteria").glob("*.toml"))
TABLES = sorted((FIXTURES / "factors").glob("*.toml"))
FIGURES = ("points", "base", "lead")
COMPARED: frozenset[str] = frozenset()  # files somebody has compared with the document they come from; none yet


def figures(row: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every figure of a row, and whether it says that nobody verified it."""
    cases = [row, *row.get("alternatives", [])]
    for one in [*cases, *(size for case in cases for size in case.get("classes", []))]:
        for name in FIGURES:
            if name in one:
                yield f"{row['key']}.{name}", bool(one.get(f"{name}_unverified") or one.get("unverified"))


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_no_figure_of_a_set_without_its_document_counts_as_verified(path: Path) -> None:
    known = tomllib.loads(path.read_text(encoding="utf-8"))
    head = known["criteria"]
    if path.name in COMPARED:
        return
    assert head["verified"] is False and head["unverified"]
    found = [one for group in known["group"] for row in group["row"] for one in figures(row)]
    assert found or path.stem == "park-2024"
    assert [name for name, said in found if not said] == []


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_no_factor_without_its_document_counts_as_verified(path: Path) -> None:
    known = tomllib.loads(path.read_text(encoding="utf-8"))
    head = known["factors"]
    if path.name in COMPARED:
        return
    assert head["verified"] is False and head["unverified"]
    assert [one["item"] for one in known["factor"] if not one.get("source")] == []


def test_a_set_that_calls_itself_unverified_may_not_leave_out_why() -> None:
    from greenlist.policy.engine.criteria import load_criteria
    from greenlist.policy.engine.types import PolicyErrors

    text = SETS[0].read_text(encoding="utf-8")
    head, _line, rest = text.partition('\nunverified = "')
    with pytest.raises(PolicyErrors):
        load_criteria(SETS[0].stem, (head + "\n" + rest.partition("\n")[2]).encode())
    load_criteria(SETS[0].stem, text.encode())

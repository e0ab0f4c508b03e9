"""The tables of clauses and cases are whole, and every mark in a test names a row of them."""

from __future__ import annotations

import ast
import csv
import hashlib
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT

TABLES = {"clause": "clauses.csv", "case": "cases.csv"}
CLAUSES = "ba9b67d99de615b047262d541264ca856f844aa3fd2277cbf5853699ff449dd9"


def ids(kind: str) -> list[str]:
    with (ROOT / "tests" / TABLES[kind]).open(encoding="utf-8", newline="") as source:
        return [row["id"] for row in csv.DictReader(source)]


def marks(kind: str) -> Iterator[tuple[str, str]]:
    """(place, id) of every pytest.mark.<kind>("…") written in the tests."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{kind}":
                for one in node.args:
                    if isinstance(one, ast.Constant):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", str(one.value)


def test_the_clause_table_is_the_one_agreed() -> None:
    """A clause is not made easier by editing the copy; a new edition of the table comes with its new digest."""
    content = (ROOT / "tests" / "clauses.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == CLAUSES


@pytest.mark.parametrize("kind", TABLES)
def test_ids_are_unique(kind: str) -> None:
    names = ids(kind)
    assert len(names) > 20
    assert len(names) == len(set(names))


def test_every_clause_mark_names_a_clause() -> None:
    known = set(ids("clause"))
    unknown = [f"{place} {one}" for place, one in marks("clause") if one not in known]
    assert not unknown, "\n" + "\n".join(unknown)


def test_every_case_mark_is_a_case_id() -> None:
    """cases.csv lists what is due; a test may prove more."""
    odd = [
        f"{place} {one}"
        for place, one in marks("case")
        if not re.fullmatch(r"(AU|AZ|WF|UP|DO|BG|DA|PR|AC|OP)-\d\d|[FL]\d", one)
    ]
    assert not odd, "\n" + "\n".join(odd)

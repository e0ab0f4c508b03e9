"""Closed arithmetic over named fields: + - * / ( ), numbers, names, sum(table.column), last(table.column),
known(a, b). No eval."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

# A leaf is a number, a name, or sum/last of a column; a node is a sign with its operands.
Tree = tuple[Any, ...]
FUNCTIONS = frozenset({"sum", "last"})
KNOWN = "known"  # known(a, b): a, or b where a is missing
OF_PRODUCT = "_pn"  # a calculator's result for the product of the row: product 1 in the first row, and so on
_TOKEN = re.compile(
    r"\s*(?:(?P<num>\d+(?:\.\d+)?)|(?P<name>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)|(?P<sign>[-+*/(),]))"
)


class BadFormula(ValueError):
    """The text is not closed arithmetic."""


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise BadFormula(text[at:])
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        at = match.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise BadFormula("ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, sign: str) -> None:
        if self.take()[1] != sign:
            raise BadFormula(f"{sign} expected")

    def chain(self, signs: str, operand: Callable[[], Tree]) -> Tree:
        left = operand()
        while self.peek() and self.peek() in signs:
            left = (self.take()[1], left, operand())
        return left

    def expression(self) -> Tree:
        return self.chain("+-", self.term)

    def term(self) -> Tree:
        return self.chain("*/", self.factor)

    def factor(self) -> Tree:
        kind, text = self.take()
        if kind == "num":
            return ("num", Decimal(text))
        if text == "-":
            return ("neg", self.factor())
        if text == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if kind == "name" and text in FUNCTIONS:
            self.expect("(")
            inside, name = self.take()
            if inside != "name" or "." not in name:
                raise BadFormula(f"{text} wants table.column")
            self.expect(")")
            return (text, name)
        if kind == "name" and text == KNOWN and self.peek() == "(":
            self.expect("(")
            first = self.expression()
            self.expect(",")
            second = self.expression()
            self.expect(")")
            return (KNOWN, first, second)
        if kind == "name":
            return ("name", text)
        raise BadFormula(text)


@lru_cache(maxsize=512)
def read(text: str) -> Tree:
    """The tree of a formula. Raises BadFormula."""
    parser = _Parser(text)
    tree = parser.expression()
    if parser.peek():
        raise BadFormula(parser.peek())
    return tree


def names(tree: Tree) -> Iterator[tuple[str, str]]:
    """(function or "", name) of everything a formula reads."""
    match tree:
        case ("name", name):
            yield "", name
        case ("sum" | "last" as function, name):
            yield function, name
        case (_, *parts):
            for part in parts:
                if isinstance(part, tuple):
                    yield from names(part)


Lookup = Callable[[str, str], Decimal | None]  # (function or "", name) → value


def evaluate(tree: Tree, lookup: Lookup) -> Decimal | None:
    """The value, unrounded; None when something it needs is missing or a division by zero arises."""
    match tree:
        case ("num", value):
            return value
        case ("name", name):
            return lookup("", name)
        case ("sum" | "last" as function, name):
            return lookup(function, name)
        case ("known", first, second):
            value = evaluate(first, lookup)
            return evaluate(second, lookup) if value is None else value
        case ("neg", inner):
            value = evaluate(inner, lookup)
            return None if value is None else -value
    sign, left, right = tree
    a, b = evaluate(left, lookup), evaluate(right, lookup)
    if a is None or b is None or (sign == "/" and not b):
        return None
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[sign]()

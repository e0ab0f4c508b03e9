"""A strict reader of parsed tables: what is not asked for is an error, and every error names file and key.

It never stops at the first mistake: a wrong value is reported and a harmless stand-in returned.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from greenlist.policy.engine.types import Clause, Layer, PolicyError, Text

# Allowed in every table. `categories`: the table holds for these categories only (loading leaves the others out).
COMMON = frozenset({"defaults", "unverified", "note", "categories"})
KEY = re.compile(r"^[a-z][a-z0-9_]*$")
_AT_LINE = re.compile(r"at line (\d+)")


class Log:
    """Collects the errors of one load."""

    def __init__(self) -> None:
        self.errors: list[PolicyError] = []

    def add(self, file: str, key: str, template: str, /, **params: Any) -> None:
        error = PolicyError(file, key, template, params)
        if str(error) not in {str(known) for known in self.errors}:
            self.errors.append(error)


def parse(file: str, content: bytes, log: Log) -> dict[str, Any]:
    """TOML → dict. A file that does not parse is reported with the key on the line that broke."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        log.add(file, "-", "the file is not UTF-8 text")
        return {}
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        found = _AT_LINE.search(str(wrong))
        number = int(found.group(1)) if found else 0
        lines = text.splitlines()
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        key = line.split("=")[0].strip() if "=" in line else f"line {number}"
        log.add(
            file,
            key or f"line {number}",
            "not valid TOML (an impossible date, or a typing error): %(why)s",
            why=str(wrong),
        )
        return {}


class Node:
    """One table of a file. Reads mark keys as known; `done` reports the rest."""

    def __init__(self, data: Any, *, file: str, key: str, log: Log, clauses: Mapping[str, Clause], prefix: str) -> None:
        self.file, self.key, self.log, self.clauses, self.prefix = file, key, log, clauses, prefix
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.wrong("", "must be a table")
        self.seen: set[str] = set(COMMON)

    # -- errors
    def path(self, name: str) -> str:
        return ".".join(part for part in (self.key, name) if part)

    def wrong(self, name: str, template: str, /, **params: Any) -> None:
        self.log.add(self.file, self.path(name) or "-", template, **params)

    def done(self) -> None:
        """Reports every key nobody asked for, and `defaults` that name no key."""
        for name in sorted(set(self.data) - self.seen):
            self.wrong(name, "unknown key")
        for name in self.data.get("defaults", ()):
            if str(name).split(".")[0] not in self.data:
                self.wrong("defaults", "names the key %(name)s, which is not in this table", name=name)

    # -- scalars
    def has(self, name: str) -> bool:
        self.seen.add(name)
        return name in self.data

    def ladder(self, name: str = "remind") -> tuple[int, ...]:
        """Days before (positive) and after (negative) a last day on which people are reminded, furthest before first."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(type(item) is int and -366 <= item <= 366 for item in value):
            self.wrong(name, "must be a list of whole numbers of days")
            return ()
        return tuple(sorted(set(value), reverse=True))

    def raw(self, name: str, *, required: bool = False) -> Any:
        self.seen.add(name)
        if required and name not in self.data:
            self.wrong(name, "is missing")
        return self.data.get(name)

    def text(self, name: str, *, required: bool = True, default: str = "") -> str:
        value = self.raw(name, required=required)
        if value is None:
            return default
        if not isinstance(value, str) or (required and not value.strip()):
            self.wrong(name, "must be text")
            return default
        return value

    def identifier(self, name: str = "key") -> str:
        value = self.text(name)
        if value and not KEY.match(value):
            self.wrong(name, "must be small letters, digits and _, starting with a letter")
        return value

    def words(self, name: str, *, required: bool = True, english: bool = True) -> Text:
        """Text in both languages; a help text may lack English, and so may a document's body."""
        value = self.raw(name, required=required)
        if value is None:
            return Text()
        if (
            not isinstance(value, dict)
            or set(value) - {"zh", "en"}
            or not all(isinstance(v, str) for v in value.values())
        ):
            self.wrong(name, "must be {zh = …, en = …}")
            return Text()
        for language in ("zh", "en") if english else ("zh",):
            if not value.get(language, "").strip():
                self.wrong(f"{name}.{language}", "is missing")
        return Text(zh=value.get("zh", "").strip(), en=value.get("en", "").strip())

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
            return default
        return value

    def whole(self, name: str, *, least: int = 0, most: int = 10_000, required: bool = False) -> int | None:
        value = self.raw(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, "must be a whole number from %(least)s to %(most)s", least=least, most=most)
            return least
        return value

    def decimal(self, name: str) -> Decimal | None:
        value = self.raw(name)
        if value is None:
            return None
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            found = Decimal("NaN")
        if isinstance(value, bool) or not found.is_finite():
            self.wrong(name, "must be a number")
            return None
        return found

    def day(self, name: str, *, required: bool = False) -> date | None:
        value = self.raw(name, required=required)
        if value is None:
            return None
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.wrong(name, "is an impossible date: %(value)s", value=value)
            return None

    def choice(self, name: str, options: Collection[str], *, required: bool = True, default: str = "") -> str:
        value = self.text(name, required=required, default=default)
        if value and value not in options:
            self.wrong(name, "must be one of %(options)s", options=", ".join(options))
            return next(iter(options), "")
        return value

    def texts(self, name: str, *, of: Collection[str] | None = None, required: bool = False) -> tuple[str, ...]:
        value = self.raw(name, required=required)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(name, "must be a list of texts")
            return ()
        for item in value:
            if of is not None and item not in of:
                self.wrong(name, "knows no %(item)s; there are %(options)s", item=item, options=", ".join(of))
        return tuple(value)

    # -- tables
    def child(self, data: Any, key: str) -> Node:
        return Node(data, file=self.file, key=key, log=self.log, clauses=self.clauses, prefix=self.prefix)

    def table(self, name: str, *, required: bool = False) -> Node | None:
        value = self.raw(name, required=required)
        return None if value is None else self.child(value, self.path(name))

    def tables(self, name: str) -> list[Node]:
        """The entries of an array of tables; each is called by its own `key` or `id`. Doubles are reported."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(name, "must be a list of tables")
            return []
        found: list[Node] = []
        for position, entry in enumerate(value, start=1):
            called = str(entry.get("key") or entry.get("id") or position) if isinstance(entry, dict) else str(position)
            node = self.child(entry, self.path(f"{name}.{called}"))
            if any(other.key == node.key for other in found):
                node.wrong("", "is there twice")
            found.append(node)
        return found

    def named(self, name: str) -> Iterator[tuple[str, Node]]:
        """The entries of a table of tables."""
        value = self.raw(name)
        if isinstance(value, dict):
            for key, entry in value.items():
                yield key, self.child(entry, self.path(f"{name}.{key}"))
        elif value is not None:
            self.wrong(name, "must be a table of tables")

    # -- clauses
    def resolve(self, reference: str) -> Clause | None:
        """A clause by its full id, or by what follows the rule set's prefix ("5.1" → "QHD-5.1")."""
        return self.clauses.get(reference) or self.clauses.get(f"{self.prefix}-{reference}")

    def clause(self, name: str = "clause", *, required: bool = True) -> tuple[str, Layer]:
        """The clause this table cites, and its layer. `portal = true` stands instead for the portal's own rule."""
        if self.flag("portal") and name == "clause":
            if self.data.get(name):
                self.wrong(name, "a rule of the portal cites no clause")
            self.seen.add(name)
            return "", Layer.PORTAL
        reference = self.text(name, required=False)
        if not reference:
            if required:
                self.wrong(name, "is missing: every table cites a clause")
            return "", Layer.PORTAL
        found = self.resolve(reference)
        if found is None:
            self.wrong(name, "cites %(clause)s, which is not in clauses.toml", clause=reference)
            return reference, Layer.GUIDE
        return found.id, found.layer


def close(nodes: Iterable[Node]) -> None:
    for node in nodes:
        node.done()

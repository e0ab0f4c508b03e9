"""Criteria sets: the standard by which units are judged. For now its basic requirements; indicators come with scoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenlist.policy.engine.loading import digest, plain
from greenlist.policy.engine.reading import Log, Node, parse
from greenlist.policy.engine.types import Json, PolicyErrors, Text


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    text: Text
    place: str  # where in the standard
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Criteria:
    slug: str
    category: str
    standard: str
    edition: str
    title: Text
    source: Text
    verified: bool
    unverified: str
    requirements: tuple[Requirement, ...]
    digest: str
    raw: Mapping[str, Json]


def load_criteria(file: str, content: bytes) -> Criteria:
    """One criteria file. Raises PolicyErrors, all mistakes at once."""
    log = Log()
    raw = plain(parse(file, content, log))
    if log.errors:
        raise PolicyErrors(log.errors)
    return build_criteria(file, raw)


def build_criteria(file: str, raw: Mapping[str, Json]) -> Criteria:
    """The same from a stored canonical form. Raises PolicyErrors."""
    log = Log()
    root = Node(raw, file=file, key="", log=log, clauses={}, prefix="")
    head = root.table("criteria", required=True) or root.child({}, "criteria")
    requirements = []
    for node in root.tables("requirement"):
        requirements.append(
            Requirement(
                key=node.identifier(),
                text=node.words("text"),
                place=node.text("place", required=False),
                unverified=node.text("unverified", required=False),
            )
        )
        node.done()
    if not requirements:
        root.wrong("requirement", "is missing")
    verified, unverified = head.flag("verified"), head.text("unverified", required=False)
    if not verified and not unverified:
        head.wrong("unverified", "is missing: say what is not verified")
    criteria = Criteria(
        slug=head.text("slug"),
        category=head.text("category"),
        standard=head.text("standard"),
        edition=head.text("edition"),
        title=head.words("title"),
        source=head.words("source"),
        verified=verified,
        unverified=unverified,
        requirements=tuple(requirements),
        digest=digest(raw),
        raw=raw,
    )
    head.done()
    root.done()
    if log.errors:
        raise PolicyErrors(log.errors)
    return criteria

"""Pages of a list by position (keyset): never a count, never an offset. For querysets whose last order is the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from greenlist.core.http import whole

SIZE = 50


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[Any, ...]
    older: str  # cursor of the next page; empty on the last
    is_first: bool = True

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)


def page_of(found: QuerySet[Any], given: Mapping[str, str], *, size: int = SIZE) -> Page:
    """The page after `?after=<key>`, newest keys first; nonsense means the start."""
    after = whole(given.get("after"))
    found = found.order_by("-pk")
    if after is not None:
        found = found.filter(pk__lt=after)
    rows: list[Model] = list(found[: size + 1])
    older = str(rows[size - 1].pk) if len(rows) > size else ""
    return Page(tuple(rows[:size]), older, after is None)

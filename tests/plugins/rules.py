"""Rule sets, criteria and factors are read and checked once per process: most tests load the same files.

What was read is kept under the files' own content, so that whatever a test changes is read anew; a refusal is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest


def _once(reads: Callable[..., Any], key: Callable[..., Hashable]) -> Callable[..., Any]:
    known: dict[Hashable, Any] = {}

    def read(*given: Any) -> Any:
        name = key(*given)
        if name not in known:
            known[name] = reads(*given)
        return known[name]

    return read


@pytest.fixture(scope="session", autouse=True)
def _rules_read_once() -> Iterator[None]:
    from greenlist.policy import engine
    from greenlist.policy.services import loading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "load", _once(engine.load, lambda files, facts: (frozenset(files.items()), id(facts))))
        patch.setattr(engine, "forms_cited", _once(engine.forms_cited, lambda files: frozenset(files.items())))
        for name in ("load_criteria", "load_factors"):
            patch.setattr(loading, name, _once(getattr(loading, name), lambda file, content: (file, content)))
        yield

"""A round of a periodic task over its rows: one that cannot be done must not hold the others (BG-10)."""

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


def each(keys: Iterable[int], work: Callable[[int], int | bool | None]) -> int:
    """The sum of what `work` returns for every key; a failure is logged as an error and the round goes on.

    `work` has its own transaction. The next round tries again: a row says itself whether there is still something to do.
    """
    done = 0
    for key in list(keys):
        try:
            done += int(work(key) or 0)
        except Exception:
            log.exception("%s.%s: row %s is left for the next round", work.__module__, work.__qualname__, key)
    return done

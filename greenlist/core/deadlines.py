"""Every last day in the product: who owes what by when. One round reminds of all of them; feeds and work lists read the same.

An app registers a source (`<app>/services/deadlines.py`, imported by its AppConfig.ready()). A source yields what is owed *now*:
who has nothing left to do yields nothing and is not reminded. The outbox's unique key (the deadline's key, last day and rung,
person, channel) makes each reminder go out once, however often and by however many the round is run; only the newest rung that
is reached is sent, so after two days without a worker people get one message and not a burst (BG-08).
"""

import inspect
import logging
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model

from greenlist.core import outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import china_date
from greenlist.core.models import Notification

log = logging.getLogger(__name__)
NEAR, PASSED = "deadline.near", "deadline.passed"
AT_ONCE = 500  # deadlines looked up by one statement
FRESH = timedelta(minutes=5)  # a message of this age was decided on a moment ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One thing owed by some people until a day, that day included."""

    key: str  # what is owed and by whom: the event of its messages; never changes
    what: str  # its title, as its people read it
    last_day: date
    since: date  # from when it is known: rungs before that day are never sent
    ladder: tuple[int, ...]  # days before the last day (positive), after it (negative)
    people: tuple[int, ...]
    link: str = ""
    clause: str = ""
    holder: str = (
        ""  # as whom they owe it: `office(…)`, `firm(…)`, `capacity(…)`; empty: by themselves, whatever they act as
    )
    kind: str = NEAR  # words before and on the last day: core.messages; given `days`, `title`, `day` and `params`
    late: str = PASSED  # words after it
    params: Mapping[str, object] = field(default_factory=dict)


T = TypeVar("T")
Source = Callable[..., Iterable[Deadline]]
_sources: dict[str, Source] = {}


class Incomplete(Exception):
    """Some rows of a source could not be read (logged already); the others were yielded."""


def source(name: str) -> Callable[[Source], Source]:
    """Registers `(today)` or `(today, *, actor=None)`, which yield deadlines.

    With an actor a source should yield that actor's only (it is asked on every work list); one that takes no actor is asked
    for everybody's and filtered.
    """

    def register(function: Source) -> Source:
        _sources[name] = function
        return function

    return register


def each(rows: Iterable[T], make: Callable[[T], Iterable[Deadline]]) -> Iterator[Deadline]:
    """The deadlines of every row; one that cannot be read is logged and does not hold the others (BG-10).

    Raises Incomplete at the end when there was such a row.
    """
    failed = 0
    for row in rows:
        try:
            found = list(make(row))
        except Exception:
            log.exception("%s.%s: no deadlines of %s", make.__module__, make.__qualname__, row)
            failed += 1
        else:
            yield from found
    if failed:
        raise Incomplete(failed)


def office(authority_id: int) -> str:
    return f"authority:{authority_id}"


def firm(organisation_id: int) -> str:
    return f"organisation:{organisation_id}"


def capacity(acting: Capacity) -> str:
    return f"capacity:{acting.value}"


@cache
def usual_ladder() -> tuple[int, ...]:
    """The portal's own choice where a rule set says nothing (fixtures/reference/reminders.toml)."""
    text = (Path(settings.ROOT) / "fixtures" / "reference" / "reminders.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["ladder"])


def rung(ladder: Iterable[int], last_day: date, today: date, since: date) -> int | None:
    """The newest rung that is reached: the one nearest to today that is not ahead of us.

    None when it is too early, when the last day has passed and no rung stands after it, or when the rung lay before
    `since`: who learned of a deadline today is not reminded of yesterday's rung.
    """
    days_left = (last_day - today).days
    newest = min((days for days in ladder if days >= days_left), default=None)
    if newest is None or (days_left < 0 <= newest) or last_day - timedelta(days=newest) < since:
        return None
    return newest


def period(deadline: Deadline, reached: int) -> str:
    """An extension makes another last day, so another row of reminders."""
    return f"{deadline.last_day.isoformat()}:{reached}"


# ---- asking ---------------------------------------------------------------------------------------------------------
def owed(today: date) -> Iterator[Deadline]:
    """Everybody's, of all sources; what fails is logged and left out."""
    for name in list(_sources):
        yield from _asked(name, today)


def of(actor: Actor, today: date) -> list[Deadline]:
    """What this person owes in this capacity, the first day first; what is late stands before it."""
    if not actor.is_signed_in:
        return []
    found = {}
    for name in list(_sources):
        for one in _asked(name, today, actor):
            if actor.user_id in one.people and one.holder in _holders(actor):
                found[one.key] = one
    return sorted(found.values(), key=lambda one: (one.last_day, one.key))


def _holders(actor: Actor) -> set[str]:
    held = {"", capacity(actor.capacity)}
    if actor.authority_id is not None:
        held.add(office(actor.authority_id))
    if actor.organisation_id is not None:
        held.add(firm(actor.organisation_id))
    return held


def _asked(name: str, today: date, actor: Actor | None = None, broken: list[str] | None = None) -> Iterator[Deadline]:
    """What a source yields until it breaks; `broken` then holds its name."""
    function = _sources[name]
    try:
        yield from function(today, actor=actor) if _takes_actor(function) else function(today)
    except Exception as failure:
        if not isinstance(failure, Incomplete):
            log.exception("the deadlines of %s cannot be read", name)
        if broken is not None:
            broken.append(name)


@cache
def _takes_actor(function: Source) -> bool:
    return "actor" in inspect.signature(function).parameters


# ---- reminding ------------------------------------------------------------------------------------------------------
def remind(*, at: datetime) -> int:
    """One round over all sources; returns how many deadlines had somebody who was told now."""
    today = china_date(at)
    told = 0
    for name in list(_sources):
        due = _reached(name, today)
        while some := list(islice(due, AT_ONCE)):
            told += _tell(name, some, today, at)
    return told


def _reached(name: str, today: date) -> Iterator[tuple[Deadline, int]]:
    for one in _asked(name, today):
        reached = rung(one.ladder, one.last_day, today, one.since)
        if reached is not None and one.people:
            yield one, reached


def _tell(name: str, due: Collection[tuple[Deadline, int]], today: date, at: datetime) -> int:
    """Queues what nobody has queued yet. A round that runs at the same moment is held off by the unique key."""
    rows = Notification.objects.filter(event__in={one.key for one, _ in due}, channel="portal")
    known = set(rows.values_list("event", "period", "recipient_id"))
    active = _active({person for one, _ in due for person in one.people})
    told = 0
    for one, reached in due:
        there = period(one, reached)
        people = [person for person in one.people if person in active and (one.key, there, person) not in known]
        if not people:
            continue
        try:
            _queue(name, one, there, people, today, at)
        except Exception:
            log.exception("%s: nobody was reminded of %s", name, one.key)
        else:
            told += 1
    return told


def _active(people: Collection[int]) -> set[int]:
    rows = get_user_model()._default_manager.filter(pk__in=people, is_active=True)
    return set(rows.values_list("pk", flat=True))


def _queue(name: str, one: Deadline, there: str, people: list[int], today: date, at: datetime) -> None:
    left = (one.last_day - today).days
    outbox.notify(
        recipients=people,
        event=one.key,
        kind=one.kind if left >= 0 else one.late,
        at=at,
        period=there,
        params={"days": abs(left), "title": one.what, "day": one.last_day, **one.params},
        link=one.link,
        source=name,
    )


def withdraw_useless(*, at: datetime) -> int:
    """Drops mails of reminders that waited (for the morning, for the gateway) and that nobody needs any more (BG-08)."""
    waiting = Notification.objects.waiting().exclude(source="").filter(created_at__lt=at - FRESH)
    dropped = 0
    for name in sorted(set(waiting.values_list("source", flat=True))):
        if name in _sources:
            dropped += _withdraw(name, waiting.filter(source=name), china_date(at))
    return dropped


def _withdraw(name: str, waiting: outbox.Rows, today: date) -> int:
    broken: list[str] = []
    owing = {(one.key, one.last_day.isoformat()): set(one.people) for one in _asked(name, today, broken=broken)}
    if broken:  # who cannot be asked has not said that nothing is owed
        return 0
    useless = [
        pk
        for pk, event, when, person in waiting.values_list("pk", "event", "period", "recipient_id")
        if person not in owing.get((event, when.partition(":")[0]), ())
    ]
    return waiting.filter(pk__in=useless).update(state=Notification.State.DROPPED)

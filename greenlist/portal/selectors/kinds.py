"""What a work list is made of: groups of tasks, each from one queryset."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise

from applications.selectors import due
from greenlist.policy.engine.types import Calendar

SHOWN = 20  # tasks of one group on the work list; the group's own page has them all


@dataclass(frozen=True)
class Task:
    """One thing to do: what, why it is here, where, by when."""

    title: str
    why: str
    link: str
    due_on: date | None = None
    number: str = ""
    words: str = ""  # how long is left
    tone: str = ""


@dataclass(frozen=True)
class Group:
    """Tasks of one kind; `waiting` groups only tell where things are."""

    key: str
    label: str | Promise
    tasks: tuple[Task, ...] = field(default_factory=tuple)
    more: str = ""  # the page with all of them, when there are more than are shown
    waiting: bool = False


@dataclass(frozen=True)
class Kind:
    """A group before its rows are known."""

    key: str
    label: str | Promise
    rows: QuerySet[Any] | list[Any]
    task: Callable[..., Task]
    more: str = ""
    waiting: bool = False


def timed(task: Task, on: date, calendar: Calendar) -> Task:
    """The task with how long is left, in words."""
    if task.due_on is None:
        return task
    words, tone = due.left(task.due_on, on, calendar)
    return replace(task, words=words, tone=tone)

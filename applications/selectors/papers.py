"""A report and who fills it in: an application here, a yearly table in a later stage.

Pages and services of drafts know only this.

A later app registers its kind when it is ready; this one never knows which there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from django.urls import reverse

from applications.models import Application, Figure, Report
from applications.selectors import calls, drafts
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy.engine.types import BoundPolicy, Form

CASE = "case"


@dataclass(frozen=True)
class Paper:
    """One report that somebody fills in. What costs a query is worked out when it is asked for."""

    kind: str
    reference: str  # of the application or duty
    name: str  # of the unit
    title: str  # what it is filled in for
    report: Report
    bound: BoundPolicy
    form: Form
    subject: tuple[str, int]  # whose audit chain
    open_now: Callable[[], drafts.Opened]
    last_day: Callable[[], calls.Deadline | None]
    figures_before: Callable[[datetime], Mapping[str, Figure]]
    home: str  # address of the unit's own page of it
    check: str  # … of the page where it is declared
    rail: str  # … of the list it is in
    rail_title: str = ""
    case: Application | None = None

    @cached_property
    def opened(self) -> drafts.Opened:
        return self.open_now()

    def url(self, page: str, *args: str) -> str:
        """The address of a page of the report: section, evidence, evidence-add …"""
        if self.kind == CASE:
            return reverse(f"applications:{page}", args=[self.reference, *args])
        return reverse(f"applications:paper-{page}", args=[self.kind, self.reference, *args])


class Write(Protocol):
    def __call__(self, *, actor: Actor, at: datetime, reference: str, quick: bool = False) -> Paper: ...


@dataclass(frozen=True)
class Kind:
    """How papers of a kind are reached."""

    fill: Callable[[Actor, str, bool], Paper]  # for who fills it in; quick: enough to know the form
    show: Callable[[Actor, str], Paper]  # for everybody who may see it
    write: Write  # locked, while it may be changed. Raises NotVisible, NotAllowed, WrongState


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Said once by the app whose papers these are."""
    _kinds[name] = kind


def kind(name: str) -> Kind:
    """Raises NotVisible for a kind nobody knows."""
    if name not in _kinds:
        raise NotVisible
    return _kinds[name]


def fill(name: str, actor: Actor, reference: str, *, quick: bool = False) -> Paper:
    """Raises NotVisible."""
    return kind(name).fill(actor, reference, quick)


def show(name: str, actor: Actor, reference: str) -> Paper:
    """Raises NotVisible."""
    return kind(name).show(actor, reference)


def of_case(case: Application) -> Paper:
    """An application as a paper."""
    bound = calls.rules_of(case.call)
    return Paper(
        kind=CASE,
        reference=case.reference,
        name=case.name,
        title=case.call.title,
        report=case.report,
        bound=bound,
        form=drafts.form_of(case, bound),
        subject=("case", case.pk),
        open_now=lambda: drafts.opened(case),
        last_day=lambda: calls.submission_deadline(case.call, case.site.area.path),
        figures_before=lambda at: drafts.last_figures(case.report, at),
        home=reverse("applications:case", args=[case.reference]),
        check=reverse("applications:check", args=[case.reference]),
        rail=reverse("applications:cases"),
        case=case,
    )

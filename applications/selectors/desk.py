"""The queue of one authority: what waits at its desk, the earliest due first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from applications.models import (
    Application,
    BatchItem,
    Call,
    Correction,
    Extension,
    SavedFilter,
    Screening,
    TimelineEntry,
)
from applications.querysets import ApplicationQuerySet
from applications.selectors import batches, calls, shown
from applications.selectors.due import left
from applications.states import FINAL, State
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import china_date
from greenlist.core.errors import Text
from greenlist.organisations.models import Industry
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Calendar

PAGE_SIZE = 30
SHOWN = (  # what a line of the queue shows, and what binds its call's rules
    *("reference", "name", "number", "industry_code", "state", "step", "badges", "due_on", "entered_at"),
    *("call__values", "call__layer", "call__category", "call__year", "call__rules__digest"),
    *("organisation__striving_grade_a", "organisation__industry__name"),
    *("revision", "handler__name"),
)
FILTERS = ("view", "industry", "q", "who")  # what a saved filter may hold
WHO = (("", _("everybody’s")), ("mine", _("mine")), ("free", _("nobody’s yet")))
SALT = "applications.desk"


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at the desk. Each is one state, so that the desk's index serves its order."""

    key: str
    label: Text
    state: str
    empty: Text


VIEWS = (
    View(
        "review", _("To review"), State.SCREENING, _("Nothing to review. New applications appear here by themselves.")
    ),
    View("sign", _("To sign"), State.SCREENING, _("Nothing awaits a signature.")),
    View("returned", _("With the applicant"), State.RETURNED, _("No case is out for correction.")),
    View("passed", _("To recommend"), State.PASSED, _("No case that passed waits for a recommendation.")),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One case of the queue."""

    case: Application
    due_on: date | None  # of the step, of the correction, or the authority's own day to send
    due_words: str
    tone: str
    badges: tuple[str, ...]
    age: int  # days since it came to the desk
    own_days: int  # working days that the authority itself has had it, without those with the applicant
    applicant_days: int  # days it was with the applicant for correction
    is_second_look: bool
    has_proposal: bool
    may_take_back: bool  # returned for correction, and the applicant has not opened it yet

    @property
    def age_words(self) -> str:
        return gettext("%(n)s d") % {"n": self.age}


@dataclass(frozen=True, slots=True)
class DeskPage:
    view: View
    rows: tuple[Row, ...]
    after: str  # key of the next page; empty at the end
    industries: tuple[tuple[str, str], ...]  # two-digit industries to filter by

    @property
    def state_label(self) -> str:
        return str(State(self.view.state).label)


def view_of(key: str, actor: Actor) -> View:
    """The named view; without a name an approver starts with what is to sign, everybody else with what is to review."""
    usual = "sign" if actor.capacity == Capacity.APPROVER else "review"
    return next((view for view in VIEWS if view.key == (key or usual)), VIEWS[0])


def page(
    actor: Actor,
    *,
    on: date,
    view: str = "",
    industry: str = "",
    text: str = "",
    who: str = "",
    after: str = "",
    size: int = PAGE_SIZE,
) -> DeskPage:
    """A page of the queue: due first, then by key. The number of queries does not depend on the number of rows."""
    chosen = view_of(view, actor)
    rows = _held_by(_filtered(_base(actor, chosen), industry, text), actor, who)
    found, following = _slice(rows, after, size)
    last_days, days = _own_days(found, actor), calendar(on)
    spent = clocks(found, actor, on, days)
    return DeskPage(
        view=chosen,
        rows=tuple(_row(case, on, last_days.get(case.call_id), days, spent[case.pk]) for case in found),
        after=following,
        industries=_industries(),
    )


def _base(actor: Actor, view: View) -> ApplicationQuerySet:
    proposals = Screening.objects.filter(
        application=OuterRef("pk"), step=OuterRef("step"), signed_at=None, sent_back_at=None
    )
    corrected = Correction.objects.filter(application=OuterRef("pk"), step=OuterRef("step")).exclude(answered_at=None)
    rows = Application.objects.visible_to(actor).filter(desk_id=actor.authority_id, state=view.state)
    unseen = Correction.objects.filter(application=OuterRef("pk"), answered_at=None, seen_at=None)
    rows = rows.annotate(has_proposal=Exists(proposals), is_second_look=Exists(corrected), unseen=Exists(unseen))
    if view.key == "passed":
        live = BatchItem.objects.filter(application=OuterRef("pk"), returned_at=None, batch__step=OuterRef("step"))
        rows = rows.exclude(Exists(live))
    if view.state == State.SCREENING:
        rows = rows.filter(has_proposal=view.key == "sign")
    return rows.select_related("call__rules", "organisation__industry", "handler").only(*SHOWN)


def _filtered(rows: ApplicationQuerySet, industry: str, text: str) -> ApplicationQuerySet:
    if industry.isdigit():
        rows = rows.filter(industry_code__startswith=industry[:4])
    text = text.strip()[:60]
    if text:
        numbers = Q(code__istartswith=text) | Q(number__istartswith=text)
        rows = rows.filter(Q(name__holds=text) | numbers if text.isascii() else Q(name__holds=text))
    return rows


def _held_by(rows: ApplicationQuerySet, actor: Actor, who: str) -> ApplicationQuerySet:
    if who == "mine":
        return rows.filter(handler_id=actor.user_id)
    return rows.filter(handler=None) if who == "free" else rows


# ---- saved filters --------------------------------------------------------------------------------------------------
def query_of(given: Mapping[str, str]) -> str:
    """The filters of a request that the desk knows, as a query string; what it does not know is left out."""
    known = {name: str(given.get(name, "")).strip()[:60] for name in FILTERS}
    if known["view"] not in {view.key for view in VIEWS}:
        known["view"] = ""
    if not known["industry"].isdigit():
        known["industry"] = ""
    if known["who"] not in dict(WHO):
        known["who"] = ""
    return urlencode({name: value for name, value in known.items() if value})


def saved_of(actor: Actor) -> list[SavedFilter]:
    return list(SavedFilter.objects.filter(user_id=actor.user_id, capacity=actor.key))


# ---- the authority's clock ------------------------------------------------------------------------------------------
def calendar(on: date) -> Calendar:
    """The working days of the last year, as far as a desk looks back."""
    return Calendar(exceptions=policy.exceptions(on - timedelta(days=400)))


def clocks(cases: Sequence[Application], actor: Actor, on: date, days: Calendar) -> dict[int, tuple[int, int]]:
    """For each case: working days at this tier's own steps, and days with the applicant meanwhile; one query.

    A request for correction stops the authority's clock until the applicant has answered.
    """
    lines: dict[int, list[tuple[datetime, str, str]]] = {case.pk: [] for case in cases}
    told = TimelineEntry.objects.filter(application__in=lines).exclude(from_state=F("to_state"))
    for pk, at, state, step in told.order_by("at", "pk").values_list("application_id", "at", "to_state", "step"):
        lines[pk].append((at, state, step))
    return {case.pk: _clock(case, lines[case.pk], actor, on, days) for case in cases}


def _clock(
    case: Application, lines: Sequence[tuple[datetime, str, str]], actor: Actor, on: date, days: Calendar
) -> tuple[int, int]:
    own_steps = {step.key for step in calls.rules_of(case.call).steps if actor.tier and step.by == actor.tier.value}
    own = waiting = 0
    known = lines or [(case.entered_at, case.state, case.step)]
    ends = [china_date(at) for at, _state, _step in known[1:]] + [on]
    for (at, state, step), end in zip(known, ends, strict=True):
        if step not in own_steps or state in FINAL:
            continue
        if state == State.RETURNED:
            waiting += (end - china_date(at)).days
        else:
            own += engine.working_days_left(days, china_date(at), end)
    return own, waiting


def _slice(rows: ApplicationQuerySet, after: str, size: int) -> tuple[list[Application], str]:
    """Cases with a day first, in two index-served parts: a day that sorts nulls last would sort the whole desk."""
    day, key = _read(after)
    found: list[Application] = []
    if not (after and day is None):
        dated = rows.filter(due_on__isnull=False).order_by("due_on", "pk")
        if day is not None:
            dated = dated.filter(Q(due_on__gt=day) | Q(due_on=day, pk__gt=key))
        found = list(dated[: size + 1])
    if len(found) <= size:
        undated = rows.filter(due_on=None).order_by("pk")
        if after and day is None:
            undated = undated.filter(pk__gt=key)
        found += list(undated[: size + 1 - len(found)])
    return found[:size], _key(found[size - 1]) if len(found) > size else ""


def _key(case: Application) -> str:
    return signing.dumps([case.due_on.isoformat() if case.due_on else "", case.pk], salt=SALT)


def _read(after: str) -> tuple[date | None, int]:
    """What a page key says; a broken one starts from the beginning."""
    try:
        day, key = signing.loads(after, salt=SALT)
    except (signing.BadSignature, ValueError):
        return date.min, 0
    return (date.fromisoformat(day) if day else None), int(key)


def _own_days(found: list[Application], actor: Actor) -> Mapping[int, date | None]:
    """Until when the authority itself must send, by call: what the queue shows where the step has no day of its own."""
    undated = {case.call_id: case.call for case in found if case.due_on is None}
    known = calls.extensions_by_call(undated.keys())
    return {pk: _own_day(call, known[pk], actor) for pk, call in undated.items()}


def _own_day(call: Call, known: list[Extension], actor: Actor) -> date | None:
    step = batches.step_of(calls.rules_of(call), actor.tier.value) if actor.tier else None
    return calls.moved(step, known, actor.area_path) if step else None


def _row(case: Application, on: date, own_day: date | None, days: Calendar, spent: tuple[int, int]) -> Row:
    entered = china_date(case.entered_at)
    due_on = case.due_on or own_day
    words, tone = left(due_on, on, days)
    return Row(
        case=case,
        due_on=due_on,
        due_words=words,
        tone=tone,
        badges=shown.badges(case.badges),
        age=max((on - entered) // timedelta(days=1), 0),
        own_days=spent[0],
        applicant_days=spent[1],
        is_second_look=case.is_second_look,  # type: ignore[attr-defined]
        has_proposal=case.has_proposal,  # type: ignore[attr-defined]
        may_take_back=case.state == State.RETURNED and case.unseen,  # type: ignore[attr-defined]
    )


def _industries() -> tuple[tuple[str, str], ...]:
    """The two-digit industries: which of them lie on the desk would cost a look at every case of it."""
    return tuple(Industry.objects.filter(level=2).order_by("code").values_list("code", "name"))

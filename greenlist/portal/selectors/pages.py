"""Search, the public front page, rules in force, the jobs of the system: what crosses the apps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.models import Application, Call
from applications.selectors import calls, told
from greenlist.core import condition
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Text
from greenlist.core.heartbeats import Beat
from greenlist.core.templatetags.ui import cst
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Calendar, Clause, Header
from greenlist.portal.selectors.kinds import SHOWN, Task, timed
from registry.models import Announcement, Listing, Notice
from registry.states import AnnouncementState, NoticeState

ON_FRONT = 6  # of each kind on the front page


@dataclass(frozen=True)
class Found:
    """What a search in the workspace found, each kind bounded."""

    cases: tuple[Application, ...]
    organisations: tuple[Organisation, ...]
    listings: tuple[Listing, ...]


def search(actor: Actor, words: str) -> Found:
    """Cases by name, code or number; organisations by present or former name or code; listings: only what is visible."""
    words = words.strip()
    if not words:
        return Found((), (), ())
    cases = (
        Application.objects.visible_to(actor)
        .filter(Q(name__holds=words) | Q(code=words.upper()) | Q(number=words.upper()))
        .select_related("call")
        .order_by("-pk")
    )
    return Found(
        cases=tuple(told.as_told(case, actor) for case in cases[:SHOWN]),
        organisations=tuple(_organisations(actor, words)),
        listings=tuple(_listed(words)),
    )


def _organisations(actor: Actor, words: str) -> QuerySet[Organisation]:
    return Organisation.objects.visible_to(actor).named(words).select_related("area").order_by("-pk")[:SHOWN]


def _listed(words: str) -> QuerySet[Listing]:
    rows = Listing.objects.found_by(words).select_related("listbook__owner__area")
    return rows.order_by("-listed_on", "-pk")[:SHOWN]


@dataclass(frozen=True)
class Front:
    """What is on now, for everybody."""

    calls: tuple[Task, ...]
    notices: tuple[Task, ...]
    announcements: tuple[Announcement, ...]


def front(at: datetime) -> Front:
    """Calls one may still apply to, running notices, latest announcements."""
    today = china_date(at)
    calendar = Calendar(exceptions=policy.exceptions(today))
    notices = Notice.objects.filter(state=NoticeState.RUNNING).select_related("authority__area").order_by("ends_on")
    latest = Announcement.objects.filter(state=AnnouncementState.PUBLISHED).select_related("listbook__owner__area")
    return Front(
        calls=tuple(timed(task, today, calendar) for task in _open_calls(at)),
        notices=tuple(timed(_on_notice(row), today, calendar) for row in notices[:ON_FRONT]),
        announcements=tuple(latest.order_by("-issued_on", "-pk")[:ON_FRONT]),
    )


def _open_calls(at: datetime) -> list[Task]:
    """The latest opened; without those whose last day is over and that nobody has closed yet."""
    rows = Call.objects.open().select_related("owner__area", "rules").defer(*calls.HEAVY).order_by("-opened_at")
    found = list(rows[: 2 * ON_FRONT])
    known = calls.extensions_by_call([call.pk for call in found])
    days = [(call, calls.submission_deadline(call, "", known=known[call.pk])) for call in found]
    return [_open_call(call, day) for call, day in days if day is None or not day.is_over(at)][:ON_FRONT]


def _open_call(call: Call, deadline: calls.Deadline | None) -> Task:
    link = reverse("applications:public-call", args=[call.owner.area.slug, call.pk])
    return Task(title=call.title, why=call.owner.name, link=link, due_on=deadline.day if deadline else None)


def _on_notice(row: Notice) -> Task:
    link = reverse("registry:notice", args=[row.authority.area.slug, row.reference])
    return Task(title=row.title, why=row.authority.name, link=link, due_on=row.ends_on)


@dataclass(frozen=True)
class Rules:
    """One rule set in force, as the public reads it (QHD-20, SJZ-20)."""

    slug: str
    place: str
    header: Header
    clauses: tuple[Clause, ...]
    number: int


def rules_in_force() -> list[Rules]:
    """The newest version of every rule set with its header and clauses."""
    found = []
    for version in policy.all_current():
        built = policy.policy(version)
        found.append(
            Rules(
                slug=built.header.slug,
                place=built.header.owner,
                header=built.header,
                clauses=tuple(built.clauses.values()),
                number=version.number,
            )
        )
    return found


JOBS: dict[str, Text] = {  # of settings.CELERY_BEAT_SCHEDULE
    "sweep-outbox": gettext_lazy("Send mails"),
    "gather-digests": gettext_lazy("Make the one mail a day of who wants it"),
    "send-resets": gettext_lazy("Send links for forgotten passwords"),
    "send-invitations": gettext_lazy("Send invitations of colleagues"),
    "end-agents": gettext_lazy("End agents whose days are over"),
    "remind-deadlines": gettext_lazy("Remind of deadlines"),
    "end-releases": gettext_lazy("End releases whose time is over"),
    "scan-files": gettext_lazy("Scan uploaded files"),
    "sweep-documents": gettext_lazy("Make documents"),
    "mark-overdue": gettext_lazy("Mark departments that have not answered in time"),
    "close-notices": gettext_lazy("Close notices whose period is over"),
    "erase-reports": gettext_lazy("Erase personal data of closed reports"),
    "find-listed": gettext_lazy("Look for units of imported lists"),
    "follow-removals": gettext_lazy("Propose removals that follow from records and other lists"),
    "keep-cycles": gettext_lazy("Open yearly cycles, look who owes a table, propose what was missed"),
    "follow-cultivation": gettext_lazy("Follow cultivation objects: checks passed, applications, lists"),
    "anchor-chains": gettext_lazy("Anchor the audit trail"),
    "forget-sign-ins": gettext_lazy("Forget old sign-ins"),
    "sweep-checks": gettext_lazy("Look for new adverse records of open cases and listed units"),
    "forget-pieces": gettext_lazy("Drop uploads that were never finished"),
    "forget-uses": gettext_lazy("Forget old counts of attempts"),
    "tell-problems": gettext_lazy("Tell the administrators what to look at"),
}


@dataclass(frozen=True)
class Job:
    """A periodic job as the administrator reads it."""

    label: Text
    every: str
    beat: Beat


def jobs(state: condition.State) -> list[Job]:
    """Those that are overdue or have failed first."""
    found = [Job(label=JOBS.get(one.name, one.name), every=_every(one.period), beat=one) for one in state.beats]
    return sorted(found, key=lambda job: (not job.beat.is_overdue, not job.beat.failure))


def _every(period: timedelta) -> str:
    seconds = int(period.total_seconds())
    for length, words in ((86400, _("every %(n)s d")), (3600, _("every %(n)s h")), (60, _("every %(n)s min"))):
        if seconds % length == 0:
            return words % {"n": seconds // length}
    return _("every %(n)s s") % {"n": seconds}


def waiting(state: condition.State) -> list[dict[str, Any]]:
    """What waits in this installation, as rows of a summary list."""

    def late(count: int, seconds: float) -> Any:
        words = _("%(count)s; the oldest for %(minutes)s minutes")
        return words % {"count": count, "minutes": int(seconds // 60)} if count else 0

    backup = cst(state.backup_at) or _("never")
    rows: list[tuple[str, Any]] = [
        (_("Mails to send"), late(state.mails["new"], state.oldest_mail)),
        (_("Mails that failed"), state.mails["failed"]),
        (_("Files to scan"), late(state.unscanned, state.oldest_unscanned)),
        (_("Documents to make"), late(state.documents, state.oldest_document)),
        (_("Last backup"), backup),
    ]
    queues: list[tuple[str, Any]] = [
        (_("Queue %(name)s") % {"name": one.name}, one.messages) for one in state.queues or ()
    ]
    if state.queues is None:
        queues = [(_("Broker"), _("does not answer"))]
    return [{"label": label, "value": value} for label, value in (*rows, *queues)]

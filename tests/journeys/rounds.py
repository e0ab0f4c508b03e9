"""One unit's whole round under any rule set, from the call to the published list: whoever's turn it is does it by pages.

Nothing here knows a place: the route of the pinned rule set says which station comes next, `Place` who sits where and on
which day something happens. A rule set that nobody foresaw is told by the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import time_machine
from django.contrib.auth.hashers import make_password

from applications.models import Application, Batch, Call
from applications.selectors import rules_of
from applications.services import calls
from applications.states import State
from greenlist.accounts.models import User
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Step, StepKind
from registry.models import Announcement, Listing, Notice
from registry.states import NoticeState
from registry.tasks import close_notices
from reviews.models import Decision
from tests import factories
from tests.applications import filled
from tests.conftest import CHINA
from tests.journeys import stations
from tests.journeys.browsing import Page, Person
from tests.world import World


@dataclass(frozen=True)
class Place:
    """What is particular to one round."""

    slug: str
    owner: str  # slug of the area whose authority calls
    applicant: str
    area: str  # of the firm
    people: Mapping[str, tuple[str, str]]  # tier → handler and approver
    values: Mapping[str, Any]
    days: Mapping[str, str]  # step of the route → the moment it happens
    counted: tuple[str, str, int]  # first and last day of the notice, and how many count
    score: str = "88.5"
    filling: Callable[[World, Application, str, datetime], None] | None = None
    extras: Mapping[str, Callable[[Round], None]] = field(default_factory=dict)  # step → what else happens there


class Round:
    """The stations in the order of the route."""

    def __init__(self, world: World, place: Place) -> None:
        self.world, self.place = world, place
        User.objects.update(password=make_password(factories.PASSWORD))
        self.visited: list[str] = []
        self.explained: list[str] = []  # rules whose warning was gone over with a reason
        self.decisions: dict[str, Decision] = {}
        self.case: Application
        self.notice: Notice
        self.call: Call
        self.announcement: Announcement

    @contextmanager
    def on(self, station: str, *, plus: timedelta = timedelta()) -> Iterator[datetime]:
        moment = datetime.fromisoformat(self.place.days[station]).replace(tzinfo=CHINA) + plus
        with time_machine.travel(moment, tick=False):
            yield moment

    def person(self, character: str) -> Person:
        return Person(character).sign_in(character, factories.PASSWORD)

    def handler(self, step: Step) -> Person:
        return self.person(self.place.people[step.by][0])

    def approver(self, step: Step) -> Person:
        return self.person(self.place.people[step.by][1])

    def fresh(self) -> Application:
        self.case = Application.objects.select_related("call__rules", "report", "desk").get(pk=self.case.pk)
        return self.case

    @property
    def reference(self) -> str:
        return self.case.reference

    def told(self) -> None:
        self.open_the_call()
        self.apply()
        for _ in range(len(rules_of(self.call).steps)):
            case = self.fresh()
            if case.state in (State.LISTED, State.NOT_LISTED, State.FORWARDED):
                break
            step = rules_of(case.call).step(case.step)
            self.visited.append(step.key)
            STATIONS[step.kind](self, step)
            if step.key in self.place.extras:
                self.place.extras[step.key](self)
        assert self.fresh().state == State.LISTED
        self.look_it_up()

    # ---- the call and the report ----------------------------------------------------------------------------------------
    def open_the_call(self) -> None:
        place = self.place
        by = self.world.authorities[place.owner].tier
        handler, approver = place.people[by]
        with self.on("call") as at:
            version = policy.current(place.slug)
            draft = calls.Draft(
                version_id=version.pk,
                category="factory",
                year=2026,
                title="关于组织推荐2026年绿色工厂的通知",
                contact_name="方示例",
                contact_phone="0300-0000000",
                values=dict(place.values),
            )
            self.call = calls.create(actor=self.world.actor(handler), at=at, draft=draft)
            who = self.person(approver)
            page = who.open("applications:call", self.call.pk)
            assert who.press(page, f"/calls/{self.call.pk}/open/")
            self.call.refresh_from_db()
            assert self.call.state == "open"

    def apply(self) -> None:
        """Filled in by service, looked through and declared by page."""
        place = self.place
        with self.on("fill") as at:
            firm = Organisation.objects.get(pk=self.world.actor(place.applicant).organisation_id)
            person = self.person(place.applicant)
            page = person.open("applications:apply", self.call.pk)
            person.press(page, button=f"site={firm.sites.get().pk}", **self._mode(page))
            self.case = Application.objects.get(call=self.call)
            (place.filling or _fill)(self.world, self.case, place.applicant, at)
            page = person.open("applications:check", self.reference)
            person.press(page, declared_name="申报人", agreed="on")

    def _mode(self, page: Page) -> dict[str, str]:
        return {"mode": "self"} if "mode" in page.form().names() else {}

    # ---- stations by kind -------------------------------------------------------------------------------------------------
    def screen(self, step: Step) -> None:
        with self.on(step.key):
            handler = self.handler(step)
            assert self.case.name in handler.open("applications:desk")
            page = handler.open("applications:review", self.reference)
            form = page.form("/review/save/")
            asked = {one.name for one in form.controls if one.name.startswith("verdict-")}
            page = handler.send(page, dict.fromkeys(asked, "yes"), "/review/save/", button="next=propose")
            handler.press(page, outcome="pass", opinion=f"{step.title.zh}：符合条件，同意。", **self._overrides(page))
            page = handler.open("applications:review", self.reference)
            for one in [form for form in page.forms if form.action.endswith("/override/")]:
                handler.request("POST", one.action, one.filled({"reason": "市级培育库内，说明理由后继续。"}), 302)
            approver = self.approver(step)
            page = approver.open("applications:review", self.reference)
            approver.press(page, "/review/sign/", opinion="同意。")

    def _overrides(self, page: Page) -> dict[str, str]:
        """A warning is gone over with a reason, where the form asks for one."""
        names = page.form(having=["outcome"]).names()
        return {name: "市级培育库内，说明理由后继续。" for name in names if name.startswith(("reason-", "override"))}

    def batch(self, step: Step) -> None:
        with self.on(step.key):
            handler, approver = self.handler(step), self.approver(step)
            page = handler.press(handler.open("applications:batches"), "/batches/start/")
            batch = Batch.objects.get(sender=self.case.desk)
            root = f"/batches/{batch.reference}"
            page = handler.press(page, f"{root}/add/", case=[self.reference])
            page = handler.press(page, f"{root}/suggest/")
            handler.press(page, f"{root}/letter/", number="示工信〔2026〕7号")
            page = handler.open("applications:batch", batch.reference)
            for form in [one for one in page.forms if one.action.endswith(f"{root}/explain/")]:  # warned, never barred
                given = {**form.start(), "reason": "已在市级培育库内。"}
                handler.request("POST", f"{root}/explain/", given, 302)
                self.explained.append(given["rule"][0])
            page = handler.open("applications:batch", batch.reference)
            handler.press(page, f"{root}/hand-over/")
            page = approver.press(approver.open("applications:batch", batch.reference), f"{root}/sign/")
            approver.press(page, f"{root}/send/")
            receiver = self.person(self.place.people[step.to][0])
            page = receiver.open("applications:batch", batch.reference)
            receiver.press(page, f"{root}/receive/")

    def panel(self, step: Step) -> None:
        """A commissioned body reviews, which every rule set here offers; draws and seats have journeys of their own."""
        with self.on(step.key):
            handler = self.handler(step)
            stations.reviewed_by_body(handler, self.call, [self.case], self.place.score)
            assert self.fresh().panel_score == Decimal(self.place.score)

    def ask(self, step: Step) -> None:
        """Every department of the rule set is asked and answers on paper."""
        with self.on(step.key):
            handler, approver = self.handler(step), self.approver(step)
            made = stations.letter_sent(handler, approver, self.call)
            asked = [one.department for one in made.offices.order_by("pk")]
            assert step.consult is not None
            assert asked == [one.key for one in step.consult.departments]
            stations.answered_on_paper(handler, made)
            stations.concluded(handler, approver, made)

    def decide(self, step: Step) -> None:
        with self.on(step.key):
            handler, approver = self.handler(step), self.approver(step)
            page = handler.open("reviews:decision-new", self.call.pk, step=step.key)
            assert self.case.name in page
            page = handler.press(page, title=step.title.zh)
            found = Decision.objects.get(call=self.call, step=step.key)
            self.decisions[step.key] = found
            ranking = handler.open("reviews:decision-ranking", found.reference, quota=1)
            assert self.case.name in ranking
            page = handler.open("reviews:decision", found.reference)
            values = {f"outcome-{self.reference}": "propose", "text": "逐项研究。"}
            if step.record:
                refused = handler.send(page, values, "/save/", button="hand_over=1", status=422)
                assert "会议日期" in refused
                values |= {"met_on": self.place.days[step.key][:10], "participants": "示例甲、示例乙"}
                values |= {"record_number": f"{step.title.zh}纪要〔2026〕3号"}
                page = handler.open("reviews:decision", found.reference)
            page = handler.send(page, values, "/save/", button="hand_over=1")
            assert not page.offers("/approve/")
            page = approver.open("reviews:decision", found.reference)
            approver.press(page, "/approve/")
            assert Decision.objects.get(pk=found.pk).state == "approved"

    def give_notice(self, step: Step) -> None:
        first, last, days = self.place.counted
        source = list(self.decisions.values())[-1]
        with self.on(step.key):
            handler, approver = self.handler(step), self.approver(step)
            assert "/registry/notices/new/" in handler.open("portal:work").html
            handler.press(handler.open("registry:notice_new", source.reference))
            self.notice = Notice.objects.get(decision=source)
            page = approver.open("registry:notice_manage", self.notice.reference)
            approver.press(page, f"/registry/notices/{self.notice.reference}/publish/")
            self.notice.refresh_from_db()
            assert (str(self.notice.counted[0]), str(self.notice.ends_on)) == (first, last)
            assert len(self.notice.counted) == days
            shown = Person("anonymous").open("registry:notice", self.place.owner, self.notice.reference)
            assert self.case.name in shown
        over = datetime.fromisoformat(f"{last}T23:59:00").replace(tzinfo=CHINA)
        with time_machine.travel(over, tick=False):
            close_notices()
            self.notice.refresh_from_db()
            assert self.notice.state == NoticeState.RUNNING, "the last day counts whole"
        with time_machine.travel(over + timedelta(minutes=2), tick=False):
            close_notices()
            self.notice.refresh_from_db()
            assert self.notice.state == NoticeState.CLOSED

    def announce(self, step: Step) -> None:
        with self.on(step.key):
            handler, approver = self.handler(step), self.approver(step)
            page = handler.open("registry:announcements_manage")
            page = handler.get(page.link(f"/registry/announcements/new/{self.notice.reference}/"))
            page = handler.press(page, number="示工信〔2026〕9号")
            reference = page.path.rstrip("/").rsplit("/", 1)[-1]
            page = handler.press(page, f"/registry/announcements/{reference}/hand/")
            assert not page.offers("/publish/")
            page = approver.open("registry:announcement", reference)
            approver.press(page, f"/registry/announcements/{reference}/publish/")
            self.announcement = Announcement.objects.get(reference=reference)

    # ---- what everybody sees ---------------------------------------------------------------------------------------------
    def look_it_up(self) -> None:
        last = list(rules_of(self.call).steps)[-1]
        with self.on(last.key, plus=timedelta(days=1)):
            visitor = Person("anonymous")
            page = visitor.open("registry:lists", q=self.case.name)
            assert self.case.name in page
            listing = Listing.objects.get(application=self.case)
            page = visitor.open("registry:certificate", listing.certificates.get().token)
            assert "证书真实有效" in page
            page = visitor.open("registry:as_of", self.place.owner, "factory")
            assert self.case.name in page
            owner = self.person(self.place.applicant)
            assert listing.certificates.get().number in owner.open("registry:certificates")


def _fill(world: World, case: Application, who: str, at: datetime) -> None:
    filled.fill(world, case, who, at)


STATIONS: dict[StepKind, Callable[[Round, Step], None]] = {
    StepKind.SCREENING: Round.screen,
    StepKind.BATCH: Round.batch,
    StepKind.PANEL: Round.panel,
    StepKind.CONSULT: Round.ask,
    StepKind.DECISION: Round.decide,
    StepKind.NOTICE: Round.give_notice,
    StepKind.ANNOUNCE: Round.announce,
}

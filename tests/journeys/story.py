"""One story for every city: from the call to the published list, told page by page, each by the person whose turn it is.

A `Place` holds what differs: names, days, and what the rule set of the place asks for. The main unit goes by pages only; a
second unit, of another county, keeps it company by services, so that lists and batches have more than one row.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import time_machine
from django.contrib.auth.hashers import make_password
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.forms.sections import flat
from applications.models import Application, Batch, Call
from applications.selectors import drafts as reads
from applications.selectors.screening import latest_findings
from applications.services import batches, drafts
from applications.states import State
from greenlist.accounts.models import User
from greenlist.core.actors import Actor
from greenlist.organisations.models import Organisation
from greenlist.policy.engine.types import FieldType
from greenlist.portal.demo import answers as demo
from registry.models import Announcement, Listing, Notice, Objection
from registry.states import ListingState, NoticeState
from registry.tasks import close_notices
from reviews.models import Decision, Panel
from tests import factories
from tests.applications import county
from tests.conftest import CHINA
from tests.journeys.browsing import Page, Person, Sent
from tests.world import World

# Words that only those in charge may ever see; tests/authz/test_replay.py looks for them.
SECRETS = {
    "report": "流萤星槎自评内容",
    "remark": "寒塘鹤影核查备注",
    "correction": "松风竹韵补正事由",
    "opinion": "云栖竹径初审意见",
    "comment": "沧浪濯缨专家评语",
    "conclusion": "听雨轩中评审结论",
    "ruling": "观澜台上审查记录",
    "objection": "渔舟唱晚异议内容",
    "objector": "周例隐",
    "reasons": "明月松间异议理由",
    "letter": "烟波江上推荐行文",
    "phone": "13900001234",
}


@dataclass(frozen=True)
class Place:
    """What is particular to a city and its rule set."""

    prefix: str  # of the clauses its findings cite
    area: str  # slug of the city
    city: str  # its name
    county: str  # the county of the main unit, in full
    people: dict[str, str]  # part in the story → character of the world
    firm: str
    industry: str
    asks: dict[str, Any]  # what the call's form is filled with
    days: dict[str, str]  # station → the moment it happens
    counted: tuple[str, ...]  # days of the notice that count
    summary_asked: bool  # is the summary table part of the package
    paper_copies: int
    priority: bool  # does the industry get a badge
    serial: int
    higher_title: bool = False  # the main unit already has a provincial title
    rules: dict[str, str] = field(default_factory=dict)  # words the call's page must say of its rule set

    def at(self, station: str) -> datetime:
        return datetime.fromisoformat(self.days[station]).replace(tzinfo=CHINA)


class Story:
    """The stations in order; `told()` runs them all. `before` sees each request just before it is made."""

    def __init__(self, world: World, place: Place, before: Callable[[Sent], None] | None = None) -> None:
        self.world, self.place, self.before = world, place, before
        self.password = factories.PASSWORD
        User.objects.update(password=make_password(self.password))
        self.newcomer = f"newcomer-{place.area}"
        self.firm: Organisation
        self.call: Call
        self.case: Application
        self.batch: Batch
        self.panel: Panel
        self.decision: Decision
        self.notice: Notice
        self.objection: Objection

    # ---- who and when -----------------------------------------------------------------------------------------------
    @contextmanager
    def on(self, station: str) -> Iterator[None]:
        with time_machine.travel(self.place.at(station), tick=False):
            yield

    def person(self, part: str) -> Person:
        """Somebody signs in by the form."""
        username = self.newcomer if part == "applicant" else self.place.people[part]
        return Person(part, before=self.before).sign_in(username, self.password)

    def visitor(self) -> Person:
        return Person("anonymous", before=self.before)

    def actor(self, part: str) -> Actor:
        return self.world.actor(self.place.people[part])

    @property
    def reference(self) -> str:
        return self.case.reference

    def fresh(self) -> Application:
        self.case.refresh_from_db()
        return self.case

    def told(self) -> None:
        self.open_the_call()
        self.register()
        self.confirm_the_claim()
        self.start_and_fill()
        self.submit()
        self.return_for_correction()
        self.correct()
        self.pass_and_sign()
        self.second_unit()
        self.recommend()
        self.receive()
        self.convene()
        self.score()
        self.conclude()
        self.decide()
        self.give_notice()
        self.object()
        self.close_and_announce()
        self.settle_and_supplement()
        self.look_it_up()

    # ---- 1 · the call -----------------------------------------------------------------------------------------------
    def open_the_call(self) -> None:
        """Drafted by a handler, opened by an approver; then it is on the public site (N5)."""
        place = self.place
        with self.on("call"):
            page = self.person("city_handler").open("applications:call-new")
            words = {
                "title": f"关于组织开展2026年{place.city}市级绿色工厂推荐工作的通知",
                "number": f"示{place.area}字〔2026〕20号",
                "issued_on": place.days["call"][:10],
                "text": "请符合条件的企业在线自评价并提交申报。",
                "contact_name": "示例联系人",
                "contact_phone": "0300-3000000",
                "year": 2026,
            }
            shown = self.person("city_handler").send(page, {**words, **place.asks})
            assert "已保存为草稿" in shown, shown.text[:500]
            self.call = Call.objects.get(owner__area__slug=place.area)
            assert not shown.offers(f"/calls/{self.call.pk}/open/"), "a handler does not open a call"
            self.visitor().open("applications:public-call", place.area, self.call.pk, status=404)
            approver = self.person("city_approver")
            opened = approver.press(approver.open("applications:call", self.call.pk), f"/calls/{self.call.pk}/open/")
            assert "申报通知已发布" in opened, opened.text[:500]
            self._call_page()
            again = self.person("city_handler").open("applications:call-new")
            refused = self.person("city_handler").send(again, {**words, **place.asks}, status=422)
            assert refused.form().names() >= {"second_round_reason"}
            assert Call.objects.filter(owner=self.call.owner).count() == 1, "one round a year (3)"
            self.person("city_handler").open("applications:apply", self.call.pk, status=403)

    def _call_page(self) -> None:
        """Issuing office, contact, telephone, date of issue, annexes; the rules with number and dates."""
        place, visitor = self.place, self.visitor()
        listed = visitor.open("applications:public-calls", place.area)
        page = visitor.get(listed.link(f"/calls/{self.call.pk}/"))
        for words in (self.call.owner.name, "示例联系人", "0300-3000000", self.call.number, *place.rules.values()):
            assert words in page, words
        assert _pdf(visitor.get(page.link("/annex/report.pdf")))
        annexes = [link for link in page.links if "/annex/" in link]
        assert any("summary.xlsx" in link for link in annexes) or not place.summary_asked

    # ---- 2 · the enterprise ------------------------------------------------------------------------------------------
    def register(self) -> None:
        """Account, credit code, name and places, profile: four forms, nobody helps."""
        place = self.place
        code = factories.credit_code(place.serial)
        with self.on("register"):
            person = Person("applicant", before=None)
            page = person.open("organisations:register")  # leads to the account first
            page = person.press(
                page,
                having=["username"],
                username=self.newcomer,
                name="新申报人",
                email=f"{self.newcomer}@example.com",
                password=self.password,
                again=self.password,
            )
            page = person.press(page, kind="firm", code=code)
            page = person.press(
                page,
                name=place.firm,
                area=place.county,
                production_area=place.county,
                production_address=f"{place.county}示例大街{place.serial}号",
            )
            person.before = self.before
            page = person.press(
                person.open("organisations:profile_edit"),
                address=f"{place.county}示例大街{place.serial}号",
                industry=place.industry,
                products="示例整机",
                legal_representative="李例法",
                founded_on="2012-04-01",
                size="medium",
                independent_accounting="yes",
                manufacturing="yes",
                contact_name="王例联",
                contact_phone=SECRETS["phone"],
                contact_email=f"{self.newcomer}@example.com",
            )
            self.firm = Organisation.objects.get(code=code)
            assert self.firm.claim == Organisation.Claim.CLAIMED
            if place.higher_title:
                factories.title(self.firm.sites.get(), "province")

    def confirm_the_claim(self) -> None:
        with self.on("confirm"):
            handler = self.person("county_handler")
            page = handler.open("organisations:claims")
            page = handler.get(page.link(f"/claims/{self.firm.pk}/"))
            assert place_of(self.firm) in page
            confirm = next(one for one in page.forms if any(button.value == "confirm" for button in one.buttons))
            handler.request("POST", page.path, {**confirm.start(), "action": "confirm"}, 302)
        self.firm.refresh_from_db()
        assert self.firm.claim == Organisation.Claim.CONFIRMED

    def start_and_fill(self) -> None:
        """From the work list to the last section; each saved by its own form, with evidence where it is asked for."""
        with self.on("start"):
            person = self.person("applicant")
            work = person.open("portal:work")
            assert self.call.title in work
            page = person.open("applications:apply", self.call.pk)
            site = self.firm.sites.get()
            form = page.form()
            assert [one.value for one in form.buttons if one.name == "site"] == [str(site.pk)]
            assert place_of(self.firm) in page
            person.request("POST", page.path, {**form.start(), "site": str(site.pk)}, 302)
            self.case = Application.objects.get(organisation=self.firm)
            assert self.case.state == State.DRAFT
        with self.on("fill"):
            person = self.person("applicant")
            for section in reads.form_of(self.case).sections:
                self._fill_section(person, section)

    def _fill_section(self, person: Person, section: Any) -> None:
        given = {
            one.key: demo._answer(one, demo.written()[section.key][one.key], 2026, Decimal(1))
            for one in section.fields
            if one.key in demo.written().get(section.key, {}) and one.is_answered
        }
        if section.key == "basic":
            given["profile"] = SECRETS["report"]
        tables = (one for one in section.fields if one.is_table and not one.rows and not one.rows_from)
        more = next((one.key for one in tables), "")
        query = {"more": more} if more else {}
        page = person.open("applications:section", self.reference, section.key, **query)
        values = {name: value for name, value in flat(section, given).items() if value}
        person.send(page, values, f"/fill/{section.key}/", having=["version"])
        for one in section.fields:
            if one.type is FieldType.FILE and one.required:
                upload = SimpleUploadedFile(f"{one.key}.pdf", demo.PAPER, "application/pdf")
                page = person.open("applications:section", self.reference, section.key)
                person.press(page, f"/{one.key}/files/", file=upload)
        saved = self.case.report.sections.get(key=section.key)
        assert saved.version >= 1

    def submit(self) -> None:
        """Nothing missing, nothing blocked; the declaration names a person, and its digest is kept."""
        with self.on("submit"):
            person = self.person("applicant")
            page = person.open("applications:check", self.reference)
            refused = person.press(page, declared_name="新申报人", status=422)
            assert "承诺" in refused, "without the declaration nothing is submitted"
            receipt = person.press(page, declared_name="新申报人", agreed="on")
            case = self.fresh()
            assert case.state == State.SCREENING
            assert case.number in receipt
            assert case.report.versions.get().digest in receipt
            assert case.desk.area.full_name == self.place.county, "the county where it produces receives it"
            report = person.open("applications:report-pdf", self.reference)
            assert SECRETS["report"] in _pdf(report)
            findings = latest_findings(case)
            assert findings
            assert {one.clause.partition("-")[0] for one in findings if one.clause} == {self.place.prefix}
            foreign = self.person("second_handler")  # another county cannot receive it, nor see it (4, 7)
            foreign.open("applications:review", self.reference, status=404)
            assert self.place.firm not in foreign.open("applications:desk")
            assert self.place.firm not in self.person("city_handler").open("applications:cases")

    # ---- 3 · the county -----------------------------------------------------------------------------------------------
    def return_for_correction(self) -> None:
        with self.on("return"):
            handler = self.person("county_handler")
            desk = handler.open("applications:desk")
            assert self.place.firm in desk
            page = handler.open("applications:review", self.reference)
            assert SECRETS["report"] in page
            values = {"note-basic.profile": SECRETS["remark"]}
            page = handler.send(page, values, "/review/save/", button="next=return")
            assert SECRETS["remark"] in page
            handler.press(page, fields=["basic.profile"], reason=SECRETS["correction"], due_on=self.place.days["due"])
            assert self.fresh().state == State.RETURNED

    def correct(self) -> None:
        """Only the named field is open; everything else stays as declared."""
        with self.on("correct"):
            person = self.person("applicant")
            work = person.open("portal:work")
            assert self.place.firm in work or self.case.number in work
            page = person.open("applications:fill", self.reference)
            assert page.path.endswith("/fill/basic/")
            assert SECRETS["correction"] in page
            form = page.form("/fill/basic/", having=["version"])
            assert form.names() - {"csrfmiddlewaretoken"} == {"version", "profile"}
            person.press(page, "/fill/basic/", having=["version"], profile=f"{SECRETS['report']}，补正后。")
            locked = person.open("applications:section", self.reference, "economy")
            assert not any("comparison" in one.names() for one in locked.forms)
            page = person.open("applications:check", self.reference)
            person.press(page, declared_name="新申报人", agreed="on")
            assert self.fresh().state == State.SCREENING
            assert self.case.report.versions.count() == 2

    def pass_and_sign(self) -> None:
        """The second look shows before and now; every point is answered; one proposes, another signs."""
        with self.on("review"):
            handler = self.person("county_handler")
            page = handler.open("applications:review", self.reference)
            assert "补正后" in page
            assert SECRETS["report"] in page
            form = page.form("/review/save/")
            asked = {one.name for one in form.controls if one.name.startswith("verdict-")}
            first = sorted(asked)[0]
            part = handler.send(page, dict.fromkeys(asked - {first}, "yes"), "/review/save/", button="next=propose")
            refused = handler.press(part, outcome="pass", opinion=SECRETS["opinion"], status=409)
            assert self.fresh().state == State.SCREENING, refused.text[:300]
            page = handler.open("applications:review", self.reference)
            page = handler.send(page, dict.fromkeys(asked, "yes"), "/review/save/", button="next=propose")
            handler.press(page, outcome="pass", opinion=SECRETS["opinion"])
            assert not handler.open("applications:review", self.reference).offers("/review/sign/")
        with self.on("sign"):
            approver = self.person("county_approver")
            page = approver.open("applications:review", self.reference)
            approver.press(page, "/review/sign/", opinion="同意。")
            assert self.fresh().state == State.PASSED

    def second_unit(self) -> None:
        """A firm of another county goes the same way by services, as far as the city's desk."""
        place = self.place
        owner, handler, approver = (self.actor(f"second_{part}") for part in ("owner", "handler", "approver"))
        firm = Organisation.objects.get(pk=owner.organisation_id)
        at = place.at("second")
        case = drafts.start(actor=owner, at=at, call_id=self.call.pk, site_id=firm.sites.get().pk)
        demo.fill(actor=owner, case=case, at=at)
        demo.submit(actor=owner, case=case, at=at)
        case.refresh_from_db()
        people = {"handler": place.people["second_handler"], "approver": place.people["second_approver"]}
        county.passed(self.world, case, at, **people)
        batch = county.signed_batch(self.world, [case], at, **people)
        batches.send(actor=approver, at=at, reference=batch.reference)
        batches.receive(actor=self.actor("city_handler"), at=at, reference=batch.reference)
        self.second = case
        assert handler.authority_id == approver.authority_id != self.case.desk_id

    def recommend(self) -> None:
        """Batch, letter, signature by another person, papers, sending before the day is over."""
        place = self.place
        with self.on("batch"):
            handler = self.person("county_handler")
            page = handler.press(handler.open("applications:batches"), "/batches/start/")
            self.batch = Batch.objects.get(sender=self.case.desk)
            root = f"/batches/{self.batch.reference}"
            assert (place.priority and "新一代电子信息" in page) or (not place.priority and "优先" not in page)
            assert ("未设期限" in page) == (not place.asks.get("value_county_by"))
            page = handler.press(page, f"{root}/add/", case=[self.reference])
            page = handler.press(page, f"{root}/suggest/")
            (text,) = page.form(f"{root}/letter/").start()["text"]
            assert place.firm in text
            text = f"{text}\n{SECRETS['letter']}"
            page = handler.press(page, f"{root}/letter/", number="示工信〔2026〕7号", text=text)
            page = handler.press(page, f"{root}/hand-over/")
            assert not page.offers(f"{root}/sign/"), "who put it together does not sign it"
        with self.on("send"):
            approver = self.person("county_approver")
            page = approver.press(approver.open("applications:batch", self.batch.reference), f"{root}/sign/")
            self._papers(approver, page)
            city = self.person("city_handler")
            city.open("applications:batch", self.batch.reference, status=404)
            approver.press(page, f"{root}/send/")
            assert self.fresh().state == State.RECOMMENDED

    def _papers(self, approver: Person, page: Page) -> None:
        """Letter and reports always; the summary table where the rules ask for it (N4a; 8: nothing else)."""
        place, root = self.place, f"/batches/{self.batch.reference}/"
        offered = {link.removeprefix(root) for link in page.links if link.startswith(root)}
        assert "letter.pdf" in offered
        letter = _pdf(approver.get(f"{root}letter.pdf"))
        assert place.firm in letter
        assert ("汇总表" in letter) == place.summary_asked
        assert ("非必需" in page) != place.summary_asked, "elsewhere the table may be printed and is not asked for"
        table = openpyxl.load_workbook(io.BytesIO(approver.get(f"{root}summary.xlsx").body)).active
        assert any(place.firm in [str(cell) for cell in row] for row in table.iter_rows(values_only=True))
        with zipfile.ZipFile(io.BytesIO(approver.get(f"{root}package.zip").body)) as package:
            names = package.namelist()
            assert package.testzip() is None
        assert any("汇总表" in name for name in names) or not place.summary_asked, names
        assert any("推荐" in name and name.endswith(".pdf") for name in names), names
        assert any("自评价报告" in name for name in names), names
        if place.summary_asked:
            assert place.firm in _pdf(approver.get(f"{root}summary.pdf"))

    # ---- 4 · the city -------------------------------------------------------------------------------------------------
    def receive(self) -> None:
        with self.on("receive"):
            handler = self.person("city_handler")
            page = handler.open("applications:batch", self.batch.reference)
            page = handler.press(page, f"/batches/{self.batch.reference}/receive/")
            if self.place.paper_copies:
                page = handler.press(page, "/paper/", copies=self.place.paper_copies)
                assert self.batch.items.get().paper_copies == self.place.paper_copies
            assert SECRETS["report"] in handler.open("applications:case", self.reference)

    def convene(self) -> None:
        """Experts see nothing before the pledge and the declaration of conflicts."""
        people = [self.world.user(self.place.people[part]).pk for part in ("expert", "expert2")]
        with self.on("panel"):
            handler = self.person("city_handler")
            page = handler.open("reviews:panel-new", self.call.pk)
            assert self.place.firm in page
            page = handler.press(
                page,
                title="专家评审组",
                applications=[self.reference, self.second.reference],
                experts=people,
                chair=people[0],
            )
            self.panel = Panel.objects.get(call=self.call)
            expert = self.person("expert")
            expert.open("reviews:seat", self.panel.reference, status=404)
            handler.press(page, f"/reviews/panels/{self.panel.reference}/open/")

    def score(self) -> None:
        for part, points in (("expert", "86"), ("expert2", "92")):
            with self.on(part):
                person = self.person(part)
                person.open("applications:case", self.reference, status=404)
                page = person.open("reviews:seat", self.panel.reference)
                assert self.place.firm not in page, "before the pledge not even the names"
                page = person.press(page, "/pledge/", signed="yes")
                assert SECRETS["report"] not in page
                person.press(page, "/declare/")
                for case in (self.reference, self.second.reference):
                    page = person.open("reviews:sheet", self.panel.reference, case)
                    person.press(page, "/save/", score=points, suggests="yes", comment=SECRETS["comment"])
                page = person.open("reviews:seat-lock", self.panel.reference)
                person.press(page)
                refused = person.open("reviews:sheet", self.panel.reference, self.reference)
                assert not refused.offers("/save/"), "what is locked stays"

    def conclude(self) -> None:
        with self.on("conclude"):
            handler = self.person("city_handler")
            page = handler.open("reviews:panel-conclude", self.panel.reference)
            values: dict[str, Any] = {"opinion": SECRETS["conclusion"]}
            for case in (self.reference, self.second.reference):
                values |= {f"suggested-{case}": "yes", f"conclusion-{case}": "同意列入建议名单。"}
            page = handler.send(page, values, button="finish=1")
            assert self.fresh().state == State.DECIDING
            documents = [link for link in page.links if "/documents/" in link]
            assert any(self.place.firm in _pdf(handler.get(link)) for link in documents)
            expert = self.person("expert")
            expert.open("applications:case", self.reference, status=404)

    def decide(self) -> None:
        """Two people form the proposed list."""
        with self.on("decide"):
            handler = self.person("city_handler")
            page = handler.open("reviews:decision-new", self.call.pk)
            page = handler.press(page, title="综合审查")
            self.decision = Decision.objects.get(call=self.call)
            values: dict[str, Any] = {"text": SECRETS["ruling"]}
            values |= {f"outcome-{one}": "propose" for one in (self.reference, self.second.reference)}
            page = handler.send(page, values, "/save/", button="hand_over=1")
            assert not page.offers("/approve/")
            approver = self.person("city_approver")
            page = approver.open("reviews:decision", self.decision.reference)
            approver.press(page, "/approve/")
            self.decision.refresh_from_db()
            assert self.decision.digest
            assert self.fresh().state == State.PROPOSED

    # ---- 5 · notice, objection, announcement ------------------------------------------------------------------------------
    def give_notice(self) -> None:
        """The period is counted in working days of the year's plan, from the day the call says."""
        place = self.place
        with self.on("notice"):
            handler = self.person("city_handler")
            page = handler.press(handler.open("registry:notice_new", self.decision.reference))
            assert not page.offers("/publish/"), "an approver publishes"
            self.notice = Notice.objects.get(decision=self.decision)
            self.visitor().open("registry:notice", place.area, self.notice.reference, status=404)
            approver = self.person("city_approver")
            page = approver.open("registry:notice_manage", self.notice.reference)
            approver.press(page, f"/registry/notices/{self.notice.reference}/publish/")
            self.notice.refresh_from_db()
            assert tuple(str(day) for day in self.notice.counted) == place.counted
            assert str(self.notice.ends_on) == place.counted[-1]
            visitor = self.visitor()
            shown = visitor.open("registry:notice", place.area, self.notice.reference)
            assert place.firm in shown
            assert place.firm in _pdf(visitor.get(shown.link("notice.pdf")))
            text = visitor.get(shown.link("notice.txt")).body.decode()
            assert place.firm in text
            assert SECRETS["phone"] not in shown.html + text
            page = approver.open("registry:notice_manage", self.notice.reference)
            approver.press(page, site_address="https://gxj.example.com/notice/7")
            self.early_announcement(handler)

    def early_announcement(self, handler: Person) -> None:
        """Nothing is announced while the notice runs (10b)."""
        page = handler.open("registry:announcements_manage")
        assert not page.offers(f"/registry/announcements/new/{self.notice.reference}/")
        handler.request("POST", f"/registry/announcements/new/{self.notice.reference}/", ANNOUNCED, 409)
        assert not Announcement.objects.filter(notice=self.notice).exists()

    def object(self) -> None:
        with self.on("object"):
            visitor = self.visitor()
            item = self.notice.items.get(application=self.case)
            page = visitor.open("registry:notice", self.place.area, self.notice.reference)
            page = visitor.get(page.link(f"/objection/{item.pk}/"))
            page = visitor.press(page, name=SECRETS["objector"], contact="13700000000", text=SECRETS["objection"])
            self.objection = Objection.objects.get(item=item)
            assert self.objection.receipt in page
            assert SECRETS["objector"] not in page
            assert SECRETS["objection"] not in page

    def close_and_announce(self) -> None:
        """The task closes the notice after its last day; the open objection holds its item, not the batch."""
        with self.on("last hour"):
            close_notices()
            self.notice.refresh_from_db()
            assert self.notice.state == NoticeState.RUNNING
        with self.on("closed"):
            close_notices()
            self.notice.refresh_from_db()
            assert self.notice.state == NoticeState.CLOSED
        with self.on("announce"):
            self._announce("示工信〔2026〕9号")
            assert [one.application_id for one in Listing.objects.all()] == [self.second.pk]
            assert self.fresh().state != State.LISTED

    def _announce(self, number: str) -> Announcement:
        handler = self.person("city_handler")
        page = handler.open("registry:announcements_manage")
        page = handler.get(page.link(f"/registry/announcements/new/{self.notice.reference}/"))
        page = handler.press(page, number=number)
        reference = page.path.rstrip("/").rsplit("/", 1)[-1]
        page = handler.press(page, f"/registry/announcements/{reference}/hand/")
        assert not page.offers("/publish/")
        approver = self.person("city_approver")
        page = approver.open("registry:announcement", reference)
        approver.press(page, f"/registry/announcements/{reference}/publish/")
        return Announcement.objects.get(reference=reference)

    def settle_and_supplement(self) -> None:
        """Decided with reasons, by an approver; then the held unit follows in a supplement of the same announcement."""
        with self.on("settle"):
            handler = self.person("city_handler")
            page = handler.open("registry:objection", self.objection.receipt)
            assert SECRETS["objection"] in page
            approver = self.person("city_approver")
            page = approver.open("registry:objection", self.objection.receipt)
            approver.press(page, outcome="dismissed", reasons=SECRETS["reasons"])
            followed = self.visitor().open("registry:follow", self.objection.follow_token)
            assert SECRETS["reasons"] in followed
        with self.on("supplement"):
            self.announcement = self._announce("示工信〔2026〕11号")
            assert self.announcement.supplement_of is not None
            assert self.announcement.ordinal == self.announcement.supplement_of.ordinal
            assert self.fresh().state == State.LISTED

    # ---- 6 · the published list ---------------------------------------------------------------------------------------------
    def look_it_up(self) -> None:
        """By name, code, area, industry and year; certificate as PDF; the page its QR code leads to."""
        place, code = self.place, factories.credit_code(self.place.serial)
        with self.on("look"):
            visitor = self.visitor()
            year = int(place.days["supplement"][:4])
            for query in (
                {"q": place.firm[:8]},
                {"q": code},
                {"place": self.case.area_path.strip("/").rsplit("/", 1)[-1]},
                {"industry": place.industry[:2], "place": place.area},
                {"year": year, "q": place.firm},
            ):
                page = visitor.open("registry:lists", **query)
                assert place.firm in page, query
                assert SECRETS["phone"] not in page.html
            assert place.firm not in visitor.open("registry:lists", q="不存在的企业名称")
            listing = Listing.objects.get(application=self.case)
            assert listing.state == ListingState.ACTIVE
            page = visitor.open("registry:announcement_public", place.area, self.announcement.reference)
            assert place.firm in page
            assert f"第{self.announcement.ordinal}批" in page, "batches are numbered and dated (N4c)"
            assert "2026年" in page
            assert place.firm in _pdf(visitor.get(page.link("announcement.pdf")))
            certificate = listing.certificates.get()
            page = visitor.open("registry:verify", number=certificate.number)
            assert page.path == f"/v/{certificate.token}/"
            assert "证书真实有效" in page
            assert place.firm in page
            assert certificate.number in _pdf(visitor.get(page.link("certificate.pdf")))
            owner = self.person("applicant")
            assert certificate.number in owner.open("registry:certificates")
            history = owner.open("applications:case-history", self.reference)
            assert place.firm in history


ANNOUNCED = {"title": "关于公布名单的公告", "number": "示工信〔2026〕1号", "text": "现予公布。"}


def place_of(firm: Organisation) -> str:
    return firm.name


def _pdf(page: Page) -> str:
    """The text of a PDF, without the blanks that line ends leave."""
    body = page.body
    assert body.startswith(b"%PDF"), page.url
    return "".join("".join(one.extract_text().split()) for one in pypdf.PdfReader(io.BytesIO(body)).pages)


def days(*texts: str) -> tuple[str, ...]:
    return tuple(str(date.fromisoformat(text)) for text in texts)

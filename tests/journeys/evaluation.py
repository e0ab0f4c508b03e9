"""An evaluation from the start of the draft to the official's figures, by pages: for each category and both modes.

The applicant (in third-party mode the body, once the report is released to it) types the worked example of the manual and
whatever else its form asks, mends what the check page names until nothing is missing, declares, and submits. The
official gives the points that are given by hand, corrects one value with a reason, and returns the case; the applicant
reads both values and the reason. Everybody gets the same report.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import pypdf
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.forms.sections import flat
from applications.models import Application, Calculation, Call, Judgement, Project, Registration, SignedStatement
from applications.selectors import drafts as reads
from applications.services import calls
from applications.states import ProjectState, State
from greenlist.accounts.models import User
from greenlist.core import audit
from greenlist.core.actors import SYSTEM
from greenlist.organisations import services as organisations
from greenlist.organisations.models import BodyProof, BodyStaff, Organisation
from greenlist.policy import services as policies
from greenlist.policy.engine import forms as engine_forms
from greenlist.policy.engine.types import Field, Section
from greenlist.portal.demo.answers import PAPER
from tests import factories
from tests.applications import evaluators, filled
from tests.conftest import CHINA
from tests.journeys.browsing import Page, Person
from tests.journeys.examples import EXAMPLES, Example
from tests.world import World

REASON = "按绿色电力交易凭证核减"
SENT_BACK = "请补充说明主要亮点"
CHANGED = "示例亮点，补正后。"
DAYS = {
    "call": "2026-03-02T09:00",
    "body": "2026-03-03T09:00",
    "start": "2026-03-10T09:00",
    "fill": "2026-03-11T09:00",
    "submit": "2026-03-20T16:00",
    "judge": "2026-03-24T09:00",
    "return": "2026-03-25T09:00",
    "correct": "2026-03-27T09:00",
}


@dataclass(frozen=True)
class Place:
    """Who takes part, and what the rule set asks of the call and of a body."""

    slug: str
    applicant: str
    firm: str  # key of the firm in the world
    official: str
    approver: str  # of the body
    values: Mapping[str, Any]
    approval: bool  # a body works only once it is approved (HLJ-24a)
    statements: tuple[str, ...]  # clauses of what the body signs for one project, in order


HEBEI = Place(
    "hebei-national", "applicant", "org", "city_handler", "province_approver", {}, False, ("HEB-2.4d", "HEB-1b")
)
HEILONGJIANG = Place(
    "heilongjiang",
    "hlj_applicant",
    "hlj",
    "hlj_city_handler",
    "hlj_province_approver",
    {"apply_by": "2026-05-31", "city_by": "2026-06-30", "edition": "factory-2025", "notice_first_day": "next"},
    True,
    ("HLJ-13",),
)


def issue(slug: str) -> None:
    """A draft of rules as it will be once it is issued: its calls can be opened then."""
    path = Path(settings.POLICIES_DIR) / slug / "policy.toml"
    text = path.read_text(encoding="utf-8")
    issued = 'status = "in_force"\nissued_on = 2026-02-01\nin_force_from = 2026-02-15'
    changed = text.replace('status = "draft"', issued)
    assert changed != text
    policies.store_uploaded(files={"policy.toml": changed.encode()}, actor=SYSTEM, at=filled.SPRING, slug=slug)


class Evaluation:
    """The stations in order; `told()` runs them all."""

    def __init__(self, world: World, place: Place, category: str, mode: str) -> None:
        self.world, self.place, self.category, self.mode = world, place, category, mode
        self.example: Example = EXAMPLES[category]()
        User.objects.update(password=make_password(factories.PASSWORD))
        self.firm = world.orgs[place.firm]
        if category == "park":
            self.firm.kind = Organisation.Kind.PARK
            self.firm.save(update_fields=["kind"])
        self.call: Call
        self.case: Application
        self.project: Project | None = None

    @contextmanager
    def on(self, station: str) -> Iterator[None]:
        with time_machine.travel(datetime.fromisoformat(DAYS[station]).replace(tzinfo=CHINA), tick=False):
            yield

    def person(self, character: str) -> Person:
        return Person(character).sign_in(character, factories.PASSWORD)

    @property
    def applicant(self) -> Person:
        return self.person(self.place.applicant)

    @property
    def author(self) -> Person:
        """Who writes the report."""
        return self.person("evaluator") if self.mode == "body" else self.applicant

    @property
    def reference(self) -> str:
        return self.case.reference

    def fresh(self) -> Application:
        self.case = Application.objects.select_related("report", "call__rules", "site__area").get(pk=self.case.pk)
        return self.case

    def told(self) -> None:
        self.open_the_call()
        if self.mode == "body":
            self.let_the_body_work()
        self.start()
        if self.mode == "body":
            self.agree_with_the_body()
        self.write()
        self.prove()
        self.sign_and_submit()
        self.same_report()
        self.judge()
        self.give_back()
        self.answer()

    # ---- before ---------------------------------------------------------------------------------------------------------
    def open_the_call(self) -> None:
        place = self.place
        with self.on("call"):
            who = filled.CITY[place.slug][1]
            at = datetime.fromisoformat(DAYS["call"]).replace(tzinfo=CHINA)
            draft = filled.draft_of(place.slug, category=self.category, values=dict(place.values))
            call = calls.create(actor=self.world.actor(f"{who}_handler"), at=at, draft=draft)
            self.call = calls.open_call(actor=self.world.actor(f"{who}_approver"), at=at, pk=call.pk)

    def let_the_body_work(self) -> None:
        """The body files what the rules ask and is approved, or its diagnosis confirmed: by its own pages and theirs."""
        with self.on("body"):
            body = self.person("evaluator")
            page = body.open("organisations:body-edit")
            body.press(
                page,
                legal_representative="赵示例",
                identity=evaluators.identity(1),
                legal_form="firm",
                registered_in_china="yes",
                office_address="雄安新区示例路1号",
                fixed_office="yes",
                finance_rules="yes",
            )
            page = body.open("organisations:body-staff")
            senior, middle = BodyStaff.Level.SENIOR, BodyStaff.Level.MIDDLE
            body.press(page, name="评价人员甲", level=str(senior.value), field="energy", full_time="on")
            given: dict[str, Any] = {"actor": self.world.actor("evaluator"), "at": datetime.now(CHINA)}
            given |= {"organisation_id": self.world.orgs["evaluator"].pk, "field": "energy", "full_time": True}
            for number in range(9):
                organisations.add_staff(name=f"评价人员{number}", level=senior if number < 4 else middle, **given)
            page = body.open("organisations:body-experience")
            body.press(page, kind="evaluation", title="示例评价项目", led="on", ended_on="2025-06-01")
            self._registered(body) if self.place.approval else self._diagnosed(body)

    def _registered(self, body: Person) -> None:
        page = body.open("applications:body")
        page = body.get(page.link(f"/body/register/{self.call.owner_id}/"))
        assert "不签订对赌协议" in page
        page = body.press(page, signed_name="赵示例", agreed="on")
        assert "待审核" in page or "已提交" in page, page.text[:800]
        row = Registration.objects.get()
        approver = self.person(self.place.approver)
        page = approver.open("applications:body-registration", row.pk)
        approver.press(page, button="action=approve")
        row.refresh_from_db()
        assert row.state == "approved"

    def _diagnosed(self, body: Person) -> None:
        page = body.open("organisations:body-proof")
        upload = SimpleUploadedFile("诊断报告.pdf", PAPER, "application/pdf")
        body.press(
            page, kind="free_diagnosis", firm="昌黎示例食品有限公司", area="河北省秦皇岛市昌黎县",
            done_on="2025-06-01", upload=upload,
        )  # fmt: skip
        proof = BodyProof.objects.get()
        official = self.person(self.place.official)
        page = official.open("applications:body-seen", self.world.orgs["evaluator"].pk)
        official.press(page, f"/bodies/proofs/{proof.pk}/decide/", button="action=confirm")

    # ---- the draft ------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        with self.on("start"):
            person = self.applicant
            page = person.get(person.open("portal:work").link(f"/calls/{self.call.pk}/"))
            page = person.get(page.link(f"/calls/{self.call.pk}/apply/"))
            site = self.world.sites[self.place.firm]
            person.press(page, button=f"site={site.pk}", mode=self.mode)
            self.case = Application.objects.get()
            assert (self.case.mode, self.case.state) == (self.mode, State.DRAFT)

    def agree_with_the_body(self) -> None:
        """Asked, accepted with its statement, the report released for some days."""
        body = self.world.orgs["evaluator"]
        with self.on("start"):
            firm, evaluator = self.applicant, self.person("evaluator")
            page = firm.open("applications:evaluation", self.reference)
            page = firm.press(page, f"/cases/{self.reference}/body/ask/", body=str(body.pk))
            assert "已邀请" in page
            self.project = Project.objects.get()
            page = evaluator.get(evaluator.open("portal:work").link(f"/projects/{self.project.reference}/"))
            evaluator.press(
                page, f"/projects/{self.project.reference}/accept/", signed_name="赵示例", **self._agreed(page)
            )
            evaluator.open("applications:section", self.reference, "basic", status=404)
            self.release("2026-03-31")

    def _agreed(self, page: Page) -> dict[str, str]:
        """The box is there where the rules know a statement for the project."""
        form = page.form("/accept/")
        return {"agreed": "on"} if "agreed" in form.names() else {}

    def release(self, until: str) -> None:
        assert self.project is not None
        page = self.applicant.open("applications:evaluation", self.reference)
        self.applicant.press(page, f"/projects/{self.project.reference}/release/", ends_on=until)

    def write(self) -> None:
        """Every section of the form by its own page, the indicators from the worked example."""
        with self.on("fill"):
            self.fresh()
            author = self.author
            page = author.open("applications:fill", self.reference)
            for section in reads.form_of(self.case).sections:
                given = self.answers(section)
                tables = [one.key for one in section.fields if one.is_table and len(given.get(one.key) or ()) > 1]
                for table in tables[:1]:
                    page = author.open("applications:section", self.reference, section.key, more=table)
                assert page.path.endswith(f"/fill/{section.key}/"), f"the page before leads to {page.path}"
                values = {name: value for name, value in flat(section, given).items() if value}
                names = page.form(f"/fill/{section.key}/", having=["version"]).names()
                page = author.send(
                    page, {name: value for name, value in values.items() if name in names},
                    f"/fill/{section.key}/", having=["version"],
                )  # fmt: skip
            assert page.path.endswith("/check/" if self.mode == "self" else f"/projects/{self._project()}/"), page.path

    def _project(self) -> str:
        assert self.project is not None
        return self.project.reference

    def answers(self, section: Section) -> dict[str, Any]:
        """What the example says; for what it leaves open, any right answer."""
        example = self.example.answers.get(section.key, {})
        found = {}
        for spec in section.fields:
            if not spec.is_answered:
                continue
            if spec.key in example:
                found[spec.key] = example[spec.key]
            elif section.key.startswith("c_") and not engine_forms.is_asked(spec, example):
                continue
            else:
                found |= {spec.key: value} if (value := self._any(section, spec)) is not None else {}
        return found

    def _any(self, section: Section, spec: Field) -> Any:
        known = {
            "conditions.added_value_industry": "600",
            "conditions.added_value_all": "1000",
            "basic.level": "province",
        }
        if f"{section.key}.{spec.key}" in known:
            return known[f"{section.key}.{spec.key}"]
        if spec.prefill:
            return None
        return filled.answers(self._form, section.key).get(spec.key)

    @property
    def _form(self) -> Any:
        return reads.form_of(self.case)

    def prove(self) -> None:
        """Evidence where the list of what is missing asks for it: uploaded once, used for every second row."""
        with self.on("fill"):
            author = self.author
            missing = self._missing(author)
            assert missing
            assert all("#b-" in one for one in missing)
            used = uploaded = 0
            for address in missing:
                path, _hash, field = address.partition("#b-")
                page = author.get(path)
                others = any(one.action.endswith(f"/{field}/files/use/") for one in page.forms)
                if others and "/fill/c_" in path and used <= uploaded:
                    form = page.form(f"/{field}/files/use/")
                    author.press(page, f"/{field}/files/use/", evidence=form.controls[-1].offered[0])
                    used += 1
                else:
                    upload = SimpleUploadedFile(f"{field}.pdf", PAPER + f"%{path}{field}".encode(), "application/pdf")
                    author.press(page, f"/{field}/files/", having=["file"], file=upload)
                    uploaded += 1
            assert used and uploaded
            if self.mode == "body":  # its people read on paper, too, what they write
                assert self.case.name in _pdf(author.open("applications:report-pdf", self.reference, draft=1))
                assert author.open("applications:dossier-pdf", self.reference).body.startswith(b"%PDF")
            assert self._missing(author) == []

    def _missing(self, author: Person) -> list[str]:
        """The links of what is still to be mended, as the author's own page shows them."""
        name, key = (
            ("applications:project", self._project()) if self.mode == "body" else ("applications:check", self.reference)
        )
        page = author.open(name, key)
        return [one for one in page.links if "/fill/" in one and "#b-" in one]

    def sign_and_submit(self) -> None:
        with self.on("submit"):
            firm = self.applicant
            page = firm.open("applications:check", self.reference)
            if self.mode == "body":
                refused = firm.press(page, declared_name="申报人", agreed="on", status=409)
                assert "尚未对本报告签署承诺" in refused
                self._sign()
                page = firm.open("applications:check", self.reference)
            assert firm.press(page, declared_name="申报人", status=422)
            receipt = firm.press(page, declared_name="申报人", agreed="on")
            case = self.fresh()
            version = case.report.versions.get()
            assert (case.state, version.declared_name) == (State.SCREENING, "申报人")
            assert version.digest in receipt
            if self.mode == "body":
                self._after_the_body(version.digest)

    def _sign(self) -> None:
        body = self.person("evaluator")
        page = body.open("applications:project", self._project())
        page = body.press(page, "/sign/", signed_name="赵示例", agreed="on")
        assert "已对现有报告签署承诺" in page

    def _after_the_body(self, digest: str) -> None:
        assert self.project is not None
        self.project.refresh_from_db()
        assert self.project.state == ProjectState.REPORTED
        signed = SignedStatement.objects.filter(project=self.project, by="body").order_by("pk")
        assert [one.clause for one in signed] == list(self.place.statements)
        assert signed.last().digest == digest
        body = self.person("evaluator")
        body.open("applications:section", self.reference, "basic", status=404)
        body.open("applications:project", self._project())

    # ---- the papers -----------------------------------------------------------------------------------------------------
    def same_report(self) -> None:
        """Applicant and official get the same text, as PDF and as Word file, but for what the set hides of the scores."""
        with self.on("submit"):
            people = (self.applicant, self.person(self.place.official))
            pdfs = [_pdf(one.open("applications:report-pdf", self.reference)) for one in people]
            words = [_docx(one.open("applications:report-docx", self.reference)) for one in people]
            for own, theirs in (pdfs, words):
                shared = [re.sub(r"第\d+页/共\d+页", "", one.split("附三评价指标表")[0]) for one in (own, theirs)]
                assert shared[0] == shared[1] != own
                assert "附三评价指标表" in theirs
            for text in (self.case.name, self.case.report.versions.get().digest):
                assert text in pdfs[0], text
            if self.category == "factory":  # what the calculators found is kept, and printed for both
                assert Calculation.objects.filter(version__report=self.case.report).exists()
                assert "8,000.00" in pdfs[0]  # 5,524 + 476 + 2,000 tce
            for section in self._form.sections:
                for text in (pdfs[0], words[0]):
                    assert "".join(section.title.zh.split()) in text, section.key

    # ---- the official ---------------------------------------------------------------------------------------------------
    def judge(self) -> None:
        """Points by hand where the set leaves them to a reviewer; the total is the manual's."""
        with self.on("judge"):
            official = self.person(self.place.official)
            page = official.open("applications:review", self.reference)
            for row, points in self.example.by_hand.items():
                one = official.get(page.link(f"/review/rows/{row}/"))
                official.press(one, points=points, note="按证明材料评分")
            page = official.open("applications:review", self.reference)
            assert f"{_plain(self.example.total)} / 100" in page, page.text[page.text.find("预") :][:300]
            one = official.get(page.link(f"/review/rows/{self.example.row}/"))
            official.press(
                one, status=422, **{"value-value": "x"} if "value" in self.example.corrected else {"value-y3": "x"}
            )
            values: dict[str, Any] = {f"value-{key}": value for key, value in self.example.corrected.items()}
            if self.example.row in self.example.by_hand:
                values["points"] = "2"
            declared = Judgement.objects.filter(row=self.example.row).count()
            page = official.send(one, {**values, "note": REASON})
            assert Judgement.objects.filter(row=self.example.row).count() == declared + 1
            assert f"{_plain(self.example.afterwards)} / 100" in page
            assert REASON in page
            for value in self.example.corrected.values():
                assert value in page

    def give_back(self) -> None:
        with self.on("return"):
            official = self.person(self.place.official)
            page = official.open("applications:review", self.reference)
            page = official.send(page, {}, "/review/save/", button="next=return")
            field = self._highlight()
            official.press(page, fields=[field], reason=SENT_BACK, due_on="2026-04-10")
            assert self.fresh().state == State.RETURNED

    def _highlight(self) -> str:
        return next(
            f"{part.key}.{one.key}" for part in self._form.sections for one in part.fields if one.key == "highlights"
        )

    def answer(self) -> None:
        """The applicant reads both values and why; what it changes makes the body's statement void until it signs again."""
        with self.on("correct"):
            firm = self.applicant
            page = firm.open("applications:case", self.reference)
            assert REASON in page
            for value in self.example.corrected.values():
                assert value in page
            section, _dot, field = self._highlight().partition(".")
            if self.mode == "body":
                self.release("2026-04-10")
            page = self.author.open("applications:section", self.reference, section)
            assert SENT_BACK in page
            self.author.send(page, {field: CHANGED}, f"/fill/{section}/", having=["version"])
            page = firm.open("applications:check", self.reference)
            if self.mode == "body":
                firm.press(page, declared_name="申报人", agreed="on", status=409)
                self._sign()
                page = firm.open("applications:check", self.reference)
            firm.press(page, declared_name="申报人", agreed="on")
            assert self.fresh().state == State.SCREENING
            official = self.person(self.place.official)
            page = official.open("applications:review", self.reference)
            assert f"{_plain(self.example.afterwards)} / 100" in page
            assert CHANGED in page
            assert list(audit.verify()) == []


def _plain(total: str) -> str:
    """As the page writes it: 80.00 is 80."""
    return total.rstrip("0").rstrip(".") if "." in total else total


def _pdf(page: Page) -> str:
    body = page.body
    assert body.startswith(b"%PDF"), page.url
    return "".join("".join(one.extract_text().split()) for one in pypdf.PdfReader(io.BytesIO(body)).pages)


def _docx(page: Page) -> str:
    document = docx.Document(io.BytesIO(page.body))
    texts = [one.text for one in document.element.body.iter() if one.tag.endswith("}t") and one.text]
    return "".join("".join(texts).split())

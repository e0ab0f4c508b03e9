"""Lists of the nation and of a province: three categories, third-party bodies at work, figures under review."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, Call, Project
from applications.selectors import batches as batch_reads
from applications.selectors import drafts as reads
from applications.selectors import screening as reviews
from applications.selectors import upward as upward_reads
from applications.services import batches, bodies, calls, drafts, judging, projects, sweep, upward
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.clock import CHINA
from greenlist.core.errors import Refused
from greenlist.organisations import services as organisations
from greenlist.organisations.models import BodyStaff, Organisation
from greenlist.policy import selectors as policy
from greenlist.portal.demo import answers, reports
from greenlist.portal.demo.places import Cast
from greenlist.portal.demo.story import PLEDGE, Round
from reviews.models import Panel, Sheet
from reviews.selectors import tree
from reviews.services import consultations, draws, opinions, panels, pool, seats, watches

RULES, PROVINCE = "hebei-national", "130000"
DRAFT, APPROVING = "heilongjiang", "230000"  # the province whose rules, a draft still, approve bodies
CATEGORIES = {"factory": "绿色工厂", "park": "绿色工业园区", "supply_chain": "绿色供应链管理企业"}
REASON = "已列入市级培育库（示例），创建基础扎实。"
NOTE = "按证明材料评分，数据与台账一致。"


class Higher(Round):
    """Calls of a higher list, one for each category, and their cases."""

    def __init__(self, cast: Cast, at: datetime, rules: str, province: str, list_name: str) -> None:
        super().__init__(cast, rules, province, at)
        self.list_name = list_name
        self.calls: dict[str, Call] = {}

    def open_all(self, categories: Iterable[str], **values: str) -> None:
        for category in categories:
            words, year = f"{self.list_name}{CATEGORIES[category]}", self.at.astimezone(CHINA).year
            draft = calls.Draft(
                version_id=policy.current(self.place).pk,
                category=category,
                year=year,
                title=f"关于组织推荐{year}年度{words}名单的通知",
                number=f"示工信〔{year}〕6号",
                issued_on=self.at.astimezone(CHINA).date(),
                text=f"现组织推荐{year}年度{words}，请符合条件的单位在线完成自评价或第三方评价并提交申报。申报不收取任何费用。",
                contact_name="示例联系人",
                contact_phone="0000-0000000",
                values=values,
            )
            call = calls.create(actor=self.handler(), at=self.at, draft=draft)
            self.calls[category] = calls.open_call(actor=self.approver(), at=self.at, pk=call.pk, warned=True)

    def draft(self, firm: Organisation, category: str, mode: str = "self") -> Application:
        site = firm.sites.get(is_default=True)
        owner = self.cast.owner(firm)
        return drafts.start(actor=owner, at=self.at, call_id=self.calls[category].pk, site_id=site.pk, mode=mode)

    def alone(self, firm: Organisation, category: str) -> Application:
        """Evaluated by the unit itself, declared and submitted."""
        case, owner = self.draft(firm, category), self.cast.owner(firm)
        reports.fill(actor=owner, case=case, at=self.later(hours=3))
        answers.submit(actor=owner, case=case, at=self.later(hours=2))
        return _again(case)

    # ---- the body -------------------------------------------------------------------------------------------------------
    def offer(self, case: Application, body: Organisation) -> Project:
        owner = self.cast.owner(case.organisation)
        return projects.invite(actor=owner, at=self.later(hours=1), reference=case.reference, body_id=body.pk)

    def at_work(self, case: Application, body: Organisation, until: date) -> Project:
        """Asked, accepted with its statement, the report released."""
        project = self.offer(case, body)
        signed: dict[str, Any] = {"signed_name": body.legal_representative, "agreed": True}
        boss, owner = self.cast.owner(body), self.cast.owner(case.organisation)
        projects.accept(actor=boss, at=self.later(hours=5), reference=project.reference, **signed)
        projects.release(actor=owner, at=self.later(hours=1), reference=project.reference, ends_on=until)
        return project

    def evaluated(self, firm: Organisation, category: str, body: Organisation, until: date) -> Application:
        """Written and signed by the body, declared and submitted by the unit."""
        case, boss = self.draft(firm, category, "body"), self.cast.owner(body)
        project = self.at_work(case, body, until)
        reports.fill(actor=boss, case=case, at=self.later(hours=20), body=body)
        fresh = reads.own_case(self.cast.owner(firm), case.reference)
        digest = reads.digest(reads.draft_of(fresh, reads.form_of(fresh)).content(), fresh.report)
        projects.sign_report(
            actor=boss,
            at=self.later(hours=1),
            reference=project.reference,
            digest=digest,
            signed_name=body.legal_representative,
            agreed=True,
        )
        answers.submit(actor=self.cast.owner(firm), case=case, at=self.later(hours=4))
        return _again(case)

    # ---- the city -------------------------------------------------------------------------------------------------------
    def reviewer(self, case: Application, role: str = "handler") -> Actor:
        return next(
            one
            for name, one in self.cast.actors.items()
            if one.authority_id == case.desk_id and name.endswith(f"-{role}")
        )

    def judged(self, case: Application, **corrected: str) -> None:
        """Points by hand, and one value corrected with its reason: "group__row__cell" → the value that counts."""
        given: dict[str, Any] = {"actor": self.reviewer(case), "at": self.later(hours=1), "reference": case.reference}
        for row, points in reports.points(case.category).items():
            judging.judge(row=row, points=points, note=NOTE, **given)
        for name, value in corrected.items():
            group, row, cell = name.split("__")
            note = "与绿色电力交易凭证核对，按凭证数量核减。"
            judging.judge(row=f"{group}.{row}", values={cell: value}, note=note, **given)

    def sent_on(self, units: Sequence[Application], city: str) -> None:
        """One batch of a city, signed, sent and received."""
        handler, approver = self.cast.official(city, "handler"), self.cast.official(city, "approver")
        batch = batches.start(actor=handler, at=self.later(hours=1), call=units[0].call)
        batches.add(actor=handler, at=self.at, reference=batch.reference, cases_=[case.reference for case in units])
        batches.write_letter(
            actor=handler,
            at=self.at,
            reference=batch.reference,
            title=batch.title,
            number=f"示工信〔{units[0].call.year}〕18号",
            text=batch.letter_text,
        )
        for case in units:  # not on the city's list (HLJ-14c): recommended with a reason
            for finding in upward_reads.without_reason(case, reviews.latest_findings(case)):
                given = {"reference": case.reference, "rule": finding.rule, "reason": REASON}
                upward.override(actor=handler, at=self.at, **given)
        batches.hand_over(actor=handler, at=self.later(hours=1), reference=batch.reference)
        seen = batch_reads.view(approver, batch.reference, on=self.at.astimezone(CHINA).date())
        batches.sign(actor=approver, at=self.later(hours=1), reference=batch.reference, digest=seen.digest)
        batches.send(actor=approver, at=self.later(hours=1), reference=batch.reference)
        batches.receive(actor=self.handler(), at=self.later(hours=4), reference=batch.reference)

    def row_by_row(self, panel: Panel, actor: Actor) -> None:
        """An expert scores each row as the portal works it out, the others at four fifths, and locks."""
        versions = {}
        for sheet in Sheet.objects.filter(seat__panel=panel, seat__user_id=actor.user_id or 0).select_related(
            "item__application__report"
        ):
            found = tree.of(sheet.item.application)
            rows = {
                line.path: {
                    "points": line.worked or str(line.full if line.is_binding else line.full * 4 / 5),
                    "comment": "",
                }
                for line in (found.lines if found else ())
            }
            case = sheet.item.application.reference
            saved = seats.save_sheet(
                actor=actor,
                reference=panel.reference,
                case=case,
                version=sheet.version,
                score=None,
                suggests=True,
                comment="管理体系完备，主要能耗指标有台账支撑；可再生能源比例还可提高。",
                rows=rows,
                at=self.later(minutes=50),
            )
            versions[case] = saved.version
        seats.lock(actor=actor, reference=panel.reference, versions=versions, at=self.later(minutes=10))


def _again(case: Application) -> Application:
    return Application.objects.select_related("call__rules", "desk__area", "organisation").get(pk=case.pk)


def qualified(cast: Cast, key: str, at: datetime, identity: str) -> Organisation:
    """A body with all that the rules ask: profile, evaluators, experience, a diagnosis that the place confirmed."""
    body = cast.others[key]
    given: dict[str, Any] = {"organisation_id": body.pk, "actor": cast.owner(body), "at": at}
    face = organisations.BodyInput(
        legal_representative=body.legal_representative,
        identity=identity,
        legal_person_code=body.code or "",
        legal_form="firm",
        registered_in_china=True,
        office_address=body.address,
        fixed_office=True,
        finance_rules=True,
    )
    organisations.change_body(profile=face, **given)
    for number in range(10):
        level = BodyStaff.Level.SENIOR if number < 5 else BodyStaff.Level.MIDDLE
        organisations.add_staff(name=next(cast.names), level=level, field="energy", full_time=True, **given)
    ended = (at - timedelta(days=200)).date()
    organisations.add_experience(
        kind="evaluation", title="省级绿色工厂第三方评价（示例）", led=True, ended_on=ended, **given
    )
    helped = cast.firms[45]
    proof = organisations.add_proof(
        kind="free_diagnosis",
        firm=helped.name,
        area=helped.area,
        done_on=ended,
        upload=SimpleUploadedFile("免费节能诊断报告（示例）.pdf", answers.PAPER + key.encode(), "application/pdf"),
        **given,
    )
    official = cast.official(helped.area.slug, "handler")
    organisations.decide_proof(proof_id=proof.pk, confirmed=True, actor=official, at=at)
    return body


def registered(cast: Cast, body: Organisation, at: datetime, *, approved: bool) -> None:
    """Asks the province whose rules want it; one is approved, the other still waits."""
    row = bodies.register(
        actor=cast.owner(body),
        at=at,
        authority_id=cast.offices[APPROVING].pk,
        signed_name=body.legal_representative,
        agreed=True,
    )
    if approved:
        approver = cast.official(APPROVING, "approver")
        bodies.decide(actor=approver, at=at + timedelta(days=1), registration_id=row.pk, approve=True)


def running(cast: Cast, now: datetime) -> None:
    """Six applications: submitted by oneself and by a body, under review, signed, at work, and one body just asked."""
    today = now.astimezone(CHINA).date()
    tale = Higher(cast, now - timedelta(days=30), RULES, PROVINCE, "国家")
    body = qualified(cast, "body", tale.at, "110101198001010010")
    registered(cast, body, tale.at, approved=True)
    registered(cast, qualified(cast, "body2", tale.at, "110101198001010029"), now - timedelta(days=2), approved=False)
    cement, park = cast.others["cement"], cast.others["park"]
    organisations.grant_title(
        site=cement.sites.get(is_default=True),
        category="factory",
        tier="province",
        listing="2023年河北省绿色工厂名单（示例）",
        on=date(2023, 12, 1),
        source="示例来源（演示数据）",
        actor=SYSTEM,
        at=tale.at,
    )
    for firm in cast.firms[:2]:
        organisations.add_firm(
            park_id=park.pk, code=firm.code or "", name=firm.name, actor=cast.owner(park), at=tale.at
        )
    last = (today + timedelta(days=30)).isoformat()
    tale.open_all(CATEGORIES, city_by=last)
    tale.later(days=3)
    factory = tale.evaluated(cement, "factory", body, today)
    tale.judged(factory, energy__renewable__value="4.76")
    garden = tale.alone(park, "park")
    tale.judged(garden)
    tale.passed([garden])
    store = tale.alone(cast.firms[62], "supply_chain")
    tale.judged(store)
    tale.passed([store])
    consulted(cast, (garden, store), now)
    chain = tale.alone(cast.firms[44], "supply_chain")
    tale.judged(chain)
    tale.at = now - timedelta(days=5)
    busy = tale.draft(cast.firms[46], "supply_chain", "body")
    tale.at_work(busy, body, today + timedelta(days=20))
    reports.fill(actor=cast.owner(body), case=busy, at=tale.later(hours=3), sections=4, body=body)
    tale.offer(tale.draft(cast.firms[49], "supply_chain", "body"), body)
    adverse(cast, cast.firms[44], now)
    provincial(cast, body, now)


def consulted(cast: Cast, cases: Iterable[Application], now: datetime) -> None:
    """Departments are asked about each: one has answered, one objects to the second unit, one has not answered yet."""
    garden, store = (_again(case) for case in cases)
    slug = garden.desk.area.slug if garden.desk else ""
    at = now - timedelta(days=2)
    for case in (garden, store):
        handler, approver = cast.official(slug, "handler"), cast.official(slug, "approver")
        letter = consultations.create(actor=handler, call=case.call, at=at)
        number = f"示工信函〔{at.astimezone(CHINA).year}〕{letter.pk}号"
        written = consultations.Letter(letter.title, number)
        consultations.hand_over(actor=handler, reference=letter.reference, letter=written, at=at)
        try:
            consultations.send(actor=approver, reference=letter.reference, at=at + timedelta(hours=3))
        except Refused:  # the last days of a year whose next calendar nobody has confirmed yet
            return
        objected = "2024年因废气超标排放被责令改正，整改情况待核实。" if case == store else ""
        for office in letter.offices.exclude(department="market").order_by("pk"):
            if office.department == "emergency" and case == garden:
                continue
            officer = cast.actors[f"{slug}-{office.department}"]
            given: dict[str, Any] = {"actor": officer, "reference": office.reference, "at": at + timedelta(hours=20)}
            if objected and office.department == "ecology":
                said = {case.reference: opinions.Opinion("objection", objected)}
                opinions.save(said=said, **given)
            opinions.no_objection(**given)
            opinions.submit(cover=opinions.Cover(f"示{office.pk}函"), **given)


def provincial(cast: Cast, body: Organisation, now: datetime) -> None:
    """A province whose rules are a draft still: one factory by the general set of 2025, evaluated by the approved body."""
    tale = Higher(cast, now - timedelta(days=20), DRAFT, APPROVING, "省级")
    today = now.astimezone(CHINA).date()
    days = {name: (today + timedelta(days=far)).isoformat() for name, far in (("apply_by", 20), ("city_by", 40))}
    tale.open_all(["factory"], edition="factory-2025", notice_first_day="next", **days)
    tale.later(days=2)
    tale.judged(tale.evaluated(cast.firms[54], "factory", body, today), energy__renewable__value="4.76")
    tale.at = now - timedelta(days=16)
    units = [tale.alone(firm, "factory") for firm in (cast.firms[57], cast.firms[59])]
    for case in units:
        tale.judged(case)
    tale.passed(units)
    tale.sent_on(units, "230100")
    tale.passed(units)  # the province looks at the vetoes again (HLJ-16a)
    drawn_panel(tale, units)


def drawn_panel(tale: Higher, units: Sequence[Application]) -> None:
    """A panel whose experts are drawn, with a supervisor; one expert has scored, the others are at it (HLJ-16b, HLJ-17)."""
    handler, given = tale.handler(), {"actor": tale.handler()}
    kept = {number: tale.cast.people[f"230000-expert{number}"].pk for number in (1, 2, 3)}
    pool.add_employment(
        user_id=kept[1], employer=units[0].name, since=date(2015, 3, 1), until=date(2025, 6, 30), at=tale.at, **given
    )
    pool.suspend(user_id=kept[2], reason="上一年度履职评价不合格，暂停一年。", at=tale.at, **given)
    day = tale.at.astimezone(CHINA).date()
    pool.add_absence(user_id=kept[3], since=day, until=day + timedelta(days=20), reason="出国访问", at=tale.at, **given)
    plan = panels.Plan(
        title=f"{units[0].call.year}年度省级绿色工厂评审组",
        drawn=True,
        plan="一、原则：独立、客观、公正。\n二、范围：各市（地）推荐的工厂。\n三、程序：抽取专家、签订承诺、审阅材料、逐项评分、汇总。\n"
        "四、内容：按《绿色工厂评价通则》逐项评分。\n五、要求：每个单位由两名专家独立评审，80分以上为通过。",
        pledge=PLEDGE,
        applications=tuple(case.reference for case in units),
    )
    panel = panels.create(actor=handler, call=units[0].call, plan=plan, at=tale.later(hours=2))
    panels.record_talk(
        actor=handler,
        reference=panel.reference,
        version=panel.version,
        risks="专家名单泄露：开始评审前不对外。\n请托说情：一律登记报告。",
        talk_on=tale.at.astimezone(CHINA).date(),
        talk="分管副厅长对工作人员和监督人员集体提醒谈话。",
        at=tale.later(hours=1),
    )
    panel.refresh_from_db()
    asked = draws.Asked(places=3, per_case=2, cap=2)
    seed = "20260000000000000000000000000000000000000000000000000000000000ab"
    draws.draw_members(
        actor=handler, reference=panel.reference, version=panel.version, asked=asked, at=tale.later(hours=1), seed=seed
    )
    supervisor = tale.cast.people["230000-supervisor"].pk
    watches.name(actor=handler, reference=panel.reference, user_id=supervisor, at=tale.later(minutes=5))
    watches.remark(
        actor=tale.cast.actors["230000-supervisor"],
        reference=panel.reference,
        text="现场监督了专家抽取，过程符合规定。",
        at=tale.later(minutes=20),
    )
    first = panel.seats.order_by("pk")[0]
    panels.name_chair(actor=handler, reference=panel.reference, seat_id=first.pk, at=tale.later(minutes=5))
    panels.open_panel(actor=handler, reference=panel.reference, at=tale.later(hours=1))
    for number, seat in enumerate(panel.seats.select_related("user").order_by("pk")[:2]):
        actor = next(one for one in tale.cast.actors.values() if one.user_id == seat.user_id)
        seats.pledge(actor=actor, reference=panel.reference, at=tale.later(hours=1))
        seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=tale.later(minutes=10))
        if number == 0:
            tale.row_by_row(panel, actor)


def adverse(cast: Cast, firm: Organisation, now: datetime) -> None:
    """A penalty of last month: the night's check finds it, and the city has not answered yet."""
    record = organisations.AdverseInput(
        code=firm.code or "",
        name=firm.name,
        kind="environment",
        severity=1,
        event_on=now.astimezone(CHINA).date() - timedelta(days=25),
        source="示例来源（演示数据）",
        reference="示例环罚〔0000〕2号",
    )
    slug = firm.sites.get(is_default=True).area.slug
    organisations.enter_adverse(record=record, actor=cast.official(slug, "handler"), at=now)
    sweep.sweep(at=now)

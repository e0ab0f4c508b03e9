"""Lists of the nation and of a province: three categories, third-party bodies at work, figures under review."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, Call, Project
from applications.selectors import drafts as reads
from applications.services import bodies, calls, drafts, judging, projects, sweep
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.clock import CHINA
from greenlist.organisations import services as organisations
from greenlist.organisations.models import BodyStaff, Organisation
from greenlist.policy import selectors as policy
from greenlist.portal.demo import answers, reports
from greenlist.portal.demo.places import Cast
from greenlist.portal.demo.story import Round

RULES, PROVINCE = "hebei-national", "130000"
DRAFT, APPROVING = "heilongjiang", "230000"  # the province whose rules, a draft still, approve bodies
CATEGORIES = {"factory": "绿色工厂", "park": "绿色工业园区", "supply_chain": "绿色供应链管理企业"}
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
    chain = tale.alone(cast.firms[44], "supply_chain")
    tale.judged(chain)
    tale.at = now - timedelta(days=5)
    busy = tale.draft(cast.firms[46], "supply_chain", "body")
    tale.at_work(busy, body, today + timedelta(days=20))
    reports.fill(actor=cast.owner(body), case=busy, at=tale.later(hours=3), sections=4, body=body)
    tale.offer(tale.draft(cast.firms[49], "supply_chain", "body"), body)
    adverse(cast, cast.firms[44], now)
    provincial(cast, body, now)


def provincial(cast: Cast, body: Organisation, now: datetime) -> None:
    """A province whose rules are a draft still: one factory by the general set of 2025, evaluated by the approved body."""
    tale = Higher(cast, now - timedelta(days=20), DRAFT, APPROVING, "省级")
    today = now.astimezone(CHINA).date()
    days = {name: (today + timedelta(days=far)).isoformat() for name, far in (("apply_by", 20), ("city_by", 40))}
    tale.open_all(["factory"], edition="factory-2025", notice_first_day="next", **days)
    tale.later(days=2)
    tale.judged(tale.evaluated(cast.firms[54], "factory", body, today), energy__renewable__value="4.76")


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

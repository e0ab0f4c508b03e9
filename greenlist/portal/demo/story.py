"""Rounds of the demonstration: finished ones in past years, one in full swing in each of the two cities."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from applications import selectors
from applications.models import Application, Batch, Call, Hit
from applications.selectors import batches as batch_reads
from applications.selectors import screening as screening_reads
from applications.services import batches, calls, drafts, hits, screening, sweep
from applications.services.screening import Given
from greenlist.core.clock import CHINA, day_end
from greenlist.core.models import Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.portal.demo import answers
from greenlist.portal.demo.places import Cast
from registry.models import Notice
from registry.services import announcements, notices, objections
from reviews.models import Panel, Sheet
from reviews.services import decisions, panels, seats

VALUES: dict[str, dict[str, Any]] = {
    "qinhuangdao": {
        "notice_first_day": "next",
        "edition": "factory-2018",
        "priority_industries": ["electronics", "biomedicine", "equipment", "food"],
    },
    "shijiazhuang": {"notice_first_day": "counts", "edition": "factory-2018"},
}
PLEDGE = "本人承诺独立、客观、公正评审，与被评审单位存在利害关系的主动回避，对评审内容和结果保密。"


def moment(day: date, hour: int = 10) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=CHINA)


class Round:
    """One call of one city and its cases; `at` moves forward with the story."""

    def __init__(self, cast: Cast, place: str, city: str, at: datetime) -> None:
        self.cast, self.place, self.city, self.at = cast, place, city, at
        self.call: Call

    def later(self, **span: int) -> datetime:
        self.at += timedelta(**span)
        return self.at

    def handler(self, slug: str = "") -> Any:
        return self.cast.official(slug or self.city, "handler")

    def approver(self, slug: str = "") -> Any:
        return self.cast.official(slug or self.city, "approver")

    def reviewer(self, case: Application, role: str = "handler") -> Any:
        """Of the authority that reviews first: the county here."""
        return self.cast.official(_slug(case), role)

    # ---- call and applications -------------------------------------------------------------------------------------
    def open(self, year: int, title: str, number: str = "", **values: Any) -> Call:
        draft = calls.Draft(
            version_id=policy.current(self.place).pk,
            category="factory",
            year=year,
            title=title,
            number=number,
            issued_on=self.at.astimezone(CHINA).date(),
            text="现组织开展市级绿色工厂推荐工作，请符合条件的企业在线自评价并提交申报。申报不收取任何费用。",
            contact_name="示例联系人",
            contact_phone="0000-0000000",
            values={**VALUES[self.place], **values},
        )
        call = calls.create(actor=self.handler(), at=self.at, draft=draft)
        self.call = calls.open_call(actor=self.approver(), at=self.later(hours=3), pk=call.pk)
        return self.call

    def begin(self, firm: Organisation, sections: int = 99, scale: str = "1") -> Application:
        actor = self.cast.owner(firm)
        site = firm.sites.get(is_default=True)
        case = drafts.start(actor=actor, at=self.at, call_id=self.call.pk, site_id=site.pk)
        answers.fill(actor=actor, case=case, at=self.later(minutes=40), scale=scale, sections=sections)
        return case

    def submit(self, firms: Iterable[Organisation]) -> list[Application]:
        found = []
        for number, firm in enumerate(firms, start=1):
            case = self.begin(firm, scale=str(Decimal("0.8") + Decimal(number) / 10))
            answers.submit(actor=self.cast.owner(firm), case=case, at=self.later(hours=2))
            found.append(Application.objects.select_related("call__rules", "desk__area").get(pk=case.pk))
        return found

    # ---- the county ---------------------------------------------------------------------------------------------
    def verdicts(self, case: Application, failing: str = "") -> None:
        """Yes to every point; with `failing`, no to the last one and that remark."""
        case.refresh_from_db()
        bound = selectors.rules_of(case.call)
        asked = screening_reads.points(
            bound, bound.step(case.step), screening_reads.latest_findings(case), case.verdicts.all()
        )
        given = {point.key: Given("yes", "现场核对原件，符合。") for point in asked}
        if failing:
            given[asked[-1].key] = Given("no", failing)
        screening.save_findings(
            actor=self.reviewer(case), at=self.later(hours=1), reference=case.reference, verdicts=given
        )

    def propose(
        self, case: Application, outcome: str = "pass", opinion: str = "材料齐全，指标属实，同意推荐。"
    ) -> None:
        screening.propose(
            actor=self.reviewer(case),
            at=self.later(hours=1),
            reference=case.reference,
            outcome=outcome,
            opinion=opinion,
        )

    def sign(self, case: Application) -> None:
        screening.sign(actor=self.reviewer(case, "approver"), at=self.later(hours=1), reference=case.reference)

    def passed(self, cases: Iterable[Application]) -> list[Application]:
        found = []
        for case in cases:
            self.verdicts(case)
            self.propose(case)
            self.sign(case)
            found.append(case)
        return found

    def recommend(self, cases: Sequence[Application], *, sent: bool = True) -> list[Batch]:
        """One batch per county, signed, sent and received."""
        found: list[Batch] = []
        for slug in sorted({_slug(case) for case in cases}):
            handler, approver = self.handler(slug), self.approver(slug)
            batch = batches.start(actor=handler, at=self.later(hours=1), call=self.call)
            chosen = [case.reference for case in cases if _slug(case) == slug]
            batches.add(actor=handler, at=self.at, reference=batch.reference, cases_=chosen)
            batches.write_letter(
                actor=handler,
                at=self.at,
                reference=batch.reference,
                title=batch.title,
                number=f"示工信〔{self.call.year}〕{12 + len(found)}号",
                text=batch.letter_text,
            )
            found.append(batch)
            if not sent:
                continue
            batches.hand_over(actor=handler, at=self.later(hours=1), reference=batch.reference)
            seen = batch_reads.view(approver, batch.reference, on=self.at.astimezone(CHINA).date())
            batches.sign(actor=approver, at=self.later(hours=1), reference=batch.reference, digest=seen.digest)
            batches.send(actor=approver, at=self.later(hours=1), reference=batch.reference)
            batches.receive(actor=self.handler(), at=self.later(hours=4), reference=batch.reference)
        return found

    # ---- the city -----------------------------------------------------------------------------------------------
    def panel(self, cases: Sequence[Application], title: str) -> Panel:
        experts = [self.cast.people[f"{self.city}-expert{number}"].pk for number in (1, 2, 3)]
        plan = panels.Plan(
            title=title,
            pledge=PLEDGE,
            applications=tuple(case.reference for case in cases),
            experts=tuple(experts),
            chair=experts[0],
        )
        panel = panels.create(actor=self.handler(), call=self.call, plan=plan, at=self.later(hours=2))
        return panels.open_panel(actor=self.handler(), reference=panel.reference, at=self.later(hours=1))

    def score(self, panel: Panel, numbers: Iterable[int] = (1, 2, 3)) -> None:
        for number in numbers:
            actor = self.cast.actors[f"{self.city}-expert{number}"]
            seats.pledge(actor=actor, reference=panel.reference, at=self.later(hours=1))
            seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=self.at)
            mine = Sheet.objects.filter(seat__panel=panel, seat__user_id=actor.user_id or 0, conflict="")
            for sheet in mine.select_related("item__application"):
                seats.save_sheet(
                    actor=actor,
                    reference=panel.reference,
                    case=sheet.item.application.reference,
                    version=sheet.version,
                    score=Decimal(80 + 3 * number),
                    suggests=True,
                    comment="材料完整，能源和水的数据有台账支撑，指标在同行业中先进。",
                    at=self.later(minutes=30),
                )
            versions = {
                sheet.item.application.reference: sheet.version for sheet in mine.select_related("item__application")
            }
            seats.lock(actor=actor, reference=panel.reference, versions=versions, at=self.later(hours=1))

    def conclude(self, panel: Panel) -> None:
        panel.refresh_from_db()
        units = {
            item.application.reference: panels.Conclusion(True, "同意列入建议名单。")
            for item in panel.items.select_related("application")
        }
        result = panels.Result(
            opinion="专家组查阅材料、质询讨论，认为所评企业符合认定条件，建议列入名单。", units=units
        )
        panels.conclude(
            actor=self.handler(),
            reference=panel.reference,
            version=panel.version,
            result=result,
            at=self.later(hours=3),
        )

    def decide(self, title: str) -> Any:
        decision = decisions.create(actor=self.handler(), call=self.call, title=title, at=self.later(hours=20))
        decisions.hand_over(actor=self.handler(), reference=decision.reference, at=self.later(hours=1))
        return decisions.approve(actor=self.approver(), reference=decision.reference, at=self.later(hours=1))

    def notice(self, decision: Any) -> Notice:
        from registry.selectors import notice_words

        words = notice_words(decision)
        draft = notices.draft(actor=self.handler(), decision=decision.reference, at=self.later(hours=1), **words)
        return notices.publish(actor=self.approver(), reference=draft.reference, at=self.later(hours=1))

    def announce(self, notice: Notice, number: str) -> None:
        from registry.selectors import announcement_words

        assert notice.ends_on is not None
        self.at = day_end(notice.ends_on) + timedelta(hours=9)
        notices.close_due(at=self.at)
        words = announcement_words(notice)
        row = announcements.draft(actor=self.handler(), notice=notice.reference, number=number, at=self.at, **words)
        announcements.hand_to_approver(actor=self.handler(), reference=row.reference, at=self.later(hours=1))
        announcements.publish(actor=self.approver(), reference=row.reference, at=self.later(hours=2))


def _slug(case: Application) -> str:
    return case.area_path.strip("/").rsplit("/", 1)[-1]


def finished(
    cast: Cast, place: str, city: str, firms: Sequence[Organisation], opened: date, title: str, **values: Any
) -> None:
    """A whole round of a past year, from the call to the published list."""
    tale = Round(cast, place, city, moment(opened))
    tale.open(opened.year, title, f"示工信〔{opened.year}〕20号", **values)
    tale.later(days=5)
    tale.recommend(tale.passed(tale.submit(firms)))
    tale.later(days=3)
    panel = tale.panel(_of(tale.call, firms), f"{opened.year}年市级绿色工厂专家评审组")
    tale.score(panel)
    tale.conclude(panel)
    tale.announce(tale.notice(tale.decide(f"{opened.year}年市级绿色工厂综合审查")), f"示工信〔{opened.year}〕31号")
    calls.close(actor=tale.approver(), at=tale.later(hours=1), pk=tale.call.pk, reason="本年度认定工作已完成。")


def running(cast: Cast, place: str, city: str, firms: Sequence[Organisation], now: datetime, title: str) -> None:
    """This year's round, with a case at every station; the sending date moved by a logged extension to now + 30 days."""
    today = now.astimezone(CHINA).date()
    opened = today - timedelta(days=60)
    tale = Round(cast, place, city, moment(opened))
    asked = {"county_by": (opened + timedelta(days=30)).isoformat()} if place == "qinhuangdao" else {}
    tale.open(opened.year, title.format(year=opened.year), f"示工信〔{opened.year}〕20号", **asked)
    if asked:
        calls.extend(
            actor=tale.approver(),
            at=tale.at + timedelta(days=20),
            pk=tale.call.pk,
            step="send",
            new_day=today + timedelta(days=30),
            reason="部分县区核查工作量较大，延长报送时间。",
        )
    firm = iter(firms)

    def take(count: int) -> list[Organisation]:
        return [next(firm) for _ in range(count)]

    tale.later(days=4)
    on_notice, deciding, on_panel, arrived = take(3), take(1), take(2), take(2)
    tale.recommend(tale.passed(tale.submit(on_notice)))
    panel = tale.panel(_of(tale.call, on_notice), "第一专家评审组")
    tale.score(panel)
    tale.conclude(panel)
    decision = tale.decide("第一批综合审查")
    tale.at = now - timedelta(days=12)
    tale.recommend(tale.passed(tale.submit(deciding)))
    second = tale.panel(_of(tale.call, deciding), "第二专家评审组")
    tale.score(second)
    tale.conclude(second)
    tale.at = now - timedelta(days=8)
    tale.recommend(tale.passed(tale.submit(on_panel)))
    tale.score(tale.panel(_of(tale.call, on_panel), "第三专家评审组"), numbers=(2,))
    tale.at = now - timedelta(days=6)
    tale.recommend(tale.passed(tale.submit(arrived)))
    tale.at = now - timedelta(days=4)
    tale.passed(tale.submit(take(2)))
    _at_the_county(tale, take(4))
    tale.at = now - timedelta(hours=20)
    if policy.calendar().confirmed >= {now.year, (now + timedelta(days=20)).year}:
        notice = tale.notice(decision)
        objections.file(
            notice=notice.reference,
            item=notice.items.get(position=2).pk,
            name="周例实",
            contact="13800000000",
            text="该企业公示的用水数据与公开的环境信息披露不一致，请核查。",
            evidence=None,
            at=tale.later(hours=3),
        )
    tale.at = now - timedelta(hours=6)
    tale.begin(next(firm), sections=5)


def _at_the_county(tale: Round, firms: Sequence[Organisation]) -> None:
    """One waits for review, one for a signature, one is returned, one is rejected."""
    rejected, _waiting, to_sign, returned = tale.submit(firms)
    tale.verdicts(to_sign)
    tale.propose(to_sign)
    screening.return_for_correction(
        actor=tale.handler(_slug(returned)),
        at=tale.later(hours=2),
        reference=returned.reference,
        fields=["waste.fresh_water", "energy.use"],
        reason="请核对取水量与电力消耗量的单位，并补充说明。",
    )
    tale.verdicts(rejected, failing="部分数据与统计报表不一致，且未能说明原因。")
    tale.propose(rejected, "reject", "申报数据的真实性、合规性存疑，不予推荐。")
    tale.sign(rejected)


def _of(call: Call, firms: Sequence[Organisation]) -> list[Application]:
    return list(Application.objects.filter(call=call, organisation__in=firms).order_by("pk"))


def adverse(cast: Cast, listed: Sequence[Organisation], applying: Organisation, now: datetime) -> None:
    """Records that show each result: clear, hit and answered, to be confirmed by grade of the rule, and by a name alone."""
    day = now.astimezone(CHINA).date() - timedelta(days=30)

    def enter(firm: Organisation, kind: str, severity: int = 0, **changes: Any) -> None:
        fields: dict[str, Any] = {
            "code": firm.code or "",
            "name": firm.name,
            "kind": kind,
            "severity": severity,
            "event_on": day,
            "source": "示例来源（演示数据）",
            "reference": "示例〔0000〕1号",
        }
        slug = firm.sites.get(is_default=True).area.slug
        record = organisations.AdverseInput(**fields | changes)
        organisations.enter_adverse(record=record, actor=cast.official(slug, "handler"), at=now)

    unharmed, struck, repaired = listed[:3]
    enter(unharmed, "environment", 1)
    enter(struck, "safety", 2)
    enter(repaired, "serious_dishonesty", event_on=day - timedelta(days=400), ended_on=day)
    enter(applying, "tax_offence", code="")
    sweep.sweep(at=now)
    hit = Hit.objects.get(name=struck.name)
    hits.answer(
        hit_id=hit.pk,
        word="stands",
        reason="事故调查报告已归档，按规定研究处理意见（演示数据）。",
        actor=cast.official(hit.authority.area.slug, "handler"),
        at=now,
    )


def quieten() -> None:
    """Mails about the past are not sent when the demonstration starts."""
    Notification.objects.filter(channel="email", state="new").update(state="sent")

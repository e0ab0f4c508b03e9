"""Life after listing in the demonstration: what was brought on, looked into, put right, changed, reported and taken off."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from dynamics.models import Removal, UpwardRequest
from dynamics.selectors import showing as offers
from dynamics.services import (
    bulletins,
    changes,
    cultivation,
    cycles,
    experiences,
    filings,
    incidents,
    inspections,
    rectifications,
    removals,
    showing,
    tips,
    trainings,
    upward,
    yearly,
)
from dynamics.services.cultivation import Plan
from dynamics.states import (
    Answer,
    Conclusion,
    InspectionResult,
    RectificationSource,
    RemovalSource,
    TipOutcome,
    YearlyState,
)
from greenlist.core.actors import Actor
from greenlist.core.clock import CHINA
from greenlist.organisations.models import Organisation
from greenlist.portal.demo import elsewhere, tables
from greenlist.portal.demo.answers import PAPER
from greenlist.portal.demo.places import Cast
from greenlist.portal.demo.story import moment
from registry.models import Listing
from registry.services import bulletins as printed


def running(cast: Cast, listed: Sequence[Organisation], others: Sequence[Organisation], now: datetime) -> None:
    """`listed`: of the first city's lists of past years; `others`: firms of its counties on no list yet."""
    followed(cast, 2025)
    taken_off(cast, listed[3])
    followed(cast, 2026, forgot=listed[2])
    _running(cast, now)
    heard(cast, now)
    cultivated(cast, others, now)
    put_right(cast, listed[1], now)
    changed(cast, listed[0], now)
    inspected(cast, now)
    shown(cast, listed[0], now)
    alarmed(cast, listed[21], now)
    reported(cast, now)
    asked_upward(cast, now)
    filed_upward(cast, now)
    elsewhere.running(cast, now)


def paper(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PAPER, "application/pdf")


def picture(name: str) -> SimpleUploadedFile:
    """A plain one: what comes with a report is opened and laid bare of its properties, so it has to be a real file."""
    out = BytesIO()
    Image.new("RGB", (480, 320), (226, 234, 226)).save(out, "PNG")
    return SimpleUploadedFile(name, out.getvalue(), "image/png")


def _listing(firm: Organisation) -> Listing:
    return Listing.objects.select_related("listbook__owner__area").get(organisation=firm, listbook__owner__tier="city")


def _slug(firm: Organisation) -> str:
    return str(firm.sites.get(is_default=True).area.slug)


def followed(cast: Cast, year: int, forgot: Organisation | None = None) -> None:
    """The tables of one year in the first city, filed and accepted; who forgot is proposed for removal after the last day."""
    at, due_on = moment(date(year, 3, 3)), date(year, 4, 30)
    cycle = tables.opened(cast, "qinhuangdao", "130300", due_on, at)
    for place, table in enumerate(cycle.reports.exclude(state=YearlyState.EXEMPT).order_by("pk")):
        if table.organisation != forgot:
            factor = str(1 + Decimal((year - 2025) * 3 + place) / 20)
            tables.finished(cast, table, at + timedelta(days=9 + place), factor)
    if forgot:
        cycles.propose_missed(at=moment(due_on + timedelta(days=4)))


def heard(cast: Cast, now: datetime) -> None:
    """Whoever missed the table is asked now, and may answer for some days yet."""
    row = Removal.objects.get(ground="no_table")
    removals.ask(
        actor=cast.official("130300", "handler"),
        reference=row.reference,
        letter=f"你单位未按规定提交2026年动态管理表，拟移出市级绿色工厂名单（{row.clause}）。",
        answer_by=_day(now, 12),
        how="可到市局207室当面陈述（演示数据）。",
        at=now - timedelta(days=5),
    )


def _running(cast: Cast, now: datetime) -> None:
    """The second city's tables: one draft, one at the county, one returned, the others due in three weeks."""
    cycle = tables.opened(cast, "shijiazhuang", "130100", _day(now, 21), now - timedelta(days=25))
    drafted, filed, returned = list(cycle.reports.exclude(state=YearlyState.EXEMPT).order_by("pk")[:3])
    at = now - timedelta(days=12)
    tables.fill(drafted, cast.owners[drafted.organisation_id], at, sections=4)
    for table in (filed, returned):
        actor = cast.owners[table.organisation_id]
        tables.hand_in(tables.fill(table, actor, at), actor, at + timedelta(days=1))
    returned.refresh_from_db()
    assert returned.desk is not None
    yearly.give_back(
        actor=cast.official(returned.desk.area.slug, "handler"),
        at=at + timedelta(days=3),
        reference=returned.reference,
        revision=returned.revision,
        text="工业总产值与统计报表不一致，请核对后重新提交。",
        fields={"economy.output": "与统计年报相差约8%，请核对。"},
    )


def cultivated(cast: Cast, firms: Sequence[Organisation], now: datetime) -> None:
    """Three firms of a county: noted in a survey, brought on with plan, visit and target, invited to apply."""
    noted, brought_on, invited = firms[:3]
    start = now - timedelta(days=200)
    for firm in (noted, brought_on, invited):
        handler = cast.official(_slug(firm), "handler")
        site = firm.sites.get(is_default=True)
        plan = Plan(note="摸底调查时用能数据齐全，有改造意愿（演示数据）。", responsible=handler.name)
        row = cultivation.add(site_id=site.pk, category="factory", actor=handler, at=start, plan=plan)
        if firm is noted:
            continue
        given: dict[str, Any] = {"reference": row.reference, "actor": handler}
        cultivation.take_up(at=start + timedelta(days=3), **given)
        words = Plan(
            note=plan.note,
            plan="一、完成能源管理体系认证。\n二、更换高耗能电机。\n三、建设屋顶光伏。",
            responsible=handler.name,
        )
        row.refresh_from_db()
        cultivation.write_plan(version=row.version, plan=words, at=start + timedelta(days=5), **given)
        goal = cultivation.set_target(
            text="取得能源管理体系认证证书", due_on=_day(now, 40), at=start + timedelta(days=5), **given
        )
        planned = cultivation.plan_visit(
            planned_on=_day(start, 30), purpose="现场指导能耗计量", at=start + timedelta(days=10), **given
        )
        cultivation.record_visit(
            visit=planned.pk,
            visited_on=_day(start, 30),
            persons="县局2人、企业3人",
            advice="二级计量器具配备不全，建议三个月内补齐。",
            at=start + timedelta(days=31),
            **given,
        )
        if firm is invited:
            cultivation.reach_target(target=goal.pk, at=now - timedelta(days=20), **given)
            cultivation.invite(at=now - timedelta(days=10), **given)


def put_right(cast: Cast, firm: Organisation, now: datetime) -> None:
    """One thing was put right last year, another one is due."""
    handler = cast.official(_slug(firm), "handler")
    place, then = _listing(firm).pk, now - timedelta(days=400)
    done = rectifications.order(
        listing=place,
        reason="危险废物贮存间标识不全。",
        due_on=_day(then, 30),
        source=RectificationSource.INSPECTION,
        actor=handler,
        at=then,
    )
    rectifications.hand_in(
        reference=done.reference,
        answer="已按标准更换全部标识。",
        proofs=[paper("整改照片.pdf")],
        actor=cast.owner(firm),
        at=then + timedelta(days=12),
    )
    rectifications.accept(
        reference=done.reference, note="现场复核，已整改到位。", actor=handler, at=then + timedelta(days=15)
    )
    rectifications.order(
        listing=place,
        reason="部分用水计量器具超期未检定。",
        due_on=_day(now, 12),
        source=RectificationSource.INSPECTION,
        actor=handler,
        at=now - timedelta(days=6),
    )


def taken_off(cast: Cast, firm: Organisation) -> None:
    """Untrue figures, found and proven in an earlier year: heard, decided by two, announced."""
    handler, approver = cast.official("130300", "handler"), cast.official("130300", "approver")
    at = moment(date(2025, 6, 9))
    row = removals.propose(
        listing=_listing(firm),
        ground="false_data",
        reason="核查发现2024年度用电量与供电公司台账相差较大，企业未能说明（演示数据）。",
        source=RemovalSource.PERSON,
        actor=handler,
        at=at,
    )
    _decided(row, cast.owner(firm), handler, approver, at)
    at += timedelta(days=17)
    sheet = bulletins.draft(
        actor=handler,
        listbook=row.listing.listbook_id,
        chosen=[("removal", row.pk)],
        title="关于调整秦皇岛市市级绿色工厂名单的公告（示例）",
        number="示工信〔2025〕22号",
        text="经核实并听取陈述申辩，以下单位移出市级绿色工厂名单，现予公告。",
        at=at,
    )
    printed.hand_to_approver(actor=handler, reference=sheet.reference, at=at + timedelta(hours=1))
    bulletins.publish(actor=approver, reference=sheet.reference, at=at + timedelta(hours=3))


def _decided(row: Removal, unit: Actor, handler: Actor, approver: Actor, at: datetime) -> None:
    given: dict[str, Any] = {"reference": row.reference}
    removals.ask(
        actor=handler,
        letter=row.reason,
        answer_by=_day(at, 20),
        how="可到市局207室当面陈述（演示数据）。",
        at=at + timedelta(days=1),
        **given,
    )
    removals.answer(
        actor=unit,
        statement="台账由两套系统导出，口径不一致，我单位接受处理意见。",
        uploads=[paper("情况说明.pdf")],
        at=at + timedelta(days=9),
        **given,
    )
    removals.conclude(
        actor=handler,
        conclusion=Conclusion.REMOVE,
        opinion="经听取陈述，数据不实的情况属实，建议移出。",
        at=at + timedelta(days=14),
        **given,
    )
    removals.decide(
        actor=approver,
        outcome=Conclusion.REMOVE,
        decision="同意移出名单。",
        at=at + timedelta(days=15),
        **given,
    )


def changed(cast: Cast, firm: Organisation, now: datetime) -> None:
    """A unit was renamed last year, confirmed and taken note of; now another legal representative is to be verified."""
    county, approver = cast.official(_slug(firm), "handler"), cast.official(_slug(firm), "approver")
    unit, place = cast.owner(firm), _listing(firm).pk

    def told(kind: str, text: str, happened_on: date, at: datetime) -> str:
        given = changes.Report(
            after={kind: text},
            happened_on=happened_on,
            explanation="已在登记机关办理变更登记（演示数据）。",
            files=[paper("变更登记通知书（示例）.pdf")],
        )
        return changes.report(listing=place, given=given, actor=unit, at=at)[0].reference

    at = moment(date(2025, 10, 13))
    first: dict[str, Any] = {"reference": told("name", f"{firm.name[:-4]}科技有限公司", _day(at, -12), at)}
    said = changes.Verification(
        opinion="与登记机关通知书核对一致。", agreed=True, meets=True, meets_reason="生产线未变。"
    )
    changes.verify(given=said, actor=county, at=at + timedelta(days=3), **first)
    changes.confirm(actor=approver, at=at + timedelta(days=4), **first)
    changes.take_note(actor=cast.official("130300", "handler"), at=at + timedelta(days=8), **first)
    told("legal_representative", "郑例新", _day(now, -30), now - timedelta(days=9))


def inspected(cast: Cast, now: datetime) -> None:
    """Half of the units drawn for a spot check: one was visited and advised, the others are still to come."""
    city, at = cast.official("130300", "handler"), now - timedelta(days=60)
    wish = inspections.Wish(
        title="年度现场抽查（示例）", year=at.astimezone(CHINA).year, share=Decimal(50), unannounced=True
    )
    plan = inspections.draw(
        actor=city, wish=wish, at=at, seed="20260000000000000000000000000000000000000000000000000000000000cd"
    )
    first, *others = plan.inspections.order_by("pk")
    inspections.set_day(actor=city, reference=first.reference, planned_on=_day(at, 10), at=at + timedelta(days=1))
    visit = inspections.Visit(
        visited_on=_day(at, 10),
        persons="市局2人、县局1人",
        result=InspectionResult.ADVICE,
        findings="台账齐全，建议补充二级用水计量。",
        answers={one["key"]: (Answer.YES, "") for one in first.items},
        photos=[paper("现场照片（示例）.pdf")],
    )
    inspections.carry_out(actor=city, reference=first.reference, visit=visit, at=at + timedelta(days=11))
    for number, row in enumerate(others, start=1):
        inspections.set_day(actor=city, reference=row.reference, planned_on=_day(now, 5 * number), at=now)


def shown(cast: Cast, firm: Organisation, now: datetime) -> None:
    """What a unit shows of itself, and its experience, picked and published by the city."""
    place, unit, at = _listing(firm), cast.owner(firm), now - timedelta(days=30)
    words = {
        "report": showing.Words(
            text="本年度单位产值能耗下降4.6%，取水量下降3.1%（演示数据）。", link="https://example.com/report"
        ),
        "pledge": showing.Words(text="我单位承诺持续推进绿色低碳生产，自觉接受社会监督（演示数据）。"),
        "technology": showing.Words(text="窑炉余热回收与屋顶光伏相结合，年节电约310万千瓦时（演示数据）。"),
    }
    for one in offers.offered(place):
        if one.kind in words:
            given: dict[str, Any] = {"listing_id": place.pk, "kind": one.kind, "actor": unit, "at": at}
            showing.write(version=0, given=words[one.kind], **given)
            showing.mark(public=True, **given)
    city = cast.official("130300", "handler")
    row = experiences.pick(listing_id=place.pk, actor=city, at=at)
    row = experiences.write(
        reference=row.reference,
        version=row.version,
        title="余热回收与光伏互补的节能做法（示例）",
        summary="窑炉余热回收与屋顶光伏相结合，降低外购电力。",
        text="企业先摸清各工序用能，再逐项落实措施，三年累计投入六百二十万元（演示数据）。",
        actor=city,
        at=at + timedelta(days=2),
    )
    experiences.publish(reference=row.reference, actor=city, at=at + timedelta(days=4))


def alarmed(cast: Cast, firm: Organisation, now: datetime) -> None:
    """A grave environmental event of two days ago: told to the city within hours; a removal is proposed by itself."""
    county, city = cast.official(_slug(firm), "handler"), cast.official("130300", "handler")
    told = incidents.Told(
        kind="environment",
        severity=3,
        event_at=now - timedelta(hours=40),
        place="厂区东侧储罐区（演示数据）",
        what="储罐阀门破损，物料外泄进入雨水沟，已截流，无人员伤亡（演示数据）。",
        source="示例区应急值班记录",
    )
    row = incidents.raise_alarm(actor=county, listing=_listing(firm).pk, told=told, at=now - timedelta(hours=37))
    incidents.acknowledge(actor=city, reference=row.reference, at=now - timedelta(hours=36))
    incidents.follow_up(
        actor=county, reference=row.reference, text="泄漏物料已回收，下游断面水质达标。", at=now - timedelta(hours=20)
    )


def reported(cast: Cast, now: datetime) -> None:
    """One report under a real name was not confirmed, one is being verified. The persons are invented."""
    listing = Listing.objects.filter(listbook__owner=cast.offices["445200"]).order_by("pk").first()
    if listing is None:
        return
    handler, approver = cast.official("445200", "handler"), cast.official("445200", "approver")
    for text, age in (("该企业公示的用能数据与实际不符。", 90), ("厂区夜间有异味，与公开的环境信息不一致。", 6)):
        at = now - timedelta(days=age)
        words = tips.Words("吴例实", "13800000001", text)
        row = tips.report_unit(
            listing=listing.pk,
            authority=cast.offices["445200"].pk,
            words=words,
            evidence=picture("佐证材料（示例）.png"),
            at=at,
        )
        given: dict[str, Any] = {"receipt": row.receipt}
        tips.name_handler(actor=approver, user=handler.user_id or 0, at=at + timedelta(hours=4), **given)
        tips.open_identity(actor=handler, reason="核对举报人联系方式，预约核实。", at=at + timedelta(hours=6), **given)
        tips.accept(actor=handler, summary="反映企业公开信息与实际不一致。", at=at + timedelta(days=1), **given)
        if age > 30:
            said = tips.Proposal(
                outcome=TipOutcome.UNFOUNDED, reason="现场核查台账与统计报表一致，未发现所反映的问题。"
            )
            tips.propose(actor=handler, proposal=said, at=at + timedelta(days=15), **given)
            tips.decide(actor=approver, at=at + timedelta(days=16), **given)


def asked_upward(cast: Cast, now: datetime) -> None:
    """A grave accident of a unit on two lists: off the city's at once, heard, and the province asked to follow (JY-22b)."""
    listing = Listing.objects.filter(listbook__owner=cast.offices["445200"]).order_by("-pk").first()
    if listing is None:
        return
    handler, approver = cast.official("445200", "handler"), cast.official("445200", "approver")
    then = now - timedelta(days=25)
    told = incidents.Told(
        kind="safety",
        severity=3,
        event_at=then,
        place="注塑车间（演示数据）",
        what="车间起火，已扑灭，伤亡情况按规定上报（演示数据）。",
        source="示例应急值班记录",
    )
    incidents.raise_alarm(actor=handler, listing=listing.pk, told=told, at=then + timedelta(hours=2))
    row = Removal.objects.get(listing=listing)
    given: dict[str, Any] = {"reference": row.reference}
    removals.ask(actor=handler, letter=row.reason, answer_by=_day(then, 5), at=then + timedelta(days=1), **given)
    removals.note_silence(actor=handler, at=then + timedelta(days=7), **given)
    removals.conclude(
        actor=handler,
        conclusion=Conclusion.REMOVE,
        opinion="事故等级已由应急管理部门认定，逾期未提出陈述申辩，建议移出。",
        at=then + timedelta(days=8),
        **given,
    )
    removals.decide(
        actor=approver, outcome=Conclusion.REMOVE, decision="同意移出名单。", at=then + timedelta(days=9), **given
    )
    at = then + timedelta(days=10)
    sheet = bulletins.draft(
        actor=handler,
        listbook=listing.listbook_id,
        chosen=[("removal", row.pk)],
        title="关于调整揭阳市市级绿色制造名单的公告（示例）",
        number="示工信〔0000〕31号",
        text="经核实，以下单位移出市级绿色制造名单，现予公告。",
        at=at,
    )
    printed.hand_to_approver(actor=handler, reference=sheet.reference, at=at)
    bulletins.publish(actor=approver, reference=sheet.reference, at=at + timedelta(hours=3))
    for letter in UpwardRequest.objects.filter(removal=row):
        upward.hand_to_approver(actor=handler, reference=letter.reference, at=at + timedelta(days=1))
        upward.send(actor=approver, reference=letter.reference, number="示工信函〔0000〕8号", at=at + timedelta(days=2))


def filed_upward(cast: Cast, now: datetime) -> None:
    """A city's cultivation plan of the year, filed with the province in time; a training that is still to come."""
    handler, approver = cast.official("230100", "handler"), cast.official("230100", "approver")
    year = now.astimezone(CHINA).year - (1 if now.astimezone(CHINA).month < 9 else 0)
    at = moment(date(year, 8, 20))
    row = filings.draft(rule="filing", year=year, actor=handler, at=at)
    filings.write(
        reference=row.reference,
        version=row.version,
        plan="一、摸底遴选培育对象。\n二、组织第三方机构对接。\n三、分批开展诊断和培训（演示数据）。",
        with_library=True,
        with_list=False,
        actor=handler,
        at=at + timedelta(hours=1),
    )
    filings.hand_over(reference=row.reference, actor=handler, at=at + timedelta(hours=2))
    filings.sign(reference=row.reference, actor=approver, at=at + timedelta(days=1))
    filings.receive(reference=row.reference, actor=cast.official("230000", "handler"), at=at + timedelta(days=3))
    offer = trainings.Offer(
        title="绿色工厂创建培训班（示例）",
        text="讲解《绿色工厂评价通则》和动态管理表填报要点，不收取费用。",
        held_on=_day(now, 20),
        place="示例会议中心",
        places=80,
        sign_up_until=_day(now, 15),
    )
    trainings.offer(given=offer, actor=handler, at=now - timedelta(days=4))


def _day(at: datetime, days: int = 0) -> date:
    return (at + timedelta(days=days)).astimezone(CHINA).date()

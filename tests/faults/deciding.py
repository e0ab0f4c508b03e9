"""Every service that decides something, each ready to be called: what races and broken statements are tried on.

`READY[name](world)` makes all that comes before and returns the one call, which may be made again after it failed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from applications.models import Application, Call, Hit, HitAnswer
from applications.selectors import batches as batch_reads
from applications.selectors import bulk as bulk_reads
from applications.services import batches, bulk, calls, disqualification, hits, screening, submission, sweep
from dynamics.models import Change, CultivationFiling, CultivationObject, Experience, Removal, YearlyReport
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
    upward,
    yearly,
)
from greenlist.core.clock import day_end
from greenlist.organisations import services as organisations
from greenlist.organisations.models import AdverseMatch, AdverseRecord, Organisation
from registry.models import Notice, RowMatch
from registry.services import announcements, corrections, imported, notices, objections
from reviews.models import Decision, Panel
from reviews.services import commissions, consultations, decisions, draws, opinions, panels, seats
from tests import factories
from tests.applications import county, filled, national
from tests.dynamics import listed as leaving
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.registry import stage as registry
from tests.registry import upper
from tests.reviews import asking, stage
from tests.reviews.test_watches import registered
from tests.world import World

AT = stage.START
SPRING = filled.SPRING
AFTER_CYCLE = datetime.fromisoformat("2027-05-02T09:00:00+08:00")
LATE = datetime.fromisoformat("2026-09-07T10:00:00+08:00")  # after everything was listed
Act = Callable[[], Any]


def _call(world: World) -> Call:
    county.load_rules()
    return county.open_call(world)


def _screened(world: World) -> Application:
    row = county.case(world, _call(world))
    county.answer_all(world, row, county.START)
    return row


def _proposed(world: World) -> Application:
    row = _screened(world)
    screening.propose(actor=world.actor("county_handler"), at=county.START, reference=row.reference, outcome="pass")
    return row


# ---- the applicant --------------------------------------------------------------------------------------------------
def submit(world: World) -> Act:
    filled.load_rules()
    case = filled.fill(world, filled.start(world, filled.open_call(world)))
    digest = filled.digest_of(case)
    return lambda: filled.submit(world, case, digest=digest)


def answer(world: World) -> Act:
    filled.load_rules()
    case = filled.submitted(world, filled.open_call(world))
    screening.return_for_correction(
        actor=world.actor("county_handler"),
        at=SPRING,
        reference=case.reference,
        fields=["basic.profile"],
        reason="请补充",
        due_on=date(2026, 3, 20),
    )
    digest = filled.digest_of(case)
    return lambda: filled.submit(world, case, digest=digest)


def withdraw(world: World) -> Act:
    row = county.case(world, _call(world))
    actor = world.actor("applicant")
    return lambda: submission.withdraw(actor=actor, at=AT, reference=row.reference, reason="另行安排")


# ---- the county -----------------------------------------------------------------------------------------------------
def return_for_correction(world: World) -> Act:
    row, actor = _screened(world), world.actor("county_handler")
    given = {"fields": ["basic.profile"], "reason": "请补充", "due_on": date(2026, 4, 20)}
    return lambda: screening.return_for_correction(actor=actor, at=county.START, reference=row.reference, **given)


def propose(world: World) -> Act:
    row, actor = _screened(world), world.actor("county_handler")
    return lambda: screening.propose(actor=actor, at=county.START, reference=row.reference, outcome="pass")


def sign(world: World) -> Act:
    row, actor = _proposed(world), world.actor("county_approver")
    return lambda: screening.sign(actor=actor, at=county.START, reference=row.reference)


def send_back(world: World) -> Act:
    row, actor = _proposed(world), world.actor("county_approver")
    return lambda: screening.send_back(actor=actor, at=county.START, reference=row.reference, note="再看")


def disqualify(world: World) -> Act:
    row = county.case(world, _call(world))
    factories.adverse(world.org, "safety", date(2026, 3, 1), 2)
    actor, given = world.actor("county_approver"), {"reason": "发生较大事故", "at": AT}
    return lambda: disqualification.disqualify(actor=actor, reference=row.reference, **given)


def _found(world: World) -> Hit:
    county.case(world, _call(world))
    factories.adverse(world.org, "safety", date(2026, 3, 1), 2)
    sweep.sweep(at=AT)
    return Hit.objects.get()


def answer_finding(world: World) -> Act:
    hit, actor = _found(world), world.actor("county_handler")
    return lambda: hits.answer(hit_id=hit.pk, word="stands", reason="已核实", actor=actor, at=AT)


def agree_to_waiver(world: World) -> Act:
    hit = _found(world)
    proposed = HitAnswer.objects.create(
        hit=hit,
        word="waive",
        reason="示例",
        event=hit.event,
        by=world.user("county_handler"),
        person="海港经办",
        authority=world.county.name,
        at=AT,
        four_eyes=True,
    )
    actor = world.actor("county_approver")
    return lambda: hits.agree(answer_id=proposed.pk, agrees=True, actor=actor, at=AT)


def confirm_name(world: World) -> Act:
    record = AdverseRecord.objects.create(
        name=world.org.name, kind="other_offence", event_on=date(2026, 1, 1), source="通报"
    )
    match = AdverseMatch.objects.create(record=record, organisation=world.org, found_at=AT)
    given = {"match_id": match.pk, "same": True, "note": "已核对", "at": AT}
    return lambda: organisations.decide_match(**given, actor=world.actor("county_handler"))


def _batch(world: World) -> Any:
    row = county.passed(world, county.case(world, _call(world)), county.START)
    actor = world.actor("county_handler")
    batch = batches.start(actor=actor, at=county.START, call=row.call)
    batches.add(actor=actor, at=county.START, reference=batch.reference, cases_=[row.reference])
    county.write(world, batch, county.START)
    return batch


def hand_over_batch(world: World) -> Act:
    batch = _batch(world)
    return lambda: batches.hand_over(actor=world.actor("county_handler"), at=county.START, reference=batch.reference)


def bulk_in_batch(world: World) -> tuple[Any, Act]:
    """A batch whose only unit was put in by a bulk action, and the call that takes it out again."""
    row = county.passed(world, county.case(world, _call(world)), county.START)
    actor = world.actor("county_handler")
    batch = batches.start(actor=actor, at=county.START, call=row.call)
    asked: dict[str, Any] = {"actor": actor, "action": bulk_reads.BATCH, "target": batch.reference, "at": county.START}
    asked["cases"] = [row.reference]
    done = bulk.run(**asked, digest=bulk_reads.plan(**asked).digest)
    county.write(world, batch, county.START)
    return batch, lambda: bulk.undo(actor=actor, at=county.START, pk=done.pk)


def sign_batch(world: World) -> Act:
    batch, actor = _batch(world), world.actor("county_approver")
    batches.hand_over(actor=world.actor("county_handler"), at=county.START, reference=batch.reference)
    digest = batch_reads.view(actor, batch.reference, on=date(2026, 5, 1)).digest
    return lambda: batches.sign(actor=actor, at=county.START, reference=batch.reference, digest=digest)


def _signed(world: World) -> Any:
    batch = _batch(world)
    batches.hand_over(actor=world.actor("county_handler"), at=county.START, reference=batch.reference)
    county.sign(world, batch, county.START)
    return batch


def send_batch(world: World) -> Act:
    batch, actor = _signed(world), world.actor("county_handler")
    return lambda: batches.send(actor=actor, at=county.START, reference=batch.reference)


def last_place(world: World) -> tuple[Act, Act]:
    """Two batches of one province want the one place the ministry has given (HLJ-21a)."""
    county.load_rules()
    call = national.call_of(world, "heilongjiang-national", ministry_number=1)
    found = [national.forwarding(world, [row]) for row in national.hlj_rows(world, call, 2)]
    actor, at = world.actor("hlj_province_approver"), national.NOW
    for batch in found:
        batches.hand_over(actor=world.actor("hlj_province_handler"), at=at, reference=batch.reference)
    digests = [batch_reads.view(actor, batch.reference, on=at.date()).digest for batch in found]

    def signing(number: int) -> Act:
        given = {"reference": found[number].reference, "digest": digests[number]}
        return lambda: batches.sign(actor=actor, at=at, **given)

    return signing(0), signing(1)


# ---- the city -------------------------------------------------------------------------------------------------------
def _sent(world: World) -> Any:
    batch = _signed(world)
    return batches.send(actor=world.actor("county_handler"), at=county.START, reference=batch.reference)


def receive_batch(world: World) -> Act:
    batch, actor = _sent(world), world.actor("city_handler")
    return lambda: batches.receive(actor=actor, at=county.START, reference=batch.reference)


def return_unit(world: World) -> Act:
    batch, actor = _sent(world), world.actor("city_handler")
    case = Application.objects.get(batch_items__batch=batch)
    given = {"case": case.reference, "reason": "材料不全"}
    return lambda: batches.return_unit(actor=actor, at=county.START, reference=batch.reference, **given)


def open_call(world: World) -> Act:
    filled.load_rules()
    call = calls.create(actor=world.actor("city_handler"), at=SPRING, draft=filled.draft_of("qinhuangdao"))
    actor = world.actor("city_approver")
    return lambda: calls.open_call(actor=actor, at=SPRING, pk=call.pk)


def extend(world: World) -> Act:
    filled.load_rules()
    filled.submitted(world, call := filled.open_call(world))
    actor, new = world.actor("city_approver"), date(2026, 6, 10)
    return lambda: calls.extend(actor=actor, at=SPRING, pk=call.pk, step="send", new_day=new, reason="顺延")


def open_panel(world: World) -> Act:
    panel = stage.laid_down(world, [stage.recommended(world, _call(world))])
    actor = world.actor("city_handler")
    return lambda: panels.open_panel(actor=actor, reference=panel.reference, at=AT)


def _sitting(world: World) -> tuple[Application, Panel]:
    row = stage.recommended(world, _call(world))
    panel = stage.opened(world, [row])
    stage.admitted(world, panel, "expert", "expert2")
    return row, panel


def lock_sheets(world: World) -> Act:
    _row, panel = _sitting(world)
    stage.filled(world, panel, "expert", "80")
    versions = stage.versions(world, panel, "expert")
    actor = world.actor("expert")
    return lambda: seats.lock(actor=actor, reference=panel.reference, versions=versions, at=AT)


def recuse(world: World) -> Act:
    _row, panel = _sitting(world)
    actor = world.actor("expert2")
    return lambda: seats.recuse(actor=actor, reference=panel.reference, reason="回避", at=AT)


def draw_members(world: World) -> Act:
    panel = stage.laid_down(world, [stage.recommended(world, _call(world))], (), drawn=True)
    actor, asked = world.actor("city_handler"), draws.Asked(places=2)
    given: dict[str, Any] = {"reference": panel.reference, "version": panel.version, "asked": asked, "at": AT}
    return lambda: draws.draw_members(actor=actor, **given)


def draw_substitute(world: World) -> Act:
    _row, panel = _sitting(world)
    seats.recuse(actor=world.actor("expert2"), reference=panel.reference, reason="回避", at=AT)
    gone = stage.seat_of(world, panel, "expert2").pk
    actor = world.actor("city_handler")
    return lambda: draws.substitute(actor=actor, reference=panel.reference, seat_id=gone, at=AT)


def draw_another(world: World) -> Act:
    row, panel = _sitting(world)
    stage.locked(world, panel, "expert", "60")
    stage.locked(world, panel, "expert2", "95")
    actor = world.actor("city_handler")
    return lambda: draws.another(actor=actor, reference=panel.reference, case=row.reference, reason="分差大", at=AT)


def conclude(world: World) -> Act:
    row, panel = _sitting(world)
    stage.locked(world, panel, "expert", "80")
    stage.locked(world, panel, "expert2", "90")
    panel.refresh_from_db()
    given = {"version": panel.version, "result": stage.result([row]), "at": AT}
    return lambda: panels.conclude(actor=world.actor("city_handler"), reference=panel.reference, **given)


def _concluded(world: World) -> Call:
    call = _call(world)
    stage.concluded(world, [stage.recommended(world, call)])
    return call


def hand_over_decision(world: World) -> Act:
    draft = stage.drafted(world, _concluded(world))
    return lambda: decisions.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=AT)


def _handed(world: World) -> Decision:
    return stage.handed_over(world, _concluded(world))


def approve_decision(world: World) -> Act:
    draft = _handed(world)
    return lambda: decisions.approve(actor=world.actor("city_approver"), reference=draft.reference, at=AT)


def hand_back_decision(world: World) -> Act:
    draft, actor = _handed(world), world.actor("city_approver")
    return lambda: decisions.hand_back(actor=actor, reference=draft.reference, note="再看", at=AT)


# ---- other departments ----------------------------------------------------------------------------------------------
def _letter(world: World) -> Any:
    call = asking.call_of(world)
    asking.waiting(world, call)
    return asking.drafted(world, call)


def hand_over_letter(world: World) -> Act:
    draft, actor = _letter(world), world.actor("city_handler")
    return lambda: consultations.hand_over(actor=actor, reference=draft.reference, at=AT)


def send_letter(world: World) -> Act:
    draft, actor = _letter(world), world.actor("city_approver")
    consultations.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=AT)
    return lambda: consultations.send(actor=actor, reference=draft.reference, at=AT)


def _asked(world: World) -> Any:
    call = asking.call_of(world)
    asking.waiting(world, call)
    return asking.sent(world, call, at=AT)


def submit_opinion(world: World) -> Act:
    office, actor = asking.office(_asked(world)), world.actor("ecology")
    opinions.no_objection(actor=actor, reference=office.reference, at=AT)
    return lambda: opinions.submit(actor=actor, reference=office.reference, at=AT)


def conclude_consultation(world: World) -> Act:
    found, actor = _asked(world), world.actor("city_handler")
    return lambda: consultations.conclude(actor=actor, reference=found.reference, at=asking.AFTER)


def close_consultation(world: World) -> Act:
    found, actor = _asked(world), world.actor("city_approver")
    consultations.conclude(actor=world.actor("city_handler"), reference=found.reference, at=asking.AFTER)
    return lambda: consultations.close(actor=actor, reference=found.reference, at=asking.AFTER)


def publish_notice(world: World) -> Act:
    call = _call(world)
    draft = registry.drafted(world, call, stage.several(world, call, 2))
    actor = world.actor("city_approver")
    return lambda: notices.publish(actor=actor, reference=draft.reference, at=registry.PUBLISHED)


def _running(world: World) -> Notice:
    call = _call(world)
    return registry.running(world, call, stage.several(world, call, 2))


def object_(world: World) -> Act:
    notice = _running(world)
    return lambda: registry.objection(notice)


def uphold(world: World) -> Act:
    objection = registry.objection(_running(world))
    given = {"receipt": objection.receipt, "upheld": True, "reasons": "属实", "at": registry.PUBLISHED}
    return lambda: objections.decide(actor=world.actor("city_approver"), **given)


def dismiss_late(world: World) -> Act:
    notice = _running(world)
    objection = registry.objection(notice)
    notices.close_due(at=registry.after(notice))
    given = {"receipt": objection.receipt, "upheld": False, "reasons": "不属实", "at": registry.after(notice)}
    return lambda: objections.decide(actor=world.actor("city_approver"), **given)


def close_notice(world: World) -> Act:
    notice = _running(world)
    assert notice.ends_on is not None
    return lambda: notices._close(notice.pk, day_end(notice.ends_on))


def hand_announcement(world: World) -> Act:
    row = registry.handed(world, _closed(world))
    back = {"reference": row.reference, "note": "改", "at": registry.PUBLISHED}
    announcements.hand_back(actor=world.actor("city_approver"), **back)
    given = {"reference": row.reference, "at": registry.PUBLISHED}
    return lambda: announcements.hand_to_approver(actor=world.actor("city_handler"), **given)


def _closed(world: World) -> Notice:
    notice = _running(world)
    notices.close_due(at=registry.after(notice))
    notice.refresh_from_db()
    return notice


def publish_list(world: World) -> Act:
    notice = _closed(world)
    row, at = registry.handed(world, notice), registry.after(notice)
    return lambda: announcements.publish(actor=world.actor("city_approver"), reference=row.reference, at=at)


def publish_correction(world: World) -> Act:
    row = registry.published(world, _closed(world))
    given = {"reference": row.reference, "at": registry.PUBLISHED}
    line = corrections.Line(name="示例更正制造有限公司")
    made = corrections.propose(actor=world.actor("city_handler"), reason="漏字", lines={1: line}, **given)
    approver = world.actor("city_approver")
    return lambda: corrections.publish(actor=approver, correction=made.reference, **given)


def tell_outcome(world: World) -> Act:
    """Decided now, announced later."""
    call = _call(world)
    row = stage.recommended(world, call)
    stage.concluded(world, [row], suggested=False)
    ruling = {row.reference: decisions.Ruling("decline", "证据不足")}
    said = decisions.Draft("综合审查", "", ruling, decisions.Meeting(announce_later=True))
    reference, approver = stage.drafted(world, call).reference, world.actor("city_approver")
    decisions.hand_over(actor=world.actor("city_handler"), reference=reference, draft=said, at=AT)
    decisions.approve(actor=approver, reference=reference, at=AT)
    return lambda: decisions.tell(actor=approver, reference=reference, at=AT)


def confirm_claim(world: World) -> Act:
    Organisation.objects.filter(pk=world.org.pk).update(claim=Organisation.Claim.CLAIMED)
    actor, at = world.actor("county_handler"), datetime.fromisoformat("2026-03-02T09:00:00+08:00")
    return lambda: organisations.confirm_claim(organisation_id=world.org.pk, actor=actor, at=at)


# ---- lists of other tiers -------------------------------------------------------------------------------------------
def _forwarded(world: World) -> Application:
    upper.ministry(world)
    return upper.forwarded(world, upper.open_call(world))


def take_list(world: World) -> Act:
    case = _forwarded(world)
    line = (world.org.name, world.org.code or "")
    return lambda: upper.taken(world, line, call=case.call_id, said={"complete": True})


def approve_list(world: World) -> Act:
    made = take_list(world)()
    actor = world.actor("province_approver")
    return lambda: imported.approve(actor=actor, reference=made.reference, at=upper.AT)


def enter_result(world: World) -> Act:
    case, actor = _forwarded(world), world.actor("province_handler")
    given = {"listed": False, "heading": upper.heading(), "reason": "不符合年度要求"}
    return lambda: imported.enter_result(actor=actor, at=upper.AT, case=case.reference, **given)


def decide_name(world: World) -> Act:
    case, actor = _forwarded(world), world.actor("province_approver")
    upper.approved(world, (world.org.name, ""), call=case.call_id)
    match = RowMatch.objects.get()
    given = {"match_id": match.pk, "same": True, "note": "地址相符"}
    imported.decide_match(actor=world.actor("province_handler"), at=upper.AT, **given)
    return lambda: imported.decide_match(actor=actor, at=upper.AT, **given)


def say_complete(world: World) -> Act:
    case, approver = _forwarded(world), world.actor("province_approver")
    made = upper.approved(world, (world.orgs["sjz"].name, world.orgs["sjz"].code or ""), call=case.call_id)
    given = {"reference": made.reference, "at": upper.AT}
    imported.declare_complete(actor=world.actor("province_handler"), **given)
    return lambda: imported.declare_complete(actor=approver, **given)


# ---- a body instead of drawn experts --------------------------------------------------------------------------------
def commissioned(world: World, *named: str) -> Panel:
    """A panel that a registered body reviews on; `expert` is its member."""
    call, body = _call(world), world.orgs["evaluator"]
    registered(world)
    factories.member(world.user("expert"), body)
    rows = stage.several(world, call, 2, start=6400)
    panel = stage.laid_down(world, rows, (), kind="body", commissioned=body.pk)
    if named:
        people = [world.user(one).pk for one in named]
        given = {"reference": panel.reference, "version": panel.version, "people": people, "at": AT}
        panel = commissions.name_people(actor=world.actor("evaluator"), **given)
    return panel


def name_people(world: World) -> Act:
    panel, actor = commissioned(world), world.actor("evaluator")
    given = {"version": panel.version, "people": [world.user("expert").pk], "at": AT}
    return lambda: commissions.name_people(actor=actor, reference=panel.reference, **given)


# ---- yearly tables ----------------------------------------------------------------------------------------------------
def _owed(world: World) -> YearlyReport:
    """A listed unit's table of an open cycle."""
    county.load_rules()
    listed(world)
    return tables.of(tables.opened(world), world)


def open_cycle(world: World) -> Act:
    county.load_rules()
    listed(world)
    return lambda: tables.opened(world)


def begin_table(world: World) -> Act:
    table = _owed(world)
    return lambda: tables.begun(world, table)


def file_table(world: World) -> Act:
    table = tables.explained(world, tables.fill(world, _owed(world)))
    actor = world.actor("applicant")
    given = {"digest": tables.digest_of(table), "declared_name": actor.name, "agreed": True}
    return lambda: yearly.file(actor=actor, at=tables.SPRING, reference=table.reference, **given)


def pass_table(world: World) -> Act:
    table = tables.filed(world, _owed(world))
    given = {"at": tables.SPRING, "reference": table.reference, "revision": table.revision, "text": "同意"}
    return lambda: yearly.approve(actor=world.actor("county_handler"), **given)


def return_table(world: World) -> Act:
    table = tables.filed(world, _owed(world))
    given = {"at": tables.SPRING, "reference": table.reference, "revision": table.revision, "text": "请核对"}
    fields = {"economy.output": "与报表不符"}
    return lambda: yearly.give_back(actor=world.actor("county_handler"), fields=fields, **given)


def write_table_opinion(world: World) -> Act:
    table = tables.filed(world, _owed(world))
    given = {"at": tables.SPRING, "reference": table.reference, "text": "同意", "points": {}, "meets": None}
    return lambda: yearly.write_opinion(actor=world.actor("county_handler"), **given)


def move_cycle_day(world: World) -> Act:
    cycle, actor = _owed(world).cycle, world.actor("city_approver")
    given = {"at": tables.SPRING, "reference": cycle.reference, "due_on": date(2027, 6, 1), "reason": "平台维护"}
    return lambda: cycles.move_last_day(actor=actor, **given)


def close_cycle(world: World) -> Act:
    cycle, actor = _owed(world).cycle, world.actor("city_approver")
    return lambda: cycles.close(actor=actor, at=AFTER_CYCLE, reference=cycle.reference)


# ---- after listing: rectifications, reports, changes, inspections -----------------------------------------------------
def accept_rectification(world: World) -> Act:
    unit = listed(world)
    row = rectifications.order(
        actor=world.actor("county_handler"), listing=unit.pk, reason="补齐计量器具", due_on=date(2026, 12, 1), at=LATE
    )
    given = {"reference": row.reference, "at": LATE}
    rectifications.hand_in(actor=world.actor("applicant"), answer="已补齐", proofs=[filled.picture()], **given)
    return lambda: rectifications.accept(actor=world.actor("county_handler"), **given)


def decide_tip(world: World) -> Act:
    county.load_rules()
    unit, to = listed(world, "hlj", "230000"), world.authorities["230100"].pk
    words = tips.Words("举报示例人", "13800001111", "台账不实")
    tip = tips.report_unit(listing=unit.pk, authority=to, words=words, evidence=filled.picture(), at=LATE)
    given = {"receipt": tip.receipt, "at": LATE}
    approver, handler = world.actor("hlj_city_approver"), world.actor("hlj_city_handler")
    tips.name_handler(actor=approver, user=world.user("hlj_city_handler").pk, **given)
    tips.accept(actor=handler, summary="核实台账", **given)
    proposal = tips.Proposal("rectification", "属实", due_on=date(2026, 12, 1))
    tips.propose(actor=handler, proposal=proposal, **given)
    return lambda: tips.decide(actor=approver, **given)


def _changed(world: World) -> Change:
    county.load_rules()
    unit = listed(world)
    given = changes.Report({"name": "更名示例有限公司"}, date(2026, 8, 1), "更名", files=[filled.picture()])
    return changes.report(actor=world.actor("applicant"), listing=unit.pk, given=given, at=LATE)[0]


def verify_change(world: World) -> Act:
    row, given = _changed(world), changes.Verification("属实", agreed=True)
    actor = world.actor("county_handler")
    return lambda: changes.verify(actor=actor, reference=row.reference, given=given, at=LATE)


def confirm_change(world: World) -> Act:
    row, given = _changed(world), changes.Verification("属实", agreed=True)
    changes.verify(actor=world.actor("county_handler"), reference=row.reference, given=given, at=LATE)
    actor = world.actor("county_approver")
    return lambda: changes.confirm(actor=actor, reference=row.reference, at=LATE)


def record_inspection(world: World) -> Act:
    county.load_rules()
    unit, actor = listed(world), world.actor("county_handler")
    row = inspections.plan_visit(actor=actor, listing=unit.pk, planned_on=LATE.date(), at=LATE)
    answers = {one["key"]: ("yes", "") for one in row.items}
    visit = inspections.Visit(
        LATE.date(), "示例甲", "problems", "未装表", answers, due_on=date(2026, 12, 1), rectify="装表"
    )
    return lambda: inspections.carry_out(actor=actor, reference=row.reference, visit=visit, at=LATE)


# ---- removals, bulletins, requests upward, alarms -------------------------------------------------------------------
def _held(world: World) -> Removal:
    """A removal of the city's list, proposed today."""
    county.load_rules()
    return leaving.proposed(world, listed(world), LATE)


def _asked_unit(world: World) -> Removal:
    row = _held(world)
    given = {"letter": "现告知。", "answer_by": LATE.date() + timedelta(days=10), "at": LATE}
    return removals.ask(actor=world.actor("city_handler"), reference=row.reference, **given)  # type: ignore[arg-type]


def _heard_removal(world: World) -> Removal:
    row = _asked_unit(world)
    removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="说明", at=LATE)
    given = {"conclusion": "remove", "opinion": "证据充分", "at": LATE}
    return removals.conclude(actor=world.actor("city_handler"), reference=row.reference, **given)  # type: ignore[arg-type]


def propose_removal(world: World) -> Act:
    county.load_rules()
    place, actor = listed(world), world.actor("city_handler")
    given: dict[str, Any] = {"ground": "false_data", "reason": "数据不符", "source": "person", "at": LATE}
    return lambda: removals.propose(listing=place.pk, actor=actor, **given)


def ask_unit(world: World) -> Act:
    row, actor = _held(world), world.actor("city_handler")
    day = LATE.date() + timedelta(days=10)
    return lambda: removals.ask(actor=actor, reference=row.reference, letter="现告知。", answer_by=day, at=LATE)


def answer_removal(world: World) -> Act:
    row, actor = _asked_unit(world), world.actor("applicant")
    return lambda: removals.answer(actor=actor, reference=row.reference, statement="说明", at=LATE)


def conclude_removal(world: World) -> Act:
    row, actor = _asked_unit(world), world.actor("city_handler")
    removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="说明", at=LATE)
    given: dict[str, Any] = {"conclusion": "remove", "opinion": "证据充分", "at": LATE}
    return lambda: removals.conclude(actor=actor, reference=row.reference, **given)


def decide_removal(world: World) -> Act:
    row, actor = _heard_removal(world), world.actor("city_approver")
    given: dict[str, Any] = {"outcome": "remove", "decision": "同意", "at": LATE}
    return lambda: removals.decide(actor=actor, reference=row.reference, **given)


def propose_dismissal(world: World) -> Act:
    row, actor = _asked_unit(world), world.actor("city_handler")
    return lambda: removals.propose_dismissal(actor=actor, reference=row.reference, reason="查无实据", at=LATE)


def dismiss_removal(world: World) -> Act:
    row, actor, handler = _asked_unit(world), world.actor("city_approver"), world.actor("city_handler")
    removals.propose_dismissal(actor=handler, reference=row.reference, reason="查无实据", at=LATE)
    return lambda: removals.dismiss(actor=actor, reference=row.reference, decision="查无实据", at=LATE)


def publish_bulletin(world: World) -> Act:
    county.load_rules()
    row = leaving.decided(world, leaving.proposed(world, listed(world), LATE), LATE)
    at = LATE + timedelta(days=30)
    made, actor = leaving.bulletin(world, row, at), world.actor("city_approver")
    return lambda: bulletins.publish(actor=actor, reference=made.reference, at=at)


def send_request(world: World) -> Act:
    handler, actor = world.actor("city_handler"), world.actor("city_approver")
    given: dict[str, Any] = {"kind": "change", "category": "factory", "title": "函", "text": "现报送。", "at": LATE}
    row = upward.draft(actor=handler, to_authority=world.province, **given)
    upward.hand_to_approver(actor=handler, reference=row.reference, at=LATE)
    return lambda: upward.send(actor=actor, reference=row.reference, number="示函1号", at=LATE)


def raise_alarm(world: World) -> Act:
    county.load_rules()
    place, actor = listed(world), world.actor("county_handler")
    told = incidents.Told("safety", 3, LATE - timedelta(hours=2), "一号车间", "示例事故", "通报")
    return lambda: incidents.raise_alarm(actor=actor, listing=place.pk, told=told, at=LATE)


# ---- cultivation ----------------------------------------------------------------------------------------------------
def _cultivated(world: World) -> CultivationObject:
    county.load_rules()
    return cultivation.add(site_id=world.site.pk, category="factory", actor=world.actor("county_handler"), at=LATE)


def take_up_object(world: World) -> Act:
    row, actor = _cultivated(world), world.actor("county_handler")
    return lambda: cultivation.take_up(reference=row.reference, actor=actor, at=LATE)


def invite_object(world: World) -> Act:
    row, actor = _cultivated(world), world.actor("county_handler")
    return lambda: cultivation.invite(reference=row.reference, actor=actor, at=LATE)


def drop_object(world: World) -> Act:
    row, actor = _cultivated(world), world.actor("county_handler")
    return lambda: cultivation.drop(reference=row.reference, reason="已搬迁", actor=actor, at=LATE)


def _filing(world: World) -> CultivationFiling:
    county.load_rules()
    given = {"actor": world.actor("hlj_city_handler"), "at": LATE}
    row = filings.draft(rule="filing", year=LATE.year, **given)
    return filings.write(reference=row.reference, version=0, plan="计划", with_library=False, with_list=False, **given)


def hand_filing(world: World) -> Act:
    row, actor = _filing(world), world.actor("hlj_city_handler")
    return lambda: filings.hand_over(reference=row.reference, actor=actor, at=LATE)


def sign_filing(world: World) -> Act:
    row = _filing(world)
    filings.hand_over(reference=row.reference, actor=world.actor("hlj_city_handler"), at=LATE)
    actor = world.actor("hlj_city_approver")
    return lambda: filings.sign(reference=row.reference, actor=actor, at=LATE)


def receive_filing(world: World) -> Act:
    row = _filing(world)
    filings.hand_over(reference=row.reference, actor=world.actor("hlj_city_handler"), at=LATE)
    filings.sign(reference=row.reference, actor=world.actor("hlj_city_approver"), at=LATE)
    actor = world.actor("hlj_province_handler")
    return lambda: filings.receive(reference=row.reference, actor=actor, at=LATE)


def _experience(world: World) -> Experience:
    county.load_rules()
    given = {"actor": world.actor("city_handler"), "at": LATE}
    row = experiences.pick(listing_id=listed(world).pk, **given)
    return experiences.write(reference=row.reference, version=0, title="余热", summary="", text="做法", **given)


def recommend_experience(world: World) -> Act:
    row, actor = _experience(world), world.actor("city_handler")
    return lambda: experiences.recommend(reference=row.reference, actor=actor, at=LATE)


def mark_experience(world: World) -> Act:
    row = _experience(world)
    experiences.recommend(reference=row.reference, actor=world.actor("city_handler"), at=LATE)
    actor = world.actor("province_handler")
    return lambda: experiences.mark_outstanding(reference=row.reference, actor=actor, at=LATE)


def publish_experience(world: World) -> Act:
    row, actor = _experience(world), world.actor("city_handler")
    return lambda: experiences.publish(reference=row.reference, actor=actor, at=LATE)


def take_part_down(world: World) -> Act:
    county.load_rules()
    unit = listed(world)
    given = {"listing_id": unit.pk, "kind": "technology", "at": LATE}
    words = showing.Words(text="做法")
    showing.write(**given, version=0, given=words, actor=world.actor("applicant"))
    showing.mark(**given, public=True, actor=world.actor("applicant"))
    actor = world.actor("county_handler")
    return lambda: showing.take_down(**given, reason="不实", actor=actor)


READY: dict[str, Callable[[World], Act]] = {
    made.__name__.rstrip("_"): made
    for made in (
        *(submit, answer, withdraw, return_for_correction, propose, sign, send_back, disqualify),
        *(answer_finding, agree_to_waiver, confirm_name),
        *(take_list, approve_list, enter_result, decide_name, say_complete, name_people),
        *(hand_over_batch, sign_batch, send_batch, receive_batch, return_unit, open_call, extend),
        *(draw_members, draw_substitute, draw_another),
        *(open_panel, lock_sheets, recuse, conclude, hand_over_decision, approve_decision, hand_back_decision),
        *(hand_over_letter, send_letter, submit_opinion, conclude_consultation, close_consultation),
        *(publish_notice, object_, uphold, dismiss_late, close_notice, hand_announcement, publish_list, confirm_claim),
        *(publish_correction, tell_outcome),
        *(accept_rectification, decide_tip, verify_change, confirm_change, record_inspection),
        *(open_cycle, begin_table, file_table, pass_table, return_table, write_table_opinion),
        *(move_cycle_day, close_cycle),
        *(propose_removal, ask_unit, answer_removal, conclude_removal, decide_removal),
        *(propose_dismissal, dismiss_removal),
        *(publish_bulletin, send_request, raise_alarm),
        *(take_up_object, invite_object, drop_object, hand_filing, sign_filing, receive_filing),
        *(recommend_experience, mark_experience, publish_experience, take_part_down),
    )
}

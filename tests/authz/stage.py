"""One case and everything that hangs on it, at every station at once, all of 秦皇岛市海港区: what the matrix asks for.

Each persona stands to these objects as owner or as stranger, and every role is cast twice: applicant and rival,
county_handler and other_county_handler, city_handler and other_city_handler, expert and expert3.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from applications.models import Application, Batch, BulkAction, Call, CheckRun, Hit, HitAnswer, SavedFilter
from applications.selectors import outside
from applications.services import batches, bodies, drafts, projects
from applications.states import BatchState, CallState, State
from dynamics.models import Tip, TipHandler, YearlyReport
from dynamics.services import (
    changes,
    cultivation,
    experiences,
    filings,
    inspections,
    rectifications,
    showing,
    trainings,
    yearly,
)
from greenlist.accounts.services import make_feed
from greenlist.core import attachments, clock
from greenlist.core.models import Blob
from greenlist.organisations import services as organisations
from greenlist.organisations.models import AdverseMatch, AdverseRecord, Honour, Membership, Organisation, ParkFirm
from greenlist.organisations.services.members import token_of
from greenlist.policy import selectors as policy
from greenlist.portal.demo.answers import PAPER
from registry.models import Certificate, Listing, Notice
from registry.services import announcements, corrections, notices
from reviews.models import Consultation, Panel
from reviews.services import guidance, panels, seats, watches
from reviews.states import PanelKind
from tests import factories
from tests.api.keys import token_for
from tests.applications import county, evaluators, filled
from tests.authz import after
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.registry import stage as registry
from tests.registry import upper
from tests.reviews import asking, rounds
from tests.reviews import stage as reviews
from tests.world import World

AT = datetime.fromisoformat("2026-06-08T10:00:00+08:00")
NOW = AT + timedelta(hours=3)  # when the matrix is walked
AREA = "130302"


def objects(world: World) -> dict[str, tuple[Any, ...]]:
    """Arguments of routes by the key that the matrix uses."""
    county.load_rules()
    evaluators.load_rules()
    call = county.open_call(world, values={"county_by": "2026-07-31"})
    found: dict[str, tuple[Any, ...]] = {"": (), "place": (call.owner.area.slug,)}
    found |= _calls(world, call)
    found |= _organisation(world)
    found |= _cases(world, call)
    found |= _batches(world, call)
    found |= _registry(world, call)
    found |= _panels(world, call)
    found |= _imported(world)
    found |= _bodies(world, call)
    found |= _consultations(world)
    found |= _guided(world)
    found |= _rectified(world)
    found |= _yearly(world)
    found |= _reported(world)
    found |= _changed(world)
    found |= _inspected(world)
    found |= _cultivated(world)
    found |= _shown(world)
    found |= after.objects(world)
    return found | _desk(world)


def _desk(world: World) -> dict[str, tuple[Any, ...]]:
    """What the county's handler keeps for the desk."""
    handler = {"user": world.user("county_handler"), "capacity": world.actor("county_handler").key}
    rows = [{"case": "unknown", "before": None, "after": None}]
    by = {"authority": world.county, "by": world.user("county_handler")}
    return {
        "bulk": (BulkAction.objects.create(action="assign", target="0", rows=rows, at=AT, **by).pk,),
        "saved_filter": (SavedFilter.objects.create(name="待审", query="view=review", **handler).pk,),
    }


def _consultations(world: World) -> dict[str, tuple[Any, ...]]:
    """Departments asked at every station: a draft, one asked, one answered, one closed, and a case that waits."""
    call = asking.call_of(world, load=False)

    def asked(serial: int) -> Consultation:
        asking.several(world, call, 1, start=serial)
        return asking.sent(world, call, at=AT)

    closed, answered, still_open = asked(3960), asked(3961), asked(3962)
    asking.all_answered(world, closed, at=AT)
    asking.closed(world, closed, at=AT)
    reply = asking.answered(world, answered, at=AT)
    reply.file = _blob("复函.pdf")
    reply.save(update_fields=["file"])
    (drafted,) = asking.several(world, call, 1, start=3963)
    letter = asking.drafted(world, call, at=AT)
    asking.several(world, call, 1, start=3964)
    return {
        "consult_call": (call.pk,),
        "letter": (letter.reference,),
        "letter_case": (drafted.reference,),
        "letter_office": (asking.office(letter, "market").reference,),
        "asked": (still_open.reference,),
        "opinions": (closed.reference, "opinions"),
        "opinion_asked": (asking.office(still_open).reference,),
        "answered": (reply.reference,),
    }


def _guided(world: World) -> dict[str, tuple[Any, ...]]:
    """A cultivation object with a planned visit, under rules that ask for them."""
    call = rounds.call_of(world, "jieyang", world.city, year=2025)
    case = county.case(world, call, state=State.RECOMMENDED)
    Application.objects.filter(pk=case.pk).update(step="panel", reached=2, desk=world.city)
    given = {"actor": world.actor("city_handler"), "reference": case.reference, "at": AT}
    visit = guidance.plan(planned_on=AT.date(), purpose="现场指导", **given)
    return {"guided": (case.reference,), "guidance": (case.reference, visit.pk)}


def _cultivated(world: World) -> dict[str, tuple[Any, ...]]:
    """An object of the county that a body is matched with, a training, and what a city files in a place whose rules ask."""
    keeper, city = (
        {"actor": world.actor("county_handler"), "at": AT},
        {"actor": world.actor("hlj_city_handler"), "at": AT},
    )
    row = cultivation.add(site_id=world.site.pk, category="factory", **keeper)
    given = {"reference": row.reference, **keeper}
    cultivation.take_up(**given)
    target = cultivation.set_target(text="能耗下降", due_on=date(2026, 12, 1), **given)
    visit = cultivation.plan_visit(planned_on=date(2026, 6, 20), purpose="", **given)
    match = cultivation.match_body(body_id=world.orgs["evaluator"].pk, note="", **given)
    offered = trainings.Offer("创建培训", "", date(2026, 7, 1), "示例会议室", 30, date(2026, 6, 30))
    training = trainings.offer(given=offered, **keeper)
    drafted = filings.draft(rule="filing", year=2026, **city)
    handed = filings.draft(rule="filing", year=2025, **city)
    filings.write(reference=handed.reference, version=0, plan="计划", with_library=False, with_list=False, **city)
    filings.hand_over(reference=handed.reference, **city)
    return {
        "cultivated": (row.reference,),
        "cultivation_target": (row.reference, target.pk),
        "cultivation_visit": (row.reference, visit.pk),
        "cultivation_match": (row.reference, match.pk),
        "training": (training.reference,),
        "filing_rule": ("filing",),
        "filing": (drafted.reference,),
        "filing_handed": (handed.reference,),
    }


def _yearly(world: World) -> dict[str, tuple[Any, ...]]:
    """Tables of the city's cycle: due, being filled in with a file, handed in and with an opinion report."""
    made = [factories.site(world.org, world.areas[AREA], f"年报示例厂区{number}") for number in range(3)]
    at = clock.now()
    for site in made:
        listed(world, site=site, on=clock.china_date(at) - timedelta(days=30))
    due = clock.china_date(at) + timedelta(days=60)
    cycle = tables.opened(world, year=clock.china_date(at).year, due_on=due, at=at)
    waiting, drafted, handed = (YearlyReport.objects.get(cycle=cycle, site=site) for site in made)
    tables.begun(world, drafted, at=at)
    proof = drafts.add_evidence(
        actor=world.actor("applicant"),
        at=at,
        reference=drafted.reference,
        section="changes",
        field="proof",
        upload=filled.picture("变更.png"),
        kind="yearly",
    )
    tables.filed(world, handed, at=at)
    given: dict[str, Any] = {"actor": world.actor("county_handler"), "at": at, "reference": handed.reference}
    opinion = yearly.write_opinion(**given, text="同意", points={}, meets=None)
    Blob.objects.filter(pk=proof.blob_id).update(scan=Blob.Scan.CLEAN)
    return {
        "cycle": (cycle.reference,),
        "yearly": (handed.reference,),
        "yearly_due": (waiting.reference,),
        "yearly_draft": (drafted.reference,),
        "yearly_opinion": (handed.reference, opinion.pk),
        "yearly_paper": ("yearly", drafted.reference),
        "yearly_section": ("yearly", drafted.reference, "economy"),
        "yearly_upload": ("yearly", drafted.reference, "changes", "proof"),
        "yearly_evidence": ("yearly", drafted.reference, proof.reference),
    }


def _shown(world: World) -> dict[str, tuple[Any, ...]]:
    """A listed site whose page has a public file and a public standing; experiences in preparation and published."""
    unit = listed(world, site=factories.site(world.org, world.areas[AREA], "公开示例厂区"))
    given = {"listing_id": unit.pk, "actor": world.actor("applicant"), "at": AT}
    words = showing.Words(text="低碳发展报告")
    showing.write(**given, kind="technology", version=0, given=words, upload=filled.picture())
    showing.mark(**given, kind="technology", public=True)
    standing = showing.mark(**given, kind="standing", public=True)
    city = {"actor": world.actor("city_handler"), "at": AT}
    public_one = experiences.pick(listing_id=unit.pk, **city)
    told = {"title": "余热回收", "summary": "", "text": "先摸底，再改造。"}
    experiences.write(reference=public_one.reference, version=0, **told, **city)
    experiences.publish(reference=public_one.reference, **city)
    drafted = experiences.pick(listing_id=unit.pk, **city)
    experiences.write(reference=drafted.reference, version=0, **told, **city)
    return {
        "shown": (unit.pk,),
        "shown_part": (unit.pk, "technology"),
        "published_file": (unit.listbook.owner.area.slug, unit.pk, "technology"),
        "shown_token": (standing.token,),
        "experience": (drafted.reference,),
        "experience_public": (unit.listbook.owner.area.slug, public_one.reference),
    }


def _rectified(world: World) -> dict[str, tuple[Any, ...]]:
    """A listed site beside the others, with a rectification that the unit has handed in."""
    site = factories.site(world.org, world.areas[AREA], "整改示例厂区")
    unit = listed(world, site=site)
    day = clock.china_date(clock.now()) + timedelta(days=30)
    row = rectifications.order(
        actor=world.actor("county_handler"), listing=unit.pk, reason="补齐计量器具", due_on=day, at=AT
    )
    given = {"actor": world.actor("applicant"), "reference": row.reference, "at": AT}
    rectifications.hand_in(answer="已补齐", proofs=[filled.picture()], **given)
    proof = row.proofs.get()
    return {
        "rectified": (unit.pk,),
        "rectification": (row.reference,),
        "rectification_proof": (row.reference, proof.pk),
    }


def _reported(world: World) -> dict[str, tuple[Any, ...]]:
    """A report about a unit that the city has received and given to its handler; the form of a unit elsewhere."""
    site = factories.site(world.org, world.areas[AREA], "举报示例厂区")
    unit = listed(world, site=site)
    row = Tip.objects.create(
        receipt="JB202600901",
        listing=unit,
        about=unit.name,
        category="factory",
        area_path=unit.area_path,
        authority=world.city,
        rules="qinhuangdao",
        clause="QHD-13a",
        keep_days=1,
        name="举报示例人",
        contact="13899990000",
        text="示例",
        evidence=_blob("evidence.pdf"),
        received_at=AT,
    )
    given = {"named_by": world.user("city_approver"), "named_at": AT, "authority": world.city}
    handler = TipHandler.objects.create(tip=row, user=world.user("city_handler"), **given)
    # Named by mistake of somebody else as well, so that releasing one leaves the other.
    other = TipHandler.objects.create(tip=row, user=world.user("province_handler"), **given)
    assert handler.pk
    return {
        "tip": (row.receipt,),
        "tip_handler": (row.receipt, other.pk),
        "tip_followed": (row.follow_token,),
        "reportable": (listed(world, "hlj", "230000").pk,),
        "reportable_body": (world.orgs["evaluator"].pk,),
    }


def _changed(world: World) -> dict[str, tuple[Any, ...]]:
    """A change that a unit has reported and the county verifies."""
    unit = listed(world, site=factories.site(world.org, world.areas[AREA], "变更示例厂区"))
    given = changes.Report({"scope": "高效电机"}, AT.date(), "扩建", files=[filled.picture("变更.png")])
    (row,) = changes.report(actor=world.actor("applicant"), listing=unit.pk, given=given, at=AT)
    return {"changing": (unit.pk,), "change": (row.reference,), "change_file": (row.reference, row.files.get().pk)}


def _inspected(world: World) -> dict[str, tuple[Any, ...]]:
    """A plan of the county with one visit that it carried out."""
    unit = listed(world, site=factories.site(world.org, world.areas[AREA], "检查示例厂区"))
    actor, wish = world.actor("county_handler"), inspections.Wish("现场抽查计划", 2026, number=1)
    plan = inspections.draw(actor=actor, wish=wish, at=AT)
    row = inspections.plan_visit(actor=actor, listing=unit.pk, planned_on=AT.date(), at=AT)
    answers = {one["key"]: ("yes", "") for one in row.items}
    visit = inspections.Visit(AT.date(), "示例甲", "good", "正常", answers, [filled.picture("现场.png")])
    inspections.carry_out(actor=actor, reference=row.reference, visit=visit, at=AT)
    return {
        "inspection_plan": (plan.reference,),
        "inspection": (row.reference,),
        "inspection_file": (row.reference, row.files.get().pk),
    }


def _bodies(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    """One body at every station: asking elsewhere, approved here, offered, at work, supervised, banned and not."""
    body = evaluators.approved(world)
    open_proof = evaluators.diagnosis(world, confirmed=False)
    other = evaluators.approved(world, "evaluator2", person=2, serial=7002)
    evaluators.body(world, "evaluator3", person=3, serial=7003)
    waiting = evaluators.registered(world, "evaluator3")
    official, city = (
        {"actor": world.actor("county_handler"), "at": AT},
        {"actor": world.actor("city_approver"), "at": AT},
    )
    supervision = bodies.supervise(**official, body_id=body.pk, finding="未到现场", upload=_paper("记录.pdf"))
    sites = [factories.site(world.org, world.areas[AREA], f"第三方评价厂{n}") for n in range(2)]
    given = {"actor": world.actor("applicant"), "at": AT, "call_id": call.pk, "mode": "body"}
    offered_case, case = (drafts.start(**given, site_id=site.pk) for site in sites)
    offered = evaluators.offered(world, offered_case, at=AT)
    project = evaluators.accept(world, evaluators.offered(world, case, at=AT), at=AT)
    release = {"actor": world.actor("applicant"), "at": AT, "ends_on": date(2026, 7, 1)}
    projects.release(**release, reference=project.reference)
    ban = bodies.ban(**city, body_id=other.pk, ground="fraud", reason="查实造假", upload=_paper("决定.pdf"))
    profile = body.body_profile
    return {
        "body": (body.pk,),
        "body_staff": (profile.staff.first().pk,),
        "body_experience": (profile.experience.first().pk,),
        "body_proof": (open_proof.pk,),
        "body_file": ("proof", open_proof.pk),
        "body_office": (world.authorities["130000"].pk,),
        "body_report": (world.city.pk, AT.year),
        "registration_of_body": (waiting.pk,),
        "body_ban": (ban.pk,),
        "supervision": (supervision.pk,),
        "offered": (offered.reference,),
        "project": (project.reference,),
        "evaluated": (case.reference,),
        "asking": (offered_case.reference,),
    }


def _paper(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PAPER, "application/pdf")


def _calls(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    same = {"owner": call.owner, "rules": call.rules, "category": call.category, "values": call.values}
    draft = Call.objects.create(
        **same,
        year=2027,
        title="2027年征集（草稿）",
        created_by=world.user("city_handler"),
        created_at=AT,
        state=CallState.DRAFT,
    )
    place = call.owner.area.slug
    return {
        "call": (call.pk,),
        "draft_call": (draft.pk,),
        "public_call": (place, call.pk),
        "annex": (place, call.pk, "report", "pdf"),
        "api_call": (call.pk,),
        "form": (outside.forms_of(call)[0][1],),
    }


def _organisation(world: World) -> dict[str, tuple[Any, ...]]:
    org = world.org
    claimed = factories.organisation(world.areas[AREA], "海港待认领示例有限公司", serial=3900)
    Organisation.objects.filter(pk=claimed.pk).update(claim=Organisation.Claim.CLAIMED, claimed_at=AT)
    factories.member(factories.person("待认领人"), claimed, Membership.Role.OWNER)
    blob = _blob("查询截图.pdf")
    record = factories.adverse(org, AdverseRecord.Kind.TAX_OFFENCE, date(2020, 1, 1), evidence=blob)
    honour = Honour.objects.create(organisation=org, kind="单项冠军", year=2024)
    invitation = organisations.invite(
        organisation_id=org.pk, email="a@example.com", role=Membership.Role.STAFF, actor=world.actor("applicant"), at=AT
    )
    feed = make_feed(actor=world.actor("applicant"), at=AT)
    person = factories.person("忘记密码的人", password=factories.PASSWORD)
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    return {
        "organisation": (org.pk,),
        "claimed": (claimed.pk,),
        "adverse": (record.pk,),
        **_beside(world),
        "honour": (honour.pk,),
        "membership": (world.memberships["colleague"].pk,),
        "site": (world.site.pk,),
        "registration": ("firm", factories.credit_code(3901)),
        "invitation": (token_of(invitation),),
        "token": (token_for(world, "applicant")[0].pk,),
        "calendar": (feed.row.pk,),
        "feed": (feed.secret,),
        "reset": (uid, default_token_generator.make_token(person)),
    }


def _cases(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    applicant = world.actor("applicant")
    second = factories.site(world.org, world.areas[AREA])
    draft = drafts.start(actor=applicant, at=AT, call_id=call.pk, site_id=second.pk)
    upload = SimpleUploadedFile("执照.pdf", PAPER, "application/pdf")
    evidence = drafts.add_evidence(
        actor=applicant,
        at=AT,
        reference=draft.reference,
        section="conditions",
        field="registered_evidence",
        upload=upload,
    )
    case = county.case(world, call)
    county.declare(case, call, basic__products="换了说法")
    _with_indicators(case)
    return {
        "draft": (draft.reference,),
        "section": (draft.reference, "basic"),
        "upload": (draft.reference, "conditions", "registered_evidence"),
        "evidence": (draft.reference, evidence.reference),
        **_hits(world, case),
        "case": (case.reference,),
        "changes": (case.reference, 2),
        "row": (case.reference, "energy.renewable"),
    }


def _with_indicators(case: Application) -> None:
    """Judged by a whole criteria set, as places do that ask for more than the basic requirements."""
    criteria = policy.criteria("factory-2025")
    case.report.criteria_why = {
        "digest": criteria.digest, "code": "named", "clause": "QHD-5.9", "part": "all", "params": {}
    }  # fmt: skip
    case.report.save(update_fields=["criteria_why"])


def _beside(world: World) -> dict[str, tuple[Any, ...]]:
    """A name to confirm, and a firm inside a park; both too old or too far to stand against a case."""
    nameless = AdverseRecord.objects.create(
        name=world.org.name, kind="other_offence", event_on=date(2019, 1, 1), source="信用中国"
    )
    match = AdverseMatch.objects.create(record=nameless, organisation=world.org, found_at=AT)
    park = factories.organisation(world.areas[AREA], "海港示例工业园", serial=3902, kind="park")
    inside = ParkFirm.objects.create(park=park, firm=world.orgs["rival"], valid_from=date(2020, 1, 1))
    return {"match": (match.pk,), "park": (park.pk,), "park_firm": (inside.pk,)}


def _hits(world: World, case: Application) -> dict[str, tuple[Any, ...]]:
    """A finding with an answer and a waiver that awaits agreement, and a condition that may be taken up."""
    label = {"zh": "在本市登记注册", "en": "Registered in the city"}
    finding = {"rule": "eligibility.registered", "clause": "QHD-5.1", "outcome": "block", "code": "rule.failed"}
    finding["params"] = {"label": label, "facts": []}  # type: ignore[assignment]
    CheckRun.objects.create(
        application=case, point="recommend", on=AT.date(), at=AT, findings=[finding], outcome="block", by="示例"
    )
    hit = Hit.objects.create(
        key=f"c{case.pk}|QHD-5.4|r0",
        application=case,
        rules=case.call.rules,
        rule="veto.accident",
        clause="QHD-5.4",
        outcome="block",
        ref="r0",
        event={"kind": "safety", "on": "2026-03-01", "severity": "larger", "ended_on": None, "subject": "unit"},
        name=case.name,
        category=case.category,
        area_path=case.area_path,
        authority=world.county,
        found_at=AT,
        told_at=AT,
    )
    said = {"hit": hit, "reason": "示例理由", "event": hit.event, "person": "海港经办", "authority": "示例", "at": AT}
    by = world.user("county_handler")
    answer = HitAnswer.objects.create(**said, word="stands", by=by, document=_blob("说明.pdf"))
    waiver = HitAnswer.objects.create(**said, word="waive", by=by, four_eyes=True)
    return {
        "hit": (hit.pk,),
        "hit_answer": (answer.pk,),
        "hit_waiver": (waiver.pk,),
        "hit_rule": ("eligibility.registered",),
    }


def _batches(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    first, second, third = (
        county.case(world, call, organisation=county.firm(world, AREA, 3910 + n), state=State.SCREENING)
        for n in range(3)
    )
    for case in (first, second, third):
        county.passed(world, case, AT)
    sent = county.signed_batch(world, [first], AT)
    batches.send(actor=world.actor("county_approver"), at=AT, reference=sent.reference)
    batches.receive(actor=world.actor("city_handler"), at=AT, reference=sent.reference)
    Batch.objects.filter(pk=sent.pk).update(sealed=_blob("盖章.pdf"), sealed_at=AT)
    draft = batches.start(actor=world.actor("county_handler"), at=AT, call=call)
    batches.add(actor=world.actor("county_handler"), at=AT, reference=draft.reference, cases_=[second.reference])
    return {
        "passed": (second.reference,),
        "waiting": (third.reference,),
        "batch": (draft.reference,),
        "sent": (sent.reference,),
        "sealed": (sent.reference,),
        "signature": (sent.reference, "letter"),
        "sent_unit": (sent.reference, first.reference),
        "sent_case": (first.reference,),
        "one": (1,),
        "dismissed": ("dismissed",),
        "batch_paper": (sent.reference, "letter", "pdf"),
    }


def _blob(name: str) -> Blob:
    return attachments.store(upload=SimpleUploadedFile(name, PAPER, "application/pdf"), at=AT)


def _registry(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    """A notice at each station; what is concluded is decided before the next begins."""
    ended, waiting, running, drafted, bare = (reviews.several(world, call, 1, start=3930 + n) for n in range(5))
    place = call.owner.area.slug
    published = registry.published(world, _over(world, call, ended))
    line = corrections.Line(name="更正后的示例制造有限公司")
    correction = corrections.propose(
        actor=world.actor("city_handler"), reference=published.reference, reason="漏字", lines={1: line}, at=AT
    )
    to_announce = _over(world, call, waiting)
    announcement = _announcement(world, _over(world, call, reviews.several(world, call, 1, start=3940)))
    open_notice = registry.running(world, call, running, AT)
    objection = registry.objection(open_notice, at=AT)
    objection.evidence = _blob("证据.pdf")
    objection.save(update_fields=["evidence"])
    draft = registry.drafted(world, call, drafted, AT)
    reviews.concluded(world, bare, at=AT)
    listing, certificate = Listing.objects.get(), Certificate.objects.get()
    approved = reviews.approved(world, call, AT).reference
    return {
        "approved": (approved,),
        "proposed_list": (approved, "list"),
        "notice_draft": (draft.reference,),
        "notice": (place, open_notice.reference),
        "notice_own": (open_notice.reference,),
        "notice_item": (place, open_notice.reference, open_notice.items.get().pk),
        "objection": (objection.receipt,),
        "follow": (objection.follow_token,),
        "announcement_new": (to_announce.reference,),
        "announcement_draft": (announcement,),
        "announcement": (place, published.reference),
        "announcement_own": (published.reference,),
        "correction": (published.reference, correction.reference),
        "as_of": (place, "factory"),
        "listing": (place, listing.pk),
        "outcome": (listing.application.reference,),
        "certificate": (certificate.token,),
        "download": ("xlsx",),
    }


def _imported(world: World) -> dict[str, tuple[Any, ...]]:
    """A case that waits at the city for another tier's list, and such a list, with a name to confirm."""
    call = upper.open_call(world, year=2025)  # that of 2026 asks the departments
    firm = county.firm(world, AREA, 3990)
    case = upper.forwarded(world, call, firm, desk="130300", at=AT)
    given = {"tier": "province", "category": "factory", "at": AT}
    said = {"issued_on": date(2026, 6, 1)}
    waiting = upper.taken(world, ("某示例有限公司",), who="city", said=said, **given)
    made = upper.approved(world, (world.org.name,), who="city", said=said, **given)
    signed = Batch.objects.create(
        call=call,
        step="send",
        sender=world.city,
        receiver=world.province,
        title="报国家平台的批次",
        frozen={"units": []},
        digest="0" * 64,
        state=BatchState.SIGNED,
        created_by=world.user("city_handler"),
        created_at=AT,
    )
    return {
        "platform_package": (signed.reference, "xlsx"),
        "waiting_call": (call.pk,),
        "forwarded": (case.reference,),
        "imported": (waiting.reference,),
        "imported_match": (made.rows.get().matches.get().pk,),
    }


def _over(world: World, call: Call, rows: list[Any]) -> Notice:
    """A notice whose period has ended before the day of the matrix."""
    notice = registry.running(world, call, rows, AT - timedelta(days=20))
    notices.close_due(at=registry.after(notice))
    notice.refresh_from_db()
    return notice


def _announcement(world: World, notice: Notice) -> str:
    row = announcements.draft(
        actor=world.actor("city_handler"),
        notice=notice.reference,
        title="公告草稿",
        number="",
        text="现予公布。",
        at=AT,
    )
    return str(row.reference)


def _panels(world: World, call: Call) -> dict[str, tuple[Any, ...]]:
    on_open, on_prepared, on_closed, concluded, on_drawn, on_blind, _waiting = reviews.several(
        world, call, 7, start=3920
    )
    prepared = reviews.laid_down(world, [on_prepared], at=AT)
    opened = reviews.opened(world, [on_open], ("expert", "expert2", "expert3"), at=AT)
    reviews.admitted(world, opened, "expert", at=AT)
    seats.recuse(actor=world.actor("expert3"), reference=opened.reference, reason="出差", at=AT)
    closed = reviews.concluded(world, [on_closed], at=AT)
    closed.opinion_file = _blob("意见.pdf")
    closed.save(update_fields=["opinion_file"])
    decision = reviews.drafted(world, call, AT)
    decision.record_file = _blob("纪要.pdf")
    decision.save(update_fields=["record_file"])
    reviews.concluded(world, [concluded], at=AT)
    drawing = reviews.drawn(world, [on_drawn], at=AT, places=1)
    blind = reviews.opened(world, [on_blind], ("expert",), at=AT, blind=True)
    reviews.admitted(world, blind, "expert", at=AT)
    reviews.evidence(world, on_blind, at=AT)
    shown = list(on_blind.report.evidence.values_list("reference", flat=True))
    panels.show_files(actor=world.actor("city_handler"), reference=blind.reference, shown=shown, at=AT)
    commissioned = reviews.laid_down(world, reviews.several(world, call, 1, start=6990), ("expert",), AT)
    Panel.objects.filter(pk=commissioned.pk).update(
        kind=PanelKind.BODY, commissioned=world.orgs["evaluator"], body=world.orgs["evaluator"].name
    )
    supervisor = world.user("supervisor").pk
    for panel in (drawing, opened):
        watch = watches.name(actor=world.actor("city_handler"), reference=panel.reference, user_id=supervisor, at=AT)
    return {
        "blind": (blind.reference,),
        "shown_file": (blind.reference, blind.items.get().alias, blind.shown_files.get().alias),
        "drawing": (drawing.reference,),
        "draw": (drawing.reference, 1),
        "given_up": (opened.reference, reviews.seat_of(world, opened, "expert3").pk),
        "watched": (opened.reference, watch.pk),
        "commission": (commissioned.reference,),
        "on_panel": (on_open.reference,),
        "seat": (reviews.seat_of(world, opened, "expert2").pk,),
        "expert": (world.user("expert").pk,),
        "prepared": (prepared.reference,),
        "panel": (opened.reference,),
        "excuse": (opened.reference, reviews.seat_of(world, opened, "expert2").pk),
        "closed": (closed.reference,),
        "opinion": (closed.reference, "opinion"),
        "sheet": (opened.reference, on_open.reference),
        "decision": (decision.reference,),
        "decision_case": (on_closed.reference,),
    }

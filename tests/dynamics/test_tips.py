"""实名举报: received with a receipt, handled by named people, decided by another; who it is from is opened by them alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from dynamics.models import Rectification, Removal, Tip, TipLook
from dynamics.services import tips
from dynamics.services.tips import Proposal, Words
from dynamics.states import TipState
from greenlist.core import rotation
from greenlist.core.actors import ANONYMOUS
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, TooMany, WrongState
from greenlist.core.models import AuditEntry, AuditPayload, Blob, Notification
from greenlist.organisations.models import Ban, Organisation
from registry.models import Listing
from tests import factories, places
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics.listed import listed
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
NAME, CONTACT, TEXT = "隐名举报人甲", "13811112222", "夜间偷排与台账不符（密）"
REPORTER = Words(NAME, CONTACT, TEXT)


@pytest.fixture
def unit(world: World) -> Listing:
    """On the list of 揭阳, whose rules receive reports (JY-23)."""
    places.jieyang(world)
    county.load_rules()
    return listed(world, "jy_applicant", "445200")


def report(world: World, row: Listing, to: str = "445200", **given: Any) -> Tip:
    said = {"words": REPORTER, "evidence": picture(), "at": AT, **given}
    return tips.report_unit(listing=row.pk, authority=world.authorities[to].pk, **said)


def named(world: World, tip: Tip, who: str = "jy_city_handler", by: str = "jy_city_approver", **given: Any) -> Any:
    said = {"user": world.user(who).pk, "at": AT, **given}
    return tips.name_handler(actor=world.actor(by), receipt=tip.receipt, **said)


def accepted(world: World, row: Listing, **given: Any) -> Tip:
    tip = report(world, row, **given)
    named(world, tip)
    return tips.accept(actor=world.actor("jy_city_handler"), receipt=tip.receipt, summary="核实夜间排放台账。", at=AT)


def propose(world: World, tip: Tip, outcome: str, who: str = "jy_city_handler", **given: Any) -> Tip:
    proposal = Proposal(**{"outcome": outcome, "reason": "经核实台账与在线监测不一致。", **given})
    return tips.propose(actor=world.actor(who), receipt=tip.receipt, proposal=proposal, at=AT)


def decide(world: World, tip: Tip, who: str = "jy_city_approver") -> Tip:
    return tips.decide(actor=world.actor(who), receipt=tip.receipt, at=AT + timedelta(days=1))


@pytest.mark.clause("JY-23")
def test_a_proven_report_leads_to_a_rectification(world: World, unit: Listing) -> None:
    tip = accepted(world, unit)
    propose(world, tip, "rectification", due_on=date(2026, 10, 20))
    decide(world, tip)
    tip.refresh_from_db()
    ordered = Rectification.objects.get()
    unit.refresh_from_db()
    assert (tip.state, tip.clause, tip.cited) == (TipState.CLOSED, "JY-23", "JY-23")
    assert (ordered.due_on, ordered.source, unit.state) == (date(2026, 10, 20), "report", "rectifying")
    follow = world.client("anonymous").get(reverse("dynamics:report-follow", args=[tip.follow_token]))
    page = follow.content.decode()
    assert tip.receipt in page
    assert "经核实台账与在线监测不一致。" in page
    assert NAME not in page


@pytest.mark.clause("JY-23")
def test_a_grave_one_leads_to_a_proposal_of_removal_that_is_heard_first(world: World, unit: Listing) -> None:
    tip = accepted(world, unit)
    propose(world, tip, "removal")
    decide(world, tip)
    made = Removal.objects.get()
    assert (made.ground, made.state, made.source) == ("report", "proposed", "report")
    assert made.clause == "JY-23"


@pytest.mark.parametrize("leak", [CONTACT, " ".join(CONTACT), CONTACT.upper(), "·".join(NAME)])
def test_what_others_read_never_tells_who_reported_however_it_is_written(
    world: World, unit: Listing, leak: str
) -> None:
    tip = report(world, unit)
    named(world, tip)
    given = {"actor": world.actor("jy_city_handler"), "receipt": tip.receipt, "at": AT}
    with pytest.raises(Invalid):
        tips.accept(**given, summary=f"核实台账，联系{leak}。")
    assert tips.accept(**given, summary="核实台账。").state == TipState.VERIFYING


def test_a_long_term_does_not_hold_up_the_erasing_of_others(world: World, unit: Listing) -> None:
    first, second = (accepted(world, unit) for _number in range(2))
    for tip in (first, second):
        propose(world, tip, "unfounded")
        decide(world, tip)
    Tip.objects.filter(pk=first.pk).update(keep_days=9999)
    assert tips.erase_due(at=AT + timedelta(days=3000), limit=1) == 1
    second.refresh_from_db()
    assert second.erased_at is not None


@pytest.mark.clause("JY-23")
def test_who_it_is_from_is_opened_by_named_handlers_with_a_reason_and_each_look_is_kept(
    world: World, unit: Listing
) -> None:
    tip = report(world, unit)
    handler = {"actor": world.actor("jy_city_handler"), "receipt": tip.receipt, "at": AT}
    with pytest.raises(NotVisible):
        tips.open_identity(**handler, reason="核实")
    with pytest.raises(NotAllowed):  # the approver names, and is not named
        tips.open_identity(actor=world.actor("jy_city_approver"), receipt=tip.receipt, reason="核实", at=AT)
    named(world, tip)
    with pytest.raises(Invalid):
        tips.open_identity(**handler, reason=" ")
    assert not TipLook.objects.exists()
    opened = tips.open_identity(**handler, reason="电话核实情况")
    assert (opened.name, opened.contact, opened.text) == (NAME, CONTACT, TEXT)
    look = TipLook.objects.get()
    assert (look.user, look.reason) == (world.user("jy_city_handler"), "电话核实情况")
    kept = AuditEntry.objects.get(action="tip.identity_read")
    assert kept.user_id == world.user("jy_city_handler").pk
    said = str(kept.payload.data)
    assert "电话核实情况" in said
    assert not any(mark in said for mark in (NAME, CONTACT, TEXT))


@pytest.mark.case("PR-02")
def test_three_looks_within_an_hour_are_told_and_the_units_county_needs_a_delegation(
    world: World, unit: Listing
) -> None:
    tip = report(world, unit)
    with pytest.raises(Invalid) as refused:
        named(world, tip, "jy_county_handler")
    assert "delegation" in refused.value.problems
    named(world, tip, "jy_county_handler", delegation="市局委托就近核实")
    with pytest.raises(Invalid):  # of another county: not even by delegation
        named(world, tip, "jy_other_handler", delegation="委托")
    county_handler = {"actor": world.actor("jy_county_handler"), "receipt": tip.receipt}
    for minute in (0, 10):
        tips.open_identity(**county_handler, reason="核实", at=AT + timedelta(minutes=minute))
    assert not Notification.objects.filter(kind="tip.looks").exists()
    tips.open_identity(**county_handler, reason="再核实", at=AT + timedelta(minutes=20))
    told = set(Notification.objects.filter(kind="tip.looks").values_list("recipient_id", flat=True))
    assert told == {world.user("jy_city_approver").pk, world.user("audit_administrator").pk}
    later = AT + timedelta(hours=3)
    tips.open_identity(**county_handler, reason="核实", at=later)
    assert Notification.objects.filter(kind="tip.looks", created_at=later).count() == 0


def test_who_recommended_the_unit_never_sees_who_reported_it(world: World, unit: Listing) -> None:
    call = county.open_call(world)
    case = county.case(world, call, organisation=world.orgs["jy_applicant"], county="445202")
    case.timeline.create(
        at=AT,
        verb="recommend",
        to_state="recommended",
        step="send",
        user=world.user("jy_county_handler"),
        person="x",
        capacity="handler",
        authority=world.authorities["445202"].name,
    )
    Listing.objects.filter(pk=unit.pk).update(application=case)
    tip = report(world, unit)
    with pytest.raises(Invalid):
        named(world, tip, "jy_county_handler", delegation="委托")
    named(world, tip, "jy_county_approver", delegation="委托")


def test_two_people_and_steps_in_order(world: World, unit: Listing) -> None:
    tip = report(world, unit)
    with pytest.raises(Invalid) as alone:  # the only one who could decide
        named(world, tip, "jy_city_approver")
    assert "user" in alone.value.problems
    other = factories.person("揭阳副局长", username="jy_second_approver")
    world.users["jy_second_approver"] = other
    world.mandates["jy_second_approver"] = factories.mandate(other, "approver", world.authorities["445200"])
    named(world, tip, "jy_city_approver")
    approver = world.actor("jy_city_approver")
    with pytest.raises(WrongState):
        propose(world, tip, "unfounded", "jy_city_approver")
    propose(world, tip, "not_accepted", "jy_city_approver")
    with pytest.raises(NotAllowed):
        decide(world, tip)  # the same person
    second = world.actor("jy_second_approver")
    tips.hand_back(actor=second, receipt=tip.receipt, note="请先受理。", at=AT)
    tip.refresh_from_db()
    assert tip.state == TipState.RECEIVED
    tips.accept(actor=approver, receipt=tip.receipt, summary="核实台账。", at=AT)
    with pytest.raises(Invalid):  # words that others read may not name the reporter
        propose(world, tip, "unfounded", "jy_city_approver", reason=f"{NAME}所述不实")
    propose(world, tip, "unfounded", "jy_city_approver")
    decide(world, tip, "jy_second_approver")
    tip.refresh_from_db()
    assert (tip.state, tip.outcome) == (TipState.CLOSED, "unfounded")
    with pytest.raises(WrongState):
        decide(world, tip, "jy_second_approver")


@pytest.mark.clause("HLJ-32")
def test_heilongjiang_any_tier_receives_and_the_removal_cites_article_30_and_says_so(world: World) -> None:
    county.load_rules()
    unit = listed(world, "hlj", "230000")
    for to in ("230102", "230100", "230000"):
        assert report(world, unit, to).authority == world.authorities[to]
    with pytest.raises(NotVisible):
        report(world, unit, "230103")  # another county
    tip = report(world, unit, "230100")
    named(world, tip, "hlj_city_handler", "hlj_city_approver")
    handler = world.actor("hlj_city_handler")
    tips.accept(actor=handler, receipt=tip.receipt, summary="核实能耗数据。", at=AT)
    propose(world, tip, "removal", "hlj_city_handler")
    decide(world, tip, "hlj_city_approver")
    tip.refresh_from_db()
    assert (tip.clause, tip.cited) == ("HLJ-32", "HLJ-30a")
    page = world.client("anonymous").get(reverse("dynamics:report-follow", args=[tip.follow_token])).content.decode()
    assert "第二十九条" in page
    assert "第三十条" in page
    made = Removal.objects.get()
    assert "实指第三十条" in made.reason


@pytest.mark.clause("HLJ-32")
def test_heilongjiang_a_report_about_a_body_ends_with_article_26(world: World) -> None:
    county.load_rules()
    body = factories.organisation(world.areas["230100"], "哈尔滨示例评价有限公司", serial=7401, kind="body")
    to = world.authorities["230000"].pk
    tip = tips.report_body(body=body.pk, authority=to, words=REPORTER, evidence=picture(), at=AT)
    named(world, tip, "hlj_province_handler", "hlj_province_approver")
    handler = world.actor("hlj_province_handler")
    tips.accept(actor=handler, receipt=tip.receipt, summary="核实评价报告。", at=AT)
    with pytest.raises(Invalid):
        propose(world, tip, "rectification", "hlj_province_handler", due_on=date(2026, 12, 1))
    propose(world, tip, "body", "hlj_province_handler", ground="fraud")
    decide(world, tip, "hlj_province_approver")
    ban = Ban.objects.get(organisation=body)
    assert (ban.clause, ban.ground, ban.until.year) == ("HLJ-26", "fraud", 2029)
    tip.refresh_from_db()
    assert tip.cited == "HLJ-26"


def test_places_without_such_rules_receive_none(world: World) -> None:
    county.load_rules()
    unit = listed(world)
    with pytest.raises(NotVisible):
        report(world, unit, "130300")
    page = world.client("anonymous").get(reverse("dynamics:report-unit", args=[unit.pk]))
    assert page.status_code == 404
    assert "举报" in page.content.decode()


def test_the_form_is_open_to_all_and_counts_tries(world: World, unit: Listing) -> None:
    client, address = world.client("anonymous"), reverse("dynamics:report-unit", args=[unit.pk])
    assert unit.name in client.get(reverse("dynamics:report-entry"), {"q": unit.name[:6]}).content.decode()
    assert client.get(address).status_code == 200
    wrong = client.post(address, {"name": NAME, "contact": CONTACT, "text": ""})
    assert wrong.status_code == 422
    assert NAME in wrong.content.decode()  # nothing typed is lost
    given = {"name": NAME, "contact": CONTACT, "text": TEXT, "authority": world.authorities["445200"].pk}
    bare = client.post(address, given)
    assert bare.status_code == 422, "evidence is asked for by both documents"
    with pytest.raises(Invalid) as wrong_call:
        report(world, unit, evidence=None)
    assert set(wrong_call.value.problems) == {"evidence"}
    assert not Tip.objects.exists()
    done = client.post(address, {**given, "evidence": picture()}, follow=True)
    assert Tip.objects.get().receipt in done.content.decode()
    host = replace(ANONYMOUS, remote="198.51.100.7")
    for _ in range(10):
        report(world, unit, actor=host)
    with pytest.raises(TooMany):
        report(world, unit, actor=host)


def _paper() -> SimpleUploadedFile:
    """A PDF that says who made it."""
    from io import BytesIO

    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Author": NAME, "/Title": CONTACT})
    out = BytesIO()
    writer.write(out)
    return SimpleUploadedFile(f"{NAME}的证据.pdf", out.getvalue(), "application/pdf")


@pytest.mark.case("PR-03")
def test_the_database_and_the_files_hold_no_mark(world: World, unit: Listing) -> None:
    tip = accepted(world, unit, evidence=_paper())
    assert tip.evidence is not None
    assert tip.evidence.name == "evidence.pdf"
    with default_storage.open(tip.evidence.key) as kept:
        content = kept.read()
    assert b"%PDF" in content[:8]
    for mark in (NAME, CONTACT):
        assert mark.encode() not in content
        assert mark.encode("utf-16-be") not in content
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            dump = str(cursor.fetchall())
            assert not any(mark in dump for mark in (NAME, CONTACT, TEXT)), table


@pytest.mark.case("PR-03")
def test_a_change_of_keys_writes_reports_anew(world: World, unit: Listing, settings: Any) -> None:
    from cryptography.fernet import Fernet

    tip = report(world, unit)
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    before = {one.column: one.rotated for one in rotation.rotate(at=AT)}
    assert all(before[f"dynamics_tip.{column}"] == 1 for column in ("name", "contact", "text"))
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    tip.refresh_from_db()
    assert (tip.name, tip.contact, tip.text) == (NAME, CONTACT, TEXT)


@pytest.mark.case("PR-05")
def test_closed_reports_lose_their_personal_data_in_time(
    world: World, unit: Listing, django_capture_on_commit_callbacks: Any
) -> None:
    tip = accepted(world, unit, evidence=picture())
    propose(world, tip, "unfounded")
    assert tips.erase_due(at=AT + timedelta(days=5000)) == 0  # still open
    decide(world, tip)
    tip.refresh_from_db()
    assert tip.closed_at is not None
    blob = tip.evidence
    assert blob is not None
    due = tip.closed_at + timedelta(days=tip.keep_days)
    assert tips.erase_due(at=due - timedelta(seconds=1)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert tips.erase_due(at=due) == 1
    assert tips.erase_due(at=due) == 0
    tip.refresh_from_db()
    assert (tip.name, tip.contact, tip.text, tip.evidence) == ("", "", "", None)
    assert not Blob.objects.filter(pk=blob.pk).exists()
    assert not default_storage.exists(blob.key)
    assert tip.outcome == "unfounded"
    with pytest.raises(WrongState):
        tips.open_identity(actor=world.actor("jy_city_handler"), receipt=tip.receipt, reason="核实", at=due)


def test_no_address_of_the_network_is_noted(world: World, unit: Listing) -> None:
    tip = report(world, unit, actor=replace(world.actor("jy_applicant"), remote="203.0.113.9"))
    entry = AuditEntry.objects.get(action="tip.received")
    assert entry.user_id is None
    said = str(AuditPayload.objects.get(entry=entry).data)
    assert "203.0.113.9" not in said
    assert "榕城示例" not in said
    assert tip.receipt in said


def test_the_office_works_by_its_pages(world: World, unit: Listing) -> None:
    from greenlist.core import clock

    tip = report(world, unit)
    approver, handler = world.client("jy_city_approver"), world.client("jy_city_handler")
    page = reverse("dynamics:tip", args=[tip.receipt])
    assert handler.get(page).status_code == 404
    assert tip.receipt in approver.get(reverse("dynamics:tips")).content.decode()
    naming = reverse("dynamics:tip-name", args=[tip.receipt])
    assert approver.post(naming, {"user": world.user("jy_city_handler").pk}).status_code == 302
    assert handler.get(page).status_code == 200
    look = reverse("dynamics:tip-identity", args=[tip.receipt])
    assert handler.post(look, {"reason": ""}).status_code == 422
    assert NAME in handler.post(look, {"reason": "核实"}).content.decode()
    assert approver.post(look, {"reason": "核实"}).status_code == 403
    accepting = reverse("dynamics:tip-accept", args=[tip.receipt])
    assert handler.post(accepting, {"summary": "核实台账。"}).status_code == 302
    day = clock.china_date(clock.now()) + timedelta(days=40)
    proposing = reverse("dynamics:tip-propose", args=[tip.receipt])
    assert handler.post(proposing, {"outcome": "rectification", "reason": "属实。"}).status_code == 422
    given = {"outcome": "rectification", "reason": "属实。", "due_on": day.isoformat()}
    assert handler.post(proposing, given).status_code == 302
    assert approver.get(page).status_code == 200
    assert approver.post(reverse("dynamics:tip-decide", args=[tip.receipt])).status_code == 302
    tip.refresh_from_db()
    assert tip.state == TipState.CLOSED
    assert approver.get(page).status_code == 200


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_the_same_with_many(
    world: World, unit: Listing, django_assert_max_num_queries: Any, count: int
) -> None:
    for number in range(count):
        report(world, unit, actor=replace(ANONYMOUS, remote=f"host-{number}"))
    client = world.client("jy_city_approver")
    client.get(reverse("dynamics:tips"))
    with django_assert_max_num_queries(14):
        client.get(reverse("dynamics:tips"))


def test_bodies_are_found(world: World) -> None:
    county.load_rules()
    body = Organisation.objects.get(pk=world.orgs["evaluator"].pk)
    page = world.client("anonymous").get(reverse("dynamics:report-entry"), {"q": body.name[:6]}).content.decode()
    assert reverse("dynamics:report-body", args=[body.pk]) in page


@pytest.mark.clause("JY-23")
@pytest.mark.parametrize("released", [False, True])
def test_who_handles_a_report_does_not_decide_it(world: World, unit: Listing, released: bool) -> None:
    """Not even when a colleague proposed the outcome, nor after the approver was released from it."""
    other = factories.person("揭阳副局长", username="jy_second_approver")
    world.users["jy_second_approver"] = other
    world.mandates["jy_second_approver"] = factories.mandate(other, "approver", world.authorities["445200"])
    tip = accepted(world, unit)
    mine = named(world, tip, "jy_city_approver")
    propose(world, tip, "unfounded")
    told = Notification.objects.filter(kind="tip.proposed").values_list("recipient", flat=True)
    assert set(told) == {other.pk}
    if released:
        given = {"receipt": tip.receipt, "handler": mine.pk, "at": AT}
        tips.release_handler(actor=world.actor("jy_second_approver"), **given)
    page, address = reverse("dynamics:tip", args=[tip.receipt]), reverse("dynamics:tip-decide", args=[tip.receipt])
    first, second = world.client("jy_city_approver"), world.client("jy_second_approver")
    assert address not in first.get(page).content.decode() and address in second.get(page).content.decode()
    with pytest.raises(NotAllowed) as same:
        decide(world, tip)
    assert same.value.code == "four_eyes"
    decide(world, tip, "jy_second_approver")
    tip.refresh_from_db()
    assert tip.state == TipState.CLOSED


@pytest.mark.clause("JY-23")
def test_a_report_that_nobody_is_left_to_decide_is_handed_back_and_goes_on(world: World, unit: Listing) -> None:
    """Its only other approver has left the office: handing back decides nothing, so the one who handled it may."""
    other = factories.person("揭阳副局长", username="jy_second_approver")
    world.users["jy_second_approver"] = other
    world.mandates["jy_second_approver"] = factories.mandate(other, "approver", world.authorities["445200"])
    tip = accepted(world, unit)
    named(world, tip, "jy_city_approver")
    propose(world, tip, "unfounded")
    world.mandates["jy_second_approver"].delete()
    client, page = world.client("jy_city_approver"), reverse("dynamics:tip", args=[tip.receipt])
    address = reverse("dynamics:tip-hand-back", args=[tip.receipt])
    shown = client.get(page).content.decode()
    assert address in shown and reverse("dynamics:tip-decide", args=[tip.receipt]) not in shown
    client.post(address, {"note": "等待新的审批人"})
    tip.refresh_from_db()
    assert (tip.state, tip.note) == (TipState.VERIFYING, "等待新的审批人")
    with pytest.raises(NotAllowed):
        tips.hand_back(actor=world.actor("jy_city_handler"), receipt=tip.receipt, note="再核", at=AT)

"""Several decisions on one route, the lines of the rule set, the meeting's record, and outcomes told later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applications.models import Application, Call
from applications.selectors import cases as case_reads
from applications.selectors import told
from applications.services import cases
from applications.states import State
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.portal.demo.answers import PAPER
from registry import selectors as registry
from registry.services import announcements, notices
from registry.services.notices import china_date
from reviews import documents
from reviews.models import Decision
from reviews.selectors import decisions as reads
from reviews.services import decisions
from reviews.states import Outcome
from tests import places
from tests.applications import county
from tests.registry.stage import after
from tests.reviews import rounds
from tests.reviews.rounds import AT, DECLINE, PROPOSE
from tests.world import World

HANDLER, APPROVER = "hlj_province_handler", "hlj_province_approver"


@pytest.fixture
def hlj(rules: None, world: World) -> Call:
    return rounds.call_of(world)


def create(world: World, call: Call, step: str = "meeting") -> Decision:
    return decisions.create(actor=world.actor(HANDLER), call=call, title="会议", step=step, at=AT)


def hand_over(world: World, decision: Decision, rulings: dict[Any, Any], meeting: Any = rounds.MEETING) -> Decision:
    draft = rounds.draft(rulings, meeting)
    return decisions.hand_over(actor=world.actor(HANDLER), reference=decision.reference, draft=draft, at=AT)


# ---- the lines ------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-18b")
def test_against_the_pass_line_only_with_a_reason_and_ninety_is_marked(world: World, hlj: Call) -> None:
    high, at_line, below = rounds.waiting(world, hlj, ["90", "80", "79.99"])
    decision = create(world, hlj)
    with pytest.raises(Invalid) as refused:
        hand_over(world, decision, {high: PROPOSE, at_line: PROPOSE, below: PROPOSE})
    assert list(refused.value.problems) == [f"reason-{below.reference}"]
    with pytest.raises(Invalid) as refused:  # 80.00 reaches the line: declining it says why in any case
        hand_over(world, decision, {high: PROPOSE, at_line: (Outcome.DECLINE, ""), below: DECLINE})
    assert list(refused.value.problems) == [f"reason-{at_line.reference}"]
    reason = "补充证据后重点指标达到先进水平"
    hand_over(world, decision, {high: PROPOSE, at_line: PROPOSE, below: (Outcome.PROPOSE, reason)})
    decision = decisions.approve(actor=world.actor(APPROVER), reference=decision.reference, at=AT)
    lines = {unit["reference"]: unit for unit in decision.frozen["units"]}
    assert [lines[row.reference]["marked"] for row in (high, at_line, below)] == [True, False, False]
    assert [lines[row.reference]["deviates"] for row in (high, at_line, below)] == [False, False, True]
    assert lines[below.reference]["reason"] == reason
    assert decision.frozen["lines"] == {"pass": "80", "key": "90", "article": reads.lines_of(decision).article}


@pytest.mark.clause("JY-15b")
def test_below_eighty_nobody_is_proposed_in_jieyang(rules: None, world: World) -> None:
    places.jieyang(world)
    call = rounds.call_of(world, "jieyang", world.authorities["445200"])
    at_line, below = rounds.waiting(world, call, ["80.0", "79.9"], step="decide", area="445202")
    handler = world.actor("jy_city_handler")
    decision = decisions.create(actor=handler, call=call, title="综合评定", step="decide", at=AT)
    filled = {item.application_id: item.outcome for item in decision.items.all()}
    assert filled == {at_line.pk: "", below.pk: Outcome.DECLINE}

    def hand_over(ruling: tuple[str, str]) -> Decision:
        draft = rounds.draft({at_line: PROPOSE, below: ruling})
        return decisions.hand_over(actor=handler, reference=decision.reference, draft=draft, at=AT)

    with pytest.raises(Invalid) as refused:
        hand_over((Outcome.PROPOSE, "破格"))
    (problem,) = refused.value.problems[f"outcome-{below.reference}"]
    assert "80" in str(problem)
    assert reads.lines_of(decision).article in str(problem)
    assert hand_over(DECLINE).state == "to_approve"


@pytest.mark.clause("HLJ-18b")
def test_the_meeting_is_on_record_before_anything_is_decided(world: World, hlj: Call) -> None:
    (row,) = rounds.waiting(world, hlj, ["85"])
    decision = create(world, hlj)
    with pytest.raises(Invalid) as refused:
        hand_over(world, decision, {row: PROPOSE}, decisions.Meeting())
    assert set(refused.value.problems) == {"met_on", "participants"}
    upload = SimpleUploadedFile("纪要.pdf", PAPER, "application/pdf")
    actor, reference = world.actor(HANDLER), decision.reference
    with pytest.raises(NotAllowed):
        decisions.attach_record(actor=world.actor(APPROVER), reference=reference, upload=upload, at=AT)
    decisions.attach_record(actor=actor, reference=reference, upload=upload, at=AT)
    decision.refresh_from_db()
    hand_over(world, decision, {row: PROPOSE})
    with pytest.raises(WrongState):
        decisions.attach_record(actor=actor, reference=reference, upload=upload, at=AT)
    decision = decisions.approve(actor=world.actor(APPROVER), reference=reference, at=AT)
    said = decision.frozen["meeting"]
    assert (said["on"], said["number"]) == ("2026-08-03", rounds.MEETING.number)
    assert said["file"] == decision.record_file.sha256
    paper = documents.decision_paper(decision, "record")
    assert paper.data["met_on"] == rounds.MEETING.on
    assert [unit["name"] for unit in paper.data["proposed_units"]] == [row.name]
    answer = world.client(HANDLER).get(reverse("reviews:decision-record", args=[reference]))
    assert b"".join(answer.streaming_content) == PAPER


# ---- two decisions on one route -----------------------------------------------------------------------------------
def on_to_notice(row: Application) -> None:
    """What the ecology department had to say is another test's affair."""
    Application.objects.filter(pk=row.pk).update(state=State.PROPOSED, step="notice")


@pytest.mark.clause("HLJ-20a", "HLJ-20b")
def test_a_second_decision_after_the_notice_and_a_refusal(world: World, hlj: Call) -> None:
    kept, refused = rounds.waiting(world, hlj, ["88", "82"])
    first = rounds.decided(world, hlj, {kept: PROPOSE, refused: PROPOSE})
    for row in (kept, refused):
        on_to_notice(row)
    assert list(registry.decisions_without_notice(world.actor(HANDLER))) == [first]
    draft = notices.draft(actor=world.actor(HANDLER), decision=first.reference, title="公示", text="公示。", at=AT)
    notice = notices.publish(actor=world.actor(APPROVER), reference=draft.reference, at=AT)
    assert (notice.ends_on - china_date(AT)).days == 15  # calendar days, the first not counted
    notices.close_due(at=after(notice))
    for row in (kept, refused):
        row.refresh_from_db()
    assert {(row.state, row.step) for row in (kept, refused)} == {(State.DECIDING, "approve")}
    assert announcements.ready(notice) == []  # nothing is published before the directors' meeting
    assert not registry.notices_to_announce(world.actor(HANDLER)).exists()
    later = after(notice) + timedelta(days=1)
    made = decisions.create(actor=world.actor(HANDLER), call=hlj, title="厅长办公会", at=later)
    assert made.step == "approve"
    assert {item.outcome for item in made.items.all()} == {Outcome.PROPOSE}
    decisions.cancel(actor=world.actor(HANDLER), reference=made.reference, at=later)
    second = rounds.decided(world, hlj, {kept: PROPOSE, refused: DECLINE}, step="approve", at=later)
    for row in (kept, refused):
        row.refresh_from_db()
    assert (kept.state, kept.step, refused.state) == (State.APPROVING, "publish", State.NOT_LISTED)
    assert refused.timeline.get(verb="decline").opinion == DECLINE[1]
    assert not registry.decisions_without_notice(world.actor(HANDLER)).exists()  # neither asks for another notice
    assert [item.application for item in announcements.ready(notice)] == [kept]
    assert second.frozen["units"][1]["deviates"]
    assert registry.notices_to_announce(world.actor(HANDLER)).get() == notice


def test_two_steps_of_one_call_wait_side_by_side(world: World, hlj: Call) -> None:
    (early,) = rounds.waiting(world, hlj, ["88"])
    (late,) = rounds.waiting(world, hlj, ["85"], step="approve", start=8150)
    actor = world.actor(HANDLER)
    assert {(one.step.key, one.units) for one in reads.to_draw_up(actor)} == {("meeting", 1), ("approve", 1)}
    page = world.client(HANDLER).get(reverse("reviews:decisions")).content.decode()
    assert "?step=meeting" in page
    assert "?step=approve" in page
    address = reverse("reviews:decision-new", args=[hlj.pk])
    shown = world.client(HANDLER).get(address, {"step": "approve"}).content.decode()
    assert late.name in shown
    assert early.name not in shown
    made = create(world, hlj, "approve")
    assert [item.application for item in made.items.all()] == [late]
    with pytest.raises(Invalid):
        create(world, hlj, "approve")
    assert world.client(HANDLER).get(address, {"step": "approve"}).status_code == 404


def test_units_held_back_by_a_department_get_a_notice_of_their_own(world: World, hlj: Call) -> None:
    soon, slow = rounds.waiting(world, hlj, ["88", "86"])
    decision = rounds.decided(world, hlj, {soon: PROPOSE, slow: PROPOSE})
    Application.objects.filter(pk=slow.pk).update(step="ecology", state=State.DECIDING)
    on_to_notice(soon)
    handler = world.actor(HANDLER)
    first = notices.draft(actor=handler, decision=decision.reference, title="公示", text="", at=AT)
    assert [item.application for item in first.items.all()] == [soon]
    with pytest.raises(WrongState):
        notices.draft(actor=handler, decision=decision.reference, title="公示", text="", at=AT)
    Application.objects.filter(pk=slow.pk).update(step="notice", state=State.PROPOSED)
    assert registry.notice_words(decision)
    second = notices.draft(actor=handler, decision=decision.reference, title="公示（二）", text="", at=AT)
    assert [item.application for item in second.items.all()] == [slow]


# ---- decided now, told later --------------------------------------------------------------------------------------
def seen(world: World, row: Application) -> tuple[str, str]:
    """State and step that the applicant is shown."""
    row = Application.objects.get(pk=row.pk)
    actor = world.actor("hlj_applicant")
    found = told.as_told(row, actor, case_reads.calls.rules_of(row.call))
    return found.state, found.step


def test_no_applicant_learns_of_it_before_the_notice(world: World, hlj: Call) -> None:
    proposed, declined = rounds.waiting(world, hlj, ["88", "70"])
    decision = rounds.decided(world, hlj, {proposed: PROPOSE, declined: DECLINE}, later=True)
    assert decision.is_untold
    assert not Notification.objects.filter(kind="case.not_listed").exists()
    assert seen(world, proposed) == seen(world, declined) == (State.DECIDING, "meeting")
    assert not reads.to_draw_up(world.actor(HANDLER))  # it is not decided twice
    applicant = world.actor("hlj_applicant")
    Application.objects.filter(pk__in=[proposed.pk, declined.pk]).update(organisation=world.orgs["hlj"])
    assert case_reads.case_list(applicant, {"state": "proposed"}, AT).page.rows
    for state, count in (("deciding", 2), ("consulting", 0), ("not_listed", 0)):
        rows = Application.objects.visible_to(applicant).filter(told.meant(state, applicant))
        assert rows.count() == count
    on_to_notice(proposed)
    assert seen(world, proposed) == (State.DECIDING, "meeting")
    draft = notices.draft(actor=world.actor(HANDLER), decision=decision.reference, title="公示", text="", at=AT)
    assert Application.objects.get(pk=declined.pk).state == State.DECIDING
    notices.publish(actor=world.actor(APPROVER), reference=draft.reference, at=AT)
    assert seen(world, proposed)[0] == State.ON_NOTICE
    assert seen(world, declined)[0] == State.NOT_LISTED
    assert Notification.objects.filter(kind="case.not_listed", channel="portal").exists()
    decision.refresh_from_db()
    assert not decision.is_untold


@pytest.mark.authz
def test_an_approver_may_tell_earlier_and_nobody_else(world: World, hlj: Call) -> None:
    proposed, declined = rounds.waiting(world, hlj, ["88", "70"])
    decision = rounds.decided(world, hlj, {proposed: PROPOSE, declined: DECLINE}, later=True)
    page = world.client(HANDLER).get(reverse("reviews:decision", args=[decision.reference])).content.decode()
    assert reverse("reviews:decision-tell", args=[decision.reference]) not in page
    with pytest.raises(NotAllowed):
        decisions.tell(actor=world.actor(HANDLER), reference=decision.reference, at=AT)
    for character in ("hlj_city_approver", "city_approver", "hlj_applicant", "supervisor"):
        with pytest.raises(NotVisible):
            decisions.tell(actor=world.actor(character), reference=decision.reference, at=AT)
    answer = world.client(APPROVER).post(reverse("reviews:decision-tell", args=[decision.reference]))
    assert answer.status_code == 302
    declined.refresh_from_db()
    assert declined.state == State.NOT_LISTED
    with pytest.raises(WrongState):
        decisions.tell(actor=world.actor(APPROVER), reference=decision.reference, at=AT)


def test_withdrawn_meanwhile_it_stays_withdrawn(world: World, hlj: Call) -> None:
    (declined,) = rounds.waiting(world, hlj, ["70"])
    decision = rounds.decided(world, hlj, {declined: DECLINE}, later=True)
    declined.refresh_from_db()
    cases.move(declined, "withdraw", declined.withdraw, actor=SYSTEM, at=AT, desk=None)
    decisions.tell(actor=world.actor(APPROVER), reference=decision.reference, at=AT)
    declined.refresh_from_db()
    assert (declined.state, declined.untold_step) == (State.WITHDRAWN, "")


# ---- many units -----------------------------------------------------------------------------------------------------
def test_a_draft_of_many_units_is_worked_on_page_by_page(
    world: World, hlj: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.views.decisions.PAGE", 2)
    rows = rounds.waiting(world, hlj, ["90", "89", "88"])
    decision, client = create(world, hlj), world.client(HANDLER)
    address = reverse("reviews:decision", args=[decision.reference])
    first = client.get(address).content.decode()
    assert rows[2].name not in first
    second = client.get(address, {"page": 2}).content.decode()
    assert rows[2].name in second
    given = {"version": decision.version, "title": "会议", "met_on": "2026-08-03", "participants": "甲、乙"}
    both = {f"outcome-{row.reference}": "propose" for row in rows[:2]}
    save = reverse("reviews:decision-save", args=[decision.reference])
    answer = client.post(save, {**given, **both, "page": 1, "next_page": 2})
    assert answer["Location"].endswith("?page=2")
    decision.refresh_from_db()
    given["version"] = decision.version
    refused = client.post(save, {**given, **both, "page": 1, "hand_over": "1"})
    assert refused.status_code == 422
    assert "其他页" in refused.content.decode()
    last = {f"outcome-{rows[2].reference}": "propose", f"reason-{rows[2].reference}": ""}
    done = client.post(save, {**given, **last, "page": 2, "hand_over": "1"})
    assert done.status_code == 302
    decision.refresh_from_db()
    assert decision.state == "to_approve"
    assert decision.items.filter(outcome=Outcome.PROPOSE).count() == 3


def test_nothing_of_it_is_for_another_authority(world: World, hlj: Call) -> None:
    rounds.waiting(world, hlj, ["85"])
    decision = create(world, hlj)
    for name in ("decision", "decision-ranking", "decision-record"):
        for character in ("hlj_city_handler", "province_handler", "hlj_applicant"):
            answer = world.client(character).get(reverse(f"reviews:{name}", args=[decision.reference]))
            assert answer.status_code == 404
    assert world.client(HANDLER).get(reverse("reviews:decision-record", args=[decision.reference])).status_code == 404
    assert county.START < AT

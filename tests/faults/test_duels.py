"""Two at once on everything that decides: one wins, the other is told, the case's story stays one line.

Each of the two waits at its first writing statement until the other has come as far, or half a second: what is not locked
has then been read by both before either writes, so one round shows what a thousand lucky ones might not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import connection

from applications.models import Application, Evidence, Hit, ReportVersion, TimelineEntry
from applications.services import batches, disqualification, drafts, screening, submission, sweep
from applications.states import BatchState, HitState, State
from dynamics.models import Cycle, Removal, UpwardRequest, YearlyReport
from dynamics.selectors import removals as reads
from dynamics.services import bulletins, cycles, incidents, removals, rulebook, upward, watch, yearly
from dynamics.services.incidents import Told
from dynamics.states import RemovalState, UpwardState
from greenlist.core import audit
from greenlist.core.errors import DomainError, Refused, WrongState
from greenlist.core.models import Blob, Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import AdverseRecord, Organisation
from registry.models import Announcement, Certificate, Correction, ImportedList, Listing, Notice, NoticeItem, Objection
from registry.services import announcements, corrections, imported, notices, objections
from registry.services import bulletins as printed
from registry.services.bulletins import Line
from registry.states import AnnouncementState, EntryKind, ItemState, ListingState, ObjectionState, Origin
from reviews.services import commissions, consultations, opinions, panels
from reviews.services.opinions import Opinion
from tests import factories
from tests.applications import county, filled
from tests.dynamics import listed as leaving
from tests.dynamics.listed import AT, listed
from tests.faults import deciding
from tests.registry import stage as registry
from tests.registry import upper
from tests.reviews import stage
from tests.world import World

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Act = Callable[[], Any]
Duel = Callable[..., list[Any]]
WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def duel(run_threads: Any) -> Duel:
    """`duel(a, b)`: what each returned or was refused with; anything but a refusal in words is a defect."""

    def fight(*acts: Act) -> list[Any]:
        door = Barrier(len(acts))

        def meet(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.lstrip().upper().startswith(WRITES) and '"core_use"' not in sql:
                with suppress(BrokenBarrierError):  # the other waits for a lock of ours, or is through
                    door.wait(0.5)
            return execute(sql, params, many, context)

        def run(number: int) -> Any:
            with connection.execute_wrapper(meet):
                return acts[number]()

        outcomes = run_threads(len(acts), run)
        for one in outcomes:
            assert not isinstance(one, Exception) or isinstance(one, DomainError), repr(one)
        assert list(audit.verify()) == []
        return outcomes

    return fight


def won(outcomes: list[Any]) -> list[bool]:
    return [not isinstance(one, Exception) for one in outcomes]


def straight(case: Application) -> list[str]:
    """The verbs of a case's story; each line begins where the one before ended."""
    lines = list(TimelineEntry.objects.filter(application=case).order_by("pk"))
    for earlier, later in itertools.pairwise(lines):
        assert later.from_state == earlier.to_state, [(one.verb, one.from_state, one.to_state) for one in lines]
    case.refresh_from_db()
    assert not lines or lines[-1].to_state == case.state
    return [one.verb for one in lines]


# ---- the same button twice ------------------------------------------------------------------------------------------
AGAIN = ["submit", "answer", "file_table"]  # the second gets the first one's receipt
# Not here: what has its own race beside its service, and objections and extensions, of which there may be two.
ONCE = [
    *("withdraw", "return_for_correction", "propose", "sign", "send_back", "disqualify"),
    *("agree_to_waiver", "confirm_name"),
    *("hand_over_batch", "sign_batch", "send_batch", "receive_batch", "return_unit", "open_call"),
    *("draw_members", "draw_substitute", "draw_another"),
    *("lock_sheets", "recuse", "hand_over_decision", "hand_back_decision"),
    *("hand_over_letter", "send_letter", "submit_opinion", "conclude_consultation", "close_consultation"),
    *("publish_notice", "uphold", "dismiss_late", "hand_announcement", "confirm_claim"),
    *("publish_correction", "tell_outcome"),
    *("decide_name", "say_complete", "name_people"),
    *("pass_table", "return_table", "close_cycle", "move_cycle_day"),
    *("ask_unit", "conclude_removal", "decide_removal", "dismiss_removal"),
    *("publish_bulletin", "send_request", "raise_alarm"),
]


@pytest.mark.full
@pytest.mark.case("WF-02")
@pytest.mark.parametrize("name", ONCE)
def test_a_decision_is_taken_once(race_world: World, duel: Duel, name: str) -> None:
    act = deciding.READY[name](race_world)
    assert sorted(won(duel(act, act))) == [False, True]
    for case in Application.objects.all():
        straight(case)


@pytest.mark.full
@pytest.mark.case("WF-03")
@pytest.mark.parametrize("name", AGAIN)
def test_a_submission_sent_twice_has_one_receipt(race_world: World, duel: Duel, name: str) -> None:
    act = deciding.READY[name](race_world)
    before = ReportVersion.objects.count()
    first, second = duel(act, act)
    assert first == second
    assert ReportVersion.objects.count() == before + 1


@pytest.mark.full
@pytest.mark.case("BG-01")
def test_a_cycle_opened_twice_at_once_is_one(race_world: World, duel: Duel) -> None:
    act = deciding.open_cycle(race_world)
    first, second = duel(act, act)
    assert first == second
    assert (Cycle.objects.count(), YearlyReport.objects.count()) == (1, 1)


# ---- one against the other ------------------------------------------------------------------------------------------
@pytest.mark.full
@pytest.mark.clause("HLJ-18a")
def test_nobody_joins_a_panel_that_is_being_concluded(race_world: World, duel: Duel) -> None:
    """Either the conclusion knows of the person who joined, or the person does not join."""
    world = race_world
    panel = deciding.commissioned(world, "expert")
    factories.member(world.user("expert2"), world.orgs["evaluator"])
    city = {"actor": world.actor("city_handler"), "reference": panel.reference, "at": deciding.AT}
    panels.open_panel(**city)
    stage.admitted(world, panel, "expert")
    stage.locked(world, panel, "expert", "90")
    panel.refresh_from_db()
    rows = [item.application for item in panel.items.select_related("application")]
    join = {"version": panel.version, "people": [world.user("expert2").pk], "at": deciding.AT}
    outcomes = duel(
        lambda: panels.conclude(**city, version=panel.version, result=stage.result(rows)),
        lambda: commissions.name_people(actor=world.actor("evaluator"), reference=panel.reference, **join),
    )
    assert sorted(won(outcomes)) == [False, True]
    panel.refresh_from_db()
    assert (panel.state == "closed") == won(outcomes)[0] and panel.seats.count() == 1 + won(outcomes)[1]


@pytest.mark.full
def test_a_table_is_accepted_or_returned(race_world: World, duel: Duel) -> None:
    world = race_world
    accept = deciding.pass_table(world)
    table = YearlyReport.objects.get()
    given: dict[str, Any] = {"at": deciding.SPRING, "reference": table.reference, "revision": table.revision}
    back = {"text": "请核对", "fields": {"economy.output": "与报表不符"}}
    outcomes = duel(accept, lambda: yearly.give_back(actor=world.actor("county_approver"), **given, **back))
    assert sorted(won(outcomes)) == [False, True]
    table.refresh_from_db()
    assert (table.state == "returned") == won(outcomes)[1]
    assert table.opinions.count() == 1


@pytest.mark.full
def test_a_table_is_handed_in_or_the_cycle_closed(race_world: World, duel: Duel) -> None:
    """What came in before is reviewed first; after the closing nothing comes in."""
    world = race_world
    hand_in = deciding.file_table(world)
    cycle = Cycle.objects.get()
    given: dict[str, Any] = {"at": deciding.AFTER_CYCLE, "reference": cycle.reference}
    outcomes = duel(hand_in, lambda: cycles.close(actor=world.actor("city_approver"), **given))
    assert sorted(won(outcomes)) == [False, True]
    assert (YearlyReport.objects.get().state == "filed") == won(outcomes)[0]


@pytest.mark.full
def test_a_batch_is_handed_over_or_what_was_put_in_is_taken_out(race_world: World, duel: Duel) -> None:
    world = race_world
    filled_batch, undo = deciding.bulk_in_batch(world)
    given = {"actor": world.actor("county_handler"), "at": county.START, "reference": filled_batch.reference}
    outcomes = duel(lambda: batches.hand_over(**given), undo)
    filled_batch.refresh_from_db()
    handed, undone = won(outcomes)
    assert handed != undone
    assert (filled_batch.state == BatchState.TO_SIGN) == handed
    assert filled_batch.items.filter(returned_at=None).exists() == handed


@pytest.mark.full
@pytest.mark.clause("HEB-3b")
def test_an_opinion_that_comes_with_the_conclusion_is_heard_or_refused(race_world: World, duel: Duel) -> None:
    """Whoever is first: what was refused is nowhere, what was heard stands before the approver."""
    found = deciding._asked(race_world)
    office, handler = deciding.asking.office(found), race_world.actor("city_handler")
    officer, at = race_world.actor("ecology"), deciding.asking.AFTER
    said = {unit.application.reference: Opinion("objection", "近三年发生污染事故") for unit in found.units.all()}
    answered, concluded = duel(
        lambda: opinions.submit(actor=officer, reference=office.reference, said=said, at=at),
        lambda: consultations.conclude(actor=handler, reference=found.reference, at=at),
    )
    assert won([answered, concluded]) in ([True, False], [False, True])  # an objection asks for an adjustment first
    office.refresh_from_db()
    assert (office.answered_at is not None) == won([answered])[0]


def _only(model: Any) -> Any:
    return model.objects.get()


def test_pass_or_send_back(race_world: World, duel: Duel) -> None:
    sign = deciding.sign(race_world)
    case, actor = _only(Application), race_world.actor("county_approver")
    back = {"actor": actor, "at": deciding.county.START, "reference": case.reference, "note": "再看"}
    signed, _returned = won(duel(sign, lambda: screening.send_back(**back)))
    assert signed is not _returned
    straight(case)
    assert case.state == (State.PASSED if signed else State.SCREENING)


def test_withdrawal_or_pass(race_world: World, duel: Duel) -> None:
    sign = deciding.sign(race_world)
    case, actor = _only(Application), race_world.actor("applicant")
    leave = {"actor": actor, "at": deciding.AT, "reference": case.reference, "reason": "另行安排"}
    signed, left = won(duel(sign, lambda: submission.withdraw(**leave)))
    assert left  # the applicant may always
    assert straight(case)[-1] == "withdraw"
    assert case.state == State.WITHDRAWN
    assert ("pass" in " ".join(straight(case))) == signed


def test_return_or_propose(race_world: World, duel: Duel) -> None:
    propose = deciding.propose(race_world)
    case, actor = _only(Application), race_world.actor("county_handler")
    given = {"actor": actor, "at": deciding.county.START, "reference": case.reference, "fields": ["basic.profile"]}
    asked = {**given, "reason": "请补充", "due_on": deciding.date(2026, 4, 20)}
    assert sorted(won(duel(propose, lambda: screening.return_for_correction(**asked)))) == [False, True]
    straight(case)


def test_withdrawal_while_the_batch_is_sent(race_world: World, duel: Duel) -> None:
    """Either the county sends a list without the unit (or is told to mend it), or the city receives a withdrawal."""
    send = deciding.send_batch(race_world)
    case, actor = _only(Application), race_world.actor("applicant")
    leave = {"actor": actor, "at": deciding.AT, "reference": case.reference, "reason": "另行安排"}
    _sent, left = won(duel(send, lambda: submission.withdraw(**leave)))
    assert left
    straight(case)
    assert case.state == State.WITHDRAWN
    assert case.desk is None


def test_batch_signed_or_handed_back(race_world: World, duel: Duel) -> None:
    sign = deciding.sign_batch(race_world)
    batch, actor = _only(batches.Batch), race_world.actor("county_approver")
    back = {"actor": actor, "at": deciding.county.START, "reference": batch.reference, "note": "再看"}
    assert sorted(won(duel(sign, lambda: batches.hand_back(**back)))) == [False, True]


@pytest.mark.clause("HLJ-21a")
def test_two_batches_want_the_last_place(race_world: World, duel: Duel) -> None:
    assert sorted(won(duel(*deciding.last_place(race_world)))) == [False, True]
    assert batches.Batch.objects.filter(state=BatchState.SIGNED).count() == 1


def test_disqualified_while_the_notice_is_published(race_world: World, duel: Duel) -> None:
    """A unit barred in that moment is never on a public notice as if nothing were."""
    publish = deciding.publish_notice(race_world)
    item = NoticeItem.objects.order_by("position").first()
    assert item is not None
    case, actor = item.application, race_world.actor("city_approver")
    deciding.factories.adverse(case.organisation, "safety", deciding.date(2026, 3, 1), 2)
    given = {"actor": actor, "at": registry.PUBLISHED, "reference": case.reference, "reason": "发生较大事故"}
    published, out = duel(publish, lambda: disqualification.disqualify(**given))
    assert not isinstance(out, Exception), out
    straight(case)
    item.refresh_from_db()
    assert case.state != State.ON_NOTICE
    if isinstance(published, Exception):
        assert isinstance(published, Refused)  # names the unit and its clause
    else:
        assert item.state == ItemState.DROPPED


def test_disqualified_while_the_list_is_published(race_world: World, duel: Duel) -> None:
    publish = deciding.publish_list(race_world)
    item = NoticeItem.objects.order_by("position").first()
    assert item is not None
    case, actor = item.application, race_world.actor("city_approver")
    deciding.factories.adverse(case.organisation, "safety", deciding.date(2026, 3, 1), 2)
    given = {"actor": actor, "at": registry.PUBLISHED, "reference": case.reference, "reason": "发生较大事故"}
    duel(publish, lambda: disqualification.disqualify(**given))
    verbs = straight(case)
    assert not {"enter_list", "disqualify"} <= set(verbs)
    listed = Listing.objects.filter(application=case)
    assert listed.exists() == ("enter_list" in verbs) == Certificate.objects.filter(listing__in=listed).exists()


# ---- lists of other tiers -------------------------------------------------------------------------------------------
def test_two_officials_take_the_same_list_over_once(race_world: World, duel: Duel) -> None:
    take = deciding.take_list(race_world)
    first, second = duel(take, take)
    assert [isinstance(one, WrongState) for one in (first, second)].count(True) == 1
    assert ImportedList.objects.count() == 1


def test_an_outcome_while_the_applicant_withdraws(race_world: World, duel: Duel) -> None:
    approve = deciding.approve_list(race_world)
    case = deciding.Application.objects.get()
    actor = race_world.actor("applicant")
    given = {"actor": actor, "at": deciding.upper.AT, "reference": case.reference, "reason": "另行安排"}
    duel(approve, lambda: deciding.submission.withdraw(**given))
    verbs = straight(case)
    assert len({"meet_outcome", "withdraw"} & set(verbs)) == 1
    listing = Listing.objects.get()  # on the published list all the same
    assert (listing.application_id == case.pk) == ("meet_outcome" in verbs)


# ---- the nightly sweep ----------------------------------------------------------------------------------------------
def _told() -> int:
    return Notification.objects.filter(kind="hits.found", channel="portal").count()


@pytest.mark.case("BG-07")
def test_two_sweeps_at_once_find_once_and_tell_once(race_world: World, duel: Duel) -> None:
    deciding.county.case(race_world, deciding._call(race_world))
    deciding.factories.adverse(race_world.org, "safety", deciding.date(2026, 3, 1), 2)
    duel(*[lambda: sweep.sweep(at=deciding.AT)] * 2)
    assert Hit.objects.get().told_at is not None
    assert _told() == 2  # handler and approver


def test_an_answer_while_the_sweep_runs_stays(race_world: World, duel: Duel) -> None:
    answer = deciding.answer_finding(race_world)
    _said, swept = duel(answer, lambda: sweep.sweep(at=deciding.AT))
    assert swept == 0
    assert Hit.objects.get().state == HitState.ANSWERED


def test_a_record_entered_while_the_sweep_runs_is_met_once(race_world: World, duel: Duel) -> None:
    deciding.county.case(race_world, deciding._call(race_world))
    make = deciding.factories.adverse
    duel(
        lambda: sweep.sweep(at=deciding.AT),
        lambda: make(race_world.org, "safety", deciding.date(2026, 3, 1), 2),
    )
    sweep.sweep(at=deciding.AT)
    assert Hit.objects.get().state == HitState.OPEN
    assert _told() == 2


def test_a_record_entered_while_the_list_is_published_is_told_to_its_owner(race_world: World, duel: Duel) -> None:
    publish = deciding.publish_list(race_world)
    item = NoticeItem.objects.order_by("position").first()
    assert item is not None
    firm, make = item.application.organisation, deciding.factories.adverse
    published, _made = duel(publish, lambda: make(firm, "safety", deciding.date(2026, 3, 1), 2))
    sweep.sweep(at=registry.PUBLISHED)
    hit = Hit.objects.get()
    assert (hit.title is None) == isinstance(published, Exception)
    assert hit.authority == race_world.city


def test_withdrawn_while_the_notice_is_published(race_world: World, duel: Duel) -> None:
    """The notice shows the unit and it can no longer withdraw, or it has withdrawn and its item is dropped."""
    call = deciding._call(race_world)
    case = deciding.stage.recommended(race_world, call)
    draft = registry.drafted(race_world, call, [case, *deciding.stage.several(race_world, call, 1)])
    approver, applicant = race_world.actor("city_approver"), race_world.actor("applicant")
    leave = {"actor": applicant, "at": registry.PUBLISHED, "reference": case.reference, "reason": "另有安排"}
    outcomes = duel(
        lambda: notices.publish(actor=approver, reference=draft.reference, at=registry.PUBLISHED),
        lambda: submission.withdraw(**leave),
    )
    published, left = won(outcomes)
    assert published
    straight(case)
    item = NoticeItem.objects.get(application=case)
    assert case.state == (State.WITHDRAWN if left else State.ON_NOTICE)
    assert item.state == (ItemState.DROPPED if left else ItemState.ON_NOTICE)


def test_correction_published_or_refused(race_world: World, duel: Duel) -> None:
    publish = deciding.publish_correction(race_world)
    row = _only(Correction)
    actor, at = race_world.actor("city_approver"), registry.PUBLISHED
    about = {"reference": row.announcement.reference, "correction": row.reference, "note": "再查", "at": at}
    published, refused = won(duel(publish, lambda: corrections.refuse(actor=actor, **about)))
    assert published is not refused
    row.refresh_from_db()
    assert row.number == (2 if published else None)
    assert Certificate.objects.count() == (3 if published else 2)


def test_list_published_or_handed_back(race_world: World, duel: Duel) -> None:
    publish = deciding.publish_list(race_world)
    row, actor = _only(Announcement), race_world.actor("city_approver")
    back = {"actor": actor, "reference": row.reference, "note": "再看", "at": registry.PUBLISHED}
    published, returned = won(duel(publish, lambda: announcements.hand_back(**back)))
    assert published is not returned
    row.refresh_from_db()
    assert row.state == (AnnouncementState.PUBLISHED if published else AnnouncementState.DRAFT)
    assert Certificate.objects.count() == (2 if published else 0)


@pytest.mark.clause("QHD-10b")
def test_an_objection_is_upheld_or_dismissed(race_world: World, duel: Duel) -> None:
    uphold = deciding.uphold(race_world)
    row, actor = _only(Objection), race_world.actor("city_approver")
    given = {"actor": actor, "receipt": row.receipt, "upheld": False, "reasons": "不属实", "at": registry.PUBLISHED}
    upheld, dismissed = won(duel(uphold, lambda: objections.decide(**given)))
    assert upheld is not dismissed
    row.refresh_from_db()
    item = row.item
    assert row.state == (ObjectionState.UPHELD if upheld else ObjectionState.DISMISSED)
    assert item.state == (ItemState.DROPPED if upheld else ItemState.ON_NOTICE)
    straight(item.application)
    assert item.application.state == (State.NOT_LISTED if upheld else State.ON_NOTICE)


@pytest.mark.case("WF-12")
def test_an_objection_is_dismissed_while_the_notice_closes(race_world: World, duel: Duel) -> None:
    """Held or cleared by whoever comes last: the item is never forgotten between the two."""
    notice = deciding._running(race_world)
    row = registry.objection(notice)
    given = {"receipt": row.receipt, "upheld": False, "reasons": "不属实", "at": registry.after(notice)}
    dismiss = {"actor": race_world.actor("city_approver"), **given}
    outcomes = duel(lambda: objections.decide(**dismiss), lambda: notices.close_due(at=registry.after(notice)))
    assert won(outcomes) == [True, True]
    row.refresh_from_db()
    assert row.item.state == ItemState.CLEARED
    straight(row.item.application)
    assert row.item.application.state == State.APPROVING


@pytest.mark.case("WF-12")
def test_two_objections_and_one_decision_hold_the_item(race_world: World, duel: Duel) -> None:
    """A second objection in the moment the first is dismissed: the item is not let go."""
    notice = deciding._running(race_world)
    first = registry.objection(notice)
    given = {"receipt": first.receipt, "upheld": False, "reasons": "不属实", "at": registry.PUBLISHED}
    dismiss = {"actor": race_world.actor("city_approver"), **given}
    assert won(duel(lambda: objections.decide(**dismiss), lambda: registry.objection(notice))) == [True, True]
    assert NoticeItem.objects.get(pk=first.item_id).state == ItemState.HELD


def test_two_notices_of_one_list(race_world: World, duel: Duel) -> None:
    call = deciding._concluded(race_world)
    decision = deciding.stage.approved(race_world, call)

    def draft(who: str) -> Notice:
        words = {"title": "公示", "text": "公示", "at": registry.PUBLISHED}
        return notices.draft(actor=race_world.actor(who), decision=decision.reference, **words)

    assert sorted(won(duel(lambda: draft("city_handler"), lambda: draft("city_approver")))) == [False, True]


def test_two_announcements_of_one_notice(race_world: World, duel: Duel) -> None:
    notice = deciding._closed(race_world)

    def draft(who: str) -> Announcement:
        words = {"title": "公告", "number": "", "text": "公告", "at": registry.after(notice)}
        return announcements.draft(actor=race_world.actor(who), notice=notice.reference, **words)

    assert sorted(won(duel(lambda: draft("city_handler"), lambda: draft("city_approver")))) == [False, True]


def test_a_claim_is_confirmed_or_refused(race_world: World, duel: Duel) -> None:
    confirm = deciding.confirm_claim(race_world)
    given = {"organisation_id": race_world.org.pk, "reason": "不符", "at": deciding.AT}
    refuse = {"actor": race_world.actor("county_approver"), **given}
    confirmed, refused = won(duel(confirm, lambda: organisations.refuse_claim(**refuse)))
    assert confirmed is not refused
    row = Organisation.objects.get(pk=race_world.org.pk)
    assert (row.claim == Organisation.Claim.CONFIRMED) is confirmed


@pytest.mark.case("WF-07")
def test_a_file_is_added_while_the_report_is_submitted(race_world: World, duel: Duel, settings: Any) -> None:
    """It is declared with its digest and clean, or it is not in what was declared; never submitted unscanned."""
    submit = deciding.submit(race_world)
    case, actor = _only(Application), race_world.actor("applicant")
    settings.ATTACHMENT_SCANNER = "clamd://127.0.0.1:1"  # what comes now waits for its scan
    given = {"section": "conditions", "field": "lawful_evidence", "upload": filled.picture("新.png")}
    add = {"actor": actor, "at": filled.SPRING, "reference": case.reference, **given}
    submitted, added = won(duel(submit, lambda: drafts.add_evidence(**add)))
    assert submitted is not added  # the case is the county's, or a file waits
    straight(case)
    waiting = Evidence.objects.filter(report=case.report, blob__scan=Blob.Scan.WAITING)
    assert waiting.exists() is added
    assert (case.state == State.DRAFT) is added


@pytest.mark.case("WF-15")
def test_an_expert_is_replaced_while_locking(race_world: World, duel: Duel) -> None:
    """The sheet counts with its seat or not at all."""
    lock = deciding.lock_sheets(race_world)
    panel, actor = _only(deciding.Panel), race_world.actor("city_handler")
    seat = deciding.stage.seat_of(race_world, panel, "expert")
    given = {"reference": panel.reference, "seat_id": seat.pk, "reason": "换人", "at": deciding.AT}
    locked, excused = won(duel(lock, lambda: deciding.panels.excuse(actor=actor, **given)))
    assert locked or excused
    seat.refresh_from_db()
    has_locked = seat.sheets.exclude(locked_at=None).exists()
    assert has_locked == locked


def test_two_who_import_the_same_file_add_its_records_once(race_world: World, duel: Duel) -> None:
    record = organisations.AdverseInput(
        name=race_world.org.name,
        kind="other_offence",
        event_on=deciding.date(2026, 1, 5),
        source="信用中国",
        reference="一号",
    )
    actors = [race_world.actor(who) for who in ("county_handler", "county_approver")]
    acts = [
        lambda actor=actor: organisations.import_adverse(
            rows=[("表", 2, record)], digest="0" * 64, actor=actor, at=filled.SPRING
        )
        for actor in actors
    ]
    assert sorted(duel(*acts)) == [(0, 1), (1, 0)]
    assert AdverseRecord.objects.count() == 1


@pytest.mark.full
@pytest.mark.case("WF-16")
def test_two_proposals_at_once_are_one(race_world: World, duel: Duel) -> None:
    act = deciding.propose_removal(race_world)
    first, second = duel(act, act)
    assert first.pk == second.pk
    assert Removal.objects.count() == 1


@pytest.mark.case("WF-16")
def test_a_removal_and_a_later_word_at_once(race_world: World, duel: Duel) -> None:
    """The approver decides while the unit sends a later word: one outcome."""
    world = race_world
    decide = deciding.decide_removal(world)
    row = Removal.objects.get()
    actor, given = world.actor("applicant"), {"statement": "补充说明", "at": deciding.LATE}
    outcomes = duel(decide, lambda: removals.answer(actor=actor, reference=row.reference, **given))
    row.refresh_from_db()
    decided, came = won(outcomes)
    assert (decided, came) in {(True, False), (False, True)}
    assert row.state == (RemovalState.DECIDED if decided else RemovalState.HEARD)
    assert Listing.objects.get(pk=row.listing_id).state == ListingState.REMOVAL_PROPOSED


@pytest.mark.full
@pytest.mark.case("WF-16")
def test_a_dismissal_and_a_later_word_at_once(race_world: World, duel: Duel) -> None:
    """The second person lets it drop while the unit answers: dropped in the end, or the page is looked at again."""
    world = race_world
    deciding.dismiss_removal(world)
    row = Removal.objects.get()
    given = {"decision": "查无实据", "seen": reads.digest(row), "at": deciding.LATE}
    drop = partial(removals.dismiss, actor=world.actor("city_approver"), reference=row.reference, **given)
    answer = partial(removals.answer, actor=world.actor("applicant"), reference=row.reference)
    outcomes = duel(drop, lambda: answer(statement="补充说明", at=deciding.LATE))
    row.refresh_from_db()
    gone, came = won(outcomes)
    assert (gone, came) in {(True, False), (False, True)}
    assert row.state == (RemovalState.DISMISSED if gone else RemovalState.HEARD)


@pytest.mark.full
@pytest.mark.clause("HLJ-30b")
@pytest.mark.parametrize("first", ["230000", "230100"])
@pytest.mark.parametrize("other", ["alarm", "decision"])
def test_two_acts_that_reach_several_lists_of_a_unit_wait_for_each_other(
    race_world: World, duel: Duel, first: str, other: str
) -> None:
    """A decision spreads to the city's list while an alarm or a decision reaches it too, whichever list is older."""
    world = race_world
    county.load_rules()
    places = {
        owner: listed(world, "hlj", owner) for owner in sorted(["230000", "230100"], key=lambda one: one != first)
    }
    upper, lower = places["230000"], places["230100"]
    row = concluded(world, leaving.proposed(world, upper, AT, ground="accident"), "hlj_province")
    given: dict[str, Any] = {"outcome": "remove", "decision": "同意", "at": deciding.LATE}
    acts = [partial(removals.decide, actor=world.actor("hlj_province_approver"), reference=row.reference, **given)]
    if other == "alarm":
        told = Told("safety", 3, AT, "一号车间", "示例事故，正在处置。", "通报")
        actor = world.actor("hlj_county_handler")
        acts.append(partial(incidents.raise_alarm, actor=actor, listing=upper.pk, told=told, at=deciding.LATE))
    else:
        rules = rulebook.of_book(upper.listbook)
        assert rules is not None
        said = {"standing": rules, "source": "person", "subject": None, "reason": "数据不符", "at": AT}
        ground = next(one for one in rules.grounds if one.key == "false_data")
        below = removals.propose_by(listing=lower, ground=ground, actor=world.actor("hlj_city_handler"), **said)
        below = concluded(world, below, "hlj_city")
        acts.append(
            partial(removals.decide, actor=world.actor("hlj_city_approver"), reference=below.reference, **given)
        )
    assert won(duel(*acts)) == [True, True]
    states = set(Listing.objects.values_list("listbook__owner__area__slug", "state"))
    assert states == {("230000", ListingState.SUSPENDED), ("230100", ListingState.SUSPENDED)}
    assert Removal.objects.filter(listing=lower, ground="accident").count() == 1


def concluded(world: World, row: Removal, people: str) -> Removal:
    over, actor = leaving.heard(world, row, AT), world.actor(f"{people}_handler")
    given: dict[str, Any] = {"conclusion": "remove", "opinion": "证据充分", "at": over}
    return removals.conclude(actor=actor, reference=row.reference, **given)


@pytest.mark.clause("JY-22b")
def test_a_request_is_refused_while_the_list_above_drops_the_unit(race_world: World, duel: Duel) -> None:
    """The bulletin holds the place and settles the request; the refusal holds the request and ends the removal."""
    world = race_world
    leaving.jieyang(world)
    county.load_rules()
    place = listed(world, "jy", "440000")
    factories.adverse(world.orgs["jy"], "safety", deciding.date(2026, 8, 30), 3)
    watch.round_(at=AT)
    row = leaving.decided(world, Removal.objects.get(), AT)
    letter = {"reference": UpwardRequest.objects.get().reference, "at": deciding.LATE}
    upward.hand_to_approver(actor=world.actor("jy_handler"), **letter)
    upward.send(actor=world.actor("jy_approver"), number="示工信〔2026〕1号", **letter)
    lines, actor = [Line(place.pk, EntryKind.REMOVED, "不再符合条件")], world.actor("gd_handler")
    words = {"title": "公告", "number": "示工信〔2026〕2号", "text": "现予公告。", "at": deciding.LATE}
    paper = {
        "reference": printed.draft(actor=actor, listbook=place.listbook_id, lines=lines, **words).reference,
        "at": deciding.LATE,
    }
    printed.hand_to_approver(actor=actor, **paper)
    published, refused = won(
        duel(
            partial(bulletins.publish, actor=world.actor("gd_approver"), **paper),
            partial(upward.refuse, actor=actor, reason="另案处理", **letter),
        )
    )
    row.refresh_from_db()
    assert published
    assert row.state == (RemovalState.LAPSED if refused else RemovalState.EFFECTIVE)
    assert UpwardRequest.objects.get().state == (UpwardState.REFUSED if refused else UpwardState.SETTLED)


@pytest.mark.full
@pytest.mark.clause("JY-15c")
def test_a_list_that_drops_the_unit_and_a_decision_about_its_inherited_place(
    race_world: World, duel: Duel, tmp_path: Path
) -> None:
    """The decision holds every place of the unit, the older one first; so does the list taken over."""
    world = race_world
    leaving.jieyang(world)
    county.load_rules()
    upper.inherited_end_with_upper(tmp_path)
    own, place = listed(world, "jy", "445200"), listed(world, "jy", "440000")
    Listing.objects.filter(pk=own.pk).update(origin=Origin.INHERITED, follows=place)
    row = concluded(world, leaving.proposed(world, own, AT), "jy")
    made = upper.taken(world, (place.name, place.code, "", "removed"), who="jy", tier="province", category="factory")
    approver = world.actor("jy_approver")
    given: dict[str, Any] = {"outcome": "remove", "decision": "同意", "at": upper.AT}
    approved, decided = won(
        duel(
            partial(imported.approve, actor=approver, reference=made.reference, at=upper.AT),
            partial(removals.decide, actor=approver, reference=row.reference, **given),
        )
    )
    row.refresh_from_db()
    assert approved and row.state == RemovalState.LAPSED
    assert set(Listing.objects.values_list("state", flat=True)) == {ListingState.REMOVED}
    assert bool(row.decided_by_id) == decided

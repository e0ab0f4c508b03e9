"""Departments are asked before a unit goes on: letter, answers, last day, conclusion (HEB-3b, JY-16, HLJ-19, HLJ-21a)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from applications.models import Application
from applications.services import disqualification, submission
from applications.states import State
from greenlist.core import deadlines
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.policy.models import CalendarYear
from reviews.models import Consultation, ConsultedOffice, ConsultedUnit, Reply
from reviews.selectors import consultations as reads
from reviews.services import consultations, opinions
from reviews.services.consultations import Letter, Ruling
from reviews.services.opinions import Opinion
from reviews.states import ConsultationState
from tests import factories
from tests.reviews import asking
from tests.reviews.asking import AFTER, START
from tests.world import World


@pytest.fixture
def call(db: None, world: World) -> Any:
    return asking.call_of(world)


@pytest.fixture
def two(world: World, call: Any) -> list[Application]:
    return [asking.waiting(world, call), *asking.several(world, call, 1)]


def kinds(character: str, world: World) -> list[str]:
    sent = Notification.objects.filter(recipient=world.user(character), channel="portal")
    return list(sent.values_list("kind", flat=True))


# ---- the letter -------------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3b")
def test_a_letter_takes_in_what_waits_and_asks_the_departments_of_the_rule_set(
    world: World, call: Any, two: list[Application]
) -> None:
    actor = world.actor("city_handler")
    assert set(reads.waiting(actor)) == set(two)
    assert list(reads.calls_waiting(actor)) == [call]
    draft = asking.drafted(world, call)
    assert (draft.state, draft.step, draft.four_eyes) == (ConsultationState.DRAFT, "consult", True)
    assert draft.title == "关于征求2026年度国家绿色制造推荐名单意见的函"
    assert "拟推荐2家单位" in reads.usual_text(draft, 2)
    asked = {one.department: one for one in draft.offices.all()}
    assert set(asked) == {"ecology", "emergency", "market"}
    assert asked["ecology"].authority == world.authorities["ecology"]
    assert (asked["market"].authority, asked["market"].name) == (None, "市场监督管理部门")  # no account: on paper
    assert not reads.waiting(actor).exists()
    with pytest.raises(Invalid):
        asking.drafted(world, call)


@pytest.mark.authz
def test_a_handler_of_the_desk_asks_and_nobody_else(world: World, call: Any, two: list[Application]) -> None:
    for character in ("city_approver", "expert", "applicant", "ecology", "supervisor", "anonymous"):
        with pytest.raises(NotAllowed):
            consultations.create(actor=world.actor(character), call=call, at=START)
    for character in ("other_city_handler", "province_handler"):
        with pytest.raises(Invalid):  # nothing waits at their desks
            consultations.create(actor=world.actor(character), call=call, at=START)
    draft = asking.drafted(world, call)
    assert reads.get(world.actor("city_approver"), draft.reference) == draft
    for character in ("other_city_handler", "province_approver", "county_handler", "ecology", "applicant", "anonymous"):
        with pytest.raises(NotVisible):
            reads.get(world.actor(character), draft.reference)


def test_letter_units_and_departments_change_until_it_is_handed_over(
    world: World, call: Any, two: list[Application]
) -> None:
    actor, draft = world.actor("city_handler"), asking.drafted(world, call)
    given: dict[str, Any] = {"actor": actor, "reference": draft.reference, "at": START}
    consultations.leave_out(case=two[1].reference, **given)
    assert reads.waiting(actor).get() == two[1]
    assert [one.application_id for one in consultations.take_in(**given)] == [two[1].pk]
    tax = consultations.add_office(name="税务部门", **given)
    for name in ("税务部门", " ", "部" * 101):
        with pytest.raises(Invalid):
            consultations.add_office(name=name, **given)
    with pytest.raises(Invalid):  # asked already
        consultations.add_office(authority_id=world.authorities["ecology"].pk, **given)
    consultations.remove_office(office=asking.office(draft, "ecology").reference, **given)
    consultations.add_office(authority_id=world.authorities["ecology"].pk, **given)
    consultations.remove_office(office=tax.reference, **given)
    draft.refresh_from_db()
    letter = Letter("关于征求意见的函", "示工信函〔2026〕1号", "请反馈意见。")
    seen = draft.version
    consultations.save(version=seen, letter=letter, **given)
    with pytest.raises(Conflict):
        consultations.save(version=seen, letter=letter, **given)
    for wrong in (Letter(" "), Letter("题" * 161), Letter("题", "号" * 61), Letter("题", "", "文" * 5001)):
        with pytest.raises(Invalid):
            consultations.save(version=seen + 1, letter=wrong, **given)
    consultations.hand_over(**given)
    assert "consultation.letter_to_approve" in kinds("city_approver", world)
    for late in (consultations.hand_over, consultations.take_in, consultations.cancel):
        with pytest.raises(WrongState):
            late(**given)
    with pytest.raises(WrongState):
        consultations.add_office(name="税务部门", **given)
    back = {**given, "actor": world.actor("city_approver")}
    with pytest.raises(Invalid):
        consultations.hand_back(note=" ", **back)
    consultations.hand_back(note="请补充理由", **back)
    assert "consultation.handed_back" in kinds("city_handler", world)
    consultations.cancel(**given)
    assert reads.waiting(actor).count() == 2


@pytest.mark.clause("HEB-3b")
@pytest.mark.authz
def test_another_person_sends_and_every_department_has_its_last_day(
    world: World, call: Any, two: list[Application]
) -> None:
    draft = asking.drafted(world, call)
    consultations.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=START)
    given: dict[str, Any] = {"reference": draft.reference, "at": START}
    with pytest.raises(NotAllowed):
        consultations.send(actor=world.actor("city_handler"), **given)
    with pytest.raises(NotVisible):
        consultations.send(actor=world.actor("other_city_approver"), **given)
    factories_mandate(world, "city_handler", "approver")
    with pytest.raises(NotAllowed):  # the same person in the other role
        consultations.send(actor=two_hats(world, "city_handler"), **given)
    with pytest.raises(Conflict):
        consultations.send(actor=world.actor("city_approver"), digest="x", **given)
    draft.refresh_from_db()
    found = consultations.send(actor=world.actor("city_approver"), digest=reads.letter_digest(draft), **given)
    assert found.letter is not None and len(found.letter["units"]) == 2
    assert {one.due_on for one in found.offices.all()} == {date.fromisoformat(asking.LAST_DAY)}
    assert kinds("ecology", world) == ["consultation.asked"]
    with pytest.raises(WrongState):
        consultations.send(actor=world.actor("city_approver"), **given)
    assert AuditEntry.objects.filter(action="consultation.sent").count() == 1


def factories_mandate(world: World, character: str, role: str) -> None:
    mandate = world.mandates[character]
    world.mandates[f"{character}+"] = factories.mandate(world.user(character), role, mandate.authority)
    world.users[f"{character}+"] = world.user(character)


def two_hats(world: World, character: str) -> Any:
    return world.actor(f"{character}+")


def test_a_year_without_a_confirmed_calendar_is_refused(world: World, call: Any, two: list[Application]) -> None:
    draft = asking.drafted(world, call)
    consultations.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=START)
    CalendarYear.objects.all().delete()
    with pytest.raises(Refused) as refused:
        consultations.send(actor=world.actor("city_approver"), reference=draft.reference, at=START)
    assert (refused.value.code, refused.value.clause) == ("calendar_unknown", "HEB-3b")


def test_a_unit_that_moved_on_stops_the_letter(world: World, call: Any, two: list[Application]) -> None:
    draft = asking.drafted(world, call)
    owner = world.actor("applicant")
    submission.withdraw(actor=owner, at=START, reference=two[0].reference, reason="另行安排")
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": draft.reference, "at": START}
    with pytest.raises(Refused):
        consultations.hand_over(**given)
    consultations.leave_out(case=two[0].reference, **given)
    consultations.hand_over(**given)
    consultations.hand_back(actor=world.actor("city_approver"), reference=draft.reference, note="名单再核", at=START)
    consultations.leave_out(case=two[1].reference, **given)
    with pytest.raises(Invalid):
        consultations.hand_over(**given)


# ---- the departments --------------------------------------------------------------------------------------------
@pytest.mark.authz
def test_a_department_sees_its_own_place_once_the_letter_is_sent(
    world: World, call: Any, two: list[Application]
) -> None:
    draft = asking.drafted(world, call)
    place = asking.office(draft)
    with pytest.raises(NotVisible):
        reads.office(world.actor("ecology"), place.reference)
    consultations.hand_over(actor=world.actor("city_handler"), reference=draft.reference, at=START)
    consultations.send(actor=world.actor("city_approver"), reference=draft.reference, at=START)
    assert reads.office(world.actor("ecology"), place.reference) == place
    assert reads.to_answer(world.actor("ecology")).get() == place
    other = asking.office(draft, "market")
    for reference, character in (
        (other.reference, "ecology"),
        (place.reference, "other_city_handler"),
        (place.reference, "applicant"),
        (place.reference, "expert"),
        (place.reference, "anonymous"),
    ):
        with pytest.raises(NotVisible):
            reads.office(world.actor(character), reference)
    assert not Application.objects.visible_to(world.actor("ecology")).exists()  # the list, not the file
    with pytest.raises(NotAllowed):
        opinions.submit(actor=world.actor("city_approver"), reference=place.reference, at=START)


@pytest.mark.clause("HEB-3b")
def test_opinions_are_recorded_unit_by_unit(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    place, actor = asking.office(found), world.actor("ecology")
    given: dict[str, Any] = {"actor": actor, "reference": place.reference, "at": START}
    opinions.save(said={two[0].reference: Opinion("objection", "")}, **given)
    assert reads.progress(place) == (1, 2)
    assert not any(one.against for one in reads.units(found, reads.offices_of(found)))  # a draft is its own
    with pytest.raises(Invalid) as missing:
        opinions.submit(**given)
    assert set(missing.value.problems) == {f"reason-{two[0].reference}", f"verdict-{two[1].reference}"}
    for wrong in (Opinion("maybe"), Opinion("none", "长" * 1001), Opinion("none", "", {"x": "yes"})):
        with pytest.raises(Invalid):
            opinions.save(said={two[0].reference: wrong}, **given)
    with pytest.raises(NotVisible):
        opinions.save(said={"nothing": Opinion("none")}, **given)
    opinions.save(said={two[0].reference: Opinion("objection", "2025年发生环境污染事故")}, **given)
    assert opinions.no_objection(**given) == 1
    opinions.submit(cover=opinions.Cover("示环函〔2026〕3号", "其余无意见"), **given)
    first, second = reads.units(found, reads.offices_of(found))
    assert (first.against, second.against) == (True, False)
    assert [one.verdict for one in first.said] == ["objection", "", ""]
    with pytest.raises(WrongState):
        opinions.save(said={}, **given)
    again = {"actor": world.actor("city_handler"), "reference": place.reference, "at": START}
    with pytest.raises(NotAllowed):
        opinions.ask_again(actor=actor, reference=place.reference, reason="更正", at=START)
    with pytest.raises(Invalid):
        opinions.ask_again(reason="", **again)
    opinions.ask_again(reason="更正单位名称", **again)
    assert Reply.objects.filter(office=place).count() == 2  # what was said stays as a draft
    opinions.submit(**given)


def test_a_handler_enters_what_came_on_paper(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    place, handler = asking.office(found, "market"), world.actor("city_handler")
    given: dict[str, Any] = {"actor": handler, "reference": place.reference, "at": START}
    opinions.no_objection(**given)
    with pytest.raises(Invalid) as missing:
        opinions.submit(**given)
    assert set(missing.value.problems) == {"upload"}
    done = opinions.submit(cover=opinions.Cover("示市监函〔2026〕1号", "", asking.scan()), **given)
    assert (done.on_paper, done.answered_by, done.number) == (True, handler_user(world), "示市监函〔2026〕1号")
    assert done.file is not None


@pytest.mark.authz
def test_the_asking_handler_neither_reads_nor_sends_what_a_department_has_begun(
    world: World, call: Any, two: list[Application]
) -> None:
    """Otherwise an objection could be read, or turned into consent, before its department has sent it."""
    found = asking.sent(world, call)
    place, handler = asking.office(found, "ecology"), world.actor("city_handler")
    page, given = f"/reviews/opinions/{place.reference}/", {"reference": place.reference, "at": START}
    assert world.client("city_handler").get(page).status_code == 200  # nothing is begun: a paper may be entered
    opinions.save(actor=world.actor("ecology"), said={two[0].reference: Opinion("objection", "涉嫌违法")}, **given)
    answer = world.client("city_handler").get(page)
    assert answer.status_code == 409 and "涉嫌违法" not in answer.content.decode()
    consent = {one.reference: Opinion("none") for one in two}
    with pytest.raises(WrongState):
        opinions.save(actor=handler, said=consent, **given)
    with pytest.raises(WrongState):
        opinions.submit(actor=handler, said=consent, cover=opinions.Cover("", "", asking.scan()), **given)
    opinions.no_objection(actor=world.actor("ecology"), **given)
    opinions.submit(actor=world.actor("ecology"), **given)
    opinions.ask_again(actor=handler, reason="更正", **given)
    with pytest.raises(WrongState):  # it was reopened for the department
        opinions.submit(actor=handler, said=consent, cover=opinions.Cover("", "", asking.scan()), **given)
    assert Reply.objects.get(office=place, unit__application=two[0]).verdict == "objection"


def handler_user(world: World) -> Any:
    return world.user("city_handler")


@pytest.mark.clause("HEB-3b")
def test_one_more_department_is_asked_with_its_own_last_day(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    later = START + timedelta(days=2)
    made = consultations.add_office(
        actor=world.actor("city_handler"), reference=found.reference, name="税务部门", at=later
    )
    assert made.due_on == date(2026, 6, 10)


# ---- time -------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3b")
def test_who_has_not_answered_is_reminded_and_then_marked_once(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    deadlines.remind(at=START)
    assert kinds("ecology", world) == ["consultation.asked"]
    near = datetime.fromisoformat("2026-06-07T09:00:00+08:00")
    for _ in range(2):
        deadlines.remind(at=near)
    assert kinds("ecology", world).count("consultation.near") == 1
    last_hour = datetime.fromisoformat("2026-06-08T23:59:00+08:00")
    assert consultations.mark_overdue(at=last_hour) == 0
    assert consultations.mark_overdue(at=AFTER) == 3
    assert consultations.mark_overdue(at=AFTER) == 0
    assert kinds("ecology", world).count("consultation.overdue") == 1
    assert kinds("city_handler", world).count("consultation.overdue") == 3
    asking.answered(world, found, at=AFTER)  # late, and still heard
    assert asking.office(found).overdue_at is not None


# ---- the conclusion ---------------------------------------------------------------------------------------------
@pytest.mark.clause("HEB-3b")
def test_no_unit_goes_on_before_everybody_answered_or_the_last_day_is_over(
    world: World, call: Any, two: list[Application]
) -> None:
    found = asking.sent(world, call)
    asking.answered(world, found)
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": found.reference}
    for at in (START, datetime.fromisoformat("2026-06-08T23:59:00+08:00")):
        with pytest.raises(Refused) as refused:
            consultations.conclude(at=at, **given)
        assert refused.value.clause == "HEB-3b"
    consultations.mark_overdue(at=AFTER)
    asking.closed(world, found, at=AFTER)
    for row in two:
        row.refresh_from_db()
        assert (row.state, row.step, row.desk) == (State.PASSED, "send", world.city)
    found.refresh_from_db()
    said = {one["name"]: one["answered_at"] for one in found.frozen["offices"]}
    assert said["市场监督管理部门"] == ""  # marked as no answer
    assert not ConsultedUnit.objects.filter(settled_at=None).exists()


@pytest.mark.clause("HEB-3b")
def test_an_objection_is_answered_with_an_adjustment_and_its_reason(
    world: World, call: Any, two: list[Application]
) -> None:
    three = [*two, *asking.several(world, call, 1, start=6200)]
    found = asking.sent(world, call)
    asking.answered(world, found, against=three[:2])
    asking.all_answered(world, found)
    assert "consultation.answered" in kinds("city_handler", world)
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": found.reference, "at": START}
    with pytest.raises(Invalid) as missing:
        consultations.conclude(**given)
    assert set(missing.value.problems) == {
        f"{what}-{row.reference}" for what in ("adjustment", "reason") for row in three[:2]
    }
    with pytest.raises(Invalid):  # nobody objects to the third
        consultations.conclude(rulings={three[2].reference: Ruling("leave_out", "不列入")}, **given)
    found.refresh_from_db()
    rulings = {
        three[0].reference: Ruling("leave_out", "生态环境部门反馈近三年发生污染事故"),
        three[1].reference: Ruling("return", "请核实事故情况"),
        three[2].reference: Ruling("", ""),
    }
    consultations.save_conclusion(version=found.version, rulings=rulings, **given)
    with pytest.raises(Invalid):
        consultations.save_conclusion(
            version=found.version + 1, rulings={three[0].reference: Ruling("burn", "x")}, **given
        )
    asking.closed(world, found, rulings)
    for row in three:
        row.refresh_from_db()
    assert (three[0].state, three[0].desk) == (State.REJECTED, None)
    assert (three[1].state, three[1].step, three[1].desk) == (State.SCREENING, "city", world.city)
    assert (three[2].state, three[2].step) == (State.PASSED, "send")
    assert "case.rejected" in kinds("applicant", world)
    assert "consultation.unit_returned" in kinds("city_handler", world)


@pytest.mark.authz
def test_another_person_closes_and_what_closed_stays(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    asking.all_answered(world, found)
    consultations.conclude(actor=world.actor("city_handler"), reference=found.reference, at=START)
    given: dict[str, Any] = {"reference": found.reference, "at": START}
    factories_mandate(world, "city_handler", "approver")
    for character in ("city_handler", "city_handler+"):
        with pytest.raises(NotAllowed):
            consultations.close(actor=world.actor(character), **given)
    with pytest.raises(Conflict):
        consultations.close(actor=world.actor("city_approver"), digest="x", **given)
    with pytest.raises(WrongState):  # nothing is said any more while the approver looks
        opinions.ask_again(
            actor=world.actor("city_handler"), reference=asking.office(found).reference, reason="更正", at=START
        )
    consultations.hand_back(actor=world.actor("city_approver"), note="请再核对", **given)
    asking.closed(world, found)
    found.refresh_from_db()
    assert found.state == ConsultationState.CLOSED and found.digest
    with pytest.raises(WrongState):
        consultations.close(actor=world.actor("city_approver"), **given)


def test_a_unit_that_leaves_meanwhile_stops_nobody(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    submission.withdraw(actor=world.actor("applicant"), at=START, reference=two[0].reference, reason="另行安排")
    asking.all_answered(world, found)
    asking.closed(world, found)
    for row in two:
        row.refresh_from_db()
    assert [row.state for row in two] == [State.WITHDRAWN, State.PASSED]


def test_a_case_under_consultation_can_be_disqualified(world: World, call: Any, two: list[Application]) -> None:
    factories.adverse(two[0].organisation, "safety", date(2026, 3, 1), 2)
    disqualification.disqualify(
        actor=world.actor("city_approver"), reference=two[0].reference, reason="发生事故", at=START
    )
    two[0].refresh_from_db()
    assert two[0].state == State.DISQUALIFIED


# ---- other rule sets --------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-19")
def test_the_ecology_department_answers_three_questions_and_the_list_is_adjusted_before_the_notice(
    world: World, db: None
) -> None:
    call = asking.call_of(world, "heilongjiang")
    rows = [
        asking.waiting(world, call, organisation=org, desk="230000", step="ecology")
        for org in (world.orgs["hlj"], factories.organisation(world.areas["230102"], "示例二厂", serial=6300))
    ]
    found = asking.sent(world, call, handler="hlj_province_handler", approver="hlj_province_approver")
    place = found.offices.get()
    assert place.department == "ecology"
    assert [one.key for one in reads.checks_of(found)] == ["disclosure", "pollution", "inspection"]
    handler = world.actor("hlj_province_handler")
    given: dict[str, Any] = {"actor": handler, "reference": place.reference, "at": START}
    opinions.save(said={rows[0].reference: Opinion("none", "", {"pollution": "yes"})}, **given)
    with pytest.raises(Invalid) as missing:
        opinions.submit(cover=opinions.Cover("1", "", asking.scan()), **given)
    assert f"reason-{rows[0].reference}" in missing.value.problems  # the facts, though nobody called it an objection
    checks = {"disclosure": "no", "pollution": "yes", "inspection": "no"}
    opinions.save(said={rows[0].reference: Opinion("none", "2025年发生一般环境污染事故", checks)}, **given)
    opinions.no_objection(**given)
    opinions.submit(cover=opinions.Cover("黑环函〔2026〕1号", "", asking.scan()), **given)
    against, clear = reads.units(found, reads.offices_of(found))
    assert (against.against, clear.against) == (True, False)
    assert dict(reads.adjustments(found)).keys() == {"keep", "leave_out"}  # the rule set names no way back
    people = {"handler": "hlj_province_handler", "approver": "hlj_province_approver"}
    with pytest.raises(Invalid):
        asking.closed(world, found, **people)
    asking.closed(world, found, {rows[0].reference: Ruling("leave_out", "近三年发生环境污染事故")}, **people)
    for row in rows:
        row.refresh_from_db()
    assert [row.state for row in rows] == [State.NOT_LISTED, State.PROPOSED]
    assert rows[1].step == "notice"
    assert "case.not_listed" in kinds("hlj_applicant", world)


@pytest.mark.parametrize(
    ("place", "clause", "departments", "ends"),
    [
        ("hebei-national", "HEB-3b", ["ecology", "emergency", "market"], "rejected"),
        pytest.param(
            "jieyang-province",
            "JY-16",
            ["ecology", "emergency", "market"],
            "not_listed",
            marks=pytest.mark.clause("JY-16"),
        ),
        pytest.param(
            "heilongjiang-national",
            "HLJ-21a",
            ["ecology", "emergency", "market"],
            "not_listed",
            marks=pytest.mark.clause("HLJ-21a"),
        ),
        ("heilongjiang", "HLJ-19", ["ecology"], "not_listed"),
    ],
)
def test_who_is_asked_stands_in_the_rule_set(place: str, clause: str, departments: list[str], ends: str) -> None:
    from greenlist.policy.engine.types import StepKind
    from tests.policy.test_more_places import bind

    step = bind(place, "factory").first(StepKind.CONSULT)
    assert step.consult is not None
    assert (step.consult.clause, step.four_eyes, step.failed) == (clause, True, ends)
    assert [one.key for one in step.consult.departments] == departments


def test_rows_of_a_consultation_say_what_they_are(world: World, call: Any, two: list[Application]) -> None:
    found = asking.sent(world, call)
    assert str(found) == found.title
    assert str(ConsultedOffice.objects.first()) == "秦皇岛市生态环境局"
    assert Consultation.objects.live().get() == found

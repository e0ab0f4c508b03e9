"""Review at the county desk: findings, remarks, return, proposal, signature (QHD-N2a, QHD-4, QHD-5, QHD-8, SJZ-4, SJZ-noN)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from applications import selectors
from applications.models import Application, CheckRun, Correction, Screening, TimelineEntry
from applications.selectors import drafts, review
from applications.selectors import screening as reads
from applications.services import screening
from applications.services.screening import Given
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Mandate
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.policy import engine
from greenlist.policy.engine.types import FieldType
from tests import factories
from tests.applications import county
from tests.world import World, build_world

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
LATER = datetime.fromisoformat("2026-05-07T10:00:00+08:00")


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def call(rules: None, world: World) -> Any:
    return county.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    return county.case(world, call)


def propose(world: World, case: Application, outcome: str = "pass", opinion: str = "", **given: Any) -> Screening:
    handler = given.pop("handler", "county_handler")
    return screening.propose(
        actor=world.actor(handler), at=NOW, reference=case.reference, outcome=outcome, opinion=opinion, **given
    )


def sign(world: World, case: Application, who: str = "county_approver", **given: Any) -> Application:
    return screening.sign(actor=world.actor(who), at=LATER, reference=case.reference, **given)


def points_of(case: Application) -> list[reads.Point]:
    bound = selectors.rules_of(case.call)
    return list(reads.points(bound, bound.step(case.step), reads.latest_findings(case), case.verdicts.all()))


# ---- passing --------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-8", "QHD-5.0")
def test_a_case_with_every_point_met_passes_with_two_people(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    propose(world, case)
    sign(world, case)
    case.refresh_from_db()
    assert (case.state, case.step, case.desk) == (State.PASSED, "send", world.county)
    row = case.screenings.get()
    assert (row.proposed_by, row.signed_by) == (world.user("county_handler"), world.user("county_approver"))
    assert case.due_on == date(2026, 5, 31)
    told = Notification.objects.filter(kind="case.passed", channel="portal")
    assert set(told.values_list("recipient__username", flat=True)) == {"applicant", "colleague"}


@pytest.mark.clause(*[f"QHD-5.{n}" for n in range(1, 10)])
def test_each_of_the_nine_conditions_is_asked(case: Application) -> None:
    asked = {point.clause for point in points_of(case) if point.group == "conditions"}
    assert asked == {f"QHD-5.{number}" for number in range(1, 10)}


@pytest.mark.clause("QHD-5.8")
def test_each_of_the_five_aspects_has_its_own_finding(case: Application) -> None:
    assert [point.key for point in points_of(case) if point.clause == "QHD-5.8"] == [
        "land", "material", "production", "waste", "energy",
    ]  # fmt: skip


@pytest.mark.clause("QHD-5.9")
def test_the_page_names_the_edition_that_the_call_pins(world: World, case: Application) -> None:
    assert review.page(world.actor("county_handler"), case.reference).edition == "GB/T 36132-2018"


@pytest.mark.clause("QHD-8")
def test_the_four_points_of_the_review_are_asked(case: Application) -> None:
    assert [point.key for point in points_of(case) if point.clause == "QHD-8"] == [
        "no_veto", "attained", "true", "compliant",
    ]  # fmt: skip


@pytest.mark.clause("QHD-5.0", *[f"QHD-5.{n}" for n in range(1, 10)], "QHD-N2a", "QHD-8")
@pytest.mark.parametrize("answer", ["no", "fix"])
def test_one_point_not_met_stops_passing_and_is_named(world: World, case: Application, answer: str) -> None:
    """For every point in turn: all others yes, this one no or to be corrected."""
    for point in points_of(case):
        county.answer_all(world, case, NOW, **{point.key: Given(answer, "看不出来")})
        with pytest.raises(Refused) as refused:
            propose(world, case)
        assert [finding.clause for finding in refused.value.findings] == [point.clause]
        assert point.article in str(refused.value.message)
    county.answer_all(world, case, NOW)
    assert propose(world, case).outcome == "pass"


@pytest.mark.clause("QHD-5.0")
def test_a_point_without_an_answer_stops_passing(world: World, case: Application) -> None:
    given = county.all_yes(case)
    given.pop("rules")
    screening.save_findings(actor=world.actor("county_handler"), at=NOW, reference=case.reference, verdicts=given)
    with pytest.raises(Refused) as refused:
        propose(world, case)
    assert [finding.code for finding in refused.value.findings] == ["item.open"]
    assert refused.value.clause == "QHD-5.6"
    county.answer_all(world, case, NOW)
    propose(world, case)


@pytest.mark.clause("QHD-N2a")
def test_regional_lead_and_obsolete_equipment_are_asked_while_the_call_keeps_the_rule(
    world: World, rules: None
) -> None:
    kept = county.case(world, county.open_call(world))
    assert [point.key for point in points_of(kept) if point.group == "regional"] == ["peers", "obsolete"]
    dropped = county.case(
        world, county.open_call(world, round=2, layer={"N2a": "drop"}), organisation=county.firm(world, "130302", 2001)
    )
    assert not [point for point in points_of(dropped) if point.group == "regional"]
    county.passed(world, dropped, NOW)
    assert dropped.state == State.PASSED


@pytest.mark.clause("QHD-5.7")
def test_a_missing_certificate_alone_never_blocks(world: World, case: Application) -> None:
    """The report names no certificate at all; the county found the systems complete from the firm's own documents."""
    version = reads.version_of(case)
    assert version is not None
    assert not version.data["sections"].get("systems", {}).get("certificates")
    county.answer_all(world, case, NOW, systems=Given("yes", "有体系文件，未认证"))
    propose(world, case)
    sign(world, case)
    case.refresh_from_db()
    assert case.state == State.PASSED


@pytest.mark.clause("QHD-5.4", "QHD-8")
def test_an_accident_found_at_the_review_blocks_whatever_the_answers(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    record = factories.adverse(world.org, "safety", date(2025, 3, 1), severity=2)
    with pytest.raises(Refused) as refused:
        propose(world, case)
    assert {finding.clause for finding in refused.value.findings} == {"QHD-5.4"}
    assert refused.value.findings[0].rule == "veto.accident"
    record.delete()
    propose(world, case)


@pytest.mark.clause("QHD-5.4")
def test_what_comes_up_after_the_proposal_stops_the_signature(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    propose(world, case)
    record = factories.adverse(world.org, "environment", date(2025, 3, 1), severity=3)
    with pytest.raises(Refused):
        sign(world, case)
    case.refresh_from_db()
    assert case.state == State.SCREENING
    record.delete()
    sign(world, case)


@pytest.mark.clause("QHD-5.4")
def test_what_the_engine_wants_confirmed_is_settled_by_the_answer_to_its_clause(
    world: World, case: Application
) -> None:
    factories.adverse(world.org, "serious_dishonesty", date(2024, 9, 1), ended_on=date(2025, 2, 1))
    screening.recheck(actor=world.actor("county_handler"), at=NOW, reference=case.reference)
    found = [one for one in reads.latest_findings(case) if one.outcome == "confirm"]
    assert [one.rule for one in found] == ["veto.was_dishonest"]
    county.answer_all(world, case, NOW, clean_record=Given("no"))
    with pytest.raises(Refused):
        propose(world, case)
    county.answer_all(world, case, NOW, clean_record=Given("yes", "已修复并移出，县局核实"))
    propose(world, case)


# ---- rejecting ------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-8")
def test_who_fails_gets_the_reasons(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW, management=Given("no", "没有管理机构"))
    propose(world, case, "reject", "请完善后下一年度申报。")
    sign(world, case)
    case.refresh_from_db()
    assert (case.state, case.desk) == (State.REJECTED, None)
    entry = case.timeline.get(verb="reject")
    article = selectors.rules_of(case.call).clauses["QHD-5.5"].article
    assert f"（{article}）：没有管理机构" in entry.opinion
    assert "请完善后下一年度申报。" in entry.opinion
    assert entry.applicant_sees
    message = Notification.objects.get(kind="case.rejected", channel="portal", recipient=world.user("applicant"))
    assert "没有管理机构" in message.params["reason"]


def test_a_rejection_without_any_reason_is_refused(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    with pytest.raises(Invalid):
        propose(world, case, "reject")
    with pytest.raises(Invalid):
        propose(world, case, "maybe")
    propose(world, case, "reject", "企业已停产。")


# ---- returning ------------------------------------------------------------------------------------------------------
def first_field(case: Application) -> str:
    part = selectors.rules_of(case.call).forms[case.report.form].sections[0]
    return f"{part.key}.{next(one.key for one in part.fields if one.type.value in ('text', 'longtext'))}"


def returned(world: World, case: Application, **given: Any) -> Correction:
    given = {"fields": [first_field(case)], "reason": "请核对名称", "due_on": date(2026, 5, 20), **given}
    return screening.return_for_correction(
        actor=world.actor("county_handler"), at=NOW, reference=case.reference, **given
    )


@pytest.mark.clause("QHD-5.0", "QHD-8")
def test_only_the_named_fields_are_returned_with_the_remarks(world: World, case: Application) -> None:
    path = first_field(case)
    screening.save_findings(
        actor=world.actor("county_handler"),
        at=NOW,
        reference=case.reference,
        verdicts={},
        remarks={path: "名称与执照不符"},
    )
    correction = returned(world, case)
    case.refresh_from_db()
    assert (case.state, case.step, case.desk, case.due_on) == (
        State.RETURNED,
        "county",
        world.county,
        date(2026, 5, 20),
    )
    assert [".".join(pair) for pair in correction.fields] == [path]
    assert [row.text for row in correction.remarks.all()] == ["名称与执照不符"]
    assert correction.before == reads.version_of(case)
    told = Notification.objects.get(kind="case.returned", channel="portal", recipient=world.user("applicant"))
    assert told.params["reason"] == "请核对名称"


def test_for_a_figure_that_is_worked_out_what_it_comes_from_is_opened(world: World, case: Application) -> None:
    form = drafts.form_of(case, selectors.rules_of(case.call))
    computed = [
        f"{part.key}.{one.key}" for part in form.sections for one in part.fields if one.type is FieldType.COMPUTED
    ]
    opened = [".".join(pair) for pair in returned(world, case, fields=[*computed, computed[0]]).fields]
    assert opened and len(opened) == len(set(opened)) and not set(opened) & set(computed)
    assert {form.field(path).type for path in opened} <= {FieldType.NUMBER, FieldType.TABLE, FieldType.CALCULATOR}
    assert set(engine.forms.sources(form, computed[0])) <= set(opened)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"fields": []}, "fields"),
        ({"reason": "  "}, "reason"),
        ({"due_on": date(2026, 5, 5)}, "due_on"),
        ({"due_on": date(2026, 6, 1)}, "due_on"),
    ],
)
def test_a_return_needs_field_reason_and_a_day_in_time(
    world: World, case: Application, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        returned(world, case, **given)
    assert list(wrong.value.problems) == [problem]
    returned(world, case)


def test_the_second_look_shows_before_and_now(world: World, case: Application, call: Any) -> None:
    path = first_field(case)
    correction = returned(world, case)
    county.declare(case, call, LATER, **{path.replace(".", "__"): "更正后的内容"})
    Correction.objects.filter(pk=correction.pk).update(answered_at=LATER)
    Application.objects.filter(pk=case.pk).update(state=State.SCREENING)
    page = review.page(world.actor("county_handler"), case.reference)
    fields = {one.path: one for part in page.sections for one in part.fields}
    assert fields[path].is_changed
    assert fields[path].before is not None
    section, key = path.split(".")
    assert (fields[path].before.value, fields[path].value) == (county.answers(call)[section][key], "更正后的内容")
    assert not [one for one in fields.values() if one.before and one.path != path]


# ---- who ------------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-4", "QHD-7")
def test_a_county_acts_in_its_own_area_only(world: World, case: Application) -> None:
    given = county.all_yes(case)
    for stranger in ("other_county_handler", "city_handler", "sjz_county_handler", "rival", "expert", "anonymous"):
        with pytest.raises((NotVisible, NotAllowed)) as refused:
            screening.save_findings(actor=world.actor(stranger), at=NOW, reference=case.reference, verdicts=given)
        assert refused.type is NotVisible, stranger
    with pytest.raises(NotAllowed):
        screening.save_findings(actor=world.actor("applicant"), at=NOW, reference=case.reference, verdicts=given)
    screening.save_findings(actor=world.actor("county_handler"), at=NOW, reference=case.reference, verdicts=given)


@pytest.mark.case("AZ-14")
def test_who_prepared_cannot_sign(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    propose(world, case)
    both = factories.mandate(world.user("county_handler"), "approver", world.county)
    actor = accounts.actor_of(Mandate.objects.select_related("user", "authority__area").get(pk=both.pk))
    with pytest.raises(NotAllowed):
        screening.sign(actor=actor, at=LATER, reference=case.reference)
    with pytest.raises(NotAllowed):
        screening.sign(actor=world.actor("county_handler"), at=LATER, reference=case.reference)
    sign(world, case)


@pytest.mark.case("AZ-14")
def test_who_took_part_in_another_step_of_the_case_cannot_decide_here(world: World, case: Application) -> None:
    Screening.objects.create(
        application=case,
        step="earlier",
        outcome="pass",
        opinion="",
        proposed_by=world.user("county_approver"),
        proposed_at=NOW,
        signed_by=world.user("city_approver"),
        signed_at=NOW,
    )
    county.answer_all(world, case, NOW)
    propose(world, case)
    with pytest.raises(NotAllowed):
        sign(world, case)
    other = factories.mandate(factories.person("海港审批二"), "approver", world.county)
    screening.sign(actor=accounts.actor_of(other), at=LATER, reference=case.reference)


def test_a_proposal_is_fixed_until_it_is_sent_back(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    propose(world, case)
    with pytest.raises(WrongState):
        county.answer_all(world, case, NOW)
    with pytest.raises(WrongState):
        returned(world, case)
    with pytest.raises(Invalid):
        screening.send_back(actor=world.actor("county_approver"), at=LATER, reference=case.reference, note=" ")
    screening.send_back(
        actor=world.actor("county_approver"), at=LATER, reference=case.reference, note="再看第五条（五）"
    )
    county.answer_all(world, case, LATER)
    assert Notification.objects.filter(kind="case.not_signed", recipient=world.user("county_handler")).exists()
    propose(world, case)
    sign(world, case)


def test_a_page_that_showed_another_proposal_cannot_sign(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW)
    case.refresh_from_db()
    before = case.revision
    propose(world, case, revision=before)
    with pytest.raises(Conflict):
        sign(world, case, revision=before)
    sign(world, case, revision=before + 1)


def test_a_colleagues_answer_is_not_overwritten_unseen(world: World, case: Application) -> None:
    county.answer_all(world, case, LATER)
    second = accounts.actor_of(factories.mandate(factories.person("海港经办二"), "handler", world.county))
    given = {"management": Given("no", "未见文件")}
    with pytest.raises(Conflict):
        screening.save_findings(actor=second, at=LATER, reference=case.reference, verdicts=given, seen=NOW)
    screening.save_findings(actor=second, at=LATER, reference=case.reference, verdicts=given, seen=LATER)
    assert case.verdicts.get(key="management").answer == "no"


def test_findings_that_make_no_sense_are_refused(world: World, case: Application) -> None:
    for verdicts, remarks in (
        ({"unknown": Given("yes")}, {}),
        ({"management": Given("maybe")}, {}),
        ({"management": Given("", "只有备注")}, {}),
        ({"management": Given("yes", "长" * 501)}, {}),
        ({}, {"nowhere.field": "备注"}),
    ):
        with pytest.raises(Invalid):
            screening.save_findings(
                actor=world.actor("county_handler"),
                at=NOW,
                reference=case.reference,
                verdicts=verdicts,
                remarks=remarks,
            )
    assert not case.verdicts.exists()
    assert not case.remarks.exists()


def test_a_passed_case_is_reviewed_again_with_a_reason(world: World, case: Application) -> None:
    county.passed(world, case, NOW)
    with pytest.raises(Invalid):
        screening.reopen(actor=world.actor("county_handler"), at=LATER, reference=case.reference, reason="")
    screening.reopen(actor=world.actor("county_handler"), at=LATER, reference=case.reference, reason="漏看一项")
    case.refresh_from_db()
    assert (case.state, case.step) == (State.SCREENING, "county")


# ---- records --------------------------------------------------------------------------------------------------------
def test_every_act_leaves_its_line(world: World, case: Application) -> None:
    county.passed(world, case, NOW)
    actions = AuditEntry.objects.filter(subject_kind="case", subject_id=str(case.pk)).values_list("action", flat=True)
    assert {"case.findings", "case.propose", "case.pass_screening"} <= set(actions)
    hidden = TimelineEntry.objects.get(application=case, verb="propose")
    assert not hidden.applicant_sees
    assert CheckRun.objects.filter(application=case, point="recommend").count() == 2


# ---- the second city ------------------------------------------------------------------------------------------------
@pytest.mark.clause("SJZ-all", "SJZ-noN", "SJZ-4")
def test_the_second_city_reviews_by_its_own_articles_without_the_notice_rules(world: World, rules: None) -> None:
    case = county.case(world, county.open_call(world, "shijiazhuang"), organisation=world.orgs["sjz"])
    asked = points_of(case)
    assert {point.group for point in asked} == {"conditions", "review"}
    assert {point.clause for point in asked} == {*(f"SJZ-5.{n}" for n in range(1, 10)), "SJZ-8"}
    county.answer_all(world, case, NOW, handler="sjz_county_handler", management=Given("no"))
    with pytest.raises(Refused) as refused:
        propose(world, case, handler="sjz_county_handler")
    assert refused.value.clause == "SJZ-5.5"
    county.passed(world, case, NOW, handler="sjz_county_handler", approver="sjz_county_approver")
    assert (case.state, case.due_on) == (State.PASSED, None)


@pytest.mark.clause("SJZ-noN")
def test_a_holder_of_a_higher_title_passes_in_the_second_city(world: World, rules: None) -> None:
    factories.title(world.sites["org"], "province")
    factories.title(world.sites["sjz"], "province")
    free = county.case(world, county.open_call(world, "shijiazhuang"), organisation=world.orgs["sjz"])
    county.passed(world, free, NOW, handler="sjz_county_handler", approver="sjz_county_approver")
    assert free.state == State.PASSED
    barred = county.case(world, county.open_call(world))
    county.answer_all(world, barred, NOW)
    with pytest.raises(Refused) as refused:
        propose(world, barred)
    assert refused.value.clause == "QHD-N3c"


# ---- races ----------------------------------------------------------------------------------------------------------
@pytest.mark.race
@pytest.mark.case("WF-02")
def test_sign_and_send_back_at_once_one_wins(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int
) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    second = accounts.actor_of(factories.mandate(factories.person("海港审批二"), "approver", world.county))
    for turn in range(min(rounds, 20)):
        case = county.case(world, call, organisation=county.firm(world, "130302", 3000 + turn))
        county.answer_all(world, case, NOW)
        propose(world, case)

        def act(number: int, case: Application = case) -> str:
            if number:
                screening.send_back(actor=second, at=LATER, reference=case.reference, note="再看")
                return "back"
            sign(world, case)
            return "signed"

        outcomes = run_threads(2, act)
        assert sorted(type(one).__name__ for one in outcomes) == ["WrongState", "str"], outcomes
        case.refresh_from_db()
        assert case.state == (State.PASSED if "signed" in outcomes else State.SCREENING)
        assert case.screenings.filter(signed_at=None).exists() is ("back" in outcomes)


@pytest.mark.race
@pytest.mark.case("WF-02")
def test_propose_and_return_at_once_one_wins(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int
) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    for turn in range(min(rounds, 20)):
        case = county.case(world, call, organisation=county.firm(world, "130302", 4000 + turn))
        county.answer_all(world, case, NOW)

        def act(number: int, case: Application = case) -> str:
            return "returned" if number and returned(world, case) else str(propose(world, case).outcome)

        outcomes = run_threads(2, act)
        assert sorted(type(one).__name__ for one in outcomes) == ["WrongState", "str"], outcomes
        case.refresh_from_db()
        assert (case.state == State.RETURNED) is ("returned" in outcomes)
        assert case.screenings.exists() is ("pass" in outcomes)


def test_the_actor_of_a_limited_mandate_sees_its_list_only(world: World, case: Application) -> None:
    parks = replace(world.actor("county_handler"), list_kind="park")
    with pytest.raises(NotVisible):
        screening.save_findings(actor=parks, at=NOW, reference=case.reference, verdicts=county.all_yes(case))
    factories_only = replace(parks, list_kind="factory")
    screening.save_findings(actor=factories_only, at=NOW, reference=case.reference, verdicts=county.all_yes(case))


@pytest.mark.case("AZ-14")
def test_who_answered_the_points_does_not_sign_what_a_colleague_put_forward(world: World, case: Application) -> None:
    county.answer_all(world, case, NOW, handler="county_handler")
    colleague = replace(world.actor("county_handler"), user_id=world.user("colleague").pk, name="海港同事")
    screening.propose(actor=colleague, at=NOW, reference=case.reference, outcome="pass")
    both = replace(world.actor("county_approver"), user_id=world.user("county_handler").pk)
    assert review.page(both, case.reference).why_not_sign
    with pytest.raises(NotAllowed):
        screening.sign(actor=both, at=NOW, reference=case.reference)
    assert not review.page(world.actor("county_approver"), case.reference).why_not_sign
    screening.sign(actor=world.actor("county_approver"), at=NOW, reference=case.reference)

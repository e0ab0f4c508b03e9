"""Third-party bodies before an authority: profile, registration, bans, supervision, work reports, the published list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from applications.models import Application, CheckRun, Registration, WhiteList
from applications.selectors import bodies as reads
from applications.services import bodies, drafts, projects
from applications.states import ProjectState, RegistrationState
from greenlist.core import audit, deadlines
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditPayload, Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Ban, BodyProfile, BodyStaff, Organisation
from greenlist.organisations.rules import BadIdentity
from tests.applications import evaluators, filled
from tests.world import World

SPRING = evaluators.SPRING
LATER = datetime.fromisoformat("2026-12-05T10:00:00+08:00")


@pytest.fixture
def rules(world: World) -> None:
    evaluators.load_rules()


@pytest.fixture
def body(world: World, rules: None) -> Organisation:
    return evaluators.body(world)


# ---- the profile ----------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-24b")
def test_a_person_is_known_by_the_number_and_not_by_the_name(world: World, body: Organisation) -> None:
    other = evaluators.body(world, "evaluator2", person=1, serial=7002)
    face = organisations.BodyInput(
        legal_representative="赵 示例（曾用名）", identity=evaluators.identity(1)[:6] + " " + evaluators.identity(1)[6:]
    )
    organisations.change_body(organisation_id=other.pk, profile=face, actor=world.actor("evaluator2"), at=SPRING)
    keys = set(BodyProfile.objects.values_list("representative_key", flat=True))
    assert len(keys) == 1 and keys.pop()
    assert AuditPayload.objects.exists()
    assert not any(evaluators.identity(1) in str(one) for one in AuditPayload.objects.values_list("data", flat=True))
    assert BodyProfile.objects.get(organisation=other).representative_tail == evaluators.identity(1)[-4:]


def test_a_typing_error_in_the_number_is_refused(world: World, body: Organisation) -> None:
    wrong = evaluators.identity(1)[:-1] + ("1" if evaluators.identity(1)[-1] != "1" else "2")
    face = organisations.BodyInput(legal_representative="赵示例", identity=wrong)
    with pytest.raises(BadIdentity):
        organisations.change_body(organisation_id=body.pk, profile=face, actor=world.actor("evaluator"), at=SPRING)


def test_only_the_body_itself_changes_its_profile(world: World, body: Organisation) -> None:
    given = {
        "organisation_id": body.pk,
        "name": "孙示例",
        "level": 2,
        "field": "energy",
        "full_time": True,
        "at": SPRING,
    }
    assert organisations.add_staff(actor=world.actor("evaluator"), **given).pk
    with pytest.raises(NotVisible):
        organisations.add_staff(actor=world.actor("applicant"), **given)
    with pytest.raises(NotAllowed):
        organisations.add_staff(actor=world.actor("county_handler"), **given)
    with pytest.raises(NotVisible):  # a firm is no body
        organisations.add_staff(actor=world.actor("applicant"), **{**given, "organisation_id": world.org.pk})


@pytest.mark.clause("HEB-2.4a")
def test_an_official_of_the_firms_place_confirms_a_diagnosis_once(world: World, body: Organisation) -> None:
    proof = evaluators.diagnosis(world, confirmed=False)
    given = {"proof_id": proof.pk, "confirmed": True, "at": SPRING}
    with pytest.raises(NotAllowed):  # sees it, where the body is; the firm lies elsewhere
        organisations.decide_proof(actor=world.actor("county_handler"), **given)
    with pytest.raises(NotVisible):
        organisations.decide_proof(actor=world.actor("other_city_handler"), **given)
    with pytest.raises(Invalid):
        organisations.decide_proof(actor=world.actor("city_handler"), **{**given, "confirmed": False})
    organisations.decide_proof(actor=world.actor("other_county_handler"), **given)
    with pytest.raises(WrongState):
        organisations.decide_proof(actor=world.actor("city_handler"), **given)


def test_a_diagnosis_names_firm_place_and_day(world: World, body: Organisation) -> None:
    with pytest.raises(Invalid) as wrong:
        organisations.add_proof(
            organisation_id=body.pk,
            kind="free_diagnosis",
            upload=filled.picture(),
            actor=world.actor("evaluator"),
            at=SPRING,
        )
    assert set(wrong.value.problems) == {"firm", "area", "done_on"}


# ---- registration ---------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-23", "HLJ-24a")
def test_a_qualified_body_is_registered_and_approved(world: World, body: Organisation) -> None:
    row = evaluators.registered(world)
    assert row.state == RegistrationState.SUBMITTED and row.authority == world.province
    assert {one["outcome"] for one in row.findings} == {"clear"}
    assert Notification.objects.filter(kind="body.registered", recipient=world.user("province_handler")).exists()
    given = {"at": SPRING, "registration_id": row.pk, "approve": True}
    for who in ("province_handler", "county_approver"):
        with pytest.raises((NotAllowed, NotVisible)):
            bodies.decide(actor=world.actor(who), **given)
    bodies.decide(actor=world.actor("province_approver"), **given)
    assert reads.is_approved(body.pk, "province", world.city.area)
    with pytest.raises(WrongState):
        bodies.decide(actor=world.actor("province_approver"), **given)
    assert list(audit.verify()) == []


@pytest.mark.clause("HLJ-23")
@pytest.mark.parametrize(("keep", "rule"), [("middle", "body.senior"), ("senior", "body.staff")])
def test_one_evaluator_too_few_is_refused_with_the_clause(
    world: World, body: Organisation, keep: str, rule: str
) -> None:
    kept = BodyStaff.Level.MIDDLE if keep == "middle" else BodyStaff.Level.SENIOR
    for one in BodyStaff.objects.exclude(level=kept):
        organisations.remove_staff(organisation_id=body.pk, staff_id=one.pk, actor=world.actor("evaluator"), at=SPRING)
    with pytest.raises(Refused) as refused:
        evaluators.registered(world)
    assert rule in [one.rule for one in refused.value.findings]
    assert refused.value.clause == "QHD-9"
    assert not Registration.objects.exists()


@pytest.mark.clause("HLJ-23")
@pytest.mark.parametrize("change", [{"full_time": False}, {"field": "other"}])
def test_part_time_people_and_other_fields_do_not_count_as_senior(
    world: World, body: Organisation, change: dict
) -> None:
    BodyStaff.objects.filter(level=BodyStaff.Level.SENIOR).update(**change)
    with pytest.raises(Refused) as refused:
        evaluators.registered(world)
    assert "body.senior" in [one.rule for one in refused.value.findings]


def test_a_refusal_has_its_reason_and_the_body_may_ask_again(world: World, body: Organisation) -> None:
    row = evaluators.registered(world)
    with pytest.raises(WrongState):
        evaluators.registered(world)
    given = {"actor": world.actor("province_approver"), "at": SPRING, "registration_id": row.pk, "approve": False}
    with pytest.raises(Invalid):
        bodies.decide(**given)
    bodies.decide(**given, reason="场所证明不全")
    note = Notification.objects.filter(kind="body.refused").first()
    assert note is not None and note.params["reason"] == "场所证明不全"
    assert evaluators.registered(world).pk != row.pk


def test_approval_looks_at_the_conditions_once_more(world: World, body: Organisation) -> None:
    row = evaluators.registered(world)
    BodyStaff.objects.all().delete()
    with pytest.raises(Refused):
        bodies.decide(actor=world.actor("province_approver"), at=SPRING, registration_id=row.pk, approve=True)
    row.refresh_from_db()
    assert row.state == RegistrationState.SUBMITTED


def test_an_unconfirmed_body_and_one_without_representative_wait(world: World, body: Organisation) -> None:
    BodyProfile.objects.update(representative_key="")
    with pytest.raises(Refused) as refused:
        evaluators.registered(world)
    assert refused.value.code == "no_representative"
    Organisation.objects.filter(pk=body.pk).update(claim=Organisation.Claim.CLAIMED)
    with pytest.raises(Refused) as refused:
        evaluators.registered(world)
    assert refused.value.code == "claim_not_confirmed"


# ---- bans -----------------------------------------------------------------------------------------------------------
def _ban(world: World, body: Organisation, who: str = "city_approver", **given: str) -> Ban:
    named = {"ground": "fraud", "reason": "证明材料系伪造，经查实。", **given}
    return bodies.ban(actor=world.actor(who), at=SPRING, body_id=body.pk, **named)


@pytest.mark.clause("HEB-2.4b", "HLJ-26")
def test_a_ban_flags_open_cases_and_keeps_the_body_away_until_its_day(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    call = filled.open_call(world)
    project = evaluators.at_work(world, call)
    ban = _ban(world, body)
    assert (ban.since, ban.until) == (date(2026, 3, 2), date(2029, 3, 1))
    run = CheckRun.objects.get(application=project.application, point="ban")
    assert run.findings[0]["code"] == "body.banned" and run.findings[0]["clause"] == "QHD-14.2"
    told = set(Notification.objects.filter(kind="case.body_banned").values_list("recipient", flat=True))
    assert world.user("applicant").pk in told
    with pytest.raises(WrongState):
        _ban(world, body)
    # Nothing new is given to it while the ban runs, and again after its day.
    assert reads.ban_over(body.pk, world.city.area.path, ban.until) == ban
    assert reads.ban_over(body.pk, world.city.area.path, date(2029, 3, 2)) is None
    assert reads.ban_over(body.pk, world.authorities["130100"].area.path, ban.since) is None  # another city's lists
    assert list(audit.verify()) == []


@pytest.mark.clause("HEB-2.4b")
def test_what_a_banned_body_evaluated_cannot_be_submitted(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    project = evaluators.at_work(world, filled.open_call(world))
    assert project.application is not None
    filled.fill(world, project.application)
    evaluators.sign(world, project)
    ban = _ban(world, body)
    with pytest.raises(Refused) as refused:
        filled.submit(world, project.application)
    assert refused.value.clause == "QHD-14.2"
    bodies.lift_ban(actor=world.actor("city_approver"), at=SPRING, ban_id=ban.pk, reason="复查后撤销")
    assert filled.submit(world, project.application).number


@pytest.mark.authz
@pytest.mark.clause("HEB-2.4b", "HLJ-26")
def test_a_ban_closes_released_reports_to_the_body(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    project = evaluators.at_work(world, filled.open_call(world))
    mine, today = world.actor("evaluator"), SPRING.date()
    seen = Application.objects.visible_to(mine)
    given: dict[str, Any] = {"actor": world.actor("applicant"), "at": SPRING, "reference": project.reference}
    projects.release(ends_on=today, **given)
    assert seen.exists()
    ban = _ban(world, body)
    assert not seen.exists()
    with pytest.raises(Refused) as refused:
        projects.release(ends_on=today, **given)
    assert refused.value.clause == "QHD-14.2"
    bodies.lift_ban(actor=world.actor("city_approver"), at=SPRING, ban_id=ban.pk, reason="复查后撤销")
    projects.release(ends_on=today, **given)
    assert seen.exists()


@pytest.mark.clause("HLJ-26")
def test_a_ban_takes_the_approval_of_the_same_authority_away(world: World, rules: None) -> None:
    """The city's rules ban; the approval of the province stays, for another authority gave it."""
    body = evaluators.approved(world)
    _ban(world, body)
    assert Registration.objects.get(body=body).state == RegistrationState.APPROVED
    Registration.objects.update(authority=world.city)
    Ban.objects.all().delete()
    _ban(world, body)
    assert Registration.objects.get(body=body).state == RegistrationState.REVOKED


def test_only_an_approver_with_the_rule_bans_with_reason_and_ground(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    for who in ("city_handler", "county_approver", "province_handler"):
        with pytest.raises(NotAllowed):
            _ban(world, body, who)
    with pytest.raises(NotVisible):
        _ban(world, body, "hlj_city_approver")
    with pytest.raises(Invalid) as wrong:
        _ban(world, body, ground="poor_quality", reason=" ")
    assert set(wrong.value.problems) == {"ground", "reason"}
    assert _ban(world, body).pk


# ---- supervision ----------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-26b")
def test_a_finding_goes_upward_at_once_and_is_receipted(world: World, body: Organisation) -> None:
    row = bodies.supervise(
        actor=world.actor("county_handler"),
        at=SPRING,
        body_id=body.pk,
        finding="现场评价未到场",
        upload=filled.picture(),
    )
    assert row.sent_to == world.city
    assert Notification.objects.filter(kind="body.supervised", recipient=world.user("city_handler")).exists()
    with pytest.raises(NotVisible):
        bodies.receive_supervision(actor=world.actor("other_city_handler"), at=SPRING, supervision_id=row.pk)
    with pytest.raises(NotAllowed):
        bodies.receive_supervision(actor=world.actor("county_handler"), at=SPRING, supervision_id=row.pk)
    done = bodies.receive_supervision(actor=world.actor("city_handler"), at=SPRING, supervision_id=row.pk)
    assert done.received_at == SPRING
    with pytest.raises(WrongState):
        bodies.receive_supervision(actor=world.actor("city_handler"), at=SPRING, supervision_id=row.pk)
    with pytest.raises(Invalid):
        bodies.supervise(actor=world.actor("county_handler"), at=SPRING, body_id=body.pk, finding=" ")


# ---- work reports and the list --------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-25")
def test_a_body_that_worked_owes_a_report_and_is_reminded_until_it_is_filed(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    assert [
        one.office for one in reads.owed_by(body, 2026)
    ] == []  # the city's rules ask; nothing done for the city yet
    evaluators.at_work(world, filled.open_call(world))
    owed = reads.owed_by(body, 2026)
    assert [(one.office, one.due_on) for one in owed] == [(world.city, date(2026, 12, 31))]
    for _ in range(2):
        deadlines.remind(at=LATER)
    asked = Notification.objects.filter(kind="body.report_due", channel="portal")
    assert [one.recipient for one in asked] == [world.user("evaluator")]
    given = {"actor": world.actor("evaluator"), "authority_id": world.city.pk, "year": 2026}
    with pytest.raises(Invalid):
        bodies.file_work_report(**given, at=LATER, text=" ")
    row = bodies.file_work_report(**given, at=LATER, text="完成评价一项。", upload=filled.picture())
    assert not row.late and row.counts["accepted"] == 1
    deadlines.remind(at=datetime.fromisoformat("2026-12-30T10:00:00+08:00"))
    assert asked.count() == 1
    late = bodies.file_work_report(**given, at=datetime.fromisoformat("2027-01-01T00:00:00+08:00"), text="补充。")
    assert late.pk == row.pk and late.late
    with pytest.raises(NotVisible):
        bodies.file_work_report(**{**given, "authority_id": world.province.pk}, at=LATER, text="x")


@pytest.mark.clause("HLJ-25")
def test_pass_rates_and_the_white_list_are_published_when_the_authority_chooses(world: World, rules: None) -> None:
    body = evaluators.approved(world)
    project = evaluators.at_work(world, filled.open_call(world))
    type(project).objects.filter(pk=project.pk).update(state=ProjectState.REPORTED)
    type(project.application).objects.filter(pk=project.application_id).update(state="listed")
    rate = reads.rates(world.city.area.path)
    assert [(one.body, one.decided, one.listed, one.percent) for one in rate] == [(body, 1, 1, "100.0")]
    given = {"at": SPRING, "title": "2026年第三方机构评价情况", "white": [body.pk]}
    with pytest.raises(NotAllowed):
        bodies.publish_list(actor=world.actor("city_handler"), **given)
    with pytest.raises(NotAllowed):
        bodies.publish_list(actor=world.actor("province_approver"), **given)
    bodies.publish_list(actor=world.actor("city_approver"), **given)
    row = WhiteList.objects.get()
    assert row.rows[0]["white"] and row.rows[0]["rate"] == "100.0"
    assert reads.published("130300") == row
    _ban(world, body)
    with pytest.raises(Invalid):
        bodies.publish_list(actor=world.actor("city_approver"), **given)


def test_a_body_does_not_apply_itself(world: World, body: Organisation) -> None:
    call = filled.open_call(world)
    with pytest.raises(NotAllowed):
        drafts.start(actor=world.actor("evaluator"), at=SPRING, call_id=call.pk, site_id=body.sites.get().pk)

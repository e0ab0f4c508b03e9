"""An evaluation by a third-party body: the mode, the offer, the caps, the report released, both statements, the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Application, BodyNote, Call, Project, Release, ReportVersion, SignedStatement
from applications.selectors import bodies as body_reads
from applications.selectors import drafts as reads
from applications.selectors.batches import _CELLS
from applications.services import bodies, drafts, projects, submission
from applications.states import ProjectState, State
from greenlist.core import audit
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import BodyProfile, Organisation
from tests.applications import evaluators, filled
from tests.world import World

SPRING = evaluators.SPRING
APRIL = datetime.fromisoformat("2026-04-20T10:00:00+08:00")


@pytest.fixture
def call(world: World) -> Call:
    evaluators.load_rules()
    return filled.open_call(world)


# ---- the mode -------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-13")
def test_the_mode_is_one_the_rules_offer(world: World, call: Call) -> None:
    case = evaluators.begun(world, call)
    assert (case.mode, case.report.mode) == ("body", "body")
    again = drafts.start(actor=world.actor("applicant"), at=SPRING, call_id=call.pk, site_id=world.site.pk)
    assert again.pk == case.pk and again.mode == "body"  # the one that is there, as it was begun
    other = drafts.start(actor=world.actor("rival"), at=SPRING, call_id=call.pk, site_id=world.sites["rival"].pk)
    assert other.mode == "self"


@pytest.mark.clause("QHD-6")
def test_where_only_self_evaluation_is_offered_the_other_mode_is_refused_with_the_clause(world: World) -> None:
    filled.load_rules()
    call = filled.open_call(world)
    with pytest.raises(Refused) as refused:
        evaluators.begun(world, call)
    assert (refused.value.code, refused.value.clause) == ("not_offered", "QHD-6")
    assert filled.start(world, call).mode == "self"


def test_no_body_is_asked_for_a_self_evaluation(world: World, call: Call) -> None:
    evaluators.approved(world)
    case = filled.start(world, call)
    with pytest.raises(NotAllowed):
        evaluators.offered(world, case)


# ---- the offer ------------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-24a")
def test_a_body_works_only_after_approval(world: World, call: Call) -> None:
    evaluators.body(world)
    evaluators.diagnosis(world)
    case = evaluators.begun(world, call)
    with pytest.raises(Refused) as refused:
        evaluators.offered(world, case)
    assert [one.rule for one in refused.value.findings] == ["body.approval"]
    row = evaluators.registered(world)
    with pytest.raises(Refused):
        evaluators.offered(world, case)
    bodies.decide(actor=world.actor("province_approver"), at=SPRING, registration_id=row.pk, approve=True)
    project = evaluators.offered(world, case)
    assert project.state == ProjectState.OFFERED
    assert Notification.objects.filter(kind="project.offered", recipient=world.user("evaluator")).exists()


@pytest.mark.clause("HEB-2.4a")
def test_without_a_confirmed_diagnosis_no_project(world: World, call: Call) -> None:
    evaluators.body(world)
    proof = evaluators.diagnosis(world, confirmed=False)
    row = evaluators.registered(world)
    bodies.decide(actor=world.actor("province_approver"), at=SPRING, registration_id=row.pk, approve=True)
    case = evaluators.begun(world, call)
    with pytest.raises(Refused) as refused:
        evaluators.offered(world, case)
    assert [one.code for one in refused.value.findings] == ["body.proof_open"]
    type(proof).objects.update(confirmed=True)
    project = evaluators.offered(world, case)
    type(proof).objects.update(done_on=date(2023, 3, 1))  # a day too old by now
    with pytest.raises(Refused):
        evaluators.accept(world, project)
    type(proof).objects.update(done_on=date(2023, 3, 2))
    assert evaluators.accept(world, project).state == ProjectState.ACCEPTED


def test_one_body_at_a_time_and_strangers_see_nothing(world: World, call: Call) -> None:
    evaluators.approved(world)
    evaluators.approved(world, "evaluator2", person=2, serial=7002)
    case = evaluators.begun(world, call)
    project = evaluators.offered(world, case)
    assert evaluators.offered(world, case).pk == project.pk
    with pytest.raises(WrongState):
        evaluators.offered(world, case, "evaluator2")
    for who in ("rival", "evaluator2", "other_city_handler"):
        with pytest.raises(NotVisible):
            projects.retract(actor=world.actor(who), at=SPRING, reference=project.reference)
    with pytest.raises(NotAllowed):
        projects.decline(actor=world.actor("applicant"), at=SPRING, reference=project.reference, reason="x")
    with pytest.raises(NotAllowed):
        projects.retract(actor=world.actor("evaluator"), at=SPRING, reference=project.reference)
    projects.retract(actor=world.actor("applicant"), at=SPRING, reference=project.reference)
    with pytest.raises(WrongState):
        evaluators.accept(world, project)
    other = evaluators.offered(world, case, "evaluator2")
    with pytest.raises(Invalid):
        projects.decline(actor=world.actor("evaluator2"), at=SPRING, reference=other.reference, reason=" ")
    projects.decline(actor=world.actor("evaluator2"), at=SPRING, reference=other.reference, reason="人手不足")
    assert Notification.objects.filter(kind="project.declined", recipient=world.user("applicant")).exists()


@pytest.mark.clause("HEB-2.4d", "HLJ-24a")
def test_the_body_signs_the_public_benefit_statement_for_each_project(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.offered(world, evaluators.begun(world, call))
    given = {"actor": world.actor("evaluator"), "at": SPRING, "reference": project.reference}
    with pytest.raises(Invalid) as wrong:
        projects.accept(**given, signed_name=" ", agreed=False)
    assert set(wrong.value.problems) == {"signed_name", "agreed"}
    project.refresh_from_db()
    assert project.state == ProjectState.OFFERED
    projects.accept(**given, signed_name="赵示例", agreed=True)
    signed = SignedStatement.objects.get(project=project)
    assert (signed.text, signed.clause, signed.signed_name) == ("不谋取暴利，不承诺结果。", "QHD-9", "赵示例")
    assert list(audit.verify()) == []


# ---- the caps -------------------------------------------------------------------------------------------------------
def _outside(world: World, who: str, year: int = 2026, unit: str = "外部示例工厂") -> Project:
    version = next(one for one in body_reads.rule_sets_with_body() if one.rule_set.slug == "qinhuangdao")
    return projects.declare_outside(
        actor=world.actor(who), at=SPRING, version_id=version.pk, unit=unit, category="factory", year=year
    )


@pytest.mark.clause("HEB-2.4c", "HLJ-24b")
def test_projects_of_all_bodies_of_one_person_count_together_with_those_from_outside(world: World, call: Call) -> None:
    evaluators.approved(world)
    evaluators.approved(world, "evaluator2", person=1, serial=7002)
    _outside(world, "evaluator")
    old = _outside(world, "evaluator2", year=2025)
    evaluators.accept(world, evaluators.offered(world, evaluators.begun(world, call)))
    case = evaluators.begun(world, call, who="rival", site="rival")
    project = evaluators.offered(world, case, "evaluator2", who="rival")
    with pytest.raises(Refused) as refused:
        evaluators.accept(world, project, "evaluator2")
    assert [one.rule for one in refused.value.findings] == ["body.yearly"]
    assert refused.value.clause == "QHD-10a"
    assert old.state == ProjectState.DECLARED
    # Another representative today does not free the places of the one before.
    BodyProfile.objects.filter(organisation=world.orgs["evaluator"]).update(representative_key="f" * 64)
    with pytest.raises(Refused):
        evaluators.accept(world, project, "evaluator2")
    # What ends unfinished does.
    first = Project.objects.get(application__organisation=world.org)
    projects.end(actor=world.actor("applicant"), at=SPRING, reference=first.reference, reason="双方商定终止")
    assert evaluators.accept(world, project, "evaluator2").state == ProjectState.ACCEPTED


@pytest.mark.clause("HEB-2.4c")
def test_branches_of_one_legal_person_share_the_cap_of_a_batch(world: World, call: Call) -> None:
    head = evaluators.approved(world)
    evaluators.approved(world, "branch", person=2, serial=7002, legal_person=head.code or "")
    for unit in ("甲示例厂", "乙示例厂"):
        _outside(world, "evaluator", unit=unit)
    project = evaluators.offered(world, evaluators.begun(world, call), "branch")
    with pytest.raises(Refused) as refused:
        evaluators.accept(world, project, "branch")
    assert [one.rule for one in refused.value.findings] == ["body.cap"]
    assert refused.value.clause == "QHD-9"


@pytest.mark.race
@pytest.mark.clause("HEB-2.4c", "HLJ-24b")
def test_two_bodies_of_one_person_race_for_the_last_place(race_world: World, run_threads: Any, rounds: int) -> None:
    world = race_world
    evaluators.load_rules()
    call = filled.open_call(world)
    evaluators.approved(world)
    evaluators.approved(world, "evaluator2", person=1, serial=7002)
    _outside(world, "evaluator")
    own = evaluators.offered(world, evaluators.begun(world, call))
    other = evaluators.offered(
        world, evaluators.begun(world, call, who="rival", site="rival"), "evaluator2", who="rival"
    )
    pairs = [(own, "evaluator"), (other, "evaluator2")]
    for _ in range(min(rounds, 20)):
        outcomes = run_threads(2, lambda n: evaluators.accept(world, *pairs[n]))
        assert sorted(isinstance(one, Refused) for one in outcomes) == [False, True], outcomes
        assert Project.objects.filter(state=ProjectState.ACCEPTED).count() == 1
        SignedStatement.objects.all().delete()
        Project.objects.filter(state=ProjectState.ACCEPTED).update(
            state=ProjectState.OFFERED, accepted_at=None, representative_key="", legal_person_code=""
        )
    assert list(audit.verify()) == []


# ---- work on the report ---------------------------------------------------------------------------------------------
def test_the_body_sees_and_edits_the_report_only_while_it_is_released(world: World, call: Call) -> None:
    evaluators.approved(world)
    case = evaluators.begun(world, call)
    project = evaluators.offered(world, case)
    actor = world.actor("evaluator")
    given = {"actor": actor, "reference": case.reference, "section": "basic", "answers": {"products": "评价机构改"}}

    def edit(at: datetime = SPRING) -> int:
        row = case.report.sections.get(key="basic")
        return drafts.save_section(**given, at=at, version=row.version).version

    release = {"at": SPRING, "reference": project.reference, "ends_on": date(2026, 4, 19)}
    with pytest.raises(WrongState):  # not accepted
        projects.release(actor=world.actor("applicant"), **release)
    evaluators.accept(world, project)
    with pytest.raises(NotVisible):
        edit()
    with pytest.raises(NotAllowed):
        projects.release(actor=actor, **release)
    with pytest.raises(Invalid):
        projects.release(actor=world.actor("applicant"), **{**release, "ends_on": date(2026, 3, 1)})
    projects.release(actor=world.actor("applicant"), **release)
    assert list(Application.objects.visible_to(actor)) == [case]
    version = edit()
    with pytest.raises(drafts.EditingConflict):  # as with colleagues
        drafts.save_section(
            actor=world.actor("applicant"),
            at=SPRING,
            reference=case.reference,
            section="basic",
            answers={"products": "企业改"},
            version=version - 1,
        )
    for act in (
        lambda: submission.withdraw(actor=actor, at=SPRING, reference=case.reference),
        lambda: filled.submit(world, case, "evaluator"),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotVisible):  # the day has passed, before the clock has ended it
        edit(APRIL)
    projects.end_releases(at=APRIL)
    assert not Application.objects.visible_to(actor).exists()
    assert Release.objects.get().ended_why == "day"
    projects.release(actor=world.actor("applicant"), **{**release, "ends_on": date(2026, 5, 1)})
    projects.take_back(actor=world.actor("applicant"), at=SPRING, reference=project.reference)
    with pytest.raises(NotVisible):
        edit()


@pytest.mark.clause("JY-11c", "HEB-1b", "HLJ-13")
def test_both_sides_sign_the_same_report_and_a_change_makes_the_statement_void(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    case = project.application
    assert case is not None
    with pytest.raises(Invalid):  # nothing to sign yet
        evaluators.sign(world, project)
    filled.fill(world, case, "evaluator")
    with pytest.raises(Refused) as refused:
        filled.submit(world, case)
    assert (refused.value.code, refused.value.clause) == ("not_signed", "QHD-9")
    with pytest.raises(Conflict):
        evaluators.sign(world, project, digest="0" * 64)
    evaluators.sign(world, project)
    row = case.report.sections.get(key="basic")
    drafts.save_section(
        actor=world.actor("applicant"),
        at=SPRING,
        reference=case.reference,
        section="basic",
        answers={"products": "签字后又改"},
        version=row.version,
    )
    with pytest.raises(Refused) as refused:
        filled.submit(world, case)
    assert refused.value.code == "not_signed"
    evaluators.sign(world, project)
    receipt = filled.submit(world, case)
    version = ReportVersion.objects.get()
    assert receipt.digest == version.digest == SignedStatement.objects.filter(by="body").first().digest  # type: ignore[union-attr]
    assert "企业对材料真实性负责。" in version.declaration
    project.refresh_from_db()
    assert project.state == ProjectState.REPORTED
    assert Release.objects.get().ended_why == "submitted"
    assert not Application.objects.visible_to(world.actor("evaluator")).exists()
    assert list(audit.verify()) == []


def test_without_a_body_nothing_is_submitted_in_this_mode(world: World, call: Call) -> None:
    case = filled.fill(world, evaluators.begun(world, call))
    with pytest.raises(Refused) as refused:
        filled.submit(world, case)
    assert refused.value.code == "no_body"
    case.refresh_from_db()
    assert case.state == State.DRAFT


def test_a_withdrawn_application_ends_offer_project_and_release(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    assert project.application is not None
    submission.withdraw(actor=world.actor("applicant"), at=SPRING, reference=project.application.reference)
    project.refresh_from_db()
    assert project.state == ProjectState.ENDED
    assert Release.objects.get().ended_why == "withdrawn"
    assert Notification.objects.filter(kind="project.ended", recipient=world.user("evaluator")).exists()


@pytest.mark.clause("HEB-A1")
def test_the_summary_table_names_the_body(world: World, call: Call) -> None:
    body = evaluators.approved(world)
    project = evaluators.at_work(world, call)
    case = Application.objects.prefetch_related("projects__body").get(pk=project.application_id)
    assert _CELLS["third_party"](1, case) == body.name
    case.mode = "self"
    assert _CELLS["third_party"](1, case) == ""


def test_a_returned_report_is_signed_anew(world: World, call: Call) -> None:
    """After a correction the old statement does not cover the new report."""
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    case = project.application
    assert case is not None
    filled.fill(world, case)
    evaluators.sign(world, project)
    filled.submit(world, case)
    case.refresh_from_db()
    assert reads.data_of(case.report)
    type(case).objects.filter(pk=case.pk).update(state=State.RETURNED)
    with pytest.raises(WrongState):
        evaluators.sign(world, project)  # not released again
    projects.release(actor=world.actor("applicant"), at=SPRING, reference=project.reference, ends_on=date(2026, 4, 30))
    assert evaluators.sign(world, project).state == ProjectState.REPORTED


# ---- suggestions and follow-up ----------------------------------------------------------------------------------------
def noted(world: World, project: Project, text: str = "建议回收余热", who: str = "evaluator", **given: Any) -> BodyNote:
    about = {"kind": "suggestion", "reference": project.reference, "text": text} | given
    return projects.note(actor=world.actor(who), at=APRIL, **about)


@pytest.mark.clause("HLJ-11")
def test_a_matched_body_suggests_and_follows_up_and_unit_and_authority_see_it(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    first = noted(world, project)
    then = noted(world, project, "余热锅炉已投用", kind="follow_up", to=first.pk)
    assert (first.unit, first.body, then.to) == (world.org, project.body, first)
    chain = AuditEntry.objects.filter(action="project.noted")
    assert {(one.subject_kind, one.subject_id) for one in chain} == {
        ("case", str(project.application_id)),
        ("organisation", str(project.body_id)),
    }
    assert Notification.objects.filter(kind="project.noted", channel="portal").exists()
    for who in ("evaluator", "applicant", "county_handler", "city_approver", "province_handler"):
        page = world.client(who).get("/notes/").content.decode()
        assert "建议回收余热" in page and "余热锅炉已投用" in page, who
    for who in ("rival", "other_county_handler", "other_city_approver"):
        assert "建议回收余热" not in world.client(who).get("/notes/").content.decode(), who


@pytest.mark.authz
def test_the_next_claimant_reads_nothing_of_the_time_before_its_claim(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    first = noted(world, project)
    rows, own = Organisation.objects.filter(pk=world.org.pk), world.actor("applicant")

    def seen() -> tuple[list[BodyNote], list[Project]]:
        return list(BodyNote.objects.visible_to(own)), list(Project.objects.visible_to(own))

    assert seen() == ([first], [project])
    rows.update(claim=Organisation.Claim.CLAIMED, claimed_at=SPRING - timedelta(days=1))  # its own time
    assert seen() == ([first], [project])
    rows.update(claimed_at=APRIL + timedelta(days=1))  # another one's
    assert seen() == ([], [])
    assert "建议回收余热" not in world.client("applicant").get("/notes/").content.decode()
    assert list(BodyNote.objects.visible_to(world.actor("county_handler"))) == [first]
    rows.update(claim=Organisation.Claim.CONFIRMED)
    assert seen() == ([first], [project])


@pytest.mark.authz
@pytest.mark.clause("QHD-4")
def test_a_mandate_for_another_list_sees_no_project(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    Application.objects.filter(pk=project.application_id).update(area_path=world.county.area.path, reached=1)
    official = world.actor("county_handler")
    assert list(Project.objects.visible_to(official)) == [project]
    assert list(Project.objects.visible_to(replace(official, list_kind="factory"))) == [project]
    assert not Project.objects.visible_to(replace(official, list_kind="park")).exists()


@pytest.mark.clause("HLJ-11")
def test_only_the_matched_body_notes_and_only_while_it_is_at_work(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    first = noted(world, project)
    with pytest.raises(NotAllowed):
        noted(world, project, who="applicant")
    with pytest.raises(NotVisible):
        noted(world, project, kind="follow_up", to=first.pk + 1)
    for wrong in ({"text": " "}, {"text": "长" * 2001}, {"kind": "follow_up"}, {"kind": "praise"}):
        with pytest.raises(Invalid):
            noted(world, project, **wrong)
    projects.end(actor=world.actor("applicant"), at=APRIL, reference=project.reference, reason="另请机构")
    with pytest.raises(WrongState):
        noted(world, project)
    assert BodyNote.objects.count() == 1


def test_the_page_notes_and_the_list_costs_the_same_for_many(world: World, call: Call) -> None:
    evaluators.approved(world)
    project = evaluators.at_work(world, call)
    body = world.client("evaluator")
    address = f"/projects/{project.reference}/note/"
    assert body.post(address, {"kind": "suggestion", "to": "", "text": "建议一"}).status_code == 302
    assert body.post(address, {"kind": "suggestion", "to": "", "text": ""}).status_code == 422
    made = BodyNote.objects.get()
    assert body.post(address, {"kind": "follow_up", "to": str(made.pk), "text": "跟踪一"}).status_code == 302
    assert "跟踪一" in body.get(f"/projects/{project.reference}/").content.decode()

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert world.client("county_handler").get("/notes/").status_code == 200
        return len(caught)

    few = cost()
    for number in range(20):
        noted(world, project, f"建议{number}")
    assert cost() == few

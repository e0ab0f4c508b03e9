"""Declaring and submitting: what must hold, what is frozen, one receipt however often it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from applications.models import Application, CheckRun, Figure, ReportVersion, TimelineEntry
from applications.services import calls, checks, submission
from applications.states import State
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Blob, Notification
from greenlist.organisations.models import Organisation
from tests import factories
from tests.applications import filled
from tests.world import World

MAY = datetime.fromisoformat("2026-05-20T10:00:00+08:00")


@pytest.fixture
def call(world: World) -> Any:
    filled.load_rules()
    return filled.open_call(world)


@pytest.fixture
def draft(world: World, call: Any) -> Application:
    return filled.fill(world, filled.start(world, call))


@pytest.mark.clause("QHD-7", "QHD-N3b")
def test_a_complete_report_goes_to_the_county_of_the_site(world: World, draft: Application) -> None:
    receipt = filled.submit(world, draft, at=MAY)
    draft.refresh_from_db()
    assert (draft.state, draft.step, draft.desk) == (State.SCREENING, "county", world.county)
    assert (draft.area_path, draft.reached) == ("/130000/130300/130302/", 1)
    assert receipt.number == draft.number == "130300-2026-0001"
    version = ReportVersion.objects.get(report=draft.report)
    assert (version.declared_by, version.declared_name, version.declared_at) == (world.user("applicant"), "申报人", MAY)
    assert version.digest == receipt.digest
    assert "真实" in version.declaration
    assert draft.rules_digest == draft.call.rules.digest
    assert draft.call_digest == draft.call.digest


@pytest.mark.clause("QHD-7", "QHD-4")
def test_another_county_never_receives_it(world: World, draft: Application) -> None:
    filled.submit(world, draft, at=MAY)
    assert Application.objects.visible_to(world.actor("county_handler")).get() == draft
    assert not Application.objects.visible_to(world.actor("other_county_handler")).exists()
    assert not Application.objects.visible_to(world.actor("city_handler")).exists()  # not sent up yet
    told = Notification.objects.filter(kind="case.submitted").values_list("recipient", flat=True)
    assert set(told) == {world.user("county_handler").pk}


@pytest.mark.clause("QHD-7")
def test_a_site_elsewhere_cannot_start(world: World, call: Any) -> None:
    with pytest.raises(Refused) as refused:
        filled.start(world, call, "other_applicant", "sjz")
    assert (refused.value.code, refused.value.clause) == ("elsewhere", "QHD-8")
    filled.start(world, call, "rival", "rival")


@pytest.mark.clause("QHD-3")
def test_only_the_firm_itself_starts_submits_and_withdraws(world: World, draft: Application) -> None:
    with pytest.raises(NotAllowed):
        filled.start(world, draft.call, "county_handler")
    with pytest.raises(NotVisible):
        filled.submit(world, draft, "rival")
    with pytest.raises(NotVisible):  # a draft is nobody else's
        filled.submit(world, draft, "county_handler")
    filled.submit(world, draft)
    with pytest.raises(NotAllowed):
        filled.submit(world, draft, "county_handler")
    with pytest.raises(NotAllowed):
        submission.withdraw(actor=world.actor("county_handler"), at=MAY, reference=draft.reference, reason="x")
    submission.withdraw(actor=world.actor("colleague"), at=MAY, reference=draft.reference, reason="今年不再申报")
    draft.refresh_from_db()
    assert draft.state == State.WITHDRAWN


@pytest.mark.clause("QHD-N3b")
@pytest.mark.parametrize(
    ("given", "field"), [({"agreed": False}, "agreed"), ({"declared_name": "  "}, "declared_name")]
)
def test_nothing_is_submitted_without_the_declaration(
    world: World, draft: Application, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as invalid:
        filled.submit(world, draft, **given)
    assert field in invalid.value.problems
    draft.refresh_from_db()
    assert (draft.state, draft.number) == (State.DRAFT, "")
    assert not ReportVersion.objects.exists()
    filled.submit(world, draft)


@pytest.mark.clause("QHD-N3b")
def test_only_what_was_read_can_be_declared(world: World, draft: Application) -> None:
    seen = filled.digest_of(draft)
    from applications.services import drafts

    drafts.save_section(
        actor=world.actor("colleague"),
        at=MAY,
        reference=draft.reference,
        section="conclusion",
        answers={"text": "同事改过的结论"},
        version=1,
    )
    with pytest.raises(Conflict):
        filled.submit(world, draft, digest=seen)
    filled.submit(world, draft)


@pytest.mark.clause("QHD-5.0", "QHD-5.1", "QHD-5.2", "QHD-5.5", "QHD-5.6", "QHD-5.9")
@pytest.mark.parametrize("number", range(1, 10))
def test_each_basic_condition_needs_statement_and_evidence(world: World, call: Any, number: int) -> None:
    from applications.selectors import drafts as reads

    case = filled.start(world, call)
    fields = [one for one in reads.form_of(case).section("conditions").fields if one.clause == f"QHD-5.{number}"]
    assert [one.type.value for one in fields] == ["longtext", "file"]
    filled.fill(world, case, without=[f"conditions.{one.key}" for one in fields])
    with pytest.raises(Invalid) as invalid:
        filled.submit(world, case)
    assert set(invalid.value.problems) == {f"conditions.{one.key}" for one in fields}


@pytest.mark.clause("QHD-5.3", "QHD-5.8")
def test_own_figures_and_the_comparison_with_its_source_are_asked(world: World, call: Any) -> None:
    left_out = {"economy.annual", "economy.comparison", "economy.comparison_source"}
    left_out |= {f"{part}.reference" for part in ("land", "material", "production", "waste", "energy")}
    left_out |= {f"{part}.reference_source" for part in ("land", "material", "production", "waste", "energy")}
    case = filled.fill(world, filled.start(world, call), without=left_out)
    with pytest.raises(Invalid) as invalid:
        filled.submit(world, case)
    assert set(invalid.value.problems) == left_out


@pytest.mark.clause("QHD-5.7")
def test_a_missing_certificate_alone_never_blocks(world: World, call: Any) -> None:
    case = filled.fill(world, filled.start(world, call))
    from applications.selectors import drafts as reads

    shown = reads.draft_of(case, reads.form_of(case)).data["systems"]["list"]
    assert {row["proof"] for row in shown} == {"documents"}  # no certificate at all
    filled.submit(world, case)


@pytest.mark.clause("QHD-5.8")
def test_figures_are_kept_in_base_units(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    area = Figure.objects.get(key="basic.site_area")
    assert (area.unit, area.value) == ("m2", 1000000)  # 100 hm²
    assert Figure.objects.filter(key="land.output").exists()
    assert not Figure.objects.exclude(site=world.site).exists()


@pytest.mark.clause("QHD-N3c")
@pytest.mark.parametrize("tier", ["province", "nation"])
def test_a_higher_title_blocks_and_is_named(world: World, draft: Application, tier: str) -> None:
    title = factories.title(world.site, tier, listing="第三批国家级绿色工厂名单")
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, draft, at=MAY)
    (finding,) = blocked.value.findings
    assert (finding.clause, finding.evidence) == ("QHD-N3c", ("第三批国家级绿色工厂名单",))
    assert "第三批国家级绿色工厂名单" in str(blocked.value.message)
    draft.refresh_from_db()
    assert (draft.state, draft.number, draft.revision) == (State.DRAFT, "", 0)
    assert not ReportVersion.objects.exists()
    run = CheckRun.objects.get(application=draft)  # what was found stays known
    assert (run.point, run.outcome) == ("apply", "block")
    title.delete()
    filled.submit(world, draft, at=MAY)


@pytest.mark.clause("QHD-N0", "QHD-N3c")
def test_a_call_that_drops_the_rule_lets_the_holder_apply(world: World) -> None:
    filled.load_rules()
    factories.title(world.site, "province")
    call = filled.open_call(world, layer={"N3c": "drop"})
    filled.submitted(world, call)
    run = CheckRun.objects.get()
    assert "QHD-N3c" not in {one["clause"] for one in run.findings}


@pytest.mark.clause("QHD-N0")
def test_a_finding_says_whether_guide_or_notice_made_it(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    layers = {one["clause"]: one["layer"] for one in CheckRun.objects.get().findings}
    assert layers["QHD-N3c"] == "call"
    assert layers["QHD-5.4"] == layers["QHD-5.1"] == "guide"


@pytest.mark.clause("QHD-5.1", "QHD-6")
@pytest.mark.parametrize(("field", "value"), [("independent_accounting", False), ("manufacturing", False)])
def test_who_does_not_manufacture_on_its_own_account_is_barred(
    world: World, draft: Application, field: str, value: bool
) -> None:
    Organisation.objects.filter(pk=world.org.pk).update(**{field: value})
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, draft)
    assert {one.clause for one in blocked.value.findings} == {"QHD-5.1"}
    Organisation.objects.filter(pk=world.org.pk).update(**{field: not value})
    filled.submit(world, draft)


@pytest.mark.clause("QHD-5.1")
def test_registered_elsewhere_is_barred(world: World, draft: Application) -> None:
    Organisation.objects.filter(pk=world.org.pk).update(area=world.areas["130104"])
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, draft)
    assert [one.rule for one in blocked.value.findings] == ["eligibility.registered"]


@pytest.mark.clause("QHD-5.4")
@pytest.mark.parametrize(
    ("kind", "severity", "day", "barred"),
    [
        ("safety", 2, "2025-06-01", True),
        ("cyber", 3, "2024-01-01", True),
        ("environment", 1, "2025-06-01", False),  # 一般 does not block
        ("quality", 2, "2023-05-19", False),  # more than three years ago
        ("quality", 2, "2023-05-21", True),
        ("tax_offence", 0, "2024-06-01", True),
        ("other_offence", 0, "2022-06-01", False),
        ("serious_dishonesty", 0, "2019-01-01", True),  # still on the list
    ],
)
def test_accidents_and_dishonesty_within_three_years(
    world: World, draft: Application, kind: str, severity: int, day: str, barred: bool
) -> None:
    record = factories.adverse(world.org, kind, datetime.fromisoformat(day).date(), severity, source="信用中国")
    if not barred:
        filled.submit(world, draft, at=MAY)
        return
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, draft, at=MAY)
    (finding,) = blocked.value.findings
    assert finding.clause == "QHD-5.4"
    assert "信用中国" in "".join(finding.evidence)
    record.delete()
    filled.submit(world, draft, at=MAY)


def test_a_record_entered_under_the_code_alone_counts(world: World, draft: Application) -> None:
    factories.adverse(world.org, "safety", MAY.date(), 3, source="应急管理部通报")
    from greenlist.organisations.models import AdverseRecord

    AdverseRecord.objects.update(organisation=None)
    with pytest.raises(checks.Blocked):
        filled.submit(world, draft, at=MAY)


@pytest.mark.clause("QHD-N2b")
def test_a_priority_industry_is_a_badge(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    draft.refresh_from_db()
    assert draft.priority == 1  # 3911 is electronics
    assert [badge["clause"] for badge in draft.badges] == ["QHD-N2b"]
    assert draft.badges[0]["zh"] == "新一代电子信息"


@pytest.mark.clause("QHD-N2b")
def test_any_other_industry_applies_just_as_well(world: World, call: Any) -> None:
    Organisation.objects.filter(pk=world.org.pk).update(industry=factories.industry("3011", "水泥制造"))
    case = filled.submitted(world, call)
    assert (case.state, case.priority, case.badges) == (State.SCREENING, 9, [])


def test_an_unconfirmed_claim_allows_a_draft_and_nothing_more(world: World, call: Any) -> None:
    Organisation.objects.filter(pk=world.org.pk).update(claim=Organisation.Claim.CLAIMED, claimed_at=filled.SPRING)
    case = filled.fill(world, filled.start(world, call))
    with pytest.raises(Refused) as refused:
        filled.submit(world, case)
    assert refused.value.code == "claim_not_confirmed"
    Organisation.objects.filter(pk=world.org.pk).update(claim=Organisation.Claim.CONFIRMED)
    filled.submit(world, case)


@pytest.mark.clause("QHD-N4b")
def test_the_last_day_counts_to_midnight_in_china(
    world: World, draft: Application, at: Callable[[str], datetime]
) -> None:
    with pytest.raises(Refused) as refused:
        filled.submit(world, draft, at=at("2026-06-01 00:00"))
    assert (refused.value.code, refused.value.clause) == ("too_late", "QHD-N4b")
    filled.submit(world, draft, at=at("2026-05-31 23:59:59"))


@pytest.mark.clause("QHD-N4b")
@pytest.mark.case("WF-09")
def test_each_submission_is_judged_by_what_was_decided_at_its_moment(
    world: World, draft: Application, at: Callable[[str], datetime]
) -> None:
    calls.extend(
        actor=world.actor("city_approver"),
        at=at("2026-06-01 09:00"),
        pk=draft.call_id,
        step="send",
        new_day=at("2026-06-15").date(),
        reason="受理系统检修",
    )
    with pytest.raises(Refused):  # received before the extension, committed after it
        filled.submit(world, draft, at=at("2026-06-01 08:59"))
    filled.submit(world, draft, at=at("2026-06-01 09:01"))
    entry = TimelineEntry.objects.get(application=draft, verb="submit")
    assert entry.data["deadline"] == "2026-06-15"


@pytest.mark.clause("QHD-N4b")
def test_a_county_may_set_an_earlier_day_for_its_firms(
    world: World, draft: Application, at: Callable[[str], datetime]
) -> None:
    county = world.actor("county_approver")
    day = at("2026-05-20").date()
    with pytest.raises(Invalid):  # not after its own
        calls.set_local_day(actor=county, at=MAY, pk=draft.call_id, new_day=at("2026-06-01").date())
    calls.set_local_day(actor=county, at=MAY, pk=draft.call_id, new_day=day)
    draft.refresh_from_db()
    assert draft.due_on == day
    with pytest.raises(Refused):
        filled.submit(world, draft, at=at("2026-05-21 00:00"))
    elsewhere = filled.fill(world, filled.start(world, draft.call, "rival", "rival"), "rival")
    filled.submit(world, elsewhere, "rival", at=at("2026-05-21 00:00"))
    filled.submit(world, draft, at=at("2026-05-20 23:59"))


def test_a_closed_call_takes_nothing(world: World, draft: Application) -> None:
    calls.close(actor=world.actor("city_approver"), at=MAY, pk=draft.call_id)
    with pytest.raises(Refused) as refused:
        filled.submit(world, draft, at=MAY)
    assert refused.value.code == "call_closed"
    with pytest.raises(WrongState):
        filled.start(world, draft.call, "rival", "rival")


@pytest.mark.case("WF-07")
def test_a_file_that_is_not_scanned_is_never_submitted(world: World, draft: Application) -> None:
    blob = Blob.objects.order_by("pk").first()
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.WAITING)
    with pytest.raises(Refused) as refused:
        filled.submit(world, draft)
    assert refused.value.code == "file_not_checked"
    assert blob.name in str(refused.value.message)
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.CLEAN)
    filled.submit(world, draft)


@pytest.mark.case("WF-03")
def test_the_second_submission_gets_the_first_receipt(world: World, draft: Application) -> None:
    digest = filled.digest_of(draft)
    first = filled.submit(world, draft, digest=digest)
    second = filled.submit(world, draft, "colleague", at=MAY, digest=digest)
    assert second == first
    assert ReportVersion.objects.count() == 1
    with pytest.raises(WrongState):
        filled.submit(world, draft, digest="0" * 64)


@pytest.mark.case("WF-03")
@pytest.mark.race
def test_twenty_submissions_at_once_give_one_number(
    race_world: World, run_threads: Callable[..., list[Any]], settings: Any
) -> None:
    filled.load_rules()
    call = filled.open_call(race_world)
    case = filled.fill(race_world, filled.start(race_world, call))
    digest = filled.digest_of(case)
    actor = race_world.actor("applicant")

    def send(number: int) -> Any:
        return submission.submit(
            actor=actor, at=MAY, reference=case.reference, digest=digest, declared_name="申报人", agreed=True
        )

    receipts = run_threads(20, send)
    assert {type(one) for one in receipts} == {submission.Receipt}, receipts
    assert len(set(receipts)) == 1
    assert ReportVersion.objects.count() == 1
    assert TimelineEntry.objects.filter(verb="submit").count() == 1


@pytest.mark.case("WF-09")
@pytest.mark.race
def test_a_day_moved_while_firms_submit(race_world: World, run_threads: Callable[..., list[Any]]) -> None:
    filled.load_rules()
    call = filled.open_call(race_world)
    firms = ["applicant", "rival"]
    cases = [
        filled.fill(race_world, filled.start(race_world, call, who, site), who)
        for who, site in zip(firms, ["org", "rival"], strict=True)
    ]
    late = datetime.fromisoformat("2026-06-01T00:00:01+08:00")
    digests = [filled.digest_of(case) for case in cases]

    def act(number: int) -> Any:
        if number == 2:
            new = datetime.fromisoformat("2026-06-10T00:00:00+08:00").date()
            actor = race_world.actor("city_approver")
            return calls.extend(actor=actor, at=late, pk=call.pk, step="send", new_day=new, reason="顺延")
        actor = race_world.actor(firms[number])
        given = {"declared_name": "申报人", "agreed": True, "digest": digests[number]}
        return submission.submit(actor=actor, at=late, reference=cases[number].reference, **given)

    outcomes = run_threads(3, act)
    for outcome in outcomes[
        :2
    ]:  # before the extension was written: refused for the day; after it: taken, both recorded
        assert isinstance(outcome, submission.Receipt) or getattr(outcome, "code", "") == "too_late", outcome
    for entry in TimelineEntry.objects.filter(verb="submit"):
        assert entry.data["deadline"] == "2026-06-10"


def test_everything_is_in_the_trail(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    entry = AuditEntry.objects.get(subject_kind="case", subject_id=str(draft.pk), action="case.submit")
    data = entry.payload.data
    assert data["digest"] == ReportVersion.objects.get().digest
    assert data["actor"]["name"] == "申报人"


@pytest.mark.case("WF-17")
def test_a_newer_version_of_the_rules_leaves_submitted_cases_alone(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    version = ReportVersion.objects.get()
    before = (version.digest, version.data)
    from greenlist.policy.models import RuleSetVersion

    old = draft.call.rules
    RuleSetVersion.objects.create(
        rule_set=old.rule_set,
        number=old.number + 1,
        digest="f" * 64,
        canonical=old.canonical,
        sources=old.sources,
        loaded_at=MAY,
    )
    draft.refresh_from_db()
    version.refresh_from_db()
    assert draft.call.rules == old
    assert (version.digest, version.data) == before


def test_withdrawing_a_submitted_case_needs_a_reason_and_tells_the_desk(world: World, draft: Application) -> None:
    filled.submit(world, draft)
    actor = world.actor("applicant")
    with pytest.raises(Invalid):
        submission.withdraw(actor=actor, at=MAY, reference=draft.reference)
    with pytest.raises(Conflict):
        submission.withdraw(actor=actor, at=MAY, reference=draft.reference, reason="转产", revision=0)
    submission.withdraw(actor=actor, at=MAY, reference=draft.reference, reason="转产", revision=1)
    assert Notification.objects.filter(kind="case.withdrawn", recipient=world.user("county_handler")).exists()
    again = filled.start(world, draft.call)
    assert again.pk != draft.pk


@pytest.mark.clause("SJZ-noN", "SJZ-all")
def test_shijiazhuang_has_none_of_the_notice_rules(world: World) -> None:
    filled.load_rules()
    factories.title(world.sites["sjz"], "province")
    call = filled.open_call(world, "shijiazhuang")
    case = filled.submitted(world, call, "other_applicant", "sjz")
    assert (case.state, case.desk, case.badges) == (State.SCREENING, world.authorities["130104"], [])
    findings = CheckRun.objects.get().findings
    assert {one["clause"].partition("-")[0] for one in findings} == {"SJZ"}
    version = ReportVersion.objects.get()
    assert version.declaration  # the portal asks for it, cited as no clause
    from applications import selectors

    assert selectors.rules_of(call).declaration.clause == ""
    assert "cover" not in version.data["sections"]


@pytest.mark.clause("SJZ-all")
@pytest.mark.parametrize(("kind", "severity"), [("safety", 2), ("tax_offence", 0), ("serious_dishonesty", 0)])
def test_shijiazhuang_bars_by_its_own_article(world: World, kind: str, severity: int) -> None:
    filled.load_rules()
    call = filled.open_call(world, "shijiazhuang")
    case = filled.fill(world, filled.start(world, call, "other_applicant", "sjz"), "other_applicant")
    record = factories.adverse(world.orgs["sjz"], kind, MAY.date(), severity)
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, case, "other_applicant", at=MAY)
    assert blocked.value.clause == "SJZ-5.4"
    record.delete()
    filled.submit(world, case, "other_applicant", at=MAY)


def test_a_person_in_another_capacity_is_nobody_here(world: World, draft: Application) -> None:
    actor = replace(world.actor("applicant"), organisation_id=world.orgs["rival"].pk)
    with pytest.raises(NotVisible):
        submission.withdraw(actor=actor, at=MAY, reference=draft.reference)


@pytest.mark.clause("QHD-6", "SJZ-all")
@pytest.mark.parametrize("place", ["qinhuangdao", "shijiazhuang"])
def test_the_firm_evaluates_itself_no_other_way_is_offered(world: World, place: str) -> None:
    from applications import selectors
    from greenlist.policy import engine
    from greenlist.policy.engine.types import NotOffered

    filled.load_rules()
    call = filled.open_call(world, place)
    bound = selectors.rules_of(call)
    with pytest.raises(NotOffered) as refused:
        engine.route(bound, "factory", "body")
    assert refused.value.clause == bound.header.clause.partition("-")[0] + "-6"
    who, site = {"qinhuangdao": ("applicant", "org"), "shijiazhuang": ("other_applicant", "sjz")}[place]
    case = filled.submitted(world, call, who, site)
    assert case.report.mode == "self"


@pytest.mark.clause("SJZ-4", "SJZ-all")
def test_a_county_level_city_receives_its_own_firms(world: World) -> None:
    filled.load_rules()
    call = filled.open_call(world, "shijiazhuang")
    there = factories.site(world.orgs["sjz"], world.areas["130183"], "晋州厂区")
    world.sites["jinzhou"] = there
    case = filled.submitted(world, call, "other_applicant", "jinzhou")
    assert case.desk == world.authorities["130183"]
    outside = factories.site(
        world.orgs["sjz"], world.areas["130682"], "定州厂区"
    )  # acts as a city, reports to the province
    world.sites["dingzhou"] = outside
    with pytest.raises(Refused) as refused:
        filled.start(world, call, "other_applicant", "dingzhou")
    assert refused.value.code == "elsewhere"

"""Scores on the pages: what an applicant may see, what a reviewer may change, and that both values stay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Judgement
from applications.selectors import calls, cases, drafts, review, scores
from applications.services import judging
from applications.services import screening as county
from greenlist.accounts import selectors as accounts
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry
from tests import factories
from tests.applications import filled, standards
from tests.world import World

ROW = "energy.renewable"


def draft(world: World, edition: str = "factory-2025", **figures: Any) -> Application:
    standards.load()
    case = filled.start(world, filled.open_call(world, values={"edition": edition}))
    filled.fill(world, case)
    return case


@pytest.fixture
def case(world: World) -> Application:
    """Declared with everything filled in, at the county's desk."""
    found = draft(world)
    filled.submit(world, found)
    return Application.objects.select_related("report", "call__rules").get(pk=found.pk)


def judge(world: World, case: Application, who: str = "county_handler", row: str = ROW, **given: Any) -> Judgement:
    note = given.pop("note", "按绿证核减")
    return judging.judge(
        actor=world.actor(who), at=filled.SPRING, reference=case.reference, row=row, note=note, **given
    )


def shown(world: World, case: Application, who: str) -> scores.Scores:
    page = cases.case_page(world.actor(who), case.reference, "report", filled.SPRING)
    assert page.scores is not None
    return page.scores


def row_of(found: scores.Scores, path: str = ROW) -> scores.RowShown:
    return next(row for group in found.groups for row in group.rows if row.path == path)


# ---- what an applicant sees ---------------------------------------------------------------------------------------------
def hidden_words() -> set[str]:
    """Figures that stand only in the criteria: reference values and odd points of factory-2025."""
    return {"33.03", "92.22", "86.1", "3.67", "11.9", "0.57", "1.12"}


def test_hidden_figures_stand_in_nothing_the_applicant_gets(world: World) -> None:
    case = draft(world)
    client = world.client("applicant")
    keys = [one.key for one in drafts.form_of(case, calls.rules_of(case.call)).sections]
    pages = [reverse("applications:section", args=[case.reference, key]) for key in keys]
    pages += [reverse("applications:check", args=[case.reference]), reverse("applications:case", args=[case.reference])]
    for page in pages:
        body = client.get(page).content.decode()
        assert not {word for word in hidden_words() if word in body}, page
        assert "引领值 →" not in body
        assert 'data-computed="score:' not in body
    schema = client.get(reverse("api:form_schema", args=[case.report.form_digest])).content.decode()
    assert not {word for word in hidden_words() if word in schema}
    section = reverse("applications:section", args=[case.reference, "c_land"])
    saved = client.post(section, {"changed": "", "version": "9"}, headers={"X-Requested-With": "autosave"}).content
    assert b"score:" not in saved


def test_an_official_sees_what_the_applicant_does_not(world: World, case: Application) -> None:
    body = world.client("county_handler").get(reverse("applications:review", args=[case.reference])).content.decode()
    assert {word for word in hidden_words() if word in body} >= {"92.22", "86.1", "3.67"}
    theirs, own = shown(world, case, "county_handler"), shown(world, case, "applicant")
    assert (row_of(theirs).full, row_of(theirs).lead != "") == ("8", True)
    assert (row_of(own).full, row_of(own).lead, row_of(own).points, own.total) == ("", "", "", "")


def test_where_nothing_is_hidden_the_applicant_sees_its_score_while_typing(world: World) -> None:
    case = draft(world, "factory-2018")
    client = world.client("applicant")
    page = reverse("applications:section", args=[case.reference, "c_infrastructure"])
    assert 'data-computed="score:infrastructure.building_must"' in client.get(page).content.decode()
    version = drafts.draft_of(case, drafts.form_of(case)).rows["c_infrastructure"].version
    saved = client.post(
        page,
        {"building_must": "no", "version": str(version), "changed": "building_must"},
        headers={"X-Requested-With": "autosave"},
    ).json()
    assert saved["computed"]["score:infrastructure.building_must"] == "0"
    assert Decimal(saved["computed"]["score:total"]) < 100


def test_the_score_is_kept_with_what_was_declared(world: World, case: Application) -> None:
    version = case.report.versions.get()
    assert version.score["criteria"] == case.report.criteria.digest
    assert version.score["rows"][ROW]["full"] == "8"


# ---- what a reviewer does -----------------------------------------------------------------------------------------------
def test_a_corrected_value_counts_and_both_values_stay(world: World, case: Application) -> None:
    before = row_of(shown(world, case, "county_handler"))
    made = judge(world, case, values={"value": "2.155"})
    after = row_of(shown(world, case, "county_handler"))
    assert (after.value, after.declared, after.note) == ("2.155", before.value, "按绿证核减")
    assert after.points != before.points
    assert (made.values, made.declared) == ({"value": "2.155"}, {"value": made.declared["value"]})
    assert case.report.versions.get().score["rows"][ROW]["value"] == made.declared["value"]
    entry = AuditEntry.objects.filter(action="case.row_judged").latest("pk")
    assert entry.payload.data["note"] == "按绿证核减"


def test_a_row_set_aside_leaves_the_rest(world: World, case: Application) -> None:
    judge(world, case, applies=False, note="无此工序")
    assert row_of(shown(world, case, "county_handler")).state == "not_applicable"
    judge(world, case, note="撤回前次意见")
    assert row_of(shown(world, case, "county_handler")).state != "not_applicable"
    assert Judgement.objects.filter(report=case.report).count() == 2


def test_points_by_hand_for_a_row_that_is_told_in_words(world: World, case: Application) -> None:
    row = "resources.material_saved"
    assert row_of(shown(world, case, "county_handler"), row).state == "by_hand"
    judge(world, case, row=row, points="3.5", note="案例充分")
    assert row_of(shown(world, case, "county_handler"), row).points == "3.5"


WITHOUT_SENSE: list[tuple[str, dict[str, Any], str]] = [
    (ROW, {"values": {"value": "3"}, "note": " "}, "note"),
    (ROW, {"values": {"value": "三"}}, "value"),
    (ROW, {"values": {"y1": "3"}}, "y1"),
    (ROW, {"points": "3"}, "points"),
    ("resources.material_saved", {"points": "4.01"}, "points"),
    ("resources.material_saved", {"points": "-1"}, "points"),
    ("resources.material_saved", {"points": "1.005"}, "points"),
    (ROW, {"applies": False, "note": "长" * 501}, "note"),
]


def test_a_judgement_without_reason_or_sense_is_refused(world: World, case: Application) -> None:
    for row, given, field in WITHOUT_SENSE:
        with pytest.raises(Invalid) as refused:
            judge(world, case, row=row, **given)
        assert field in refused.value.problems
    assert not Judgement.objects.exists()


def test_only_the_handler_at_the_desk_judges(world: World, case: Application) -> None:
    denied = {"county_approver": NotAllowed, "applicant": NotAllowed}
    for who, refusal in {**denied, "other_county_handler": NotVisible, "city_handler": NotVisible}.items():
        with pytest.raises(refusal):
            judge(world, case, who=who, applies=False)
    assert not Judgement.objects.exists()
    judge(world, case, applies=False)


def test_unknown_rows_and_drafts_cannot_be_judged(world: World, case: Application) -> None:
    with pytest.raises(NotVisible):
        judge(world, case, row="energy.nothing", applies=False)
    give_back(world, case)
    with pytest.raises(WrongState):
        judge(world, case, applies=False)


def give_back(world: World, case: Application) -> None:
    county.return_for_correction(
        actor=world.actor("county_handler"), at=filled.SPRING, reference=case.reference,
        reason="请核对可再生能源数据", fields=["c_inputs.energy_table"],
    )  # fmt: skip


def test_the_applicant_sees_the_reason_once_the_county_is_done(world: World, case: Application) -> None:
    judge(world, case, values={"value": "2.155"})
    assert row_of(shown(world, case, "applicant")).note == ""
    give_back(world, case)
    own = row_of(shown(world, case, "applicant"))
    assert (own.note, own.value, own.is_corrected, own.points) == ("按绿证核减", "2.155", True, "")
    assert own.declared


def test_a_judgement_falls_when_the_applicant_changes_what_was_judged(world: World, case: Application) -> None:
    from applications.services import drafts as services

    judge(world, case, values={"value": "2.155"})
    give_back(world, case)
    form = drafts.form_of(case)
    version = drafts.draft_of(case, form).rows["c_inputs"].version
    services.save_section(
        actor=world.actor("applicant"), at=filled.SPRING, reference=case.reference,
        section="c_inputs", answers={"energy_table": [{"item": "other", "amount": "7"}]}, version=version,
    )  # fmt: skip
    filled.submit(world, case)
    found = row_of(shown(world, case, "county_handler"))
    assert (found.is_outdated, found.is_corrected, found.note) == (True, False, "按绿证核减")


# ---- the pages -------------------------------------------------------------------------------------------------------------
def test_the_row_page_judges_and_leads_back(world: World, case: Application) -> None:
    client = world.client("county_handler")
    address = reverse("applications:review_row", args=[case.reference, ROW])
    page = client.get(address).content.decode()
    assert "renewable_evidence.png" in page
    wrong = client.post(address, {"value-value": "abc", "note": "x"})
    assert (wrong.status_code, "请填写数字" in wrong.content.decode()) == (422, True)
    done = client.post(address, {"value-value": "2.155", "note": "按绿证核减"})
    assert done.status_code == 302
    assert done["Location"].endswith("#scores")
    assert "按绿证核减" in client.get(reverse("applications:review", args=[case.reference])).content.decode()
    assert "2.155" in client.get(address).content.decode()


def test_a_place_without_indicators_shows_no_scores(world: World) -> None:
    filled.load_rules()
    case = filled.submitted(world, filled.open_call(world))
    assert review.page(world.actor("county_handler"), case.reference).scores is None
    answer = world.client("county_handler").get(reverse("applications:review_row", args=[case.reference, ROW]))
    assert answer.status_code == 404


@pytest.mark.authz
def test_who_judged_a_row_prepared_the_conclusion_and_cannot_sign(world: World, case: Application) -> None:
    """A corrected value moves the score: its author is one of the two people, also with an approver's mandate."""
    both = factories.person()
    handler = accounts.actor_of(factories.mandate(both, "handler", world.county))
    approver = accounts.actor_of(factories.mandate(both, "approver", world.county))
    given: dict[str, Any] = {"at": filled.SPRING, "reference": case.reference}
    judging.judge(actor=handler, row=ROW, note="按绿证核减", values={"value": "1"}, **given)
    asked = [one.point.key for one in review.page(world.actor("county_handler"), case.reference).questions]
    county.save_findings(
        actor=world.actor("county_handler"), verdicts={key: county.Given("no", "不符") for key in asked}, **given
    )
    county.propose(actor=world.actor("county_handler"), outcome="reject", opinion="不予推荐", **given)
    assert review.page(world.actor("county_approver"), case.reference).why_not_sign == ""
    assert review.page(approver, case.reference).why_not_sign != ""
    with pytest.raises(NotAllowed):
        county.sign(actor=approver, **given)
    county.sign(actor=world.actor("county_approver"), **given)

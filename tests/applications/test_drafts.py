"""A report in the making: prefilled, saved section by section, two editors, files beside fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application, Evidence, Figure, Section
from applications.selectors import drafts as reads
from applications.services import drafts
from applications.states import State
from greenlist.core.errors import Invalid, NotVisible, WrongState
from greenlist.organisations.models import Site
from tests import factories
from tests.applications import filled
from tests.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+08:00")
AUTOSAVE = {"X-Requested-With": "autosave"}


@pytest.fixture
def call(world: World) -> Any:
    filled.load_rules()
    return filled.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    return filled.start(world, call)


def save(world: World, case: Application, who: str = "applicant", version: int = 0, **answers: Any) -> drafts.Saved:
    return drafts.save_section(
        actor=world.actor(who), at=NOON, reference=case.reference, section="basic", answers=answers, version=version
    )


def url(case: Application, section: str = "basic") -> str:
    return reverse("applications:section", args=[case.reference, section])


# ---- start ----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N3a")
def test_a_new_report_starts_with_what_the_profile_knows(world: World, case: Application) -> None:
    data = reads.draft_of(case, reads.form_of(case)).data["basic"]
    assert data["name"] == world.org.name
    assert data["code"] == world.org.code
    assert data["founded_on"] == "2010-05-01"
    assert data["contact_phone"] == "13800000000"
    assert (case.state, case.reached, case.number) == (State.DRAFT, 0, "")


def test_starting_twice_gives_the_same_draft(world: World, call: Any, case: Application) -> None:
    assert filled.start(world, call, "colleague") == case
    assert Application.objects.count() == 1


@pytest.mark.race
def test_two_colleagues_start_at_once(race_world: World, run_threads: Callable[..., list[Any]]) -> None:
    filled.load_rules()
    call = filled.open_call(race_world)
    actors = [race_world.actor("applicant"), race_world.actor("colleague")]
    site = race_world.site.pk
    found = run_threads(2, lambda n: drafts.start(actor=actors[n], at=NOON, call_id=call.pk, site_id=site).pk)
    assert len(set(found)) == 1, found
    assert Application.objects.count() == 1


def test_last_years_figures_are_shown_beside_the_fields_and_filled_in_nowhere(world: World, case: Application) -> None:
    filled.fill(world, case)
    filled.submit(world, case)
    next_call = filled.open_call(world, year=2027, values={"county_by": "2027-05-31"}, at=NOON)
    later = datetime.fromisoformat("2027-02-01T09:00:00+08:00")
    again = filled.start(world, next_call, at=later)
    data = reads.draft_of(again, reads.form_of(again)).data
    assert not data["conditions"], "words are taken over on a page of their own (test_prefilling)"
    assert "site_area" not in data["basic"]
    page = world.client("applicant").get(url(again))
    assert Figure.objects.filter(key="basic.site_area").exists()
    assert "2" in page.content.decode().split("basic")[0]
    known = reads.last_figures(again.report, later)
    assert known["basic.site_area"].year == 2025


@pytest.mark.authz
def test_a_site_that_changed_hands_shows_its_new_owner_no_figures_of_the_former(
    world: World, case: Application
) -> None:
    filled.fill(world, case)
    filled.submit(world, case)
    next_call = filled.open_call(world, year=2027, values={"county_by": "2027-05-31"}, at=NOON)
    later = datetime.fromisoformat("2027-02-01T09:00:00+08:00")
    again = filled.start(world, next_call, at=later)
    assert "basic.site_area" in reads.last_figures(again.report, later)
    sold = world.orgs["rival"]
    Application.objects.filter(pk=again.pk).update(organisation=sold)
    Site.objects.filter(pk=again.site_id).update(organisation=sold, is_default=False)
    assert reads.last_figures(again.report, later) == {}


# ---- save -----------------------------------------------------------------------------------------------------------
def test_a_save_keeps_what_it_does_not_name(world: World, case: Application) -> None:
    saved = save(world, case, ownership="private")
    assert saved.version == 1
    row = Section.objects.get(report=case.report, key="basic")
    assert (row.data["ownership"], row.data["name"], row.updated_by) == (
        "private",
        world.org.name,
        world.user("applicant"),
    )


def test_the_same_text_again_changes_nothing(world: World, case: Application) -> None:
    save(world, case, ownership="private")
    assert save(world, case, "colleague", version=0, ownership="private").version == 1


@pytest.mark.case("WF-06")
def test_an_old_version_never_overwrites(world: World, case: Application) -> None:
    save(world, case, profile="申报人写的简介")
    with pytest.raises(drafts.EditingConflict) as conflict:
        save(world, case, "colleague", version=0, profile="同事写的简介")
    assert conflict.value.theirs["profile"] == "申报人写的简介"
    assert (conflict.value.version, conflict.value.by, conflict.value.at) == (1, "申报人", NOON)
    assert save(world, case, "colleague", version=1, profile="合并后的简介").version == 2


@pytest.mark.case("WF-06")
@pytest.mark.race
def test_two_editors_at_once(race_world: World, run_threads: Callable[..., list[Any]]) -> None:
    filled.load_rules()
    case = filled.start(race_world, filled.open_call(race_world))
    who = ["applicant", "colleague"]
    outcomes = run_threads(2, lambda n: save(race_world, case, who[n], profile=f"{who[n]}的简介"))
    won = [one for one in outcomes if isinstance(one, drafts.Saved)]
    told = [one for one in outcomes if isinstance(one, drafts.EditingConflict)]
    assert (len(won), len(told)) == (1, 1), outcomes
    row = Section.objects.get(report=case.report, key="basic")
    assert row.data["profile"] == told[0].theirs["profile"]


def test_only_the_forms_own_fields_are_taken(world: World, case: Application) -> None:
    with pytest.raises(Invalid):
        save(world, case, nonsense="x")
    with pytest.raises(NotVisible):
        drafts.save_section(
            actor=world.actor("applicant"), at=NOON, reference=case.reference, section="nowhere", answers={}, version=0
        )


@pytest.mark.parametrize("who", ["rival", "county_handler", "city_approver", "expert", "stranger", "administrator"])
def test_a_draft_is_nobody_elses(world: World, case: Application, who: str) -> None:
    save(world, case, "colleague", ownership="private")
    with pytest.raises(NotVisible):
        save(world, case, who, version=1, ownership="state")
    assert world.client(who).get(url(case)).status_code == 404
    assert world.client(who).get(reverse("applications:case", args=[case.reference])).status_code == 404


def test_nothing_is_saved_after_submission(world: World, case: Application) -> None:
    filled.fill(world, case)
    filled.submit(world, case)
    with pytest.raises(WrongState):
        save(world, case, version=1, ownership="state")
    assert world.client("applicant").post(url(case), {"ownership": "state", "version": "1"}).status_code == 409


# ---- pages ----------------------------------------------------------------------------------------------------------
@pytest.mark.case("WF-18")
def test_every_section_shows_its_fields_and_saves_without_a_script(world: World, case: Application) -> None:
    client = world.client("applicant")
    form = reads.form_of(case)
    for number, section in enumerate(form.sections):
        page = client.get(url(case, section.key))
        assert page.status_code == 200
        text = page.content.decode()
        for spec in section.fields:
            assert spec.label.zh.replace("&", "&amp;") in text
        posted = _posted(page, filled.answers(form, section.key))
        answer = client.post(url(case, section.key), posted)
        assert answer.status_code == 302
        following = form.sections[number + 1].key if number + 1 < len(form.sections) else None
        wanted = url(case, following) if following else reverse("applications:check", args=[case.reference])
        assert answer["Location"] == wanted
    case.refresh_from_db()
    left = [one.path for one in reads.draft_of(case, form).problems]
    assert all("evidence" in path for path in left), left  # files are all that is missing


def _posted(page: Any, answers: dict[str, Any]) -> dict[str, str]:
    form = page.context["form"]
    posted = {name: str(form[name].value() or "") for name in form.fields}
    for key, value in answers.items():
        if isinstance(value, list):
            for index, row in enumerate(value):
                posted |= {f"{key}.{index}.{column}": _typed(cell) for column, cell in row.items()}
        else:
            posted[key] = _typed(value)
    return posted


def _typed(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def test_autosave_answers_with_version_values_and_problems(world: World, case: Application) -> None:
    client = world.client("applicant")
    save_economy = {"annual.0.year": "2025", "annual.0.output_value": "12000", "version": "0"}
    client.post(url(case, "economy"), save_economy, headers=AUTOSAVE)
    site = {"table.0.item": "site", "table.0.unit": "mu", "table.0.amount": "45"}
    sent = site | {"reference": "很高", "version": "0", "changed": "table,reference"}
    answer = client.post(url(case, "land"), sent, headers=AUTOSAVE)
    assert answer.status_code == 200
    body = answer.json()
    assert body["version"] == 1
    assert body["computed"]["land.output"] == "4,000.00"  # 12,000 万元 ÷ 45 亩
    assert list(body["problems"]) == ["reference"]
    assert Section.objects.get(report=case.report, key="land").data["reference"] == "很高"  # nothing typed is lost


@pytest.mark.case("WF-06")
def test_the_page_offers_both_texts_with_and_without_a_script(world: World, case: Application) -> None:
    save(world, case, profile="申报人的简介", ownership="state")
    other = world.client("colleague")
    sent = {"profile": "同事的简介", "ownership": "private", "version": "0"}
    answer = other.post(url(case), {**sent, "changed": "profile,ownership"}, headers=AUTOSAVE)
    assert answer.status_code == 409
    body = answer.json()
    assert (body["theirs"]["profile"], body["version"], body["by"]) == ("申报人的简介", 1, "申报人")
    page = other.post(url(case), sent)
    assert page.status_code == 409
    text = page.content.decode()
    assert "申报人的简介" in text and "同事的简介" in text
    chosen = {
        "version": "1",
        "keep-profile": "mine",
        "mine-profile": "同事的简介",
        "keep-ownership": "theirs",
        "mine-ownership": "private",
    }
    assert other.post(url(case), chosen).status_code == 302
    row = Section.objects.get(report=case.report, key="basic")
    assert (row.data["profile"], row.data["ownership"], row.version) == ("同事的简介", "state", 2)


def test_a_table_grows_and_shrinks(world: World, case: Application) -> None:
    client = world.client("applicant")
    people = {f"evaluators.{n}.name": f"人员{n}" for n in range(3)}
    people |= {f"evaluators.{n}.department": "环保部" for n in range(3)}
    answer = client.post(url(case, "conclusion"), {**people, "version": "0", "more": "evaluators"})
    assert answer["Location"].endswith("?more=evaluators#t-evaluators")
    page = client.get(answer["Location"])
    assert 'name="evaluators.7.name"' in page.content.decode()
    people = {name: "" if ".2." in name else value for name, value in people.items()}
    client.post(url(case, "conclusion"), {**people, "version": "1", "stay": "1"})
    rows = Section.objects.get(report=case.report, key="conclusion").data["evaluators"]
    assert [row["name"] for row in rows] == ["人员0", "人员1"]


def test_what_is_typed_is_shown_as_text_and_nothing_else(world: World, case: Application) -> None:
    save(world, case, profile="<script>alert(1)</script>{{ 7 }}")
    text = world.client("applicant").get(url(case)).content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_an_autosave_is_quick(world: World, case: Application, django_assert_max_num_queries: Any) -> None:
    client = world.client("applicant")
    filled.fill(world, case)
    sent = {"profile": "新的简介", "version": "1", "changed": "profile"}
    with django_assert_max_num_queries(15) as caught:  # session, person, two for the capacity; savepoints of the test
        assert client.post(url(case), sent, headers=AUTOSAVE).status_code == 200
    assert _own(caught) <= 9, [one["sql"][:90] for one in caught.captured_queries]


def _own(caught: CaptureQueriesContext) -> int:
    """Queries of the work itself, without the frame of each request and without savepoints."""
    frame = ("django_session", "accounts_user", "accounts_mandate", "organisations_membership", "SAVEPOINT")
    return sum(not any(word in one["sql"] for word in frame) or "applications_" in one["sql"] for one in caught)


def test_a_section_page_costs_the_same_for_a_full_report(world: World, case: Application) -> None:
    from django.db import connection

    client = world.client("applicant")

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url(case, "conditions")).status_code == 200
        return len(caught)

    cost()
    empty = cost()
    filled.fill(world, case)
    assert cost() <= empty


# ---- files ----------------------------------------------------------------------------------------------------------
def add(
    world: World, case: Application, upload: Any, who: str = "applicant", field: str = "registered_evidence"
) -> Evidence:
    return drafts.add_evidence(
        actor=world.actor(who), at=NOON, reference=case.reference, section="conditions", field=field, upload=upload
    )


def test_a_file_is_added_downloaded_and_removed(world: World, case: Application) -> None:
    client = world.client("applicant")
    target = reverse("applications:evidence-add", args=[case.reference, "conditions", "registered_evidence"])
    assert client.post(target, {"file": filled.picture("营业执照.png")}).status_code == 302
    row = Evidence.objects.get()
    there = reverse("applications:evidence", args=[case.reference, row.reference])
    answer = client.get(there)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    assert "attachment" in answer["Content-Disposition"]
    assert world.client("rival").get(there).status_code == 404
    assert world.client("county_handler").get(there).status_code == 404  # a draft
    client.post(reverse("applications:evidence-remove", args=[case.reference, row.reference]))
    row.refresh_from_db()
    assert row.removed_at is not None
    assert client.get(there).status_code == 404


def test_the_county_opens_what_was_submitted(world: World, case: Application) -> None:
    filled.fill(world, case)
    filled.submit(world, case)
    row = Evidence.objects.filter(report=case.report).first()
    there = reverse("applications:evidence", args=[case.reference, row.reference])
    answer = world.client("county_handler").get(there)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    assert world.client("other_county_handler").get(there).status_code == 404
    with pytest.raises(WrongState):
        drafts.remove_evidence(
            actor=world.actor("applicant"), at=NOON, reference=case.reference, evidence=row.reference
        )


def test_a_wrong_file_is_refused_with_its_reason(world: World, case: Application) -> None:
    with pytest.raises(Invalid):
        add(world, case, SimpleUploadedFile("证明.png", b"MZ not a picture"))
    client = world.client("applicant")
    target = reverse("applications:evidence-add", args=[case.reference, "conditions", "registered_evidence"])
    wrong = SimpleUploadedFile("证明.exe", b"MZ")
    answer = client.post(target, {"file": wrong}, headers={"X-Requested-With": "upload"})
    assert answer.status_code == 422
    assert "证明.exe" in json.loads(answer.content)["message"]
    assert not Evidence.objects.exists()


def test_no_more_files_than_the_form_allows(world: World, case: Application) -> None:
    for number in range(10):
        add(world, case, filled.picture(f"{number}.png"))
    with pytest.raises(Invalid):
        add(world, case, filled.picture("11.png"))


def test_a_field_that_takes_no_file(world: World, case: Application) -> None:
    with pytest.raises(NotVisible):
        add(world, case, filled.picture(), field="registered")


def test_a_site_of_another_firm_is_not_there(world: World, call: Any) -> None:
    with pytest.raises(NotVisible):
        drafts.start(actor=world.actor("applicant"), at=NOON, call_id=call.pk, site_id=world.sites["rival"].pk)
    second = factories.site(world.org, world.areas["130322"])
    case = drafts.start(actor=world.actor("applicant"), at=NOON, call_id=call.pk, site_id=second.pk)
    assert case.site == second

"""Taking over what is known: from where, into which year, never over what stands, for nobody but the firm itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Report
from applications.selectors import drafts as reads
from applications.services import drafts, prefilling
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry
from tests.applications import filled
from tests.world import World

LATER = datetime.fromisoformat("2027-02-01T09:00:00+08:00")
ROWS = [
    {"item": "electricity", "amount": "1200", "amount_1": "1100", "amount_2": "1000", "product": "p1"},
    {"item": "diesel", "unit": "kg", "amount": "30000", "own": "42652"},
]


def save(
    world: World, case: Application, section: str, who: str = "applicant", at: datetime = LATER, **given: Any
) -> None:
    version = case.report.sections.get(key=section).version
    drafts.save_section(
        actor=world.actor(who), at=at, reference=case.reference, section=section, answers=given, version=version
    )


@pytest.fixture
def declared(world: World) -> Application:
    """Last year's report: of 2025, declared in spring 2026."""
    filled.load_rules()
    case = filled.fill(world, filled.start(world, filled.open_call(world)))
    save(world, case, "energy", at=filled.SPRING, use=ROWS)
    save(world, case, "economy", at=filled.SPRING, annual=[
        {"year": str(year), "output_value": str(year * 10), "revenue": "1", "profit": "1"} for year in (2023, 2024, 2025)
    ])  # fmt: skip
    filled.submit(world, case)
    return case


@pytest.fixture
def draft(world: World, declared: Application) -> Application:
    """This year's, of 2026."""
    call = filled.open_call(world, year=2027, values={"county_by": "2027-05-31"}, at=filled.SPRING)
    case = filled.start(world, call, at=LATER)
    save(world, case, "basic", year="2026")
    return case


def look(world: World, case: Application, who: str = "applicant", at: datetime = LATER) -> Any:
    return prefilling.look(actor=world.actor(who), at=at, reference=case.reference)[1]


def take(world: World, case: Application, *paths: str, who: str = "applicant") -> Any:
    found = look(world, case, who)
    chosen = paths or [one.path for one in found.rows]
    return prefilling.take(
        actor=world.actor(who), at=LATER, reference=case.reference, paths=chosen, digest=found.digest
    )


def data(case: Application) -> dict[str, Any]:
    return reads.draft_of(case, reads.form_of(case)).data


# ---- what, and where it goes ------------------------------------------------------------------------------------------
def test_a_new_draft_has_the_profile_and_nothing_else_unasked(world: World, draft: Application) -> None:
    assert data(draft)["basic"]["name"] == world.org.name
    assert not data(draft)["conditions"]


def test_words_come_with_their_source_and_only_what_is_chosen(world: World, draft: Application) -> None:
    found = {one.path: one for one in look(world, draft).rows}
    assert "2025" in found["conditions.lawful"].source.told
    take(world, draft, "conditions.lawful")
    assert "情况属实" in data(draft)["conditions"]["lawful"]
    assert list(data(draft)["conditions"]) == ["lawful"]
    assert "conditions.lawful" not in {one.path for one in look(world, draft).rows}


def test_figures_of_last_year_land_in_last_years_column(world: World, draft: Application) -> None:
    take(world, draft, "energy.use", "economy.annual")
    assert data(draft)["energy"]["use"] == [
        {"item": "electricity", "product": "p1", "amount_1": "1200", "amount_2": "1100"},
        {"item": "diesel", "unit": "kg", "amount_1": "30000"},  # the measured heat value was of that year
    ]
    assert [row["year"] for row in data(draft)["economy"]["annual"]] == ["2024", "2025"], "room is left for this year"


def test_a_single_figure_of_an_older_year_is_offered_nowhere(world: World, draft: Application) -> None:
    paths = {one.path for one in look(world, draft).rows}
    assert not paths & {"energy.carbon_other", "production.cod", "basic.year", "land.table"}


def test_declarations_are_given_anew(world: World, draft: Application) -> None:
    form = reads.form_of(draft)
    kinds = {form.field(one.path).type.value for one in look(world, draft).rows}
    assert kinds <= {"text", "longtext", "choice", "calculator", "table"}


def test_what_stands_is_never_overwritten(world: World, draft: Application) -> None:
    save(world, draft, "conditions", lawful="今年新写的")
    save(world, draft, "energy", use=[{"item": "electricity", "product": "p1", "amount": "1300", "amount_2": "999"}])
    take(world, draft)
    assert data(draft)["conditions"]["lawful"] == "今年新写的"
    assert data(draft)["energy"]["use"] == [
        {"item": "electricity", "product": "p1", "amount": "1300", "amount_1": "1200", "amount_2": "999"}
    ]


def test_without_the_year_no_figure_has_a_place(world: World, draft: Application) -> None:
    save(world, draft, "basic", year="")
    found = look(world, draft)
    assert found.year is None
    assert {reads.form_of(draft).field(one.path).type.value for one in found.rows} <= {"text", "longtext", "choice"}


def test_a_figure_of_the_same_year_comes_from_the_application_for_the_lower_list(world: World) -> None:
    """The city's report of 2025 and the nation's of 2025: the same year, the same figures."""
    filled.load_rules()
    city = filled.fill(world, filled.start(world, filled.open_call(world)))
    save(world, city, "basic", at=filled.SPRING, year="2025")
    filled.submit(world, city)
    call = filled.open_call(world, "hebei-national")
    case = filled.start(world, call, at=filled.SPRING)
    save(world, case, "basic", at=filled.SPRING, year="2025")
    found = {one.path: one for one in look(world, case, at=LATER).rows}
    source = found["basic.ownership"].source
    assert (source.kind, source.year) == ("lower", 2025)
    assert "下级" in source.told


def test_where_an_answer_came_from_stays_beside_it_until_it_is_changed(world: World, draft: Application) -> None:
    take(world, draft, "conditions.lawful", "conditions.rules")
    kept = Report.objects.get(pk=draft.report_id).origins["conditions.lawful"]
    assert (kept["kind"], kept["year"]) == ("report", 2025)
    save(world, draft, "conditions", rules="今年改过")
    page = world.client("applicant").get(reverse("applications:section", args=[draft.reference, "conditions"]))
    assert page.content.decode().count("已沿用：") == 1
    entry = AuditEntry.objects.get(subject_kind="case", subject_id=str(draft.pk), action="case.prefilled")
    assert entry.user_id == world.user("applicant").pk


# ---- who and when -----------------------------------------------------------------------------------------------------
def test_a_colleague_may_and_nobody_else(world: World, draft: Application) -> None:
    assert look(world, draft, "colleague").rows
    for who in ("rival", "county_handler", "city_handler", "evaluator"):
        with pytest.raises(NotVisible):
            look(world, draft, who)
        with pytest.raises((NotVisible, NotAllowed)):
            prefilling.take(
                actor=world.actor(who), at=LATER, reference=draft.reference, paths=["conditions.lawful"], digest=""
            )
    assert not data(draft)["conditions"]


def test_only_the_own_sites_reports_are_looked_through(world: World, declared: Application) -> None:
    call = filled.open_call(world, year=2027, values={"county_by": "2027-05-31"}, at=filled.SPRING)
    theirs = filled.start(world, call, "rival", "rival", at=LATER)
    assert look(world, theirs, "rival").sources == ()


def test_other_offers_than_those_looked_at_are_not_taken(world: World, draft: Application) -> None:
    seen = look(world, draft)
    save(world, draft, "conditions", lawful="同事刚写的")
    with pytest.raises(WrongState):
        prefilling.take(
            actor=world.actor("applicant"), at=LATER, reference=draft.reference,
            paths=["conditions.rules"], digest=seen.digest,
        )  # fmt: skip
    with pytest.raises(Invalid):
        take(world, draft, "basic.nothing")


def test_what_was_submitted_is_not_filled_in(world: World, declared: Application) -> None:
    with pytest.raises(WrongState):
        look(world, declared)


def test_the_page_shows_the_offers_and_takes_what_is_ticked(world: World, draft: Application) -> None:
    client, address = world.client("applicant"), reverse("applications:prefill", args=[draft.reference])
    page = client.get(address)
    text = page.content.decode()
    assert "情况属实" in text and "2025" in text
    digest = page.context["offers"].digest
    assert client.post(address, {"digest": digest}).status_code == 422
    assert client.post(address, {"digest": digest, "path": ["conditions.lawful"]}).status_code == 302
    assert "情况属实" in data(draft)["conditions"]["lawful"]
    assert client.post(address, {"digest": digest, "path": ["conditions.rules"]}).status_code == 409

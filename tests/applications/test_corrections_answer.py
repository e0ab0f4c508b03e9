"""Answering a return: only the named fields open, the case goes back to who asked, old and new stand side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Correction, ReportVersion, TimelineEntry
from applications.selectors import cases as case_reads
from applications.selectors import rules_of
from applications.selectors.differing import pieces
from applications.services import drafts, screening
from applications.states import State
from greenlist.core.errors import NotAllowed
from greenlist.core.models import Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Site
from tests.applications import filled
from tests.world import World

MAY = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
LATER = datetime.fromisoformat("2026-05-08T10:00:00+08:00")


@pytest.fixture
def returned(world: World) -> Application:
    filled.load_rules()
    case = filled.submitted(world, filled.open_call(world))
    screening.return_for_correction(
        actor=world.actor("county_handler"),
        at=MAY,
        reference=case.reference,
        fields=["basic.profile", "conditions.lawful_evidence"],
        reason="简介与产品不符；环评批复缺页",
        due_on=date(2026, 5, 12),
    )
    case.refresh_from_db()
    return case


def save(world: World, case: Application, section: str, version: int = 1, **answers: Any) -> drafts.Saved:
    return drafts.save_section(
        actor=world.actor("applicant"),
        at=LATER,
        reference=case.reference,
        section=section,
        answers=answers,
        version=version,
    )


def test_only_the_named_fields_open(world: World, returned: Application) -> None:
    save(world, returned, "basic", profile="更正后的简介")
    with pytest.raises(NotAllowed) as refused:
        save(world, returned, "basic", version=2, ownership="state")
    assert "ownership" in str(refused.value.message)
    with pytest.raises(NotAllowed):
        save(world, returned, "conclusion", text="新的结论")
    with pytest.raises(NotAllowed):
        drafts.add_evidence(
            actor=world.actor("applicant"),
            at=LATER,
            reference=returned.reference,
            section="conditions",
            field="registered_evidence",
            upload=filled.picture(),
        )
    drafts.add_evidence(
        actor=world.actor("applicant"),
        at=LATER,
        reference=returned.reference,
        section="conditions",
        field="lawful_evidence",
        upload=filled.picture("环评批复（完整）.png"),
    )


def test_the_page_shows_the_rest_as_text(world: World, returned: Application) -> None:
    client = world.client("applicant")
    answer = client.get(reverse("applications:fill", args=[returned.reference]))
    assert answer["Location"].endswith("/fill/basic/")
    text = client.get(answer["Location"]).content.decode()
    assert 'name="profile"' in text
    assert 'name="ownership"' not in text
    assert "简介与产品不符" in text
    page = client.post(answer["Location"], {"profile": "更正后的简介", "version": "1"})
    assert page.status_code == 302
    forged = client.post(answer["Location"], {"ownership": "state", "version": "2"})
    assert forged.status_code == 403


def test_the_answer_goes_back_to_who_asked(world: World, returned: Application) -> None:
    number = returned.number
    save(world, returned, "basic", profile="更正后的简介")
    receipt = filled.submit(world, returned, at=LATER)
    returned.refresh_from_db()
    assert (returned.state, returned.step, returned.desk) == (State.SCREENING, "county", world.county)
    assert (receipt.number, receipt.version) == (number, 2)
    correction = Correction.objects.get()
    assert correction.answered_at == LATER
    assert Notification.objects.filter(kind="case.resubmitted", recipient=world.user("county_handler")).exists()
    entry = TimelineEntry.objects.get(verb="resubmit")
    assert entry.data["late"] is False


@pytest.mark.clause("QHD-7")
def test_a_plant_that_moves_does_not_take_the_case_from_who_asked(world: World, returned: Application) -> None:
    organisations.save_site(
        organisation_id=world.org.pk,
        site_id=world.site.pk,
        name=world.site.name,
        address=world.site.address,
        area=world.areas["130322"],
        actor=world.actor("applicant"),
        at=LATER,
    )
    save(world, returned, "basic", profile="更正后的简介")
    filled.submit(world, returned, at=LATER)
    seen = Application.objects.filter(pk=returned.pk)
    assert seen.get().state == State.SCREENING
    assert seen.visible_to(world.actor("county_handler")).exists()
    assert not seen.visible_to(world.actor("other_county_handler")).exists()
    Site.objects.filter(pk=world.site.pk).update(area=world.areas["130104"])
    step = replace(rules_of(returned.call).step(returned.step), by="city")
    assert screening.desk_for(seen.get(), step) == world.city


def test_a_late_answer_is_taken_and_marked(world: World, returned: Application) -> None:
    save(world, returned, "basic", profile="更正后的简介")
    filled.submit(world, returned, at=datetime.fromisoformat("2026-05-13T00:00:00+08:00"))
    assert TimelineEntry.objects.get(verb="resubmit").data["late"] is True


def test_old_and_new_for_the_officials(world: World, returned: Application) -> None:
    save(world, returned, "basic", profile="更正后的简介")
    drafts.add_evidence(
        actor=world.actor("applicant"),
        at=LATER,
        reference=returned.reference,
        section="conditions",
        field="lawful_evidence",
        upload=filled.picture("环评批复（完整）.png"),
    )
    filled.submit(world, returned, at=LATER)
    older, newer = ReportVersion.objects.order_by("number")
    found = {one.path: one for one in case_reads.changes(returned, older, newer)}
    assert set(found) == {"basic.profile", "conditions.lawful_evidence"}
    assert found["basic.profile"].new == "更正后的简介"
    assert "环评批复（完整）.png" in found["conditions.lawful_evidence"].new
    page = reverse("applications:case-changes", args=[returned.reference, 2])
    assert "更正后的简介" in world.client("county_handler").get(page).content.decode()
    assert world.client("other_county_handler").get(page).status_code == 404


def test_the_difference_is_marked_inside_the_text_and_rows_name_their_columns(
    world: World, returned: Application
) -> None:
    before = returned.report.sections.get(key="basic").data["profile"]
    save(world, returned, "basic", profile=f"{before}新增一句。")
    filled.submit(world, returned, at=LATER)
    page = world.client("county_handler").get(reverse("applications:case-changes", args=[returned.reference, 2]))
    text = page.content.decode()
    assert "<ins>新增一句。</ins>" in text
    assert f"<del>{before}" not in text
    assert "<h2>" in text
    older, newer = ReportVersion.objects.order_by("number")
    for version, amount in ((older, "100"), (newer, "120")):
        version.data["sections"]["energy"]["use"] = [{"item": "diesel", "amount": amount}]
        version.data["computed"]["energy.use.tce"] = f"{int(amount) * 1.4571:.2f}"
    found = {one.path: one for one in case_reads.changes(returned, older, newer)}["energy.use"]
    assert "柴油" in found.new and "120" in found.new and "174.85" in found.new
    old, new = found.pieces
    assert {one.text for one in old if one.differs} >= {"100"}
    assert "".join(one.text for one in new) == found.new


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        ("年节电85万千瓦时", "年节电90万千瓦时", ["85"], ["90"]),
        ("一二三", "一二三四", [], ["四"]),
        ("完全不同", "ABC", ["完全不同"], ["ABC"]),
        ("", "新", [], ["新"]),
    ],
)
def test_pieces(old: str, new: str, left: list[str], right: list[str]) -> None:
    found = pieces(old, new)
    assert [[one.text for one in side if one.differs] for side in found] == [left, right]
    assert ["".join(one.text for one in side) for side in found] == [old, new]


def test_what_was_declared_keeps_its_files(world: World, returned: Application) -> None:
    version = ReportVersion.objects.get()
    row = returned.report.evidence.get(section="conditions", field="lawful_evidence")
    drafts.remove_evidence(
        actor=world.actor("applicant"), at=LATER, reference=returned.reference, evidence=row.reference
    )
    assert row in case_reads.declared_evidence(returned, version)
    assert {"field": "conditions.lawful_evidence", "name": row.blob.name, "sha256": row.blob.sha256} in version.data[
        "evidence"
    ]

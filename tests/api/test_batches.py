"""An authority's own system: recommendation batches it sends and receives, and what became of cases."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Batch
from applications.services import batches
from applications.states import BatchState
from greenlist.core import clock
from greenlist.core.models import AuditEntry
from registry.models import Certificate, Listing
from registry.services import notices
from tests.api.keys import program
from tests.applications import county
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db
AT = county.START


def sent(world: World) -> Batch:
    county.load_rules()
    call = county.open_call(world)
    rows = [county.case(world, call, organisation=county.firm(world, "130302", 4300 + n)) for n in range(2)]
    for row in rows:
        county.passed(world, row, AT)
    batch = county.signed_batch(world, rows, AT)
    batches.send(actor=world.actor("county_approver"), at=AT, reference=batch.reference)
    batch.refresh_from_db()
    return batch


def test_a_batch_is_read_and_its_receipt_confirmed(world: World) -> None:
    batch = sent(world)
    city, sender = program(world, "city_handler"), program(world, "county_handler")
    path = f"batches/{batch.reference}/"
    full = city.get(path).json()
    assert (full["state"], full["digest"], len(full["units"])) == ("sent", batch.digest, 2)
    assert full["letter_number"] == batch.letter_number
    assert [row["reference"] for row in city.get("batches/", state="sent").json()["results"]] == [batch.reference]
    assert city.get("batches/", state="draft").json()["results"] == []
    assert sender.post(f"{path}receive/").status_code == 403  # who sent it does not confirm that it came
    assert program(world, "city_approver").post(f"{path}receive/").json()["code"] == "scope_missing"
    done = city.post(f"{path}receive/")
    assert (done.status_code, done.json()["state"]) == (200, "received")
    again = city.post(f"{path}receive/")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    batch.refresh_from_db()
    assert batch.state == BatchState.RECEIVED
    assert AuditEntry.objects.filter(action="batch.receive", subject_id=str(batch.pk)).count() == 1


@pytest.mark.parametrize("who", ["other_county_handler", "other_city_handler", "hlj_city_handler", "applicant"])
def test_a_batch_of_others_does_not_exist(world: World, who: str) -> None:
    batch = sent(world)
    assert program(world, "county_approver").get(f"batches/{batch.reference}/").status_code == 200
    assert program(world, who).get(f"batches/{batch.reference}/").status_code == 404
    assert program(world, who).get("batches/").json()["results"] == []


def test_a_draft_is_the_senders_alone_and_says_what_it_lacks(world: World) -> None:
    county.load_rules()
    call = county.open_call(world)
    row = county.passed(world, county.case(world, call), AT)
    draft = batches.start(actor=world.actor("county_handler"), at=AT, call=call)
    batches.add(actor=world.actor("county_handler"), at=AT, reference=draft.reference, cases_=[row.reference])
    full = program(world, "county_handler").get(f"batches/{draft.reference}/").json()
    assert (full["state"], full["digest"]) == ("draft", "")
    assert full["lacks"]
    assert program(world, "city_handler").get(f"batches/{draft.reference}/").status_code == 404


def test_batches_come_in_pages(world: World) -> None:
    county.load_rules()
    call = county.open_call(world)
    made = []
    for number in range(3):
        county.passed(world, county.case(world, call, organisation=county.firm(world, "130302", 4320 + number)), AT)
        made.append(batches.start(actor=world.actor("county_handler"), at=AT, call=call).reference)
    mine = program(world, "county_handler")
    first = mine.get("batches/", size="2").json()
    rest = mine.get("batches/", size="2", after=first["next"]).json()
    assert [row["reference"] for row in [*first["results"], *rest["results"]]] == made[::-1]
    assert rest["next"] is None


def test_a_longer_list_asks_no_more_questions(world: World) -> None:
    county.load_rules()
    call = county.open_call(world)
    asked: dict[str, list[int]] = {}
    for number in range(3):
        row = county.case(world, call, organisation=county.firm(world, "130302", 4330 + number))
        county.passed(world, row, AT)
        batches.start(actor=world.actor("county_handler"), at=AT, call=call)
        (case,) = reviews.several(world, call, 1, start=4360 + number)
        registry.published(world, registry.closed(world, call, [case]))
        mine = program(world, "county_handler", used_at=clock.now())
        for path in ("cases/", "batches/", "outcomes/", "listings/", "notices/", "announcements/", "calls/"):
            with CaptureQueriesContext(connection) as seen:
                assert len(mine.get(path).json()["results"]) >= (1 if path == "calls/" else number + 1)
            asked.setdefault(path, []).append(len(seen))
    assert {path: counts for path, counts in asked.items() if len(set(counts)) > 1} == {}


def test_the_outcome_of_a_listed_case_names_notice_announcement_and_certificate(world: World) -> None:
    county.load_rules()
    call = county.open_call(world)
    (case,) = reviews.several(world, call, 1, start=4350)
    notice = registry.running(world, call, [case])
    desk = program(world, "city_handler")
    on_notice = desk.get(f"outcomes/{case.reference}/").json()
    assert (on_notice["state"], on_notice["notice"]["reference"]) == ("on_notice", notice.reference)
    assert on_notice["listing"] is None
    notices.close_due(at=registry.after(notice))
    notice.refresh_from_db()
    announcement = registry.published(world, notice)
    listed = desk.get(f"outcomes/{case.reference}/").json()
    listing = Listing.objects.get()
    assert listed["state"] == "listed"
    assert listed["listing"]["id"] == listing.pk
    assert listed["listing"]["announcement"]["reference"] == announcement.reference
    assert listed["listing"]["certificates"] == [Certificate.objects.get().number]
    assert [row["case"] for row in desk.get("outcomes/").json()["results"]] == [case.reference]
    assert program(world, "applicant").get(f"outcomes/{case.reference}/").status_code == 404  # another firm's
    assert program(world, "other_city_handler").get("outcomes/").json()["results"] == []

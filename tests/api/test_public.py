"""What anybody may ask: calls, notices, lists, the list of a day, certificates. Nothing unpublished, pages by key."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Call
from applications.states import CallState
from registry import selectors
from registry.models import Certificate, Entry, ListBook, Listing
from registry.states import ListingState
from tests import factories
from tests.api.keys import Program
from tests.applications import county, filled
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db
ANYBODY = Program()


@pytest.fixture
def call(world: World) -> Call:
    county.load_rules()
    return county.open_call(world)


# ---- calls ----------------------------------------------------------------------------------------------------------
def test_an_opened_call_is_listed_with_its_last_day_and_told_whole(world: World, call: Call) -> None:
    rows = ANYBODY.get("calls/", place="130300").json()["results"]
    assert [row["id"] for row in rows] == [call.pk]
    assert rows[0]["title"] == call.title
    full = ANYBODY.get(f"calls/{call.pk}/").json()
    assert [step["day"] for step in full["timetable"] if step["day"]]
    assert full["clauses"]
    assert full["rules_digest"] == call.rules.digest


def test_a_call_in_preparation_is_nobodys_business(world: World, call: Call) -> None:
    draft = Call.objects.create(
        owner=call.owner,
        rules=call.rules,
        category=call.category,
        year=2027,
        title="草稿",
        created_by=world.user("city_handler"),
        created_at=county.START,
        state=CallState.DRAFT,
    )
    assert ANYBODY.get(f"calls/{call.pk}/").status_code == 200
    assert ANYBODY.get(f"calls/{draft.pk}/").status_code == 404
    assert [row["id"] for row in ANYBODY.get("calls/").json()["results"]] == [call.pk]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"place": "130300"}, 200),
        ({"state": "open"}, 200),
        ({"state": "draft"}, 422),
        ({"year": "x"}, 422),
        ({"size": "0"}, 422),
        ({"size": "101"}, 422),
        ({"after": "-1"}, 422),
        ({"after": "9" * 30}, 422),
        ({"owner": "1"}, 400),
        ({"state": "open\x00"}, 422),
    ],
)
def test_a_filter_that_is_not_known_is_refused(world: World, query: dict[str, str], status: int) -> None:
    answer = ANYBODY.get("calls/", **query)
    assert answer.status_code == status
    if status != 200:
        assert set(answer.json()["problems"]) == set(query)


def test_a_form_has_its_json_schema_at_its_digest(world: World) -> None:
    filled.load_rules()
    call = filled.open_call(world)
    (form,) = ANYBODY.get(f"calls/{call.pk}/").json()["forms"]
    answer = ANYBODY.get(urlsplit(form["schema"]).path)
    assert answer["Content-Type"] == "application/schema+json"
    schema = answer.json()
    jsonschema.Draft202012Validator.check_schema(schema)
    case = filled.submitted(world, call)
    data = case.report.versions.get().data["sections"]
    files = {
        key for part in schema["$defs"].values() for key in (*part.get("x-files", ()), *part.get("x-computed", ()))
    }
    assert files
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(data)) == []
    broken = {**data, "basic": {**data["basic"], "state": "listed"}}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(broken))
    assert ANYBODY.get(f"forms/{'0' * 64}/schema/").status_code == 404


# ---- notices and lists ----------------------------------------------------------------------------------------------
def test_a_notice_is_public_once_published(world: World, call: Call) -> None:
    at = registry.PUBLISHED
    running, drafted = (reviews.several(world, call, 2, start=4100 + 10 * n) for n in range(2))
    notice = registry.running(world, call, running, at)
    draft = registry.drafted(world, call, drafted, at)
    full = ANYBODY.get(f"notices/130300/{notice.reference}/").json()
    assert [unit["name"] for unit in full["units"]] == [one.name for one in running]
    assert full["ends_on"] == notice.ends_on.isoformat()
    assert full["clause"]
    assert ANYBODY.get(f"notices/130300/{draft.reference}/").status_code == 404
    assert ANYBODY.get(f"notices/130100/{notice.reference}/").status_code == 404
    assert [row["reference"] for row in ANYBODY.get("notices/").json()["results"]] == [notice.reference]


@pytest.fixture
def announced(world: World, call: Call) -> list[Listing]:
    """Three units of one announcement, on the list."""
    rows = reviews.several(world, call, 3, start=4200)
    registry.published(world, registry.closed(world, call, rows))
    return list(Listing.objects.order_by("-listed_on", "-pk"))


def test_the_list_is_walked_page_by_page(announced: list[Listing]) -> None:
    seen, after = [], None
    for _ in range(5):
        given = {"size": "2"} | ({"after": after} if after else {})
        answer = ANYBODY.get("listings/", **given).json()
        seen += [row["id"] for row in answer["results"]]
        after = answer["next"]
        if after is None:
            break
    assert seen == [one.pk for one in announced]
    found = ANYBODY.get("listings/", q=announced[0].name).json()["results"]
    assert [row["code"] for row in found] == [announced[0].code]
    assert ANYBODY.get("listings/", place="130100").json()["results"] == []
    for nonsense in ("yesterday", "0000-00-00_0", "2026-02-30_1", "1"):
        assert ANYBODY.get("listings/", after=nonsense).status_code == 422


def test_a_page_is_never_counted_nor_skipped_through(announced: list[Listing], world: World) -> None:
    with CaptureQueriesContext(connection) as asked:
        for path in ("calls/", "notices/", "listings/", "announcements/", "lists/", "lists/130300/factory/"):
            assert ANYBODY.get(path, size="1").status_code == 200
    said = [query["sql"] for query in asked.captured_queries]
    assert not [sql for sql in said if re.search(r"COUNT\(|OFFSET", sql)]
    assert len(said) <= 16


def test_a_unit_an_announcement_and_a_certificate_tell_the_same(announced: list[Listing]) -> None:
    listing = announced[0]
    one = ANYBODY.get(f"listings/130300/{listing.pk}/").json()
    (line,) = one["history"]
    announcement = ANYBODY.get(f"announcements/130300/{line['announcement']['reference']}/").json()
    assert listing.pk in [entry["listing"] for entry in announcement["entries"]]
    certificate = Certificate.objects.get(listing=listing)
    by_token = ANYBODY.get(f"certificates/{certificate.token}/").json()
    by_number = ANYBODY.get("certificates/", number=certificate.number.lower()).json()
    assert by_token == by_number
    assert (by_token["valid"], by_token["code"], by_token["listing"]) == (True, listing.code, listing.pk)
    Listing.objects.filter(pk=listing.pk).update(state=ListingState.SUSPENDED)
    assert ANYBODY.get(f"certificates/{certificate.token}/").json()["valid"] is False
    assert ANYBODY.get("certificates/", number="无此编号").status_code == 404
    assert ANYBODY.get(f"certificates/{certificate.token}x/").status_code == 404


@pytest.mark.case("DA-08")
def test_the_list_of_any_day_is_the_fold_of_its_entries(announced: list[Listing], world: World) -> None:
    """Removed, taken up again, renamed: page by page by the database, and folded one by one."""
    book, first = ListBook.objects.get(), announced[0].entries.get()
    start: date = first.on
    later: list[tuple[Listing, str, int, str]] = [
        (announced[0], "renamed", 10, "新名称"),
        (announced[1], "removed", 10, announced[1].name),
        (announced[0], "removed", 20, "新名称"),
        (announced[1], "added", 30, "重新列入"),
        (announced[2], "corrected", 30, "更正"),
    ]
    known = first.announcement
    for number, (listing, kind, days, name) in enumerate(later, start=1):
        known.pk = None
        known.reference, known.ordinal, known.supplement_of_id = f"later{number}", None, first.announcement_id
        known.save(force_insert=True)
        Entry.objects.create(
            announcement=known,
            listing=listing,
            kind=kind,
            position=1,
            name=name,
            area_name="x",
            on=start + timedelta(days=days),
        )
    for days in range(-2, 33, 2):
        day = start + timedelta(days=days)
        folded = {entry.listing_id: entry.name for entry in selectors.as_of(book, day)}
        seen: dict[int, str] = {}
        after: Any = None
        while True:
            given = {"on": day.isoformat(), "size": "1"} | ({"after": after} if after else {})
            answer = ANYBODY.get("lists/130300/factory/", **given).json()
            seen |= {row["listing"]: row["name"] for row in answer["results"]}
            after = answer["next"]
            if after is None:
                break
        assert seen == folded, day
    assert ANYBODY.get("lists/130300/park/").status_code == 404
    assert ANYBODY.get("lists/130300/factory/", on="2300-01-01").status_code == 422
    assert start > factories.LONG_AGO


# ---- what every answer has ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["nothing/", "calls/abc/", "calls/1/2/3/", "notices/130300/\x01/"])
def test_what_is_not_there_is_a_problem_document(path: str) -> None:
    answer = ANYBODY.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert (said["code"], said["status"], said["request_id"]) == ("not_found", 404, answer["X-Request-Id"])


@pytest.mark.parametrize("asked", ["text/html", "application/xml", "image/*", "application/json;q=0"])
def test_there_is_one_form_of_answer(asked: str) -> None:
    answer = ANYBODY.ask("GET", "calls/", Accept=asked)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_words_follow_the_language_that_is_asked_for(world: World, call: Call) -> None:
    chinese = ANYBODY.ask("GET", "calls/0/", Accept_Language="zh-CN").json()["detail"]
    english = ANYBODY.ask("GET", "calls/0/", Accept_Language="en").json()["detail"]
    assert chinese != english
    assert english.isascii()

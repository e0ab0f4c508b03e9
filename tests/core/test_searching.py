"""`name__holds` finds what a plain comparison finds, by an index."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from applications.models import Application
from greenlist.core import searching
from greenlist.organisations.models import Organisation
from registry import selectors
from registry.models import ImportedList, ImportedRow, Listing
from tests import factories
from tests.world import World

pytestmark = pytest.mark.django_db
NAMES = ("秦皇岛青松玻璃有限公司", "青山松柏食品厂", "Qing Song 100% Glass_Works", "松", "㙓𠮷示例（集团）公司")


@pytest.fixture
def named(world: World) -> None:
    for number, name in enumerate(NAMES):
        factories.organisation(world.areas["130302"], name, serial=7700 + number)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("青松", [0]),
        ("青山", [1]),
        ("松", [0, 1, 3]),
        ("qing song", [2]),
        ("QING", [2]),
        ("0%", [2]),
        ("s_W", [2]),
        ("玻璃有限公司", [0]),
        ("𠮷示", [4]),
        ("（集", [4]),
        ("没有", []),
        ("山青", []),  # its characters occur, not side by side
        ("松玻璃食", []),
        ("\\", []),
    ],
)
def test_it_finds_what_contains_finds(named: None, words: str, found: list[int]) -> None:
    rows = Organisation.objects.filter(name__in=NAMES)
    names = set(rows.filter(name__holds=words).values_list("name", flat=True))
    assert names == {NAMES[number] for number in found}
    assert names == set(rows.filter(name__icontains=words).values_list("name", flat=True))


@pytest.mark.parametrize("model", [Application, Organisation, Listing, ImportedRow])
@pytest.mark.parametrize("words", ["青松", "青松玻璃"])
def test_a_part_of_a_name_is_found_by_the_pairs(model: type, words: str, db: None) -> None:
    """Words of two characters and more, on both databases; one character reads the rows."""
    found = model.objects.filter(name__holds=words).order_by()  # type: ignore[attr-defined]
    if connection.vendor == "sqlite":
        assert "_name_pairs USING PRIMARY KEY (pair=?)" in found.explain()
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert "_name_pairs" in found.explain()
    assert "pairs" not in str(model.objects.filter(name__holds="青").query)  # type: ignore[attr-defined]


def test_the_public_search_of_present_and_former_names_uses_the_pairs_of_both(db: None) -> None:
    """On SQLite no row is read that the pairs do not name; on PostgreSQL the same when it may not read all."""
    found = Listing.objects.found_by("青松").order_by("-listed_on", "-pk")[:26]
    if connection.vendor == "sqlite":
        plan = found.explain()
        assert "name_pairs USING PRIMARY KEY" in plan and "former_pairs USING PRIMARY KEY" in plan
        assert "SCAN registry_listing" not in plan
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        plan = found.explain()
        assert "registry_listing_name_pairs" in plan and "registry_listing_former_pairs" in plan


def test_sqlite_keeps_the_pairs_of_every_searched_column(db: None) -> None:
    """Also after the migrations that rebuilt a table: `migrate` puts back what they took away."""
    if connection.vendor == "postgresql":
        searching.mend(connection)  # nothing to do
        return
    assert searching.unkept(connection) == []
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER registry_listing_name_pairs_changed")
    assert searching.unkept(connection) == [("registry_listing", "name")]
    searching.mend(connection)
    assert searching.unkept(connection) == []


def test_pairs_go_with_their_row_and_come_back_when_they_are_filled_anew(named: None) -> None:
    rows = Organisation.objects.filter(name__holds="青松")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM organisations_organisation_name_pairs")
            cursor.execute("DROP TRIGGER organisations_organisation_name_pairs_gone")
        assert not rows.exists()
        searching.mend(connection)
    assert rows.count() == 1
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT count(*) FROM organisations_organisation_name_pairs WHERE pair = '青松'")
            assert cursor.fetchone() == (1,)


def test_what_is_renamed_is_found_at_once(named: None) -> None:
    """The databases keep the pairs by themselves."""
    one = Organisation.objects.get(name=NAMES[1])
    one.name, one.former = "琥珀食品厂", NAMES[1]
    one.save(update_fields=["name", "former"])
    assert Organisation.objects.get(name__holds="琥珀食") == one
    assert Organisation.objects.get(former__holds="青山") == one
    assert not Organisation.objects.filter(name__holds="青山").exists()


@pytest.mark.parametrize(
    ("start", "found"), [("秦皇岛", [0]), ("青", [1]), ("㙓𠮷", [4]), ("松", [3]), ("石", []), ("", [0, 1, 2, 3, 4])]
)
def test_a_beginning_is_found_as_starts_with_finds_it(named: None, start: str, found: list[int]) -> None:
    rows = Organisation.objects.filter(name__in=NAMES)
    names = set(rows.filter(name__begins=start).values_list("name", flat=True))
    assert names == {NAMES[number] for number in found}
    assert names == set(rows.filter(name__startswith=start).values_list("name", flat=True))


FILTERS: list[dict[str, Any]] = [
    {},
    {"q": "青松"},
    {"year": 2019},
    {"industry": "13"},
    {"place": "130302"},
    {"place": "130300"},
    {"state": "removed"},
    {"category": "park"},
    {"after": "2026-01-01_5"},
]


@pytest.mark.parametrize("given", FILTERS, ids=str)
def test_every_filter_of_the_public_list_is_served_by_an_index(world: World, given: dict[str, Any]) -> None:
    """At 100,000 units nothing reads them all: neither the order, nor a filter, nor a deep page."""
    page = selectors.listings_found(given)[:26]
    if connection.vendor == "sqlite":
        reads = [line for line in page.explain().splitlines() if "registry_listing" in line and "SCAN" in line]
        assert all("USING INDEX" in line for line in reads)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "Seq Scan on registry_listing" not in page.explain()


@pytest.mark.parametrize("given", [{}, {"state": "nobody"}, {"words": "青松"}, {"after": 90_000}], ids=str)
def test_lines_of_an_imported_list_are_never_read_from_the_start(db: None, given: dict[str, Any]) -> None:
    rows = selectors.lines_of(ImportedList(pk=1), **given)[:51]
    if connection.vendor == "sqlite":
        assert "SCAN registry_importedrow" not in rows.explain()
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "Seq Scan on registry_importedrow" not in rows.explain()

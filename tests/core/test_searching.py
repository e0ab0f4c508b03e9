"""`name__holds` finds what a plain comparison finds, on PostgreSQL by an index."""

from __future__ import annotations

import pytest
from django.db import connection

from applications.models import Application
from greenlist.organisations.models import Organisation
from registry.models import Listing
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


@pytest.mark.parametrize("model", [Application, Organisation, Listing])
def test_postgresql_keeps_the_index(model: type, db: None) -> None:
    if connection.vendor != "postgresql":
        plan = str(model.objects.filter(name__holds="青松").query)  # type: ignore[attr-defined]
        assert "core_pairs" not in plan
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = model.objects.filter(name__holds="青松").order_by().explain()  # type: ignore[attr-defined]
    assert "_name_pairs" in plan


def test_what_is_renamed_is_found_at_once(named: None) -> None:
    """PostgreSQL fills the column of pairs by itself."""
    one = Organisation.objects.get(name=NAMES[1])
    one.name, one.former = "琥珀食品厂", NAMES[1]
    one.save(update_fields=["name", "former"])
    assert Organisation.objects.get(name__holds="琥珀食") == one
    assert Organisation.objects.get(former__holds="青山") == one
    assert not Organisation.objects.filter(name__holds="青山").exists()

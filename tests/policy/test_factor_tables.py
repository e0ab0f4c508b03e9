"""Factor tables as stored versions: loaded with the rules, never changed, the old ones still there."""

import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from greenlist.core.actors import SYSTEM, Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.policy import selectors, services
from greenlist.policy.models import FactorTableVersion
from tests.policy.conftest import FIXTURES
from tests.policy.test_calculators import FORM, form_of

pytestmark = pytest.mark.django_db
AT = datetime(2026, 4, 1, 2, 0, tzinfo=UTC)
NAME = "factors/energy-gbt2589-2020.toml"


@pytest.fixture
def folder(tmp_path):
    for name in ("policies", "forms", "criteria", "factors"):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    return tmp_path


def newer() -> bytes:
    return (FIXTURES / NAME).read_bytes().replace(b'value = "1.3300"', b'value = "1.2143"')


def test_they_come_with_the_rules_and_a_change_is_the_next_version(folder):
    first = {one.slug: one for one in services.load_policies(actor=SYSTEM, at=AT, folder=folder)}
    assert first["energy-gbt2589-2020"].number == 1
    (folder / NAME).write_bytes(newer())
    second = {one.slug: one for one in services.load_policies(actor=SYSTEM, at=AT, folder=folder)}
    assert (second["energy-gbt2589-2020"].number, second["energy-gbt2589-2020"].new) == (2, True)
    assert (second["water"].number, second["water"].new) == (1, False)


def test_one_file_may_be_uploaded_and_an_old_one_not_again(folder):
    services.load_policies(actor=SYSTEM, at=AT, folder=folder)
    admin = Actor(capacity=Capacity.ADMINISTRATOR, name="管理员")
    assert services.store_factors(name="e.toml", content=newer(), actor=admin, at=AT).number == 2
    with pytest.raises(Invalid):
        services.store_factors(name="e.toml", content=(FIXTURES / NAME).read_bytes(), actor=admin, at=AT)
    with pytest.raises(NotAllowed):
        services.store_factors(name="e.toml", content=newer(), actor=Actor(capacity=Capacity.HANDLER), at=AT)
    with pytest.raises(services.BrokenFiles):
        services.store_factors(name="e.toml", content=b"[factors]\n", actor=admin, at=AT)


def test_a_stored_version_never_changes(folder):
    services.load_policies(actor=SYSTEM, at=AT, folder=folder)
    with pytest.raises(DatabaseError), transaction.atomic():
        FactorTableVersion.objects.filter(slug="water").update(title="x")


def test_a_report_counts_with_the_tables_it_was_started_with(folder):
    services.load_policies(actor=SYSTEM, at=AT, folder=folder)
    form = form_of(FORM)
    before = selectors.factor_pins(form)
    assert set(before) == {"energy-gbt2589-2020", "co2-fuel", "co2-electricity"}
    services.store_factors(name="e.toml", content=newer(), actor=SYSTEM, at=AT)
    after = selectors.factor_pins(form)
    assert before["co2-fuel"] == after["co2-fuel"]
    assert selectors.factor_numbers(after)["energy-gbt2589-2020"] == 2

    def gas(pins):
        table = selectors.with_factors(form, pins).field("energy.use").tables[0]
        return next(one.value for one in table.factors if one.item == "natural_gas")

    assert (gas(before), gas(after)) == (Decimal("1.3300"), Decimal("1.2143"))


def test_a_table_that_is_not_stored_is_no_table():
    with pytest.raises(NotVisible):
        selectors.factor_table("0" * 64)


def test_a_form_that_counts_with_no_table_is_refused(folder):
    form = folder / "forms/factory-self-1.toml"
    more = '\n[[section.field]]\nkey = "c"\ntype = "calculator"\ncalculator = "water"\nfactors = ["nowhere"]\n'
    form.write_text(form.read_text(encoding="utf-8") + more + 'label = { zh = "水", en = "Water" }\n', encoding="utf-8")
    with pytest.raises(services.BrokenFiles) as refused:
        services.load_policies(actor=SYSTEM, at=AT, folder=folder)
    assert "there is no factor table nowhere" in str(refused.value)

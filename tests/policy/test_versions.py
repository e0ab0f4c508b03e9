"""Stored versions: immutable, numbered, new only where something changed, nothing half-loaded; and the calendar."""

import io
import shutil
import time
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction

from greenlist.core.actors import SYSTEM, Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.models import AuditEntry
from greenlist.policy import engine, selectors, services
from greenlist.policy.engine.types import CalendarUnknown, CallValues, NoticeRule, PolicyErrors
from greenlist.policy.models import CalendarDay, CalendarYear, CriteriaSetVersion, RuleSet, RuleSetVersion
from tests.policy.conftest import FIXTURES

pytestmark = pytest.mark.django_db
AT = datetime(2024, 4, 1, 2, 0, tzinfo=UTC)
ADMIN = Actor(capacity=Capacity.ADMINISTRATOR, name="管理员")
CLERK = Actor(capacity=Capacity.HANDLER, name="经办人")


@pytest.fixture
def folder(tmp_path):
    for name in ("policies", "forms", "criteria", "factors"):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    return tmp_path


@pytest.fixture(autouse=True)
def empty():
    """Whatever a migration or the world has loaded: these tests start from nothing."""
    RuleSetVersion.objects.all().delete()
    RuleSet.objects.all().delete()


def load(folder):
    return {item.slug: item for item in services.load_policies(actor=SYSTEM, at=AT, folder=folder)}


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_loading_twice_stores_one_version_and_a_change_stores_the_next(folder):
    first = load(folder)
    assert (first["qinhuangdao"].number, first["qinhuangdao"].new) == (1, True)
    assert not any(item.new for item in load(folder).values())
    edit(folder / "policies/qinhuangdao/policy.toml", "days = 5", "days = 7")
    second = load(folder)
    assert (second["qinhuangdao"].number, second["qinhuangdao"].new) == (2, True)
    assert (second["shijiazhuang"].number, second["shijiazhuang"].new) == (1, False)
    assert selectors.current("qinhuangdao").number == 2
    current = [v.rule_set.slug for v in selectors.all_current()]
    assert current == sorted({path.name for path in (folder / "policies").iterdir()})
    assert len(current) == 8


def test_the_older_version_still_gives_the_older_rules(folder):
    load(folder)
    old = selectors.current("qinhuangdao")
    edit(folder / "policies/qinhuangdao/policy.toml", "days = 5", "days = 7")
    load(folder)
    call = CallValues(values=engine.suggest(selectors.policy(old), 2024))
    days = [
        selectors.bound(version, call).step("notice").notice.days for version in (old, selectors.current("qinhuangdao"))
    ]
    assert days == [5, 7]


def test_nothing_is_stored_when_one_file_is_wrong(folder):
    edit(folder / "policies/shijiazhuang/policy.toml", "days = 5", "days = 0")
    edit(folder / "policies/qinhuangdao/clauses.toml", 'article = "第九条"', "")
    edit(folder / "criteria/factory-2018.toml", "verified = false", "verified = maybe")
    with pytest.raises(services.BrokenFiles) as wrong:
        load(folder)
    assert {error.file for error in wrong.value.errors} == {
        "shijiazhuang/policy.toml", "qinhuangdao/clauses.toml", "criteria/factory-2018.toml"
    }  # fmt: skip
    assert not RuleSetVersion.objects.exists()
    shutil.copytree(FIXTURES, folder, dirs_exist_ok=True)
    assert load(folder)["shijiazhuang"].new


def test_checking_needs_no_database_and_stores_nothing(folder, django_assert_num_queries):
    with django_assert_num_queries(0):
        checked = dict(services.check_policies(folder=folder))
    assert checked["qinhuangdao"] == load(folder)["qinhuangdao"].digest
    edit(folder / "policies/qinhuangdao/policy.toml", "days = 5", "days = 0")
    with pytest.raises(services.BrokenFiles):
        services.check_policies(folder=folder)


def test_an_edition_that_does_not_exist_is_refused(folder):
    edit(folder / "policies/qinhuangdao/policy.toml", '{ key = "factory-2025"', '{ key = "factory-2031"')
    with pytest.raises(services.BrokenFiles) as wrong:
        load(folder)
    assert "there is no criteria set factory-2031" in str(wrong.value)


@pytest.mark.parametrize("model", [RuleSetVersion, CriteriaSetVersion])
def test_the_database_itself_refuses_to_change_a_stored_version(folder, model):
    load(folder)
    version = model.objects.first()
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.filter(pk=version.pk).update(number=99)
    with pytest.raises(DatabaseError), transaction.atomic():
        version.save()
    assert model.objects.get(pk=version.pk).number == version.number


def test_one_digest_is_one_version(folder):
    load(folder)
    version = selectors.current("qinhuangdao")
    with pytest.raises(IntegrityError), transaction.atomic():
        RuleSetVersion.objects.create(
            rule_set=version.rule_set, number=2, digest=version.digest, canonical={}, sources={}, loaded_at=AT
        )


def test_what_was_loaded_is_on_the_audit_trail(folder):
    load(folder)
    entry = AuditEntry.objects.get(subject_kind="rules", subject_id="qinhuangdao")
    assert (entry.action, entry.payload.data["digest"]) == ("policy.loaded", selectors.current("qinhuangdao").digest)


# ---- uploads --------------------------------------------------------------------------------------------------------
def test_one_file_may_be_replaced_alone_and_makes_a_new_version(folder):
    load(folder)
    changed = (folder / "policies/qinhuangdao/policy.toml").read_bytes().replace(b"days = 5", b"days = 6")
    loaded = services.store_uploaded(files={"policy.toml": changed}, actor=ADMIN, at=AT)
    assert (loaded.slug, loaded.number, loaded.new) == ("qinhuangdao", 2, True)
    again = services.store_uploaded(files={"policy.toml": changed}, actor=ADMIN, at=AT)
    assert (again.number, again.new) == (2, False)
    form = (folder / "forms/factory-self-1.toml").read_bytes().replace(b"max_chars = 1000", b"max_chars = 1200")
    files = {"forms/factory-self-1.toml": form}
    loaded = services.store_uploaded(files=files, slug="shijiazhuang", actor=ADMIN, at=AT)
    assert (loaded.slug, loaded.number) == ("shijiazhuang", 2)
    assert selectors.current("qinhuangdao").number == 2


def test_an_upload_shows_every_mistake_and_stores_nothing(folder):
    load(folder)
    text = (folder / "policies/qinhuangdao/policy.toml").read_text(encoding="utf-8")
    broken = text.replace("days = 5", "days = 0").replace('clause = "QHD-9"', 'clause = "QHD-99"')
    with pytest.raises(services.BrokenFiles) as wrong:
        services.store_uploaded(files={"policy.toml": broken.encode()}, actor=ADMIN, at=AT)
    assert {error.key for error in wrong.value.errors} == {"step.notice.notice.days", "step.panel.clause"}
    assert len(wrong.value.problems["policy.toml"]) == 2
    assert selectors.current("qinhuangdao").number == 1


def test_only_an_administrator_loads_rules(folder):
    load(folder)
    changed = (folder / "policies/qinhuangdao/policy.toml").read_bytes().replace(b"days = 5", b"days = 6")
    assert services.store_uploaded(files={"policy.toml": changed}, actor=ADMIN, at=AT).new
    other = changed.replace(b"days = 6", b"days = 8")
    with pytest.raises(NotAllowed):
        services.store_uploaded(files={"policy.toml": other}, actor=CLERK, at=AT)
    with pytest.raises(NotAllowed):
        services.load_policies(actor=CLERK, at=AT, folder=folder)


def test_a_rule_set_keeps_its_owner_and_an_old_version_does_not_come_back(folder):
    load(folder)
    original = (folder / "policies/qinhuangdao/policy.toml").read_bytes()
    services.store_uploaded(files={"policy.toml": original.replace(b"days = 5", b"days = 6")}, actor=ADMIN, at=AT)
    with pytest.raises(Invalid):
        services.store_uploaded(files={"policy.toml": original}, actor=ADMIN, at=AT)
    stolen = original.replace(b'owner = "130300"', b'owner = "130200"')
    with pytest.raises(Invalid):
        services.store_uploaded(files={"policy.toml": stolen}, actor=ADMIN, at=AT)


# ---- reads ----------------------------------------------------------------------------------------------------------
def test_reads(folder, django_assert_num_queries):
    load(folder)
    version = selectors.current("qinhuangdao")
    call = CallValues(values=engine.suggest(selectors.policy(version), 2024))
    bound = selectors.bound(version, call)
    with django_assert_num_queries(0):
        assert selectors.bound(version, CallValues.from_json(call.as_json())) is bound
    assert selectors.bound(version, CallValues(values=call.values, layer={"N3c": "drop"})) is not bound
    assert selectors.criteria_of(bound, "factory").edition == "2018"
    assert len(selectors.criteria("factory-2018").requirements) == 8
    assert [v.pk for v in selectors.of_owner("130300", "factory")] == [version.pk]
    assert selectors.of_owner("130300", "park") == []
    assert selectors.owners() == {"130300", "130100", "130000", "445200", "230000"}
    with pytest.raises(NotVisible):
        selectors.current("nowhere")
    with pytest.raises(NotVisible):
        selectors.criteria("nothing")


def test_a_check_takes_milliseconds(folder, qhd):
    bound = qhd.bind()
    started = time.perf_counter()
    for _ in range(200):
        engine.check(bound, "apply", qhd.facts(), (), date(2024, 5, 20))
    assert (time.perf_counter() - started) / 200 < 0.005


# ---- commands -------------------------------------------------------------------------------------------------------
def test_the_commands(folder):
    said = io.StringIO()
    call_command("load_policies", "--check", stdout=said)
    assert "qinhuangdao" in said.getvalue()
    assert not RuleSetVersion.objects.exists()
    call_command("load_policies", stdout=said)
    call_command("load_policies", stdout=said)
    assert "unchanged" in said.getvalue()
    edit(folder / "policies/qinhuangdao/policy.toml", "days = 5", "days = 0")
    with pytest.raises(CommandError, match=r"step\.notice\.notice\.days"):
        call_command("load_policies", "--check", folder=folder, stdout=said)


# ---- calendar -------------------------------------------------------------------------------------------------------
RULE = NoticeRule(days=5, unit="working", first_day="next", clause="QHD-10b")


@pytest.fixture
def calendar():
    CalendarDay.objects.all().delete()
    CalendarYear.objects.all().delete()
    call_command("load_calendar", stdout=io.StringIO())


@pytest.mark.usefixtures("calendar")
def test_the_package_seeds_the_calendar_once():
    assert engine.period(RULE, date(2026, 9, 30), selectors.calendar()).ends == date(2026, 10, 13)
    assert services.load_calendar(actor=SYSTEM, at=AT) == ()
    assert not CalendarDay.objects.filter(day=date(2026, 10, 3)).exists()  # a Saturday needs no exception


@pytest.mark.usefixtures("calendar")
@pytest.mark.case("WF-10")
def test_a_year_becomes_usable_when_an_administrator_confirms_its_plan():
    with pytest.raises(CalendarUnknown):
        engine.period(RULE, date(2026, 12, 29), selectors.calendar())
    planned = engine.period(RULE, date(2026, 12, 29), selectors.calendar(), estimate=True)
    assert planned.estimated
    services.set_day(day=date(2027, 1, 1), working=False, name="元旦", actor=ADMIN, at=AT)
    services.set_day(day=date(2027, 1, 4), working=False, name="元旦", actor=ADMIN, at=AT)
    services.confirm_year(year=2027, confirmed=True, source="国务院办公厅", actor=ADMIN, at=AT)
    fixed = engine.period(RULE, date(2026, 12, 29), selectors.calendar())
    assert (fixed.ends, fixed.estimated) == (date(2027, 1, 7), False)
    services.set_day(day=date(2027, 1, 4), working=None, name="", actor=ADMIN, at=AT)
    assert engine.period(RULE, date(2026, 12, 29), selectors.calendar()).ends == date(2027, 1, 6)


@pytest.mark.usefixtures("calendar")
def test_only_an_administrator_keeps_the_calendar():
    services.set_day(day=date(2027, 1, 1), working=False, name="元旦", actor=ADMIN, at=AT)
    with pytest.raises(NotAllowed):
        services.set_day(day=date(2027, 1, 2), working=False, name="", actor=CLERK, at=AT)
    with pytest.raises(NotAllowed):
        services.confirm_year(year=2027, confirmed=True, source="", actor=CLERK, at=AT)
    with pytest.raises(NotAllowed):
        services.load_calendar(actor=CLERK, at=AT)


@pytest.mark.usefixtures("calendar")
def test_the_administrators_table_wins_over_the_package():
    services.set_day(day=date(2026, 10, 10), working=None, name="", actor=ADMIN, at=AT)
    services.load_calendar(actor=SYSTEM, at=AT)
    assert engine.period(RULE, date(2026, 9, 30), selectors.calendar()).ends == date(2026, 10, 14)


def test_the_calendar_costs_two_queries(django_assert_num_queries, calendar):
    with django_assert_num_queries(2):
        assert selectors.calendar(years=[2026]).confirmed == {2026}


def test_a_version_of_an_earlier_release_goes_on_ruling_what_is_pinned_to_it(folder):
    """Its tables of life after listing had another shape; what applications go by is unchanged, and the digest is its own."""
    load(folder)
    version = selectors.current("qinhuangdao")
    whole = selectors.policy(version)
    body = dict(version.canonical["policy.toml"])
    body["change"] = [{**body["change"][0], "verify": ["county"]}]
    body["duty"] = [{key: value for key, value in body["duty"][0].items() if key not in ("forms", "remind")}]
    old = {**version.canonical, "policy.toml": body}
    with pytest.raises(PolicyErrors):
        engine.build(old, selectors.FACTS)
    kept = engine.stored(old, selectors.FACTS)
    assert kept.digest == engine.digest(old) != whole.digest
    values = CallValues(year=2024, values=engine.suggest(whole, 2024) | {"county_by": date(2024, 5, 31)})
    assert engine.bind(kept, values).steps == engine.bind(whole, values).steps
    assert not kept.raw["policy.toml"].get("duty")

    body["step"] = [{**body["step"][0], "kind": "dance"}, *body["step"][1:]]
    with pytest.raises(PolicyErrors):
        engine.stored(old, selectors.FACTS)

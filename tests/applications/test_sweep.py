"""The nightly sweep over open cases and listed units: finds what stands against them once, tells once, clears what is gone."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import selectors, tasks
from applications.models import Hit
from applications.selectors import hits as reads
from applications.services import checks, hits, sweep
from applications.states import HitState, State
from greenlist.core.actors import SYSTEM
from greenlist.core.models import Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import AdverseMatch, AdverseRecord, Name, ParkFirm
from greenlist.policy import engine, services
from greenlist.policy.engine.types import Event, Outcome, Severity
from tests import factories
from tests.applications import county
from tests.world import World

MAY = datetime.fromisoformat("2026-05-06T03:00:00+08:00")
ACCIDENT = {"kind": "safety", "event_on": date(2026, 3, 1), "severity": 2}


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


def told(kind: str = "hits.found") -> list[Notification]:
    return list(Notification.objects.filter(kind=kind, channel="portal").order_by("recipient_id"))


@pytest.mark.clause("QHD-5.4")
def test_a_new_record_is_found_and_told_once(world: World, call: Any) -> None:
    case = county.case(world, call)
    assert sweep.sweep(at=MAY) == 0
    record = factories.adverse(world.org, **ACCIDENT)
    assert sweep.sweep(at=MAY) == 1
    hit = Hit.objects.get()
    assert (hit.application, hit.rule, hit.clause, hit.outcome) == (case, "veto.accident", "QHD-5.4", "block")
    assert (hit.ref, hit.authority, hit.state, hit.evidence) == (f"r{record.pk}", world.county, "open", "信用中国")
    assert {row.recipient for row in told()} == {world.user("county_handler"), world.user("county_approver")}
    for _again in range(2):
        assert sweep.sweep(at=MAY + timedelta(days=1)) == 0
    assert len(told()) == 2


def test_what_is_gone_is_cleared_and_what_changed_opens_again(world: World, call: Any) -> None:
    county.case(world, call)
    record = factories.adverse(world.org, **ACCIDENT)
    sweep.sweep(at=MAY)
    AdverseRecord.objects.filter(pk=record.pk).update(severity=1)
    assert sweep.sweep(at=MAY) == 0
    assert Hit.objects.get().state == HitState.CLEARED
    AdverseRecord.objects.filter(pk=record.pk).update(severity=4)
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 1
    assert (Hit.objects.get().state, Hit.objects.get().event["severity"]) == (HitState.OPEN, "extreme")
    assert len(told()) == 4  # it is another finding, so it is told


def test_a_finding_goes_along_to_the_next_desk(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, **ACCIDENT)
    sweep.sweep(at=MAY)
    type(case).objects.filter(pk=case.pk).update(desk=world.city, reached=2)
    assert sweep.sweep(at=MAY) == 0
    assert list(Hit.objects.for_authority(world.actor("city_handler"))) == [Hit.objects.get()]
    assert len(told()) == 2  # told once; now it stands on the city's work list


def test_drafts_and_ended_cases_ask_nobody(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, **ACCIDENT)
    type(case).objects.filter(pk=case.pk).update(state=State.DRAFT)
    assert sweep.sweep(at=MAY) == 0
    type(case).objects.filter(pk=case.pk).update(state=State.RETURNED)
    assert sweep.sweep(at=MAY) == 1
    type(case).objects.filter(pk=case.pk).update(state=State.REJECTED)
    sweep.sweep(at=MAY)
    assert Hit.objects.get().state == HitState.CLEARED


def test_a_listed_unit_is_its_owners_affair(world: World, call: Any) -> None:
    title = factories.title(world.site, "city")
    factories.title(world.sites["rival"], "province")  # no rule set of the province is loaded
    for firm in ("org", "rival"):
        factories.adverse(world.orgs[firm], **ACCIDENT)
    assert sweep.sweep(at=MAY) == 1
    hit = Hit.objects.get()
    assert (hit.title, hit.application, hit.authority) == (title, None, world.city)
    type(title).objects.filter(pk=title.pk).update(valid_until=date(2026, 5, 6))
    sweep.sweep(at=MAY)
    assert Hit.objects.get().state == HitState.CLEARED


def test_one_list_clears_nothing_of_another(world: World, call: Any) -> None:
    """Units of two lists, and of two calls, lie between one another by their keys: each pass keeps to its own."""
    other = county.open_call(world, "shijiazhuang")
    county.case(world, call)
    county.case(world, other, organisation=world.orgs["sjz"], number="T-2026-9998")
    county.case(world, call, organisation=world.orgs["rival"], number="T-2026-9999")
    factories.title(world.site, "city")
    factories.title(world.sites["sjz"], "city")
    factories.title(world.sites["rival"], "city")
    for firm in ("org", "sjz", "rival"):
        factories.adverse(world.orgs[firm], **ACCIDENT)
    assert sweep.sweep(at=MAY) == 6
    for night in range(3):
        assert sweep.sweep(at=MAY + timedelta(days=night)) == 0
        assert {one.state for one in Hit.objects.all()} == {HitState.OPEN}


def test_a_record_entered_while_the_case_is_listed_is_met_the_next_night(world: World, call: Any) -> None:
    """The publication checked before it was there; the sweep sees the title that the publication wrote."""
    case = county.case(world, call)
    assert checks.gravest(checks.look(case=case, point="list", at=MAY)) is not Outcome.BLOCK
    type(case).objects.filter(pk=case.pk).update(state=State.LISTED)
    factories.title(world.site, "city")
    factories.adverse(world.org, **ACCIDENT)
    assert sweep.sweep(at=MAY) == 1
    assert Hit.objects.get().title is not None


def test_what_was_settled_in_the_case_stays_settled_on_the_list(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, "quality", date(2026, 1, 1), 0)
    sweep.sweep(at=MAY)
    actor = world.actor("county_handler")
    hits.answer(hit_id=Hit.objects.get().pk, word="dismiss", reason="经查与本单位无关", actor=actor, at=MAY)
    type(case).objects.filter(pk=case.pk).update(state=State.LISTED)
    factories.title(world.site, "city")
    before = len(told())
    sweep.sweep(at=MAY)
    assert Hit.objects.get(application=None).state == HitState.DISMISSED
    assert len(told()) == before


def test_names_and_members_are_looked_at_as_a_check_looks(world: World, call: Any, monkeypatch: Any) -> None:
    """The sweep and a check at a step say the same, whatever the way from the unit to the event."""
    bound = selectors.rules_of(call)
    widened = tuple(replace(one, subjects=frozenset({"unit", "members"})) for one in bound.vetoes)
    removal = replace(bound.vetoes[1], key="removed", events=frozenset({"removed_from_list"}), clause="X-1")
    bound = replace(bound, vetoes=(*widened, removal))
    monkeypatch.setattr(selectors, "rules_of", lambda _call: bound)
    park = factories.organisation(world.areas["130302"], "示例园区", serial=6200, kind="park")
    inside = factories.organisation(world.areas["130302"], "园内企业", serial=6201)
    gone = factories.organisation(world.areas["130302"], "迁出企业", serial=6202)
    ParkFirm.objects.create(park=park, firm=inside, valid_from=date(2020, 1, 1))
    ParkFirm.objects.create(park=park, firm=gone, valid_from=date(2020, 1, 1), valid_until=date(2025, 1, 1))
    case = county.case(world, call, organisation=park)
    for firm in (inside, gone):
        factories.adverse(firm, **ACCIDENT)
    AdverseRecord.objects.create(name="示例园区", kind="tax_offence", event_on=date(2025, 1, 1), source="通报")
    factories.title(park.sites.get(), "city", valid_until=date(2025, 6, 1), removed=True)
    assert sweep.sweep(at=MAY) == 3
    assert AdverseMatch.objects.get().organisation == park
    found = {(hit.event["kind"], hit.event["subject"], hit.outcome) for hit in Hit.objects.all()}
    assert found == {
        ("safety", "members", "block"),
        ("tax_offence", "unit", "confirm"),
        ("removed_from_list", "unit", "block"),
    }
    seen = checks.look(case=case, point="recommend", at=MAY)
    assert {one.rule: one.outcome for one in seen if one.rule.startswith("veto") and one.outcome != "clear"} == {
        "veto.accident": Outcome.BLOCK,
        "veto.offence": Outcome.CONFIRM,
        "veto.removed": Outcome.BLOCK,
    }
    checks.run(case=case, point="recommend", actor=world.actor("county_handler"), at=MAY)
    assert Hit.objects.count() == 3


@pytest.fixture
def park_case(world: World, call: Any, monkeypatch: Any) -> Any:
    """A park whose rules look at the firms inside too."""
    bound = selectors.rules_of(call)
    widened = tuple(replace(one, subjects=frozenset({"unit", "members"})) for one in bound.vetoes)
    bound = replace(bound, vetoes=widened)
    monkeypatch.setattr(selectors, "rules_of", lambda _call: bound)
    park = factories.organisation(world.areas["130302"], "示例园区", serial=6210, kind="park")
    return county.case(world, call, organisation=park)


def _inside(world: World, case: Any, name: str, **fields: Any) -> Any:
    firm = factories.organisation(world.areas["130302"], name, **fields)
    ParkFirm.objects.create(park=case.organisation, firm=firm, valid_from=date(2020, 1, 1))
    return firm


def _dismiss(world: World, *rows: Hit) -> None:
    for row in rows:
        actor = world.actor("county_handler")
        hits.answer(hit_id=row.pk, word="dismiss", reason="同名异企", actor=actor, at=MAY)


def _states() -> list[str]:
    return list(Hit.objects.order_by("pk").values_list("state", flat=True))


def test_one_record_through_two_firms_of_a_park_is_two_findings(world: World, park_case: Any) -> None:
    present = _inside(world, park_case, "示例甲厂", serial=6211)
    former = _inside(world, park_case, "示例乙厂", serial=6212)
    Name.objects.create(organisation=former, text=present.name, valid_until=date(2024, 1, 1))
    AdverseRecord.objects.create(name=present.name, source="通报", **ACCIDENT)
    assert sweep.sweep(at=MAY) == 2
    assert {(row.event["who"], row.outcome) for row in Hit.objects.all()} == {
        ("示例甲厂", "confirm"),
        ("示例乙厂", "confirm"),
    }
    _dismiss(world, *Hit.objects.all())
    seen = checks.look(case=park_case, point="recommend", at=MAY)
    assert {one.rule: one.outcome for one in seen}["veto.accident"] is Outcome.WARN
    before = len(told())
    for night in range(1, 4):
        assert sweep.sweep(at=MAY + timedelta(days=night)) == 0
        checks.run(case=park_case, point="recommend", actor=world.actor("county_handler"), at=MAY)
        assert _states() == [HitState.DISMISSED] * 2
    assert len(told()) == before
    AdverseMatch.objects.filter(organisation=former).update(state="denied")
    assert sweep.sweep(at=MAY + timedelta(days=4)) == 0
    assert Hit.objects.get(state=HitState.CLEARED).event["who"] == "示例乙厂"
    assert Hit.objects.get(state=HitState.DISMISSED).event["who"] == "示例甲厂"


def test_a_word_on_the_doubtful_settles_nothing_that_is_sure(world: World, park_case: Any) -> None:
    """One firm noted twice, once without its code: the record is surely about the one, perhaps about the other."""
    _inside(world, park_case, "示例甲厂", code=None)
    record = AdverseRecord.objects.create(name="示例甲厂", code=factories.credit_code(6213), source="通报", **ACCIDENT)
    assert sweep.sweep(at=MAY) == 1
    _inside(world, park_case, "示例甲厂", code=record.code)
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 1
    doubtful, sure = Hit.objects.order_by("pk")
    assert [doubtful.outcome, sure.outcome] == ["confirm", "block"]
    _dismiss(world, doubtful)
    for night in range(2, 5):
        assert sweep.sweep(at=MAY + timedelta(days=night)) == 0
        assert _states() == [HitState.DISMISSED, HitState.OPEN]
    seen = checks.look(case=park_case, point="recommend", at=MAY)
    assert {one.rule: one.outcome for one in seen}["veto.accident"] is Outcome.BLOCK


def _as_before(row: Hit) -> None:
    Hit.objects.filter(pk=row.pk).update(key=row.key.partition("+")[0])


def test_what_an_earlier_release_kept_of_a_park_keeps_its_word(world: World, park_case: Any) -> None:
    firm = _inside(world, park_case, "示例甲厂", serial=6214)
    AdverseRecord.objects.create(name=firm.name, source="通报", **ACCIDENT)
    factories.adverse(park_case.organisation, **ACCIDENT)
    sweep.sweep(at=MAY)
    row, own = Hit.objects.get(event__subject="members"), Hit.objects.get(event__subject="unit")
    _dismiss(world, row)
    _as_before(row)
    migration = import_module("applications.migrations.0012_hits_apart")
    for _twice in range(2):
        migration.set_apart(apps, SimpleNamespace(connection=connection))
        assert [Hit.objects.get(pk=one.pk).key for one in (row, own)] == [row.key, own.key]
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 0
    assert Hit.objects.get(pk=row.pk).state == HitState.DISMISSED
    _as_before(row)  # kept by an old process while the upgrade ran: closed, and found as it is
    assert sweep.sweep(at=MAY + timedelta(days=2)) == 1
    assert Hit.objects.get(pk=row.pk).state == HitState.CLEARED
    assert Hit.objects.get(key=row.key).state == HitState.OPEN
    assert sweep.sweep(at=MAY + timedelta(days=3)) == 0


def test_a_no_to_what_is_anothers_by_its_code_clears_the_finding(world: World, park_case: Any) -> None:
    _inside(world, park_case, "示例甲厂", code=None)
    record = AdverseRecord.objects.create(name="示例甲厂", code=factories.credit_code(6215), source="通报", **ACCIDENT)
    sweep.sweep(at=MAY)
    factories.organisation(world.areas["130302"], "示例甲厂", code=record.code)
    sweep.sweep(at=MAY)
    assert _states() == [HitState.OPEN]
    said = {
        "match_id": AdverseMatch.objects.get().pk,
        "note": "已核",
        "actor": world.actor("county_handler"),
        "at": MAY,
    }
    organisations.decide_match(**said, same=False)
    sweep.sweep(at=MAY + timedelta(days=1))
    assert _states() == [HitState.CLEARED]


def test_a_check_at_a_step_makes_the_same_rows(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, **ACCIDENT)
    checks.run(case=case, point="recommend", actor=world.actor("county_handler"), at=MAY)
    assert Hit.objects.get().told_at is None
    assert sweep.sweep(at=MAY) == 0  # no new row …
    assert len(told()) == 2  # … but it is told now


@pytest.mark.case("BG-10")
def test_a_killed_run_is_taken_up_where_it_stopped(world: World, call: Any, monkeypatch: Any) -> None:
    cases = [county.case(world, call, organisation=county.firm(world, "130302", 7100 + n)) for n in range(4)]
    for case in cases:
        factories.adverse(case.organisation, **ACCIDENT)
    monkeypatch.setattr(sweep, "WINDOW", 1)
    whole, seen = hits.reconcile, []

    def dies(**given: Any) -> int:
        seen.append(1)
        if len(seen) == 3:
            raise SystemExit
        return whole(**given)

    monkeypatch.setattr(hits, "reconcile", dies)
    with pytest.raises(SystemExit):
        tasks.sweep_checks()
    assert Hit.objects.count() == 2
    monkeypatch.setattr(hits, "reconcile", whole)
    tasks.sweep_checks()
    tasks.sweep_checks()  # delivered again
    assert Hit.objects.count() == 4
    assert len(told()) == 2


@pytest.mark.case("BG-10")
def test_one_broken_window_does_not_hold_the_others(world: World, call: Any, monkeypatch: Any, caplog: Any) -> None:
    cases = [county.case(world, call, organisation=county.firm(world, "130302", 7200 + n)) for n in range(3)]
    for case in cases:
        factories.adverse(case.organisation, **ACCIDENT)
    monkeypatch.setattr(sweep, "WINDOW", 1)
    broken, whole = cases[1].pk, engine.barring

    def bars(bound: Any, events: Any, *rest: Any) -> Any:
        if cases[1].organisation.adverse_records.filter(pk=int(events[0].ref[1:])).exists():
            raise ValueError(broken)
        return whole(bound, events, *rest)

    monkeypatch.setattr(engine, "barring", bars)
    assert sweep.sweep(at=MAY) == 2
    assert "is left for the next round" in caplog.text


def test_many_units_cost_as_many_statements_as_few(world: World, call: Any) -> None:
    def cost(serials: range) -> int:
        for serial in serials:
            case = county.case(world, call, organisation=county.firm(world, "130302", serial))
            factories.adverse(case.organisation, **ACCIDENT)
        with CaptureQueriesContext(connection) as caught:
            sweep.sweep_cases(at=MAY)
        return len(caught)

    cost(range(7300, 7302))
    assert cost(range(7310, 7312)) == cost(range(7320, 7350))


def test_a_code_that_came_later_is_linked_first(world: World, call: Any) -> None:
    county.case(world, call)
    AdverseRecord.objects.create(code=world.org.code, name="旧名", source="通报", **ACCIDENT)
    assert sweep.sweep(at=MAY) == 1
    assert organisations.link_codes() == 0


# ---- what was decided stands ----------------------------------------------------------------------------------------
@pytest.fixture
def decided(monkeypatch: Any) -> list[str]:
    """The events the engine is asked about; none is taken up by turn."""
    asked: list[str] = []
    whole = engine.barring

    def bars(bound: Any, events: Any, *rest: Any) -> Any:
        asked.extend(event.ref for event in events)
        return whole(bound, events, *rest)

    monkeypatch.setattr(engine, "barring", bars)
    monkeypatch.setattr(sweep, "ANEW", 10**9)
    return asked


def test_what_rests_on_the_same_is_not_decided_again(world: World, call: Any, decided: list[str]) -> None:
    case = county.case(world, call)
    record = factories.adverse(world.org, **ACCIDENT)
    factories.title(world.sites["rival"], "city")
    other = factories.adverse(world.orgs["rival"], **ACCIDENT)
    sweep.sweep(at=MAY)
    assert sorted(decided) == sorted([f"r{record.pk}", f"r{other.pk}"])
    decided.clear()
    sweep.sweep(at=MAY + timedelta(days=1))
    assert decided == []
    type(case.organisation).objects.filter(pk=world.org.pk).update(founded_on=date(2026, 4, 1))
    assert Hit.objects.get(application=case).outcome == "block"
    sweep.sweep(at=MAY + timedelta(days=2))  # the firm says it is younger than the accident: somebody must look
    assert decided == [f"r{record.pk}"]
    hit = Hit.objects.get(application=case)
    assert (hit.state, hit.outcome) == (HitState.OPEN, "confirm")
    decided.clear()
    AdverseRecord.objects.filter(pk=other.pk).update(severity=3)
    assert sweep.sweep(at=MAY + timedelta(days=3)) == 1
    assert f"r{other.pk}" in decided


def test_other_vetoes_decide_anew(world: World, call: Any, decided: list[str], monkeypatch: Any) -> None:
    county.case(world, call)
    factories.adverse(world.org, **ACCIDENT)
    sweep.sweep(at=MAY)
    bound = selectors.rules_of(call)
    stricter = tuple(replace(one, at_least=Severity.EXTREME) for one in bound.vetoes)
    monkeypatch.setattr(selectors, "rules_of", lambda _call: replace(bound, vetoes=stricter))
    sweep.sweep(at=MAY)
    assert Hit.objects.get().state == HitState.CLEARED
    monkeypatch.setattr(selectors, "rules_of", lambda _call: bound)
    assert sweep.sweep(at=MAY) == 1


def test_each_finding_is_decided_again_in_its_turn(
    world: World, call: Any, decided: list[str], monkeypatch: Any
) -> None:
    county.case(world, call)
    record = factories.adverse(world.org, **ACCIDENT)
    sweep.sweep(at=MAY)
    decided.clear()
    monkeypatch.setattr(sweep, "ANEW", 3)
    for night in range(1, 4):
        sweep.sweep(at=MAY + timedelta(days=night))
    assert decided == [f"r{record.pk}"]


def test_the_day_a_look_back_ends_needs_no_news(world: World, call: Any, decided: list[str]) -> None:
    county.case(world, call)
    factories.adverse(world.org, "safety", date(2023, 5, 8), 2)
    assert sweep.sweep(at=MAY) == 1
    sweep.sweep(at=MAY + timedelta(days=2))
    assert Hit.objects.get().state == HitState.OPEN
    sweep.sweep(at=MAY + timedelta(days=3))
    assert Hit.objects.get().state == HitState.CLEARED


def test_a_clause_that_a_check_lost_is_found_again(
    world: World, call: Any, decided: list[str], monkeypatch: Any
) -> None:
    """Two clauses name one event; a check that finds but one of them leaves no blind spot to the night."""
    bound = selectors.rules_of(call)
    twice = replace(bound, vetoes=(*bound.vetoes, replace(bound.vetoes[0], key="again", clause="X-1")))
    monkeypatch.setattr(selectors, "rules_of", lambda _call: twice)
    case = county.case(world, call)
    factories.adverse(world.org, **ACCIDENT)
    assert sweep.sweep(at=MAY) == 2
    hits.note(found=[(case, _whole(case, bound, MAY.date()))], at=MAY)
    assert Hit.objects.get(clause="X-1").state == HitState.CLEARED
    assert sweep.sweep(at=MAY) == 1
    assert Hit.objects.get(clause="X-1").state == HitState.OPEN


def test_a_night_says_what_the_engine_would_say_of_everything(world: World, call: Any) -> None:
    """Whatever happens between two nights, what is kept afterwards is what the engine finds in all there is."""
    chance = random.Random(11)
    bound = selectors.rules_of(call)
    cases = [county.case(world, call, organisation=county.firm(world, "130302", 7400 + n)) for n in range(4)]
    at = MAY
    for _night in range(12):
        for _change in range(4):
            _happens(chance, cases, at.date())
        at += timedelta(days=chance.choice((1, 30, 200)))
        sweep.sweep(at=at)
        live = Hit.objects.exclude(state=HitState.CLEARED).values_list("application", "clause", "ref", "outcome")
        said = {
            (case.pk, one.clause, one.event.ref, one.outcome)
            for case in cases
            for one in _whole(type(case).objects.get(pk=case.pk), bound, at.date())
        }
        assert set(live) == said


def _happens(chance: random.Random, cases: list[Any], on: date) -> None:
    firm = chance.choice(cases).organisation
    day = on - timedelta(days=chance.randrange(1400))
    records = list(AdverseRecord.objects.filter(organisation=firm))
    what = chance.choice(("new", "new", "new", "end", "grade", "away", "founded"))
    if what == "founded":
        type(firm).objects.filter(pk=firm.pk).update(founded_on=chance.choice((date(2000, 1, 1), day)))
    elif what == "new" or not records:
        kind = chance.choice(("safety", "tax_offence", "serious_dishonesty"))
        factories.adverse(firm, kind, day, chance.randrange(5))
    else:
        row = AdverseRecord.objects.filter(pk=chance.choice(records).pk)
        ended = {"ended_on": on + timedelta(days=chance.randrange(-60, 60))}
        changes: dict[str, dict[str, Any]] = {"end": ended, "grade": {"severity": chance.randrange(5)}}
        row.delete() if what == "away" else row.update(**changes[what])


def _whole(case: Any, bound: Any, on: date) -> Any:
    founded = case.organisation.founded_on
    records = AdverseRecord.objects.filter(organisation=case.organisation)
    events = [
        Event(one.kind, one.event_on, sweep.GRADES[one.severity], one.ended_on, tier=one.tier, ref=f"r{one.pk}")
        for one in records
    ]
    return engine.barring(bound, events, on, founded)


def newer_rules(folder: Path, change: Callable[[str], str]) -> None:
    """Another version of Qinhuangdao's rules, by its file."""
    shutil.rmtree(folder / "fixtures", ignore_errors=True)
    shutil.copytree(settings.ROOT / "fixtures", folder / "fixtures")
    file = folder / "fixtures" / "policies" / "qinhuangdao" / "policy.toml"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    services.load_policies(actor=SYSTEM, at=MAY, folder=folder / "fixtures")


def without_vetoes(text: str) -> str:
    return re.sub(r"\[\[veto\]\]\n(?:[^\[\n#].*\n|\n)*", "", text)


def test_a_newer_version_answers_for_what_stands(world: World, call: Any, tmp_path: Path) -> None:
    """A listed unit stands under the newest rules: what they allow to be waived can be waived, though found before."""
    factories.title(world.site, "city")
    factories.adverse(world.org, **ACCIDENT)
    sweep.sweep(at=MAY)
    hit = Hit.objects.get()
    assert engine.waiver(reads.rules_of(hit), hit.rule) is None
    newer_rules(tmp_path, lambda text: text.replace("[[veto]]\n", "[[veto]]\nwaivable = true\n"))
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 0
    after = Hit.objects.get()
    assert (after.pk, after.state, after.found_at, after.rules.number) == (hit.pk, HitState.OPEN, MAY, 2)
    assert engine.waiver(reads.rules_of(after), after.rule) is not None


def test_rules_that_ask_for_nothing_clear_what_they_asked_before(world: World, call: Any, tmp_path: Path) -> None:
    factories.title(world.site, "city")
    factories.adverse(world.org, **ACCIDENT)
    case = county.case(world, call, organisation=world.orgs["rival"])
    factories.adverse(world.orgs["rival"], **ACCIDENT)
    assert sweep.sweep(at=MAY) == 2
    newer_rules(tmp_path, without_vetoes)
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 0
    states = {hit.application_id: hit.state for hit in Hit.objects.all()}
    assert states == {None: HitState.CLEARED, case.pk: HitState.OPEN}  # the case keeps the rules it was submitted under


REMOVED = """[[veto]]
key = "removed"
label = { zh = "被移出名单", en = "Removed from a list" }
event = ["removed_from_list"]
years = 3
subject = ["unit"]
clause = "QHD-5.4"

"""


def test_a_veto_that_is_dropped_leaves_nothing_behind(world: World, call: Any, tmp_path: Path) -> None:
    factories.title(world.site, "city")
    factories.title(world.site, "province", valid_until=date(2026, 1, 9), removed=True)
    newer_rules(tmp_path, lambda text: text.replace("[[veto]]\n", REMOVED + "[[veto]]\n", 1))
    assert sweep.sweep(at=MAY) == 1
    newer_rules(tmp_path, lambda text: text.replace("正被列入", "现被列入"))
    assert sweep.sweep(at=MAY + timedelta(days=1)) == 0
    assert Hit.objects.get().state == HitState.CLEARED

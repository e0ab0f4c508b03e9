"""Recommendation: builder, letter, signature, deadline, receipt, returned unit (QHD-N2b, N4a, N4b, N4d, QHD-4, QHD-8, SJZ-8)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from applications.models import Application, Batch, BatchItem, Extension
from applications.selectors import batches as reads
from applications.services import batches, screening
from applications.states import BatchState, State
from greenlist.accounts import selectors as accounts
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.policy.engine.types import BoundPolicy
from tests import factories
from tests.applications import county
from tests.world import World, build_world

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
LATER = datetime.fromisoformat("2026-05-20T10:00:00+08:00")
SENDERS = ("county_handler", "county_approver")


@pytest.fixture
def rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def call(rules: None, world: World) -> Any:
    return county.open_call(world)


def ready(world: World, call: Any, count: int, start: int = 5000, **given: Any) -> list[Application]:
    """Cases that passed review, each of its own firm in 海港区."""
    made = []
    for number in range(count):
        row = county.case(world, call, organisation=county.firm(world, "130302", start + number), **given)
        made.append(county.passed(world, row, NOW))
    return made


@pytest.fixture
def three(world: World, call: Any) -> list[Application]:
    return ready(world, call, 3)


def draft(world: World, rows: list[Application]) -> Batch:
    batch = batches.start(actor=world.actor("county_handler"), at=NOW, call=rows[0].call)
    add(world, batch, rows)
    return batch


def add(world: World, batch: Batch, rows: list[Application]) -> None:
    batches.add(
        actor=world.actor("county_handler"), at=NOW, reference=batch.reference, cases_=[row.reference for row in rows]
    )


def order_of(batch: Batch) -> list[Application]:
    return [item.application for item in batch.items.filter(returned_at=None).order_by("position")]


def send(world: World, batch: Batch, at: datetime = LATER, who: str = "county_handler") -> Batch:
    return batches.send(actor=world.actor(who), at=at, reference=batch.reference)


def view(world: World, batch: Batch, who: str = "county_handler") -> reads.BatchView:
    return reads.view(world.actor(who), batch.reference, on=date(2026, 5, 20))


# ---- order ----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N2b")
def test_priority_industries_come_first_and_never_block(world: World, call: Any) -> None:
    plain = ready(world, call, 1, industry="3011")[0]  # glass: no priority industry
    first, second = ready(world, call, 2, start=5100)
    assert [row.pk for row in reads.waiting(world.actor("county_handler"), draft(world, [plain]))] == [
        first.pk,
        second.pk,
    ]
    batch = Batch.objects.get()
    add(world, batch, [first, second])
    assert order_of(batch) == [plain, first, second]
    batches.suggest_order(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    assert order_of(batch) == [first, second, plain]
    assert [unit.badges for unit in view(world, batch).units] == [("新一代电子信息",), ("新一代电子信息",), ()]
    assert not view(world, batch).lacks or all(not lack.unit for lack in view(world, batch).lacks)


@pytest.mark.clause("QHD-N2b")
def test_working_towards_grade_a_gives_no_rank(world: World, call: Any) -> None:
    plain, striving = ready(world, call, 2, industry="3011")
    striving.organisation.striving_grade_a = True
    striving.organisation.save(update_fields=["striving_grade_a"])
    batch = draft(world, [plain, striving])
    batches.suggest_order(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    assert order_of(batch) == [plain, striving]


def test_the_order_is_the_handlers(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    one, two, last = three
    given = {"actor": world.actor("county_handler"), "at": NOW, "reference": batch.reference}
    batches.move_unit(case=last.reference, by=-1, **given)
    assert order_of(batch) == [one, last, two]
    batches.move_unit(case=one.reference, by=-1, **given)
    assert order_of(batch) == [one, last, two]
    batches.arrange(order=[two.reference, one.reference, last.reference], **given)
    assert order_of(batch) == [two, one, last]
    with pytest.raises(Conflict):
        batches.arrange(order=[two.reference, one.reference], **given)
    batches.remove(case=one.reference, **given)
    assert order_of(batch) == [two, last]
    assert [row.pk for row in reads.waiting(given["actor"], batch)] == [one.pk]


def test_only_passed_cases_of_the_own_desk_can_be_put_in(world: World, call: Any, three: list[Application]) -> None:
    batch = draft(world, three[:1])
    open_case = county.case(world, call)
    with pytest.raises(WrongState):
        add(world, batch, [open_case])
    theirs = county.case(world, call, organisation=world.orgs["rival"])
    county.passed(world, theirs, NOW, handler="other_county_handler", approver="other_county_approver")
    with pytest.raises(NotVisible):
        add(world, batch, [theirs])
    add(world, batch, three[1:])
    assert len(order_of(batch)) == 3


def test_a_case_lies_in_one_live_batch_only(world: World, three: list[Application]) -> None:
    draft(world, three[:2])
    second = batches.start(actor=world.actor("county_handler"), at=NOW, call=three[0].call)
    with pytest.raises(Conflict) as taken:
        add(world, second, three[1:])
    assert taken.value.status == 409
    assert not second.items.exists()
    add(world, second, three[2:])
    with pytest.raises(IntegrityError), transaction.atomic():
        BatchItem.objects.create(batch=second, step=second.step, application=three[0], position=9)


def test_a_draft_given_up_frees_its_units(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    batches.discard(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    assert not Batch.objects.exists()
    assert len(reads.waiting(world.actor("county_handler"), draft(world, three[:1]))) == 2


# ---- signing --------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-8", "QHD-N4a")
def test_a_signed_batch_is_frozen_with_its_digest(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    assert batch.state == BatchState.SIGNED
    assert batch.digest == reads.digest_of(batch.frozen)
    assert [unit["case"] for unit in batch.frozen["units"]] == [row.reference for row in three]
    first = batch.frozen["units"][0]
    assert first["report"]["digest"] == three[0].report.versions.get().digest
    assert {verdict["answer"] for verdict in first["verdicts"]} == {"yes"}
    assert (first["review"]["prepared_by"], first["review"]["signed_by"]) == ("海港经办", "海港审批")
    assert batch.frozen["letter"]["number"] == "示工信〔2026〕5号"
    assert "共3家企业" in batch.frozen["letter"]["text"]
    before = copy.deepcopy(batch.frozen)
    for verb, extra in (
        (batches.move_unit, {"case": three[0].reference, "by": 1}),
        (batches.remove, {"case": three[0].reference}),
        (batches.write_letter, {"title": "别的", "number": "1", "text": "别的"}),
        (batches.suggest_order, {}),
    ):
        with pytest.raises(WrongState):
            verb(actor=world.actor("county_handler"), at=LATER, reference=batch.reference, **extra)
    batch.refresh_from_db()
    assert batch.frozen == before


def test_no_contact_is_frozen_in_clear(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    assert "13800000000" not in str(batch.frozen)
    assert any("13800000000" in unit.cells for unit in view(world, batch).units)


@pytest.mark.case("AZ-14")
def test_who_handed_it_over_cannot_sign(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    county.write(world, batch, NOW)
    batches.hand_over(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    both = accounts.actor_of(factories.mandate(world.user("county_handler"), "approver", world.county))
    with pytest.raises(NotAllowed):
        batches.sign(actor=both, at=NOW, reference=batch.reference, digest=view(world, batch).digest)
    county.sign(world, batch, NOW)


def test_one_person_may_sign_where_the_rule_set_says_so(
    world: World, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Service and database say the same: before, the rule set allowed it and the database answered with a fault."""
    step = BoundPolicy.step
    monkeypatch.setattr(BoundPolicy, "step", lambda self, key: replace(step(self, key), four_eyes=False))
    batch = draft(world, three)
    county.write(world, batch, NOW)
    batches.hand_over(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    both = accounts.actor_of(factories.mandate(world.user("county_handler"), "approver", world.county))
    signed = batches.sign(actor=both, at=NOW, reference=batch.reference, digest=view(world, batch).digest)
    assert signed.signed_by_id == signed.handed_by_id
    with pytest.raises(IntegrityError), transaction.atomic():
        Batch.objects.filter(pk=signed.pk).update(four_eyes=True)


def test_a_page_that_showed_something_else_cannot_sign(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    county.write(world, batch, NOW)
    given = {"actor": world.actor("county_handler"), "at": NOW, "reference": batch.reference}
    batches.hand_over(**given)
    seen = view(world, batch, "county_approver").digest
    with pytest.raises(Invalid):
        batches.hand_back(actor=world.actor("county_approver"), at=NOW, reference=batch.reference, note="")
    batches.hand_back(actor=world.actor("county_approver"), at=NOW, reference=batch.reference, note="调整次序")
    batches.move_unit(case=three[0].reference, by=1, **given)
    batches.hand_over(**given)
    with pytest.raises(Conflict):
        batches.sign(actor=world.actor("county_approver"), at=NOW, reference=batch.reference, digest=seen)
    county.sign(world, batch, NOW)


@pytest.mark.clause("QHD-N4a")
def test_what_the_package_lacks_is_named(world: World, three: list[Application]) -> None:
    batch = batches.start(actor=world.actor("county_handler"), at=NOW, call=three[0].call)
    given = {"actor": world.actor("county_handler"), "at": NOW, "reference": batch.reference}
    with pytest.raises(Refused) as refused:
        batches.hand_over(**given)
    assert len(refused.value.findings) == 2  # no unit, no document number
    add(world, batch, three)
    with pytest.raises(Refused) as refused:
        batches.hand_over(**given)
    assert len(refused.value.findings) == 1
    county.write(world, batch, NOW)
    batches.hand_over(**given)


@pytest.mark.clause("QHD-5.4", "QHD-8")
def test_a_veto_found_at_the_signature_blocks_the_batch(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    county.write(world, batch, NOW)
    record = factories.adverse(three[1].organisation, "tax_offence", date(2025, 3, 1))
    with pytest.raises(Refused) as refused:
        batches.hand_over(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    assert three[1].name in str(refused.value.message)
    assert refused.value.clause == "QHD-5.4"
    record.delete()
    batches.hand_over(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)


# ---- sending --------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-4", "QHD-8", "QHD-N4a")
def test_sending_moves_every_unit_to_the_city(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    city = world.actor("city_handler")
    assert not Application.objects.visible_to(city).exists()
    with pytest.raises(NotVisible):
        reads.get(city, batch.reference)
    send(world, batch)
    for row in three:
        row.refresh_from_db()
        assert (row.state, row.step, row.desk, row.reached) == (State.RECOMMENDED, "panel", world.city, 2)
    assert Application.objects.visible_to(city).count() == 3
    assert reads.get(city, batch.reference).state == BatchState.SENT
    told = Notification.objects.filter(kind="batch.received", channel="portal")
    assert set(told.values_list("recipient__username", flat=True)) == {"city_handler", "city_approver"}
    with pytest.raises(NotVisible):
        reads.get(world.actor("other_city_handler"), batch.reference)
    with pytest.raises(NotVisible):
        reads.get(world.actor("other_county_handler"), batch.reference)


@pytest.mark.clause("QHD-N4b")
def test_the_last_day_is_included_to_midnight_in_china(
    world: World, three: list[Application], at: Callable[[str], datetime]
) -> None:
    batch = county.signed_batch(world, three, NOW)
    with pytest.raises(Refused) as refused:
        send(world, batch, at("2026-06-01 00:00"))
    assert (refused.value.clause, refused.value.code) == ("QHD-N4b", "too_late")
    assert "2026年5月31日" in str(refused.value.message)
    send(world, batch, at("2026-05-31 23:59:59"))


@pytest.mark.clause("QHD-N4b")
def test_an_extension_opens_the_way_for_its_area_only(
    world: World, three: list[Application], at: Callable[[str], datetime]
) -> None:
    batch = county.signed_batch(world, three, NOW)
    late = at("2026-06-03 09:00")
    given = {"call": batch.call, "step": "send", "old_day": date(2026, 5, 31), "new_day": date(2026, 6, 5)}
    given |= {"reason": "系统维护", "by": world.user("city_approver"), "at": late}
    Extension.objects.create(area=world.areas["130322"], **given)
    with pytest.raises(Refused):
        send(world, batch, late)
    Extension.objects.create(area=world.areas["130302"], **given)
    send(world, batch, late)


def test_a_unit_withdrawn_after_the_signature_stays_behind(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    Application.objects.filter(pk=three[1].pk).update(state=State.WITHDRAWN)
    send(world, batch)
    assert order_of(batch) == [three[0], three[2]]
    left = batch.items.exclude(returned_at=None).get()
    assert left.application == three[1]
    assert left.return_reason
    assert [unit.item.application for unit in view(world, batch).units] == [three[0], three[2]]


def test_only_an_official_of_the_sender_sends(world: World, three: list[Application]) -> None:
    batch = county.signed_batch(world, three, NOW)
    for who in ("other_county_handler", "city_handler", "applicant", "anonymous"):
        with pytest.raises(NotVisible):
            send(world, batch, who=who)
    send(world, batch, who="county_approver")


# ---- the city -------------------------------------------------------------------------------------------------------
@pytest.fixture
def sent(world: World, three: list[Application]) -> Batch:
    return send(world, county.signed_batch(world, three, NOW))


@pytest.mark.clause("QHD-N4a")
def test_the_city_records_receipt_and_paper_copies(world: World, sent: Batch, three: list[Application]) -> None:
    given = {"at": LATER, "reference": sent.reference}
    with pytest.raises(NotAllowed):
        batches.receive(actor=world.actor("county_handler"), **given)
    batches.receive(actor=world.actor("city_handler"), **given)
    assert view(world, sent, "city_handler").package.paper_copies == 1
    assert all(unit.paper_missing for unit in view(world, sent, "city_handler").units)
    with pytest.raises(Invalid):
        batches.note_paper(actor=world.actor("city_handler"), case=three[0].reference, copies=-1, **given)
    batches.note_paper(actor=world.actor("city_handler"), case=three[0].reference, copies=1, **given)
    item = sent.items.get(application=three[0])
    assert (item.paper_copies, item.paper_received_at, item.paper_noted_by) == (1, LATER, world.user("city_handler"))
    assert [unit.paper_missing for unit in view(world, sent, "city_handler").units] == [False, True, True]


@pytest.mark.clause("QHD-8", "QHD-N4a")
def test_one_unit_is_returned_and_comes_again(world: World, sent: Batch, three: list[Application]) -> None:
    frozen = copy.deepcopy(sent.frozen)
    given = {"actor": world.actor("city_handler"), "at": LATER, "reference": sent.reference}
    with pytest.raises(Invalid):
        batches.return_unit(case=three[0].reference, reason=" ", **given)
    batches.return_unit(case=three[0].reference, reason="材料不全", **given)
    three[0].refresh_from_db()
    assert (three[0].state, three[0].step, three[0].desk) == (State.SCREENING, "county", world.county)
    sent.refresh_from_db()
    assert sent.frozen == frozen
    three[1].refresh_from_db()
    assert three[1].state == State.RECOMMENDED
    with pytest.raises(NotVisible):
        batches.return_unit(case=three[0].reference, reason="再退", **given)
    county.passed(world, three[0], LATER)
    again = county.signed_batch(world, [three[0]], LATER)
    send(world, again)
    three[0].refresh_from_db()
    assert three[0].state == State.RECOMMENDED
    assert BatchItem.objects.filter(application=three[0]).count() == 2


@pytest.mark.case("AZ-14")
def test_who_recommended_does_not_receive_one_tier_up(world: World, sent: Batch, three: list[Application]) -> None:
    both = accounts.actor_of(factories.mandate(world.user("county_handler"), "handler", world.city))
    with pytest.raises(NotAllowed):
        batches.receive(actor=both, at=LATER, reference=sent.reference)
    with pytest.raises(NotAllowed):
        batches.return_unit(actor=both, at=LATER, reference=sent.reference, case=three[0].reference, reason="x")
    batches.receive(actor=world.actor("city_handler"), at=LATER, reference=sent.reference)


def test_a_unit_further_on_cannot_be_returned(world: World, sent: Batch, three: list[Application]) -> None:
    Application.objects.filter(pk=three[0].pk).update(state=State.UNDER_REVIEW)
    given = {"actor": world.actor("city_handler"), "at": LATER, "reference": sent.reference, "reason": "材料不全"}
    with pytest.raises(WrongState):
        batches.return_unit(case=three[0].reference, **given)
    batches.return_unit(case=three[1].reference, **given)


def test_every_act_on_a_batch_is_recorded(world: World, sent: Batch) -> None:
    rows = AuditEntry.objects.filter(subject_kind="batch", subject_id=str(sent.pk)).order_by("position")
    assert [row.action for row in rows] == [
        "batch.start", "batch.add", "batch.letter", "batch.hand_over", "batch.sign", "batch.send",
    ]  # fmt: skip


# ---- the second city ------------------------------------------------------------------------------------------------
@pytest.mark.clause("SJZ-8", "SJZ-noN", "SJZ-all", "SJZ-4")
def test_the_second_city_asks_for_letter_and_reports_only(world: World, rules: None) -> None:
    call = county.open_call(world, "shijiazhuang")
    row = county.case(world, call, organisation=world.orgs["sjz"])
    people = {"handler": "sjz_county_handler", "approver": "sjz_county_approver"}
    county.passed(world, row, NOW, **people)
    batch = county.signed_batch(world, [row], NOW, **people)
    page = view(world, batch, "sjz_county_handler")
    assert set(page.package.documents) == {"letter", "report"}
    assert page.package.paper_copies == 0
    assert page.due_on is None
    assert page.table_optional
    assert not page.units[0].badges or not page.lacks
    batches.send(
        actor=world.actor("sjz_county_handler"),
        at=datetime.fromisoformat("2026-12-30T10:00:00+08:00"),
        reference=batch.reference,
    )
    row.refresh_from_db()
    assert (row.state, row.desk) == (State.RECOMMENDED, world.authorities["130100"])
    city = {"actor": world.actor("other_city_handler"), "at": LATER, "reference": batch.reference}
    batches.receive(**city)
    with pytest.raises(WrongState):
        batches.note_paper(case=row.reference, copies=1, **city)


@pytest.mark.clause("SJZ-4")
def test_a_county_level_city_recommends_like_a_county(world: World, rules: None) -> None:
    """晋州市 lies under 石家庄; 定州市, which reports to the province, has no step in this route."""
    office = world.authorities["130183"]
    people = [
        accounts.actor_of(factories.mandate(factories.person(), role, office)) for role in ("handler", "approver")
    ]
    call = county.open_call(world, "shijiazhuang")
    row = county.case(world, call, organisation=county.firm(world, "130183", 5900))
    screening.save_findings(actor=people[0], at=NOW, reference=row.reference, verdicts=county.all_yes(row))
    screening.propose(actor=people[0], at=NOW, reference=row.reference, outcome="pass")
    screening.sign(actor=people[1], at=NOW, reference=row.reference)
    batch = batches.start(actor=people[0], at=NOW, call=call)
    assert (batch.sender, batch.receiver) == (office, world.authorities["130100"])
    with pytest.raises(NotAllowed):
        batches.start(actor=world.actor("dingzhou_handler"), at=NOW, call=call)


# ---- races ----------------------------------------------------------------------------------------------------------
@pytest.mark.race
@pytest.mark.case("WF-02", "WF-03")
def test_two_people_send_at_once_and_it_is_sent_once(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int
) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    for turn in range(min(rounds, 10)):
        batch = county.signed_batch(world, ready(world, call, 2, start=6000 + 10 * turn), NOW)
        outcomes = run_threads(2, lambda number, batch=batch: str(send(world, batch, who=SENDERS[number]).state))
        assert sorted(type(one).__name__ for one in outcomes) == ["WrongState", "str"], outcomes
        assert (
            Notification.objects.filter(event__startswith=f"batch.received:{batch.pk}:", channel="portal").count() == 2
        )
        assert all(row.timeline.filter(verb="recommend").count() == 1 for row in order_of(batch))


@pytest.mark.race
@pytest.mark.case("WF-02")
def test_sign_and_hand_back_at_once_one_wins(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int
) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    second = accounts.actor_of(factories.mandate(factories.person("海港审批二"), "approver", world.county))
    for turn in range(min(rounds, 10)):
        batch = draft(world, ready(world, call, 1, start=7000 + turn))
        county.write(world, batch, NOW)
        batches.hand_over(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
        digest = view(world, batch).digest

        def act(number: int, batch: Batch = batch, digest: str = digest) -> str:
            if number:
                return str(batches.hand_back(actor=second, at=NOW, reference=batch.reference, note="再看").state)
            signed = batches.sign(
                actor=world.actor("county_approver"), at=NOW, reference=batch.reference, digest=digest
            )
            return str(signed.state)

        outcomes = run_threads(2, act)
        assert sorted(type(one).__name__ for one in outcomes) == ["WrongState", "str"], outcomes
        batch.refresh_from_db()
        assert batch.state in outcomes
        assert bool(batch.frozen) is (batch.state == BatchState.SIGNED)


@pytest.mark.race
@pytest.mark.case("WF-02")
def test_one_case_put_into_two_batches_at_once_lies_in_one(
    transactional_db: None, run_threads: Callable[..., list[Any]], rounds: int
) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    for turn in range(min(rounds, 10)):
        row = ready(world, call, 1, start=8000 + turn)[0]
        pair = [batches.start(actor=world.actor("county_handler"), at=NOW, call=call) for _ in range(2)]
        outcomes = run_threads(2, lambda number, pair=pair, row=row: add(world, pair[number], [row]))
        assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "NoneType"], outcomes
        assert row.batch_items.count() == 1


def test_a_mandate_for_another_list_arranges_nothing(world: World, three: list[Application]) -> None:
    batch = draft(world, three)
    parks = replace(world.actor("county_handler"), list_kind="park")
    with pytest.raises(NotVisible):
        batches.suggest_order(actor=parks, at=NOW, reference=batch.reference)
    batches.suggest_order(actor=replace(parks, list_kind="factory"), at=NOW, reference=batch.reference)


def test_a_case_in_a_batch_cannot_be_reopened(world: World, three: list[Application]) -> None:
    draft(world, three[:1])
    given = {"actor": world.actor("county_handler"), "at": NOW, "reason": "漏看"}
    with pytest.raises(WrongState):
        screening.reopen(reference=three[0].reference, **given)
    screening.reopen(reference=three[1].reference, **given)


def test_a_long_batch_is_shown_and_ordered_page_by_page(
    world: World, three: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A city's batch may hold hundreds: a page of it is dragged, the others keep their places."""
    monkeypatch.setattr(reads, "UNITS_SHOWN", 2)
    handler = world.client("county_handler")
    batch = batches.start(actor=world.actor("county_handler"), at=NOW, call=three[0].call)
    page = reverse("applications:batch", args=[batch.reference])
    if not batch.items.exists():
        handler.post(reverse("applications:batch_add", args=[batch.reference]), {"all": "1"})
    order = [item.application.reference for item in batch.items.order_by("position")]
    assert len(order) == 3
    first, second = (handler.get(page, {"page": number}).content.decode() for number in (1, 2))
    assert [f'data-id="{one}"' in first for one in order] == [True, True, False]
    assert [f'data-id="{one}"' in second for one in order] == [False, False, True]
    arrange = reverse("applications:batch_arrange", args=[batch.reference])
    assert f'data-sort-list="{arrange}?page=2"' in second
    assert handler.post(f"{arrange}?page=1", {"order": f"{order[1]},{order[0]}"}).status_code == 204
    assert [item.application.reference for item in batch.items.order_by("position")] == [order[1], order[0], order[2]]
    assert handler.post(f"{arrange}?page=1", {"order": f"{order[1]},nobody"}).status_code == 409
    assert handler.post(arrange, {"order": f"{order[1]},{order[0]}"}).status_code == 409  # not the whole of it

"""Several cases at once, saved filters, taking back before anybody has seen it, the authority's own clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application, Batch, BulkAction, Correction, Remark, SavedFilter
from applications.selectors import bulk as reads
from applications.selectors import desk
from applications.services import batches, bulk, drafts, filters, screening
from applications.states import BatchState, State
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.policy.engine.types import Calendar
from tests import factories
from tests.applications import county
from tests.world import World

NOW = datetime.fromisoformat("2026-05-06T10:00:00+08:00")
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


def cases(world: World, call: Any, count: int, start: int = 5000) -> list[Application]:
    return [
        county.case(world, call, organisation=county.firm(world, "130302", start + number)) for number in range(count)
    ]


def given(world: World, rows: list[Application], action: str, target: str = "") -> dict[str, Any]:
    references = [row.reference for row in rows]
    return {"actor": world.actor("county_handler"), "action": action, "cases": references, "target": target}


def done(world: World, rows: list[Application], action: str, target: str = "") -> BulkAction:
    asked = given(world, rows, action, target)
    return bulk.run(**asked, at=NOW, digest=reads.plan(**asked, at=NOW).digest)


def undo(world: World, action: BulkAction, at: datetime = LATER, who: str = "county_handler") -> BulkAction:
    return bulk.undo(actor=world.actor(who), at=at, pk=action.pk)


def returned(world: World, row: Application, at: datetime = NOW) -> Correction:
    actor = world.actor("county_handler")
    screening.save_findings(actor=actor, at=at, reference=row.reference, verdicts={}, remarks={"basic.profile": "补充"})
    return screening.return_for_correction(
        actor=actor, at=at, reference=row.reference, fields=["basic.profile"], reason="请补充", due_on=date(2026, 5, 20)
    )


# ---- preview, doing, undoing --------------------------------------------------------------------------------------------
def test_given_to_a_colleague_as_the_preview_said_and_back(world: World, call: Any) -> None:
    one, two, other = cases(world, call, 3)
    me = str(world.user("county_handler").pk)
    done(world, [one], reads.ASSIGN, me)
    plan = reads.plan(**given(world, [one, two], reads.ASSIGN, me), at=NOW)
    assert [(line.now, line.then, line.why_not) for line in plan.lines] == [
        ("海港经办", "海港经办", "已是如此"),
        ("未指派", "海港经办", ""),
    ]
    made = done(world, [one, two], reads.ASSIGN, me)
    assert [row["case"] for row in made.rows] == [two.reference]
    assert desk.page(world.actor("county_handler"), on=NOW.date(), who="mine").rows[0].case.handler is not None
    assert len(desk.page(world.actor("county_handler"), on=NOW.date(), who="free").rows) == 1
    undo(world, made)
    two.refresh_from_db()
    other.refresh_from_db()
    assert (two.handler, other.handler) == (None, None)
    with pytest.raises(WrongState):  # once
        undo(world, made)


def test_what_has_changed_since_the_preview_is_shown_again(world: World, call: Any) -> None:
    rows = cases(world, call, 2)
    asked = given(world, rows, reads.ASSIGN, str(world.user("county_handler").pk))
    digest = reads.plan(**asked, at=NOW).digest
    Application.objects.filter(pk=rows[0].pk).update(revision=7)
    with pytest.raises(Conflict):
        bulk.run(**asked, at=NOW, digest=digest)
    with pytest.raises(Invalid):  # nothing to do
        done(world, rows, reads.ASSIGN, reads.NOBODY)


def test_only_the_own_desk_and_only_handlers(world: World, call: Any) -> None:
    rows = cases(world, call, 1)
    asked = given(world, rows, reads.ASSIGN, reads.NOBODY)
    assert reads.plan(**asked, at=NOW).lines
    for who, error in (
        ("county_approver", NotAllowed),
        ("other_county_handler", NotVisible),
        ("applicant", NotAllowed),
    ):
        with pytest.raises(error):
            reads.plan(**{**asked, "actor": world.actor(who)}, at=NOW)
    with pytest.raises(NotVisible):  # nobody of another authority
        reads.plan(**{**asked, "target": str(world.user("city_handler").pk)}, at=NOW)
    with pytest.raises(NotVisible):
        reads.plan(**{**asked, "action": "sign"}, at=NOW)  # decisions are taken one by one


def test_put_in_a_batch_and_taken_out_until_it_is_handed_over(world: World, call: Any) -> None:
    rows = [county.passed(world, row, NOW) for row in cases(world, call, 3)]
    handler = world.actor("county_handler")
    batch = batches.start(actor=handler, at=NOW, call=call)
    made = done(world, rows[:2], reads.BATCH, batch.reference)
    plan = reads.plan(**given(world, rows, reads.BATCH, batch.reference), at=NOW)
    assert [line.why_not for line in plan.lines] == ["已在其他批次", "已在其他批次", ""]
    undo(world, made)
    assert not batch.items.exists()
    again = done(world, rows[:2], reads.BATCH, batch.reference)
    county.write(world, batch, NOW)
    batches.hand_over(actor=handler, at=NOW, reference=batch.reference)
    with pytest.raises(WrongState):
        undo(world, again)


def test_undoing_gives_no_case_to_a_colleague_who_has_left(world: World, call: Any) -> None:
    gone = factories.person("离任经办", username="gone_handler")
    held = factories.mandate(gone, "handler", world.authorities["130302"])
    one, two = cases(world, call, 2)
    Application.objects.filter(pk=one.pk).update(handler=gone)
    Application.objects.filter(pk=two.pk).update(handler=world.user("county_handler"))
    made = done(world, [one, two], reads.ASSIGN, "0")
    held.valid_until = NOW.date()
    held.save()
    undo(world, made, at=NOW + timedelta(hours=20))
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.handler, two.handler) == (None, world.user("county_handler"))


def test_somebody_elses_and_yesterdays_action_cannot_be_undone(world: World, call: Any) -> None:
    made = done(world, cases(world, call, 1), reads.ASSIGN, str(world.user("county_handler").pk))
    with pytest.raises(NotVisible):
        undo(world, made, who="county_approver")
    with pytest.raises(WrongState):
        undo(world, made, at=NOW + timedelta(days=2))
    assert reads.last_of(world.actor("county_handler"), LATER) == made
    assert reads.last_of(world.actor("county_handler"), NOW + timedelta(days=2)) is None


def test_applicants_are_reminded_once_a_day(world: World, call: Any) -> None:
    row = county.case(world, call)
    returned(world, row)
    made = done(world, [row], reads.REMIND)
    assert Notification.objects.filter(kind="case.reminded", channel="portal").count() == 2  # owner and staff
    with pytest.raises(Invalid):
        done(world, [row], reads.REMIND)
    with pytest.raises(WrongState):
        undo(world, made)


def test_the_desk_page_previews_does_and_undoes(world: World, call: Any) -> None:
    rows = cases(world, call, 2)
    client, me = world.client("county_handler"), world.user("county_handler").pk
    chosen = {"action": f"assign:{me}", "case": [row.reference for row in rows]}
    preview = client.post(reverse("applications:desk_bulk"), chosen)
    assert preview.status_code == 200
    assert not BulkAction.objects.exists()
    digest = preview.context["plan"].digest
    assert client.post(reverse("applications:desk_bulk"), {**chosen, "digest": digest}).status_code == 302
    page = client.get(reverse("applications:desk"))
    assert "撤销" in page.content.decode()
    assert "本机关用时" in page.content.decode()
    assert client.post(reverse("applications:desk_bulk_undo", args=[BulkAction.objects.get().pk])).status_code == 302
    assert not Application.objects.exclude(handler=None).exists()


def test_the_next_desk_starts_with_nobody(world: World, call: Any) -> None:
    (row,) = cases(world, call, 1)
    done(world, [row], reads.ASSIGN, str(world.user("county_handler").pk))
    county.passed(world, row, NOW)
    row.refresh_from_db()
    assert row.handler is not None  # still the county's
    batch = county.signed_batch(world, [row], NOW)
    batches.send(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)
    row.refresh_from_db()
    assert (row.desk, row.handler) == (world.city, None)


# ---- saved filters --------------------------------------------------------------------------------------------------------
def test_a_filter_keeps_what_the_desk_knows_and_nothing_else(world: World, call: Any) -> None:
    actor = world.actor("county_handler")
    typed = {"view": "review", "industry": "39", "q": "示例 & x", "who": "mine", "next": "//evil", "after": "abc"}
    kept = filters.save(actor=actor, at=NOW, name="电子", given=typed)
    assert kept.query == "view=review&industry=39&q=%E7%A4%BA%E4%BE%8B+%26+x&who=mine"
    wrong = {"view": "<script>", "industry": "x", "who": "all"}
    assert filters.save(actor=actor, at=NOW, name="电子", given=wrong).query == ""  # of the same name: replaced
    assert SavedFilter.objects.count() == 1
    assert desk.saved_of(actor) == [kept]
    assert desk.saved_of(world.actor("county_approver")) == []
    with pytest.raises(Invalid):
        filters.save(actor=actor, at=NOW, name=" ", given={})
    with pytest.raises(NotAllowed):
        filters.save(actor=world.actor("applicant"), at=NOW, name="x", given={})
    for number in range(filters.MOST - 1):
        filters.save(actor=actor, at=NOW, name=f"f{number}", given={})
    with pytest.raises(Invalid):
        filters.save(actor=actor, at=NOW, name="more", given={})
    with pytest.raises(NotVisible):
        filters.delete(actor=world.actor("county_approver"), pk=kept.pk)
    filters.delete(actor=actor, pk=kept.pk)
    assert not SavedFilter.objects.filter(name="电子").exists()


def test_filters_by_page(world: World, call: Any) -> None:
    client = world.client("county_handler")
    client.post(reverse("applications:desk_filter_save"), {"name": "待审签", "view": "sign"})
    page = client.get(reverse("applications:desk")).content.decode()
    assert "待审签" in page
    assert "?view=sign" in page
    assert client.post(reverse("applications:desk_filter_save"), {"name": ""}).status_code == 302
    assert (
        client.post(reverse("applications:desk_filter_delete", args=[SavedFilter.objects.get().pk])).status_code == 302
    )


# ---- taking back before anybody has seen it ------------------------------------------------------------------------------
def test_a_request_for_correction_is_taken_back_until_the_applicant_opens_it(world: World, call: Any) -> None:
    row = county.case(world, call)
    returned(world, row)
    take = {"actor": world.actor("county_handler"), "reference": row.reference}
    with pytest.raises(NotAllowed):
        screening.take_back_return(**{**take, "actor": world.actor("county_approver")}, at=LATER)
    screening.take_back_return(**take, at=LATER)
    row.refresh_from_db()
    assert (row.state, row.desk, Correction.objects.count()) == (State.SCREENING, world.county, 0)
    assert Remark.objects.get().correction is None  # a draft of the county again
    assert Notification.objects.filter(kind="case.return_taken_back").exists()
    returned(world, row, LATER)
    assert world.client("applicant").get(reverse("applications:case", args=[row.reference])).status_code == 200
    with pytest.raises(WrongState):
        screening.take_back_return(**take, at=LATER)


def test_opening_the_section_counts_as_seen(world: World, call: Any) -> None:
    row = county.case(world, call)
    returned(world, row)
    page = world.client("county_handler").get(reverse("applications:desk"), {"view": "returned"})
    assert page.context["page"].rows[0].may_take_back
    world.client("county_handler").get(reverse("applications:case", args=[row.reference]))
    assert Correction.objects.get().seen_at is None  # of the county itself: no matter
    world.client("colleague").get(reverse("applications:section", args=[row.reference, "basic"]))
    assert Correction.objects.get().seen_at is not None
    page = world.client("county_handler").get(reverse("applications:desk"), {"view": "returned"})
    assert not page.context["page"].rows[0].may_take_back


def test_who_has_changed_something_has_seen_the_request(world: World, call: Any) -> None:
    """By interface, workbook or an open page: what is half changed must not come back to the desk unasked."""
    row = county.case(world, call)
    returned(world, row)
    drafts.writable(actor=world.actor("applicant"), at=LATER, reference=row.reference)  # what every change begins with
    with pytest.raises(WrongState):
        screening.take_back_return(actor=world.actor("county_handler"), at=LATER, reference=row.reference)


@pytest.mark.parametrize("name", ["case", "case-history", "review"])
def test_opening_one_unit_counts_as_having_seen_the_batch(world: World, call: Any, name: str) -> None:
    batch = sent(world, call)
    unit = Application.objects.order_by("pk").first()
    assert unit is not None
    world.client("county_handler").get(reverse(f"applications:{name}", args=[unit.reference]))
    world.client("other_city_handler").get(reverse(f"applications:{name}", args=[unit.reference]))
    batch.refresh_from_db()
    assert batch.seen_at is None
    world.client("city_handler").get(reverse(f"applications:{name}", args=[unit.reference]))
    with pytest.raises(WrongState):
        batches.take_back(actor=world.actor("county_handler"), at=LATER, reference=batch.reference)


def sent(world: World, call: Any) -> Batch:
    rows = [county.passed(world, row, NOW) for row in cases(world, call, 2)]
    batch = county.signed_batch(world, rows, NOW)
    return batches.send(actor=world.actor("county_handler"), at=NOW, reference=batch.reference)


def test_a_batch_is_taken_back_until_the_receiver_opens_it(world: World, call: Any) -> None:
    batch = sent(world, call)
    digest, take = batch.digest, {"reference": batch.reference}
    with pytest.raises(NotAllowed):
        batches.take_back(actor=world.actor("city_handler"), at=LATER, **take)
    world.client("county_approver").get(reverse("applications:batch", args=[batch.reference]))
    batches.take_back(actor=world.actor("county_handler"), at=LATER, **take)
    batch.refresh_from_db()
    assert (batch.state, batch.sent_at, batch.digest) == (BatchState.SIGNED, None, digest)
    row = Application.objects.first()
    assert row is not None
    assert (row.state, row.step, row.desk, row.reached) == (State.PASSED, "send", world.county, 1)
    assert not Application.objects.visible_to(world.actor("city_handler")).exists()
    batches.send(actor=world.actor("county_handler"), at=LATER, **take)
    assert Notification.objects.filter(kind="batch.received", channel="portal").count() == 4  # twice, two people
    page = world.client("city_handler").get(reverse("applications:batch", args=[batch.reference]))
    assert page.status_code == 200
    with pytest.raises(WrongState):
        batches.take_back(actor=world.actor("county_handler"), at=LATER, **take)


def test_what_was_received_or_returned_is_not_taken_back(world: World, call: Any) -> None:
    batch = sent(world, call)
    item = batch.items.first()
    assert item is not None
    city = {"actor": world.actor("city_handler"), "at": LATER, "reference": batch.reference}
    batches.return_unit(**city, case=item.application.reference, reason="材料不全")
    batches.take_back(actor=world.actor("county_handler"), at=LATER, reference=batch.reference)  # the other one
    item.application.refresh_from_db()
    assert item.application.state == State.SCREENING  # the returned unit stays where it was put
    again = batches.send(actor=world.actor("county_handler"), at=LATER, reference=batch.reference)
    batches.receive(**city)
    with pytest.raises(WrongState):
        batches.take_back(actor=world.actor("county_handler"), at=LATER, reference=again.reference)


# ---- the authority's own clock ---------------------------------------------------------------------------------------------
def test_days_with_the_applicant_are_not_the_authoritys(world: World, call: Any) -> None:
    row = county.case(world, call)
    monday = datetime.fromisoformat("2026-06-01T09:00:00+08:00")
    row.timeline.create(at=monday, verb="submit", to_state="screening", step="county", capacity="applicant", person="x")
    friday = monday + timedelta(days=4)
    row.timeline.create(
        at=friday,
        verb="return",
        from_state="screening",
        to_state="returned",
        step="county",
        capacity="handler",
        person="x",
    )
    back = monday + timedelta(days=14)
    row.timeline.create(
        at=back, verb="submit", from_state="returned", to_state="screening", step="county", capacity="x", person="x"
    )
    on = back.date() + timedelta(days=2)
    assert desk.clocks([row], world.actor("county_handler"), on, Calendar()) == {row.pk: (4 + 2, 10)}
    assert desk.clocks([row], world.actor("city_handler"), on, Calendar()) == {row.pk: (0, 0)}
    row.timeline.create(
        at=back + timedelta(days=2), verb="withdraw", from_state="screening", to_state="withdrawn", step="county",
        capacity="x", person="x",
    )  # fmt: skip
    later = on + timedelta(days=30)
    assert desk.clocks([row], world.actor("county_handler"), later, Calendar()) == {row.pk: (4 + 2, 10)}


def test_the_queue_asks_no_more_for_more_rows(world: World, call: Any) -> None:
    counts = []
    for number in (2, 6):
        cases(world, call, number, start=6000 + 10 * number)
        with CaptureQueriesContext(connection) as asked:
            desk.page(world.actor("county_handler"), on=NOW.date())
        counts.append(len(asked))
    assert counts[0] == counts[1]

"""Drawing the members of a panel: who is left out, what is recorded, who judges what, substitutes (HLJ-16b, features 13–15)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from applications.models import Application, Project
from applications.states import ProjectState
from greenlist.accounts.models import User
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry
from greenlist.organisations.models import Membership
from reviews.models import Absence, Draw, Employment, Expert, Panel, Seat, Sheet
from reviews.selectors import draws as reads
from reviews.services import draws, panels, seats
from reviews.states import DrawKind
from tests import factories
from tests.reviews import stage
from tests.world import World

START, DAY = stage.START, date(2026, 6, 1)


def as_expert(user: User) -> Actor:
    return Actor(capacity=Capacity.EXPERT, key="expert", user_id=user.pk, name=user.name)


def entry(user: User, **fields: Any) -> Expert:
    return Expert.objects.update_or_create(user=user, defaults=fields)[0]


def employed(user: User, employer: str, until: date | None = None) -> None:
    Employment.objects.create(expert=entry(user), employer=employer, until=until, added_by=user, added_at=START)


def drawable(world: World, panel: Panel) -> set[str]:
    found = reads.pool_for(panel, reads.cases_of(panel), DAY)
    cases = {case.reference for case in reads.cases_of(panel)}
    return {found.names["people"][one.key]["name"] for one in found.people if not one.out and cases - set(one.barred)}


def why_not(panel: Panel, user: User) -> set[str]:
    found = reads.pool_for(panel, reads.cases_of(panel), DAY)
    one = next(person for person in found.people if person.key == str(user.pk))
    return {*one.out, *one.barred.values()}


# ---- who is left out ------------------------------------------------------------------------------------------------
def test_the_record_counts_several_people_left_out_for_one_reason(world: World, call: Any, case: Application) -> None:
    people = stage.pool(world, 5)
    for one in people[:2]:
        employed(one, case.name)
    entry(people[2], suspended_at=START, suspension_reason="考核")
    panel = stage.drawn(world, [case], places=2)
    shown = reads.shown(panel.draws.get())
    known = {one.name for one in people[:3]} | {world.user("conflicted_expert").name}
    assert known <= {one.name for one in shown.left_out}
    assert max(dict(shown.counts).values()) >= 2
    answer = world.client("city_handler").get(reverse("reviews:panel-draw-record", args=[panel.reference, 1]))
    assert answer.status_code == 200 and people[0].name in answer.content.decode()


@pytest.mark.clause("HLJ-16b")
def test_who_has_a_tie_or_cannot_come_is_never_drawn(world: World, call: Any, case: Application) -> None:
    people = stage.pool(world, 9)
    panel = stage.laid_down(world, [case], (), drawn=True, closes_on=DAY + timedelta(days=9))
    assert why_not(panel, people[0]) == set()
    employed(people[0], case.name.replace("有限公司", " 有限公司"))
    employed(people[1], case.name, until=date(2024, 5, 31))
    employed(people[2], case.name, until=date(2023, 5, 31))  # three years are over
    entry(people[3], suspended_at=START, suspension_reason="考核")
    Absence.objects.create(expert=entry(people[4]), since=DAY + timedelta(days=9), until=DAY + timedelta(days=12))
    Absence.objects.create(expert=entry(people[5]), since=DAY + timedelta(days=10), until=DAY + timedelta(days=12))
    entry(people[6], cap_per_year=1)
    Membership.objects.create(
        user=people[7], organisation=case.organisation, role="staff", valid_from=factories.LONG_AGO
    )
    assert why_not(panel, people[0]) == {"employer"}
    assert why_not(panel, people[1]) == {"former"}
    assert why_not(panel, people[2]) == set()
    assert why_not(panel, people[3]) == {"suspended"}
    assert why_not(panel, people[4]) == {"away"}
    assert why_not(panel, people[5]) == set()
    assert why_not(panel, people[6]) == set()
    assert why_not(panel, people[7]) == {"member"}
    assert why_not(panel, world.user("conflicted_expert")) == {"employer"}
    for number in range(12):
        asked = draws.Asked(places=4, reason="试" if number else "")
        panel.refresh_from_db()
        made = draws.draw_members(
            actor=world.actor("city_handler"),
            reference=panel.reference,
            version=panel.version,
            asked=asked,
            at=START,
            seed=f"{number:064x}",
        )
        barred = {str(people[n].pk) for n in (0, 1, 3, 4, 7)} | {str(world.user("conflicted_expert").pk)}
        assert not barred & set(made.result["people"])


@pytest.mark.authz
def test_drawn_members_are_not_exchanged_for_chosen_ones(world: World, call: Any, case: Application) -> None:
    stage.pool(world, 5)
    panel = stage.drawn(world, [case])
    drawn = set(panel.seats.values_list("user_id", flat=True))
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": panel.reference, "at": START}
    kept = stage.plan([case], world, (), drawn=True, title="改了题目")
    panels.edit(**given, version=panel.version, plan=kept)
    panel.refresh_from_db()
    assert panel.title == "改了题目" and set(panel.seats.values_list("user_id", flat=True)) == drawn
    for other in (
        stage.plan([case], world),
        stage.plan([case], world, (), kind="body", body="示例机构"),
    ):
        with pytest.raises(Refused):
            panels.edit(**given, version=panel.version, plan=other)
    with pytest.raises(Refused):  # nor by an invitation once it is open
        panel.plan = "评审方案"
        panel.save()
        panels.open_panel(**given)
        panels.invite(**given, user_id=world.user("expert").pk)
    panel.refresh_from_db()
    assert panel.drawn and set(panel.seats.values_list("user_id", flat=True)) == drawn
    undrawn = stage.laid_down(world, stage.several(world, call, 1, start=6600), (), drawn=True)
    rows = [item.application for item in undrawn.items.all()]
    given["reference"] = undrawn.reference
    panels.edit(**given, version=undrawn.version, plan=stage.plan(rows, world))  # nobody was drawn yet: it may


def test_the_body_that_wrote_the_report_and_an_earlier_declaration_bar(
    world: World, call: Any, case: Application
) -> None:
    people = stage.pool(world, 3)
    body = world.orgs["evaluator"]
    Project.objects.create(
        body=body,
        application=case,
        unit=case.name,
        category="factory",
        tier="city",
        year=2026,
        state=ProjectState.REPORTED,
        offered_by=world.user("applicant"),
        offered_at=START,
    )
    employed(people[0], body.name)
    Membership.objects.create(user=people[1], organisation=body, role="staff", valid_from=factories.LONG_AGO)
    panel = stage.laid_down(world, [case], (), drawn=True)
    assert why_not(panel, people[0]) == {"body"}
    assert why_not(panel, people[1]) == {"body"}
    assert why_not(panel, people[2]) == set()
    other = stage.several(world, call, 1, start=6500)[0]
    Application.objects.filter(pk=other.pk).update(organisation=case.organisation)
    earlier = stage.opened(world, [other], ("expert2", "expert3"))
    stage.admitted(world, earlier, "expert3", conflicts={other.reference: "亲属"})
    assert why_not(panel, world.user("expert3")) == {"earlier"}


def test_the_place_bars_only_where_the_rule_set_says_so(world: World, rules: None) -> None:
    from tests.applications import county

    case = stage.provincial(world, county.open_call(world, "heilongjiang"), 8100)
    people = stage.pool(world, 3, authority="230000")
    for user, slug in zip(people, ("230102", "230100", "230000"), strict=True):
        entry(user, area=world.areas[slug])
    panel = stage.laid_down(world, [case], (), drawn=True, handler="hlj_province_handler", plan="评审方案")
    assert why_not(panel, people[0]) == {"area"}
    assert why_not(panel, people[1]) == {"area"}
    assert why_not(panel, people[2]) == set()  # of the whole province: from nowhere in particular
    here = stage.recommended(world, county.open_call(world))
    city = stage.laid_down(world, [here], (), drawn=True)
    entry(world.user("expert"), area=world.areas["130302"])
    assert why_not(city, world.user("expert")) == set()


# ---- the record -----------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-16b")
def test_the_draw_is_recorded_and_comes_out_the_same_again(world: World, three: list[Application]) -> None:
    stage.pool(world, 12)
    panel = stage.drawn(world, three, places=5, per_case=2, cap=2)
    made = Draw.objects.get()
    assert made.digest == reads.frozen(made.seed, made.inputs, made.result)
    assert AuditEntry.objects.get(action="panel.drawn").payload.data["digest"] == made.digest
    assert [str(seat.user_id) for seat in panel.seats.order_by("pk")] == made.result["people"]
    out = StringIO()
    call_command("redraw", panel.reference, verify=True, stdout=out)
    names = {seat.user.name for seat in panel.seats.all()}
    assert all(name in out.getvalue() for name in names)
    assert "1 draws worked out again, 0 differ" in out.getvalue()
    swapped = [*made.result["people"][1:], made.result["reserve"][0]]
    Draw.objects.update(result={**made.result, "people": swapped})
    with pytest.raises(SystemExit):
        call_command("redraw", verify=True, stdout=out)
    forged = {**made.result, "people": swapped}
    Draw.objects.update(digest=reads.frozen(made.seed, made.inputs, forged))  # the digest forged too
    assert reads.verified(Draw.objects.get()) == "names"
    with pytest.raises(CommandError):
        call_command("redraw", panel.reference, stdout=out)
    with pytest.raises(CommandError):
        call_command("redraw", "nowhere", verify=True, stdout=out)


def test_a_second_draw_needs_a_reason_and_both_stay(world: World, three: list[Application]) -> None:
    stage.pool(world, 8)
    panel = stage.drawn(world, three)
    actor, first = world.actor("city_handler"), [seat.user_id for seat in panel.seats.order_by("pk")]
    given: dict[str, Any] = {"actor": actor, "reference": panel.reference, "at": START, "seed": "cd" * 32}
    with pytest.raises(Invalid) as refused:
        draws.draw_members(version=panel.version, asked=draws.Asked(places=3), **given)
    assert "reason" in refused.value.problems
    with pytest.raises(Conflict):
        draws.draw_members(version=panel.version - 1, asked=draws.Asked(places=3, reason="再抽"), **given)
    draws.draw_members(version=panel.version, asked=draws.Asked(places=3, reason="一人请假"), **given)
    assert [draw.reason for draw in panel.draws.order_by("number")] == ["", "一人请假"]
    assert [seat.user_id for seat in panel.seats.order_by("pk")] != first
    for character, refusal in (("city_approver", None), ("other_city_handler", NotVisible), ("expert", NotVisible)):
        panel.refresh_from_db()
        asked = draws.Asked(places=3, reason="再")
        values = {**given, "actor": world.actor(character)}
        if refusal is None:
            draws.draw_members(version=panel.version, asked=asked, **values)
        else:
            with pytest.raises(refusal):
                draws.draw_members(version=panel.version, asked=asked, **values)


def test_what_cannot_be_drawn_is_said_and_changes_nothing(world: World, three: list[Application]) -> None:
    panel = stage.laid_down(world, three, (), drawn=True)
    for asked, field in (
        (draws.Asked(places=99), "places"),
        (draws.Asked(places=2, quotas={"天文": 1}), "quotas"),
        (draws.Asked(places=2, per_case=3), "per_case"),
        (draws.Asked(places=2, per_case=2, cap=1), "places"),
    ):
        with pytest.raises(Invalid) as refused:
            draws.draw_members(
                actor=world.actor("city_handler"), reference=panel.reference, version=1, asked=asked, at=START
            )
        assert field in refused.value.problems
    assert not Draw.objects.exists()
    assert not panel.seats.exists()
    with pytest.raises(Refused):  # nobody drawn
        panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    chosen = stage.laid_down(world, stage.several(world, three[0].call, 1, start=6900))
    with pytest.raises(Refused):
        draws.draw_members(
            actor=world.actor("city_handler"),
            reference=chosen.reference,
            version=1,
            asked=draws.Asked(places=2),
            at=START,
        )


def test_other_units_need_another_draw(world: World, three: list[Application]) -> None:
    stage.pool(world, 6)
    panel = stage.drawn(world, three)
    actor = world.actor("city_handler")
    same = stage.plan(three, world, (), drawn=True, title="改名")
    panels.edit(actor=actor, reference=panel.reference, version=panel.version, plan=same, at=START)
    assert panel.seats.count() == 3
    panel.refresh_from_db()
    fewer = stage.plan(three[:2], world, (), drawn=True)
    panels.edit(actor=actor, reference=panel.reference, version=panel.version, plan=fewer, at=START)
    assert not panel.seats.exists()


# ---- who judges what ------------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-16b")
def test_sheets_are_laid_only_for_what_was_given_out(world: World, call: Any) -> None:
    rows = stage.several(world, call, 7)
    stage.pool(world, 8)
    panel = stage.drawn(world, rows, places=4, per_case=2)
    panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    per_unit = Counter(Sheet.objects.values_list("item__application_id", flat=True))
    per_seat = Counter(Sheet.objects.values_list("seat_id", flat=True))
    assert set(per_unit.values()) == {2}
    assert max(per_seat.values()) - min(per_seat.values()) <= 1
    seat = panel.seats.select_related("user").first()
    assert seat is not None
    actor = as_expert(seat.user)
    seats.pledge(actor=actor, reference=panel.reference, at=START)
    seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=START)
    assert Application.objects.visible_to(actor).count() == per_seat[seat.pk]


def test_chosen_experts_get_their_share_by_lot(world: World, call: Any, three: list[Application]) -> None:
    panel = stage.opened(world, three, ("expert", "expert2", "expert3"), per_case=2)
    assert Counter(Sheet.objects.values_list("seat__user__name", flat=True)) == {"专家甲": 2, "专家乙": 2, "专家丙": 2}
    made = panel.draws.get()
    assert made.kind == DrawKind.UNITS
    assert reads.verified(made) == ""
    with pytest.raises(Invalid):
        stage.laid_down(world, stage.several(world, call, 1, start=6800), ("expert",), per_case=2)


def test_a_unit_without_its_experts_is_not_concluded_silently(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three[:1], ("expert", "expert2"), per_case=2)
    stage.admitted(world, panel, "expert")
    stage.admitted(world, panel, "expert2", conflicts={three[0].reference: "亲属"})
    stage.locked(world, panel, "expert", "88")
    panel.refresh_from_db()
    given: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": panel.reference, "at": START}
    with pytest.raises(Invalid) as refused:
        panels.conclude(version=panel.version, result=stage.result(three[:1]), **given)
    assert set(refused.value.problems) == {"fewer"}
    panel.refresh_from_db()
    result = panels.Result(**{**stage.result(three[:1]).__dict__, "fewer": "库中无其他专家"})
    assert panels.conclude(version=panel.version, result=result, **given).fewer == "库中无其他专家"


# ---- substitutes and further opinions -------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-16b")
def test_who_gives_up_is_replaced_by_the_next_seed_of_the_chain(world: World, three: list[Application]) -> None:
    stage.pool(world, 8)
    panel = stage.drawn(world, three, places=3, per_case=2)
    actor = world.actor("city_handler")
    panels.open_panel(actor=actor, reference=panel.reference, at=START)
    gone = panel.seats.select_related("user").order_by("pk").first()
    assert gone is not None
    units = set(gone.sheets.values_list("item__application_id", flat=True))
    with pytest.raises(NotVisible):  # still sits
        draws.substitute(actor=actor, reference=panel.reference, seat_id=gone.pk, at=START)
    seats.recuse(actor=as_expert(gone.user), reference=panel.reference, reason="与企业有合作", at=START)
    with pytest.raises(Refused):  # drawn panels are not filled by hand
        panels.invite(actor=actor, reference=panel.reference, user_id=world.user("expert").pk, at=START)
    made = draws.substitute(actor=actor, reference=panel.reference, seat_id=gone.pk, at=START)
    first = panel.draws.get(number=1)
    from greenlist.policy.engine import drawing

    assert (made.number, made.seed, made.reason) == (2, drawing.following(first.seed, 2), "与企业有合作")
    new = Seat.objects.get(stands_for=gone)
    assert set(new.sheets.values_list("item__application_id", flat=True)) == units
    assert new.user_id not in {seat.user_id for seat in panel.seats.exclude(pk=new.pk)}
    assert reads.verified(made) == ""
    with pytest.raises(Refused):
        draws.substitute(actor=actor, reference=panel.reference, seat_id=gone.pk, at=START)
    with pytest.raises(NotVisible):
        draws.substitute(actor=world.actor("other_city_handler"), reference=panel.reference, seat_id=gone.pk, at=START)


def test_scores_far_apart_bring_a_third_opinion(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three[:1], ("expert", "expert2"))
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "60")
    stage.locked(world, panel, "expert2", "90")
    actor, case = world.actor("city_handler"), three[0].reference
    with pytest.raises(Invalid):
        draws.another(actor=actor, reference=panel.reference, case=case, reason=" ", at=START)
    with pytest.raises(NotVisible):
        draws.another(actor=actor, reference=panel.reference, case="nowhere", reason="分差大", at=START)
    with pytest.raises(NotAllowed):
        draws.another(actor=world.actor("expert"), reference=panel.reference, case=case, reason="分差大", at=START)
    made = draws.another(actor=actor, reference=panel.reference, case=case, reason="分差大", at=START)
    assert (made.kind, made.reason) == (DrawKind.THIRD, "分差大")
    drawn = User.objects.get(pk=int(made.result["people"][0]))
    assert drawn.username in ("expert3", "conflicted_expert")
    assert list(panel.seats.get(user=drawn).sheets.values_list("item__application__reference", flat=True)) == [case]
    panel.refresh_from_db()
    with pytest.raises(Refused):  # waits for the third
        panels.conclude(
            actor=actor, reference=panel.reference, version=panel.version, result=stage.result(three[:1]), at=START
        )


def test_a_lacking_expert_may_come_from_those_at_work(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, ("expert", "expert2", "expert3"), per_case=2)
    for character in ("expert", "expert2", "expert3"):
        stage.admitted(world, panel, character)
    pool_people = [world.user("conflicted_expert")]
    for user in pool_people:
        entry(user, suspended_at=START)
    sheet = Sheet.objects.filter(seat__user=world.user("expert")).select_related("item__application").first()
    assert sheet is not None
    case = sheet.item.application
    seats.keep_away(
        actor=world.actor("expert"), reference=panel.reference, case=case.reference, reason="同学", at=START
    )
    made = draws.another(
        actor=world.actor("city_handler"), reference=panel.reference, case=case.reference, reason="有人回避", at=START
    )
    seat = panel.seats.get(user_id=int(made.result["people"][0]))
    assert seat.sheets.count() == 3
    assert panel.seats.count() == 3
    assert case in Application.objects.visible_to(as_expert(seat.user))  # had declared: opens at once


# ---- HLJ-17, chair, pages -------------------------------------------------------------------------------------------
@pytest.mark.clause("HLJ-17")
def test_risk_points_and_reminder_talk_come_before_the_panel_opens(world: World, rules: None) -> None:
    from tests.applications import county

    case = stage.provincial(world, county.open_call(world, "heilongjiang"), 8200)
    stage.pool(world, 6, authority="230000")
    actor = world.actor("hlj_province_handler")
    panel = stage.drawn(world, [case], handler="hlj_province_handler", places=3, per_case=3)
    with pytest.raises(Refused) as refused:
        panels.open_panel(actor=actor, reference=panel.reference, at=START)
    assert refused.value.clause == "HLJ-16b"  # no review plan
    changed = stage.plan([case], world, (), drawn=True, plan="原则、范围、程序、内容、要求")
    panels.edit(actor=actor, reference=panel.reference, version=panel.version, plan=changed, at=START)
    with pytest.raises(Refused) as refused:
        panels.open_panel(actor=actor, reference=panel.reference, at=START)
    assert refused.value.clause == "HLJ-17"
    panel.refresh_from_db()
    given: dict[str, Any] = {"actor": actor, "reference": panel.reference, "version": panel.version, "at": START}
    with pytest.raises(Invalid) as wrong:
        panels.record_talk(risks="", talk_on=DAY + timedelta(days=1), talk="", **given)
    assert set(wrong.value.problems) == {"risks", "talk_on", "talk"}
    with pytest.raises(NotVisible):
        panels.record_talk(risks="x", talk_on=DAY, talk="x", **{**given, "actor": world.actor("city_handler")})
    panels.record_talk(risks="打招呼、泄露评审信息", talk_on=DAY, talk="处长集体提醒谈话", **given)
    panels.open_panel(actor=actor, reference=panel.reference, at=START)
    panel.refresh_from_db()
    with pytest.raises(WrongState):
        panels.record_talk(risks="x", talk_on=DAY, talk="x", **{**given, "version": panel.version})
    seat = panel.seats.select_related("user").first()
    assert seat is not None
    assert not seat.pledged_at
    seats.pledge(actor=as_expert(seat.user), reference=panel.reference, at=START)
    with pytest.raises(Invalid):  # this draft lets nobody be chosen by hand
        stage.laid_down(world, [stage.provincial(world, case.call, 8201)], handler="hlj_province_handler")


def test_pages_of_the_draw(world: World, three: list[Application]) -> None:
    stage.pool(world, 9)
    entry(world.user("expert3"), suspended_at=START)
    panel = stage.laid_down(world, three, (), drawn=True)
    client = world.client("city_handler")
    address = reverse("reviews:panel-draw", args=[panel.reference])
    assert client.get(address).status_code == 200
    assert client.post(address, {"version": 1, "places": "99"}).status_code == 422
    sent = {"version": 1, "places": "4", "per_case": "2", "cap": "", "quota-1": "1"}
    record = client.post(address, sent)
    assert record.status_code == 302, record.content.decode()
    page = client.get(record.url).content.decode()
    draw = Draw.objects.get()
    assert draw.seed in page
    assert "专家丙" in page  # left out, named to the authority
    shown = client.get(reverse("reviews:panel", args=[panel.reference])).content.decode()
    assert all(seat.user.name in shown for seat in panel.seats.select_related("user"))
    assert client.get(address).status_code == 200
    assert world.client("other_city_handler").get(record.url).status_code == 404
    seat = panel.seats.order_by("-pk").first()
    assert seat is not None
    client.post(reverse("reviews:panel-chair", args=[panel.reference]), {"seat": seat.pk})
    assert panel.seats.get(is_chair=True) == seat
    talk = reverse("reviews:panel-talk", args=[panel.reference])
    panel.refresh_from_db()
    assert client.post(talk, {"version": panel.version, "risks": "x"}).status_code == 422
    sent = {"version": panel.version, "risks": "x", "talk_on": "2026-05-30", "talk": "谈话"}
    assert client.post(talk, sent).status_code == 302

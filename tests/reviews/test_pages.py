"""The pages: who gets which, what they show and never show, plain POST all the way (QHD-9, QHD-10a, AZ-08)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application
from applications.states import State
from greenlist.core.models import Notification
from reviews.models import Decision, DecisionItem, Panel, Sheet
from reviews.selectors import panels as reads
from reviews.services import panels
from reviews.states import DecisionState, Outcome, PanelState
from tests.reviews import stage
from tests.world import World

START = stage.START
BOTH_CITIES = ("other_city_handler", "county_handler", "province_handler", "applicant", "rival", "expert3", "stranger")


def address(name: str, *parts: Any) -> str:
    return reverse(f"reviews:{name}", args=parts)


def shown(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def official(world: World) -> Client:
    return world.client("city_handler")


# ---- panels -----------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-9")
def test_the_builder_shows_what_waits_and_who_must_keep_away(
    world: World, official: Client, call: Any, case: Application, three: list[Application]
) -> None:
    assert case.call.title in shown(official.get(address("panels")))
    page = official.get(address("panel-new", call.pk))
    text = shown(page)
    assert page.status_code == 200
    assert all(row.name in text for row in (case, *three))
    assert "专家丁" in text
    assert "受聘于申报单位" in text
    made = official.post(
        address("panel-new", call.pk),
        {
            "title": "评审组",
            "kind": "experts",
            "pledge": stage.PLEDGE,
            "applications": [row.reference for row in three],
            "experts": [world.user("expert").pk, world.user("expert2").pk],
            "chair": world.user("expert2").pk,
        },
    )
    panel = Panel.objects.get()
    assert made.url == address("panel", panel.reference)
    assert [(seat.user, seat.is_chair) for seat in panel.seats.order_by("pk")] == [
        (world.user("expert"), False),
        (world.user("expert2"), True),
    ]


def test_a_refused_builder_keeps_what_was_typed(official: Client, call: Any, three: list[Application]) -> None:
    answer = official.post(
        address("panel-new", call.pk), {"title": "半成品", "kind": "experts", "applications": [three[0].reference]}
    )
    assert answer.status_code == 422
    text = shown(answer)
    assert "半成品" in text
    assert f'value="{three[0].reference}" checked' in text
    assert f'value="{three[1].reference}" checked' not in text
    assert not Panel.objects.exists()


def test_a_panel_is_edited_opened_and_staffed_by_plain_posts(
    world: World, official: Client, three: list[Application]
) -> None:
    panel = stage.laid_down(world, three)
    page = official.get(address("panel-edit", panel.reference))
    assert page.status_code == 200
    given = {
        "version": panel.version,
        "title": "改后的评审组",
        "kind": "experts",
        "pledge": stage.PLEDGE,
        "applications": [row.reference for row in three],
        "experts": [world.user("expert").pk],
    }
    assert official.post(address("panel-edit", panel.reference), given).status_code == 302
    assert official.post(address("panel-edit", panel.reference), given).status_code == 409  # a stale page
    assert official.post(address("panel-open", panel.reference)).url == address("panel", panel.reference)
    panel.refresh_from_db()
    assert (panel.title, panel.state) == ("改后的评审组", PanelState.OPEN)
    official.post(address("panel-invite", panel.reference), {"expert": world.user("expert2").pk})
    assert panel.seats.count() == 2
    seat = stage.seat_of(world, panel, "expert")
    excuse = address("panel-excuse", panel.reference, seat.pk)
    assert official.get(excuse).status_code == 200
    assert official.post(excuse, {"reason": ""}).status_code == 422
    assert official.post(excuse, {"reason": "出差"}).status_code == 302
    assert "出差" in shown(official.get(address("panel", panel.reference)))


def test_a_panel_in_preparation_can_be_dropped(world: World, official: Client, three: list[Application]) -> None:
    panel = stage.laid_down(world, three)
    assert official.post(address("panel-cancel", panel.reference)).status_code == 302
    assert official.post(address("panel-cancel", panel.reference)).status_code == 409


def test_the_conclusion_page_keeps_a_draft_and_closes_the_panel(
    world: World, official: Client, three: list[Application]
) -> None:
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "80")
    page = official.get(address("panel-conclude", panel.reference))
    assert "专家乙" in shown(page)  # whom the conclusion waits for
    given: dict[str, Any] = {"version": panel.version, "opinion": "初步意见", "save": "1"}
    assert official.post(address("panel-conclude", panel.reference), given).status_code == 302
    stage.locked(world, panel, "expert2", "90")
    panel.refresh_from_db()
    given = {"version": panel.version, "opinion": "评审意见", "finish": "1"}
    refused = official.post(address("panel-conclude", panel.reference), given)
    assert refused.status_code == 422
    assert "评审意见" in shown(refused)
    for row in three:
        given |= {f"suggested-{row.reference}": "yes", f"conclusion-{row.reference}": "同意推荐"}
    assert official.post(address("panel-conclude", panel.reference), given).status_code == 302
    panel.refresh_from_db()
    assert (panel.state, panel.opinion) == (PanelState.CLOSED, "评审意见")
    text = shown(official.get(address("panel", panel.reference)))
    assert "评审意见" in text
    assert "85.00" in text
    assert "专家甲" in text
    assert official.get(address("panel-conclude", panel.reference)).status_code == 302


def test_unlocked_scores_stay_the_experts_own(world: World, official: Client, three: list[Application]) -> None:
    """The convener sees progress, never a score before it is locked."""
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    stage.filled(world, panel, "expert", "77.31")
    for name in ("panel", "panel-conclude"):
        text = shown(official.get(address(name, panel.reference)))
        assert "77.31" not in text
        assert "材料齐全" not in text
    assert "3 / 3" in shown(official.get(address("panel", panel.reference)))


# ---- the expert -------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-9")
@pytest.mark.case("AZ-08")
def test_before_the_pledge_the_page_names_the_panel_and_nothing_else(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, plan="先看第三家")
    client = world.client("expert")
    text = shown(client.get(address("seat", panel.reference)))
    assert panel.title in text
    assert stage.PLEDGE in text
    for row in three:
        for secret in (row.name, row.code, row.number, row.reference):
            assert secret not in text
        assert client.get(address("sheet", panel.reference, row.reference)).status_code == 404
        assert client.get(reverse("applications:case", args=[row.reference])).status_code == 404
    assert "先看第三家" not in text
    assert client.post(address("seat-pledge", panel.reference)).status_code == 422  # the box is not ticked
    assert client.post(address("seat-pledge", panel.reference), {"signed": "yes"}).status_code == 302
    text = shown(client.get(address("seat", panel.reference)))
    assert all(row.name in text for row in three)
    assert client.get(address("sheet", panel.reference, three[0].reference)).status_code == 404


@pytest.mark.case("AZ-08")
def test_an_expert_walks_from_declaration_to_lock(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    client = world.client("expert")
    client.post(address("seat-pledge", panel.reference), {"signed": "yes"})
    away, first, second = (row.reference for row in three)
    refused = client.post(address("seat-declare", panel.reference), {"away": [away], f"reason-{away}": ""})
    assert refused.status_code == 422
    declared = client.post(address("seat-declare", panel.reference), {"away": [away], f"reason-{away}": "亲属任职"})
    assert declared.status_code == 302
    assert client.get(address("sheet", panel.reference, away)).status_code == 404
    page = client.get(address("sheet", panel.reference, first))
    assert page.status_code == 200
    assert "示例内容" in shown(page)  # the declared report stands beside the sheet
    assert client.get(address("seat-lock", panel.reference)).status_code == 200
    for case in (first, second):
        given = {"version": 0, "score": "88.5", "suggests": "yes", "comment": "指标先进"}
        saved = client.post(address("sheet-save", panel.reference, case), given)
        assert saved.status_code == 302
    assert "亲属任职" in shown(client.get(address("seat", panel.reference)))
    lock = {f"version-{first}": 1, f"version-{second}": 0}
    assert client.post(address("seat-lock", panel.reference), lock).status_code == 409
    assert client.post(address("seat-lock", panel.reference), lock | {f"version-{second}": 1}).status_code == 302
    text = shown(client.get(address("sheet", panel.reference, first)))
    assert "88.50" in text
    assert "<textarea" not in text
    given = {"version": 1, "score": "1", "suggests": "no", "comment": "改"}
    assert client.post(address("sheet-save", panel.reference, first), given).status_code == 409


def test_autosave_speaks_json_and_shows_both_texts(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    client, case = world.client("expert"), three[0].reference
    url = address("sheet-save", panel.reference, case)
    given = {"version": 0, "score": "80", "suggests": "", "comment": "第一稿"}
    ajax = {"X-Requested-With": "autosave"}
    assert client.post(url, given, headers=ajax).json()["version"] == 1
    stale = client.post(url, {**given, "comment": "第二窗口"}, headers=ajax)
    assert stale.status_code == 409
    assert stale.json()["theirs"] == {"score": "80", "suggests": "", "comment": "第一稿"}
    bad = client.post(url, {**given, "version": 1, "score": "101"}, headers=ajax)
    assert bad.status_code == 422
    assert "score" in bad.json()["problems"]
    plain = client.post(url, {**given, "comment": "第二窗口"})
    assert plain.status_code == 409
    text = shown(plain)
    assert "第一稿" in text
    assert "第二窗口" in text
    assert 'name="version" value="1"' in text
    assert Sheet.objects.get(seat__user=world.user("expert"), item__application=three[0]).comment == "第一稿"


def test_an_expert_gives_up_the_seat_or_one_unit(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    client, case = world.client("expert"), three[0].reference
    away = address("sheet-away", panel.reference, case)
    assert client.get(away).status_code == 200
    assert client.post(away, {"reason": ""}).status_code == 422
    assert client.post(away, {"reason": "曾任顾问"}).status_code == 302
    assert client.get(address("sheet", panel.reference, case)).status_code == 404
    recuse = address("seat-recuse", panel.reference)
    assert client.get(recuse).status_code == 200
    assert client.post(recuse, {"reason": " "}).status_code == 422
    assert client.post(recuse, {"reason": "时间冲突"}).url == address("seats")
    assert client.get(address("seat", panel.reference)).url == address("seats")  # an old message leads on
    for url in (address("sheet", panel.reference, three[1].reference), recuse):
        assert client.get(url).status_code == 404


@pytest.mark.case("AZ-08")
def test_one_expert_never_reads_another(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "12.34")
    client = world.client("expert2")
    for url in (
        address("seat", panel.reference),
        address("sheet", panel.reference, three[0].reference),
        address("seat-lock", panel.reference),
    ):
        text = shown(client.get(url))
        assert "12.34" not in text
        assert "专家甲" not in text


@pytest.mark.case("AZ-08")
def test_report_and_files_open_with_the_declaration_and_close_with_the_panel(
    world: World, three: list[Application]
) -> None:
    """The report and its files are reached through `applications`; the PDF prints contacts, so no expert gets it."""
    panel, case = stage.opened(world, three), three[0]
    file = stage.evidence(world, case, at=START)
    client = world.client("expert")
    page, download = reverse("applications:case", args=[case.reference]), file

    def status(reader: Client, url: str) -> int:
        answer = reader.get(url)
        if answer.streaming:
            assert b"".join(answer.streaming_content)
        return int(answer.status_code)

    def statuses() -> tuple[int, ...]:
        pdf = reverse("applications:report-pdf", args=[case.reference])
        return tuple(status(client, url) for url in (page, download, pdf))

    assert status(world.client("city_handler"), download) == 200
    assert statuses() == (404, 404, 404)
    client.post(address("seat-pledge", panel.reference), {"signed": "yes"})
    assert statuses() == (404, 404, 404)
    client.post(address("seat-declare", panel.reference))
    assert statuses() == (200, 200, 404)
    assert "13800000000" not in shown(client.get(page))
    client.post(address("seat-recuse", panel.reference), {"reason": "时间冲突"})
    assert statuses() == (404, 404, 404)


# ---- isolation --------------------------------------------------------------------------------------------------
@pytest.mark.authz
@pytest.mark.case("AZ-08")
def test_every_page_of_a_panel_is_404_for_who_has_no_part(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    seat = stage.seat_of(world, panel, "expert")
    office = [
        ("get", address("panel", panel.reference)),
        ("get", address("panel-conclude", panel.reference)),
        ("get", address("panel-excuse", panel.reference, seat.pk)),
        ("post", address("panel-open", panel.reference)),
        ("post", address("panel-cancel", panel.reference)),
        ("post", address("panel-invite", panel.reference)),
        ("get", address("panel-document", panel.reference, "opinion")),
        ("get", address("panel-opinion-file", panel.reference)),
    ]
    own = [
        ("get", address("seat", panel.reference)),
        ("get", address("sheet", panel.reference, three[0].reference)),
        ("post", address("sheet-save", panel.reference, three[0].reference)),
        ("get", address("sheet-away", panel.reference, three[0].reference)),
        ("get", address("seat-lock", panel.reference)),
        ("post", address("seat-lock", panel.reference)),
        ("get", address("seat-recuse", panel.reference)),
        ("post", address("seat-pledge", panel.reference)),
        ("post", address("seat-declare", panel.reference)),
    ]
    assert world.client("city_handler").get(office[0][1]).status_code == 200
    assert world.client("expert").get(own[0][1]).status_code == 200
    for character in BOTH_CITIES:
        client = world.client(character)
        for method, url in (*office, *own):
            data = {"signed": "yes", "expert": "1"} if method == "post" else {}
            assert getattr(client, method)(url, data).status_code == 404, (character, url)
    expert = world.client("expert")
    for method, url in office:
        wanted = (403, 404) if method == "post" else (404,)
        assert getattr(expert, method)(url, {"expert": "1"}).status_code in wanted, url


@pytest.mark.authz
def test_every_page_of_a_decision_is_404_for_who_has_no_part(world: World, call: Any, three: list[Application]) -> None:
    stage.concluded(world, three)
    decision = stage.handed_over(world, call)
    pages = [
        ("get", address("decision", decision.reference)),
        ("post", address("decision-save", decision.reference)),
        ("post", address("decision-take-in", decision.reference)),
        ("post", address("decision-leave-out", decision.reference)),
        ("post", address("decision-hand-back", decision.reference)),
        ("post", address("decision-approve", decision.reference)),
        ("post", address("decision-cancel", decision.reference)),
        ("get", address("decision-document", decision.reference, "list")),
    ]
    assert world.client("city_approver").get(pages[0][1]).status_code == 200
    for character in (*BOTH_CITIES, "expert"):
        client = world.client(character)
        for method, url in pages:
            assert getattr(client, method)(url).status_code == 404, (character, url)
    decision.refresh_from_db()
    assert decision.state == DecisionState.TO_APPROVE


def test_lists_show_only_ones_own(world: World, call: Any, three: list[Application]) -> None:
    panel = stage.concluded(world, three)
    decision = stage.drafted(world, call)
    for name, title in (("panels", panel.title), ("decisions", decision.title)):
        assert title in shown(world.client("city_approver").get(address(name)))
        assert title not in shown(world.client("other_city_handler").get(address(name)))
    assert world.client("applicant").get(address("decisions")).status_code == 403
    assert world.client("applicant").get(address("panels")).status_code == 403
    assert world.client("expert").get(address("panels")).status_code == 200
    assert world.client("anonymous").get(address("panels")).status_code == 302


# ---- decisions --------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-10a")
def test_from_draft_to_approval_by_plain_posts(
    world: World, official: Client, call: Any, three: list[Application]
) -> None:
    said = {row.reference: row is not three[2] for row in three}
    stage.concluded(world, three, said)
    assert call.title in shown(official.get(address("decisions")))
    assert official.get(address("decision-new", call.pk)).status_code == 200
    official.post(address("decision-new", call.pk), {"title": "综合审查"})
    decision = Decision.objects.get()
    page = official.get(address("decision", decision.reference))
    assert page.status_code == 200
    text = shown(page)
    assert "85.00" in text
    assert "指标达成情况证据不足" in text  # the panel's conclusion
    given: dict[str, Any] = {"version": decision.version, "title": "综合审查", "hand_over": "1"}
    for row in three:
        given[f"outcome-{row.reference}"] = Outcome.PROPOSE if said[row.reference] else Outcome.DECLINE
    refused = official.post(address("decision-save", decision.reference), given)
    assert refused.status_code == 422
    given[f"reason-{three[2].reference}"] = "证据不足"
    assert official.post(address("decision-save", decision.reference), given).status_code == 302
    assert "<textarea" not in shown(official.get(address("decision", decision.reference)))
    approver = world.client("city_approver")
    text = shown(approver.get(address("decision", decision.reference)))
    digest = text.split('name="digest" value="')[1].split('"')[0]
    assert approver.post(address("decision-hand-back", decision.reference), {"note": ""}).status_code == 422
    assert approver.post(address("decision-approve", decision.reference), {"digest": "0" * 64}).status_code == 409
    assert official.post(address("decision-approve", decision.reference), {"digest": digest}).status_code == 403
    assert approver.post(address("decision-approve", decision.reference), {"digest": digest}).status_code == 302
    states = {row.reference: row.state for row in Application.objects.all()}
    assert [states[row.reference] for row in three] == [State.PROPOSED, State.PROPOSED, State.NOT_LISTED]
    decision.refresh_from_db()
    assert decision.digest in shown(approver.get(address("decision", decision.reference)))


def test_a_draft_is_saved_and_handed_back_and_units_left_out(
    world: World, official: Client, call: Any, three: list[Application]
) -> None:
    stage.concluded(world, three)
    decision = stage.drafted(world, call)
    official.post(address("decision-leave-out", decision.reference), {"case": three[0].reference})
    text = shown(official.get(address("decision", decision.reference)))
    assert "take-in" in text
    official.post(address("decision-take-in", decision.reference))
    assert decision.items.count() == 3
    decision.refresh_from_db()
    given = {"version": decision.version, "title": "改题", "text": "会议记录"}
    assert official.post(address("decision-save", decision.reference), given).status_code == 302
    assert official.post(address("decision-save", decision.reference), given).status_code == 409
    assert set(DecisionItem.objects.values_list("outcome", flat=True)) == {""}
    given = {"version": decision.version + 1, "title": "改题", "hand_over": "1"}
    given |= {f"outcome-{row.reference}": "propose" for row in three}
    official.post(address("decision-save", decision.reference), given)
    approver = world.client("city_approver")
    approver.post(address("decision-hand-back", decision.reference), {"note": "请补充会议记录"})
    assert "请补充会议记录" in shown(official.get(address("decision", decision.reference)))
    assert official.post(address("decision-cancel", decision.reference)).status_code == 302


def test_messages_lead_to_pages_that_open(world: World, call: Any, three: list[Application]) -> None:
    stage.concluded(world, three)
    stage.handed_over(world, call)
    kinds = {"panel.all_locked": "city_handler", "decision.to_approve": "city_approver"}
    for kind, character in kinds.items():
        link = Notification.objects.filter(kind=kind, channel="portal")[0].link
        assert world.client(character).get(link).status_code == 200


# ---- many rows --------------------------------------------------------------------------------------------------
def queries(client: Client, url: str) -> int:
    client.get(url)  # warm: rule sets are built once per process
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


@pytest.mark.parametrize("name", ["panels", "panel", "panel-edit", "panel-conclude", "seat", "seat-lock"])
def test_a_panel_costs_the_same_queries_for_3_and_30_units(world: World, call: Any, name: str) -> None:
    counts = []
    for count, start in ((3, 8000), (30, 8100)):
        rows = stage.several(world, call, count, start=start)
        panel = stage.laid_down(world, rows)
        client = world.client("city_handler")
        if name not in ("panels", "panel-edit"):
            panel = _at_work(world, panel)
        if name.startswith("seat"):
            client = world.client("expert")
        url = address(name) if name == "panels" else address(name, panel.reference)
        counts.append(queries(client, url))
    assert counts[0] == counts[1]


def _at_work(world: World, panel: Panel) -> Panel:
    panel = panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert2", "80")
    return panel


@pytest.mark.parametrize("name", ["decisions", "decision", "decision-new"])
def test_a_decision_costs_the_same_queries_for_3_and_30_units(world: World, call: Any, name: str) -> None:
    counts = []
    for count, start in ((3, 8300), (30, 8400)):
        rows = stage.several(world, call, count, start=start)
        Application.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.DECIDING, step="decide")
        client = world.client("city_handler")
        if name == "decision-new":
            counts.append(queries(client, address(name, call.pk)))
            stage.drafted(world, call)
            continue
        decision = stage.drafted(world, call)
        counts.append(queries(client, address(name) if name == "decisions" else address(name, decision.reference)))
    assert counts[0] == counts[1]


def test_lists_of_panels_and_decisions_cost_the_same_for_3_and_30_rows(world: World, call: Any) -> None:
    client = world.client("city_handler")
    counts: dict[str, list[int]] = {"panels": [], "decisions": []}
    for count in (3, 27):
        for number in range(count):
            row = stage.several(world, call, 1, start=8600 + count * 100 + number)[0]
            stage.laid_down(world, [row])
            other = stage.several(world, call, 1, start=9600 + count * 100 + number)[0]
            Application.objects.filter(pk=other.pk).update(state=State.DECIDING, step="decide")
            stage.drafted(world, call)
        for name, seen in counts.items():
            seen.append(queries(client, address(name)))
    assert all(few == many for few, many in counts.values())


def test_the_list_goes_on_by_key(world: World, call: Any) -> None:
    made = [stage.laid_down(world, stage.several(world, call, 1, start=9900 + n)) for n in range(3)]
    first = reads.page(world.actor("city_handler"), size=2)
    assert [panel.pk for panel in first.rows] == [made[2].pk, made[1].pk]
    second = reads.page(world.actor("city_handler"), after=first.after, size=2)
    assert ([panel.pk for panel in second.rows], second.after) == ([made[0].pk], None)


def test_empty_lists_say_what_comes_next(world: World, official: Client) -> None:
    for client, name in ((official, "panels"), (official, "decisions"), (world.client("expert"), "seats")):
        assert "empty__title" in shown(client.get(address(name)))

"""Supervisors watch and leave notes, judge nothing; a registered body may be commissioned instead (HLJ-16b, QHD-9)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Project, Registration
from applications.states import ProjectState, RegistrationState
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.organisations.models import Ban
from greenlist.policy import selectors as policy
from reviews import documents
from reviews.models import Panel, Remark, Watch
from reviews.selectors import panels as reads
from reviews.selectors import watches as watch_reads
from reviews.services import panels, seats, watches
from reviews.states import PanelKind
from tests.reviews import stage
from tests.world import World

START = stage.START


@pytest.fixture
def panel(world: World, three: list[Application]) -> Panel:
    return stage.opened(world, three)


def named(world: World, panel: Panel, handler: str = "city_handler") -> Watch:
    supervisor = world.user("supervisor").pk
    return watches.name(actor=world.actor(handler), reference=panel.reference, user_id=supervisor, at=START)


@pytest.mark.clause("HLJ-16b")
def test_a_supervisor_reads_and_notes_and_can_do_nothing_else(
    world: World, panel: Panel, three: list[Application]
) -> None:
    actor = world.actor("supervisor")
    with pytest.raises(NotVisible):
        watch_reads.get(actor, panel.reference)
    named(world, panel)
    stage.admitted(world, panel, "expert")
    stage.filled(world, panel, "expert", "77")
    page = watch_reads.get(actor, panel.reference)
    assert [row.done for row in page.seats] == [3, 0]
    assert not any(unit.sheets for unit in page.units)  # nothing before it is locked
    shown = world.client("supervisor").get(reverse("reviews:watch", args=[panel.reference])).content.decode()
    assert "77" not in shown.replace(panel.reference, "")[shown.index("<main") :]
    first = watches.remark(actor=actor, reference=panel.reference, text=" 抽取过程合规。 ", at=START)
    with pytest.raises(Invalid):
        watches.remark(actor=actor, reference=panel.reference, text=" ", at=START)
    watches.remark(actor=actor, reference=panel.reference, text="评分独立。", at=START)
    assert [remark.text for remark in watch_reads.remarks(panel)] == ["抽取过程合规。", "评分独立。"]
    given: dict[str, Any] = {"actor": actor, "reference": panel.reference, "at": START}
    case = three[0].reference
    for call, refusal in (
        (lambda: seats.pledge(**given), NotVisible),
        (
            lambda: seats.save_sheet(case=case, version=0, score=Decimal(1), suggests=True, comment="", **given),
            NotVisible,
        ),
        (lambda: seats.lock(versions={}, **given), NotVisible),
        (lambda: panels.invite(user_id=world.user("expert3").pk, **given), NotAllowed),
        (lambda: panels.excuse(seat_id=1, reason="x", **given), NotAllowed),
        (lambda: panels.conclude(version=panel.version, result=stage.result(three), **given), NotAllowed),
        (lambda: watches.name(user_id=1, **given), NotAllowed),
    ):
        with pytest.raises(refusal):
            call()
    assert not Application.objects.visible_to(actor).exists()
    for character in ("city_handler", "expert", "applicant"):
        with pytest.raises(NotVisible):
            watches.remark(actor=world.actor(character), reference=panel.reference, text="x", at=START)
    assert not hasattr(first, "version")  # append only: no service changes or removes a note


def test_only_supervisors_of_the_authority_are_named_and_released(world: World, panel: Panel) -> None:
    given: dict[str, Any] = {"reference": panel.reference, "at": START}
    for character in ("expert3", "city_approver", "stranger"):
        with pytest.raises(Invalid):
            watches.name(actor=world.actor("city_handler"), user_id=world.user(character).pk, **given)
    with pytest.raises(NotVisible):
        named(world, panel, "other_city_handler")
    watch = named(world, panel)
    with pytest.raises(Invalid):
        named(world, panel)
    watches.remark(actor=world.actor("supervisor"), text="到场。", **given)
    with pytest.raises(NotVisible):
        watches.release(actor=world.actor("other_city_handler"), watch_id=watch.pk, **given)
    watches.release(actor=world.actor("city_handler"), watch_id=watch.pk, **given)
    with pytest.raises(NotVisible):
        watch_reads.get(world.actor("supervisor"), panel.reference)
    assert Remark.objects.count() == 1
    page = world.client("city_handler").get(reverse("reviews:panel", args=[panel.reference])).content.decode()
    assert "到场。" in page
    named(world, panel)


def test_pages_of_supervisors(world: World, panel: Panel) -> None:
    client = world.client("city_handler")
    address = reverse("reviews:panel-watch", args=[panel.reference])
    assert client.post(address, {"supervisor": world.user("supervisor").pk}).status_code == 302
    own = world.client("supervisor")
    assert panel.title in own.get(reverse("reviews:watches")).content.decode()
    page = reverse("reviews:watch", args=[panel.reference])
    assert own.post(page, {"text": ""}).status_code == 422
    assert own.post(page, {"text": "符合程序"}).status_code == 302
    assert "符合程序" in own.get(page).content.decode()
    release = reverse("reviews:panel-watch-release", args=[panel.reference, Watch.objects.get().pk])
    assert client.post(release).status_code == 302
    assert own.get(page).status_code == 404


def test_the_record_of_the_panel_prints_talk_draws_pledges_and_notes(world: World, three: list[Application]) -> None:
    stage.pool(world, 6)
    panel = stage.drawn(world, three[:1], places=2)
    actor = world.actor("city_handler")
    panels.record_talk(
        actor=actor,
        reference=panel.reference,
        version=panel.version,
        risks="请托说情",
        talk_on=date(2026, 5, 30),
        talk="分管领导提醒谈话",
        at=START,
    )
    named(world, panel)
    watches.remark(actor=world.actor("supervisor"), reference=panel.reference, text="抽取合规", at=START)
    panel.refresh_from_db()
    data = documents.record_data(panel)
    assert (data["risks"], data["talk"], data["remarks"][0]["text"]) == ("请托说情", "分管领导提醒谈话", "抽取合规")
    assert data["draws"][0]["digest"] == panel.draws.get().digest
    assert [row["pledged_at"] for row in data["seats"]] == [None, None]
    protocol = documents.panel_paper(panel, "draw-1")
    assert protocol.data["seed"] == panel.draws.get().seed
    assert [link.url.rsplit("/", 2)[1] for link in documents.of_panel(panel)] == ["draw-1"]
    for kind in ("draw-2", "draw-x", "record", "opinion"):
        with pytest.raises(NotVisible):
            documents.panel_paper(panel, kind)


# ---- a body instead -------------------------------------------------------------------------------------------------
def registered(world: World, **fields: Any) -> Registration:
    row = Registration(
        body=world.orgs["evaluator"],
        authority=world.authorities["130000"],
        rules=policy.current("hebei-national"),
        submitted_by=world.user("evaluator"),
        submitted_at=START,
        state=RegistrationState.APPROVED,
        **fields,
    )
    row.save()
    return row


@pytest.mark.clause("QHD-9")
def test_a_registered_body_is_commissioned_unless_it_wrote_a_report_or_is_banned(
    world: World, call: Any, three: list[Application]
) -> None:
    body, actor = world.orgs["evaluator"], world.actor("city_handler")

    def commission(rows: list[Application]) -> Panel:
        plan = stage.plan(rows, world, (), kind=PanelKind.BODY, commissioned=body.pk)
        return panels.create(actor=actor, call=call, plan=plan, at=START)

    with pytest.raises(Invalid):  # not registered
        commission(three[:1])
    registered(world)
    project = Project.objects.create(
        body=body,
        application=three[1],
        unit=three[1].name,
        category="factory",
        tier="city",
        year=2026,
        state=ProjectState.REPORTED,
        offered_by=world.user("applicant"),
        offered_at=START,
    )
    with pytest.raises(Invalid):
        commission(three[1:2])
    panel = commission(three[:1])
    assert (panel.commissioned, panel.body, panel.drawn, panel.blind) == (body, body.name, False, False)
    ban = Ban.objects.create(
        organisation=body,
        authority=world.authorities["130300"],
        ground="fraud",
        since=date(2026, 5, 1),
        until=date(2027, 5, 1),
        decided_by=world.user("city_approver"),
        decided_at=START,
    )
    with pytest.raises(Invalid):
        commission(three[2:])
    ban.delete()
    project.delete()
    assert [one.why_not for one in reads.bodies_to_commission(call, [], date(2026, 6, 1))] == [""]


def test_the_builder_offers_drawing_and_bodies(world: World, call: Any, three: list[Application]) -> None:
    registered(world)
    client = world.client("city_handler")
    address = reverse("reviews:panel-new", args=[call.pk])
    page = client.get(address).content.decode()
    assert 'value="draw"' in page
    assert world.orgs["evaluator"].name in page
    given = {"title": "抽取评审", "kind": "draw", "pledge": "承诺", "applications": [row.reference for row in three]}
    assert client.post(address, {**given, "blind": "on"}).status_code == 302
    panel = Panel.objects.get()
    assert (panel.drawn, panel.blind, panel.seats.count()) == (True, True, 0)
    edit = reverse("reviews:panel-edit", args=[panel.reference])
    body = world.orgs["evaluator"].pk
    sent = {**given, "version": panel.version, "kind": "body", "commissioned": body}
    assert client.post(edit, sent).status_code == 302
    panel.refresh_from_db()
    assert (panel.kind, panel.body, panel.blind) == (PanelKind.BODY, world.orgs["evaluator"].name, False)
    assert client.get(edit).status_code == 200

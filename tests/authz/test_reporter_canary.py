"""Who reported something from the public is nowhere: no page, export, API, mail, log, trail, file or row tells it (R6, T7)."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse

from dynamics.models import Tip
from dynamics.services import tips
from dynamics.services.tips import Proposal
from greenlist.core import clock, outbox
from greenlist.core.models import AuditPayload, Blob, Notification
from tests.api.keys import token_for
from tests.authz import matrix, stage
from tests.authz.test_replay import content
from tests.dynamics.test_tips import _paper
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.timeout(1200)]
NAME, PHONE, MAIL, TEXT = "隐名举报人甲", "13811112222", "reporter-canary@person.example", "夜间偷排密证九号"
MARKS = (NAME, PHONE, MAIL, TEXT)
NAMED = "hlj_city_handler"  # the only one who may


def marked(world: World, unit: int) -> Tip:
    """Filed by the public form, accepted, with an outcome proposed: everything there is has been written about it."""
    client, page = Client(headers={"Accept-Language": "zh-CN"}), reverse("dynamics:report-unit", args=[unit])
    given = {"name": NAME, "contact": f"{PHONE} {MAIL}", "text": TEXT, "authority": world.authorities["230100"].pk}
    answer = client.post(page, {**given, "evidence": _paper()})
    assert answer.status_code == 302, answer.content.decode()
    tip = Tip.objects.latest("pk")
    at = clock.now()
    approver, handler = world.actor("hlj_city_approver"), world.actor(NAMED)
    tips.name_handler(actor=approver, receipt=tip.receipt, user=world.user(NAMED).pk, at=at)
    tips.open_identity(actor=handler, receipt=tip.receipt, reason="电话核实", at=at)
    tips.accept(actor=handler, receipt=tip.receipt, summary="核实排放台账。", at=at)
    proposal = Proposal("rectification", "经核实属实。", due_on=at.date().replace(year=at.year + 1))
    tips.propose(actor=handler, receipt=tip.receipt, proposal=proposal, at=at)
    tips.decide(actor=approver, receipt=tip.receipt, at=at)
    return tip


@pytest.mark.clause("JY-23")
@pytest.mark.clause("HLJ-32")
@pytest.mark.case("PR-02")
@pytest.mark.case("PR-07")
def test_the_mark_of_a_reporter_is_nowhere(
    world: World, _now: None, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    objects = stage.objects(world)
    tip = marked(world, objects["reportable"][0])
    own = world.client(NAMED).post(reverse("dynamics:tip-identity", args=[tip.receipt]), {"reason": "核实"})
    assert all(mark in own.content.decode() for mark in MARKS), "the named handler reads it"
    faults: list[str] = []

    def look(where: str, text: str) -> None:
        faults.extend(f"{where} shows {mark}" for mark in MARKS if mark in text)

    objects |= {"tip": (tip.receipt,), "tip_followed": (tip.follow_token,)}
    asked = _pages(world, objects, look)
    _searches(world, look)
    outbox.sweep(at=clock.now())
    for message in mail.outbox:
        look(f"mail {message.subject}", f"{message.subject} {message.body} {message.message().as_string()}")
    for note in Notification.objects.all():
        look(f"message {note.kind}", json.dumps(note.params, ensure_ascii=False) + note.link)
    for payload in AuditPayload.objects.all():
        look("audit trail", json.dumps(payload.data, ensure_ascii=False))
    _rows(look)
    _files(look)
    said = capsys.readouterr()
    look("log", caplog.text + said.out + said.err)
    assert not faults, "\n".join(sorted(set(faults)))
    assert asked > 700, asked


def _pages(world: World, objects: dict[str, tuple[Any, ...]], look: Any) -> int:
    """Every page and file that answers, for everybody but who was named; and what the API tells programs."""
    asked = 0
    for persona in matrix.PERSONAS:
        if persona != NAMED:
            asked += _pages_of(world, persona, objects, look)
            _denied(world, persona, objects, look)
    return asked


def _pages_of(world: World, persona: str, objects: dict[str, tuple[Any, ...]], look: Any) -> int:
    client = world.client(persona)
    rows = [row for row in matrix.ROWS if "GET" in row.methods]
    rows = [row for row in rows if persona in row.ok or row.name.startswith("dynamics:")]
    for row in rows:
        look(f"{row.name} for {persona}", content(client.get(reverse(row.name, args=objects[row.key]))))
    if persona not in matrix.HOLDERS:
        return len(rows)
    program = Client(headers={"Authorization": f"Bearer {token_for(world, persona)[1]}"})
    asked = [one for one in matrix.API if one.methods == matrix.GET]
    for one in asked:
        look(f"{one.name} for {persona}", content(program.get(reverse(one.name, args=objects[one.key]))))
    return len(rows) + len(asked)


def _denied(world: World, persona: str, objects: dict[str, tuple[Any, ...]], look: Any) -> None:
    """The two addresses that would tell are closed."""
    for name in ("tip-identity", "tip-evidence"):
        path = reverse(f"dynamics:{name}", args=[tip_of(objects)])
        answer = world.client(persona).post(path, {"reason": "核实"})
        assert answer.status_code in (302, 403, 404), (persona, name)
        look(f"{name} for {persona}", content(answer))


def tip_of(objects: dict[str, tuple[Any, ...]]) -> str:
    return str(objects["tip"][0])


def _searches(world: World, look: Any) -> None:
    """Whoever looks for the mark itself: the words come back in the field they were typed into, and nowhere else."""
    for persona in ("hlj_city_handler", "county_handler", "province_handler", "applicant", "audit_administrator"):
        client = world.client(persona)
        for name in ("portal:search", "registry:lists", "dynamics:report-entry"):
            for mark in (NAME, PHONE):
                text = content(client.get(reverse(name), {"q": mark}))
                assert tip_of({"tip": (Tip.objects.latest("pk").receipt,)}) not in text, (persona, name)


def _rows(look: Any) -> None:
    """Raw SQL: what a thief of the database would read (PR-03)."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            if table != "django_session":
                cursor.execute(f'SELECT * FROM "{table}"')
                for row in cursor.fetchall():
                    look(f"table {table}", str(row))


def _files(look: Any) -> None:
    for blob in Blob.objects.all():
        look(f"name of file {blob.pk}", blob.name)
        with default_storage.open(blob.key) as file:
            body = file.read()
        look(f"file {blob.pk}", body.decode("utf-8", "replace") + body.decode("utf-16-be", "replace"))

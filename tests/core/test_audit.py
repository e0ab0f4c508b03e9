"""The trail: one chain per subject, what breaks it is found, what is erased is said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from greenlist.core import anchors, audit
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.models import AuditEntry, AuditPayload, ChainHead
from greenlist.core.requests import request_id

Intruder = Callable[[], AbstractContextManager[None]]
CASE = ("case", 7)


@pytest.fixture(autouse=True)
def _own_anchors(settings: Any, tmp_path: Any) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def chain(actor: Actor, now: datetime) -> list[AuditEntry]:
    """Three entries about a case, one about another."""
    audit.record(actor=actor, subject=("case", 8), action="case.started", at=now)
    return [
        audit.record(
            actor=actor, subject=CASE, action=action, at=now + timedelta(minutes=minute), data={"step": minute}
        )
        for minute, action in enumerate(["case.started", "case.submitted", "case.returned"])
    ]


def reasons() -> list[tuple[str, int, str]]:
    return [(found.subject_id, found.position, found.reason) for found in audit.verify()]


# ---- recording ------------------------------------------------------------------------------------------------------
@pytest.mark.case("DA-01")
def test_an_entry_says_who_when_from_where_and_what(actor: Actor, now: datetime) -> None:
    token = request_id.set("abc123")
    entry = audit.record(actor=actor, subject=CASE, action="case.returned", at=now, data={"reason": "缺附件"})
    request_id.reset(token)
    entry.refresh_from_db()
    assert (entry.user_id, entry.capacity, entry.at, entry.request_id) == (actor.user_id, "handler", now, "abc123")
    assert entry.payload.data["actor"]["name"] == "测试一号"
    assert (entry.payload.data["remote"], entry.payload.data["reason"]) == ("192.0.2.7", "缺附件")


@pytest.mark.django_db
def test_each_subject_has_its_own_chain(chain: list[AuditEntry]) -> None:
    assert [entry.position for entry in chain] == [1, 2, 3]
    assert [entry.previous for entry in chain] == ["", chain[0].digest, chain[1].digest]
    assert ChainHead.objects.get(subject_kind="case", subject_id="8").length == 1
    assert reasons() == []


def test_a_record_costs_four_queries(
    chain: list[AuditEntry], actor: Actor, now: datetime, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):
        audit.record(actor=actor, subject=CASE, action="case.seen", at=now)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_that_did_not_happen(now: datetime) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        audit.record(actor=SYSTEM, subject=CASE, action="case.started", at=now)
        raise RuntimeError
    assert not AuditEntry.objects.exists()
    assert not ChainHead.objects.exists()


@pytest.mark.case("DA-04")
@pytest.mark.django_db(transaction=True)
def test_an_action_that_cannot_be_recorded_does_not_happen(now: datetime) -> None:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "core_auditpayload" in sql:
            raise DatabaseError("disk full")
        return execute(sql, *rest)

    with pytest.raises(DatabaseError), transaction.atomic():
        ChainHead.objects.create(subject_kind="the action", subject_id="1")
        with connection.execute_wrapper(fail):
            audit.record(actor=SYSTEM, subject=CASE, action="case.started", at=now)
    assert not ChainHead.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    [
        1e16,
        -0.0,
        1.0,
        2.50,
        1e-7,
        float("nan"),
        10**40,
        "NUL\0 and a lone \ud800 half",
        "龘𬭎\u2028\n",
        date(2026, 5, 31),
        Decimal("1.50"),
        {"z": [1, {"b": None, "a": True}], "一": "二"},
    ],
    ids=ascii,
)
def test_every_value_still_fits_its_digest_after_the_database_kept_it(value: Any, actor: Actor, now: datetime) -> None:
    entry = audit.record(actor=actor, subject=CASE, action="x", at=now, data={"value": value})
    assert AuditPayload.objects.get(pk=entry.pk).data["value"] == audit.plain(value)
    assert reasons() == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_the_canonical_form_does_not_change_when_taken_again(value: Any) -> None:
    once = audit.plain(value)
    assert audit.plain(once) == once
    assert audit.canonical(once) == audit.canonical(value)


def test_parts_of_a_seal_cannot_run_into_each_other() -> None:
    assert audit.seal("a", "b\nc") != audit.seal("a\nb", "c")


# ---- breaking -------------------------------------------------------------------------------------------------------
def test_a_changed_entry_is_found(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        AuditEntry.objects.filter(pk=chain[1].pk).update(action="case.withdrawn")
    assert reasons() == [("7", 2, "the entry was changed")]


@pytest.mark.parametrize(
    "change",
    [{"user_id": 99}, {"at": datetime.fromisoformat("2020-01-01T00:00:00+08:00")}, {"erases": 1}, {"request_id": "z"}],
)
def test_every_field_is_sealed(chain: list[AuditEntry], intruder: Intruder, change: dict[str, Any]) -> None:
    with intruder():
        AuditEntry.objects.filter(pk=chain[1].pk).update(**change)
    assert ("7", 2, "the entry was changed") in reasons()


def test_a_changed_payload_is_found(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        AuditPayload.objects.filter(pk=chain[1].pk).update(data={"step": 99})
    assert reasons() == [("7", 2, "the payload was changed")]


def test_a_payload_that_nobody_erased_is_missed(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        AuditPayload.objects.filter(pk=chain[1].pk).delete()
    assert reasons() == [("7", 2, "the payload is missing and nobody erased it")]


def test_a_missing_entry_is_found(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        AuditPayload.objects.filter(pk=chain[1].pk).delete()
        AuditEntry.objects.filter(pk=chain[1].pk).delete()
    assert ("7", 3, "an entry before this one is missing") in reasons()


def test_a_missing_end_is_found(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        AuditPayload.objects.filter(pk=chain[2].pk).delete()
        AuditEntry.objects.filter(pk=chain[2].pk).delete()
    assert reasons() == [("7", 3, "the end of the chain is missing")]


def test_a_lost_head_is_found(chain: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        ChainHead.objects.filter(subject_id="7").delete()
    assert reasons() == [("7", 3, "the chain has lost its head")]


def test_another_key_cannot_forge_an_entry(chain: list[AuditEntry], intruder: Intruder, settings: Any) -> None:
    entry = chain[2]
    settings.AUDIT_KEY, right = "somebody else's", settings.AUDIT_KEY
    entry.action = "case.passed"
    forged = audit.entry_digest(entry)
    settings.AUDIT_KEY = right
    with intruder():
        AuditEntry.objects.filter(pk=entry.pk).update(action="case.passed", digest=forged)
        ChainHead.objects.filter(subject_id="7").update(digest=forged)
    assert reasons() == [("7", 3, "the entry was changed")]


# ---- anchors --------------------------------------------------------------------------------------------------------
def cut(entry: AuditEntry, before: AuditEntry) -> None:
    """An insider with the database takes the last entry away and sets the head back: the chain itself looks whole."""
    AuditPayload.objects.filter(pk=entry.pk).delete()
    AuditEntry.objects.filter(pk=entry.pk).delete()
    ChainHead.objects.filter(subject_id=entry.subject_id).update(length=before.position, digest=before.digest)


def test_a_chain_cut_short_with_its_head_is_found_by_the_anchor(
    chain: list[AuditEntry], intruder: Intruder, now: datetime
) -> None:
    anchors.write(at=now)
    assert list(anchors.verify()) == []
    with intruder():
        cut(chain[2], chain[1])
    assert reasons() == []
    assert [(f.subject_id, f.position, f.reason) for f in anchors.verify()] == [("7", 3, "was anchored and is gone")]
    with pytest.raises(CommandError, match="1 break"):
        call_command("verify_audit", stdout=StringIO(), stderr=StringIO())


def test_later_anchors_name_only_what_moved_and_all_are_compared(
    chain: list[AuditEntry], actor: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "OPEN", 0)
    first = anchors.write(at=now)
    audit.record(actor=actor, subject=CASE, action="case.seen", at=now)
    second = anchors.write(at=now)
    lines = list(anchors.lines())
    assert [[head[:3] for head in line["heads"]] for line in lines] == [
        [["case", "7", 3], ["case", "8", 1]],
        [["case", "7", 4]],
    ]
    assert first != second
    assert list(anchors.verify()) == []


@pytest.mark.parametrize("how", ["change", "remove"])
def test_a_tampered_anchor_file_is_found(chain: list[AuditEntry], actor: Actor, now: datetime, how: str) -> None:
    for _ in range(3):
        audit.record(actor=actor, subject=CASE, action="case.seen", at=now)
        anchors.write(at=now)
    lines = anchors.path().read_text().splitlines(keepends=True)
    lines[0:1] = [lines[0].replace('"chains": 2', '"chains": 1')] if how == "change" else []
    anchors.path().write_text("".join(lines))
    assert "a line of the anchor file was changed or taken out" in [found.reason for found in anchors.verify()]


def test_the_command_says_that_all_is_well(chain: list[AuditEntry], now: datetime) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "no anchors yet" in out.getvalue()
    anchors.write(at=now)
    call_command("verify_audit", stdout=out)
    assert "every chain holds; compared with 1 anchor(s)" in out.getvalue()


# ---- erasing --------------------------------------------------------------------------------------------------------
def test_personal_data_go_and_the_chain_holds(chain: list[AuditEntry], actor: Actor, now: datetime) -> None:
    word = audit.erase_payload(chain[1], actor=actor, at=now, reason="PIPL 47")
    assert not AuditPayload.objects.filter(pk=chain[1].pk).exists()
    assert AuditEntry.objects.filter(pk=chain[1].pk).exists()
    assert (word.action, word.erases, word.position) == ("audit.erased", 2, 4)
    assert word.payload.data["reason"] == "PIPL 47"
    assert reasons() == []
    audit.erase_payload(chain[1], actor=actor, at=now, reason="again")
    assert reasons() == []


# ---- races ----------------------------------------------------------------------------------------------------------
@pytest.mark.race
@pytest.mark.case("DA-03")
def test_fifty_writers_make_no_fork_and_no_gap(run_threads: Any, now: datetime) -> None:
    """All begin at once, on a chain that does not exist yet."""
    outcomes = run_threads(
        50, lambda number: audit.record(actor=SYSTEM, subject=CASE, action=f"a{number}", at=now).position
    )
    assert sorted(outcomes, key=str) == sorted(range(1, 51), key=str)
    assert reasons() == []


@pytest.mark.race
@pytest.mark.case("DA-03")
def test_new_chains_inside_a_transaction_survive_a_meeting(run_threads: Any, rounds: int, now: datetime) -> None:
    """The loser of the first insert must not spoil the caller's transaction."""

    def work(turn: int, number: int) -> int:
        with transaction.atomic():
            ChainHead.objects.create(subject_kind="own", subject_id=f"{turn}-{number}")
            return audit.record(actor=SYSTEM, subject=("case", f"new-{turn}"), action="x", at=now).position

    for turn in range(max(rounds // 5, 3)):
        assert sorted(run_threads(4, partial(work, turn)), key=str) == [1, 2, 3, 4]
    assert [reason for reason in reasons() if reason[0].startswith("new-")] == []

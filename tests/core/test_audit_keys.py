"""AUDIT_KEY changes: what was before stays provable, what comes after rests on the new key, the former key forges nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from greenlist.core import anchors, audit, audit_keys, backup, condition
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Unavailable
from greenlist.core.models import AuditEntry, AuditKeyChange, AuditPayload, ChainHead

Intruder = Callable[[], AbstractContextManager[None]]
OLD, NEW, THIRD = "the first key of all, long enough", "the second key, also long enough", "a third one"
CASE = ("case", 7)


@pytest.fixture(autouse=True)
def _before(settings: Any, tmp_path: Any) -> None:
    settings.VAR = tmp_path
    settings.AUDIT_KEY, settings.AUDIT_KEYS_FORMER = OLD, []


def use(settings: Any, key: str, *former: str) -> None:
    settings.AUDIT_KEY, settings.AUDIT_KEYS_FORMER = key, list(former)


def reasons() -> list[tuple[str, int, str]]:
    found = [*audit.verify(), *anchors.verify()]
    return [(one.subject_id, one.position, one.reason) for one in found]


@pytest.fixture
def changed(actor: Actor, now: datetime, settings: Any) -> list[AuditEntry]:
    """Two entries and an anchor before the change, one entry and an anchor after it."""
    rows = [audit.record(actor=actor, subject=CASE, action=f"case.{n}", at=now, data={"n": n}) for n in range(2)]
    audit.record(actor=actor, subject=("case", 8), action="case.other", at=now)
    anchors.write(at=now)
    use(settings, NEW, OLD)
    call_command("rotate_keys", stdout=StringIO())
    rows.append(audit.record(actor=actor, subject=CASE, action="case.2", at=now, data={"n": 2}))
    anchors.write(at=now)
    return rows


def test_the_trail_holds_over_two_changes(
    changed: list[AuditEntry], settings: Any, actor: Actor, now: datetime
) -> None:
    assert reasons() == []
    assert audit_keys.change(at=now) is None, "once is enough"
    use(settings, THIRD, NEW, OLD)
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    assert "3 chain(s) sealed" in said.getvalue()  # two cases and the day
    audit.record(actor=actor, subject=CASE, action="case.3", at=now)
    anchors.write(at=now)
    assert reasons() == []
    assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="keys.audit")] == [
        "keys.audit_changed"
    ] * 2
    call_command("verify_audit", stdout=StringIO())


def test_before_the_change_is_made_nobody_writes_with_the_new_key(actor: Actor, now: datetime, settings: Any) -> None:
    audit.record(actor=actor, subject=CASE, action="a", at=now)
    use(settings, NEW, OLD)
    with pytest.raises(Unavailable, match="unavailable"), transaction.atomic():
        audit.record(actor=actor, subject=CASE, action="b", at=now)
    assert reasons() == [], "and what is there can be verified all the same"
    assert [one.code for one in condition.problems(at=now) if one.code == "audit.key"] == ["audit.key"]
    audit_keys.change(at=now)
    audit.record(actor=actor, subject=CASE, action="b", at=now)
    assert [one for one in condition.problems(at=now) if one.code == "audit.key"] == []


def test_after_it_nobody_writes_with_the_former_key(
    changed: list[AuditEntry], actor: Actor, now: datetime, settings: Any
) -> None:
    use(settings, OLD)
    with pytest.raises(Unavailable), transaction.atomic():
        audit.record(actor=actor, subject=CASE, action="late", at=now)
    with pytest.raises(Unavailable):
        anchors.write(at=now)


def test_a_key_that_is_not_given_is_named_once(changed: list[AuditEntry], settings: Any) -> None:
    use(settings, NEW)
    (found,) = list(audit.verify())
    assert "AUDIT_KEYS_FORMER" in found.reason
    assert audit.mark(OLD) in found.reason
    assert OLD not in found.reason


def test_the_wrong_former_key_changes_nothing(actor: Actor, now: datetime, settings: Any) -> None:
    audit.record(actor=actor, subject=CASE, action="a", at=now)
    use(settings, NEW, THIRD)
    with pytest.raises(CommandError, match="newest entry"):
        call_command("rotate_keys", stdout=StringIO())
    assert not AuditKeyChange.objects.exists()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_tampering_before_and_after_the_change_is_found(
    changed: list[AuditEntry], intruder: Intruder, number: int
) -> None:
    with intruder():
        AuditEntry.objects.filter(pk=changed[number].pk).update(action="case.forged")
        AuditPayload.objects.filter(pk=changed[2 - number].pk).update(data={"n": 99})
    found = reasons()
    assert ("7", number + 1, "the entry was changed") in found
    assert ("7", 3 - number, "the payload was changed") in found


def forge(entry: AuditEntry, key: str, **changes: Any) -> None:
    """Who knows a key and the database writes an entry anew, and all that follows it on its chain."""
    for name, value in changes.items():
        setattr(entry, name, value)
    previous = entry.previous
    for row in [entry, *AuditEntry.objects.filter(subject_id=entry.subject_id, position__gt=entry.position)]:
        row.previous = previous
        row.digest = previous = audit.entry_digest(row, key)
        AuditEntry.objects.filter(pk=row.pk).update(
            action=row.action, previous=row.previous, digest=row.digest, payload_digest=row.payload_digest
        )
    ChainHead.objects.filter(subject_id=entry.subject_id).update(digest=previous)


def test_the_former_key_forges_nothing_after_the_change(changed: list[AuditEntry], intruder: Intruder) -> None:
    with intruder():
        forge(changed[2], OLD, action="case.forged")
    assert ("7", 3, "the entry was changed") in reasons()


def test_the_former_key_forges_nothing_before_the_change(
    changed: list[AuditEntry], intruder: Intruder, settings: Any
) -> None:
    """A chain that ended before the change, written anew under the key it was sealed with: its end was sealed by the new."""
    entry = AuditEntry.objects.get(subject_id="8")
    with intruder():
        forge(entry, OLD, action="case.forged")
    settings.VAR = settings.VAR / "without-anchors"
    settings.VAR.mkdir()
    assert reasons() == [("keys", 1, "what was written before the change of the key is not what was sealed then")]


@pytest.mark.parametrize("change", [{"upto": 10**6}, {"former": "0" * 16}, {"ends": "0" * 64}, {"chains": 9}])
def test_the_change_itself_cannot_be_altered(
    changed: list[AuditEntry], intruder: Intruder, change: dict[str, Any]
) -> None:
    with intruder():
        AuditKeyChange.objects.update(**change)
    assert ("keys", 1, "a change of the key was altered or taken out") in reasons()


def test_the_change_cannot_be_taken_out(changed: list[AuditEntry], intruder: Intruder, settings: Any) -> None:
    with intruder():
        AuditKeyChange.objects.all().delete()
    assert reasons() != []
    use(settings, NEW)
    assert reasons() != []


def test_lines_of_the_anchor_file_rest_on_the_key_of_their_time(changed: list[AuditEntry]) -> None:
    text = anchors.path().read_text(encoding="utf-8").splitlines()
    for number in (0, 1):
        altered = [line.replace('"chains": ', '"chains": 1') if n == number else line for n, line in enumerate(text)]
        anchors.path().write_text("\n".join(altered) + "\n", encoding="utf-8")
        assert ("anchors", number + 1, "a line of the anchor file was changed or taken out") in reasons()


def test_an_older_backup_is_read_and_not_restored_under_the_new_key(settings: Any, tmp_path: Any) -> None:
    body = {"format": backup.FORMAT, "engine": "x", "migrations": [], "field_keys": [], "parts": {}, "files": []}
    backup._write_manifest(tmp_path / backup.MANIFEST, {**body, "faults": []})
    use(settings, NEW, OLD)
    manifest = backup.verify(tmp_path)
    with pytest.raises(backup.BackupUnfit, match="former AUDIT_KEY"):
        backup._fits(manifest)
    use(settings, NEW)
    with pytest.raises(backup.BackupUnfit, match="another AUDIT_KEY"):
        backup.read(tmp_path)


@pytest.mark.race
def test_nobody_slips_in_between(run_threads: Any, now: datetime, settings: Any) -> None:
    """Eight write while the key changes; with either key in their memory each is either sealed rightly or refused."""
    audit.record(actor=SYSTEM, subject=CASE, action="first", at=now)
    use(settings, NEW, OLD)

    def work(number: int) -> Any:
        if number == 0:
            return audit_keys.change(at=now)
        return audit.record(actor=SYSTEM, subject=("case", number % 3), action=f"n{number}", at=now)

    outcomes = run_threads(9, work)
    assert isinstance(outcomes[0], AuditKeyChange)
    assert all(isinstance(one, AuditEntry | Unavailable) for one in outcomes[1:]), outcomes
    assert list(audit.verify()) == []

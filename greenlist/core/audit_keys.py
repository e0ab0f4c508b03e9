"""Which AUDIT_KEY sealed what. A change of the key is a row: up to entry N the former key, after it the present one.

The row is sealed under the new key and holds a digest over the ends of all chains, so that who knows the former key can
forge nothing: not what comes after (the present key is asked for), not what was before (the ends would differ). A process
that still has the former key in its memory is refused, and so is one that has the new key before the change was made.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, clock
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Unavailable
from greenlist.core.models import AuditEntry, AuditKeyChange, ChainHead

Ends = Mapping[tuple[str, str], tuple[int, str]]  # chain → position and digest of its last entry


class NotChanged(Exception):
    """The key cannot be changed as things stand; nothing was done."""


def given() -> dict[str, str]:
    """Mark → key, of every key that this process was given: the present one first."""
    return {audit.mark(key): key for key in (settings.AUDIT_KEY, *settings.AUDIT_KEYS_FORMER)}


@dataclass(frozen=True)
class Ring:
    """The changes so far, oldest first, and the keys that this process knows."""

    changes: list[AuditKeyChange]
    keys: dict[str, str]

    def open_mark(self) -> str:
        """Of the key under which the trail goes on now. Before the first change: of the former key, if one is named."""
        if self.changes:
            return self.changes[-1].present
        return audit.mark(settings.AUDIT_KEYS_FORMER[0] if settings.AUDIT_KEYS_FORMER else settings.AUDIT_KEY)

    def key_of(self, number: int) -> str | None:
        """The key under which the entry of this number was sealed; None where it was not given to this process."""
        later = bisect_left([change.upto for change in self.changes], number)
        found = self.changes[later].former if later < len(self.changes) else self.open_mark()
        return self.keys.get(found)

    def faults(self) -> Iterator[tuple[int, str]]:
        """Changes that were forged or altered, and keys that are missing for the proof."""
        before = ""
        for number, change in enumerate(self.changes, start=1):
            key = self.keys.get(change.present)
            if key is not None and change.seal != _seal(change, before, key):
                yield number, "a change of the key was altered or taken out"
            before = change.seal
        needed = {self.open_mark(), *(change.former for change in self.changes)}
        for missing in sorted(needed - set(self.keys)):
            yield 0, f"the key {missing} is not given (AUDIT_KEY, AUDIT_KEYS_FORMER): what it sealed cannot be proved"

    def ends_faults(self, ends: list[dict[tuple[str, str], tuple[int, str]]]) -> Iterator[tuple[int, str]]:
        """`ends`: for each change, the ends of all chains as the entries up to it give them."""
        for number, (change, found) in enumerate(zip(self.changes, ends, strict=True), start=1):
            if (len(found), _digest(found)) != (change.chains, change.ends):
                yield number, "what was written before the change of the key is not what was sealed then"


def ring() -> Ring:
    return Ring(list(AuditKeyChange.objects.order_by("pk")), given())


def fault() -> str:
    """Why this process may not write the trail; empty when it may."""
    found = ring().open_mark()
    if found == audit.mark(settings.AUDIT_KEY):
        return ""
    return f"the trail goes on under the key {found}, this process has {audit.mark(settings.AUDIT_KEY)}"


def require(present: str | None) -> None:
    """`present`: of the newest change, None where there is none. Raises Unavailable unless this process has that key."""
    expected = present or (audit.mark(settings.AUDIT_KEYS_FORMER[0]) if settings.AUDIT_KEYS_FORMER else None)
    if expected is not None and expected != audit.mark(settings.AUDIT_KEY):
        raise Unavailable(
            _("The portal is being maintained and takes nothing for the moment. Please try again in a few minutes.")
        )


@transaction.atomic
def change(*, at: datetime) -> AuditKeyChange | None:
    """Goes over to AUDIT_KEY, where the trail still rests on another; None where it does not. Raises NotChanged.

    Nobody records meanwhile, whatever processes run: those with the former key are refused from then on.
    """
    if connection.vendor == "postgresql":  # SQLite has locked the database already (IMMEDIATE)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {ChainHead._meta.db_table} IN EXCLUSIVE MODE")
    now = ring()
    former, present = now.open_mark(), audit.mark(settings.AUDIT_KEY)
    if former == present:
        return None
    if former not in now.keys:
        raise NotChanged(f"the trail rests on the key {former}: name it in AUDIT_KEYS_FORMER")
    newest = AuditEntry.objects.order_by("-pk").first()
    if newest is not None and newest.digest != audit.entry_digest(newest, now.keys[former]):
        raise NotChanged("the newest entry was not sealed with the key that AUDIT_KEYS_FORMER names first")
    heads = ChainHead.objects.filter(length__gt=0)
    ends = {(head.subject_kind, head.subject_id): (head.length, head.digest) for head in heads.iterator()}
    row = AuditKeyChange(at=at, chains=len(ends), ends=_digest(ends), former=former, present=present)
    row.upto = AuditEntry.objects.aggregate(last=Max("pk"))["last"] or 0
    row.seal = _seal(row, now.changes[-1].seal if now.changes else "", settings.AUDIT_KEY)
    row.save(force_insert=True)
    day = clock.china_date(at).isoformat()
    told = {"former": former, "present": present, "chains": row.chains, "upto": row.upto}
    audit.record(actor=SYSTEM, subject=("system", day), action="keys.audit_changed", at=at, data=told)
    return row


def _seal(row: AuditKeyChange, before: str, key: str) -> str:
    said = (row.at.astimezone(UTC).isoformat(), row.upto, row.chains, row.ends, row.former, row.present)
    return audit.seal("key change", *said, before, key=key)


def _digest(ends: Ends) -> str:
    return audit.digest_of(sorted([*chain, *end] for chain, end in ends.items()))

"""The append-only trail: one hash chain per subject over salted payload digests, so personal data can be erased.

A digest is HMAC-SHA256 under AUDIT_KEY, which the database does not hold; `core.audit_keys` knows which key was the one
when. `core.guards` keeps rows from changing, `core.anchors` keeps whole chains from being cut short. Who records on several
subjects in one transaction takes them in the same order everywhere: each record locks its chain until the transaction ends.
"""

import hashlib
import hmac
import json
import math
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Subquery

from greenlist.core import guards
from greenlist.core.actors import Actor
from greenlist.core.models import AuditEntry, AuditKeyChange, AuditPayload, ChainHead
from greenlist.core.requests import request_id

if TYPE_CHECKING:
    from greenlist.core.audit_keys import Ring

Subject = tuple[str, Any]  # (kind, id): case, listing, organisation, user, call, batch, panel, notice, system


def _plain(value: Any) -> Any:
    """What both databases give back unchanged: PostgreSQL keeps no NUL, no lone surrogate, no 1e16 and no -0.0."""
    match value:
        case dict():
            return {_plain(key): _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case str():
            return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float() if not math.isfinite(value):
            return str(value)
        case float() if value.is_integer():
            return int(value)
    return value


def plain(data: Any) -> Any:
    """A copy that JSON can hold and both databases give back unchanged: dates and decimals become text."""
    return _plain(json.loads(json.dumps(data, cls=DjangoJSONEncoder)))


def canonical(data: Any) -> bytes:
    """The one byte form of a value: sorted keys, no spaces, UTF-8; the same before and after a database kept it."""
    return json.dumps(plain(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(data: Any) -> str:
    """SHA-256 of the canonical form, as hex: what a person signs and a document prints."""
    return hashlib.sha256(canonical(data)).hexdigest()


def seal(*parts: Any, key: str = "") -> str:
    """HMAC of the parts under AUDIT_KEY, or a former one, as hex."""
    return hmac.new((key or settings.AUDIT_KEY).encode(), canonical(parts), hashlib.sha256).hexdigest()


def mark(key: str) -> str:
    """Names a key without telling it."""
    return seal("mark", key=key)[:16]


def entry_digest(entry: AuditEntry, key: str = "") -> str:
    """What the entry's digest must be."""
    return seal(
        entry.subject_kind,
        entry.subject_id,
        entry.position,
        entry.at.astimezone(UTC).isoformat(),
        entry.action,
        entry.user_id,
        entry.capacity,
        entry.authority_id,
        entry.organisation_id,
        entry.request_id,
        entry.erases,
        entry.payload_digest,
        entry.previous,
        key=key,
    )


def record(
    *, actor: Actor, subject: Subject, action: str, at: datetime, data: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Adds one entry to the subject's chain. Rolls back with the caller: nothing is recorded that did not happen.

    When the trail cannot be written the caller's transaction cannot be committed either. Four queries.
    """
    return _append(actor=actor, subject=subject, action=action, at=at, data=data)


# No savepoint: an action whose record failed must not go on.
@transaction.atomic(savepoint=False)
def _append(
    *,
    actor: Actor,
    subject: Subject,
    action: str,
    at: datetime,
    data: Mapping[str, Any] | None = None,
    erases: int | None = None,
) -> AuditEntry:
    from greenlist.core import audit_keys

    head = _locked_head(subject)
    audit_keys.require(head.present)  # type: ignore[attr-defined]
    salt = secrets.token_hex(16)
    body = plain({"actor": actor.as_record(), "remote": actor.remote, **(data or {})})
    entry = AuditEntry(
        subject_kind=head.subject_kind,
        subject_id=head.subject_id,
        position=head.length + 1,
        at=at,
        action=action,
        user_id=actor.user_id,
        capacity=actor.capacity.value,
        authority_id=actor.authority_id,
        organisation_id=actor.organisation_id,
        request_id=request_id.get(),
        erases=erases,
        payload_digest=seal(salt, body),
        previous=head.digest,
    )
    entry.digest = entry_digest(entry)
    entry.save(force_insert=True)
    AuditPayload(entry=entry, salt=salt, data=body).save(force_insert=True)
    head.length, head.digest = entry.position, entry.digest
    head.save(update_fields=["length", "digest"])
    return entry


def hold(subject: Subject) -> None:
    """Lets one transaction at a time go on with a subject; those that wait see what it has written."""
    _locked_head(subject)


def _locked_head(subject: Subject) -> ChainHead:
    named = {"subject_kind": subject[0], "subject_id": str(subject[1])}
    newest = AuditKeyChange.objects.order_by("-pk").values("present")[:1]
    heads = ChainHead.objects.select_for_update().annotate(present=Subquery(newest))
    try:
        return heads.get(**named)
    except ChainHead.DoesNotExist:
        # Two may begin the same chain: the second insert waits for the first and then does nothing.
        ChainHead.objects.bulk_create([ChainHead(**named)], ignore_conflicts=True)
        return heads.get(**named)


@transaction.atomic
def erase_payload(entry: AuditEntry, *, actor: Actor, at: datetime, reason: str) -> AuditEntry:
    """Takes the payload of an entry away for good (personal data) and records that on the same chain.

    The entry keeps its digest, so the chain still holds. Erasing twice records twice and changes nothing.
    """
    subject = (entry.subject_kind, entry.subject_id)
    word = _append(
        actor=actor,
        subject=subject,
        action="audit.erased",
        at=at,
        data={"position": entry.position, "reason": reason},
        erases=entry.position,
    )
    AuditPayload.objects.filter(entry_id=entry.pk).delete()  # the guard asks for the entry just written
    return word


@dataclass(frozen=True)
class Break:
    """Where a chain does not hold, and why."""

    subject_kind: str
    subject_id: str
    position: int
    reason: str


class _Walk:
    """What one pass over all entries, chain by chain, has seen of the present chain."""

    def __init__(self, heads: dict[tuple[str, str], ChainHead], ring: "Ring") -> None:
        self.heads = heads
        self.ring = ring
        # For each change of the key, the ends of the chains at that moment.
        self.sealed: list[dict[tuple[str, str], tuple[int, str]]] = [{} for _ in ring.changes]
        self.ends: dict[tuple[str, str], tuple[int, str]] = {}
        self.bare: dict[tuple[str, str], set[int]] = defaultdict(set)  # entries without their payload

    def step(self, entry: AuditEntry) -> Iterator[str]:
        key = (entry.subject_kind, entry.subject_id)
        position, digest = self.ends.get(key, (0, ""))
        if entry.position != position + 1:
            yield "an entry before this one is missing"
        elif entry.previous != digest:
            yield "does not follow the entry before it"
        sealed_by = self.ring.key_of(entry.pk)  # where it is not given the ring says so, once
        if sealed_by is not None and entry.digest != entry_digest(entry, sealed_by):
            yield "the entry was changed"
        payload = getattr(entry, "payload", None)
        if payload is None:
            self.bare[key].add(entry.position)
        elif sealed_by is not None and entry.payload_digest != seal(payload.salt, payload.data, key=sealed_by):
            yield "the payload was changed"
        for change, ends in zip(self.ring.changes, self.sealed, strict=True):
            if entry.pk <= change.upto:
                ends[key] = (entry.position, entry.digest)
        if entry.erases is not None:
            self.bare[key].discard(entry.erases)
        self.ends[key] = (entry.position, entry.digest)

    def finish(self) -> Iterator[Break]:
        for number, reason in (*self.ring.faults(), *self.ring.ends_faults(self.sealed)):
            yield Break("system", "keys", number, reason)
        for key, positions in self.bare.items():
            for position in sorted(positions):
                yield Break(*key, position, "the payload is missing and nobody erased it")
        for key, head in self.heads.items():
            if (head.length, head.digest) != self.ends.get(key, (0, "")):
                yield Break(*key, head.length, "the end of the chain is missing")
        for key, (position, _digest) in self.ends.items():
            if key not in self.heads:
                yield Break(*key, position, "the chain has lost its head")


def verify() -> Iterator[Break]:
    """Walks every chain and yields each break: changed or missing entry, payload or head, and each missing guard.

    `anchors.verify` finds what this cannot: chains cut short together with their heads.
    """
    for name in guards.missing(connection):
        yield Break("system", "guards", 0, f"the database has lost its guard {name}")
    from greenlist.core import audit_keys

    heads = {(head.subject_kind, head.subject_id): head for head in ChainHead.objects.all()}
    walk = _Walk(heads, audit_keys.ring())
    entries = AuditEntry.objects.select_related("payload").order_by("subject_kind", "subject_id", "position")
    for entry in entries.iterator(chunk_size=2000):
        for reason in walk.step(entry):
            yield Break(entry.subject_kind, entry.subject_id, entry.position, reason)
    yield from walk.finish()

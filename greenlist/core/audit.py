"""The append-only trail: one hash chain per subject over salted payload digests, so personal data can be erased.

A digest is HMAC-SHA256 under AUDIT_KEY, which the database does not hold.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from greenlist.core.actors import Actor
from greenlist.core.models import AuditEntry, AuditPayload, ChainHead
from greenlist.core.requests import request_id

Subject = tuple[str, Any]  # (kind, id): case, listing, organisation, user, call, batch, panel, notice, system


def canonical(data: Any) -> bytes:
    """The one byte form of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, cls=DjangoJSONEncoder).encode()


def digest_of(data: Any) -> str:
    """SHA-256 of the canonical form, as hex: what a person signs and a document prints."""
    return hashlib.sha256(canonical(data)).hexdigest()


def _seal(*parts: str) -> str:
    return hmac.new(settings.AUDIT_KEY.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _entry_digest(entry: AuditEntry) -> str:
    return _seal(
        entry.subject_kind,
        entry.subject_id,
        str(entry.position),
        entry.at.astimezone(UTC).isoformat(),
        entry.action,
        *(str(value) for value in (entry.user_id, entry.capacity, entry.authority_id, entry.organisation_id)),
        entry.payload_digest,
        entry.previous,
    )


@transaction.atomic
def record(*, actor: Actor, subject: Subject, action: str, at: datetime, data: Mapping[str, Any] | None = None) -> AuditEntry:
    """Adds one entry to the subject's chain. Rolls back with the caller: nothing is recorded that did not happen."""
    kind, identity = subject[0], str(subject[1])
    ChainHead.objects.get_or_create(subject_kind=kind, subject_id=identity)
    head = ChainHead.objects.select_for_update().get(subject_kind=kind, subject_id=identity)
    salt = secrets.token_hex(16)
    body = json.loads(canonical({"actor": actor.as_record(), "remote": actor.remote, **(data or {})}))
    entry = AuditEntry(
        subject_kind=kind,
        subject_id=identity,
        position=head.length + 1,
        at=at,
        action=action,
        user_id=actor.user_id,
        capacity=actor.capacity.value,
        authority_id=actor.authority_id,
        organisation_id=actor.organisation_id,
        request_id=request_id.get(),
        payload_digest=_seal(salt, canonical(body).decode()),
        previous=head.digest,
    )
    entry.digest = _entry_digest(entry)
    entry.save(force_insert=True)
    AuditPayload.objects.create(entry=entry, salt=salt, data=body)
    head.length, head.digest = entry.position, entry.digest
    head.save(update_fields=["length", "digest"])
    return entry


@dataclass(frozen=True)
class Break:
    """Where a chain does not hold, and why."""

    subject_kind: str
    subject_id: str
    position: int
    reason: str


def verify() -> Iterator[Break]:
    """Walks every chain and yields each break: changed or missing entry, changed payload, head that points elsewhere."""
    heads = {(h.subject_kind, h.subject_id): h for h in ChainHead.objects.all()}
    last: dict[tuple[str, str], AuditEntry] = {}
    entries = AuditEntry.objects.select_related("payload").order_by("subject_kind", "subject_id", "position")
    for entry in entries.iterator(chunk_size=2000):
        key = (entry.subject_kind, entry.subject_id)
        before = last.get(key)
        if entry.position != (before.position + 1 if before else 1):
            yield Break(*key, entry.position, "an entry before this one is missing")
        elif entry.previous != (before.digest if before else ""):
            yield Break(*key, entry.position, "does not follow the entry before it")
        if entry.digest != _entry_digest(entry):
            yield Break(*key, entry.position, "the entry was changed")
        payload = getattr(entry, "payload", None)
        if payload is not None and entry.payload_digest != _seal(payload.salt, canonical(payload.data).decode()):
            yield Break(*key, entry.position, "the payload was changed")
        last[key] = entry
    for key, head in heads.items():
        end = last.get(key)
        if head.length != (end.position if end else 0) or head.digest != (end.digest if end else ""):
            yield Break(*key, head.length, "the end of the chain is missing")
    for key, end in last.items():
        if key not in heads:
            yield Break(*key, end.position, "the chain has lost its head")

"""The ends of all chains, hourly appended to a file outside the database: who cuts a chain short there is found here.

One line: instant, number of chains, digest over all their ends, the ends that moved since the line before, and a seal
over all that and the seal before. Copy the file to another machine: it is worth what its distance is worth.
"""

import fcntl
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max

from greenlist.core import audit_keys
from greenlist.core.audit import Break, digest_of, plain, seal
from greenlist.core.errors import Unavailable
from greenlist.core.models import AuditEntry, ChainHead

OPEN = 1000  # entries that a transaction still open at the last anchor may have numbered before it


def path() -> Path:
    return Path(settings.VAR) / "anchors.jsonl"


def write(*, at: datetime) -> str:
    """Appends one line and returns the digest over the ends of all chains. Raises Unavailable with a replaced key."""
    if audit_keys.fault():
        raise Unavailable(audit_keys.fault())
    with path().open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two schedulers write one after the other
        file.seek(0)
        last: dict[str, Any] = {"upto": 0, "seal": ""}
        for text in file:
            last = json.loads(text)
        upto = AuditEntry.objects.aggregate(last=Max("pk"))["last"] or 0
        heads = [list(head) for head in _heads()]
        moved = _moved(since=last["upto"] - OPEN)
        line = {
            "at": at,
            "chains": len(heads),
            "digest": digest_of(heads),
            "upto": upto,
            "heads": [head for head in heads if (head[0], head[1]) in moved],
        }
        line = plain(line)
        line["seal"] = _line_seal(line, last["seal"])
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return str(line["digest"])


def _heads() -> list[tuple[str, str, int, str]]:
    ordered = ChainHead.objects.order_by("subject_kind", "subject_id")
    return list(ordered.values_list("subject_kind", "subject_id", "length", "digest"))


def _moved(since: int) -> set[tuple[str, str]]:
    return set(AuditEntry.objects.filter(pk__gt=since).values_list("subject_kind", "subject_id").distinct())


def _line_seal(line: dict[str, Any], before: str, key: str = "") -> str:
    return seal({name: value for name, value in line.items() if name != "seal"}, before, key=key)


def verify() -> Iterator[Break]:
    """Yields each anchored end that the database does not hold any more, and each line of the file that was changed."""
    points: dict[tuple[str, str, int], str] = {}
    before, ring = "", audit_keys.ring()
    for number, line in enumerate(lines(), start=1):
        key = ring.key_of(line["upto"])
        if key is not None and line.get("seal") != _line_seal(line, before, key):
            yield Break("system", "anchors", number, "a line of the anchor file was changed or taken out")
        before = str(line.get("seal", ""))
        points |= {(kind, identity, length): digest for kind, identity, length, digest in line["heads"]}
    if not points:
        return
    rows = AuditEntry.objects.values_list("subject_kind", "subject_id", "position", "digest")
    for kind, identity, position, digest in rows.iterator(chunk_size=2000):
        if points.pop((kind, identity, position), digest) != digest:
            yield Break(kind, identity, position, "differs from what was anchored")
    for (kind, identity, position), _digest in points.items():
        if position:
            yield Break(kind, identity, position, "was anchored and is gone")


def lines() -> Iterator[dict[str, Any]]:
    """The file, line by line; nothing where there is none yet."""
    if path().exists():
        with path().open(encoding="utf-8") as file:
            for text in file:
                yield json.loads(text)

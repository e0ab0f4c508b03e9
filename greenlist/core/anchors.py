"""All chain heads, summed into one digest and appended to a file outside the database, hourly."""

import json
from datetime import datetime
from pathlib import Path

from django.conf import settings

from greenlist.core.audit import digest_of
from greenlist.core.models import ChainHead


def path() -> Path:
    return Path(settings.VAR) / "anchors.jsonl"


def write(*, at: datetime) -> str:
    """Appends one line (instant, number of chains, digest over their ends) and returns the digest."""
    heads = list(
        ChainHead.objects.order_by("subject_kind", "subject_id").values_list("subject_kind", "subject_id", "length", "digest")
    )
    digest = digest_of([list(head) for head in heads])
    line = {"at": at, "chains": len(heads), "digest": digest, "heads": [list(head) for head in heads]}
    with path().open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, default=str) + "\n")
    return digest

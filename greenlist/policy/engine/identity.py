"""What a stored version is known by: its canonical form and the digest of it."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

from greenlist.policy.engine.types import Json


def canonical(raw: Json) -> bytes:
    """The one byte form: sorted keys, no spaces, dates as text, UTF-8."""
    return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(raw: Json) -> str:
    """SHA-256 of the canonical form: a version's identity."""
    return hashlib.sha256(canonical(raw)).hexdigest()


def plain(value: Any) -> Json:
    """What TOML gives → what JSON keeps: dates become text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value

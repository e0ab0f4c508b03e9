"""A place whose reports have all indicators of a criteria set: the rules of a real place with one word changed."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from greenlist.core.actors import SYSTEM
from greenlist.policy import services as policies
from tests.applications.filled import SPRING
from tests.policy.test_criteria import SMALL

PLACE = "qinhuangdao"
NAMED = 'category = "factory"\nset = "$call.edition"\npart = "basic"'


def load(part: str = 'part = "all"\nset = "$call.edition"') -> None:
    """The rules with `[[criteria]]` changed, and a small set for glass makers beside those that are shipped."""
    policies.load_policies(actor=SYSTEM, at=SPRING)
    policies.store_criteria(name="small.toml", content=SMALL.encode(), actor=SYSTEM, at=SPRING)
    file = Path(settings.POLICIES_DIR) / PLACE / "policy.toml"
    text = file.read_text(encoding="utf-8")
    assert NAMED in text
    changed = text.replace(NAMED, f'category = "factory"\n{part}')
    policies.store_uploaded(files={"policy.toml": changed.encode()}, slug=PLACE, actor=SYSTEM, at=SPRING)


BY_INDUSTRY = 'by = "industry"\nelse = "$call.edition"\npart = "all"'

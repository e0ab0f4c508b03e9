"""Reading the audit trail, which is an entry of it itself: the auditor is watched as everybody is (DA-01)."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules, selectors
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed


@transaction.atomic
def read_trail(*, words: Mapping[str, str], cursor: int | None, actor: Actor, at: datetime) -> selectors.TrailPage:
    """A page of the trail, and who read it and what was looked for. Raises NotAllowed for all but the audit administrator."""
    if not rules.may_read_trail(actor):
        raise NotAllowed(_("The audit trail is read by the audit administrator."))
    page = selectors.trail_page(words, cursor=cursor)
    asked = {name: value for name, value in words.items() if value} | ({"before": cursor} if cursor else {})
    audit.record(actor=actor, subject=("user", actor.user_id), action="trail.read", at=at, data={"asked": asked})
    return page

"""Naming supervisors of a panel, and their notes. A supervisor judges nothing (HLJ-16b)."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Invalid, NotVisible
from greenlist.core.verbs import require
from reviews import rules
from reviews.models import Remark, Watch
from reviews.selectors import watches as reads
from reviews.services import panels
from reviews.states import LIVE_PANELS

LONGEST = 3000


@transaction.atomic
def name(*, actor: Actor, reference: str, user_id: int, at: datetime) -> Watch:
    """A supervisor may watch a panel from now on. Raises NotVisible, NotAllowed, WrongState, Invalid (not to be named)."""
    panel = panels.lock(actor=actor, reference=reference)
    require(rules.WATCH, panel, actor)
    panels.in_state(panel, LIVE_PANELS, rules.NOT_AT_WORK)
    if user_id not in dict(reads.to_name(panel, china_date(at))):
        raise Invalid(_("Choose one of the supervisors."), problems={"supervisor": [_("choose another")]})
    watch = Watch.objects.create(panel=panel, user_id=user_id, named_by_id=actor.user_id, named_at=at)
    data = {"supervisor": user_id}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.watch_named", at=at, data=data)
    outbox.notify(
        recipients=[user_id],
        event=f"panel.watch:{watch.pk}",
        kind="panel.watch",
        at=at,
        params={"title": panel.title},
        link=reverse("reviews:watch", args=[panel.reference]),
    )
    return watch


@transaction.atomic
def release(*, actor: Actor, reference: str, watch_id: int, at: datetime) -> Watch:
    """A supervisor sees the panel no more; the notes stay. Raises NotVisible, NotAllowed, WrongState."""
    panel = panels.lock(actor=actor, reference=reference)
    require(rules.WATCH, panel, actor)
    panels.in_state(panel, LIVE_PANELS, rules.NOT_AT_WORK)
    watch = panel.watches.filter(pk=watch_id, ended_at=None).first()
    if watch is None:
        raise NotVisible
    watch.ended_at = at
    watch.save()
    data = {"supervisor": watch.user_id}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.watch_ended", at=at, data=data)
    return watch


@transaction.atomic
def remark(*, actor: Actor, reference: str, text: str, at: datetime) -> Remark:
    """A note on the panel; it stands as it is written. Raises NotVisible, Invalid (no words)."""
    page = reads.get(actor, reference)
    panels.lock(actor=actor, reference=reference)
    text = text.strip()
    if not text:
        raise Invalid(_("Write the note."), problems={"text": [_("is needed")]})
    made = Remark.objects.create(watch=page.watch, text=text[:LONGEST], at=at)
    data = {"note": made.pk, "digest": audit.digest_of(made.text)}
    audit.record(actor=actor, subject=("panel", page.panel.pk), action="panel.remarked", at=at, data=data)
    return made

"""Who may do what to notices, objections and announcements: predicates on an Actor, no dates, no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlist.core.actors import Actor, Capacity

if TYPE_CHECKING:
    from registry.models import Announcement, Notice, Objection


def _works_for(actor: Actor, authority_id: int) -> bool:
    return actor.is_official and actor.authority_id == authority_id


def may_prepare(actor: Actor, authority_id: int) -> bool:
    """Draft a notice or an announcement."""
    return _works_for(actor, authority_id)


def may_publish_notice(actor: Actor, notice: Notice) -> bool:
    return _works_for(actor, notice.authority_id) and actor.capacity == Capacity.APPROVER


def may_read_objection(actor: Actor, objection: Objection) -> bool:
    return _works_for(actor, objection.item.notice.authority_id)


def may_decide_objection(actor: Actor, objection: Objection) -> bool:
    return may_read_objection(actor, objection) and actor.capacity == Capacity.APPROVER


def may_approve(actor: Actor, announcement: Announcement) -> bool:
    return _works_for(actor, announcement.listbook.owner_id) and actor.capacity == Capacity.APPROVER

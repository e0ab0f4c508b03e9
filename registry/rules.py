"""Who may do what to notices, objections and announcements: predicates on an Actor, no dates, no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from greenlist.core.actors import Actor, Capacity, Tier

if TYPE_CHECKING:
    from registry.models import Announcement, Bulletin, ImportedList, Notice, Objection


def _works_for(actor: Actor, authority_id: int, category: str) -> bool:
    """An official of the authority whose mandate covers the list (QHD-4)."""
    covers = not actor.list_kind or actor.list_kind == category
    return actor.is_official and actor.authority_id == authority_id and covers


def may_prepare(actor: Actor, authority_id: int, category: str) -> bool:
    """Draft a notice or an announcement."""
    return _works_for(actor, authority_id, category)


def may_publish_notice(actor: Actor, notice: Notice) -> bool:
    return _works_for(actor, notice.authority_id, notice.call.category) and actor.capacity == Capacity.APPROVER


WROTE_IT = _("Whoever wrote the notice cannot publish it: two people are needed.")


def wrote_it(actor: Actor, notice: Notice) -> bool:
    """Wrote the words that stand, where the rule set asks for two people."""
    return notice.four_eyes and notice.prepared_by_id is not None and notice.prepared_by_id == actor.user_id


def may_read_objection(actor: Actor, objection: Objection) -> bool:
    notice = objection.item.notice
    return _works_for(actor, notice.authority_id, notice.call.category)


def may_decide_objection(actor: Actor, objection: Objection) -> bool:
    return may_read_objection(actor, objection) and actor.capacity == Capacity.APPROVER


CORRECTED_IT = _("Whoever drew up the correction cannot approve it: two people are needed.")


def may_approve(actor: Actor, announcement: Announcement) -> bool:
    book = announcement.listbook
    return _works_for(actor, book.owner_id, book.category) and actor.capacity == Capacity.APPROVER


def may_approve_bulletin(actor: Actor, bulletin: Bulletin) -> bool:
    book = bulletin.listbook
    return _works_for(actor, book.owner_id, book.category) and actor.capacity == Capacity.APPROVER


LOWER_ONLY = _("Only an authority below the tier that published the list takes it over.")
KEEPERS_ONLY = _("Only an authority that keeps a list itself takes over the list of another tier.")
APPROVERS_ONLY = _("An approver of the authority that takes the list over must do this.")
TOOK_OVER = _("Whoever took the list over cannot approve it: two people are needed.")

PROPOSED_IT = _("Whoever proposed the answer cannot confirm it: two people are needed.")


def keeps_a_list(actor: Actor) -> bool:
    """Counties recommend; lists are kept from the city on (QHD-4, JY-5, HLJ-4)."""
    return actor.tier is not None and actor.tier.rank >= Tier.CITY.rank


def may_import(actor: Actor, category: str) -> bool:
    """Take over what another tier published: officials whose mandate covers the list."""
    covers = not actor.list_kind or actor.list_kind == category
    return actor.is_official and actor.authority_id is not None and covers


def may_approve_import(actor: Actor, imported: ImportedList) -> bool:
    right = _works_for(actor, imported.authority_id, imported.listbook.category)
    return right and (actor.capacity == Capacity.APPROVER or not imported.four_eyes)


def took_over(actor: Actor, imported: ImportedList) -> bool:
    return imported.four_eyes and imported.created_by_id == actor.user_id

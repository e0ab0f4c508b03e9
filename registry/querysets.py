from datetime import date

from django.db import models
from django.db.models import Q

from greenlist.core.actors import Actor
from registry.states import AnnouncementState, BulletinState, NoticeState


class NoticeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "NoticeQuerySet":
        """Everybody once published; in preparation only the authority's officials whose mandate covers the list."""
        published = ~Q(state=NoticeState.DRAFT)
        if not actor.is_official:
            return self.filter(published)
        own = Q(authority_id=actor.authority_id)
        return self.filter(published | (own & Q(call__category=actor.list_kind) if actor.list_kind else own))

    def due_to_close(self, on: date) -> "NoticeQuerySet":
        """Running, and its last day is over."""
        return self.filter(state=NoticeState.RUNNING, ends_on__lt=on)


class ObjectionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ObjectionQuerySet":
        """Only the officials of the authority whose notice it is and whose mandate covers it: it names a person."""
        if not actor.is_official:
            return self.none()
        rows = self.filter(item__notice__authority_id=actor.authority_id)
        return rows.filter(item__notice__call__category=actor.list_kind) if actor.list_kind else rows


class AnnouncementQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "AnnouncementQuerySet":
        published = Q(state=AnnouncementState.PUBLISHED)
        if not actor.is_official:
            return self.filter(published)
        own = Q(listbook__owner_id=actor.authority_id)
        return self.filter(published | (own & Q(listbook__category=actor.list_kind) if actor.list_kind else own))


class BulletinQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "BulletinQuerySet":
        """Everybody once published; before only the owner's officials whose mandate covers the list."""
        published = Q(state=BulletinState.PUBLISHED)
        if not actor.is_official:
            return self.filter(published)
        own = Q(listbook__owner_id=actor.authority_id)
        return self.filter(published | (own & Q(listbook__category=actor.list_kind) if actor.list_kind else own))


class ListingQuerySet(models.QuerySet):
    """Listings exist only once announced: everybody may see them."""

    def under(self, area_path: str) -> "ListingQuerySet":
        return self.filter(area_path__startswith=area_path)

    def found_by(self, words: str) -> "ListingQuerySet":
        """Present or former name contains the words, or the code is exactly them."""
        return self.filter(Q(name__holds=words) | Q(former__holds=words) | Q(code=words.upper()))


class ImportedListQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ImportedListQuerySet":
        """Officials of the authority that took the list over, whose mandate covers it."""
        if not actor.is_official:
            return self.none()
        rows = self.filter(authority_id=actor.authority_id)
        return rows.filter(listbook__category=actor.list_kind) if actor.list_kind else rows


class RowMatchQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "RowMatchQuerySet":
        if not actor.is_official:
            return self.none()
        rows = self.filter(row__imported__authority_id=actor.authority_id)
        return rows.filter(row__imported__listbook__category=actor.list_kind) if actor.list_kind else rows

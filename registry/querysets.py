from datetime import date

from django.db import models
from django.db.models import Q

from greenlist.core.actors import Actor
from registry.states import AnnouncementState, NoticeState


class NoticeQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "NoticeQuerySet":
        """Everybody once published; in preparation only the authority's officials."""
        published = ~Q(state=NoticeState.DRAFT)
        return (
            self.filter(published | Q(authority_id=actor.authority_id)) if actor.is_official else self.filter(published)
        )

    def due_to_close(self, on: date) -> "NoticeQuerySet":
        """Running, and its last day is over."""
        return self.filter(state=NoticeState.RUNNING, ends_on__lt=on)


class ObjectionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "ObjectionQuerySet":
        """Only the officials of the authority whose notice it is: it names a person."""
        return self.filter(item__notice__authority_id=actor.authority_id) if actor.is_official else self.none()


class AnnouncementQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "AnnouncementQuerySet":
        published = Q(state=AnnouncementState.PUBLISHED)
        if actor.is_official:
            return self.filter(published | Q(listbook__owner_id=actor.authority_id))
        return self.filter(published)


class ListingQuerySet(models.QuerySet):
    """Listings exist only once announced: everybody may see them."""

    def under(self, area_path: str) -> "ListingQuerySet":
        return self.filter(area_path__startswith=area_path)

    def found_by(self, words: str) -> "ListingQuerySet":
        """Present or former name contains the words, or the code is exactly them."""
        former = self.model._default_manager.filter(entries__name__icontains=words)
        return self.filter(Q(name__icontains=words) | Q(code=words.upper()) | Q(pk__in=former.values("pk")))

from datetime import datetime

from django.db import models
from django.db.models import Q


class NotificationQuerySet(models.QuerySet):
    def inbox_of(self, user_id: int | None) -> "NotificationQuerySet":
        return self.filter(recipient_id=user_id, channel="portal")

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at=None)

    def due(self, at: datetime) -> "NotificationQuerySet":
        """Mails to hand over now: new ones, and those whose sender died before the lease ran out."""
        return self.filter(channel="email").filter(
            Q(state="new", not_before__lte=at) | Q(state="sending", claimed_until__lt=at)
        )

from datetime import datetime

from django.db import models
from django.db.models import Q


class NotificationQuerySet(models.QuerySet):
    def inbox_of(self, user_id: int | None) -> "NotificationQuerySet":
        return self.filter(recipient_id=user_id, channel="portal")

    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at=None)

    def newest_first(self, before: tuple[datetime, int] | None = None) -> "NotificationQuerySet":
        """In the order of the inbox, those older than a (created_at, pk) that was seen."""
        rows = self.order_by("-created_at", "-pk")
        if before is None:
            return rows
        at, pk = before
        return rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))

    def mails(self) -> "NotificationQuerySet":
        return self.filter(channel="email")

    def outgoing(self) -> "NotificationQuerySet":
        """What leaves the portal: mails and text messages."""
        return self.filter(channel__in=["email", "sms"])

    def waiting(self) -> "NotificationQuerySet":
        """What nobody has handed over or begun to."""
        return self.outgoing().filter(state__in=["new", "held"])

    def held(self) -> "NotificationQuerySet":
        """Mails that wait for the day's one mail."""
        return self.mails().filter(state="held")

    def due(self, at: datetime) -> "NotificationQuerySet":
        """Messages to hand over now: new ones, and those whose sender died before the lease ran out."""
        return self.outgoing().filter(Q(state="new", not_before__lte=at) | Q(state="sending", claimed_until__lt=at))


class BlobQuerySet(models.QuerySet):
    def to_scan(self) -> "BlobQuerySet":
        """Files no scanner has judged yet, the longest waiting first."""
        return self.filter(scan="waiting").order_by("created_at")


class RenderJobQuerySet(models.QuerySet):
    def due(self, at: datetime) -> "RenderJobQuerySet":
        """Documents to make now: new ones, and those whose worker died before the lease ran out."""
        return self.filter(Q(state="waiting") | Q(state="running", claimed_until__lt=at))

    def over(self, before: datetime) -> "RenderJobQuerySet":
        """Jobs that ended before a moment, the oldest first."""
        return self.filter(finished_at__lt=before).exclude(state__in=["waiting", "running"]).order_by("finished_at")

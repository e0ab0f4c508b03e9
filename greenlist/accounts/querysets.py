from datetime import date, datetime

from django.db import models
from django.db.models import Q


class AreaQuerySet(models.QuerySet):
    def under(self, path: str) -> "AreaQuerySet":
        """The area with this path and everything that reports to it."""
        return self.filter(path__startswith=path)


class MandateQuerySet(models.QuerySet):
    def in_force(self, on: date) -> "MandateQuerySet":
        """Held by an active person on this day; one that was ended is over at once."""
        open_end = Q(valid_until=None) | Q(valid_until__gte=on)
        return self.filter(open_end, ended_at=None, valid_from__lte=on, user__is_active=True)

    def of_role(self, *roles: str) -> "MandateQuerySet":
        return self.filter(role__in=roles)


class SignInQuerySet(models.QuerySet):
    def live(self) -> "SignInQuerySet":
        """Not ended by anybody; that its time is over is found out with its next request."""
        return self.filter(ended_at=None)

    def close(self, end: str, at: datetime) -> int:
        return self.filter(ended_at=None).update(ended_at=at, end=end)

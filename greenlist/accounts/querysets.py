from datetime import date

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

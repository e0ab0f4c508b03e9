"""现场指导: what was planned and advised on site while a unit is a cultivation object (JY-14)."""

from applications.models import Application
from reviews.models import GuidanceVisit


def visits_of(case: Application) -> list[GuidanceVisit]:
    """Of a case that the caller may see."""
    return list(GuidanceVisit.objects.filter(application=case).select_related("authority"))

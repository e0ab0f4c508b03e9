"""Addresses of life after listing: each subject's views give theirs."""

from dynamics.views import (
    bulletins,
    changes,
    cultivation,
    filings,
    incidents,
    inspections,
    rectifications,
    removals,
    showing,
    tips,
    units,
    upgrade_path,
    upward,
    yearly,
)

app_name = "dynamics"
urlpatterns = [
    *bulletins.urlpatterns,
    *changes.urlpatterns,
    *cultivation.urlpatterns,
    *filings.urlpatterns,
    *incidents.urlpatterns,
    *inspections.urlpatterns,
    *rectifications.urlpatterns,
    *removals.urlpatterns,
    *showing.urlpatterns,
    *upgrade_path.urlpatterns,
    *tips.urlpatterns,
    *units.urlpatterns,
    *upward.urlpatterns,
    *yearly.urlpatterns,
]

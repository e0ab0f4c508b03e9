"""The API of calls, cases, reports and batches."""

from django.urls import URLPattern

from applications.api import batches, calls, cases, reports

urlpatterns: list[URLPattern] = [
    *calls.urlpatterns,
    *cases.urlpatterns,
    *reports.urlpatterns,
    *batches.urlpatterns,
]

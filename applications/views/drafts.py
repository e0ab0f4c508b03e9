"""The applicant's pages: start, fill in, check, submit, withdraw."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

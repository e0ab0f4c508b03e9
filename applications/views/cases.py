"""The case file and the list of one's own applications."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

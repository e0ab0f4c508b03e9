"""The API of life after listing, one module per subject."""

from django.urls import URLPattern

from dynamics.api import public, removals, yearly

urlpatterns: list[URLPattern] = [*public.urlpatterns, *yearly.urlpatterns, *removals.urlpatterns]

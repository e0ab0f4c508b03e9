"""The public pages of calls and the owner's pages that make them."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

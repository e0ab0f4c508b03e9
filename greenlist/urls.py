"""Addresses, one include per app. Public ones are for ever: `/p/<place>/…`, `/v/<token>`."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from greenlist.core import views as core_views

urlpatterns = [
    path("livez", core_views.livez, name="livez"),
    path("readyz", core_views.readyz, name="readyz"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
    path("account/", include("greenlist.accounts.urls")),
    path("organisation/", include("greenlist.organisations.urls")),
    path("", include("applications.urls")),
    path("", include("reviews.urls")),
    path("", include("registry.urls")),
    path("", include("greenlist.portal.urls")),
]

"""Addresses, one include per app. Public ones are for ever: `/p/<place>/…`, `/v/<token>`."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from applications import api as applications
from dynamics import api as dynamics
from greenlist.core import api_schema
from greenlist.core import views as core_views
from greenlist.organisations import api as organisations
from greenlist.policy import api as policy
from greenlist.portal import api as portal
from registry import api as registry

handler400 = core_views.bad_request
handler404 = core_views.not_found
handler500 = core_views.server_error

api = [
    *portal.urlpatterns,
    *policy.urlpatterns,
    *organisations.urlpatterns,
    *applications.urlpatterns,
    *registry.urlpatterns,
    *dynamics.urlpatterns,
]
urlpatterns = [
    path("livez", core_views.livez, name="livez"),
    path("readyz", core_views.readyz, name="readyz"),
    path("metrics", core_views.figures, name="metrics"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
    path("account/", include("greenlist.accounts.urls")),
    path("organisation/", include("greenlist.organisations.urls")),
    path("api/", api_schema.page_view, name="api_page"),
    path("api/schema/", api_schema.schema_view, name="api_schema"),
    path("api/v1/", include((api, "api"))),
    path("", include("applications.urls")),
    path("", include("reviews.urls")),
    path("", include("registry.urls")),
    path("", include("dynamics.urls")),
    path("", include("greenlist.portal.urls")),
]

from django.urls import path

from greenlist.portal import gallery, views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("policies/", views.policies, name="policies"),
    path("work/", views.work, name="work"),
    path("calendar/<str:secret>.ics", views.feed, name="feed"),
    path("search/", views.search, name="search"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/read/", views.read, name="inbox_read"),
    path("system/", views.system, name="system"),
    path("gallery/", gallery.gallery, name="gallery"),  # 404 outside demo and tests
]

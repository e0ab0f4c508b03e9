from applications.views import batches, calls, cases, desk, drafts

app_name = "applications"
urlpatterns = [
    *calls.urlpatterns,
    *drafts.urlpatterns,
    *cases.urlpatterns,
    *desk.urlpatterns,
    *batches.urlpatterns,
]

from applications.views import batches, calls, cases, desk, disqualification, drafts

app_name = "applications"
urlpatterns = [
    *calls.urlpatterns,
    *drafts.urlpatterns,
    *cases.urlpatterns,
    *desk.urlpatterns,
    *batches.urlpatterns,
    *disqualification.urlpatterns,
]

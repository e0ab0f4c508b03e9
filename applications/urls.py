from applications.views import batches, bodies, calls, cases, desk, disqualification, drafts, hits, projects

app_name = "applications"
urlpatterns = [
    *calls.urlpatterns,
    *drafts.urlpatterns,
    *cases.urlpatterns,
    *desk.urlpatterns,
    *batches.urlpatterns,
    *disqualification.urlpatterns,
    *bodies.urlpatterns,
    *projects.urlpatterns,
    *hits.urlpatterns,
]

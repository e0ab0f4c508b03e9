from applications.views import (
    batches,
    bodies,
    calls,
    cases,
    desk,
    disqualification,
    drafts,
    hits,
    projects,
    workbook,
)

app_name = "applications"
urlpatterns = [
    *calls.urlpatterns,
    *drafts.urlpatterns,
    *workbook.urlpatterns,
    *cases.urlpatterns,
    *desk.urlpatterns,
    *batches.urlpatterns,
    *disqualification.urlpatterns,
    *bodies.urlpatterns,
    *projects.urlpatterns,
    *hits.urlpatterns,
]

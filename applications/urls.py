from applications.views import (
    batches,
    bodies,
    calls,
    cases,
    desk,
    disqualification,
    drafts,
    hits,
    platform,
    prefilling,
    projects,
    quartiles,
    upward,
    workbook,
)

app_name = "applications"
urlpatterns = [
    *calls.urlpatterns,
    *drafts.urlpatterns,
    *prefilling.urlpatterns,
    *workbook.urlpatterns,
    *quartiles.urlpatterns,
    *cases.urlpatterns,
    *desk.urlpatterns,
    *batches.urlpatterns,
    *disqualification.urlpatterns,
    *bodies.urlpatterns,
    *projects.urlpatterns,
    *hits.urlpatterns,
    *upward.urlpatterns,
    *platform.urlpatterns,
]

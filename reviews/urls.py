from reviews.views import consultations, decisions, guidance, opinions, panels, seats

app_name = "reviews"
urlpatterns = [
    *panels.urlpatterns,
    *seats.urlpatterns,
    *decisions.urlpatterns,
    *consultations.urlpatterns,
    *opinions.urlpatterns,
    *guidance.urlpatterns,
]

from reviews.views import consultations, decisions, opinions, panels, seats

app_name = "reviews"
urlpatterns = [
    *panels.urlpatterns,
    *seats.urlpatterns,
    *decisions.urlpatterns,
    *consultations.urlpatterns,
    *opinions.urlpatterns,
]

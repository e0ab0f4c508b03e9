from reviews.views import consultations, decisions, draws, guidance, opinions, panels, pool, seats, watches

app_name = "reviews"
urlpatterns = [
    *panels.urlpatterns,
    *draws.urlpatterns,
    *watches.urlpatterns,
    *pool.urlpatterns,
    *seats.urlpatterns,
    *decisions.urlpatterns,
    *consultations.urlpatterns,
    *opinions.urlpatterns,
    *guidance.urlpatterns,
]

from reviews.views import commissions, consultations, decisions, draws, guidance, opinions, panels, pool, seats, watches

app_name = "reviews"
urlpatterns = [
    *panels.urlpatterns,
    *draws.urlpatterns,
    *watches.urlpatterns,
    *commissions.urlpatterns,
    *pool.urlpatterns,
    *seats.urlpatterns,
    *decisions.urlpatterns,
    *consultations.urlpatterns,
    *opinions.urlpatterns,
    *guidance.urlpatterns,
]

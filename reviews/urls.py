from reviews.views import decisions, panels, seats

app_name = "reviews"
urlpatterns = [*panels.urlpatterns, *seats.urlpatterns, *decisions.urlpatterns]

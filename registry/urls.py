from registry.views import imported, office, public

app_name = "registry"
urlpatterns = [*public.urlpatterns, *office.urlpatterns, *imported.urlpatterns]

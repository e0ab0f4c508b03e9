from registry.views import office, public

app_name = "registry"
urlpatterns = [*public.urlpatterns, *office.urlpatterns]

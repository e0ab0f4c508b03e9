from django.apps import AppConfig


class DynamicsConfig(AppConfig):
    name = "dynamics"
    label = "dynamics"
    default_auto_field = "django.db.models.BigAutoField"

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DynamicsConfig(AppConfig):
    name = "dynamics"
    label = "dynamics"
    verbose_name = _("after listing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dynamics.services import deadlines, places, yearly  # noqa: F401  registers what others ask for

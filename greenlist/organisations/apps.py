from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganisationsConfig(AppConfig):
    name = "greenlist.organisations"
    label = "organisations"
    verbose_name = _("Organisations and records")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from greenlist.organisations.services import deadlines  # noqa: F401  registers the sources

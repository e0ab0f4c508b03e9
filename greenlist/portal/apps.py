from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "greenlist.portal"
    label = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from greenlist.portal import condition  # noqa: F401  adds its checks

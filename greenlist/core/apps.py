from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "greenlist.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from greenlist.core import checks, dispatch  # noqa: F401  registers the checks, carries request ids into tasks

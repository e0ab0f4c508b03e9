from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "greenlist.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models import CharField, TextField

        from greenlist.core import checks, dispatch, tasks  # noqa: F401  registers checks; request ids, heartbeats
        from greenlist.core.searching import Begins, Holds

        for kind in (CharField, TextField):
            kind.register_lookup(Holds)
            kind.register_lookup(Begins)

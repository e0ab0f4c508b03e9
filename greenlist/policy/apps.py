from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PolicyConfig(AppConfig):
    name = "greenlist.policy"
    label = "policy"
    verbose_name = _("Rules and calendar")
    default_auto_field = "django.db.models.BigAutoField"

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")
TRANSPORT_ALIASES["filesystem"] = "greenlist.core.embedded:Transport"  # says why there

app = Celery("greenlist")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

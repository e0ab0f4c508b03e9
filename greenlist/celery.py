import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")

app = Celery("greenlist")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

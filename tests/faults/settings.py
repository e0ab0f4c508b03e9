"""The demo's settings for processes under test: a real gateway, ticks every second, nothing to collect.

TICKS=real leaves the schedule as it is.
"""

import os

from greenlist.settings.dev import *  # noqa: F403
from greenlist.settings.dev import CELERY_BEAT_SCHEDULE, STORAGES

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 5
QUIET_HOURS = ""  # the tests run at any hour
if os.environ.get("TICKS") != "real":
    CELERY_BEAT_SCHEDULE = {name: row | {"schedule": 1.0} for name, row in CELERY_BEAT_SCHEDULE.items()}
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

"""Tests: fast hashing, mails in memory, files and the SQLite database in a folder of this process."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="greenlist-test-")  # before base reads it; each xdist worker its own
atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

from greenlist.settings.dev import *  # noqa: E402, F403
from greenlist.settings.dev import DATABASES, LIMITS, REDIS_URL  # noqa: E402

VAR = Path(os.environ["VAR_DIR"])
(VAR / "static").mkdir(exist_ok=True)  # whitenoise warns about a missing folder, and warnings are errors
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Races and whole suites do in minutes what nobody does in a day; the tests of these limits set them.
LIMITS = {**LIMITS, **{kind: {} for kind in ("claim", "invite", "download", "register")}}
# Stories jump through days; the tests of these rules set them as they are.
SECOND_FACTOR, PASSWORD_POLICY = False, "asvs"
QUIET_HOURS, SMS_SENDER = "", ""
SESSION_IDLE_MINUTES = SESSION_IDLE_MINUTES_OFFICERS = 7 * 24 * 60
SESSION_HOURS = 7 * 24
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR / "files"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# A file, not memory: races need several connections, and the options of the real thing (WAL, IMMEDIATE).
os.environ.setdefault("TEST_RUN", str(os.getpid()))  # workers inherit it: two runs on one server do not meet
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}
else:
    DATABASES["default"]["TEST"] = {"NAME": f"test_greenlist_{os.environ['TEST_RUN']}"}

if REDIS_URL:  # one numbered Redis database for each worker, so that clearing the cache stays private
    _worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    REDIS_URL = urlsplit(REDIS_URL)._replace(path=f"/{int(_worker) + 1}").geturl()
    CELERY_BROKER_URL = REDIS_URL
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CELERY_BROKER_URL = "memory://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {}
API_RATES = {
    "address": "",
    "token": "",
    "refusal": "",
}  # whole suites come from one address; tests of the rates set them

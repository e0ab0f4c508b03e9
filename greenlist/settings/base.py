"""What every environment shares. Values that differ by machine come from the environment (see .env.example)."""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from greenlist.settings import env

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(env.text("VAR_DIR", str(ROOT / "var")))
VAR.mkdir(parents=True, exist_ok=True)

INSTALLED_APPS = [
    "greenlist.apps.GreenlistAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_fsm",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "axes",
    "csp",
    "greenlist.core",
    "greenlist.accounts",
    "greenlist.organisations",
    "greenlist.policy",
    "applications",
    "reviews",
    "registry",
    "dynamics",
    "greenlist.portal",
]

MIDDLEWARE = [
    "greenlist.core.middleware.RequestIdMiddleware",
    "greenlist.core.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "greenlist.accounts.middleware.SignInMiddleware",  # ends what has lasted long enough
    "greenlist.accounts.middleware.LoginMiddleware",  # deny by default
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "greenlist.portal.middleware.ActorMiddleware",
    "greenlist.accounts.middleware.GateMiddleware",  # second factor, password that is due
    "greenlist.core.middleware.DomainErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "greenlist.urls"
WSGI_APPLICATION = "greenlist.wsgi.application"
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)  # see core.proxies
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000")  # for links in mails, PDFs and QR codes

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "greenlist.portal.context.shell",
            ],
            "builtins": ["greenlist.core.templatetags.ui", "django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": env.database(env.text("DATABASE_URL", f"sqlite://{VAR / 'greenlist.sqlite3'}"))}
DATABASE_ROUTERS = ["greenlist.core.replica.Router"]
if env.text("DATABASE_REPLICA_URL", ""):
    DATABASES["replica"] = env.replica(env.text("DATABASE_REPLICA_URL"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUDIT_KEYS_FORMER = env.words("AUDIT_KEYS_FORMER")  # for verification only; the newest of them first
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "greenlist.accounts.services.strength.RuleBookValidator"},
    {"NAME": "greenlist.accounts.services.strength.ContextValidator"},
    {"NAME": "greenlist.organisations.services.strength.OrganisationNameValidator"},
]
# Two rule books disagree (docs/adr/0005): "graded" gives people with a mandate the domestic grading rules and firms ASVS,
# "asvs" or "mlps" gives everybody the one. Length in characters, kinds of characters, days until it must be changed.
PASSWORD_POLICY = env.one_of("PASSWORD_POLICY", "graded", ("graded", "asvs", "mlps"))
PASSWORD_RULES = {
    "asvs": {"min_length": 12, "kinds": 1, "max_age_days": 0},
    "mlps": {"min_length": 12, "kinds": 3, "max_age_days": 90},
}
# A code from an app beside the password, for officials, experts and administrators. Off in the demo only.
SECOND_FACTOR = env.flag("SECOND_FACTOR", True)
SECOND_FACTOR_TRIES = 5  # wrong codes in a row, then a pause
SECOND_FACTOR_PAUSE_MINUTES = 15
SECOND_FACTOR_WAIT_MINUTES = 5  # from the password to the code
RECOVERY_CODES = 10
# Minutes without a sign of life, and hours in all, after which one signs in anew (AU-08).
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 30)
SESSION_IDLE_MINUTES_OFFICERS = env.number("SESSION_IDLE_MINUTES_OFFICERS", 15)
SESSION_HOURS = env.number("SESSION_HOURS", 12)
SIGN_INS_KEPT_DAYS = 400  # for the page that shows them; a browser unseen for as long counts as new again
DEVICE_COOKIE_NAME = "device"  # tells a known browser from a new one
# Addresses or networks from which the administration can be reached; for others it does not exist (AZ-15).
ADMIN_ADDRESSES = env.words("ADMIN_ADDRESSES", "127.0.0.0/8,::1")
PASSWORD_RESET_TIMEOUT = 3600  # seconds
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "portal:work"
LOGOUT_REDIRECT_URL = "portal:home"
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # the database is the record; a cache may vanish
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "greenlist.core.views.csrf_failure"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # who signed in stands in the trail and in `SignIn`, which is forgotten in time (PR-05)
AXES_VERBOSE = False  # no greeting in the log of every command
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [ROOT / "greenlist" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR / "static")))
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {
        "BACKEND": env.text("FILES_BACKEND", "django.core.files.storage.FileSystemStorage"),
        "OPTIONS": env.options("FILES_OPTIONS", {"location": str(VAR / "files")}),
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR / "files"  # private: nothing is served from it by address

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "greenlist.core.uploads.BoundedUploadHandler",
]
# Licensed fonts by the names that static/css/document.css knows: FangSong=/path/a.ttf;XiaoBiaoSong=/path/b.ttf
DOCUMENT_FONTS = env.text("DOCUMENT_FONTS", "")
ATTACHMENT_MAX_BYTES = env.number("ATTACHMENT_MAX_BYTES", 50 * 1024 * 1024)
ATTACHMENT_MAX_FILES = env.number("ATTACHMENT_MAX_FILES", 100)  # of one report
ATTACHMENT_MAX_PIXELS = 120_000_000
ATTACHMENT_SCANNER = env.text(
    "ATTACHMENT_SCANNER", ""
)  # clamd://host:port or dotted path (core.scanners); empty: nothing is clean
# How often one account and one address may do what costs others work or room (core.limits): "10/hour 30/day".
LIMITS = {
    "objection": {
        "address": env.text("LIMIT_OBJECTIONS", "10/hour 30/day"),
        "account": env.text("LIMIT_OBJECTIONS", "10/hour 30/day"),
    },
    "report": {
        "address": env.text("LIMIT_REPORTS", "10/hour 30/day"),
        "account": env.text("LIMIT_REPORTS", "10/hour 30/day"),
    },
    "download": {"address": env.text("LIMIT_DOWNLOADS", "60/hour 300/day")},
    "verify": {"address": env.text("LIMIT_VERIFY", "60/hour 300/day")},
    "upload": {"account": env.text("LIMIT_UPLOADS", "200/hour 600/day")},
    # The current password inside a session: who has taken a session over must not find it out by trying.
    "password": {"account": env.text("LIMIT_PASSWORDS", "10/hour 30/day")},
    "claim": {"account": env.text("LIMIT_CLAIMS", "10/hour 30/day")},
    "invite": {"account": env.text("LIMIT_INVITATIONS", "40/hour 100/day")},
    "register": {"address": env.text("LIMIT_REGISTRATIONS", "60/hour 200/day")},
}
REQUEST_MAX_BYTES = env.number("REQUEST_MAX_BYTES", 2 * ATTACHMENT_MAX_BYTES)

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
# In these hours of China no mail and no text message leaves but urgent ones (core.messages); empty: at any hour.
QUIET_HOURS = env.text("QUIET_HOURS", "21:00-08:00").replace("none", "")
DIGEST_AT = env.text("DIGEST_AT", "08:00")  # one mail a day for who wants it, from this time of China on
SMS_SENDER = env.text("SMS_SENDER", "")  # dotted path of a core.sms.Sender; empty: no text messages
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "greenlist@localhost")

# No broker given: the embedded one, files in var/. The sweeper, not the broker, guarantees delivery (docs/adr/0003).
REDIS_URL = env.text("REDIS_URL", "")
CELERY_BROKER_URL = REDIS_URL or "filesystem://"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict = {"visibility_timeout": 1200}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    _QUEUE, _CONTROL = VAR / "broker", VAR / "broker-control"
    _QUEUE.mkdir(exist_ok=True)
    _CONTROL.mkdir(exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_QUEUE),
        "data_folder_out": str(_QUEUE),
        "control_folder": str(_CONTROL),
        "store_processed": False,
        "polling_interval": 0.1,
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 900
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = TIME_ZONE
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE: dict = {
    "sweep-outbox": {"task": "greenlist.core.tasks.sweep_outbox", "schedule": 60.0},
    "gather-digests": {"task": "greenlist.core.tasks.gather_digests", "schedule": 600.0},
    "send-resets": {"task": "greenlist.accounts.tasks.send_resets", "schedule": 60.0},
    "send-invitations": {"task": "greenlist.organisations.tasks.send_invitations", "schedule": 60.0},
    "end-agents": {"task": "greenlist.organisations.tasks.end_agents", "schedule": 300.0},
    "remind-deadlines": {"task": "greenlist.core.tasks.remind_deadlines", "schedule": 3600.0},
    "end-releases": {"task": "applications.tasks.end_releases", "schedule": 300.0},
    "scan-files": {"task": "greenlist.core.tasks.scan_files", "schedule": 60.0},
    "sweep-documents": {"task": "greenlist.core.tasks.sweep_documents", "schedule": 20.0},
    "mark-overdue": {"task": "reviews.tasks.mark_overdue", "schedule": 3600.0},
    "close-notices": {"task": "registry.tasks.close_notices", "schedule": 300.0},
    "find-listed": {"task": "registry.tasks.find_listed", "schedule": 86400.0},
    "follow-removals": {"task": "dynamics.tasks.follow_removals", "schedule": 3600.0},
    "follow-cultivation": {"task": "dynamics.tasks.follow_cultivation", "schedule": 3600.0},
    "anchor-chains": {"task": "greenlist.core.tasks.anchor_chains", "schedule": 3600.0},
    "forget-sign-ins": {"task": "greenlist.accounts.tasks.forget_sign_ins", "schedule": 86400.0},
    "sweep-checks": {"task": "applications.tasks.sweep_checks", "schedule": 86400.0},
    "keep-cycles": {"task": "dynamics.tasks.keep_cycles", "schedule": 3600.0},
    "erase-reports": {"task": "dynamics.tasks.erase_reports", "schedule": 86400.0},
    "forget-pieces": {"task": "greenlist.core.tasks.forget_pieces", "schedule": 3600.0},
    "forget-uses": {"task": "greenlist.core.tasks.forget_uses", "schedule": 86400.0},
}
CELERY_BEAT_SCHEDULE["tell-problems"] = {"task": "greenlist.portal.tasks.tell_problems", "schedule": 86400.0}
# The name tells core.heartbeats; what nobody ran in time is not run twice.
for _name, _entry in CELERY_BEAT_SCHEDULE.items():
    _entry["options"] = {"headers": {"job": _name}, "expires": _entry["schedule"]}
# A worker takes from both queues unless -Q names one: documents may have machines of their own.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("documents")]
CELERY_TASK_ROUTES = {"greenlist.core.tasks.render_document": {"queue": "documents"}}

METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # see core.metrics
METRICS_DIR = env.text("METRICS_DIR", "")
if METRICS_DIR:  # read by prometheus_client when it is first imported
    Path(METRICS_DIR).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
BACKUP_MAX_HOURS = env.number("BACKUP_MAX_HOURS", 26)  # without a newer one check_config complains

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    # A view that does not build on core.api.ApiView is closed to everybody; no session opens the API, nothing is browsable.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "greenlist.core.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
API_AUTHENTICATION = "greenlist.portal.api.TokenAuthentication"
# What one address, one token, and one address with refused tokens may ask: "600/min"; empty: no limit.
API_RATES = {
    "address": env.text("API_RATE_ADDRESS", "1200/min"),
    "token": env.text("API_RATE_TOKEN", "600/min"),
    "refusal": env.text("API_RATE_REFUSAL", "30/min"),
}
SPECTACULAR_SETTINGS = {
    "TITLE": _("Green list API"),
    "DESCRIPTION": _(
        "Public lists and checks for everybody; cases, reports and batches for firms' and authorities' systems."
    ),
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SORT_OPERATIONS": False,
    "ENUM_NAME_OVERRIDES": {
        "CaseState": "applications.states.State",
        "BatchState": "applications.states.BatchState",
        "CallState": "applications.api.calls.OPENED",
        "NoticeState": "registry.api.PUBLISHED_STATES",
        "ListingState": "registry.states.ListingState",
        "LineState": "applications.api.cases.LINES",
        "EntryKind": "registry.states.EntryKind",
        "CycleState": "dynamics.states.CycleState",
        "RemovalState": "dynamics.states.RemovalState",
        "TableState": "dynamics.states.YearlyState",
    },
    "TAGS": [
        {"name": "calls", "description": _("Calls and forms")},
        {"name": "public", "description": _("Notices, lists and certificates")},
        {"name": "cases", "description": _("Cases and outcomes")},
        {"name": "reports", "description": _("Reports")},
        {"name": "batches", "description": _("Recommendation batches")},
        {"name": "after", "description": _("After listing: yearly tables and removals")},
    ],
}

# A certificate (PKCS#12) that signs approved recommendation documents; empty: nothing is signed. Roots: PEM files it is
# trusted by, beside what it says of itself.
SIGNING_CERTIFICATE = env.text("SIGNING_CERTIFICATE", "")
SIGNING_PASSPHRASE = env.text("SIGNING_PASSPHRASE", "")
SIGNING_ROOTS = env.words("SIGNING_ROOTS")

POLICIES_DIR = ROOT / "fixtures" / "policies"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "greenlist.core.logs.RequestFilter"}},
    "formatters": {"json": {"()": "greenlist.core.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request"]}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"pyhanko": {"level": "ERROR"}},  # it warns, with a trace, of every certificate that is not trusted
}

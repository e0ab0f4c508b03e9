"""What every environment shares. Values that differ by machine come from the environment (see .env.example)."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

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
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # deny by default
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "greenlist.portal.middleware.ActorMiddleware",
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600  # seconds
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "portal:work"
LOGOUT_REDIRECT_URL = "portal:home"
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # the database is the record; a cache may vanish
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "greenlist.core.views.csrf_failure"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
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
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR / "files"  # private: nothing is served from it by address

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
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
    "upload": {"account": env.text("LIMIT_UPLOADS", "200/hour 600/day")},
}
REQUEST_MAX_BYTES = env.number("REQUEST_MAX_BYTES", 2 * ATTACHMENT_MAX_BYTES)

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
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
    "send-resets": {"task": "greenlist.accounts.tasks.send_resets", "schedule": 60.0},
    "send-invitations": {"task": "greenlist.organisations.tasks.send_invitations", "schedule": 60.0},
    "remind-deadlines": {"task": "applications.tasks.remind_deadlines", "schedule": 3600.0},
    "scan-files": {"task": "greenlist.core.tasks.scan_files", "schedule": 60.0},
    "sweep-documents": {"task": "greenlist.core.tasks.sweep_documents", "schedule": 20.0},
    "close-notices": {"task": "registry.tasks.close_notices", "schedule": 300.0},
    "anchor-chains": {"task": "greenlist.core.tasks.anchor_chains", "schedule": 3600.0},
    "forget-uses": {"task": "greenlist.core.tasks.forget_uses", "schedule": 86400.0},
}

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
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "greenlist.core.api.exception_handler",
}

POLICIES_DIR = ROOT / "fixtures" / "policies"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "greenlist.core.logs.RequestFilter"}},
    "formatters": {"json": {"()": "greenlist.core.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request"]}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
}

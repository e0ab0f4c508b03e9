"""Production: everything from the environment, nothing secret in the repository, and no start in an insecure shape.

`.env.example` explains each variable. All problems are told at once, so that one deployment round mends them.
"""

import base64
import binascii
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from greenlist.settings.base import *  # noqa: F403
from greenlist.settings.base import (
    ALLOWED_HOSTS,
    ATTACHMENT_SCANNER,
    AUDIT_KEYS_FORMER,
    DATABASES,
    DEFAULT_FROM_EMAIL,
    EMAIL_HOST_PASSWORD,
    EMAIL_USE_TLS,
    METRICS_TOKEN,
    MIDDLEWARE,
    PUBLIC_URL,
    REDIS_URL,
    TRUSTED_PROXIES,
    env,
)

DEBUG = False
DEMO = False
SECRET_KEY = env.text("SECRET_KEY", "")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")  # the former key, while sessions signed by it still live
FIELD_KEYS = env.words("FIELD_KEYS")
AUDIT_KEY = env.text("AUDIT_KEY", "")
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", False)
ALLOW_EMBEDDED = env.flag("ALLOW_EMBEDDED", False)

SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # asked by the machine itself, without TLS
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_INCLUDE_SUBDOMAINS", True)
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", True)
SESSION_COOKIE_NAME = "__Host-session"  # the prefix binds a cookie to this host, to TLS and to the path /
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_SAMESITE = "Lax"
DEVICE_COOKIE_NAME = "__Host-device"
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    MIDDLEWARE = ["greenlist.core.proxies.ForwardedForMiddleware", *MIDDLEWARE]


def _key_problems() -> list[str]:
    """Secrets that are absent, short, well known or of the wrong form."""
    found = []
    if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith(("demo-only", "django-insecure")):
        found.append("SECRET_KEY is missing, shorter than 50 characters or a well-known one")
    if len(AUDIT_KEY) < 32 or AUDIT_KEY.startswith("demo-only"):
        found.append("AUDIT_KEY is missing, shorter than 32 characters or the demo's")
    elif AUDIT_KEY in (SECRET_KEY, *AUDIT_KEYS_FORMER):
        found.append("AUDIT_KEY must differ from SECRET_KEY and from AUDIT_KEYS_FORMER")
    if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
        found.append("METRICS_TOKEN is shorter than 20 characters")
    if not FIELD_KEYS:
        found.append("FIELD_KEYS is missing: at least one Fernet key encrypts personal data")
    for number, key in enumerate(FIELD_KEYS, start=1):
        try:
            raw = base64.urlsafe_b64decode(key)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            found.append(f"FIELD_KEYS: key {number} is not a Fernet key (32 bytes in URL-safe base64)")
        elif b"demo" in raw or len(set(raw)) < 10:
            found.append(f"FIELD_KEYS: key {number} is the demo's or has no randomness")
    return found


def _address_problems() -> list[str]:
    """Host names and the address that mails, documents and QR codes carry."""
    found = []
    if not env.words("ALLOWED_HOSTS"):
        found.append("ALLOWED_HOSTS is missing: name the hosts the portal answers to")
    if any("*" in host for host in ALLOWED_HOSTS):
        found.append("ALLOWED_HOSTS must not contain *")
    public = urlsplit(PUBLIC_URL)
    if public.scheme != "https" or not public.hostname:
        found.append("PUBLIC_URL must be an https address")
    elif not any(public.hostname == h or (h.startswith(".") and public.hostname.endswith(h)) for h in ALLOWED_HOSTS):
        found.append("PUBLIC_URL names a host that ALLOWED_HOSTS does not contain")
    if SECURE_HSTS_SECONDS < 3600:
        found.append("HSTS_SECONDS must be at least 3600")
    if not SECURE_SSL_REDIRECT and not TRUSTED_PROXIES:
        found.append("SECURE_SSL_REDIRECT=false is only right behind a proxy that redirects (TRUSTED_PROXIES)")
    return found


def _service_problems() -> list[str]:
    """What stands around the portal: database, broker, mail, scanner."""
    found = []
    database = DATABASES["default"]
    if env.flag("DEBUG", False):
        found.append("DEBUG must not be set in production")
    if database["ENGINE"].endswith("sqlite3") and not ALLOW_EMBEDDED:
        found.append("DATABASE_URL is missing or SQLite; a small single machine may say ALLOW_EMBEDDED=true")
    if database["ENGINE"].endswith("postgresql"):
        remote = database["HOST"] not in {"", "localhost", "127.0.0.1", "::1"} and not database["HOST"].startswith("/")
        if remote and not database["PASSWORD"]:
            found.append("DATABASE_URL has no password for a database on another machine")
    if not REDIS_URL and not ALLOW_EMBEDDED:
        found.append("REDIS_URL is missing; a small single machine may say ALLOW_EMBEDDED=true")
    if not (ATTACHMENT_SCANNER.startswith("clamd://") or "." in ATTACHMENT_SCANNER):
        found.append("ATTACHMENT_SCANNER must be clamd://host:port or a scanner's dotted path; none is for the demo")
    if EMAIL_HOST_PASSWORD and not (EMAIL_USE_TLS or EMAIL_USE_SSL):
        found.append("EMAIL_HOST_PASSWORD would travel in clear: set EMAIL_USE_TLS or EMAIL_USE_SSL")
    if EMAIL_USE_TLS and EMAIL_USE_SSL:
        found.append("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other")
    if DEFAULT_FROM_EMAIL.endswith("@localhost"):
        found.append("DEFAULT_FROM_EMAIL is missing: the sender of the portal's mails")
    return found


_problems = [*_key_problems(), *_address_problems(), *_service_problems()]
if _problems:
    raise ImproperlyConfigured("This configuration is not safe:\n" + "\n".join(f"- {problem}" for problem in _problems))

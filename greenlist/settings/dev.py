"""The demo and a developer's machine: embedded database and broker, mails into files, nothing secret."""

from greenlist.settings.base import *  # noqa: F403
from greenlist.settings.base import STORAGES, VAR, env

DEBUG = env.flag("DEBUG", False)
DEMO = True
SECRET_KEY = "demo-only-" + "0" * 50
FIELD_KEYS = ["ZGVtby1vbmx5LWRlbW8tb25seS1kZW1vLW9ubHktMDA="]  # Fernet key; demo data only
AUDIT_KEY = "demo-only-audit-key"
SECOND_FACTOR = env.flag("SECOND_FACTOR", False)  # people of the demo sign in by name and password; pages say so
PASSWORD_POLICY = env.one_of(
    "PASSWORD_POLICY", "asvs", ("graded", "asvs", "mlps")
)  # the demo's password never grows old
ADMIN_ADDRESSES = env.words("ADMIN_ADDRESSES", "0.0.0.0/0,::/0")
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR / "mail"
SMS_SENDER = env.text("SMS_SENDER", "greenlist.core.sms.Console")
ATTACHMENT_SCANNER = "none"
STORAGES = {  # uncompressed: squeezing costs ten seconds at the first start and gains nothing on one's own machine
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

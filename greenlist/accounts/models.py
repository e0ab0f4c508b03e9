"""People, areas as one reporting tree, authorities, and mandates (who acts for which authority, from when until when)."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.querysets import AreaQuerySet, MandateQuerySet, SignInQuerySet
from greenlist.accounts.states import Scope
from greenlist.core.crypto import EncryptedTextField


class Tier(models.TextChoices):
    COUNTY = "county", _("county")
    CITY = "city", _("city")
    PROVINCE = "province", _("province")
    NATION = "nation", _("nation")


def places_above(path: str) -> list[str]:
    """The paths of a place and of every place it lies in."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[: count + 1]) + "/" for count in range(len(parts))]


class Area(models.Model):
    """A node of the *reporting* tree, which is not the tree of division codes (定州, 辛集, 雄安 report to the province)."""

    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    # GB/T 2260; 雄安 and development zones have none
    code = models.CharField(_("division code"), max_length=6, blank=True)
    # code, or a name where there is no code; the step of `path`
    slug = models.SlugField(_("short code"), max_length=30, unique=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name=_("reports to")
    )
    path = models.CharField(max_length=200, unique=True)  # "/130000/130300/130302/", kept by accounts.services
    # 河北省秦皇岛市海港区, kept with the path; for pages and search
    full_name = models.CharField(_("full name"), max_length=200, blank=True)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)

    objects = AreaQuerySet.as_manager()

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")

    def __str__(self) -> str:
        return self.name


class Authority(models.Model):
    """An office: the industry bureau of a county, city or province, or another department asked for its opinion."""

    class Kind(models.TextChoices):
        INDUSTRY = "industry", _("industry and information technology")
        DEPARTMENT = "department", _("other department")

    name = models.CharField(_("name"), max_length=100)
    name_en = models.CharField(_("English name"), max_length=140, blank=True)
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="authorities", verbose_name=_("area"))
    # acts as this tier, whatever the depth of its area
    tier = models.CharField(_("acts as tier"), max_length=10, choices=Tier)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.INDUSTRY)
    # ecology, emergency, market … for kind=department
    department = models.CharField(_("department"), max_length=30, blank=True)
    telephone = models.CharField(_("telephone"), max_length=40, blank=True)
    contact = models.CharField(_("contact person"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("authority")
        verbose_name_plural = _("authorities")
        constraints = [
            models.UniqueConstraint(
                fields=["area", "tier"], condition=Q(kind="industry"), name="one_industry_authority_per_area_and_tier"
            )
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. What the person may do comes from mandates and memberships, one at a time."""

    username = models.CharField(_("user name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=60)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = EncryptedTextField(_("telephone"), blank=True)
    language = models.CharField(_("language"), max_length=10, default="zh-hans")
    mails = models.BooleanField(_("messages by e-mail"), default=True, db_default=True)
    digest = models.BooleanField(_("one e-mail a day"), default=False, db_default=False)
    texts = models.BooleanField(_("last days by text message"), default=False, db_default=False)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may enter the administration"), default=False)
    session_epoch = models.PositiveIntegerField(default=0)  # raised to end every session of the person
    password_set_at = models.DateTimeField(null=True)  # empty: as old as the account
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.name or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Changes with the password and with the epoch: a session that carries another hash is over."""
        # The Django hook for both today's key and the fallback keys; `secret` is one of the fallbacks.
        salt = "greenlist.accounts.models.User.session"
        return salted_hmac(salt, f"{self.password}:{self.session_epoch}", secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class Mandate(models.Model):
    """One person in one role of one authority, from–until, perhaps for one list category only."""

    class Role(models.TextChoices):
        HANDLER = "handler", _("handler")
        APPROVER = "approver", _("approver")
        EXPERT = "expert", _("expert")
        SUPERVISOR = "supervisor", _("supervisor")
        DEPARTMENT = "department", _("department officer")
        # Three who watch each other; nobody is two of them (AZ-11).
        ADMINISTRATOR = "administrator", _("system administrator")
        SECURITY = "security", _("security administrator")
        AUDITOR = "auditor", _("audit administrator")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mandates", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=15, choices=Role)
    authority = models.ForeignKey(
        Authority, on_delete=models.PROTECT, related_name="mandates", null=True, blank=True, verbose_name=_("authority")
    )
    list_kind = models.CharField(
        _("list, where limited to one"),
        max_length=20,
        blank=True,
        help_text=_("factory, park or supply_chain; empty: all lists"),
    )
    employer = models.CharField(_("employer"), max_length=100, blank=True)  # of an expert, for conflicts of interest
    field = models.CharField(_("field of work"), max_length=60, blank=True)  # of an expert
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("last day"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)  # ended by somebody: at once, not at midnight

    objects = MandateQuerySet.as_manager()

    class Meta:
        verbose_name = _("mandate")
        verbose_name_plural = _("mandates")
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")), name="mandate_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(role__in=["administrator", "security", "auditor"], ended_at=None),
                name="nobody_is_two_administrators",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.authority or ''}"


class PasswordReset(models.Model):
    """Somebody asked to reset the password behind an e-mail address, whether or not there is one.

    The row is the queue: the request does the same work for every address, the sweeper finds out who is meant.
    """

    email = models.EmailField(db_index=True)
    remote = models.CharField(max_length=45, blank=True)
    requested_at = models.DateTimeField(db_index=True)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)  # a link went out

    def __str__(self) -> str:
        return f"{self.email} {self.requested_at:%Y-%m-%d %H:%M}"


class ApiToken(models.Model):
    """A program's key to the API: one person's, in one capacity, until a day. The secret itself is kept nowhere.

    The capacity is named by its key (`Actor.key`) and looked up at each request: who has lost it has lost the token.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens", verbose_name=_("person"))
    capacity = models.CharField(_("acts as"), max_length=24)
    capacity_name = models.CharField(_("for"), max_length=140)  # office or firm on the day it was made, to be read
    name = models.CharField(_("used by"), max_length=60)
    scopes = models.JSONField(_("may"), default=list)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of 256 random bits
    tail = models.CharField(_("ends with"), max_length=4)
    valid_until = models.DateField(_("last day"))
    created_at = models.DateTimeField(_("made"))
    used_at = models.DateTimeField(_("last used"), null=True, blank=True)  # to the hour
    refused_at = models.DateTimeField(null=True)  # last refusal that was written into the trail
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} …{self.tail}"

    @property
    def scope_labels(self) -> list[str]:
        """What it may do, in words."""
        return [str(scope.label) for scope in Scope if scope.value in self.scopes]


class CalendarFeed(models.Model):
    """The address under which a calendar program reads one person's last days in one capacity. The secret itself is kept nowhere.

    The capacity is looked up at each reading, as for `ApiToken`: who has lost it gets nothing any more.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="calendar_feeds", verbose_name=_("person"))
    capacity = models.CharField(_("acts as"), max_length=24)
    capacity_name = models.CharField(_("for"), max_length=140, blank=True)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of 256 random bits
    created_at = models.DateTimeField(_("made"))
    read_at = models.DateTimeField(_("last read"), null=True, blank=True)  # to the hour
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "capacity"], condition=Q(revoked_at=None), name="one_feed_per_capacity"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.capacity_name or self.capacity}"


class KeptAnswer(models.Model):
    """The answer to a request that carried an Idempotency-Key: sent again, it is given again and nothing is done twice."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64)  # of what was asked: the same key for something else is refused
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key


class SecondFactor(models.Model):
    """The seed from which a person's app makes its codes (TOTP, RFC 6238). There is a row once a code confirmed it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    seed = EncryptedTextField()  # base32, as apps take it
    since = models.DateTimeField()
    last_step = models.BigIntegerField(default=-1)  # of the last code that counted: none counts twice (AU-04)
    failures = models.PositiveSmallIntegerField(default=0)  # wrong codes in a row
    blocked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCode(models.Model):
    """One way in without the app, once. Only its digest is kept: eighty random bits need no slow hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="each_recovery_code_once")]

    def __str__(self) -> str:
        return str(self.user_id)


class Device(models.Model):
    """A browser that a person has signed in with, known again by a cookie; another one is told to the person."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    digest = models.CharField(max_length=64)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="each_device_once")]

    def __str__(self) -> str:
        return str(self.user_id)


class SignIn(models.Model):
    """One stay of a person in one browser, from signing in until its end. The session names it; the row decides."""

    class End(models.TextChoices):
        OUT = "out", _("signed out")
        IDLE = "idle", _("nothing done for a while")
        AGE = "age", _("longest time reached")
        ELSEWHERE = "elsewhere", _("signed in elsewhere")
        CLOSED = "closed", _("ended from another device")
        CHANGED = "changed", _("role, password or account changed")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    agent = models.CharField(max_length=60, blank=True)  # browser and system, as far as they say
    remote = models.CharField(max_length=45, blank=True)
    idle_minutes = models.PositiveIntegerField()  # fixed at the start: a change of role ends it anyway
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # last sign of life, a minute more or less
    verified_at = models.DateTimeField(null=True)  # when the second factor was given
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=10, choices=End, blank=True)

    objects = SignInQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "-began_at"], name="sign_ins_of_a_person")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.began_at:%Y-%m-%d %H:%M}"

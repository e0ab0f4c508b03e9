"""People, areas as one reporting tree, authorities, and mandates (who acts for which authority, from when until when)."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.querysets import AreaQuerySet, MandateQuerySet
from greenlist.core.crypto import EncryptedTextField


class Tier(models.TextChoices):
    COUNTY = "county", _("county")
    CITY = "city", _("city")
    PROVINCE = "province", _("province")
    NATION = "nation", _("nation")


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
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may enter the administration"), default=False)
    session_epoch = models.PositiveIntegerField(default=0)  # raised to end every session of the person
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
        ADMINISTRATOR = "administrator", _("administrator")

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
            )
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

    def __str__(self) -> str:
        return f"{self.email} {self.requested_at:%Y-%m-%d %H:%M}"

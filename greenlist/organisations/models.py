"""Factories, parks, supply-chain firms and third-party bodies; their sites, members, names, titles, adverse records."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import Area, Authority, Tier
from greenlist.core.crypto import EncryptedTextField
from greenlist.core.models import Blob
from greenlist.organisations.querysets import (
    AdverseMatchQuerySet,
    AdverseRecordQuerySet,
    MembershipQuerySet,
    OrganisationQuerySet,
    SiteQuerySet,
)


class Category(models.TextChoices):
    """The lists there are today; a site may be on several."""

    FACTORY = "factory", _("green factory")
    PARK = "park", _("green industrial park")
    SUPPLY_CHAIN = "supply_chain", _("green supply-chain firm")


class Industry(models.Model):
    """GB/T 4754-2017 section C, loaded from fixtures/reference."""

    code = models.CharField(_("code"), max_length=4, primary_key=True)
    level = models.PositiveSmallIntegerField(_("digits"))  # 2, 3 or 4 digits
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name=_("part of")
    )
    name = models.CharField(_("name"), max_length=80)
    name_en = models.CharField(_("English name"), max_length=160, blank=True)

    class Meta:
        verbose_name = _("industry")
        verbose_name_plural = _("industries")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Organisation(models.Model):
    class Kind(models.TextChoices):
        FIRM = "firm", _("manufacturing firm")
        PARK = "park", _("park body")
        BODY = "body", _("third-party body")

    class Claim(models.TextChoices):
        """Anybody can type a public code: a claim allows drafts, submission needs a confirmation."""

        UNCLAIMED = "unclaimed", _("not claimed")
        CLAIMED = "claimed", _("waiting for confirmation")
        CONFIRMED = "confirmed", _("confirmed")

    class Size(models.TextChoices):
        LARGE = "large", _("large")
        MEDIUM = "medium", _("medium")
        SMALL = "small", _("small or micro")

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.FIRM)
    code = models.CharField(_("unified social credit code"), max_length=18, null=True, blank=True, unique=True)
    name = models.CharField(_("name"), max_length=120)
    former = models.TextField(blank=True, editable=False)  # the names before, a line each: what search looks in
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="+", verbose_name=_("registered in"))
    industry = models.ForeignKey(Industry, null=True, blank=True, on_delete=models.PROTECT, verbose_name=_("industry"))
    legal_representative = models.CharField(_("legal representative"), max_length=60, blank=True)
    founded_on = models.DateField(_("founded on"), null=True, blank=True)
    independent_accounting = models.BooleanField(_("legal person, or accounted as one"), null=True)
    manufacturing = models.BooleanField(_("really manufactures"), null=True)
    size = models.CharField(_("size"), max_length=10, choices=Size, blank=True)
    address = models.CharField(_("registered address"), max_length=200, blank=True)
    products = models.CharField(_("main products"), max_length=200, blank=True)
    contact_name = EncryptedTextField(_("contact person"), blank=True)
    contact_phone = EncryptedTextField(_("contact telephone"), blank=True)
    contact_email = EncryptedTextField(_("contact e-mail"), blank=True)
    claim = models.CharField(max_length=12, choices=Claim, default=Claim.UNCLAIMED)
    claimed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    striving_grade_a = models.BooleanField(_("working towards environmental grade A"), default=False)  # 创A, QHD-N2c
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        indexes = [models.Index(fields=["claim", "claimed_at"], name="claims_oldest_first")]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """A plant or a park boundary: applications, titles and listings belong to it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="sites")
    name = models.CharField(_("site"), max_length=120)
    address = models.CharField(_("production address"), max_length=200, blank=True)
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="sites", verbose_name=_("produces in"))
    is_default = models.BooleanField(default=False)

    objects = SiteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation"], condition=Q(is_default=True), name="one_default_site")
        ]

    def __str__(self) -> str:
        return self.name


class Name(models.Model):
    """A name an organisation had; never overwritten, always found by search."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="names")
    text = models.CharField(max_length=120, db_index=True)
    valid_from = models.DateField(null=True)
    valid_until = models.DateField(null=True)

    def __str__(self) -> str:
        return self.text


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        STAFF = "staff", _("colleague")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation"], condition=Q(valid_until=None), name="one_open_membership"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organisation}"


class Invitation(models.Model):
    """An owner asks a colleague in by e-mail; the token is single-use and ends."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    token_digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.STAFF)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)  # the row is the queue of its own mail
    claimed_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.email


class Honour(models.Model):
    """Another title that puts a firm forward (单项冠军, 小巨人, 水效领跑者 …)."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="honours")
    kind = models.CharField(max_length=60)
    year = models.PositiveSmallIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kind


class Title(models.Model):
    """What a site holds on a green list of any tier; written by `registry`, or imported. Earlier apps read only this."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="titles")
    category = models.CharField(max_length=15, choices=Category)
    tier = models.CharField(max_length=10, choices=Tier)
    listing = models.CharField(max_length=160)  # how a finding names it: list, batch, year
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200, blank=True)
    removed = models.BooleanField(default=False)  # it ended because the site was taken off the list

    class Meta:
        indexes = [models.Index(fields=["site", "valid_until"], condition=Q(removed=True), name="titles_removed")]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "category", "tier"], condition=Q(valid_until=None), name="one_live_title_per_tier"
            )
        ]

    def __str__(self) -> str:
        return f"{self.listing} ({self.tier})"


class AdverseRecord(models.Model):
    """An accident, breach of law or entry on a list of dishonesty. Carries code and name: the firm may be unknown yet."""

    class Kind(models.TextChoices):
        SAFETY = "safety", _("safety accident")
        CYBER = "cyber", _("network or data safety accident")
        QUALITY = "quality", _("quality accident")
        ENVIRONMENT = "environment", _("environmental pollution accident")
        TAX_OFFENCE = "tax_offence", _("tax offence")
        OTHER_OFFENCE = "other_offence", _("other breach of law")
        SERIOUS_DISHONESTY = "serious_dishonesty", _("serious dishonesty list")
        ABNORMAL_LIST = "abnormal_list", _("abnormal operation list")
        DEREGISTERED = "deregistered", _("deregistered")
        STOPPED = "stopped_12m", _("stopped 12 months or more")
        REMOVED = "removed_from_list", _("removed from a green list")
        INSPECTION = "inspection", _("serious problem found by an inspection")
        ENERGY = "energy_rectification", _("energy supervision: rectification not done")
        REFUSED = "refused_supervision", _("refused energy supervision")
        DISHONEST_DEBTOR = "dishonest_debtor", _("dishonest person subject to enforcement")

    class Severity(models.IntegerChoices):
        """Ordered, so that a rule can name its threshold."""

        NONE = 0, _("not graded")
        GENERAL = 1, _("general (一般)")
        LARGER = 2, _("larger (较大)")
        MAJOR = 3, _("major (重大)")
        EXTREME = 4, _("extreme (特别重大)")

    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.PROTECT, related_name="adverse_records"
    )
    code = models.CharField(_("unified social credit code"), max_length=18, blank=True, db_index=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=25, choices=Kind)
    severity = models.PositiveSmallIntegerField(_("grade"), choices=Severity, default=Severity.NONE)
    tier = models.CharField(_("tier of the list"), max_length=10, choices=Tier, blank=True)  # of a removal
    event_on = models.DateField(_("day of the event or decision"))
    ended_on = models.DateField(_("ended on"), null=True, blank=True)  # repaired, rectified, taken off
    ended_source = models.CharField(_("what shows the end"), max_length=200, blank=True)  # what shows that it ended
    source = models.CharField(_("source"), max_length=100)  # 信用中国, 国家企业信用信息公示系统 …
    reference = models.CharField(_("number or address in the source"), max_length=200, blank=True)
    evidence = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT)
    entered_by = models.ForeignKey(Authority, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AdverseRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("adverse record")
        verbose_name_plural = _("adverse records")
        indexes = [
            models.Index(fields=["-event_on", "-id"], name="adverse_latest_first"),
            models.Index(fields=["name"], condition=Q(organisation=None, code=""), name="adverse_nobodys"),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.get_kind_display()} · {self.event_on}"


class AdverseChange(models.Model):
    """What a record said before it was corrected or ended, and why: append-only, so that nothing is overwritten in silence."""

    record = models.ForeignKey(AdverseRecord, on_delete=models.PROTECT, related_name="changes")
    before = models.JSONField()  # field → value as it was
    after = models.JSONField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    authority = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.record_id} {self.at:%Y-%m-%d}"


class AdverseMatch(models.Model):
    """A record without a code bears the present or a former name of an organisation: an official says whether it is meant."""

    class State(models.TextChoices):
        OPEN = "open", _("to be confirmed")
        CONFIRMED = "confirmed", _("it is the same organisation")
        DENIED = "denied", _("it is another one")

    record = models.ForeignKey(AdverseRecord, on_delete=models.CASCADE, related_name="matches")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="adverse_matches")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    note = models.CharField(_("reason"), max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    objects = AdverseMatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record", "organisation"], name="one_match_per_record_and_organisation")
        ]
        indexes = [models.Index(fields=["organisation"], condition=Q(state="open"), name="matches_to_confirm")]

    def __str__(self) -> str:
        return f"{self.record} = {self.organisation}?"


class ParkFirm(models.Model):
    """A firm inside a park: what befalls it counts against the park where the rule set says so (JY-17, HLJ-15)."""

    park = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="park_firms")
    firm = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="parks")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["park", "firm"], condition=Q(valid_until=None), name="one_place_in_a_park"),
            models.CheckConstraint(condition=~Q(park=models.F("firm")), name="no_park_inside_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.firm} · {self.park}"

"""Factories, parks, supply-chain firms and third-party bodies; their sites, members, names, titles, adverse records."""

from typing import Any

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
    BanQuerySet,
    BodyProofQuerySet,
    MembershipQuerySet,
    OrganisationQuerySet,
    SiteQuerySet,
    SupervisionQuerySet,
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
    # What the claim of a firm that authorities know says differently: it holds from the confirmation on (services).
    claim_says = models.JSONField(default=dict, blank=True, editable=False)
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
        AGENT = "agent", _("agent, until a day")  # 代办人: from outside, works for the organisation for a while

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    ends_on = models.DateField(
        null=True, blank=True
    )  # the last day of an agent; access is checked against it each time

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(role="agent") | Q(ends_on__isnull=False), name="an_agent_has_an_end"),
            models.UniqueConstraint(
                fields=["user", "organisation"], condition=Q(valid_until=None), name="one_open_membership"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organisation}"


class Invitation(models.Model):
    """An owner asks a colleague in by e-mail; the token is single-use and ends."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    token_digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.STAFF)
    ends_on = models.DateField(null=True)  # of an agent
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


def _shown(value: Any) -> str:
    return "—" if value in (None, "") else str(value)


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

    @property
    def lines(self) -> list[str]:
        """Field by field, old → new, for people."""
        labels = {field.name: field.verbose_name for field in AdverseRecord._meta.fields}
        return [
            f"{labels.get(name, name)}: {_shown(self.before[name])} → {_shown(self.after[name])}" for name in self.after
        ]


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
    """A firm inside a park: what befalls it counts against the park where the rule set says so (JY-17, HLJ-15).

    The same link ties a supplier to the firm that leads its chain (JY-3, HLJ-2): `park` is that firm then, and nothing counts
    against it.
    """

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


# ---- third-party bodies ---------------------------------------------------------------------------------------------
class BodyProfile(models.Model):
    """What a third-party body says of itself (HLJ-23). Caps count by its two keys, whatever the bodies are called."""

    class LegalForm(models.TextChoices):
        FIRM = "firm", _("company")
        INSTITUTION = "institution", _("public institution")
        ASSOCIATION = "association", _("association")
        OTHER = "other", _("other form")

    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, related_name="body_profile")
    legal_form = models.CharField(_("legal form"), max_length=15, choices=LegalForm, blank=True)
    registered_in_china = models.BooleanField(_("registered in China"), null=True)
    # Of the head office where this is a branch: all bodies of one legal person share it (HEB-2.4c).
    legal_person_code = models.CharField(_("credit code of the legal person"), max_length=18, blank=True, db_index=True)
    # The identity number is read only to find the same person again: bodies with the same number share the key, under
    # any spelling of the name and whatever keys encrypt the number (HLJ-24b).
    representative_number = EncryptedTextField(blank=True, editable=False)
    representative_key = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    representative_tail = models.CharField(max_length=4, blank=True, editable=False)
    office_address = models.CharField(_("office"), max_length=200, blank=True)
    fixed_office = models.BooleanField(_("fixed office and working conditions"), null=True)
    finance_rules = models.BooleanField(_("sound finance rules"), null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("third-party body")
        verbose_name_plural = _("third-party bodies")

    def __str__(self) -> str:
        return self.organisation.name


class BodyStaff(models.Model):
    """One evaluator: title level and field decide whether the person counts (HLJ-23)."""

    class Level(models.IntegerChoices):
        """Ordered, so that "middle or above" can be asked."""

        NONE = 0, _("no title")
        JUNIOR = 1, _("junior")
        MIDDLE = 2, _("middle (中级)")
        SENIOR = 3, _("senior (高级)")

    class Field(models.TextChoices):
        ENERGY = "energy", _("energy")
        ENVIRONMENT = "environment", _("environment")
        ECOLOGY = "ecology", _("ecology")
        LOW_CARBON = "low_carbon", _("low carbon")
        LCA = "lca", _("life-cycle assessment")
        SIMILAR = "similar", _("similar field")
        OTHER = "other", _("another field")

    profile = models.ForeignKey(BodyProfile, on_delete=models.CASCADE, related_name="staff")
    name = EncryptedTextField(_("name"))
    level = models.PositiveSmallIntegerField(_("level of the title"), choices=Level, default=Level.NONE)
    field = models.CharField(_("field"), max_length=15, choices=Field)
    full_time = models.BooleanField(_("full time"), default=True)
    certificate = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-level", "pk"]

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.get_field_display()}"


class BodyExperience(models.Model):
    """Something the body led or joined; what counts ended within five years (HLJ-23)."""

    class Kind(models.TextChoices):
        REVIEW = "review", _("review")
        EVALUATION = "evaluation", _("evaluation")
        RESEARCH = "research", _("research of provincial level or above")
        STANDARD = "standard", _("national or industry standard")
        POLICY = "policy", _("policy making")

    profile = models.ForeignKey(BodyProfile, on_delete=models.CASCADE, related_name="experience")
    kind = models.CharField(_("kind"), max_length=15, choices=Kind)
    title = models.CharField(_("what it was"), max_length=200)
    led = models.BooleanField(_("led, not only joined"), default=False)
    ended_on = models.DateField(_("finished on"))
    proof = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-ended_on", "-pk"]

    def __str__(self) -> str:
        return self.title


class BodyProof(models.Model):
    """A file that shows something; a free diagnosis names firm, place and day, and an official confirms it (HEB-2.4a)."""

    class Kind(models.TextChoices):
        FREE_DIAGNOSIS = "free_diagnosis", _("free energy diagnosis of an industrial firm")
        QUALIFICATION = "qualification", _("qualification")
        OFFICE = "office", _("office and working conditions")
        FINANCE = "finance", _("finance rules")
        OTHER = "other", _("other proof")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="body_proofs")
    kind = models.CharField(_("kind"), max_length=15, choices=Kind)
    title = models.CharField(_("what it shows"), max_length=200, blank=True)
    firm = models.CharField(_("firm"), max_length=120, blank=True)
    firm_code = models.CharField(_("unified social credit code"), max_length=18, blank=True)
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    done_on = models.DateField(_("day"), null=True, blank=True)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_for = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    confirmed = models.BooleanField(null=True)
    reason = models.CharField(max_length=300, blank=True)  # why it was not confirmed

    objects = BodyProofQuerySet.as_manager()

    class Meta:
        ordering = ["-done_on", "-pk"]

    def __str__(self) -> str:
        return self.title or self.firm


class Ban(models.Model):
    """A body whose results an authority's area does not accept until a day (HEB-2.4b, HLJ-26); lifted is dated, never deleted."""

    class Ground(models.TextChoices):
        FRAUD = "fraud", _("fraud")
        CONCEALMENT = "concealment", _("concealment")
        POOR_QUALITY = "poor_quality", _("poor quality")

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="bans")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    ground = models.CharField(_("ground"), max_length=15, choices=Ground)
    reason = models.TextField(_("what was proven"))
    evidence = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    clause = models.CharField(max_length=20, blank=True)
    since = models.DateField()
    until = models.DateField()  # the last day
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_reason = models.CharField(max_length=300, blank=True)

    objects = BanQuerySet.as_manager()

    class Meta:
        verbose_name = _("ban of a body")
        verbose_name_plural = _("bans of bodies")
        indexes = [models.Index(fields=["organisation", "until"], name="bans_of_body")]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.since}–{self.until}"


class Supervision(models.Model):
    """What an authority found about a body that works in its area, sent upward at once and receipted (HLJ-26b)."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="supervisions")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    sent_to = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="+")
    finding = models.TextField(_("finding"))
    evidence = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField(null=True)

    objects = SupervisionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.made_at:%Y-%m-%d}"

"""Stored rule sets, criteria sets and the working-day calendar. What the rules mean is the engine's affair."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RuleSet(models.Model):
    """One place's rules. `owner` is the slug of the area whose authority keeps the list."""

    slug = models.SlugField(max_length=40, unique=True)
    owner = models.CharField(max_length=30, db_index=True)
    tier = models.CharField(max_length=10)  # of the list: city, province, nation
    title = models.CharField(max_length=160)
    title_en = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")

    def __str__(self) -> str:
        return self.title


class RuleSetVersion(models.Model):
    """What a call pins: never changed once stored (a trigger refuses), never deleted while used."""

    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    canonical = models.JSONField()  # all files parsed, dates as text: what the engine builds from
    sources = models.JSONField()  # file name → text as loaded: what a reader checks against the notice
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["rule_set", "-number"]
        verbose_name = _("version of a rule set")
        verbose_name_plural = _("versions of rule sets")
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "number"], name="rule_versions_in_order"),
            models.UniqueConstraint(fields=["rule_set", "digest"], name="rule_version_stored_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_set} v{self.number}"


class CriteriaSet(models.Model):
    """A standard by which units are judged, one row per edition (GB/T 36132-2018, GB/T 36132-2025)."""

    slug = models.SlugField(max_length=40, unique=True)
    category = models.CharField(max_length=15)
    standard = models.CharField(max_length=40)  # GB/T 36132
    edition = models.CharField(max_length=10)  # 2018
    title = models.CharField(max_length=160)
    title_en = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = _("criteria set")
        verbose_name_plural = _("criteria sets")

    def __str__(self) -> str:
        return self.title


class CriteriaSetVersion(models.Model):
    """One stored text of a criteria set: never changed once stored."""

    criteria_set = models.ForeignKey(CriteriaSet, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    canonical = models.JSONField()
    source = models.TextField()
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["criteria_set", "-number"]
        verbose_name = _("version of a criteria set")
        verbose_name_plural = _("versions of criteria sets")
        constraints = [
            models.UniqueConstraint(fields=["criteria_set", "number"], name="criteria_versions_in_order"),
            models.UniqueConstraint(fields=["criteria_set", "digest"], name="criteria_version_stored_once"),
        ]

    def __str__(self) -> str:
        return f"{self.criteria_set} v{self.number}"


class FactorTableVersion(models.Model):
    """One stored text of a factor table: never changed once stored, so that every result can be worked out again."""

    slug = models.SlugField(max_length=40)
    kind = models.CharField(max_length=15)  # of the calculators that count with it
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=160)
    title_en = models.CharField(max_length=240, blank=True)
    verified = models.BooleanField(default=False)
    digest = models.CharField(max_length=64)
    canonical = models.JSONField()
    source = models.TextField()
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["slug", "-number"]
        verbose_name = _("version of a factor table")
        verbose_name_plural = _("versions of factor tables")
        constraints = [
            models.UniqueConstraint(fields=["slug", "number"], name="factor_versions_in_order"),
            models.UniqueConstraint(fields=["slug", "digest"], name="factor_version_stored_once"),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"


class CalendarYear(models.Model):
    """Whether the State Council's holiday plan of a year is in the table. No legal period without it."""

    year = models.PositiveSmallIntegerField(_("year"), primary_key=True)
    confirmed = models.BooleanField(_("plan confirmed"), default=False)
    source = models.CharField(_("source"), max_length=200, blank=True)

    class Meta:
        ordering = ["-year"]
        verbose_name = _("calendar year")
        verbose_name_plural = _("calendar years")

    def __str__(self) -> str:
        return str(self.year)


class CalendarDay(models.Model):
    """A day that differs from the plain week: a holiday on a weekday, or a worked day at a weekend."""

    day = models.DateField(_("day"), unique=True)
    working = models.BooleanField(_("working day"))
    name = models.CharField(_("name"), max_length=60, blank=True)

    class Meta:
        ordering = ["day"]
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")

    def __str__(self) -> str:
        return self.day.isoformat()

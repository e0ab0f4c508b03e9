"""培育库: objects with plan, targets, visits, notes and matched bodies; training dates; what a city files upward."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.models import Application, new_reference
from dynamics.querysets import CultivationQuerySet, FilingQuerySet, TrainingQuerySet
from dynamics.states import CULTIVATED, CultivationSource
from dynamics.transitions import CultivationWorkflow, FilingWorkflow
from greenlist.accounts.models import Authority, Tier
from greenlist.core.models import Blob
from greenlist.organisations.models import Category, Organisation, Site

PERSON = settings.AUTH_USER_MODEL


class CultivationObject(CultivationWorkflow):
    """培育对象: a site that an authority brings on towards a list."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="cultivation_objects")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="cultivation_objects")
    category = models.CharField(max_length=15, choices=Category)
    level = models.CharField(max_length=10, choices=Tier)  # county's, city's (JY-14), provincial (JY-19)
    basis = models.CharField(max_length=200, blank=True, db_default="")  # of a level that another authority decided
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="cultivation_objects")
    area_path = models.CharField(max_length=200, db_index=True)  # of the site when it was taken in
    source = models.CharField(max_length=12, choices=CultivationSource)
    # the case whose conformity check made it an object (JY-14): its visits are kept with that case
    case = models.ForeignKey(Application, null=True, on_delete=models.PROTECT, related_name="cultivated_as")
    # the newest application of the site for the list, found by the round that follows them
    application = models.ForeignKey(Application, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)  # of the survey; read by officials only (QHD-N1)
    plan = models.TextField(blank=True)
    responsible = models.CharField(max_length=60, blank=True)  # official
    version = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = CultivationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "site", "category"],
                condition=Q(state__in=CULTIVATED),
                name="one_cultivation_object_per_library",
            ),
            models.UniqueConstraint(fields=["case"], name="one_cultivation_object_per_case"),
        ]
        indexes = [models.Index(fields=["authority", "-id"], name="cultivation_order")]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.get_category_display()}"


class CultivationTag(models.Model):
    """An honour that puts the unit forward, by its key in the rule set (JY-7b)."""

    object = models.ForeignKey(CultivationObject, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=30)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["object", "key"], name="one_tag_of_a_kind")]
        indexes = [models.Index(fields=["key", "object"], name="cultivation_tags")]

    def __str__(self) -> str:
        return self.key


class CultivationTarget(models.Model):
    """What the unit is to reach, and by when."""

    object = models.ForeignKey(CultivationObject, on_delete=models.CASCADE, related_name="targets")
    text = models.CharField(max_length=300)
    due_on = models.DateField()
    done_on = models.DateField(null=True)

    class Meta:
        ordering = ["due_on", "pk"]

    def __str__(self) -> str:
        return self.text


class CultivationVisit(models.Model):
    """现场指导 of an object that came from a survey; visits beside a case are `reviews.GuidanceVisit`."""

    object = models.ForeignKey(CultivationObject, on_delete=models.CASCADE, related_name="visits")
    planned_on = models.DateField()
    purpose = models.CharField(max_length=200, blank=True)
    visited_on = models.DateField(null=True)  # empty: planned only
    persons = models.CharField(max_length=300, blank=True)
    advice = models.TextField(blank=True)
    planned_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    recorded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-planned_on", "-pk"]

    def __str__(self) -> str:
        return f"{self.object} · {self.planned_on}"


class CultivationNote(models.Model):
    """Progress, written by the authority or by the unit."""

    object = models.ForeignKey(CultivationObject, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    by_unit = models.BooleanField(default=False)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class BodyMatch(models.Model):
    """A third-party body that was brought together with an object (HLJ-10)."""

    object = models.ForeignKey(CultivationObject, on_delete=models.CASCADE, related_name="matches")
    body = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="cultivation_matches")
    note = models.CharField(max_length=300, blank=True)
    matched_on = models.DateField()
    ended_on = models.DateField(null=True)
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-matched_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["object", "body"], condition=Q(ended_on=None), name="one_match_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.body} ↔ {self.object}"


class Training(models.Model):
    """A training date that an authority offers to cultivation objects of its place (HLJ-34)."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="trainings")
    area_path = models.CharField(max_length=200, db_index=True)
    title = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    held_on = models.DateField()
    place = models.CharField(max_length=200)
    places = models.PositiveSmallIntegerField()
    sign_up_until = models.DateField()
    cancelled_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = TrainingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-held_on", "-id"], name="trainings_order")]
        constraints = [
            models.CheckConstraint(condition=Q(sign_up_until__lte=F("held_on")), name="sign_up_ends_before_training")
        ]

    def __str__(self) -> str:
        return self.title


class TrainingPlace(models.Model):
    """Places that a unit took."""

    training = models.ForeignKey(Training, on_delete=models.CASCADE, related_name="places_taken")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="trainings")
    persons = models.PositiveSmallIntegerField()
    by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["training", "organisation"], name="one_sign_up_per_unit")]

    def __str__(self) -> str:
        return f"{self.organisation} · {self.persons}"


class CultivationFiling(FilingWorkflow):
    """备案材料: plan, library or list of a year, filed with the authority above; what was signed stays as it was (HLJ-14b)."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    rule = models.CharField(max_length=30)  # key of the table that asks for it
    clause = models.CharField(max_length=20)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="cultivation_filings")
    to = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    due_on = models.DateField()
    plan = models.TextField(blank=True)
    with_library = models.BooleanField(default=False)
    with_list = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)
    frozen = models.JSONField(null=True)  # what was signed
    digest = models.CharField(max_length=64, blank=True)
    number = models.CharField(max_length=40, blank=True)  # of the receipt
    pdf = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    signed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    received_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")

    objects = FilingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["authority", "rule", "year"], name="one_filing_a_year"),
            models.CheckConstraint(
                condition=Q(signed_by=None) | ~Q(signed_by=F("handed_by")), name="filing_signed_by_another_person"
            ),
        ]
        indexes = [models.Index(fields=["to", "year"], name="filings_received")]

    def __str__(self) -> str:
        return f"{self.authority} · {self.year}"

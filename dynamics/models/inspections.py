"""监督检查 (QHD-13a, JY-20, HLJ-29): plans with a sample that comes out the same again, visits with what was found."""

from django.conf import settings
from django.db import models

from applications.models import new_reference
from dynamics.querysets import InspectionPlanQuerySet, InspectionQuerySet
from dynamics.states import InspectionKind, InspectionResult
from dynamics.transitions import InspectionWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Category
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


class InspectionPlan(models.Model):
    """Which units an authority inspects in a year: drawn at random from a population, with everything the draw rests on."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=160)
    category = models.CharField(max_length=15, choices=Category, blank=True)
    tier = models.CharField(max_length=10, blank=True)  # of the lists; empty: of every list
    share = models.DecimalField(max_digits=5, decimal_places=2, null=True)  # per cent
    number = models.PositiveIntegerField(null=True)
    unannounced = models.BooleanField(default=False)
    seed = models.CharField(max_length=64)
    population = models.JSONField(default=list)  # keys of the listings, sorted
    drawn = models.JSONField(default=list)
    digest = models.CharField(max_length=64)  # of seed, population, share, number and result
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = InspectionPlanQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["authority", "-id"], name="inspection_plans_order")]

    def __str__(self) -> str:
        return self.title


class Inspection(InspectionWorkflow):
    """One visit on site, drawn by a plan or decided on by itself."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    plan = models.ForeignKey(InspectionPlan, null=True, on_delete=models.PROTECT, related_name="inspections")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="inspections")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=InspectionKind, default=InspectionKind.SPOT_CHECK)
    unannounced = models.BooleanField(default=False)
    planned_on = models.DateField(null=True)
    purpose = models.CharField(max_length=200, blank=True)
    rules = models.CharField(max_length=60, blank=True)
    clause = models.CharField(max_length=20, blank=True)
    items = models.JSONField(default=list)  # the checklist as it stood: key, zh, en, clause
    visited_on = models.DateField(null=True)
    persons = models.CharField(max_length=200, blank=True)
    answers = models.JSONField(default=dict)  # key of the item → answer, remark
    findings = models.TextField(blank=True)
    result = models.CharField(max_length=10, choices=InspectionResult, blank=True)
    reason = models.CharField(max_length=300, blank=True, db_default="")  # the document by which the unit left the list
    rectification = models.ForeignKey("dynamics.Rectification", null=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    recorded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(null=True)

    objects = InspectionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "listing"], name="one_inspection_per_plan_and_unit")]
        indexes = [
            models.Index(fields=["authority", "-id"], name="inspections_order"),
            models.Index(fields=["listing", "-id"], name="inspections_of_listing"),
        ]

    def __str__(self) -> str:
        return f"{self.listing} · {self.get_kind_display()}"


class InspectionFile(models.Model):
    """A photo or record taken on site."""

    inspection = models.ForeignKey(Inspection, on_delete=models.PROTECT, related_name="files")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.blob.name

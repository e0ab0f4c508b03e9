"""事故实时上报: the county's alarm, who was told when, what followed. An alarm is a row of its own and says nothing of guilt."""

from django.conf import settings
from django.db import models

from applications.models import new_reference
from dynamics.querysets import IncidentQuerySet
from dynamics.transitions import IncidentWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import AdverseRecord, Organisation
from greenlist.policy.models import RuleSetVersion
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


class Incident(IncidentWorkflow):
    """One event at one listed unit, told at once to the tiers the rules name."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="incidents")
    listings = models.ManyToManyField(Listing, related_name="incidents")  # whose rules make it an alarm
    rules = models.ForeignKey(RuleSetVersion, on_delete=models.PROTECT, related_name="+")
    clause = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=120)
    categories = models.CharField(max_length=60)  # of the lists it is on
    area_path = models.CharField(max_length=200, db_index=True)
    kind = models.CharField(max_length=25, choices=AdverseRecord.Kind)
    severity = models.PositiveSmallIntegerField(choices=AdverseRecord.Severity)
    event_at = models.DateTimeField()
    place = models.CharField(max_length=200)
    what = models.TextField()
    source = models.CharField(max_length=100)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    raised_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    raised_from = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="incidents_raised")
    raised_at = models.DateTimeField()
    hours = models.PositiveSmallIntegerField(null=True)  # of the rules
    hours_default = models.BooleanField(default=False)  # the portal's own choice, no document's
    record = models.OneToOneField(AdverseRecord, null=True, on_delete=models.PROTECT, related_name="incident")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "-id"], name="incidents_by_state")]

    def __str__(self) -> str:
        return f"{self.name} · {self.get_kind_display()}"


class IncidentTold(models.Model):
    """An authority that had to be told, when it was, and who there has seen it."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="told")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="incidents_told")
    told_at = models.DateTimeField()
    seen_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["incident", "authority"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.incident} · {self.authority}"


class IncidentNote(models.Model):
    """What followed, with its time. Append-only."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="notes")
    what = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=60, blank=True)
    authority = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.incident} · {self.what}"

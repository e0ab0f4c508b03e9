"""移出: proposals, the hearing of the unit, what was concluded and decided; every step is kept as it was said."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.models import new_reference
from dynamics.querysets import RemovalQuerySet
from dynamics.states import OPEN_REMOVALS, Conclusion, HeardBy, RemovalSource
from dynamics.transitions import RemovalWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Category
from greenlist.policy.models import RuleSetVersion
from registry.models import Bulletin, Listing

PERSON = settings.AUTH_USER_MODEL


class Removal(RemovalWorkflow):
    """One reason for which one unit may leave one list."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="removals")
    owner = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="removals")  # who hears and decides
    rules = models.ForeignKey(RuleSetVersion, on_delete=models.PROTECT, related_name="+")  # that have the ground
    ground = models.CharField(max_length=40)  # key of a [[removal]] table
    label = models.JSONField(default=dict)  # of the ground, in both languages
    clause = models.CharField(max_length=20, blank=True)
    when = models.CharField(max_length=10)  # any_time | with_list | at_once
    source = models.CharField(max_length=15, choices=RemovalSource)
    # what it rests on: kind and key of a row ("adverse", 7); the same one is not proposed a second time by the portal
    subject_kind = models.CharField(max_length=30, blank=True)
    subject_id = models.PositiveBigIntegerField(null=True)
    reason = models.TextField()
    evidence = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=15, choices=Category)
    area_path = models.CharField(max_length=200, db_index=True)
    was = models.CharField(max_length=20)  # state of the listing before
    proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")  # none: the portal
    proposed_at = models.DateTimeField()
    conclusion = models.CharField(max_length=10, choices=Conclusion, blank=True)
    opinion = models.TextField(blank=True)  # of the handler: what the evidence shows
    concluded_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    concluded_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    decision = models.TextField(blank=True)  # what the approver said
    dismissal = models.TextField(blank=True, default="", db_default="")  # why it should be let drop …
    dismissal_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")  # … who said so
    bulletin = models.ForeignKey(Bulletin, null=True, on_delete=models.PROTECT, related_name="removals")
    effective_on = models.DateField(null=True)

    objects = RemovalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["listing", "owner", "ground"],
                condition=Q(state__in=OPEN_REMOVALS),
                name="one_open_removal_per_listing_owner_and_ground",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | Q(concluded_by=None) | ~Q(decided_by=F("concluded_by")),
                name="removal_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="dismissed") | Q(dismissal_by=None) | ~Q(decided_by=F("dismissal_by")),
                name="removal_dismissed_by_another_person",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "state", "-id"], name="removals_of_owner"),
            models.Index(fields=["subject_kind", "subject_id"], name="removals_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.clause}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_REMOVALS

    @property
    def only_asks(self) -> bool:
        """The list stands above who decides: its owner is asked to take the unit off (JY-22b, HLJ-30b)."""
        return self.owner_id != self.listing.listbook.owner_id


class Hearing(models.Model):
    """陈述申辩: what the unit was asked, by when, and what it said."""

    removal = models.OneToOneField(Removal, on_delete=models.PROTECT, related_name="hearing")
    title = models.CharField(max_length=160)
    letter = models.TextField()
    how = models.CharField(max_length=500, blank=True)  # besides the portal: where it may come in person
    asked_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    least_days = models.PositiveSmallIntegerField(null=True)  # of the rule set
    is_default = models.BooleanField(default=False)  # the days are the portal's own choice, no document's
    answer_by = models.DateField(db_index=True)  # the last day
    heard_by = models.CharField(max_length=10, choices=HeardBy, blank=True)
    statement = models.TextField(blank=True)
    statement_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    heard_on = models.DateField(null=True)
    persons = models.CharField(max_length=300, blank=True)  # of an oral hearing
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.removal} · {self.answer_by}"


class RemovalFile(models.Model):
    """Evidence of the office, or what the unit put beside its statement."""

    removal = models.ForeignKey(Removal, on_delete=models.PROTECT, related_name="files")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    by_unit = models.BooleanField()
    by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.removal} · {self.blob_id}"


class RemovalNote(models.Model):
    """One line of the course of a removal, as it was said. Append-only."""

    removal = models.ForeignKey(Removal, on_delete=models.PROTECT, related_name="notes")
    what = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    for_unit = models.BooleanField(default=False)  # the unit reads it too
    person = models.CharField(max_length=60, blank=True)
    authority = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.removal} · {self.what}"

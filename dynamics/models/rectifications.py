"""整改: something a listed unit must put right by a day, with proof; unmet, its removal may be proposed."""

from django.conf import settings
from django.db import models

from applications.models import new_reference
from dynamics.querysets import RectificationQuerySet
from dynamics.states import RectificationSource
from dynamics.transitions import RectificationWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


class Rectification(RectificationWorkflow):
    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="rectifications")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=12, choices=RectificationSource, default=RectificationSource.OTHER)
    # what ordered it: ("tip", 4) …; never shown to the unit, because of a report only its outcome is told
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.BigIntegerField(null=True)
    clause = models.CharField(max_length=20, blank=True)
    reason = models.TextField()
    due_on = models.DateField()
    ordered_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)  # why what was handed in does not do, or what came of it
    judged_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")

    objects = RectificationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["authority", "-id"], name="rectifications_order"),
            models.Index(fields=["listing", "state"], name="rectifications_of_listing"),
            models.Index(fields=["state", "due_on"], name="rectifications_due"),
        ]

    def __str__(self) -> str:
        return f"{self.listing} · {self.due_on}"


class RectificationProof(models.Model):
    """A file that shows what was done; each round of handing in keeps its own."""

    rectification = models.ForeignKey(Rectification, on_delete=models.PROTECT, related_name="proofs")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField(default=1)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.blob.name

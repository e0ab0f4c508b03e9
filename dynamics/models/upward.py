"""提请上级: what an authority asks of the one whose list stands above its own, from the letter to its outcome."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.models import new_reference
from dynamics.models.removals import Removal
from dynamics.querysets import UpwardQuerySet
from dynamics.states import UpwardKind
from dynamics.transitions import UpwardWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Category
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


class UpwardRequest(UpwardWorkflow):
    """One letter. A removal names the place on the higher list; changes are bundled, their rows point here."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    kind = models.CharField(max_length=10, choices=UpwardKind)
    from_authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="requests_sent")
    to_authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="requests_received")
    listing = models.ForeignKey(Listing, null=True, on_delete=models.PROTECT, related_name="upward_requests")
    removal = models.ForeignKey(Removal, null=True, on_delete=models.PROTECT, related_name="upward_requests")
    category = models.CharField(max_length=15, choices=Category)
    clause = models.CharField(max_length=20, blank=True)
    title = models.CharField(max_length=160)
    text = models.TextField()
    number = models.CharField(max_length=60, blank=True)  # official 文号, typed when it is sent
    version = models.PositiveIntegerField(default=0)  # of the words
    created_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    signed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(null=True)
    frozen = models.JSONField(null=True)  # the letter as it was signed
    digest = models.CharField(max_length=64, blank=True)
    letter = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # rendered once
    received_on = models.DateField(null=True)
    outcome = models.TextField(blank=True)  # which document did it, or why it was refused

    objects = UpwardQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["removal", "listing"], condition=~Q(removal=None), name="one_request_per_removal_and_list"
            ),
            models.CheckConstraint(
                condition=Q(signed_by=None) | ~Q(signed_by=F("handed_by")), name="request_signed_by_another_person"
            ),
        ]
        indexes = [
            models.Index(fields=["from_authority", "state", "-id"], name="requests_of_sender"),
            models.Index(fields=["to_authority", "state", "-id"], name="requests_of_receiver"),
        ]

    def __str__(self) -> str:
        return self.title


class UpwardNote(models.Model):
    """One line of its course. Append-only."""

    request = models.ForeignKey(UpwardRequest, on_delete=models.PROTECT, related_name="notes")
    what = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    person = models.CharField(max_length=60, blank=True)
    authority = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.request} · {self.what}"

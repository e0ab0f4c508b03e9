"""变更 (JY-21, QHD-15, HLJ-31): what a listed unit reports of itself, verified by one and confirmed by another official."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from applications.models import new_reference
from dynamics.querysets import ChangeQuerySet
from dynamics.states import ChangeKind, Disposition, ToldBy
from dynamics.transitions import ChangeWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Organisation
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


class Change(ChangeWorkflow):
    """One change of a unit as it concerns one list: each list's rules say who verifies it."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="changes")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")  # that reported it
    area_path = models.CharField(max_length=200)
    verifier = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    rules = models.CharField(max_length=60)  # slug of the rule set
    clause = models.CharField(max_length=20)
    publishes = models.BooleanField(default=False)  # the owner announces it (JY-21)
    bundles = models.BooleanField(default=False)  # goes up with the yearly recommendation
    ground = models.CharField(max_length=30, blank=True)  # of a removal where the standard is not met any more
    told_by = models.CharField(max_length=8, choices=ToldBy, default=ToldBy.REPORT)
    kinds = models.JSONField(default=list)
    before = models.JSONField(default=dict)  # kind → text, as it stood
    after = models.JSONField(default=dict)
    happened_on = models.DateField()
    explanation = models.TextField()
    successor_code = models.CharField(max_length=18, blank=True)
    successor_name = models.CharField(max_length=120, blank=True)
    successor = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    reported_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()
    opinion = models.TextField(blank=True)
    agreed = models.BooleanField(null=True)
    meets = models.BooleanField(null=True)  # still within the standard (HLJ-31)
    meets_reason = models.TextField(blank=True)
    disposition = models.CharField(max_length=6, choices=Disposition, blank=True)
    verified_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    verified_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)  # to the unit where it was returned, to the handler where it was handed back
    # the letter by which it went up with the yearly recommendation
    request = models.ForeignKey("dynamics.UpwardRequest", null=True, on_delete=models.PROTECT, related_name="changes")
    led_to = models.CharField(max_length=120, blank=True)  # address of a removal that was proposed

    objects = ChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("verified_by")),
                name="change_confirmed_by_another_person",
            ),
        ]
        indexes = [
            models.Index(fields=["verifier", "-id"], name="changes_order"),
            models.Index(fields=["listing", "-id"], name="changes_of_listing"),
        ]

    def __str__(self) -> str:
        return f"{self.listing} · {self.happened_on}"

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """(what, before, after), for people."""
        return [(str(ChangeKind(one).label), self.before.get(one, ""), self.after.get(one, "")) for one in self.kinds]


class ChangeFile(models.Model):
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="files")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.blob.name

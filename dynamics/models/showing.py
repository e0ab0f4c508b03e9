"""What a listed unit shows of itself on its public page, and typical experiences (QHD-18, JY-26, HLJ-34, HLJ-36, HEB-4)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from applications.models import new_reference
from dynamics.querysets import ExperienceQuerySet
from dynamics.transitions import ExperienceWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.models import Blob
from greenlist.organisations.models import Category, Organisation, Site
from registry.models import Listing, new_token

PERSON = settings.AUTH_USER_MODEL


class PublicPart(models.Model):
    """One part of a listed unit's public page. Nothing of it is public before somebody marks it so."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="public_parts")
    kind = models.CharField(max_length=20)  # policy.engine.cultivating.SHOWN
    text = models.TextField(blank=True)
    link = models.URLField(blank=True)
    grade = models.CharField(max_length=4, blank=True)  # of the ministry's green code: as issued, never computed
    issued_on = models.DateField(null=True)
    file = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    bare = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")  # of the file: what is public
    bare_of = models.BigIntegerField(null=True)
    figures = models.JSONField(default=list)  # chosen key figures as they were declared: label, value, unit, year
    token = models.CharField(max_length=32, default=new_token, unique=True)  # of the page its QR code leads to
    is_public = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    by_unit = models.BooleanField(default=True)
    at = models.DateTimeField()
    taken_down_at = models.DateTimeField(null=True)
    taken_down_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)  # why an official took it down

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["listing", "kind"], name="one_public_part_of_a_kind"),
            models.CheckConstraint(
                condition=Q(is_public=False) | Q(taken_down_at=None), name="taken_down_is_not_public"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.listing} · {self.kind}"


class Experience(ExperienceWorkflow):
    """典型经验: picked by a city, recommended, marked as outstanding by the province, published, put forward to the ministry."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="experiences")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="experiences")
    category = models.CharField(max_length=15, choices=Category)
    area_path = models.CharField(max_length=200, db_index=True)
    area_name = models.CharField(max_length=60)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="experiences")  # that picked it
    province = models.ForeignKey(
        Authority, null=True, on_delete=models.PROTECT, related_name="+"
    )  # it was recommended to
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=500, blank=True)
    text = models.TextField()
    version = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    recommended_at = models.DateTimeField(null=True)
    outstanding_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="+")
    forwarded_on = models.DateField(null=True)  # to the ministry
    forwarded_note = models.CharField(max_length=300, blank=True)

    objects = ExperienceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["-published_at", "-id"], name="experiences_newest"),
            models.Index(fields=["authority", "-id"], name="experiences_order"),
        ]

    def __str__(self) -> str:
        return self.title

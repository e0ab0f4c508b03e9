"""实名举报 (JY-23, HLJ-32): from whom it is stands encrypted here and nowhere else; files lose name and properties."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dynamics.querysets import TipQuerySet
from dynamics.states import TipOutcome
from dynamics.transitions import TipWorkflow
from greenlist.accounts.models import Authority
from greenlist.core.crypto import EncryptedTextField
from greenlist.core.models import Blob
from greenlist.organisations.models import Organisation
from registry.models import Listing

PERSON = settings.AUTH_USER_MODEL


def new_follow_token() -> str:
    """Unguessable: it is the whole right to follow a report."""
    return secrets.token_urlsafe(24)


class Tip(TipWorkflow):
    receipt = models.CharField(max_length=40, unique=True)  # public number
    follow_token = models.CharField(max_length=40, default=new_follow_token, unique=True)
    listing = models.ForeignKey(Listing, null=True, on_delete=models.PROTECT, related_name="+")
    body = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    # of what it is about, as it stood: a later rename does not change the papers
    about = models.CharField(max_length=120)
    category = models.CharField(max_length=15, blank=True)
    area_path = models.CharField(max_length=200, blank=True)
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")
    rules = models.CharField(max_length=60)  # slug of the rule set
    clause = models.CharField(max_length=20)
    keep_days = models.PositiveIntegerField()  # after it is closed, as the rules said when it came
    # What tells who it is from; the text may, so it is kept alike.
    name = EncryptedTextField(_("your name or your organisation's"), blank=True)
    contact = EncryptedTextField(_("telephone or e-mail"), blank=True)
    text = EncryptedTextField(_("what is untrue, and how do you know"), blank=True)
    evidence = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    # What handler and approver say of it, for whoever may see the case at all.
    summary = models.TextField(blank=True)
    outcome = models.CharField(max_length=15, choices=TipOutcome, blank=True)
    reason = models.TextField(blank=True)  # told to who reported
    detail = models.JSONField(default=dict)  # of the proposed outcome: due day, ground
    cited = models.CharField(max_length=20, blank=True)
    proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)  # why the proposal was handed back
    decided_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    led_to = models.CharField(
        max_length=60, blank=True
    )  # address of what it led to: a rectification, a removal, a body
    erased_at = models.DateTimeField(null=True)

    objects = TipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(listing=None, body__isnull=False) | Q(listing__isnull=False, body=None),
                name="tip_about_a_unit_or_a_body",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by")), name="tip_decided_by_another_person"
            ),
        ]
        indexes = [
            models.Index(fields=["authority", "-id"], name="tips_order"),
            models.Index(fields=["closed_at"], condition=Q(erased_at=None), name="tips_to_erase"),
        ]

    def __str__(self) -> str:
        return self.receipt


class TipHandler(models.Model):
    """Who was named to handle a report. From the unit's own county only by express delegation (PR-02)."""

    tip = models.ForeignKey(Tip, on_delete=models.PROTECT, related_name="handlers")
    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="+")  # for which the person acts
    delegated = models.CharField(max_length=300, blank=True)  # why, where the person comes from the unit's county
    named_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tip", "user"], condition=Q(ended_at=None), name="named_once_on_a_tip")
        ]

    def __str__(self) -> str:
        return f"{self.tip} · {self.user_id}"


class TipLook(models.Model):
    """One look at who a report is from: by whom, when, why."""

    tip = models.ForeignKey(Tip, on_delete=models.PROTECT, related_name="looks")
    user = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    authority = models.ForeignKey(Authority, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "-at"], name="looks_of_a_person")]

    def __str__(self) -> str:
        return f"{self.tip} · {self.at:%Y-%m-%d %H:%M}"

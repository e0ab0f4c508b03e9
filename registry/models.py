"""Notices, objections, announcements, list books, listings, entries, certificates."""

import secrets
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Call, new_reference
from greenlist.accounts.models import Authority
from greenlist.core.crypto import EncryptedTextField
from greenlist.core.models import Blob
from greenlist.organisations.models import Category, Organisation, Site
from registry.querysets import (
    AnnouncementQuerySet,
    BulletinQuerySet,
    ImportedListQuerySet,
    ListingQuerySet,
    NoticeQuerySet,
    ObjectionQuerySet,
    RowMatchQuerySet,
)
from registry.states import CorrectionState, EntryKind, ImportState, MatchState, Origin, RowState
from registry.transitions import (
    AnnouncementWorkflow,
    BulletinWorkflow,
    CorrectionWorkflow,
    ImportedListWorkflow,
    ListingWorkflow,
    NoticeItemWorkflow,
    NoticeWorkflow,
    ObjectionWorkflow,
)
from reviews.models import Decision

PERSON = settings.AUTH_USER_MODEL


def new_token() -> str:
    """Unguessable: it is the whole right to see the certificate's check page."""
    return secrets.token_urlsafe(16)


class ListBook(models.Model):
    """名单: one authority's list of one category."""

    owner = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="listbooks")
    category = models.CharField(max_length=15, choices=Category)
    title = models.CharField(max_length=120)
    title_en = models.CharField(max_length=160, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "category"], name="one_list_per_owner_and_category")]

    def __str__(self) -> str:
        return self.title


class Notice(NoticeWorkflow):
    """公示: a proposed list before the public; its counted days are fixed when it is published."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="notices")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="notices")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="notices")
    step = models.CharField(max_length=30)
    title = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    rule = models.JSONField(default=dict)  # days, unit, first_day, clause as bound when published
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, db_index=True)
    counted_days = models.JSONField(default=list)  # ISO days that count
    site_address = models.URLField(blank=True)  # where the bureau's own site carries it (QHD-10b)
    version = models.PositiveIntegerField(default=0)  # of the words: two editors do not overwrite each other
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # Who wrote the words that stand; where the rule set asks for two people another one publishes them.
    prepared_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    four_eyes = models.BooleanField(default=True, db_default=True)
    published_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="notice_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(four_eyes=False)
                | Q(published_by=None)
                | Q(prepared_by=None)
                | ~Q(published_by=F("prepared_by")),
                name="notice_published_by_another_person",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def counted(self) -> list[date]:
        """The days that make up the period."""
        return [date.fromisoformat(day) for day in self.counted_days]


class NoticeItem(NoticeItemWorkflow):
    """One unit on notice; an open objection holds the item, not the batch."""

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="items")
    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="notice_item")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)  # as printed
    area_name = models.CharField(max_length=60)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class Objection(ObjectionWorkflow):
    """异议: real name, contact, evidence. Who it is from is encrypted and shown to the handling officials only."""

    item = models.ForeignKey(NoticeItem, on_delete=models.PROTECT, related_name="objections")
    receipt = models.CharField(max_length=40, unique=True)  # public number
    follow_token = models.CharField(max_length=32, default=new_token, unique=True)
    name = EncryptedTextField(_("your name or your organisation's"))
    contact = EncryptedTextField(_("telephone or e-mail"))
    text = EncryptedTextField(_("what is wrong"))
    evidence = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    decided_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    reasons = models.TextField(blank=True)

    objects = ObjectionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.receipt


class Announcement(AnnouncementWorkflow):
    """公告: the numbered and dated publication of a batch, or a supplement with items an objection had held."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listbook = models.ForeignKey(ListBook, on_delete=models.PROTECT, related_name="announcements")
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="announcements")
    supplement_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="supplements")
    ordinal = models.PositiveSmallIntegerField(null=True)  # 第N批, given when published; a supplement keeps its batch's
    number = models.CharField(max_length=60, blank=True)  # official 文号, typed
    title = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)  # of the words: two editors do not overwrite each other
    issued_on = models.DateField(null=True)
    frozen = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    four_eyes = models.BooleanField(default=True)  # as the rule set says: the approver is another person

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["listbook", "ordinal"],
                condition=Q(supplement_of=None) & ~Q(ordinal=None),
                name="one_batch_per_ordinal",
            ),
            models.UniqueConstraint(
                fields=["notice"], condition=Q(supplement_of=None), name="one_announcement_per_notice"
            ),
            models.CheckConstraint(
                condition=Q(four_eyes=False) | Q(approved_by=None) | ~Q(approved_by=F("handed_by")),
                name="announcement_approved_by_another_person",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ImportedList(ImportedListWorkflow):
    """导入名单: what another tier published, as an official took it over: a file, or one result typed from the document.

    It becomes the list of that tier here, settles the cases that wait for it, and is inherited where the rules say so.
    """

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listbook = models.ForeignKey(ListBook, on_delete=models.PROTECT, related_name="imports")
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="imported_lists")
    # the call whose forwarded cases the list answers; none: a list that is only inherited and looked up
    call = models.ForeignKey(Call, null=True, on_delete=models.PROTECT, related_name="imported_lists")
    by_hand = models.BooleanField(default=False)
    title = models.CharField(_("title of the document"), max_length=160)
    number = models.CharField(_("document number"), max_length=60, blank=True)
    issued_on = models.DateField(_("day of the document"))
    source = models.CharField(_("source"), max_length=300)
    # An official says that whoever is not in it was not listed, and who said so when.
    complete_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    complete_at = models.DateTimeField(null=True)
    # Said after it was approved, one person proposes it and an approver, another one, confirms it.
    complete_proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    complete_proposed_at = models.DateTimeField(null=True)
    file_name = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)  # of the file, or of what was typed
    count = models.PositiveIntegerField(default=0)  # rows
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    four_eyes = models.BooleanField(default=True)

    objects = ImportedListQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "listbook", "digest"],
                condition=~Q(state=ImportState.DROPPED),
                name="one_import_of_a_list",
            ),
            models.CheckConstraint(
                condition=Q(four_eyes=False) | Q(approved_by=None) | ~Q(approved_by=F("created_by")),
                name="import_approved_by_another_person",
            ),
        ]
        indexes = [models.Index(fields=["authority", "-id"], name="imported_lists_order")]

    def __str__(self) -> str:
        return self.title

    @property
    def document(self) -> str:
        """How people name it: title and number."""
        return f"{self.title}（{self.number}）" if self.number else self.title


class Correction(CorrectionWorkflow):
    """更正: a later version of a published announcement. What was printed before stays, and stays readable."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    announcement = models.ForeignKey(Announcement, on_delete=models.PROTECT, related_name="corrections")
    number = models.PositiveSmallIntegerField(null=True)  # of the version: the announcement itself is the first
    reason = models.CharField(max_length=500)
    lines = models.JSONField(default=dict)  # position → what is to be printed there: name, area, struck
    note = models.CharField(max_length=500, blank=True)  # why it was not approved
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    issued_on = models.DateField(null=True)
    frozen = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["announcement"],
                condition=Q(state=CorrectionState.TO_APPROVE),
                name="one_correction_at_a_time",
            ),
            models.UniqueConstraint(fields=["announcement", "number"], name="one_correction_per_version"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("created_by")),
                name="correction_approved_by_another_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.announcement} · {self.number or self.state}"


class Listing(ListingWorkflow):
    """在册: a site on a list book. A projection of its entries; searched and shown to everybody."""

    listbook = models.ForeignKey(ListBook, on_delete=models.PROTECT, related_name="listings")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="listings")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="listings")
    application = models.OneToOneField(Application, null=True, on_delete=models.PROTECT, related_name="listing")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.DECIDED)
    basis = models.CharField(max_length=250, blank=True)
    # the listing of a higher tier it follows (JY-15c); set where `origin` is inherited
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="followers")
    name = models.CharField(max_length=120)
    former = models.TextField(blank=True)  # other names it was printed under, a line each: what search looks in
    code = models.CharField(max_length=18, blank=True, db_index=True)
    area_path = models.CharField(max_length=200, db_index=True)
    area_name = models.CharField(max_length=60)
    industry_code = models.CharField(max_length=4, blank=True, db_index=True)
    industry_name = models.CharField(max_length=80, blank=True)
    year = models.PositiveSmallIntegerField(db_index=True)
    ordinal = models.PositiveSmallIntegerField(null=True)
    listed_on = models.DateField()
    since = models.DateField(null=True, blank=True)  # its state is what it is; none: since it was listed

    objects = ListingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listbook", "site"], name="one_listing_per_list_and_site")]
        indexes = [
            models.Index(fields=["listbook", "-listed_on", "-id"], name="list_order"),
            models.Index(fields=["-listed_on", "-id"], name="newest_listings"),
            models.Index(fields=["year", "-listed_on", "-id"], name="newest_listings_of_a_year"),
            models.Index(fields=["state", "-listed_on", "-id"], name="newest_listings_by_state"),
        ]

    def __str__(self) -> str:
        return self.name


class Bulletin(BulletinWorkflow):
    """调整公告: what changes on a list between two announcements: units removed, renamed, corrected."""

    reference = models.CharField(max_length=24, default=new_reference, unique=True)
    listbook = models.ForeignKey(ListBook, on_delete=models.PROTECT, related_name="bulletins")
    number = models.CharField(max_length=60, blank=True)  # official 文号, typed
    title = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=0)  # of the words: two editors do not overwrite each other
    issued_on = models.DateField(null=True)
    frozen = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    handed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")

    objects = BulletinQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("handed_by")),
                name="bulletin_approved_by_another_person",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class BulletinLine(models.Model):
    """One unit of a bulletin. `source`: the row of a later stage it comes from; that stage finds it again by it."""

    bulletin = models.ForeignKey(Bulletin, on_delete=models.CASCADE, related_name="lines")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=EntryKind)  # removed, renamed, corrected
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120)  # as printed: renamed and corrected: the new one
    area_name = models.CharField(max_length=60)
    was = models.CharField(max_length=120)
    reason = models.CharField(max_length=500)  # printed
    clause = models.CharField(max_length=20, blank=True)
    source_kind = models.CharField(max_length=30, blank=True)
    source_id = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["bulletin", "listing", "kind"], name="one_bulletin_line_per_kind"),
            models.CheckConstraint(condition=~Q(kind=EntryKind.ADDED), name="bulletin_adds_nobody"),
        ]
        indexes = [models.Index(fields=["source_kind", "source_id"], name="bulletin_lines_by_source")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Entry(models.Model):
    """One line of an announcement, of a bulletin, or of a list taken over from another tier, as printed. Append-only:
    the list of any day is the fold of its entries.
    """

    announcement = models.ForeignKey(Announcement, null=True, on_delete=models.PROTECT, related_name="entries")
    imported = models.ForeignKey(ImportedList, null=True, on_delete=models.PROTECT, related_name="entries")
    bulletin = models.ForeignKey(Bulletin, null=True, on_delete=models.PROTECT, related_name="entries")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="entries")
    correction = models.ForeignKey(Correction, null=True, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=10, choices=EntryKind)
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=120, db_index=True)
    area_name = models.CharField(max_length=60)
    on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["on"], name="entries_by_day")]
        constraints = [
            models.UniqueConstraint(
                fields=["announcement", "listing", "kind"],
                condition=Q(correction=None),
                name="one_line_per_listing_and_kind",
            ),
            models.UniqueConstraint(fields=["correction", "listing"], name="one_line_per_correction_and_listing"),
            models.UniqueConstraint(fields=["imported", "listing", "kind"], name="one_imported_line_per_kind"),
            models.UniqueConstraint(fields=["bulletin", "listing", "kind"], name="one_bulletin_entry_per_kind"),
            models.CheckConstraint(
                condition=Q(announcement__isnull=False, imported=None, bulletin=None)
                | Q(announcement=None, imported__isnull=False, bulletin=None)
                | Q(announcement=None, imported=None, bulletin__isnull=False),
                name="entry_of_one_document",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class ImportedRow(models.Model):
    """One line of an imported list, as printed, and whom it is about."""

    imported = models.ForeignKey(ImportedList, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=EntryKind, default=EntryKind.ADDED)  # added, removed
    name = models.CharField(max_length=120)
    code = models.CharField(max_length=18, blank=True)
    area_text = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, choices=RowState, default=RowState.NOBODY)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    # a result typed for one case; `kind` removed then means: not listed
    application = models.ForeignKey(Application, null=True, on_delete=models.PROTECT, related_name="outcome_rows")
    reason = models.CharField(max_length=300, blank=True)
    listing = models.ForeignKey(Listing, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["imported", "position"], name="imported_rows_in_order")]
        indexes = [
            models.Index(fields=["imported", "state", "position"], name="imported_rows_by_state"),
            models.Index(fields=["imported", "code"], name="imported_rows_by_code"),
        ]

    def __str__(self) -> str:
        return self.name


class RowMatch(models.Model):
    """A line without a code beside an organisation that bears or bore its name: an official says yes or no."""

    row = models.ForeignKey(ImportedRow, on_delete=models.CASCADE, related_name="matches")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=MatchState, default=MatchState.OPEN, db_index=True)
    # What the first of two people answered; it decides nothing until an approver, another person, says the same.
    proposed = models.BooleanField(null=True)
    proposed_note = models.CharField(max_length=300, blank=True, default="", db_default="")
    proposed_by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(PERSON, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = RowMatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(by=None) | Q(proposed_by=None) | ~Q(by=F("proposed_by")),
                name="match_decided_by_another_person",
            ),
            models.UniqueConstraint(fields=["row", "organisation"], name="one_match_per_row_and_organisation"),
            models.UniqueConstraint(
                fields=["row"], condition=Q(state=MatchState.CONFIRMED), name="one_confirmed_match_per_row"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row} = {self.organisation}?"


class Certificate(models.Model):
    """证书: a numbered document whose QR code leads to a public page with the listing's live state."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="certificates")
    number = models.CharField(max_length=40, unique=True)
    token = models.CharField(max_length=32, default=new_token, unique=True)
    name = models.CharField(max_length=120)  # as printed
    issued_on = models.DateField()
    data_digest = models.CharField(max_length=64)
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.number


class Document(models.Model):
    """A rendered notice, announcement, bulletin or list."""

    notice = models.ForeignKey(Notice, null=True, on_delete=models.CASCADE, related_name="documents")
    announcement = models.ForeignKey(Announcement, null=True, on_delete=models.CASCADE, related_name="documents")
    bulletin = models.ForeignKey(Bulletin, null=True, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=30)
    format = models.CharField(max_length=5)
    data_digest = models.CharField(max_length=64)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}.{self.format}"

"""Audit trail, notification outbox, blobs, number sequences. Subjects are named by (kind, id): core knows no other app."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from greenlist.core.querysets import BlobQuerySet, NotificationQuerySet, RenderJobQuerySet


class ChainHead(models.Model):
    """The end of one subject's audit chain; locked while an entry is added."""

    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    length = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="one_chain_per_subject")]

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id} #{self.length}"


class AuditEntry(models.Model):
    """One thing that happened. Never changed, never deleted: triggers on both databases refuse."""

    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    position = models.PositiveIntegerField()
    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=60)
    user_id = models.BigIntegerField(null=True, db_index=True)
    capacity = models.CharField(max_length=20)
    authority_id = models.BigIntegerField(null=True)
    organisation_id = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=32, blank=True)
    erases = models.PositiveIntegerField(null=True)  # the position whose payload this entry takes away
    payload_digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id", "position"], name="no_fork_in_a_chain")
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id} #{self.position} {self.action}"


class AuditPayload(models.Model):
    """What an entry says, salted: it can be erased (personal data) while the entry keeps its digest."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, primary_key=True, related_name="payload")
    salt = models.CharField(max_length=32)
    data = models.JSONField()

    def __str__(self) -> str:
        return str(self.entry_id)


class AuditKeyChange(models.Model):
    """AUDIT_KEY was changed: what was written up to here rests on the former key, and all its ends are sealed by the new."""

    at = models.DateTimeField()
    upto = models.BigIntegerField()  # number of the last entry under the former key
    chains = models.PositiveIntegerField()
    ends = models.CharField(max_length=64)  # digest over the ends of all chains
    former = models.CharField(max_length=16)  # which key: its mark, not the key
    present = models.CharField(max_length=16)
    seal = models.CharField(max_length=64)  # under the new key, over all that and the seal of the change before

    def __str__(self) -> str:
        return f"{self.former} → {self.present}"


class Notification(models.Model):
    """One message to one person by one channel, once per event and period. The row is the queue."""

    class State(models.TextChoices):
        NEW = "new"
        HELD = "held"  # waits for the day's one mail (core.digests)
        BUNDLED = "bundled"  # its words are in the day's one mail
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"  # refused for good, or tried for a day; somebody must look (outbox_status)
        DROPPED = "dropped"  # nobody needs it any more

    event = models.CharField(max_length=120)  # what happened to what, e.g. "case.returned:42:3"
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, choices=[("portal", "portal"), ("email", "email"), ("sms", "sms")])
    period = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=40)  # names the words: core.messages
    params = models.JSONField(default=dict)
    link = models.CharField(max_length=300, blank=True)
    address = models.EmailField(blank=True, default="", db_default="")  # of the mail; empty: the recipient's then
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    # core.deadlines: whom to ask again before a reminder that waited leaves
    source = models.CharField(max_length=40, blank=True, default="", db_default="")

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "recipient", "channel", "period"], name="notified_once")
        ]
        indexes = [
            models.Index(fields=["recipient", "channel", "-created_at", "-id"], name="inbox_order"),
            models.Index(fields=["recipient"], condition=Q(channel="portal", read_at=None), name="inbox_unread"),
            models.Index(fields=["state", "not_before"], condition=Q(channel__in=["email", "sms"]), name="outbox_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.recipient_id} ({self.channel})"


class Blob(models.Model):
    """A file as it came: immutable, named by nothing but a random key. Each owner's app links to it and guards it."""

    class Scan(models.TextChoices):
        WAITING = "waiting"
        CLEAN = "clean"
        INFECTED = "infected"

    key = models.CharField(max_length=80, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100)
    name = models.CharField(max_length=255)  # as uploaded, made safe; only ever a download name
    scan = models.CharField(max_length=10, choices=Scan, default=Scan.WAITING)
    scanned_at = models.DateTimeField(null=True)
    threat = models.CharField(max_length=120, blank=True)  # what the scanner calls it
    created_at = models.DateTimeField()

    objects = BlobQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["created_at"], condition=Q(scan="waiting"), name="blobs_to_scan")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_clean(self) -> bool:
        return self.scan == self.Scan.CLEAN


class PartialUpload(models.Model):
    """A file that is on its way in pieces, of one person in one capacity (`core.pieces`); gone when it is whole or too old."""

    token = models.CharField(max_length=48, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    capacity = models.CharField(max_length=80)
    target = models.CharField(max_length=200)  # the owner's words for where the whole file belongs
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)  # as declared; judged when it is whole
    mark = models.CharField(max_length=40)  # tells two files of the same name and size
    size = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    pieces = models.JSONField(default=list)  # their keys in the storage, in order
    touched_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "capacity", "target", "name", "size", "mark"], name="partial_upload_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class RenderJob(models.Model):
    """A document that somebody waits for. The row is the queue: the broker only wakes the worker (`core.rendering`)."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"  # `failure` says why; asked for again after a pause it is tried again
        REFUSED = "refused"  # whoever asked had lost the right to it when the worker came

    kind = models.CharField(max_length=40)  # names who makes it
    subject = models.CharField(max_length=64)  # what it is about: a reference or key
    part = models.CharField(max_length=40, blank=True)  # which of its papers, e.g. "letter.pdf"
    digest = models.CharField(max_length=64)  # of the data it prints
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    capacity = models.CharField(max_length=20, blank=True)  # key of the capacity they asked in; nobody: the public
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    done = models.PositiveSmallIntegerField(default=0)  # papers of a package, thousands of lines of a list so far
    total = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=30, blank=True)
    # Only of what is kept nowhere else (drafts, blank forms); it goes with the row.
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    request_id = models.CharField(max_length=32, blank=True)
    params = models.JSONField(null=True)  # what its maker needs beside the subject, e.g. the filters of a list
    title = models.CharField(max_length=200, blank=True, db_default="")  # as the page that waits for it calls it
    address = models.CharField(
        max_length=500, blank=True, db_default=""
    )  # of that page; empty: nobody has seen it wait

    objects = RenderJobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "part", "digest"], name="rendered_once_at_a_time")
        ]
        indexes = [
            models.Index(
                fields=["asked_at"], condition=Q(state__in=["waiting", "running"]), name="documents_to_render"
            ),
            models.Index(fields=["finished_at"], name="documents_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {self.part}".rstrip()


class Sequence(models.Model):
    """The last number given in a scope and year; see `core.numbers`."""

    scope = models.CharField(max_length=60)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "year"], name="one_sequence_per_scope_and_year")]

    def __str__(self) -> str:
        return f"{self.scope}/{self.year}: {self.last}"


class Use(models.Model):
    """How much of something limited one account or address has taken since a moment; see `core.limits`."""

    kind = models.CharField(max_length=20)
    taker = models.CharField(max_length=64)  # sealed: nobody reads from here who did what
    begins = models.DateTimeField(db_index=True)
    seconds = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "taker", "begins", "seconds"], name="one_use_per_window")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.taken}"


class Heartbeat(models.Model):
    """When a periodic job or a backup last succeeded and last failed: silence is noticed (`core.heartbeats`)."""

    name = models.CharField(max_length=60, unique=True)
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name

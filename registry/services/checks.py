"""Is this file one that was issued here, byte for byte? By the SHA-256 of the file as it was kept (docs/adr/0006)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, limits
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid
from greenlist.core.models import Blob
from registry import selectors
from registry.models import Announcement, Certificate, Document, Notice
from registry.states import ListingState

MAX_BYTES = 10 * 1024 * 1024  # the largest document of ours is far smaller
VALID = (ListingState.ACTIVE, ListingState.RECTIFYING)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the file is; nothing of all this: not issued here, or changed since."""

    sha256: str
    certificate: Certificate | None = None
    newer: Certificate | None = None  # the certificate that took its place
    notice: Notice | None = None
    announcement: Announcement | None = None
    is_latest: bool = True  # of a notice or announcement: no later print

    @property
    def is_ours(self) -> bool:
        return bool(self.certificate or self.notice or self.announcement)

    @property
    def is_current(self) -> bool:
        if self.certificate is not None:
            return self.newer is None and self.certificate.listing.state in VALID
        return self.is_ours and self.is_latest


def check_file(*, upload: UploadedFile | None, actor: Actor, at: datetime) -> Verdict:
    """Keeps nothing of the file. Raises TooMany, Invalid (no file, empty, too large)."""
    limits.take("verify", actor=actor, at=at)
    if upload is None or not upload.size:
        raise Invalid(_("Choose a file that is not empty."))
    if upload.size > MAX_BYTES:
        raise Invalid(
            _("The file is larger than %(limit)s MB; no document that is issued here is so large.")
            % {"limit": MAX_BYTES // 1024 // 1024}
        )
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    return _verdict(digest.hexdigest())


def _verdict(sha256: str) -> Verdict:
    blobs = list(Blob.objects.filter(sha256=sha256).values_list("pk", flat=True))
    if not blobs:
        return Verdict(sha256)
    certificate = (
        Certificate.objects.filter(blob__in=blobs)
        .select_related("listing__listbook__owner__area")
        .order_by("pk")
        .last()
    )
    if certificate is not None:
        later = Certificate.objects.filter(listing=certificate.listing, pk__gt=certificate.pk).order_by("pk").last()
        return Verdict(sha256, certificate=certificate, newer=later)
    rows = Document.objects.filter(blob__in=blobs).select_related(
        "notice__authority__area", "announcement__listbook__owner__area"
    )
    row = rows.order_by("pk").last()
    if row is None:
        return Verdict(sha256)  # a file of the portal, but none that was issued to the public
    siblings = Document.objects.filter(
        notice=row.notice, announcement=row.announcement, kind=row.kind, format=row.format
    )
    latest = not siblings.filter(pk__gt=row.pk).exists()
    if row.announcement is not None:  # a correction makes every earlier print an old one, printed anew or not
        latest = row.data_digest == audit.digest_of(selectors.latest(row.announcement).frozen)
    return Verdict(sha256, notice=row.notice, announcement=row.announcement, is_latest=latest)

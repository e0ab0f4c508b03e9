"""Large files in pieces: what has arrived stays when the connection breaks, and the next piece goes on from there.

The server tells how far it is (`received`), whoever sends follows. A piece is its own object in the storage, so any web process
takes the next one. Nothing of it is a file of the portal before it is whole, has the digest that was promised and has gone
through the checks of every upload (`core.attachments`). The owner says where it belongs (`target`) and who may.
"""

import hashlib
import logging
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import attachments
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NoRoom, NotVisible, TooLarge
from greenlist.core.models import PartialUpload

log = logging.getLogger(__name__)
LIVES = timedelta(hours=12)  # after the last piece; less than the day after which a file without row is an alert
MOST = 4 * 1024 * 1024  # bytes of one piece
LEAST = 256 * 1024  # but the last: a file in crumbs would be thousands of objects, and its row written as often
OPEN = 5  # unfinished files of one person
DIGEST = re.compile(r"[0-9a-f]{64}")


class OutOfStep(Conflict):
    """Another piece is expected than the one that was sent; `version` says from which byte on."""

    def __init__(self, received: int) -> None:
        reason = _("This piece does not follow what has arrived. Nothing was taken; the upload goes on from there.")
        super().__init__(reason, version=received)


def _person(actor: Actor) -> int:
    """Raises NotVisible for who is not signed in."""
    if actor.user_id is None:
        raise NotVisible
    return actor.user_id


def found(*, actor: Actor, target: str, name: str, size: int, mark: str) -> PartialUpload | None:
    """The unfinished upload of this very file, if there is one."""
    rows = PartialUpload.objects.filter(user_id=_person(actor), capacity=actor.key, target=target)
    return rows.filter(name=attachments.safe_name(name), size=size, mark=mark[:40]).first()


def begin(
    *, actor: Actor, at: datetime, target: str, name: str, size: int, content_type: str, mark: str
) -> PartialUpload:
    """A new upload, or the one that two tabs began at once. Raises Invalid (type, size, too many open)."""
    name = attachments.safe_name(name)
    attachments.check_promise(name=name, size=size)
    if PartialUpload.objects.filter(user_id=_person(actor)).count() >= OPEN:
        raise Invalid(
            _("%(most)s of your uploads are not finished yet; finish one of them or wait until they are dropped.")
            % {"most": OPEN}
        )
    try:
        with transaction.atomic():
            return PartialUpload.objects.create(
                token=secrets.token_urlsafe(24),
                user_id=_person(actor),
                capacity=actor.key,
                target=target,
                name=name,
                content_type=content_type[:100],
                mark=mark[:40],
                size=size,
                touched_at=at,
            )
    except IntegrityError:
        other = found(actor=actor, target=target, name=name, size=size, mark=mark)
        assert other is not None
        return other


def get(*, actor: Actor, token: str, target: str) -> PartialUpload:
    """One's own upload to this place. Raises NotVisible; Invalid when none is named."""
    if not token:
        raise Invalid(_("Choose a file first."))
    rows = PartialUpload.objects.filter(user_id=_person(actor), capacity=actor.key, target=target)
    row = rows.filter(token=token).first()
    if row is None:
        raise NotVisible
    return row


def take(*, row: PartialUpload, offset: int, body: File, at: datetime) -> PartialUpload:
    """The next piece; limits are judged before it is stored. Of two at once one is taken. Call it outside a transaction.

    Raises OutOfStep, Invalid (empty, too small, longer than announced), TooLarge, NoRoom, NotVisible.
    """
    if offset != row.received:
        raise OutOfStep(row.received)
    if not body.size:
        raise Invalid(_("This piece is empty."))
    if body.size > MOST:
        raise TooLarge(_("A piece may have %(most)s MB at most.") % {"most": MOST // 1024 // 1024})
    if offset + body.size > row.size:
        raise Invalid(_("More was sent than the file was announced with."))
    if body.size < LEAST and offset + body.size < row.size:
        raise Invalid(
            _("A piece must have %(least)s kB at least, unless it is the last one.") % {"least": LEAST // 1024}
        )
    key = attachments.written(f"pieces/{row.token}/{secrets.token_hex(12)}", body)
    try:
        with transaction.atomic():
            locked = PartialUpload.objects.select_for_update().filter(pk=row.pk).first()
            if locked is None:
                raise NotVisible
            if locked.received != offset:
                raise OutOfStep(locked.received)
            locked.pieces = [*locked.pieces, key]
            locked.received, locked.touched_at = offset + body.size, at
            locked.save(update_fields=["pieces", "received", "touched_at"])
            return locked
    except BaseException:
        _delete(key)
        raise


@contextmanager
def whole(row: PartialUpload, *, sha256: str) -> Iterator[UploadedFile]:
    """The finished file, for the check and the place of every upload.

    Raises OutOfStep while something is missing, Invalid when it is not the file that was promised (it is dropped then),
    NoRoom when it cannot be put together.
    """
    if row.received != row.size:
        raise OutOfStep(row.received)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as out:
        try:
            digest = _joined(row, out)
        except OSError as failure:
            log.error("an upload cannot be put together: %s", failure)
            raise NoRoom from failure
        if not DIGEST.fullmatch(sha256) or digest != sha256:
            drop(row)
            raise Invalid(
                _("“%(name)s” did not arrive as it was sent and was dropped. Please upload it once more.")
                % {"name": row.name}
            )
        out.seek(0)
        yield UploadedFile(file=out, name=row.name, content_type=row.content_type, size=row.size)


def _joined(row: PartialUpload, out: Any) -> str:
    """Writes the pieces one after the other; their digest, or nothing where one of them is gone."""
    digest = hashlib.sha256()
    try:
        for key in row.pieces:
            with default_storage.open(key) as piece:
                for chunk in piece.chunks():
                    digest.update(chunk)
                    out.write(chunk)
    except FileNotFoundError as gone:  # as after a restore: pieces are in no backup
        log.warning("a piece of an upload is gone: %s", gone)
        return ""
    return digest.hexdigest()


def drop(row: PartialUpload) -> bool:
    """Forgets an upload and its pieces; False when somebody else was faster."""
    gone, _by_model = PartialUpload.objects.filter(pk=row.pk).delete()
    for key in row.pieces:
        _delete(key)
    return bool(gone)


def _delete(key: str) -> None:
    with suppress(Exception):  # each storage has errors of its own kind; verify_files finds what stays
        default_storage.delete(key)


def forget(*, at: datetime, limit: int = 500) -> int:
    """Drops what nobody has gone on with; returns how many."""
    old = PartialUpload.objects.filter(touched_at__lt=at - LIVES).order_by("touched_at")
    return sum(drop(row) for row in old[:limit])

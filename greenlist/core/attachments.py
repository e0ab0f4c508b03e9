"""Files as immutable blobs in private storage. Each owner's app has the link row, the download page and the check.

Type is decided by content, not by name (`core.contents`); a file is usable only after the scanner called it clean
(`core.scanners`). A rolled back transaction leaves a file without row behind: `verify_files` finds it.
"""

import hashlib
import io
import logging
import re
import secrets
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, clock, contents, dispatch, scanners
from greenlist.core.actors import SYSTEM
from greenlist.core.contents import ALLOWED
from greenlist.core.errors import Invalid, NoRoom
from greenlist.core.models import Blob

log = logging.getLogger(__name__)
PREVIEWED = frozenset({"application/pdf", "image/jpeg", "image/png"})
NAME_BYTES = 200  # most file systems end at 255, and a reader's program may add something
LATE = timedelta(minutes=15)  # a file that waits longer for its scan is an alert
PATIENCE = 120  # seconds one scan run works at most
CHUNK = 256 * 1024
DEVICES = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A download name without paths, control or direction characters, at most 200 bytes with its extension."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    name = re.sub(r'[<>:"|?*%]', "_", name).strip(" .") or "file"
    if DEVICES.match(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return _cut(name, NAME_BYTES)
    extension = _cut(extension, 16)
    return f"{_cut(stem, NAME_BYTES - 1 - len(extension.encode()))}.{extension}"


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def disposition(name: str, *, inline: bool = False) -> str:
    """The Content-Disposition of a download, RFC 6266: one header, whatever the name."""
    return content_disposition_header(not inline, safe_name(name)) or "attachment"


def check_count(*, stored: int, adding: int = 1) -> None:
    """Raises Invalid when one owner would hold too many files."""
    limit = settings.ATTACHMENT_MAX_FILES
    if stored + adding > limit:
        raise Invalid(_("At most %(limit)s files can be kept here.") % {"limit": limit})


def check_promise(*, name: str, size: int) -> str:
    """What can be said of a file before it is there; its extension. Raises Invalid (empty, too large, type not allowed)."""
    if not size:
        raise Invalid(_("The file “%(name)s” is empty.") % {"name": name})
    if size > settings.ATTACHMENT_MAX_BYTES:
        limit = settings.ATTACHMENT_MAX_BYTES // 1024 // 1024
        raise Invalid(_("The file “%(name)s” is larger than %(limit)s MB.") % {"name": name, "limit": limit})
    extension = name.rpartition(".")[2].lower()
    if extension not in ALLOWED:
        allowed = "、".join(ALLOWED)
        raise Invalid(_("“%(name)s” cannot be taken: allowed are %(allowed)s.") % {"name": name, "allowed": allowed})
    return extension


def store(*, upload: UploadedFile, at: datetime) -> Blob:
    """Checks an upload and keeps it, pictures without their metadata.

    Raises Invalid (empty, too large, type not allowed, content of another type or unsafe).
    """
    name = safe_name(upload.name or "")
    extension = check_promise(name=name, size=upload.size or 0)
    try:
        found = contents.examine(cast(BinaryIO, upload), extension=extension, declared=upload.content_type or "")
    except contents.Unfit as unfit:
        raise Invalid(_("“%(name)s” cannot be taken: %(reason)s.") % {"name": name, "reason": unfit.reason}) from unfit
    upload.seek(0)
    body: File = upload if found.body is None else ContentFile(found.body)
    state = Blob.Scan.CLEAN if scanners.is_off() else Blob.Scan.WAITING
    blob = _kept(body, name=name, content_type=found.content_type, scan=state, at=at)
    if state == Blob.Scan.WAITING:
        from greenlist.core.tasks import scan_files

        dispatch.after_commit(scan_files)
    return blob


def store_bytes(*, name: str, content: bytes, content_type: str, at: datetime) -> Blob:
    """Keeps a document that we rendered ourselves; no scanner needs to see it."""
    body = ContentFile(content)
    return _kept(body, name=safe_name(name), content_type=content_type, scan=Blob.Scan.CLEAN, at=at)


def store_made(*, name: str, body: File, content_type: str, at: datetime) -> Blob:
    """The same for a file on the disk: never the whole of it in memory."""
    return _kept(body, name=safe_name(name), content_type=content_type, scan=Blob.Scan.CLEAN, at=at)


def _kept(body: File, *, name: str, content_type: str, scan: str, at: datetime) -> Blob:
    digest = hashlib.sha256()
    size = 0
    for chunk in body.chunks():
        digest.update(chunk)
        size += len(chunk)
    body.seek(0)
    return Blob.objects.create(
        key=written(f"{at:%Y/%m}/{secrets.token_hex(24)}", body),
        sha256=digest.hexdigest(),
        size=size,
        content_type=content_type,
        name=name,
        scan=scan,
        created_at=at,
    )


def written(key: str, body: File) -> str:
    """Raises NoRoom when the storage cannot take it; what was written so far goes again (UP-09)."""
    try:
        return default_storage.save(key, body)
    except Exception as failure:  # each storage has errors of its own kind
        log.error("a file of %s bytes cannot be kept: %s", body.size, failure)
        with suppress(Exception):
            default_storage.delete(key)
        raise NoRoom from failure


def opened(blob: Blob) -> File:
    """The content for a program of ours (exports, packages); close it. Raises Invalid unless the file is clean."""
    if not blob.is_clean:
        raise Invalid(_("“%(name)s” has not been checked yet or was found unsafe.") % {"name": blob.name})
    return default_storage.open(blob.key)


def response(blob: Blob, *, inline: bool = False, framed: bool = False) -> FileResponse:
    """The file as a download, or a preview of a PDF or picture; `framed`: within a page of ours. The caller has checked who asks.

    Raises Invalid while the file is not known to be clean.
    """
    show = inline and blob.content_type in PREVIEWED
    answer = FileResponse(opened(blob), content_type=blob.content_type)
    answer["Content-Disposition"] = disposition(blob.name, inline=show)
    answer["Content-Length"] = str(blob.size)
    answer["X-Content-Type-Options"] = "nosniff"
    # A sandbox keeps browsers from showing PDFs at all; ours hold no script (core.contents.pdf).
    shown_pdf = show and blob.content_type == "application/pdf"
    answer["Content-Security-Policy"] = "default-src 'none'" if shown_pdf else "sandbox; default-src 'none'"
    if shown_pdf and framed:
        answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'self'"
        answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def scan_waiting(*, at: datetime, limit: int = 100) -> int:
    """Has the scanner judge what waits, oldest first; returns how many it judged. Without an answer all wait on."""
    started = time.monotonic()
    judged = 0
    for blob in Blob.objects.to_scan()[:limit]:
        if time.monotonic() - started > PATIENCE:
            break
        try:
            with default_storage.open(blob.key) as file:
                threat = "" if scanners.is_off() else scanners.scan(cast(BinaryIO, file))
        except (scanners.ScannerDown, OSError) as failure:
            late = at - blob.created_at > LATE
            log.log(logging.ERROR if late else logging.WARNING, "file %s waits for its scan: %s", blob.pk, failure)
            if isinstance(failure, scanners.ScannerDown):
                break
            continue
        judged += _judge(blob, threat, at)
    return judged


@transaction.atomic
def _judge(blob: Blob, threat: str, at: datetime) -> bool:
    state = Blob.Scan.INFECTED if threat else Blob.Scan.CLEAN
    waiting = Blob.objects.filter(pk=blob.pk, scan=Blob.Scan.WAITING)
    if not waiting.update(scan=state, threat=threat[:120], scanned_at=at):
        return False  # another run was faster
    if threat:
        found = {"blob": blob.pk, "sha256": blob.sha256, "threat": threat}
        day = clock.china_date(at).isoformat()
        audit.record(actor=SYSTEM, subject=("system", day), action="file.infected", at=at, data=found)
        log.error("file %s is infected: %s", blob.pk, threat)
    return True


def faults(*, at: datetime) -> Iterator[str]:
    """Rows whose file is missing or was changed, and files older than a day that have no row."""
    known = set()
    for blob in Blob.objects.order_by("pk").iterator(chunk_size=500):
        known.add(blob.key)
        try:
            with default_storage.open(blob.key) as file:
                good = hashlib.file_digest(cast(io.BytesIO, file), "sha256").hexdigest() == blob.sha256
        except OSError:
            yield f"missing: {blob.key} (row {blob.pk})"
            continue
        if not good:
            yield f"changed: {blob.key} (row {blob.pk})"
    for key in orphans(known, at=at):
        yield f"orphan: {key}"


def orphans(known: set[str], *, at: datetime, folder: str = "") -> Iterator[str]:
    """Keys in the storage that no row names; a day old at least: the others may belong to a transaction still open."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(folders):
        yield from orphans(known, at=at, folder=f"{folder}/{name}".lstrip("/"))
    for name in sorted(files):
        key = f"{folder}/{name}".lstrip("/")
        if key not in known and at - default_storage.get_modified_time(key) > timedelta(days=1):
            yield key

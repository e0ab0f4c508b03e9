"""Files as immutable blobs in private storage. Each owner's app has the link row, the download page and the check.

Type is decided by content, not by name; a file is usable only after the scanner called it clean.
"""

import hashlib
import re
import secrets
import unicodedata
from datetime import datetime

import filetype
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse
from django.utils.translation import gettext_lazy as _

from greenlist.core.errors import Invalid
from greenlist.core.models import Blob

# Extension → the content type that its first bytes must show.
ALLOWED = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PREVIEWED = frozenset({"application/pdf", "image/jpeg", "image/png"})


def safe_name(name: str) -> str:
    """A download name without paths, control or direction characters, at most 120 characters with its extension."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .") or "file"
    stem, dot, extension = name.rpartition(".")
    return f"{stem[:110]}.{extension[:8]}" if dot else name[:120]


def store(*, upload: UploadedFile, at: datetime) -> Blob:
    """Checks an upload and keeps it. Raises Invalid (too large, type not allowed, content is another type)."""
    name = safe_name(upload.name or "")
    if not upload.size:
        raise Invalid(_("The file “%(name)s” is empty.") % {"name": name})
    if upload.size > settings.ATTACHMENT_MAX_BYTES:
        limit = settings.ATTACHMENT_MAX_BYTES // 1024 // 1024
        raise Invalid(_("The file “%(name)s” is larger than %(limit)s MB.") % {"name": name, "limit": limit})
    content_type = _content_type(upload, name)
    key = f"{at:%Y/%m}/{secrets.token_hex(24)}"
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return Blob.objects.create(
        key=default_storage.save(key, upload),
        sha256=digest.hexdigest(),
        size=upload.size,
        content_type=content_type,
        name=name,
        scan=Blob.Scan.CLEAN if settings.ATTACHMENT_SCANNER == "none" else Blob.Scan.WAITING,
        created_at=at,
    )


def _content_type(upload: UploadedFile, name: str) -> str:
    extension = name.rpartition(".")[2].lower()
    upload.seek(0)
    found = filetype.guess_mime(upload.read(8192))
    upload.seek(0)
    if extension not in ALLOWED or found != ALLOWED[extension]:
        allowed = "、".join(ALLOWED)
        raise Invalid(
            _("“%(name)s” cannot be taken: allowed are %(allowed)s, and content and name must agree.")
            % {"name": name, "allowed": allowed}
        )
    return found


def response(blob: Blob, *, inline: bool = False) -> FileResponse:
    """The file as a download (or a preview of a PDF or picture). The caller has checked who asks.

    Raises Invalid while the file is not known to be clean.
    """
    if blob.scan != Blob.Scan.CLEAN:
        raise Invalid(_("“%(name)s” has not been checked yet or was found unsafe.") % {"name": blob.name})
    show = inline and blob.content_type in PREVIEWED
    answer = FileResponse(
        default_storage.open(blob.key), as_attachment=not show, filename=blob.name, content_type=blob.content_type
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def store_bytes(*, name: str, content: bytes, content_type: str, at: datetime) -> Blob:
    """Keeps a file the portal itself made: nothing to check, clean from the start."""
    key = f"{at:%Y/%m}/{secrets.token_hex(24)}"
    return Blob.objects.create(
        key=default_storage.save(key, ContentFile(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content_type=content_type,
        name=safe_name(name),
        scan=Blob.Scan.CLEAN,
        created_at=at,
    )

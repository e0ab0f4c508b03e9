"""What an upload really is, by its content: a PDF, picture, document or workbook that carries nothing that acts.

Name and declared type only ever refuse. Reasons are words for the person who uploads.
"""

from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext_lazy as _

from greenlist.core.contents import office, pdf, pictures
from greenlist.core.contents.unfit import Unfit

__all__ = ["ALLOWED", "Content", "Unfit", "examine"]

# Extension → content type.
ALLOWED = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "docx": office.DOCX,
    "xlsx": office.XLSX,
}
# A browser that calls a file one of these would also open it as one.
ACTIVE = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"})
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Content:
    """The type found; `body` where the file is to be kept otherwise than it came (pictures without their metadata)."""

    content_type: str
    body: bytes | None = None


def examine(file: BinaryIO, *, extension: str, declared: str = "") -> Content:
    """Reads the whole file. Raises Unfit with a reason."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    found = _examined(file, head)
    declared = declared.partition(";")[0].strip().lower()
    contradicts = declared in ACTIVE or (declared in ALLOWED.values() and declared != found.content_type)
    if ALLOWED.get(extension.lower()) != found.content_type or contradicts:
        raise Unfit(_("its content is of another type than its name says"))
    return found


def _examined(file: BinaryIO, head: bytes) -> Content:
    if head.startswith(b"%PDF-"):
        pdf.check(file.read())
        return Content(ALLOWED["pdf"])
    if head.startswith(pictures.PNG):
        return Content(ALLOWED["png"], pictures.clean_png(file.read()))
    if head.startswith(pictures.JPEG):
        return Content(ALLOWED["jpg"], pictures.clean_jpeg(file.read()))
    if head.startswith(office.ZIP):
        return Content(office.check(file))
    if head.startswith(OLE):
        raise Unfit(_("it is protected by a password or in an old Office format; save it as DOCX, XLSX or PDF"))
    raise Unfit(_("its content is none of the allowed types"))

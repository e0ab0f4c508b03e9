"""How files of a form are taken in: never more than the limit on the disk, and nothing left there by any end.

A file that grows beyond the limit is dropped while it comes; what follows of it is read and forgotten, because a browser
shows no answer before it has sent everything. The form still gets it, by name and size, and says so beside its field; who
reads it all the same is told the same. The temporary file has no name, so the system clears it away, even after kill -9.
"""

import io
import logging
import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy as _

from greenlist.core.errors import DomainError, NoRoom, TooLarge

log = logging.getLogger(__name__)


class NotTaken(io.RawIOBase):
    """The content of a file that was not taken: says why to everybody who asks for it."""

    def __init__(self, why: DomainError) -> None:
        self.why = why

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _refuse(self, *_: Any) -> Any:
        raise self.why

    read = readall = readinto = readline = readlines = seek = tell = _refuse


class BoundedUploadHandler(FileUploadHandler):
    """Writes to an unnamed temporary file until the limit of one file is passed or the disk is full."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.refused: DomainError | None = None
        self.body: Any = None
        try:
            self.body = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  its request closes it
        except OSError as failure:
            self._drop(_no_room(failure))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.refused is None and start + len(raw_data) > settings.ATTACHMENT_MAX_BYTES:
            limit = settings.ATTACHMENT_MAX_BYTES // 1024 // 1024
            name = {"name": self.file_name, "limit": limit}
            self._drop(TooLarge(_("The file “%(name)s” is larger than %(limit)s MB.") % name))
        if self.refused is not None:
            return
        try:
            self.body.write(raw_data)
        except OSError as failure:
            self._drop(_no_room(failure))

    def file_complete(self, file_size: int) -> UploadedFile:
        if self.refused is None:
            try:
                self.body.seek(0)  # writes what is still held back
            except OSError as failure:
                self._drop(_no_room(failure))
        content: Any = self.body if self.refused is None else NotTaken(self.refused)
        self.body = None  # the request closes it from now on
        return UploadedFile(
            file=content,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        if getattr(self, "body", None) is not None:
            _close(self.body)

    __del__ = upload_interrupted  # Django calls nothing when the connection breaks

    def _drop(self, why: DomainError) -> None:
        self.refused = why
        if self.body is not None:
            _close(self.body)


def _close(file: Any) -> None:
    """On a full disk closing writes what is held back, and fails too; it is closed all the same."""
    try:
        file.close()
    except OSError as failure:
        log.info("a temporary file: %s", failure)


def _no_room(failure: OSError) -> NoRoom:
    log.error("an upload cannot be taken: %s", failure)
    return NoRoom()

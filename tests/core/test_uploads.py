"""Files of a form while they come in: never more than the limit on the disk, and nothing left there (UP-05, UP-09)."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from greenlist.core import attachments
from greenlist.core.errors import Invalid, NoRoom, TooLarge
from tests.core import files

LIMIT = 100_000


@pytest.fixture(autouse=True)
def _small(settings: Any, tmp_path: Path) -> None:
    settings.ATTACHMENT_MAX_BYTES = LIMIT
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)


REQUESTS: list[WSGIRequest] = []


@pytest.fixture(autouse=True)
def _over() -> Iterator[None]:
    """Requests end, as those of a server do."""
    yield
    while REQUESTS:
        with suppress(OSError):
            REQUESTS.pop().close()


def sent(*uploads: SimpleUploadedFile) -> WSGIRequest:
    REQUESTS.append(RequestFactory().post("/", {"file": list(uploads), "note": "一句话"}))
    return REQUESTS[-1]


def one(size: int) -> UploadedFile:
    body = files.pdf().ljust(size, b"\n")
    found = sent(SimpleUploadedFile("证明.pdf", body, "application/pdf")).FILES["file"]
    assert isinstance(found, UploadedFile)
    return found


@pytest.mark.django_db
def test_a_file_within_the_limit_is_kept_as_it_came(now: datetime, tmp_path: Path) -> None:
    upload = one(LIMIT)
    assert upload.size == LIMIT
    assert list(tmp_path.iterdir()) == []  # it has no name that somebody could find or forget
    blob = attachments.store(upload=upload, at=now)
    with attachments.opened(blob) as kept:
        assert kept.read() == files.pdf().ljust(LIMIT, b"\n")


@pytest.mark.case("UP-05")
def test_one_byte_more_is_refused_beside_its_field_with_its_size(now: datetime) -> None:
    upload = one(LIMIT + 1)
    assert upload.size == LIMIT + 1
    with pytest.raises(Invalid, match="invalid") as refused:
        attachments.store(upload=upload, at=now)
    assert "证明.pdf" in str(refused.value.message)


@pytest.mark.case("UP-05")
@pytest.mark.parametrize(
    "look",
    [lambda file: file.read(), lambda file: list(file.chunks()), lambda file: file.seek(0), lambda file: list(file)],
)
def test_nobody_reads_half_of_a_file(look: Callable[[Any], Any]) -> None:
    with pytest.raises(TooLarge):
        look(one(LIMIT + 1))


@pytest.mark.case("UP-05")
def test_the_other_fields_and_files_of_the_form_are_there(tmp_path: Path) -> None:
    large = SimpleUploadedFile("large.pdf", b"x" * (LIMIT + 1))
    request = sent(large, SimpleUploadedFile("small.pdf", b"y" * 2000))
    assert request.POST["note"] == "一句话"
    first, second = request.FILES.getlist("file")
    assert (first.name, second.read()) == ("large.pdf", b"y" * 2000)
    request.close()
    assert list(tmp_path.iterdir()) == []


class Full:
    """A temporary file on a full disk; `until` bytes still fit."""

    def __init__(self, until: int, when: str) -> None:
        self.until, self.when, self.closed = until, when, False

    def write(self, data: bytes) -> None:
        self.until -= len(data)
        if self.when == "write" and self.until < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def seek(self, _place: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        self.closed = True
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.django_db
@pytest.mark.case("UP-09")
@pytest.mark.parametrize("when", ["open", "write", "end"])
def test_a_full_disk_is_told_as_such(now: datetime, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def opened(**_: Any) -> Full:
        if when == "open":
            raise OSError(errno.ENOSPC, "No space left on device")
        return Full(70_000, when)

    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    upload = one(90_000)
    with pytest.raises(NoRoom):
        attachments.store(upload=upload, at=now)

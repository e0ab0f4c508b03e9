"""Files in a storage that has no folders and no paths. tests/journeys/test_shijiazhuang.py tells a whole story on it."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import default_storage, storages
from django.core.management import call_command

from greenlist.core import attachments, backup, health
from greenlist.core.errors import NoRoom
from greenlist.core.models import Blob
from greenlist.settings import env
from tests.applications import filled
from tests.object_storage import BACKEND, ObjectStorage, settings_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(settings: Any) -> ObjectStorage:
    settings_with(settings)
    return cast(ObjectStorage, storages["default"])


def test_a_file_is_kept_read_checked_and_shown(bucket: ObjectStorage, now: datetime) -> None:
    with pytest.raises(NotImplementedError):
        default_storage.path("a")
    blob = attachments.store(upload=filled.picture("照.png"), at=now)
    with attachments.opened(blob) as file:
        assert hashlib.sha256(file.read()).hexdigest() == blob.sha256
    answer = attachments.response(blob, inline=True)
    assert b"".join(cast(Any, answer)) == bucket.kept[blob.key][0]
    health.storage()
    assert list(bucket.kept) == [blob.key]


def test_a_lost_a_changed_and_a_left_over_file_are_found(bucket: ObjectStorage, now: datetime) -> None:
    lost, changed, good = (
        attachments.store_bytes(name="a.pdf", content=text, content_type="application/pdf", at=now)
        for text in (b"1", b"2", b"3")
    )
    del bucket.kept[lost.key]
    bucket.kept[changed.key] = (b"x", datetime.now(UTC))
    bucket.kept["2026/01/left"] = (b"y", datetime.now(UTC) - timedelta(days=3))
    found = sorted(attachments.faults(at=datetime.now(UTC)))
    assert [fault.split()[0:2] for fault in found] == [
        ["changed:", changed.key],
        ["missing:", lost.key],
        ["orphan:", "2026/01/left"],
    ]
    assert good.key in bucket.kept


def test_a_storage_that_refuses_in_its_own_words_is_told_calmly(
    bucket: ObjectStorage, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.full = True
    with caplog.at_level(logging.ERROR), pytest.raises(NoRoom, match="no_room"):
        attachments.store(upload=filled.picture("照.png"), at=now)
    assert not Blob.objects.exists()
    assert "QuotaExceeded" in caplog.text


def test_a_backup_takes_the_files_out_and_puts_them_back(bucket: ObjectStorage, now: datetime, tmp_path: Path) -> None:
    blob = attachments.store_bytes(name="a.pdf", content=b"paper", content_type="application/pdf", at=now)
    assert list(backup._copy(blob.key, blob.sha256, tmp_path)) == []
    bucket.kept.clear()
    assert list(backup._copy(blob.key, blob.sha256, tmp_path / "again")) == [f"missing: {blob.key}"]
    backup._put_back(tmp_path / backup.FILES / blob.key, {"key": blob.key, "sha256": blob.sha256})
    assert bucket.kept[blob.key][0] == b"paper"
    call_command("verify_files", stdout=StringIO())


def test_backend_and_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILES_BACKEND", BACKEND)
    monkeypatch.setenv("FILES_OPTIONS", '{"bucket": "green", "file_overwrite": false}')
    assert env.text("FILES_BACKEND", "") == BACKEND
    assert env.options("FILES_OPTIONS", {}) == {"bucket": "green", "file_overwrite": False}

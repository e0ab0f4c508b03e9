"""The embedded broker hands over whole messages or none, whoever is killed or looks in the wrong moment."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import filesystem

from greenlist.celery import app  # noqa: F401  installs the transport

pytestmark = pytest.mark.case("BG-12", "BG-01")


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    folders = {name: str(tmp_path / name) for name in ("in", "control")}
    for folder in folders.values():
        Path(folder).mkdir()
    options = {"data_folder_in": folders["in"], "data_folder_out": folders["in"], "control_folder": folders["control"]}
    filesystem.Transport.global_state.clear()  # kombu remembers bindings of other folders
    with Connection("filesystem://localhost", transport_options=options) as made:
        yield made


def test_a_reader_at_the_same_time_never_sees_half_a_message(connection: Any) -> None:
    queue, count, got = connection.SimpleQueue("celery"), 300, []

    def write() -> None:
        with connection.clone() as own, own.SimpleQueue("celery") as target:
            for number in range(count):
                target.put({"number": number, "filling": "长" * 2000})

    writer = threading.Thread(target=write)
    writer.start()
    while len(got) < count:
        try:
            message = queue.get(timeout=20)
        except Empty:
            break
        got.append(message.payload["number"])
        message.ack()
    writer.join(20)
    queue.close()
    assert sorted(got) == list(range(count))


def test_what_a_killed_writer_left_behind_is_left_out(connection: Any, tmp_path: Path) -> None:
    with connection.SimpleQueue("celery") as queue:
        (tmp_path / "in" / "0_a.celery.msg").write_bytes(b"")
        (tmp_path / "in" / "0_b.celery.msg").write_bytes(b'{"body": "ey')
        (tmp_path / "in" / "0_c.celery.msg.part").write_bytes(b"{")
        queue.put({"number": 1})
        message = queue.get(timeout=10)
        assert message.payload == {"number": 1}
        message.ack()


def test_a_broken_table_of_queues_is_written_anew(connection: Any, tmp_path: Path) -> None:
    (tmp_path / "control" / "celery.exchange").write_bytes(b"[[")
    with connection.SimpleQueue("celery") as queue:
        queue.put({"number": 1})
        assert queue.get(timeout=10).payload == {"number": 1}

"""More is sent than is allowed, to the real web process: refused early and in words, and nobody else notices (UP-05)."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from applications.models import Evidence
from greenlist.core import clock
from greenlist.core.models import Blob
from tests.applications import filled
from tests.faults.browser import BOUNDARY, TOKEN, Browser, multipart, pdf
from tests.faults.conftest import Processes, until
from tests.faults.test_web_killed import answers, gunicorn
from tests.tools.servers import free_port
from tests.world import World

pytestmark = [pytest.mark.ops, pytest.mark.full, pytest.mark.case("UP-05")]
MB = 1024 * 1024
PARALLEL = 10


class Wire:
    """Sends bytes and stops as soon as it is answered."""

    def __init__(self, port: int, path: str, session: str, *headers: str) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=60)
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Cookie: csrftoken={TOKEN}; sessionid={session}",
            f"X-CSRFToken: {TOKEN}",
            "X-Requested-With: upload",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            *headers,
        ]
        self.wire.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.sent = 0

    def send(self, data: bytes) -> bool:
        """False once there is an answer, or nobody takes any more."""
        if select.select([self.wire], [], [], 0)[0]:
            return False
        try:
            self.wire.sendall(data)
        except OSError:
            return False
        self.sent += len(data)
        return True

    def answer(self) -> tuple[int, str]:
        found = b""
        while True:
            try:
                part = self.wire.recv(65536)
            except ConnectionError:
                break
            found += part
            if not part or _is_whole(found):
                break
        self.wire.close()
        head, _, body = found.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode(errors="replace")


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


class Scene:
    """A report at work, the web process of production, and where it puts what it has not yet judged."""

    def __init__(self, world: World, processes: Processes) -> None:
        filled.load_rules()
        now = clock.now()
        last_day = (clock.china_date(now) + timedelta(days=30)).isoformat()
        call = filled.open_call(world, at=now, values={"county_by": last_day})
        self.case = filled.start(world, call, at=now)
        self.path = f"/cases/{self.case.reference}/fill/conditions/lawful_evidence/files/"
        self.session = world.client("applicant").cookies["sessionid"].value
        self.other = world.client("rival").cookies["sessionid"].value
        self.port = free_port()
        self.temporary = processes.folder / "temporary"
        self.temporary.mkdir()
        processes.env |= {"TMPDIR": str(self.temporary)}
        self.web = gunicorn(processes, self.port, "-c", ".deploy/gunicorn.py")
        self.log = processes.log

    def wire(self, *headers: str) -> Wire:
        return Wire(self.port, self.path, self.session, *headers)

    def left(self) -> list[Path]:
        return [path for path in self.temporary.rglob("*") if path.is_file()]


@pytest.fixture
def scene(race_world: World, processes: Processes) -> Scene:
    return Scene(race_world, processes)


def test_a_file_beyond_the_limit_is_told_in_words_and_kept_nowhere(scene: Scene) -> None:
    body = multipart(pdf(51 * MB))
    wire = scene.wire(f"Content-Length: {len(body)}")
    most = 0
    for start in range(0, len(body), MB):
        wire.send(body[start : start + MB])
        most = max(most, held(scene.web.pid))
    status, said = wire.answer()
    assert status == 422
    assert "50 MB" in said
    assert most <= 50 * MB
    assert held(scene.web.pid) == 0
    assert scene.left() == []
    assert (Blob.objects.count(), Evidence.objects.count()) == (0, 0)
    assert Browser(scene.port, scene.session).upload(scene.path, "right", pdf(49 * MB)).status == 200
    assert until(lambda: held(scene.web.pid) == 0, 60) < 60


def held(parent: int) -> int:
    """Bytes in files without a name that the web processes have open."""
    found = 0
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if "/temporary/" in str(link.readlink()) and link.stat().st_nlink == 0:
                found += link.stat().st_size
        except OSError:
            continue
    return found


def test_what_announces_too_much_or_nothing_is_refused_before_it_is_read(scene: Scene) -> None:
    wire = scene.wire(f"Content-Length: {200 * MB}")
    while wire.sent < 200 * MB and wire.send(b"x" * 65536):
        pass
    status, said = wire.answer()
    assert (status, "100 MB" in said) == (413, True)
    assert wire.sent < 20 * MB
    wire = scene.wire("Transfer-Encoding: chunked")
    while wire.sent < 200 * MB and wire.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
        pass
    status, said = wire.answer()
    assert (status, "Content-Length" in said) == (411, True)
    assert wire.sent < 20 * MB
    assert scene.left() == []
    assert answers(scene.port)


def test_who_goes_away_in_the_middle_leaves_nothing(scene: Scene) -> None:
    body = multipart(pdf(40 * MB))
    wire = scene.wire(f"Content-Length: {len(body)}")
    for start in range(0, 20 * MB, MB):
        assert wire.send(body[start : start + MB])
    until(lambda: held(scene.web.pid) > 5 * MB)
    wire.wire.close()
    until(lambda: held(scene.web.pid) == 0, 60)
    assert scene.left() == []


def test_ten_at_once_and_another_person_reads_on(scene: Scene) -> None:
    body = multipart(pdf(51 * MB))
    done: list[tuple[int, str]] = []

    def send() -> None:
        wire = scene.wire(f"Content-Length: {len(body)}")
        for start in range(0, len(body), MB):
            wire.send(body[start : start + MB])
        done.append(wire.answer())

    senders = [threading.Thread(target=send) for _ in range(PARALLEL)]
    reader, times = Browser(scene.port, scene.other), []
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders) or len(times) < 20:
        times.append(reader.get(("/lists/", "/cases/", "/inbox/")[len(times) % 3]).seconds)
    for sender in senders:
        sender.join()
    times.sort()
    print(
        f"{len(times)} reads beside {PARALLEL} × 51 MB: p50 {times[len(times) // 2]:.2f} s, "
        f"p95 {times[int(len(times) * 0.95)]:.2f} s"
    )
    assert Counter(status for status, _ in done) == {422: PARALLEL}
    assert set(reader.said) == {("read", 200)}
    until(lambda: held(scene.web.pid) == 0 and scene.left() == [], 60)
    assert Blob.objects.count() == 0

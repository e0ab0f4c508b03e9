"""Under load for long: a deployment that nobody notices (BG-11), and half an hour without growth (OP-11). `./dev test --long`"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest

from tests.ops import production
from tests.ops.production import HOST, Site
from tests.tools import servers

pytestmark = [pytest.mark.ops, pytest.mark.long, pytest.mark.once, pytest.mark.timeout(3600)]
PAGES = ("/", "/account/login/", "/policies/", "/nowhere", "/readyz", "/livez")
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "1800"))

MAIL = """
from greenlist.accounts.models import User
from greenlist.core import clock, outbox
person, _ = User.objects.get_or_create(username="reader", defaults={"email": "reader@example.com", "name": "测试"})
words = {"name": "甲", "number": "1"}
for number in range(%(count)s):
    outbox.notify(recipients=[person.pk], event=f"soak:%(mark)s:{number}", kind="case.submitted", params=words, at=clock.now())
"""


@dataclass
class Crowd:
    """People who read pages one after the other, as behind a proxy that asks the next server when one refuses."""

    ports: list[int]
    answers: Counter[str] = field(default_factory=Counter)
    again: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def read(self, number: int) -> None:
        turn = number
        while not self.over.is_set():
            turn += 1
            self.answers[self.one(PAGES[turn % len(PAGES)], turn)] += 1

    def one(self, path: str, turn: int) -> str:
        """One GET. What ends before a word of the answer is asked of the next server, as .deploy/proxy.conf.template does:
        connections that the old process had not taken from its queue yet are reset when it closes the door.
        """
        for attempt in range(len(self.ports)):
            port = self.ports[(turn + attempt) % len(self.ports)]
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request("GET", path, headers={"Host": HOST, "X-Forwarded-Proto": "https"})
                answer = connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                self.again += 1
                continue
            else:
                answer.read()
                return "5xx" if answer.status >= 500 else "ok"
            finally:
                connection.close()
        return "nobody listens"

    @contextmanager
    def reading(self, people: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.read, args=(number,)) for number in range(people)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(60)


@pytest.mark.case("BG-11")
def test_a_deployment_under_load_is_noticed_by_nobody(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    """Two web processes and the worker are replaced one after the other, three times over, while people read and mails go."""
    with production.site(tmp_path, postgres_url, redis_url) as site:
        second = servers.free_port()
        first_env, second_env = site.env, {**site.env, "WEB_BIND": f"127.0.0.1:{second}", "METRICS_DIR": ""}
        ports = {"web": site.port, "second": second}

        def start(name: str) -> None:
            site.env = second_env if name == "second" else first_env
            site.start(name, *production.command("web"))
            site.env = first_env
            wait_for(site, ports[name])

        start("second")
        crowd = Crowd(list(ports.values()))
        with crowd.reading(6):
            for turn in range(3):
                production.python(MAIL % {"count": 20, "mark": turn}, site.env)
                for name in ("web", "second"):
                    began = time.monotonic()
                    assert site.stop(name) == 0
                    assert time.monotonic() - began < 35
                    start(name)
                began = time.monotonic()
                assert site.stop("worker") == 0
                assert time.monotonic() - began < 35
                site.start("worker", *production.command("worker"))
        bad = sum(number for word, number in crowd.answers.items() if word != "ok")
        assert crowd.answers["ok"] > 300, crowd.answers
        assert bad / crowd.answers.total() <= 0.001, crowd.answers
        site.until(lambda: len(site.mails.taken) >= 60, "every mail")
        ids = Counter(line for mail in site.mails.taken for line in mail.splitlines() if line.startswith("Message-ID"))
        assert len(ids) == 60
        assert sum(ids.values()) <= 60 + 3  # a worker that is stopped may repeat the one mail it was at


def wait_for(site: Site, port: int) -> None:
    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/livez", headers={"Host": HOST})
            return connection.getresponse().status == 200
        finally:
            connection.close()

    site.until(answers, f"port {port}")


# ---- nothing grows ---------------------------------------------------------------------------------------------------
def family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def memory(pid: int) -> int:
    """Private memory of a family, in bytes."""
    total = 0
    for one in family(pid):
        rows = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        total += sum(int(row.split()[1]) * 1024 for row in rows if row.startswith(("Private_Clean", "Private_Dirty")))
    return total


def handles(pid: int) -> int:
    return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in family(pid))


@pytest.mark.case("OP-11")
def test_nothing_grows_in_half_an_hour(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    """Reads, refusals, mails and ticks together; memory, handles and connections after a first tenth and at the end."""

    def connections() -> int:
        base = psycopg2.connect(postgres_url)
        try:
            with base.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()")
                return int(cursor.fetchone()[0])
        finally:
            base.close()

    with production.site(tmp_path, postgres_url, redis_url) as site:
        pids = {name: process.pid for name, process in site.processes.items()}
        pause = threading.Event()

        def work(seconds: float, mark: str) -> dict[str, tuple[int, int]]:
            crowd = Crowd([site.port])
            end = time.monotonic() + seconds
            with crowd.reading(4):
                turn = 0
                while time.monotonic() < end:
                    production.python(MAIL % {"count": 10, "mark": f"{mark}{turn}"}, site.env)
                    turn += 1
                    pause.wait(min(30, max(0.1, end - time.monotonic())))
            assert set(crowd.answers) == {"ok"}, crowd.answers
            return {name: (memory(pid), handles(pid)) for name, pid in pids.items()}

        before, held = work(SOAK_SECONDS / 10, "warm"), connections()
        after = work(SOAK_SECONDS * 0.9, "soak")
        for name in pids:
            assert after[name][0] <= before[name][0] * 1.1, (name, before, after)
            assert after[name][1] <= before[name][1] + 10, (name, before, after)
        assert connections() <= held + 2
        for process in site.processes.values():
            assert process.poll() is None

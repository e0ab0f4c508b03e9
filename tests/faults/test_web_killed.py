"""The web process is killed while firms submit: what was acknowledged is there, what is sent again has one receipt (F3)."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from datetime import timedelta
from typing import Any

import pytest

from applications.models import Application, ReportVersion, TimelineEntry
from applications.states import State
from greenlist.core import audit, clock
from tests import factories
from tests.applications import filled
from tests.faults.conftest import Processes, until
from tests.tools.servers import free_port
from tests.world import World

pytestmark = pytest.mark.ops
TOKEN = "a" * 32


class Firm:
    """One applicant's browser, with a ledger of what it was told."""

    def __init__(self, case: Application, cookie: str, digest: str, port: int) -> None:
        self.case, self.port = case, port
        self.form = urllib.parse.urlencode({"digest": digest, "declared_name": "申报人", "agreed": "on"})
        self.headers = {
            "Cookie": f"sessionid={cookie}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Content-Type": "application/x-www-form-urlencoded",
            "Host": "127.0.0.1",
        }
        self.acknowledged = 0
        self.tries = 0

    def send(self) -> int:
        """The status, 0 where the connection broke."""
        self.tries += 1
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            wire.request("POST", f"/cases/{self.case.reference}/check/", self.form, self.headers)
            answer = wire.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            wire.close()
        if answer.status == 302 and "/receipt/" in (answer.headers["Location"] or ""):
            self.acknowledged += 1
        return answer.status


def ready(world: World, count: int, port: int) -> list[Firm]:
    """As many firms with a complete report each, signed in, before the check page."""
    now = clock.now()
    filled.load_rules()
    last_day = (clock.china_date(now) + timedelta(days=30)).isoformat()
    call = filled.open_call(world, at=now, values={"county_by": last_day})
    found = []
    for number in range(count):
        who, user = f"firm{number}", factories.person(f"申报人{number}")
        firm = factories.organisation(
            world.areas["130302"], f"示例制造{number}号有限公司", owner=user, industry=world.org.industry
        )
        world.users[who], world.sites[who] = user, firm.sites.get()
        world.memberships[who] = firm.memberships.get()
        case = filled.fill(world, filled.start(world, call, who, who, now), who, now)
        cookie = world.client(who).cookies["sessionid"].value
        found.append(Firm(case, cookie, filled.digest_of(case), port))
    return found


def answers(port: int) -> bool:
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        wire.request("GET", "/livez", headers={"Host": "127.0.0.1"})
        return wire.getresponse().status == 200
    except OSError:
        return False
    finally:
        wire.close()


def gunicorn(processes: Processes, port: int, *more: str) -> Any:
    words = ["-m", "gunicorn", "greenlist.wsgi", *more, "-w", "2", "--threads", "4", "-b", f"127.0.0.1:{port}"]
    process = processes.start(*words)
    until(lambda: answers(port))
    return process


def killed_in_submit(world: World, processes: Processes, *, firms: int, kills: int) -> dict[str, Any]:
    """Every firm sends until it was told twice; the web process dies as soon as some have sent again."""
    port = free_port()
    found = ready(world, firms, port)
    stop = threading.Event()
    under_way = threading.Semaphore(0)

    def insist(firm: Firm) -> None:
        while firm.acknowledged < 2 and not stop.is_set():
            under_way.release()
            if firm.send() == 0:
                stop.wait(0.1)

    web = gunicorn(processes, port)
    threads = [threading.Thread(target=insist, args=(firm,)) for firm in found]
    for thread in threads:
        thread.start()
    back = []
    for kill in range(kills):
        assert under_way.acquire(timeout=60)
        stop.wait(0.05 * (kill % 4))  # now before the lock, now in the middle, now while answering
        processes.kill(web)
        started = time.monotonic()
        web = gunicorn(processes, port)
        back.append(time.monotonic() - started)
    for thread in threads:
        thread.join(120)
    stop.set()
    assert [firm.acknowledged for firm in found] == [2] * firms, processes.log()
    numbers = set()
    for firm in found:
        firm.case.refresh_from_db()
        assert firm.case.state == State.SCREENING
        assert ReportVersion.objects.filter(report=firm.case.report).count() == 1
        assert TimelineEntry.objects.filter(application=firm.case, verb="submit").count() == 1
        numbers.add(firm.case.number)
    assert len(numbers) == firms
    assert list(audit.verify()) == []
    tries = sum(firm.tries for firm in found)
    return {"firms": firms, "kills": kills, "requests": tries, "slowest restart": round(max(back), 1)}


@pytest.mark.full
@pytest.mark.case("F3", "WF-03")
def test_the_web_process_is_killed_twice_while_six_submit(race_world: World, processes: Processes) -> None:
    figures = killed_in_submit(race_world, processes, firms=6, kills=2)
    assert figures["requests"] > 12


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.case("F3", "WF-03")
def test_the_web_process_is_killed_twenty_times_while_thirty_submit(race_world: World, processes: Processes) -> None:
    print(killed_in_submit(race_world, processes, firms=30, kills=20))

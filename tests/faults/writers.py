"""`python -m tests.faults.writers prepare|write|check FOLDER N`: N officials at work on a case each, with a ledger.

One line of the ledger for each acknowledged action: writer, monotonic time. Whoever loses the database waits and goes on.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db import DatabaseError, InterfaceError, connection  # noqa: E402

from applications.models import Application, Screening, TimelineEntry  # noqa: E402
from applications.services import screening  # noqa: E402
from greenlist.accounts import selectors as accounts  # noqa: E402
from greenlist.accounts.models import Mandate  # noqa: E402
from greenlist.core import audit, clock  # noqa: E402
from greenlist.core.errors import DomainError  # noqa: E402
from greenlist.core.models import AuditEntry  # noqa: E402
from tests.applications import county  # noqa: E402
from tests.world import build_world  # noqa: E402


def prepare(folder: Path, count: int) -> None:
    world = build_world()
    county.load_rules()
    call = county.open_call(world)
    first = None
    for number in range(count):
        row = county.case(world, call, organisation=county.firm(world, "130302", 7000 + number))
        county.answer_all(world, row, county.START)
        first = first or row
    (folder / "before").write_text(json.dumps(counts()))


def counts() -> dict[str, list[int]]:
    """By case: lines of its story, entries of its trail, whether a proposal waits."""
    found = {}
    for row in Application.objects.order_by("pk"):
        lines = TimelineEntry.objects.filter(application=row)
        entries = AuditEntry.objects.filter(subject_kind="case", subject_id=str(row.pk))
        found[str(row.pk)] = [lines.count(), entries.count(), int(waiting(row))]
    return found


def waiting(row: Application) -> bool:
    return Screening.objects.filter(
        application=row, proposed_at__isnull=False, signed_at=None, sent_back_at=None
    ).exists()


def actor(role: str) -> Any:
    mandate = Mandate.objects.select_related("user", "authority__area").get(role=role, authority__area__slug="130302")
    return accounts.actor_of(mandate)


def work(number: int, row: Application, ledger: Path, stop: threading.Event) -> None:
    handler = approver = None
    while not stop.is_set():
        try:
            handler, approver = handler or actor("handler"), approver or actor("approver")
            at = clock.now()
            if waiting(row):
                screening.send_back(actor=approver, at=at, reference=row.reference, note="再看")
            else:
                screening.propose(actor=handler, at=at, reference=row.reference, outcome="pass")
        except DomainError as refused:
            sys.exit(f"{number}: {refused!r}")
        except (DatabaseError, InterfaceError):
            connection.close()
            stop.wait(0.05)
            continue
        with ledger.open("a") as lines:
            lines.write(f"{row.pk} {time.monotonic()}\n")
    connection.close()


def write(folder: Path, count: int) -> None:
    rows, stop = list(Application.objects.order_by("pk")[:count]), threading.Event()
    connection.close()
    threads = [threading.Thread(target=work, args=(n, row, folder / "ledger", stop)) for n, row in enumerate(rows)]
    for thread in threads:
        thread.start()
    sys.stdin.read()  # until the test closes it
    stop.set()
    for thread in threads:
        thread.join(60)


def check(folder: Path, count: int) -> None:
    before = json.loads((folder / "before").read_text())
    acknowledged = dict.fromkeys(before, 0)
    for line in (folder / "ledger").read_text().splitlines():
        acknowledged[line.split()[0]] += 1
    problems = [str(found) for found in audit.verify()]
    extra = 0
    for pk, (lines, entries, waits) in counts().items():
        done, recorded = lines - before[pk][0], entries - before[pk][1]
        if done != recorded or waits != done % 2:
            problems.append(f"case {pk}: {done} lines, {recorded} entries, waiting {waits}")
        if done < acknowledged[pk]:
            problems.append(f"case {pk}: {acknowledged[pk]} acknowledged, {done} there")
        extra += max(done - acknowledged[pk], 0)
    (folder / "result").write_text(
        json.dumps({"problems": problems, "acknowledged": sum(acknowledged.values()), "unheard": extra})
    )


if __name__ == "__main__":
    {"prepare": prepare, "write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
